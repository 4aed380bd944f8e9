/* SPDX-License-Identifier: Apache-2.0 */
/* How each server gets an environment variable and may read our files: the changes that put it under clientct. */
#ifndef CT_TOOL_ENABLE_SERVICES_H
#define CT_TOOL_ENABLE_SERVICES_H

#include "tool/enable/edits.h"

/* The openssl.cnf of all services that are under clientct. */
#define SERVICES_OPENSSL_CNF "/etc/clientct/openssl-clientct.cnf"

/* Plans the changes for a unit (a name with its suffix). False: stderr says why not; nothing has been changed. */
bool services_enable(struct edits *edits, const char *unit, const char *config) CT_MUST_USE;
/* Plans to take them back. Nothing to take back is no error. */
bool services_disable(struct edits *edits, const char *unit) CT_MUST_USE;
/* How many units still have our drop-in when what is planned is done. */
size_t services_remaining(struct edits *edits) CT_MUST_USE;

#endif
