/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a log as it publishes them, in bundles of a tiled log or one by one. */
#ifndef CT_ENTRY_H
#define CT_ENTRY_H

#include "evidence/signed_entry.h"
#include "logs/tree.h"

/* Spans into the bytes that it was read from. */
struct ct_log_entry {
    uint64_t timestamp_ms;
    enum ct_entry_type type;
    struct ct_bytes issuer_key_hash; /* precert: SHA-256 of the issuer's SubjectPublicKeyInfo */
    struct ct_bytes body;            /* x509: the certificate; precert: its TBSCertificate, without poison */
    struct ct_bytes extensions;      /* CtExtensions */
    struct ct_bytes timestamped;     /* the whole TimestampedEntry: what the leaf hash is over, behind 00 00 */
    struct ct_bytes submitted;       /* precert: the precertificate as it was submitted */
    struct ct_bytes fingerprints;    /* tiled logs: SHA-256 of each certificate of the chain, the issuer's first */
    struct ct_bytes issuer;          /* RFC 6962 logs: the first certificate of the chain; empty: none */
};

/*
 * The next TileLeaf of a bundle (c2sp.org/static-ct-api, "Log Entries"). False: the bundle is not well-formed, and
 * nothing behind this can be read. At the end of the bundle (reader->left is 0) it is not to be called.
 */
bool ct_log_entry_next(struct ct_reader *bundle, struct ct_log_entry *entry) CT_MUST_USE;
/* An element of get-entries, its base64 taken off: MerkleTreeLeaf and extra_data of RFC 6962, sections 3.4 and 4.6. */
bool ct_log_entry_of_leaf(struct ct_bytes leaf_input, struct ct_bytes extra_data,
                          struct ct_log_entry *entry) CT_MUST_USE;
void ct_log_entry_hash(struct ct_hasher *hasher, const struct ct_log_entry *entry, struct ct_hash *out);

#endif
