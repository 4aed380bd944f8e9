/* Where SCTs are found. Each source gives a SignedCertificateTimestampList; TLS bytes are handed in by the caller. */
#ifndef CT_EVIDENCE_H
#define CT_EVIDENCE_H

#include "certificate.h"
#include "sct.h"

/* What a look into one source gave. Zero-initialise; the list stays valid until ct_evidence_clear. */
struct ct_evidence {
    enum clientct_reason trouble; /* CLIENTCT_NOT_EVALUATED: none; otherwise why the source gives nothing */
    char detail[160];             /* about the trouble, or "" */
    bool revoked;                 /* OCSP: a fresh, valid response says revoked */
    bool present;                 /* `list` is there */
    struct ct_bytes list;         /* SignedCertificateTimestampList with its two-byte length */
    uint8_t *owned;               /* backing of list where it is not borrowed */
    uint8_t digest[32];           /* SHA-256 of the bytes that were read, zero when there were none: for the cache key */
    int64_t from_ms, until_ms;    /* OCSP: thisUpdate and nextUpdate; the evidence holds within. INT64_MIN, INT64_MAX: open */
};

#define CT_EVIDENCE_MAX_BYTES (128u * 1024) /* of a file in a store, or of an OCSP response */

void ct_evidence_embedded(const struct ct_certificate *certificate, struct ct_evidence *out);
/*
 * The OCSP response in `dir`/<sha256 of the certificate>.ocsp, or `response` when it is not empty, verified with
 * libcrypto for `leaf` issued by chain[1], as of `now_ms`.
 */
void ct_evidence_ocsp(const struct ct_certificate *certificate, X509 *leaf, STACK_OF(X509) *chain, const char *dir,
                      struct ct_bytes response, int64_t now_ms, struct ct_evidence *out);
/* `dir`/<sha256 of the certificate>.sct */
void ct_evidence_store(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out);
void ct_evidence_clear(struct ct_evidence *evidence);

#endif
