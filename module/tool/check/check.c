/* SPDX-License-Identifier: Apache-2.0 */
/* clientct check: the configuration as a server would read it, and all that is wrong with it. */
#include <stdlib.h>
#include <string.h>

#include "tool/check/check.h"
#include "base/clock.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define LABEL "%-14s"

struct report {
    const struct ct_snapshot *snapshot;
    const struct ct_problems *reviewed; /* found here, beside the snapshot's own */
    const struct tool_paths *looked_at;
    int64_t now_ms;
    size_t errors, warnings;
};

static json_t *json_of_problem(const struct ct_problem *problem)
{
    json_t *out = tool_json_object();

    tool_json_set(out, "severity", tool_json_text(problem->severity == CT_ERROR ? "error" : "warning"));
    tool_json_set(out, "file", tool_json_text(problem->file));
    tool_json_set(out, "line", problem->line > 0 ? tool_json_count(problem->line) : json_null());
    tool_json_set(out, "text", tool_json_text(problem->text));
    return out;
}

static void show_problem(const struct ct_problem *problem)
{
    bool error = problem->severity == CT_ERROR;

    tool_put(TOOL_BOLD, "%s", problem->file);
    if (problem->line > 0) {
        tool_put(TOOL_BOLD, ":%u", problem->line);
    }
    tool_put(error ? TOOL_BAD : TOOL_CAUTION, ": %s: ", error ? "error" : "warning");
    tool_put(TOOL_PLAIN, "%s", problem->text);
    tool_end_line();
}

/* "2 SCTs, 3 over 180 days; 2 operators": a policy in one line, to be freed. */
static char *describe_policy(const struct ct_policy *policy)
{
    char rows[256] = "";

    if (policy->kind != CT_POLICY_CONDITIONS) {
        return tool_format("%s (preset)", policy->name);
    }
    for (size_t i = 0; i < policy->min_scts_rows; i++) {
        char over[40] = "";
        size_t used = strlen(rows);
        if (i > 0) {
            tool_duration_format(policy->min_scts[i].over_ms, over, sizeof over);
        }
        snprintf(rows + used, sizeof rows - used, "%s%u%s%s%s", i > 0 ? ", " : "", policy->min_scts[i].scts,
                 i == 0 ? policy->min_scts[i].scts == 1 ? " SCT" : " SCTs" : "", i > 0 ? " over " : "", over);
    }
    char *limit = policy->max_per_operator > 0 ? tool_format(", at most %u an operator", policy->max_per_operator)
                                               : tool_format("%s", "");
    char grace[40] = "";
    if (policy->require_inclusion && policy->inclusion_grace_ms > 0) {
        tool_duration_format(policy->inclusion_grace_ms, grace, sizeof grace);
    }
    char *text =
        tool_format("%s: %s; %u operator%s%s%s%s%s%s%s", policy->name, rows, policy->min_operators,
                    policy->min_operators == 1 ? "" : "s", limit,
                    policy->required_logs != NULL && policy->required_logs[0] != NULL ? "; required logs" : "",
                    policy->needs_current_log ? "; a current log" : "",
                    policy->require_inclusion ? "; proof of inclusion" : "", grace[0] != '\0' ? " after " : "", grace);
    free(limit);
    return text;
}

/* What a rule does, to be freed. */
static char *describe_effect(const struct ct_settings *settings, const struct ct_rule *rule, int64_t now_ms)
{
    const char *mode = rule->has_mode ? clientct_mode_name(rule->mode) : NULL;
    const char *policy = settings->policies[rule->policy != SIZE_MAX ? rule->policy : settings->policy].name;
    char expires[TOOL_TIME_SIZE];
    char *text;

    if (!rule->exempt) {
        text = tool_format("policy %s", policy);
    } else if (rule->expires_ms == INT64_MAX) {
        text = tool_format("exempt");
    } else {
        bool ended = rule->expires_ms <= now_ms;
        ct_time_format(rule->expires_ms, expires, sizeof expires);
        text =
            tool_format("exempt until %s%s%s", expires, ended ? ", which is past: policy " : "", ended ? policy : "");
    }
    if (mode == NULL) {
        return text;
    }
    char *both = tool_format("%s, mode %s", text, mode);
    free(text);
    return both;
}

