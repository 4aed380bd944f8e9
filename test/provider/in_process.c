/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The component in this very process, where a test can see what servers do not
 * show: callbacks, error queue, threads, children. Run by test_in_process.py,
 * which gives the fixture (FIXTURE) and the configuration (OPENSSL_CONF,
 * CLIENTCT_CNF).
 */
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "pair.h"

static void enforces(void)
{
    ck_assert_msg(admits("good"), "a logged client is admitted");
    ck_assert_msg(!admits("unlogged"), "an unlogged client is refused");
    ERR_clear_error();
}

START_TEST(refusal_leaves_reason_and_details_in_the_error_queue)
{
    SSL_CTX *server = server_context();
    long verify_result = 0;
    const char *data = NULL;
    unsigned long error;
    int flags = 0;

    ck_assert(!admits_with(server, "unlogged", &verify_result));
    ck_assert_int_eq(verify_result, X509_V_ERR_NO_VALID_SCTS);
    error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    ck_assert_str_eq(ERR_lib_error_string(error), "clientct");
    ck_assert_str_eq(ERR_reason_error_string(error), "clientct: refused client certificate: no-scts");
    ck_assert(flags & ERR_TXT_STRING);
    ck_assert_ptr_nonnull(strstr(data, "no SCT"));
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), SSL_R_CERTIFICATE_VERIFY_FAILED);
    ck_assert_uint_eq(ERR_get_error(), 0);
    SSL_CTX_free(server);
}
END_TEST

START_TEST(acceptance_leaves_nothing_in_the_error_queue)
{
    ck_assert(admits("good"));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

static int asked;

static int say_yes_to_everything(int ok, X509_STORE_CTX *ctx)
{
    if (!ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_NO_VALID_SCTS) {
        asked++;
        ck_assert_int_eq(X509_STORE_CTX_get_error_depth(ctx), 0);
        ck_assert_ptr_eq(X509_STORE_CTX_get_current_cert(ctx), X509_STORE_CTX_get0_cert(ctx));
    }
    return 1;
}

START_TEST(application_that_says_yes_has_its_way_and_no_error_in_the_queue)
{
    SSL_CTX *server = server_context();
    long verify_result = 0;

    asked = 0;
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, say_yes_to_everything);
    ck_assert(admits_with(server, "unlogged", &verify_result));
    ck_assert_int_eq(asked, 1);
    ck_assert_int_eq(verify_result, X509_V_ERR_NO_VALID_SCTS);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    SSL_CTX_free(server);
}
END_TEST

static int forgive_all_but_ct(int ok, X509_STORE_CTX *ctx)
{
    if (!ok && X509_STORE_CTX_get_error(ctx) != X509_V_ERR_NO_VALID_SCTS) {
        asked++;
        return 1;
    }
    return ok;
}

START_TEST(decides_also_where_the_application_forgave_another_error)
{
    SSL_CTX *server = server_context();
    long verify_result = 0;

    asked = 0;
    SSL_CTX_set_cert_store(server, X509_STORE_new());
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, forgive_all_but_ct);
    ck_assert(!admits_with(server, "unlogged", &verify_result));
    ck_assert_int_gt(asked, 0);
    ck_assert_int_eq(verify_result, X509_V_ERR_NO_VALID_SCTS);
    ERR_clear_error();
    SSL_CTX_free(server);
}
END_TEST

static int verify_by_the_book(X509_STORE_CTX *ctx, void *arg)
{
    return X509_verify_cert(ctx);
}

START_TEST(decides_inside_the_applications_own_verification)
{
    SSL_CTX *server = server_context();

    SSL_CTX_set_cert_verify_callback(server, verify_by_the_book, NULL);
    ck_assert(admits_with(server, "good", NULL));
    ck_assert(!admits_with(server, "unlogged", NULL));
    ERR_clear_error();
    SSL_CTX_free(server);
}
END_TEST

static int leave_an_error(int ok, X509_STORE_CTX *ctx)
{
    ERR_raise(ERR_LIB_USER, 77);
    return ok;
}

START_TEST(errors_of_the_applications_callback_stay)
{
    SSL_CTX *server = server_context();

    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, leave_an_error);
    ck_assert(admits_with(server, "good", NULL));
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), 77);
    ERR_clear_error();
    SSL_CTX_free(server);
}
END_TEST

START_TEST(verification_without_a_connection_is_left_alone)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    BIO *in = BIO_new_file(file("client-", "unlogged", ".pem"), "r");
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);

    ck_assert_int_eq(X509_STORE_load_file(store, file("ca", "", ".pem")), 1);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    ck_assert_int_eq(X509_verify_cert(ctx), 1);
    X509_STORE_CTX_cleanup(ctx);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    ck_assert_int_eq(X509_verify_cert(ctx), 1);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(leaf);
    BIO_free(in);
}
END_TEST

