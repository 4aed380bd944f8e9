/* SPDX-License-Identifier: Apache-2.0 */
/* The openssl.cnf that services under clientct read, with what the system's own file says taken over. */
#ifndef CT_TOOL_ENABLE_OPENSSL_CNF_H
#define CT_TOOL_ENABLE_OPENSSL_CNF_H

#include "base/bytes.h"

/*
 * `system` is the system's file as this process may read it, NULL where there is none; `system_name` is what services
 * call it. To be freed; NULL: it cannot be read, stderr says why.
 */
char *openssl_cnf_make(const char *system, const char *system_name, const char *config) CT_MUST_USE;
/* Whether a text is one that openssl_cnf_make has made. */
bool openssl_cnf_is_ours(const char *text) CT_MUST_USE;

#endif
