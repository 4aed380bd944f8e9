/* SPDX-License-Identifier: Apache-2.0 */
#include "record/recorder.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/archive.h"
#include "record/audit.h"
#include "base/clock.h"
#include "record/metrics.h"

#define SAY_LOST_EVERY_MS 60000

/* A process has one recorder for as long as it lives; decisions go on without it where memory is short. */
struct ct_recorder {
    struct ct_audit *audit;
    struct ct_metrics *metrics;
    _Atomic(struct ct_archive *) archive; /* NULL: none was ever asked for */
    _Atomic int64_t said_lost_ms;         /* monotonic: when it was last said that the archive loses records */
    _Atomic uint64_t generation;          /* applied last */
    _Atomic uint64_t lines;               /* that had come to a sink, or had not, when the metrics were last told */
    _Atomic uint64_t records;             /* of the archive, likewise */
    atomic_bool said_denying;             /* that the caller refuses everybody, which it does for good */
    _Atomic uint64_t trouble;             /* a hash of what was said last; 0 when all is well */
};

struct ct_recorder *ct_recorder_new(void)
{
    struct ct_recorder *recorder = calloc(1, sizeof *recorder);

    if (recorder == NULL) {
        return NULL;
    }
    recorder->audit = ct_audit_new();
    recorder->metrics = ct_metrics_new(NULL);
    if (recorder->audit == NULL || recorder->metrics == NULL) {
        ct_recorder_free(recorder);
        recorder = NULL;
    }
    return recorder;
}

void ct_recorder_free(struct ct_recorder *recorder)
{
    if (recorder != NULL) {
        ct_audit_free(recorder->audit);
        ct_metrics_free(recorder->metrics);
        ct_archive_free(atomic_load(&recorder->archive));
        free(recorder);
    }
}

/* FNV-1a, and never 0. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash != 0 ? hash : 1;
}

/* The same trouble again is not news: a list and its signature are tried several times. */
static bool is_news(struct ct_recorder *recorder, const struct ct_snapshot *snapshot)
{
    bool failed = snapshot->config_failed || snapshot->book_failed;
    uint64_t trouble = failed ? hash_of(snapshot->why) : 0;

    return atomic_exchange(&recorder->trouble, trouble) != trouble || !failed;
}

static void say_snapshot(struct ct_recorder *recorder, const struct ct_snapshot *snapshot, bool in_vain)
{
    const struct ct_settings *settings = snapshot->config != NULL ? &snapshot->config->settings : NULL;
    char text[sizeof snapshot->why + 80];
    bool failed = snapshot->config_failed || snapshot->book_failed;
    const char *action = "configuration-loaded";

    if (in_vain && !failed) {
        return; /* good files that are not obeyed are no success */
    }
    if (snapshot->reading.kept && !failed) {
        /* A process that was cut off from its files after a good start, as by a chroot: nothing is wrong. */
        action = "configuration-kept";
        snprintf(text, sizeof text, "%s; what was read before stays in force", snapshot->reading.kept_why);
    } else if (failed) {
        action = "configuration-failed";
        snprintf(text, sizeof text, "%s%s", snapshot->why,
                 snapshot->config_failed && settings != NULL ? " (the settings before it stay)"
                 : snapshot->config_failed                   ? " (every client certificate is refused)"
                 : snapshot->book != NULL                    ? " (the log lists before it stay)"
                                                             : " (no certificate can be compliant)");
    } else {
        size_t logs = snapshot->book != NULL ? snapshot->book->logs.count : 0;

        snprintf(text, sizeof text, "%.200s: mode %s, %zu log%s", snapshot->config_file,
                 settings != NULL ? clientct_mode_name(settings->mode) : "unknown", logs, logs == 1 ? "" : "s");
    }
    ct_audit_event(recorder->audit, action, !failed, text, snapshot->generation, ct_now_ms());
}

/*
 * How many lines were written and lost is counted with the metrics. What is over the rate is told with the next line
 * that is within: threads that hurry are not to meet here.
 */
static void count_lines(struct ct_recorder *recorder)
{
    struct ct_audit_counts counts = ct_audit_get_counts(recorder->audit);
    uint64_t lines = counts.written + counts.dropped_sink;

    if (lines != atomic_load_explicit(&recorder->lines, memory_order_relaxed)) {
        atomic_store_explicit(&recorder->lines, lines, memory_order_relaxed);
        ct_metrics_audit(recorder->metrics, &counts);
    }
}

