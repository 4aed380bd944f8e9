/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>

const char *file(const char *prefix, const char *name, const char *suffix)
{
    static _Thread_local char path[2][4096];
    static _Thread_local unsigned next;
    char *here = path[next++ % 2];

    snprintf(here, sizeof path[0], "%s/%s%s%s", getenv("FIXTURE"), prefix, name, suffix);
    return here;
}

void furnish_server(SSL_CTX *ctx)
{
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(ctx, file("server", "", ".pem")), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(ctx, file("server", "", ".key"), SSL_FILETYPE_PEM), 1);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(ctx, file("ca", "", ".pem"), NULL), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

SSL_CTX *server_context_of(OSSL_LIB_CTX *libctx)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());

    ck_assert_ptr_nonnull(ctx);
    furnish_server(ctx);
    return ctx;
}

SSL_CTX *server_context(void)
{
    return server_context_of(NULL);
}

SSL_CTX *client_context_of(OSSL_LIB_CTX *libctx, const char *client)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(libctx, NULL, TLS_client_method());

    ck_assert_ptr_nonnull(ctx);
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(ctx, file("client-", client, ".pem")), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(ctx, file("client-", client, ".key"), SSL_FILETYPE_PEM), 1);
    ck_assert_int_eq(SSL_CTX_load_verify_locations(ctx, file("ca", "", ".pem"), NULL), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

SSL_CTX *client_context(const char *client)
{
    return client_context_of(NULL, client);
}

void join_pair(struct pair *pair)
{
    BIO *one = NULL;
    BIO *other = NULL;

    ck_assert_int_eq(BIO_new_bio_pair(&one, 1 << 17, &other, 1 << 17), 1);
    SSL_set_bio(pair->server, one, one);
    SSL_set_bio(pair->client, other, other);
    SSL_set_accept_state(pair->server);
    SSL_set_connect_state(pair->client);
}

struct pair connect_pair(SSL_CTX *server, SSL_CTX *client)
{
    struct pair pair = { SSL_new(server), SSL_new(client) };

    join_pair(&pair);
    return pair;
}

bool shake_hands(struct pair *pair)
{
    for (int round = 0; round < 20; round++) {
        int result;

        SSL_do_handshake(pair->client);
        ERR_clear_error();
        result = SSL_do_handshake(pair->server);
        if (result == 1) {
            return true;
        }
        if (SSL_get_error(pair->server, result) != SSL_ERROR_WANT_READ) {
            return false;
        }
    }
    return false;
}

void free_pair(struct pair *pair)
{
    SSL_free(pair->server);
    SSL_free(pair->client);
}

bool admits_with(SSL_CTX *server, const char *client_name, long *verify_result)
{
    SSL_CTX *client = client_context(client_name);
    struct pair pair = connect_pair(server, client);
    bool admitted = shake_hands(&pair);

    if (verify_result != NULL) {
        *verify_result = SSL_get_verify_result(pair.server);
    }
    free_pair(&pair);
    SSL_CTX_free(client);
    return admitted;
}

bool admits(const char *client_name)
{
    SSL_CTX *server = server_context();
    bool admitted = admits_with(server, client_name, NULL);

    SSL_CTX_free(server);
    return admitted;
}
