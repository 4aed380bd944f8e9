/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/tree.h"

#include <string.h>

#include "logs/tile.h"
#include "unit.h"

/* An oracle that follows RFC 6962, sections 2.1 to 2.1.2, to the letter, recursion and all. */
#define LEAVES 300
static struct ct_hash leaves[LEAVES];
static struct ct_hasher hasher;

static void set_up(void)
{
    for (uint32_t i = 0; i < LEAVES; i++) {
        uint8_t data[4] = { (uint8_t)(i >> 8), (uint8_t)i, 7, 9 };

        ct_hash_leaf(&hasher, (struct ct_bytes){ data, 1 }, (struct ct_bytes){ data + 1, 3 }, &leaves[i]);
    }
}

static void tear_down(void)
{
    ct_hasher_clear(&hasher);
}

static size_t split(size_t n)
{
    size_t k = 1;

    while (k * 2 < n) {
        k *= 2;
    }
    return k;
}

static struct ct_hash mth(size_t from, size_t n)
{
    struct ct_hash left, right, out;

    if (n == 1) {
        return leaves[from];
    }
    left = mth(from, split(n));
    right = mth(from + split(n), n - split(n));
    ct_hash_node(&hasher, &left, &right, &out);
    return out;
}

static void path(size_t m, size_t from, size_t n, struct ct_proof *proof)
{
    size_t k;

    if (n == 1) {
        return;
    }
    k = split(n);
    if (m < k) {
        path(m, from, k, proof);
        proof->hashes[proof->count++] = mth(from + k, n - k);
    } else {
        path(m - k, from + k, n - k, proof);
        proof->hashes[proof->count++] = mth(from, k);
    }
}

static void subproof(size_t m, size_t from, size_t n, bool whole, struct ct_proof *proof)
{
    size_t k;

    if (m == n) {
        if (!whole) {
            proof->hashes[proof->count++] = mth(from, n);
        }
        return;
    }
    k = split(n);
    if (m <= k) {
        subproof(m, from, k, whole, proof);
        proof->hashes[proof->count++] = mth(from + k, n - k);
    } else {
        subproof(m - k, from + k, n - k, false, proof);
        proof->hashes[proof->count++] = mth(from, k);
    }
}

