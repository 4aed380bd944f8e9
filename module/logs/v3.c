/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The v3 log list (https://www.gstatic.com/ct/log_list/v3/log_list_schema.json), in whose form both Google and Apple
 * publish their lists, and a single log's log.v3.json, which is one entry of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/json.h"
#include "logs/readers.h"

#define PLACE_MAX 96

/* The state of that name; CT_LOG_STATE_COUNT for a word that is none. */
static enum ct_log_state state_named(const char *name)
{
    unsigned state = 0;

    while (state < CT_LOG_STATE_COUNT && strcmp(name, ct_log_state_name((enum ct_log_state)state)) != 0) {
        state++;
    }
    return (enum ct_log_state)state;
}

/*
 * The states in the order in which logs go through them. A list may say all that a log has been, as Mozilla's does: the
 * last counts, where it is the last by time too. Otherwise nobody knows what the log is now.
 */
static void take_last_state(struct ct_list_input *in, const char *place, const bool present[CT_LOG_STATE_COUNT],
                            const int64_t since_ms[CT_LOG_STATE_COUNT], struct ct_log *log)
{
    unsigned last = CT_LOG_STATE_COUNT;

    for (unsigned state = 0; state < CT_LOG_STATE_COUNT; state++) {
        if (!present[state]) {
            continue;
        }
        if (last != CT_LOG_STATE_COUNT && since_ms[state] <= since_ms[last]) {
            ct_list_complain(in, 0,
                             "%s: expected one state, or those that the log has gone through, found %s not "
                             "later than %s",
                             place, ct_log_state_name((enum ct_log_state)state),
                             ct_log_state_name((enum ct_log_state)last));
            return;
        }
        last = state;
    }
    if (last == CT_LOG_STATE_COUNT) {
        ct_list_complain(in, 0, "%s: expected a state, found none", place);
        return;
    }
    log->state = (enum ct_log_state)last;
    log->state_since_ms = since_ms[last];
}

static void read_state(struct ct_list_input *in, const char *place, const json_t *entry, struct ct_log *log)
{
    const json_t *states = ct_json_member(in, place, entry, "state", JSON_OBJECT, CT_OPTIONAL);
    bool present[CT_LOG_STATE_COUNT] = { false };
    int64_t since_ms[CT_LOG_STATE_COUNT];
    char inner[PLACE_MAX + 16], deeper[PLACE_MAX + 32];

    if (states == NULL) {
        return;
    }
    log->has_state = true;
    snprintf(inner, sizeof inner, "%s%sstate", place, *place != '\0' ? "." : "");
    for (void *at = json_object_iter((json_t *)states); at != NULL; at = json_object_iter_next((json_t *)states, at)) {
        const char *key = json_object_iter_key(at);
        const json_t *value = json_object_iter_value(at);
        enum ct_log_state state = state_named(key);

        /* A state is an object, known to us or not; any other member that we do not know says nothing of it. */
        if (json_is_null(value) || (!json_is_object(value) && state == CT_LOG_STATE_COUNT)) {
            continue;
        }
        if (state == CT_LOG_STATE_COUNT) {
            log->state = CT_LOG_REJECTED;
            ct_list_complain(in, 0,
                             "%s: expected pending, qualified, usable, readonly, retired or rejected, found \"%.60s\"",
                             inner, key);
            return;
        }
        present[state] = true;
        since_ms[state] = INT64_MIN;
        value = ct_json_member(in, inner, states, key, JSON_OBJECT, CT_REQUIRED);
        if (value != NULL) {
            snprintf(deeper, sizeof deeper, "%s.%s", inner, key);
            ct_json_time(in, deeper, value, "timestamp", CT_REQUIRED, &since_ms[state]);
        }
    }
    take_last_state(in, inner, present, since_ms, log);
}

static void read_interval(struct ct_list_input *in, const char *place, const json_t *entry, struct ct_log *log)
{
    const json_t *interval = ct_json_member(in, place, entry, "temporal_interval", JSON_OBJECT, CT_OPTIONAL);
    char inner[PLACE_MAX + 24];

    if (interval == NULL) {
        return;
    }
    snprintf(inner, sizeof inner, "%s%stemporal_interval", place, *place != '\0' ? "." : "");
    ct_json_time(in, inner, interval, "start_inclusive", CT_REQUIRED, &log->interval_start_ms);
    ct_json_time(in, inner, interval, "end_exclusive", CT_REQUIRED, &log->interval_end_ms);
    if (log->interval_start_ms >= log->interval_end_ms) {
        ct_list_complain(in, 0, "%s: expected start_inclusive before end_exclusive", inner);
    }
}

static int compare_until(const void *a, const void *b)
{
    int64_t x = ((const struct ct_previous_operator *)a)->until_ms;
    int64_t y = ((const struct ct_previous_operator *)b)->until_ms;

    return (x > y) - (x < y);
}

static void read_previous_operators(struct ct_list_input *in, const char *place, const json_t *entry,
                                    struct ct_log *log)
{
    const json_t *previous = ct_json_member(in, place, entry, "previous_operators", JSON_ARRAY, CT_OPTIONAL);
    size_t count = json_array_size(previous);

    if (count == 0) {
        return;
    }
    log->previous = calloc(count, sizeof *log->previous);
    if (log->previous == NULL) {
        ct_list_out_of_memory(in);
        return;
    }
    log->previous_count = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(previous, i);
        const char *name = NULL;
        char inner[PLACE_MAX + 48];

        snprintf(inner, sizeof inner, "%s%sprevious_operators[%zu]", place, *place != '\0' ? "." : "", i);
        if (!json_is_object(one)) {
            ct_json_complain(in, inner, "", "an object", one);
            continue;
        }
        name = ct_json_text(in, inner, one, "name", CT_REQUIRED);
        if (name != NULL) {
            ct_list_copy(in, &log->previous[i].name, name);
        }
        ct_json_time(in, inner, one, "end_time", CT_REQUIRED, &log->previous[i].until_ms);
    }
    qsort(log->previous, count, sizeof *log->previous, compare_until);
}