/* Who chooses what a source gives: nobody can make evidence up, for logs sign it, but its owner can leave it out. */
static const char *source_owner(enum clientct_source source)
{
    switch (source) { /* no default: the compiler asks for a row for each */
    case CLIENTCT_SOURCE_EMBEDDED:
        return "the CA";
    case CLIENTCT_SOURCE_TLS:
        return "the client";
    case CLIENTCT_SOURCE_OCSP:
        return "the CA's responder, and you who fetch it";
    case CLIENTCT_SOURCE_STORE:
        return "you";
    case CLIENTCT_SOURCE_COUNT:
        break;
    }
    return "nobody";
}

/* "issuer (the client), issued_before (the CA)": what a rule looks at, with who chooses it; to be freed. */
static char *describe_conditions(const struct ct_rule *rule)
{
    const struct ct_rule_condition *condition;
    char *text = tool_format("%s", "");

    for (size_t i = 0; (condition = ct_rule_condition(i)) != NULL; i++) {
        if (condition->given(rule)) {
            char *longer = tool_format("%s%s%s (chosen by %s)", text, text[0] != '\0' ? ", " : "", condition->name,
                                       ct_chooser_name(condition->chooser));
            free(text);
            text = longer;
        }
    }
    return text;
}

static void show_looked_at(const struct report *report)
{
    for (size_t i = 0; i < report->looked_at->count; i++) {
        tool_line(LABEL "%s", i == 0 ? "looked at" : "", report->looked_at->items[i]);
    }
    tool_line(LABEL "owner, mode and access control list of each, and of every directory up to the root", "");
}

/* To be freed. */
static char *describe_sources(const struct ct_settings *settings)
{
    char text[256] = "";

    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        if ((settings->sources & CT_SOURCE_BIT(source)) != 0) {
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%s (from %s)", used > 0 ? ", " : "",
                     clientct_source_name((enum clientct_source)source), source_owner((enum clientct_source)source));
        }
    }
    return tool_format("%s", text[0] != '\0' ? text : "none");
}

static void show_lists(const struct report *report)
{
    const struct ct_log_book *book = report->snapshot->book;
    const struct ct_settings *settings = &report->snapshot->config->settings;

    if (book == NULL) {
        tool_line(LABEL "none that can be used: no certificate can be compliant", "log lists");
        return;
    }
    for (size_t i = 0; i < book->list_count; i++) {
        const struct ct_book_list *list = &book->lists[i];
        char when[TOOL_TIME_SIZE], age[40];
        int64_t age_ms = report->now_ms - list->timestamp_ms;
        ct_time_format(list->timestamp_ms, when, sizeof when);
        tool_duration_format(age_ms > 0 ? age_ms : 0, age, sizeof age);
        tool_line(LABEL "%s (%s): %zu log%s, %s %s, %s old", "log list", list->path,
                  ct_log_list_format_name(list->format), list->logs, list->logs == 1 ? "" : "s",
                  list->has_timestamp ? "of" : "file of", when, age);
    }
    if (settings->policy_count == 0) {
        return;
    }
    const struct ct_policy *policy = &settings->policies[settings->policy];
    struct tool_open_logs open = tool_count_open_logs(&book->logs, policy, report->now_ms);
    tool_line(LABEL "%zu in all; open for new certificates: %zu, from %zu operator%s", "logs", book->logs.count,
              open.logs, open.operators, open.operators == 1 ? "" : "s");
}

