/* SPDX-License-Identifier: Apache-2.0 */
/* What the table of cases cannot say of the presets: their names, their fields, how they explain themselves. */
#include <string.h>

#include "base/clock.h"
#include "policy/policy.h"
#include "unit.h"

#define NOW INT64_C(1780272000000) /* 2026-06-01T00:00:00Z */

static char alpha[] = "Alpha", beta[] = "Beta", first[] = "first", second[] = "second", third[] = "third";

static struct ct_log new_log(char *name, char *log_operator)
{
    return (struct ct_log){ .description = name,
                            .log_operator = log_operator,
                            .state = CT_LOG_USABLE,
                            .has_state = true,
                            .state_since_ms = INT64_MIN,
                            .interval_start_ms = INT64_MIN,
                            .interval_end_ms = INT64_MAX,
                            .sct_from_ms = INT64_MIN,
                            .sct_until_ms = INT64_MAX };
}

static struct ct_sct valid_sct(const struct ct_log *log, enum clientct_source source)
{
    return (struct ct_sct){ .status = CLIENTCT_VALID,
                            .decoded = true,
                            .log = log,
                            .log_id = log->id,
                            .source = source,
                            .timestamp_ms = (uint64_t)NOW - 1 };
}

START_TEST(each_name_is_a_preset_and_nothing_else_is)
{
    static const char *const wrong[] = { "", "on", "ones", "Chrome", "apple ", "firefox" };
    size_t count = 0;

    for (; ct_policy_preset_names[count] != NULL; count++) {
        struct ct_policy policy;

        ck_assert(ct_policy_preset(ct_policy_preset_names[count], &policy));
        ck_assert_str_eq(policy.name, ct_policy_preset_names[count]);
        ck_assert_uint_eq(policy.line, 0);
        ct_policy_clear(&policy);
    }
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ct_policy policy;

        ck_assert_msg(!ct_policy_preset(wrong[i], &policy), "'%s'", wrong[i]);
    }
}
END_TEST

START_TEST(fields_say_what_the_rule_books_ask_for)
{
    struct ct_policy chrome, apple, one;

    ck_assert(ct_policy_preset("chrome", &chrome));
    ck_assert(ct_policy_preset("apple", &apple));
    ck_assert(ct_policy_preset("one", &one));
    ck_assert_int_eq(one.kind, CT_POLICY_CONDITIONS);
    ck_assert_uint_eq(one.min_scts[0].scts, 1);
    ck_assert_int_eq(chrome.kind, CT_POLICY_CHROME);
    ck_assert_uint_eq(chrome.min_scts_rows, 2);
    ck_assert_uint_eq(chrome.min_scts[0].scts, 2);
    ck_assert_uint_eq(chrome.min_scts[1].scts, 3);
    ck_assert_int_eq(chrome.min_scts[1].over_ms, 180 * CT_DAY_MS);
    ck_assert_uint_eq(chrome.min_operators, 2);
    ck_assert_int_eq(apple.kind, CT_POLICY_APPLE);
    ck_assert_int_eq(apple.min_scts[1].over_ms, 180 * CT_DAY_MS - 1000); /* the last second is part of a lifetime */
    ct_policy_clear(&chrome);
    ct_policy_clear(&apple);
    ct_policy_clear(&one);
}
END_TEST

/* One row: which SCTs, and what is said of them. */
struct row {
    const char *name, *preset;
    size_t count;
    enum clientct_source sources[3];
    int64_t lifetime_days;
    enum clientct_reason reason;
    const char *detail, *advice;
};

