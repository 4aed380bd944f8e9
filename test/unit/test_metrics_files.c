/* SPDX-License-Identifier: Apache-2.0 */
/* Whose files there are: those of children, of programs started anew, of users who may not. */
#include "metrics_fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

START_TEST(a_child_that_has_come_far_counts_in_a_file_of_its_own)
{
    struct ct_metrics_file *file;
    unsigned files;

    ct_metrics_decision(metrics, &ACCEPTED, 1);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();

        if (child == 0) {
            for (int k = 0; k < 10; k++) {
                ct_metrics_decision(metrics, &REFUSED, 1);
            }
            _exit(0);
        }
        wait_for(child);
    }
    ct_metrics_decision(metrics, &ACCEPTED, 1);
    file = sum(&files);
    ck_assert_uint_eq(files, 2); /* each goes on in the file of the one before */
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 30);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_LOST]), 0);
}
END_TEST

START_TEST(a_process_for_each_connection_makes_no_file_for_each)
{
    const struct ct_metrics_file *file;
    unsigned files;

    run_children(300, 2, NULL);
    file = sum(&files);
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 300);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 300);
    ck_assert_uint_eq(atomic_load(&file->buckets[0]), 600);
}
END_TEST

/* Where nothing can be taken over. */
static void without_a_lock(void)
{
    char path[100];

    snprintf(path, sizeof path, "%s/%s", folder, CT_METRICS_LOCK);
    ck_assert_int_eq(mkdir(path, 0700), 0);
}

START_TEST(workers_that_come_and_go_make_so_many_files_and_no_more)
{
    const struct ct_metrics_file *file;
    unsigned files;

    without_a_lock();
    run_children(200, 10, NULL);
    file = sum(&files);
    ck_assert_uint_eq(files, 1 + 64);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 1000);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_LOST]), 0);
}
END_TEST

static char other[80];

static void take_the_other_directory(void)
{
    if (!ct_metrics_set_directory(metrics, other)) {
        _exit(1);
    }
}

/* The parent, which never decides, still has the old directory: each child finds the new one for itself. */
START_TEST(children_that_find_another_directory_are_bounded_too)
{
    unsigned files;

    snprintf(other, sizeof other, "%s.2", folder);
    ck_assert_int_eq(mkdir(other, 0700), 0);
    strcat(folder, ".2");
    without_a_lock();
    folder[strlen(folder) - 2] = '\0';
    run_children(200, 1, take_the_other_directory);
    ck_assert_int_eq(each_file(remove_it, NULL), 1);
    strcat(folder, ".2");
    sum(&files);
    each_file(remove_it, NULL);
    rmdir(folder);
    folder[strlen(folder) - 2] = '\0';
    ck_assert_uint_eq(files, 64);
}
END_TEST

/* A program of its own, started anew: it counts `verdicts`, and is gone. */
static pid_t start_program(int verdicts)
{
    pid_t child = fork();

    if (child == 0) {
        struct ct_metrics *own = ct_metrics_new(folder);

        for (int v = 0; v < verdicts && own != NULL; v++) {
            ct_metrics_decision(own, v % 2 == 0 ? &ACCEPTED : &REFUSED, 1);
        }
        _exit(own == NULL);
    }
    return child;
}

START_TEST(programs_started_anew_go_on_in_the_files_of_those_that_are_gone)
{
    const struct ct_metrics_file *file;
    unsigned files;

    for (int i = 0; i < 100; i++) {
        wait_for(start_program(4));
    }
    file = sum(&files);
    ck_assert_uint_eq(files, 2); /* one is ours, in use */
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 200);
    ck_assert_uint_eq(count_of(file, CT_METRICS_SHADOW, false, CLIENTCT_TOO_FEW_SCTS, "chrome"), 200);
    ck_assert_uint_eq(atomic_load(&file->buckets[0]), 400);
}
END_TEST

START_TEST(programs_that_start_at_once_never_share_a_file)
{
    enum { ROUNDS = 20, AT_ONCE = 8 };
    const struct ct_metrics_file *file;
    pid_t children[AT_ONCE];
    unsigned files;

    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < AT_ONCE; i++) {
            children[i] = start_program(6);
        }
        for (int i = 0; i < AT_ONCE; i++) {
            wait_for(children[i]);
        }
    }
    file = sum(&files);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 3 * ROUNDS * AT_ONCE);
    ck_assert_uint_lt(files, ROUNDS * AT_ONCE / 2); /* of those that find the lock taken, each makes one */
}
END_TEST

static void keep_name(const char *path, const char *name, void *context)
{
    if (ct_metrics_name_ok(name)) {
        snprintf(context, CT_METRICS_NAME_SIZE, "%.*s", CT_METRICS_NAME_SIZE - 1, name);
    }
}

/* The reader writes the sum first, with the names, and then removes the files: it may have been stopped in between. */
START_TEST(what_was_folded_away_is_not_taken_over)
{
    struct ct_metrics_file *file = calloc(1, sizeof *file);
    char name[CT_METRICS_NAME_SIZE], path[200];
    unsigned files;
    FILE *folded;

    ck_assert(ct_metrics_set_directory(metrics, NULL));
    each_file(remove_it, NULL);
    wait_for(start_program(4));
    ck_assert_uint_eq(each_file(keep_name, name), 1);
    snprintf(path, sizeof path, "%s/%s", folder, CT_METRICS_FOLDED);
    folded = fopen(path, "w");
    ck_assert_ptr_nonnull(folded);
    fwrite(file, sizeof *file, 1, folded);
    fprintf(folded, "other.1.1\n%s\n", name);
    ck_assert_int_eq(fclose(folded), 0);
    wait_for(start_program(4));
    sum(&files);
    ck_assert_uint_eq(files, 2);
    wait_for(start_program(4)); /* and the second one is */
    sum(&files);
    ck_assert_uint_eq(files, 2);
    free(file);
}
END_TEST