static void show_in_force(const struct report *report)
{
    const struct ct_settings *settings = &report->snapshot->config->settings;
    char *sources = describe_sources(settings);
    char *policy = describe_policy(&settings->policies[settings->policy]);

    tool_line(LABEL "%s", "configuration", report->snapshot->config_file);
    tool_line(LABEL "%s", "mode", clientct_mode_name(settings->mode));
    tool_line(LABEL "%s", "sources", sources);
    tool_line(LABEL "%s", "policy", policy);
    free(policy);
    free(sources);
    if (settings->shadow_policy != SIZE_MAX) {
        policy = describe_policy(&settings->policies[settings->shadow_policy]);
        tool_line(LABEL "%s", "shadow policy", policy);
        free(policy);
    }
    show_lists(report);
    for (size_t i = 0; i < settings->rule_count; i++) {
        char *effect = describe_effect(settings, &settings->rules[i], report->now_ms);
        char *conditions = describe_conditions(&settings->rules[i]);
        tool_line(LABEL "%zu. %s: %s%s%s", i == 0 ? "rules" : "", i + 1, settings->rules[i].name, effect,
                  conditions[0] != '\0' ? ", by " : "", conditions);
        free(conditions);
        free(effect);
    }
    tool_line(LABEL "%s", "resumption", clientct_resumption_name(settings->resumption));
    tool_line(LABEL "%s", "reload", settings->reload == CT_RELOAD_CONTEXT ? "context" : "handshake");
    show_looked_at(report);
    tool_end_line();
}

static json_t *json_of_conditions(const struct ct_rule *rule)
{
    const struct ct_rule_condition *condition;
    json_t *out = tool_json_object();

    for (size_t i = 0; (condition = ct_rule_condition(i)) != NULL; i++) {
        if (condition->given(rule)) {
            tool_json_set(out, condition->name, tool_json_text(ct_chooser_name(condition->chooser)));
        }
    }
    return out;
}

static json_t *json_in_force(const struct report *report)
{
    const struct ct_snapshot *snapshot = report->snapshot;
    if (snapshot->config == NULL) {
        return json_null();
    }
    const struct ct_settings *settings = &snapshot->config->settings;
    json_t *out = tool_json_object();
    json_t *sources = tool_json_array(), *lists = tool_json_array(), *rules = tool_json_array();

    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        if ((settings->sources & CT_SOURCE_BIT(source)) != 0) {
            tool_json_append(sources, tool_json_text(clientct_source_name((enum clientct_source)source)));
        }
    }
    for (size_t i = 0; snapshot->book != NULL && i < snapshot->book->list_count; i++) {
        const struct ct_book_list *list = &snapshot->book->lists[i];
        json_t *one = tool_json_object();
        tool_json_set(one, "file", tool_json_text(list->path));
        tool_json_set(one, "format", tool_json_text(ct_log_list_format_name(list->format)));
        tool_json_set(one, "version", tool_json_text(list->version));
        tool_json_set(one, "timestamp", tool_json_time(list->timestamp_ms));
        tool_json_set(one, "logs", tool_json_count(list->logs));
        tool_json_append(lists, one);
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        char *effect = describe_effect(settings, &settings->rules[i], report->now_ms);
        json_t *one = tool_json_object();
        tool_json_set(one, "name", tool_json_text(settings->rules[i].name));
        tool_json_set(one, "line", tool_json_count(settings->rules[i].line));
        tool_json_set(one, "effect", tool_json_text(effect));
        tool_json_set(one, "conditions", json_of_conditions(&settings->rules[i]));
        tool_json_append(rules, one);
        free(effect);
    }
    tool_json_set(out, "mode", tool_json_text(clientct_mode_name(settings->mode)));
    tool_json_set(out, "sources", sources);
    tool_json_set(out, "policy", tool_json_text(settings->policies[settings->policy].name));
    tool_json_set(out, "shadow_policy",
                  settings->shadow_policy != SIZE_MAX ? tool_json_text(settings->policies[settings->shadow_policy].name)
                                                      : json_null());
    tool_json_set(out, "log_lists", lists);
    tool_json_set(out, "rules", rules);
    tool_json_set(out, "resumption", tool_json_text(clientct_resumption_name(settings->resumption)));
    tool_json_set(out, "reload", tool_json_text(settings->reload == CT_RELOAD_CONTEXT ? "context" : "handshake"));
    return out;
}

