/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/inclusion.h"

#include <stdlib.h>

/* One proof. Not CT_INCLUSION_FAILED while the hasher is good, but where the signature could not be checked. */
static enum ct_inclusion look_at(struct ct_bytes text, const char *origin, const struct ct_promised *promised,
                                 struct ct_hasher *hasher, struct ct_proof_file *proof, struct ct_tree_head *head)
{
    const struct ct_log *log = promised->log;

    if (!ct_proof_file_read(text, proof)) {
        return CT_INCLUSION_WRONG; /* whose it is can no longer be told */
    }
    switch (ct_checkpoint_peek(proof->checkpoint, origin, log, head)) {
    case CT_HEAD_OK:
        break;
    case CT_HEAD_WRONG_KEY:
        return CT_INCLUSION_ABSENT;
    case CT_HEAD_FAILED:
        return CT_INCLUSION_FAILED;
    default:
        return CT_INCLUSION_WRONG;
    }
    if ((promised->has_index && promised->index != proof->index) ||
        !ct_inclusion_holds(hasher, &promised->leaf, proof->index, head->size, &proof->proof, &head->root)) {
        return CT_INCLUSION_WRONG;
    }
    switch (ct_checkpoint_read(proof->checkpoint, origin, log, head)) {
    case CT_HEAD_OK:
        return CT_INCLUSION_SHOWN;
    case CT_HEAD_FAILED:
        return CT_INCLUSION_FAILED;
    default:
        return CT_INCLUSION_WRONG;
    }
}

enum ct_inclusion ct_inclusion_kept(struct ct_bytes file, const char *origin, const struct ct_promised *promised,
                                    struct ct_proof_file *proof, struct ct_tree_head *head)
{
    struct ct_reader r = ct_reader_of(file);
    enum ct_inclusion result = CT_INCLUSION_ABSENT;
    struct ct_proof_file *one = malloc(sizeof *one); /* too large for the small stacks of some servers */
    struct ct_hasher hasher = { 0 };
    struct ct_tree_head read;
    struct ct_bytes text;
    size_t count = 0;

    if (one == NULL) {
        return CT_INCLUSION_FAILED;
    }
    for (; count < CT_PROOFS_MAX && result != CT_INCLUSION_SHOWN && ct_proof_file_next(&r, &text); count++) {
        enum ct_inclusion found = look_at(text, origin, promised, &hasher, one, &read);

        if (hasher.failed || found == CT_INCLUSION_FAILED) {
            result = CT_INCLUSION_FAILED;
            break;
        }
        result = found == CT_INCLUSION_ABSENT ? result : found;
    }
    if (count == 0 && file.len > 0) {
        result = CT_INCLUSION_WRONG; /* there is a file, and no proof in it */
    }
    if (result == CT_INCLUSION_SHOWN && proof != NULL) {
        *proof = *one;
    }
    if (result == CT_INCLUSION_SHOWN && head != NULL) {
        *head = read;
    }
    ct_hasher_clear(&hasher);
    free(one);
    return result;
}
