/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shared.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static atomic_int alive;

struct object {
    unsigned number;
    bool gone;
};

static struct object *object_new(unsigned number)
{
    struct object *object = calloc(1, sizeof *object);

    ck_assert_ptr_nonnull(object);
    object->number = number;
    atomic_fetch_add(&alive, 1);
    return object;
}

static void object_release(void *object)
{
    ((struct object *)object)->gone = true; /* for whoever still reads it, where no sanitizer does */
    atomic_fetch_sub(&alive, 1);
    free(object);
}

static void set(struct ct_shared *shared, unsigned number)
{
    ck_assert(ct_shared_set(shared, object_new(number), object_release));
}

static unsigned number_of(struct ct_share *share)
{
    return ((struct object *)ct_share_get0(share))->number;
}

START_TEST(there_is_nothing_before_and_after)
{
    struct ct_shared shared = { 0 };

    ck_assert_ptr_null(ct_shared_get1(&shared));
    ct_shared_clear(&shared);
    set(&shared, 1);
    ct_shared_clear(&shared);
    ck_assert_ptr_null(ct_shared_get1(&shared));
    ck_assert_int_eq(atomic_load(&alive), 0);
    ct_share_release(NULL);
}
END_TEST

START_TEST(who_took_the_old_one_keeps_it)
{
    struct ct_shared shared = { 0 };
    struct ct_share *first, *again, *second;

    set(&shared, 1);
    first = ct_shared_get1(&shared);
    again = ct_shared_get1(&shared);
    set(&shared, 2);
    second = ct_shared_get1(&shared);
    ck_assert_uint_eq(number_of(first), 1);
    ck_assert_uint_eq(number_of(second), 2);
    ct_share_release(first);
    ck_assert_int_eq(atomic_load(&alive), 2);
    ct_share_release(again);
    ck_assert_int_eq(atomic_load(&alive), 1);
    ct_shared_clear(&shared);
    ck_assert_uint_eq(number_of(second), 2);
    ct_share_release(second);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

static void *release(void *share)
{
    ct_share_release(share);
    return NULL;
}

START_TEST(another_thread_may_release)
{
    struct ct_shared shared = { 0 };
    pthread_t thread;

    set(&shared, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, release, ct_shared_get1(&shared)), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ct_shared_clear(&shared);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

struct taker {
    struct ct_shared *shared;
    atomic_bool *stop;
    unsigned wrong, last;
};

/* What a thread sees never goes back. */
static void *take(void *arg)
{
    struct taker *taker = arg;

    while (!atomic_load_explicit(taker->stop, memory_order_relaxed)) {
        struct ct_share *share = ct_shared_get1(taker->shared);

        taker->wrong += number_of(share) < taker->last || ((struct object *)ct_share_get0(share))->gone;
        taker->last = number_of(share);
        ct_share_release(share);
        sched_yield();
    }
    return NULL;
}

#define TAKERS (CT_STRIPES + 4) /* some share a stripe */

START_TEST(threads_take_while_it_is_replaced)
{
    struct ct_shared shared = { 0 };
    atomic_bool stop = false;
    struct taker takers[TAKERS];
    pthread_t threads[TAKERS];

    set(&shared, 1);
    for (int i = 0; i < TAKERS; i++) {
        takers[i] = (struct taker){ &shared, &stop, 0, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
    }
    for (unsigned number = 2; number < 200; number++) {
        set(&shared, number);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < TAKERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(takers[i].wrong, 0);
    }
    ck_assert_int_eq(atomic_load(&alive), 1);
    ct_shared_clear(&shared);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

/* Whatever the other threads were doing when it was born, a child can take, and replace. */
START_TEST(a_child_of_a_busy_process_goes_on)
{
    struct ct_shared shared = { 0 };
    atomic_bool stop = false;
    struct taker takers[3];
    pthread_t threads[3];

    set(&shared, 1);
    for (int i = 0; i < 3; i++) {
        takers[i] = (struct taker){ &shared, &stop, 0, 0 };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
    }
    for (unsigned round = 0; round < 50; round++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            struct ct_share *share;

            alarm(10);
            share = ct_shared_get1(&shared);
            ct_share_release(share);
            if (!ct_shared_set(&shared, object_new(7000), object_release)) {
                _exit(1);
            }
            share = ct_shared_get1(&shared);
            _exit(number_of(share) != 7000);
        }
        set(&shared, 2 + round);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(takers[i].wrong, 0);
    }
    ct_shared_clear(&shared);
}
END_TEST

START_TEST(one_replaces_only_what_it_knows)
{
    struct ct_shared shared = { 0 };
    struct object *object = object_new(3);
    struct ct_share *first;

    ck_assert(ct_shared_replace(&shared, NULL, object_new(1), object_release));
    first = ct_shared_get1(&shared);
    ck_assert(!ct_shared_replace(&shared, NULL, object, object_release));
    ck_assert(ct_shared_replace(&shared, first, object_new(2), object_release));
    ck_assert(!ct_shared_replace(&shared, first, object, object_release));
    ct_share_release(first);
    first = ct_shared_get1(&shared);
    ck_assert_uint_eq(number_of(first), 2);
    ct_share_release(first);
    object_release(object);
    ct_shared_clear(&shared);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

#define HELD 10000 /* many times what a stripe's word has room to count */

START_TEST(any_number_may_hold_it)
{
    struct ct_shared shared = { 0 };
    static struct ct_share *held[HELD];

    set(&shared, 1);
    for (size_t i = 0; i < HELD; i++) {
        held[i] = ct_shared_get1(&shared);
        ck_assert_uint_eq(number_of(held[i]), 1);
    }
    set(&shared, 2);
    for (size_t i = 0; i < HELD; i++) {
        ck_assert_int_eq(atomic_load(&alive), 2);
        ct_share_release(held[i]);
    }
    ck_assert_int_eq(atomic_load(&alive), 1);
    ct_shared_clear(&shared);
    ck_assert_int_eq(atomic_load(&alive), 0);
}
END_TEST

static sigjmp_buf out;
static volatile sig_atomic_t inside;

static void leave(int number)
{
    if (inside) {
        inside = 0;
        siglongjmp(out, 1);
    }
}

/* It has put the object in, and comes to no thread's own place: that is as this one would find it. */
START_TEST(whoever_vanishes_while_replacing_has_replaced)
{
    static struct ct_share *share; /* for leak checkers: what the one who has vanished held stays */
    struct ct_shared shared = { 0 };

    set(&shared, 1);
    atomic_store(&shared.stripes[ct_stripe_of_thread()].word, 0);
    share = ct_shared_get1(&shared);
    ck_assert_ptr_nonnull(share);
    ck_assert_uint_eq(number_of(share), 1);
}
END_TEST

/* As an application may that limits the time of a handshake by an alarm. */
START_TEST(whoever_jumps_out_leaves_nothing_held)
{
    struct ct_shared shared = { 0 };
    struct sigaction action = { .sa_handler = leave };
    const struct itimerval often = { .it_interval = { .tv_usec = 50 }, .it_value = { .tv_usec = 50 } };
    const struct itimerval never = { 0 };
    volatile unsigned jumps = 0, number = 1;
    const char *sanitizers = getenv("CLIENTCT_SANITIZERS");
    struct ct_share *share;

    if (sanitizers != NULL && strcmp(sanitizers, "none") != 0) {
        return; /* their runtime does not bear jumps out of its own functions */
    }
    alarm(30); /* whatever waits for a lock that nobody gives back */
    set(&shared, 1);
    ck_assert_int_eq(sigaction(SIGVTALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_VIRTUAL, &often, NULL), 0);
    while (jumps < 200) {
        if (sigsetjmp(out, 1) == 0) {
            inside = 1;
            for (;;) {
                ct_share_release(ct_shared_get1(&shared));
            }
        }
        jumps++;
        if (jumps % 10 == 0) {
            set(&shared, ++number);
        }
    }
    ck_assert_int_eq(setitimer(ITIMER_VIRTUAL, &never, NULL), 0);
    set(&shared, ++number);
    share = ct_shared_get1(&shared);
    ck_assert_uint_eq(number_of(share), number);
    ct_share_release(share);
    ct_shared_clear(&shared);
    alarm(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shared");
    TCase *tc = tcase_create("shared");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, there_is_nothing_before_and_after);
    tcase_add_test(tc, who_took_the_old_one_keeps_it);
    tcase_add_test(tc, another_thread_may_release);
    tcase_add_test(tc, threads_take_while_it_is_replaced);
    tcase_add_test(tc, a_child_of_a_busy_process_goes_on);
    tcase_add_test(tc, one_replaces_only_what_it_knows);
    tcase_add_test(tc, any_number_may_hold_it);
    tcase_add_test(tc, whoever_vanishes_while_replacing_has_replaced);
    tcase_add_test(tc, whoever_jumps_out_leaves_nothing_held);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
