/* SPDX-License-Identifier: Apache-2.0 */
#include "base/self.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

START_TEST(is_the_process_id)
{
    ck_assert_int_eq(ct_self_pid(), getpid());
    ck_assert_int_eq(ct_self_pid(), getpid());
}
END_TEST

static void expect_end(pid_t child)
{
    int status;

    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_eq(ct_self_pid(), getpid());
}

START_TEST(a_child_and_its_child_learn_their_own)
{
    pid_t child, grandchild;
    int status;

    (void)ct_self_pid();
    child = fork();
    if (child == 0) {
        if (ct_self_pid() != getpid()) {
            _exit(1);
        }
        grandchild = fork();
        if (grandchild == 0) {
            _exit(ct_self_pid() != getpid());
        }
        _exit(waitpid(grandchild, &status, 0) != grandchild || status != 0 || ct_self_pid() != getpid());
    }
    expect_end(child);
}
END_TEST

START_TEST(a_child_made_without_fork_handlers_learns_its_own)
{
    pid_t child;

    (void)ct_self_pid();
    child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        _exit(ct_self_pid() != (pid_t)syscall(SYS_getpid));
    }
    expect_end(child);
}
END_TEST

/* 0 from the child: its number is its own and stays the same. */
START_TEST(every_process_has_a_number_of_its_own)
{
    uint64_t mine = ct_self_id();
    pid_t child;

    ck_assert(mine != 0 && mine == ct_self_id());
    child = fork();
    if (child == 0) {
        uint64_t own = ct_self_id();

        _exit(own == mine || own == 0 || own != ct_self_id());
    }
    expect_end(child);
    ck_assert(mine == ct_self_id());
}
END_TEST

static void *ask(void *arg)
{
    *(pid_t *)arg = ct_self_pid();
    return NULL;
}

START_TEST(threads_that_ask_first_agree)
{
    pthread_t threads[8];
    pid_t answers[8];

    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, &answers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(answers[i], getpid());
    }
}
END_TEST

START_TEST(program_is_what_it_was_called_and_no_title)
{
    static const char *const called[][2] = {
        { "redis-server", "redis-server" }, { "python3.11", "python3.11" },
        { ".hidden", "_hidden" },           { "5 (ssl://127.0.0.1:443)", "test_self" },
        { "ker process", "test_self" },     { "", "test_self" },
        { "imap:", "test_self" },
    };
    char *before = program_invocation_short_name, name[32], cut[4];

    for (size_t i = 0; i < sizeof called / sizeof called[0]; i++) {
        char text[64];

        snprintf(text, sizeof text, "%s", called[i][0]);
        program_invocation_short_name = text;
        ct_self_program(name, sizeof name);
        ck_assert_str_eq(name, called[i][1]);
    }
    program_invocation_short_name = before;
    ct_self_program(cut, sizeof cut);
    ck_assert_str_eq(cut, "tes");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("self");
    TCase *tc = tcase_create("self");

    tcase_add_test(tc, threads_that_ask_first_agree);
    tcase_add_test(tc, program_is_what_it_was_called_and_no_title);
    tcase_add_test(tc, is_the_process_id);
    tcase_add_test(tc, every_process_has_a_number_of_its_own);
    tcase_add_test(tc, a_child_and_its_child_learn_their_own);
    tcase_add_test(tc, a_child_made_without_fork_handlers_learns_its_own);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
