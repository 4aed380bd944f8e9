/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody tries who holds a session and wants it to outlive its verdict, by the odder ways into libssl: as
 * sessions.c, which has the plain ones. With `allow` each of them succeeds.
 */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "case.h"
#include "clocks.h"
#include "datagrams.h"
#include "pair.h"
#include "session_ends.h"

#define TIGHTER "sources = tls, ocsp\n"

/* Whether the client gets in on a session; where that is not resumed it may well be refused. */
static bool gets_in_again(struct ends *ends, const char *name)
{
    struct pair pair = begin(ends->server, ends->client, ends->session, name);
    bool in = shake_hands(&pair) && SSL_session_reused(pair.server);

    free_pair(&pair);
    return in;
}

static bool policy_tightened(void)
{
    struct ends ends = ends_with("good");

    reconfigure_with(TIGHTER);
    return gets_in_again(&ends, NAME);
}

static bool enforced_after_it_was_off(void)
{
    struct ends ends;

    reconfigure_with("mode = off\n");
    ends = ends_with("unlogged");
    reconfigure_with("");
    return gets_in_again(&ends, NAME);
}

/* The same window of time, but the settings are others. */
static bool window_made_longer(void)
{
    struct ends ends = ends_with("good");

    reconfigure_with("resumption_window = 1d\n");
    clocks_forward(600);
    return gets_in_again(&ends, NAME);
}

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    int c;

    ck_assert(in != NULL && out != NULL);
    while ((c = fgetc(in)) != EOF) {
        fputc(c, out);
    }
    fclose(in);
    fclose(out);
}

/* The settings say the same as before; the file that a rule names does not. */
static bool rules_certificate_changed(void)
{
    struct ends ends;
    char path[900], more[1200];

    snprintf(path, sizeof path, "%s.issuer", getenv("CLIENTCT_CNF"));
    copy_file(file("ca", "", ".pem"), path);
    snprintf(more, sizeof more, "rules = rules\n[rules]\nours = ours\n[ours]\nissuer = %s\nexempt = yes\n", path);
    reconfigure_with(more);
    ends = ends_with("unlogged");
    copy_file(file("other-ca", "", ".pem"), path);
    clocks_forward(2);
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
    return gets_in_again(&ends, NAME);
}

/* libssl never looks at the times in a session's certificate again. */
static bool certificate_expired(void)
{
    BIO *in = BIO_new_file(file("client-", "good", ".pem"), "r");
    X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    struct ends ends;
    struct tm end;

    ck_assert_ptr_nonnull(leaf);
    ck_assert_int_eq(ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &end), 1);
    clocks_forward((int64_t)(timegm(&end) - time(NULL)) - 300);
    X509_free(leaf);
    BIO_free(in);
    ends = ends_with("good");
    clocks_forward(301);
    return gets_in_again(&ends, NAME);
}

static bool retried_without_a_name(void)
{
    return retried_by_names(NAME, NULL);
}

static bool retried_with_its_name_after_none(void)
{
    return retried_by_names(NULL, NAME);
}

/* The client's own wish, which few servers allow (OpenVPN did). */
static bool renegotiated_by_the_client(void)
{
    SSL_CTX *server = server_of_kind(), *client = client_of_kind("good");
    struct pair pair;
    char byte;
    bool resumed;

    SSL_CTX_set_options(server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    pair = connected(server, client, NULL, NAME);
    reconfigure_with(TIGHTER);
    ck_assert_int_eq(SSL_renegotiate_abbreviated(pair.client), 1);
    for (int i = 0; i < 6; i++) {
        SSL_do_handshake(pair.client);
        SSL_read(pair.server, &byte, 1);
    }
    resumed =
        SSL_num_renegotiations(pair.client) > 0 && SSL_is_init_finished(pair.server) && SSL_session_reused(pair.server);
    free_pair(&pair);
    ERR_clear_error();
    return resumed;
}

/* Without a key exchange beside it, so that curves, by which we notice a ClientHello, are not talked about. */
static bool resumed_by_the_key_alone(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair;
    bool in;

    SSL_CTX_set_options(ends.server, SSL_OP_ALLOW_NO_DHE_KEX);
    SSL_CTX_set_options(ends.client, SSL_OP_ALLOW_NO_DHE_KEX);
    ends.session = session_of(ends.server, ends.client, NAME);
    reconfigure_with(TIGHTER);
    pair = begin(ends.server, ends.client, ends.session, NAME);
    ck_assert_int_eq(SSL_set1_groups_list(pair.client, "P-256"), 1);
    ck_assert_int_eq(SSL_set1_groups_list(pair.server, "P-384"), 1);
    in = shake_hands(&pair) && SSL_session_reused(pair.server);
    free_pair(&pair);
    return in;
}

/* Tickets by keys that are just being replaced: each is decrypted and answered with a new one. */
static int old_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                          int encrypt)
{
    static unsigned char key[32];
    OSSL_PARAM digest[] = { OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0), OSSL_PARAM_END };

    if (encrypt) {
        memset(name, 'k', 16);
        memset(iv, 'i', 16);
    }
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key, iv, encrypt) != 1 ||
        EVP_MAC_init(mac, key, sizeof key, digest) != 1) {
        return -1;
    }
    return encrypt ? 1 : 2;
}

