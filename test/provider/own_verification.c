/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications with verify functions of their own: in a store, for one connection, instead of libcrypto's, around it,
 * within it. Run by test_in_process.py; every case is a process that loads the configuration itself.
 */
#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "case.h"
#include "pair.h"

/* Verify functions of the application's own. */

static X509_STORE_CTX_verify_fn kept;
static int kept_called;

static int call_what_was_kept(X509_STORE_CTX *ctx)
{
    kept_called++;
    return kept(ctx);
}

static int keep_verify_function(X509_STORE_CTX *ctx, void *arg)
{
    kept = X509_STORE_CTX_get_verify(ctx);
    return X509_verify_cert(ctx);
}

/* What an application finds in a context is our function; some keep it as "the default one". */
START_TEST(our_function_in_the_hands_of_the_application_judges_once)
{
    SSL_CTX *server;

    load();
    server = server_context();
    SSL_CTX_set_cert_verify_callback(server, keep_verify_function, NULL);
    judges("first", server);
    ck_assert_ptr_nonnull((void *)(uintptr_t)kept);
    SSL_CTX_free(server);

    server = server_context();
    X509_STORE_set_verify(SSL_CTX_get_cert_store(server), kept);
    judges("put into a store", server);
    SSL_CTX_free(server);

    server = server_context();
    X509_STORE_set_verify(SSL_CTX_get_cert_store(server), call_what_was_kept);
    judges("called by a function of the application's", server);
    ck_assert_int_eq(kept_called, 2);
    SSL_CTX_free(server);
}
END_TEST

static int refuse_everything(X509_STORE_CTX *ctx)
{
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static int accept_everything(X509_STORE_CTX *ctx)
{
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

START_TEST(verify_function_of_a_store_is_asked_before_us)
{
    SSL_CTX *server;
    long result = 0;

    load();
    server = server_context();
    X509_STORE_set_verify(SSL_CTX_get_cert_store(server), refuse_everything);
    ck_assert(!admits_with(server, "good", &result));
    ck_assert_int_eq(result, X509_V_ERR_APPLICATION_VERIFICATION);
    X509_STORE_set_verify(SSL_CTX_get_cert_store(server), accept_everything);
    judges("a function that accepts everything", server);
    SSL_CTX_free(server);
}
END_TEST

static int verify_again_inside(X509_STORE_CTX *ctx, void *with_connection)
{
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    X509_STORE_CTX *inner = X509_STORE_CTX_new();

    for (int i = 0; i < 2; i++) { /* the second time the same object, set up anew */
        ck_assert_int_eq(X509_STORE_CTX_init(inner, X509_STORE_CTX_get0_store(ctx), X509_STORE_CTX_get0_cert(ctx),
                                             X509_STORE_CTX_get0_untrusted(ctx)),
                         1);
        if (with_connection != NULL) {
            ck_assert(X509_STORE_CTX_set_ex_data(inner, index, X509_STORE_CTX_get_ex_data(ctx, index)));
        }
        (void)X509_verify_cert(inner);
        X509_STORE_CTX_cleanup(inner);
    }
    X509_STORE_CTX_free(inner);
    return X509_verify_cert(ctx);
}

START_TEST(verification_within_a_verification_changes_nothing)
{
    static char yes[] = "yes";

    load();
    for (int with_connection = 0; with_connection < 2; with_connection++) {
        SSL_CTX *server = server_context();

        SSL_CTX_set_cert_verify_callback(server, verify_again_inside, with_connection ? yes : NULL);
        judges(with_connection ? "that knows the connection" : "that does not", server);
        SSL_CTX_free(server);
    }
}
END_TEST

/* Ways past our function: each lets libcrypto verify, and the certificate be judged all the same. */

static int in_a_context_without_the_connection(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX *inner = X509_STORE_CTX_new();
    int ok;

    ck_assert_int_eq(X509_STORE_CTX_init(inner, X509_STORE_CTX_get0_store(ctx), X509_STORE_CTX_get0_cert(ctx),
                                         X509_STORE_CTX_get0_untrusted(ctx)),
                     1);
    ok = X509_verify_cert(inner);
    X509_STORE_CTX_free(inner);
    return ok;
}

static int of_a_copy_of_the_certificate(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX *inner = X509_STORE_CTX_new();
    X509 *copy = X509_dup(X509_STORE_CTX_get0_cert(ctx));
    int ok;

    ck_assert_int_eq(X509_STORE_CTX_init(inner, X509_STORE_CTX_get0_store(ctx), copy, NULL), 1);
    ok = X509_verify_cert(inner);
    X509_STORE_CTX_free(inner);
    X509_free(copy);
    return ok;
}

static int without_a_verify_function(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX_set_verify(ctx, NULL);
    return X509_verify_cert(ctx);
}

static int with_another_verify_function(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX_set_verify(ctx, accept_everything);
    return X509_verify_cert(ctx);
}

static int in_the_same_context_set_up_anew(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE *store = X509_STORE_CTX_get0_store(ctx);
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509) *untrusted = X509_STORE_CTX_get0_untrusted(ctx);

    X509_STORE_CTX_cleanup(ctx);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, leaf, untrusted), 1);
    return X509_verify_cert(ctx);
}

