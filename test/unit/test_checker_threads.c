/* SPDX-License-Identifier: Apache-2.0 */
/* The checker among threads and children: one reads new files while others decide, record and fork. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"
#include "unit.h"

static struct scene scene;
static struct scene_client good, unlogged;
static struct clientct_checker *checker;
static atomic_bool enough;
static atomic_uint wrong, decisions;

static void set_up(void)
{
    scene_set(&scene, "");
    scene_client(&scene, "a", &good);
    scene_client(&scene, "", &unlogged);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
    clientct_checker_start_recording(checker);
}

static void tear_down(void)
{
    clientct_checker_free(checker);
    scene_client_clear(&good);
    scene_client_clear(&unlogged);
    scene_clear(&scene);
}

static bool decide_and_record(struct scene_client *client, enum clientct_reason *reason)
{
    struct clientct_input input = client->input;
    struct clientct_verdict verdict;
    bool accept = clientct_decide(checker, &input, &verdict);

    clientct_record(checker, &input, &verdict, 1000);
    *reason = verdict.reason;
    clientct_verdict_clear(&verdict);
    return accept;
}

static bool decides_rightly(void)
{
    enum clientct_reason of_good, of_unlogged;
    bool right = decide_and_record(&good, &of_good);

    right = !decide_and_record(&unlogged, &of_unlogged) && right;
    return right && of_good == CLIENTCT_COMPLIANT && of_unlogged == CLIENTCT_NO_SCTS;
}

static void *decide_till_told(void *arg)
{
    while (!atomic_load(&enough)) {
        atomic_fetch_add(&wrong, decides_rightly() ? 0 : 1);
        atomic_fetch_add(&decisions, 1);
        clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    }
    return arg;
}

/* A configuration that says the same in other bytes, put in place at once as an editor would. */
static void change_configuration(int number)
{
    char path[128], settings[300];
    FILE *out;

    snprintf(path, sizeof path, "%s.new", scene.config);
    snprintf(settings, sizeof settings, "audit = file:%s/audit%d\nmetrics = %s\n", scene.dir, number % 2, scene.dir);
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "# %d\nlog_list = %s\n%s", number, scene.list, settings);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(rename(path, scene.config), 0);
}

static void *reload_till_told(void *arg)
{
    for (int i = 0; !atomic_load(&enough); i++) {
        change_configuration(i);
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        clientct_checker_start_recording(checker);
    }
    return arg;
}

static void run_beside(void (*work)(void))
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, i < 3 ? decide_till_told : reload_till_told, NULL), 0);
    }
    work();
    atomic_store(&enough, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(atomic_load(&wrong), 0);
}

static void wait_for_decisions(void)
{
    while (atomic_load(&decisions) < 2000 && atomic_load(&wrong) == 0) {
        usleep(1000);
    }
}

START_TEST(threads_decide_record_and_reload_beside_each_other)
{
    run_beside(wait_for_decisions);
}
END_TEST

/*
 * Whatever the parent's threads were at when it forked, the child finds no lock of ours that nobody will release. It
 * may find one of OpenSSL 3.0, which locks each provider to look for a key's decoder: one child in a thousand waits
 * there, in d2i_PUBKEY, for a thread that it does not have. A lock of ours would be met by most.
 */
#define STUCK_MAX 2

