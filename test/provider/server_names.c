/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that show several server names on one connection. The configuration watches everybody and enforces for
 * strict.example alone, so an unlogged client gets in by any other name. Run by test_in_process.py.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#if OPENSSL_VERSION_NUMBER >= 0x40000000L
#include <openssl/ech.h>
#include <openssl/pem.h>
#endif

#include "case.h"
#include "pair.h"

#define STRICT "strict.example"

static const char settings[] = "mode = report\nrules = rules\n[rules]\nstrict = strict\n"
                               "[strict]\nserver_name = " STRICT "\nmode = enforce\n";

static void setup(void)
{
    configure(settings);
    load();
}

/* A pair of the given version, whose TLS 1.3 server always asks for a second ClientHello. */
static struct pair hello_retrying(const char *client_name, int version)
{
    SSL_CTX *server = server_context();
    SSL_CTX *client = client_context(client_name);
    struct pair pair;

    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, version), 1);
    ck_assert_int_eq(SSL_CTX_set1_groups_list(server, "P-256"), 1);
    ck_assert_int_eq(SSL_CTX_set1_groups_list(client, "X25519:P-256"), 1);
    pair = connect_pair(server, client);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return pair;
}

static void call(SSL *client, const char *name)
{
    ck_assert_int_eq(SSL_set_tlsext_host_name(client, name), 1);
}

/* One ClientHello by the first name, and the one after HelloRetryRequest by the second. */
static bool admits_by(const char *client_name, const char *first, const char *second)
{
    struct pair pair = hello_retrying(client_name, TLS1_3_VERSION);
    bool admitted;

    call(pair.client, first);
    SSL_do_handshake(pair.client);
    ck_assert_int_lt(SSL_do_handshake(pair.server), 1);
    call(pair.client, second);
    admitted = shake_hands(&pair);
    ck_assert_msg(SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name) == NULL ||
                      strcmp(SSL_get_servername(pair.server, TLSEXT_NAMETYPE_host_name), second) == 0,
                  "the second name is the one that libssl tells");
    free_pair(&pair);
    ERR_clear_error();
    return admitted;
}

START_TEST(every_name_counts_after_a_hello_retry_request)
{
    static const struct {
        const char *first, *second;
        bool unlogged_gets_in;
    } rows[] = {
        { "lax.example", "lax.example", true }, { STRICT, STRICT, false }, { "lax.example", STRICT, false },
        { STRICT, "lax.example", false },       { STRICT, NULL, false },   { NULL, STRICT, false },
        { NULL, "lax.example", true },          { NULL, NULL, true },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(admits_by("unlogged", rows[i].first, rows[i].second) == rows[i].unlogged_gets_in,
                      "row %zu: an unlogged client that asks for %s, then for %s", i,
                      rows[i].first != NULL ? rows[i].first : "nothing",
                      rows[i].second != NULL ? rows[i].second : "nothing");
        ck_assert_msg(admits_by("good", rows[i].first, rows[i].second), "row %zu: a logged client", i);
    }
}
END_TEST

/* Pumps what a renegotiation asks for; whether the server stays content. */
static bool goes_on(struct pair *pair)
{
    char byte = 'x';

    for (int round = 0; round < 20; round++) {
        int result;

        SSL_read(pair->client, &byte, 1);
        SSL_write(pair->client, &byte, 1);
        ERR_clear_error();
        result = SSL_read(pair->server, &byte, 1);
        if (result == 1 && !SSL_renegotiate_pending(pair->server)) {
            return true;
        }
        if (result != 1 && SSL_get_error(pair->server, result) != SSL_ERROR_WANT_READ) {
            return false;
        }
    }
    return false;
}

static bool renegotiates_by(struct pair *pair, const char *name)
{
    call(pair->client, name);
    ck_assert_int_eq(SSL_renegotiate(pair->server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair->server), 1);
    return goes_on(pair);
}

