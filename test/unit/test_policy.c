/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "policy/policy.h"
#include "policy/tally.h"
#include "unit.h"

#define NOW INT64_C(1780272000000) /* 2026-06-01T00:00:00Z */

static struct ct_log new_log(char *name, char *log_operator)
{
    struct ct_log log = { .description = name,
                          .log_operator = log_operator,
                          .state = CT_LOG_USABLE,
                          .has_state = true,
                          .state_since_ms = INT64_MIN,
                          .interval_start_ms = INT64_MIN,
                          .interval_end_ms = INT64_MAX,
                          .sct_from_ms = INT64_MIN,
                          .sct_until_ms = INT64_MAX };

    return log;
}

static struct ct_sct valid_sct(const struct ct_log *log, int64_t at_ms)
{
    return (struct ct_sct){
        .status = CLIENTCT_VALID, .decoded = true, .log = log, .log_id = log->id, .timestamp_ms = (uint64_t)at_ms
    };
}

static struct ct_policy_subject ninety_days(void)
{
    return (struct ct_policy_subject){ .not_before_ms = NOW - 30 * CT_DAY_MS,
                                       .not_after_ms = NOW + 60 * CT_DAY_MS,
                                       .now_ms = NOW };
}

static char alpha[] = "Alpha", beta[] = "Beta", name[] = "a log";

START_TEST(defaults_are_those_of_the_manual)
{
    struct ct_policy policy;

    memset(&policy, 0xee, sizeof policy);
    ct_policy_defaults(&policy);
    ck_assert_ptr_null(policy.name);
    ck_assert_ptr_null(policy.required_logs);
    ck_assert_int_eq(policy.kind, CT_POLICY_CONDITIONS);
    ck_assert_uint_eq(policy.min_scts_rows, 1);
    ck_assert_uint_eq(policy.min_scts[0].scts, 1);
    ck_assert_uint_eq(policy.min_operators, 1);
    ck_assert_uint_eq(policy.max_per_operator, 0);
    ck_assert(policy.needs_current_log);
    ck_assert_int_eq(policy.clock_skew_ms, 60000);
    ck_assert_int_eq(policy.sct_max_age_ms, 0);
    ck_assert_uint_eq(policy.accept_states, CT_LOG_STATE_BIT(CT_LOG_QUALIFIED) | CT_LOG_STATE_BIT(CT_LOG_USABLE) |
                                                CT_LOG_STATE_BIT(CT_LOG_READONLY) | CT_LOG_STATE_BIT(CT_LOG_RETIRED));
}
END_TEST

START_TEST(clear_forgets_everything_and_takes_what_is_half_built)
{
    struct ct_policy policy;

    ct_policy_clear(NULL);
    ct_policy_defaults(&policy);
    ct_policy_clear(&policy);
    policy.required_logs = calloc(2, sizeof(char *));
    policy.required_logs[0] = strdup("a log");
    policy.name = strdup("a policy");
    ct_policy_clear(&policy);
    ck_assert_ptr_null(policy.name);
    ck_assert_ptr_null(policy.required_logs);
}
END_TEST

START_TEST(a_zeroed_policy_accepts_nothing)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - 1);
    struct ct_scts scts = { .items = &sct, .count = 1 }, none = { 0 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_policy policy = { 0 };

    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_LOG_NOT_TRUSTED);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    policy.accept_states = CT_LOG_STATE_BIT(CT_LOG_USABLE);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &none, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    policy.kind = (enum ct_policy_kind)77;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_INTERNAL_ERROR);
}
END_TEST

START_TEST(an_unknown_log_or_state_is_never_admitted)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - 1);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_policy policy;

    ct_policy_defaults(&policy);
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_VALID);
    sct.log = NULL;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_UNKNOWN_LOG);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    sct.log = &log;
    policy.accept_states = ~0u;
    log.state = CT_LOG_STATE_COUNT;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_LOG_NOT_TRUSTED);
    log.state = CT_LOG_PENDING;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_LOG_NOT_TRUSTED);
}
END_TEST

