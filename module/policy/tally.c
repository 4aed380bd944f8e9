/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tally.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/admission.h"

bool ct_same_operator(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return a == b; /* two logs without an operator may have the same one: they are counted as one */
    }
    return strcmp(a, b) == 0;
}

/* The first valid SCT of each log, in the order in which they were checked: repeats are never looked at. */
struct witnesses {
    const struct ct_sct *scts[CT_TALLY_MAX];
    size_t count;
};

static void collect(const struct ct_policy *policy, const struct ct_policy_subject *subject, const struct ct_scts *scts,
                    struct witnesses *found)
{
    found->count = 0;
    for (size_t i = 0; i < scts->count && found->count < CT_TALLY_MAX; i++) {
        const struct ct_sct *sct = &scts->items[i];
        bool repeat = false;

        /* Asked again although the checker did: a shadow policy judges SCTs that another policy admitted. */
        if (sct->status != CLIENTCT_VALID || ct_policy_admits(policy, subject, NULL, sct) != CLIENTCT_VALID) {
            continue;
        }
        for (size_t j = 0; j < found->count && !repeat; j++) {
            repeat = ct_policy_is_repeat(policy, found->scts[j], sct);
        }
        if (!repeat) {
            found->scts[found->count++] = sct;
        }
    }
}

/*
 * The earliest SCT of a log that is current now. Zero when there is none: retired logs then count, and the policy
 * fails for want of a current log.
 */
static uint64_t issuance(const struct witnesses *found, int64_t now_ms)
{
    uint64_t earliest = UINT64_MAX;

    for (size_t i = 0; i < found->count; i++) {
        const struct ct_sct *sct = found->scts[i];

        if (ct_log_is_current(sct->log, now_ms) && sct->timestamp_ms < earliest) {
            earliest = sct->timestamp_ms;
        }
    }
    return earliest != UINT64_MAX ? earliest : 0;
}

static bool taken_by(enum ct_tally_of of, const struct ct_sct *sct, bool current)
{
    switch (of) {
    case CT_TALLY_EMBEDDED:
        return sct->source == CLIENTCT_SOURCE_EMBEDDED;
    case CT_TALLY_PRESENTED:
        return sct->source != CLIENTCT_SOURCE_EMBEDDED;
    case CT_TALLY_CURRENT:
        return current;
    case CT_TALLY_ALL:
        return true;
    }
    return false;
}

static void count_log(struct ct_tally *tally, const struct ct_sct *sct, bool current)
{
    bool presented = sct->source != CLIENTCT_SOURCE_EMBEDDED;
    struct ct_tally_log *log;
    bool known_operator = false;
    uint64_t leaf_index;
    /* Some list formats cannot say it; only static-ct logs write this extension. */
    bool tiled = sct->log->tiled || ct_sct_leaf_index(sct->extensions, &leaf_index);

    for (size_t i = 0; i < tally->count; i++) {
        if (tally->logs[i].log == sct->log) {
            tally->logs[i].presented = tally->logs[i].presented || presented;
            tally->logs[i].tiled = tally->logs[i].tiled && tiled; /* no SCT more makes a certificate count for less */
            return;
        }
    }
    log = &tally->logs[tally->count];
    log->log = sct->log;
    log->log_operator = ct_log_operator_at(sct->log, (int64_t)sct->timestamp_ms);
    log->current = current;
    log->presented = presented;
    log->tiled = tiled;
    for (size_t i = 0; i < tally->count && !known_operator; i++) {
        known_operator = ct_same_operator(tally->logs[i].log_operator, log->log_operator);
    }
    tally->count++;
    tally->operators += known_operator ? 0 : 1;
    tally->current += current ? 1 : 0;
}

void ct_tally_take(const struct ct_policy *policy, const struct ct_policy_subject *subject, const struct ct_scts *scts,
                   enum ct_tally_of of, struct ct_tally *tally)
{
    struct witnesses found;
    uint64_t issued;

