/* SPDX-License-Identifier: Apache-2.0 */
/* Whether kept proofs show that a log published what an SCT of it promises: from a file's bytes alone. */
#ifndef CT_INCLUSION_H
#define CT_INCLUSION_H

#include "logs/checkpoint.h"
#include "logs/proof_file.h"

enum ct_inclusion {
    CT_INCLUSION_SHOWN,
    CT_INCLUSION_ABSENT, /* none of the proofs is of a checkpoint that names this log */
    CT_INCLUSION_WRONG,  /* some are, and none of them leads from the entry to a root that the log signed */
    CT_INCLUSION_FAILED  /* memory is short */
};

/* What the log is to have in its tree. */
struct ct_promised {
    const struct ct_log *log;
    struct ct_hash leaf;
    bool has_index; /* the SCT names the place */
    uint64_t index;
};

/*
 * Looks through the proofs in `file`, CT_PROOFS_MAX at most. Hashes come first: the log's signature is checked only of
 * a checkpoint that the entry leads to. `origin` as in ct_checkpoint_read. `proof` and `head` (both may be NULL) get
 * what shows it. Needs some 3 KiB of memory for the time of the call.
 */
enum ct_inclusion ct_inclusion_kept(struct ct_bytes file, const char *origin, const struct ct_promised *promised,
                                    struct ct_proof_file *proof, struct ct_tree_head *head) CT_MUST_USE;

#endif
