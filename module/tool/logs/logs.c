/* SPDX-License-Identifier: Apache-2.0 */
/* clientct logs: the logs that a configuration or a list trusts, and which of them count. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/admission.h"
#include "policy/policy.h"
#include "config/snapshot.h"
#include "tool/logs/make.h"
#include "tool/logs/problems.h"
#include "tool/tool.h"
#include "tool/verbs.h"

/* A list by itself and the lists of a configuration look alike. */
struct list_facts {
    const char *path, *version;
    enum ct_log_list_format format;
    bool has_timestamp;
    int64_t timestamp_ms; /* without has_timestamp: of the file; INT64_MIN: not known */
    size_t logs;
};

struct view {
    struct list_facts *lists;
    size_t list_count;
    const struct ct_log_set *logs, *nameless;
    size_t count;                 /* of both */
    const struct ct_log **sorted; /* by list, operator and description */
    const struct ct_policy *policy;
    int64_t at_ms;
};

enum counts { COUNTS_YES, COUNTS_OLDER, COUNTS_NO };
static const char *const counts_names[] = { "yes", "older", "no" };

/* --- whether a log counts --- */

/* What the policy says of an SCT of this log, made at a time, for a certificate that the log would take. */
static enum clientct_reason admits(const struct view *view, const struct ct_log *log, int64_t sct_ms)
{
    const struct ct_sct sct = {
        .source = CLIENTCT_SOURCE_EMBEDDED,
        .status = CLIENTCT_NOT_CHECKED,
        .decoded = true,
        .log_id = log->id,
        .timestamp_ms = (uint64_t)(sct_ms > 0 ? sct_ms : 0),
        .log = log,
    };
    const struct ct_policy_subject subject = {
        .not_before_ms = sct_ms,
        .not_after_ms = log->interval_start_ms > view->at_ms ? log->interval_start_ms : view->at_ms,
        .now_ms = view->at_ms,
    };

    return ct_policy_admits(view->policy, &subject, NULL, &sct);
}

/* Decided by the code that decides for servers; the words are ours. `why` is to be freed, or NULL. */
static enum counts log_counts(const struct view *view, const struct ct_log *log, char **why)
{
    int64_t end_ms = log->sct_until_ms;
    enum clientct_reason reason = admits(view, log, view->at_ms);
    char when[TOOL_TIME_SIZE];

    *why = NULL;
    if (log->unusable != NULL) {
        *why = tool_format("%s", log->unusable);
        return COUNTS_NO;
    }
    if (ct_log_get0_key(log) == NULL) {
        *why = tool_format("its key does not decode");
        return COUNTS_NO;
    }
    if (reason == CLIENTCT_VALID) {
        return COUNTS_YES;
    }
    const struct ct_log *strictest = ct_log_strictest(log, view->at_ms);
    if (strictest->state == CT_LOG_RETIRED && strictest->state_since_ms != INT64_MIN &&
        strictest->state_since_ms <= end_ms) {
        end_ms = strictest->state_since_ms - 1;
    }
    if (end_ms < view->at_ms && admits(view, log, end_ms) == CLIENTCT_VALID) {
        ct_time_format(end_ms, when, sizeof when);
        *why = tool_format("only SCTs made until %s", when);
        return COUNTS_OLDER;
    }
    if (log->interval_end_ms <= view->at_ms) {
        ct_time_format(log->interval_end_ms, when, sizeof when);
        *why = tool_format("it takes certificates that end before %s", when);
    } else if (log->sct_from_ms > view->at_ms) {
        ct_time_format(log->sct_from_ms, when, sizeof when);
        *why = tool_format("only SCTs made from %s on", when);
    } else if (reason == CLIENTCT_LOG_NOT_TRUSTED) {
        *why = tool_format("policy %s does not take %s logs", view->policy->name,
                           ct_log_state_name(ct_log_state_at(log, view->at_ms)));
    } else {
        *why = tool_format("%s", clientct_reason_text(reason));
    }
    return COUNTS_NO;
}

/* --- output --- */

