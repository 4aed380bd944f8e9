/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a unit of systemd, its file and its drop-ins, put together as systemd does (systemd.unit(5)). */
#ifndef CT_TOOL_UNIT_TEXT_H
#define CT_TOOL_UNIT_TEXT_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * The [Service] part of NAME.service below `root` ("": this system): "Key=value\n" lines in the order in which systemd
 * reads them, without comments, lines joined. Drop-ins called `leave_out` (NULL: none) are passed over. To be freed.
 * *found, to be freed: the unit file; NULL: there is none, or it is masked, and only drop-ins speak.
 */
char *tool_unit_text(const char *root, const char *name, const char *leave_out, char **found) CT_MUST_USE;

/* postgresql@15-main.service is an instance of postgresql@.service; NULL: not an instance. To be freed. */
char *tool_unit_template(const char *name) CT_MUST_USE;

#endif
