/* SPDX-License-Identifier: Apache-2.0 */
/* What `clientct check` looks at beyond what reading the configuration already says. */
#ifndef CT_TOOL_CHECK_H
#define CT_TOOL_CHECK_H

#include "config/snapshot.h"

/* The logs that new certificates can get SCTs from at a time, as one policy counts them. */
struct tool_open_logs {
    size_t logs;
    size_t operators;
    size_t countable; /* with max_per_operator taken into account */
};
struct tool_open_logs tool_count_open_logs(const struct ct_log_set *logs, const struct ct_policy *policy,
                                           int64_t at_ms);

/* Files and directories, each once. */
struct tool_paths {
    char **items;
    size_t count;
};
void tool_paths_add(struct tool_paths *paths, const char *path);
void tool_paths_clear(struct tool_paths *paths);

/*
 * Adds what is legal but surely not meant, and to `looked_at` the files whose owners and modes were looked at.
 * `snapshot` has a config; its book may be NULL.
 */
void tool_review(const struct ct_snapshot *snapshot, int64_t now_ms, struct ct_problems *problems,
                 struct tool_paths *looked_at);

#endif