START_TEST(applications_that_take_any_slot_disturb_nothing)
{
    static char rubbish[4096];

    for (int good = 0; good < 2; good++) {
        SSL_CTX *server = server_context();
        SSL_CTX *client = client_context(good ? "good" : "unlogged");
        struct pair pair = connect_pair(server, client);

        for (int i = 0; i < 128; i++) {
            ck_assert(SSL_set_ex_data(pair.server, i, i < 64 ? (void *)1 : rubbish));
        }
        ck_assert_int_eq(shake_hands(&pair), good);
        free_pair(&pair);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
    ERR_clear_error();
}
END_TEST

START_TEST(our_slot_is_beyond_those_that_applications_hard_code)
{
    ck_assert_int_gt(SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL), 64);
}
END_TEST

START_TEST(server_contexts_ask_for_scts_and_client_contexts_do_not)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *either = SSL_CTX_new(TLS_method());
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX *datagrams = SSL_CTX_new(DTLS_client_method());

    ck_assert_msg(SSL_CTX_enable_ct(server, SSL_CT_VALIDATION_STRICT) == 0, "extension 18 of a server is taken");
    ck_assert_msg(SSL_CTX_enable_ct(either, SSL_CT_VALIDATION_STRICT) == 0, "extension 18 is taken");
    ck_assert_msg(SSL_CTX_enable_ct(client, SSL_CT_VALIDATION_STRICT) == 1, "a client may have CT of its own");
    ck_assert_msg(SSL_CTX_enable_ct(datagrams, SSL_CT_VALIDATION_STRICT) == 1, "a DTLS client too");
    SSL_CTX_free(server);
    SSL_CTX_free(either);
    SSL_CTX_free(client);
    SSL_CTX_free(datagrams);
    ERR_clear_error();
}
END_TEST

START_TEST(contexts_made_after_tls_left_the_sources_do_not_ask)
{
    const char *config = getenv("CLIENTCT_CNF");
    FILE *out;
    SSL_CTX *server;

    enforces();
    out = fopen(config, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "log_list = %s\nsources = embedded\npolicy = one\naudit = none\n", file("log_list", "", ".json"));
    fclose(out);
    server = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_enable_ct(server, SSL_CT_VALIDATION_STRICT), 1);
    SSL_CTX_free(server);
    enforces();
}
END_TEST

START_TEST(own_library_context_is_enforced_too)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    SSL_CTX *server = server_context_of(libctx);

    ck_assert(admits_with(server, "good", NULL));
    ck_assert(!admits_with(server, "unlogged", NULL));
    ERR_clear_error();
    SSL_CTX_free(server);
    OSSL_LIB_CTX_free(libctx);
}
END_TEST

START_TEST(loading_again_and_unloading_change_nothing)
{
    /* A provider that is active already is not initialised again, so its entry cannot take the switch back twice. */
    bool reload_default = strcmp(getenv("ENTRY"), "provider") != 0;

    for (int i = 0; i < 3; i++) {
        OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();

        ck_assert(!reload_default || CONF_modules_load_file(getenv("OPENSSL_CONF"), NULL, 0) == 1);
        ck_assert_int_eq(OSSL_LIB_CTX_load_config(libctx, getenv("OPENSSL_CONF")), 1);
        enforces();
        CONF_modules_unload(0);
        enforces();
        OSSL_LIB_CTX_free(libctx);
        enforces();
    }
    CONF_modules_unload(1);
    enforces();
}
END_TEST

