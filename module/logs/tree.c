/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/tree.h"

#include <string.h>

bool ct_hash_equal(const struct ct_hash *a, const struct ct_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void ct_hasher_clear(struct ct_hasher *hasher)
{
    EVP_MD_CTX_free(hasher->ctx);
    memset(hasher, 0, sizeof *hasher);
}

/* The first use looks the digest up, later ones only begin anew. */
static bool begin(struct ct_hasher *hasher)
{
    if (hasher->failed) {
        return false;
    }
    if (hasher->ctx == NULL) {
        hasher->ctx = EVP_MD_CTX_new();
        hasher->failed = hasher->ctx == NULL || EVP_DigestInit_ex(hasher->ctx, EVP_sha256(), NULL) != 1;
    } else {
        hasher->failed = EVP_DigestInit_ex(hasher->ctx, NULL, NULL) != 1;
    }
    return !hasher->failed;
}

void ct_hash_parts(struct ct_hasher *hasher, const struct ct_bytes *parts, size_t count, struct ct_hash *out)
{
    bool good = begin(hasher);

    for (size_t i = 0; good && i < count; i++) {
        good = parts[i].len == 0 || EVP_DigestUpdate(hasher->ctx, parts[i].data, parts[i].len) == 1;
    }
    good = good && EVP_DigestFinal_ex(hasher->ctx, out->bytes, NULL) == 1;
    if (!good) {
        hasher->failed = true;
        memset(out, 0, sizeof *out); /* of a hasher that failed nothing holds, and nothing is left undefined */
    }
}

void ct_hash_leaf(struct ct_hasher *hasher, struct ct_bytes head, struct ct_bytes body, struct ct_hash *out)
{
    static const uint8_t leaf = 0;
    const struct ct_bytes parts[] = { { &leaf, 1 }, head, body };

    ct_hash_parts(hasher, parts, sizeof parts / sizeof parts[0], out);
}

void ct_hash_node(struct ct_hasher *hasher, const struct ct_hash *left, const struct ct_hash *right,
                  struct ct_hash *out)
{
    uint8_t node[1 + 2 * CT_HASH_LEN] = { 1 };
    const struct ct_bytes whole = { node, sizeof node };

    memcpy(node + 1, left->bytes, CT_HASH_LEN);
    memcpy(node + 1 + CT_HASH_LEN, right->bytes, CT_HASH_LEN);
    ct_hash_parts(hasher, &whole, 1, out);
}

bool ct_inclusion_holds(struct ct_hasher *hasher, const struct ct_hash *leaf, uint64_t index, uint64_t size,
                        const struct ct_proof *proof, const struct ct_hash *root)
{
    struct ct_hash hash = *leaf;
    uint64_t last = size - 1;

    if (index >= size || size > CT_TREE_MAX || proof->count > CT_PROOF_MAX) {
        return false;
    }
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0) {
            return false; /* longer than the way to the root */
        }
        if ((index & 1) != 0 || index == last) {
            ct_hash_node(hasher, &proof->hashes[i], &hash, &hash);
            while ((index & 1) == 0 && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            ct_hash_node(hasher, &hash, &proof->hashes[i], &hash);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && !hasher->failed && ct_hash_equal(&hash, root);
}

bool ct_consistency_holds(struct ct_hasher *hasher, uint64_t old_size, const struct ct_hash *old_root, uint64_t size,
                          const struct ct_hash *root, const struct ct_proof *proof)
{
    uint64_t at = old_size - 1;
    uint64_t last = size - 1;
    struct ct_hash old_hash, hash;
    size_t next = 0;

    if (old_size > size || size > CT_TREE_MAX || proof->count > CT_PROOF_MAX) {
        return false;
    }
    if (old_size == 0 || old_size == size) {
        struct ct_frontier empty = { .size = 0 };

        ct_frontier_root(hasher, &empty, &hash);
        return proof->count == 0 && !hasher->failed && ct_hash_equal(old_root, old_size == 0 ? &hash : root) &&
               (size != 0 || ct_hash_equal(old_root, root));
    }
    while ((at & 1) != 0) {
        at >>= 1;
        last >>= 1;
    }
    /* A power of two is a subtree of the new tree by itself, and its root is not repeated in the proof. */
    if ((old_size & (old_size - 1)) == 0) {
        old_hash = *old_root;
    } else if (proof->count > 0) {
        old_hash = proof->hashes[next++];
    } else {
        return false;
    }
    hash = old_hash;
    for (; next < proof->count; next++) {
        const struct ct_hash *step = &proof->hashes[next];

        if (last == 0) {
            return false;
        }
        if ((at & 1) != 0 || at == last) {
            ct_hash_node(hasher, step, &old_hash, &old_hash);
            ct_hash_node(hasher, step, &hash, &hash);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            ct_hash_node(hasher, &hash, step, &hash);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && !hasher->failed && ct_hash_equal(&old_hash, old_root) && ct_hash_equal(&hash, root);
}

size_t ct_frontier_count(const struct ct_frontier *frontier)
{
    return (size_t)__builtin_popcountll(frontier->size);
}

void ct_frontier_add(struct ct_hasher *hasher, struct ct_frontier *frontier, const struct ct_hash *leaf)
{
    size_t count = ct_frontier_count(frontier);
    struct ct_hash hash = *leaf;

    /* As adding one to a number carries. */
    for (uint64_t carry = frontier->size; (carry & 1) != 0; carry >>= 1) {
        ct_hash_node(hasher, &frontier->hashes[--count], &hash, &hash);
    }
    frontier->hashes[count] = hash;
    frontier->size++;
}

bool ct_frontier_fits(uint64_t from, uint64_t size)
{
    return from <= CT_TREE_MAX && size <= CT_TREE_MAX && (from == 0 || (from & -from) >= size);
}

bool ct_frontier_join(struct ct_hasher *hasher, struct ct_frontier *frontier, const struct ct_frontier *part)
{
    size_t count = ct_frontier_count(frontier), added = ct_frontier_count(part), next = 0;

    if (!ct_frontier_fits(frontier->size, part->size)) {
        return false;
    }
    /* From the largest subtree on, each is added as a leaf is, at its own level; only a whole part carries. */
    for (unsigned level = 64; level-- > 0 && next < added;) {
        struct ct_hash hash;

        if ((part->size >> level & 1) == 0) {
            continue;
        }
        hash = part->hashes[next++];
        for (uint64_t carry = frontier->size >> level; (carry & 1) != 0; carry >>= 1) {
            ct_hash_node(hasher, &frontier->hashes[--count], &hash, &hash);
        }
        frontier->hashes[count++] = hash;
        frontier->size += UINT64_C(1) << level;
    }
    return true;
}

void ct_frontier_root(struct ct_hasher *hasher, const struct ct_frontier *frontier, struct ct_hash *root)
{
    size_t count = ct_frontier_count(frontier);

    if (count == 0) {
        ct_hash_parts(hasher, NULL, 0, root); /* of nothing: RFC 6962, section 2.1 */
        return;
    }
    *root = frontier->hashes[--count];
    while (count > 0) {
        ct_hash_node(hasher, &frontier->hashes[--count], root, root);
    }
}