static const char *key_name(const struct ct_log *log)
{
    return log->spki.data == NULL ? "-" : log->key_type == CT_KEY_RSA ? "RSA" : "P-256";
}

/* "2026-01-01": midnight needs no time of day. */
static void format_day(int64_t ms, char out[TOOL_TIME_SIZE])
{
    ct_time_format(ms, out, TOOL_TIME_SIZE);
    if (ms % CT_DAY_MS == 0 && strlen(out) > 10) {
        out[10] = '\0';
    }
}

/* To be freed. */
static char *describe_interval(const struct ct_log *log)
{
    char start[TOOL_TIME_SIZE] = "", end[TOOL_TIME_SIZE] = "";

    if (log->interval_start_ms == INT64_MIN && log->interval_end_ms == INT64_MAX) {
        return tool_format("any");
    }
    if (log->interval_start_ms != INT64_MIN) {
        format_day(log->interval_start_ms, start);
    }
    if (log->interval_end_ms != INT64_MAX) {
        format_day(log->interval_end_ms, end);
    }
    return tool_format("%s..%s", start, end);
}

static void show_list(const struct list_facts *list, int64_t at_ms)
{
    char when[TOOL_TIME_SIZE], age[40];

    tool_put(TOOL_BOLD, "%s", list->path);
    tool_put(TOOL_PLAIN, ": %s%s%s, %zu log%s", ct_log_list_format_name(list->format),
             list->version != NULL ? " version " : "", list->version != NULL ? list->version : "", list->logs,
             list->logs == 1 ? "" : "s");
    if (list->timestamp_ms != INT64_MIN) {
        ct_time_format(list->timestamp_ms, when, sizeof when);
        tool_duration_format(at_ms > list->timestamp_ms ? at_ms - list->timestamp_ms : 0, age, sizeof age);
        tool_put(TOOL_PLAIN, ", %s %s, %s old", list->has_timestamp ? "of" : "file of", when, age);
    }
    tool_end_line();
}

static void show_log(const struct ct_log *log, enum counts counts, const char *why, int64_t at_ms)
{
    static const enum tool_style styles[] = { TOOL_GOOD, TOOL_CAUTION, TOOL_BAD };
    char *interval = describe_interval(log);
    const char *log_operator = ct_log_operator_at(log, at_ms);
    char since[TOOL_TIME_SIZE] = "", id[2 * 8 + 1];

    snprintf(id, sizeof id, "%16s", "unknown");
    if (log->identified) {
        ct_hex(log->id, 8, id);
    }
    const struct ct_log *strictest = ct_log_strictest(log, at_ms);
    if (strictest->has_state && strictest->state_since_ms != INT64_MIN) {
        ct_time_format(strictest->state_since_ms, since, sizeof since);
        since[strlen(since) > 10 ? 10 : 0] = '\0';
    }
    tool_put(styles[counts], "  %-6s", counts_names[counts]);
    tool_put(TOOL_PLAIN, " %-9s %-10s  %-22s  %-5s  %-7s  ", ct_log_state_name(strictest->state), since, interval,
             key_name(log),
             log->tiled        ? "tiled"
             : log->says_tiled ? "rfc6962"
                               : "-");
    tool_put(TOOL_DIM, "%s", id);
    tool_put(TOOL_PLAIN, "  %s: %s", log_operator != NULL ? log_operator : "no operator", log->description);
    if (log->test_log) {
        tool_put(TOOL_CAUTION, " (test log)");
    }
    for (const struct ct_log *also = log->also; also != NULL; also = also->also) {
        tool_put(TOOL_DIM, " (%s in %s)", ct_log_state_name(also->state), also->list);
    }
    if (why != NULL) {
        tool_put(TOOL_CAUTION, " (%s)", why);
    }
    tool_end_line();
    free(interval);
}

static json_t *json_time_or_null(int64_t ms)
{
    return ms == INT64_MIN || ms == INT64_MAX ? json_null() : tool_json_time(ms);
}

