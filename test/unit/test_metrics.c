/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_fixture.h"

START_TEST(counts_what_was_decided)
{
    struct ct_metrics_file *file;
    unsigned files;

    ct_metrics_decision(metrics, &ACCEPTED, 1500);
    ct_metrics_decision(metrics, &ACCEPTED, 2000);
    ct_metrics_decision(metrics, &REFUSED, 2001);
    ct_metrics_decision(metrics, &REFUSED, UINT64_C(20000000000));
    file = sum(&files);
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_SHADOW, false, CLIENTCT_TOO_FEW_SCTS, "chrome"), 2);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_CACHE_HITS]), 2);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_SIGNATURES]), 4);
    ck_assert_uint_eq(atomic_load(&file->modes[CLIENTCT_MODE_ENFORCE]), 4);
    ck_assert_uint_eq(atomic_load(&file->buckets[0]), 2); /* a bound belongs to its bucket */
    ck_assert_uint_eq(atomic_load(&file->buckets[1]), 1);
    ck_assert_uint_eq(atomic_load(&file->buckets[CT_METRICS_BUCKETS - 1]), 1);
    ck_assert_uint_eq(atomic_load(&file->duration_ns), UINT64_C(20000005501));
}
END_TEST

START_TEST(counts_what_became_of_sessions)
{
    unsigned files;

    for (int session = CLIENTCT_SESSION_UNKNOWN; session <= CLIENTCT_SESSION_COUNT; session++) {
        for (int i = 0; i < session; i++) {
            ct_metrics_session(metrics, (enum clientct_session)session);
        }
    }
    ct_metrics_show(metrics);
    ck_assert_uint_eq(atomic_load(&sum(&files)->counters[CT_METRICS_SESSIONS_RESUMABLE]), CLIENTCT_SESSION_RESUMABLE);
    ck_assert_uint_eq(atomic_load(&sum(&files)->counters[CT_METRICS_SESSIONS_UNDONE]), CLIENTCT_SESSION_UNDONE);
    ck_assert_uint_eq(atomic_load(&sum(&files)->counters[CT_METRICS_SESSIONS_RESUMED]), CLIENTCT_SESSION_RESUMED);
    ck_assert_uint_eq(atomic_load(&sum(&files)->counters[CT_METRICS_AUDIT_WRITTEN]), 0);
}
END_TEST

static void look_at_mode(const char *path, const char *name, void *context)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_msg(ct_metrics_name_ok(name), "%s", name);
    ck_assert_msg(st.st_blocks * 512 >= st.st_size, "blocks are not allocated");
}

START_TEST(makes_a_private_file_whose_blocks_are_there)
{
    ck_assert_uint_eq(each_file(look_at_mode, NULL), 1);
}
END_TEST

static unsigned open_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

START_TEST(keeps_no_descriptor)
{
    unsigned before = open_descriptors();

    for (int i = 0; i < 20; i++) {
        ck_assert(ct_metrics_set_directory(metrics, NULL));
        ck_assert(ct_metrics_set_directory(metrics, folder));
        ct_metrics_decision(metrics, &ACCEPTED, 1);
    }
    ck_assert_uint_eq(open_descriptors(), before);
    ck_assert_uint_eq(count_of(sum(NULL), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 20);
}
END_TEST

/* A file may be gone since the directory was read, where processes come and go. */
static void cut_it(const char *path, const char *name, void *context)
{
    ck_assert_msg(truncate(path, *(const off_t *)context) == 0 || errno == ENOENT, "%s: %s", path, strerror(errno));
}

static void remove_damaged(const char *path, const char *name, void *context)
{
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    if ((size_t)st.st_size < sizeof(struct ct_metrics_file)) {
        unlink(path);
    }
}

/* As logrotate does with copytruncate; a mapping that the process reads or writes is answered with SIGBUS. */
START_TEST(a_file_that_somebody_cuts_ends_nothing_and_loses_nothing)
{
    const off_t lengths[] = { 0, 1, 4095, 4096, 8192, (off_t)sizeof(struct ct_metrics_file) - 1 };
    const struct ct_metrics_file *file;
    off_t length = lengths[_i];
    unsigned files;

    for (int round = 0; round < 3; round++) {
        ct_metrics_decision(metrics, &ACCEPTED, 1);
    }
    each_file(cut_it, &length);
    ct_metrics_session(metrics, CLIENTCT_SESSION_RESUMED);
    run_children(4, 1, NULL); /* they leave it to their parent, or all would be counted once for each */
    ct_metrics_decision(metrics, &ACCEPTED, 1);
    each_file(remove_damaged, NULL);
    file = sum(&files);
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 8);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_SESSIONS_RESUMED]), 1);
}
END_TEST

