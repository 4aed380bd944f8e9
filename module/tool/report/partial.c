/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/partial.h"

#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define NAMES_MAX (2 * REPORT_CERTIFICATES_MAX)
#define GROUP_NAME_MAX 4096u              /* of an input: PATH_MAX */
#define FIRST_MS INT64_C(-62135596800000) /* of the year 1 */
#define LAST_MS INT64_C(253402300799999)  /* of the year 9999 */
#define DAYS_BEYOND INT64_C(3000000)      /* from 1970, of that year, with room */

enum { STATE_REFUSE = 1, STATE_SHADOW = 2, STATE_SHADOW_COMPLIANT = 4 };

static struct report_groups *groups_of(struct report_tally *tally, size_t i)
{
    struct report_groups *const groups[] = { &tally->sources, &tally->reasons_left_out, &tally->issuers,
                                             &tally->reasons, &tally->unknown_logs };

    return i < sizeof groups / sizeof groups[0] ? groups[i] : NULL;
}

static uint64_t *sum_of(struct report_tally *tally, size_t i)
{
    uint64_t *const sums[] = { &tally->lines,        &tally->foreign,    &tally->events,
                               &tally->older,        &tally->vouched,    &tally->left_out,
                               &tally->strangers,    &tally->not_judged, &tally->without_certificate,
                               &tally->dropped,      &tally->decisions,  &tally->would_accept,
                               &tally->would_refuse, &tally->refused };

    return i < sizeof sums / sizeof sums[0] ? sums[i] : NULL;
}

/* --- writing --- */

struct writer {
    report_partial_write_fn *write;
    void *arg;
};

static void put(struct writer *w, uint64_t value, size_t bytes)
{
    uint8_t data[8];

    ct_write_u64(data, value);
    w->write(w->arg, data + 8 - bytes, bytes);
}

static void put_text(struct writer *w, const char *text, size_t len)
{
    put(w, len, 2);
    w->write(w->arg, text, len);
}

static void put_days(struct writer *w, const struct report_days *days)
{
    put(w, days->count, 2);
    for (size_t i = 0; i < days->count; i++) {
        put(w, (uint64_t)days->items[i].day, 8);
        put(w, days->items[i].accepted, 8);
        put(w, days->items[i].refused, 8);
    }
}

static void put_group(struct writer *w, const struct report_group *group)
{
    size_t len = strlen(group->name);

    put_text(w, group->name, len < GROUP_NAME_MAX ? len : GROUP_NAME_MAX);
    put(w, group->period, 8);
    put_days(w, &group->days);
}

static void put_groups(struct writer *w, struct report_groups *groups)
{
    void **items;

    report_sample_settle(&groups->sample);
    items = report_sample_items(&groups->sample);
    put(w, groups->sample.below, 8);
    put(w, groups->sample.count, 4);
    for (size_t i = 0; i < groups->sample.count; i++) {
        put_group(w, items[i]);
    }
    put(w, groups->others != NULL, 1);
    if (groups->others != NULL) {
        put_group(w, groups->others);
    }
    free(items);
}

static void put_state(struct writer *w, const struct report_state *state)
{
    put(w, (uint64_t)state->at_ms, 8);
    put(w, (uint64_t)state->not_after_ms, 8);
    put(w, state->reason, 8);
    put(w,
        (state->would_refuse ? STATE_REFUSE : 0) | (state->has_shadow ? STATE_SHADOW : 0) |
            (state->shadow_compliant ? STATE_SHADOW_COMPLIANT : 0),
        1);
    put(w, state->usages, 1);
}

static void put_name(struct writer *w, struct report_name *name, unsigned *numbered)
{
    if (name->number == 0) {
        name->number = ++*numbered;
        put(w, name->number, 4);
        put_text(w, name->text, name->len);
    } else {
        put(w, name->number, 4);
    }
}