static int and_takes_no_for_yes(X509_STORE_CTX *ctx, void *arg)
{
    X509_STORE_CTX_set_verify(ctx, refuse_everything);
    (void)X509_verify_cert(ctx);
    return 1;
}

/* A certificate that is logged, for the connection; and the client's where we do not see it. */
static int after_another_certificate(X509_STORE_CTX *ctx, void *arg)
{
    int index = SSL_get_ex_data_X509_STORE_CTX_idx();
    X509_STORE_CTX *other = X509_STORE_CTX_new();
    SSL_CTX *client = client_context("good");

    ck_assert_int_eq(X509_STORE_CTX_init(other, X509_STORE_CTX_get0_store(ctx), SSL_CTX_get0_certificate(client), NULL),
                     1);
    ck_assert(X509_STORE_CTX_set_ex_data(other, index, X509_STORE_CTX_get_ex_data(ctx, index)));
    ck_assert_int_eq(X509_verify_cert(other), 1);
    X509_STORE_CTX_free(other);
    SSL_CTX_free(client);
    return without_a_verify_function(ctx, NULL);
}

struct question {
    X509_STORE_CTX *ctx;
    int answer;
};

static void *answer(void *arg)
{
    struct question *question = arg;

    question->answer = in_a_context_without_the_connection(question->ctx, NULL);
    return NULL;
}

static int on_another_thread(X509_STORE_CTX *ctx, void *arg)
{
    struct question question = { ctx, 0 };
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, answer, &question), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return question.answer;
}

static const struct way {
    const char *name;
    int (*verify)(X509_STORE_CTX *ctx, void *arg);
} ways[] = {
    { "in a context without the connection", in_a_context_without_the_connection },
    { "of a copy of the certificate", of_a_copy_of_the_certificate },
    { "without a verify function", without_a_verify_function },
    { "with another verify function", with_another_verify_function },
    { "in the same context, set up anew", in_the_same_context_set_up_anew },
    { "and takes no for yes", and_takes_no_for_yes },
    { "on another thread", on_another_thread },
    { "after another certificate", after_another_certificate },
};

START_TEST(verification_past_our_function_is_judged)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    load();
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *server = server_context();

        ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, versions[i]), 1);
        SSL_CTX_set_cert_verify_callback(server, ways[_i].verify, NULL);
        judges(ways[_i].name, server);
        ck_assert(!admits_with(server, "unlogged", NULL));
        ck_assert_msg(strcmp(reason_in_queue(), "clientct: refused client certificate: no-scts") == 0, "%s: %s",
                      ways[_i].name, reason_in_queue());
        ERR_clear_error();
        SSL_CTX_free(server);
    }
}
END_TEST

static X509_STORE *trusted;
static X509 *seen;

/* The answer was given before there was a connection; or is taken from another one's, the second time. */
static int look_up_what_was_verified(X509_STORE_CTX *ctx, void *arg)
{
    return 1;
}

START_TEST(verification_before_the_connection_is_judged)
{
    const char *names[] = { "good", "unlogged" };
    SSL_CTX *server;

    load();
    server = server_context();
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *client = client_context(names[i]);
        X509_STORE_CTX *ctx = X509_STORE_CTX_new();

        ck_assert_int_eq(
            X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(server), SSL_CTX_get0_certificate(client), NULL), 1);
        ck_assert_int_eq(X509_verify_cert(ctx), 1);
        X509_STORE_CTX_free(ctx);
        SSL_CTX_free(client);
    }
    SSL_CTX_set_cert_verify_callback(server, look_up_what_was_verified, NULL);
    for (int i = 0; i < 2; i++) {
        judges("by what was verified before", server);
    }
    /* And from then on what libcrypto was not asked about at all, too. */
    ck_assert(admits_with(server, "good-three", NULL));
    ck_assert(!admits_with(server, "tampered", NULL));
    ERR_clear_error();
    SSL_CTX_free(server);
}
END_TEST

