/* What counts as enough. A policy is a table of conditions; the presets are policies with a rule book of their own. */
#ifndef CT_POLICY_H
#define CT_POLICY_H

#include "logs/log.h"

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
    int64_t clock_skew_ms;
    int64_t sct_max_age_ms; /* 0: no limit */
};

/* The defaults of a policy section, which are also the preset `one`. Strings stay NULL. */
void ct_policy_defaults(struct ct_policy *policy);
/* "one", "chrome", "apple": fills in the preset (name allocated); false: not a preset, or memory is short. */
bool ct_policy_preset(const char *name, struct ct_policy *policy) CT_MUST_USE;
extern const char *const ct_policy_preset_names[]; /* NULL-terminated */
void ct_policy_clear(struct ct_policy *policy);

/* The certificate's side. */
struct ct_policy_subject {
    int64_t not_before_ms, not_after_ms;
    int64_t now_ms;
};

/*
 * What this policy says of one SCT before any signature is looked at: CLIENTCT_VALID, or why it cannot count
 * (future-timestamp, log-not-trusted, log-retired, outside-interval, sct-too-old). The log must be known.
 */
enum clientct_reason ct_policy_admits(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                      const struct ct_scts *scts, const struct ct_sct *sct) CT_MUST_USE;

/*
 * Explaining costs: NULL where nobody reads it. The callee appends with ct_explanation_add.
 */
struct ct_explanation {
    struct clientct_condition *conditions;
    size_t count;
    char advice[320];
};
/* Copies everything; the copy of `name` lives in the allocation of `seen`. NULL as explanation does nothing. */
void ct_explanation_add(struct ct_explanation *explanation, const char *name, bool met, const char *seen,
                        const char *needed_format, ...) __attribute__((format(printf, 5, 6)));
void ct_explanation_clear(struct ct_explanation *explanation);

/*
 * Judges the SCTs whose status is CLIENTCT_VALID. CLIENTCT_COMPLIANT, or the first condition that fails. `detail`
 * (may be NULL) gets one line: seen and needed. Pure: same input, same answer.
 */
enum clientct_reason ct_policy_judge(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                     const struct ct_scts *scts, char *detail, size_t detail_size,
                                     struct ct_explanation *explanation) CT_MUST_USE;

/*
 * The moments after `now` at which the answer for this certificate could change (a log state or interval that
 * comes into force, sct_max_age, a future timestamp) narrow [*from, *until): the verdict holds within.
 */
void ct_policy_horizon(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                       const struct ct_scts *scts, int64_t *from_ms, int64_t *until_ms);

#endif
