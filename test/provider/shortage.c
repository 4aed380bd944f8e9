/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions in which something goes wrong: nothing of it stays in the application's error queue, and where memory runs
 * short nobody is let in for it. Run by test_in_process.py; every case is a process that loads the configuration
 * itself.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "case.h"
#include "pair.h"

/* The application's error queue. */

static void der_file(const char *folder, const char *client, const char *what)
{
    BIO *in = BIO_new_file(file("client-", client, ".pem"), "r");
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    unsigned char hash[32];
    char path[256];
    int at = snprintf(path, sizeof path, "%s/", folder);
    FILE *out;

    ck_assert_int_eq(X509_digest(leaf, EVP_sha256(), hash, NULL), 1);
    for (size_t i = 0; i < sizeof hash; i++) {
        at += snprintf(path + at, sizeof path - (size_t)at, "%02x", hash[i]);
    }
    snprintf(path + at, sizeof path - (size_t)at, ".ocsp");
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(what, out);
    fclose(out);
    X509_free(leaf);
    BIO_free(in);
}

static int leave_an_error(int ok, X509_STORE_CTX *ctx)
{
    if (ok && X509_STORE_CTX_get_error_depth(ctx) == 0) {
        ERR_raise(ERR_LIB_USER, 77);
    }
    return ok;
}

START_TEST(what_goes_wrong_in_a_decision_stays_out_of_the_queue)
{
    char folder[] = "/tmp/clientct-lifecycle-XXXXXX";
    char settings[128];
    SSL_CTX *server;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    der_file(folder, "good", "not an OCSP response");
    der_file(folder, "tampered", "\x30\x03\x0a\x01");
    snprintf(settings, sizeof settings, "sources = embedded, ocsp\nocsp_store = %s\n", folder);
    configure(settings);
    load();
    server = server_context();
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, leave_an_error);
    ck_assert(admits_with(server, "good", NULL));
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), 77);
    ck_assert_uint_eq(ERR_get_error(), 0);
    ck_assert(!admits_with(server, "tampered", NULL));
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), 77);
    ck_assert_ptr_nonnull(strstr(reason_in_queue(), "clientct: refused client certificate"));
    ck_assert_uint_ne(ERR_get_error(), 0);
    ck_assert_int_eq(ERR_GET_REASON(ERR_get_error()), SSL_R_CERTIFICATE_VERIFY_FAILED);
    ck_assert_uint_eq(ERR_get_error(), 0);
    SSL_CTX_free(server);
    snprintf(settings, sizeof settings, "rm -r %s", folder);
    ck_assert_int_eq(system(settings), 0);
}
END_TEST

/* Allocations of libcrypto and libssl that fail, one after the other. */

static _Thread_local bool counting;
static _Thread_local size_t allocations, fails_at;

static bool all_that_follow; /* and the one that fails */

static bool is_short(void)
{
    return counting && (++allocations == fails_at || (all_that_follow && fails_at != 0 && allocations > fails_at));
}

static void *allocate(size_t size, const char *where, int line)
{
    return is_short() ? NULL : malloc(size);
}

static void *reallocate(void *old, size_t size, const char *where, int line)
{
    return is_short() ? NULL : realloc(old, size);
}

static void release(void *old, const char *where, int line)
{
    free(old);
}

static int verify_short_of_memory(X509_STORE_CTX *ctx, void *arg)
{
    int ok;

    allocations = 0;
    counting = true;
    ok = X509_verify_cert(ctx);
    counting = false;
    return ok;
}

START_TEST(no_shortage_of_memory_lets_an_unlogged_client_in)
{
    static const char *const clients[] = { "unlogged", "good" };
    char comment[32];
    SSL_CTX *server;

    ck_assert_int_eq(CRYPTO_set_mem_functions(allocate, reallocate, release), 1);
    load();
    enforces("at first");
    for (int good = 0; good < 2; good++) {
        bool out_of_reach = false;
        size_t n = 0;

        while (!out_of_reach) {
            bool admitted;

            snprintf(comment, sizeof comment, "# %d %zu\n", good, ++n);
            configure(comment); /* another digest: no verdict of before holds */
            server = server_context();
            SSL_CTX_set_cert_verify_callback(server, verify_short_of_memory, NULL);
            fails_at = n;
            admitted = admits_with(server, clients[good], NULL);
            ERR_clear_error();
            ck_assert_msg(good || !admitted, "an unlogged client is let in at allocation %zu", n);
            out_of_reach = allocations < n;
            ck_assert_msg(admitted == (good == 1) || !out_of_reach, "after the last allocation");
            fails_at = 0;
            SSL_CTX_free(server); /* what libcrypto remembers, it remembers in the certificates of its store */
            admitted = admits(clients[good]);
            ck_assert_msg(admitted == (good == 1), "%s: that memory was short at allocation %zu is remembered: %s",
                          clients[good], n, reason_in_queue());
            ERR_clear_error();
        }
        ck_assert_uint_gt(n, 20);
    }
}
END_TEST

