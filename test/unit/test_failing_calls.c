/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever fails once while the configuration is read (an allocation, an open, read, stat, mmap) is made good at the
 * next look: nothing that was not read, digested and parsed counts as seen. And whatever happens to the files while
 * they are read, what was parsed is what was digested.
 */
#include <dirent.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "checker.h"
#include "failing_calls.h"
#include "scene.h"
#include "unit.h"

static struct scene scene;
static size_t calls_seen, leave_at;
static char metrics[96], audit[96], key[96], ca[96];
static EVP_PKEY *signer;

static void sign(void)
{
    struct ct_file list;
    uint8_t signature[256];
    size_t len = sizeof signature;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    ck_assert_int_eq(ct_file_read(scene.list, 1 << 20, true, &list), 0);
    ck_assert_int_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, signer), 1);
    ck_assert_int_eq(EVP_DigestSign(md, signature, &len, list.data, list.len), 1);
    scene_put(&scene, "list.sig", signature, len);
    EVP_MD_CTX_free(md);
    ct_file_clear(&list);
}

/* Of everything that is read: a list with a signature, a rule with a certificate, an audit file, metrics. */
static void configure(const char *name, const char *more, size_t logs, int64_t timestamp_ms)
{
    char text[1200];

    snprintf(metrics, sizeof metrics, "%s/metrics-%s", scene.dir, name);
    snprintf(audit, sizeof audit, "%s/audit-%s", scene.dir, name);
    mkdir(metrics, 0700);
    pki_write_log_list(scene.list, PKI_FORMAT_V3, scene.listed, logs, timestamp_ms);
    sign();
    snprintf(
        text, sizeof text,
        "log_list_key = %s\naudit = file:%s\nmetrics = %s\npolicy = p\nrules = r\n%s[p]\nmin_scts = 1\n[r]\nca = ca\n"
        "[ca]\nissuer = %s\nserver_name = other.example\npolicy = one\n",
        key, audit, metrics, more, ca);
    scene_configure(&scene, text);
}

