/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ways.h"

#include <stdio.h>
#include <string.h>

struct ct_requirement *ct_way_require(struct ct_way *way, const char *name, size_t seen, size_t needed,
                                      enum clientct_reason reason)
{
    struct ct_requirement *added = &way->requirements[way->count++];

    added->name = name;
    added->reason = reason;
    added->seen = seen;
    added->needed = needed;
    added->seen_text[0] = added->needed_text[0] = added->lacking[0] = '\0';
    return added;
}

void ct_say_logs(struct ct_requirement *r, const struct ct_tally *tally)
{
    char *text = r->seen_text;
    size_t size = sizeof r->seen_text;

    ct_text_add(text, size, "%zu %s", r->seen, r->seen == 1 ? "log counts" : "logs count");
    if (tally->count > 0) {
        ct_text_add(text, size, " (");
        ct_text_add_logs(text, size, tally);
        ct_text_add(text, size, ")");
    }
    if (tally->count > r->seen) {
        ct_text_add(text, size, ", %zu beyond what one operator may have", tally->count - r->seen);
    }
    if (tally->after_retirement > 0) {
        ct_text_add(text, size, ", %zu retired before the certificate was issued", tally->after_retirement);
    }
}

void ct_lacking_other_operators(struct ct_requirement *r, const struct ct_tally *tally, unsigned max_per_operator)
{
    size_t size = sizeof r->lacking;
    bool several = r->seen < r->needed && r->needed - r->seen > 1;
    char names[120] = "";

    ct_text_add_operators(names, sizeof names, tally, max_per_operator);
    if (several && max_per_operator == 0) {
        ct_text_add(r->lacking, size, "from different operators%s%s", names[0] != '\0' ? " other than " : "", names);
        return;
    }
    if (names[0] != '\0') {
        ct_text_add(r->lacking, size, "from %s other than %s", several ? "operators" : "an operator", names);
    }
    if (several && max_per_operator > 0) {
        ct_text_add(r->lacking, size, "%sat most %u from one operator", names[0] != '\0' ? ", " : "", max_per_operator);
    }
}

void ct_way_require_operators(struct ct_way *way, const char *name, const struct ct_tally *tally, size_t needed,
                              bool speak)
{
    struct ct_requirement *r = ct_way_require(way, name, tally->operators, needed, CLIENTCT_TOO_FEW_OPERATORS);

    if (!speak) {
        return;
    }
    ct_text_add(r->seen_text, sizeof r->seen_text, "%zu operator%s", r->seen, r->seen == 1 ? "" : "s");
    if (tally->count > 0) {
        ct_text_add(r->seen_text, sizeof r->seen_text, " (");
        ct_text_add_operators(r->seen_text, sizeof r->seen_text, tally, 0);
        ct_text_add(r->seen_text, sizeof r->seen_text, ")");
    }
    ct_text_add(r->needed_text, sizeof r->needed_text, "%zu", r->needed);
    ct_lacking_other_operators(r, tally, 0);
}

void ct_way_require_current_log(struct ct_way *way, const char *name, const struct ct_tally *tally, bool speak)
{
    struct ct_requirement *r = ct_way_require(way, name, tally->current, 1, CLIENTCT_NO_CURRENT_LOG);

    if (tally->count > 0 && tally->current == 0) {
        way->anew = way->requirements[0].needed;
    }
    if (!speak) {
        return;
    }
    ct_text_add(r->seen_text, sizeof r->seen_text, "%zu of %zu logs current now", tally->current, tally->count);
    ct_text_add(r->needed_text, sizeof r->needed_text, "1 that is qualified, usable or readonly");
    ct_text_add(r->lacking, sizeof r->lacking, "from a log that is current now");
}

static const struct ct_requirement *first_unmet(const struct ct_way *way)
{
    for (size_t i = 0; i < way->count; i++) {
        if (way->requirements[i].seen < way->requirements[i].needed) {
            return &way->requirements[i];
        }
    }
    return NULL;
}

