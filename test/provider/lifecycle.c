/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What applications do with OpenSSL around the component that they know nothing of: threads and children, library
 * contexts of their own, objects used again, the end. Run by test_in_process.py, which gives FIXTURE, CLIENTCT_CNF,
 * OPENSSL_CONF and CONF_WITHOUT_SWITCH. Every case is a process that loads the configuration itself.
 */
#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "case.h"
#include "pair.h"

/* Threads that start together, before anything has been read. */

static pthread_barrier_t together;

static void *make_context_and_decide(void *right)
{
    SSL_CTX *server;

    pthread_barrier_wait(&together);
    server = server_context();
    *(bool *)right = admits_with(server, "good", NULL) && !admits_with(server, "unlogged", NULL);
    SSL_CTX_free(server);
    return NULL;
}

START_TEST(threads_that_start_together_all_enforce)
{
    pthread_t threads[8];
    bool right[8] = { false };

    load();
    pthread_barrier_init(&together, NULL, 8);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_context_and_decide, &right[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_msg(right[i], "thread %d", i);
    }
}
END_TEST

/*
 * The program exports this one, so that the component's calls come by here: at each, while it is being loaded, somebody
 * else makes a context for a server, in a library context that has its algorithms and no switch.
 */
static OSSL_LIB_CTX *somebody_elses;
static unsigned made_meanwhile;

OSSL_LIB_CTX *OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX *libctx)
{
    OSSL_LIB_CTX *(*real)(OSSL_LIB_CTX *) =
        (OSSL_LIB_CTX * (*)(OSSL_LIB_CTX *))(uintptr_t)dlsym(RTLD_NEXT, "OSSL_LIB_CTX_set0_default");
    OSSL_LIB_CTX *before = real(libctx);
    OSSL_LIB_CTX *theirs = somebody_elses;

    if (theirs != NULL) {
        SSL_CTX *server;

        somebody_elses = NULL;
        server = SSL_CTX_new_ex(theirs, NULL, TLS_server_method());
        ck_assert_ptr_nonnull(server);
        SSL_CTX_free(server);
        made_meanwhile++;
        somebody_elses = theirs;
    }
    return before;
}

/* The name of the configuration is known before there are hooks: else that of the default one would stay for good. */
START_TEST(contexts_made_while_the_configuration_is_loaded_do_not_decide_which_it_is)
{
    /* By the application, as nobody waits for that; and without the switch, which stops everything meanwhile. */
    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    somebody_elses = OSSL_LIB_CTX_new();
    ck_assert_int_eq(CONF_modules_load_file(getenv("CONF_WITHOUT_SWITCH"), NULL, 0), 1);
    ck_assert_uint_ge(made_meanwhile, 2); /* before the hooks, and behind them */
    OSSL_LIB_CTX_free(somebody_elses);
    somebody_elses = NULL;
    enforces("with the configuration that openssl.cnf names");
}
END_TEST

/* The program exports this one, too: where the checker makes its key, the thread's default context is noted. */
static _Atomic(OSSL_LIB_CTX *) keyed_in;

EVP_CIPHER *EVP_CIPHER_fetch(OSSL_LIB_CTX *libctx, const char *algorithm, const char *properties)
{
    EVP_CIPHER *(*real)(OSSL_LIB_CTX *, const char *, const char *) =
        (EVP_CIPHER * (*)(OSSL_LIB_CTX *, const char *, const char *))(uintptr_t)dlsym(RTLD_NEXT, "EVP_CIPHER_fetch");

    if (strcmp(algorithm, "AES-128-GCM") == 0) { /* libssl calls it id-aes128-GCM */
        /* NULL only asks. */
        atomic_store(&keyed_in, libctx != NULL ? libctx : OSSL_LIB_CTX_set0_default(NULL));
    }
    return real(libctx, algorithm, properties);
}

/* The first checker is made inside a context that its thread frees again: nothing of the checker's may be in it. */
START_TEST(first_checker_made_under_a_threads_own_library_context_outlives_it)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;

    load();
    before = OSSL_LIB_CTX_set0_default(own);
    ck_assert_int_eq(OSSL_LIB_CTX_load_config(own, getenv("OPENSSL_CONF")), 1);
    enforces("in the thread's own");
    ck_assert_ptr_eq(atomic_load(&keyed_in), OSSL_LIB_CTX_get0_global_default());
    OSSL_LIB_CTX_set0_default(before);
    OSSL_LIB_CTX_free(own);
    for (int i = 0; i < 3; i++) {
        configure(i % 2 == 0 ? "# read anew\n" : "# once more\n");
        enforces("in the default one");
    }
}
END_TEST

