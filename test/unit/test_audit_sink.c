/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The one under which this process has that file open. */
static int descriptor_of(const char *path)
{
    struct stat ours, st;

    ck_assert_int_eq(stat(path, &ours), 0);
    for (int fd = 3; fd < 100; fd++) {
        if (fstat(fd, &st) == 0 && st.st_dev == ours.st_dev && st.st_ino == ours.st_ino) {
            return fd;
        }
    }
    ck_abort_msg("%s is not open here", path);
    return -1;
}

/* A server closes what it does not know, and the number comes back as a client's connection. */
START_TEST(never_writes_to_a_descriptor_that_is_not_ours_any_more)
{
    int pair[2];
    char byte;
    int stolen;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    stolen = descriptor_of(file_path);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ck_assert_int_eq(dup2(pair[0], stolen), stolen);
    decide(true);
    decide(true);
    ck_assert_int_lt(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
    ck_assert_uint_ge(count_lines(file_path), 1); /* opened again at once */
    wait_a_second();
    decide(true);
    ck_assert_int_lt(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
    ct_audit_free(audit);
    audit = NULL;
    ck_assert_msg(fcntl(stolen, F_GETFD) >= 0, "a descriptor that is not ours was closed");
    close(stolen);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

/* A daemon that has none of its own writes what clients say to "standard error", which is the next file it opened. */
START_TEST(never_stands_where_standard_error_was)
{
    static const char forged[] = "forged by a client\n";
    int saved[STDERR_FILENO + 1];

    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        close(fd);
    }
    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    decide(true);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        ssize_t written = write(fd, forged, sizeof forged - 1);

        if (saved[fd] >= 0) {
            dup2(saved[fd], fd);
            close(saved[fd]);
        }
        ck_assert_int_lt(written, 0);
    }
    ck_assert_uint_eq(count_lines(file_path), 1);
    decide(true);
    ck_assert_uint_eq(count_lines(file_path), 2);
}
END_TEST

/* RLIMIT_FSIZE ends a process that writes beyond it, with SIGXFSZ. */
START_TEST(a_file_size_limit_is_a_full_disk_and_no_end)
{
    struct rlimit limit, before;
    sigset_t mask;
    int set;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    decide(true);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 10; /* the file is longer than that already */
    /* The test library writes files, too: no assertion of its own in here. */
    set = setrlimit(RLIMIT_FSIZE, &limit);
    decide(true);
    decide(true);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before) + set, 0);
    ck_assert_uint_eq(count_lines(file_path), 1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGXFSZ), 0);
    ck_assert_int_eq(sigpending(&mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGXFSZ), 0);
    wait_a_second();
    decide(true);
    ck_assert_uint_ge(count_lines(file_path), 2);
}
END_TEST

