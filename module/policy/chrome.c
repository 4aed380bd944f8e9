/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chrome's Certificate Transparency policy, as published on 15 April 2026 (the rule that one SCT must be from an
 * RFC 6962 log was gone by then). SCTs in OCSP responses count as they did up to Chrome 147, as those by TLS.
 *
 * Chromium's own code decides otherwise in two places, and the published rule is followed here: it takes one SCT by
 * TLS plus any operator's embedded SCT for the TLS way, which asks for two; and it counts an operator for diversity
 * whose retired log no longer counts.
 */
#include "base/clock.h"
#include "policy/rule_books.h"

#define SHORT_LIFETIME_MS (180 * CT_DAY_MS)
#define OPERATORS 2
#define PRESENTED_LOGS 2

void ct_chrome_preset(struct ct_policy *policy)
{
    policy->kind = CT_POLICY_CHROME;
    policy->embedded_apart = true;
    policy->min_scts[0] = (struct ct_min_scts){ .scts = 2 };
    policy->min_scts[1] = (struct ct_min_scts){ .scts = 3, .over_ms = SHORT_LIFETIME_MS };
    policy->min_scts_rows = 2;
    policy->min_operators = OPERATORS;
}

size_t ct_chrome_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                      const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX])
{
    int64_t lifetime = ct_lifetime_ms(subject);
    size_t needed = lifetime > SHORT_LIFETIME_MS ? 3 : 2;
    struct ct_requirement *r;
    struct ct_tally tally;

    ct_tally_take(policy, subject, scts, CT_TALLY_EMBEDDED, &tally);
    ways[0] =
        (struct ct_way){ .name = "embedded", .delivery = " embedded in the certificate", .evidence = tally.count > 0 };
    r = ct_way_require(&ways[0], "logs", tally.count, needed, CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        ct_say_logs(r, &tally);
        ct_text_add(r->needed_text, sizeof r->needed_text, "%zu for a lifetime of ", needed);
        ct_text_add_duration(r->needed_text, sizeof r->needed_text, lifetime);
        ct_text_add(r->needed_text, sizeof r->needed_text, needed == 3 ? " (over 180 d)" : " (up to 180 d)");
    }
    ct_way_require_operators(&ways[0], "operators", &tally, OPERATORS, speak);
    ct_way_require_current_log(&ways[0], "current log", &tally, speak);

    /* Retired logs never get here: ct_policy_admits turns away what is presented from them. */
    ct_tally_take(policy, subject, scts, CT_TALLY_PRESENTED, &tally);
    ways[1] = (struct ct_way){ .name = "TLS", .delivery = " by TLS, OCSP or the store", .evidence = tally.count > 0 };
    r = ct_way_require(&ways[1], "current logs", tally.current, PRESENTED_LOGS, CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        ct_say_logs(r, &tally);
        ct_text_add(r->needed_text, sizeof r->needed_text, "%zu that are current now", r->needed);
    }
    ct_way_require_operators(&ways[1], "operators", &tally, OPERATORS, speak);
    return CT_WAYS_MAX;
}
