/* SPDX-License-Identifier: Apache-2.0 */
#include "config/snapshot.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/early.h"
#include "scene.h"
#include "unit.h"

static struct scene scene;
static struct ct_snapshot *now; /* in force */

static void setup(void)
{
    scene_set(&scene, "policy = one\n");
    now = ct_snapshot_read(scene.config, NULL, NULL);
    ck_assert_ptr_nonnull(now);
    ck_assert_msg(!now->config_failed && !now->book_failed, "%s", now->why);
}

static void teardown(void)
{
    ct_snapshot_release(now);
    scene_clear(&scene);
}

static void read_again(void)
{
    struct ct_snapshot *fresh = ct_snapshot_read(scene.config, now, NULL);

    ck_assert_ptr_nonnull(fresh);
    ct_snapshot_release(now);
    now = fresh;
}

static void put(const char *name, const char *text)
{
    scene_put(&scene, name, text, strlen(text));
}

static void says(const char *part)
{
    ck_assert_msg(strstr(now->why, part) != NULL, "expected to read \"%s\" in \"%s\"", part, now->why);
}

START_TEST(notices_every_way_of_changing_a_file)
{
    char other[200];

    ck_assert(!ct_snapshot_outdated(now));
    scene_configure(&scene, "policy = one\nmode = report\n");
    ck_assert(ct_snapshot_outdated(now));
    read_again();
    ck_assert_int_eq(now->config->settings.mode, CLIENTCT_MODE_REPORT);
    ck_assert(!ct_snapshot_outdated(now));

    snprintf(other, sizeof other, "%s/other", scene.dir);
    ck_assert_int_eq(rename(scene.config, other), 0);
    ck_assert(ct_snapshot_outdated(now));
    read_again();
    ck_assert(!ct_snapshot_outdated(now));
    ck_assert_int_eq(rename(other, scene.config), 0);
    ck_assert(ct_snapshot_outdated(now));
    read_again();
    ck_assert(!now->config_failed);

    ck_assert_int_eq(chmod(scene.list, 0400), 0); /* a change of rights may make readable what was not */
    ck_assert(ct_snapshot_outdated(now));
}
END_TEST

START_TEST(settings_are_kept_where_the_file_is_gone_or_wrong)
{
    static const char *const bad[] = { "nonsense\n", "", "mode = of\n", "policy = one\n[one]\n" };
    uint64_t generation = now->generation;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put("clientct.cnf", bad[i]);
        read_again();
        ck_assert_msg(now->config_failed && now->config != NULL && now->book != NULL, "row %zu", i);
        ck_assert_msg(now->config->settings.policy_count == 1, "row %zu", i);
        ck_assert_msg(now->why[0] != '\0' && now->generation > generation, "row %zu", i);
        generation = now->generation;
    }
    unlink(scene.config);
    read_again();
    ck_assert(now->config_failed && now->config != NULL && now->book != NULL);
    says("No such file");
    scene_configure(&scene, "policy = one\nmode = off\n");
    read_again();
    ck_assert(!now->config_failed);
    ck_assert_int_eq(now->config->settings.mode, CLIENTCT_MODE_OFF);
}
END_TEST

START_TEST(a_rule_s_certificate_that_is_mended_mends_the_settings)
{
    struct ct_snapshot *broken, *mended;
    char settings[256], path[128];

    snprintf(path, sizeof path, "%s/ca.pem", scene.dir);
    snprintf(settings, sizeof settings, "rules = r\n[r]\nx = x\n[x]\nissuer = %s\nexempt = yes\n", path);
    scene_configure(&scene, settings);
    broken = ct_snapshot_read(scene.config, NULL, NULL);
    ck_assert_ptr_nonnull(broken);
    ck_assert_ptr_null(broken->config);
    ck_assert(!ct_snapshot_outdated(broken));
    snprintf(path, sizeof path, "%s/ca", scene.dir);
    pki_ca_write(&scene.ca, path);
    ck_assert(ct_snapshot_outdated(broken));
    mended = ct_snapshot_read(scene.config, broken, NULL);
    ck_assert_ptr_nonnull(mended);
    ck_assert_msg(mended->config != NULL, "%s", mended->why);
    ct_snapshot_release(broken);
    ct_snapshot_release(mended);
}
END_TEST

START_TEST(the_emergency_switch_works_with_a_broken_list)
{
    put("list", "{");
    scene_configure(&scene, "policy = one\nmode = off\n");
    read_again();
    ck_assert(now->book_failed && !now->config_failed);
    ck_assert_int_eq(now->config->settings.mode, CLIENTCT_MODE_OFF);
    ck_assert_uint_eq(now->book->logs.count, SCENE_LOGS - 1);
}
END_TEST

START_TEST(without_an_earlier_list_there_is_none)
{
    ct_snapshot_release(now);
    put("list", "{");
    now = ct_snapshot_read(scene.config, NULL, NULL);
    ck_assert(now->book_failed && now->book == NULL && now->config != NULL);
}
END_TEST

