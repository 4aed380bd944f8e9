/* SPDX-License-Identifier: Apache-2.0 */
/* What we read of a client certificate ourselves: from the bytes that were received, walked once. */
#ifndef CT_CERTIFICATE_H
#define CT_CERTIFICATE_H

#include <openssl/x509.h>

#include "base/bytes.h"

/* Spans point into `der`, which the struct owns. Zero-initialise; clear with ct_certificate_clear. */
struct ct_certificate {
    uint8_t *der;
    size_t der_len;
    uint8_t sha256[32];        /* of der */
    bool has_twin;             /* ct_certificate_find_twin has found one */
    uint8_t twin_sha256[32];   /* of the same certificate with the other form of its ECDSA signature */
    uint8_t signed_sha256[32]; /* of tbs, the signed part, which nobody but the CA can change */
    struct ct_bytes tbs;       /* TBSCertificate: the whole element */
    struct ct_bytes signature_algorithm;
    struct ct_bytes extensions;        /* the contents of the Extensions SEQUENCE; empty when there are none */
    struct ct_bytes before_extensions; /* contents of the TBSCertificate up to [3] */
    bool well_formed;                  /* strict DER down to the extensions; false: only der, sha256 are set */
    bool duplicate_extension;          /* two SCT-list extensions */
    bool poison;                       /* critical poison, RFC 6962, 3.1: a precertificate */
    struct ct_bytes poison_extension;  /* the whole Extension element, where there is just one */
    bool has_sct_list;
    bool has_rfc9162;              /* Transparency Information, RFC 9162, section 7.1: evidence that is not read here */
    struct ct_bytes sct_extension; /* the whole Extension element that carries the list */
    struct ct_bytes sct_list_value; /* contents of its extnValue: a DER OCTET STRING around the list */
    int64_t not_before_ms, not_after_ms;
};

enum ct_certificate_result { CT_CERTIFICATE_OK, CT_CERTIFICATE_OUT_OF_MEMORY };
enum ct_certificate_result ct_certificate_read(X509 *x509, struct ct_certificate *out) CT_MUST_USE;
/* The same from DER, which is copied: for tests, fuzzing and tools. Validity is read by libcrypto only in the above. */
enum ct_certificate_result ct_certificate_read_der(struct ct_bytes der, struct ct_certificate *out) CT_MUST_USE;
/*
 * Sets has_twin and twin_sha256 where the signature is ECDSA, with the key of `issuer` (NULL: the leaf's own). False:
 * memory is short.
 */
bool ct_certificate_find_twin(struct ct_certificate *certificate, X509 *leaf, X509 *issuer) CT_MUST_USE;
/* Whether the signature is RSA-PSS and shorter than the issuer's key, which RFC 8017, 8.1.2, calls invalid. */
bool ct_certificate_is_shortened(const X509 *leaf, const X509 *issuer) CT_MUST_USE;
/* Whether the SHA-256 of the DER is this one, or the twin's is. */
bool ct_certificate_is(const struct ct_certificate *certificate, const uint8_t sha256[32]) CT_MUST_USE;
void ct_certificate_clear(struct ct_certificate *certificate);

/* Who issued the leaf that a verified chain begins with; NULL: that is not known. */
X509 *ct_issuer_in(const STACK_OF(X509) *chain);

/*
 * SHA-256 of the SubjectPublicKeyInfo in DER: what names an issuer in rules, and in what a log signs (RFC 6962, 3.2,
 * issuer_key_hash). False: memory is short.
 */
bool ct_spki_sha256(const X509 *certificate, uint8_t hash[32]) CT_MUST_USE;

/* The embedded SignedCertificateTimestampList; empty span when there is none or the inner OCTET STRING is not exact. */
bool ct_certificate_sct_list(const struct ct_certificate *certificate, struct ct_bytes *list) CT_MUST_USE;

#endif
