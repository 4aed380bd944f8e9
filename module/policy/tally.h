/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the valid SCTs count: logs and their operators, each once. All rule books count by this. */
#ifndef CT_TALLY_H
#define CT_TALLY_H

#include "policy/admission.h"

/* Logs in one tally. A verdict spends at most 32 signature checks, so no more can be valid; more would add nothing. */
#define CT_TALLY_MAX 64

/* Which SCTs a tally takes. */
enum ct_tally_of {
    CT_TALLY_ALL,
    CT_TALLY_EMBEDDED,  /* in the certificate */
    CT_TALLY_PRESENTED, /* by TLS, OCSP or the store: what can be renewed without the CA */
    CT_TALLY_CURRENT    /* any source, but only logs that are current now */
};

/* A log that counts: once, however often it signed. */
struct ct_tally_log {
    const struct ct_log *log;
    const char *log_operator; /* when it signed; NULL: none known */
    bool current;             /* qualified, usable or readonly now */
    bool presented;           /* one of its SCTs came by TLS, OCSP or the store */
    bool tiled;               /* a static-ct log: its list says so, or all of its SCTs have a leaf_index */
};

struct ct_tally {
    struct ct_tally_log logs[CT_TALLY_MAX];
    size_t count;
    size_t current;
    size_t operators;        /* distinct; logs without an operator are one */
    size_t after_retirement; /* valid SCTs of retired logs that do not count, because the issuance was later */
};

void ct_tally_take(const struct ct_policy *policy, const struct ct_policy_subject *subject, const struct ct_scts *scts,
                   enum ct_tally_of of, struct ct_tally *tally);
/* How many logs count when at most `max_per_operator` (0: no limit) of one operator do. */
size_t ct_tally_capped(const struct ct_tally *tally, unsigned max_per_operator);
bool ct_same_operator(const char *a, const char *b);

/* notAfter − notBefore, saturated. */
int64_t ct_lifetime_ms(const struct ct_policy_subject *subject);
/* The row of min_scts that applies; NULL when the policy has none. */
const struct ct_min_scts *ct_min_scts_row(const struct ct_policy *policy, int64_t lifetime_ms);

/* Appends to a NUL-terminated text and cuts at its end. */
void ct_text_add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "90 d", "180 d 1 s" */
void ct_text_add_duration(char *text, size_t size, int64_t ms);
/* "Alpha One, Beta Two and 3 more" */
void ct_text_add_logs(char *text, size_t size, const struct ct_tally *tally);
/* Each operator once: "Alpha and Beta"; with `at_least`, only those that have so many logs. */
void ct_text_add_operators(char *text, size_t size, const struct ct_tally *tally, unsigned at_least);

#endif
