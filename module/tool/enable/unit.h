/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit of systemd says, from its file and its drop-ins (systemd.unit(5), systemd.syntax(7)). */
#ifndef CT_TOOL_ENABLE_UNIT_H
#define CT_TOOL_ENABLE_UNIT_H

#include "tool/enable/edits.h"

/* "nginx" is nginx.service. To be freed; NULL: it cannot be a unit's name, stderr says so. */
char *unit_name(const char *word) CT_MUST_USE;
/*
 * The [Service] part of a unit: "Key=value\n" lines in the order in which systemd reads them, without comments, lines
 * joined. To be freed. NULL: there is no such unit here. Our own drop-in is left out.
 */
char *unit_service(const struct edits *edits, const char *name) CT_MUST_USE;
/* The value that counts of a key that has one; to be freed, NULL: not given, or given empty. */
char *unit_value(const char *service, const char *key) CT_MUST_USE;
/* The program of ExecStart, without systemd's prefixes; to be freed, NULL: none. */
char *unit_program(const char *service) CT_MUST_USE;
/* Where our drop-in for this unit is, to be freed. */
char *unit_drop_in(const char *name) CT_MUST_USE;

#endif
