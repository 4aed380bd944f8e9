/* SPDX-License-Identifier: Apache-2.0 */
/* Judging: a policy is one or more ways to satisfy it, a way is a few counts that have to be reached. */
#ifndef CT_WAYS_H
#define CT_WAYS_H

#include "policy/explanation.h"
#include "policy/tally.h"

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

#endif