static sigjmp_buf time_is_over;

static int leave(X509_STORE_CTX *ctx, void *arg)
{
    trusted = X509_STORE_CTX_get0_store(ctx);
    seen = X509_STORE_CTX_get0_cert(ctx);
    ck_assert_int_eq(X509_up_ref(seen), 1);
    siglongjmp(time_is_over, 1);
}

static void leave_a_verification(SSL_CTX *server, SSL_CTX *client)
{
    struct pair pair = connect_pair(server, client);

    if (sigsetjmp(time_is_over, 1) == 0) {
        (void)shake_hands(&pair);
        ck_abort_msg("there is no way here");
    }
    free_pair(&pair);
}

/* Its context stays open for good, and names a connection that is no more. */
START_TEST(verification_that_was_left_by_a_jump_is_forgotten)
{
    SSL_CTX *server, *client;
    X509_STORE_CTX *ctx;

    (void)mallopt(M_PERTURB, 0xa5); /* what is freed does not look as it did */
    load();
    server = server_context();
    client = client_context("unlogged");
    SSL_CTX_set_cert_verify_callback(server, leave, NULL);
    leave_a_verification(server, client);

    ctx = X509_STORE_CTX_new();
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, trusted, seen, NULL), 1);
    ck_assert_int_eq(X509_verify_cert(ctx), 1); /* no business of a connection's, and so not of ours */
    X509_STORE_CTX_free(ctx);
    X509_free(seen);

    SSL_CTX_set_cert_verify_callback(server, in_a_context_without_the_connection, NULL);
    judges("later", server);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}
END_TEST

static OSSL_LIB_CTX *of_its_own;

/* What was freed is somebody else's by then, and holds no pointers. */
static void use_what_is_free(void)
{
    void *blocks[60 * 8] = { NULL }; /* of each size more than malloc keeps for a thread */

    for (size_t i = 0; i < 60 * 8; i++) {
        size_t size = 64 + i / 8 * 16;

        blocks[i] = malloc(size);
        ck_assert_ptr_nonnull(blocks[i]);
        memset(blocks[i], 0xff, size);
    }
    for (size_t i = 0; i < 60 * 8; i++) {
        free(blocks[i]);
    }
}

/* libssl frees this context while another library context is the thread's, and so nobody tells us. */
static int end_in_another_library_context(X509_STORE_CTX *ctx, void *arg)
{
    trusted = X509_STORE_CTX_get0_store(ctx);
    (void)OSSL_LIB_CTX_set0_default(of_its_own);
    return 1;
}

START_TEST(verification_that_ended_in_another_library_context_is_forgotten)
{
    X509_STORE_CTX *later;
    SSL_CTX *server, *client;
    struct pair pair;

    load();
    later = X509_STORE_CTX_new(); /* before, or it would be in the place of the one that ended */
    of_its_own = OSSL_LIB_CTX_new();
    server = server_context();
    client = client_context("good"); /* who is judged now */
    SSL_CTX_set_cert_verify_callback(server, end_in_another_library_context, NULL);
    pair = connect_pair(server, client);
    ck_assert(shake_hands(&pair));
    (void)OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
    use_what_is_free();

    ck_assert_int_eq(X509_STORE_CTX_init(later, trusted, SSL_get0_peer_certificate(pair.server), NULL), 1);
    ck_assert_int_eq(X509_verify_cert(later), 1);
    X509_STORE_CTX_free(later);
    free_pair(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    OSSL_LIB_CTX_free(of_its_own);
}
END_TEST

/* Forty functions, as bindings of other languages make them at run time. */
#define VERIFY_FUNCTION(n) \
    static int numbered_##n(X509_STORE_CTX *ctx) \
    { \
        X509_STORE_CTX_set_error_depth(ctx, n); \
        return 1; \
    }
#define TEN(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7) X(n##8) X(n##9)
#define FORTY(X) TEN(X, 1) TEN(X, 2) TEN(X, 3) TEN(X, 4)
FORTY(VERIFY_FUNCTION)

START_TEST(number_of_verify_functions_is_not_limited)
{
#define NAME(n) numbered_##n,
    static const X509_STORE_CTX_verify_fn functions[] = { FORTY(NAME) };

    load();
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        SSL_CTX *server = server_context();

        X509_STORE_set_verify(SSL_CTX_get_cert_store(server), functions[i]);
        ck_assert_msg(admits_with(server, "good", NULL), "function %zu", i);
        ck_assert_msg(!admits_with(server, "unlogged", NULL), "function %zu", i);
        SSL_CTX_free(server);
    }
    enforces("with libcrypto's own, after all these");
}
END_TEST

