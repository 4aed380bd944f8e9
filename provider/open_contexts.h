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

/*
 * To be called where no verification of a connection is under way on this thread any more, though its context may not
 * have been removed: the handshake was left by a jump, or libssl freed the context while the thread had another library
 * context. What was added before is not looked at again.
 */
void ct_open_contexts_over(void);

/*
 * The server connection for which this thread has another context open, about the same certificate; NULL: none. That
 * context lives for as long as the call out of which this one comes.
 */
SSL *ct_open_contexts_find(X509_STORE_CTX *ctx);

#endif
