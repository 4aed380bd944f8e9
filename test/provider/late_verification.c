/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applications that have everybody finish the handshake, and ask libcrypto about the client's certificate then. Run by
 * test_in_process.py; every case is a process that loads the configuration itself.
 */
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "case.h"
#include "pair.h"

static X509_STORE *trust; /* of the application's own; NULL: that of the SSL_CTX */

struct guest {
    struct pair pair;
    X509 *shown;
};

static struct guest let_in(SSL_CTX *server, const char *client_name, const char *server_name)
{
    SSL_CTX *client = client_context(client_name);
    struct guest guest = { connect_pair(server, client), NULL };

    if (server_name != NULL) {
        ck_assert_int_eq(SSL_set_tlsext_host_name(guest.pair.client, server_name), 1);
    }
    SSL_CTX_free(client);
    if (shake_hands(&guest.pair)) {
        guest.shown = SSL_get1_peer_certificate(guest.pair.server);
        ck_assert_ptr_nonnull(guest.shown);
    }
    return guest;
}

static void *verify_guest(void *arg)
{
    const struct guest *guest = arg;
    SSL *ssl = guest->pair.server;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *copy = X509_dup(guest->shown);
    bool accepted;

    ck_assert_int_eq(X509_STORE_CTX_init(ctx, trust != NULL ? trust : SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)),
                                         copy, SSL_get_peer_cert_chain(ssl)),
                     1);
    accepted = X509_verify_cert(ctx) == 1;
    ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), accepted ? X509_V_OK : X509_V_ERR_NO_VALID_SCTS);
    X509_STORE_CTX_free(ctx);
    X509_free(copy);
    ERR_clear_error();
    return accepted ? arg : NULL;
}

static void say_goodbye(struct guest *guest)
{
    X509_free(guest->shown);
    free_pair(&guest->pair);
}

static int say_yes(X509_STORE_CTX *ctx, void *arg)
{
    return 1;
}

static SSL_CTX *server_that_asks_later(int version)
{
    SSL_CTX *server = server_context();

    ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, version), 1);
    SSL_CTX_set_cert_verify_callback(server, say_yes, NULL);
    return server;
}

/* Also those that were let pass before the first one was verified, and on another thread. */
START_TEST(verification_after_the_handshake_is_judged)
{
    SSL_CTX *server;
    struct guest guests[3];
    pthread_t thread;
    void *accepted;

    configure("");
    load();
    server = server_that_asks_later(_i);
    guests[0] = let_in(server, "unlogged", NULL);
    guests[1] = let_in(server, "good", NULL);
    guests[2] = let_in(server, "unlogged", NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(guests[i].shown);
        ck_assert_msg((verify_guest(&guests[i]) != NULL) == (i == 1), "guest %d", i);
        ck_assert_int_eq(pthread_create(&thread, NULL, verify_guest, &guests[i]), 0);
        ck_assert_int_eq(pthread_join(thread, &accepted), 0);
        ck_assert_msg((accepted != NULL) == (i == 1), "guest %d on another thread", i);
    }
    for (int i = 0; i < 3; i++) {
        say_goodbye(&guests[i]);
    }
    /* From then on it need not come to that. */
    judges("known to be verified", server);
    SSL_CTX_free(server);
}
END_TEST

static SSL_CTX *server_with_trust_of_its_own(int version)
{
    SSL_CTX *server = server_that_asks_later(version);

    SSL_CTX_set_cert_store(server, X509_STORE_new());
    trust = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_load_locations(trust, file("ca", "", ".pem"), NULL), 1);
    return server;
}

/* Each time anew: libssl does not know by what. */
START_TEST(verification_after_the_handshake_by_other_trust_is_judged)
{
    SSL_CTX *server;

    configure("");
    load();
    server = server_with_trust_of_its_own(_i);
    for (int i = 0; i < 6; i++) {
        const char *names[] = { "good", "unlogged", "tampered" };
        struct guest guest = let_in(server, names[i % 3], NULL);

        ck_assert_msg(guest.shown != NULL, "round %d", i);
        ck_assert_msg((verify_guest(&guest) != NULL) == (i % 3 == 0), "round %d", i);
        say_goodbye(&guest);
    }
    X509_STORE_free(trust);
    SSL_CTX_free(server);
}
END_TEST

START_TEST(verification_after_the_handshake_knows_its_names)
{
    SSL_CTX *server;
    struct guest strict, lax;

    configure("mode = report\nrules = r\n[r]\nstrict = strict\n[strict]\nserver_name = strict.example\n"
              "mode = enforce\n");
    load();
    server = server_that_asks_later(_i);
    strict = let_in(server, "unlogged", "strict.example");
    lax = let_in(server, "tampered", "lax.example");
    ck_assert_ptr_nonnull(verify_guest(&lax));
    ck_assert_ptr_null(verify_guest(&strict));
    say_goodbye(&strict);
    say_goodbye(&lax);
    SSL_CTX_free(server);
}
END_TEST

