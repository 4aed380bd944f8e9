/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket in one word, for many threads: how often something may be done. */
#ifndef CT_RATE_H
#define CT_RATE_H

#include <stdatomic.h>

#include "base/bytes.h"

/*
 * Takes a token: at most `rate` a second, and `burst` at once. `full_at` is the whole state, zero at first: when the
 * bucket will be full again, monotonic ns.
 */
bool ct_rate_take(_Atomic int64_t *full_at, unsigned rate, unsigned burst, int64_t now_ns) CT_MUST_USE;

#endif
