/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts that still hold, for one process. Found by a tag over everything that a verdict depends on, served only
 * within the interval of time in which it cannot change. Lock-free: what another thread is just writing, or was
 * writing when the process forked, is a miss.
 */
#ifndef CT_CACHE_H
#define CT_CACHE_H

#include <clientct/clientct.h>

#include "base/bytes.h"

#define CT_CACHE_TAG_LEN 16

struct ct_cache_tag {
    uint8_t bytes[CT_CACHE_TAG_LEN];
};

/* A verdict without what can be looked up again: strings are indices into the settings of the same digest. */
struct ct_cached {
    int64_t from_ms, until_ms; /* [from, until) */
    uint8_t leaf_sha256[32], twin_sha256[32];
    uint64_t files;        /* of a tag over the stamps of the certificate's files in the stores */
    uint16_t rule, policy; /* CT_CACHED_NONE: none */
    uint8_t reason, shadow_reason;
    uint8_t mode : 2, resumption : 2; /* in bits, since there are thousands of entries */
    bool accept : 1, decided : 1, compliant : 1, shadow_compliant : 1;
    bool read_ocsp : 1, read_store : 1; /* the verdict depends on a file in ocsp_store, in sct_store */
    bool read_proofs : 1;               /* and on the one in proof_store */
    bool has_twin : 1;                  /* twin_sha256 is there */
};
#define CT_CACHED_NONE UINT16_MAX

/*
 * Three quarters of the entries are for what was accepted and one for what was refused: refusals, which anybody can
 * provoke, never push out acceptances.
 */
#define CT_CACHE_ENTRIES 3456

/* NULL when memory, randomness or the MAC is not to be had: everything works without a cache. */
struct ct_cache *ct_cache_new(void) CT_MUST_USE;
void ct_cache_free(struct ct_cache *cache);

/*
 * A verdict for `tag` that holds at `now_ms`. `client` is the same for the same certificate. What a client can vary at
 * will, and be accepted, it varies in its own two places: it pushes out no other client's acceptance again and again.
 */
bool ct_cache_find(struct ct_cache *cache, uint64_t client, const struct ct_cache_tag *tag, int64_t now_ms,
                   struct ct_cached *out) CT_MUST_USE;
void ct_cache_insert(struct ct_cache *cache, uint64_t client, const struct ct_cache_tag *tag,
                     const struct ct_cached *cached);

#define CT_CACHE_SPANS_MAX 24

/*
 * A tag over several spans, at most CT_CACHE_SPANS_MAX, each with its length: a MAC with a random key of this process
 * (GMAC, which every provider has and which costs a fraction of a hash). The tags never leave the process, so that
 * nobody can look for two inputs with the same one.
 */
bool ct_cache_make_tag(struct ct_cache *cache, const struct ct_bytes *spans, size_t count,
                       struct ct_cache_tag *tag) CT_MUST_USE;

#endif
