/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pointer to something that is replaced now and then and taken by many threads all the time. Nobody ever waits, and
 * nothing here can stay held: a thread that vanishes in the middle (cancelled, or gone by siglongjmp) or a fork in the
 * middle costs at most the memory of what it had taken. Each thread takes the object on a cache line of its own.
 */
#ifndef CT_SHARED_H
#define CT_SHARED_H

#include <stdatomic.h>

#include "base/bytes.h"

#define CT_STRIPES 16

/* Threads beyond the sixteenth share stripes. */
unsigned ct_stripe_of_thread(void);

struct ct_share; /* what somebody who took the object holds */

/* A share's address and how often it was taken here since, in one word, so that both are read and changed at once. */
struct ct_stripe {
    _Atomic uint64_t word; /* 0: none */
    uint8_t padding[56];   /* the next one on another cache line */
};

/* Zero-initialise: no object. */
struct ct_shared {
    struct ct_stripe latest;
    struct ct_stripe stripes[CT_STRIPES];
};

/*
 * Replaces the object, NULL by none, and takes it over: `release` is called when nobody holds it any more. False when
 * memory is short: nothing has changed and the object is still the caller's. From any thread.
 */
bool ct_shared_set(struct ct_shared *shared, void *object, void (*release)(void *object)) CT_MUST_USE;
/* The same, but false also where the latest object is not the one of `expected` (NULL: none) any more. */
bool ct_shared_replace(struct ct_shared *shared, const struct ct_share *expected, void *object,
                       void (*release)(void *object)) CT_MUST_USE;
/* For the end of the owner: nobody takes the object any more. */
void ct_shared_clear(struct ct_shared *shared);

/* The object as it is now; NULL: there is none. From any thread. */
struct ct_share *ct_shared_get1(struct ct_shared *shared) CT_MUST_USE;
void *ct_share_get0(const struct ct_share *share);
/* From any thread. NULL is fine. */
void ct_share_release(struct ct_share *share);

#endif
