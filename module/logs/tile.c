/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/tile.h"

#include <stdio.h>
#include <string.h>

unsigned ct_tile_width(unsigned level, uint64_t index, uint64_t size)
{
    unsigned shift = level == CT_TILE_DATA ? 0 : 8 * level;
    uint64_t hashes = size >> shift;
    uint64_t before = index * CT_TILE_WIDTH;

    if (level > CT_TILE_DATA || size > CT_TILE_SIZE_MAX || index > CT_TILE_SIZE_MAX || before >= hashes) {
        return 0;
    }
    return hashes - before >= CT_TILE_WIDTH ? CT_TILE_WIDTH : (unsigned)(hashes - before);
}

void ct_tile_path(const struct ct_tile *tile, char path[CT_TILE_PATH_SIZE])
{
    unsigned groups = 1;
    size_t len;

    for (uint64_t rest = tile->index / 1000; rest > 0; rest /= 1000) {
        groups++;
    }
    len = (size_t)(tile->level == CT_TILE_DATA ? snprintf(path, CT_TILE_PATH_SIZE, "tile/data")
                                               : snprintf(path, CT_TILE_PATH_SIZE, "tile/%u", tile->level));
    for (unsigned i = groups; i > 0; i--) {
        uint64_t group = tile->index;

        for (unsigned j = 1; j < i; j++) {
            group /= 1000;
        }
        len += (size_t)snprintf(path + len, CT_TILE_PATH_SIZE - len, "/%s%03u", i > 1 ? "x" : "",
                                (unsigned)(group % 1000));
    }
    if (tile->width < CT_TILE_WIDTH) {
        snprintf(path + len, CT_TILE_PATH_SIZE - len, ".p/%u", tile->width);
    }
}

/* Trees being read from tiles. */
struct reading {
    const struct ct_tile_source *source;
    struct ct_hasher *hasher;
    uint64_t size;
    bool failed;
};

/* The root of the perfect subtree of 2^level leaves, the `index`th of its kind; it ends within the tree. */
static void perfect_root(struct reading *reading, unsigned level, uint64_t index, struct ct_hash *out)
{
    unsigned within = level % 8; /* levels above the bottom of the tile */
    uint64_t first = index << within;
    struct ct_tile tile = { .level = level / 8, .index = first / CT_TILE_WIDTH };
    struct ct_frontier frontier = { 0 };
    const struct ct_hash *hashes = NULL;

    tile.width = ct_tile_width(tile.level, tile.index, reading->size);
    if (reading->failed || tile.level >= CT_TILE_LEVELS ||
        first % CT_TILE_WIDTH + (UINT64_C(1) << within) > tile.width ||
        !reading->source->get(reading->source->context, &tile, &hashes)) {
        reading->failed = true;
        memset(out, 0, sizeof *out);
        return;
    }
    for (uint64_t i = 0; i < UINT64_C(1) << within; i++) {
        ct_frontier_add(reading->hasher, &frontier, &hashes[first % CT_TILE_WIDTH + i]);
    }
    *out = frontier.hashes[0];
}

/* MTH(D[from:to]), where `from` is where a subtree of that size would begin. */
static void range_root(struct reading *reading, uint64_t from, uint64_t to, struct ct_hash *out)
{
    struct ct_hash parts[CT_PROOF_MAX];
    size_t count = 0;

    while (from < to) {
        unsigned level = 63u - (unsigned)__builtin_clzll(to - from);

        perfect_root(reading, level, from >> level, &parts[count++]);
        from += UINT64_C(1) << level;
    }
    *out = parts[--count];
    while (count > 0) {
        ct_hash_node(reading->hasher, &parts[--count], out, out);
    }
}

/* The largest power of two below n; n > 1. */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63u - (unsigned)__builtin_clzll(n - 1));
}

static void reverse(struct ct_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct ct_hash other = proof->hashes[i];

        proof->hashes[i] = proof->hashes[proof->count - 1 - i];
        proof->hashes[proof->count - 1 - i] = other;
    }
}

bool ct_tiles_inclusion(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t index, uint64_t size,
                        struct ct_proof *proof)
{
    struct reading reading = { .source = source, .hasher = hasher, .size = size };
    uint64_t from = 0, to = size;

    proof->count = 0;
    if (index >= size || size > CT_TILE_SIZE_MAX) {
        return false;
    }
    while (to - from > 1 && !reading.failed) {
        uint64_t middle = from + split_of(to - from);

        if (index < middle) {
            range_root(&reading, middle, to, &proof->hashes[proof->count++]);
            to = middle;
        } else {
            range_root(&reading, from, middle, &proof->hashes[proof->count++]);
            from = middle;
        }
    }
    reverse(proof); /* collected from the root, written from the leaf */
    return !reading.failed && !hasher->failed;
}

bool ct_tiles_consistency(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t old_size,
                          uint64_t size, struct ct_proof *proof)
{
    struct reading reading = { .source = source, .hasher = hasher, .size = size };
    uint64_t from = 0, to = size;

    proof->count = 0;
    if (old_size > size || size > CT_TILE_SIZE_MAX) {
        return false;
    }
    if (old_size == 0 || old_size == size) {
        return true;
    }
    /* Down to the subtree at whose end the old tree ends. */
    while (old_size != to && !reading.failed) {
        uint64_t middle = from + split_of(to - from);

        if (old_size <= middle) {
            range_root(&reading, middle, to, &proof->hashes[proof->count++]);
            to = middle;
        } else {
            range_root(&reading, from, middle, &proof->hashes[proof->count++]);
            from = middle;
        }
    }
    if (from != 0) { /* else it is the whole old tree, whose root the verifier has */
        range_root(&reading, from, to, &proof->hashes[proof->count++]);
    }
    reverse(proof);
    return !reading.failed && !hasher->failed;
}

bool ct_tiles_root(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t size, struct ct_hash *root)
{
    struct reading reading = { .source = source, .hasher = hasher, .size = size };

    if (size > CT_TILE_SIZE_MAX) {
        return false;
    }
    if (size == 0) {
        ct_hash_parts(hasher, NULL, 0, root);
    } else {
        range_root(&reading, 0, size, root);
    }
    return !reading.failed && !hasher->failed;
}
