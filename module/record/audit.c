/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "record/audit_sink.h"
#include "base/clock.h"
#include "base/rate.h"
#include "base/self.h"
#include "base/shared.h"

#define SAY_LOST_EVERY_MS 60000

/* The sinks of one configuration; immutable. */
struct sink_set {
    bool wants_fields;
    size_t count;
    struct ct_audit_sink *sinks[];
};

struct ct_audit {
    struct ct_shared set; /* a sink_set; none: nothing is written */
    atomic_uint_fast64_t sequence, written, dropped_rate, dropped_sink;
    atomic_uint_fast64_t unsaid; /* lines dropped since the last that was written */
    /* When the bucket will be full again, monotonic ns: the whole state of a token bucket in one word. */
    _Atomic int64_t full_at[3]; /* of certificates that are not compliant, that are, and of strangers */
    char process[64];
    char host[65]; /* as the kernel calls it: no file and no network is asked */
};

static void set_free(void *arg)
{
    struct sink_set *set = arg;

    for (size_t i = 0; i < set->count; i++) {
        ct_audit_sink_release(set->sinks[i]);
    }
    free(set);
}

static const struct sink_set *set_of(const struct ct_share *share)
{
    return share == NULL ? NULL : ct_share_get0(share);
}

struct ct_audit *ct_audit_new(void)
{
    struct ct_audit *audit = calloc(1, sizeof *audit);
    struct utsname system;

    if (audit != NULL) {
        ct_self_program(audit->process, sizeof audit->process);
        snprintf(audit->host, sizeof audit->host, "%s", uname(&system) == 0 ? system.nodename : "");
    }
    return audit;
}

void ct_audit_free(struct ct_audit *audit)
{
    if (audit != NULL) {
        ct_shared_clear(&audit->set);
        free(audit);
    }
}

static struct ct_audit_sink *get1_sink(const struct sink_set *before, const struct ct_audit_sink_setting *setting,
                                       int64_t now_ms)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        if (ct_audit_sink_is(before->sinks[i], setting->kind, setting->path)) {
            ct_audit_sink_look(before->sinks[i], now_ms, true);
            return ct_audit_sink_retain(before->sinks[i]);
        }
    }
    return ct_audit_sink_new(setting->kind, setting->path);
}

bool ct_audit_apply(struct ct_audit *audit, const struct ct_settings *settings)
{
    static const struct ct_audit_sink_setting by_default = { .kind = CT_AUDIT_JOURNALD };
    const struct ct_audit_sink_setting *wanted = settings != NULL ? settings->audit : &by_default;
    size_t count = settings != NULL ? settings->audit_count : 1;
    struct ct_share *before = ct_shared_get1(&audit->set);
    struct sink_set *set = calloc(1, sizeof *set + count * sizeof set->sinks[0]);

    bool complete = true;

    if (set == NULL) {
        ct_share_release(before);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct ct_audit_sink *sink =
            wanted[i].kind != CT_AUDIT_NONE ? get1_sink(set_of(before), &wanted[i], ct_monotonic_ms()) : NULL;

        complete = complete && (sink != NULL || wanted[i].kind == CT_AUDIT_NONE);
        if (sink != NULL) {
            set->sinks[set->count++] = sink;
            set->wants_fields = set->wants_fields || wanted[i].kind == CT_AUDIT_JOURNALD;
        }
    }
    if (!ct_shared_set(&audit->set, set, set_free)) {
        set_free(set);
        complete = false;
    }
    ct_share_release(before);
    return complete;
}

static struct ct_audit_origin origin_of(struct ct_audit *audit, int64_t now_ms)
{
    return (struct ct_audit_origin){
        .now_ms = now_ms,
        .sequence = atomic_fetch_add(&audit->sequence, 1) + 1,
        .dropped = atomic_exchange(&audit->unsaid, 0),
        .pid = ct_self_pid(),
        .id = ct_self_id(),
        .process = audit->process,
        .host = audit->host[0] != '\0' ? audit->host : NULL,
    };
}

static void drop(struct ct_audit *audit, atomic_uint_fast64_t *counter)
{
    atomic_fetch_add(counter, 1);
    atomic_fetch_add(&audit->unsaid, 1);
}

