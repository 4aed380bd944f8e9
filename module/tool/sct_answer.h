/* SPDX-License-Identifier: Apache-2.0 */
/* A log's answer in JSON to add-chain or add-pre-chain (RFC 6962, section 4.1), and the SCT that it is. */
#ifndef CT_TOOL_SCT_ANSWER_H
#define CT_TOOL_SCT_ANSWER_H

#include "tool/tool.h"

#define TOOL_SCT_MAX_BYTES 0xffffu

/* The SerializedSCT, without its length; nothing is verified. NULL, or why it is no such answer (static text). */
const char *tool_sct_of_answer(struct ct_bytes json, uint8_t out[TOOL_SCT_MAX_BYTES], size_t *len) CT_MUST_USE;
/* Whether the file begins as JSON objects do. */
bool tool_may_be_answer(const struct tool_file *file) CT_MUST_USE;
/* Makes of an answer the list with its SCT, as in TLS; false, and the file as it was, where it is no answer. */
bool tool_answer_to_list(struct tool_file *file);
/* tool_read_file for a list of SCTs, which may also be an answer. */
bool tool_read_scts(const char *what, const char *name, size_t max, struct tool_file *out) CT_MUST_USE;

#endif
