/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lists. The format is told by the content, and each has its reader: v3.c (Google's list, Apple's list, and a
 * single log's log.v3.json), sigstore.c, openssl_cnf.c, pem.c.
 */
#ifndef CT_LOG_LIST_H
#define CT_LOG_LIST_H

#include "logs/formats.h"

const char *ct_log_list_format_name(enum ct_log_list_format format);

/*
 * Reads a list from its bytes. `file` is for messages. False: there are errors in `problems` and nothing of the
 * list may be used.
 */
bool ct_log_list_parse(const char *file, struct ct_bytes text, struct ct_log_list *list,
                       struct ct_problems *problems) CT_MUST_USE;
void ct_log_list_clear(struct ct_log_list *list);

/* A detached signature over the list's bytes: RSA PKCS#1 v1.5 or ECDSA, SHA-256; `key_pem` is a PUBLIC KEY. */
bool ct_log_list_signature_ok(struct ct_bytes text, struct ct_bytes signature, struct ct_bytes key_pem,
                              const char **why) CT_MUST_USE;

#endif
