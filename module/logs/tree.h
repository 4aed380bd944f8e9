/* SPDX-License-Identifier: Apache-2.0 */
/* The Merkle tree of a log: hashes, proofs, and the frontier from which its root is rebuilt. RFC 6962, section 2.1. */
#ifndef CT_TREE_H
#define CT_TREE_H

#include <openssl/evp.h>

#include "base/bytes.h"

#define CT_HASH_LEN 32
/* Hashes in an inclusion or consistency proof of a tree with fewer than 2^63 leaves. */
#define CT_PROOF_MAX 64
/* Trees may be as large as this; what says otherwise is malformed. */
#define CT_TREE_MAX (UINT64_C(1) << 62)

struct ct_hash {
    uint8_t bytes[CT_HASH_LEN];
};
bool ct_hash_equal(const struct ct_hash *a, const struct ct_hash *b) CT_MUST_USE;

/* SHA-256, set up once. Failure is sticky: ask once at the end. Zero-initialise; ct_hasher_clear takes any state. */
struct ct_hasher {
    EVP_MD_CTX *ctx;
    bool failed;
};
void ct_hasher_clear(struct ct_hasher *hasher);
/* SHA-256 of the parts, one behind the other. */
void ct_hash_parts(struct ct_hasher *hasher, const struct ct_bytes *parts, size_t count, struct ct_hash *out);
/* SHA-256(00 || head || body): the leaf's MerkleTreeLeaf in two pieces, so that nobody must copy it together. */
void ct_hash_leaf(struct ct_hasher *hasher, struct ct_bytes head, struct ct_bytes body, struct ct_hash *out);
/* SHA-256(01 || left || right); `out` may be one of the two. */
void ct_hash_node(struct ct_hasher *hasher, const struct ct_hash *left, const struct ct_hash *right,
                  struct ct_hash *out);

struct ct_proof {
    struct ct_hash hashes[CT_PROOF_MAX];
    size_t count;
};

/*
 * Whether `proof` leads from `leaf` at `index` to the root of a tree of `size` leaves (RFC 9162, section 2.1.3.2).
 * False as well when the hasher failed: that is to be asked first where the answer would blame somebody.
 */
bool ct_inclusion_holds(struct ct_hasher *hasher, const struct ct_hash *leaf, uint64_t index, uint64_t size,
                        const struct ct_proof *proof, const struct ct_hash *root) CT_MUST_USE;
/* Whether the tree of `old_size` leaves is the beginning of that of `size` (RFC 9162, section 2.1.4.2). */
bool ct_consistency_holds(struct ct_hasher *hasher, uint64_t old_size, const struct ct_hash *old_root, uint64_t size,
                          const struct ct_hash *root, const struct ct_proof *proof) CT_MUST_USE;

/*
 * The roots of the perfect subtrees that a tree consists of, the largest first: what one must keep to add leaves and
 * to know the root. All zero: the empty tree.
 */
struct ct_frontier {
    uint64_t size;
    struct ct_hash hashes[CT_PROOF_MAX]; /* as many as bits are set in `size` */
};
size_t ct_frontier_count(const struct ct_frontier *frontier);
void ct_frontier_add(struct ct_hasher *hasher, struct ct_frontier *frontier, const struct ct_hash *leaf);
void ct_frontier_root(struct ct_hasher *hasher, const struct ct_frontier *frontier, struct ct_hash *root);
/*
 * Puts the leaves of `part`, whose frontier was made by itself, behind those of `frontier`. False, and nothing is
 * changed, where they do not fit: no perfect subtree of the part may cross one of the whole, so frontier->size is a
 * multiple of a power of two that is at least part->size.
 */
bool ct_frontier_join(struct ct_hasher *hasher, struct ct_frontier *frontier,
                      const struct ct_frontier *part) CT_MUST_USE;
/* Whether a part of `size` leaves may begin at leaf `from`. */
bool ct_frontier_fits(uint64_t from, uint64_t size) CT_MUST_USE;

#endif
