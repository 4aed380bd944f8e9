/* SPDX-License-Identifier: Apache-2.0 */
#include "config/policy_section.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/values.h"

#define CURRENT_STATES \
    (CT_LOG_STATE_BIT(CT_LOG_QUALIFIED) | CT_LOG_STATE_BIT(CT_LOG_USABLE) | CT_LOG_STATE_BIT(CT_LOG_READONLY))

struct min_scts_rows {
    struct ct_min_scts rows[CT_MIN_SCTS_ROWS];
    size_t count;
};

/* "3" first, then "3 over 180d". */
static bool add_min_scts_row(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                             size_t index, void *value)
{
    struct min_scts_rows *rows = value;
    struct ct_min_scts row = { 0 };
    char number[16] = "", over[8] = "", duration[24] = "", more[2] = "";
    int words = sscanf(item, "%15s %7s %23s %1s", number, over, duration, more);

    if (words != (index == 0 ? 1 : 3) || !ct_parse_number(number, &row.scts) || row.scts < 1 ||
        row.scts > CT_COUNT_MAX ||
        (index > 0 && (strcmp(over, "over") != 0 || !ct_duration_parse(duration, &row.over_ms) || row.over_ms <= 0))) {
        ct_setting_error(reader, line->line, "`min_scts`: expected a number from 1 to %u%s, found `%.100s`",
                         CT_COUNT_MAX, index == 0 ? " first" : " and a lifetime, such as `3 over 180d`", item);
        return false;
    }
    if (rows->count == CT_MIN_SCTS_ROWS) {
        ct_setting_error(reader, line->line, "`min_scts` has at most %d steps", CT_MIN_SCTS_ROWS);
        return false;
    }
    if (index > 0 && rows->count > 0 &&
        (row.over_ms <= rows->rows[rows->count - 1].over_ms || row.scts <= rows->rows[rows->count - 1].scts)) {
        ct_setting_error(reader, line->line,
                         "`min_scts`: `%.100s` must ask for more SCTs, over a longer lifetime, than the step before it",
                         item);
        return false;
    }
    rows->rows[rows->count++] = row;
    return true;
}

void ct_parse_min_scts(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_policy *policy = value;
    struct min_scts_rows rows = { .count = 0 };

    if (ct_each_item(reader, line, add_min_scts_row, &rows)) {
        memcpy(policy->min_scts, rows.rows, sizeof policy->min_scts);
        policy->min_scts_rows = rows.count;
    }
}

void ct_parse_require_log(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    struct ct_policy *policy = value;
    void *items = policy->required_logs;
    size_t count = 0;

    for (; policy->required_logs != NULL && policy->required_logs[count] != NULL; count++) {
        if (strcmp(policy->required_logs[count], line->value) == 0) {
            ct_setting_error(reader, line->line, "`require_log` names `%.100s` twice", line->value);
            return;
        }
    }
    if (count == CT_COUNT_MAX) {
        ct_setting_error(reader, line->line, "at most %u logs can be required", CT_COUNT_MAX);
        return;
    }
    if (line->value[0] == '"' || line->value[0] == '\'') {
        ct_setting_warning(reader, line->line,
                           "`require_log`: quotes are not taken off here: the log's description would need them");
    }
    if (!ct_setting_grow(reader, &items, count + 1, sizeof *policy->required_logs)) {
        return;
    }
    policy->required_logs = items;
    policy->required_logs[count] = ct_setting_copy(reader, line->value);
    policy->required_logs[count + 1] = NULL;
}

static bool add_state(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                      size_t index, void *value)
{
    static const char *const words[] = { "qualified", "usable", "readonly", "retired", NULL };
    static const enum ct_log_state states[] = { CT_LOG_QUALIFIED, CT_LOG_USABLE, CT_LOG_READONLY, CT_LOG_RETIRED };
    unsigned *bits = value;
    size_t word;

    if (strcmp(item, "pending") == 0 || strcmp(item, "rejected") == 0) {
        ct_setting_error(reader, line->line, "`accept_states`: a log that is %s never counts", item);
        return false;
    }
    if (!ct_parse_word(reader, line, item, words, &word)) {
        return false;
    }
    if ((*bits & CT_LOG_STATE_BIT(states[word])) != 0) {
        ct_setting_error(reader, line->line, "`accept_states` names `%s` twice", item);
        return false;
    }
    *bits |= CT_LOG_STATE_BIT(states[word]);
    return true;
}

void ct_parse_accept_states(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    unsigned *states = value;
    unsigned bits = 0;

    if (ct_each_item(reader, line, add_state, &bits)) {
        *states = bits;
    }
}

/* Conditions that no certificate can meet together are a lock-out that nobody meant. */
static void check_policy(struct ct_settings_reader *reader, const struct ct_policy *policy,
                         const struct ct_given *given)
{
    unsigned line = ct_settings_given(reader, given, CT_SETTING_POLICY, "accept_states");

    if (policy->needs_current_log && (policy->accept_states & CURRENT_STATES) == 0) {
        ct_setting_error(reader, line != 0 ? line : policy->line,
                         "no certificate can satisfy this: `needs_current_log = yes` asks for a log that is qualified, "
                         "usable or readonly, and `accept_states` has none of them");
    }
    line = ct_settings_given(reader, given, CT_SETTING_POLICY, "inclusion_grace");
    if (line != 0 && !policy->require_inclusion) {
        ct_setting_warning(reader, line, "`inclusion_grace` does nothing without `require_inclusion = yes`");
    }
    if (policy->require_inclusion && policy->inclusion_grace_ms > 0) {
        ct_setting_warning(
            reader, line,
            "`inclusion_grace`: whoever has stolen a log's key makes a new SCT each time; 0 leaves him none");
    }
}