START_TEST(children_forked_before_and_after_the_first_context_enforce)
{
    load();
    for (int after = 0; after < 2; after++) {
        int status = -1;
        pid_t child;

        if (after) {
            enforces("parent");
        }
        child = fork();
        if (child == 0) {
            _exit(admits("good") && !admits("unlogged") ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    enforces("parent afterwards");
}
END_TEST

START_TEST(no_descriptor_of_ours_survives_an_exec)
{
    char settings[4300];
    char folder[] = "/tmp/clientct-lifecycle-XXXXXX";
    char path[64];
    bool had[256];
    int ours = 0;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(settings, sizeof settings, "audit = file:%s/audit\naudit = syslog\nmetrics = %s\n", folder, folder);
    configure(settings);
    for (int fd = 0; fd < 256; fd++) {
        had[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    load();
    enforces("with audit and metrics");
    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (!had[fd] && flags >= 0) {
            ours++;
            ck_assert_msg((flags & FD_CLOEXEC) != 0, "descriptor %d", fd);
        }
    }
    ck_assert_int_gt(ours, 0);
    snprintf(path, sizeof path, "rm -r %s", folder);
    ck_assert_int_eq(system(path), 0);
}
END_TEST

/* Objects used again, copied, or moved to another context. */

START_TEST(connection_object_used_again_is_judged_anew)
{
    static const char *const clients[] = { "good", "unlogged", "good", "tampered", "good-one" };
    SSL_CTX *server;
    SSL *again;

    load();
    server = server_context();
    again = SSL_new(server);
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        SSL_CTX *client = client_context(clients[i]);
        struct pair pair = { again, SSL_new(client) };

        ck_assert_int_eq(SSL_clear(again), 1);
        join_pair(&pair);
        ck_assert_msg(shake_hands(&pair) == (strncmp(clients[i], "good", 4) == 0), "%s, connection %zu", clients[i], i);
        ERR_clear_error();
        SSL_free(pair.client);
        SSL_CTX_free(client);
    }
    SSL_free(again);
    SSL_CTX_free(server);
}
END_TEST

START_TEST(copied_connection_object_is_judged)
{
    SSL_CTX *server;

    load();
    server = server_context();
    for (int good = 0; good < 2; good++) {
        SSL_CTX *client = client_context(good ? "good" : "unlogged");
        SSL *original = SSL_new(server);
        struct pair pair = { NULL, SSL_new(client) };

        SSL_set_accept_state(original);
        pair.server = SSL_dup(original);
        ck_assert_ptr_nonnull(pair.server);
        SSL_free(original);
        join_pair(&pair);
        ck_assert_int_eq(shake_hands(&pair), good);
        ERR_clear_error();
        free_pair(&pair);
        SSL_CTX_free(client);
    }
    SSL_CTX_free(server);
}
END_TEST

static int move_to_other_context(SSL *ssl, int *alert, void *other)
{
    return SSL_set_SSL_CTX(ssl, other) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The first context asks for SCTs and the second does not, or the other way round. */
START_TEST(connection_moved_to_another_context_by_its_name_is_judged)
{
    load();
    for (int order = 0; order < 2; order++) {
        SSL_CTX *contexts[2];

        configure("sources = embedded, tls\n");
        contexts[order] = server_context();
        configure("sources = embedded\n");
        contexts[1 - order] = server_context();
        SSL_CTX_set_tlsext_servername_callback(contexts[0], move_to_other_context);
        SSL_CTX_set_tlsext_servername_arg(contexts[0], contexts[1]);
        for (int good = 0; good < 2; good++) {
            SSL_CTX *client = client_context(good ? "good" : "unlogged");
            struct pair pair = connect_pair(contexts[0], client);

            SSL_set_tlsext_host_name(pair.client, "localhost");
            ck_assert_int_eq(shake_hands(&pair), good);
            ck_assert_ptr_eq(SSL_get_SSL_CTX(pair.server), contexts[1]);
            ERR_clear_error();
            free_pair(&pair);
            SSL_CTX_free(client);
        }
        SSL_CTX_free(contexts[0]);
        SSL_CTX_free(contexts[1]);
    }
}
END_TEST

/* TLS_method is for both roles, so the extension is on it: as a client it has to be silent. */
START_TEST(clients_of_the_method_for_both_roles_are_undisturbed)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

    load();
    for (int i = 0; i < 4; i++) {
        const char *name = i % 2 ? "good" : "unlogged";
        SSL_CTX *server = server_context();
        SSL_CTX *client = SSL_CTX_new(TLS_method());
        struct pair pair;

        ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(client, file("client-", name, ".pem")), 1);
        ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(client, file("client-", name, ".key"), SSL_FILETYPE_PEM), 1);
        ck_assert_int_eq(SSL_CTX_load_verify_locations(client, file("ca", "", ".pem"), NULL), 1);
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(client, versions[i / 2]), 1);
        SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
        pair = connect_pair(server, client);
        ck_assert_msg(shake_hands(&pair) == i % 2, "%s, version %x", name, (unsigned)versions[i / 2]);
        ck_assert_int_eq(SSL_get_verify_result(pair.client), X509_V_OK);
        ERR_clear_error();
        free_pair(&pair);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
    }
}
END_TEST

