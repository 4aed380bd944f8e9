/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --unit: what a service sees of the files of the machine, where systemd shows it another view. */
#ifndef CT_TOOL_VIEW_H
#define CT_TOOL_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

enum doctor_view_kind {
    VIEW_EMPTY,  /* an empty folder in its place: PrivateTmp=, TemporaryFileSystem=, ProtectHome=tmpfs */
    VIEW_HIDDEN, /* nothing that can be opened: InaccessiblePaths=, ProtectHome=yes */
    VIEW_BIND,   /* another file or folder: BindPaths=, BindReadOnlyPaths= */
};

struct doctor_view {
    enum doctor_view_kind kind;
    char *path; /* as the service names it */
    char *from; /* VIEW_BIND only: as the machine names it */
    bool optional;
};

/* Zero-initialised: the machine as it is. */
struct doctor_views {
    struct doctor_view *items;
    size_t count;
};

/* Copies the texts. */
void doctor_views_add(struct doctor_views *views, enum doctor_view_kind kind, const char *path, const char *from,
                      bool optional);
/* Takes away those of a kind, or, with `from`, those with a source: what an empty setting does. */
void doctor_views_drop(struct doctor_views *views, enum doctor_view_kind kind);
void doctor_views_clear(struct doctor_views *views);
/* In a child with CAP_SYS_ADMIN, before it changes its root to `root` (NULL: never). False: errno says why not. */
bool doctor_views_show(const struct doctor_views *views, const char *root) CT_MUST_USE;

#endif
