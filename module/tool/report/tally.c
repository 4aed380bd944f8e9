/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/tally.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/tool.h"

#define LITERAL(text) ((struct report_text){ "" text, sizeof text - 1 })

static void *kept(void *memory)
{
    if (memory == NULL) {
        tool_out_of_memory();
    }
    return memory;
}

static bool same_certificate(const void *item, const void *key)
{
    return memcmp(((const struct report_certificate *)item)->sha256, key, 32) == 0;
}

static void certificate_free(void *arg, void *item)
{
    report_name_drop(((struct report_certificate *)item)->subject);
    free(item);
}

struct client_key {
    uint64_t issuer;
    struct report_text name;
};

static bool same_client(const void *item, const void *key)
{
    const struct report_client *client = item;
    const struct client_key *wanted = key;

    return client->issuer == wanted->issuer && client->name->len == wanted->name.len &&
           memcmp(client->name->text, wanted->name.data, wanted->name.len) == 0;
}

static void client_free(void *arg, void *item)
{
    report_name_drop(((struct report_client *)item)->name);
    free(item);
}

static bool same_process(const void *item, const void *key)
{
    return true; /* the hash is all that is kept of what it is called */
}

static void sample_begin(struct report_sample *sample, size_t limit, bool (*same)(const void *item, const void *key),
                         void (*drop)(void *arg, void *item))
{
    *sample = (struct report_sample){ .limit = limit, .below = UINT64_MAX, .same = same, .drop = drop };
}

struct report_tally *report_tally_new(int64_t since_ms, bool believes_anybody)
{
    struct report_tally *tally = kept(calloc(1, sizeof *tally));

    tally->since_ms = since_ms;
    tally->believes_anybody = believes_anybody;
    tally->first_ms = INT64_MAX;
    tally->last_ms = INT64_MIN;
    tally->shadow_ms = INT64_MIN;
    tally->days.limit = REPORT_DAYS_MAX;
    sample_begin(&tally->processes, REPORT_PROCESSES_MAX, same_process, report_process_free);
    sample_begin(&tally->certificates, REPORT_CERTIFICATES_MAX, same_certificate, certificate_free);
    sample_begin(&tally->clients, REPORT_CERTIFICATES_MAX, same_client, client_free);
    report_groups_begin(&tally->sources);
    report_groups_begin(&tally->reasons_left_out);
    report_groups_begin(&tally->issuers);
    report_groups_begin(&tally->reasons);
    report_groups_begin(&tally->unknown_logs);
    return tally;
}

void report_tally_free(struct report_tally *tally)
{
    if (tally == NULL) {
        return;
    }
    report_sample_clear(&tally->processes);
    report_sample_clear(&tally->certificates);
    report_sample_clear(&tally->clients);
    report_groups_clear(&tally->sources);
    report_groups_clear(&tally->reasons_left_out);
    report_groups_clear(&tally->issuers);
    report_groups_clear(&tally->reasons);
    report_groups_clear(&tally->unknown_logs);
    free(tally->days.items);
    free(tally->sorted);
    free(tally->sorted_clients);
    free(tally);
}

/* --- how it stands --- */

/* Whether `a` says how it stands rather than `b`. Any order will do where the time is the same: never the files'. */
static bool stands_before(const struct report_state *a, const struct report_state *b)
{
    if (a->at_ms != b->at_ms) {
        return a->at_ms > b->at_ms;
    }
    if (a->would_refuse != b->would_refuse) {
        return a->would_refuse;
    }
    if (a->reason != b->reason) {
        return a->reason > b->reason;
    }
    if (a->not_after_ms != b->not_after_ms) {
        return a->not_after_ms > b->not_after_ms;
    }
    if (a->has_shadow != b->has_shadow || a->shadow_compliant != b->shadow_compliant) {
        return a->has_shadow != b->has_shadow ? a->has_shadow : b->shadow_compliant;
    }
    return a->usages > b->usages;
}

static void take_state(struct report_state *state, const struct report_state *other)
{
    if (stands_before(other, state)) {
        *state = *other;
    }
}

static void join_certificates(struct report_certificate *into, const struct report_certificate *from)
{
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->issuer = from->issuer < into->issuer ? from->issuer : into->issuer; /* they differ in forged lines only */
    if (strcmp(from->subject->text, into->subject->text) < 0) {
        report_name_drop(into->subject);
        into->subject = report_name_share(from->subject);
    }
    take_state(&into->state, &from->state);
    report_plus(&into->decisions, from->decisions);
    report_plus(&into->refusals, from->refusals);
}

