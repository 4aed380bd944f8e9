/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cache.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared.h"

#define WAYS 4
#define REFUSED_BUCKETS (CT_CACHE_ENTRIES / 4 / WAYS)
#define ACCEPTED_BUCKETS (CT_CACHE_ENTRIES / WAYS - REFUSED_BUCKETS)

/* What an entry holds, as words that can be read while they are written. */
struct record {
    struct ct_cache_tag tag;
    struct ct_cached cached;
};
#define WORDS ((sizeof(struct record) + 7) / 8)

/*
 * `sequence` is odd while the words are written (Boehm, "Can seqlocks get along with programming language memory
 * models?").
 */
struct entry {
    _Atomic uint64_t sequence; /* 0: empty */
    _Atomic uint64_t words[WORDS];
};
_Static_assert(sizeof(struct entry) <= 128, "an entry is at most two cache lines");

/* A thread's own context: a copy for each tag would make threads wait for the counters in libcrypto. */
struct mac {
    _Atomic(EVP_CIPHER_CTX *) ctx; /* NULL: not needed yet, or somebody has taken it for the length of one tag */
    uint8_t padding[56];           /* the next one on another cache line */
};

struct ct_cache {
    EVP_CIPHER_CTX *keyed; /* holds the key, and is not used itself: every thread works on a copy */
    struct mac macs[CT_STRIPES];
    struct entry accepted[ACCEPTED_BUCKETS][WAYS];
    struct entry refused[REFUSED_BUCKETS][WAYS];
};

/*
 * The same for all tags, which nobody may do where tags can be seen: with two tags of one IV the key can be found.
 * These never leave the process.
 */
static const uint8_t iv[12];

struct ct_cache *ct_cache_new(void)
{
    struct ct_cache *cache = calloc(1, sizeof *cache);
    EVP_CIPHER *gcm = NULL;
    uint8_t key[16];

    if (cache == NULL) {
        return NULL;
    }
    gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    if (gcm == NULL || (cache->keyed = EVP_CIPHER_CTX_new()) == NULL || RAND_priv_bytes(key, sizeof key) != 1 ||
        EVP_EncryptInit_ex2(cache->keyed, gcm, key, iv, NULL) != 1) {
        ct_cache_free(cache);
        cache = NULL;
    }
    OPENSSL_cleanse(key, sizeof key);
    EVP_CIPHER_free(gcm);
    return cache;
}

void ct_cache_free(struct ct_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < CT_STRIPES; i++) {
        EVP_CIPHER_CTX_free(atomic_load(&cache->macs[i].ctx));
    }
    EVP_CIPHER_CTX_free(cache->keyed);
    free(cache);
}

static EVP_CIPHER_CTX *copy_of(const EVP_CIPHER_CTX *keyed)
{
    EVP_CIPHER_CTX *copy = EVP_CIPHER_CTX_new();

    if (copy != NULL && EVP_CIPHER_CTX_copy(copy, keyed) != 1) {
        EVP_CIPHER_CTX_free(copy);
        copy = NULL;
    }
    return copy;
}

/* Data that is authenticated, and not encrypted. */
static bool add(EVP_CIPHER_CTX *ctx, const uint8_t *data, size_t len)
{
    int written;

    return len <= INT_MAX && (len == 0 || EVP_EncryptUpdate(ctx, NULL, &written, data, (int)len) == 1);
}

/*
 * GMAC, as GCM gives it for data that is not encrypted: EVP_MAC's own takes thrice as long to begin. All lengths first,
 * so that no other spans make the same bytes. Starting over also repairs a context whose last tag failed half-way.
 */
static bool make_tag_in(EVP_CIPHER_CTX *ctx, const struct ct_bytes *spans, size_t count, struct ct_cache_tag *tag)
{
    uint8_t lengths[8 * (1 + CT_CACHE_SPANS_MAX)];
    uint8_t nothing[1];
    int written;

    if (count > CT_CACHE_SPANS_MAX || EVP_EncryptInit_ex2(ctx, NULL, NULL, iv, NULL) != 1) {
        return false;
    }
    (void)ct_write_u64(lengths, count);
    for (size_t i = 0; i < count; i++) {
        (void)ct_write_u64(lengths + 8 * (1 + i), spans[i].len);
    }
    if (!add(ctx, lengths, 8 * (1 + count))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!add(ctx, spans[i].data, spans[i].len)) {
            return false;
        }
    }
    return EVP_EncryptFinal_ex(ctx, nothing, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sizeof tag->bytes, tag->bytes) == 1;
}

