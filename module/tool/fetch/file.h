/* SPDX-License-Identifier: Apache-2.0 */
/* One file over HTTP, as if it lay here. */
#ifndef CT_TOOL_FETCH_FILE_H
#define CT_TOOL_FETCH_FILE_H

#include "tool/tool.h"

/* As tool_read_file, with the manners of fetch.h: https, or http on this machine; no redirects. */
bool fetch_file(const char *verb, const char *what, const char *url, size_t max, struct tool_file *out) CT_MUST_USE;

#endif