/* How many more SCTs would do at best: one SCT can serve several requirements. SIZE_MAX: none would. */
static size_t missing(const struct ct_way *way)
{
    size_t most = way->anew;

    for (size_t i = 0; i < way->count; i++) {
        const struct ct_requirement *r = &way->requirements[i];
        size_t lacks = r->seen >= r->needed ? 0 : r->needed == SIZE_MAX ? SIZE_MAX : r->needed - r->seen;

        most = lacks > most ? lacks : most;
    }
    return most;
}

/* The way that lacks least; the first of equals. With `tried`, ways with evidence come before ways without. */
static const struct ct_way *nearest(const struct ct_way *ways, size_t count, bool tried)
{
    const struct ct_way *best = &ways[0];

    for (size_t i = 1; i < count; i++) {
        if (tried && ways[i].evidence != best->evidence) {
            best = ways[i].evidence ? &ways[i] : best;
        } else if (missing(&ways[i]) < missing(best)) {
            best = &ways[i];
        }
    }
    return best;
}

/* Beside a newer SCT the retired logs will not count: what their operators are is of no use any more. */
static bool begins_anew(const struct ct_way *way, const struct ct_requirement *r)
{
    return way->anew > 1 && r->reason == CLIENTCT_TOO_FEW_OPERATORS && r->needed > 1;
}

static void advise(const struct ct_way *way, char *text, size_t size)
{
    size_t more = missing(way);
    const char *joint = "";

    text[0] = '\0';
    if (more == SIZE_MAX) {
        return;
    }
    if (more == 1) {
        ct_text_add(text, size, "one more SCT%s", way->delivery);
    } else {
        ct_text_add(text, size, "%zu more SCTs%s", more, way->delivery);
    }
    for (size_t i = 0; i < way->count; i++) {
        const struct ct_requirement *r = &way->requirements[i];

        if (begins_anew(way, r)) {
            ct_text_add(text, size, ", from %zu operators", r->needed);
            continue;
        }
        if (r->seen >= r->needed || r->lacking[0] == '\0' || strstr(text, r->lacking) != NULL) {
            continue; /* met, nothing special, or said already */
        }
        if (more == 1) {
            ct_text_add(text, size, "%s %s", joint, r->lacking);
            joint = " and";
        } else if (more == r->needed - r->seen) {
            ct_text_add(text, size, ", %s", r->lacking); /* all of them */
        } else {
            ct_text_add(text, size, ", %zu of them %s", r->needed - r->seen, r->lacking);
        }
    }
}

static void explain(const struct ct_way *way, struct ct_explanation *explanation)
{
    for (size_t i = 0; i < way->count; i++) {
        const struct ct_requirement *r = &way->requirements[i];
        char name[80];

        snprintf(name, sizeof name, "%s%s%s", way->name != NULL ? way->name : "", way->name != NULL ? ": " : "",
                 r->name);
        ct_explanation_add(explanation, name, r->seen >= r->needed, r->seen_text, "%s", r->needed_text);
    }
}

enum clientct_reason ct_ways_judge(const struct ct_policy *policy, const struct ct_way *ways, size_t count,
                                   char *detail, size_t detail_size, struct ct_explanation *explanation)
{
    const struct ct_requirement *unmet;
    const struct ct_way *way;

    if (detail != NULL && detail_size > 0) {
        detail[0] = '\0';
    }
    if (count == 0) {
        return CLIENTCT_INTERNAL_ERROR; /* a kind of policy that nobody judges must not pass */
    }
    for (size_t i = 0; i < count && explanation != NULL; i++) {
        explain(&ways[i], explanation);
    }
    for (size_t i = 0; i < count; i++) {
        if (ways[i].count > 0 && first_unmet(&ways[i]) == NULL) {
            return CLIENTCT_COMPLIANT;
        }
    }

    if (explanation != NULL) {
        advise(nearest(ways, count, false), explanation->advice, sizeof explanation->advice);
    }
    way = nearest(ways, count, true);
    unmet = first_unmet(way);
    if (unmet == NULL) {
        return CLIENTCT_INTERNAL_ERROR;
    }
    if (detail != NULL && detail_size > 0) {
        ct_text_add(detail, detail_size, "%s, policy %s needs %s%s%s", unmet->seen_text,
                    policy->name != NULL ? policy->name : "", unmet->needed_text,
                    way->name != NULL ? " by the way of " : "", way->name != NULL ? way->name : "");
    }
    return unmet->reason;
}
