/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QUIC server that demands a client certificate (OpenSSL 3.5 and later) and says
 * of every connection "accepted" or "refused: REASON". usage: quic_server PORT,
 * with the fixture in $FIXTURE. Run by test_quic.py, which ends it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/quic.h>
#include <openssl/ssl.h>

static const unsigned char protocols[] = { 4, 't', 'e', 's', 't' };

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
                           unsigned int inlen, void *arg)
{
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, outlen, protocols, sizeof protocols, in, inlen) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const char *file(const char *name)
{
    static char path[2][4096];
    static int next;
    char *here = path[next++ % 2];

    snprintf(here, sizeof path[0], "%s/%s", getenv("FIXTURE"), name);
    return here;
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(OSSL_QUIC_server_method());

    if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, file("server.pem")) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, file("server.key"), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, file("ca.pem"), NULL) != 1) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return ctx;
}

static int bind_to(const char *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static void serve(SSL *connection)
{
    const char *reason;
    const char *data = "";
    unsigned long error;
    int flags = 0;

    ERR_clear_error();
    if (SSL_do_handshake(connection) == 1) {
        printf("accepted\n");
        SSL_shutdown(connection);
        return;
    }
    /* QUIC adds entries of its own around ours. */
    while ((error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        reason = ERR_reason_error_string(error);
        printf("refused: %s %s\n", reason != NULL ? reason : "?", (flags & ERR_TXT_STRING) != 0 ? data : "");
    }
    printf("verify result %ld\n", SSL_get_verify_result(connection));
}

int main(int argc, char **argv)
{
    SSL_CTX *ctx = make_context();
    int fd = argc == 2 ? bind_to(argv[1]) : -1;
    SSL *listener = ctx != NULL ? SSL_new_listener(ctx, 0) : NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (listener == NULL || fd < 0 || SSL_set_fd(listener, fd) != 1 || SSL_set_blocking_mode(listener, 1) != 1 ||
        SSL_listen(listener) != 1) {
        ERR_print_errors_fp(stdout);
        return EXIT_FAILURE;
    }
    printf("listening\n");
    for (;;) {
        SSL *connection = SSL_accept_connection(listener, 0);

        if (connection != NULL) {
            serve(connection);
            SSL_free(connection);
        }
    }
}
