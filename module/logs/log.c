/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/log.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/der.h"

/* AlgorithmIdentifier { id-ecPublicKey, prime256v1 } */
static const uint8_t p256_algorithm[] = {
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
};
/* AlgorithmIdentifier { rsaEncryption, NULL } */
static const uint8_t rsa_algorithm[] = {
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
};

#define P256_POINT_LEN 65u
#define RSA_MIN_BITS 2048u
#define RSA_MAX_BITS 8192u /* a check costs more with each bit, and clients decide how many checks there are */
#define RSA_MAX_EXPONENT_BYTES 8u

/* Logs in public lists whose private keys are published, so anybody can make "their" SCTs. */
static const uint8_t mimic_ids[][CT_LOG_ID_LEN] = {
    { 0xf4, 0x41, 0x95, 0xd6, 0xf0, 0x0e, 0x2d, 0xb5, 0x54, 0x35, 0xca, 0xdd, 0x57, 0x78, 0x92, 0xe5,
      0x3e, 0x15, 0xad, 0x41, 0x70, 0x58, 0xf8, 0x78, 0xe1, 0x4f, 0xf6, 0xb9, 0x18, 0x74, 0x15, 0x89 },
    { 0xb2, 0x2f, 0x7e, 0xde, 0xb5, 0xaf, 0x6a, 0xfe, 0x50, 0x3d, 0xe0, 0x40, 0x81, 0xb2, 0xd7, 0x4c,
      0x12, 0x53, 0x84, 0x92, 0xfe, 0xdf, 0x2c, 0xb2, 0xa5, 0x26, 0x50, 0x3c, 0xef, 0x53, 0xce, 0xd2 },
};

bool ct_log_id_is_mimic(const uint8_t id[CT_LOG_ID_LEN])
{
    for (size_t i = 0; i < sizeof mimic_ids / sizeof mimic_ids[0]; i++) {
        if (memcmp(mimic_ids[i], id, CT_LOG_ID_LEN) == 0) {
            return true;
        }
    }
    return false;
}

const char *ct_log_state_name(enum ct_log_state state)
{
    static const char *const names[CT_LOG_STATE_COUNT] = {
        [CT_LOG_PENDING] = "pending",   [CT_LOG_QUALIFIED] = "qualified", [CT_LOG_USABLE] = "usable",
        [CT_LOG_READONLY] = "readonly", [CT_LOG_RETIRED] = "retired",     [CT_LOG_REJECTED] = "rejected",
    };

    return (unsigned)state < CT_LOG_STATE_COUNT ? names[state] : "unknown-state";
}

/* A positive INTEGER in DER: its magnitude without the sign byte; an empty span for anything else. */
static struct ct_bytes positive_integer(struct ct_reader *r)
{
    struct ct_bytes value = ct_der_expect(r, CT_DER_INTEGER).content;

    if (value.len == 0 || (value.data[0] & 0x80)) {
        return (struct ct_bytes){ 0 };
    }
    if (value.data[0] == 0) {
        value.data++;
        value.len--;
        if (value.len == 0 || !(value.data[0] & 0x80)) {
            return (struct ct_bytes){ 0 }; /* zero, or not minimal */
        }
    }
    return value;
}

static size_t bit_length(struct ct_bytes magnitude)
{
    size_t bits = magnitude.len * 8;

    for (unsigned top = magnitude.data[0]; !(top & 0x80); top <<= 1) {
        bits--;
    }
    return bits;
}