/* By hand, or by what clears away old files; alone, and with the directory. */
START_TEST(a_file_that_somebody_removes_is_made_again_with_all_its_counts)
{
    const struct timespec longer_than_a_second = { .tv_sec = 1, .tv_nsec = 100000000 };
    struct ct_metrics *next = NULL;
    unsigned files;

    if (_i == 2) { /* in the file of one that is gone */
        ct_metrics_decision(metrics, &ACCEPTED, 1);
        ct_metrics_free(metrics);
        metrics = next = ct_metrics_new(folder);
        ck_assert_ptr_nonnull(next);
    } else {
        ct_metrics_decision(metrics, &ACCEPTED, 1);
    }
    ct_metrics_decision(metrics, &REFUSED, 1);
    ck_assert_uint_eq(count_of(sum(&files), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 1);
    ck_assert_uint_eq(files, 1);
    each_file(remove_it, NULL);
    if (_i == 1) {
        ck_assert_int_eq(rmdir(folder), 0);
        ct_metrics_decision(metrics, &ACCEPTED, 1);
        nanosleep(&longer_than_a_second, NULL);
        ct_metrics_decision(metrics, &ACCEPTED, 1); /* finds no directory */
        ck_assert_int_eq(mkdir(folder, 0700), 0);
    } else {
        run_children(4, 1, NULL); /* they leave it to their parent */
        ct_metrics_decision(metrics, &ACCEPTED, 1);
    }
    nanosleep(&longer_than_a_second, NULL);
    ct_metrics_show(metrics);
    ck_assert_uint_eq(count_of(sum(&files), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), _i == 1 ? 3 : 6);
    ck_assert_uint_eq(count_of(sum(&files), CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 1);
    ck_assert_uint_eq(files, 1);
    for (int i = 0; i < 3; i++) {
        nanosleep(&longer_than_a_second, NULL);
        ct_metrics_decision(metrics, &REFUSED, 1);
    }
    ck_assert_uint_eq(count_of(sum(&files), CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 4);
    ck_assert_uint_eq(files, 1); /* no new one each time */
}
END_TEST

/* Under threads and children of all kinds. */
static void *cut_a_lot(void *unused)
{
    const off_t nothing = 0;

    for (int i = 0; i < 500; i++) {
        each_file(cut_it, (void *)&nothing);
    }
    return NULL;
}

static void *count_a_lot(void *which);

START_TEST(cutting_all_the_time_ends_nothing)
{
    pthread_t cutter, counter;

    ck_assert_int_eq(pthread_create(&cutter, NULL, cut_a_lot, NULL), 0);
    ck_assert_int_eq(pthread_create(&counter, NULL, count_a_lot, NULL), 0);
    run_children(40, 10, NULL);
    ck_assert_int_eq(pthread_join(cutter, NULL), 0);
    ck_assert_int_eq(pthread_join(counter, NULL), 0);
}
END_TEST

START_TEST(a_file_size_limit_is_a_full_disk_and_no_end)
{
    struct rlimit limit, before;
    struct ct_metrics *limited;
    int set;

    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100;
    /* The test library writes files, too: no assertion of its own in here. */
    set = setrlimit(RLIMIT_FSIZE, &limit);
    ct_metrics_decision(metrics, &ACCEPTED, 1); /* in the file that there is */
    limited = ct_metrics_new(folder);
    if (limited != NULL) {
        ct_metrics_decision(limited, &ACCEPTED, 1);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before) + set, 0);
    ck_assert_ptr_nonnull(limited);
    ct_metrics_free(limited);
    ck_assert_uint_eq(count_of(sum(&(unsigned){ 0 }), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 1);
}
END_TEST

START_TEST(without_a_file_verdicts_are_counted_as_lost)
{
    struct ct_metrics *elsewhere = ct_metrics_new("/proc/self/fdinfo"); /* no file can be made here */

    ck_assert_ptr_nonnull(elsewhere);
    ct_metrics_decision(elsewhere, &ACCEPTED, 1);
    ct_metrics_decision(elsewhere, &ACCEPTED, 1);
    ck_assert(ct_metrics_set_directory(elsewhere, folder));
    ct_metrics_decision(elsewhere, &ACCEPTED, 1);
    ck_assert_uint_eq(atomic_load(&sum(NULL)->counters[CT_METRICS_LOST]), 2);
    ck_assert_uint_eq(count_of(sum(NULL), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 1);
    ct_metrics_free(elsewhere);
}
END_TEST

START_TEST(more_labels_than_there_is_room_for_are_counted_together)
{
    struct ct_metrics_file *file;
    uint64_t labelled = 0;

    for (int i = 0; i < CT_METRICS_LABELS + 10; i++) {
        struct clientct_verdict verdict = REFUSED;
        char name[32];

        snprintf(name, sizeof name, "policy_%d", i);
        verdict.policy = name;
        verdict.shadow_policy = NULL;
        ct_metrics_decision(metrics, &verdict, 1);
    }
    file = sum(NULL);
    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        labelled += atomic_load(&file->labels[i].count);
    }
    ck_assert_uint_eq(labelled, CT_METRICS_LABELS);
    ck_assert_uint_eq(atomic_load(&file->unlabelled[CT_METRICS_ENFORCED][0]), 10);
}
END_TEST

START_TEST(long_and_odd_policy_names_are_cut)
{
    struct clientct_verdict verdict = ACCEPTED;
    char name[200];

    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    verdict.policy = name;
    ct_metrics_decision(metrics, &verdict, 1);
    ct_metrics_decision(metrics, &verdict, 1);
    verdict.policy = NULL;
    ct_metrics_decision(metrics, &verdict, 1);
    name[55] = '\0';
    ck_assert_uint_eq(count_of(sum(NULL), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, name), 2);
    ck_assert_uint_eq(count_of(sum(NULL), CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, ""), 1);
}
END_TEST

#define THREADS 4
#define ROUNDS 20000

static void *count_a_lot(void *which)
{
    const struct clientct_verdict *const verdicts[] = { &ACCEPTED, &REFUSED };

    for (int i = 0; i < ROUNDS; i++) {
        ct_metrics_decision(metrics, verdicts[i % 2], 1000);
    }
    return NULL;
}

START_TEST(no_count_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    pid_t child;
    struct ct_metrics_file *file;

    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_a_lot, NULL), 0);
    }
    /* A fork in the middle, whichever locks the threads hold. */
    child = fork();
    if (child == 0) {
        count_a_lot(NULL);
        _exit(0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    wait_for(child);
    ct_metrics_session(metrics, CLIENTCT_SESSION_RESUMED);
    ct_metrics_show(metrics); /* what was shown while they hurried is shown again */
    file = sum(NULL);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), (THREADS + 1) * ROUNDS / 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), (THREADS + 1) * ROUNDS / 2);
    ck_assert_uint_eq(atomic_load(&file->buckets[0]), (THREADS + 1) * ROUNDS);
}
END_TEST

