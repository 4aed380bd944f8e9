#include "base/lock.h"

#include <pthread.h>
#include <sys/wait.h>

#include "unit.h"

static struct ct_lock lock;
static unsigned long counter;

START_TEST(a_taken_lock_is_not_taken_again)
{
    ck_assert(ct_lock_try(&lock));
    ck_assert(!ct_lock_try(&lock));
    ct_lock_release(&lock);
    ck_assert(ct_lock_try(&lock));
    ct_lock_release(&lock);
}
END_TEST

START_TEST(a_child_takes_what_its_parent_held_at_the_fork)
{
    pid_t child;
    int status;

    ct_lock_take(&lock);
    child = fork();
    if (child == 0) {
        alarm(5); /* a child that waits for its parent's lock would wait for ever */
        ct_lock_take(&lock);
        ct_lock_release(&lock);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ct_lock_release(&lock);
}
END_TEST

static void *count(void *arg)
{
    for (int i = 0; i < 100000; i++) {
        ct_lock_take(&lock);
        counter++;
        ct_lock_release(&lock);
    }
    return arg;
}

START_TEST(threads_exclude_each_other)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(counter, 400000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lock");
    TCase *tc = tcase_create("lock");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, a_taken_lock_is_not_taken_again);
    tcase_add_test(tc, a_child_takes_what_its_parent_held_at_the_fork);
    tcase_add_test(tc, threads_exclude_each_other);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
