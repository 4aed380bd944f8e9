/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/duplicates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static bool same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_previous(const struct ct_log *a, const struct ct_log *b)
{
    bool same = a->previous_count == b->previous_count;

    for (size_t i = 0; i < a->previous_count && same; i++) {
        same =
            a->previous[i].until_ms == b->previous[i].until_ms && same_text(a->previous[i].name, b->previous[i].name);
    }
    return same;
}

/* "retired since 2026-01-01T00:00:00Z" */
static void say_state(const struct ct_log *log, char *out, size_t size)
{
    char since[32] = "";

    if (log->unusable != NULL) {
        snprintf(out, size, "not to be counted");
        return;
    }
    if (log->state_since_ms != INT64_MIN) {
        ct_time_format(log->state_since_ms, since, sizeof since);
    }
    snprintf(out, size, "%s%s%s", ct_log_state_name(log->state), since[0] != '\0' ? " since " : "", since);
}

/* What two entries of one log disagree about; false when nothing. */
static bool differ(const struct ct_log *a, const struct ct_log *b, char *out, size_t size)
{
    char first[64], second[64];

    if ((a->unusable == NULL) != (b->unusable == NULL) ||
        (a->unusable == NULL && (a->state != b->state || a->state_since_ms != b->state_since_ms))) {
        say_state(a, first, sizeof first);
        say_state(b, second, sizeof second);
        snprintf(out, size, "one says %s, another %s", first, second);
    } else if (a->unusable != NULL) {
        return false;
    } else if (a->interval_start_ms != b->interval_start_ms || a->interval_end_ms != b->interval_end_ms) {
        snprintf(out, size, "their temporal intervals are not the same");
    } else if (!same_text(a->log_operator, b->log_operator) || !same_previous(a, b)) {
        snprintf(out, size, "operated by \"%.60s\" and by \"%.60s\"", a->log_operator != NULL ? a->log_operator : "",
                 b->log_operator != NULL ? b->log_operator : "");
    } else {
        return false;
    }
    return true;
}

static bool differ_in_kind(const struct ct_log *a, const struct ct_log *b, char *out, size_t size)
{
    snprintf(out, size, "one is a static-ct log, the other is not");
    return a->tiled != b->tiled;
}

/* --- in one list --- */

static bool add_window(struct ct_log *log, const struct ct_log *other)
{
    struct ct_window *windows = NULL;

    if (log->windows == NULL && log->sct_from_ms == other->sct_from_ms && log->sct_until_ms == other->sct_until_ms) {
        return true;
    }
    for (size_t i = 0; log->windows != NULL && i < log->window_count; i++) {
        if (log->windows[i].from_ms == other->sct_from_ms && log->windows[i].until_ms == other->sct_until_ms) {
            return true;
        }
    }
    windows = reallocarray(log->windows, log->window_count + 2, sizeof *windows);
    if (windows == NULL) {
        return false;
    }
    if (log->window_count == 0) {
        windows[log->window_count++] = (struct ct_window){ log->sct_from_ms, log->sct_until_ms };
    }
    windows[log->window_count++] = (struct ct_window){ other->sct_from_ms, other->sct_until_ms };
    log->windows = windows;
    log->sct_from_ms = other->sct_from_ms < log->sct_from_ms ? other->sct_from_ms : log->sct_from_ms;
    log->sct_until_ms = other->sct_until_ms > log->sct_until_ms ? other->sct_until_ms : log->sct_until_ms;
    return true;
}

/*
 * A static-ct log may stand under `logs` as well, for tools that know no `tiled_logs`: where key and answers are the
 * same it is one log, and the entry that says more of it is kept.
 */
static void put_tiled_first(struct ct_log *entries, size_t count)
{
    for (size_t i = 1; i < count && !entries[0].tiled; i++) {
        if (entries[i].tiled) {
            struct ct_log *first = malloc(sizeof *first); /* as bytes: its members are atomic */

            if (first != NULL) {
                memcpy(first, &entries[0], sizeof *first);
                memcpy(&entries[0], &entries[i], sizeof *first);
                memcpy(&entries[i], first, sizeof *first);
                free(first);
            }
            entries[0].tiled = true;
        }
    }
}

