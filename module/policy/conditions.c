/* SPDX-License-Identifier: Apache-2.0 */
/* The table of conditions of a policy section in clientct.cnf. */
#include <string.h>

#include "policy/rule_books.h"

/* A required log is named by its description or by the hex of its id. */
static bool is_log(const char *wanted, const struct ct_log *log)
{
    uint8_t id[CT_LOG_ID_LEN];

    if (strcmp(wanted, log->description) == 0) {
        return true;
    }
    return ct_unhex(wanted, strlen(wanted), id, sizeof id) && memcmp(id, log->id, sizeof id) == 0;
}

static bool has_signed(const char *wanted, const struct ct_tally *tally)
{
    for (size_t i = 0; i < tally->count; i++) {
        if (is_log(wanted, tally->logs[i].log)) {
            return true;
        }
    }
    return false;
}

static void say_min_scts(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                         const struct ct_tally *tally, const struct ct_min_scts *row, struct ct_requirement *r)
{
    ct_say_logs(r, tally);
    ct_text_add(r->needed_text, sizeof r->needed_text, "%zu for a lifetime of ", r->needed);
    ct_text_add_duration(r->needed_text, sizeof r->needed_text, ct_lifetime_ms(subject));
    if (row != NULL && policy->min_scts_rows > 1) {
        bool first = row == &policy->min_scts[0];

        ct_text_add(r->needed_text, sizeof r->needed_text, " (row: %u %s ", row->scts, first ? "up to" : "over");
        ct_text_add_duration(r->needed_text, sizeof r->needed_text, first ? row[1].over_ms : row->over_ms);
        ct_text_add(r->needed_text, sizeof r->needed_text, ")");
    }
    if (policy->max_per_operator > 0) {
        ct_lacking_other_operators(r, tally, policy->max_per_operator);
    }
}

static void require_logs(const struct ct_policy *policy, const struct ct_tally *tally, bool speak, struct ct_way *way)
{
    size_t wanted = 0, found = 0;
    char absent[120] = "";
    struct ct_requirement *r;

    for (char **log = policy->required_logs; log != NULL && *log != NULL; log++) {
        bool present = has_signed(*log, tally);

        wanted++;
        found += present ? 1 : 0;
        if (speak && !present) {
            ct_text_add(absent, sizeof absent, "%s%s", absent[0] != '\0' ? ", " : "", *log);
        }
    }
    if (wanted == 0) {
        return;
    }
    r = ct_way_require(way, "require_log", found, wanted, CLIENTCT_REQUIRED_LOG_MISSING);
    if (speak) {
        if (found < wanted) {
            ct_text_add(r->seen_text, sizeof r->seen_text, "no SCT from %s", absent);
            ct_text_add(r->lacking, sizeof r->lacking, "from %s", absent);
        } else {
            ct_text_add(r->seen_text, sizeof r->seen_text, "all %zu signed", wanted);
        }
        ct_text_add(r->needed_text, sizeof r->needed_text, "an SCT from each of %zu required log%s", wanted,
                    wanted == 1 ? "" : "s");
    }
}

size_t ct_conditions_ways(const struct ct_policy *policy, const struct ct_policy_subject *subject,
                          const struct ct_scts *scts, bool speak, struct ct_way ways[CT_WAYS_MAX])
{
    const struct ct_min_scts *row = ct_min_scts_row(policy, ct_lifetime_ms(subject));
    size_t needed = row != NULL && row->scts > 0 ? row->scts : 1; /* no policy is satisfied by nothing */
    size_t operators = policy->min_operators > 0 ? policy->min_operators : 1;
    struct ct_way *way = &ways[0];
    struct ct_requirement *r;
    struct ct_tally tally;

    ct_tally_take(policy, subject, scts, CT_TALLY_ALL, &tally);
    *way = (struct ct_way){ .delivery = "", .evidence = tally.count > 0 };

    r = ct_way_require(way, "min_scts", ct_tally_capped(&tally, policy->max_per_operator), needed,
                       CLIENTCT_TOO_FEW_SCTS);
    if (speak) {
        say_min_scts(policy, subject, &tally, row, r);
    }
    ct_way_require_operators(way, "min_operators", &tally, operators, speak);
    require_logs(policy, &tally, speak, way);
    if (policy->needs_current_log) {
        ct_way_require_current_log(way, "needs_current_log", &tally, speak);
    }
    return 1;
}
