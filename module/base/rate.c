/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rate.h"

#define SECOND_NS INT64_C(1000000000)

/* The time at which the bucket is full again moves on by one token's share with each. */
bool ct_rate_take(_Atomic int64_t *full_at, unsigned rate, unsigned burst, int64_t now_ns)
{
    const int64_t share = SECOND_NS / rate;
    int64_t before = atomic_load_explicit(full_at, memory_order_relaxed);
    int64_t after;

    do {
        after = (before > now_ns ? before : now_ns) + share;
        if (after - now_ns > share * burst) {
            return false;
        }
    } while (
        !atomic_compare_exchange_weak_explicit(full_at, &before, after, memory_order_relaxed, memory_order_relaxed));
    return true;
}