bool ct_cache_make_tag(struct ct_cache *cache, const struct ct_bytes *spans, size_t count, struct ct_cache_tag *tag)
{
    struct mac *mac = &cache->macs[ct_stripe_of_thread()];
    EVP_CIPHER_CTX *ctx = atomic_exchange_explicit(&mac->ctx, NULL, memory_order_acquire);
    EVP_CIPHER_CTX *none = NULL;
    bool ok;

    if (ctx == NULL) {
        ctx = copy_of(cache->keyed);
    }
    ok = ctx != NULL && make_tag_in(ctx, spans, count, tag);
    if (ctx != NULL &&
        !atomic_compare_exchange_strong_explicit(&mac->ctx, &none, ctx, memory_order_release, memory_order_relaxed)) {
        EVP_CIPHER_CTX_free(ctx);
    }
    return ok;
}

#define PLACES_OF_A_CLIENT 2

static uint64_t mixed(uint64_t number)
{
    number *= 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio */
    return number ^ number >> 32;
}

/* GMAC is linear over GF(2): with some keys a few bits are the same for all similar input, so all bits are mixed. */
static uint64_t number_of(const struct ct_cache_tag *tag)
{
    uint64_t number;

    memcpy(&number, tag->bytes, sizeof number);
    return mixed(number);
}

static struct entry *bucket_of(struct ct_cache *cache, uint64_t client, const struct ct_cache_tag *tag, bool accept)
{
    return accept ? cache->accepted[mixed(client) % ACCEPTED_BUCKETS]
                  : cache->refused[number_of(tag) % REFUSED_BUCKETS];
}

/* A consistent copy of an entry, or false: empty, or being written. */
static bool read_entry(struct entry *entry, struct record *record)
{
    uint64_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
    uint64_t words[WORDS];

    if (sequence == 0 || (sequence & 1) != 0) {
        return false;
    }
    for (size_t i = 0; i < WORDS; i++) {
        words[i] = atomic_load_explicit(&entry->words[i], memory_order_acquire);
    }
    if (atomic_load_explicit(&entry->sequence, memory_order_relaxed) != sequence) {
        return false;
    }
    memcpy(record, words, sizeof *record);
    return true;
}

static bool find_in(struct entry *bucket, const struct ct_cache_tag *tag, int64_t now_ms, struct ct_cached *out)
{
    struct record record;

    for (size_t way = 0; way < WAYS; way++) {
        if (read_entry(&bucket[way], &record) && memcmp(&record.tag, tag, sizeof *tag) == 0 &&
            now_ms >= record.cached.from_ms && now_ms < record.cached.until_ms) {
            *out = record.cached;
            return true;
        }
    }
    return false;
}

bool ct_cache_find(struct ct_cache *cache, uint64_t client, const struct ct_cache_tag *tag, int64_t now_ms,
                   struct ct_cached *out)
{
    return find_in(bucket_of(cache, client, tag, true), tag, now_ms, out) ||
           find_in(bucket_of(cache, client, tag, false), tag, now_ms, out);
}

/* The entry to write: the one of this tag, else the client's own where it has enough, else an empty one, else any. */
static struct entry *choose_way(struct entry *bucket, const struct ct_cache_tag *tag, const struct ct_cached *cached)
{
    struct entry *empty = NULL, *own = NULL;
    uint64_t turn = number_of(tag) >> 32 ^ (uint64_t)cached->from_ms;
    size_t owned = 0;
    struct record record;

    for (size_t way = 0; way < WAYS; way++) {
        if (read_entry(&bucket[way], &record)) {
            if (memcmp(&record.tag, tag, sizeof *tag) == 0) {
                return &bucket[way];
            }
            if (memcmp(record.cached.leaf_sha256, cached->leaf_sha256, sizeof cached->leaf_sha256) == 0) {
                own = own == NULL || (turn & 1) != 0 ? &bucket[way] : own;
                owned++;
            }
        } else if (empty == NULL && atomic_load_explicit(&bucket[way].sequence, memory_order_relaxed) == 0) {
            empty = &bucket[way];
        }
    }
    return owned >= PLACES_OF_A_CLIENT ? own : empty != NULL ? empty : &bucket[turn % WAYS];
}

void ct_cache_insert(struct ct_cache *cache, uint64_t client, const struct ct_cache_tag *tag,
                     const struct ct_cached *cached)
{
    struct entry *entry = choose_way(bucket_of(cache, client, tag, cached->accept), tag, cached);
    uint64_t sequence = atomic_load_explicit(&entry->sequence, memory_order_relaxed);
    uint64_t words[WORDS] = { 0 };
    struct record record;

    memset(&record, 0, sizeof record);
    record.tag = *tag;
    record.cached = *cached;
    memcpy(words, &record, sizeof record);
    /* Somebody else writes here, or did when the process forked: then this verdict is not kept. */
    if ((sequence & 1) != 0 || !atomic_compare_exchange_strong_explicit(&entry->sequence, &sequence, sequence + 1,
                                                                        memory_order_acq_rel, memory_order_relaxed)) {
        return;
    }
    for (size_t i = 0; i < WORDS; i++) {
        atomic_store_explicit(&entry->words[i], words[i], memory_order_release);
    }
    atomic_store_explicit(&entry->sequence, sequence + 2, memory_order_release);
}
