/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes out of the ordinary, both ends in this process: client certificates
 * asked for after the handshake, again, or sent compressed; and what the server's
 * request looks like. Run by test_in_process.py, which gives FIXTURE.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "pair.h"

#define DEMAND (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
#define COMPRESSED_CERTIFICATE 25 /* RFC 8879 */

/* A pair whose server has asked for no certificate yet. */
static struct pair connected(const char *client_name, int version)
{
    SSL_CTX *server = server_context();
    SSL_CTX *client = client_context(client_name);
    struct pair pair;

    SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_post_handshake_auth(client, 1);
    /* As servers that renegotiate do: the session that the client offers has no certificate. */
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(server, version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, version), 1);
    pair = connect_pair(server, client);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    ck_assert(shake_hands(&pair));
    ck_assert_ptr_null(SSL_get0_peer_certificate(pair.server));
    return pair;
}

/* Whether a byte gets from the client to the server; both do on the way what handshake there is to do. */
static bool talks(struct pair *pair)
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

static void says_why(struct pair *pair)
{
    ck_assert_int_eq(SSL_get_verify_result(pair->server), X509_V_ERR_NO_VALID_SCTS);
    ck_assert_str_eq(ERR_reason_error_string(ERR_get_error()), "clientct: refused client certificate: no-scts");
    ERR_clear_error();
}

static void change_certificate(struct pair *pair, const char *client_name)
{
    ck_assert_int_eq(SSL_use_certificate_chain_file(pair->client, file("client-", client_name, ".pem")), 1);
    ck_assert_int_eq(SSL_use_PrivateKey_file(pair->client, file("client-", client_name, ".key"), SSL_FILETYPE_PEM), 1);
}

/* TLS 1.3: post-handshake authentication. */
static bool asks_afterwards(struct pair *pair)
{
    SSL_set_verify(pair->server, DEMAND | SSL_VERIFY_POST_HANDSHAKE, NULL);
    ck_assert_int_eq(SSL_verify_client_post_handshake(pair->server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair->server), 1);
    return talks(pair);
}

/* TLS 1.2: renegotiation. */
static bool renegotiates(struct pair *pair)
{
    SSL_set_verify(pair->server, DEMAND, NULL);
    ck_assert_int_eq(SSL_renegotiate(pair->server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair->server), 1);
    return talks(pair);
}

static const struct later {
    const char *name;
    int version;
    bool (*ask)(struct pair *pair);
} later[] = {
    { "post-handshake authentication", TLS1_3_VERSION, asks_afterwards },
    { "renegotiation", TLS1_2_VERSION, renegotiates },
};
#define LATER_COUNT (int)(sizeof later / sizeof later[0])

START_TEST(certificate_asked_for_later_is_judged)
{
    const struct later *row = &later[_i];
    struct pair good = connected("good", row->version);
    struct pair unlogged = connected("unlogged", row->version);

    ck_assert_msg(row->ask(&good), "%s: a logged client is let in", row->name);
    ck_assert_ptr_nonnull(SSL_get0_peer_certificate(good.server));
    ck_assert_msg(!row->ask(&unlogged), "%s: an unlogged client is refused", row->name);
    says_why(&unlogged);
    free_pair(&good);
    free_pair(&unlogged);
}
END_TEST

START_TEST(certificate_that_takes_the_place_of_a_logged_one_is_judged_anew)
{
    const struct later *row = &later[_i];
    struct pair pair = connected("good", row->version);

    ck_assert_msg(row->ask(&pair), "%s: the first, logged", row->name);
    change_certificate(&pair, "good-one");
    ck_assert_msg(row->ask(&pair), "%s: the second, logged", row->name);
    change_certificate(&pair, "unlogged");
    ck_assert_msg(!row->ask(&pair), "%s: the third, unlogged", row->name);
    says_why(&pair);
    free_pair(&pair);
}
END_TEST

/* What a message callback has seen of handshake messages that came in. */
struct seen {
    int requests;  /* CertificateRequest messages */
    int asking;    /* those of them with an empty extension 18 */
    int elsewhere; /* other messages with extension 18 */
    int compressed;
};

