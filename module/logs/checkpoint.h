/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log signs about its whole tree: the checkpoint of a tiled log (c2sp.org/tlog-checkpoint, static-ct-api) and
 * the signed tree head of an RFC 6962 log (section 3.5). Under both is the same signature.
 */
#ifndef CT_CHECKPOINT_H
#define CT_CHECKPOINT_H

#include "logs/log.h"
#include "logs/tree.h"

#define CT_CHECKPOINT_MAX_BYTES (64u * 1024)
#define CT_NOTE_SIGNATURES_MAX 64u    /* lines that are looked at; more make the note unusable */
#define CT_NOTE_OWN_SIGNATURES_MAX 4u /* of the log itself, which cost a check each */
#define CT_ORIGIN_MAX 255u

struct ct_tree_head {
    uint64_t size;
    uint64_t timestamp_ms;
    struct ct_hash root;
};

/* Identifier, stable name, what it means. */
#define CT_HEAD_RESULTS(X) \
    X(OK, "ok", "the log signed it") \
    X(MALFORMED, "malformed-checkpoint", "it is not a checkpoint or tree head in the form of its specification") \
    X(WRONG_ORIGIN, "wrong-origin", "its first line is not the origin that is pinned for this log") \
    X(WRONG_KEY, "not-signed-by-the-log", "no signature on it has the name and key id of this log") \
    X(BAD_SIGNATURE, "bad-checkpoint-signature", "the log's signature on it does not verify") \
    X(FAILED, "not-checked", "it could not be checked (out of memory, or the key does not decode)")

enum ct_head_result {
#define CT_HEAD_ENUM(id, name, text) CT_HEAD_##id,
    CT_HEAD_RESULTS(CT_HEAD_ENUM)
#undef CT_HEAD_ENUM
};
const char *ct_head_result_name(enum ct_head_result result);
const char *ct_head_result_text(enum ct_head_result result);

/*
 * Reads a checkpoint and verifies it: `origin` is its first line and the name of the signature, and is pinned, since
 * the log's signature does not cover it (NULL: whatever it says; then only the key tells whose it is). The key id is
 * SHA-256(origin || 0A || 05 || log id), cut to four bytes. Signatures of others are passed over; of several of this
 * log, CT_NOTE_OWN_SIGNATURES_MAX at most, all must verify, and the latest counts.
 */
enum ct_head_result ct_checkpoint_read(struct ct_bytes note, const char *origin, const struct ct_log *log,
                                       struct ct_tree_head *head) CT_MUST_USE;
/* The same without checking a signature: whose checkpoint it says it is, and of which tree. */
enum ct_head_result ct_checkpoint_peek(struct ct_bytes note, const char *origin, const struct ct_log *log,
                                       struct ct_tree_head *head) CT_MUST_USE;
/*
 * Reads the JSON of get-sth (RFC 6962, section 4.3) and verifies it. `note` gets it as a checkpoint of that origin, to
 * be freed; NULL when it is not wanted or the result is not CT_HEAD_OK.
 */
enum ct_head_result ct_sth_read(struct ct_bytes json, const char *origin, const struct ct_log *log,
                                struct ct_tree_head *head, char **note) CT_MUST_USE;

/*
 * The origin that static-ct-api prescribes: the submission prefix without its scheme and the slash at its end. False
 * when there is no such text, or it is longer than CT_ORIGIN_MAX.
 */
bool ct_origin_of_url(const char *url, char origin[CT_ORIGIN_MAX + 1]) CT_MUST_USE;

#endif
