/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every way in which a verdict could be outlived by a session, both ends in this process: by ticket and by session ID,
 * in TLS 1.2 and 1.3, under each setting of `resumption`. With `allow` each of them is resumed, or a case would show
 * nothing. Run by test_in_process.py; every case is a process that loads the configuration itself.
 */
#include <check.h>
#include <limits.h>
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

static bool policy_tightened(void)
{
    struct ends ends = ends_with("good");

    reconfigure_with("sources = embedded\n");
    return resumed_at_last(&ends, NAME);
}

/* As a worker that makes no contexts notices it: in its next handshake. */
static bool policy_tightened_and_nobody_reloads(void)
{
    struct ends ends = ends_with("good");

    configure_with("sources = embedded\n");
    clocks_forward(2);
    return resumed_at_last(&ends, NAME);
}

static bool list_changed(void)
{
    struct ends ends;
    char more[1000], path[900];
    FILE *in = fopen(file("log_list", "", ".json"), "r"), *out;
    int c;

    snprintf(path, sizeof path, "%s.list", getenv("CLIENTCT_CNF"));
    snprintf(more, sizeof more, "log_list = %s\n", path);
    out = fopen(path, "w");
    while ((c = fgetc(in)) != EOF) {
        fputc(c, out);
    }
    fclose(in);
    fclose(out);
    out = fopen(getenv("CLIENTCT_CNF"), "w");
    fprintf(out, "audit = none\nresumption = %s\n%s", resumption, more);
    fclose(out);
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
    ends = ends_with("good");
    out = fopen(path, "a");
    fputc('\n', out);
    fclose(out);
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
    return resumed_at_last(&ends, NAME);
}

/* Nothing has happened yet, but it will, and a session that can be resumed would outlive it. */
static bool exemption_about_to_end(void)
{
    struct ends ends;

    exempt_for(300);
    ends = ends_with("unlogged");
    return resumed_at_last(&ends, NAME);
}

static bool exemption_ended(void)
{
    struct ends ends;
    bool resumed;

    exempt_for(300);
    ends = ends_with("unlogged");
    clocks_forward(301);
    /* A full handshake is refused then. */
    struct pair pair = begin(ends.server, ends.client, ends.session, NAME);
    resumed = shake_hands(&pair) && SSL_session_reused(pair.server);
    free_pair(&pair);
    return resumed;
}

static bool other_name(void)
{
    struct ends ends = ends_with("good");

    return resumed_at_last(&ends, OTHER_NAME);
}

static bool no_name(void)
{
    struct ends ends = ends_with("good");

    return resumed_at_last(&ends, NULL);
}

static bool other_context(void)
{
    struct ends ends = ends_with("good");

    SSL_CTX_free(ends.server);
    ends.server = server_of_kind();
    return resumed_at_last(&ends, NAME);
}

static bool other_process_family(void)
{
    SSL_SESSION *session = session_of_child(NULL, load);
    struct ends ends;

    load();
    ends = (struct ends){ server_of_kind(), client_of_kind("good"), session };
    return resumed_at_last(&ends, NAME);
}

static void load_nothing(void)
{
    ck_assert_int_eq(OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
}

static bool from_before_we_were_loaded(void)
{
    SSL_SESSION *session = session_of_child(NULL, load_nothing);
    struct ends ends;

    load();
    ends = (struct ends){ server_of_kind(), client_of_kind("good"), session };
    return resumed_at_last(&ends, NAME);
}

static bool window_over(void)
{
    struct ends ends = ends_with("good");

    clocks_forward(600);
    return resumed_at_last(&ends, NAME);
}

/* The ticket of a resumed connection has the age of the verdict, not its own. */
static bool window_over_for_a_rolled_ticket(void)
{
    struct ends ends = ends_with("good");

    clocks_forward(300);
    resumes(ends.server, ends.client, ends.session, NAME);
    if (kind->version == TLS1_3_VERSION) {
        SSL_SESSION_free(ends.session);
        ends.session = SSL_SESSION_dup(offered);
    }
    clocks_forward(300);
    return resumed_at_last(&ends, NAME);
}

static bool clock_set_back(void)
{
    struct ends ends = ends_with("good");

    clocks_set_wall(-2);
    SSL_SESSION_set_time(ends.session, time(NULL)); /* the client's clock is right */
    return resumed_at_last(&ends, NAME);
}

static bool clock_set_back_into_its_window(void)
{
    struct ends ends = ends_with("good");

    clocks_forward(1200);
    clocks_set_wall(-1200);
    return resumed_at_last(&ends, NAME);
}

static bool with_timeout(long seconds)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    SSL_CTX_set_timeout(ends.server, seconds);
    ends.session = session_of(ends.server, ends.client, NAME);
    clocks_forward(600);
    return resumed_at_last(&ends, NAME);
}

static bool timeout_of_sixty_years(void)
{
    return with_timeout(60L * 365 * 86400);
}

static bool timeout_of_long_max(void)
{
    return with_timeout(LONG_MAX);
}