static void read_log_type(struct ct_list_input *in, const char *place, const json_t *entry, struct ct_log *log)
{
    const char *type = ct_json_text(in, place, entry, "log_type", CT_OPTIONAL);

    if (type == NULL || strcmp(type, "prod") == 0) {
        return;
    }
    if (strcmp(type, "test") == 0) {
        log->test_log = true;
    } else if (strcmp(type, "monitoring_only") == 0) {
        ct_list_copy(in, &log->unusable, "it is listed for monitors only"); /* as it should be: nothing to warn of */
    } else {
        ct_list_complain(in, 0, "%s%slog_type: expected \"prod\", \"test\" or \"monitoring_only\", found \"%.60s\"",
                         place, *place != '\0' ? "." : "", type);
    }
}

#define MERGE_DELAY_MAX_S (366.0 * 24 * 60 * 60)

/* `mmd`, in seconds; what is no such number is as none: nothing that decides about clients depends on it. */
static int64_t merge_delay(const json_t *entry)
{
    const json_t *mmd = json_object_get(entry, "mmd");
    double seconds = json_is_real(mmd) ? json_real_value(mmd) : 0; /* lists are read without integers */

    return seconds > 0 && seconds <= MERGE_DELAY_MAX_S ? (int64_t)seconds * CT_SECOND_MS : 0;
}

static void read_log(struct ct_list_input *in, const char *place, const json_t *entry, const char *log_operator,
                     bool tiled)
{
    struct ct_log log = ct_list_begin_log(in);

    if (json_is_object(entry)) {
        ct_list_copy(in, &log.description, ct_json_label(in, place, entry, "description"));
        ct_list_copy(in, &log.log_operator, log_operator);
        ct_list_copy(in, &log.url, ct_json_label(in, place, entry, tiled ? "submission_url" : "url"));
        ct_list_copy(in, &log.monitoring_url, tiled ? ct_json_label(in, place, entry, "monitoring_url") : NULL);
        log.mmd_ms = merge_delay(entry);
        log.tiled = tiled;
        log.says_tiled = true;
        ct_json_key_and_id(in, place, entry, "key", place, entry, "log_id", &log);
        read_state(in, place, entry, &log);
        read_interval(in, place, entry, &log);
        read_previous_operators(in, place, entry, &log);
        read_log_type(in, place, entry, &log);
    } else {
        ct_json_complain(in, place, "", "an object", entry);
    }
    ct_list_end_log(in, 0, place, &log);
}