static bool ticket_key_replaced(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair;

    if (!kind->ticket) {
        return resumption[0] == 'a';
    }
    ck_assert_int_eq(SSL_CTX_set_tlsext_ticket_key_evp_cb(ends.server, old_ticket_key), 1);
    ends.session = session_of(ends.server, ends.client, NAME);
    pair = connected(ends.server, ends.client, ends.session, NAME);
    ck_assert_int_eq(SSL_session_reused(pair.server), resumption[0] != 'r');
    SSL_SESSION_free(ends.session);
    ends.session = kind->version == TLS1_3_VERSION ? SSL_SESSION_dup(offered) : SSL_get1_session(pair.client);
    finish(&pair);
    clocks_forward(600);
    return resumed_at_last(&ends, NAME);
}

/* One object of the server's serves one connection after the other. */
static bool object_used_again(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair = connected(ends.server, ends.client, NULL, NAME);
    bool in;

    ends.session = kind->version == TLS1_3_VERSION ? SSL_SESSION_dup(offered) : SSL_get1_session(pair.client);
    SSL_shutdown(pair.client);
    SSL_shutdown(pair.server);
    SSL_free(pair.client);
    ck_assert_int_eq(SSL_clear(pair.server), 1);
    pair.client = SSL_new(ends.client);
    join_pair(&pair);
    ck_assert_int_eq(SSL_set_tlsext_host_name(pair.client, OTHER_NAME), 1);
    ck_assert_int_eq(SSL_set_session(pair.client, ends.session), 1);
    in = shake_hands(&pair) && SSL_session_reused(pair.server);
    free_pair(&pair);
    return in;
}

static bool object_doubled(void)
{
    struct ends ends = ends_with("good");
    SSL *first = SSL_new(ends.server);
    struct pair pair = { SSL_dup(first), SSL_new(ends.client) };
    bool in;

    ck_assert(pair.server != NULL && pair.server != first);
    join_pair(&pair);
    ck_assert_int_eq(SSL_set_tlsext_host_name(pair.client, OTHER_NAME), 1);
    ck_assert_int_eq(SSL_set_session(pair.client, ends.session), 1);
    in = shake_hands(&pair) && SSL_session_reused(pair.server);
    free_pair(&pair);
    SSL_free(first);
    return in;
}

static SSL_CTX *chosen;

