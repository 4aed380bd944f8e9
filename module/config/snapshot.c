#include "config/snapshot.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/parse.h"

#define CONFIG_MAX_BYTES (1024u * 1024)
#define SIGNATURE_MAX_BYTES 8192u
#define KEY_MAX_BYTES 65536u
#define READ_ATTEMPTS 3
/* A file changed within a tick of the clock after it was read can have the same stamp: such a one is read again. */
#define STAMP_DOUBT_MS 2000
/* A list and its signature are replaced one after the other. */
#define DISAGREEMENT_MS 5000
#define DISAGREEMENT_LOOK_MS 500
#define UNSETTLED_MS 100

static bool watch(struct ct_watch_list *list, const char *path, struct ct_file_stamp stamp)
{
    struct ct_watched *items = realloc(list->items, (list->count + 1) * sizeof *items);

    if (items == NULL) {
        return false;
    }
    list->items = items;
    if ((items[list->count].path = strdup(path)) == NULL) {
        return false;
    }
    items[list->count++].stamp = stamp;
    return true;
}

static void watch_list_clear(struct ct_watch_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    free(list->items);
    *list = (struct ct_watch_list){ 0 };
}

static void look_again(struct ct_snapshot *snapshot, int64_t after_ms)
{
    int64_t at_ms = ct_monotonic_ms() + after_ms;

    snapshot->look_again_ms = at_ms < snapshot->look_again_ms ? at_ms : snapshot->look_again_ms;
}

/* Reads a file that somebody named at file:line, and watches it whether it could be read or not. */
static bool read_named(struct ct_snapshot *snapshot, const char *what, const char *path, size_t max,
                       const char *named_in, unsigned line, struct ct_file *out)
{
    struct ct_file_stamp before = ct_file_stamp_of(path);
    bool itself = path == named_in; /* the problem names the file already */
    const char *space = itself ? "" : " ", *name = itself ? "" : path;
    struct ct_file_stamp after;
    int error = EAGAIN;

    for (int attempt = 0; attempt < READ_ATTEMPTS && error == EAGAIN; attempt++) {
        error = ct_file_read(path, max, true, out);
        after = ct_file_stamp_of(path);
        if (error == 0 && !ct_file_stamp_equal(&out->stamp, &after)) {
            ct_file_clear(out); /* written or replaced while we read */
            error = EAGAIN;
        }
    }
    if (error == 0 && llabs(ct_now_ms() - out->stamp.ctime_ns / 1000000) < STAMP_DOUBT_MS) {
        look_again(snapshot, STAMP_DOUBT_MS);
    }
    /* What could not be read is watched as stat sees it: a changed mode or owner is a reason to try again. */
    if (!watch(&snapshot->watched, path, error == 0 ? out->stamp : before)) {
        error = ENOMEM;
    }
    switch (error) {
    case 0:
        return true;
    case EFBIG:
        ct_problem_add(&snapshot->problems, CT_ERROR, named_in, line, "%s%s%s is larger than %zu bytes", what, space,
                       name, max);
        break;
    case EAGAIN:
        ct_problem_add(&snapshot->problems, CT_ERROR, named_in, line, "%s%s%s is being written while it is read", what,
                       space, name);
        break;
    case EINVAL:
        ct_problem_add(&snapshot->problems, CT_ERROR, named_in, line, "%s%s%s is not a regular file", what, space,
                       name);
        break;
    default:
        ct_problem_add(&snapshot->problems, CT_ERROR, named_in, line, "cannot read %s%s%s: %s", what, space, name,
                       strerror(error));
        break;
    }
    ct_file_clear(out);
    return false;
}

static void config_release(struct ct_config *config)
{
    if (config != NULL && atomic_fetch_sub(&config->references, 1) == 1) {
        ct_settings_clear(&config->settings);
        free(config);
    }
}

static struct ct_config *config_read(struct ct_snapshot *snapshot)
{
    struct ct_config *config = NULL;
    struct ct_file file;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = false;

