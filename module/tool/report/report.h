/* SPDX-License-Identifier: Apache-2.0 */
/* clientct report: lines of clientct-audit(5) are read one by one and added up; what is kept is bounded. */
#ifndef CT_TOOL_REPORT_H
#define CT_TOOL_REPORT_H

#include <stdio.h>

#include "tool/report/line.h"
#include "tool/report/tally.h"

/* What people see, of a tally that is finished. */
void report_show_text(const struct report_tally *tally);
/* `jobs`: threads. */
void report_show_json(const struct report_tally *tally, unsigned jobs);
/* A page with everything in it. False when the file could not be written (errno). */
bool report_write_html(const struct report_tally *tally, int64_t now_ms, FILE *to);
/* Sections for clientct.cnf. False: there are more rules than it takes. */
bool report_show_exemptions(const struct report_tally *tally, int64_t until_ms, int64_t now_ms);

#endif
