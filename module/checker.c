/* SPDX-License-Identifier: Apache-2.0 */
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decision/cached_decision.h"
#include "base/clock.h"
#include "base/lease.h"
#include "config/early.h"
#include "evidence/proxy.h"
#include "record/recorder.h"
#include "base/shared.h"
#include "base/verdict.h"

#define LOOK_EVERY_MS 1000
/*
 * Whoever has not come back from looking by then may be gone, cancelled or by siglongjmp out of the handshake, or waits
 * for a CPU: another one looks. Short enough for two such to stay within what is promised.
 */
#define READING_MS 400
/* Threads that reload at once, each for a context that it makes, overtake each other at most so often. */
#define OVERTAKEN_MAX 8
/* A file that is changing is given time, looked at so often, and for so long; then it is read as it is. */
#define SETTLE_LOOK_MS 100
#define SETTLE_MAX_MS 500

static const char denied_without_words[] = "the caller's settings are wrong, and memory is too short to say how";

struct clientct_files {
    struct ct_file_set set;
};

struct clientct_checker {
    char *config_file;
    const struct ct_file_set *early;        /* NULL: none */
    struct ct_shared snapshot;              /* never none */
    struct ct_lease reading;                /* in handshakes one thread looks; the others go on with what there is */
    _Atomic int64_t look_ms;                /* monotonic: when a handshake looks again */
    _Atomic int64_t settling_ms;            /* monotonic: since when a file has been seen changing; 0: it has not */
    _Atomic(struct ct_cache *) cache;       /* NULL: none to be had */
    atomic_bool records;                    /* recording was started */
    atomic_bool told_denying;               /* what recording was told last */
    atomic_bool unapplied;                  /* and does not have all of what it needs from the snapshot */
    _Atomic(struct ct_recorder *) recorder; /* NULL: nothing is recorded */
    _Atomic(const char *) denied;           /* why everybody is refused; NULL: nobody is for such a reason */
};

static void release_snapshot(void *snapshot)
{
    ct_snapshot_release(snapshot);
}

/* What is only missed, and not needed: without it until memory is there. */
static void make_cache(struct clientct_checker *checker)
{
    struct ct_cache *none = NULL;
    struct ct_cache *cache;

    if (atomic_load_explicit(&checker->cache, memory_order_acquire) == NULL) {
        cache = ct_cache_new();
        if (!atomic_compare_exchange_strong(&checker->cache, &none, cache)) {
            ct_cache_free(cache);
        }
    }
}

struct clientct_files *clientct_files_read(const char *config_file)
{
    struct clientct_files *files = calloc(1, sizeof *files);

    if (files != NULL) {
        ct_early_read(config_file != NULL ? config_file : CLIENTCT_DEFAULT_CONFIG, &files->set);
    }
    return files;
}

void clientct_files_free(struct clientct_files *files)
{
    if (files != NULL) {
        ct_file_set_clear(&files->set);
        free(files);
    }
}

struct clientct_checker *clientct_checker_new(const char *config_file)
{
    return clientct_checker_new_from(config_file, NULL);
}

struct clientct_checker *clientct_checker_new_from(const char *config_file, const struct clientct_files *early)
{
    struct clientct_checker *checker = calloc(1, sizeof *checker);
    struct ct_snapshot *snapshot;

    if (checker == NULL) {
        return NULL;
    }
    checker->config_file = strdup(config_file != NULL ? config_file : CLIENTCT_DEFAULT_CONFIG);
    if (checker->config_file == NULL) {
        goto failed;
    }
    checker->early = early == NULL ? NULL : &early->set;
    snapshot = ct_snapshot_read(checker->config_file, NULL, checker->early);
    if (snapshot == NULL || !ct_shared_set(&checker->snapshot, snapshot, release_snapshot)) {
        ct_snapshot_release(snapshot);
        goto failed;
    }
    atomic_store(&checker->look_ms, ct_monotonic_ms() + LOOK_EVERY_MS);
    make_cache(checker);
    return checker;
failed:
    clientct_checker_free(checker);
    return NULL;
}

void clientct_checker_free(struct clientct_checker *checker)
{
    if (checker == NULL) {
        return;
    }
    ct_shared_clear(&checker->snapshot);
    ct_cache_free(atomic_load(&checker->cache));
    ct_recorder_free(atomic_load(&checker->recorder));
    if (atomic_load(&checker->denied) != denied_without_words) {
        free((char *)atomic_load(&checker->denied));
    }
    free(checker->config_file);
    free(checker);
}

