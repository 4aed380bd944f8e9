/*
 * A pointer to something that is replaced now and then and taken by many threads all the time. Each thread takes it on
 * a cache line of its own, so that they do not wait for each other; no lock outlives a fork (lock.h).
 */
#ifndef CT_SHARED_H
#define CT_SHARED_H

#include "base/bytes.h"
#include "base/lock.h"

#define CT_STRIPES 16

/* Threads beyond the sixteenth share stripes. */
unsigned ct_stripe_of_thread(void);

struct ct_shared_object;

/* What somebody who took the object holds. */
struct ct_share {
    atomic_uint references;
    struct ct_shared_object *of;
    uint8_t padding[48]; /* the next one on another cache line */
};

/* Zero-initialise: no object. */
struct ct_shared {
    struct ct_lock setting; /* one after the other */
    _Atomic(struct ct_shared_object *) latest;
    struct ct_stripe {
        struct ct_lock lock; /* guards the pointer below, for as long as taking a reference needs */
        struct ct_share *share;
        uint8_t padding[48];
    } stripes[CT_STRIPES];
};

/*
 * Replaces the object, NULL by none, and takes it over: `release` is called when nobody holds it any more. False when
 * memory is short: nothing has changed and the object is still the caller's.
 */
bool ct_shared_set(struct ct_shared *shared, void *object, void (*release)(void *object)) CT_MUST_USE;
/* For the end of the owner: nobody takes the object any more. */
void ct_shared_clear(struct ct_shared *shared);

/* The object as it is now; NULL: there is none. From any thread. */
struct ct_share *ct_shared_get1(struct ct_shared *shared) CT_MUST_USE;
void *ct_share_get0(const struct ct_share *share);
/* From any thread. NULL is fine. */
void ct_share_release(struct ct_share *share);

#endif
