#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_sink.h"
#include "clock.h"
#include "unit.h"

static char dir[64], file_path[96], journal_path[96], syslog_path[96];
static struct ct_audit *audit;
static struct ct_audit_sink_setting sinks[8];
static struct ct_settings settings;

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/clientct-audit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file_path, sizeof file_path, "%s/audit.json", dir);
    snprintf(journal_path, sizeof journal_path, "%s/journal", dir);
    snprintf(syslog_path, sizeof syslog_path, "%s/log", dir);
    ct_audit_journal_socket = journal_path;
    ct_audit_syslog_socket = syslog_path;
    audit = ct_audit_new();
    ck_assert_ptr_nonnull(audit);
    settings = (struct ct_settings){ .audit = sinks };
}

static void teardown(void)
{
    char command[96];

    ct_audit_free(audit);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void add_sink(enum ct_audit_kind kind, char *path)
{
    sinks[settings.audit_count++] = (struct ct_audit_sink_setting){ .kind = kind, .path = path };
}

static void apply(void)
{
    ct_audit_apply(audit, &settings);
}

/* Longer than the second in which nothing is tried twice. */
static void wait_a_second(void)
{
    struct timespec rest = { .tv_sec = 1, .tv_nsec = 50000000 };

    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

static void decide(bool compliant)
{
    struct clientct_input input = { .server_name = "a.example" };
    struct clientct_verdict verdict = { .accept = compliant,
                                        .compliant = compliant,
                                        .decided = true,
                                        .reason = compliant ? CLIENTCT_COMPLIANT : CLIENTCT_NO_SCTS };

    ct_audit_decision(audit, &input, &verdict, 1000, ct_now_ms());
}

/* All lines of a file as an array; a line that is no JSON fails the test. */
static json_t *lines_of(const char *path)
{
    json_t *lines = json_array();
    FILE *file = fopen(path, "r");
    char line[8192];

    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *value = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        ck_assert_msg(value != NULL && line[strlen(line) - 1] == '\n', "line %zu: %s", json_array_size(lines), line);
        json_array_append_new(lines, value);
    }
    fclose(file);
    return lines;
}

static size_t count_lines(const char *path)
{
    json_t *lines = lines_of(path);
    size_t count = json_array_size(lines);

    json_decref(lines);
    return count;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    ck_assert_msg(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s", strerror(errno));
    return fd;
}

/* The next datagram, or "" when there is none. */
static const char *receive(int fd)
{
    static char text[16384];
    ssize_t len = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void expect_counts(const char *when, uint64_t written, uint64_t dropped_rate, uint64_t dropped_sink)
{
    struct ct_audit_counts counts = ct_audit_get_counts(audit);

    ck_assert_msg(counts.written == written && counts.dropped_rate == dropped_rate &&
                      counts.dropped_sink == dropped_sink,
                  "%s: %ju written, %ju and %ju dropped; want %ju, %ju, %ju", when, (uintmax_t)counts.written,
                  (uintmax_t)counts.dropped_rate, (uintmax_t)counts.dropped_sink, (uintmax_t)written,
                  (uintmax_t)dropped_rate, (uintmax_t)dropped_sink);
}

START_TEST(writes_to_several_sinks)
{
    int journal = listen_at(journal_path);
    int log = listen_at(syslog_path);
    struct stat st;
    const char *text;
    char head[64];

    add_sink(CT_AUDIT_FILE, file_path);
    add_sink(CT_AUDIT_JOURNALD, NULL);
    add_sink(CT_AUDIT_SYSLOG, NULL);
    apply();
    decide(false);
    expect_counts("one decision", 3, 0, 0);
    ck_assert_uint_eq(count_lines(file_path), 1);
    ck_assert(stat(file_path, &st) == 0 && (st.st_mode & 07777) == 0600);
    text = receive(journal);
    ck_assert_ptr_nonnull(strstr(text, "PRIORITY=4\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nSYSLOG_IDENTIFIER=clientct\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nMESSAGE={\"@timestamp\":"));
    ck_assert_ptr_nonnull(strstr(text, "}\nCLIENTCT_VERDICT=refuse\nCLIENTCT_REASON=no-scts\nCLIENTCT_MODE=enforce\n"));
    text = receive(log);
    snprintf(head, sizeof head, "<84>clientct[%ld]: {\"@timestamp\":", (long)getpid());
    ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
    ck_assert(text[strlen(text) - 1] == '}');
    close(journal);
    close(log);
}
END_TEST

START_TEST(writes_nothing_without_sinks)
{
    add_sink(CT_AUDIT_NONE, NULL);
    decide(true);
    apply();
    decide(true);
    ct_audit_event(audit, "configuration-loaded", true, "text", 1, 0);
    expect_counts("none", 0, 0, 0);
}
END_TEST

START_TEST(uses_journald_where_settings_cannot_be_read)
{
    int journal = listen_at(journal_path);

    ct_audit_apply(audit, NULL);
    ct_audit_event(audit, "configuration-failed", false, "no such file", 1, 0);
    ck_assert_ptr_nonnull(strstr(receive(journal), "CLIENTCT_ACTION=configuration-failed\n"));
    close(journal);
}
END_TEST

START_TEST(a_missing_daemon_is_only_counted_and_found_when_it_comes)
{
    int journal;

    add_sink(CT_AUDIT_JOURNALD, NULL);
    apply();
    decide(true);
    decide(true);
    expect_counts("no socket", 0, 0, 2);
    journal = listen_at(journal_path);
    wait_a_second();
    decide(true);
    expect_counts("a socket", 1, 0, 2);
    ck_assert_ptr_nonnull(strstr(receive(journal), "\"clientct.dropped\":2,"));
    decide(true);
    ck_assert_ptr_null(strstr(receive(journal), "clientct.dropped"));
    close(journal);
}
END_TEST

START_TEST(a_restarted_daemon_is_found_again)
{
    int journal = listen_at(journal_path);

    add_sink(CT_AUDIT_JOURNALD, NULL);
    apply();
    for (int i = 0; i < 3; i++) {
        decide(true);
        ck_assert_ptr_nonnull(strstr(receive(journal), "MESSAGE="));
        close(journal);
        journal = listen_at(journal_path);
        decide(true);
        ck_assert_msg(strstr(receive(journal), "MESSAGE=") != NULL || i > 0, "after restart %d", i);
        wait_a_second();
    }
    close(journal);
}
END_TEST

START_TEST(a_full_socket_is_counted_and_not_waited_for)
{
    int journal = listen_at(journal_path);
    struct ct_audit_counts counts;
    int64_t before = ct_now_ms();

    add_sink(CT_AUDIT_JOURNALD, NULL);
    apply();
    for (int i = 0; i < 1500; i++) {
        decide(true);
    }
    counts = ct_audit_get_counts(audit);
    ck_assert_uint_gt(counts.written, 0);
    ck_assert_uint_gt(counts.dropped_sink, 0);
    ck_assert_uint_eq(counts.written + counts.dropped_sink, 1500);
    ck_assert_int_lt(ct_now_ms() - before, 20000);
    while (receive(journal)[0] != '\0') {
    }
    decide(true);
    ck_assert_ptr_nonnull(strstr(receive(journal), "\"clientct.dropped\":"));
    close(journal);
}
END_TEST

/* A server closes what it does not know, and the number comes back as a client's connection. */
START_TEST(never_writes_to_a_descriptor_that_is_not_ours_any_more)
{
    int pair[2];
    char byte;
    int stolen = -1;
    struct stat ours, st;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    ck_assert_int_eq(stat(file_path, &ours), 0);
    for (int fd = 3; fd < 100 && stolen < 0; fd++) {
        if (fstat(fd, &st) == 0 && st.st_dev == ours.st_dev && st.st_ino == ours.st_ino) {
            stolen = fd;
        }
    }
    ck_assert_int_ge(stolen, 3);
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

static void write_many(int count)
{
    for (int i = 0; i < count; i++) {
        decide(i % 2 == 0);
    }
}

static void *thread_main(void *unused)
{
    write_many(500);
    return unused;
}

START_TEST(lines_of_processes_and_threads_do_not_mix)
{
    pid_t children[3];
    pthread_t threads[2];
    struct ct_audit_counts counts;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            write_many(1000);
            counts = ct_audit_get_counts(audit);
            _exit(counts.written == 1000 ? 0 : 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_main, NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 3; i++) {
        int status = -1;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    expect_counts("the parent", 1000, 0, 0);
    ck_assert_uint_eq(count_lines(file_path), 4000);
}
END_TEST

START_TEST(says_the_process_and_counts_its_lines)
{
    json_t *lines;
    pid_t child;
    int status = -1;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    decide(true);
    child = fork();
    if (child == 0) {
        decide(false);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    lines = lines_of(file_path);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lines, 0), "process.pid")), getpid());
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lines, 1), "process.pid")), child);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lines, 0), "event.sequence")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(lines, 1), "event.sequence")), 2);
    json_decref(lines);
}
END_TEST

