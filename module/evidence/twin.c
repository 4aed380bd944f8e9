/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ECDSA signature (r, s) has a twin, (r, n - s), which verifies as well: whoever holds a certificate can make
 * another one of it with the same signed part, as valid, and another hash. Where operators name certificates by their
 * hash, the twin's counts for the same. Of the other algorithms none is known to be malleable, where an RSA-PSS
 * signature is as long as the key; RFC 8017, section 8.1.2, demands that, and we look.
 */
#include "evidence/certificate.h"

#include <openssl/core_names.h>
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

/* Ecdsa-Sig-Value of RFC 5480, appendix A: the whole element of r, the contents of s. */
static bool read_signature(struct ct_bytes signature, struct ct_bytes *r, struct ct_bytes *s)
{
    struct ct_reader outer = ct_reader_of(signature);
    struct ct_reader both = ct_reader_of(ct_der_expect(&outer, CT_DER_SEQUENCE).content);

    *r = ct_der_expect(&both, CT_DER_INTEGER).whole;
    *s = ct_der_expect(&both, CT_DER_INTEGER).content;
    return ct_reader_finished(&outer) && ct_reader_finished(&both);
}

/* The signature (r, s) for that s; free it. NULL: memory is short. */
static uint8_t *write_signature(struct ct_bytes r, const BIGNUM *s, size_t *len)
{
    size_t integer = (size_t)BN_num_bits(s) / 8 + 1; /* with the sign */
    size_t content = r.len + 1 + ct_der_length_size(integer) + integer;
    uint8_t *signature = malloc(1 + ct_der_length_size(content) + content);
    uint8_t *at;

    if (signature == NULL) {
        return NULL;
    }
    at = ct_der_write_header(signature, CT_DER_SEQUENCE, content);
    memcpy(at, r.data, r.len);
    at = ct_der_write_header(at + r.len, CT_DER_INTEGER, integer);
    if (BN_bn2binpad(s, at, (int)integer) < 0) {
        free(signature);
        return NULL;
    }
    *len = (size_t)(at - signature) + integer;
    return signature;
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

bool ct_certificate_is_shortened(const X509 *leaf, const X509 *issuer)
{
    const ASN1_BIT_STRING *bits;
    const EVP_PKEY *key;
    bool shortened;

    if (issuer == NULL || X509_get_signature_nid(leaf) != NID_rsassaPss) {
        return false;
    }
    ERR_set_mark();
    key = X509_get0_pubkey(issuer);
    X509_get0_signature(&bits, NULL, leaf);
    shortened = key != NULL && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
                ASN1_STRING_length(bits) < EVP_PKEY_get_size(key);
    ERR_pop_to_mark();
    return shortened;
}

bool ct_certificate_find_twin(struct ct_certificate *certificate, X509 *leaf, X509 *issuer)
{
    const X509 *owner = issuer != NULL ? issuer : leaf;
    const EVP_PKEY *key;
    const ASN1_BIT_STRING *bits;
    struct ct_bytes r, s;
    BIGNUM *order = NULL, *other = NULL;
    uint8_t *signature = NULL;
    size_t len = 0;
    bool known = false;

    if (!certificate->well_formed || !signed_with_ecdsa(leaf)) {
        return true;
    }
    ERR_set_mark(); /* also of a key that does not decode */
    key = X509_get0_pubkey(owner);
    X509_get0_signature(&bits, NULL, leaf);
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        !read_signature((struct ct_bytes){ ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits) }, &r, &s)) {
        known = true; /* there is none: this was never verified */
        goto out;
    }
    if ((order = order_of(owner, key)) == NULL || (other = BN_bin2bn(s.data, (int)s.len, NULL)) == NULL ||
        BN_sub(other, order, other) != 1) {
        goto out;
    }
    if (BN_is_negative(other) || BN_is_zero(other)) {
        known = true; /* likewise */
        goto out;
    }
    signature = write_signature(r, other, &len);
    known = signature != NULL && hash_with(certificate, signature, len, certificate->twin_sha256);
    certificate->has_twin = known;
out:
    ERR_pop_to_mark();
    free(signature);
    BN_free(other);
    BN_free(order);
    return known;
}
