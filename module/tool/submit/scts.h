/* SPDX-License-Identifier: Apache-2.0 */
/* The SCTs of `clientct submit`: what a log answered, and the file that grows by it. */
#ifndef CT_TOOL_SCTS_H
#define CT_TOOL_SCTS_H

#include <stdio.h>

#include "evidence/signed_entry.h"
#include "tool/fetch/source.h"
#include "tool/sct_answer.h"

#define SUBMIT_ANSWER_MAX_BYTES (64u * 1024)

/* --- reading the answer --- */

struct submit_sct {
    uint8_t bytes[TOOL_SCT_MAX_BYTES]; /* a SerializedSCT without its length */
    size_t len;
    uint64_t timestamp_ms;
};

/* {"chain": [base64 ...]} of RFC 6962, section 4.1; to be freed. */
char *submit_request_json(STACK_OF(X509) *chain);

/*
 * Reads the JSON of an add-chain or add-pre-chain answer and verifies the SCT in it for this entry with the log's key.
 * False: `why` says what was wrong, and nothing of it may be kept.
 */
bool submit_read_answer(struct ct_bytes json, const struct ct_log *log, const struct ct_signed_entry *entry,
                        struct submit_sct *out, char *why, size_t why_size) CT_MUST_USE;

/* Whether one SerializedSCT is this log's, for this entry; `why` (may be NULL) says why not. */
bool submit_sct_verifies(struct ct_bytes serialized, const struct ct_log *log, const struct ct_signed_entry *entry,
                         uint64_t *timestamp_ms, char *why, size_t why_size) CT_MUST_USE;

/* --- keeping it --- */

/* A SignedCertificateTimestampList with its outer length, or empty. Zero-initialise. */
struct submit_list {
    uint8_t *data;
    size_t len;
    size_t count; /* SCTs in it */
};

/* Takes a copy of `bytes` when they are a list of which nothing is left over; false otherwise. */
bool submit_list_parse(struct ct_bytes bytes, struct submit_list *list) CT_MUST_USE;
/* The next SerializedSCT: start with *at = 0. False at the end. */
bool submit_list_next(const struct submit_list *list, size_t *at, struct ct_bytes *serialized) CT_MUST_USE;
/* Appends unless it is there to the byte; false when the list would be longer than 65,535 bytes. */
bool submit_list_add(struct submit_list *list, struct ct_bytes serialized) CT_MUST_USE;
void submit_list_clear(struct submit_list *list);

/* The list in a file; a missing file is an empty list. False: the file is there and is no list, or unreadable. */
bool submit_file_read(const char *path, struct submit_list *list, char *why, size_t why_size) CT_MUST_USE;
/*
 * Adds one SCT to the list in `path`: under a lock on the directory the file is read anew, extended, and replaced in
 * one step, so that neither a crash nor another `submit` loses an SCT or shows half a file. Mode 0644. `list` is then
 * what is in the file.
 */
bool submit_file_add(const char *path, struct ct_bytes serialized, struct submit_list *list, char *why,
                     size_t why_size) CT_MUST_USE;

#endif
