/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs short while clientct.cnf is read: never half of the settings.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "config/parse.h"
#include "short_memory.h"
#include "unit.h"

static const char text[] = "mode = enforce\nlog_list = /a\nlog_list = /b\nlog_list_key = /k\nsct_store = /s\n"
                           "ocsp_store = /o\npolicy = p\nshadow_policy = chrome\nrules = rs\naudit = file:/x\n"
                           "audit = syslog\nmetrics = /m\n[rs]\na = a\nb = b\n[a]\nserver_name = x.y\npolicy = q\n"
                           "certificate_policy = 1.2.3\n[b]\nissuer = sha256:"
                           "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\nexempt = yes\n"
                           "[p]\nrequire_log = A\nrequire_log = B\nmin_scts = 2, 3 over 180d\n[q]\n"
                           "accept_states = usable\n";

static struct ct_file_set files; /* none is named here */

static bool parse_short_of(size_t which, bool for_good, struct ct_settings *settings, struct ct_problems *problems)
{
    bool good;

    *problems = (struct ct_problems){ 0 };
    allocations = 0;
    fails_at = which;
    stays_short = for_good;
    counting = true;
    good =
        ct_settings_parse("f", (struct ct_bytes){ (const uint8_t *)text, sizeof text - 1 }, &files, settings, problems);
    counting = false;
    return good;
}

START_TEST(short_memory_leaves_no_settings)
{
    struct ct_settings settings;
    struct ct_problems problems;
    size_t needed, warnings;

    ck_assert(parse_short_of(0, false, &settings, &problems));
    ck_assert_uint_eq(problems.errors, 0);
    needed = allocations;
    warnings = problems.warnings;
    ck_assert_uint_gt(needed, 30);
    ct_settings_clear(&settings);
    ct_problems_clear(&problems);
    for (size_t i = 1; i <= needed; i++) {
        for (int for_good = 0; for_good <= 1; for_good++) {
            bool good = parse_short_of(i, for_good == 1, &settings, &problems);

            /* Only what a warning would have said may be lost; that there was one is still counted. */
            ck_assert_msg(good == (problems.errors == 0), "allocation %zu: errors are not counted", i);
            ck_assert_msg(!good ||
                              (settings.rule_count == 2 && settings.policy_count == 3 && settings.log_list_count == 2 &&
                               settings.audit_count == 2 && problems.warnings == warnings && problems.count < warnings),
                          "allocation %zu: half of the settings", i);
            ck_assert_msg(good || (settings.log_lists == NULL && settings.policies == NULL && settings.rules == NULL &&
                                   settings.audit == NULL && settings.sources == 0),
                          "allocation %zu: something is left", i);
            ct_settings_clear(&settings);
            ct_problems_clear(&problems);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings_memory");
    TCase *tcase = tcase_create("settings_memory");

    OPENSSL_init_crypto(0, NULL); /* its own first allocations are not the point */
    tcase_add_test(tcase, short_memory_leaves_no_settings);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