static void put_clients(struct writer *w, const struct report_sample *sample, unsigned *numbered)
{
    struct report_client **items = (struct report_client **)report_sample_items(sample);

    for (size_t i = 0; i < sample->count; i++) {
        items[i]->name->number = 0;
    }
    put(w, sample->below, 8);
    put(w, sample->count, 4);
    for (size_t i = 0; i < sample->count; i++) {
        put_name(w, items[i]->name, numbered);
        put(w, items[i]->issuer, 8);
        put_state(w, &items[i]->state);
        put(w, (uint64_t)items[i]->first_ms, 8);
        put(w, items[i]->decisions, 8);
        put(w, items[i]->refusals, 8);
        put(w, items[i]->lowest, 8);
        put(w, items[i]->highest, 8);
    }
    free(items);
}

static void put_certificates(struct writer *w, const struct report_sample *sample, unsigned *numbered)
{
    struct report_certificate **items = (struct report_certificate **)report_sample_items(sample);

    put(w, sample->below, 8);
    put(w, sample->count, 4);
    for (size_t i = 0; i < sample->count; i++) {
        w->write(w->arg, items[i]->sha256, sizeof items[i]->sha256);
        put_name(w, items[i]->subject, numbered);
        put(w, items[i]->issuer, 8);
        put_state(w, &items[i]->state);
        put(w, (uint64_t)items[i]->first_ms, 8);
        put(w, items[i]->decisions, 8);
        put(w, items[i]->refusals, 8);
    }
    free(items);
}

static void put_run(struct writer *w, const struct report_run *run)
{
    put(w, run->lowest, 8);
    put(w, run->highest, 8);
    put(w, run->lines, 8);
    put(w, (uint64_t)run->first_ms, 8);
    put(w, (uint64_t)run->last_ms, 8);
}

static void put_processes(struct writer *w, const struct report_sample *sample)
{
    struct report_process **items = (struct report_process **)report_sample_items(sample);

    put(w, sample->below, 8);
    put(w, sample->count, 4);
    for (size_t i = 0; i < sample->count; i++) {
        put(w, items[i]->hash, 8);
        put(w, items[i]->unique, 1);
        put(w, items[i]->earlier, 1);
        put_run(w, &items[i]->run);
        for (unsigned k = 0; k < items[i]->earlier; k++) {
            put_run(w, &items[i]->runs[k]);
        }
    }
    free(items);
}

/* Names of certificates that are no client's were numbered by an earlier writing, or never. */
static void forget_numbers(const struct report_sample *certificates)
{
    for (size_t i = 0; i < certificates->size; i++) {
        if (certificates->slots[i].item != NULL) {
            ((struct report_certificate *)certificates->slots[i].item)->subject->number = 0;
        }
    }
}

void report_partial_write(struct report_tally *tally, report_partial_write_fn *write, void *arg)
{
    struct writer w = { write, arg };
    unsigned numbered = 0;

    report_sample_settle(&tally->clients);
    report_sample_settle(&tally->certificates);
    report_sample_settle(&tally->processes);
    write(arg, REPORT_PARTIAL_MAGIC, REPORT_PARTIAL_MAGIC_LEN);
    put(&w, (uint64_t)tally->since_ms, 8);
    put(&w, tally->believes_anybody, 1);
    for (size_t i = 0; sum_of(tally, i) != NULL; i++) {
        put(&w, *sum_of(tally, i), 8);
    }
    put(&w, (uint64_t)tally->first_ms, 8);
    put(&w, (uint64_t)tally->last_ms, 8);
    put(&w, (uint64_t)tally->shadow_ms, 8);
    put_text(&w, tally->shadow_policy, strlen(tally->shadow_policy));
    for (size_t i = 0; groups_of(tally, i) != NULL; i++) {
        put_groups(&w, groups_of(tally, i));
    }
    forget_numbers(&tally->certificates);
    put_clients(&w, &tally->clients, &numbered);
    put_certificates(&w, &tally->certificates, &numbered);
    put_processes(&w, &tally->processes);
    put_days(&w, &tally->days);
}

/* --- reading --- */

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

