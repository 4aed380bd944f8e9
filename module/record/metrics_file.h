/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of counters that a process shows and `clientct metrics` reads: fixed layout, native byte order. The reader
 * takes nothing in it on trust, since whoever serves clients can write it.
 */
#ifndef CT_METRICS_FILE_H
#define CT_METRICS_FILE_H

#include <clientct/clientct.h>
#include <stdatomic.h>

#include "base/bytes.h"

#define CT_METRICS_MAGIC UINT64_C(0x3173746e756f4363) /* a file of the other byte order has another one */
#define CT_METRICS_VERSION 3u
#define CT_METRICS_LABELS 256
#define CT_METRICS_LISTS 16
#define CT_METRICS_BUCKETS 13 /* the last one is +Inf */
#define CT_METRICS_NAME_SIZE 96
/* Where the counts of processes that are gone are kept, and what its writers lock; neither is the name of a process. */
#define CT_METRICS_FOLDED "folded"
#define CT_METRICS_LOCK "lock"

/* Plain counters: identifier, Prometheus family, labels, help. Rows of one family stand together. */
#define CT_METRICS_COUNTERS(X) \
    X(CACHE_HITS, "clientct_verdict_cache_hits_total", "", "Verdicts that came from the cache.") \
    X(SIGNATURES, "clientct_signatures_checked_total", "", "Signatures of SCTs that were checked.") \
    X(SESSIONS_RESUMABLE, "clientct_sessions_total", "outcome=\"resumable\"", \
      "Connections of clients with certificates, by what becomes of their TLS session.") \
    X(SESSIONS_REFUSED, "clientct_sessions_total", "outcome=\"refused\"", "") \
    X(SESSIONS_UNDONE, "clientct_sessions_total", "outcome=\"undone\"", "") \
    X(SESSIONS_ALLOWED, "clientct_sessions_total", "outcome=\"allowed\"", "") \
    X(SESSIONS_RESUMED, "clientct_sessions_total", "outcome=\"resumed\"", "") \
    X(AUDIT_WRITTEN, "clientct_audit_records_written_total", "", "Audit records written to a sink.") \
    X(AUDIT_DROPPED_RATE, "clientct_audit_records_dropped_total", "cause=\"rate\"", \
      "Audit records not written, by the rate limit or by a sink that could not take them.") \
    X(AUDIT_DROPPED_SINK, "clientct_audit_records_dropped_total", "cause=\"sink\"", "") \
    X(ARCHIVE_WRITTEN, "clientct_archive_records_written_total", "", \
      "Records of certificates written to the archive.") \
    X(ARCHIVE_LOST_RATE, "clientct_archive_records_lost_total", "cause=\"rate\"", \
      "Records that the archive did not take, by its rate limit or because they could not be written.") \
    X(ARCHIVE_LOST_SINK, "clientct_archive_records_lost_total", "cause=\"sink\"", "") \
    X(LOADS, "clientct_config_loads_total", "", "Times that the configuration was read, at start or for a change.") \
    X(LOAD_FAILURES, "clientct_reload_failures_total", "", \
      "Times that the configuration or a log list was read and could not be used.") \
    X(LOST, "clientct_metrics_lost_total", "", "Verdicts counted nowhere else: there was no file to count them in.")

enum ct_metrics_counter {
#define CT_METRICS_COUNTER_ENUM(id, family, labels, help) CT_METRICS_##id,
    CT_METRICS_COUNTERS(CT_METRICS_COUNTER_ENUM)
#undef CT_METRICS_COUNTER_ENUM
        CT_METRICS_COUNTER_COUNT
};

enum ct_metrics_kind { CT_METRICS_PROCESS = 1, CT_METRICS_SUM = 2 };
enum ct_metrics_table { CT_METRICS_ENFORCED, CT_METRICS_SHADOW, CT_METRICS_TABLE_COUNT };
enum ct_metrics_label_state { CT_METRICS_FREE, CT_METRICS_BEING_WRITTEN, CT_METRICS_IN_USE };

/* A combination of labels, written once and then only counted. */
struct ct_metrics_label {
    _Atomic uint32_t state; /* enum ct_metrics_label_state */
    uint8_t table;          /* enum ct_metrics_table */
    uint8_t accept;         /* for the shadow table: would be accepted */
    uint8_t reason;         /* enum clientct_reason */
    uint8_t unused;
    char policy[56]; /* cut where it is longer; "": none was applied */
    _Atomic uint64_t count;
};

struct ct_metrics_list {
    char path[248]; /* its end, where it is longer; "": it cannot be shown */
    int64_t timestamp_ms;
};

/* What is in force: the last writer's view. Odd sequence: it is being written. */
struct ct_metrics_gauges {
    _Atomic uint32_t sequence;
    uint8_t mode; /* enum clientct_mode */
    uint8_t config_failed, lists_failed;
    uint8_t denies_all; /* every certificate is refused, whatever its evidence; `why` says why */
    uint64_t generation;
    int64_t since_ms; /* when this was taken */
    char config_file[256];
    char why[320]; /* the first error of the last load; "": none */
    uint32_t list_count;
    uint32_t unused;
    struct ct_metrics_list lists[CT_METRICS_LISTS];
};

struct ct_metrics_file {
    _Atomic uint64_t magic; /* written last */
    uint32_t version;
    uint32_t kind;            /* enum ct_metrics_kind */
    int64_t started_ms;       /* wall clock */
    uint64_t started_boot_ms; /* CLOCK_BOOTTIME: a process that started later and has the same number is another one */
    int64_t pid;
    uint64_t sequence; /* of a sum: counts its versions */
    char boot_id[40];
    char program[32];
    _Atomic uint64_t counters[CT_METRICS_COUNTER_COUNT];
    _Atomic uint64_t modes[3];                              /* decisions by enum clientct_mode */
    _Atomic uint64_t unlabelled[CT_METRICS_TABLE_COUNT][2]; /* by acceptance, where `labels` is full */
    _Atomic uint64_t buckets[CT_METRICS_BUCKETS];           /* decisions by duration, not cumulative */
    _Atomic uint64_t duration_ns;
    struct ct_metrics_label labels[CT_METRICS_LABELS];
    struct ct_metrics_gauges gauges;
};

/* Upper bounds of the buckets but the last, in nanoseconds. */
extern const uint64_t ct_metrics_bounds_ns[CT_METRICS_BUCKETS - 1];

enum ct_metrics_parsed { CT_METRICS_OK, CT_METRICS_UNFINISHED, CT_METRICS_OTHER_VERSION, CT_METRICS_DAMAGED };
/*
 * A copy whose strings end and are plain, whose counts are within their arrays and whose labels are finished.
 * UNFINISHED: the process has not filled in the head yet, or never came to it; there is nothing in it.
 */
enum ct_metrics_parsed ct_metrics_file_parse(struct ct_bytes data, struct ct_metrics_file *out);

/* Whether a file of a process may have this name: <program>.<pid>.<start>. */
bool ct_metrics_name_ok(const char *name);

/* Counts verdicts of the policy `name` (NULL: none) in `file`; others may do so at the same time. */
void ct_metrics_count(struct ct_metrics_file *file, enum ct_metrics_table table, bool accept,
                      enum clientct_reason reason, const char *name, uint64_t by);
/* Adds the counters, not what is in force. */
void ct_metrics_file_add(struct ct_metrics_file *sum, const struct ct_metrics_file *file);

#endif