/* Makes one of the entries [0, count) of one log; the others are cleared. */
static void settle(struct ct_list_input *in, struct ct_log *entries, size_t count)
{
    char how[200] = "";
    bool disagree = false;

    put_tiled_first(entries, count);
    for (size_t i = 1; i < count; i++) {
        disagree = disagree || differ(&entries[0], &entries[i], how, sizeof how);
        if (!disagree && !add_window(&entries[0], &entries[i])) {
            ct_list_out_of_memory(in);
        }
    }
    if (disagree) {
        char text[CT_LOG_DOUBT_MAX];

        snprintf(text, sizeof text, "stands there %zu times, and the entries disagree: %s%s%.150s", count, how,
                 entries[0].unusable != NULL ? ": " : "", entries[0].unusable != NULL ? entries[0].unusable : "");
        ct_list_copy(in, &entries[0].unusable, text);
        ct_list_warn(in, 0, "\"%.100s\" does not count: %s", entries[0].description, text);
    }
    for (size_t i = 1; i < count; i++) {
        ct_log_clear(&entries[i]);
    }
}

static size_t run_of_one_id(const struct ct_log_set *logs, size_t from)
{
    size_t end = from + 1;

    while (end < logs->count && memcmp(logs->logs[from].id, logs->logs[end].id, CT_LOG_ID_LEN) == 0) {
        end++;
    }
    return end - from;
}

void ct_list_settle_duplicates(struct ct_list_input *in)
{
    struct ct_log_set *logs = &in->list->logs;
    size_t kept = 0;

    ct_log_set_sort(logs);
    for (size_t i = 0, run; i < logs->count; i += run) {
        run = run_of_one_id(logs, i);
        if (run > 1) {
            settle(in, &logs->logs[i], run);
        }
        if (kept != i) {
            memcpy(&logs->logs[kept], &logs->logs[i], sizeof logs->logs[i]);
        }
        kept++;
    }
    logs->count = kept;
}

/* --- in several lists --- */

/* An operator's name in a list, and what the list before calls the same operator. */
struct alias {
    const char *list, *name, *first_name;
};

static int compare_aliases(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    int order = strcmp(x->list, y->list);

    return order != 0 ? order : strcmp(x->name, y->name);
}

static int compare_aliases_wholly(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    int order = compare_aliases(a, b);

    return order != 0 ? order : strcmp(x->first_name, y->first_name);
}

struct operator_name {
    const char *name, *list;
    unsigned order; /* of the log */
};

struct join {
    struct ct_log_set *logs;
    struct ct_problems *problems;
    struct alias *aliases;
    size_t alias_count;
    size_t common, different;
    FILE *out; /* for the names of those that differ */
};

/* Puts `other`, of a later list, behind `first`. */
static bool append(struct join *join, struct ct_log *first, struct ct_log *other)
{
    struct ct_log *moved = malloc(sizeof *moved);
    struct ct_log **end = &first->also;
    char how[200];

    if (moved == NULL) {
        return false;
    }
    if (differ(first, other, how, sizeof how) || differ_in_kind(first, other, how, sizeof how)) {
        fprintf(join->out, "%s%s (%s in %s)", join->different > 0 ? "; " : "", first->description, how, other->list);
        join->different++;
    }
    if (other->unusable != NULL && first->unusable == NULL &&
        asprintf(&first->unusable, "%s: %s", other->list, other->unusable) < 0) {
        first->unusable = NULL;
        free(moved);
        return false;
    }
    if (other->log_operator != NULL && first->log_operator != NULL &&
        !same_text(first->log_operator, other->log_operator)) {
        join->aliases[join->alias_count++] = (struct alias){
            .list = other->list,
            .name = other->log_operator,
            .first_name = first->log_operator,
        };
    }
    first->tiled = first->tiled || other->tiled;
    first->says_tiled = first->says_tiled || other->says_tiled;
    first->test_log = first->test_log || other->test_log;
    memcpy(moved, other, sizeof *moved);
    memset(other, 0, sizeof *other);
    while (*end != NULL) {
        end = &(*end)->also;
    }
    *end = moved;
    return true;
}

/* For a log that no list before has: what those lists call its operator, where they know him by another log. */
static const char *first_name_of(const struct join *join, const struct ct_log *log)
{
    const struct alias wanted = { .list = log->list, .name = log->log_operator };
    const struct alias *found = NULL;

    if (log->log_operator != NULL && join->alias_count > 0) {
        found = bsearch(&wanted, join->aliases, join->alias_count, sizeof wanted, compare_aliases);
    }
    return found == NULL ? NULL : found->first_name;
}

