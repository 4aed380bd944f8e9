/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CT_TOOL_REPORT_SPARK_H
#define CT_TOOL_REPORT_SPARK_H

#include <stdio.h>

#include "tool/report/tally.h"

/* A section of the page. `last_day`: where the lines end, in days since 1970. */
void report_put_groups(const char *title, const struct report_groups *groups, int64_t last_day, FILE *to);

#endif