/* As `clientct metrics` does while it reads: what it is about to fold away must not be counted in any more. */
START_TEST(while_somebody_folds_nothing_is_taken_over)
{
    char path[200];
    unsigned files;
    int lock;

    ck_assert(ct_metrics_set_directory(metrics, NULL));
    each_file(remove_it, NULL);
    wait_for(start_program(4));
    snprintf(path, sizeof path, "%s/%s", folder, CT_METRICS_LOCK);
    ck_assert_int_ge(lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), 0);
    ck_assert_int_eq(flock(lock, LOCK_EX), 0);
    wait_for(start_program(4));
    sum(&files);
    ck_assert_uint_eq(files, 2);
    close(lock);
    wait_for(start_program(4));
    sum(&files);
    ck_assert_uint_eq(files, 2);
}
END_TEST

/* Whoever may write into the directory can put anything there. */
START_TEST(no_file_that_is_odd_is_taken_over)
{
    char name[CT_METRICS_NAME_SIZE], path[200], second[200];
    unsigned files;

    ck_assert(ct_metrics_set_directory(metrics, NULL));
    each_file(remove_it, NULL);
    wait_for(start_program(4));
    ck_assert_uint_eq(each_file(keep_name, name), 1);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(second, sizeof second, "%s/hidden", folder);
    switch (_i) {
    case 0: /* two names */
        ck_assert_int_eq(link(path, second), 0);
        break;
    case 1: /* a link */
        ck_assert_int_eq(rename(path, second), 0);
        ck_assert_int_eq(symlink(second, path), 0);
        break;
    case 2: /* nobody writes */
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        break;
    case 3: /* another length */
        ck_assert_int_eq(truncate(path, 100000), 0);
        break;
    case 4: /* of the right length, and all zero */
        ck_assert_int_eq(truncate(path, 0), 0);
        ck_assert_int_eq(truncate(path, (off_t)ct_metrics_board_size()), 0);
        break;
    default: /* in use */
        ck_assert_int_ge(open(path, O_RDWR | O_CLOEXEC), 0);
    }
    wait_for(start_program(4));
    files = each_file(keep_name, name);
    ck_assert_uint_eq(files, 2);
}
END_TEST

START_TEST(a_child_that_may_not_make_a_file_counts_in_its_parents)
{
    struct ct_metrics_file *file;
    unsigned files;
    pid_t child;

    if (geteuid() != 0) {
        return; /* needs to change its root and its user */
    }
    child = fork();
    if (child == 0) {
        if (chroot("/proc") != 0 || chdir("/") != 0 || setuid(65534) != 0) {
            _exit(1);
        }
        for (int i = 0; i < 10; i++) {
            ct_metrics_decision(metrics, &REFUSED, 1);
        }
        _exit(0);
    }
    wait_for(child);
    file = sum(&files);
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 10);
}
END_TEST

static void forbid_the_copy(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_writev, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { .len = sizeof rules / sizeof rules[0], .filter = rules };

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* A filter of system calls, before the start or after it: verdicts go on, and no file is left for each second. */
START_TEST(where_the_copy_is_forbidden_nothing_is_shown_and_nothing_ends)
{
    const struct ct_metrics_file *file;
    unsigned files;
    pid_t child = fork();

    if (child == 0) {
        if (_i == 0) {
            forbid_the_copy();
        }
        struct ct_metrics *own = ct_metrics_new(folder);
        if (_i == 1) {
            ct_metrics_decision(own, &ACCEPTED, 1);
            forbid_the_copy();
        }
        for (int i = 0; i < 25; i++) {
            ct_metrics_decision(own, &ACCEPTED, 1);
            usleep(100000); /* another file is tried once a second */
        }
        ct_metrics_free(own);
        _exit(0);
    }
    wait_for(child);
    file = sum(&files);
    ck_assert_uint_eq(files, _i == 0 ? 1 : 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), _i == 0 ? 0 : 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics_files");
    TCase *tc = tcase_create("metrics_files");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_child_that_has_come_far_counts_in_a_file_of_its_own);
    tcase_add_test(tc, a_process_for_each_connection_makes_no_file_for_each);
    tcase_add_test(tc, workers_that_come_and_go_make_so_many_files_and_no_more);
    tcase_add_test(tc, children_that_find_another_directory_are_bounded_too);
    tcase_add_test(tc, programs_started_anew_go_on_in_the_files_of_those_that_are_gone);
    tcase_add_test(tc, programs_that_start_at_once_never_share_a_file);
    tcase_add_test(tc, what_was_folded_away_is_not_taken_over);
    tcase_add_test(tc, while_somebody_folds_nothing_is_taken_over);
    tcase_add_loop_test(tc, no_file_that_is_odd_is_taken_over, 0, 6);
    tcase_add_test(tc, a_child_that_may_not_make_a_file_counts_in_its_parents);
    tcase_add_loop_test(tc, where_the_copy_is_forbidden_nothing_is_shown_and_nothing_ends, 0, 2);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