START_TEST(speaks_of_the_way_that_lacks_least)
{
    static const struct row rows[] = {
        { "nothing is said of the other way",
          "chrome",
          1,
          { CLIENTCT_SOURCE_EMBEDDED },
          90,
          CLIENTCT_TOO_FEW_SCTS,
          "1 log counts (first), policy chrome needs 2 for a lifetime of 90 d (up to 180 d) by the way of embedded",
          "one more SCT embedded in the certificate from an operator other than Alpha" },
        { "two by TLS of one operator",
          "chrome",
          2,
          { CLIENTCT_SOURCE_TLS, CLIENTCT_SOURCE_TLS },
          90,
          CLIENTCT_TOO_FEW_OPERATORS,
          "1 operator (Alpha), policy chrome needs 2 by the way of TLS",
          "one more SCT by TLS, OCSP or the store from an operator other than Alpha" },
        { "one embedded of three: two by TLS are as near",
          "chrome",
          1,
          { CLIENTCT_SOURCE_EMBEDDED },
          200,
          CLIENTCT_TOO_FEW_SCTS,
          "1 log counts (first), policy chrome needs 3 for a lifetime of 200 d (over 180 d) by the way of embedded",
          "2 more SCTs embedded in the certificate, 1 of them from an operator other than Alpha" },
        { "a lifetime that no embedded SCT can serve",
          "apple",
          2,
          { CLIENTCT_SOURCE_EMBEDDED, CLIENTCT_SOURCE_EMBEDDED },
          400,
          CLIENTCT_TOO_FEW_SCTS,
          "2 logs count (first, second), policy apple needs a lifetime of at most 398 d, not 400 d 1 s by the way of "
          "embedded",
          "one more SCT by TLS, OCSP or the store" },
        { "both of one operator",
          "apple",
          2,
          { CLIENTCT_SOURCE_EMBEDDED, CLIENTCT_SOURCE_EMBEDDED },
          90,
          CLIENTCT_TOO_FEW_SCTS,
          "1 log counts (first, second), 1 beyond what one operator may have, policy apple needs 2, at most 1 of one "
          "operator, for a lifetime of 90 d 1 s by the way of embedded",
          "one more SCT embedded in the certificate from an operator other than Alpha" },
    };
    struct ct_log logs[] = { new_log(first, alpha), new_log(second, alpha), new_log(third, beta) };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_policy_subject subject = { .not_before_ms = NOW - CT_DAY_MS,
                                             .now_ms = NOW,
                                             .not_after_ms = NOW + (rows[i].lifetime_days - 1) * CT_DAY_MS };
        struct ct_explanation explanation = { 0 };
        struct ct_sct items[3];
        struct ct_scts scts = { .items = items, .count = rows[i].count };
        struct ct_policy policy;
        char detail[320];

        for (size_t j = 0; j < rows[i].count; j++) {
            items[j] = valid_sct(&logs[j], rows[i].sources[j]);
        }
        ck_assert(ct_policy_preset(rows[i].preset, &policy));
        ck_assert_msg(ct_policy_judge(&policy, &subject, &scts, detail, sizeof detail, &explanation) == rows[i].reason,
                      "%s", rows[i].name);
        ck_assert_msg(strcmp(detail, rows[i].detail) == 0, "%s: %s", rows[i].name, detail);
        ck_assert_msg(strcmp(explanation.advice, rows[i].advice) == 0, "%s: %s", rows[i].name, explanation.advice);
        ct_explanation_clear(&explanation);
        ct_policy_clear(&policy);
    }
}
END_TEST

START_TEST(explains_both_ways)
{
    static const char *const chrome[] = { "embedded: logs", "embedded: operators", "embedded: current log",
                                          "TLS: current logs", "TLS: operators" };
    static const char *const apple[] = { "embedded: logs",    "embedded: current log", "embedded: RFC 6962 log",
                                         "TLS: current logs", "TLS: presented",        "TLS: RFC 6962 log" };
    static const struct {
        const char *preset;
        const char *const *names;
        size_t count;
    } rows[] = { { "chrome", chrome, 5 }, { "apple", apple, 6 } };
    struct ct_policy_subject subject = { .not_before_ms = NOW - CT_DAY_MS,
                                         .now_ms = NOW,
                                         .not_after_ms = NOW + 89 * CT_DAY_MS };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_log logs[] = { new_log(first, alpha), new_log(third, beta) };
        struct ct_sct items[] = { valid_sct(&logs[0], CLIENTCT_SOURCE_EMBEDDED),
                                  valid_sct(&logs[1], CLIENTCT_SOURCE_EMBEDDED) };
        struct ct_scts scts = { .items = items, .count = 2 };
        struct ct_explanation explanation = { 0 };
        struct ct_policy policy;

        ck_assert(ct_policy_preset(rows[i].preset, &policy));
        ck_assert_int_eq(ct_policy_judge(&policy, &subject, &scts, NULL, 0, &explanation), CLIENTCT_COMPLIANT);
        ck_assert_uint_eq(explanation.count, rows[i].count);
        for (size_t j = 0; j < explanation.count; j++) {
            ck_assert_str_eq(explanation.conditions[j]->name, rows[i].names[j]);
            ck_assert_msg(explanation.conditions[j]->met || rows[i].names[j][0] == 'T', "%s", rows[i].names[j]);
        }
        ck_assert_str_eq(explanation.advice, "");
        ct_explanation_clear(&explanation);
        ct_policy_clear(&policy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy presets");
    TCase *tc = tcase_create("policy presets");

    tcase_add_test(tc, each_name_is_a_preset_and_nothing_else_is);
    tcase_add_test(tc, fields_say_what_the_rule_books_ask_for);
    tcase_add_test(tc, speaks_of_the_way_that_lacks_least);
    tcase_add_test(tc, explains_both_ways);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
