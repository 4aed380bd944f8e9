/* SPDX-License-Identifier: Apache-2.0 */
/* Who else may change a file: owners, modes and access control lists, of it and of every directory above it. */
#ifndef CT_TOOL_TRUST_H
#define CT_TOOL_TRUST_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"

#define TOOL_TRUST_MAX 64

/* Whose rights to write are no news: root and the caller, and whom the caller names. */
struct tool_trust {
    uid_t users[TOOL_TRUST_MAX];
    gid_t groups[TOOL_TRUST_MAX];
    size_t user_count, group_count;
};

void tool_trust_begin(struct tool_trust *trust);
/* A user and the group of its own, by name or number; false: there is none, or too many were named. */
bool tool_trust_add(struct tool_trust *trust, const char *user) CT_MUST_USE;

/*
 * What somebody else may do to `path`, such as "the directory /srv belongs to mary, who may replace what is in it", to
 * be freed; NULL: nobody else may write it or replace it. A symbolic link is followed, and the directories that it is
 * in count as well as those of what it leads to. What cannot be looked at is said, too.
 */
char *tool_who_else_may_write(const struct tool_trust *trust, const char *path) CT_MUST_USE;

#endif
