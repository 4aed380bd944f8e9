/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shared.h"

#include <stdlib.h>

/*
 * References are counted in two places. Taking an object counts in the stripe's word; giving it back counts down in
 * the share. When the word is replaced, what it had counted is moved to the share, which stands above zero by BIAS
 * until then. A share is put into a word at most once.
 */
#define BIAS (INT64_C(1) << 40)
#define TAKEN_BITS 11
#define TAKEN_MAX ((UINT64_C(1) << TAKEN_BITS) - 1)
#define TAKEN_MANY ((TAKEN_MAX + 1) / 2)
#define ALIGNMENT 16u /* of what calloc gives: these bits of an address are zero */
#define LATEST CT_STRIPES

struct ct_share {
    _Atomic int64_t references;
    struct ct_shared_object *of;
    uint8_t padding[48]; /* the next one on another cache line */
};

struct ct_shared_object {
    struct ct_share shares[CT_STRIPES + 1]; /* one a stripe, and the one in `latest` */
    uint64_t number;                        /* objects come one after the other: a stripe never goes back */
    atomic_uint words;                      /* that have one of the shares, or whose share somebody still holds */
    void *object;
    void (*release)(void *object);
};
_Static_assert(sizeof(struct ct_share) % ALIGNMENT == 0, "the address of every share leaves its low bits to the count");

unsigned ct_stripe_of_thread(void)
{
    static atomic_uint threads;
    static _Thread_local unsigned mine; /* one more than the stripe; 0: not yet known */

    if (mine == 0) {
        mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % CT_STRIPES + 1;
    }
    return mine - 1;
}

static struct ct_share *share_of(uint64_t word)
{
    return (struct ct_share *)(uintptr_t)((word >> TAKEN_BITS) * ALIGNMENT);
}

static uint64_t word_of(const struct ct_share *share)
{
    return (uint64_t)(uintptr_t)share / ALIGNMENT << TAKEN_BITS;
}

void *ct_share_get0(const struct ct_share *share)
{
    return share->of->object;
}

static void leave_object(struct ct_shared_object *of)
{
    if (atomic_fetch_sub_explicit(&of->words, 1, memory_order_acq_rel) == 1) {
        if (of->object != NULL) {
            of->release(of->object);
        }
        free(of);
    }
}

static void count(struct ct_share *share, int64_t by)
{
    struct ct_shared_object *of = share->of; /* read before the reference is given up: the last one frees it */

    if (atomic_fetch_add_explicit(&share->references, by, memory_order_acq_rel) + by == 0) {
        leave_object(of);
    }
}

void ct_share_release(struct ct_share *share)
{
    if (share != NULL) {
        count(share, -1);
    }
}

/* `word` was the last that a stripe had with this share. */
static void retire(uint64_t word)
{
    if (word != 0) {
        count(share_of(word), (int64_t)(word & TAKEN_MAX) - BIAS);
    }
}

/*
 * Moves what a word has counted to its share, which the caller holds, before the word has no room for more. First
 * there, then no more here: the share may look taken twice for a moment, and never as if it were not.
 */
