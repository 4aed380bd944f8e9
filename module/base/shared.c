#include "base/shared.h"

#include <stdlib.h>

struct ct_shared_object {
    void *object;
    void (*release)(void *object);
    atomic_uint stripes;                /* of which somebody holds a reference */
    struct ct_share shares[CT_STRIPES]; /* one reference each is the stripe's own, also before it has come there */
};

unsigned ct_stripe_of_thread(void)
{
    static atomic_uint threads;
    static _Thread_local unsigned mine; /* one more than the stripe; 0: not yet known */

    if (mine == 0) {
        mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % CT_STRIPES + 1;
    }
    return mine - 1;
}

void *ct_share_get0(const struct ct_share *share)
{
    return share->of->object;
}

void ct_share_release(struct ct_share *share)
{
    struct ct_shared_object *of;

    if (share == NULL) {
        return;
    }
    of = share->of; /* read before the reference is given up: the last one frees it */
    if (atomic_fetch_sub_explicit(&share->references, 1, memory_order_acq_rel) == 1 &&
        atomic_fetch_sub_explicit(&of->stripes, 1, memory_order_acq_rel) == 1) {
        of->release(of->object);
        free(of);
    }
}

/*
 * Brings the latest object to a locked stripe; gives back what was there when that is to be released. It cannot be
 * gone in between: its reference for this stripe is given up in this lock only.
 */
static struct ct_share *refresh(struct ct_shared *shared, unsigned stripe)
{
    struct ct_shared_object *latest = atomic_load_explicit(&shared->latest, memory_order_acquire);
    struct ct_share *now = latest == NULL ? NULL : &latest->shares[stripe];
    struct ct_share *before = shared->stripes[stripe].share;

    if (now == before) {
        return NULL;
    }
    shared->stripes[stripe].share = now;
    return before;
}

struct ct_share *ct_shared_get1(struct ct_shared *shared)
{
    unsigned stripe = ct_stripe_of_thread();
    struct ct_share *before, *share;

    ct_lock_take(&shared->stripes[stripe].lock);
    before = refresh(shared, stripe);
    share = shared->stripes[stripe].share;
    if (share != NULL) {
        atomic_fetch_add_explicit(&share->references, 1, memory_order_relaxed);
    }
    ct_lock_release(&shared->stripes[stripe].lock);
    ct_share_release(before);
    return share;
}

bool ct_shared_set(struct ct_shared *shared, void *object, void (*release)(void *object))
{
    struct ct_shared_object *fresh = NULL;

    if (object != NULL) {
        fresh = calloc(1, sizeof *fresh);
        if (fresh == NULL) {
            return false;
        }
        fresh->object = object;
        fresh->release = release;
        atomic_init(&fresh->stripes, CT_STRIPES);
        for (unsigned i = 0; i < CT_STRIPES; i++) {
            atomic_init(&fresh->shares[i].references, 1);
            fresh->shares[i].of = fresh;
        }
    }
    ct_lock_take(&shared->setting);
    atomic_store_explicit(&shared->latest, fresh, memory_order_release);
    /* Not left to the threads, which may be idle for long: the old object goes when those who use it are done. */
    for (unsigned i = 0; i < CT_STRIPES; i++) {
        struct ct_share *before;

        ct_lock_take(&shared->stripes[i].lock);
        before = refresh(shared, i);
        ct_lock_release(&shared->stripes[i].lock);
        ct_share_release(before);
    }
    ct_lock_release(&shared->setting);
    return true;
}

void ct_shared_clear(struct ct_shared *shared)
{
    (void)!ct_shared_set(shared, NULL, NULL); /* needs no memory */
}
