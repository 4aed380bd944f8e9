/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that are resumed, and what applications do that must not change that; and what follows from a session that
 * is not. As sessions.c, which has the ways in which a verdict could be outlived.
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
#include <openssl/ssl.h>

#include "case.h"
#include "clocks.h"
#include "pair.h"
#include "session_ends.h"

static void ready(void)
{
}

/* Nothing has changed: a ticket that was resumed, and the one that came of it, several times. */
static bool same_again(void)
{
    struct ends ends = ends_with("good");
    bool all = true;

    for (int i = 0; i < 3; i++) {
        all = all && resumes(ends.server, ends.client, ends.session, NAME);
        if (kind->version == TLS1_3_VERSION) {
            SSL_SESSION_free(ends.session);
            ends.session = SSL_SESSION_dup(offered);
        }
    }
    clocks_forward(599);
    return all && resumed_at_last(&ends, NAME);
}

static bool same_without_a_name(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    ends.session = session_of(ends.server, ends.client, NULL);
    return resumed_at_last(&ends, NULL);
}

static bool made_by_another_child(void)
{
    SSL_CTX *server = server_of_kind();
    struct ends ends;

    ends = (struct ends){ server, client_of_kind("good"), session_of_child(server, ready) };
    return resumed_at_last(&ends, NAME);
}

static bool asked_after_the_handshake(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    if (kind->version != TLS1_3_VERSION) {
        return resumption[0] != 'r';
    }
    ends.session = session_after_handshake(ends.server, ends.client, 0);
    return resumed_at_last(&ends, NAME);
}

static bool retried_with_the_same_name(void)
{
    return kind->version == TLS1_3_VERSION ? retried_by_names(NAME, NAME) : resumption[0] != 'r';
}

static bool exemption_that_lasts(void)
{
    struct ends ends;

    exempt_for(86400);
    ends = ends_with("unlogged");
    return resumed_at_last(&ends, NAME);
}

/* As Apache does, in its callback for the ClientHello. */
static int set_own_context(SSL *ssl, int *alert, void *arg)
{
    ck_assert_int_eq(SSL_set_session_id_context(ssl, (const unsigned char *)"vhost", 5), 1);
    return SSL_CLIENT_HELLO_SUCCESS;
}

static bool application_sets_a_context_for_the_client_hello(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_client_hello_cb(ends.server, set_own_context, NULL);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}

static void ignore_message(int writing, int version, int type, const void *data, size_t len, SSL *ssl, void *arg)
{
}

/* As HAProxy and FreeRADIUS do. */
static bool application_watches_messages(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_msg_callback(ends.server, ignore_message);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}

/* As HAProxy does with a session that it has put into its cache, from which libssl makes the next ticket. */
static int overwrite_context(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_set1_id_context(session, (const unsigned char *)"HAProxy", 7);
    return 0;
}

static bool application_overwrites_the_context_of_its_copy(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    if (!kind->ticket) {
        return resumption[0] != 'r';
    }
    SSL_CTX_sess_set_new_cb(ends.server, overwrite_context);
    ends.session = session_of(ends.server, ends.client, NAME);
    if (resumption[0] == 'a' && kind->version == TLS1_3_VERSION) {
        ck_assert_int_eq(SSL_CTX_set_session_id_context(ends.server, (const unsigned char *)"HAProxy", 7), 1);
    }
    return resumed_at_last(&ends, NAME);
}

/* squid, memcached, NSD, unbound and others: libssl ends the connection of each client that comes back to them. */
static bool application_sets_no_context(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    if (resumption[0] == 'a') {
        return true;
    }
    ck_assert_int_eq(SSL_CTX_set_session_id_context(ends.server, NULL, 0), 1);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}

static int stay(SSL *ssl, int *alert, void *arg)
{
    SSL_CTX **other = arg;

    SSL_set_SSL_CTX(ssl, *other);
    return SSL_TLSEXT_ERR_OK;
}

/* As nginx does with its server blocks. */
static bool application_changes_the_context_by_name(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    SSL_CTX *other = server_of_kind();

    SSL_CTX_set_tlsext_servername_callback(ends.server, stay);
    SSL_CTX_set_tlsext_servername_arg(ends.server, &other);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}