static void fork_often(void)
{
    int stuck = 0;

    for (int i = 0; i < 60; i++) {
        int status = -1;
        pid_t child = fork();

        if (child == 0) {             /* no assertion in here: libcheck has a lock that another thread may have held */
            signal(SIGALRM, SIG_DFL); /* libcheck's would end the parent */
            alarm(20);
            clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
            clientct_checker_start_recording(checker);
            _exit(decides_rightly() ? 0 : 1);
        }
        ck_assert_int_gt(child, 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        stuck += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? 1 : 0;
        ck_assert_msg(status == 0 || (status == SIGALRM && stuck <= STUCK_MAX), "child %d ended with status %#x", i,
                      (unsigned)status);
    }
}

START_TEST(children_of_a_busy_process_decide)
{
    run_beside(fork_often);
}
END_TEST

#define ROUNDS 1000
#define SPIN_NS 500000000 /* of processor time in one look: many times what it takes, and half of what spinning takes */
/*
 * A lock of ours would be met in every other look. glibc's own (2.36 and 2.41: a reader spins if it comes between two
 * stores of a writer, and libcrypto's locks are made of these) hold up one look in tens of thousands.
 */
#define SPINS_MAX 2

static atomic_int spins;

/* Sleeps now and then, and goes before the other one whenever it wakes up: wherever that one is just then. */
static void *look_in_real_time(void *arg)
{
    const struct timespec pause = { .tv_nsec = 700000 };

    while (!atomic_load(&enough)) {
        struct timespec begin, end;
        int64_t took;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        atomic_fetch_add(&wrong, decides_rightly() ? 0 : 1);
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        took = (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) + end.tv_nsec - begin.tv_nsec;
        atomic_fetch_add(&spins, took > SPIN_NS ? 1 : 0);
        atomic_fetch_add(&decisions, 1);
        nanosleep(&pause, NULL);
    }
    return arg;
}

/* One CPU for both, so that who waits for the other by running waits for ever. */
static void share_one_cpu(void)
{
    cpu_set_t allowed, one;
    int cpu = 0;

    ck_assert_int_eq(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(cpu, &allowed)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

START_TEST(a_real_time_thread_and_another_one_both_go_on)
{
    const struct sched_param first = { .sched_priority = 1 };
    pthread_t thread;
    int error;

    share_one_cpu();
    ck_assert_int_eq(pthread_create(&thread, NULL, look_in_real_time, NULL), 0);
    error = pthread_setschedparam(thread, SCHED_FIFO, &first);
    if (error != 0) { /* not everybody may: both are normal ones then */
        fprintf(stderr, "no real-time thread: %s\n", strerror(error));
    }
    for (int i = 0; (i < ROUNDS || atomic_load(&decisions) < ROUNDS) && atomic_load(&spins) <= SPINS_MAX; i++) {
        change_configuration(i);
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        atomic_fetch_add(&wrong, decides_rightly() ? 0 : 1);
    }
    atomic_store(&enough, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(atomic_load(&wrong), 0);
    ck_assert_int_le(atomic_load(&spins), SPINS_MAX);
}
END_TEST

START_TEST(a_denial_stays_whatever_is_configured)
{
    struct clientct_verdict verdict;
    struct clientct_terms terms;

    scene_configure(&scene, "mode = off\nresumption = allow\n");
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    ck_assert(clientct_decide(checker, &unlogged.input, &verdict));
    clientct_verdict_clear(&verdict);
    clientct_checker_get_terms(checker, &terms);
    ck_assert_int_eq(terms.resumption, CLIENTCT_RESUMPTION_ALLOW);
    clientct_checker_deny(checker, "the first why");
    clientct_checker_deny(checker, "the second why");
    for (int i = 0; i < 2; i++) {
        ck_assert(!clientct_decide(checker, i == 0 ? &good.input : &unlogged.input, &verdict));
        ck_assert_int_eq(verdict.reason, CLIENTCT_CONFIG_ERROR);
        ck_assert(!verdict.decided && !verdict.compliant);
        ck_assert_str_eq(verdict.detail, "the first why");
        clientct_verdict_clear(&verdict);
    }
    clientct_checker_get_terms(checker, &terms);
    ck_assert_int_eq(terms.resumption, CLIENTCT_RESUMPTION_REFUSE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checker_threads");
    TCase *tc = tcase_create("checker_threads");
    const char *sanitizers = getenv("CLIENTCT_SANITIZERS");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, threads_decide_record_and_reload_beside_each_other);
    if (sanitizers == NULL || strcmp(sanitizers, "none") == 0) { /* theirs spin, and a child may find them locked */
        tcase_add_test(tc, a_real_time_thread_and_another_one_both_go_on);
        tcase_add_test(tc, children_of_a_busy_process_decide);
    }
    tcase_add_test(tc, a_denial_stays_whatever_is_configured);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