void clientct_checker_deny(struct clientct_checker *checker, const char *why)
{
    const char *none = NULL;
    char *copy = strdup(why);

    if (!atomic_compare_exchange_strong(&checker->denied, &none, copy != NULL ? copy : denied_without_words)) {
        free(copy);
    }
    atomic_store(&checker->unapplied, true); /* who records is told at the next occasion */
}

struct ct_snapshot *ct_checker_get1_snapshot(struct clientct_checker *checker)
{
    struct ct_share *share = ct_shared_get1(&checker->snapshot);
    struct ct_snapshot *snapshot = ct_snapshot_retain(ct_share_get0(share));

    ct_share_release(share);
    return snapshot;
}

/*
 * Why every certificate is refused, whatever its evidence; NULL: none is for such a reason. The one answer for all who
 * ask: the process's status, metrics and audit.
 */
static const char *why_denying(const struct clientct_checker *checker, const struct ct_snapshot *snapshot)
{
    const struct ct_settings *settings = snapshot->config != NULL ? &snapshot->config->settings : NULL;
    const char *denied = atomic_load_explicit(&checker->denied, memory_order_acquire);

    if (denied != NULL) {
        return denied;
    }
    if (settings == NULL || (settings->mode == CLIENTCT_MODE_ENFORCE && snapshot->book == NULL)) {
        return snapshot->why;
    }
    if (settings->mode == CLIENTCT_MODE_ENFORCE && settings->on_stale == CT_STALE_REFUSE &&
        settings->log_list_max_age_ms > 0 && ct_now_ms() - snapshot->book->oldest_ms > settings->log_list_max_age_ms) {
        return "a log list is older than log_list_max_age, and on_stale = refuse";
    }
    return NULL;
}

/* Tells the recorder, if there is to be one, what is in force. */
static void apply(struct clientct_checker *checker)
{
    struct ct_recorder *recorder = atomic_load_explicit(&checker->recorder, memory_order_acquire);
    struct ct_recorder *none = NULL;
    struct ct_snapshot *snapshot;
    const char *denying;

    if (!atomic_load(&checker->records)) {
        return;
    }
    if (recorder == NULL) {
        recorder = ct_recorder_new();
        if (recorder != NULL && !atomic_compare_exchange_strong(&checker->recorder, &none, recorder)) {
            ct_recorder_free(recorder);
            recorder = none;
        }
    }
    atomic_store(&checker->unapplied, true); /* also for whoever vanishes in the middle */
    if (recorder != NULL) {
        snapshot = ct_checker_get1_snapshot(checker);
        denying = why_denying(checker, snapshot);
        atomic_store(&checker->told_denying, denying != NULL);
        atomic_store(&checker->unapplied,
                     !ct_recorder_apply(recorder, snapshot, denying, atomic_load(&checker->denied) != NULL));
        ct_snapshot_release(snapshot);
    }
}

/* Asked for every handshake: reads the clock, and for almost all of them nothing else. */
static bool time_to_look(struct clientct_checker *checker)
{
    int64_t now_ms = ct_monotonic_ms();

    if (now_ms < atomic_load_explicit(&checker->look_ms, memory_order_relaxed)) {
        return false;
    }
    /* Until this one has looked, which takes no time as a rule. */
    atomic_store_explicit(&checker->look_ms, now_ms + READING_MS, memory_order_relaxed);
    return true;
}

/* With reload = context too a handshake looks where the last reading failed: that must not refuse clients for ever. */
static bool looks_at(const struct ct_snapshot *snapshot, enum clientct_occasion occasion)
{
    return occasion == CLIENTCT_AT_CONTEXT || snapshot->config == NULL || snapshot->reading.unfinished ||
           snapshot->config->settings.reload != CT_RELOAD_CONTEXT;
}

/* Between connections a writer is given time to finish, but not for ever: some files never hold still. */
static bool is_to_settle(struct clientct_checker *checker, const struct ct_snapshot *snapshot)
{
    int64_t now_ms = ct_monotonic_ms(), since_ms = atomic_load(&checker->settling_ms);

    if (snapshot->config == NULL || !ct_snapshot_unsettled(snapshot) ||
        (since_ms != 0 && now_ms - since_ms >= SETTLE_MAX_MS)) {
        atomic_store(&checker->settling_ms, 0);
        return false;
    }
    if (since_ms == 0) {
        atomic_store(&checker->settling_ms, now_ms);
    }
    atomic_store(&checker->look_ms, now_ms + SETTLE_LOOK_MS);
    return true;
}

