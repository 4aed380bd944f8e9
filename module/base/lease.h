/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right to do something that one thread at a time should do, and that a second one does no harm with: a lock that
 * is only ever tried, and that cannot stay held. Whoever vanishes with it (cancelled, or gone by siglongjmp) is thought
 * to be dead after a while, and a child takes at once what its parent had at the fork.
 */
#ifndef CT_LEASE_H
#define CT_LEASE_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/self.h"

struct ct_lease {
    _Atomic uint64_t held; /* whose it is and since when; 0: free */
};

#define CT_LEASE_TIME_BITS 42 /* of milliseconds: a hundred years; above them a process id, of 22 bits at most */
#define CT_LEASE_TIME (((UINT64_C(1) << CT_LEASE_TIME_BITS) - 1))

/*
 * A ticket to end the lease with; 0: another thread of this process has had it for less than max_ms. What has passed
 * to somebody else may still be used by the one before, so all that it guards must bear two.
 */
static inline uint64_t ct_lease_try(struct ct_lease *lease, int64_t max_ms)
{
    uint64_t now = (uint64_t)ct_monotonic_ms() & CT_LEASE_TIME;
    uint64_t mine = (uint64_t)ct_self_pid() << CT_LEASE_TIME_BITS | now;
    uint64_t held = atomic_load_explicit(&lease->held, memory_order_relaxed);

    if (held != 0 && held >> CT_LEASE_TIME_BITS == mine >> CT_LEASE_TIME_BITS &&
        now - (held & CT_LEASE_TIME) < (uint64_t)max_ms) {
        return 0;
    }
    return atomic_compare_exchange_strong_explicit(&lease->held, &held, mine, memory_order_acquire,
                                                   memory_order_relaxed)
               ? mine
               : 0;
}

static inline void ct_lease_end(struct ct_lease *lease, uint64_t ticket)
{
    (void)atomic_compare_exchange_strong_explicit(&lease->held, &ticket, 0, memory_order_release, memory_order_relaxed);
}

#endif
