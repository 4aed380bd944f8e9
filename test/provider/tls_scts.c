/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTs that come in the handshake, and what applications do with the chain meanwhile. The client is $GOCLIENT, since
 * OpenSSL's own sends none. Run by test_in_process.py; every case is a process that loads the configuration itself.
 */
#include <arpa/inet.h>
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "case.h"
#include "pair.h"

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

/* A client whose certificate has no SCTs, and that brings some. */
static void be_the_client(unsigned port)
{
    char connect[40], cert[300], key[300], ca[300], scts[300];

    snprintf(connect, sizeof connect, "127.0.0.1:%u", port);
    snprintf(cert, sizeof cert, "%s", file("client-unlogged", "", ".pem"));
    snprintf(key, sizeof key, "%s", file("client-unlogged", "", ".key"));
    snprintf(ca, sizeof ca, "%s", file("ca", "", ".pem"));
    snprintf(scts, sizeof scts, "%s", file("client-unlogged", "", ".scts"));
    execl(getenv("GOCLIENT"), "goclient", "-connect", connect, "-cert", cert, "-key", key, "-ca", ca, "-scts", scts,
          (char *)NULL);
    _exit(127);
}

static bool admits_it(SSL_CTX *server)
{
    struct sockaddr_in address;
    int listening = listen_on_loopback(&address), fd;
    pid_t client = fork();
    bool admitted;
    SSL *ssl;

    if (client == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL) { /* this one is for TAP */
            be_the_client(ntohs(address.sin_port));
        }
        _exit(127);
    }
    ck_assert_int_ge(fd = accept(listening, NULL, NULL), 0);
    ck_assert_ptr_nonnull(ssl = SSL_new(server));
    ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
    admitted = SSL_accept(ssl) == 1;
    SSL_free(ssl);
    close(fd);
    close(listening);
    ck_assert_int_eq(waitpid(client, NULL, 0), client);
    return admitted;
}

/* Ways in which applications verify more than once. */

static int once(X509_STORE_CTX *ctx, void *arg)
{
    return X509_verify_cert(ctx);
}

static int first_in_a_context_of_its_own(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX *inner = X509_STORE_CTX_new();

    ck_assert_int_eq(X509_STORE_CTX_init(inner, X509_STORE_CTX_get0_store(ctx), X509_STORE_CTX_get0_cert(ctx),
                                         X509_STORE_CTX_get0_untrusted(ctx)),
                     1);
    ck_assert_int_eq(X509_verify_cert(inner), 1);
    X509_STORE_CTX_free(inner);
    return X509_verify_cert(ctx);
}

/* Nobody is trusted the first time; then those are who should be. */
static int again_with_other_anchors(X509_STORE_CTX *ctx, void *arg)
{
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, index);
    X509_STORE *store = X509_STORE_CTX_get0_store(ctx);
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509) *untrusted = X509_STORE_CTX_get0_untrusted(ctx), *nobody = sk_X509_new_null();

    X509_STORE_CTX_set0_trusted_stack(ctx, nobody);
    ck_assert_int_le(X509_verify_cert(ctx), 0);
    X509_STORE_CTX_cleanup(ctx);
    ERR_clear_error();
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, untrusted), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_ex_data(ctx, index, ssl), 1);
    sk_X509_free(nobody);
    return X509_verify_cert(ctx);
}

/* The first answer is good, and the second one is what counts. */
static int twice_with_the_connection(X509_STORE_CTX *ctx, void *arg)
{
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    X509_STORE_CTX *inner = X509_STORE_CTX_new();

    ck_assert_int_eq(X509_STORE_CTX_init(inner, X509_STORE_CTX_get0_store(ctx), X509_STORE_CTX_get0_cert(ctx),
                                         X509_STORE_CTX_get0_untrusted(ctx)),
                     1);
    ck_assert_int_eq(X509_STORE_CTX_set_ex_data(inner, index, X509_STORE_CTX_get_ex_data(ctx, index)), 1);
    ck_assert_int_eq(X509_verify_cert(inner), 1);
    X509_STORE_CTX_free(inner);
    return X509_verify_cert(ctx);
}

static const struct way {
    const char *name;
    int (*verify)(X509_STORE_CTX *ctx, void *arg);
} ways[] = {
    { "once", once },
    { "first in a context of its own", first_in_a_context_of_its_own },
    { "again with other anchors", again_with_other_anchors },
    { "twice with the connection", twice_with_the_connection },
};

START_TEST(scts_stay_while_the_application_verifies_again)
{
    SSL_CTX *server;

    load();
    server = server_context();
    SSL_CTX_set_cert_verify_callback(server, ways[_i].verify, NULL);
    for (int i = 0; i < 2; i++) { /* the second time from the cache */
        ck_assert_msg(admits_it(server), "%s: %s", ways[_i].name, reason_in_queue());
    }
    SSL_CTX_free(server);
    server = server_context();
    ck_assert(!admits_with(server, "unlogged", NULL)); /* without them it is not */
    ERR_clear_error();
    SSL_CTX_free(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls_scts");
    TCase *cases = tcase_create("tls_scts");

    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, scts_stay_while_the_application_verifies_again, 0, sizeof ways / sizeof ways[0]);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