/* An array of the list's frame; what it is instead is told, and that nothing in it counts. */
static const json_t *array_of(struct ct_list_input *in, const char *place, const json_t *entry, const char *name)
{
    const json_t *array = json_object_get(entry, name);

    if (array == NULL || json_is_null(array) || json_is_array(array)) {
        return array;
    }
    ct_list_warn(in, 0, "%s.%s: expected an array; nothing in it counts", place, name);
    return NULL;
}

static void read_logs(struct ct_list_input *in, size_t operator_index, const json_t *entry, const char *name,
                      const char *array_name, bool tiled)
{
    char place[PLACE_MAX];
    const json_t *logs;

    snprintf(place, sizeof place, "operators[%zu]", operator_index);
    logs = array_of(in, place, entry, array_name);
    for (size_t i = 0; i < json_array_size(logs); i++) {
        snprintf(place, sizeof place, "operators[%zu].%s[%zu]", operator_index, array_name, i);
        read_log(in, place, json_array_get(logs, i), name, tiled);
    }
}

/* A log to which a list that speaks of states gives none is not known to be trusted by anybody. */
static void settle_missing_states(struct ct_list_input *in)
{
    struct ct_log_set *logs = &in->list->logs;
    bool any = false;

    for (size_t i = 0; i < logs->count; i++) {
        any |= logs->logs[i].has_state && logs->logs[i].unusable == NULL;
    }
    for (size_t i = 0; i < logs->count; i++) {
        struct ct_log *log = &logs->logs[i];

        if (any && !log->has_state) {
            log->state = CT_LOG_PENDING;
        } else if (log->test_log && !log->has_state && log->unusable == NULL) {
            ct_list_warn(in, 0,
                         "\"%.100s\" is a test log (log_type), and counts, since the list has no states that would say "
                         "otherwise; take it out, or give its logs a state",
                         log->description);
        }
    }
}

void ct_list_read_v3(struct ct_list_input *in, const json_t *root)
{
    const json_t *operators = ct_json_member(in, "", root, "operators", JSON_ARRAY, CT_REQUIRED);
    const json_t *version = json_object_get(root, "version");

    if (json_is_string(version)) { /* shown and no more: lists write numbers too */
        ct_list_copy(in, &in->list->version, ct_json_label(in, "", root, "version"));
    }
    ct_json_time(in, "", root, "log_list_timestamp", CT_OPTIONAL, &in->list->timestamp_ms);
    for (size_t i = 0; i < json_array_size(operators); i++) {
        const json_t *entry = json_array_get(operators, i);
        const char *name = NULL;
        char place[PLACE_MAX];

        snprintf(place, sizeof place, "operators[%zu]", i);
        if (!json_is_object(entry)) {
            ct_list_warn(in, 0, "%s: expected an object; nothing in it counts", place);
            continue;
        }
        name = ct_json_label(in, place, entry, "name");
        if (name == NULL) {
            ct_list_warn(in, 0,
                         "%s.name: expected the operator's name; logs of no known operator count together as "
                         "those of one",
                         place);
        }
        read_logs(in, i, entry, name, "logs", false);
        read_logs(in, i, entry, name, "tiled_logs", true);
    }
    settle_missing_states(in);
}

void ct_list_read_single_v3(struct ct_list_input *in, const json_t *root)
{
    /* Static-ct logs publish this file, with these two URLs where an RFC 6962 log has one. */
    bool tiled = json_object_get(root, "submission_url") != NULL || json_object_get(root, "monitoring_url") != NULL;

    read_log(in, "", root, NULL, tiled);
}
