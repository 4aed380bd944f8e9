/* SPDX-License-Identifier: Apache-2.0 */
#include <clientct/clientct.h>

#include <ctype.h>
#include <string.h>

#include "unit.h"

START_TEST(the_zero_value_is_not_evaluated_and_refuses)
{
    struct clientct_verdict verdict;

    memset(&verdict, 0, sizeof verdict);
    ck_assert(!verdict.accept);
    ck_assert(!verdict.decided);
    ck_assert(!verdict.compliant);
    ck_assert_str_eq(clientct_reason_name(verdict.reason), "not-evaluated");
    ck_assert_str_eq(clientct_mode_name(verdict.mode), "enforce");
    clientct_verdict_clear(&verdict);
    clientct_verdict_clear(NULL);
}
END_TEST

START_TEST(reason_names_are_distinct_and_of_one_form)
{
    for (int i = 0; i < CLIENTCT_REASON_COUNT; i++) {
        const char *name = clientct_reason_name((enum clientct_reason)i);

        for (const char *c = name; *c != '\0'; c++) {
            ck_assert_msg(islower((unsigned char)*c) || *c == '-', "%s", name);
        }
        ck_assert_msg(strlen(clientct_reason_text((enum clientct_reason)i)) > 10, "%s", name);
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(name, clientct_reason_name((enum clientct_reason)j));
        }
    }
}
END_TEST

START_TEST(values_outside_the_lists_have_a_name_too)
{
    ck_assert_str_eq(clientct_reason_name((enum clientct_reason)999), "unknown-reason");
    ck_assert_str_eq(clientct_reason_text((enum clientct_reason)999), "unknown-reason");
    ck_assert_str_eq(clientct_source_name((enum clientct_source)999), "unknown-source");
    ck_assert_str_eq(clientct_mode_name((enum clientct_mode)999), "unknown-mode");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tc = tcase_create("verdict");

    tcase_add_test(tc, the_zero_value_is_not_evaluated_and_refuses);
    tcase_add_test(tc, reason_names_are_distinct_and_of_one_form);
    tcase_add_test(tc, values_outside_the_lists_have_a_name_too);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
