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

/* It was that of a client that libcrypto had not been asked about in its handshake: this is a process for that. */
void ct_verified_elsewhere_happens(void);

/* Whether a client's certificate that libcrypto was not asked about in its handshake was verified in that way. */
bool ct_verified_elsewhere(X509 *leaf);

/*
 * The client's chain, verified with what the connection trusts; NULL: there is none. To be freed with its elements.
 * `leave_alone` takes our verify function out of a context.
 */
STACK_OF(X509) *ct_verified_elsewhere_chain(SSL *ssl, X509 *leaf, void (*leave_alone)(X509_STORE_CTX *ctx));

#endif
