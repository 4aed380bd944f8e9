/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/sample.h"

#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

/* --- SipHash-2-4: Aumasson and Bernstein, 2012 --- */

static uint64_t rotated(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static void rounds(uint64_t v[4], unsigned count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[1] = rotated(v[1], 13) ^ v[0];
        v[0] = rotated(v[0], 32);
        v[2] += v[3];
        v[3] = rotated(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotated(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotated(v[1], 17) ^ v[2];
        v[2] = rotated(v[2], 32);
    }
}

static uint64_t little_endian(const uint8_t *at, size_t len)
{
    uint64_t word = 0;

    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)at[i] << 8 * i;
    }
    return word;
}

uint64_t report_hash(uint64_t seed, const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t left = len;
    uint64_t v[4] = { seed ^ UINT64_C(0x736f6d6570736575), UINT64_C(0x646f72616e646f6d),
                      seed ^ UINT64_C(0x6c7967656e657261), UINT64_C(0x7465646279746573) };
    uint64_t word;

    for (; left >= 8; left -= 8, at += 8) {
        word = little_endian(at, 8);
        v[3] ^= word;
        rounds(v, 2);
        v[0] ^= word;
    }
    word = little_endian(at, left) | (uint64_t)len << 56;
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* --- the set --- */

static size_t place_of(const struct report_sample *sample, uint64_t hash)
{
    /* What is kept has small hashes once much was dropped: it is the lower bits that differ. */
    return (size_t)(hash ^ hash >> 32) & (sample->size - 1);
}

void *report_sample_find(const struct report_sample *sample, uint64_t hash, const void *key)
{
    if (sample->size == 0) {
        return NULL;
    }
    for (size_t i = place_of(sample, hash); sample->slots[i].item != NULL; i = (i + 1) & (sample->size - 1)) {
        if (sample->slots[i].hash == hash && sample->same(sample->slots[i].item, key)) {
            return sample->slots[i].item;
        }
    }
    return NULL;
}

void report_sample_prefetch(const struct report_sample *sample, uint64_t hash)
{
    if (sample->size > 0) {
        __builtin_prefetch(sample->slots[place_of(sample, hash)].item);
    }
}

static void put(struct report_sample *sample, struct report_slot slot)
{
    size_t i = place_of(sample, slot.hash);

    while (sample->slots[i].item != NULL) {
        i = (i + 1) & (sample->size - 1);
    }
    sample->slots[i] = slot;
}

/* Into a table of that size, without what is not kept any more. */
static void rebuild(struct report_sample *sample, size_t size)
{
    struct report_slot *old = sample->slots;
    size_t old_size = sample->size;

    sample->slots = calloc(size, sizeof *sample->slots);
    if (sample->slots == NULL) {
        tool_out_of_memory();
    }
    sample->size = size;
    sample->count = 0;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].item != NULL && old[i].hash < sample->below) {
            put(sample, old[i]);
            sample->count++;
        } else if (old[i].item != NULL) {
            sample->drop(sample->arg, old[i].item);
        }
    }
    free(old);
}

static int by_hash(const void *a, const void *b)
{
    uint64_t one = ((const struct report_slot *)a)->hash, two = ((const struct report_slot *)b)->hash;

    return (one > two) - (one < two);
}

static struct report_slot *sorted(const struct report_sample *sample)
{
    struct report_slot *slots = malloc((sample->count + 1) * sizeof *slots);
    size_t count = 0;

    if (slots == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sample->size; i++) {
        if (sample->slots[i].item != NULL) {
            slots[count++] = sample->slots[i];
        }
    }
    qsort(slots, count, sizeof *slots, by_hash);
    return slots;
}

void report_sample_settle(struct report_sample *sample)
{
    struct report_slot *slots;

    if (sample->count <= sample->limit) {
        return;
    }
    slots = sorted(sample);
    sample->below = slots[sample->limit].hash;
    free(slots);
    rebuild(sample, sample->size);
}

void report_sample_add(struct report_sample *sample, uint64_t hash, void *item)
{
    if (sample->count + sample->count / 3 >= sample->size) {
        rebuild(sample, sample->size > 0 ? 2 * sample->size : 64);
    }
    put(sample, (struct report_slot){ hash, item });
    sample->count++;
    if (sample->count >= sample->limit + sample->limit / 8 + 1) { /* not at each one: it takes a pass */
        report_sample_settle(sample);
    }
}

void report_sample_lower(struct report_sample *sample, uint64_t below)
{
    if (below < sample->below) {
        sample->below = below;
        if (sample->size > 0) {
            rebuild(sample, sample->size);
        }
    }
}

double report_sample_scale(const struct report_sample *sample)
{
    return sample->below == UINT64_MAX ? 1.0 : 18446744073709551616.0 / (double)(sample->below > 0 ? sample->below : 1);
}

void **report_sample_heap(const struct report_sample *sample)
{
    void **items = malloc((sample->count + 1) * sizeof *items);
    size_t count = 0;

    if (items == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sample->size; i++) {
        if (sample->slots[i].item != NULL) {
            items[count++] = sample->slots[i].item;
        }
    }
    return items;
}

void **report_sample_items(const struct report_sample *sample)
{
    struct report_slot *slots = sorted(sample);
    void **items = malloc((sample->count + 1) * sizeof *items);

    if (items == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sample->count; i++) {
        items[i] = slots[i].item;
    }
    free(slots);
    return items;
}

void report_sample_clear(struct report_sample *sample)
{
    for (size_t i = 0; i < sample->size; i++) {
        if (sample->slots[i].item != NULL) {
            sample->drop(sample->arg, sample->slots[i].item);
        }
    }
    free(sample->slots);
    sample->slots = NULL;
    sample->size = sample->count = 0;
}