START_TEST(only_valid_scts_are_judged)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - 1);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_policy policy;

    ct_policy_defaults(&policy);
    for (int status = 0; status < CLIENTCT_REASON_COUNT; status++) {
        sct.status = status;
        ck_assert_msg((ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL) == CLIENTCT_COMPLIANT) ==
                          (status == CLIENTCT_VALID),
                      "%s", clientct_reason_name(status));
    }
}
END_TEST

START_TEST(a_shadow_policy_does_not_trust_what_another_admitted)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - 40 * CT_DAY_MS);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_policy policy;

    ct_policy_defaults(&policy);
    policy.sct_max_age_ms = 30 * CT_DAY_MS;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    policy.sct_max_age_ms = 0;
    policy.accept_states = CT_LOG_STATE_BIT(CT_LOG_QUALIFIED);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
}
END_TEST

START_TEST(extreme_numbers_do_not_wrap)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = { .not_before_ms = INT64_MIN, .not_after_ms = INT64_MAX - 1, .now_ms = NOW };
    int64_t from = INT64_MIN, until = INT64_MAX;
    struct ct_policy policy;

    ck_assert_int_eq(ct_lifetime_ms(&subject), INT64_MAX);
    ct_policy_defaults(&policy);
    policy.clock_skew_ms = INT64_MAX;
    policy.sct_max_age_ms = INT64_MAX;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_VALID);
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert(from <= NOW && NOW < until);
    sct.timestamp_ms = UINT64_MAX;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &sct), CLIENTCT_FUTURE_TIMESTAMP);
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert(from <= NOW && NOW < until);
}
END_TEST

START_TEST(the_horizon_ends_exactly_where_the_answer_changes)
{
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - CT_DAY_MS);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = ninety_days();
    int64_t from = INT64_MIN, until = INT64_MAX;
    struct ct_policy policy;

    ct_policy_defaults(&policy);
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(from, NOW - CT_DAY_MS - 60000); /* before, the SCT is in the future */
    ck_assert_int_eq(until, INT64_MAX);

    policy.sct_max_age_ms = 30 * CT_DAY_MS;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(until, NOW + 29 * CT_DAY_MS + 1); /* the first moment at which it is too old */

    log.state = CT_LOG_RETIRED;
    log.state_since_ms = NOW + 1000;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(until, NOW + 1000);
    log.state_since_ms = NOW;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(from, NOW);

    from = NOW - 5;
    until = NOW + 5;
    log.state_since_ms = INT64_MIN;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(from, NOW - 5); /* it narrows, it never widens */
    ck_assert_int_eq(until, NOW + 5);

    sct.timestamp_ms = (uint64_t)NOW + 90000;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(until, NOW + 5);
    until = INT64_MAX;
    ct_policy_horizon(&policy, &subject, &scts, &from, &until);
    ck_assert_int_eq(until, NOW + 30000); /* then it is within the skew */
}
END_TEST

START_TEST(a_repeat_is_the_same_log_and_for_presets_the_same_way)
{
    struct ct_log log = new_log(name, alpha), other = new_log(name, alpha);
    struct ct_sct embedded = valid_sct(&log, NOW), tls = embedded, store = embedded, elsewhere = valid_sct(&other, NOW);
    struct ct_policy policy;

    tls.source = CLIENTCT_SOURCE_TLS;
    store.source = CLIENTCT_SOURCE_STORE;
    ct_policy_defaults(&policy);
    ck_assert(ct_policy_is_repeat(&policy, &embedded, &tls));
    ck_assert(!ct_policy_is_repeat(&policy, &embedded, &elsewhere));
    policy.embedded_apart = true;
    ck_assert(!ct_policy_is_repeat(&policy, &embedded, &tls));
    ck_assert(ct_policy_is_repeat(&policy, &tls, &store));
    ck_assert(!ct_policy_is_repeat(&policy, &elsewhere, &embedded));
    embedded.log = tls.log = NULL;
    ck_assert(!ct_policy_is_repeat(&policy, &embedded, &tls));
}
END_TEST

