/* SPDX-License-Identifier: Apache-2.0 */
/* clientct.cnf: the strict line reader's sections become settings by one table. */
#ifndef CT_PARSE_H
#define CT_PARSE_H

#include "config/reader.h"

/* The settings in the order in which a manual lists them; NULL behind the last. */
const struct ct_setting *ct_settings_table(size_t index);

/*
 * Reads clientct.cnf from its bytes, and the certificate files that rules name from `files`. `file` is for messages and
 * is not opened. All errors are reported; false when there is one, and *settings is then empty. Warnings are added too.
 * Log lists are not read here. The clock is read for one warning only (exemptions that have ended); the environment,
 * global state and the error queue are left alone.
 */
bool ct_settings_parse(const char *file, struct ct_bytes text, struct ct_file_set *files, struct ct_settings *settings,
                       struct ct_problems *problems) CT_MUST_USE;

#endif