    memset(&file, 0, sizeof file);
    if (!read_named(snapshot, "configuration", snapshot->config_file, CONFIG_MAX_BYTES, snapshot->config_file, 0,
                    &file)) {
        goto out;
    }
    if (md == NULL || (config = calloc(1, sizeof *config)) == NULL) {
        ct_problem_add(&snapshot->problems, CT_ERROR, snapshot->config_file, 0, "out of memory");
        goto out;
    }
    atomic_init(&config->references, 1);
    if (!ct_settings_parse(snapshot->config_file, (struct ct_bytes){ file.data, file.len }, &config->settings,
                           &snapshot->problems)) {
        for (size_t i = 0; i < config->settings.file_count; i++) {
            const char *path = config->settings.files[i].path;

            if (!watch(&snapshot->watched, path, ct_file_stamp_of(path))) {
                break; /* noticed later, when clientct.cnf itself changes */
            }
        }
        goto out;
    }
    ok = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(md, file.sha256, sizeof file.sha256) == 1;
    for (size_t i = 0; i < config->settings.file_count && ok; i++) {
        struct ct_file named;

        ok = read_named(snapshot, "certificate", config->settings.files[i].path, CONFIG_MAX_BYTES,
                        snapshot->config_file, config->settings.files[i].line, &named) &&
             EVP_DigestUpdate(md, named.sha256, sizeof named.sha256) == 1;
        ct_file_clear(&named);
    }
    ok = ok && EVP_DigestFinal_ex(md, config->sha256, NULL) == 1;
out:
    EVP_MD_CTX_free(md);
    ct_file_clear(&file);
    if (!ok) {
        config_release(config);
        config = NULL;
    }
    return config;
}

/* Whether a list and its signature that disagree are given a little more time. */
static bool may_still_agree(struct ct_snapshot *snapshot)
{
    int64_t now_ms = ct_monotonic_ms();

    snapshot->disagrees = true;
    if (snapshot->disagree_since_ms == INT64_MAX) {
        snapshot->disagree_since_ms = now_ms;
    }
    if (now_ms - snapshot->disagree_since_ms >= DISAGREEMENT_MS) {
        return false;
    }
    look_again(snapshot, DISAGREEMENT_LOOK_MS);
    return true;
}

/* `log_list_key`: LIST.sig must be the key's signature over the list. */
static bool signature_ok(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                         const struct ct_setting_path *named, const struct ct_file *list, bool have_earlier)
{
    struct ct_file key, signature;
    char *path = NULL;
    const char *why = "out of memory";
    bool ok = false;

    memset(&key, 0, sizeof key);
    memset(&signature, 0, sizeof signature);
    if (asprintf(&path, "%s.sig", named->path) < 0) {
        path = NULL;
        ct_problem_add(&snapshot->problems, CT_ERROR, named->path, 0, "out of memory");
        goto out;
    }
    if (!read_named(snapshot, "log_list_key", settings->log_list_key.path, KEY_MAX_BYTES, snapshot->config_file,
                    settings->log_list_key.line, &key) ||
        !read_named(snapshot, "signature", path, SIGNATURE_MAX_BYTES, snapshot->config_file, named->line, &signature)) {
        goto out;
    }
    ok = ct_log_list_signature_ok((struct ct_bytes){ list->data, list->len },
                                  (struct ct_bytes){ signature.data, signature.len },
                                  (struct ct_bytes){ key.data, key.len }, &why);
    if (!ok) {
        bool patient = have_earlier && may_still_agree(snapshot);

        ct_problem_add(&snapshot->problems, patient ? CT_WARNING : CT_ERROR, path, 0,
                       "the signature does not verify with log_list_key %s: %s", settings->log_list_key.path, why);
    }
out:
    ct_file_clear(&key);
    ct_file_clear(&signature);
    free(path);
    return ok;
}

enum list_result {
    LIST_NEW,
    LIST_WAIT, /* it and its signature disagree, for a short time so far */
    LIST_BAD,
};

