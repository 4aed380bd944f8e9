/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The X509_STORE_CTXs that are set up. An application's own verify callback may set up a second one, without the
 * connection, and let that decide: then we have to know whose certificate it is.
 */
#ifndef CT_OPEN_CONTEXTS_H
#define CT_OPEN_CONTEXTS_H

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

/* To be called when `ctx` is set up, and before it is cleaned up. */
void ct_open_contexts_add(X509_STORE_CTX *ctx);
void ct_open_contexts_remove(X509_STORE_CTX *ctx);

/* To be called on the thread that frees a connection. */
void ct_open_contexts_connection_freed(void);

/*
 * The server connection for which this thread has another context open, about the same certificate; NULL: none. That
 * context lives for as long as the call out of which this one comes.
 */
SSL *ct_open_contexts_find(X509_STORE_CTX *ctx);

#endif