START_TEST(more_logs_than_a_tally_holds_are_no_trouble)
{
    static struct ct_log logs[CT_TALLY_MAX + 9];
    static struct ct_sct items[CT_TALLY_MAX + 9];
    struct ct_scts scts = { .items = items, .count = CT_TALLY_MAX + 9 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_explanation explanation = { 0 };
    struct ct_policy policy;
    char detail[64];

    for (size_t i = 0; i < scts.count; i++) {
        logs[i] = new_log(name, i % 2 == 0 ? alpha : beta);
        items[i] = valid_sct(&logs[i], NOW - 1);
    }
    ct_policy_defaults(&policy);
    policy.min_scts[0].scts = CT_TALLY_MAX;
    policy.min_operators = 2;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, detail, sizeof detail, &explanation),
                     CLIENTCT_COMPLIANT);
    policy.min_scts[0].scts = CT_TALLY_MAX + 1;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, detail, sizeof detail, &explanation),
                     CLIENTCT_TOO_FEW_SCTS);
    ck_assert_uint_eq(strlen(detail), sizeof detail - 1); /* cut, not overrun */
    ct_explanation_clear(&explanation);
}
END_TEST

START_TEST(many_scts_of_a_retired_log_are_judged_without_a_witness_before_signatures)
{
    static struct ct_sct items[CT_SCTS_MAX];
    struct ct_log retired = new_log(name, alpha), current = new_log(name, beta);
    struct ct_scts scts = { .items = items, .count = CT_SCTS_MAX };
    struct ct_policy_subject subject = ninety_days();
    struct ct_policy policy;

    retired.state = CT_LOG_RETIRED;
    retired.state_since_ms = NOW - CT_DAY_MS;
    for (size_t i = 0; i < scts.count; i++) {
        items[i] = valid_sct(&retired, NOW - 2 * CT_DAY_MS);
        items[i].status = CLIENTCT_NOT_CHECKED;
    }
    items[scts.count - 1] = valid_sct(&current, NOW - 1);
    items[scts.count - 1].status = CLIENTCT_NOT_CHECKED;
    ct_policy_defaults(&policy);
    /* Nobody looks for the witness in a crowd ... */
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &items[0]), CLIENTCT_VALID);
    scts.items = &items[CT_SCTS_MAX - 2];
    scts.count = 2;
    ck_assert_int_eq(ct_policy_admits(&policy, &subject, &scts, &scts.items[0]), CLIENTCT_LOG_RETIRED);
    /* ... but the judgement does. */
    scts.items = items;
    scts.count = CT_SCTS_MAX;
    items[0].status = items[CT_SCTS_MAX - 1].status = CLIENTCT_VALID;
    policy.min_scts[0].scts = 2;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    items[CT_SCTS_MAX - 1].timestamp_ms = (uint64_t)(NOW - CT_DAY_MS);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_TOO_FEW_SCTS);
    items[CT_SCTS_MAX - 1].timestamp_ms = (uint64_t)(NOW - CT_DAY_MS - 1);
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, NULL), CLIENTCT_COMPLIANT);
}
END_TEST