static int say_yes(X509_STORE_CTX *ctx, void *arg)
{
    return 1;
}

/* From the n-th allocation on, or at that one alone. */
static bool is_accepted_short_of_memory(X509_STORE *trust, X509 *shown, size_t n)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *copy = X509_dup(shown); /* of which libcrypto does not know anything yet */
    bool accepted;

    ck_assert_int_eq(X509_STORE_CTX_init(ctx, trust, copy, NULL), 1);
    fails_at = n;
    accepted = verify_short_of_memory(ctx, NULL) == 1;
    fails_at = 0;
    X509_STORE_CTX_free(ctx);
    X509_free(copy);
    ERR_clear_error();
    return accepted;
}

/* By an application that verifies after the handshake, and by trust of its own. */
START_TEST(no_shortage_of_memory_lets_in_who_is_verified_afterwards)
{
    X509_STORE *trust = NULL;
    SSL_CTX *server, *client;
    struct pair pair;
    X509 *shown;
    char comment[32];

    ck_assert_int_eq(CRYPTO_set_mem_functions(allocate, reallocate, release), 1);
    load();
    server = server_context();
    client = client_context("unlogged");
    SSL_CTX_set_cert_verify_callback(server, say_yes, NULL);
    SSL_CTX_set_cert_store(server, X509_STORE_new());
    trust = X509_STORE_new();
    ck_assert_int_eq(X509_STORE_load_locations(trust, file("ca", "", ".pem"), NULL), 1);
    pair = connect_pair(server, client);
    ck_assert(shake_hands(&pair));
    shown = SSL_get1_peer_certificate(pair.server);
    for (int follow = 0; follow < 2; follow++) {
        size_t n = 0;

        do {
            snprintf(comment, sizeof comment, "# %d %zu\n", follow, ++n);
            configure(comment); /* another digest: no verdict of before holds */
            SSL_CTX_free(server_context());
            all_that_follow = follow == 1;
            ck_assert_msg(!is_accepted_short_of_memory(trust, shown, n), "at allocation %zu%s", n,
                          follow == 1 ? " and after it" : "");
            all_that_follow = false;
        } while (allocations >= n);
        ck_assert_uint_gt(n, 20);
    }
    X509_free(shown);
    X509_STORE_free(trust);
    free_pair(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}
END_TEST

START_TEST(no_shortage_of_memory_makes_a_context_that_admits_anybody)
{
    char comment[32];
    SSL_CTX *server = NULL;
    bool out_of_reach = false;
    size_t n = 0;

    ck_assert_int_eq(CRYPTO_set_mem_functions(allocate, reallocate, release), 1);
    load();
    enforces("at first");
    while (!out_of_reach) {
        snprintf(comment, sizeof comment, "# %zu\n", ++n);
        configure(comment);
        allocations = 0;
        fails_at = n;
        counting = true;
        server = SSL_CTX_new(TLS_server_method());
        counting = false;
        out_of_reach = allocations < n;
        if (server != NULL && n % 7 == 0) { /* the rest is the same handshake again and again */
            furnish_server(server);
            ck_assert_msg(!admits_with(server, "unlogged", NULL), "allocation %zu", n);
        }
        ERR_clear_error();
        SSL_CTX_free(server);
    }
    ck_assert_uint_gt(n, 100);
    configure("# at last\n");
    enforces("at last");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shortage");
    TCase *cases = tcase_create("shortage");

    tcase_set_timeout(cases, 100);
    tcase_add_test(cases, what_goes_wrong_in_a_decision_stays_out_of_the_queue);
    tcase_add_test(cases, no_shortage_of_memory_lets_an_unlogged_client_in);
    tcase_add_test(cases, no_shortage_of_memory_lets_in_who_is_verified_afterwards);
    tcase_add_test(cases, no_shortage_of_memory_makes_a_context_that_admits_anybody);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