static void move_count(struct ct_stripe *stripe, struct ct_share *share, uint64_t word)
{
    while (share_of(word) == share && (word & TAKEN_MAX) >= TAKEN_MANY) {
        int64_t taken = (int64_t)(word & TAKEN_MAX);

        count(share, taken);
        if (atomic_compare_exchange_weak_explicit(&stripe->word, &word, word_of(share), memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            return;
        }
        count(share, -taken);
    }
}

static struct ct_share *take(struct ct_stripe *stripe)
{
    uint64_t word = atomic_load_explicit(&stripe->word, memory_order_relaxed);
    struct ct_share *share;

    do {
        if (word == 0) {
            return NULL;
        }
        /* Full only while a thousand threads stand between here and the end of this function. */
        word -= (word & TAKEN_MAX) == TAKEN_MAX ? 1 : 0;
    } while (!atomic_compare_exchange_weak_explicit(&stripe->word, &word, word + 1, memory_order_acq_rel,
                                                    memory_order_relaxed));
    share = share_of(word);
    move_count(stripe, share, word + 1);
    return share;
}

/*
 * Puts a share where an older object's is, or none. The caller holds the object.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc): the analyser does not count references that live in atomic words.
 */
static void put(struct ct_stripe *stripe, struct ct_share *share)
{
    for (;;) {
        struct ct_share *before = take(stripe); /* held, so that its address cannot come again */
        uint64_t word;
        bool done = false;

        if (before != NULL && before->of->number >= share->of->number) {
            ct_share_release(before);
            return;
        }
        atomic_fetch_add_explicit(&share->of->words, 1, memory_order_relaxed);
        word = atomic_load_explicit(&stripe->word, memory_order_relaxed);
        while (!done && share_of(word) == before) {
            done = atomic_compare_exchange_weak_explicit(&stripe->word, &word, word_of(share), memory_order_acq_rel,
                                                         memory_order_relaxed);
        }
        if (done) {
            retire(word);
        } else {
            leave_object(share->of);
        }
        ct_share_release(before);
        if (done) {
            return;
        }
    }
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

struct ct_share *ct_shared_get1(struct ct_shared *shared)
{
    unsigned stripe = ct_stripe_of_thread();
    struct ct_share *share = take(&shared->stripes[stripe]);
    const struct ct_share *newest =
        share_of(atomic_load_explicit(&shared->latest.word, memory_order_acquire)); /* not to be looked into */

    /* Whoever replaced the object may not have come to this stripe yet, or may be gone. */
    if (newest != (share != NULL ? &share->of->shares[LATEST] : NULL)) {
        struct ct_share *latest = take(&shared->latest);

        ct_share_release(share);
        if (latest != NULL) {
            put(&shared->stripes[stripe], &latest->of->shares[stripe]);
            ct_share_release(latest);
        }
        share = take(&shared->stripes[stripe]);
    }
    if (share != NULL && share->of->object == NULL) {
        ct_share_release(share);
        share = NULL;
    }
    return share;
}

static bool replace(struct ct_shared *shared, const struct ct_share *expected, bool whatever,
                    struct ct_shared_object *fresh)
{
    for (;;) {
        struct ct_share *before = take(&shared->latest);
        const struct ct_shared_object *old = before == NULL || before->of->object == NULL ? NULL : before->of;
        uint64_t word;
        bool done = false;

        if (!whatever && old != (expected == NULL ? NULL : expected->of)) {
            ct_share_release(before);
            return false;
        }
        fresh->number = before == NULL ? 1 : before->of->number + 1;
        word = atomic_load_explicit(&shared->latest.word, memory_order_relaxed);
        while (!done && share_of(word) == before) {
            done = atomic_compare_exchange_weak_explicit(&shared->latest.word, &word, word_of(&fresh->shares[LATEST]),
                                                         memory_order_acq_rel, memory_order_relaxed);
        }
        if (done) {
            retire(word);
        }
        ct_share_release(before);
        if (done) {
            return true;
        }
    }
}

static bool set(struct ct_shared *shared, const struct ct_share *expected, bool whatever, void *object,
                void (*release)(void *object))
{
    struct ct_shared_object *fresh = calloc(1, sizeof *fresh);
    struct ct_share *latest;

    if (fresh == NULL) {
        return false;
    }
    fresh->object = object;
    fresh->release = release;
    atomic_init(&fresh->words, 1);
    for (unsigned i = 0; i <= LATEST; i++) {
        atomic_init(&fresh->shares[i].references, BIAS);
        fresh->shares[i].of = fresh;
    }
    /* An address that does not fit into a word: no system that we know of gives such a one. */
    if (share_of(word_of(&fresh->shares[0])) != &fresh->shares[0] ||
        share_of(word_of(&fresh->shares[LATEST])) != &fresh->shares[LATEST] ||
        !replace(shared, expected, whatever, fresh)) {
        free(fresh);
        return false;
    }
    /* Not left to the threads, which may be idle for long: the old object goes when those who use it are done. */
    latest = take(&shared->latest);
    for (unsigned i = 0; i < CT_STRIPES && latest != NULL; i++) {
        put(&shared->stripes[i], &latest->of->shares[i]);
    }
    ct_share_release(latest);
    return true;
}

bool ct_shared_set(struct ct_shared *shared, void *object, void (*release)(void *object))
{
    return set(shared, NULL, true, object, release);
}

bool ct_shared_replace(struct ct_shared *shared, const struct ct_share *expected, void *object,
                       void (*release)(void *object))
{
    return set(shared, expected, false, object, release);
}

void ct_shared_clear(struct ct_shared *shared)
{
    retire(atomic_exchange(&shared->latest.word, 0));
    for (unsigned i = 0; i < CT_STRIPES; i++) {
        retire(atomic_exchange(&shared->stripes[i].word, 0));
    }
}
