/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the store: found by the certificate's hash, and never a reason to fail. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

static const uint8_t list[] = { 0, 5, 0, 3, 'a', 'b', 'c' };
static struct ct_certificate certificate;
static char dir[] = "/tmp/clientct-store-XXXXXX";
static char path[128];

static void write_file(const char *to, size_t size)
{
    FILE *file = fopen(to, "wb");

    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < size; i++) {
        fputc(list[i % sizeof list], file);
    }
    fclose(file);
}

static void set_up(void)
{
    char name[65];

    for (size_t i = 0; i < sizeof certificate.sha256; i++) {
        certificate.sha256[i] = (uint8_t)(i * 7 + 1);
    }
    strcpy(dir + strlen(dir) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ct_hex(certificate.sha256, sizeof certificate.sha256, name);
    snprintf(path, sizeof path, "%s/%s.sct", dir, name);
}

static void tear_down(void)
{
    chmod(dir, 0700);
    remove(path);
    remove(dir);
}

/* Nothing is there, and that is no trouble; `detail` is part of what is said of it. */
static void expect_nothing(const char *where, const char *detail)
{
    struct ct_evidence evidence;

    ct_evidence_store(&certificate, where, &evidence);
    ck_assert_int_eq(evidence.trouble, CLIENTCT_NOT_EVALUATED);
    ck_assert(!evidence.present);
    ck_assert(evidence.stamp.ino == 0);
    if (detail == NULL) {
        ck_assert_str_eq(evidence.detail, "");
    } else {
        ck_assert_msg(strstr(evidence.detail, detail) != NULL, "%s", evidence.detail);
    }
    ct_evidence_clear(&evidence);
}

START_TEST(gives_the_list_of_this_certificate)
{
    struct ct_evidence evidence;

    write_file(path, sizeof list);
    ct_evidence_store(&certificate, dir, &evidence);
    ck_assert(evidence.present);
    ck_assert(ct_bytes_equal(evidence.list, (struct ct_bytes){ list, sizeof list }));
    ck_assert(evidence.stamp.ino != 0);
    ck_assert(evidence.from_ms == INT64_MIN && evidence.until_ms == INT64_MAX);
    ct_evidence_clear(&evidence);
    certificate.sha256[31] ^= 1;
    expect_nothing(dir, NULL);
    certificate.sha256[31] ^= 1;
}
END_TEST

START_TEST(missing_store_is_no_trouble)
{
    expect_nothing(NULL, NULL);
    expect_nothing(dir, NULL);
    expect_nothing("/nonexistent/clientct", NULL);
    expect_nothing("/dev/null", NULL);
    expect_nothing("", NULL);
}
END_TEST

START_TEST(follows_no_links)
{
    char target[160];

    snprintf(target, sizeof target, "%s.target", dir);
    write_file(target, sizeof list);
    ck_assert_int_eq(symlink(target, path), 0);
    expect_nothing(dir, "symbolic link");
    remove(target);
}
END_TEST

START_TEST(reads_regular_files_only)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
    expect_nothing(dir, "not a regular file");
    ck_assert_int_eq(rmdir(path), 0);
    /* With no writer at the other end, opening it would wait for ever. */
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    expect_nothing(dir, "not a regular file");
}
END_TEST

START_TEST(is_bounded)
{
    struct ct_evidence evidence;

    write_file(path, CT_EVIDENCE_MAX_BYTES);
    ct_evidence_store(&certificate, dir, &evidence);
    ck_assert(evidence.present);
    ck_assert_uint_eq(evidence.list.len, CT_EVIDENCE_MAX_BYTES);
    ct_evidence_clear(&evidence);
    write_file(path, CT_EVIDENCE_MAX_BYTES + 1);
    expect_nothing(dir, "larger than 128 KiB");
}
END_TEST

START_TEST(says_what_may_not_be_read)
{
    write_file(path, sizeof list);
    if (geteuid() == 0) {
        /* As root nothing is unreadable: be somebody else, in this forked test only. */
        ck_assert_int_eq(chown(dir, 65534, 65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    chmod(dir, 0);
    expect_nothing(dir, "may not be read");
    if (getuid() == 0) {
        ck_assert_int_eq(seteuid(0), 0);
    }
}
END_TEST

START_TEST(says_when_the_name_is_too_long)
{
    char *longest = malloc(5000);

    memset(longest, 'd', 4999);
    longest[4999] = '\0';
    expect_nothing(longest, "could not be read");
    free(longest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("evidence_store");
    TCase *tcase = tcase_create("store");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, gives_the_list_of_this_certificate);
    tcase_add_test(tcase, missing_store_is_no_trouble);
    tcase_add_test(tcase, follows_no_links);
    tcase_add_test(tcase, reads_regular_files_only);
    tcase_add_test(tcase, is_bounded);
    tcase_add_test(tcase, says_what_may_not_be_read);
    tcase_add_test(tcase, says_when_the_name_is_too_long);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
