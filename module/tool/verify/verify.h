/* SPDX-License-Identifier: Apache-2.0 */
/* What `clientct verify` knows when it shows a verdict. */
#ifndef CT_TOOL_VERIFY_H
#define CT_TOOL_VERIFY_H

#include <jansson.h>

#include "config/snapshot.h"

struct tool_verify_answer {
    const char *config; /* as the operator named it; NULL with --log-list */
    X509 *leaf;
    STACK_OF(X509) *chain; /* as far as it could be built */
    STACK_OF(X509) *given; /* every certificate that was given, the leaf too */
    int64_t at_ms;
    const struct clientct_verdict *verdict;
    bool undecided;                     /* the server, which knows more, may say otherwise */
    const struct ct_snapshot *snapshot; /* that decided */
    const char *diagnosis;              /* why embedded SCTs do not verify, and what to do; NULL: not known */
    char **remarks;                     /* what the person should know beside the verdict */
    size_t remark_count;
};

/* Why embedded SCTs do not verify, as far as trying tells; to be freed. NULL: nothing to say. */
char *tool_verify_diagnose(const struct tool_verify_answer *answer);
void tool_verify_show(const struct tool_verify_answer *answer);
json_t *tool_verify_json(const struct tool_verify_answer *answer);

#endif
