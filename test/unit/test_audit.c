/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_fixture.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

    ck_assert(ct_audit_apply(audit, NULL));
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
    while (receive(journal)[0] != '\0') {}
    decide(true);
    ck_assert_ptr_nonnull(strstr(receive(journal), "\"clientct.dropped\":"));
    close(journal);
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

START_TEST(a_flood_of_strangers_hides_no_refusal)
{
    json_t *lines;
    const json_t *last;

    add_sink(CT_AUDIT_FILE, file_path);
    apply();
    for (int i = 0; i < 40000; i++) {
        decide_about(false, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    }
    ck_assert_uint_gt(ct_audit_get_counts(audit).dropped_rate, 0);
    decide(false);
    lines = lines_of(file_path);
    last = json_array_get(lines, json_array_size(lines) - 1);
    ck_assert_ptr_null(json_object_get(last, "clientct.chain"));
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
    tcase_add_test(tcase, lines_of_processes_and_threads_do_not_mix);
    tcase_add_test(tcase, says_the_process_and_counts_its_lines);
    tcase_add_test(tcase, a_flood_of_refusals_hides_no_acceptance);
    tcase_add_test(tcase, a_flood_of_strangers_hides_no_refusal);
    tcase_add_test(tcase, a_lost_sink_is_said_to_the_others_once);
    tcase_add_test(tcase, new_settings_close_and_keep_sinks);
    tcase_add_test(tcase, many_reopenings_leave_no_descriptor);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