static int never_verify(X509_STORE_CTX *ctx, void *arg)
{
    return 1;
}

static bool admits_anybody_by(int (*callback)(X509_STORE_CTX *, void *))
{
    SSL_CTX *server;
    bool admitted;

    load();
    server = server_context();
    SSL_CTX_set_cert_verify_callback(server, callback, NULL);
    admitted = admits_with(server, "unlogged", NULL);
    SSL_CTX_free(server);
    return admitted;
}

/* A limit that the README states: nobody asks libcrypto, so nobody asks us. */
START_TEST(application_that_replaces_verification_is_not_reached)
{
    ck_assert(admits_anybody_by(never_verify));
}
END_TEST

static int in_a_library_context_of_its_own(X509_STORE_CTX *ctx, void *arg)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;
    int ok;

    ck_assert_ptr_nonnull(OSSL_PROVIDER_load(own, "default"));
    before = OSSL_LIB_CTX_set0_default(own);
    ok = in_a_context_without_the_connection(ctx, arg);
    OSSL_LIB_CTX_set0_default(before);
    return ok;
}

/* A limit that SECURITY.md states: what happens in such a context is not seen. */
/* Nothing watches handshakes in such a context; verification itself is judged there, too. */
START_TEST(context_from_before_the_load_is_judged_but_for_what_passes_us_by)
{
    SSL_CTX *server;

    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    server = server_context();
    ck_assert_int_eq(CONF_modules_load_file(getenv("OPENSSL_CONF"), NULL, 0), 1);
    judges("made before", server);
    SSL_CTX_set_cert_verify_callback(server, without_a_verify_function, NULL);
    ck_assert(admits_with(server, "unlogged", NULL));
    SSL_CTX_free(server);
}
END_TEST

START_TEST(application_that_verifies_in_a_library_context_of_its_own_is_not_reached)
{
    ck_assert(admits_anybody_by(in_a_library_context_of_its_own));
}
END_TEST

static int per_connection_calls;

static int count_ct_errors(int ok, X509_STORE_CTX *ctx)
{
    per_connection_calls += !ok && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_NO_VALID_SCTS;
    return ok;
}

START_TEST(callback_of_one_connection_is_asked)
{
    SSL_CTX *server;
    SSL_CTX *client;
    struct pair pair;

    load();
    server = server_context();
    client = client_context("unlogged");
    pair = connect_pair(server, client);
    SSL_set_verify(pair.server, SSL_VERIFY_PEER, count_ct_errors);
    ck_assert(!shake_hands(&pair));
    ck_assert_int_eq(per_connection_calls, 1);
    free_pair(&pair);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("own_verification");
    TCase *cases = tcase_create("own_verification");

    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, our_function_in_the_hands_of_the_application_judges_once);
    tcase_add_test(cases, verify_function_of_a_store_is_asked_before_us);
    tcase_add_test(cases, verification_within_a_verification_changes_nothing);
    tcase_add_loop_test(cases, verification_past_our_function_is_judged, 0, sizeof ways / sizeof ways[0]);
    tcase_add_test(cases, verification_before_the_connection_is_judged);
    tcase_add_test(cases, verification_that_was_left_by_a_jump_is_forgotten);
    tcase_add_test(cases, verification_that_ended_in_another_library_context_is_forgotten);
    tcase_add_test(cases, number_of_verify_functions_is_not_limited);
    tcase_add_test(cases, application_that_replaces_verification_is_not_reached);
    tcase_add_test(cases, application_that_verifies_in_a_library_context_of_its_own_is_not_reached);
    tcase_add_test(cases, context_from_before_the_load_is_judged_but_for_what_passes_us_by);
    tcase_add_test(cases, callback_of_one_connection_is_asked);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
