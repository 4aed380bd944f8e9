/* SPDX-License-Identifier: Apache-2.0 */
#include "record/archive.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "checker.h"
#include "record/audit_sink.h"
#include "scene.h"
#include "tool/replay/record.h"
#include "unit.h"

static struct scene scene;
static struct scene_client client;
static struct ct_archive *archive;
static struct ct_settings settings;
static char path[128];
static const int64_t now_ms = INT64_C(1764000000123);

static void setup(void)
{
    scene_set(&scene, "policy = one\n");
    scene_client(&scene, "ab", &client);
    archive = ct_archive_new();
    ck_assert_ptr_nonnull(archive);
    snprintf(path, sizeof path, "%s/archive", scene.dir);
    memset(&settings, 0, sizeof settings);
    settings.archive.path = path;
    settings.ocsp_store.path = settings.sct_store.path = settings.proof_store.path = scene.dir;
    ck_assert(ct_archive_apply(archive, &settings));
}

static void teardown(void)
{
    ct_archive_free(archive);
    scene_client_clear(&client);
    scene_clear(&scene);
}

static struct clientct_verdict verdict_of(const struct scene_client *of)
{
    struct clientct_verdict verdict = { .decided = true, .reason = CLIENTCT_NO_SCTS, .policy = "one" };

    ck_assert_int_eq(X509_digest(of->input.leaf, EVP_sha256(), verdict.leaf_sha256, NULL), 1);
    snprintf(verdict.detail, sizeof verdict.detail, "no SCT \"found\"");
    return verdict;
}

static bool keep_at(const struct clientct_input *input, int64_t at_ms)
{
    struct clientct_verdict verdict = verdict_of(&client);

    return ct_archive_decision(archive, input, &verdict, at_ms);
}

static bool keep(const struct clientct_input *input)
{
    return keep_at(input, now_ms);
}

/* Calls `each` with every record; returns how many lines are records, and how many are not. */
static size_t records(void (*each)(const struct replay_record *record, void *arg), void *arg, size_t *foreign)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0, count = 0, others = 0;
    ssize_t len;

    ck_assert_ptr_nonnull(file);
    while ((len = getline(&line, &size, file)) > 0) {
        struct replay_record record;
        bool whole = line[len - 1] == '\n';
        struct ct_bytes bytes = { (const uint8_t *)line, (size_t)len - (whole ? 1 : 0) };

        if (replay_record_read(bytes, &record) == REPLAY_READ) {
            count++;
            if (each != NULL) {
                each(&record, arg);
            }
        } else {
            others++;
        }
        replay_record_clear(&record);
    }
    free(line);
    fclose(file);
    if (foreign != NULL) {
        *foreign = others;
    }
    return count;
}

static size_t count(void)
{
    size_t foreign, found = records(NULL, NULL, &foreign);

    ck_assert_uint_eq(foreign, 0);
    return found;
}

static void is_all_there(const struct replay_record *record, void *arg)
{
    uint8_t *der = NULL;
    int len = i2d_X509(client.input.leaf, &der);

    ck_assert_int_eq(record->at_ms, now_ms);
    ck_assert_uint_eq(record->chain_count, 2);
    ck_assert(record->chain[0].len == (size_t)len && memcmp(record->chain[0].data, der, (size_t)len) == 0);
    OPENSSL_free(der);
    ck_assert(record->tls_scts.len == 3 && memcmp(record->tls_scts.data, "\0\1\xff", 3) == 0);
    ck_assert(record->ocsp.len == 4 && memcmp(record->ocsp.data, "ocsp", 4) == 0);
    ck_assert(record->store.data != NULL && record->store.len == 0);
    ck_assert(record->proofs.len == 5 && memcmp(record->proofs.data, "proof", 5) == 0);
    ck_assert_str_eq(record->server_name, "a.example\"");
    ck_assert_uint_eq(record->shown_count, 3);
    ck_assert_str_eq(record->shown[0], "b.example");
    ck_assert_ptr_null(record->shown[1]);
    ck_assert(record->has_verdict && !record->verdict.accept && record->verdict.decided);
    ck_assert(record->verdict.reason == CLIENTCT_NO_SCTS && record->verdict.mode == CLIENTCT_MODE_ENFORCE);
    ck_assert_str_eq(record->verdict.detail, "no SCT \"found\"");
    ck_assert_str_eq(record->verdict.policy, "one");
    ck_assert_ptr_null(record->verdict.rule);
}

