/* SPDX-License-Identifier: Apache-2.0 */
#include "config/snapshot.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/parse.h"

/* Whatever failed is tried again after so long, at the next look. */
#define RETRY_MS 1000
/* A file changed within a tick of the clock after it was read can have the same stamp: such a one is read again. */
#define STAMP_DOUBT_MS 2000
/* A list and its signature are replaced one after the other. */
#define DISAGREEMENT_MS 5000
#define DISAGREEMENT_LOOK_MS 500
#define UNSETTLED_MS 100

static void look_again(struct ct_snapshot *snapshot, int64_t after_ms)
{
    int64_t at_ms = ct_monotonic_ms() + after_ms;

    snapshot->look_again_ms = at_ms < snapshot->look_again_ms ? at_ms : snapshot->look_again_ms;
}

static void config_release(struct ct_config *config)
{
    if (config != NULL && atomic_fetch_sub(&config->references, 1) == 1) {
        ct_settings_clear(&config->settings);
        free(config);
    }
}

/* Over the digests of all files that were read, in the order in which they were. */
static bool digest_files(const struct ct_file_set *files, uint8_t sha256[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; i < files->count && ok; i++) {
        ok = EVP_DigestUpdate(md, files->files[i]->file.sha256, sizeof files->files[i]->file.sha256) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(md, sha256, NULL) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

/* Files that rules name, of which there are the bytes of the load alone: to be read as soon as they can be. */
static void keep_early_files(struct ct_reading *reading)
{
    for (size_t i = 1; i < reading->files.count; i++) {
        const struct ct_loaded_file *loaded = reading->files.files[i];

        if (loaded->is_earlier) {
            ct_reading_keeps(reading, "certificate", loaded->path, loaded->error);
        }
    }
}

/* The settings that a text makes, with the files that it names; NULL, which is reported. */
static struct ct_config *config_parse(struct ct_snapshot *snapshot, const struct ct_file *file,
                                      const struct ct_snapshot *previous)
{
    struct ct_config *config = calloc(1, sizeof *config);
    bool parsed;

    if (config == NULL) {
        ct_problem_add(&snapshot->problems, CT_ERROR, snapshot->config_file, 0, "memory is short");
        return NULL;
    }
    atomic_init(&config->references, 1);
    /* What rules name may have been replaced since the load: what is not in force is not taken again. */
    snapshot->reading.files.in_force = previous == NULL || previous->config == NULL ? NULL : &previous->reading.files;
    parsed = ct_settings_parse(snapshot->config_file, (struct ct_bytes){ file->data, file->len },
                               &snapshot->reading.files, &config->settings, &snapshot->problems);
    snapshot->reading.files.in_force = NULL;
    if (!parsed) {
        goto failed;
    }
    keep_early_files(&snapshot->reading);
    if (!digest_files(&snapshot->reading.files, config->sha256)) {
        ct_problem_add(&snapshot->problems, CT_ERROR, snapshot->config_file, 0,
                       "the digest of the settings cannot be computed (out of memory, or no digest available)");
        goto failed;
    }
    return config;
failed:
    config_release(config);
    return NULL;
}

/* Whether nothing but files out of reach made the settings fail: those that rules name. */
static bool only_out_of_reach(const struct ct_snapshot *snapshot)
{
    size_t count = 0;

    for (size_t i = 1; i < snapshot->reading.files.count; i++) {
        count += ct_is_out_of_reach(snapshot->reading.files.files[i]->error) ? 1 : 0;
    }
    return count > 0 && count == snapshot->problems.errors;
}

static void config_read(struct ct_snapshot *snapshot, const struct ct_snapshot *previous)
{
    struct ct_config *before = previous == NULL ? NULL : previous->config;
    struct ct_named named = ct_read_named(&snapshot->reading, "configuration", snapshot->config_file,
                                          CT_CONFIG_MAX_BYTES, 0, before != NULL);

    if (named.file != NULL && (before == NULL || !named.is_earlier)) {
        snapshot->config = config_parse(snapshot, named.file, previous);
        snapshot->config_failed = snapshot->config == NULL || (named.is_earlier && !named.kept);
    }
    if (snapshot->config != NULL) {
        return;
    }
    if (!named.kept && before != NULL && only_out_of_reach(snapshot)) {
        ct_problems_first(&snapshot->problems, snapshot->reading.kept_why, sizeof snapshot->reading.kept_why);
        ct_problems_clear(&snapshot->problems);
        snapshot->reading.kept = true;
        named.kept = true;
    }
    snapshot->config_failed = true;
    if (before != NULL) {
        atomic_fetch_add(&before->references, 1);
        snapshot->config = before;
        snapshot->config_failed = !named.kept || previous->config_failed;
    }
}

/* Whether a list and its signature that disagree are given a little more time. */
static bool may_still_agree(struct ct_snapshot *snapshot)
{
    int64_t now_ms = ct_monotonic_ms();

    snapshot->disagrees = true;
    snapshot->reading.unfinished = true;
    if (snapshot->disagree_since_ms == INT64_MAX) {
        snapshot->disagree_since_ms = now_ms;
    }
    if (now_ms - snapshot->disagree_since_ms >= DISAGREEMENT_MS) {
        return false;
    }
    look_again(snapshot, DISAGREEMENT_LOOK_MS);
    return true;
}

/* `log_list_key`: LIST.sig must be the key's signature over the list. False, and `kept` where no file says no. */
static bool signature_ok(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                         const struct ct_setting_path *list, const struct ct_file *text, bool in_force, bool *kept)
{
    struct ct_named key = { 0 }, signature = { 0 };
    char *path = NULL;
    const char *why = "out of memory";
    bool ok = false;

    if (asprintf(&path, "%s.sig", list->path) < 0) {
        ct_problem_add(&snapshot->problems, CT_ERROR, list->path, 0, "out of memory");
        return false;
    }
    key = ct_read_named(&snapshot->reading, "log_list_key", settings->log_list_key.path, CT_KEY_MAX_BYTES,
                        settings->log_list_key.line, in_force);
    if (key.file != NULL) {
        signature = ct_read_named(&snapshot->reading, "signature", path, CT_SIGNATURE_MAX_BYTES, list->line, in_force);
    }
    *kept = key.kept || signature.kept;
    if (signature.file == NULL) {
        goto out;
    }
    ok = ct_log_list_signature_ok((struct ct_bytes){ text->data, text->len },
                                  (struct ct_bytes){ signature.file->data, signature.file->len },
                                  (struct ct_bytes){ key.file->data, key.file->len }, &why);
    if (!ok) {
        bool patient = in_force && may_still_agree(snapshot);

        *kept = false;
        ct_problem_add(&snapshot->problems, patient ? CT_WARNING : CT_ERROR, path, 0,
                       "the signature does not verify with log_list_key %s: %s", settings->log_list_key.path, why);
    }
out:
    free(path);
    return ok;
}

enum list_result {
    LIST_NEW,
    LIST_WAIT, /* it and its signature disagree, for a short time so far */
    LIST_KEPT, /* out of reach */
    LIST_BAD,
};

/* Takes one list as it is on disk now. */
static enum list_result list_add(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                                 const struct ct_setting_path *list, const struct ct_named *named,
                                 const struct ct_book_list *before, struct ct_log_book *book)
{
    size_t errors = snapshot->problems.errors;
    bool kept = named->kept;

    if (named->file == NULL || (before != NULL && named->is_earlier)) {
        return kept ? LIST_KEPT : LIST_BAD;
    }
    if (settings->log_list_key.path != NULL &&
        !signature_ok(snapshot, settings, list, named->file, before != NULL, &kept)) {
        return snapshot->problems.errors > errors ? LIST_BAD : kept ? LIST_KEPT : LIST_WAIT;
    }
    if (!ct_book_add(book, list->path, named->file, before, &snapshot->problems)) {
        return LIST_BAD;
    }
    /* Bytes of an earlier reading are as good as new where the file is only out of reach. */
    snapshot->book_failed = snapshot->book_failed || (named->is_earlier && !named->kept);
    return LIST_NEW;
}

/* All lists anew; NULL, which is reported. */
static struct ct_log_book *book_make(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                                     const struct ct_named *named, const struct ct_log_book *previous)
{
    struct ct_log_book *book = ct_book_new(settings->log_list_count);
    bool ok = book != NULL;

    if (!ok) {
        ct_problem_add(&snapshot->problems, CT_ERROR, snapshot->config_file, 0, "out of memory");
    }
    for (size_t i = 0; ok && i < settings->log_list_count; i++) {
        const struct ct_book_list *before = ct_book_find(previous, settings->log_lists[i].path);
        size_t taken = book->list_count;
        enum list_result result = list_add(snapshot, settings, &settings->log_lists[i], &named[i], before, book);

        snapshot->book_failed = snapshot->book_failed || result == LIST_BAD;
        if (result != LIST_NEW) {
            /* Where memory ran out half-way through a list, the whole book is given up. */
            ok = before != NULL && book->list_count == taken && ct_book_add_again(book, before, &snapshot->problems);
        }
    }
    if (!ok || !ct_book_finish(book, &snapshot->problems)) {
        ct_book_release(book);
        book = NULL;
    }
    return book;
}

static void book_read(struct ct_snapshot *snapshot, const struct ct_snapshot *previous)
{
    const struct ct_settings *settings = &snapshot->config->settings;
    struct ct_log_book *before = previous == NULL ? NULL : previous->book;
    struct ct_named named[CT_LOG_LISTS_MAX];
    bool all_kept = before != NULL && before->list_count == settings->log_list_count;

    for (size_t i = 0; i < settings->log_list_count; i++) {
        bool known = ct_book_find(before, settings->log_lists[i].path) != NULL;

        named[i] = ct_read_named(&snapshot->reading, "log_list", settings->log_lists[i].path, CT_LOG_LIST_MAX_BYTES,
                                 settings->log_lists[i].line, known);
        all_kept = all_kept && known && named[i].kept;
    }
    if (all_kept) {
        snapshot->book = ct_book_retain(before);
        snapshot->book_failed = previous->book_failed;
        return;
    }
    snapshot->book = book_make(snapshot, settings, named, before);
    if (snapshot->book == NULL) {
        snapshot->book_failed = true;
        snapshot->book = before == NULL ? NULL : ct_book_retain(before);
    }
}

static bool digest_of(struct ct_snapshot *snapshot)
{
    uint8_t both[72] = { 0 };

    if (snapshot->config != NULL) {
        memcpy(both, snapshot->config->sha256, 32);
    }
    if (snapshot->book != NULL) {
        memcpy(both + 32, snapshot->book->sha256, 32);
        (void)ct_write_u64(both + 64, (uint64_t)snapshot->book->oldest_ms); /* may be a modification time */
    }
    return EVP_Digest(both, sizeof both, snapshot->digest, NULL, EVP_sha256(), NULL) == 1;
}

/* Read again, and nothing was new: stamps only. */
static bool says_the_same(const struct ct_snapshot *snapshot, const struct ct_snapshot *previous)
{
    return memcmp(snapshot->digest, previous->digest, sizeof snapshot->digest) == 0 &&
           snapshot->config_failed == previous->config_failed && snapshot->book_failed == previous->book_failed &&
           snapshot->reading.kept == previous->reading.kept && strcmp(snapshot->why, previous->why) == 0;
}

/* What the snapshot says of itself, and when to look again. */
static void conclude(struct ct_snapshot *snapshot, const struct ct_snapshot *previous)
{
    if (snapshot->problems.errors > 0) {
        ct_problems_first(&snapshot->problems, snapshot->why, sizeof snapshot->why);
        snapshot->reading.unfinished = true;
    } else if (previous != NULL && (snapshot->config_failed || snapshot->book_failed)) {
        memcpy(snapshot->why, previous->why, sizeof snapshot->why); /* what failed before is out of reach now */
    }
    if (snapshot->reading.unfinished || snapshot->reading.kept) {
        look_again(snapshot, RETRY_MS);
    }
    if (snapshot->reading.files.in_doubt) {
        look_again(snapshot, STAMP_DOUBT_MS);
    }
    if (!snapshot->disagrees) {
        snapshot->disagree_since_ms = INT64_MAX;
    }
    ct_file_set_drop_bytes(&snapshot->reading.files);
}

struct ct_snapshot *ct_snapshot_read(const char *config_file, const struct ct_snapshot *previous,
                                     const struct ct_file_set *early)
{
    struct ct_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot == NULL) {
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->generation = previous == NULL ? 1 : previous->generation + 1;
    snapshot->look_again_ms = INT64_MAX;
    snapshot->disagree_since_ms = previous == NULL ? INT64_MAX : previous->disagree_since_ms;
    snapshot->reading.files.earlier = early;
    if (previous != NULL || early != NULL) {
        snapshot->reading.files.root = previous != NULL ? previous->reading.files.root : early->root;
    }
    if ((snapshot->config_file = strdup(config_file)) == NULL) {
        goto failed;
    }
    snapshot->reading.problems = &snapshot->problems;
    snapshot->reading.config_file = snapshot->config_file;
    config_read(snapshot, previous);
    if (snapshot->config != NULL) {
        book_read(snapshot, previous);
    }
    conclude(snapshot, previous);
    if (!digest_of(snapshot)) {
        goto failed;
    }
    if (previous != NULL && says_the_same(snapshot, previous)) {
        snapshot->generation = previous->generation;
    }
    return snapshot;
failed:
    ct_snapshot_release(snapshot);
    return NULL;
}

struct ct_snapshot *ct_snapshot_retain(struct ct_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void ct_snapshot_release(struct ct_snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) != 1) {
        return;
    }
    config_release(snapshot->config);
    ct_book_release(snapshot->book);
    ct_problems_clear(&snapshot->problems);
    ct_file_set_clear(&snapshot->reading.files);
    free(snapshot->config_file);
    free(snapshot);
}

void ct_snapshot_terms(const struct ct_snapshot *snapshot, struct clientct_terms *terms)
{
    *terms = (struct clientct_terms){ 0 };
    memcpy(terms->digest, snapshot->digest, sizeof terms->digest);
    if (snapshot->config != NULL) {
        terms->resumption = snapshot->config->settings.resumption;
        terms->window_ms = snapshot->config->settings.resumption_window_ms;
    }
}

bool ct_snapshot_outdated(const struct ct_snapshot *snapshot)
{
    return ct_monotonic_ms() >= snapshot->look_again_ms || ct_file_set_changed(&snapshot->reading.files);
}

bool ct_snapshot_unsettled(const struct ct_snapshot *snapshot)
{
    return ct_file_set_is_changing(&snapshot->reading.files, UNSETTLED_MS);
}