START_TEST(audit_totals_become_differences)
{
    const struct ct_audit_counts rows[] = { { 5, 1, 0 }, { 9, 1, 2 }, { 9, 1, 2 }, { 2, 0, 0 } };
    struct ct_metrics_file *file;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ct_metrics_audit(metrics, &rows[i]);
    }
    ct_metrics_show(metrics);
    file = sum(NULL);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_AUDIT_WRITTEN]), 9 + 2); /* of one, and the next */
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_AUDIT_DROPPED_RATE]), 1);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_AUDIT_DROPPED_SINK]), 2);
}
END_TEST

START_TEST(totals_of_the_archive_become_differences)
{
    const struct ct_archive_counts rows[] = { { 5, 1, 0 }, { 9, 1, 2 }, { 9, 1, 2 }, { 2, 0, 0 } };
    struct ct_metrics_file *file;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ct_metrics_archive(metrics, &rows[i]);
    }
    ct_metrics_show(metrics);
    file = sum(NULL);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_ARCHIVE_WRITTEN]), 9 + 2); /* of one, and the next */
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_ARCHIVE_LOST_RATE]), 1);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_ARCHIVE_LOST_SINK]), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");
    const char *sanitizers = getenv("CLIENTCT_SANITIZERS");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, counts_what_was_decided);
    tcase_add_test(tc, counts_what_became_of_sessions);
    tcase_add_test(tc, makes_a_private_file_whose_blocks_are_there);
    tcase_add_test(tc, keeps_no_descriptor);
    tcase_add_loop_test(tc, a_file_that_somebody_cuts_ends_nothing_and_loses_nothing, 0, 6);
    tcase_add_loop_test(tc, a_file_that_somebody_removes_is_made_again_with_all_its_counts, 0, 3);
    if (sanitizers == NULL || strcmp(sanitizers, "none") == 0) { /* a child may find their allocator locked */
        tcase_add_test(tc, cutting_all_the_time_ends_nothing);
    }
    tcase_add_test(tc, a_file_size_limit_is_a_full_disk_and_no_end);
    tcase_add_test(tc, without_a_file_verdicts_are_counted_as_lost);
    tcase_add_test(tc, more_labels_than_there_is_room_for_are_counted_together);
    tcase_add_test(tc, long_and_odd_policy_names_are_cut);
    tcase_add_test(tc, no_count_is_lost_between_threads);
    tcase_add_test(tc, audit_totals_become_differences);
    tcase_add_test(tc, totals_of_the_archive_become_differences);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
