/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inclusion proofs that can be kept and checked without a network: c2sp.org/tlog-proof@v1. All proofs of a certificate
 * are in one file, one behind the other: with one promise it is a file in that format.
 */
#ifndef CT_PROOF_FILE_H
#define CT_PROOF_FILE_H

#include "logs/tree.h"

#define CT_PROOF_FILE_MAX_BYTES (128u * 1024) /* of one proof */
#define CT_PROOFS_MAX 16u                     /* of a certificate; what is beyond is not looked at */

struct ct_proof_file {
    uint64_t index;
    struct ct_proof proof;
    struct ct_bytes checkpoint; /* the signed note, as the log served it: for ct_checkpoint_read */
};

/* The text of the next proof in a file of several; false at its end. What stands before the first is passed over. */
bool ct_proof_file_next(struct ct_reader *file, struct ct_bytes *text) CT_MUST_USE;
/* False: not in this format. Nothing is verified; `extra` is passed over. `checkpoint` points into `text`. */
bool ct_proof_file_read(struct ct_bytes text, struct ct_proof_file *file) CT_MUST_USE;
/* The text, to be freed, NUL-terminated; NULL when memory is short. */
char *ct_proof_file_write(const struct ct_proof_file *file, size_t *len) CT_MUST_USE;

#endif