static void setup(void)
{
    BIO *out;
    char path[96];

    monotonic_ahead_ms = 0;
    wall_ahead_ms = 3600 * 1000; /* no file was changed just now, so that none is read again for that alone */
    scene_set(&scene, "policy = one\n");
    snprintf(key, sizeof key, "%s/key", scene.dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", scene.dir);
    snprintf(path, sizeof path, "%s/ca", scene.dir);
    pki_ca_write(&scene.ca, path);
    signer = pki_new_key(PKI_P256, 0);
    ck_assert_ptr_nonnull(out = BIO_new_file(key, "w"));
    ck_assert_int_eq(PEM_write_bio_PUBKEY(out, signer), 1);
    BIO_free(out);
}

/* How many metrics files there are; the directory is removed. */
static unsigned take_metrics(void)
{
    DIR *dir = opendir(metrics);
    struct dirent *entry;
    unsigned count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[400];

        snprintf(path, sizeof path, "%s/%s", metrics, entry->d_name);
        count += unlink(path) == 0 ? 1 : 0;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(metrics);
    return count;
}

static void teardown(void)
{
    EVP_PKEY_free(signer);
    scene_clear(&scene);
}

static void record_one(struct clientct_checker *checker)
{
    struct scene_client client;
    struct clientct_verdict verdict;

    scene_client(&scene, "a", &client);
    (void)!clientct_decide(checker, &client.input, &verdict);
    clientct_record(checker, &client.input, &verdict, 1000);
    clientct_verdict_clear(&verdict);
    scene_client_clear(&client);
}

static void check_state(struct clientct_checker *checker, enum clientct_mode mode, size_t logs, const char *what,
                        size_t which)
{
    struct clientct_checker *fresh = clientct_checker_new(scene.config);
    struct clientct_state state, wanted;
    struct stat st, before = { 0 };

    ck_assert_ptr_nonnull(fresh);
    clientct_checker_get_state(fresh, &wanted);
    clientct_checker_get_state(checker, &state);
    ck_assert_msg(!wanted.settings_failed && !wanted.lists_failed, "%s", wanted.why);
    ck_assert_msg(!state.settings_failed && !state.lists_failed && !state.kept && !state.denying, "%s, call %zu: %s",
                  what, which, state.why);
    ck_assert_msg(state.mode == mode && state.logs == logs, "%s, call %zu: mode %s, %zu logs", what, which,
                  clientct_mode_name(state.mode), state.logs);
    ck_assert_msg(memcmp(state.digest, wanted.digest, sizeof state.digest) == 0, "%s, call %zu: another digest", what,
                  which);
    clientct_checker_free(fresh);
    (void)!stat(audit, &before);
    record_one(checker);
    ck_assert_msg(stat(audit, &st) == 0 && st.st_size > before.st_size, "%s, call %zu: no audit line", what, which);
    ck_assert_msg(take_metrics() >= 1, "%s, call %zu: no metrics file", what, which);
}

/* The next look of a handshake, a second and a half later. */
static void look(struct clientct_checker *checker)
{
    monotonic_ahead_ms += 1500;
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
}

static const struct {
    const char *name;
    int error; /* of calls of the file system */
    bool for_good, context;
} rows[] = {
    { "one call, too many files", EMFILE, false, false },   { "one call, I/O error", EIO, false, false },
    { "one call, no such file", ENOENT, false, false },     { "one call, reload = context", EMFILE, false, true },
    { "all calls for a while", EMFILE, true, false },       { "one allocation", 0, false, false },
    { "one allocation, reload = context", 0, false, true }, { "all allocations for a while", 0, true, false },
};

/* CLIENTCT_TEST_EVERY_CALL = 1: each of the thousands of allocations too, which are mostly those of libraries. */
static size_t step(int row)
{
    return rows[row].error != 0 || getenv("CLIENTCT_TEST_EVERY_CALL") != NULL ? 1 : 23 + 2 * (size_t)row;
}

START_TEST(what_fails_once_in_a_reload_is_made_good)
{
    size_t which = 0, calls;

    call_error = rows[_i].error;
    do {
        struct clientct_checker *checker;

        which += step(_i);
        configure("before", "", 1, pki_now());
        checker = clientct_checker_new(scene.config);
        ck_assert_ptr_nonnull(checker);
        clientct_checker_start_recording(checker);
        take_metrics();
        configure("after", rows[_i].context ? "mode = report\nreload = context\n" : "mode = report\n", 3,
                  pki_now() + 1000);
        monotonic_ahead_ms += 1500;
        begin_failing(rows[_i].error == 0, which, rows[_i].for_good);
        clientct_checker_reload(checker, rows[_i].context ? CLIENTCT_AT_CONTEXT : CLIENTCT_AT_HANDSHAKE);
        calls = end_failing();
        look(checker);
        check_state(checker, CLIENTCT_MODE_REPORT, 3, rows[_i].name, which);
        clientct_checker_free(checker);
    } while (calls >= which);
    ck_assert_uint_gt(which, 30);
}
END_TEST

START_TEST(what_fails_once_at_the_start_is_made_good)
{
    size_t which = 0, calls;

    call_error = rows[_i].error;
    do {
        struct clientct_checker *checker;

        configure("start", "mode = report\n", 3, pki_now());
        which += step(_i);
        begin_failing(rows[_i].error == 0, which, rows[_i].for_good);
        checker = clientct_checker_new(scene.config);
        if (checker != NULL) {
            clientct_checker_start_recording(checker);
        }
        calls = end_failing();
        if (checker == NULL) {
            checker = clientct_checker_new(scene.config);
            clientct_checker_start_recording(checker);
        }
        look(checker);
        check_state(checker, CLIENTCT_MODE_REPORT, 3, rows[_i].name, which);
        clientct_checker_free(checker);
    } while (calls >= which);
    ck_assert_uint_gt(which, 30);
}
END_TEST

/* --- control that leaves in the middle --- */

static sigjmp_buf out;
static bool cancels;

/* As an alarm does that ends a handshake, or whoever ends a thread that takes too long. */
static void leave_before_call(void)
{
    if (++calls_seen != leave_at) {
        return;
    }
    if (cancels) {
        pthread_cancel(pthread_self()); /* the next call that may wait is where it ends */
        pthread_testcancel();
    }
    siglongjmp(out, 1);
}

static void *reload_in_thread(void *checker)
{
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    return NULL;
}

static void leave_a_reload(struct clientct_checker *checker)
{
    pthread_t thread;

    if (cancels) {
        ck_assert_int_eq(pthread_create(&thread, NULL, reload_in_thread, checker), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    } else if (sigsetjmp(out, 1) == 0) {
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    }
}

START_TEST(whoever_leaves_in_the_middle_of_a_reload_holds_nobody_up)
{
    const char *sanitizers = getenv("CLIENTCT_SANITIZERS");
    struct clientct_state state;

    if (sanitizers != NULL && strcmp(sanitizers, "none") != 0) {
        return; /* what that thread had is lost, which they say */
    }
    cancels = _i == 1;
    before_call = leave_before_call;
    leave_at = 0;
    do {
        struct clientct_checker *checker;

        leave_at++;
        configure("before", "", 1, pki_now());
        checker = clientct_checker_new(scene.config);
        ck_assert_ptr_nonnull(checker);
        clientct_checker_start_recording(checker);
        take_metrics();
        configure("after", "mode = report\n", 3, pki_now() + 1000);
        monotonic_ahead_ms += 1500;
        calls_seen = 0;
        begin_failing(false, 0, false);
        leave_a_reload(checker);
        end_failing();
        monotonic_ahead_ms += 500; /* after as long as anybody may have it */
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
        clientct_checker_get_state(checker, &state);
        ck_assert_msg(state.mode == CLIENTCT_MODE_REPORT && state.logs == 3, "call %zu: mode %s, %zu logs", leave_at,
                      clientct_mode_name(state.mode), state.logs);
        look(checker); /* files to record in are given a second */
        check_state(checker, CLIENTCT_MODE_REPORT, 3, "left", leave_at);
        clientct_checker_free(checker);
    } while (calls_seen >= leave_at);
    ck_assert_uint_gt(leave_at, 30);
}
END_TEST

/* --- two threads --- */

static struct clientct_checker *shared;

/* A thread that makes a context, while another one is in the middle of reading. */
static void make_context_before_call(void)
{
    if (++calls_seen == leave_at) {
        configure("after", "mode = report\n", 3, pki_now() + 1000);
        clientct_checker_reload(shared, CLIENTCT_AT_CONTEXT);
    }
}

START_TEST(a_context_made_while_another_thread_reads_has_what_is_there)
{
    const enum clientct_occasion occasions[] = { CLIENTCT_AT_HANDSHAKE, CLIENTCT_AT_CONTEXT };
    struct clientct_state state;

    before_call = make_context_before_call;
    leave_at = 0;
    do {
        leave_at++;
        configure("before", "", 1, pki_now());
        shared = clientct_checker_new(scene.config);
        ck_assert_ptr_nonnull(shared);
        configure("before", "mode = off\n", 2, pki_now());
        monotonic_ahead_ms += 1500;
        calls_seen = 0;
        begin_failing(false, 0, false);
        clientct_checker_reload(shared, occasions[_i]);
        end_failing();
        clientct_checker_get_state(shared, &state);
        if (calls_seen >= leave_at) {
            ck_assert_msg(state.mode == CLIENTCT_MODE_REPORT && state.logs == 3, "call %zu: mode %s, %zu logs",
                          leave_at, clientct_mode_name(state.mode), state.logs);
        }
        clientct_checker_free(shared);
    } while (calls_seen >= leave_at);
    ck_assert_uint_gt(leave_at, 10);
}
END_TEST

/* --- what was parsed is what was digested --- */

enum { CONFIG, RULE, LIST, FILES };
static const char *const swapped_names[FILES] = { "clientct.cnf", "ca.pem", "list" };
static struct pki_bytes versions[FILES][2];
static int swapped;
static size_t swap_at;

/* As an editor does it: another file under the name. */
static void put_version(int file, int version)
{
    char path[200], aside[200];

    snprintf(path, sizeof path, "%s/%s", scene.dir, swapped_names[file]);
    snprintf(aside, sizeof aside, "%s/aside", scene.dir);
    pki_write_file(aside, versions[file][version].data, versions[file][version].len);
    ck_assert_int_eq(rename(aside, path), 0);
}

static void swap_before_call(void)
{
    if (++calls_seen == swap_at) {
        put_version(swapped, 1);
    }
}

static void keep_version(int file, int version)
{
    struct ct_file read;
    char path[200];

    snprintf(path, sizeof path, "%s/%s", scene.dir, swapped_names[file]);
    ck_assert_int_eq(ct_file_read(path, 1 << 20, true, &read), 0);
    versions[file][version] = (struct pki_bytes){ .data = read.data, .len = read.len };
}

/* What was parsed: which version of each file, as a number. */
static unsigned parsed_versions(const struct ct_snapshot *snapshot, uint8_t spki[2][32])
{
    const struct ct_settings *settings = &snapshot->config->settings;
    bool second = memcmp(settings->rules[0].issuer_spki, spki[1], 32) == 0;

    ck_assert(second || memcmp(settings->rules[0].issuer_spki, spki[0], 32) == 0);
    return (settings->mode == CLIENTCT_MODE_REPORT ? 1U : 0U) + (second ? 2U : 0U) +
           (snapshot->book->logs.count == 3 ? 4U : 0U);
}

START_TEST(what_was_parsed_is_what_was_digested)
{
    struct ct_snapshot *snapshot;
    struct pki_ca other;
    uint8_t spki[2][32], digests[8][32];
    char path[200], text[400];

    for (int version = 0; version < 2; version++) {
        pki_write_log_list(scene.list, PKI_FORMAT_V3, scene.listed, version == 0 ? 1 : 3, pki_now());
        snprintf(text, sizeof text, "%spolicy = one\nrules = r\n[r]\nca = ca\n[ca]\nissuer = %s\nexempt = yes\n",
                 version == 0 ? "" : "mode = report\n", ca);
        scene_configure(&scene, text);
        snprintf(path, sizeof path, "%s/ca", scene.dir);
        if (version == 1) {
            pki_ca_new(&other, "Other CA", NULL, NULL, 300);
        }
        pki_ca_write(version == 0 ? &scene.ca : &other, path);
        for (int file = 0; file < FILES; file++) {
            keep_version(file, version);
        }
        ck_assert_ptr_nonnull(snapshot = ct_snapshot_read(scene.config, NULL, NULL));
        ck_assert_msg(snapshot->config != NULL, "%s", snapshot->why);
        memcpy(spki[version], snapshot->config->settings.rules[0].issuer_spki, 32);
        ct_snapshot_release(snapshot);
    }
    for (unsigned all = 0; all < 8; all++) {
        for (int file = 0; file < FILES; file++) {
            put_version(file, all >> file & 1);
        }
        ck_assert_ptr_nonnull(snapshot = ct_snapshot_read(scene.config, NULL, NULL));
        ck_assert_uint_eq(parsed_versions(snapshot, spki), all);
        memcpy(digests[all], snapshot->digest, 32);
        ct_snapshot_release(snapshot);
    }
    before_call = swap_before_call;
    for (swapped = 0; swapped < FILES; swapped++) {
        swap_at = 0;
        do {
            unsigned parsed;

            for (int file = 0; file < FILES; file++) {
                put_version(file, 0);
            }
            swap_at++;
            calls_seen = 0;
            begin_failing(false, 0, false);
            snapshot = ct_snapshot_read(scene.config, NULL, NULL);
            end_failing();
            ck_assert_msg(snapshot != NULL && snapshot->why[0] == '\0', "%s", snapshot == NULL ? "" : snapshot->why);
            parsed = parsed_versions(snapshot, spki);
            ck_assert_msg(memcmp(snapshot->digest, digests[parsed], 32) == 0,
                          "%s swapped at call %zu: the digest is of other bytes than the settings",
                          swapped_names[swapped], swap_at);
            ct_snapshot_release(snapshot);
        } while (calls_seen >= swap_at);
        ck_assert_uint_gt(swap_at, 10);
    }
    for (int file = 0; file < FILES; file++) {
        free(versions[file][0].data);
        free(versions[file][1].data);
    }
    pki_ca_clear(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failing_calls");
    TCase *tcase = tcase_create("failing_calls");
    const int count = (int)(sizeof rows / sizeof rows[0]);

    if (!failing_calls_set()) {
        return EXIT_FAILURE;
    }
    OPENSSL_init_crypto(0, NULL); /* its own first allocations are not the point */
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, what_fails_once_in_a_reload_is_made_good, 0, count);
    tcase_add_loop_test(tcase, what_fails_once_at_the_start_is_made_good, 0, count);
    tcase_add_loop_test(tcase, whoever_leaves_in_the_middle_of_a_reload_holds_nobody_up, 0, 2);
    tcase_add_loop_test(tcase, a_context_made_while_another_thread_reads_has_what_is_there, 0, 2);
    tcase_add_test(tcase, what_was_parsed_is_what_was_digested);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
