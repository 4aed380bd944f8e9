/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warm verdicts a second with one thread and with two: rounds in turn, the best of each, since only what the machine
 * can do when nobody disturbs it says how well we scale. usage: bench_threads DIR [ROUNDS]
 * Prints "threads_1 VERDICTS-A-SECOND" and "threads_2 VERDICTS-A-SECOND".
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pki.h"
#include "subject.h"

#define BATCH 256 /* verdicts a thread: a millisecond or so, short enough to be undisturbed now and then */

struct worker {
    struct bench_subject subject;
    atomic_uint *ready;
    unsigned count;
    uint64_t start_ns, end_ns;
};

static void *work(void *arg)
{
    struct worker *worker = arg;

    atomic_fetch_add(worker->ready, 1);
    while (atomic_load(worker->ready) < worker->count) {
        sched_yield();
    }
    worker->start_ns = bench_now_ns();
    for (int i = 0; i < BATCH; i++) {
        bench_subject_decide(&worker->subject);
    }
    worker->end_ns = bench_now_ns();
    return NULL;
}

/* From the first thread's start to the last one's end: threads that did not run side by side gain nothing. */
static double verdicts_a_second(struct worker *workers, unsigned count)
{
    pthread_t threads[2];
    atomic_uint ready = 0;
    uint64_t start = UINT64_MAX, end = 0;

    for (unsigned i = 0; i < count; i++) {
        workers[i].ready = &ready;
        workers[i].count = count;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            pki_die("cannot start a thread");
        }
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        start = workers[i].start_ns < start ? workers[i].start_ns : start;
        end = workers[i].end_ns > end ? workers[i].end_ns : end;
    }
    return (double)count * BATCH * 1e9 / (double)(end - start);
}

int main(int argc, char **argv)
{
    struct worker workers[2];
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 2000;
    double best[2] = { 0 };
    struct clientct_checker *checker;

    if (argc < 2) {
        pki_die("usage: bench_threads DIR [ROUNDS]");
    }
    checker = bench_checker(argv[1], "two.cnf");
    for (unsigned i = 0; i < 2; i++) {
        bench_subject_set(&workers[i].subject, argv[1], checker, "client-2");
        bench_subject_prepare(&workers[i].subject);
        bench_subject_decide(&workers[i].subject);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned count = 1; count <= 2; count++) {
            double rate = verdicts_a_second(workers, count);

            best[count - 1] = rate > best[count - 1] ? rate : best[count - 1];
        }
    }
    printf("threads_1 %.0f\nthreads_2 %.0f\n", best[0], best[1]);
    clientct_checker_free(checker);
    bench_subject_clear(&workers[0].subject);
    bench_subject_clear(&workers[1].subject);
    return 0;
}
