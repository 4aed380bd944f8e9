/* SPDX-License-Identifier: Apache-2.0 */
#include "sct_extension.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include "connection.h"
#include "errors.h"
#include "handshake_watch.h"
#include "process_checker.h"
#include "same_library.h"
#include "status.h"

/* Not in OpenSSL 3.0 and 3.1, so declared here; weak, because the libssl at run time may be older than the headers. */
const SSL_METHOD *OSSL_QUIC_client_method(void) __attribute__((weak));
const SSL_METHOD *OSSL_QUIC_client_thread_method(void) __attribute__((weak));

/* A client that wants CT of its own (SSL_CTX_enable_ct) could not have it if the extension were taken. */
bool ct_is_for_clients_only(const SSL_CTX *ctx)
{
    const SSL_METHOD *method = SSL_CTX_get_ssl_method(ctx);

    return method == TLS_client_method() || method == DTLS_client_method() ||
           (CT_IS_OF_LIBRARY(OSSL_QUIC_client_method, SSL_CTX_new) && method == OSSL_QUIC_client_method()) ||
           (CT_IS_OF_LIBRARY(OSSL_QUIC_client_thread_method, SSL_CTX_new) &&
            method == OSSL_QUIC_client_thread_method());
}

/*
 * An empty extension in CertificateRequest is the question; nothing is said anywhere else. Whether it is asked follows
 * the settings of the moment: a context may have been made long ago.
 */
static int add(SSL *ssl, unsigned int type, unsigned int context, const unsigned char **out, size_t *outlen,
               X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    struct clientct_checker *checker;
    struct ct_connection *connection;
    struct ct_errors_kept kept;
    OSSL_LIB_CTX *threads_own;
    bool asks;

    *out = NULL;
    *outlen = 0;
    if (context != SSL_EXT_TLS1_3_CERTIFICATE_REQUEST || !SSL_is_server(ssl)) {
        return 0;
    }
    /* What an earlier Certificate message brought is no answer to this request. */
    ct_connection_forget_scts(ssl);
    ct_errors_keep(&kept);
    threads_own = ct_process_checker_enter();
    checker = ct_process_checker_get0();
    connection = ct_connection_make(ssl);
    asks = checker == NULL || clientct_checker_wants_tls_scts(checker);
    ct_process_checker_leave(threads_own);
    ct_errors_put_back(&kept);
    if (connection != NULL) {
        connection->asked = asks;
    }
    return asks ? 1 : 0;
}

static int parse(SSL *ssl, unsigned int type, unsigned int context, const unsigned char *in, size_t inlen,
                 X509 *certificate, size_t chain_index, int *alert, void *arg)
{
    if (context != SSL_EXT_TLS1_3_CERTIFICATE) {
        /* OpenSSL calls us for ClientHello too, where the client asks for the server's SCTs: not our business. */
        return 1;
    }
    if (!SSL_is_server(ssl)) {
        *alert = SSL_AD_UNSUPPORTED_EXTENSION;
        return 0;
    }
    /* Called for each certificate of the message; SCTs about an intermediate say nothing about the client. */
    if (chain_index == 0 && !ct_connection_set1_scts(ssl, in, inlen)) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return 0;
    }
    return 1;
}

static void on_ssl_ctx_new(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    SSL_CTX *ctx = parent;
    struct clientct_checker *checker;
    OSSL_LIB_CTX *threads_own;
    struct ct_errors_kept kept;
    bool asks = false;

    if (ct_is_for_clients_only(ctx)) {
        return;
    }
    ct_handshake_watch(ctx);
    ct_errors_keep(&kept);
    threads_own = ct_process_checker_enter();
    checker = ct_process_checker_get0();
    if (checker != NULL) {
        clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
        if (!ct_status_is_rehearsal()) {
            /* Now, often as root and outside any chroot, sinks can be opened that a worker could not open. */
            clientct_checker_start_recording(checker);
        }
    }
    ct_process_checker_leave(threads_own);
    /*
     * Asked for or not in the handshake, as the settings are then; but where they have no tls now the extension is left
     * to the application, which may have SCTs of its own to send (HAProxy's .sctl files). A context that was made then
     * does not ask later: refusals say so.
     */
    if (checker == NULL || clientct_checker_wants_tls_scts(checker)) {
        /* If this fails, evidence is missing; and where too much is missing, the client is refused. */
        asks = SSL_CTX_add_custom_ext(ctx, TLSEXT_TYPE_signed_certificate_timestamp,
                                      SSL_EXT_TLS1_3_CERTIFICATE_REQUEST | SSL_EXT_TLS1_3_CERTIFICATE |
                                          SSL_EXT_TLS1_3_ONLY,
                                      add, NULL, NULL, parse, NULL) == 1;
    }
    if (checker != NULL) {
        ct_status_checker(checker);
    }
    ct_status_context(asks);
    ct_errors_put_back(&kept);
}

bool ct_sct_extension_register(void)
{
    return SSL_CTX_get_ex_new_index(0, NULL, on_ssl_ctx_new, NULL, NULL) >= 0;
}