static void join_clients(struct report_client *into, const struct report_client *from)
{
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->lowest = from->lowest < into->lowest ? from->lowest : into->lowest;
    into->highest = from->highest > into->highest ? from->highest : into->highest;
    take_state(&into->state, &from->state);
    report_plus(&into->decisions, from->decisions);
    report_plus(&into->refusals, from->refusals);
}

static void put_certificate(struct report_tally *tally, uint64_t hash, void *item)
{
    struct report_certificate *certificate = item;
    struct report_certificate *there = report_sample_find(&tally->certificates, hash, certificate->sha256);

    if (there == NULL && report_sample_takes(&tally->certificates, hash)) {
        report_sample_add(&tally->certificates, hash, certificate);
        return;
    }
    if (there != NULL) {
        join_certificates(there, certificate);
    }
    certificate_free(NULL, certificate);
}

static void put_client(struct report_tally *tally, uint64_t hash, void *item)
{
    struct report_client *client = item;
    struct client_key key = { client->issuer, { client->name->text, client->name->len } };
    struct report_client *there = report_sample_find(&tally->clients, hash, &key);

    if (there == NULL && report_sample_takes(&tally->clients, hash)) {
        report_sample_add(&tally->clients, hash, client);
        return;
    }
    if (there != NULL) {
        join_clients(there, client);
    }
    client_free(NULL, client);
}

void report_put_certificate(struct report_tally *tally, struct report_certificate *certificate)
{
    put_certificate(tally, report_certificate_hash(certificate->sha256), certificate);
}

void report_put_client(struct report_tally *tally, struct report_client *client)
{
    struct report_text name = { client->name->text, client->name->len };

    put_client(tally, report_client_hash(client->issuer, name), client);
}

/* --- a line --- */

/* What one line says of its certificate and client. */
struct sighting {
    const struct report_line *line;
    struct report_text name;
    uint64_t issuer, certificate_hash;
    struct report_state state;
};

static void see_certificate(const struct sighting *s, struct report_certificate *certificate)
{
    int64_t at_ms = s->state.at_ms;

    certificate->first_ms = at_ms < certificate->first_ms ? at_ms : certificate->first_ms;
    certificate->issuer = s->issuer < certificate->issuer ? s->issuer : certificate->issuer;
    take_state(&certificate->state, &s->state);
    report_plus(&certificate->decisions, 1);
    report_plus(&certificate->refusals, s->state.would_refuse);
}

static void see_client(const struct sighting *s, struct report_client *client)
{
    int64_t at_ms = s->state.at_ms;

    client->first_ms = at_ms < client->first_ms ? at_ms : client->first_ms;
    client->lowest = s->certificate_hash < client->lowest ? s->certificate_hash : client->lowest;
    client->highest = s->certificate_hash > client->highest ? s->certificate_hash : client->highest;
    take_state(&client->state, &s->state);
    report_plus(&client->decisions, 1);
    report_plus(&client->refusals, s->state.would_refuse);
}

/* Only forged lines say different things of one certificate: any order will do. */
static bool is_smaller(struct report_text text, const struct report_name *name)
{
    size_t shorter = text.len < name->len ? text.len : name->len;
    int order = memcmp(text.data, name->text, shorter);

    return order != 0 ? order < 0 : text.len < name->len;
}

/* Returns the name that new certificates of the client share; NULL: the client is not kept. */
static struct report_name *add_client(struct report_tally *tally, const struct sighting *s)
{
    struct client_key key = { s->issuer, s->name };
    uint64_t hash = report_client_hash(s->issuer, s->name);
    struct report_client *client = report_sample_find(&tally->clients, hash, &key);

    if (client != NULL) {
        see_client(s, client);
        return client->name;
    }
    if (!report_sample_takes(&tally->clients, hash)) {
        return NULL;
    }
    client = kept(calloc(1, sizeof *client));
    client->name = report_name_new(s->name);
    client->issuer = s->issuer;
    client->first_ms = INT64_MAX;
    client->lowest = UINT64_MAX;
    client->state = s->state;
    see_client(s, client);
    report_sample_add(&tally->clients, hash, client);
    return report_sample_find(&tally->clients, hash, &key) != NULL ? client->name : NULL;
}

