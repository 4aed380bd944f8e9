/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lease.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static struct ct_lease lease;

START_TEST(one_has_it_until_it_ends)
{
    uint64_t ticket = ct_lease_try(&lease, 60000);

    ck_assert_uint_ne(ticket, 0);
    ck_assert_uint_eq(ct_lease_try(&lease, 60000), 0);
    ct_lease_end(&lease, ticket);
    ticket = ct_lease_try(&lease, 60000);
    ck_assert_uint_ne(ticket, 0);
    ct_lease_end(&lease, ticket);
}
END_TEST

START_TEST(who_does_not_come_back_loses_it)
{
    uint64_t first = ct_lease_try(&lease, 60000);
    uint64_t second = 0;
    const struct timespec a_little = { .tv_nsec = 2000000 };

    ck_assert_uint_ne(first, 0);
    for (int i = 0; i < 1000 && (second == 0 || second == first); i++) {
        nanosleep(&a_little, NULL);
        second = ct_lease_try(&lease, 1);
    }
    ck_assert_uint_ne(second, 0);
    ct_lease_end(&lease, first); /* it does come back, and what it had is another's */
    ck_assert_uint_eq(ct_lease_try(&lease, 60000), 0);
    ct_lease_end(&lease, second);
    first = ct_lease_try(&lease, 60000);
    ck_assert_uint_ne(first, 0);
    ct_lease_end(&lease, first);
}
END_TEST

START_TEST(a_child_takes_what_its_parent_had_at_the_fork)
{
    uint64_t ticket = ct_lease_try(&lease, 60000);
    pid_t child = fork();
    int status;

    ck_assert_uint_ne(ticket, 0);
    if (child == 0) {
        _exit(ct_lease_try(&lease, 60000) != 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ct_lease_end(&lease, ticket);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lease");
    TCase *tc = tcase_create("lease");

    tcase_add_test(tc, one_has_it_until_it_ends);
    tcase_add_test(tc, who_does_not_come_back_loses_it);
    tcase_add_test(tc, a_child_takes_what_its_parent_had_at_the_fork);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
