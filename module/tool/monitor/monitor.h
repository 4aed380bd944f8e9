/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `clientct monitor`: what is kept of each log, what is said, and how a log is followed. */
#ifndef CT_TOOL_MONITOR_H
#define CT_TOOL_MONITOR_H

#include <jansson.h>

#include "tool/fetch/source.h"
#include "tool/monitor/records.h"
#include "tool/monitor/watch.h"

/* --- what is kept: DIR/<log id>/ state.json, notices.jsonl, checkpoint --- */

struct monitor_state {
    char *folder;
    int notices;              /* descriptor of notices.jsonl */
    struct ct_tree_head head; /* the last that was verified; size 0 and timestamp 0: none yet */
    char *note;               /* the same as a checkpoint; NULL: none yet */
    struct ct_frontier known; /* of that tree */
    struct ct_frontier
        reading;              /* of what was read behind it, not yet under a verified root; of a part, from `from` on */
    uint64_t from, to;        /* a part: only the entries [from, to); `to` 0: all of the log */
    uint64_t notice_bytes;    /* of notices.jsonl that go with `reading`; what is behind is of a run that was killed */
    uint64_t delivered_bytes; /* of them were printed and given to the hook */
    uint64_t entries, notice_count, unknown_count, unreadable_count, alarm_count;
    char alarm[64];      /* reason of the alarm that is on; "": none */
    uint64_t alarm_size; /* of the tree that it was about */
    int64_t checked_ms;  /* the last time that all was in order; 0: never */
};

/* The entry to be read next. */
static inline uint64_t monitor_position(const struct monitor_state *state)
{
    return state->from + state->reading.size;
}

/* Opens or makes the folder of a log. False: standard error says why. */
bool monitor_state_open(const char *dir, const struct ct_log *log, struct monitor_state *state) CT_MUST_USE;
/* Notices first, then the state that counts on them, each on the disk. False: standard error says why. */
bool monitor_state_save(struct monitor_state *state) CT_MUST_USE;
void monitor_state_close(struct monitor_state *state);

/*
 * Makes the state of a whole log of those of its parts, in the folders of other monitors, one line each. False: they do
 * not add up to one beginning of the log, or something cannot be read or written; standard error says why.
 */
bool monitor_parts_join(const char *folders, const struct ct_log *log, struct monitor_state *state) CT_MUST_USE;

/* --- one monitor --- */

#define MONITOR_RECENT 65536u /* notices that are remembered, so that a precertificate and its certificate are one */

struct monitor_settings {
    struct watches watches;
    struct ca_records known; /* what the CA says it issued */
    bool has_known, json;
    const char *hook;
};

struct monitor_log {
    const struct source *source;
    struct monitor_state state;
    uint64_t *recent; /* MONITOR_RECENT keys, in buckets of four */
    bool reachable;
    char *trouble; /* why it was not, or what alarms; NULL */
    struct {
        uint8_t fingerprint[32], key[32];
    } issuers[64];
    size_t issuer_count;
};

struct monitor {
    const struct monitor_settings *settings;
    struct fetch *fetch;
    const volatile sig_atomic_t *ended;
    struct ct_hasher hasher;
    struct monitor_log *logs;
    size_t count;
    bool found; /* an alarm, or a notice of what is not known */
};

/* --- what is said --- */

struct monitor_entry {
    uint64_t index;
    const struct ct_log_entry *entry;
    const struct ct_identity *identity; /* NULL: unreadable */
    uint64_t watches;
};

/* Appends a notice about an entry, unless it is one that was said already. */
void monitor_say_entry(struct monitor *monitor, struct monitor_log *log, const struct monitor_entry *entry);
/* Appends one about the log, unless it is on already; `head` and `note` (may be NULL) are evidence. Takes `text`. */
void monitor_say_alarm(struct monitor *monitor, struct monitor_log *log, const char *reason, char *text,
                       const struct ct_tree_head *head, const char *note);
/* Prints and gives to the hook what was kept and not delivered yet. */
void monitor_deliver(struct monitor *monitor, struct monitor_log *log);
/* Remembers what the last notices in the file were about. */
void monitor_recall(struct monitor_log *log);

/* --- following --- */

enum monitor_result {
    MONITOR_IN_ORDER,    /* read to the signed root */
    MONITOR_UNREACHABLE, /* goes on from where it was next time */
    MONITOR_ALARMED,
    MONITOR_ENDED,
    MONITOR_FAILED /* the state cannot be written */
};
enum monitor_result monitor_follow(struct monitor *monitor, struct monitor_log *log) CT_MUST_USE;
/* Whether the log shows another monitor the same: a checkpoint in a file. */
enum monitor_result monitor_compare(struct monitor *monitor, struct monitor_log *log, const char *file) CT_MUST_USE;

/* --- for others --- */

char *monitor_metrics(const struct monitor *monitor);
bool monitor_write_html(const struct monitor *monitor, const char *path);

#endif
