/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --connect: two certificates that are to differ in what the logs have of them, and in nothing else. */
#ifndef CT_TOOL_ALIKE_H
#define CT_TOOL_ALIKE_H

#include "base/bytes.h"

/*
 * What else than a log may make a server refuse the one and not the other, in words, to be freed; NULL: nothing that
 * shows. Both are files of certificates in PEM, which can be read.
 */
char *doctor_difference(const char *unlogged, const char *good) CT_MUST_USE;

#endif
