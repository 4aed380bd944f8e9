/* SPDX-License-Identifier: Apache-2.0 */
/* Where SCTs are found. Each source gives a SignedCertificateTimestampList; TLS bytes are handed in by the caller. */
#ifndef CT_EVIDENCE_H
#define CT_EVIDENCE_H

#include "evidence/certificate.h"
#include "base/file.h"
#include "evidence/sct.h"

/*
 * What a look into one source gave. The functions below fill it, initialised or not; the list stays valid until
 * ct_evidence_clear and, where it is borrowed, as long as what it was borrowed from.
 */
struct ct_evidence {
    enum clientct_reason trouble; /* CLIENTCT_NOT_EVALUATED: none; otherwise why the source gives nothing */
    char detail[160];             /* about the trouble, or why a store could not be read (no trouble then), or "" */
    bool revoked;                 /* OCSP: a response that is or was valid says revoked */
    bool good;                    /* OCSP: a fresh, valid response says good */
    bool missing;                 /* OCSP: there is no response */
    bool present;                 /* `list` is there */
    struct ct_bytes list;         /* SignedCertificateTimestampList with its two-byte length */
    uint8_t *owned;               /* of malloc: the memory that list lies in, where it is not borrowed */
    struct ct_file file;          /* or the file that list lies in */
    struct ct_file_stamp stamp;   /* of the file that was looked for; zero when none was: for the cache */
    struct ct_file_stamp twin;    /* of the one by the twin's hash */
    int64_t from_ms, until_ms;    /* OCSP: what is said holds in [from, until); INT64_MIN, INT64_MAX: open */
};

#define CT_EVIDENCE_MAX_BYTES (128u * 1024) /* of a file in a store, or of an OCSP response */
#define CT_PROOF_FILE_SUFFIX ".tlog-proof"

/* Borrows the list from the certificate. A list whose OCTET STRING is not exact is malformed-sct-list. */
void ct_evidence_embedded(const struct ct_certificate *certificate, struct ct_evidence *out);

/*
 * The OCSP response (RFC 6960) in `dir`/<sha256 of the certificate>.ocsp, or `response` when it is not empty,
 * verified with libcrypto for `leaf` issued by chain[1], as of `now_ms`. Gives the list of the singleExtension of
 * RFC 6962, section 3.3. `dir` NULL and no response: nothing. Where there is no file of that name, one by the hash of
 * the certificate's twin will do. What is there and is no evidence is ocsp-unusable with a detail; a valid response
 * that says revoked sets `revoked` and is trouble of that name, also when nextUpdate has passed. A fresh one that says
 * good sets `good`, with or without SCTs. Trusted are the issuer's own key and responders that the issuer certified for
 * OCSP signing; whether the responder itself was revoked is not looked at. A response without nextUpdate is believed
 * for seven days.
 */
void ct_evidence_ocsp(const struct ct_certificate *certificate, X509 *leaf, STACK_OF(X509) *chain, const char *dir,
                      struct ct_bytes response, int64_t now_ms, struct ct_evidence *out);

/* The SignedCertificateTimestampList in `dir`/<sha256 of the certificate>.sct; `dir` NULL: nothing. Not decoded. */
void ct_evidence_store(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out);

/*
 * The kept proofs of the certificate, `dir`/<sha256 of the certificate>.tlog-proof, as bytes in `list`; `dir` NULL:
 * nothing. A file that is there and cannot be read has `detail` and no list.
 */
void ct_evidence_proofs(const struct ct_certificate *certificate, const char *dir, struct ct_evidence *out);

/* Frees what the evidence owns and empties it. NULL and zeroed evidence are fine. */
void ct_evidence_clear(struct ct_evidence *evidence);

/* A quarter of PATH_MAX: it stands on the stack of a handshake. A longer path is a file that cannot be read. */
#define CT_EVIDENCE_PATH_SIZE 1024

/* Writes `dir`/<sha256 in hex><suffix>; false when it does not fit. */
bool ct_evidence_path(const char *dir, const uint8_t sha256[32], const char *suffix,
                      char path[CT_EVIDENCE_PATH_SIZE]) CT_MUST_USE;

/* Nothing found, open in time. */
void ct_evidence_init(struct ct_evidence *out);

/*
 * For the two that read files: `dir`/<sha256><suffix> of at most CT_EVIDENCE_MAX_BYTES, never through a symbolic
 * link. False when nothing could be read. That is no trouble, since a missing store only means missing evidence
 * (memory aside: internal-error), but what an operator would want to know is in out->detail: not permitted, too
 * large, no regular file.
 */
bool ct_evidence_read_file(const uint8_t sha256[32], const char *dir, const char *suffix, struct ct_file *file,
                           struct ct_evidence *out) CT_MUST_USE;

#endif