/* The RSAPublicKey of RFC 8017, A.1.1. NULL when it is fine, else what is wrong. */
static const char *check_rsa(struct ct_bytes key)
{
    struct ct_reader outer = ct_reader_of(key);
    struct ct_reader inner = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);
    struct ct_bytes modulus = positive_integer(&inner);
    struct ct_bytes exponent = positive_integer(&inner);

    if (!ct_reader_finished(&outer) || !ct_reader_finished(&inner) || modulus.len == 0 || exponent.len == 0) {
        return "the RSA key is not a DER RSAPublicKey";
    }
    if (bit_length(modulus) < RSA_MIN_BITS) {
        return "the RSA key is shorter than 2048 bits";
    }
    if (bit_length(modulus) > RSA_MAX_BITS) {
        return "the RSA key is longer than 8192 bits";
    }
    if (!(modulus.data[modulus.len - 1] & 1)) {
        return "the RSA modulus is even";
    }
    if (exponent.len > RSA_MAX_EXPONENT_BYTES || !(exponent.data[exponent.len - 1] & 1) ||
        (exponent.len == 1 && exponent.data[0] < 3)) {
        return "the RSA exponent is not an odd number from 3 to 2^64";
    }
    return NULL;
}

/* NULL when the key is of a kind and size that RFC 6962, section 2.1.4 and we accept, else what is wrong. */
static const char *check_spki(struct ct_bytes spki, enum ct_key_type *type)
{
    struct ct_reader outer = ct_reader_of(spki);
    struct ct_reader inner = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);
    struct ct_bytes algorithm = ct_der_expect(&inner, CT_DER_SEQUENCE).whole;
    struct ct_reader bits = ct_reader_of(ct_der_expect(&inner, CT_DER_BIT_STRING).content);
    uint8_t unused_bits = ct_read_u8(&bits);

    if (!ct_reader_finished(&outer) || !ct_reader_finished(&inner) || bits.failed || unused_bits != 0) {
        return "the key is not a DER SubjectPublicKeyInfo";
    }
    if (ct_bytes_equal(algorithm, (struct ct_bytes){ p256_algorithm, sizeof p256_algorithm })) {
        *type = CT_KEY_P256;
        if (bits.left != P256_POINT_LEN || bits.at[0] != 0x04) {
            return "the P-256 key is not an uncompressed point";
        }
        return NULL;
    }
    if (ct_bytes_equal(algorithm, (struct ct_bytes){ rsa_algorithm, sizeof rsa_algorithm })) {
        *type = CT_KEY_RSA;
        return check_rsa((struct ct_bytes){ bits.at, bits.left });
    }
    return "the key is neither ECDSA P-256 nor RSA, which are all that logs may use";
}

bool ct_log_set_key(struct ct_log *log, struct ct_bytes spki, const char **why)
{
    enum ct_key_type type = CT_KEY_P256;
    uint8_t id[CT_LOG_ID_LEN];
    uint8_t *copy = NULL;

    *why = NULL;
    if (EVP_Q_digest(NULL, "SHA256", NULL, spki.data, spki.len, id, NULL) != 1) {
        return false;
    }
    memcpy(log->id, id, sizeof id);
    log->identified = true;
    *why = check_spki(spki, &type);
    if (*why != NULL || (copy = malloc(spki.len)) == NULL) {
        return false;
    }
    memcpy(copy, spki.data, spki.len);
    free((void *)log->spki.data);
    log->spki = (struct ct_bytes){ copy, spki.len };
    log->key_type = type;
    return true;
}

EVP_PKEY *ct_log_get0_key(const struct ct_log *log)
{
    /* The decoded key is a cache beside the log's facts: callers see the log as constant. */
    _Atomic(EVP_PKEY *) *slot = &((struct ct_log *)log)->key;
    const unsigned char *at = log->spki.data;
    EVP_PKEY *expected = NULL;
    EVP_PKEY *key = atomic_load_explicit(slot, memory_order_acquire);

    if (key != NULL || at == NULL) {
        return key;
    }
    ERR_set_mark(); /* a key that does not decode must not leave its trace in the application's error queue */
    key = d2i_PUBKEY(NULL, &at, (long)log->spki.len);
    ERR_pop_to_mark();
    if (key == NULL) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong_explicit(slot, &expected, key, memory_order_acq_rel, memory_order_acquire)) {
        EVP_PKEY_free(key); /* another thread was first; both decoded the same bytes */
        key = expected;
    }
    return key;
}

