/* SPDX-License-Identifier: Apache-2.0 */
/* Why a policy or a rule answered as it did, condition by condition, for people. */
#ifndef CT_EXPLANATION_H
#define CT_EXPLANATION_H

#include <clientct/clientct.h>

/*
 * Explaining costs: NULL where nobody reads it. The callee appends with ct_explanation_add.
 */
struct ct_explanation {
    const struct clientct_condition **conditions; /* each of them, with its texts, one allocation */
    size_t count;
    char advice[320];
};
/* Copies everything. NULL as explanation does nothing. */
void ct_explanation_add(struct ct_explanation *explanation, const char *name, bool met, const char *seen,
                        const char *needed_format, ...) __attribute__((format(printf, 5, 6)));
void ct_explanation_clear(struct ct_explanation *explanation);

#endif
