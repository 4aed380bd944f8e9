/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/rule_books.h"

const char *const ct_policy_preset_names[] = { "one", "chrome", "apple", NULL };
/* What a preset changes of the defaults, in the order of the names; `one` changes nothing. */
static void (*const preset_fill[])(struct ct_policy *policy) = { NULL, ct_chrome_preset, ct_apple_preset };

void ct_policy_defaults(struct ct_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    policy->kind = CT_POLICY_CONDITIONS;
    policy->min_scts[0].scts = 1;
    policy->min_scts_rows = 1;
    policy->min_operators = 1;
    policy->accept_states = CT_LOG_STATE_BIT(CT_LOG_QUALIFIED) | CT_LOG_STATE_BIT(CT_LOG_USABLE) |
                            CT_LOG_STATE_BIT(CT_LOG_READONLY) | CT_LOG_STATE_BIT(CT_LOG_RETIRED);
    policy->needs_current_log = true;
    policy->clock_skew_ms = 60 * CT_SECOND_MS;
}

bool ct_policy_preset(const char *name, struct ct_policy *policy)
{
    for (size_t i = 0; ct_policy_preset_names[i] != NULL; i++) {
        if (strcmp(name, ct_policy_preset_names[i]) == 0) {
            ct_policy_defaults(policy);
            if (preset_fill[i] != NULL) {
                preset_fill[i](policy);
            }
            policy->name = strdup(name);
            return policy->name != NULL;
        }
    }
    return false;
}

void ct_policy_clear(struct ct_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    free(policy->name);
    for (char **log = policy->required_logs; log != NULL && *log != NULL; log++) {
        free(*log);
    }
    free(policy->required_logs);
    memset(policy, 0, sizeof *policy);
}

/* Zero for a kind that nobody knows. */
static size_t fill_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                        const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX])
{
    switch (policy->kind) {
    case CT_POLICY_CONDITIONS:
        return ct_conditions_ways(policy, subject, scts, speak, ways);
    case CT_POLICY_CHROME:
        return ct_chrome_ways(policy, subject, scts, speak, ways);
    case CT_POLICY_APPLE:
        return ct_apple_ways(policy, subject, scts, speak, ways);
    }
    return 0;
}

enum clientct_reason ct_policy_judge(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                     const struct ct_scts *scts, char *detail, size_t detail_size,
                                     struct ct_explanation *explanation)
{
    struct ct_way *ways = calloc(CT_WAYS_MAX, sizeof *ways); /* too large for the small stacks of some servers */
    enum clientct_reason reason;
    size_t count;

    if (ways == NULL) {
        return CLIENTCT_INTERNAL_ERROR;
    }
    count = fill_ways(policy, subject, scts, explanation != NULL, ways);
    reason = ct_ways_judge(policy, ways, count, detail, detail_size, explanation);
    if (reason != CLIENTCT_COMPLIANT && explanation == NULL && detail != NULL) {
        /* Texts cost more than counting: they are made only now that somebody will read them. */
        count = fill_ways(policy, subject, scts, true, ways);
        reason = ct_ways_judge(policy, ways, count, detail, detail_size, NULL);
    }
    free(ways);
    return reason;
}

/* At `moment` and after, the answer may be another one than before. */
static void narrow(int64_t moment, int64_t now_ms, int64_t *from_ms, int64_t *until_ms)
{
    if (moment > now_ms) {
        *until_ms = moment < *until_ms ? moment : *until_ms;
    } else {
        *from_ms = moment > *from_ms ? moment : *from_ms;
    }
}

void ct_policy_horizon(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                       const struct ct_scts *scts, int64_t *from_ms, int64_t *until_ms)
{
    for (size_t i = 0; i < scts->count; i++) {
        const struct ct_sct *sct = &scts->items[i];
        int64_t at;

        if (!sct->decoded || sct->log == NULL) {
            continue;
        }
        for (const struct ct_log *log = sct->log; log != NULL; log = log->also) {
            narrow(log->state_since_ms, subject->now_ms, from_ms, until_ms);
        }
        if (sct->timestamp_ms > INT64_MAX) {
            continue; /* later than any time that a clock can show */
        }
        at = (int64_t)sct->timestamp_ms;
        if (policy->require_inclusion) {
            narrow(ct_time_add(at, policy->inclusion_grace_ms), subject->now_ms, from_ms, until_ms);
        }
        narrow(ct_time_add(at, -policy->clock_skew_ms), subject->now_ms, from_ms, until_ms);
        if (policy->sct_max_age_ms > 0) {
            narrow(ct_time_add(ct_time_add(at, policy->sct_max_age_ms), 1), subject->now_ms, from_ms, until_ms);
        }
    }
}