static int choose(SSL *ssl, int *alert, void *arg)
{
    if (chosen != NULL) {
        SSL_set_SSL_CTX(ssl, chosen);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* What the application chooses for the same name is another context by now. */
static bool other_context_chosen(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_client_hello_cb(ends.server, choose, NULL);
    ends.session = session_of(ends.server, ends.client, NAME);
    chosen = server_of_kind();
    return gets_in_again(&ends, NAME);
}

/* libssl's own cache, and no callbacks. */
static bool kept_by_libssl(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_sess_set_new_cb(ends.server, NULL);
    SSL_CTX_sess_set_get_cb(ends.server, NULL);
    SSL_CTX_set_session_cache_mode(ends.server, SSL_SESS_CACHE_SERVER);
    ends.session = session_of(ends.server, ends.client, NAME);
    reconfigure_with(TIGHTER);
    return gets_in_again(&ends, NAME);
}

/* A worker of before the change offers; one that was forked after it is asked. */
static bool tightened_between_two_children(void)
{
    struct ends ends = ends_with("good");
    int status = -1;
    pid_t child;

    configure_with(TIGHTER);
    clocks_forward(2);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(gets_in_again(&ends, NAME) ? 42 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

/* Data that comes with the ClientHello is taken before anything else could be asked. */
static bool early_data_for_a_tightened_policy(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair;
    char byte = 'x';
    size_t len = 0;
    bool taken;

    SSL_CTX_set_max_early_data(ends.server, 1000);
    SSL_CTX_set_options(ends.server, SSL_OP_NO_ANTI_REPLAY);
    ends.session = session_of(ends.server, ends.client, NAME);
    if (SSL_SESSION_get_max_early_data(ends.session) == 0) {
        return false;
    }
    reconfigure_with(TIGHTER);
    pair = begin(ends.server, ends.client, ends.session, NAME);
    ck_assert_int_eq(SSL_write_early_data(pair.client, &byte, 1, &len), 1);
    len = 0;
    taken = SSL_read_early_data(pair.server, &byte, 1, &len) == SSL_READ_EARLY_DATA_SUCCESS && len == 1;
    free_pair(&pair);
    return taken;
}

#if OPENSSL_VERSION_NUMBER < 0x40000000L
#define HAS_TLS_1_1
static bool tightened_in_tls_1_1(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    SSL_CTX *both[] = { ends.server, ends.client };

    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(SSL_CTX_set_cipher_list(both[i], "ALL:@SECLEVEL=0"), 1);
        ck_assert_int_eq(SSL_CTX_set_min_proto_version(both[i], TLS1_1_VERSION), 1);
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(both[i], TLS1_1_VERSION), 1);
    }
    ends.session = session_of(ends.server, ends.client, NAME);
    reconfigure_with(TIGHTER);
    return gets_in_again(&ends, NAME);
}
#endif

static bool tightened_over_datagrams(void)
{
    return resumed_over_datagrams(NAME, TIGHTER, 0);
}

static bool other_name_over_datagrams(void)
{
    return resumed_over_datagrams(OTHER_NAME, "", 0);
}

static bool window_over_over_datagrams(void)
{
    return resumed_over_datagrams(NAME, "", 600);
}

static const struct row rows[] = {
    { "policy tightened", policy_tightened, 0, false },
    { "mode off, then on", enforced_after_it_was_off, 0, false },
    { "window made longer", window_made_longer, 0, false },
    { "rule's certificate changed", rules_certificate_changed, 0, false },
    { "certificate expired", certificate_expired, 0, false },
    { "HelloRetryRequest, then no name", retried_without_a_name, TLS1_3_VERSION, false },
    { "HelloRetryRequest, no name before", retried_with_its_name_after_none, TLS1_3_VERSION, false },
    { "renegotiation by the client", renegotiated_by_the_client, TLS1_2_VERSION, false },
    { "resumed by the key alone", resumed_by_the_key_alone, TLS1_3_VERSION, false },
    { "ticket key replaced", ticket_key_replaced, 0, false },
    { "SSL object used again", object_used_again, 0, false },
    { "SSL object doubled", object_doubled, 0, false },
    { "other SSL_CTX chosen for the name", other_context_chosen, 0, false },
    { "kept by libssl", kept_by_libssl, 0, false },
    { "tightened between two children", tightened_between_two_children, 0, false },
    { "early data", early_data_for_a_tightened_policy, TLS1_3_VERSION, false },
#ifdef HAS_TLS_1_1
    { "TLS 1.1", tightened_in_tls_1_1, TLS1_2_VERSION, false },
#endif
    { "DTLS, policy tightened", tightened_over_datagrams, TLS1_2_VERSION, false },
    { "DTLS, other name", other_name_over_datagrams, TLS1_2_VERSION, false },
    { "DTLS, window over", window_over_over_datagrams, TLS1_2_VERSION, false },
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

START_TEST(attack_fails)
{
    const struct row *row = &rows[_i];

    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        int expected = i / KIND_COUNT == 0 ? 42 : 0;
        int found;

        set_case(i / KIND_COUNT, i % KIND_COUNT);
        if (row->version != 0 && row->version != kind->version) {
            continue;
        }
        found = resumed_in_child(row->resumes);
        ck_assert_msg(found == expected, "%s, %s, resumption = %s: %d, not %d", row->name, kind->name, resumption,
                      found, expected);
    }
}
END_TEST

static bool datagrams_nothing_changed(void)
{
    return resumed_over_datagrams(NAME, "", 0);
}

START_TEST(nothing_changed_over_datagrams)
{
    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        ck_assert_msg(kind->version != TLS1_2_VERSION ||
                          resumed_in_child(datagrams_nothing_changed) == (resumption[0] == 'r' ? 0 : 42),
                      "%s, %s", kind->name, resumption);
    }
}
END_TEST

static void renegotiate_with_a_context_of_its_own(struct pair *pair, const char *context)
{
    ck_assert_int_eq(SSL_set_session_id_context(pair->server, (const unsigned char *)context, 3), 1);
    ck_assert_int_eq(SSL_renegotiate(pair->server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair->server), 1);
    settle(pair);
    ck_assert(!SSL_renegotiate_pending(pair->server));
}

/* As Apache asks for another certificate: its context, of this moment only, has to end in a full handshake. */
static bool application_forces_a_full_handshake(void)
{
    SSL_CTX *server = server_of_kind(), *client = client_of_kind("good");
    struct pair pair;

    if (kind->version != TLS1_2_VERSION) {
        return false;
    }
    SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
    pair = connected(server, client, NULL, NAME);
    renegotiate_with_a_context_of_its_own(&pair, "one");
    ck_assert(!SSL_session_reused(pair.server));
    renegotiate_with_a_context_of_its_own(&pair, "two");
    return finish(&pair);
}

START_TEST(full_handshake_that_an_application_forces_is_one)
{
    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        ck_assert_msg(resumed_in_child(application_forces_a_full_handshake) == 0, "%s, %s", kind->name, resumption);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("attacked_sessions");
    TCase *cases = tcase_create("attacked_sessions");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, attack_fails, 0, (int)ROW_COUNT);
    tcase_add_test(cases, nothing_changed_over_datagrams);
    tcase_add_test(cases, full_handshake_that_an_application_forces_is_one);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
