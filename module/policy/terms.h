/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy demands, and the certificate that it is demanded of. Data only; policy.h judges by it. */
#ifndef CT_TERMS_H
#define CT_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_policy_kind {
    CT_POLICY_CONDITIONS, /* the conditions below; the preset `one` is these with their defaults */
    CT_POLICY_CHROME,
    CT_POLICY_APPLE
};

#define CT_MIN_SCTS_ROWS 8
struct ct_min_scts {
    unsigned scts;
    int64_t over_ms; /* the row holds for lifetimes longer than this; 0 in the first row */
};

/* `revocation`: what has to be known of a certificate besides its SCTs. */
enum ct_revocation {
    CT_REVOCATION_UNSET,    /* as the policy, or the top, has it */
    CT_REVOCATION_AS_FOUND, /* a valid OCSP response that says revoked refuses, and nothing else */
    CT_REVOCATION_REQUIRE   /* anything but a fresh, valid one that says good refuses */
};

struct ct_policy {
    char *name;
    unsigned line; /* of its section; 0: a preset */
    enum ct_policy_kind kind;
    struct ct_min_scts min_scts[CT_MIN_SCTS_ROWS]; /* ascending over_ms; the last that applies decides */
    size_t min_scts_rows;
    unsigned min_operators;
    unsigned max_per_operator; /* 0: no limit */
    char **required_logs;      /* descriptions or 64 hex digits of the id; NULL-terminated or NULL */
    unsigned accept_states;    /* CT_LOG_STATE_BIT of each */
    bool needs_current_log;
    bool embedded_apart; /* the presets: embedded and presented SCTs are two ways, and none stands for the other */
    int64_t clock_skew_ms;
    int64_t sct_max_age_ms; /* 0: no limit */
    enum ct_revocation revocation;
    bool require_inclusion;     /* an SCT counts only with a kept proof that its log has published the entry */
    int64_t inclusion_grace_ms; /* or while it is younger than this; 0: never without */
};

/* The certificate's side. */
struct ct_policy_subject {
    int64_t not_before_ms, not_after_ms;
    int64_t now_ms;
};

#endif
