/* SPDX-License-Identifier: Apache-2.0 */
/* A log that the operator trusts, as a log list describes it. Immutable once loaded, but for its key, made late. */
#ifndef CT_LOG_H
#define CT_LOG_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "evidence/sct.h"

/* States of the v3 log list schema; the bits are what `accept_states` is made of. */
enum ct_log_state {
    CT_LOG_PENDING,
    CT_LOG_QUALIFIED,
    CT_LOG_USABLE,
    CT_LOG_READONLY,
    CT_LOG_RETIRED,
    CT_LOG_REJECTED,
    CT_LOG_STATE_COUNT
};
#define CT_LOG_STATE_BIT(state) (1u << (state))
const char *ct_log_state_name(enum ct_log_state state);

enum ct_key_type { CT_KEY_P256, CT_KEY_RSA };

struct ct_previous_operator {
    char *name;
    int64_t until_ms; /* the log was theirs before this time */
};

/* Both ends are included. */
struct ct_window {
    int64_t from_ms, until_ms;
};

struct ct_log {
    uint8_t id[CT_LOG_ID_LEN];             /* SHA-256 of the key; zero where `identified` is not set */
    bool identified;                       /* the entry says which log it is: its key has the id that it gives */
    char *unusable;                        /* why no SCT of it counts; NULL: they may count */
    char *description;                     /* never NULL; a hex prefix of the id where the list has none */
    char *log_operator;                    /* NULL: none known */
    struct ct_previous_operator *previous; /* in ascending order of until_ms */
    size_t previous_count;
    char *url;            /* submission URL; NULL: none given */
    char *monitoring_url; /* where a tiled log is read; NULL: none given */
    int64_t mmd_ms;       /* maximum merge delay; 0: not given */
    enum ct_log_state state;
    int64_t state_since_ms;    /* INT64_MIN: not given */
    bool has_state;            /* the list gave one */
    int64_t interval_start_ms; /* temporal interval [start, end) on notAfter; INT64_MIN, INT64_MAX: open */
    int64_t interval_end_ms;
    int64_t sct_from_ms; /* Sigstore validFor, on the SCT's timestamp, both ends included; open as above */
    int64_t sct_until_ms;
    struct ct_window *windows; /* where SCTs of several times count, with gaps between; else NULL */
    size_t window_count;
    bool tiled;      /* static-ct: SCTs carry leaf_index */
    bool says_tiled; /* the format of the list says which; where it does not, only the log's SCTs do */
    bool test_log;   /* log_type "test" */
    enum ct_key_type key_type;
    struct ct_bytes spki;             /* owned by the log: free((void *)spki.data) */
    char *list;                       /* the file that it is from */
    unsigned order;                   /* where it stands among what was read, from 0 */
    struct ct_log *also;              /* the same log in the next list that has it, where it must count too */
    _Atomic(EVP_PKEY *) key;          /* decoded when first used */
    _Atomic(EVP_PKEY_CTX *) verifier; /* ready to check a signature, made when first used; only ever duplicated */
};

/*
 * Sets id, spki and key_type from a SubjectPublicKeyInfo, which is copied. False with a reason in `why` (static text)
 * when it is not P-256 or RSA with 2048 bits or more, without decoding the key (that is slow); the id is set even
 * then. False with NULL in `why` when memory is short or there is no digest.
 */
bool ct_log_set_key(struct ct_log *log, struct ct_bytes spki, const char **why) CT_MUST_USE;
/* Whether this is one of the public lists' logs whose private key is public. */
bool ct_log_id_is_mimic(const uint8_t id[CT_LOG_ID_LEN]) CT_MUST_USE;
/* The decoded key, owned by the log; NULL when it does not decode or memory is short. Thread-safe, lock-free. */
EVP_PKEY *ct_log_get0_key(const struct ct_log *log);
/*
 * A context, owned by the caller, that EVP_PKEY_verify can be called on with a SHA-256 digest; NULL as above.
 * Setting one up costs three look-ups of algorithms, duplicating one none. Thread-safe, lock-free.
 */
EVP_PKEY_CTX *ct_log_get1_verifier(const struct ct_log *log) CT_MUST_USE;
/* The operator at the time of an SCT (previous_operators); NULL: none known. */
const char *ct_log_operator_at(const struct ct_log *log, int64_t at_ms);
/* Whether SCTs that were made at this time may count, by this list alone (sct_from_ms, sct_until_ms, windows). */
bool ct_log_signs_at(const struct ct_log *log, int64_t at_ms) CT_MUST_USE;
void ct_log_clear(struct ct_log *log);

/* Logs of all lists, by id. */
struct ct_log_set {
    struct ct_log *logs; /* sorted by id after ct_log_set_sort */
    size_t count;
    size_t room;
};
/* Moves *log into the set and zeroes it; false when memory is short. */
bool ct_log_set_add(struct ct_log_set *set, struct ct_log *log) CT_MUST_USE;
/* By id; entries of one id stay in the order in which they were added. */
void ct_log_set_sort(struct ct_log_set *set);
/* In a sorted set; the first of that id. */
const struct ct_log *ct_log_set_find(const struct ct_log_set *set, const uint8_t id[CT_LOG_ID_LEN]);
void ct_log_set_clear(struct ct_log_set *set);

#endif
