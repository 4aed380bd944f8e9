/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/admission.h"

#include "base/clock.h"

/* With more SCTs, comparing each with all others would be work that a client can make us do: left to the judge. */
#define ISSUANCE_SCAN_MAX 64

/* What this one list says. */
static enum ct_log_state own_state_at(const struct ct_log *log, int64_t now_ms)
{
    if (log->state_since_ms <= now_ms) {
        return log->state;
    }
    switch (log->state) {
    case CT_LOG_READONLY:
    case CT_LOG_RETIRED:
        return CT_LOG_USABLE; /* only a log that was usable gets these states, and until then it still is usable */
    case CT_LOG_QUALIFIED:
    case CT_LOG_USABLE:
        return CT_LOG_PENDING; /* trusted from that time on, and not before it */
    default:
        return log->state;
    }
}

const struct ct_log *ct_log_strictest(const struct ct_log *log, int64_t now_ms)
{
    static const unsigned strictness[CT_LOG_STATE_COUNT] = {
        [CT_LOG_USABLE] = 0,  [CT_LOG_QUALIFIED] = 1, [CT_LOG_READONLY] = 2,
        [CT_LOG_RETIRED] = 3, [CT_LOG_PENDING] = 4,   [CT_LOG_REJECTED] = 5,
    };
    const struct ct_log *found = log;

    for (const struct ct_log *entry = log->also; entry != NULL; entry = entry->also) {
        enum ct_log_state state = own_state_at(entry, now_ms), before = own_state_at(found, now_ms);

        if (strictness[state] > strictness[before] ||
            (state == before && state == CT_LOG_RETIRED && entry->state_since_ms < found->state_since_ms)) {
            found = entry;
        }
    }
    return found;
}

enum ct_log_state ct_log_state_at(const struct ct_log *log, int64_t now_ms)
{
    return own_state_at(ct_log_strictest(log, now_ms), now_ms);
}

bool ct_log_is_current(const struct ct_log *log, int64_t now_ms)
{
    enum ct_log_state state = ct_log_state_at(log, now_ms);

    return log->unusable == NULL && (state == CT_LOG_QUALIFIED || state == CT_LOG_USABLE || state == CT_LOG_READONLY);
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

/* By what one list says of the log. */
static enum clientct_reason admits_by(const struct ct_log *log, const struct ct_policy *policy,
                                      const struct ct_policy_subject *subject, const struct ct_scts *scts,
                                      const struct ct_sct *sct)
{
    enum ct_log_state state = own_state_at(log, subject->now_ms);
    int64_t at = (int64_t)sct->timestamp_ms;

    if (log->unusable != NULL || state == CT_LOG_PENDING || state == CT_LOG_REJECTED || state >= CT_LOG_STATE_COUNT ||
        (policy->accept_states & CT_LOG_STATE_BIT(state)) == 0) {
        return CLIENTCT_LOG_NOT_TRUSTED;
    }
    if (state == CT_LOG_RETIRED) {
        /* Judged apart, what is presented beside the certificate can be renewed, and so has to be current. */
        if (policy->embedded_apart && sct->source != CLIENTCT_SOURCE_EMBEDDED) {
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
    if (!ct_log_signs_at(log, at)) {
        return CLIENTCT_OUTSIDE_INTERVAL;
    }
    return CLIENTCT_VALID;
}

enum clientct_reason ct_policy_admits(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                                      const struct ct_scts *scts, const struct ct_sct *sct)
{
    int64_t at;

    if (sct->log == NULL) {
        return CLIENTCT_UNKNOWN_LOG;
    }
    /* A timestamp beyond INT64_MAX would turn negative, and so into the past, when it is cast. */
    if (sct->timestamp_ms > INT64_MAX ||
        (int64_t)sct->timestamp_ms > ct_time_add(subject->now_ms, policy->clock_skew_ms)) {
        return CLIENTCT_FUTURE_TIMESTAMP;
    }
    at = (int64_t)sct->timestamp_ms;
    for (const struct ct_log *log = sct->log; log != NULL; log = log->also) {
        enum clientct_reason reason = admits_by(log, policy, subject, scts, sct);

        if (reason != CLIENTCT_VALID) {
            return reason;
        }
    }
    if (policy->sct_max_age_ms > 0 && subject->now_ms > ct_time_add(at, policy->sct_max_age_ms)) {
        return CLIENTCT_SCT_TOO_OLD;
    }
    return CLIENTCT_VALID;
}

bool ct_same_witness(const struct ct_sct *a, const struct ct_sct *b)
{
    return a->log != NULL && a->log == b->log &&
           (a->source == CLIENTCT_SOURCE_EMBEDDED) == (b->source == CLIENTCT_SOURCE_EMBEDDED);
}

bool ct_policy_is_repeat(const struct ct_policy *policy, const struct ct_sct *valid, const struct ct_sct *other)
{
    return policy->embedded_apart ? ct_same_witness(valid, other) : valid->log != NULL && valid->log == other->log;
}