START_TEST(a_flood_of_refusals_hides_no_acceptance)
{
    struct ct_audit_counts counts;
    json_t *lines;
    const json_t *last;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    for (int i = 0; i < 40000; i++) {
        decide(false);
    }
    counts = ct_audit_get_counts(audit);
    ck_assert_uint_ge(counts.written, CT_AUDIT_BURST);
    ck_assert_uint_gt(counts.dropped_rate, 0);
    ck_assert_uint_eq(counts.written + counts.dropped_rate, 40000);
    decide(true);
    lines = lines_of(file_path);
    ck_assert_uint_eq(json_array_size(lines), counts.written + 1);
    last = json_array_get(lines, json_array_size(lines) - 1);
    ck_assert_str_eq(json_string_value(json_object_get(last, "clientct.verdict")), "accept");
    for (size_t i = 0, said = 0; i <= counts.written; i++) { /* every loss is said once */
        said += (size_t)json_integer_value(json_object_get(json_array_get(lines, i), "clientct.dropped"));
        ck_assert(i < counts.written || said == counts.dropped_rate);
    }
    json_decref(lines);
}
END_TEST

START_TEST(a_lost_sink_is_said_to_the_others_once)
{
    json_t *lines;
    size_t events = 0;

    add_sink(CT_AUDIT_FILE, file_path);
    add_sink(CT_AUDIT_SYSLOG, NULL);
    apply();
    for (int i = 0; i < 5; i++) {
        decide(true);
    }
    lines = lines_of(file_path);
    ck_assert_uint_eq(json_array_size(lines), 6);
    for (size_t i = 0; i < 6; i++) {
        const json_t *line = json_array_get(lines, i);

        if (strcmp(json_string_value(json_object_get(line, "event.action")), "audit-sink-lost") == 0) {
            ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(line, "message")), "syslog: cannot be"));
            events++;
        }
    }
    ck_assert_uint_eq(events, 1);
    json_decref(lines);
}
END_TEST