/*
 * Which of a client's connections is being verified cannot be told: those that it has made lately, and that nobody has
 * accepted yet, count together.
 */
START_TEST(names_of_all_connections_of_a_client_count)
{
    SSL_CTX *server;
    struct guest guests[3];

    configure("mode = report\nrules = r\n[r]\nstrict = strict\n[strict]\nserver_name = strict.example\n"
              "mode = enforce\n");
    load();
    server = server_with_trust_of_its_own(_i);
    for (int i = 0; i < 8; i++) { /* more than a verdict looks at */
        char name[] = "a.example";

        name[0] = (char)(name[0] + i);
        guests[0] = let_in(server, "unlogged", name);
        ck_assert_msg(verify_guest(&guests[0]) != NULL, "%s", name);
        say_goodbye(&guests[0]);
    }
    guests[0] = let_in(server, "unlogged", "lax.example");
    ck_assert_ptr_nonnull(verify_guest(&guests[0]));
    guests[1] = let_in(server, "unlogged", "strict.example");
    guests[2] = let_in(server, "unlogged", "lax.example");
    ck_assert_ptr_null(verify_guest(&guests[1]));
    for (int i = 0; i < 3; i++) {
        say_goodbye(&guests[i]);
    }
    X509_STORE_free(trust);
    SSL_CTX_free(server);
}
END_TEST

struct crowd {
    SSL_CTX *server;
    const char *client;
    bool gets_in;
    unsigned wrong;
};

static void *come_often(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < 40; i++) {
        struct guest guest = let_in(crowd->server, crowd->client, NULL);

        crowd->wrong += guest.shown == NULL || (verify_guest(&guest) != NULL) != crowd->gets_in ? 1 : 0;
        say_goodbye(&guest);
    }
    return NULL;
}

/* Threads that handle one certificate, and different ones, at the same time. */
START_TEST(many_at_once_are_each_judged)
{
    struct crowd crowds[] = { { .client = "good", .gets_in = true },
                              { .client = "good", .gets_in = true },
                              { .client = "unlogged" },
                              { .client = "tampered" } };
    pthread_t threads[4];
    SSL_CTX *server;

    configure("");
    load();
    server = server_with_trust_of_its_own(TLS1_3_VERSION);
    for (int i = 0; i < 4; i++) {
        crowds[i].server = server;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_often, &crowds[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_msg(crowds[i].wrong == 0, "%s: %u of 40 wrong", crowds[i].client, crowds[i].wrong);
    }
    X509_STORE_free(trust);
    SSL_CTX_free(server);
}
END_TEST

/* Its session would bring the certificate into a process that has not seen the handshake. */
START_TEST(client_that_was_let_pass_resumes_nothing)
{
    SSL_CTX *server, *client;
    SSL_SESSION *session;
    struct pair pair;
    char byte;

    configure("");
    load();
    server = server_that_asks_later(_i);
    client = client_context("unlogged");
    pair = connect_pair(server, client);
    ck_assert(shake_hands(&pair));
    ck_assert_int_eq(SSL_write(pair.server, "x", 1), 1);
    (void)SSL_do_handshake(pair.client);
    ck_assert_int_eq(SSL_read(pair.client, &byte, 1), 1);
    session = SSL_get1_session(pair.client);
    SSL_set_shutdown(pair.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or it would be a bad session */
    SSL_set_shutdown(pair.server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    free_pair(&pair);

    pair = connect_pair(server, client);
    ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    ck_assert(shake_hands(&pair));
    ck_assert(!SSL_session_reused(pair.server));
    SSL_SESSION_free(session);
    free_pair(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("late_verification");
    TCase *cases = tcase_create("late_verification");

    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, verification_after_the_handshake_is_judged, TLS1_2_VERSION, TLS1_3_VERSION + 1);
    tcase_add_loop_test(cases, verification_after_the_handshake_by_other_trust_is_judged, TLS1_2_VERSION,
                        TLS1_3_VERSION + 1);
    tcase_add_loop_test(cases, verification_after_the_handshake_knows_its_names, TLS1_2_VERSION, TLS1_3_VERSION + 1);
    tcase_add_loop_test(cases, names_of_all_connections_of_a_client_count, TLS1_2_VERSION, TLS1_3_VERSION + 1);
    tcase_add_test(cases, many_at_once_are_each_judged);
    tcase_add_loop_test(cases, client_that_was_let_pass_resumes_nothing, TLS1_2_VERSION, TLS1_3_VERSION + 1);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
