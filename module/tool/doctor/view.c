/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/view.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tool/tool.h"

void doctor_views_add(struct doctor_views *views, enum doctor_view_kind kind, const char *path, const char *from,
                      bool optional)
{
    struct doctor_view *items = realloc(views->items, (views->count + 1) * sizeof *items);

    if (items == NULL) {
        tool_out_of_memory();
    }
    views->items = items;
    items[views->count++] =
        (struct doctor_view){ kind, tool_format("%s", path), from != NULL ? tool_format("%s", from) : NULL, optional };
}

static void clear_one(struct doctor_view *view)
{
    free(view->path);
    free(view->from);
}

void doctor_views_drop(struct doctor_views *views, enum doctor_view_kind kind)
{
    size_t kept = 0;

    for (size_t i = 0; i < views->count; i++) {
        if (views->items[i].kind == kind) {
            clear_one(&views->items[i]);
        } else {
            views->items[kept++] = views->items[i];
        }
    }
    views->count = kept;
}

void doctor_views_clear(struct doctor_views *views)
{
    for (size_t i = 0; i < views->count; i++) {
        clear_one(&views->items[i]);
    }
    free(views->items);
    memset(views, 0, sizeof *views);
}

/* What is further up comes first, as systemd has it. */
static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct doctor_view *)a)->path, ((const struct doctor_view *)b)->path);
}

static bool show(const struct doctor_view *view, const char *root)
{
    char *at = tool_format("%s%s", root != NULL ? root : "", view->path);
    struct stat there;
    bool exists = stat(at, &there) == 0;
    bool shown;

    if (view->kind == VIEW_BIND) {
        shown = exists && mount(view->from, at, NULL, MS_BIND | MS_REC, NULL) == 0;
        /* A place that systemd would make first cannot be made here; a source that is missing may be. */
        shown = shown || (view->optional && stat(view->from, &there) != 0);
    } else if (!exists) {
        shown = view->optional || view->kind == VIEW_EMPTY;
    } else if (view->kind == VIEW_HIDDEN && !S_ISDIR(there.st_mode)) {
        shown = mount("/dev/null", at, NULL, MS_BIND, NULL) == 0;
    } else {
        shown = mount("tmpfs", at, "tmpfs", 0, view->kind == VIEW_HIDDEN ? "mode=0000" : "mode=0755") == 0;
    }
    free(at);
    return shown;
}

bool doctor_views_show(const struct doctor_views *views, const char *root)
{
    if (views->count == 0) {
        return true;
    }
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
        return false;
    }
    qsort(views->items, views->count, sizeof views->items[0], by_path);
    for (size_t i = 0; i < views->count; i++) {
        if (!show(&views->items[i], root)) {
            return false;
        }
    }
    return true;
}
