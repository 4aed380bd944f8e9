/* An inclusion proof that can be kept and checked without a network: c2sp.org/tlog-proof@v1. */
#ifndef CT_PROOF_FILE_H
#define CT_PROOF_FILE_H

#include "logs/tree.h"

#define CT_PROOF_FILE_MAX_BYTES (128u * 1024)
#define CT_PROOF_FILE_SUFFIX ".tlog-proof"

struct ct_proof_file {
    uint64_t index;
    struct ct_proof proof;
    struct ct_bytes checkpoint; /* the signed note, as the log served it: for ct_checkpoint_read */
};

/* False: not in this format. Nothing is verified; `extra` is passed over. `checkpoint` points into `text`. */
bool ct_proof_file_read(struct ct_bytes text, struct ct_proof_file *file) CT_MUST_USE;
/* The text, to be freed, NUL-terminated; NULL when memory is short. */
char *ct_proof_file_write(const struct ct_proof_file *file, size_t *len) CT_MUST_USE;

#endif