static void add_certificate(struct report_tally *tally, const struct sighting *s)
{
    struct report_name *name = add_client(tally, s);
    struct report_certificate *certificate =
        report_sample_find(&tally->certificates, s->certificate_hash, s->line->sha256);

    if (certificate != NULL) {
        see_certificate(s, certificate);
        if (is_smaller(s->name, certificate->subject)) {
            report_name_drop(certificate->subject);
            certificate->subject = report_name_new(s->name);
        }
        return;
    }
    if (!report_sample_takes(&tally->certificates, s->certificate_hash)) {
        return;
    }
    certificate = kept(calloc(1, sizeof *certificate));
    memcpy(certificate->sha256, s->line->sha256, sizeof certificate->sha256);
    certificate->subject = name != NULL ? report_name_share(name) : report_name_new(s->name);
    certificate->issuer = s->issuer;
    certificate->first_ms = INT64_MAX;
    certificate->state = s->state;
    see_certificate(s, certificate);
    report_sample_add(&tally->certificates, s->certificate_hash, certificate);
}

static void add_sums(struct report_tally *tally, const struct report_line *line, const struct report_day *day)
{
    struct report_text issuer_name = line->issuer.len > 0 ? line->issuer : LITERAL("(no issuer)");
    struct report_group *reason = report_group_of(&tally->reasons, line->reason);
    uint64_t reason_hash = reason != tally->reasons.others ? reason->hash : report_group_hash(line->reason);
    struct report_group *issuer;

    report_plus(&reason->period, line->would_refuse);
    if (line->would_refuse) {
        report_days_add(&reason->days, day);
    }
    if (!line->has_certificate) {
        report_plus(&tally->without_certificate, 1);
        return;
    }
    issuer = report_group_of(&tally->issuers, issuer_name);
    report_plus(&issuer->period, line->would_refuse);
    report_days_add(&issuer->days, day);

    struct sighting sighting = {
        .line = line,
        .name = line->subject.len > 0 ? line->subject : LITERAL("(no subject)"),
        .issuer = issuer != tally->issuers.others ? issuer->hash : report_group_hash(issuer_name),
        .certificate_hash = report_certificate_hash(line->sha256),
        .state = { .at_ms = line->at_ms,
                   .not_after_ms = line->not_after_ms,
                   .reason = reason_hash,
                   .would_refuse = line->would_refuse,
                   .has_shadow = line->shadow_policy.len > 0,
                   .shadow_compliant = line->shadow_compliant,
                   .usages = (uint8_t)line->usages },
    };
    add_certificate(tally, &sighting);
}

static void add_source(struct report_tally *tally, const char *input, const struct report_line *line)
{
    char text[2 * 256];
    int len;

    if (line->unit.len == 0) {
        report_plus(&report_group_of(&tally->sources, (struct report_text){ input, strlen(input) })->period, 1);
        return;
    }
    len = snprintf(text, sizeof text, "%.*s, %.*s, user %.*s", (int)line->unit.len, line->unit.data,
                   (int)line->program.len, line->program.data, (int)line->user.len, line->user.data);
    report_plus(&report_group_of(&tally->sources, (struct report_text){ text, (size_t)len })->period, 1);
}

static void take_shadow_policy(struct report_tally *tally, int64_t at_ms, struct report_text name)
{
    size_t len = name.len < sizeof tally->shadow_policy ? name.len : sizeof tally->shadow_policy - 1;
    char text[sizeof tally->shadow_policy] = { 0 };

    memcpy(text, name.data, len);
    if (at_ms > tally->shadow_ms || (at_ms == tally->shadow_ms && strcmp(text, tally->shadow_policy) > 0)) {
        tally->shadow_ms = at_ms;
        memcpy(tally->shadow_policy, text, sizeof text);
    }
}

/* Whether the line counts any further. */
static bool add_evidence(struct report_tally *tally, const char *source, const struct report_line *line)
{
    if (line->unvouched != NULL) {
        struct report_text why = { line->unvouched, strlen(line->unvouched) };

        report_plus(&report_group_of(&tally->reasons_left_out, why)->period, 1);
        report_plus(&tally->left_out, 1);
        return tally->believes_anybody;
    }
    report_plus(&tally->vouched, 1);
    add_source(tally, source, line);
    report_count_sequence(tally, line);
    return true;
}