START_TEST(keeps_all_that_a_verdict_needs)
{
    static const char *const shown[] = { "b.example", NULL, "a.example\"" };
    struct clientct_input input = client.input;
    struct clientct_verdict verdict = verdict_of(&client);
    char hex[65], name[80];
    struct stat st;

    ct_hex(verdict.leaf_sha256, 32, hex);
    snprintf(name, sizeof name, "%s.ocsp", hex);
    scene_put(&scene, name, "ocsp", 4);
    snprintf(name, sizeof name, "%s.sct", hex);
    scene_put(&scene, name, "", 0);
    snprintf(name, sizeof name, "%s.tlog-proof", hex);
    scene_put(&scene, name, "proof", 5);
    input.tls_scts = (const uint8_t *)"\0\1\xff";
    input.tls_scts_len = 3;
    input.server_name = shown[2];
    input.shown_server_names = shown;
    input.shown_server_name_count = 3;
    ck_assert(keep(&input));
    ck_assert_uint_eq(records(is_all_there, NULL, NULL), 1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(keeps_each_once_a_day)
{
    struct clientct_input input = client.input;

    for (int i = 0; i < 5; i++) {
        ck_assert(keep(&input));
    }
    ck_assert_uint_eq(count(), 1);
    input.server_name = "a.example";
    ck_assert(keep(&input) && keep(&input));
    ck_assert_uint_eq(count(), 2);
    input.tls_scts = (const uint8_t *)"";
    ck_assert(keep(&input) && keep(&input));
    ck_assert_uint_eq(count(), 3);
    ck_assert(keep_at(&client.input, now_ms + CT_DAY_MS) && keep_at(&client.input, now_ms + CT_DAY_MS + 1));
    ck_assert_uint_eq(count(), 4);
    ck_assert_uint_eq(ct_archive_get_counts(archive).written, 4);
}
END_TEST

START_TEST(a_client_that_varies_fills_no_disk)
{
    struct clientct_input input = client.input;
    char name[40];

    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "%d.example", i);
        input.server_name = name;
        ck_assert(keep(&input));
    }
    ck_assert_uint_eq(count(), CT_ARCHIVE_VARIANTS_MAX);
}
END_TEST

START_TEST(strangers_and_keys_leave_nothing)
{
    struct clientct_input input = client.input;
    struct clientct_verdict verdict = { .reason = CLIENTCT_NO_CERTIFICATE };
    struct clientct_input none = { 0 };

    input.chain_error = X509_V_ERR_CERT_UNTRUSTED;
    ck_assert(keep(&input));
    ck_assert(ct_archive_decision(archive, &none, &verdict, now_ms));
    verdict.reason = CLIENTCT_INTERNAL_ERROR;
    ck_assert(ct_archive_decision(archive, &client.input, &verdict, now_ms));
    ck_assert_uint_eq(count(), 0);
}
END_TEST