/* `properties` as of EVP_PKEY_CTX_new_from_pkey. NULL when they lead to nothing that verifies a digest. */
static EVP_PKEY_CTX *verifier_of(const struct ct_log *log, EVP_PKEY *key, const char *properties)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, properties);

    if (ctx == NULL || EVP_PKEY_verify_init(ctx) <= 0 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) <= 0 ||
        (log->key_type == CT_KEY_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) <= 0)) {
        EVP_PKEY_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

/*
 * A provider that the administrator prefers may verify whole messages only (tpm2-openssl does): then OpenSSL's own
 * providers are asked, within what else the default properties demand. Beside FIPS's there may be no default one.
 */
static EVP_PKEY_CTX *new_verifier(const struct ct_log *log)
{
    static const char *const properties[] = { NULL, "provider=default", "provider=fips" };
    EVP_PKEY *key = ct_log_get0_key(log);
    EVP_PKEY_CTX *ctx = NULL;

    for (size_t i = 0; key != NULL && ctx == NULL && i < sizeof properties / sizeof properties[0]; i++) {
        ctx = verifier_of(log, key, properties[i]);
    }
    return ctx;
}

EVP_PKEY_CTX *ct_log_get1_verifier(const struct ct_log *log)
{
    _Atomic(EVP_PKEY_CTX *) *slot = &((struct ct_log *)log)->verifier;
    EVP_PKEY_CTX *verifier = atomic_load_explicit(slot, memory_order_acquire);
    EVP_PKEY_CTX *expected = NULL;
    EVP_PKEY_CTX *result = NULL;

    ERR_set_mark(); /* nothing that fails here is for the application's error queue */
    if (verifier == NULL) {
        verifier = new_verifier(log);
        if (verifier != NULL && !atomic_compare_exchange_strong_explicit(slot, &expected, verifier,
                                                                         memory_order_acq_rel, memory_order_acquire)) {
            EVP_PKEY_CTX_free(verifier); /* another thread was first */
            verifier = expected;
        }
    }
    if (verifier != NULL && (result = EVP_PKEY_CTX_dup(verifier)) == NULL) {
        result = new_verifier(log); /* a provider need not know how to duplicate */
    }
    ERR_pop_to_mark();
    return result;
}

const char *ct_log_operator_at(const struct ct_log *log, int64_t at_ms)
{
    for (size_t i = 0; i < log->previous_count; i++) {
        if (at_ms < log->previous[i].until_ms) {
            return log->previous[i].name;
        }
    }
    return log->log_operator;
}

bool ct_log_signs_at(const struct ct_log *log, int64_t at_ms)
{
    bool within = at_ms >= log->sct_from_ms && at_ms <= log->sct_until_ms;
    bool in_a_window = log->window_count == 0;

    for (size_t i = 0; i < log->window_count && !in_a_window; i++) {
        in_a_window = at_ms >= log->windows[i].from_ms && at_ms <= log->windows[i].until_ms;
    }
    return within && in_a_window;
}

void ct_log_clear(struct ct_log *log)
{
    if (log == NULL) {
        return;
    }
    for (struct ct_log *next = log->also; next != NULL;) {
        struct ct_log *one = next;

        next = one->also;
        one->also = NULL;
        ct_log_clear(one);
        free(one);
    }
    EVP_PKEY_CTX_free(atomic_load_explicit(&log->verifier, memory_order_acquire));
    EVP_PKEY_free(atomic_load_explicit(&log->key, memory_order_acquire));
    for (size_t i = 0; i < log->previous_count; i++) {
        free(log->previous[i].name);
    }
    free(log->previous);
    free(log->windows);
    free(log->unusable);
    free(log->description);
    free(log->log_operator);
    free(log->url);
    free(log->monitoring_url);
    free(log->list);
    free((void *)log->spki.data);
    memset(log, 0, sizeof *log);
}
