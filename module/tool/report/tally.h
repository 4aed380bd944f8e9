/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of lines. What is kept is bounded, and whatever is kept does not depend on the order of the lines: tallies
 * of parts of the input can be added up (jobs.c, partial.c), and the sum is that of the whole.
 */
#ifndef CT_TOOL_REPORT_TALLY_H
#define CT_TOOL_REPORT_TALLY_H

#include "tool/report/line.h"
#include "tool/report/sample.h"

#define REPORT_CERTIFICATES_MAX 100000u /* and clients: told apart up to here, a sample of so many beyond */
#define REPORT_GROUPS_MAX 10000u        /* issuers, reasons, inputs; the others are one group */
#define REPORT_PROCESSES_MAX 65536u     /* likewise as certificates */
#define REPORT_DAYS_MAX 3660u           /* the latest */
#define REPORT_GROUP_DAYS_MAX 90u
#define REPORT_RUNS_MAX 16u

/* Sums do not overflow: files of others say how large they are. */
static inline void report_plus(uint64_t *sum, uint64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum)) {
        *sum = UINT64_MAX;
    }
}

struct report_day {
    int64_t day; /* since 1970, UTC */
    uint64_t accepted, refused;
};

/* By day, the latest `limit` of them. */
struct report_days {
    struct report_day *items;
    size_t count, limit;
};

void report_days_add(struct report_days *days, const struct report_day *day);

/* A name that certificates and their client share. */
struct report_name {
    _Atomic unsigned references;
    unsigned len;
    unsigned number; /* in a file that is being written */
    char text[];     /* NUL-terminated */
};

struct report_name *report_name_new(struct report_text text) CT_MUST_USE;
struct report_name *report_name_share(struct report_name *name) CT_MUST_USE;
void report_name_drop(struct report_name *name);

/* Certificates that are locked out now are one thing, refusals of the whole period another: they are never added. */
struct report_group {
    uint64_t hash;
    uint64_t period; /* lines of the whole period; of reasons and issuers those that enforcing would refuse */
    struct report_days days;
    uint64_t certificates; /* that would be locked out now; filled in by report_finish */
    uint64_t decisions;    /* lines in which enforcing would refuse these certificates; likewise */
    uint64_t others;       /* certificates that would get in; likewise */
    char name[];
};

/* Distinct names with their numbers. */
struct report_groups {
    struct report_sample sample;
    struct report_group *others; /* all that are too many to tell apart; NULL: there are none */
    struct report_group *memo[64];
    struct report_group **items; /* filled in by report_finish: the largest first */
    size_t count;
};

void report_groups_begin(struct report_groups *groups);
void report_groups_clear(struct report_groups *groups);
/* The group of that name, or the one of all others. It may be gone when another one is asked for. */
struct report_group *report_group_of(struct report_groups *groups, struct report_text name);
/* The one of those that are too many to tell apart; made where there is none. */
struct report_group *report_groups_others(struct report_groups *groups);
/* The one that had that hash, for those who remember only that. */
struct report_group *report_group_at(const struct report_groups *groups, uint64_t hash);
uint64_t report_group_hash(struct report_text name);
void report_groups_merge(struct report_groups *into, const struct report_groups *from);
void report_groups_finish(struct report_groups *groups);
/* By the numbers that report_finish has filled in. */
void report_groups_sort(struct report_groups *groups);

/* As the latest line says; of two lines of one moment the one that is worse. */
struct report_state {
    int64_t at_ms, not_after_ms;
    uint64_t reason; /* hash of the group */
    bool would_refuse, has_shadow, shadow_compliant;
    uint8_t usages;
};

struct report_certificate {
    uint8_t sha256[32];
    struct report_name *subject;
    uint64_t issuer; /* hash of the group */
    struct report_state state;
    int64_t first_ms;
    uint64_t decisions, refusals; /* lines; those of them that enforcing would refuse */
    bool expired;                 /* it would not get in anyway; filled in by report_finish */
};