/* `all`: also where only what is over the rate is new. */
static void count_records(struct ct_recorder *recorder, bool all)
{
    struct ct_archive *archive = atomic_load_explicit(&recorder->archive, memory_order_acquire);
    struct ct_archive_counts counts;
    uint64_t records;

    if (archive == NULL) {
        return;
    }
    counts = ct_archive_get_counts(archive);
    records = counts.written + counts.lost_sink;
    if (all || records != atomic_load_explicit(&recorder->records, memory_order_relaxed)) {
        atomic_store_explicit(&recorder->records, records, memory_order_relaxed);
        ct_metrics_archive(recorder->metrics, &counts);
    }
}

/* Made where settings first ask for one, by whichever thread is first. False: memory was short. */
static bool apply_archive(struct ct_recorder *recorder, const struct ct_settings *settings)
{
    struct ct_archive *archive = atomic_load(&recorder->archive);
    struct ct_archive *none = NULL;

    if (settings == NULL || (archive == NULL && settings->archive.path == NULL)) {
        return true;
    }
    if (archive == NULL) {
        archive = ct_archive_new();
        if (archive != NULL && !atomic_compare_exchange_strong(&recorder->archive, &none, archive)) {
            ct_archive_free(archive);
            archive = none;
        }
    }
    return archive != NULL && ct_archive_apply(archive, settings);
}

/* To the audit, about once a minute while it lasts. */
static void archive_decision(struct ct_recorder *recorder, const struct clientct_input *input,
                             const struct clientct_verdict *verdict)
{
    struct ct_archive *archive = atomic_load_explicit(&recorder->archive, memory_order_acquire);
    int64_t now_ms = ct_now_ms(), monotonic_ms, said;

    if (archive == NULL || ct_archive_decision(archive, input, verdict, now_ms)) {
        return;
    }
    monotonic_ms = ct_monotonic_ms();
    said = atomic_load_explicit(&recorder->said_lost_ms, memory_order_relaxed);
    if ((said == 0 || monotonic_ms - said >= SAY_LOST_EVERY_MS) &&
        atomic_compare_exchange_strong(&recorder->said_lost_ms, &said, monotonic_ms)) {
        ct_audit_event(recorder->audit, "archive-lost", false,
                       "the archive takes no record: does its file exist, may this process write there, is the disk "
                       "full, or did more than a thousand new certificates come in a second?",
                       verdict->generation, now_ms);
    }
}

bool ct_recorder_apply(struct ct_recorder *recorder, struct ct_snapshot *snapshot, const char *denying, bool by_caller)
{
    const struct ct_settings *settings = snapshot->config != NULL ? &snapshot->config->settings : NULL;
    struct ct_audit_counts counts;
    bool complete = settings == NULL || ct_metrics_set_directory(recorder->metrics, settings->metrics.path);

    complete = ct_metrics_snapshot(recorder->metrics, snapshot, denying) && complete;
    complete = ct_audit_apply(recorder->audit, settings) && complete;
    complete = apply_archive(recorder, settings) && complete;
    if (atomic_exchange(&recorder->generation, snapshot->generation) != snapshot->generation &&
        is_news(recorder, snapshot)) {
        say_snapshot(recorder, snapshot, denying != NULL && by_caller);
    }
    if (denying != NULL && by_caller && !atomic_exchange(&recorder->said_denying, true)) {
        ct_audit_event(recorder->audit, "denying-all", false, denying, snapshot->generation, ct_now_ms());
    }
    counts = ct_audit_get_counts(recorder->audit);
    ct_metrics_audit(recorder->metrics, &counts);
    count_records(recorder, true);
    ct_metrics_show(recorder->metrics);
    return complete;
}

void ct_recorder_decision(struct ct_recorder *recorder, const struct clientct_input *input,
                          const struct clientct_verdict *verdict, uint64_t elapsed_ns)
{
    ct_audit_decision(recorder->audit, input, verdict, elapsed_ns, ct_now_ms());
    archive_decision(recorder, input, verdict);
    count_lines(recorder);
    count_records(recorder, false);
    ct_metrics_session(recorder->metrics, input->session);
    ct_metrics_decision(recorder->metrics, verdict, elapsed_ns); /* last, for it shows all of this */
}

void ct_recorder_resumption(struct ct_recorder *recorder)
{
    ct_metrics_session(recorder->metrics, CLIENTCT_SESSION_RESUMED);
    ct_metrics_show(recorder->metrics);
}
