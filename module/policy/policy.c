#include "policy/ways.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Beyond this many SCTs ct_policy_admits leaves the issuance to ct_policy_judge: a client must not buy n² steps. */
#define ISSUANCE_SCAN_MAX 64

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

enum ct_log_state ct_log_state_at(const struct ct_log *log, int64_t now_ms)
{
    if (log->state_since_ms <= now_ms) {
        return log->state;
    }
    switch (log->state) {
    case CT_LOG_READONLY:
    case CT_LOG_RETIRED:
        return CT_LOG_USABLE; /* a log comes to these states only from being relied upon, and is until that moment */
    case CT_LOG_QUALIFIED:
    case CT_LOG_USABLE:
        return CT_LOG_PENDING; /* trusted from a date on: not before it */
    default:
        return log->state;
    }
}

bool ct_log_is_current(const struct ct_log *log, int64_t now_ms)
{
    enum ct_log_state state = ct_log_state_at(log, now_ms);

    return !log->mimic && (state == CT_LOG_QUALIFIED || state == CT_LOG_USABLE || state == CT_LOG_READONLY);
}

/* INT64_MAX where the sum is beyond it. */
static int64_t later(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* Could this SCT witness when the certificate was issued? Its status is no help: another policy may have set it. */
static bool may_witness(const struct ct_sct *sct, int64_t now_ms)
{
    return sct->decoded && sct->log != NULL && ct_log_is_current(sct->log, now_ms);
}

/*
 * Nobody watches a retired log any more, so its own word on the time is not enough: the earliest SCT of a log that
 * is still watched has to say that the certificate existed before the retirement. Before signatures are checked
 * this can only rule out; ct_policy_judge asks again of the SCTs that are valid. Where there is no such SCT at all,
 * what is wrong is that no log is current, which is for ct_policy_judge to say.
 */
static bool issuance_may_precede(const struct ct_scts *scts, int64_t retired_ms, int64_t now_ms)
{
    bool any = false;

    if (scts == NULL || scts->count > ISSUANCE_SCAN_MAX) {
        return true;
    }
    for (size_t i = 0; i < scts->count; i++) {
        if (!may_witness(&scts->items[i], now_ms)) {
            continue;
        }
        if (scts->items[i].timestamp_ms < (uint64_t)retired_ms) {
            return true;
        }
        any = true;
    }
    return !any;
}

enum clientct_reason ct_policy_admits(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                      const struct ct_scts *scts, const struct ct_sct *sct)
{
    const struct ct_log *log = sct->log;
    enum ct_log_state state;
    int64_t at;

    if (log == NULL) {
        return CLIENTCT_UNKNOWN_LOG;
    }
    /* A timestamp beyond INT64_MAX would turn negative, and so into the past, when it is cast. */
    if (sct->timestamp_ms > INT64_MAX || (int64_t)sct->timestamp_ms > later(subject->now_ms, policy->clock_skew_ms)) {
        return CLIENTCT_FUTURE_TIMESTAMP;
    }
    at = (int64_t)sct->timestamp_ms;

    state = ct_log_state_at(log, subject->now_ms);
    if (log->mimic || state == CT_LOG_PENDING || state == CT_LOG_REJECTED || state >= CT_LOG_STATE_COUNT ||
        (policy->accept_states & CT_LOG_STATE_BIT(state)) == 0) {
        return CLIENTCT_LOG_NOT_TRUSTED;
    }
    if (state == CT_LOG_RETIRED) {
        /* In both presets what is delivered with the handshake can be renewed, and so has to be current. */
        if (policy->kind != CT_POLICY_CONDITIONS && sct->source != CLIENTCT_SOURCE_EMBEDDED) {
            return CLIENTCT_LOG_RETIRED;
        }
        if (at >= log->state_since_ms) { /* without a retirement time, INT64_MIN, nothing is before it */
            return CLIENTCT_LOG_RETIRED;
        }
        /* From here on the retirement is later than a timestamp, hence not negative. */
        if (policy->needs_current_log && !issuance_may_precede(scts, log->state_since_ms, subject->now_ms)) {
            return CLIENTCT_LOG_RETIRED;
        }
    }

    if (subject->not_after_ms < log->interval_start_ms || subject->not_after_ms >= log->interval_end_ms) {
        return CLIENTCT_OUTSIDE_INTERVAL;
    }
    if (at < log->sct_from_ms || at > log->sct_until_ms) {
        return CLIENTCT_OUTSIDE_INTERVAL;
    }
    if (policy->sct_max_age_ms > 0 && subject->now_ms > later(at, policy->sct_max_age_ms)) {
        return CLIENTCT_SCT_TOO_OLD;
    }
    return CLIENTCT_VALID;
}

bool ct_policy_is_repeat(const struct ct_policy *policy, const struct ct_sct *valid, const struct ct_sct *other)
{
    if (valid->log == NULL || valid->log != other->log) {
        return false;
    }
    return policy->kind == CT_POLICY_CONDITIONS ||
           (valid->source == CLIENTCT_SOURCE_EMBEDDED) == (other->source == CLIENTCT_SOURCE_EMBEDDED);
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
    struct ct_way ways[CT_WAYS_MAX];
    size_t count = fill_ways(policy, subject, scts, explanation != NULL, ways);
    enum clientct_reason reason = ct_ways_judge(policy, ways, count, detail, detail_size, explanation);

    if (reason != CLIENTCT_COMPLIANT && explanation == NULL && detail != NULL) {
        /* Texts cost more than counting: they are made only now that somebody will read them. */
        count = fill_ways(policy, subject, scts, true, ways);
        reason = ct_ways_judge(policy, ways, count, detail, detail_size, NULL);
    }
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
        narrow(sct->log->state_since_ms, subject->now_ms, from_ms, until_ms);
        if (sct->timestamp_ms > INT64_MAX) {
            continue; /* in the future for ever */
        }
        at = (int64_t)sct->timestamp_ms;
        narrow(later(at, -policy->clock_skew_ms), subject->now_ms, from_ms, until_ms);
        if (policy->sct_max_age_ms > 0) {
            narrow(later(later(at, policy->sct_max_age_ms), 1), subject->now_ms, from_ms, until_ms);
        }
    }
}