/* Reads the files again where that is due. False: another thread was faster, with what it had read before us. */
static bool read_again(struct clientct_checker *checker, enum clientct_occasion occasion, bool *changed)
{
    struct ct_share *share = ct_shared_get1(&checker->snapshot);
    struct ct_snapshot *current = ct_share_get0(share);
    struct ct_snapshot *fresh = NULL;
    bool ours = true;

    /* A server that reloads wants what is there now. */
    if (looks_at(current, occasion) && ct_snapshot_outdated(current) &&
        (occasion == CLIENTCT_AT_CONTEXT || !is_to_settle(checker, current))) {
        fresh = ct_snapshot_read(checker->config_file, current, checker->early);
    }
    if (fresh != NULL) {
        ours = ct_shared_replace(&checker->snapshot, share, fresh, release_snapshot);
        if (ours) {
            *changed = true;
        } else {
            ct_snapshot_release(fresh);
        }
    }
    ct_share_release(share);
    return ours;
}

/* Also without a change of files: a list becomes stale. */
static bool has_begun_to_deny_or_ended(struct clientct_checker *checker)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool denying = why_denying(checker, snapshot) != NULL;

    ct_snapshot_release(snapshot);
    return denying != atomic_load(&checker->told_denying);
}

void clientct_checker_reload(struct clientct_checker *checker, enum clientct_occasion occasion)
{
    uint64_t ticket = 0;
    bool changed = false;

    if (occasion == CLIENTCT_AT_HANDSHAKE &&
        (!time_to_look(checker) || (ticket = ct_lease_try(&checker->reading, READING_MS)) == 0)) {
        return;
    }
    for (unsigned i = 0; i < OVERTAKEN_MAX && !read_again(checker, occasion, &changed); i++) {
        /* A context wants what is there now: what the other one read may be older. */
    }
    make_cache(checker);
    if (changed || atomic_load(&checker->unapplied) || has_begun_to_deny_or_ended(checker)) {
        apply(checker);
    }
    if (ticket != 0) {
        if (atomic_load(&checker->settling_ms) == 0) { /* else it is soon, and set */
            atomic_store_explicit(&checker->look_ms, ct_monotonic_ms() + LOOK_EVERY_MS, memory_order_relaxed);
        }
        ct_lease_end(&checker->reading, ticket);
    }
}

bool clientct_checker_wants_tls_scts(struct clientct_checker *checker)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool wants =
        snapshot->config == NULL || (snapshot->config->settings.sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_TLS)) != 0;

    ct_snapshot_release(snapshot);
    return wants;
}

void clientct_checker_get_terms(struct clientct_checker *checker, struct clientct_terms *terms)
{
    struct ct_share *share = ct_shared_get1(&checker->snapshot);

    ct_snapshot_terms(ct_share_get0(share), terms);
    if (atomic_load_explicit(&checker->denied, memory_order_acquire) != NULL) {
        terms->resumption = CLIENTCT_RESUMPTION_REFUSE;
    }
    ct_share_release(share);
}

/* What the configuration has to offer to others: the CA certificates and the keys that it names. */

/* DER of a certificate that the rules name, once: rules often share a CA. */
static bool visit_anchor(const struct ct_rule *rules, size_t index, clientct_visit_fn visit, void *arg)
{
    const struct ct_rule *rule = &rules[index];
    unsigned char *der = NULL;
    bool going_on;
    int len;

    if (rule->issuer_certificate == NULL) {
        return true;
    }
    for (size_t i = 0; i < index; i++) {
        if (rules[i].issuer_certificate != NULL &&
            X509_cmp(rules[i].issuer_certificate, rule->issuer_certificate) == 0) {
            return true;
        }
    }
    len = i2d_X509(rule->issuer_certificate, &der);
    if (len <= 0) {
        return false;
    }
    going_on = visit(arg, der, (size_t)len, rule->name);
    OPENSSL_free(der);
    return going_on;
}

bool clientct_checker_visit_anchors(struct clientct_checker *checker, clientct_visit_fn visit, void *arg)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool done = snapshot->config != NULL;

    for (size_t i = 0; done && i < snapshot->config->settings.rule_count; i++) {
        done = visit_anchor(snapshot->config->settings.rules, i, visit, arg);
    }
    ct_snapshot_release(snapshot);
    return done;
}