static const struct row goes_on[] = {
    { "the same again", same_again, 0, false },
    { "the same without a name", same_without_a_name, 0, false },
    { "made by another child", made_by_another_child, 0, false },
    { "post-handshake authentication", asked_after_the_handshake, 0, false },
    { "HelloRetryRequest, same name", retried_with_the_same_name, 0, false },
    { "an exemption that lasts", exemption_that_lasts, 0, false },
    { "context set in the ClientHello callback", application_sets_a_context_for_the_client_hello, 0, false },
    { "message callback", application_watches_messages, 0, false },
    { "context overwritten in a copy", application_overwrites_the_context_of_its_copy, 0, false },
    { "no context", application_sets_no_context, 0, false },
    { "SSL_CTX changed by name", application_changes_the_context_by_name, 0, false },
};
#define GOES_ON_COUNT (sizeof goes_on / sizeof goes_on[0])

START_TEST(session_whose_verdict_is_the_same_is_resumed)
{
    const struct row *row = &goes_on[_i];

    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        ck_assert_msg(resumed_in_child(row->resumes) == (resumption[0] == 'r' ? 0 : 42), "%s, %s, resumption = %s",
                      row->name, kind->name, resumption);
    }
}
END_TEST

static int libssls_answer(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
    return 1;
}

/* What keeps us out: then it is as with `refuse`, for each connection by itself. */
static bool application_has_a_security_callback(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_security_callback(ends.server, libssls_answer);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}

#if OPENSSL_VERSION_NUMBER < 0x40000000L /* later there are none */
#define HAS_METHODS_OF_ONE_VERSION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static bool method_of_one_version(void)
{
    struct ends ends = { .server = SSL_CTX_new(TLSv1_2_server_method()), .client = client_of_kind("good") };

    furnish_server(ends.server);
    furnish_as_server(ends.server);
    ends.session = session_of(ends.server, ends.client, NAME);
    return resumed_at_last(&ends, NAME);
}
#pragma GCC diagnostic pop
#endif

static const struct row keeps_us_out[] = {
    { "security callback", application_has_a_security_callback, 0, false },
#ifdef HAS_METHODS_OF_ONE_VERSION
    { "method of one version", method_of_one_version, TLS1_2_VERSION, false },
#endif
};
#define KEEPS_US_OUT_COUNT (sizeof keeps_us_out / sizeof keeps_us_out[0])

START_TEST(application_that_keeps_us_out_resumes_nothing)
{
    const struct row *row = &keeps_us_out[_i];

    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        if (row->version != 0 && row->version != kind->version) {
            continue;
        }
        ck_assert_msg(resumed_in_child(row->resumes) == (resumption[0] == 'a' ? 42 : 0), "%s, %s, resumption = %s",
                      row->name, kind->name, resumption);
    }
}
END_TEST

static bool rule_is_stricter(void)
{
    struct ends ends;

    reconfigure_with("rules = rules\n[rules]\nall = all\n[all]\nissued_before = 2100-01-01T00:00:00Z\n"
                     "resumption = refuse\n");
    ends = ends_with("good");
    return resumed_at_last(&ends, NAME);
}

START_TEST(rule_may_be_stricter)
{
    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        ck_assert_msg(resumed_in_child(rule_is_stricter) == 0, "%s, resumption = %s", kind->name, resumption);
    }
}
END_TEST

static bool refused_client_comes_back(void)
{
    struct ends ends;

    reconfigure_with("mode = report\n");
    ends = ends_with("unlogged");
    reconfigure_with("");
    struct pair pair = begin(ends.server, ends.client, ends.session, NAME);
    bool in = shake_hands(&pair);

    free_pair(&pair);
    return in;
}

START_TEST(client_that_was_only_watched_is_refused_when_it_comes_back)
{
    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        set_case(i / KIND_COUNT, i % KIND_COUNT);
        ck_assert_msg(resumed_in_child(refused_client_comes_back) == (resumption[0] == 'a' ? 42 : 0),
                      "%s, resumption = %s", kind->name, resumption);
    }
}
END_TEST

/* Whether the server takes data that came with the ClientHello. */
static bool takes_early_data(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session)
{
    struct pair pair = begin(server, client, session, NAME);
    char byte = 'x';
    size_t len = 0;
    bool accepted;

    ck_assert_int_eq(SSL_write_early_data(pair.client, &byte, 1, &len), 1);
    for (int i = 0; i < 4 && SSL_read_early_data(pair.server, &byte, 1, &len) != SSL_READ_EARLY_DATA_FINISH; i++) {
        SSL_do_handshake(pair.client);
    }
    ck_assert_msg(shake_hands(&pair), "%s", reason_in_queue());
    accepted = SSL_get_early_data_status(pair.server) == SSL_EARLY_DATA_ACCEPTED;
    free_pair(&pair);
    return accepted;
}

