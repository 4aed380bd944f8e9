/* SPDX-License-Identifier: Apache-2.0 */
/* How deep a JSON text nests, before a parser that calls itself for each level sees it: servers have small stacks. */
#ifndef CT_JSON_NESTING_H
#define CT_JSON_NESTING_H

#include "base/bytes.h"

/* More than any log list, checkpoint or answer of a log has. */
#define CT_JSON_NESTING_MAX 16u

/*
 * Whether arrays and objects stand in one another CT_JSON_NESTING_MAX deep at most, in texts that are JSON and in those
 * that are not, as far as a parser would come in them. One pass, no recursion.
 */
bool ct_json_nests_little(struct ct_bytes text) CT_MUST_USE;

#endif