static json_t *json_of_list(const struct list_facts *list, int64_t at_ms)
{
    json_t *out = tool_json_object();
    int64_t age_ms = list->timestamp_ms != INT64_MIN && at_ms > list->timestamp_ms ? at_ms - list->timestamp_ms : 0;

    tool_json_set(out, "file", tool_json_text(list->path));
    tool_json_set(out, "format", tool_json_text(ct_log_list_format_name(list->format)));
    tool_json_set(out, "version", tool_json_text(list->version));
    tool_json_set(out, "timestamp", json_time_or_null(list->timestamp_ms));
    tool_json_set(out, "has_timestamp", tool_json_bool(list->has_timestamp));
    tool_json_set(out, "age_seconds",
                  list->timestamp_ms == INT64_MIN ? json_null() : tool_json_count((uint64_t)(age_ms / CT_SECOND_MS)));
    tool_json_set(out, "logs", tool_json_count(list->logs));
    return out;
}

static json_t *json_of_log(const struct ct_log *log, enum counts counts, const char *why, int64_t at_ms)
{
    json_t *out = tool_json_object();
    json_t *previous = tool_json_array();

    for (size_t i = 0; i < log->previous_count; i++) {
        json_t *one = tool_json_object();
        tool_json_set(one, "name", tool_json_text(log->previous[i].name));
        tool_json_set(one, "until", tool_json_time(log->previous[i].until_ms));
        tool_json_append(previous, one);
    }
    tool_json_set(out, "log_id", log->identified ? tool_json_hex(log->id, sizeof log->id) : json_null());
    tool_json_set(out, "description", tool_json_text(log->description));
    tool_json_set(out, "operator", tool_json_text(ct_log_operator_at(log, at_ms)));
    tool_json_set(out, "previous_operators", previous);
    tool_json_set(out, "url", tool_json_text(log->url));
    tool_json_set(out, "list", tool_json_text(log->list));
    tool_json_set(out, "state", tool_json_text(ct_log_state_name(log->state)));
    tool_json_set(out, "state_given", tool_json_bool(log->has_state));
    tool_json_set(out, "state_since", json_time_or_null(log->state_since_ms));
    tool_json_set(out, "interval_start", json_time_or_null(log->interval_start_ms));
    tool_json_set(out, "interval_end", json_time_or_null(log->interval_end_ms));
    tool_json_set(out, "scts_from", json_time_or_null(log->sct_from_ms));
    tool_json_set(out, "scts_until", json_time_or_null(log->sct_until_ms));
    tool_json_set(out, "tiled", tool_json_bool(log->tiled));
    tool_json_set(out, "test", tool_json_bool(log->test_log));
    tool_json_set(out, "key_type", tool_json_text(key_name(log)));
    tool_json_set(out, "counts", tool_json_text(counts_names[counts]));
    tool_json_set(out, "why", tool_json_text(why));
    return out;
}