START_TEST(known_hashes)
{
    /* RFC 6962's own test tree, as its reference implementation has it: the empty tree, and one empty leaf. */
    static const char empty_root[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    static const char empty_leaf[] = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    struct ct_frontier frontier = { 0 };
    struct ct_hash hash;
    char hex[65];

    ct_frontier_root(&hasher, &frontier, &hash);
    ct_hex(hash.bytes, sizeof hash.bytes, hex);
    ck_assert_str_eq(hex, empty_root);
    ct_hash_leaf(&hasher, (struct ct_bytes){ NULL, 0 }, (struct ct_bytes){ NULL, 0 }, &hash);
    ct_hex(hash.bytes, sizeof hash.bytes, hex);
    ck_assert_str_eq(hex, empty_leaf);
}
END_TEST

/* Parts of 2^k leaves, the last one cut anywhere, each by itself and then joined: the frontier of the whole. */
START_TEST(joined_parts_are_the_frontier_of_the_whole)
{
    for (size_t size = 1; size <= LEAVES; size += 1 + size / 40) {
        struct ct_frontier whole = { 0 };

        for (size_t i = 0; i < size; i++) {
            ct_frontier_add(&hasher, &whole, &leaves[i]);
        }
        for (size_t width = 1; width <= 1024; width *= 2) {
            struct ct_frontier joined = { 0 };

            for (size_t from = 0; from < size; from += width) {
                struct ct_frontier part = { 0 };

                for (size_t i = from; i < size && i < from + width; i++) {
                    ct_frontier_add(&hasher, &part, &leaves[i]);
                }
                ck_assert(ct_frontier_join(&hasher, &joined, &part));
            }
            ck_assert_uint_eq(joined.size, size);
            ck_assert_mem_eq(joined.hashes, whole.hashes, ct_frontier_count(&whole) * sizeof whole.hashes[0]);
        }
    }
}
END_TEST

START_TEST(parts_that_cross_a_subtree_are_not_joined)
{
    struct ct_frontier three = { 0 }, two = { 0 }, before;

    for (size_t i = 0; i < 3; i++) {
        ct_frontier_add(&hasher, &three, &leaves[i]);
    }
    ct_frontier_add(&hasher, &two, &leaves[3]);
    ct_frontier_add(&hasher, &two, &leaves[4]);
    before = three;
    ck_assert(!ct_frontier_join(&hasher, &three, &two));
    ck_assert_mem_eq(&three, &before, sizeof three);
    ck_assert(ct_frontier_fits(0, 77) && ct_frontier_fits(8, 8) && ct_frontier_fits(8, 5) && ct_frontier_fits(24, 8));
    ck_assert(!ct_frontier_fits(8, 9) && !ct_frontier_fits(24, 9) && !ct_frontier_fits(1, 2));
    ck_assert(!ct_frontier_fits(CT_TREE_MAX + 1, 1) && !ct_frontier_fits(0, CT_TREE_MAX + 1));
}
END_TEST

START_TEST(the_frontier_knows_every_root)
{
    struct ct_frontier frontier = { 0 };

    for (size_t n = 1; n <= LEAVES; n++) {
        struct ct_hash root, want = mth(0, n);

        ct_frontier_add(&hasher, &frontier, &leaves[n - 1]);
        ct_frontier_root(&hasher, &frontier, &root);
        ck_assert_uint_eq(frontier.size, n);
        ck_assert_msg(ct_hash_equal(&root, &want), "root of %zu leaves", n);
    }
}
END_TEST

START_TEST(inclusion_holds_for_the_leaf_and_nothing_else)
{
    for (size_t n = 1; n <= 70; n++) {
        struct ct_hash root = mth(0, n);

        for (size_t m = 0; m < n; m++) {
            struct ct_proof proof = { .count = 0 };

            path(m, 0, n, &proof);
            ck_assert_msg(ct_inclusion_holds(&hasher, &leaves[m], m, n, &proof, &root), "%zu of %zu", m, n);
            for (size_t other = 0; other < n + 2; other++) {
                ck_assert_msg(other == m || !ct_inclusion_holds(&hasher, &leaves[m], other, n, &proof, &root),
                              "%zu of %zu taken for %zu", m, n, other);
            }
            ck_assert(!ct_inclusion_holds(&hasher, &leaves[m + 1], m, n, &proof, &root));
            proof.hashes[proof.count++] = root;
            ck_assert_msg(!ct_inclusion_holds(&hasher, &leaves[m], m, n, &proof, &root), "a hash too many");
            proof.count--;
            if (proof.count > 0) {
                proof.count--;
                ck_assert_msg(!ct_inclusion_holds(&hasher, &leaves[m], m, n, &proof, &root), "a hash too few");
                proof.hashes[proof.count++].bytes[0] ^= 1;
                ck_assert_msg(!ct_inclusion_holds(&hasher, &leaves[m], m, n, &proof, &root), "a bit changed");
            }
        }
    }
}
END_TEST

START_TEST(consistency_holds_for_a_beginning_and_nothing_else)
{
    for (size_t n = 1; n <= 70; n++) {
        struct ct_hash root = mth(0, n);

        for (size_t m = 1; m <= n; m++) {
            struct ct_hash old = mth(0, m), other = old;
            struct ct_proof proof = { .count = 0 };

            subproof(m, 0, n, true, &proof);
            ck_assert_msg(ct_consistency_holds(&hasher, m, &old, n, &root, &proof), "%zu in %zu", m, n);
            other.bytes[31] ^= 0x80;
            ck_assert_msg(!ct_consistency_holds(&hasher, m, &other, n, &root, &proof), "another %zu in %zu", m, n);
            ck_assert_msg(!ct_consistency_holds(&hasher, m, &old, n, &other, &proof), "%zu in another %zu", m, n);
            proof.hashes[proof.count++] = root;
            ck_assert_msg(!ct_consistency_holds(&hasher, m, &old, n, &root, &proof), "a hash too many");
            proof.count--;
            for (size_t i = 0; i < proof.count; i++) {
                proof.hashes[i].bytes[5] ^= 1;
                ck_assert_msg(!ct_consistency_holds(&hasher, m, &old, n, &root, &proof), "hash %zu changed", i);
                proof.hashes[i].bytes[5] ^= 1;
            }
            if (proof.count > 0) {
                proof.count--;
                ck_assert_msg(!ct_consistency_holds(&hasher, m, &old, n, &root, &proof), "a hash too few");
            }
        }
    }
}
END_TEST

START_TEST(the_empty_tree_is_the_beginning_of_every_tree)
{
    struct ct_proof none = { .count = 0 };
    struct ct_frontier frontier = { 0 };
    struct ct_hash empty, root = mth(0, 5);

    ct_frontier_root(&hasher, &frontier, &empty);
    ck_assert(ct_consistency_holds(&hasher, 0, &empty, 5, &root, &none));
    ck_assert(ct_consistency_holds(&hasher, 0, &empty, 0, &empty, &none));
    ck_assert_msg(!ct_consistency_holds(&hasher, 0, &root, 5, &root, &none), "not the empty root");
    ck_assert_msg(!ct_consistency_holds(&hasher, 0, &empty, 0, &root, &none), "an empty tree with another root");
    ck_assert_msg(!ct_consistency_holds(&hasher, 6, &root, 5, &root, &none), "backwards");
}
END_TEST

/* Tiles of a tree whose leaves repeat, so that many levels are there without many leaves. */
struct tiles {
    uint64_t asked;
    struct ct_hash hashes[CT_TILE_WIDTH];
};

static bool tile_of_leaves(void *context, const struct ct_tile *tile, const struct ct_hash **hashes)
{
    struct tiles *tiles = context;

    tiles->asked++;
    for (unsigned i = 0; i < tile->width; i++) {
        size_t at = (tile->index * CT_TILE_WIDTH + i) << (8 * tile->level);

        tiles->hashes[i] = mth(at, (size_t)1 << (8 * tile->level));
    }
    *hashes = tiles->hashes;
    return true;
}

START_TEST(proofs_from_tiles_are_those_of_the_specification)
{
    static struct tiles tiles;
    const struct ct_tile_source source = { tile_of_leaves, &tiles };

    for (size_t n = 1; n <= LEAVES; n += n < 20 || (n > 250 && n < 260) ? 1 : 13) {
        struct ct_hash root, want = mth(0, n);

        ck_assert(ct_tiles_root(&source, &hasher, n, &root));
        ck_assert_msg(ct_hash_equal(&root, &want), "root of %zu", n);
        for (size_t m = 0; m < n; m += m < 3 || n - m < 5 ? 1 : 7) {
            struct ct_proof got, proof = { .count = 0 };

            path(m, 0, n, &proof);
            ck_assert(ct_tiles_inclusion(&source, &hasher, m, n, &got));
            ck_assert_msg(got.count == proof.count && memcmp(got.hashes, proof.hashes, 32 * got.count) == 0,
                          "path of %zu in %zu", m, n);
            proof.count = 0;
            if (m > 0) {
                subproof(m, 0, n, true, &proof);
                ck_assert(ct_tiles_consistency(&source, &hasher, m, n, &got));
                ck_assert_msg(got.count == proof.count && memcmp(got.hashes, proof.hashes, 32 * got.count) == 0,
                              "consistency of %zu with %zu", m, n);
            }
        }
    }
}
END_TEST

static bool no_tile(void *context, const struct ct_tile *tile, const struct ct_hash **hashes)
{
    return false;
}

START_TEST(without_tiles_there_is_no_proof)
{
    const struct ct_tile_source source = { no_tile, NULL };
    struct ct_proof proof;
    struct ct_hash root;

    ck_assert(!ct_tiles_inclusion(&source, &hasher, 3, 9, &proof));
    ck_assert(!ct_tiles_consistency(&source, &hasher, 3, 9, &proof));
    ck_assert(!ct_tiles_root(&source, &hasher, 9, &root));
    ck_assert_msg(!ct_tiles_inclusion(&source, &hasher, 9, 9, &proof), "beyond the end");
    ck_assert_msg(!ct_tiles_consistency(&source, &hasher, 10, 9, &proof), "backwards");
}
END_TEST

START_TEST(tiles_have_the_names_and_widths_of_the_specification)
{
    static const struct {
        struct ct_tile tile;
        const char *path;
    } rows[] = {
        { { 0, 0, 256 }, "tile/0/000" },
        { { 1, 999, 256 }, "tile/1/999" },
        { { 0, 1000, 256 }, "tile/0/x001/000" },
        { { 0, 1234067, 256 }, "tile/0/x001/x234/067" },
        { { 3, 0, 112 }, "tile/3/000.p/112" },
        { { CT_TILE_DATA, 273, 1 }, "tile/data/273.p/1" },
        { { CT_TILE_DATA, 1000000, 256 }, "tile/data/x001/x000/000" },
    };
    char got[CT_TILE_PATH_SIZE];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ct_tile_path(&rows[i].tile, got);
        ck_assert_str_eq(got, rows[i].path);
    }
    /* The example of tlog-tiles: a tree of 70,000 entries. */
    ck_assert_uint_eq(ct_tile_width(0, 272, 70000), 256);
    ck_assert_uint_eq(ct_tile_width(0, 273, 70000), 112);
    ck_assert_uint_eq(ct_tile_width(0, 274, 70000), 0);
    ck_assert_uint_eq(ct_tile_width(1, 0, 70000), 256);
    ck_assert_uint_eq(ct_tile_width(1, 1, 70000), 17);
    ck_assert_uint_eq(ct_tile_width(2, 0, 70000), 1);
    ck_assert_uint_eq(ct_tile_width(3, 0, 70000), 0);
    ck_assert_uint_eq(ct_tile_width(CT_TILE_DATA, 273, 70000), 112);
    ck_assert_uint_eq(ct_tile_width(CT_TILE_DATA + 1, 0, 70000), 0);
    ck_assert_uint_eq(ct_tile_width(0, UINT64_MAX, 70000), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tree");
    TCase *tcase = tcase_create("tree");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, known_hashes);
    tcase_add_test(tcase, the_frontier_knows_every_root);
    tcase_add_test(tcase, joined_parts_are_the_frontier_of_the_whole);
    tcase_add_test(tcase, parts_that_cross_a_subtree_are_not_joined);
    tcase_add_test(tcase, inclusion_holds_for_the_leaf_and_nothing_else);
    tcase_add_test(tcase, consistency_holds_for_a_beginning_and_nothing_else);
    tcase_add_test(tcase, the_empty_tree_is_the_beginning_of_every_tree);
    tcase_add_test(tcase, proofs_from_tiles_are_those_of_the_specification);
    tcase_add_test(tcase, without_tiles_there_is_no_proof);
    tcase_add_test(tcase, tiles_have_the_names_and_widths_of_the_specification);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
