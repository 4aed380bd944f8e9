/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/logs/problems.h"

#include <stdlib.h>

#include "tool/tool.h"

void tool_tell_list_problems(const struct ct_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct ct_problem *problem = &problems->items[i];
        char *where =
            problem->line > 0 ? tool_format("%s:%u", problem->file, problem->line) : tool_format("%s", problem->file);

        if (problem->severity == CT_ERROR) {
            tool_error("logs: %s: %s", where, problem->text);
        } else {
            tool_warning("logs: %s: %s", where, problem->text);
        }
        free(where);
    }
    if (problems->errors + problems->warnings > problems->count) {
        tool_error("logs: ... and %zu more; mend these first", problems->errors + problems->warnings - problems->count);
    }
}
