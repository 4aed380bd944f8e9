/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/der.h"

/* HashAlgorithm and SignatureAlgorithm of RFC 5246, section 7.4.1.4.1 */
#define HASH_SHA256 4
#define SIGNATURE_RSA 1
#define SIGNATURE_ECDSA 3

#define P256_INTEGER_MAX 33 /* 32 bytes, and a zero where the first bit is set */

/* A positive INTEGER in its shortest form. */
static bool read_positive(struct ct_reader *r)
{
    struct ct_bytes v = ct_der_expect(r, CT_DER_INTEGER).content;

    if (v.len == 0 || v.len > P256_INTEGER_MAX || (v.data[0] & 0x80) != 0) {
        return false;
    }
    return v.data[0] != 0 || (v.len > 1 && (v.data[1] & 0x80) != 0);
}

/* Ecdsa-Sig-Value of RFC 3279, section 2.2.3, in DER */
static bool is_ecdsa_signature(struct ct_bytes signature)
{
    struct ct_reader r = ct_reader_of(signature);
    struct ct_reader values = ct_reader_of(ct_der_expect(&r, CT_DER_SEQUENCE).content);

    return ct_reader_finished(&r) && read_positive(&values) && read_positive(&values) && ct_reader_finished(&values);
}

bool ct_signature_plausible(const struct ct_log *log, const struct ct_sct *sct)
{
    if (sct->hash_algorithm != HASH_SHA256) {
        return false;
    }
    switch (log->key_type) {
    case CT_KEY_P256:
        return sct->signature_algorithm == SIGNATURE_ECDSA && is_ecdsa_signature(sct->signature);
    case CT_KEY_RSA:
        return sct->signature_algorithm == SIGNATURE_RSA && sct->signature.len > 0;
    }
    return false;
}

/*
 * Whether the last error is one of memory: libcrypto's answer is then often the same as to a wrong signature, and a
 * verdict from it must not be remembered.
 */
static bool memory_was_short(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

/* What was found last for what; a place for each value of the first bits. */
#define REMEMBERED 16384u
struct remembered {
    uint8_t what[32]; /* SHA-256 of key, digest and signature */
    bool known, good;
};
static struct remembered *memory;

bool ct_signature_remember(void)
{
    memory = memory != NULL ? memory : calloc(REMEMBERED, sizeof *memory);
    return memory != NULL;
}

/* Where it would be remembered, and what; NULL: no digest can be made. */
static struct remembered *place_of(const struct ct_log *log, const uint8_t digest[32], struct ct_bytes signature,
                                   uint8_t what[32])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(md, log->spki.data, log->spki.len) == 1 && EVP_DigestUpdate(md, digest, 32) == 1 &&
              EVP_DigestUpdate(md, signature.data, signature.len) == 1 && EVP_DigestFinal_ex(md, what, NULL) == 1;

    EVP_MD_CTX_free(md);
    return ok ? &memory[((size_t)what[0] << 8 | what[1]) % REMEMBERED] : NULL;
}

static enum ct_signature_result check(const struct ct_log *log, const uint8_t digest[32], struct ct_bytes signature)
{
    enum ct_signature_result result = CT_SIGNATURE_FAILED;
    EVP_PKEY_CTX *ctx = NULL;
    bool was_short;
    int verified;

    if (log->key_type == CT_KEY_P256 && !is_ecdsa_signature(signature)) {
        return CT_SIGNATURE_BAD; /* libcrypto's answer would be that to an internal failure */
    }
    ctx = ct_log_get1_verifier(log);
    if (ctx == NULL) {
        return CT_SIGNATURE_FAILED;
    }
    ERR_set_mark();                 /* the queue belongs to the application: a bad signature leaves nothing in it */
    was_short = memory_was_short(); /* the application's error, of before */
    verified = EVP_PKEY_verify(ctx, signature.data, signature.len, digest, 32);
    if (verified == 1) {
        result = CT_SIGNATURE_OK;
    } else if (verified == 0 && (was_short || !memory_was_short())) {
        result = CT_SIGNATURE_BAD;
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_pop_to_mark();
    return result;
}

enum ct_signature_result ct_signature_check(const struct ct_log *log, const uint8_t digest[32],
                                            struct ct_bytes signature)
{
    enum ct_signature_result result;
    struct remembered *place;
    uint8_t what[32];

    if (memory == NULL || (place = place_of(log, digest, signature, what)) == NULL) {
        return check(log, digest, signature);
    }
    if (place->known && memcmp(place->what, what, sizeof what) == 0) {
        return place->good ? CT_SIGNATURE_OK : CT_SIGNATURE_BAD;
    }
    result = check(log, digest, signature);
    place->known = result != CT_SIGNATURE_FAILED;
    place->good = result == CT_SIGNATURE_OK;
    memcpy(place->what, what, sizeof what);
    return result;
}