    tally->count = tally->current = tally->operators = tally->after_retirement = 0;
    collect(policy, subject, scts, &found);
    issued = issuance(&found, subject->now_ms);
    for (size_t i = 0; i < found.count; i++) {
        const struct ct_sct *sct = found.scts[i];
        bool current = ct_log_is_current(sct->log, subject->now_ms);

        if (!taken_by(of, sct, current)) {
            continue;
        }
        /*
         * A policy that can do without current logs takes a retired log's word: a current SCT that came later must
         * not spoil what was enough without it.
         */
        if (!current && policy->needs_current_log &&
            issued >= (uint64_t)ct_log_strictest(sct->log, subject->now_ms)->state_since_ms) {
            tally->after_retirement++;
            continue;
        }
        count_log(tally, sct, current);
    }
}

size_t ct_tally_capped(const struct ct_tally *tally, unsigned max_per_operator)
{
    size_t counted = 0;

    for (size_t i = 0; i < tally->count; i++) {
        size_t before = 0;

        for (size_t j = 0; j < i; j++) {
            before += ct_same_operator(tally->logs[j].log_operator, tally->logs[i].log_operator) ? 1 : 0;
        }
        counted += max_per_operator == 0 || before < max_per_operator ? 1 : 0;
    }
    return counted;
}

int64_t ct_lifetime_ms(const struct ct_policy_subject *subject)
{
    int64_t lifetime;

    if (__builtin_sub_overflow(subject->not_after_ms, subject->not_before_ms, &lifetime)) {
        return INT64_MAX; /* the row for the longest lifetimes */
    }
    return lifetime;
}

const struct ct_min_scts *ct_min_scts_row(const struct ct_policy *policy, int64_t lifetime_ms)
{
    const struct ct_min_scts *row = NULL;

    for (size_t i = 0; i < policy->min_scts_rows && i < CT_MIN_SCTS_ROWS; i++) {
        if (i == 0 || lifetime_ms > policy->min_scts[i].over_ms) {
            row = &policy->min_scts[i];
        }
    }
    return row;
}

void ct_text_add(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;

    if (used + 1 >= size) {
        return;
    }
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

void ct_text_add_duration(char *text, size_t size, int64_t ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        { "d", CT_DAY_MS },
        { "h", 3600 * CT_SECOND_MS },
        { "min", 60 * CT_SECOND_MS },
        { "s", CT_SECOND_MS },
    };
    const char *space = "";

    if (ms < CT_SECOND_MS) {
        ct_text_add(text, size, "%" PRId64 " ms", ms);
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms >= units[i].ms) {
            ct_text_add(text, size, "%s%" PRId64 " %s", space, ms / units[i].ms, units[i].unit);
            ms %= units[i].ms;
            space = " ";
        }
    }
}

#define NAMES_SHOWN 4

void ct_text_add_logs(char *text, size_t size, const struct ct_tally *tally)
{
    for (size_t i = 0; i < tally->count && i < NAMES_SHOWN; i++) {
        ct_text_add(text, size, "%s%s", i == 0 ? "" : ", ", tally->logs[i].log->description);
    }
    if (tally->count > NAMES_SHOWN) {
        ct_text_add(text, size, " and %zu more", tally->count - NAMES_SHOWN);
    }
}

void ct_text_add_operators(char *text, size_t size, const struct ct_tally *tally, unsigned at_least)
{
    const char *separator = "";

    for (size_t i = 0; i < tally->count; i++) {
        const char *name = tally->logs[i].log_operator;
        bool said = false;
        unsigned logs = 0;

        for (size_t j = 0; j < tally->count; j++) {
            bool same = ct_same_operator(tally->logs[j].log_operator, name);

            said = said || (same && j < i);
            logs += same ? 1 : 0;
        }
        if (!said && logs >= at_least) {
            ct_text_add(text, size, "%s%s", separator, name != NULL ? name : "the unnamed one");
            separator = ", ";
        }
    }
}