static bool early_data(bool tightened)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_max_early_data(ends.server, 1000);
    SSL_CTX_set_options(ends.server, SSL_OP_NO_ANTI_REPLAY);
    ends.session = session_of(ends.server, ends.client, NAME);
    if (tightened) {
        reconfigure_with("sources = embedded\n");
    }
    if (SSL_SESSION_get_max_early_data(ends.session) == 0) {
        ck_assert_str_eq(resumption, "refuse"); /* the client is not told to send any */
        return false;
    }
    return takes_early_data(ends.server, ends.client, ends.session);
}

static bool early_data_as_before(void)
{
    return early_data(false);
}

static bool early_data_after_a_change(void)
{
    return early_data(true);
}

START_TEST(early_data_is_taken_only_where_the_session_is)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        set_case(i, KIND_COUNT - 1);
        ck_assert_msg(resumed_in_child(early_data_as_before) == (resumption[0] == 'r' ? 0 : 42), "%s", resumption);
        ck_assert_msg(resumed_in_child(early_data_after_a_change) == (resumption[0] == 'a' ? 42 : 0), "%s", resumption);
    }
}
END_TEST

/* Or a client with Nagle's algorithm would wait for the acknowledgement of its Finished. */
START_TEST(server_of_tls_1_3_says_something_after_the_clients_finished)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        struct pair pair;

        set_case(i, KIND_COUNT - 1);
        if (i == 0) {
            load();
        } else {
            reconfigure_with("");
        }
        pair = begin(server_of_kind(), client_of_kind("good"), NULL, NAME);
        offers = 0;
        ck_assert(shake_hands(&pair));
        settle(&pair);
        ck_assert_msg(offers == (resumption[0] == 'r' ? 1 : 2), "%s: %d tickets", resumption, offers);
        free_pair(&pair);
    }
}
END_TEST

/* A key that both ends know, and what the server's application knows of its owner: a whole session. */
static SSL_SESSION *of_the_application, *of_the_client;

static int find_by_key(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
    ck_assert(SSL_SESSION_up_ref(of_the_application));
    *session = of_the_application;
    return 1;
}

static int use_key(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *len, SSL_SESSION **session)
{
    ck_assert(SSL_SESSION_up_ref(of_the_client));
    *session = of_the_client;
    *identity = (const unsigned char *)"key";
    *len = 3;
    return 1;
}

/* No certificate is shown then, and no session of libssl's is resumed. */
START_TEST(certificate_that_an_application_knows_by_a_key_is_not_reached)
{
    unsigned char key[SSL_MAX_MASTER_KEY_LENGTH];
    SSL_CTX *server, *client;
    struct pair pair;

    configure("resumption = refuse\n");
    load();
    server = server_context();
    client = client_context("good");
    pair = connect_pair(server, client);
    ck_assert(shake_hands(&pair));
    of_the_application = SSL_SESSION_dup(SSL_get_session(pair.server));
    of_the_client = SSL_SESSION_new();
    ck_assert_int_eq(SSL_SESSION_set1_master_key(of_the_client, key,
                                                 SSL_SESSION_get_master_key(of_the_application, key, sizeof key)),
                     1);
    ck_assert_int_eq(SSL_SESSION_set_cipher(of_the_client, SSL_SESSION_get0_cipher(of_the_application)), 1);
    ck_assert_int_eq(SSL_SESSION_set_protocol_version(of_the_client, TLS1_3_VERSION), 1);
    free_pair(&pair);

    SSL_CTX_set_psk_find_session_callback(server, find_by_key);
    SSL_CTX_set_psk_use_session_callback(client, use_key);
    pair = connect_pair(server, client);
    ck_assert(shake_hands(&pair));
    ck_assert(SSL_session_reused(pair.server));
    ck_assert_ptr_nonnull(SSL_get0_peer_certificate(pair.server));
    free_pair(&pair);
    SSL_SESSION_free(of_the_application);
    SSL_SESSION_free(of_the_client);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resumed_sessions");
    TCase *cases = tcase_create("resumed_sessions");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, session_whose_verdict_is_the_same_is_resumed, 0, (int)GOES_ON_COUNT);
    tcase_add_loop_test(cases, application_that_keeps_us_out_resumes_nothing, 0, (int)KEEPS_US_OUT_COUNT);
    tcase_add_test(cases, rule_may_be_stricter);
    tcase_add_test(cases, client_that_was_only_watched_is_refused_when_it_comes_back);
    tcase_add_test(cases, early_data_is_taken_only_where_the_session_is);
    tcase_add_test(cases, server_of_tls_1_3_says_something_after_the_clients_finished);
    tcase_add_test(cases, certificate_that_an_application_knows_by_a_key_is_not_reached);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
