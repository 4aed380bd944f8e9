/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sessions a connection may resume: those whose session-ID context (SSL_set_session_id_context) equals its own.
 * libssl compares them for tickets and for session IDs, in TLS 1.2 and 1.3. Ours is a digest of all that the verdict
 * about the client depended on, so that a session whose verdict might be another one by now is a cache miss.
 */
#ifndef CT_SESSION_CONTEXT_H
#define CT_SESSION_CONTEXT_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include <clientct/clientct.h>

#include "connection.h"

/* Has every SSL_CTX made from now on that can serve know itself. As ct_connection_register. */
bool ct_session_context_register(void);

/*
 * Gives a server's connection its context: one that hardly anything matches when a handshake begins, and that of what
 * the client asks for when its ClientHello is there. To be called when libssl asks for SSL_SECOP_VERSION or
 * SSL_SECOP_CIPHER_SHARED, with what it asks. It asks for the version at the beginning; for the version, and from TLS
 * 1.3 on for the cipher, when a ClientHello is there: after the application's own callback for it (where Apache sets a
 * context), before it looks for the session. It does not ask for the version of a ClientHello behind a
 * HelloRetryRequest, nor of one that renegotiates.
 */
void ct_session_context_asked(SSL *ssl, int op, int nid);

enum ct_session_context {
    CT_SESSION_CONTEXT_UNDONE, /* not the one that we gave the connection: the application set another or kept us out */
    CT_SESSION_CONTEXT_PASSED, /* ours, but not for a verdict made on these terms now, or one that lasts too short */
    CT_SESSION_CONTEXT_HOLDS   /* while this session can be resumed, the verdict is what it would be made again */
};

/*
 * Looks at the session that a full handshake of a server has made, when the verdict about its client has just been
 * made: on `terms`, for the server name (NULL: none), and good until `holds_until_ms`.
 */
enum ct_session_context ct_session_context_judge(const SSL *ssl, const struct clientct_terms *terms,
                                                 const char *server_name, int64_t holds_until_ms);

/*
 * The session that has just been judged to hold is going to be resumable. Where the application has a cache of its own
 * it is looked at once more when the connection ends: HAProxy gives what it takes out of its cache another context.
 */
void ct_session_context_promise(SSL *ssl);
void ct_session_context_ended(const SSL *ssl, const struct ct_connection *connection);

/* Gives the connection's session a context that no connection has, and keeps it so; false when that cannot be done. */
bool ct_session_context_part(SSL *ssl);

#endif
