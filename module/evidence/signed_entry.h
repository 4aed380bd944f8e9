/* SPDX-License-Identifier: Apache-2.0 */
/* What a log signed: digitally-signed struct of RFC 6962, section 3.2. Built once a certificate. */
#ifndef CT_SIGNED_ENTRY_H
#define CT_SIGNED_ENTRY_H

#include "evidence/certificate.h"
#include "evidence/sct.h"

enum ct_entry_type { CT_ENTRY_X509 = 0, CT_ENTRY_PRECERT = 1 };

/* The parts that are the same for every SCT of one certificate and one entry type. */
struct ct_signed_entry {
    enum ct_entry_type type;
    bool built;
    struct ct_bytes body;        /* x509: certificate bytes (borrowed); precert: TBSCertificate without the SCT list */
    uint8_t *owned;              /* the memory that body lies in, when precert */
    uint8_t issuer_key_hash[32]; /* precert only: SHA-256 of the issuer's SubjectPublicKeyInfo */
};

enum ct_entry_result {
    CT_ENTRY_OK,
    CT_ENTRY_NO_ISSUER, /* precert: no issuer in the verified chain */
    CT_ENTRY_MALFORMED, /* the certificate is not the DER it should be, or too large for opaque<1..2^24-1> */
    CT_ENTRY_OUT_OF_MEMORY
};

/* The TBSCertificate with the SCT-list extension taken out; only enclosing lengths are rewritten. Free the result. */
enum ct_entry_result ct_tbs_without_sct_list(const struct ct_certificate *certificate, uint8_t **out,
                                             size_t *len) CT_MUST_USE;
enum ct_entry_result ct_signed_entry_build(const struct ct_certificate *certificate, X509 *issuer,
                                           enum ct_entry_type type, struct ct_signed_entry *entry) CT_MUST_USE;
/*
 * The same for a precertificate that is to be submitted (RFC 6962, section 3.1): what a log signs for it is its
 * TBSCertificate without the poison, issued by the CA itself and not through a precertificate signing certificate.
 */
enum ct_entry_result ct_signed_entry_of_precertificate(const struct ct_certificate *certificate, X509 *issuer,
                                                       struct ct_signed_entry *entry) CT_MUST_USE;
void ct_signed_entry_clear(struct ct_signed_entry *entry);

/* SHA-256 over the digitally-signed struct for this SCT. */
bool ct_signed_entry_digest(const struct ct_signed_entry *entry, const struct ct_sct *sct,
                            uint8_t digest[32]) CT_MUST_USE;
/* The Merkle leaf hash (RFC 6962, section 2.1) of the entry that the log promised to publish with this SCT. */
bool ct_signed_entry_leaf_hash(const struct ct_signed_entry *entry, const struct ct_sct *sct,
                               uint8_t hash[32]) CT_MUST_USE;

#endif
