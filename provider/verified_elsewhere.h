/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates that libcrypto has verified in contexts that belong to no connection. An application may have a client's
 * certificate verified on another thread, or beforehand, and tell libssl only the outcome.
 */
#ifndef CT_VERIFIED_ELSEWHERE_H
#define CT_VERIFIED_ELSEWHERE_H

#include <stdbool.h>

#include <openssl/ssl.h>

/* libcrypto, asked for no connection, has accepted it. From any thread. */
void ct_verified_elsewhere_note(X509 *leaf);

/* Whether a client's certificate that libcrypto was not asked about in its handshake was verified in that way. */
bool ct_verified_elsewhere(X509 *leaf);

/* The client's chain, verified with what the connection trusts; NULL: there is none. To be freed with its elements. */
STACK_OF(X509) *ct_verified_elsewhere_chain(SSL *ssl, X509 *leaf);

#endif
