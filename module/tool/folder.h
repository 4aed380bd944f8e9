/* SPDX-License-Identifier: Apache-2.0 */
/* Operands that may be folders. */
#ifndef CT_TOOL_FOLDER_H
#define CT_TOOL_FOLDER_H

#include <stddef.h>

#include "base/bytes.h"

/* Names of files. Zero-initialise. */
struct tool_names {
    char **items;
    size_t count, room;
};

/*
 * Adds `operand` itself, or, when it is a directory, the certificates in it: regular files that end in .pem, .crt,
 * .cer or .der, by name, without going deeper. False: it cannot be read, and standard error says why.
 */
bool tool_names_add(const char *verb, const char *operand, struct tool_names *names) CT_MUST_USE;
void tool_names_clear(struct tool_names *names);

#endif
