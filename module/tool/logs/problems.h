/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with lists, as this verb says it. */
#ifndef CT_TOOL_LOGS_PROBLEMS_H
#define CT_TOOL_LOGS_PROBLEMS_H

#include "base/problems.h"

/* All of it, to standard error. */
void tool_tell_list_problems(const struct ct_problems *problems);

#endif
