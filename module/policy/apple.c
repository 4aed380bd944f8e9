/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apple's Certificate Transparency policy, HT205280 (now article 103214), in the version that asks for one RFC 6962
 * log and no longer has the tables in months for certificates issued before 21 April 2021. (Apple's list of logs is
 * read by logs/v3.c.)
 *
 * Apple's published code measures lifetimes without the last second and does not limit the logs per operator; the
 * published rule, both ends counted and with its table, is followed here.
 */
#include "base/clock.h"
#include "policy/rule_books.h"

/* The table. Lifetimes are counted in days of 86,400 s, each one begun is a whole one. */
static const struct {
    int64_t days;
    size_t logs;
    unsigned max_per_operator;
} rows[] = {
    { 180, 2, 1 },
    { 398, 3, 2 },
};
#define ROWS (sizeof rows / sizeof rows[0])
#define CURRENT_LOGS 2

/* notBefore through notAfter, inclusive (RFC 5280, 4.1.2.5): the last second is part of it. */
static int64_t lifetime_inclusive(const struct ct_policy_subject *subject)
{
    return ct_time_add(ct_lifetime_ms(subject), CT_SECOND_MS);
}

void ct_apple_preset(struct ct_policy *policy)
{
    policy->kind = CT_POLICY_APPLE;
    policy->embedded_apart = true;
    policy->min_scts[0] = (struct ct_min_scts){ .scts = 2 };
    policy->min_scts[1] = (struct ct_min_scts){ .scts = 3, .over_ms = 180 * CT_DAY_MS - CT_SECOND_MS };
    policy->min_scts_rows = 2;
}

static void require_rfc6962(const struct ct_tally *tally, bool speak, struct ct_way *way)
{
    size_t count = 0;
    struct ct_requirement *r;

    for (size_t i = 0; i < tally->count; i++) {
        count += tally->logs[i].tiled ? 0 : 1;
    }
    r = ct_way_require(way, "RFC 6962 log", count, 1, CLIENTCT_REQUIRED_LOG_MISSING);
    if (speak) {
        ct_text_add(r->seen_text, sizeof r->seen_text, "%zu of %zu logs are RFC 6962 logs", count, tally->count);
        ct_text_add(r->needed_text, sizeof r->needed_text, "1 that is not a static-ct log");
        ct_text_add(r->lacking, sizeof r->lacking, "from an RFC 6962 log");
    }
}

static void embedded_way(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                         const struct ct_scts *scts, bool speak, struct ct_way *way)
{
    int64_t lifetime = lifetime_inclusive(subject);
    size_t row = 0;
    struct ct_requirement *r;
    struct ct_tally tally;
    unsigned most;

    ct_tally_take(policy, subject, scts, CT_TALLY_EMBEDDED, &tally);
    *way =
        (struct ct_way){ .name = "embedded", .delivery = " embedded in the certificate", .evidence = tally.count > 0 };
    while (row < ROWS && lifetime > rows[row].days * CT_DAY_MS) {
        row++;
    }
    most = row < ROWS ? rows[row].max_per_operator : 0;
    r = ct_way_require(way, "logs", ct_tally_capped(&tally, most), row < ROWS ? rows[row].logs : SIZE_MAX,
                       CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        ct_say_logs(r, &tally);
        if (row < ROWS) {
            ct_text_add(r->needed_text, sizeof r->needed_text, "%zu, at most %u of one operator, for a lifetime of ",
                        r->needed, most);
            ct_lacking_other_operators(r, &tally, most);
        } else {
            ct_text_add(r->needed_text, sizeof r->needed_text, "a lifetime of at most %d d, not ",
                        (int)rows[ROWS - 1].days);
        }
        ct_text_add_duration(r->needed_text, sizeof r->needed_text, lifetime);
    }
    ct_way_require_current_log(way, "current log", &tally, speak);
    require_rfc6962(&tally, speak, way);
}

static void presented_way(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                          const struct ct_scts *scts, bool speak, struct ct_way *way)
{
    struct ct_requirement *r;
    struct ct_tally tally;
    size_t presented = 0;

    ct_tally_take(policy, subject, scts, CT_TALLY_CURRENT, &tally);
    for (size_t i = 0; i < tally.count; i++) {
        presented += tally.logs[i].presented ? 1 : 0;
    }
    *way = (struct ct_way){ .name = "TLS", .delivery = " by TLS, OCSP or the store", .evidence = presented > 0 };
    r = ct_way_require(way, "current logs", tally.count, CURRENT_LOGS, CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        ct_say_logs(r, &tally);
        ct_text_add(r->needed_text, sizeof r->needed_text, "%zu that are current now", r->needed);
    }
    r = ct_way_require(way, "presented", presented, 1, CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        ct_text_add(r->seen_text, sizeof r->seen_text, "%zu SCT%s by TLS, OCSP or the store", presented,
                    presented == 1 ? "" : "s");
        ct_text_add(r->needed_text, sizeof r->needed_text, "1");
    }
    require_rfc6962(&tally, speak, way);
}

size_t ct_apple_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                     const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX])
{
    embedded_way(policy, subject, scts, speak, &ways[0]);
    presented_way(policy, subject, scts, speak, &ways[1]);
    return CT_WAYS_MAX;
}
