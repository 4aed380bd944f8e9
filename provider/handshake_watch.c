/* SPDX-License-Identifier: Apache-2.0 */
#include "handshake_watch.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "certificate_mark.h"
#include "connection.h"
#include "open_contexts.h"
#include "server_names.h"
#include "session_context.h"
#include "verify_hook.h"

typedef int (*security_callback)(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

/* libssl's own, which every new SSL_CTX has. */
static _Atomic(security_callback) wrapped;

static bool on_client_hello(SSL *ssl)
{
    struct ct_connection *connection;

    ct_open_contexts_over();
    if (!ct_server_names_note(ssl)) {
        return false; /* memory is short, and what cannot be noted is not let in */
    }
    connection = ct_connection_get0(ssl);
    if (connection != NULL) {
        connection->judged = 0;
    }
    return true;
}

/* That of the client, and not another one that the application has had verified in the connection's name. */
static bool is_judged(const struct ct_connection *connection, const SSL *ssl)
{
    return connection != NULL && connection->judged != 0 &&
           connection->judged == ct_certificate_mark(SSL_get0_peer_certificate(ssl));
}

static bool on_certificate_verify(SSL *ssl)
{
    struct ct_connection *connection = ct_connection_get0(ssl);
    bool judged = is_judged(connection, ssl);

    ct_open_contexts_over();
    if (!judged && !ct_verify_hook_judge_late(ssl)) {
        return false;
    }
    if (connection != NULL) {
        connection->judged = 0; /* another Certificate may follow: post-handshake authentication */
    }
    ct_connection_forget_scts(ssl);
    return true;
}

static int on_security_question(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
    security_callback previous = atomic_load_explicit(&wrapped, memory_order_relaxed);

    if (ssl != NULL && SSL_is_server(ssl)) {
        /*
         * The extensions have been read when curves are asked about, and with TLS 1.2 when a cipher is; with TLS 1.3
         * the cipher comes before them, while the ClientHello is still there. With TLS 1.2 curves are asked about for a
         * client's signature as well.
         */
        const unsigned char *random;
        bool of_client_hello =
            SSL_get_state(ssl) == TLS_ST_SR_CLNT_HELLO &&
            ((op & SSL_SECOP_OTHER_TYPE) == SSL_SECOP_OTHER_CURVE ||
             (op == SSL_SECOP_CIPHER_SHARED && SSL_client_hello_get0_random((SSL *)ssl, &random) == 0));

        if (op == SSL_SECOP_VERSION || op == SSL_SECOP_CIPHER_SHARED) {
            ct_session_context_asked((SSL *)ssl, op, nid);
        }
        if ((of_client_hello && !on_client_hello((SSL *)ssl)) ||
            (op == SSL_SECOP_SIGALG_CHECK && !on_certificate_verify((SSL *)ssl))) {
            return 0;
        }
    }
    return previous(ssl, ctx, op, bits, nid, other, ex);
}

void ct_handshake_watch(SSL_CTX *ctx)
{
    security_callback found = SSL_CTX_get_security_callback(ctx);
    security_callback first = NULL;

    if (found != NULL && found != on_security_question &&
        (atomic_compare_exchange_strong(&wrapped, &first, found) || first == found)) {
        SSL_CTX_set_security_callback(ctx, on_security_question);
    }
}
