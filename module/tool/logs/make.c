/* SPDX-License-Identifier: Apache-2.0 */
/* clientct logs --make: the list that an operator has to write, from what he has of his logs. */
#include "tool/logs/make.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/log_list.h"
#include "tool/fetch/file.h"
#include "tool/logs/problems.h"
#include "tool/tool.h"

struct making {
    const struct make_options *options;
    int64_t mmd_s; /* 0: not given */
    json_t *operators;
    uint8_t (*ids)[CT_LOG_ID_LEN]; /* of the logs that are in it */
    size_t count;
};

static json_t *json_base64(const uint8_t *data, size_t len)
{
    char *text = malloc(len / 3 * 4 + 5);
    json_t *out;

    if (text == NULL) {
        tool_out_of_memory();
    }
    EVP_EncodeBlock((unsigned char *)text, data, (int)len);
    out = tool_json_text(text);
    free(text);
    return out;
}

static void set_time(json_t *object, const char *key, int64_t ms)
{
    char text[TOOL_TIME_SIZE];

    ct_time_format(ms, text, sizeof text);
    tool_json_set(object, key, tool_json_text(text));
}

/* The array "logs" or "tiled_logs" of that operator, who is added where he is new. */
static json_t *logs_of(const struct making *making, const char *name, bool tiled)
{
    json_t *entry, *array;
    size_t i;

    json_array_foreach(making->operators, i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0) {
            return json_object_get(entry, tiled ? "tiled_logs" : "logs");
        }
    }
    entry = tool_json_object();
    tool_json_set(entry, "name", tool_json_text(name));
    tool_json_set(entry, "email", tool_json_array());
    tool_json_set(entry, "logs", tool_json_array());
    tool_json_set(entry, "tiled_logs", tool_json_array());
    array = json_object_get(entry, tiled ? "tiled_logs" : "logs");
    tool_json_append(making->operators, entry);
    return array;
}

/* Why this log cannot be in a list of this format without saying something else than its source does; or NULL. */
static const char *cannot_be_said(const struct ct_log *log, const char *log_operator)
{
    if (log->windows != NULL || log->sct_from_ms != INT64_MIN || log->sct_until_ms != INT64_MAX) {
        return "its SCTs count only in an interval of time, which a v3 list cannot say: give the source itself to "
               "log_list";
    }
    if ((log->interval_start_ms == INT64_MIN) != (log->interval_end_ms == INT64_MAX)) {
        return "its temporal interval has only one end";
    }
    if (log_operator == NULL) {
        return "nobody is known to run it: say who does with --operator NAME";
    }
    return NULL;
}

static json_t *state_of(const struct making *making, const struct ct_log *log)
{
    json_t *states = tool_json_object(), *state = tool_json_object();
    enum ct_log_state name = log->has_state ? log->state : CT_LOG_USABLE;

    set_time(state, "timestamp",
             log->has_state && log->state_since_ms != INT64_MIN ? log->state_since_ms : making->options->at_ms);
    tool_json_set(states, ct_log_state_name(name), state);
    return states;
}

static json_t *previous_of(const struct ct_log *log)
{
    json_t *array = tool_json_array();

    for (size_t i = 0; i < log->previous_count; i++) {
        json_t *entry = tool_json_object();

        tool_json_set(entry, "name", tool_json_text(log->previous[i].name));
        set_time(entry, "end_time", log->previous[i].until_ms);
        tool_json_append(array, entry);
    }
    return array;
}

static json_t *entry_of(const struct making *making, const struct ct_log *log, bool tiled)
{
    const struct make_options *options = making->options;
    const char *description = options->description != NULL ? options->description : log->description;
    const char *url = options->url != NULL ? options->url : log->url;
    const char *monitoring_url = options->monitoring_url != NULL ? options->monitoring_url : log->monitoring_url;
    int64_t mmd_s = log->mmd_ms > 0 ? log->mmd_ms / CT_SECOND_MS : making->mmd_s;
    json_t *entry = tool_json_object();

    tool_json_set(entry, "description", tool_json_text(description));
    tool_json_set(entry, "log_id", json_base64(log->id, sizeof log->id));
    tool_json_set(entry, "key", json_base64(log->spki.data, log->spki.len));
    if (url != NULL) {
        tool_json_set(entry, tiled ? "submission_url" : "url", tool_json_text(url));
    }
    if (tiled && monitoring_url != NULL) {
        tool_json_set(entry, "monitoring_url", tool_json_text(monitoring_url));
    }
    if (mmd_s > 0) {
        tool_json_set(entry, "mmd", json_integer(mmd_s));
    }
    if (log->test_log) {
        tool_json_set(entry, "log_type", tool_json_text("test"));
    }
    tool_json_set(entry, "state", state_of(making, log));
    if (log->interval_start_ms != INT64_MIN) {
        json_t *interval = tool_json_object();

        set_time(interval, "start_inclusive", log->interval_start_ms);
        set_time(interval, "end_exclusive", log->interval_end_ms);
        tool_json_set(entry, "temporal_interval", interval);
    }
    if (log->previous_count > 0) {
        tool_json_set(entry, "previous_operators", previous_of(log));
    }
    return entry;
}