/* Library contexts. */

static int verify_in_own_context(X509_STORE_CTX *ctx, void *arg)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(own);
    int ok = X509_verify_cert(ctx);

    ck_assert_ptr_eq(OSSL_LIB_CTX_set0_default(before), own);
    OSSL_LIB_CTX_free(own); /* and with it every key and digest that was made in it */
    return ok;
}

START_TEST(nothing_of_ours_lives_in_a_threads_own_library_context)
{
    SSL_CTX *server;

    load();
    server = server_context();
    SSL_CTX_set_cert_verify_callback(server, verify_in_own_context, NULL);
    judges("in a context of the thread's own", server);
    judges("in the next one", server);
    SSL_CTX_free(server);
    configure("# the keys of the same log list, and no verdict of before\n");
    enforces("in the default one");
}
END_TEST

/* A limit that provider-clientct(7) states: OpenSSL asks the hooks of the thread's library context, which has none. */
START_TEST(threads_with_a_library_context_of_their_own_are_not_reached)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;

    load();
    before = OSSL_LIB_CTX_set0_default(own);
    ck_assert(admits("unlogged"));
    OSSL_LIB_CTX_set0_default(before);
    OSSL_LIB_CTX_free(own);
    enforces("in the default one");
}
END_TEST

START_TEST(handshakes_of_such_threads_are_judged_where_we_know_the_server)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;
    SSL_CTX *server;

    load();
    server = server_context();
    before = OSSL_LIB_CTX_set0_default(own);
    judges("by a thread with a library context of its own", server);
    OSSL_LIB_CTX_set0_default(before);
    OSSL_LIB_CTX_free(own);
    judges("by the same thread, later", server);
    SSL_CTX_free(server);
}
END_TEST

/* Where the switch is released, the hooks are. */
START_TEST(library_context_that_has_loaded_the_configuration_is_enforced)
{
    load();
    for (int round = 0; round < 3; round++) { /* a new one may have the address of one that was freed */
        OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
        OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(own);

        ck_assert_int_eq(OSSL_LIB_CTX_load_config(own, getenv("OPENSSL_CONF")), 1);
        enforces("in the thread's own");
        if (strcmp(getenv("ENTRY"), "provider") != 0) { /* a provider that is there is not told of the second time */
            ck_assert_int_eq(OSSL_LIB_CTX_load_config(own, getenv("OPENSSL_CONF")), 1);
            enforces("in the thread's own, loaded twice");
        }
        OSSL_LIB_CTX_set0_default(before);
        OSSL_LIB_CTX_free(own);
    }
    enforces("in the default one");
}
END_TEST

/*
 * Where a slot of ours is taken, hooks cannot be had: then the switch stays on, and nobody can connect at all. Whether
 * the context is the thread's own when the file is loaded into it, or not.
 */
START_TEST(library_context_that_cannot_be_hooked_into_can_do_nothing)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before;

    load();
    before = OSSL_LIB_CTX_set0_default(own);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_ge(CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, NULL, NULL, NULL), 0);
    }
    if (_i == 1) {
        OSSL_LIB_CTX_set0_default(before);
    }
    OSSL_LIB_CTX_load_config(own, getenv("OPENSSL_CONF"));
    ck_assert_ptr_null(SSL_CTX_new_ex(own, NULL, TLS_server_method()));
    ERR_clear_error();
    OSSL_LIB_CTX_set0_default(before);
    OSSL_LIB_CTX_free(own);
}
END_TEST