/* Shows everything; how many logs count, for new or older SCTs. */
static size_t show(const struct view *view, bool json)
{
    json_t *lists = tool_json_array(), *logs = tool_json_array(), *out = tool_json_object();
    size_t totals[3] = { 0 };

    for (size_t i = 0; i < view->list_count; i++) {
        tool_json_append(lists, json_of_list(&view->lists[i], view->at_ms));
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct ct_log *log = view->sorted[i];
        char *why = NULL;
        enum counts counts = log_counts(view, log, &why);
        bool begins = i == 0 || strcmp(view->sorted[i - 1]->list, log->list) != 0;

        totals[counts]++;
        for (size_t k = 0; k < view->list_count && begins && !json; k++) {
            if (strcmp(view->lists[k].path, log->list) == 0) {
                show_list(&view->lists[k], view->at_ms);
                tool_put(TOOL_DIM, "  counts state     since       certificates that end   key    type     log id"
                                   "            operator: log");
                tool_end_line();
            }
        }
        if (json) {
            tool_json_append(logs, json_of_log(log, counts, why, view->at_ms));
        } else {
            show_log(log, counts, why, view->at_ms);
        }
        free(why);
    }
    if (json) {
        tool_json_set(out, "at", tool_json_time(view->at_ms));
        tool_json_set(out, "policy", tool_json_text(view->policy->name));
        tool_json_set(out, "lists", lists);
        tool_json_set(out, "logs", logs);
        tool_json_print(out);
    } else {
        tool_line("%zu log%s: %zu count%s, %zu for older SCTs only, %zu not", view->count, view->count == 1 ? "" : "s",
                  totals[COUNTS_YES], totals[COUNTS_YES] == 1 ? "s" : "", totals[COUNTS_OLDER], totals[COUNTS_NO]);
        json_decref(lists);
        json_decref(logs);
        json_decref(out);
    }
    return totals[COUNTS_YES] + totals[COUNTS_OLDER];
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

static int compare_logs(const void *a, const void *b)
{
    const struct ct_log *x = *(const struct ct_log *const *)a;
    const struct ct_log *y = *(const struct ct_log *const *)b;
    int order = strcmp(x->list, y->list);

    order = order != 0 ? order : compare_texts(x->log_operator, y->log_operator);
    order = order != 0 ? order : strcmp(x->description, y->description);
    return order != 0 ? order : memcmp(x->id, y->id, sizeof x->id);
}

static int sort_and_show(struct view *view, bool json)
{
    size_t counting;

    view->count = view->logs->count + view->nameless->count;
    view->sorted = calloc(view->count + 1, sizeof *view->sorted);
    if (view->sorted == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < view->count; i++) {
        view->sorted[i] = i < view->logs->count ? &view->logs->logs[i] : &view->nameless->logs[i - view->logs->count];
    }
    qsort(view->sorted, view->count, sizeof *view->sorted, compare_logs);
    counting = show(view, json);
    free(view->sorted);
    return counting > 0 ? TOOL_YES : TOOL_NO;
}

/* --- input --- */

static int show_one_list(const char *path, int64_t at_ms, bool json)
{
    struct tool_file file = { 0 };
    struct ct_log_list list = { 0 };
    struct ct_problems problems = { 0 };
    struct ct_policy policy = { 0 };
    int code = TOOL_USAGE;
    char name[] = "one";

    if (!tool_read_file("the log list", path, CT_LOG_LIST_MAX_BYTES, &file)) {
        return TOOL_USAGE;
    }
    ct_policy_defaults(&policy);
    policy.name = name;
    bool usable = ct_log_list_parse(strcmp(path, "-") == 0 ? "standard input" : path,
                                    (struct ct_bytes){ file.data, file.len }, &list, &problems);
    tool_tell_list_problems(&problems);
    if (usable) {
        struct list_facts facts = {
            .path = list.logs.logs[0].list,
            .version = list.version,
            .format = list.format,
            .has_timestamp = list.timestamp_ms != INT64_MIN,
            .timestamp_ms = list.timestamp_ms,
            .logs = list.logs.count + list.nameless.count,
        };
        struct view view = { .lists = &facts,
                             .list_count = 1,
                             .logs = &list.logs,
                             .nameless = &list.nameless,
                             .policy = &policy,
                             .at_ms = at_ms };
        code = sort_and_show(&view, json);
    }
    ct_log_list_clear(&list);
    ct_problems_clear(&problems);
    tool_file_clear(&file);
    return code;
}

static int show_configured(const char *config, int64_t at_ms, bool json)
{
    struct ct_snapshot *snapshot = ct_snapshot_read(config, NULL, NULL);
    int code = TOOL_USAGE;

    if (snapshot == NULL) {
        tool_out_of_memory();
    }
    tool_tell_list_problems(&snapshot->problems);
    if (snapshot->config != NULL && snapshot->book != NULL) {
        const struct ct_settings *settings = &snapshot->config->settings;
        struct view view = {
            .list_count = snapshot->book->list_count,
            .logs = &snapshot->book->logs,
            .nameless = &snapshot->book->nameless,
            .policy = &settings->policies[settings->policy],
            .at_ms = at_ms,
        };
        view.lists = calloc(view.list_count + 1, sizeof *view.lists);
        if (view.lists == NULL) {
            tool_out_of_memory();
        }
        for (size_t i = 0; i < view.list_count; i++) {
            const struct ct_book_list *list = &snapshot->book->lists[i];
            view.lists[i] = (struct list_facts){
                .path = list->path,
                .version = list->version,
                .format = list->format,
                .has_timestamp = list->has_timestamp,
                .timestamp_ms = list->timestamp_ms,
                .logs = list->logs,
            };
        }
        code = sort_and_show(&view, json);
        free(view.lists);
    }
    ct_snapshot_release(snapshot);
    return code;
}

/* "--make" and what belongs to it. */
struct make_request {
    struct make_options options;
    bool wanted;
};

static int make(struct make_request *request, int64_t at_ms, bool elsewhere, int argc, char **argv)
{
    if (elsewhere || optind == argc) {
        tool_error("logs: --make takes files, and URLs of logs, as its operands; no --config, --log-list or --json");
        return TOOL_USAGE;
    }
    request->options.at_ms = at_ms / CT_SECOND_MS * CT_SECOND_MS;
    return tool_make_log_list(&request->options, argv + optind, (size_t)(argc - optind));
}

static bool has_make_options(const struct make_options *options)
{
    return options->description != NULL || options->log_operator != NULL || options->url != NULL ||
           options->monitoring_url != NULL || options->mmd != NULL;
}

int tool_verb_logs(int argc, char **argv)
{
    const char *config = NULL, *at = NULL, *list = NULL;
    struct make_request request = { .wanted = false };
    bool json = false;
    const struct tool_option options[] = {
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &config, NULL },
        { "log-list", "FILE", "a log list by itself, as LISTFILE", &list, NULL },
        { "at", "TIME", "as of this time: RFC 3339 or seconds since 1970 (default now)", &at, NULL },
        { "json", NULL, "print JSON", NULL, &json },
        { "make", NULL, "print a v3 log list of the logs in FILEs: keys, or lists in any format", NULL,
          &request.wanted },
        { "description", "TEXT", "with --make: what the only log is called", &request.options.description, NULL },
        { "operator", "NAME", "with --make: who runs the logs that name nobody", &request.options.log_operator, NULL },
        { "url", "URL", "with --make: where the only log takes certificates", &request.options.url, NULL },
        { "monitoring-url", "URL", "with --make: where the only log is read; it is a static-ct log",
          &request.options.monitoring_url, NULL },
        { "mmd", "SECONDS", "with --make: the maximum merge delay, where none is given", &request.options.mmd, NULL },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "logs",
        "[options] [LISTFILE] | --make [options] FILE|URL...",
        "Shows the logs of a configuration, or of one log list in any format: state, temporal interval, key,\n"
        "operator, and whether the log's SCTs count (\"older\": only those made before a date).\n"
        "Or makes a v3 log list.\n"
        "Exit status: 0 some log counts, 1 none does, 2 the list or the configuration cannot be used.\n",
        options,
        0,
        -1,
    };
    int64_t at_ms = ct_now_ms();
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    if (at != NULL && !tool_time_parse(at, &at_ms)) {
        tool_error("logs: --at %s: expected RFC 3339, such as 2026-01-31T12:00:00Z, or seconds since 1970", at);
        return TOOL_USAGE;
    }
    if (request.wanted) {
        return make(&request, at_ms, config != NULL || list != NULL || json, argc, argv);
    }
    if (has_make_options(&request.options)) {
        tool_error("logs: --description, --operator, --url, --monitoring-url and --mmd go with --make");
        return TOOL_USAGE;
    }
    if (argc - optind + (config != NULL) + (list != NULL) > 1) {
        tool_error("logs: give either --config or a log list, not both, and one list");
        return TOOL_USAGE;
    }
    list = optind < argc ? argv[optind] : list;
    return list != NULL ? show_one_list(list, at_ms, json)
                        : show_configured(config != NULL ? config : CLIENTCT_DEFAULT_CONFIG, at_ms, json);
}
