/* What the policies share: which SCTs count, and ways to satisfy a rule book. Private to the policy_*.c files. */
#ifndef CT_POLICY_INTERNAL_H
#define CT_POLICY_INTERNAL_H

#include "policy/policy.h"

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

/*
 * Whether `other` adds nothing once `valid` is there: the same log, and for the presets, which judge each way of
 * delivery for itself, the same way (embedded or not). The checker spends no signature check on it.
 */
bool ct_policy_is_repeat(const struct ct_policy *policy, const struct ct_sct *valid,
                         const struct ct_sct *other) CT_MUST_USE;

/* The state in force at `now_ms`: a state whose timestamp is still to come is not in force yet. */
enum ct_log_state ct_log_state_at(const struct ct_log *log, int64_t now_ms);
/* Whether the log is relied upon at `now_ms` (qualified, usable, readonly) and its key is not public. */
bool ct_log_is_current(const struct ct_log *log, int64_t now_ms);

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

/* One condition of a way: met when seen >= needed. */
struct ct_requirement {
    const char *name;            /* the setting, or the rule's own word; static */
    enum clientct_reason reason; /* when it is not met */
    size_t seen;
    size_t needed; /* SIZE_MAX: cannot be met by any number of SCTs */
    /* texts, filled in only when somebody reads them */
    char seen_text[200];
    char needed_text[160];
    char lacking[160]; /* "from an operator other than Alpha": what the SCTs that are missing have to be */
};

/* One way to satisfy a policy: all its requirements hold. */
#define CT_WAY_REQUIREMENTS 5
struct ct_way {
    const char *name;     /* "embedded"; NULL: the policy has only this way */
    const char *delivery; /* for advice: " embedded in the certificate", or "" */
    bool evidence;        /* there is an SCT that counts this way */
    size_t anew;          /* that many new SCTs at least: retired logs will not count beside a newer SCT */
    struct ct_requirement requirements[CT_WAY_REQUIREMENTS];
    size_t count;
};

/* Adds a requirement and returns it, for its texts. */
struct ct_requirement *ct_way_require(struct ct_way *way, const char *name, size_t seen, size_t needed,
                                      enum clientct_reason reason);
/* "2 logs count (Alpha One, Beta Two)", and what does not and why. */
void ct_say_logs(struct ct_requirement *r, const struct ct_tally *tally);
/* Requirements that more than one rule book has, with their texts when `speak`. */
void ct_way_require_operators(struct ct_way *way, const char *name, const struct ct_tally *tally, size_t needed,
                              bool speak);
void ct_way_require_current_log(struct ct_way *way, const char *name, const struct ct_tally *tally, bool speak);
/* What would be lacking when `max_per_operator` is used up by some. */
void ct_lacking_other_operators(struct ct_requirement *r, const struct ct_tally *tally, unsigned max_per_operator);
/* Any way that holds will do. Otherwise the first failing requirement of the way that lacks least. */
enum clientct_reason ct_ways_judge(const struct ct_policy *policy, const struct ct_way *ways, size_t count,
                                   char *detail, size_t detail_size, struct ct_explanation *explanation);

/* The rule books: they fill in the ways; `speak` asks for the texts. */
#define CT_WAYS_MAX 2
size_t ct_conditions_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                          const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
size_t ct_chrome_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                      const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
size_t ct_apple_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                     const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX]);
/* What the presets' sections would say; `policy` holds the defaults. */
void ct_chrome_preset(struct ct_policy *policy);
void ct_apple_preset(struct ct_policy *policy);

#endif