struct source {
    report_partial_read_fn *read;
    void *arg;
    const char *why; /* NULL: nothing was wrong so far */
    bool failed;
    uint8_t buffer[16384];
    size_t at, filled;
    struct report_name **names; /* by their numbers, from 1 */
    size_t name_count;
};

static void wrong(struct source *s, const char *why)
{
    s->why = s->failed ? s->why : why;
    s->failed = true;
}

static void get_bytes(struct source *s, void *to, size_t len)
{
    uint8_t *out = to;

    memset(to, 0, len);
    while (len > 0 && !s->failed) {
        size_t part = s->filled - s->at < len ? s->filled - s->at : len;

        memcpy(out, s->buffer + s->at, part);
        s->at += part;
        out += part;
        len -= part;
        if (len > 0) {
            ssize_t got = s->read(s->arg, s->buffer, sizeof s->buffer);

            s->at = 0;
            s->filled = got > 0 ? (size_t)got : 0;
            if (got <= 0) {
                wrong(s, got == 0 ? "it ends in the middle" : NULL);
            }
        }
    }
}

static uint64_t get(struct source *s, size_t bytes)
{
    uint8_t data[8] = { 0 };
    uint64_t value = 0;

    get_bytes(s, data, bytes);
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

/* A number of things, or where it is too large 0. */
static size_t get_count(struct source *s, size_t bytes, size_t most)
{
    uint64_t count = get(s, bytes);

    if (count > most) {
        wrong(s, "it has more of something than there can be");
        return 0;
    }
    return (size_t)count;
}

static bool get_flag(struct source *s)
{
    return get_count(s, 1, 1) == 1;
}

static int64_t get_time(struct source *s, int64_t nothing)
{
    int64_t ms = (int64_t)get(s, 8);

    if (ms != nothing && (ms < FIRST_MS || ms > LAST_MS)) {
        wrong(s, "it has a time beyond all calendars");
        return 0;
    }
    return ms;
}

/* `to` has room for `most` bytes. */
static struct report_text get_text(struct source *s, char *to, size_t most)
{
    size_t len = get_count(s, 2, most);

    get_bytes(s, to, len);
    if (memchr(to, '\0', len) != NULL) {
        wrong(s, "it has a name with a NUL in it");
    }
    return (struct report_text){ to, s->failed ? 0 : len };
}

static void get_days(struct source *s, struct report_days *days)
{
    size_t count = days != NULL ? get_count(s, 2, days->limit) : 0;

    for (size_t i = 0; i < count && !s->failed; i++) {
        struct report_day day = { .day = (int64_t)get(s, 8) };

        day.accepted = get(s, 8);
        day.refused = get(s, 8);
        if (day.day < -DAYS_BEYOND || day.day > DAYS_BEYOND) {
            wrong(s, "it has a time beyond all calendars");
        } else if (!s->failed) {
            report_days_add(days, &day);
        }
    }
}

static void get_group(struct source *s, struct report_group *group)
{
    report_plus(&group->period, get(s, 8));
    get_days(s, &group->days);
}

static void get_groups(struct source *s, struct report_groups *groups)
{
    char name[GROUP_NAME_MAX];
    uint64_t below = get(s, 8);
    size_t count = get_count(s, 4, REPORT_GROUPS_MAX);

    report_sample_lower(&groups->sample, below);
    for (size_t i = 0; i < count && !s->failed; i++) {
        struct report_text text = get_text(s, name, sizeof name);

        get_group(s, report_group_of(groups, text));
    }
    if (get_flag(s)) {
        (void)get_text(s, name, sizeof name);
        get_group(s, report_groups_others(groups));
    }
}

static void get_state(struct source *s, struct report_state *state)
{
    unsigned flags;

    state->at_ms = get_time(s, 0);
    state->not_after_ms = get_time(s, REPORT_UNKNOWN_TIME);
    state->reason = get(s, 8);
    flags = (unsigned)get_count(s, 1, STATE_REFUSE | STATE_SHADOW | STATE_SHADOW_COMPLIANT);
    state->would_refuse = (flags & STATE_REFUSE) != 0;
    state->has_shadow = (flags & STATE_SHADOW) != 0;
    state->shadow_compliant = (flags & STATE_SHADOW_COMPLIANT) != 0;
    state->usages = (uint8_t)get(s, 1);
}

/* One that was there already, or the next one. NULL: failed. */
static struct report_name *get_name(struct source *s)
{
    char text[REPORT_TEXT_MAX];
    size_t number = get_count(s, 4, NAMES_MAX);
    struct report_name *name;

    if (s->failed || number == 0 || number > s->name_count + 1) {
        wrong(s, "it has a name without a text");
        return NULL;
    }
    if (number <= s->name_count) {
        return report_name_share(s->names[number - 1]);
    }
    if ((s->name_count & (s->name_count - 1)) == 0) { /* as many as really come: the number is anybody's */
        s->names = kept(realloc(s->names, (s->name_count > 0 ? 2 * s->name_count : 1) * sizeof *s->names));
    }
    name = report_name_new(get_text(s, text, sizeof text));
    s->names[s->name_count++] = name;
    return report_name_share(name);
}

static void check_counts(struct source *s, uint64_t decisions, uint64_t refusals, int64_t first_ms, int64_t last_ms)
{
    if (refusals > decisions || first_ms > last_ms) {
        wrong(s, "its numbers contradict each other");
    }
}

static void get_clients(struct source *s, struct report_tally *tally)
{
    uint64_t below = get(s, 8);
    size_t count = get_count(s, 4, REPORT_CERTIFICATES_MAX);

    report_sample_lower(&tally->clients, below);
    for (size_t i = 0; i < count && !s->failed; i++) {
        struct report_client *client = kept(calloc(1, sizeof *client));

        client->name = get_name(s);
        client->issuer = get(s, 8);
        get_state(s, &client->state);
        client->first_ms = get_time(s, 0);
        client->decisions = get(s, 8);
        client->refusals = get(s, 8);
        client->lowest = get(s, 8);
        client->highest = get(s, 8);
        check_counts(s, client->decisions, client->refusals, client->first_ms, client->state.at_ms);
        if (client->name == NULL) {
            free(client);
        } else {
            report_put_client(tally, client); /* where it is wrong all of it is thrown away */
        }
    }
}

static void get_certificates(struct source *s, struct report_tally *tally)
{
    uint64_t below = get(s, 8);
    size_t count = get_count(s, 4, REPORT_CERTIFICATES_MAX);

    report_sample_lower(&tally->certificates, below);
    for (size_t i = 0; i < count && !s->failed; i++) {
        struct report_certificate *certificate = kept(calloc(1, sizeof *certificate));

        get_bytes(s, certificate->sha256, sizeof certificate->sha256);
        certificate->subject = get_name(s);
        certificate->issuer = get(s, 8);
        get_state(s, &certificate->state);
        certificate->first_ms = get_time(s, 0);
        certificate->decisions = get(s, 8);
        certificate->refusals = get(s, 8);
        check_counts(s, certificate->decisions, certificate->refusals, certificate->first_ms, certificate->state.at_ms);
        if (certificate->subject == NULL) {
            free(certificate);
        } else {
            report_put_certificate(tally, certificate);
        }
    }
}

static void get_run(struct source *s, struct report_run *run)
{
    run->lowest = get(s, 8);
    run->highest = get(s, 8);
    run->lines = get(s, 8);
    run->first_ms = get_time(s, 0);
    run->last_ms = get_time(s, 0);
    if (run->lowest > run->highest || run->first_ms > run->last_ms) {
        wrong(s, "its numbers contradict each other");
    }
}

static void get_processes(struct source *s, struct report_tally *tally)
{
    uint64_t below = get(s, 8);
    size_t count = get_count(s, 4, REPORT_PROCESSES_MAX);

    report_sample_lower(&tally->processes, below);
    for (size_t i = 0; i < count && !s->failed; i++) {
        struct report_process *process = kept(calloc(1, sizeof *process));

        process->hash = get(s, 8);
        process->unique = get_flag(s);
        process->earlier = (unsigned)get_count(s, 1, REPORT_RUNS_MAX);
        process->runs = process->earlier > 0 ? kept(calloc(REPORT_RUNS_MAX, sizeof *process->runs)) : NULL;
        get_run(s, &process->run);
        for (unsigned k = 0; k < process->earlier; k++) {
            get_run(s, &process->runs[k]);
        }
        report_put_process(tally, process);
    }
}

static void get_head(struct source *s, struct report_tally *tally)
{
    struct report_text shadow;

    tally->since_ms = (int64_t)get(s, 8);
    tally->believes_anybody = get_flag(s);
    for (size_t i = 0; sum_of(tally, i) != NULL; i++) {
        *sum_of(tally, i) = get(s, 8);
    }
    tally->first_ms = get_time(s, INT64_MAX);
    tally->last_ms = get_time(s, INT64_MIN);
    tally->shadow_ms = get_time(s, INT64_MIN);
    shadow = get_text(s, tally->shadow_policy, sizeof tally->shadow_policy - 1);
    tally->shadow_policy[shadow.len] = '\0';
    if ((tally->shadow_ms == INT64_MIN && shadow.len > 0) || (tally->decisions > 0) != (tally->first_ms != INT64_MAX) ||
        tally->would_accept > tally->decisions || tally->would_refuse > tally->decisions ||
        (tally->decisions > 0 && tally->first_ms > tally->last_ms)) {
        wrong(s, "its numbers contradict each other");
    }
}

static struct source *source_new(report_partial_read_fn *read, void *arg)
{
    struct source *s = kept(calloc(1, sizeof *s));

    s->read = read;
    s->arg = arg;
    return s;
}

/* Whether nothing was wrong. */
static bool source_free(struct source *s, const char **why)
{
    bool good = !s->failed;

    for (size_t i = 0; i < s->name_count; i++) {
        report_name_drop(s->names[i]);
    }
    *why = s->why;
    free(s->names);
    free(s);
    return good;
}

/* What stands behind the head, added to what is there. */
static void get_rest(struct source *s, struct report_tally *tally)
{
    for (size_t i = 0; groups_of(tally, i) != NULL; i++) {
        get_groups(s, groups_of(tally, i));
    }
    get_clients(s, tally);
    get_certificates(s, tally);
    get_processes(s, tally);
    get_days(s, &tally->days);
    if (!s->failed && (s->at < s->filled || s->read(s->arg, s->buffer, 1) != 0)) {
        wrong(s, "something stands behind its end");
    }
}

struct report_tally *report_partial_read(report_partial_read_fn *read, void *arg, const char **why)
{
    struct source *s = source_new(read, arg);
    struct report_tally *tally = report_tally_new(INT64_MIN, false);

    get_head(s, tally);
    get_rest(s, tally);
    if (!source_free(s, why)) {
        report_tally_free(tally);
        return NULL;
    }
    return tally;
}

enum report_partial_added report_partial_add(struct report_tally *into, report_partial_read_fn *read, void *arg,
                                             const char **why)
{
    struct source *s = source_new(read, arg);
    struct report_tally *head = report_tally_new(INT64_MIN, false);
    enum report_partial_added added = REPORT_PARTIAL_ADDED;

    get_head(s, head);
    if (head->since_ms != into->since_ms) {
        added = REPORT_PARTIAL_OTHER_SINCE;
    } else if (head->believes_anybody && !into->believes_anybody) {
        added = REPORT_PARTIAL_UNVOUCHED;
    }
    if (s->failed || added != REPORT_PARTIAL_ADDED) {
        report_tally_free(head);
    } else {
        report_merge(into, head, 1);
        get_rest(s, into);
    }
    return source_free(s, why) ? added : REPORT_PARTIAL_WRONG;
}
