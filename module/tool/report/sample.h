/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of things that is exact up to a number, and a sample of them beyond it: those whose hashes are smallest. Which
 * ones that are depends on the things alone and not on their order, and whoever is among the smallest of all is among
 * the smallest of each part. So sets that were made apart, of parts of the input, add up to the set of the whole; the
 * sums that each thing carries are exact; and how many there are in all follows from how small the hashes are: with n
 * kept, the standard error is 1/sqrt(n), 0.3 % of 100,000.
 */
#ifndef CT_TOOL_REPORT_SAMPLE_H
#define CT_TOOL_REPORT_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Of text of strangers: SipHash-2-4 with a constant key, the same in each process that ever adds up. */
uint64_t report_hash(uint64_t seed, const void *data, size_t len);

struct report_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct report_sample {
    struct report_slot *slots;
    size_t size, count; /* size: a power of two, or 0 */
    size_t limit;
    uint64_t below; /* only what has a smaller hash is kept; UINT64_MAX: everything so far */
    bool (*same)(const void *item, const void *key);
    void (*drop)(void *arg, void *item); /* frees what is not kept any more */
    void *arg;
};

/* NULL: it is not there. */
void *report_sample_find(const struct report_sample *sample, uint64_t hash, const void *key);
/* Whether a thing of that hash would be kept. */
static inline bool report_sample_takes(const struct report_sample *sample, uint64_t hash)
{
    return hash < sample->below;
}
/* It will be looked for soon. */
void report_sample_prefetch(const struct report_sample *sample, uint64_t hash);
/* One that is not there and would be kept. Others may be dropped, and this one too: it may be gone afterwards. */
void report_sample_add(struct report_sample *sample, uint64_t hash, void *item);
/* From now on only what is smaller: for a set that is added to this one. */
void report_sample_lower(struct report_sample *sample, uint64_t below);
/* To the limit exactly: to be called before the set is looked at as a whole. */
void report_sample_settle(struct report_sample *sample);
/* What to multiply numbers of things by: 1 while everything was kept. */
double report_sample_scale(const struct report_sample *sample);
/* The items in the order of their hashes, `count` of them, to be freed; the array has room for one more. */
void **report_sample_items(const struct report_sample *sample) CT_MUST_USE;
/* The same, in no order. */
void **report_sample_heap(const struct report_sample *sample) CT_MUST_USE;
/* Drops all. */
void report_sample_clear(struct report_sample *sample);

#endif