bool clientct_checker_visit_logs(struct clientct_checker *checker, clientct_visit_fn visit, void *arg)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool done = snapshot->config != NULL && snapshot->book != NULL;

    for (size_t i = 0; done && i < snapshot->book->logs.count; i++) {
        const struct ct_log *log = &snapshot->book->logs.logs[i];

        if (log->unusable == NULL) {
            done = visit(arg, log->spki.data, log->spki.len, log->description);
        }
    }
    ct_snapshot_release(snapshot);
    return done;
}

bool clientct_checker_refuses_resumption(struct clientct_checker *checker)
{
    struct clientct_terms terms;

    clientct_checker_get_terms(checker, &terms);
    return terms.resumption == CLIENTCT_RESUMPTION_REFUSE;
}

/* What a refusal is to an acceptance, an acceptance in spite of the evidence is to one because of it. */
static unsigned strictness(const struct clientct_verdict *verdict)
{
    return !verdict->accept ? 2 : verdict->decided && !verdict->compliant ? 1 : 0;
}

static enum clientct_resumption strictest(enum clientct_resumption a, enum clientct_resumption b)
{
    return a < b ? a : b;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The rules may say something else for each name; the strictest outcome is the one that holds. */
static void decide_by_every_name(struct ct_cache *cache, const struct ct_snapshot *snapshot,
                                 const struct clientct_input *input, int64_t now_ms, struct clientct_verdict *verdict)
{
    struct clientct_input by_name = *input;

    ct_decide_cached(cache, snapshot, input, now_ms, verdict);
    for (size_t i = 0; i < input->shown_server_name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        struct clientct_verdict other = { 0 };

        by_name.server_name = input->shown_server_names[i];
        if (by_name.server_name == input->server_name || (by_name.server_name != NULL && input->server_name != NULL &&
                                                          strcmp(by_name.server_name, input->server_name) == 0)) {
            continue;
        }
        ct_decide_cached(cache, snapshot, &by_name, now_ms, &other);
        other.terms.resumption = strictest(other.terms.resumption, verdict->terms.resumption);
        other.holds_until_ms = earliest(other.holds_until_ms, verdict->holds_until_ms);
        verdict->terms.resumption = other.terms.resumption;
        verdict->holds_until_ms = other.holds_until_ms;
        if (strictness(&other) > strictness(verdict)) {
            struct clientct_verdict milder = *verdict;

            *verdict = other;
            other = milder;
        }
        clientct_verdict_clear(&other);
    }
}

static void decide(struct clientct_checker *checker, const struct clientct_input *input,
                   struct clientct_verdict *verdict)
{
    struct ct_share *share = ct_shared_get1(&checker->snapshot);
    const struct ct_snapshot *snapshot = ct_share_get0(share);
    const char *denied = atomic_load_explicit(&checker->denied, memory_order_acquire);

    memset(verdict, 0, sizeof *verdict);
    if (denied != NULL) {
        verdict->reason = CLIENTCT_CONFIG_ERROR;
        snprintf(verdict->detail, sizeof verdict->detail, "%s", denied);
    } else {
        decide_by_every_name(atomic_load_explicit(&checker->cache, memory_order_acquire), snapshot, input,
                             input->at_ms != 0 ? input->at_ms : ct_now_ms(), verdict);
    }
    verdict->generation = snapshot->generation;
    verdict->held = share;
}

/*
 * The input of a caller that knows a structure of another length: what it does not know is zero, and what it knows
 * and we do not must be. NULL: it is no input.
 */
static const struct clientct_input *known_input(const struct clientct_input *input, size_t size,
                                                struct clientct_input *copy)
{
    const uint8_t *bytes = (const uint8_t *)input;

