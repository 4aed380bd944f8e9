/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ECDSA signature (r, s) has a twin, (r, n - s), which verifies as well: whoever holds a certificate can make
 * another one of it with the same signed part, as valid, and another hash. Where operators name certificates by their
 * hash, the twin's counts for the same. Of the other algorithms that OpenSSL verifies none is known to be malleable.
 */
#include "evidence/certificate.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/der.h"

static bool signed_with_ecdsa(const X509 *leaf)
{
    int key = NID_undef;

    return OBJ_find_sigid_algs(X509_get_signature_nid(leaf), NULL, &key) == 1 && key == NID_X9_62_id_ecPublicKey;
}

/* Of the base points of P-256 and P-384 (SEC 2, sections 2.4.2 and 2.5.1). */
static const uint8_t p256_order[] = { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                      0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
static const uint8_t p384_order[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
                                      0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73 };

/*
 * The order of the curve that a key is on; NULL when it has none or memory is short. Asked for it, libcrypto first
 * exports everything that it knows of the curve, which takes longer than all the rest here: not for the usual ones.
 */
static BIGNUM *order_of(const X509 *owner, const EVP_PKEY *key)
{
    BIGNUM *order = NULL;
    X509_ALGOR *algorithm = NULL;
    int curve = NID_undef;

    if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(owner)) == 1) {
        const ASN1_OBJECT *object;
        const void *parameters;
        int type;

        X509_ALGOR_get0(&object, &type, &parameters, algorithm);
        curve = OBJ_obj2nid(object) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT ? OBJ_obj2nid(parameters)
                                                                                         : NID_undef;
    }
    if (curve == NID_X9_62_prime256v1) {
        return BN_bin2bn(p256_order, sizeof p256_order, NULL);
    }
    if (curve == NID_secp384r1) {
        return BN_bin2bn(p384_order, sizeof p384_order, NULL);
    }
    return EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order) == 1 ? order : NULL;
}

/* s becomes n - s; NULL when it is no such signature or memory is short. */
static ECDSA_SIG *twin_of(struct ct_bytes signature, const BIGNUM *order)
{
    const unsigned char *at = signature.data;
    ECDSA_SIG *twin = d2i_ECDSA_SIG(NULL, &at, (long)signature.len);
    BIGNUM *r = twin != NULL ? BN_dup(ECDSA_SIG_get0_r(twin)) : NULL;
    BIGNUM *s = BN_new();

    if (r == NULL || s == NULL || BN_sub(s, order, ECDSA_SIG_get0_s(twin)) != 1 || ECDSA_SIG_set0(twin, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(twin);
        return NULL;
    }
    return twin;
}

/* The certificate's parts with another signature: Certificate of RFC 5280, section 4.1. */
static bool hash_with(const struct ct_certificate *certificate, const uint8_t *signature, size_t len, uint8_t hash[32])
{
    size_t bits = 1 + len; /* no bits are unused */
    size_t content = certificate->tbs.len + certificate->signature_algorithm.len + 1 + ct_der_length_size(bits) + bits;
    uint8_t *der = malloc(1 + ct_der_length_size(content) + content);
    uint8_t *at;
    bool ok;

    if (der == NULL) {
        return false;
    }
    at = ct_der_write_header(der, CT_DER_SEQUENCE, content);
    memcpy(at, certificate->tbs.data, certificate->tbs.len);
    at += certificate->tbs.len;
    memcpy(at, certificate->signature_algorithm.data, certificate->signature_algorithm.len);
    at += certificate->signature_algorithm.len;
    at = ct_der_write_header(at, CT_DER_BIT_STRING, bits);
    *at++ = 0;
    memcpy(at, signature, len);
    at += len;
    ok = EVP_Digest(der, (size_t)(at - der), hash, NULL, EVP_sha256(), NULL) == 1;
    free(der);
    return ok;
}

void ct_certificate_find_twin(struct ct_certificate *certificate, X509 *leaf, X509 *issuer)
{
    const X509 *owner = issuer != NULL ? issuer : leaf;
    const EVP_PKEY *key;
    const ASN1_BIT_STRING *signature;
    BIGNUM *order = NULL;
    ECDSA_SIG *twin = NULL;
    uint8_t *encoded = NULL;
    int len;

    if (!certificate->well_formed || !signed_with_ecdsa(leaf)) {
        return;
    }
    ERR_set_mark(); /* also of a key that does not decode */
    key = X509_get0_pubkey(owner);
    X509_get0_signature(&signature, NULL, leaf);
    /* Only what cannot be decoded has no order or no twin; it was not verified either. */
    if (key != NULL && (order = order_of(owner, key)) != NULL) {
        twin = twin_of((struct ct_bytes){ ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature) },
                       order);
    }
    len = twin != NULL ? i2d_ECDSA_SIG(twin, &encoded) : 0;
    certificate->has_twin = len > 0 && hash_with(certificate, encoded, (size_t)len, certificate->twin_sha256);
    ERR_pop_to_mark();
    OPENSSL_free(encoded);
    ECDSA_SIG_free(twin);
    BN_free(order);
}