/* Reads one list as it is on disk now. */
static enum list_result book_add(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                                 const struct ct_setting_path *named, const struct ct_book_list *before,
                                 struct ct_log_book *book)
{
    struct ct_file file;
    size_t errors = snapshot->problems.errors;
    enum list_result result = LIST_BAD;

    if (!read_named(snapshot, "log_list", named->path, CT_LOG_LIST_MAX_BYTES, snapshot->config_file, named->line,
                    &file)) {
        return LIST_BAD;
    }
    if (settings->log_list_key.path != NULL && !signature_ok(snapshot, settings, named, &file, before != NULL)) {
        result = snapshot->problems.errors > errors ? LIST_BAD : LIST_WAIT;
        goto out;
    }
    if (ct_book_add(book, named->path, &file, before, &snapshot->problems)) {
        result = LIST_NEW;
    }
out:
    ct_file_clear(&file);
    return result;
}

static struct ct_log_book *book_read(struct ct_snapshot *snapshot, const struct ct_settings *settings,
                                     const struct ct_log_book *previous)
{
    struct ct_log_book *book = ct_book_new(settings->log_list_count);
    bool ok = book != NULL;

    if (!ok) {
        ct_problem_add(&snapshot->problems, CT_ERROR, snapshot->config_file, 0, "out of memory");
    }
    for (size_t i = 0; ok && i < settings->log_list_count; i++) {
        const struct ct_book_list *before = ct_book_find(previous, settings->log_lists[i].path);
        size_t taken = book->list_count;
        enum list_result result = book_add(snapshot, settings, &settings->log_lists[i], before, book);

        if (result == LIST_BAD) {
            snapshot->book_failed = true;
        }
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
           strcmp(snapshot->why, previous->why) == 0;
}

struct ct_snapshot *ct_snapshot_read(const char *config_file, const struct ct_snapshot *previous)
{
    struct ct_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (snapshot == NULL) {
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->generation = previous == NULL ? 1 : previous->generation + 1;
    snapshot->look_again_ms = INT64_MAX;
    snapshot->disagree_since_ms = previous == NULL ? INT64_MAX : previous->disagree_since_ms;
    if ((snapshot->config_file = strdup(config_file)) == NULL) {
        goto failed;
    }
    snapshot->config = config_read(snapshot);
    if (snapshot->config == NULL) {
        snapshot->config_failed = true;
        if (previous != NULL && previous->config != NULL) {
            snapshot->config = previous->config;
            atomic_fetch_add(&snapshot->config->references, 1);
        }
    }
    if (snapshot->config != NULL) {
        const struct ct_log_book *before = previous == NULL ? NULL : previous->book;

        snapshot->book = book_read(snapshot, &snapshot->config->settings, before);
        if (snapshot->book == NULL) {
            snapshot->book_failed = true;
            if (before != NULL) {
                snapshot->book = ct_book_retain(previous->book);
            }
        }
    }
    if (snapshot->problems.errors > 0) {
        ct_problems_first(&snapshot->problems, snapshot->why, sizeof snapshot->why);
    }
    if (!snapshot->disagrees) {
        snapshot->disagree_since_ms = INT64_MAX;
    }
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
    watch_list_clear(&snapshot->watched);
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
    if (ct_monotonic_ms() >= snapshot->look_again_ms) {
        return true;
    }
    for (size_t i = 0; i < snapshot->watched.count; i++) {
        struct ct_file_stamp now = ct_file_stamp_of(snapshot->watched.items[i].path);

        if (!ct_file_stamp_equal(&now, &snapshot->watched.items[i].stamp)) {
            return true;
        }
    }
    return false;
}

bool ct_snapshot_unsettled(const struct ct_snapshot *snapshot)
{
    int64_t now_ms = ct_now_ms();

    for (size_t i = 0; i < snapshot->watched.count; i++) {
        struct ct_file_stamp stamp = ct_file_stamp_of(snapshot->watched.items[i].path);
        int64_t age_ms = now_ms - stamp.ctime_ns / 1000000;

        if (stamp.error == 0 && age_ms >= 0 && age_ms < UNSETTLED_MS) {
            return true;
        }
    }
    return false;
}