/* An application gives its client a fresh ticket on a connection that has long been open. */
static bool fresh_ticket_on_an_old_connection(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair = connected(ends.server, ends.client, NULL, NAME);

    clocks_forward(600);
    offers = 0;
    ck_assert_int_eq(SSL_new_session_ticket(pair.server), 1);
    settle(&pair);
    ck_assert_int_gt(offers, 0);
    ends.session = SSL_SESSION_dup(offered);
    finish(&pair);
    return resumed_at_last(&ends, NAME);
}

static bool asked_after_the_handshake_then_tightened(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    ends.session = session_after_handshake(ends.server, ends.client, 0);
    reconfigure_with("sources = embedded\n");
    return resumed_at_last(&ends, NAME);
}

/* The context is of the time of the ClientHello, the verdict is not. */
static bool asked_long_after_the_handshake(void)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };

    ends.session = session_after_handshake(ends.server, ends.client, 600);
    return resumed_at_last(&ends, NAME);
}

static bool asked_after_the_handshake_for_a_short_exemption(void)
{
    struct ends ends;

    exempt_for(300);
    ends = (struct ends){ .server = server_of_kind(), .client = client_of_kind("unlogged") };
    ends.session = session_after_handshake(ends.server, ends.client, 0);
    return resumed_at_last(&ends, NAME);
}

/* The second ClientHello of a connection offers the session of the first. */
static bool renegotiated(void)
{
    SSL_CTX *server = server_of_kind(), *client = client_of_kind("good");
    struct pair pair = connected(server, client, NULL, NAME);
    bool resumed;

    ck_assert_int_eq(SSL_renegotiate(pair.server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair.server), 1);
    settle(&pair);
    ck_assert_int_eq((int)SSL_num_renegotiations(pair.server), 1);
    ck_assert(!SSL_renegotiate_pending(pair.server));
    resumed = finish(&pair);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return resumed;
}

static bool retried_with_another_name(void)
{
    return retried_by_names(NAME, OTHER_NAME);
}

/* A server may have acted on the first one. */
static bool retried_with_its_name_after_another(void)
{
    return retried_by_names(OTHER_NAME, NAME);
}

static const struct row rows[] = {
    { "policy tightened", policy_tightened, 0, false },
    { "policy tightened, and nobody reloads", policy_tightened_and_nobody_reloads, 0, false },
    { "list changed", list_changed, 0, false },
    { "exemption about to end", exemption_about_to_end, 0, false },
    { "exemption ended", exemption_ended, 0, false },
    { "other server name", other_name, 0, false },
    { "no server name", no_name, 0, false },
    { "other SSL_CTX", other_context, 0, false },
    { "other process family", other_process_family, 0, true },
    { "from before we were loaded", from_before_we_were_loaded, 0, true },
    { "window over", window_over, 0, false },
    { "window over, rolled ticket", window_over_for_a_rolled_ticket, 0, false },
    { "clock set back", clock_set_back, 0, false },
    { "clock set back into the window", clock_set_back_into_its_window, 0, false },
    { "time-out of 60 years", timeout_of_sixty_years, 0, false },
    { "time-out of LONG_MAX", timeout_of_long_max, 0, false },
    { "SSL_new_session_ticket", fresh_ticket_on_an_old_connection, TLS1_3_VERSION, false },
    { "post-handshake authentication", asked_after_the_handshake_then_tightened, TLS1_3_VERSION, false },
    { "post-handshake authentication, late", asked_long_after_the_handshake, TLS1_3_VERSION, false },
    { "post-handshake authentication, exempt", asked_after_the_handshake_for_a_short_exemption, TLS1_3_VERSION, false },
    { "renegotiation", renegotiated, TLS1_2_VERSION, false },
    { "HelloRetryRequest, other name", retried_with_another_name, TLS1_3_VERSION, false },
    { "HelloRetryRequest, other name first", retried_with_its_name_after_another, TLS1_3_VERSION, false },
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* Each kind and setting in a process of its own. */
START_TEST(verdict_is_not_outlived)
{
    const struct row *row = &rows[_i];

    for (size_t i = 0; i < KIND_COUNT * SETTING_COUNT; i++) {
        bool expected = i / KIND_COUNT == 0;
        int status = -1;
        pid_t child;

        set_case(i / KIND_COUNT, i % KIND_COUNT);
        if (row->version != 0 && row->version != kind->version) {
            continue;
        }
        child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            if (!row->loads) {
                load();
            }
            _exit(row->resumes() ? 42 : 0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 42 || WEXITSTATUS(status) == 0),
                      "%s, %s, resumption = %s: ended with status %d", row->name, kind->name, resumption, status);
        ck_assert_msg((WEXITSTATUS(status) == 42) == expected, "%s, %s, resumption = %s: %s", row->name, kind->name,
                      resumption, expected ? "not resumed, so that this shows nothing" : "resumed");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sessions");
    TCase *cases = tcase_create("sessions");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, verdict_is_not_outlived, 0, (int)ROW_COUNT);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
