/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are seen whole or not at all. */
#ifndef CT_TOOL_REPLACE_H
#define CT_TOOL_REPLACE_H

#include <sys/types.h>

#include "base/bytes.h"

/*
 * Puts a file in the place of what is at `path`: written under another name in the same directory, on the disk, then
 * renamed; readers see the old one or the new one, also after a crash. 0, or an errno and the old one is still there.
 */
int tool_replace_file(const char *path, struct ct_bytes content, mode_t mode) CT_MUST_USE;

#endif
