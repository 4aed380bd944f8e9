/* SPDX-License-Identifier: Apache-2.0 */
/* clientct report --key-usage: what the certificates of clients are for. */
#ifndef CT_TOOL_REPORT_KEY_USAGE_H
#define CT_TOOL_REPORT_KEY_USAGE_H

#include "tool/report/tally.h"

/* The names of the certificates in a file, one a line as the audit writes them, to be freed. NULL: that was said. */
char *report_names_in(const char *path) CT_MUST_USE;
/*
 * `public_names`: of public CAs, as above; NULL: nobody has said which they are. Sets *code to TOOL_NO where somebody
 * must do something.
 */
void report_show_key_usage(const struct report_tally *tally, const char *public_names, int64_t now_ms, bool json,
                           int *code);

#endif