/* Whoever has one name from one issuer, with whatever certificates: workloads get a new one every hour. */
struct report_client {
    struct report_name *name;
    uint64_t issuer;
    struct report_state state;
    int64_t first_ms;
    uint64_t decisions, refusals;
    uint64_t lowest, highest; /* hashes of certificates: the same where there was one only */
    bool locked_out;          /* filled in by report_finish */
};

/* The numbers that lines of one process carry: what is missing between the lowest and the highest was taken out. */
struct report_run {
    uint64_t lowest, highest, lines;
    int64_t first_ms, last_ms;
};

struct report_process {
    uint64_t hash;
    bool unique;      /* the line names the process so that it does not come back */
    unsigned earlier; /* runs behind the first: processes that had the same id */
    struct report_run run;
    struct report_run *runs;
};

struct report_tally {
    int64_t since_ms;
    bool believes_anybody; /* lines that nobody vouches for count, too */
    uint64_t vouched, left_out, strangers;
    struct report_groups sources, reasons_left_out;
    struct report_sample processes, certificates, clients;
    uint64_t lines, foreign, events, older, not_judged, without_certificate, dropped;
    uint64_t decisions, would_accept, would_refuse, refused;
    int64_t first_ms, last_ms; /* INT64_MAX and INT64_MIN: there are no decisions */
    int64_t shadow_ms;
    char shadow_policy[80]; /* of the latest line that has one */
    struct report_groups issuers, reasons, unknown_logs;
    struct report_days days;

    /* Filled in by report_finish. Numbers of certificates, clients and missing lines are estimates beyond limits. */
    struct report_certificate **sorted; /* those that are locked out, by how often they come; then the others */
    struct report_client **sorted_clients;
    size_t kept, kept_locked_out, kept_clients, kept_clients_locked_out;
    uint64_t certificate_count, compliant, locked_out, expired, client_count, clients_locked_out, renewing;
    uint64_t shadow_loses, shadow_gains; /* certificates that only the shadow policy refuses, or accepts */
    uint64_t missing;                    /* lines */
    uint64_t beyond;                     /* decisions about certificates that are not kept */
};

/* Memory that is short ends the process, as everywhere in the tool. */
struct report_tally *report_tally_new(int64_t since_ms, bool believes_anybody) CT_MUST_USE;
void report_tally_free(struct report_tally *tally);
/* `source`: the input, for people. */
void report_add(struct report_tally *tally, const char *source, const struct report_line *line);
/* Adds all of `from`, which is freed, by that many threads: one or two. Neither is finished. */
void report_merge(struct report_tally *into, struct report_tally *from, unsigned threads);
/* Adds one thing with its sums, as read from a file; takes it. */
void report_put_certificate(struct report_tally *tally, struct report_certificate *certificate);
void report_put_client(struct report_tally *tally, struct report_client *client);
void report_put_process(struct report_tally *tally, struct report_process *process);
/* Sorts, estimates, and says who is locked out: once, at the end. */
void report_finish(struct report_tally *tally, int64_t now_ms);

/* processes.c */
void report_count_sequence(struct report_tally *tally, const struct report_line *line);
uint64_t report_missing_lines(const struct report_process *process);
void report_process_free(void *arg, void *process);

static inline uint64_t report_certificate_hash(const uint8_t sha256[32])
{
    return report_hash(1, sha256, 32);
}
static inline uint64_t report_client_hash(uint64_t issuer, struct report_text name)
{
    return report_hash(issuer, name.data, name.len);
}

/* Whether it was seen with several certificates. */
static inline bool report_renews(const struct report_client *client)
{
    return client->lowest != client->highest;
}
/* The names of groups that certificates remember; never NULL. */
static inline const char *report_issuer_of(const struct report_tally *tally, uint64_t issuer)
{
    const struct report_group *group = report_group_at(&tally->issuers, issuer);

    return group != NULL ? group->name : "(others)";
}
static inline const char *report_reason_of(const struct report_tally *tally, const struct report_state *state)
{
    const struct report_group *group = report_group_at(&tally->reasons, state->reason);

    return group != NULL ? group->name : "(others)";
}

#endif
