/* SPDX-License-Identifier: Apache-2.0 */
/* SignedCertificateTimestampList and SignedCertificateTimestamp: RFC 6962, sections 3.2 and 3.3. */
#ifndef CT_SCT_H
#define CT_SCT_H

#include <clientct/clientct.h>

#include "base/bytes.h"

struct ct_log;

#define CT_LOG_ID_LEN 32

/* A decoded SCT: spans into the bytes it was read from. */
struct ct_sct {
    enum clientct_source source;
    /*
     * CLIENTCT_NOT_CHECKED after decoding; CLIENTCT_VALID once everything but the policy's own conditions
     * holds; otherwise why the SCT does not count.
     */
    enum clientct_reason status;
    bool decoded;          /* the fields below are meaningful */
    const uint8_t *log_id; /* CT_LOG_ID_LEN bytes */
    uint64_t timestamp_ms;
    struct ct_bytes extensions;  /* CtExtensions, without its length */
    uint8_t hash_algorithm;      /* RFC 5246, 7.4.1.4.1: 4 is SHA-256 */
    uint8_t signature_algorithm; /* 1 RSA, 3 ECDSA */
    struct ct_bytes signature;
    const struct ct_log *log; /* NULL: unknown */
};

/* SCTs of all sources, in the order in which signatures are checked. Zero-initialise. */
#define CT_SCTS_MAX 2048 /* what is beyond is counted, not kept: no list of bytes buys unbounded work */
struct ct_scts {
    struct ct_sct *items;
    size_t count;
    size_t room;
    size_t beyond; /* SCTs that came after CT_SCTS_MAX */
};

enum ct_list_result {
    CT_LIST_OK,
    CT_LIST_MALFORMED, /* nothing of this list is used */
    CT_LIST_OUT_OF_MEMORY
};

/*
 * Decodes a whole SignedCertificateTimestampList (with its outer two-byte length) and appends its SCTs.
 * One SCT that does not decode is appended with a status that says so and does not spoil its neighbours;
 * a list whose own lengths do not add up, or that is empty, gives nothing. `list` must outlive `scts`.
 */
enum ct_list_result ct_sct_list_decode(struct ct_bytes list, enum clientct_source source,
                                       struct ct_scts *scts) CT_MUST_USE;

/* Decodes one SerializedSCT (without its length) into `sct`: sets status, decoded and the fields. */
void ct_sct_decode(struct ct_bytes serialized, enum clientct_source source, struct ct_sct *sct);

void ct_scts_clear(struct ct_scts *scts);

/*
 * The leaf_index extension of static-ct logs (c2sp.org/static-ct-api): true when CtExtensions is a well-formed
 * sequence of extensions that has leaf_index (type 0) exactly once with five bytes. Other types are skipped.
 */
bool ct_sct_leaf_index(struct ct_bytes extensions, uint64_t *index) CT_MUST_USE;

#endif
