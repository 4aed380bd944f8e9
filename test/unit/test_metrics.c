#include "record/metrics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "record/metrics_file.h"
#include "unit.h"

static char folder[64] = "/tmp/clientct-metrics-XXXXXX";
static struct ct_metrics *metrics;
static const struct clientct_verdict ACCEPTED = {
    .accept = true,
    .decided = true,
    .compliant = true,
    .reason = CLIENTCT_COMPLIANT,
    .policy = "one",
    .signatures_checked = 2,
};
static const struct clientct_verdict REFUSED = {
    .decided = true,
    .reason = CLIENTCT_NO_SCTS,
    .policy = "one",
    .cached = true,
    .shadow_policy = "chrome",
    .shadow_reason = CLIENTCT_TOO_FEW_SCTS,
    .mode = CLIENTCT_MODE_ENFORCE,
};

static void setup(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    metrics = ct_metrics_new(folder);
    ck_assert_ptr_nonnull(metrics);
}

/* Calls `with` for each file, and gives their number. */
static unsigned each_file(void (*with)(const char *path, const char *name, void *context), void *context)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    unsigned count = 0;

    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        char path[400];

        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            with(path, entry->d_name, context);
            count++;
        }
    }
    closedir(dir);
    return count;
}

static void remove_it(const char *path, const char *name, void *context)
{
    unlink(path);
}

static void teardown(void)
{
    ct_metrics_free(metrics);
    each_file(remove_it, NULL);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void add_it(const char *path, const char *name, void *context)
{
    struct ct_metrics_file *one = calloc(1, sizeof *one);
    struct ct_file file;

    ck_assert_int_eq(ct_file_read(path, 2 * sizeof *one, false, &file), 0);
    ck_assert_msg(ct_metrics_file_parse((struct ct_bytes){ file.data, file.len }, one) == CT_METRICS_OK, "%s", name);
    ct_metrics_file_add(context, one);
    ct_file_clear(&file);
    free(one);
}

/* The sum over all files. */
static struct ct_metrics_file *sum(unsigned *files)
{
    static struct ct_metrics_file total;
    unsigned count;

    memset(&total, 0, sizeof total);
    count = each_file(add_it, &total);
    if (files != NULL) {
        *files = count;
    }
    return &total;
}

static uint64_t count_of(const struct ct_metrics_file *file, enum ct_metrics_table table, bool accept,
                         enum clientct_reason reason, const char *policy)
{
    uint64_t count = 0;

    for (size_t i = 0; i < CT_METRICS_LABELS; i++) {
        const struct ct_metrics_label *label = &file->labels[i];

        if (atomic_load(&label->state) == CT_METRICS_IN_USE && label->table == (uint8_t)table &&
            (label->accept != 0) == accept && label->reason == (uint8_t)reason && strcmp(label->policy, policy) == 0) {
            count += atomic_load(&label->count);
        }
    }
    return count;
}

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

static void wait_for(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x", (unsigned)status);
}

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
    ck_assert_uint_eq(files, 4);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, true, CLIENTCT_COMPLIANT, "one"), 2);
    ck_assert_uint_eq(count_of(file, CT_METRICS_ENFORCED, false, CLIENTCT_NO_SCTS, "one"), 30);
    ck_assert_uint_eq(atomic_load(&file->counters[CT_METRICS_LOST]), 0);
}
END_TEST

/* `count` children, eight at a time, each with so many verdicts. */
static void run_children(int count, int verdicts, void (*first)(void))
{
    pid_t children[8];

    for (int i = 0; i < count; i += 8) {
        int now = count - i < 8 ? count - i : 8;

        for (int k = 0; k < now; k++) {
            children[k] = fork();
            if (children[k] == 0) {
                if (first != NULL) {
                    first();
                }
                for (int v = 0; v < verdicts; v++) {
                    ct_metrics_decision(metrics, v % 2 == 0 ? &ACCEPTED : &REFUSED, 1);
                }
                _exit(0);
            }
        }
        for (int k = 0; k < now; k++) {
            wait_for(children[k]);
        }
    }
}

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

START_TEST(workers_that_come_and_go_make_so_many_files_and_no_more)
{
    const struct ct_metrics_file *file;
    unsigned files;

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

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, counts_what_was_decided);
    tcase_add_test(tc, counts_what_became_of_sessions);
    tcase_add_test(tc, makes_a_private_file_whose_blocks_are_there);
    tcase_add_test(tc, keeps_no_descriptor);
    tcase_add_test(tc, a_child_that_has_come_far_counts_in_a_file_of_its_own);
    tcase_add_test(tc, a_process_for_each_connection_makes_no_file_for_each);
    tcase_add_test(tc, workers_that_come_and_go_make_so_many_files_and_no_more);
    tcase_add_test(tc, children_that_find_another_directory_are_bounded_too);
    tcase_add_loop_test(tc, a_file_that_somebody_cuts_ends_nothing_and_loses_nothing, 0, 6);
    tcase_add_test(tc, cutting_all_the_time_ends_nothing);
    tcase_add_test(tc, a_file_size_limit_is_a_full_disk_and_no_end);
    tcase_add_test(tc, a_child_that_may_not_make_a_file_counts_in_its_parents);
    tcase_add_test(tc, without_a_file_verdicts_are_counted_as_lost);
    tcase_add_test(tc, more_labels_than_there_is_room_for_are_counted_together);
    tcase_add_test(tc, long_and_odd_policy_names_are_cut);
    tcase_add_test(tc, no_count_is_lost_between_threads);
    tcase_add_test(tc, audit_totals_become_differences);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
