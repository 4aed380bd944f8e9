/*
 * Warm verdicts a second with one thread and with two: rounds in turn, the best of each, since only what the machine
 * can do when nobody disturbs it says how well we scale. usage: bench_threads DIR [ROUNDS]
 * Prints "threads_1 VERDICTS-A-SECOND" and "threads_2 VERDICTS-A-SECOND".
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "pki.h"
#include "subject.h"

#define BATCH_NS 100000000u

struct worker {
    struct bench_subject subject;
    pthread_barrier_t *start;
    uint64_t verdicts, elapsed_ns;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    uint64_t start;

    pthread_barrier_wait(worker->start);
    start = bench_now_ns();
    do {
        for (int i = 0; i < 64; i++) {
            bench_subject_decide(&worker->subject);
        }
        worker->verdicts += 64;
        worker->elapsed_ns = bench_now_ns() - start;
    } while (worker->elapsed_ns < BATCH_NS);
    return NULL;
}

static double verdicts_a_second(struct worker *workers, unsigned count)
{
    pthread_t threads[2];
    pthread_barrier_t start;
    double rate = 0;

    pthread_barrier_init(&start, NULL, count);
    for (unsigned i = 0; i < count; i++) {
        workers[i].start = &start;
        workers[i].verdicts = 0;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            pki_die("cannot start a thread");
        }
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        rate += (double)workers[i].verdicts * 1e9 / (double)workers[i].elapsed_ns;
    }
    pthread_barrier_destroy(&start);
    return rate;
}

int main(int argc, char **argv)
{
    struct worker workers[2];
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 15;
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