/* Looks for an extension by its type and length: the other bytes of these messages are known not to contain that. */
static bool has_empty_extension_18(const uint8_t *message, size_t len)
{
    static const uint8_t extension[] = { 0, TLSEXT_TYPE_signed_certificate_timestamp, 0, 0 };

    for (size_t i = 4; i + sizeof extension <= len; i++) {
        if (memcmp(message + i, extension, sizeof extension) == 0) {
            return true;
        }
    }
    return false;
}

static void look(int writing, int version, int type, const void *data, size_t len, SSL *ssl, void *arg)
{
    const uint8_t *message = data;
    struct seen *seen = arg;

    if (writing || type != SSL3_RT_HANDSHAKE || len < 4) {
        return;
    }
    if (message[0] == SSL3_MT_CERTIFICATE_REQUEST) {
        seen->requests++;
        seen->asking += has_empty_extension_18(message, len);
    } else if (message[0] == SSL3_MT_ENCRYPTED_EXTENSIONS) {
        seen->elsewhere += has_empty_extension_18(message, len);
    } else if (message[0] == COMPRESSED_CERTIFICATE) {
        seen->compressed++;
    }
}

static void watch(SSL *ssl, struct seen *seen)
{
    SSL_set_msg_callback(ssl, look);
    SSL_set_msg_callback_arg(ssl, seen);
}

START_TEST(every_request_of_tls_1_3_asks_for_scts)
{
    SSL_CTX *server = server_context();
    SSL_CTX *client = client_context("good");
    struct pair pair;
    struct seen seen = { 0 };

    SSL_CTX_set_post_handshake_auth(client, 1);
    pair = connect_pair(server, client);
    watch(pair.client, &seen);
    ck_assert(shake_hands(&pair));
    ck_assert_int_eq(seen.requests, 1);
    ck_assert_int_eq(seen.asking, 1);
    ck_assert(asks_afterwards(&pair));
    ck_assert_int_eq(seen.requests, 2);
    ck_assert_int_eq(seen.asking, 2);
    ck_assert_int_eq(seen.elsewhere, 0);
    free_pair(&pair);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}
END_TEST

START_TEST(request_of_tls_1_2_does_not)
{
    SSL_CTX *server = server_context();
    SSL_CTX *client = client_context("good");
    struct pair pair;
    struct seen seen = { 0 };

    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    pair = connect_pair(server, client);
    watch(pair.client, &seen);
    ck_assert(shake_hands(&pair));
    ck_assert_int_eq(seen.requests, 1);
    ck_assert_int_eq(seen.asking, 0);
    free_pair(&pair);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}
END_TEST

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
START_TEST(compressed_certificate_is_judged)
{
    static int algorithms[] = { TLSEXT_comp_cert_zlib, TLSEXT_comp_cert_brotli, TLSEXT_comp_cert_zstd };

    for (int good = 0; good < 2; good++) {
        SSL_CTX *server = server_context();
        SSL_CTX *client = client_context(good ? "good" : "unlogged");
        struct pair pair = connect_pair(server, client);
        struct seen seen = { 0 };

        SSL_clear_options(pair.server, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
        SSL_clear_options(pair.client, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
        ck_assert_int_eq(SSL_set1_cert_comp_preference(pair.server, algorithms, 3), 1);
        ck_assert_int_eq(SSL_set1_cert_comp_preference(pair.client, algorithms, 3), 1);
        watch(pair.server, &seen);
        ck_assert_int_eq(shake_hands(&pair), good);
        ck_assert_int_eq(seen.compressed, 1);
        if (!good) {
            says_why(&pair);
        }
        free_pair(&pair);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("handshakes");
    TCase *cases = tcase_create("handshakes");
    SRunner *runner;
    int failed;

    if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1) {
        fprintf(stderr, "OpenSSL cannot load %s\n", getenv("OPENSSL_CONF"));
        return EXIT_FAILURE;
    }
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, certificate_asked_for_later_is_judged, 0, LATER_COUNT);
    tcase_add_loop_test(cases, certificate_that_takes_the_place_of_a_logged_one_is_judged_anew, 0, LATER_COUNT);
    tcase_add_test(cases, every_request_of_tls_1_3_asks_for_scts);
    tcase_add_test(cases, request_of_tls_1_2_does_not);
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    tcase_add_test(cases, compressed_certificate_is_judged);
#endif
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