START_TEST(explains_every_condition_with_the_row_used)
{
    static char *required[] = { name, NULL };
    struct ct_log log = new_log(name, alpha);
    struct ct_sct sct = valid_sct(&log, NOW - 1);
    struct ct_scts scts = { .items = &sct, .count = 1 };
    struct ct_policy_subject subject = ninety_days();
    struct ct_explanation explanation = { 0 };
    struct ct_policy policy;
    char detail[320];
    static const struct {
        const char *name;
        bool met;
        const char *seen, *needed;
    } want[] = {
        { "min_scts", false, "1 log counts (a log)", "3 for a lifetime of 90 d 1 s (row: 3 over 90 d)" },
        { "min_operators", false, "1 operator (Alpha)", "2" },
        { "require_log", true, "all 1 signed", "an SCT from each of 1 required log" },
        { "needs_current_log", true, "1 of 1 logs current now", "1 that is qualified, usable or readonly" },
    };

    ct_policy_defaults(&policy);
    policy.min_scts[1] = (struct ct_min_scts){ .scts = 3, .over_ms = 90 * CT_DAY_MS };
    policy.min_scts_rows = 2;
    policy.min_operators = 2;
    policy.required_logs = required;
    subject.not_after_ms += 1000;
    ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, detail, sizeof detail, &explanation),
                     CLIENTCT_TOO_FEW_SCTS);
    ck_assert_uint_eq(explanation.count, sizeof want / sizeof want[0]);
    for (size_t i = 0; i < explanation.count; i++) {
        ck_assert_str_eq(explanation.conditions[i]->name, want[i].name);
        ck_assert_str_eq(explanation.conditions[i]->seen, want[i].seen);
        ck_assert_str_eq(explanation.conditions[i]->needed, want[i].needed);
        ck_assert_msg(explanation.conditions[i]->met == want[i].met, "%s", want[i].name);
    }
    ck_assert_str_eq(explanation.advice, "2 more SCTs, 1 of them from an operator other than Alpha");
    ct_explanation_clear(&explanation);
}
END_TEST

START_TEST(an_explanation_copies_what_it_is_given)
{
    struct ct_explanation explanation = { 0 };
    char text[] = "short-lived", long_text[2000];

    ct_explanation_add(NULL, "nobody", true, "reads", "this");
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    ct_explanation_add(&explanation, text, true, text, "%s %d", text, 7);
    ct_explanation_add(&explanation, "long", false, long_text, "%s", long_text);
    memset(text, 'z', sizeof text - 1);
    ck_assert_uint_eq(explanation.count, 2);
    ck_assert_str_eq(explanation.conditions[0]->name, "short-lived");
    ck_assert_str_eq(explanation.conditions[0]->seen, "short-lived");
    ck_assert_str_eq(explanation.conditions[0]->needed, "short-lived 7");
    ck_assert_str_eq(explanation.conditions[1]->seen, long_text);
    ck_assert_str_eq(explanation.conditions[1]->name, "long");
    ct_explanation_clear(&explanation);
    ck_assert_uint_eq(explanation.count, 0);
    ct_explanation_clear(&explanation);
    ct_explanation_clear(NULL);
}
END_TEST

START_TEST(says_durations_as_people_do)
{
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {
        { 90 * CT_DAY_MS, "90 d" },
        { 180 * CT_DAY_MS + 1000, "180 d 1 s" },
        { 180 * CT_DAY_MS - 1000, "179 d 23 h 59 min 59 s" },
        { 3600000, "1 h" },
        { 1000, "1 s" },
        { 999, "999 ms" },
        { 0, "0 ms" },
        { -86400000, "-86400000 ms" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64] = "";

        ct_text_add_duration(text, sizeof text, rows[i].ms);
        ck_assert_str_eq(text, rows[i].want);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tc = tcase_create("policy");

    tcase_add_test(tc, defaults_are_those_of_the_manual);
    tcase_add_test(tc, clear_forgets_everything_and_takes_what_is_half_built);
    tcase_add_test(tc, a_zeroed_policy_accepts_nothing);
    tcase_add_test(tc, an_unknown_log_or_state_is_never_admitted);
    tcase_add_test(tc, only_valid_scts_are_judged);
    tcase_add_test(tc, a_shadow_policy_does_not_trust_what_another_admitted);
    tcase_add_test(tc, extreme_numbers_do_not_wrap);
    tcase_add_test(tc, the_horizon_ends_exactly_where_the_answer_changes);
    tcase_add_test(tc, a_repeat_is_the_same_log_and_for_presets_the_same_way);
    tcase_add_test(tc, more_logs_than_a_tally_holds_are_no_trouble);
    tcase_add_test(tc, many_scts_of_a_retired_log_are_judged_without_a_witness_before_signatures);
    tcase_add_test(tc, explains_every_condition_with_the_row_used);
    tcase_add_test(tc, an_explanation_copies_what_it_is_given);
    tcase_add_test(tc, says_durations_as_people_do);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