/* As Apache with client certificates for one directory: the certificate is asked for later, by renegotiation. */
START_TEST(name_of_the_first_handshake_counts_in_the_second)
{
    for (int strict = 0; strict < 2; strict++) {
        struct pair pair = hello_retrying("unlogged", TLS1_2_VERSION);

        SSL_set_verify(pair.server, SSL_VERIFY_NONE, NULL);
        call(pair.client, strict ? STRICT : "lax.example");
        ck_assert(shake_hands(&pair));
        SSL_set_verify(pair.server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        ck_assert_int_eq(renegotiates_by(&pair, "other.example"), !strict);
        free_pair(&pair);
    }
}
END_TEST

START_TEST(more_names_than_are_looked_at_are_refused)
{
    struct pair pair = hello_retrying("good", TLS1_2_VERSION);
    char name[] = "0.example";

    call(pair.client, name);
    ck_assert(shake_hands(&pair));
    for (name[0] = '1'; name[0] < '4'; name[0]++) {
        ck_assert_msg(renegotiates_by(&pair, name), "name %s", name);
    }
    ck_assert_msg(!renegotiates_by(&pair, name), "the fifth name");
    ck_assert_str_eq(reason_in_queue(), "clientct: refused client certificate: too-many-names");
    free_pair(&pair);
}
END_TEST

START_TEST(cleared_object_has_shown_no_name)
{
    struct pair pair = hello_retrying("unlogged", TLS1_3_VERSION);

    call(pair.client, STRICT);
    ck_assert(!shake_hands(&pair));
    ck_assert_int_eq(SSL_clear(pair.server), 1);
    SSL_free(pair.client);
    pair.client = hello_retrying("unlogged", TLS1_3_VERSION).client; /* its other half is never used */
    join_pair(&pair);
    call(pair.client, "lax.example");
    ck_assert(shake_hands(&pair));
    free_pair(&pair);
}
END_TEST

#if OPENSSL_VERSION_NUMBER >= 0x40000000L
/* A server with a key for ECH, and a client that knows its public half. */
static void use_ech(SSL_CTX *server, SSL_CTX *client, const char *public_name)
{
    const OSSL_HPKE_SUITE suite = OSSL_HPKE_SUITE_DEFAULT;
    OSSL_ECHSTORE *made = OSSL_ECHSTORE_new(NULL, NULL), *secret = OSSL_ECHSTORE_new(NULL, NULL);
    OSSL_ECHSTORE *published = OSSL_ECHSTORE_new(NULL, NULL);
    BIO *pem = BIO_new(BIO_s_mem()), *list;
    char pair[2048], *text;
    long len;

    ck_assert_int_eq(OSSL_ECHSTORE_new_config(made, OSSL_ECH_CURRENT_VERSION, 0, public_name, suite), 1);
    ck_assert_int_eq(OSSL_ECHSTORE_write_pem(made, OSSL_ECHSTORE_LAST, pem), 1);
    len = BIO_get_mem_data(pem, &text);
    snprintf(pair, sizeof pair, "%.*s", (int)len, text);
    text = strstr(pair, "-----BEGIN ECHCONFIG-----"); /* behind the private key */
    ck_assert_ptr_nonnull(text);
    list = BIO_new_mem_buf(text, -1);
    ck_assert_int_eq(OSSL_ECHSTORE_read_pem(published, list, OSSL_ECH_NO_RETRY), 1);
    ck_assert_int_eq(OSSL_ECHSTORE_read_pem(secret, pem, OSSL_ECH_FOR_RETRY), 1);
    ck_assert_int_eq(SSL_CTX_set1_echstore(server, secret), 1);
    ck_assert_int_eq(SSL_CTX_set1_echstore(client, published), 1);
    BIO_free(list);
    BIO_free(pem);
    OSSL_ECHSTORE_free(made);
    OSSL_ECHSTORE_free(secret);
    OSSL_ECHSTORE_free(published);
}

/* The name that everybody shows on the outside says nothing of whom the client wants; the one inside does. */
START_TEST(name_inside_an_encrypted_hello_counts)
{
    static const struct {
        const char *inside, *outside;
        bool unlogged_gets_in;
    } rows[] = { { STRICT, "lax.example", false },
                 { "lax.example", "public.example", true },
                 { "lax.example", STRICT, true } };

    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        const char *inside = rows[i / 2].inside, *outside = rows[i / 2].outside;
        SSL_CTX *server = server_context(), *client = client_context("unlogged");
        char *inner = NULL, *outer = NULL;
        struct pair pair;

        ck_assert_int_eq(SSL_CTX_set1_groups_list(server, "P-256"), 1);
        ck_assert_int_eq(SSL_CTX_set1_groups_list(client, i % 2 == 0 ? "P-256" : "X25519:P-256"), 1); /* asked again */
        SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL); /* the server's certificate has none of these names */
        use_ech(server, client, outside);
        pair = connect_pair(server, client);
        ck_assert_int_eq(SSL_ech_set1_server_names(pair.client, inside, outside, 0), 1);
        ck_assert_msg(shake_hands(&pair) == rows[i / 2].unlogged_gets_in, "%s inside, %s outside", inside, outside);
        if (rows[i / 2].unlogged_gets_in) { /* libssl tells at the end of the handshake */
            ck_assert_int_eq(SSL_ech_get1_status(pair.server, &inner, &outer), SSL_ECH_STATUS_SUCCESS);
            ck_assert_str_eq(inner, inside);
            ck_assert_str_eq(outer, outside);
            OPENSSL_free(inner);
            OPENSSL_free(outer);
        } else {
            ck_assert_int_eq(SSL_get_verify_result(pair.server), X509_V_ERR_NO_VALID_SCTS);
        }
        free_pair(&pair);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
        ERR_clear_error();
    }
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("server_names");
    TCase *cases = tcase_create("server_names");

    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, setup, NULL);
    tcase_add_test(cases, every_name_counts_after_a_hello_retry_request);
    tcase_add_test(cases, name_of_the_first_handshake_counts_in_the_second);
    tcase_add_test(cases, more_names_than_are_looked_at_are_refused);
    tcase_add_test(cases, cleared_object_has_shown_no_name);
#if OPENSSL_VERSION_NUMBER >= 0x40000000L
    tcase_add_test(cases, name_inside_an_encrypted_hello_counts);
#endif
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
