/* SPDX-License-Identifier: Apache-2.0 */
/* What RFC 6962 logs answer in JSON about their tree and entries (sections 4.4 to 4.6), and get-entries' elements. */
#ifndef CT_ANSWERS_H
#define CT_ANSWERS_H

#include "logs/entry.h"
#include "logs/tree.h"

/* get-sth-consistency: {"consistency": [base64 ...]}. Nothing is verified. */
bool ct_answer_consistency(struct ct_bytes json, struct ct_proof *proof) CT_MUST_USE;
/* get-proof-by-hash: {"leaf_index": n, "audit_path": [base64 ...]}. */
bool ct_answer_inclusion(struct ct_bytes json, uint64_t *index, struct ct_proof *proof) CT_MUST_USE;

/*
 * get-entries: {"entries": [{"leaf_input": base64, "extra_data": base64} ...]} as a bundle of TileLeafs would be read:
 * one after the other. Zero-initialise; clear in every case.
 */
struct ct_entries {
    void *root; /* the JSON */
    size_t count, next;
    uint8_t *leaf, *extra; /* what the entry that was read last points into */
};
bool ct_entries_open(struct ct_bytes json, struct ct_entries *entries) CT_MUST_USE;
/* The next entry, valid until the one after it. False: it is not well-formed, or there is none. */
bool ct_entries_next(struct ct_entries *entries, struct ct_log_entry *entry) CT_MUST_USE;
void ct_entries_clear(struct ct_entries *entries);

#endif