/* A second list beside the scene's, with its logs from `first` on. */
static void second_list(size_t first, int64_t timestamp_ms)
{
    char path[200];

    snprintf(path, sizeof path, "%s/second", scene.dir);
    pki_write_log_list(path, PKI_FORMAT_V3, &scene.listed[first], SCENE_LOGS - 1 - first, timestamp_ms);
}

START_TEST(each_list_is_its_own_last_good)
{
    char settings[300];

    pki_write_log_list(scene.list, PKI_FORMAT_V3, scene.listed, 1, pki_now());
    second_list(2, pki_now());
    snprintf(settings, sizeof settings, "log_list = %s/second\npolicy = one\n", scene.dir);
    scene_configure(&scene, settings);
    read_again();
    ck_assert_msg(!now->book_failed, "%s", now->why);
    ck_assert_uint_eq(now->book->logs.count, 2);

    put("list", "{"); /* broken, while the other one gets better */
    second_list(1, pki_now());
    read_again();
    ck_assert(now->book_failed);
    ck_assert_uint_eq(now->book->list_count, 2);
    ck_assert_uint_eq(now->book->logs.count, 3);
    unlink(scene.list);
    second_list(2, pki_now());
    read_again();
    ck_assert(now->book_failed);
    ck_assert_uint_eq(now->book->logs.count, 2);
    pki_write_log_list(scene.list, PKI_FORMAT_V3, scene.listed, 2, pki_now());
    read_again();
    ck_assert_msg(!now->book_failed, "%s", now->why);
    ck_assert_uint_eq(now->book->logs.count, 3);
}
END_TEST

START_TEST(a_list_does_not_go_back_in_time)
{
    int64_t timestamp_ms = now->book->lists[0].timestamp_ms;
    uint8_t digest[32];

    memcpy(digest, now->digest, sizeof digest);
    scene_list(&scene, timestamp_ms - 1000);
    read_again();
    ck_assert(now->book_failed);
    says("backwards");
    ck_assert_int_eq(now->book->lists[0].timestamp_ms, timestamp_ms);
    ck_assert_mem_eq(digest, now->digest, sizeof digest);
    scene_list(&scene, timestamp_ms + 1000);
    read_again();
    ck_assert(!now->book_failed);
}
END_TEST

/* A directory in a file's place, which cannot be read as one; and a certificate there again. */
static void hide(const char *path)
{
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void show(const char *path, const struct pki_ca *ca, const char *prefix)
{
    ck_assert_int_eq(rmdir(path), 0);
    pki_ca_write(ca, prefix);
}

static void read_with(const struct ct_file_set *early, enum clientct_mode mode, bool kept, bool failed,
                      const uint8_t issuer[32])
{
    struct ct_snapshot *fresh = ct_snapshot_read(scene.config, now, early);

    ck_assert_ptr_nonnull(fresh);
    ct_snapshot_release(now);
    now = fresh;
    ck_assert_ptr_nonnull(now->config);
    ck_assert_msg(memcmp(now->config->settings.rules[0].issuer_spki, issuer, 32) == 0, "another CA is in force");
    ck_assert_msg(now->config->settings.mode == mode && now->reading.kept == kept && now->config_failed == failed,
                  "mode %s, kept %d, failed %d: %s", clientct_mode_name(now->config->settings.mode), now->reading.kept,
                  now->config_failed, now->why);
}

/* The certificate of a rule, when it cannot be read: it may have been replaced since the load. */
START_TEST(what_was_read_early_counts_while_nothing_newer_did)
{
    const char *const modes[] = { "enforce", "report" };
    char settings[2][300], prefix[96], path[100];
    struct ct_file_set early = { 0 };
    struct pki_ca next = { 0 };
    struct rlimit none = { 0, 0 }, before;
    uint8_t first[32], second[32];

    snprintf(prefix, sizeof prefix, "%s/ca", scene.dir);
    snprintf(path, sizeof path, "%s.pem", prefix);
    for (int i = 0; i < 2; i++) {
        snprintf(settings[i], sizeof settings[i],
                 "mode = %s\npolicy = one\nrules = r\n[r]\nx = x\n[x]\nissuer = %s\nexempt = yes\n", modes[i], path);
    }
    pki_ca_new(&next, "Next CA", NULL, NULL, 300);
    pki_issuer_key_hash(scene.ca.certificate, first);
    pki_issuer_key_hash(next.certificate, second);
    pki_ca_write(&scene.ca, prefix);
    scene_configure(&scene, settings[0]);
    ct_early_read(scene.config, &early);
    ct_snapshot_release(now);
    now = NULL;
    read_with(&early, CLIENTCT_MODE_ENFORCE, false, false, first);
    hide(path);
    scene_configure(&scene, settings[1]);
    read_with(&early, CLIENTCT_MODE_REPORT, true, false, first);
    show(path, &next, prefix);
    read_with(&early, CLIENTCT_MODE_REPORT, false, false, second);
    hide(path);
    scene_configure(&scene, settings[0]);
    read_with(&early, CLIENTCT_MODE_REPORT, false, true, second);
    show(path, &next, prefix);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    read_with(&early, CLIENTCT_MODE_REPORT, true, true, second);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    read_with(&early, CLIENTCT_MODE_ENFORCE, false, false, second);
    ct_file_set_clear(&early);
    pki_ca_clear(&next);
}
END_TEST

START_TEST(reading_the_same_again_is_no_new_generation)
{
    uint64_t generation = now->generation;
    const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };

    ck_assert_int_eq(utimensat(AT_FDCWD, scene.config, old, 0), 0);
    ck_assert(ct_snapshot_outdated(now));
    read_again();
    ck_assert_uint_eq(now->generation, generation);
    scene_configure(&scene, "policy = one\nmode = report\n");
    read_again();
    ck_assert_uint_eq(now->generation, generation + 1);
}
END_TEST