void report_add(struct report_tally *tally, const char *source, const struct report_line *line)
{
    struct report_day day = { line->at_ms / CT_DAY_MS - (line->at_ms % CT_DAY_MS < 0), !line->would_refuse,
                              line->would_refuse };

    report_plus(&tally->lines, 1);
    if (line->kind == REPORT_FOREIGN) {
        report_plus(&tally->foreign, 1);
        return;
    }
    if (line->at_ms < tally->since_ms) {
        report_plus(&tally->older, 1);
        return;
    }
    if (!add_evidence(tally, source, line)) {
        return;
    }
    report_plus(&tally->dropped, line->dropped);
    if (line->kind == REPORT_EVENT) {
        report_plus(&tally->events, 1);
        return;
    }
    if (line->stranger) {
        report_plus(&tally->strangers,
                    1); /* no CA that the server trusts has vouched for it: nobody to be locked out */
        return;
    }
    if (!line->judged) {
        report_plus(&tally->not_judged, 1);
        return;
    }
    tally->first_ms = line->at_ms < tally->first_ms ? line->at_ms : tally->first_ms;
    tally->last_ms = line->at_ms > tally->last_ms ? line->at_ms : tally->last_ms;
    if (line->shadow_policy.len > 0 && line->at_ms >= tally->shadow_ms) {
        take_shadow_policy(tally, line->at_ms, line->shadow_policy);
    }
    report_plus(&tally->decisions, 1);
    report_plus(line->would_refuse ? &tally->would_refuse : &tally->would_accept, 1);
    report_plus(&tally->refused, line->refused);
    report_days_add(&tally->days, &day);
    for (size_t i = 0; i < line->unknown_log_count; i++) {
        char hex[65];

        ct_hex(line->unknown_logs[i], 32, hex);
        report_plus(&report_group_of(&tally->unknown_logs, (struct report_text){ hex, 64 })->period, 1);
    }
    add_sums(tally, line, &day);
}

/* --- sums of sums --- */

#define AHEAD 8 /* items lie anywhere in memory: they are asked for before they are needed */

static void merge_sample(struct report_tally *into, struct report_sample *sample, struct report_sample *from,
                         void (*put)(struct report_tally *tally, uint64_t hash, void *item))
{
    report_sample_lower(sample, from->below);
    for (size_t i = 0; i < from->size; i++) {
        if (i + AHEAD < from->size && from->slots[i + AHEAD].item != NULL) {
            __builtin_prefetch(from->slots[i + AHEAD].item);
            report_sample_prefetch(sample, from->slots[i + AHEAD].hash);
        }
        if (from->slots[i].item != NULL) {
            put(into, from->slots[i].hash, from->slots[i].item);
        }
    }
    free(from->slots);
    from->slots = NULL;
    from->size = from->count = 0;
}

static void put_process(struct report_tally *tally, uint64_t hash, void *item)
{
    report_put_process(tally, item);
}

/* Certificates and clients share names, whose references are counted by any thread; nothing else is touched by both. */
struct pair {
    struct report_tally *into, *from;
};

static void *merge_certificates(void *arg)
{
    const struct pair *pair = arg;

    merge_sample(pair->into, &pair->into->certificates, &pair->from->certificates, put_certificate);
    return NULL;
}

void report_merge(struct report_tally *into, struct report_tally *from, unsigned threads)
{
    struct pair pair = { into, from };
    pthread_t thread;
    bool helped = threads > 1 && pthread_create(&thread, NULL, merge_certificates, &pair) == 0;
    uint64_t *const sums[] = { &into->vouched,      &into->left_out,   &into->strangers,
                               &into->lines,        &into->foreign,    &into->events,
                               &into->older,        &into->not_judged, &into->without_certificate,
                               &into->dropped,      &into->decisions,  &into->would_accept,
                               &into->would_refuse, &into->refused };
    const uint64_t more[] = { from->vouched,      from->left_out,   from->strangers,
                              from->lines,        from->foreign,    from->events,
                              from->older,        from->not_judged, from->without_certificate,
                              from->dropped,      from->decisions,  from->would_accept,
                              from->would_refuse, from->refused };

    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        report_plus(sums[i], more[i]);
    }
    into->first_ms = from->first_ms < into->first_ms ? from->first_ms : into->first_ms;
    into->last_ms = from->last_ms > into->last_ms ? from->last_ms : into->last_ms;
    if (from->shadow_ms != INT64_MIN) {
        take_shadow_policy(into, from->shadow_ms,
                           (struct report_text){ from->shadow_policy, strlen(from->shadow_policy) });
    }
    report_groups_merge(&into->sources, &from->sources);
    report_groups_merge(&into->reasons_left_out, &from->reasons_left_out);
    report_groups_merge(&into->issuers, &from->issuers);
    report_groups_merge(&into->reasons, &from->reasons);
    report_groups_merge(&into->unknown_logs, &from->unknown_logs);
    for (size_t i = 0; i < from->days.count; i++) {
        report_days_add(&into->days, &from->days.items[i]);
    }
    merge_sample(into, &into->processes, &from->processes, put_process);
    merge_sample(into, &into->clients, &from->clients, put_client);
    if (helped) {
        pthread_join(thread, NULL);
    } else {
        merge_certificates(&pair);
    }
    report_tally_free(from);
}
