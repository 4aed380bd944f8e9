/* SPDX-License-Identifier: Apache-2.0 */
/* What we keep on a connection that clients make to us, from the first ClientHello on. */
#ifndef CT_CONNECTION_H
#define CT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* What an SSL_CTX is for us. A child has it from its parent by fork, and nobody else. */
struct ct_origin {
    uint8_t id[16];  /* random: no other SSL_CTX has it, in any process */
    int64_t born_ns; /* CLOCK_BOOTTIME; windows of time are counted from here */
};

/* Before a host name in the extension server_name (RFC 6066, 3): lengths of the list and of the name, and its type. */
#define CT_NAME_HEAD_LEN 5

/* What a session-ID context is the digest of. All bytes count, in this order; unused ones are zero. */
struct ct_ingredients {
    char label[16];
    struct ct_origin origin;
    uint8_t digest[sizeof((struct clientct_terms *)0)->digest];
    int64_t window, window_ms, clock_s;
    uint64_t name_len; /* UINT64_MAX: no server name */
    uint8_t name[CT_NAME_HEAD_LEN + TLSEXT_MAXLEN_host_name + 4];
};

struct ct_connection {
    char magic[16];
    const SSL *owner;
    /*
     * The SCTs of the client's TLS 1.3 Certificate message, from its arrival until the client has proved that it has
     * the key: until then an application may have the chain verified once more.
     */
    uint8_t *scts;
    size_t scts_len;
    unsigned char client_random[SSL3_RANDOM_SIZE]; /* of the handshake that brought them */
    bool asked;                                    /* for SCTs, in the last CertificateRequest */
    uint64_t judged; /* since the last ClientHello or CertificateVerify: mark of the certificate; 0: none */
    /* server_names.c: */
    const BIO *bio;                         /* where the ClientHello came from, */
    uint64_t read;                          /* and how much had come by then */
    size_t name_count;                      /* one more than there is room for: there were too many */
    char *names[CLIENTCT_SERVER_NAMES_MAX]; /* in the order of their first appearance; NULL: no name was given */
    /* session_context.c: */
    struct ct_ingredients of; /* the context, where that is opened: as they were when the last ClientHello came */
    uint8_t given_context[SSL_MAX_SID_CTX_LENGTH]; /* to the connection, for that ClientHello */
    unsigned given_context_len;
    bool opened;                                  /* that is a context of what the client asks for */
    uint8_t kept_context[SSL_MAX_SID_CTX_LENGTH]; /* by its session, whoever sets another */
    unsigned kept_context_len;                    /* 0: the session is not ours to keep */
    SSL_SESSION *promised; /* resumable by its verdict, in an application with a cache of its own */
};

/* Called with what was kept on a connection that ends, before it is freed. */
typedef void ct_connection_end(const SSL *ssl, const struct ct_connection *connection);

/* Takes an ex_data index for it in the thread's default context. False when it cannot be had. */
bool ct_connection_register(ct_connection_end *end);

/* What is kept on the connection; NULL: nothing, or (made) memory is short. */
struct ct_connection *ct_connection_get0(const SSL *ssl);
struct ct_connection *ct_connection_make(SSL *ssl);

/* Copies the extension's bytes, in place of what an earlier message brought. False when memory is short. */
bool ct_connection_set1_scts(SSL *ssl, const uint8_t *bytes, size_t len);

/* The bytes that this handshake brought, or NULL and 0. They live until the next set1 or forget. */
const uint8_t *ct_connection_get0_scts(const SSL *ssl, size_t *len);

/* Frees the SCTs, if any. */
void ct_connection_forget_scts(SSL *ssl);

#endif