START_TEST(a_file_that_was_just_written_is_read_once_more)
{
    /* The clock of a file system ticks slowly: a change right after the reading may leave the same stamp. */
    ck_assert_int_lt(now->look_again_ms, ct_monotonic_ms() + 5000);
    now->look_again_ms = ct_monotonic_ms();
    ck_assert(ct_snapshot_outdated(now));
}
END_TEST

START_TEST(sees_that_somebody_is_writing)
{
    const struct timespec pause = { 0, 150 * 1000000 };

    scene_configure(&scene, "policy = one\n");
    ck_assert(ct_snapshot_unsettled(now));
    nanosleep(&pause, NULL);
    ck_assert(!ct_snapshot_unsettled(now));
}
END_TEST

/* --- signatures --- */

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

START_TEST(a_list_and_its_signature_may_disagree_for_five_seconds)
{
    char settings[300], path[200];
    BIO *out;

    signer = pki_new_key(PKI_P256, 0);
    snprintf(path, sizeof path, "%s/key.pem", scene.dir);
    ck_assert_ptr_nonnull(out = BIO_new_file(path, "w"));
    ck_assert_int_eq(PEM_write_bio_PUBKEY(out, signer), 1);
    BIO_free(out);
    sign();
    snprintf(settings, sizeof settings, "log_list_key = %s\npolicy = one\n", path);
    scene_configure(&scene, settings);
    read_again();
    ck_assert_msg(!now->book_failed, "%s", now->why);

    scene_list(&scene, pki_now() + 1000);
    int64_t timestamp_ms = now->book->lists[0].timestamp_ms;
    uint64_t generation = now->generation;
    read_again();
    ck_assert_msg(!now->book_failed && now->why[0] == '\0', "said too early: %s", now->why);
    ck_assert_int_eq(now->book->lists[0].timestamp_ms, timestamp_ms);
    ck_assert_uint_eq(now->generation, generation);
    ck_assert_int_le(now->look_again_ms, ct_monotonic_ms() + 1000);

    now->disagree_since_ms -= 5000;
    read_again();
    ck_assert(now->book_failed);
    says("signature");
    ck_assert_int_eq(now->book->lists[0].timestamp_ms, timestamp_ms);

    sign();
    read_again();
    ck_assert_msg(!now->book_failed, "%s", now->why);
    ck_assert_int_gt(now->book->lists[0].timestamp_ms, timestamp_ms);
    scene_list(&scene, pki_now() + 2000);
    read_again();
    ck_assert_msg(!now->book_failed, "the next disagreement has its own five seconds: %s", now->why);

    ct_snapshot_release(now); /* at a start nothing is taken on trust */
    now = ct_snapshot_read(scene.config, NULL, NULL);
    ck_assert(now->book_failed && now->book == NULL);
    EVP_PKEY_free(signer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tc = tcase_create("snapshot");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, notices_every_way_of_changing_a_file);
    tcase_add_test(tc, settings_are_kept_where_the_file_is_gone_or_wrong);
    tcase_add_test(tc, a_rule_s_certificate_that_is_mended_mends_the_settings);
    tcase_add_test(tc, the_emergency_switch_works_with_a_broken_list);
    tcase_add_test(tc, without_an_earlier_list_there_is_none);
    tcase_add_test(tc, each_list_is_its_own_last_good);
    tcase_add_test(tc, a_list_does_not_go_back_in_time);
    tcase_add_test(tc, what_was_read_early_counts_while_nothing_newer_did);
    tcase_add_test(tc, reading_the_same_again_is_no_new_generation);
    tcase_add_test(tc, a_file_that_was_just_written_is_read_once_more);
    tcase_add_test(tc, sees_that_somebody_is_writing);
    tcase_add_test(tc, a_list_and_its_signature_may_disagree_for_five_seconds);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
