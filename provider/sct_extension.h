/* SPDX-License-Identifier: Apache-2.0 */
/* TLS extension 18, signed_certificate_timestamp, of a TLS 1.3 server and its client (RFC 8446, 4.2, 4.4.2.1). */
#ifndef CT_SCT_EXTENSION_H
#define CT_SCT_EXTENSION_H

#include <stdbool.h>

#include <openssl/ssl.h>

/*
 * Has every SSL_CTX made from now on ask clients for SCTs and note what they
 * send, unless it is for clients only or the configuration does without. Call
 * once a process; false when memory is short.
 */
bool ct_sct_extension_register(void);

/* Whether the context can make connections of clients only: nothing of ours is for those. */
bool ct_is_for_clients_only(const SSL_CTX *ctx);

#endif
