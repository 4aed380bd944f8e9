/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

static char dir[64], path[128];

static void setup(void)
{
    strcpy(dir, "/tmp/clientct-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
}

static void teardown(void)
{
    unlink(path);
    rmdir(dir);
}

static void put(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

START_TEST(reads_a_file_whole_and_hashes_it)
{
    struct ct_file file;
    char hex[65];

    put("abc", 3);
    ck_assert_int_eq(ct_file_read(path, 3, false, &file), 0);
    ck_assert_uint_eq(file.len, 3);
    ck_assert_str_eq((char *)file.data, "abc");
    ct_hex(file.sha256, 32, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ct_file_clear(&file);
    put("", 0);
    ck_assert_int_eq(ct_file_read(path, 3, false, &file), 0);
    ck_assert_uint_eq(file.len, 0);
    ct_file_clear(&file);
}
END_TEST

START_TEST(refuses_what_is_too_large_missing_or_no_file)
{
    struct ct_file file;

    put("abcd", 4);
    ck_assert_int_eq(ct_file_read(path, 3, true, &file), EFBIG);
    ck_assert_ptr_null(file.data);
    ck_assert_int_eq(ct_file_read("/nonexistent/file", 3, true, &file), ENOENT);
    ck_assert_int_eq(ct_file_read(dir, 3, true, &file), EINVAL);
    ck_assert_int_eq(ct_file_read("/dev/zero", 3, true, &file), EINVAL);
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(ct_file_read(path, 3, true, &file), EINVAL); /* and does not wait for a writer */
}
END_TEST

START_TEST(follows_symbolic_links_only_when_asked)
{
    struct ct_file file;
    char link[192];

    put("abc", 3);
    snprintf(link, sizeof link, "%s/link", dir);
    ck_assert_int_eq(symlink(path, link), 0);
    ck_assert_int_eq(ct_file_read(link, 3, false, &file), ELOOP);
    ck_assert_int_eq(ct_file_read(link, 3, true, &file), 0);
    ct_file_clear(&file);
    unlink(link);
}
END_TEST

START_TEST(a_stamp_tells_a_change)
{
    struct ct_file_stamp before, after;
    char other[192];

    put("abc", 3);
    before = ct_file_stamp_of(path, true);
    after = ct_file_stamp_of(path, true);
    ck_assert(ct_file_stamp_equal(&before, &after));
    put("abcd", 4);
    after = ct_file_stamp_of(path, true);
    ck_assert(!ct_file_stamp_equal(&before, &after));
    /* renamed over, same size */
    before = after;
    snprintf(other, sizeof other, "%s/other", dir);
    ck_assert_int_eq(rename(path, other), 0);
    put("wxyz", 4);
    ck_assert_int_eq(rename(other, path), 0);
    after = ct_file_stamp_of(path, true);
    ck_assert(!ct_file_stamp_equal(&before, &after));
    unlink(path);
    after = ct_file_stamp_of(path, true);
    ck_assert_int_eq(after.error, ENOENT);
    ck_assert(!ct_file_stamp_equal(&before, &after));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("file");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reads_a_file_whole_and_hashes_it);
    tcase_add_test(tc, refuses_what_is_too_large_missing_or_no_file);
    tcase_add_test(tc, follows_symbolic_links_only_when_asked);
    tcase_add_test(tc, a_stamp_tells_a_change);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
