/* SPDX-License-Identifier: Apache-2.0 */
/* clientct.cnf: the strict line reader and the table of settings. */
#include "fuzz.h"
#include "config/parse.h"

#include <string.h>

#define NOTHING_LEFT(settings) \
    ((settings).log_lists == NULL && (settings).policies == NULL && (settings).rules == NULL && \
     (settings).audit == NULL && (settings).sources == 0)

static void require_consistent(const struct ct_settings *settings)
{
    FUZZ_REQUIRE(settings->policy < settings->policy_count);
    FUZZ_REQUIRE(settings->shadow_policy == SIZE_MAX || settings->shadow_policy < settings->policy_count);
    FUZZ_REQUIRE(settings->sources != 0 && settings->sources < CT_SOURCE_BIT(CLIENTCT_SOURCE_COUNT));
    FUZZ_REQUIRE(settings->log_list_count > 0 || settings->mode == CLIENTCT_MODE_OFF);
    FUZZ_REQUIRE(settings->audit_count > 0);
    FUZZ_REQUIRE(settings->resumption_window_ms >= 1000 && settings->resumption_window_ms <= 86400000);
    for (size_t i = 0; i < settings->policy_count; i++) {
        const struct ct_policy *policy = &settings->policies[i];

        FUZZ_REQUIRE(policy->name != NULL && policy->min_scts_rows >= 1 && policy->min_scts_rows <= CT_MIN_SCTS_ROWS);
        FUZZ_REQUIRE(policy->min_scts[0].scts >= 1 && policy->min_scts[0].over_ms == 0);
        FUZZ_REQUIRE(policy->accept_states != 0);
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        const struct ct_rule *rule = &settings->rules[i];

        FUZZ_REQUIRE(rule->name != NULL);
        FUZZ_REQUIRE(rule->policy == SIZE_MAX || rule->policy < settings->policy_count);
        FUZZ_REQUIRE(rule->exempt || rule->has_mode || rule->policy != SIZE_MAX ||
                     rule->resumption != CLIENTCT_RESUMPTION_ALLOW);
        FUZZ_REQUIRE(rule->resumption == CLIENTCT_RESUMPTION_ALLOW || rule->resumption <= settings->resumption);
        FUZZ_REQUIRE(rule->exempt || rule->expires_ms == INT64_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_problems problems = { 0 };
    struct ct_settings settings;
    struct ct_file_set files = { 0 };

    memset(&settings, 0xa5, sizeof settings);
    if (ct_settings_parse("clientct.cnf", (struct ct_bytes){ data, size }, &files, &settings, &problems)) {
        FUZZ_REQUIRE(problems.errors == 0);
        require_consistent(&settings);
    } else {
        FUZZ_REQUIRE(problems.errors > 0 && problems.count > 0);
        FUZZ_REQUIRE(NOTHING_LEFT(settings));
    }
    for (size_t i = 0; i < problems.count; i++) {
        const char *text = problems.items[i].text;

        for (size_t at = 0, len = strlen(text); at < len;) {
            size_t step = ct_plain_character((struct ct_bytes){ (const uint8_t *)text + at, len - at });

            FUZZ_REQUIRE(step > 0);
            at += step;
        }
    }
    ct_settings_clear(&settings);
    ct_file_set_clear(&files);
    ct_problems_clear(&problems);
    return 0;
}