START_TEST(new_settings_close_and_keep_sinks)
{
    char other[96];
    struct stat before, after;

    snprintf(other, sizeof other, "%s/other.json", dir);
    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    ck_assert_int_eq(stat(file_path, &before), 0);
    decide(true);
    ck_assert_int_eq(chmod(dir, 0500), 0);
    add_sink(CT_AUDIT_FILE, other);
    ck_assert_int_eq(chmod(dir, 0700), 0);
    apply();
    decide(true);
    ck_assert_int_eq(stat(file_path, &after), 0);
    ck_assert(before.st_ino == after.st_ino);
    ck_assert_uint_eq(count_lines(file_path), 2);
    ck_assert_uint_eq(count_lines(other), 1);
    settings.audit_count = 1;
    apply();
    decide(true);
    ck_assert_uint_eq(count_lines(file_path), 3);
    ck_assert_uint_eq(count_lines(other), 1);
}
END_TEST

START_TEST(many_reopenings_leave_no_descriptor)
{
    int first;
    int last;

    add_sink(CT_AUDIT_FILE, file_path);
    add_sink(CT_AUDIT_SYSLOG, NULL);
    apply();
    first = dup(0);
    for (int i = 0; i < 2000; i++) {
        unlink(file_path);
        settings.audit_count = 1 + (size_t)i % 2;
        apply();
    }
    last = dup(0);
    ck_assert_int_le(last, first + 1);
    close(first);
    close(last);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *tcase = tcase_create("audit");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, writes_to_several_sinks);
    tcase_add_test(tcase, writes_nothing_without_sinks);
    tcase_add_test(tcase, uses_journald_where_settings_cannot_be_read);
    tcase_add_test(tcase, a_missing_daemon_is_only_counted_and_found_when_it_comes);
    tcase_add_test(tcase, a_restarted_daemon_is_found_again);
    tcase_add_test(tcase, a_full_socket_is_counted_and_not_waited_for);
    tcase_add_test(tcase, never_writes_to_a_descriptor_that_is_not_ours_any_more);
    tcase_add_test(tcase, follows_a_rotated_file);
    tcase_add_test(tcase, keeps_the_old_file_where_a_new_one_cannot_be_opened);
    tcase_add_test(tcase, refuses_what_is_no_regular_file);
    tcase_add_test(tcase, a_full_disk_is_counted_and_leaves_no_half_line_in_the_way);
    tcase_add_test(tcase, lines_of_processes_and_threads_do_not_mix);
    tcase_add_test(tcase, says_the_process_and_counts_its_lines);
    tcase_add_test(tcase, a_flood_of_refusals_hides_no_acceptance);
    tcase_add_test(tcase, a_lost_sink_is_said_to_the_others_once);
    tcase_add_test(tcase, new_settings_close_and_keep_sinks);
    tcase_add_test(tcase, many_reopenings_leave_no_descriptor);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