START_TEST(child_of_a_process_that_has_decided_decides)
{
    int status = -1;
    pid_t child;

    enforces();
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(admits("good") && !admits("unlogged") ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

static void *decide_often(void *wrong)
{
    for (int i = 0; i < 10; i++) {
        if (!admits("good") || admits("unlogged")) {
            *(int *)wrong += 1;
        }
    }
    ERR_clear_error();
    return NULL;
}

START_TEST(threads_decide_beside_each_other)
{
    pthread_t threads[4];
    int wrong[4] = { 0 };

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, decide_often, &wrong[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(wrong[i], 0);
    }
}
END_TEST

START_TEST(objects_may_outlive_openssl)
{
    int status = -1;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        SSL_CTX *server = server_context();
        SSL_CTX *client = client_context("good");
        struct pair pair = connect_pair(server, client);

        shake_hands(&pair);
        OPENSSL_cleanup();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* DANE-EE takes a certificate for what it is, without a chain: no issuer is known, nor what its own SCTs sign. */
START_TEST(certificate_known_by_dane_is_judged_without_an_issuer)
{
    static const struct {
        const char *client, *reason;
    } clients[] = {
        { "good", "clientct: refused client certificate: issuer-unknown" },
        { "unlogged", "clientct: refused client certificate: no-scts" },
    };

    for (size_t i = 0; i < 4; i++) {
        SSL_CTX *server = server_context();
        SSL_CTX *client = client_context(clients[i / 2].client);
        unsigned char *key = NULL;
        struct pair pair;
        int len = i2d_PUBKEY(SSL_CTX_get0_privatekey(client), &key);

        ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION), 1);
        ck_assert_int_eq(SSL_CTX_dane_enable(server), 1);
        pair = connect_pair(server, client);
        ck_assert_int_ge(SSL_dane_enable(pair.server, NULL), 0);
        /* RFC 6698: DANE-EE(3), SPKI(1), Full(0) */
        ck_assert_int_eq(SSL_dane_tlsa_add(pair.server, 3, 1, 0, key, (size_t)len), 1);
        ck_assert(!shake_hands(&pair));
        ck_assert_str_eq(ERR_reason_error_string(ERR_get_error()), clients[i / 2].reason);
        ERR_clear_error();
        OPENSSL_free(key);
        free_pair(&pair);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}
END_TEST

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
/* `expected`: the server knows the key; else its callback forgives that nobody does. */
static void offer_raw_public_key(bool expected, int version)
{
    static unsigned char types[] = { TLSEXT_cert_type_rpk };
    SSL_CTX *server = server_context();
    SSL_CTX *client = client_context("good");
    struct pair pair;

    ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, version), 1);
    ck_assert_int_eq(SSL_CTX_dane_enable(server), 1);
    pair = connect_pair(server, client);
    SSL_set1_client_cert_type(pair.server, types, sizeof types);
    SSL_set1_client_cert_type(pair.client, types, sizeof types);
    if (expected) {
        ck_assert_int_ge(SSL_dane_enable(pair.server, NULL), 0);
        ck_assert_int_eq(SSL_add_expected_rpk(pair.server, SSL_CTX_get0_privatekey(client)), 1);
    } else {
        SSL_set_verify(pair.server, SSL_VERIFY_PEER, forgive_all_but_ct);
    }
    ck_assert(!shake_hands(&pair));
    ck_assert_str_eq(ERR_reason_error_string(ERR_get_error()), "clientct: refused client certificate: no-certificate");
    ERR_clear_error();
    free_pair(&pair);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

START_TEST(raw_public_key_is_refused)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        offer_raw_public_key(false, version);
        offer_raw_public_key(true, version);
    }
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("in_process");
    TCase *cases = tcase_create("in_process");
    SRunner *runner;
    int failed;

    /* The cases run in children, as the workers of a server do: loaded once, before. */
    if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1) {
        fprintf(stderr, "OpenSSL cannot load %s\n", getenv("OPENSSL_CONF"));
        return EXIT_FAILURE;
    }
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, refusal_leaves_reason_and_details_in_the_error_queue);
    tcase_add_test(cases, acceptance_leaves_nothing_in_the_error_queue);
    tcase_add_test(cases, application_that_says_yes_has_its_way_and_no_error_in_the_queue);
    tcase_add_test(cases, decides_also_where_the_application_forgave_another_error);
    tcase_add_test(cases, decides_inside_the_applications_own_verification);
    tcase_add_test(cases, errors_of_the_applications_callback_stay);
    tcase_add_test(cases, verification_without_a_connection_is_left_alone);
    tcase_add_test(cases, applications_that_take_any_slot_disturb_nothing);
    tcase_add_test(cases, our_slot_is_beyond_those_that_applications_hard_code);
    tcase_add_test(cases, server_contexts_ask_for_scts_and_client_contexts_do_not);
    tcase_add_test(cases, contexts_made_after_tls_left_the_sources_do_not_ask);
    tcase_add_test(cases, own_library_context_is_enforced_too);
    tcase_add_test(cases, loading_again_and_unloading_change_nothing);
    tcase_add_test(cases, child_of_a_process_that_has_decided_decides);
    tcase_add_test(cases, threads_decide_beside_each_other);
    tcase_add_test(cases, objects_may_outlive_openssl);
    tcase_add_test(cases, certificate_known_by_dane_is_judged_without_an_issuer);
#if OPENSSL_VERSION_NUMBER >= 0x30200000L
    tcase_add_test(cases, raw_public_key_is_refused);
#endif
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
