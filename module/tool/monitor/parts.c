/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: one state of those of several monitors that shared a log by ranges of entries. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/monitor/monitor.h"
#include "tool/tool.h"

struct parts {
    struct monitor_state *items;
    size_t count;
};

static int compare_parts(const void *a, const void *b)
{
    const struct monitor_state *x = a, *y = b;

    return (x->from > y->from) - (x->from < y->from);
}

static bool open_parts(const char *folders, const struct ct_log *log, struct parts *parts)
{
    for (const char *at = folders; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        char *folder = tool_format("%.*s", (int)len, at);
        struct monitor_state *items = reallocarray(parts->items, parts->count + 1, sizeof *items);
        bool good;

        if (items == NULL) {
            tool_out_of_memory();
        }
        parts->items = items;
        good = monitor_state_open(folder, log, &parts->items[parts->count]);
        parts->count++;
        free(folder);
        if (!good) {
            return false;
        }
        at += len + (at[len] == '\n');
    }
    if (parts->count > 0) {
        qsort(parts->items, parts->count, sizeof *parts->items, compare_parts);
    }
    return true;
}

/* Behind those that are there: a notice is a line by itself. */
static bool copy_notices(const struct monitor_state *from, struct monitor_state *to)
{
    static char buffer[64 * 1024];
    uint64_t done = 0;

    while (done < from->notice_bytes) {
        uint64_t left = from->notice_bytes - done;
        ssize_t n = pread(from->notices, buffer, left < sizeof buffer ? (size_t)left : sizeof buffer, (off_t)done);

        if (n <= 0 || pwrite(to->notices, buffer, (size_t)n, (off_t)to->notice_bytes) != n) {
            tool_error("monitor: --join: the notices of %s cannot be copied to %s: %s", from->folder, to->folder,
                       strerror(errno));
            return false;
        }
        done += (uint64_t)n;
        to->notice_bytes += (uint64_t)n;
    }
    return true;
}

static bool join(struct ct_hasher *hasher, const struct monitor_state *part, struct monitor_state *state)
{
    uint64_t to = monitor_position(part);

    if (part->to == 0 || part->from != state->reading.size || part->reading.size == 0) {
        tool_error(
            "monitor: --join: %s has the entries %llu to %llu, and what comes next is entry %llu: the parts must "
            "follow one another, each read with --part",
            part->folder, (unsigned long long)part->from, (unsigned long long)to,
            (unsigned long long)state->reading.size);
        return false;
    }
    if (!ct_frontier_join(hasher, &state->reading, &part->reading)) {
        tool_error("monitor: --join: %s does not fit behind entry %llu", part->folder, (unsigned long long)part->from);
        return false;
    }
    state->entries += part->entries;
    state->notice_count += part->notice_count;
    state->unknown_count += part->unknown_count;
    state->unreadable_count += part->unreadable_count;
    return copy_notices(part, state);
}

bool monitor_parts_join(const char *folders, const struct ct_log *log, struct monitor_state *state)
{
    struct ct_hasher hasher = { 0 };
    struct parts parts = { 0 };
    bool good = state->head.size == 0 && state->reading.size == 0;

    if (!good) {
        tool_error("monitor: --join: %s has a state already; parts are joined into a new one", state->folder);
    }
    good = good && open_parts(folders, log, &parts);
    for (size_t i = 0; good && i < parts.count; i++) {
        good = join(&hasher, &parts.items[i], state);
    }
    if (hasher.failed) {
        tool_out_of_memory();
    }
    /* What the parts have found, their monitors have delivered. */
    state->delivered_bytes = state->notice_bytes;
    good = good && monitor_state_save(state);
    for (size_t i = 0; i < parts.count; i++) {
        monitor_state_close(&parts.items[i]);
    }
    free(parts.items);
    ct_hasher_clear(&hasher);
    return good;
}
