/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a TLS connection in one process, with certificates from $FIXTURE. Failures end the test case. */
#ifndef CT_TEST_PAIR_H
#define CT_TEST_PAIR_H

#include <stdbool.h>

#include <openssl/ssl.h>

/* Nothing is owned but the two SSL objects. */
struct pair {
    SSL *server;
    SSL *client;
};

/* "$FIXTURE/<prefix><name><suffix>"; good until the call after the next one in this thread. */
const char *file(const char *prefix, const char *name, const char *suffix);

/* A server that demands a client certificate; `libctx` NULL: the default one. Owned by the caller. */
SSL_CTX *server_context_of(OSSL_LIB_CTX *libctx);
SSL_CTX *server_context(void);

/* Gives a server's context its certificate, and has it demand the client's. */
void furnish_server(SSL_CTX *ctx);

/* A client with the certificate client-<client>. Owned by the caller. */
SSL_CTX *client_context_of(OSSL_LIB_CTX *libctx, const char *client);
SSL_CTX *client_context(const char *client);

/* Connected through memory, nothing said yet. */
struct pair connect_pair(SSL_CTX *server, SSL_CTX *client);
/* The same for two objects that are there. */
void join_pair(struct pair *pair);
void free_pair(struct pair *pair);

/* Whether the server finishes; its error queue is then as the handshake left it. */
bool shake_hands(struct pair *pair);

/* Connects with contexts that are freed, and says whether the server let the client in; the error queue stays. */
bool admits_with(SSL_CTX *server, const char *client_name, long *verify_result);
bool admits(const char *client_name);

#endif