START_TEST(loading_under_a_threads_own_library_context_reaches_the_default_one)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(own);

    ck_assert_int_eq(OSSL_LIB_CTX_load_config(own, getenv("OPENSSL_CONF")), 1);
    OSSL_LIB_CTX_set0_default(before);
    OSSL_LIB_CTX_free(own);
    enforces("in the default one");
}
END_TEST

/* For example fips=yes in a process without a FIPS provider. */
START_TEST(without_algorithms_everybody_is_refused_until_they_are_back)
{
    static const char *const clients[] = { "good", "unlogged" };
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new();
    SSL_CTX *server;

    load();
    ck_assert_int_eq(EVP_set_default_properties(NULL, "fips=yes"), 1);
    server = server_context_of(own);
    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *client = client_context_of(own, clients[i]);
        struct pair pair = connect_pair(server, client);

        ck_assert_msg(!shake_hands(&pair), "%s is let in", clients[i]);
        ck_assert_msg(strstr(reason_in_queue(), "config-error") != NULL ||
                          strstr(reason_in_queue(), "internal-error") != NULL,
                      "reason: %s", reason_in_queue());
        ERR_clear_error();
        free_pair(&pair);
        SSL_CTX_free(client);
    }
    SSL_CTX_free(server);
    ck_assert_int_eq(EVP_set_default_properties(NULL, ""), 1);
    enforces("with algorithms");
    OSSL_LIB_CTX_free(own);
}
END_TEST

/* The end. */

START_TEST(unloaded_configuration_goes_on_being_enforced)
{
    load();
    enforces("before");
    CONF_modules_finish();
    CONF_modules_unload(1);
    enforces("after");
}
END_TEST

static struct pair left_over;
static SSL_CTX *left_over_server;
static SSL_CTX *left_over_client;

static void free_what_is_left(void)
{
    free_pair(&left_over);
    SSL_CTX_free(left_over_server);
    SSL_CTX_free(left_over_client);
}

/* Registered before OpenSSL's own clean-up, so called after it. */
START_TEST(exit_handlers_may_free_connections_after_the_clean_up)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        atexit(free_what_is_left);
        load();
        left_over_server = server_context();
        left_over_client = client_context("good");
        left_over = connect_pair(left_over_server, left_over_client);
        exit(shake_hands(&left_over) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lifecycle");
    TCase *cases = tcase_create("lifecycle");

    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, threads_that_start_together_all_enforce);
    tcase_add_test(cases, contexts_made_while_the_configuration_is_loaded_do_not_decide_which_it_is);
    tcase_add_test(cases, first_checker_made_under_a_threads_own_library_context_outlives_it);
    tcase_add_test(cases, children_forked_before_and_after_the_first_context_enforce);
    tcase_add_test(cases, connection_object_used_again_is_judged_anew);
    tcase_add_test(cases, copied_connection_object_is_judged);
    tcase_add_test(cases, clients_of_the_method_for_both_roles_are_undisturbed);
    tcase_add_test(cases, handshakes_of_such_threads_are_judged_where_we_know_the_server);
    tcase_add_test(cases, library_context_that_has_loaded_the_configuration_is_enforced);
    tcase_add_loop_test(cases, library_context_that_cannot_be_hooked_into_can_do_nothing, 0, 2);
    tcase_add_test(cases, loading_under_a_threads_own_library_context_reaches_the_default_one);
    tcase_add_test(cases, threads_with_a_library_context_of_their_own_are_not_reached);
    tcase_add_test(cases, unloaded_configuration_goes_on_being_enforced);
    tcase_add_test(cases, exit_handlers_may_free_connections_after_the_clean_up);
    /* These write clientct.cnf, each as it needs it. */
    tcase_add_test(cases, no_descriptor_of_ours_survives_an_exec);
    tcase_add_test(cases, connection_moved_to_another_context_by_its_name_is_judged);
    tcase_add_test(cases, nothing_of_ours_lives_in_a_threads_own_library_context);
    tcase_add_test(cases, without_algorithms_everybody_is_refused_until_they_are_back);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