static int compare_operators(const void *a, const void *b)
{
    const struct operator_name *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* Whether a log before this one, of another list, has an operator of this name, who then is no other's alias. */
static bool known_before(const struct operator_name *names, size_t count, const struct ct_log *log)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(names[middle].name, log->log_operator) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && strcmp(names[low].name, log->log_operator) == 0 && names[low].order < log->order &&
           strcmp(names[low].list, log->list) != 0;
}

/*
 * Sorts the aliases and leaves one for each operator of a later list. Where his logs have several operators in the
 * lists before (he took one over), he is the one who has most of them.
 */
static void settle_aliases(struct join *join)
{
    struct alias *aliases = join->aliases;
    size_t kept = 0, best = 0;

    qsort(aliases, join->alias_count, sizeof *aliases, compare_aliases_wholly);
    for (size_t i = 0, run; i < join->alias_count; i += run) {
        bool another = kept == 0 || compare_aliases(&aliases[kept - 1], &aliases[i]) != 0;

        run = 1;
        while (i + run < join->alias_count && compare_aliases_wholly(&aliases[i], &aliases[i + run]) == 0) {
            run++;
        }
        if (another || run > best) {
            kept += another;
            aliases[kept - 1] = aliases[i];
            best = run;
        }
    }
    join->alias_count = kept;
}

static bool rename_operators(struct join *join)
{
    struct ct_log_set *logs = join->logs;
    struct operator_name *names = NULL;
    char **renamed = NULL;
    size_t count = 0;
    bool ok = true;

    if (join->alias_count == 0) {
        return true;
    }
    names = calloc(logs->count, sizeof *names);
    renamed = calloc(logs->count, sizeof *renamed);
    ok = names != NULL && renamed != NULL;
    for (size_t i = 0; i < logs->count && ok; i++) {
        if (logs->logs[i].log_operator != NULL) {
            names[count++] =
                (struct operator_name){ logs->logs[i].log_operator, logs->logs[i].list, logs->logs[i].order };
        }
    }
    if (ok) {
        qsort(names, count, sizeof *names, compare_operators);
        settle_aliases(join);
    }
    for (size_t i = 0; i < logs->count && ok; i++) {
        const char *name = first_name_of(join, &logs->logs[i]);

        if (name != NULL && !known_before(names, count, &logs->logs[i])) {
            ok = (renamed[i] = strdup(name)) != NULL;
        }
    }
    /* Only now, when nothing looks at the old names any more. */
    for (size_t i = 0; i < logs->count && renamed != NULL; i++) {
        if (renamed[i] != NULL) {
            free(logs->logs[i].log_operator);
            logs->logs[i].log_operator = renamed[i];
        }
    }
    free(names);
    free(renamed);
    return ok;
}

bool ct_logs_join(struct ct_log_set *logs, struct ct_problems *problems)
{
    struct join join = { .logs = logs };
    char *text = NULL;
    size_t text_len = 0, kept = 0;
    bool ok;

    ct_log_set_sort(logs);
    join.aliases = calloc(logs->count + 1, sizeof *join.aliases);
    join.out = open_memstream(&text, &text_len);
    ok = join.aliases != NULL && join.out != NULL;
    for (size_t i = 0, run; i < logs->count && ok; i += run) {
        run = run_of_one_id(logs, i);
        join.common += run > 1;
        for (size_t k = 1; k < run && ok; k++) {
            ok = append(&join, &logs->logs[i], &logs->logs[i + k]);
        }
        if (ok && kept != i) {
            memcpy(&logs->logs[kept], &logs->logs[i], sizeof logs->logs[i]);
            memset(&logs->logs[i], 0, sizeof logs->logs[i]);
        }
        kept++;
    }
    if (join.out != NULL) {
        ok = fclose(join.out) == 0 && ok;
    }
    if (ok) {
        logs->count = kept;
        ok = rename_operators(&join);
    }
    if (ok && join.different > 0) {
        ct_problem_add(problems, CT_WARNING, logs->logs[0].list, 0,
                       "%zu of the %zu logs that stand in more than one list differ there; the stricter state counts, "
                       "and the operator's name of the first list: %s",
                       join.different, join.common, text);
    }
    free(join.aliases);
    free(text);
    return ok;
}
