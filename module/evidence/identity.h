/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a certificate names, and who names them: one bounded walk over its bytes, without building an X509. For those
 * who read every entry of a log; servers decide by libcrypto's own objects.
 */
#ifndef CT_IDENTITY_H
#define CT_IDENTITY_H

#include "base/bytes.h"

/* Spans into the bytes that it was read from. */
struct ct_identity {
    struct ct_bytes serial; /* its magnitude, without the sign's zero; as it stands where it is negative */
    struct ct_bytes issuer; /* Name: the whole element */
    struct ct_bytes subject;
    struct ct_bytes spki; /* SubjectPublicKeyInfo: the whole element */
    int64_t not_before_ms, not_after_ms;
    struct ct_bytes alternative_names; /* the contents of subjectAltName's GeneralNames; empty: none */
    struct ct_bytes usages;            /* the contents of extKeyUsage's SEQUENCE OF OID; empty: none */
    bool sct_list;                     /* there is a list of embedded SCTs */
};

/*
 * TBSCertificate of RFC 5280, section 4.1, the whole element. False when it is not strict DER as far as it is read
 * here; other readers may still make sense of it, so that is a finding and no reason to pass over it.
 */
bool ct_identity_of_tbs(struct ct_bytes tbs, struct ct_identity *out) CT_MUST_USE;
bool ct_identity_of_certificate(struct ct_bytes der, struct ct_identity *out) CT_MUST_USE;

/* GeneralName's tag numbers of RFC 5280, section 4.2.1.6. */
enum { CT_NAME_OTHER = 0, CT_NAME_EMAIL = 1, CT_NAME_DNS = 2, CT_NAME_DIRECTORY = 4, CT_NAME_URI = 6, CT_NAME_IP = 7 };
/* The next of the alternative names; start with a reader of them. False at the end, or where they are no DER. */
bool ct_identity_next_name(struct ct_reader *names, unsigned *kind, struct ct_bytes *value) CT_MUST_USE;

/* Attributes of a Name: zero-initialise with the Name and call until false. `oid` has no header. */
struct ct_name_walk {
    struct ct_reader sets, set;
};
struct ct_name_walk ct_name_walk_of(struct ct_bytes name);
bool ct_name_walk_next(struct ct_name_walk *walk, struct ct_bytes *oid, uint8_t *tag,
                       struct ct_bytes *value) CT_MUST_USE;

#endif