    if (size < CT_INPUT_SIZE_MIN) {
        return NULL;
    }
    for (size_t i = sizeof *input; i < size; i++) {
        if (bytes[i] != 0) {
            return NULL;
        }
    }
    if (size >= sizeof *input) {
        return input;
    }
    memset(copy, 0, sizeof *copy);
    memcpy(copy, input, size);
    return copy;
}

/* To a caller that knows a structure of another length: what it knows, and zero where it knows more than we do. */
static void give(void *to, size_t to_size, const void *from, size_t from_size)
{
    memset(to, 0, to_size);
    memcpy(to, from, to_size < from_size ? to_size : from_size);
}

/* For a caller that knows structures of other lengths: apart, so that nobody else's stack holds the copies. */
static __attribute__((noinline)) bool decide_for_other(struct clientct_checker *checker,
                                                       const struct clientct_input *input, size_t input_size,
                                                       struct clientct_verdict *verdict, size_t verdict_size)
{
    struct clientct_input input_copy;
    struct clientct_verdict whole;
    struct clientct_verdict *filled = verdict_size == sizeof *verdict ? verdict : &whole;

    if (verdict_size < CT_VERDICT_SIZE_MIN) {
        return false;
    }
    input = known_input(input, input_size, &input_copy);
    if (input != NULL) {
        decide(checker, input, filled);
    } else {
        memset(filled, 0, sizeof *filled);
        filled->reason = CLIENTCT_INTERNAL_ERROR;
        snprintf(filled->detail, sizeof filled->detail,
                 "the program gives an input that this libclientct %s does not know; use the library that the program "
                 "was built with, or a newer one",
                 clientct_version());
    }
    if (filled != verdict) {
        give(verdict, verdict_size, filled, sizeof *filled);
    }
    return verdict->accept;
}

bool clientct_decide_sized(struct clientct_checker *checker, const struct clientct_input *input, size_t input_size,
                           struct clientct_verdict *verdict, size_t verdict_size)
{
    if (input_size != sizeof *input || verdict_size != sizeof *verdict) {
        return decide_for_other(checker, input, input_size, verdict, verdict_size);
    }
    decide(checker, input, verdict);
    return verdict->accept;
}

static void fill_state(struct clientct_checker *checker, struct clientct_state *state)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    const struct ct_settings *settings = snapshot->config != NULL ? &snapshot->config->settings : NULL;
    const char *denying = why_denying(checker, snapshot);

    memset(state, 0, sizeof *state);
    state->generation = snapshot->generation;
    memcpy(state->digest, snapshot->digest, sizeof state->digest);
    state->mode = settings != NULL ? settings->mode : CLIENTCT_MODE_ENFORCE;
    state->denying = denying != NULL;
    state->settings_failed = snapshot->config_failed;
    state->lists_failed = snapshot->book_failed;
    state->kept = snapshot->reading.kept;
    state->wants_tls_scts = settings != NULL && (settings->sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_TLS)) != 0;
    state->logs = snapshot->book != NULL ? snapshot->book->logs.count : 0;
    snprintf(state->config_file, sizeof state->config_file, "%s", snapshot->config_file);
    snprintf(state->why, sizeof state->why, "%s", denying != NULL ? denying : snapshot->why);
    ct_snapshot_release(snapshot);
}

void clientct_checker_get_state_sized(struct clientct_checker *checker, struct clientct_state *state, size_t state_size)
{
    struct clientct_state whole;

    fill_state(checker, &whole);
    give(state, state_size, &whole, sizeof whole);
}

void clientct_checker_start_recording(struct clientct_checker *checker)
{
    atomic_store(&checker->records, true);
    apply(checker);
}

void clientct_record_sized(struct clientct_checker *checker, const struct clientct_input *input, size_t input_size,
                           const struct clientct_verdict *verdict, size_t verdict_size, uint64_t elapsed_ns)
{
    struct ct_recorder *recorder = atomic_load_explicit(&checker->recorder, memory_order_acquire);
    const struct clientct_input *subject;
    struct clientct_input input_copy;
    struct clientct_verdict whole;
    struct ct_proxied room;

    if (recorder == NULL || verdict_size < CT_VERDICT_SIZE_MIN ||
        (input = known_input(input, input_size, &input_copy)) == NULL) {
        return;
    }
    if (verdict_size < sizeof *verdict) {
        memset(&whole, 0, sizeof whole);
        memcpy(&whole, verdict, verdict_size);
        verdict = &whole;
    }
    subject = ct_proxied_begin(input, verdict->cached, &room);
    ct_recorder_decision(recorder, subject != NULL ? subject : input, verdict, elapsed_ns);
    ct_proxied_end(&room);
}

void clientct_record_resumption(struct clientct_checker *checker)
{
    struct ct_recorder *recorder = atomic_load_explicit(&checker->recorder, memory_order_acquire);

    if (recorder != NULL) {
        ct_recorder_resumption(recorder);
    }
}
