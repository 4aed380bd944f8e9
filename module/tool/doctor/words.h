/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --unit: words and files of variables as systemd reads them (systemd.syntax(7), systemd.exec(5)). */
#ifndef CT_TOOL_WORDS_H
#define CT_TOOL_WORDS_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * The next word of a line, quotes and escapes taken off, to be freed; NULL: no more. *odd becomes true where it has an
 * escape that is not known here, or a quote without end: what systemd makes of it is then not known.
 */
char *doctor_next_word(const char **at, bool *odd) CT_MUST_USE;

/*
 * The next variable of an EnvironmentFile=, as "NAME=VALUE", to be freed; NULL: no more. *odd becomes true where
 * releases of systemd differ: a comment that ends in a backslash.
 */
char *doctor_next_variable(const char **at, bool *odd) CT_MUST_USE;

/*
 * A text of the unit `name` with its specifiers replaced; `instance` is what stands behind its "@", or "". To be freed.
 * *odd becomes true where there is one that is not known here.
 */
char *doctor_specified(const char *text, const char *name, const char *instance, bool *odd) CT_MUST_USE;

#endif