/* A server that forks a process for each connection. */
START_TEST(a_child_knows_what_its_parent_and_siblings_kept)
{
    struct clientct_input input = client.input;
    int status;

    for (int i = 0; i < 5; i++) {
        pid_t child = fork();

        if (child == 0) {
            _exit(keep(&input) ? 0 : 1);
        }
        ck_assert(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ck_assert(keep(&input));
    ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(what_did_not_fit_is_counted_and_kept_later)
{
    struct clientct_input input = client.input;
    struct rlimit limit, before;
    struct ct_archive_counts counts;
    bool kept, set;
    size_t foreign;

    ck_assert(keep(&input));
    input.server_name = "later.example";
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 3000;                      /* in the middle of the second record */
    set = setrlimit(RLIMIT_FSIZE, &limit) == 0; /* no assertion in here: the test library writes files, too */
    kept = keep(&input) || keep(&input);
    set = setrlimit(RLIMIT_FSIZE, &before) == 0 && set;
    ck_assert(set && !kept);
    counts = ct_archive_get_counts(archive);
    ck_assert(counts.written == 1 && counts.lost_sink == 2 && counts.lost_rate == 0);
    ck_assert(keep(&input));
    ck_assert_uint_eq(records(NULL, NULL, &foreign), 2);
    ck_assert_uint_le(foreign, 1);
    counts = ct_archive_get_counts(archive);
    ck_assert(counts.written == 2 && counts.lost_sink == 2);
}
END_TEST

START_TEST(what_is_over_the_rate_is_counted_as_such)
{
    struct clientct_verdict verdict = { .accept = true, .decided = true };
    struct clientct_input input = client.input;
    struct ct_archive_counts counts;
    uint64_t refused = 0;

    /* Verdicts say which certificate it is: the same one under many numbers. */
    for (uint32_t i = 1; i <= 6 * CT_ARCHIVE_BURST; i++) {
        memcpy(verdict.leaf_sha256, &i, sizeof i);
        refused += !ct_archive_decision(archive, &input, &verdict, now_ms);
    }
    counts = ct_archive_get_counts(archive);
    ck_assert_uint_ge(counts.written, CT_ARCHIVE_BURST);
    ck_assert_uint_eq(counts.lost_rate, refused);
    ck_assert_uint_eq(counts.lost_sink, 0);
    ck_assert_uint_eq(count(), counts.written);
}
END_TEST

static void adds_lost(const struct replay_record *record, void *arg)
{
    *(uint64_t *)arg += record->lost;
}

START_TEST(comes_back_by_itself_and_says_what_it_lost)
{
    struct clientct_input input = client.input;
    struct timespec rest = { .tv_sec = 1, .tv_nsec = 50000000 };
    char away[160];
    uint64_t lost = 0;

    snprintf(away, sizeof away, "%s.1", path);
    ck_assert(keep(&input));
    ck_assert_int_eq(rename(path, away), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* nothing can be opened there */
    while (nanosleep(&rest, &rest) != 0) {}
    ck_assert_int_eq(unlink(away), 0); /* and what is open has no name any more */
    input.server_name = "lost.example";
    ck_assert(!keep(&input));
    ck_assert_int_eq(rmdir(path), 0);
    rest.tv_sec = 1;
    while (nanosleep(&rest, &rest) != 0) {}
    ck_assert(keep(&input));
    ck_assert_uint_eq(records(adds_lost, &lost, NULL), 1);
    ck_assert_uint_eq(lost, 1);
}
END_TEST

START_TEST(settings_give_it_up_and_take_it_back)
{
    struct clientct_input input = client.input;

    ck_assert(keep(&input));
    settings.archive.path = NULL;
    ck_assert(ct_archive_apply(archive, &settings));
    input.server_name = "unseen.example";
    ck_assert(keep(&input));
    ck_assert_uint_eq(count(), 1);
    settings.archive.path = path;
    ck_assert(ct_archive_apply(archive, &settings));
    ck_assert(keep(&input));
    ck_assert_uint_eq(count(), 2);
}
END_TEST

START_TEST(hostile_records_are_no_records)
{
    static const char *const lines[] = {
        "",
        "{",
        "[]",
        "{\"clientct_archive\":1}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[]}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"\"]}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AA=\"]}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[7]}",
        "{\"clientct_archive\":1,\"time\":\"yesterday\",\"chain\":[\"AAAA\"]}",
        "{\"clientct_archive\":\"1\",\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"]}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"],\"ocsp\":\"?\"}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"],"
        "\"verdict\":{\"reason\":\"x\"}}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"],\"server_name_count\":2,"
        "\"server_names\":[\"a\"]}",
        "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"],\"chain\":[\"AAAA\"]}",
    };
    const char *good = "{\"clientct_archive\":1,\"time\":\"2026-01-01T00:00:00Z\",\"chain\":[\"AAAA\"]}";
    const char *newer = "{\"clientct_archive\":2,\"anything\":1,\"time\":\"2026-01-01T00:00:00Z\"}";
    struct replay_record record;
    char torn[400];

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct ct_bytes bytes = { (const uint8_t *)lines[i], strlen(lines[i]) };

        ck_assert_msg(replay_record_read(bytes, &record) == REPLAY_FOREIGN, "%s", lines[i]);
    }
    ck_assert(replay_record_read((struct ct_bytes){ (const uint8_t *)newer, strlen(newer) }, &record) == REPLAY_NEWER);
    ck_assert(replay_record_read((struct ct_bytes){ (const uint8_t *)good, strlen(good) }, &record) == REPLAY_READ);
    ck_assert(!record.has_verdict && record.ocsp.data == NULL && record.tls_scts.data == NULL);
    replay_record_clear(&record);
    snprintf(torn, sizeof torn, "%.50s%s", good, good); /* what another process left of its own */
    ck_assert(replay_record_read((struct ct_bytes){ (const uint8_t *)torn, strlen(torn) }, &record) == REPLAY_READ);
    replay_record_clear(&record);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("archive");
    TCase *tcase = tcase_create("archive");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, keeps_all_that_a_verdict_needs);
    tcase_add_test(tcase, keeps_each_once_a_day);
    tcase_add_test(tcase, a_client_that_varies_fills_no_disk);
    tcase_add_test(tcase, strangers_and_keys_leave_nothing);
    tcase_add_test(tcase, a_child_knows_what_its_parent_and_siblings_kept);
    tcase_add_test(tcase, what_did_not_fit_is_counted_and_kept_later);
    tcase_add_test(tcase, what_is_over_the_rate_is_counted_as_such);
    tcase_add_test(tcase, comes_back_by_itself_and_says_what_it_lost);
    tcase_add_test(tcase, settings_give_it_up_and_take_it_back);
    tcase_add_test(tcase, hostile_records_are_no_records);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