static size_t add_policy(struct ct_settings_reader *reader, struct ct_policy *policy)
{
    struct ct_settings *settings = reader->settings;
    void *items = settings->policies;

    if (!ct_setting_grow(reader, &items, settings->policy_count, sizeof *settings->policies)) {
        ct_policy_clear(policy);
        return SIZE_MAX;
    }
    settings->policies = items;
    settings->policies[settings->policy_count] = *policy;
    return settings->policy_count++;
}

static size_t policy_of_preset(struct ct_settings_reader *reader, const char *name)
{
    struct ct_settings *settings = reader->settings;
    struct ct_policy policy = { 0 };

    for (size_t i = 0; i < settings->policy_count; i++) {
        if (settings->policies[i].line == 0 && strcmp(settings->policies[i].name, name) == 0) {
            return i;
        }
    }
    if (!ct_policy_preset(name, &policy)) {
        ct_setting_out_of_memory(reader);
        return SIZE_MAX;
    }
    policy.line = 0;
    return add_policy(reader, &policy);
}

static size_t policy_of_section(struct ct_settings_reader *reader, const struct ct_conf_line *line, size_t section)
{
    struct ct_section_note *note = &reader->notes[section];
    struct ct_given given = { 0 };
    struct ct_policy policy = { 0 };
    size_t errors;

    if (note->use == CT_USE_POLICY) {
        return note->policy;
    }
    if (!ct_settings_use_section(reader, line, section, CT_USE_POLICY)) {
        return SIZE_MAX;
    }
    note->policy = SIZE_MAX;
    ct_policy_defaults(&policy);
    policy.line = reader->conf->sections[section].line;
    policy.name = ct_setting_copy(reader, reader->conf->sections[section].name);
    if (policy.name == NULL) {
        return SIZE_MAX;
    }
    errors = reader->problems->errors;
    ct_settings_read_section(reader, section, CT_SETTING_POLICY, &policy, &given);
    if (reader->problems->errors == errors) {
        check_policy(reader, &policy, &given);
    }
    note->policy = add_policy(reader, &policy);
    return note->policy;
}

void ct_parse_policy(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value)
{
    size_t *index = value;
    size_t section;

    for (size_t i = 0; ct_policy_preset_names[i] != NULL; i++) {
        if (strcmp(line->value, ct_policy_preset_names[i]) == 0) {
            *index = policy_of_preset(reader, line->value);
            return;
        }
    }
    section = ct_conf_find(reader->conf, line->value);
    if (section != CT_CONF_NONE) {
        *index = policy_of_section(reader, line, section);
        return;
    }
    ct_settings_no_section(reader, line, "setting", true);
}

static unsigned scts_needed(const struct ct_policy *policy, int64_t lifetime_ms)
{
    unsigned needed = 0;

    for (size_t i = 0; i < policy->min_scts_rows; i++) {
        if (i == 0 || lifetime_ms > policy->min_scts[i].over_ms) {
            needed = policy->min_scts[i].scts;
        }
    }
    return needed;
}

/* A step of either table is where the other could be undercut: just above each is enough to look at. */
static bool needs_fewer_somewhere(const struct ct_policy *a, const struct ct_policy *b)
{
    for (size_t i = 0; i < b->min_scts_rows; i++) {
        int64_t lifetime_ms = b->min_scts[i].over_ms + 1;

        if (scts_needed(a, lifetime_ms) < scts_needed(b, lifetime_ms)) {
            return true;
        }
    }
    return false;
}

static bool requires_log(const struct ct_policy *policy, const char *log)
{
    for (size_t i = 0; policy->required_logs != NULL && policy->required_logs[i] != NULL; i++) {
        if (strcmp(policy->required_logs[i], log) == 0) {
            return true;
        }
    }
    return false;
}

static bool conditions_may_be_weaker(const struct ct_policy *a, const struct ct_policy *b)
{
    for (size_t i = 0; b->required_logs != NULL && b->required_logs[i] != NULL; i++) {
        if (!requires_log(a, b->required_logs[i])) {
            return true;
        }
    }
    return needs_fewer_somewhere(a, b) || a->min_operators < b->min_operators ||
           (b->max_per_operator != 0 && (a->max_per_operator == 0 || a->max_per_operator > b->max_per_operator)) ||
           (a->accept_states & ~b->accept_states) != 0 || (b->needs_current_log && !a->needs_current_log) ||
           a->clock_skew_ms > b->clock_skew_ms ||
           (b->sct_max_age_ms != 0 && (a->sct_max_age_ms == 0 || a->sct_max_age_ms > b->sct_max_age_ms)) ||
           (b->require_inclusion && (!a->require_inclusion || a->inclusion_grace_ms > b->inclusion_grace_ms));
}

bool ct_policy_may_be_weaker(const struct ct_policy *a, const struct ct_policy *b)
{
    struct ct_policy one = { 0 };

    if (a->kind == CT_POLICY_CONDITIONS && b->kind == CT_POLICY_CONDITIONS) {
        return conditions_may_be_weaker(a, b);
    }
    if (a->kind == b->kind) {
        return false;
    }
    /* The browsers' rules ask for more than one valid SCT from a current log; beyond that they do not compare. */
    ct_policy_defaults(&one);
    return b->kind != CT_POLICY_CONDITIONS || conditions_may_be_weaker(&one, b);
}