/* The other one may be a file beside it. */
START_TEST(never_writes_to_a_file_that_took_our_descriptor)
{
    char path[128];
    struct stat st;
    int other, stolen;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    stolen = descriptor_of(file_path);
    snprintf(path, sizeof path, "%s.other", file_path);
    ck_assert_int_ge(other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 0);
    ck_assert_int_eq(dup2(other, stolen), stolen);
    decide(true);
    decide(true);
    wait_a_second();
    decide(true);
    ck_assert_int_eq(fstat(other, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_uint_ge(count_lines(file_path), 1);
    close(stolen);
    close(other);
    unlink(path);
}
END_TEST

START_TEST(follows_a_rotated_file)
{
    char rotated[112];

    snprintf(rotated, sizeof rotated, "%s.1", file_path);
    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    decide(true);
    wait_a_second();
    ck_assert_int_eq(rename(file_path, rotated), 0);
    decide(true);
    ck_assert_uint_eq(count_lines(rotated), 1);
    ck_assert_uint_eq(count_lines(file_path), 1);
    wait_a_second();
    ck_assert_int_eq(unlink(file_path), 0);
    decide(true);
    ck_assert_uint_eq(count_lines(file_path), 1);
    ck_assert_int_eq(rename(file_path, rotated), 0);
    apply(); /* a reload looks at once */
    decide(true);
    ck_assert_uint_eq(count_lines(file_path), 1);
    expect_counts("in the end", 4, 0, 0);
}
END_TEST

/* As a worker without privileges, or in a chroot. */
START_TEST(keeps_the_old_file_where_a_new_one_cannot_be_opened)
{
    char away[96];

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    snprintf(away, sizeof away, "%s.d", dir);
    ck_assert_int_eq(rename(dir, away), 0);
    wait_a_second();
    decide(true);
    apply();
    decide(true);
    ck_assert_int_eq(rename(away, dir), 0);
    ck_assert_uint_eq(count_lines(file_path), 2);
    ck_assert_int_eq(unlink(file_path), 0);
    ck_assert_int_eq(rename(dir, away), 0);
    decide(true);
    expect_counts("written to nowhere", 2, 0, 1);
    ck_assert_int_eq(rename(away, dir), 0);
}
END_TEST

/* Where a worker may write, it must not be able to take the lines of others for itself. */
START_TEST(does_not_follow_the_name_into_another_root_directory)
{
    char root[96], within[200];
    const char *const folders[] = { "", "/tmp", dir };
    int status;
    pid_t child;

    if (geteuid() != 0) {
        return; /* needs to change its root */
    }
    snprintf(root, sizeof root, "%s.root", dir);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(within, sizeof within, "%s%s", root, folders[i]);
        ck_assert_int_eq(mkdir(within, 0777), 0);
    }
    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    child = fork();
    if (child == 0) {
        if (chroot(root) != 0 || chdir("/") != 0) {
            _exit(2);
        }
        wait_a_second();
        decide(true);
        _exit(access(file_path, F_OK) == 0 ? 1 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    snprintf(within, sizeof within, "%s%s", root, file_path);
    unlink(within);
    for (size_t i = sizeof folders / sizeof folders[0]; i-- > 0;) {
        snprintf(within, sizeof within, "%s%s", root, folders[i]);
        rmdir(within);
    }
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count_lines(file_path), 1);
}
END_TEST

START_TEST(refuses_what_is_no_regular_file)
{
    char fifo[96], link_path[96];
    char device[] = "/dev/full";
    int reader;

    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_eq(symlink(file_path, link_path), 0);
    reader = open(fifo, O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(reader, 0);
    for (int i = 0; i < 4; i++) {
        char *const paths[] = { fifo, link_path, dir, device };

        settings.audit_count = 0;
        add_sink(CT_AUDIT_FILE, paths[i]);
        apply();
        decide(true);
        expect_counts(paths[i], 0, 0, (uint64_t)i + 1);
    }
    ck_assert_int_ne(access(file_path, F_OK), 0);
    close(reader);
}
END_TEST

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

/* A file system of a few pages, where the test may mount one: as root, or with user namespaces. */
static bool mount_small(void)
{
    char users[32], groups[32];

    snprintf(users, sizeof users, "0 %u 1", (unsigned)getuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getgid());
    if (unshare(CLONE_NEWNS) != 0 &&
        (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !put("/proc/self/setgroups", "deny") ||
         !put("/proc/self/uid_map", users) || !put("/proc/self/gid_map", groups))) {
        return false;
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("none", dir, "tmpfs", 0, "size=16k") == 0;
}

START_TEST(a_full_disk_is_counted_and_leaves_no_half_line_in_the_way)
{
    struct ct_audit_counts full;
    char line[8192];
    size_t good = 0, broken = 0;
    FILE *file;

    if (!mount_small()) {
        return; /* not as root, and no user namespaces */
    }
    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    for (int i = 0; i < 100; i++) {
        decide(true);
    }
    full = ct_audit_get_counts(audit);
    ck_assert_uint_gt(full.dropped_sink, 0);
    ck_assert_uint_eq(full.written + full.dropped_sink, 100);
    ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT, "size=64k"), 0);
    decide(true);
    expect_counts("with room again", full.written + 1, 0, full.dropped_sink);
    file = fopen(file_path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *value = json_loads(line, 0, NULL);

        good += value != NULL;
        broken += value == NULL;
        json_decref(value);
    }
    fclose(file);
    ck_assert_uint_eq(good, full.written + 1);
    ck_assert_uint_le(broken, 1);
    ct_audit_free(audit);
    audit = NULL;
    ck_assert_int_eq(umount(dir), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_sink");
    TCase *tcase = tcase_create("audit_sink");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_file_size_limit_is_a_full_disk_and_no_end);
    tcase_add_test(tcase, never_writes_to_a_descriptor_that_is_not_ours_any_more);
    tcase_add_test(tcase, never_writes_to_a_file_that_took_our_descriptor);
    tcase_add_test(tcase, never_stands_where_standard_error_was);
    tcase_add_test(tcase, follows_a_rotated_file);
    tcase_add_test(tcase, keeps_the_old_file_where_a_new_one_cannot_be_opened);
    tcase_add_test(tcase, does_not_follow_the_name_into_another_root_directory);
    tcase_add_test(tcase, refuses_what_is_no_regular_file);
    tcase_add_test(tcase, a_full_disk_is_counted_and_leaves_no_half_line_in_the_way);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