static bool is_in(const struct making *making, const struct ct_log *log)
{
    for (size_t i = 0; i < making->count; i++) {
        if (memcmp(making->ids[i], log->id, CT_LOG_ID_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static bool add_log(struct making *making, const char *source, const struct ct_log *log)
{
    const struct make_options *options = making->options;
    const char *log_operator = log->log_operator != NULL ? log->log_operator : options->log_operator;
    const char *why = cannot_be_said(log, log_operator);
    bool tiled = log->tiled || options->monitoring_url != NULL;
    uint8_t(*grown)[CT_LOG_ID_LEN];

    if (log->unusable != NULL) {
        tool_warning("logs: %s: log \"%s\" is left out: %s", source, log->description, log->unusable);
        return true;
    }
    if (why != NULL) {
        tool_error("logs: %s: log \"%s\": %s", source, log->description, why);
        return false;
    }
    if (is_in(making, log)) {
        tool_warning("logs: %s: log \"%s\" is in the list already; what was said of it first stays", source,
                     log->description);
        return true;
    }
    grown = reallocarray(making->ids, making->count + 1, sizeof *grown);
    if (grown == NULL) {
        tool_out_of_memory();
    }
    making->ids = grown;
    memcpy(grown[making->count++], log->id, CT_LOG_ID_LEN);
    tool_json_append(logs_of(making, log_operator, tiled), entry_of(making, log, tiled));
    return true;
}

/* A key in DER is nothing that a configuration takes; here it becomes PEM first. */
static void wrap_key(struct tool_file *file)
{
    static const char head[] = "-----BEGIN PUBLIC KEY-----\n", end[] = "\n-----END PUBLIC KEY-----\n";
    char *text;
    size_t at = sizeof head - 1;

    if (file->len < 2 || file->len > CT_LOG_KEY_MAX || file->data[0] != 0x30) {
        return;
    }
    text = malloc(file->len * 2 + sizeof head + sizeof end + 8);
    if (text == NULL) {
        tool_out_of_memory();
    }
    memcpy(text, head, at);
    for (size_t i = 0; i < file->len; i += 48) {
        at += (size_t)EVP_EncodeBlock((unsigned char *)text + at, file->data + i,
                                      (int)(file->len - i < 48 ? file->len - i : 48));
        text[at++] = '\n';
    }
    memcpy(text + at - 1, end, sizeof end);
    free(file->data);
    *file = (struct tool_file){ (uint8_t *)text, at - 1 + sizeof end - 1 };
}

static bool is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 || strncmp(source, "http://", 7) == 0;
}

/* A file, or what a log or a publisher of lists has under a URL: static-ct logs say of themselves in log.v3.json. */
static bool read_source(const char *source, struct tool_file *file)
{
    size_t len = strlen(source);
    char *url;
    bool ok;

    if (!is_url(source)) {
        return tool_read_file("the log's key or list", source, CT_LOG_LIST_MAX_BYTES, file);
    }
    url = tool_format("%s%s", source,
                      len > 5 && strcmp(source + len - 5, ".json") == 0 ? ""
                      : source[len - 1] == '/'                          ? "log.v3.json"
                                                                        : "/log.v3.json");
    ok = fetch_file("logs", "the log's list", url, CT_LOG_LIST_MAX_BYTES, file);
    free(url);
    return ok;
}

static bool add_source(struct making *making, const char *source, bool alone)
{
    const struct make_options *options = making->options;
    const char *name = strcmp(source, "-") == 0 ? "standard input" : source;
    struct tool_file file = { 0 };
    struct ct_log_list list = { 0 };
    struct ct_problems problems = { 0 };
    bool ok = read_source(source, &file);

    if (!ok) {
        return false;
    }
    wrap_key(&file);
    ok = ct_log_list_parse(name, (struct ct_bytes){ file.data, file.len }, &list, &problems);
    tool_tell_list_problems(&problems);
    if (ok && (options->description != NULL || options->url != NULL || options->monitoring_url != NULL) &&
        (!alone || list.logs.count != 1)) {
        tool_error("logs: --description, --url and --monitoring-url are about one log; %s has %zu%s", name,
                   list.logs.count, alone ? "" : ", and there are other files");
        ok = false;
    }
    for (size_t i = 0; i < list.logs.count && ok; i++) {
        ok = add_log(making, name, &list.logs.logs[i]);
    }
    ct_log_list_clear(&list);
    ct_problems_clear(&problems);
    tool_file_clear(&file);
    return ok;
}

/* What is printed is read as a server would read it. */
static bool reads_back(const struct making *making, json_t *list)
{
    char *text = json_dumps(list, 0);
    struct ct_log_list again = { 0 };
    struct ct_problems problems = { 0 };
    bool ok;

    if (text == NULL) {
        tool_out_of_memory();
    }
    ok = ct_log_list_parse("the list", (struct ct_bytes){ (const uint8_t *)text, strlen(text) }, &again, &problems) &&
         problems.errors + problems.warnings == 0 && again.logs.count == making->count;
    tool_tell_list_problems(&problems);
    ct_log_list_clear(&again);
    ct_problems_clear(&problems);
    free(text);
    return ok;
}

static bool read_mmd(const struct make_options *options, int64_t *seconds)
{
    char *end = NULL;
    long long value = options->mmd != NULL ? strtoll(options->mmd, &end, 10) : 0;

    *seconds = value;
    if (options->mmd != NULL && (*end != '\0' || value < 1 || value > 31536000)) {
        tool_error("logs: --mmd %s: expected seconds, 1 to 31536000", options->mmd);
        return false;
    }
    return true;
}

int tool_make_log_list(const struct make_options *options, char **sources, size_t count)
{
    struct making making = { .options = options };
    json_t *list;
    bool ok = read_mmd(options, &making.mmd_s);

    making.operators = tool_json_array();
    for (size_t i = 0; i < count && ok; i++) {
        ok = add_source(&making, sources[i], count == 1);
    }
    list = tool_json_object();
    tool_json_set(list, "version", tool_json_text("1"));
    set_time(list, "log_list_timestamp", options->at_ms);
    tool_json_set(list, "operators", making.operators);
    ok = ok && reads_back(&making, list);
    if (ok) {
        tool_json_print(list);
    } else {
        json_decref(list);
    }
    free(making.ids);
    return ok ? TOOL_YES : TOOL_USAGE;
}