/* To the other sinks, about once a minute while it lasts. `line` is a buffer: there is no stack for two of them. */
static void say_lost(struct ct_audit *audit, const struct sink_set *set, struct ct_audit_sink *lost, bool full,
                     int64_t monotonic_ms, struct ct_audit_line *line)
{
    struct ct_audit_origin origin = { .now_ms = 0 };
    int64_t said = atomic_load_explicit(&lost->said_ms, memory_order_relaxed);
    char name[200];
    char text[300];

    if (set->count < 2 || (said != 0 && monotonic_ms - said < SAY_LOST_EVERY_MS) ||
        !atomic_compare_exchange_strong(&lost->said_ms, &said, monotonic_ms)) {
        return;
    }
    origin = origin_of(audit, ct_now_ms());
    ct_audit_sink_describe(lost, name, sizeof name);
    snprintf(text, sizeof text, "%s: %s", name,
             full ? "no room for a line: is the disk full, does the daemon not read?"
                  : "cannot be opened or does not answer: does it exist, may this process write there?");
    ct_audit_event_line(&origin, "audit-sink-lost", false, text, 0, line);
    for (size_t i = 0; line->len > 0 && i < set->count; i++) {
        if (set->sinks[i] == lost) {
            continue;
        }
        if (ct_audit_sink_write(set->sinks[i], line, monotonic_ms) == CT_AUDIT_WRITTEN) {
            atomic_fetch_add(&audit->written, 1);
        } else {
            drop(audit, &audit->dropped_sink);
        }
    }
}

/* Overwrites the line when it has been written. */
static void write_line(struct ct_audit *audit, const struct sink_set *set, struct ct_audit_line *line, uint64_t said,
                       int64_t now_ns)
{
    int64_t now_ms = now_ns / 1000000;
    struct ct_audit_sink *lost = NULL;
    bool anywhere = false, full = false;

    for (size_t i = 0; i < set->count; i++) {
        enum ct_audit_written result = line->len > 0 ? ct_audit_sink_write(set->sinks[i], line, now_ms) : CT_AUDIT_FULL;

        if (result == CT_AUDIT_WRITTEN) {
            atomic_fetch_add(&audit->written, 1);
            anywhere = true;
        } else {
            drop(audit, &audit->dropped_sink);
            if (lost == NULL || atomic_load(&lost->said_ms) > atomic_load(&set->sinks[i]->said_ms)) {
                lost = set->sinks[i]; /* of several the one that was not told of for longest */
                full = result == CT_AUDIT_FULL;
            }
        }
    }
    if (lost != NULL) {
        say_lost(audit, set, lost, full, now_ms, line);
    }
    if (!anywhere) {
        atomic_fetch_add(&audit->unsaid, said);
    }
}

void ct_audit_decision(struct ct_audit *audit, const struct clientct_input *input,
                       const struct clientct_verdict *verdict, uint64_t elapsed_ns, int64_t now_ms)
{
    struct ct_share *share = ct_shared_get1(&audit->set);
    const struct sink_set *set = set_of(share);
    int64_t now_ns = ct_monotonic_ns();
    struct ct_audit_origin origin;
    struct ct_audit_line line;

    if (set == NULL || set->count == 0) {
        goto out;
    }
    if (!ct_rate_take(&audit->full_at[input->chain_error != 0 ? 2 : verdict->compliant], CT_AUDIT_RATE, CT_AUDIT_BURST,
                      now_ns)) {
        drop(audit, &audit->dropped_rate);
        goto out;
    }
    line.wants_fields = set->wants_fields;
    origin = origin_of(audit, now_ms);
    ct_audit_decision_line(&origin, input, verdict, elapsed_ns, &line);
    write_line(audit, set, &line, origin.dropped, now_ns);
out:
    ct_share_release(share);
}

void ct_audit_event(struct ct_audit *audit, const char *action, bool success, const char *text, uint64_t generation,
                    int64_t now_ms)
{
    struct ct_share *share = ct_shared_get1(&audit->set);
    const struct sink_set *set = set_of(share);
    struct ct_audit_origin origin;
    struct ct_audit_line line;

    if (set != NULL && set->count > 0) {
        line.wants_fields = set->wants_fields;
        origin = origin_of(audit, now_ms);
        ct_audit_event_line(&origin, action, success, text, generation, &line);
        write_line(audit, set, &line, origin.dropped, ct_monotonic_ns());
    }
    ct_share_release(share);
}

struct ct_audit_counts ct_audit_get_counts(const struct ct_audit *audit)
{
    return (struct ct_audit_counts){
        .written = atomic_load(&audit->written),
        .dropped_rate = atomic_load(&audit->dropped_rate),
        .dropped_sink = atomic_load(&audit->dropped_sink),
    };
}