static void show_json(const struct report *report)
{
    const struct ct_problems *const sets[] = { &report->snapshot->problems, report->reviewed };
    json_t *out = tool_json_object();
    json_t *problems = tool_json_array(), *looked_at = tool_json_array();

    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sets[s]->count; i++) {
            tool_json_append(problems, json_of_problem(&sets[s]->items[i]));
        }
    }
    tool_json_set(out, "ok", tool_json_bool(report->errors == 0));
    tool_json_set(out, "config", tool_json_text(report->snapshot->config_file));
    tool_json_set(out, "errors", tool_json_count(report->errors));
    tool_json_set(out, "warnings", tool_json_count(report->warnings));
    tool_json_set(out, "problems", problems);
    for (size_t i = 0; i < report->looked_at->count; i++) {
        tool_json_append(looked_at, tool_json_text(report->looked_at->items[i]));
    }
    tool_json_set(out, "looked_at", looked_at);
    tool_json_set(out, "in_force", json_in_force(report));
    tool_json_print(out);
}

static void show_text(const struct report *report)
{
    const struct ct_problems *const sets[] = { &report->snapshot->problems, report->reviewed };
    size_t shown = 0;

    if (report->snapshot->config != NULL) {
        show_in_force(report);
    }
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < sets[s]->count; i++) {
            show_problem(&sets[s]->items[i]);
            shown++;
        }
    }
    if (shown < report->errors + report->warnings) {
        tool_line("... and %zu more; mend these first", report->errors + report->warnings - shown);
    }
    if (report->errors > 0) {
        tool_put(TOOL_BAD, "not usable");
    } else {
        tool_put(TOOL_GOOD, "usable");
    }
    tool_put(TOOL_PLAIN, ": %zu error%s, %zu warning%s", report->errors, report->errors == 1 ? "" : "s",
             report->warnings, report->warnings == 1 ? "" : "s");
    tool_end_line();
    if (report->snapshot->config == NULL) {
        tool_line("A server that starts with this refuses every client certificate (config-error); one that runs keeps "
                  "its last good settings.");
    } else if (report->snapshot->book == NULL) {
        tool_line("A server that starts with this has no logs, and finds no certificate compliant; one that runs keeps "
                  "its last good lists.");
    }
}

int tool_verb_check(int argc, char **argv)
{
    const char *config = CLIENTCT_DEFAULT_CONFIG;
    bool json = false, strict = false;
    const struct tool_option options[] = {
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &config, NULL },
        { "strict", NULL, "warnings count too: exit status 1", NULL, &strict },
        { "json", NULL, "print JSON", NULL, &json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "check",
        "[options]",
        "Reads the configuration and everything it names as a server would, shows what is in force, every error with\n"
        "file and line, and warns of what is legal but surely not meant.\n"
        "Exit status: 0 usable, 1 usable with warnings and --strict was given, 2 not usable.\n",
        options,
        0,
        0,
    };
    struct ct_problems reviewed = { 0 };
    struct tool_paths looked_at = { 0 };
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    struct ct_snapshot *snapshot = ct_snapshot_read(config, NULL, NULL);
    if (snapshot == NULL) {
        tool_out_of_memory();
    }
    int64_t now_ms = ct_now_ms();
    if (snapshot->config != NULL) {
        tool_review(snapshot, now_ms, &reviewed, &looked_at);
    }
    const struct report report = {
        .snapshot = snapshot,
        .reviewed = &reviewed,
        .looked_at = &looked_at,
        .now_ms = now_ms,
        .errors = snapshot->problems.errors + reviewed.errors,
        .warnings = snapshot->problems.warnings + reviewed.warnings,
    };
    if (json) {
        show_json(&report);
    } else {
        show_text(&report);
    }
    code = report.errors > 0 ? TOOL_USAGE : strict && report.warnings > 0 ? TOOL_NO : TOOL_YES;
    tool_paths_clear(&looked_at);
    ct_problems_clear(&reviewed);
    ct_snapshot_release(snapshot);
    return code;
}
