/*
 * Which sessions are resumed, both ends in this process: every way in which a verdict could be outlived, by ticket and
 * by session ID, in TLS 1.2 and 1.3, under each setting of `resumption`. With `allow` each of them is resumed, or a
 * case would show nothing. Run by test_in_process.py; every case is a process that loads the configuration itself.
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

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "case.h"
#include "clocks.h"
#include "pair.h"

#define DEMAND (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
#define NAME "a.example"
#define OTHER_NAME "b.example"

static const struct kind {
    const char *name;
    int version;
    bool ticket;
} kinds[] = {
    { "TLS 1.2 session ID", TLS1_2_VERSION, false },
    { "TLS 1.2 ticket", TLS1_2_VERSION, true },
    { "TLS 1.3 session ID", TLS1_3_VERSION, false },
    { "TLS 1.3 ticket", TLS1_3_VERSION, true },
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

static const char *const settings[] = { "allow", "checked", "refuse" };
#define SETTING_COUNT (sizeof settings / sizeof settings[0])

/* Of the case that runs. */
static const struct kind *kind;
static const char *resumption;

/* The server's side of the last session, as a cache that several contexts share has it. */
static SSL_SESSION *cached;
/* The client's side of the last one, and how many have come. */
static SSL_SESSION *offered;
static int offers;

static int put_into_cache(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(cached);
    cached = session;
    return 1;
}

static SSL_SESSION *get_from_cache(SSL *ssl, const unsigned char *id, int len, int *copy)
{
    *copy = 1;
    return cached;
}

static int keep_offer(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION_free(offered);
    offered = session;
    offers++;
    return 1;
}

static void configure_with(const char *more)
{
    char text[2000];

    ck_assert_int_lt(snprintf(text, sizeof text, "audit = none\nresumption = %s\n%s", resumption, more), 2000);
    configure(text);
}

/* A server that reloads its configuration makes a new context. */
static void reconfigure_with(const char *more)
{
    configure_with(more);
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
}

static void furnish_as_server(SSL_CTX *ctx)
{
    static unsigned char ticket_keys[80] = "the same in all processes";

    ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, kind->version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, kind->version), 1);
    ck_assert_int_eq(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"app", 3), 1);
    ck_assert_int_eq(SSL_CTX_set_tlsext_ticket_keys(ctx, ticket_keys, sizeof ticket_keys), 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, put_into_cache);
    SSL_CTX_sess_set_get_cb(ctx, get_from_cache);
    if (!kind->ticket) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
}

static SSL_CTX *server_of_kind(void)
{
    SSL_CTX *ctx = server_context();

    furnish_as_server(ctx);
    return ctx;
}

static SSL_CTX *client_of_kind(const char *certificate)
{
    SSL_CTX *ctx = client_context(certificate);

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_offer);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the names are not the certificate's */
    SSL_CTX_set_post_handshake_auth(ctx, 1);
    return ctx;
}

/* Reads what the server still has to say, tickets among it. */
static void settle(struct pair *pair)
{
    char byte = 'x';

    for (int i = 0; i < 4; i++) {
        SSL_write(pair->server, &byte, 1);
        SSL_read(pair->client, &byte, 1);
        SSL_write(pair->client, &byte, 1);
        SSL_read(pair->server, &byte, 1);
    }
    ERR_clear_error();
}

static struct pair begin(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
{
    struct pair pair = connect_pair(server, client);

    if (name != NULL) {
        ck_assert_int_eq(SSL_set_tlsext_host_name(pair.client, name), 1);
    }
    if (session != NULL) {
        ck_assert_int_eq(SSL_set_session(pair.client, session), 1);
    }
    return pair;
}

static struct pair connected(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
{
    struct pair pair = begin(server, client, session, name);

    ck_assert_msg(shake_hands(&pair), "%s, %s: the server lets the client in: %s", kind->name, resumption,
                  reason_in_queue());
    settle(&pair);
    return pair;
}

/* The connection must end as one that may be resumed, or libssl forgets its session. */
static bool finish(struct pair *pair)
{
    bool reused = SSL_session_reused(pair->server);

    SSL_shutdown(pair->client);
    SSL_shutdown(pair->server);
    free_pair(pair);
    return reused;
}

/* What the client of a full handshake holds afterwards; owned by the caller. */
static SSL_SESSION *session_of(SSL_CTX *server, SSL_CTX *client, const char *name)
{
    struct pair pair = connected(server, client, NULL, name);
    SSL_SESSION *session = SSL_get1_session(pair.client);

    if (kind->version == TLS1_3_VERSION && offered != NULL) {
        SSL_SESSION_free(session);
        session = SSL_SESSION_dup(offered);
    }
    ck_assert_msg(!finish(&pair), "the first handshake is a full one");
    return session;
}

static bool resumes(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
{
    struct pair pair = connected(server, client, session, name);

    return finish(&pair);
}

/* Whether it is resumed after something has happened that ends it. */
typedef bool scenario(void);

struct ends {
    SSL_CTX *server, *client;
    SSL_SESSION *session;
};

static struct ends ends_with(const char *certificate)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind(certificate) };

    ends.session = session_of(ends.server, ends.client, NAME);
    return ends;
}

static bool resumed_at_last(struct ends *ends, const char *name)
{
    bool resumed = resumes(ends->server, ends->client, ends->session, name);

    SSL_SESSION_free(ends->session);
    SSL_CTX_free(ends->server);
    SSL_CTX_free(ends->client);
    return resumed;
}

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

static void exempt_for(int64_t seconds)
{
    time_t end = (time_t)(time(NULL) + seconds);
    char when[40], more[300];

    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime(&end));
    snprintf(more, sizeof more,
             "rules = rules\n[rules]\nold = old\n[old]\nissued_before = 2100-01-01T00:00:00Z\nexempt = yes\n"
             "expires = %s\n",
             when);
    reconfigure_with(more);
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

/* Into a pipe, from the process that has it; out of it, in the one that gets it. */
static void pass_session(int fd, SSL_SESSION *session)
{
    unsigned char *der = NULL;
    int len = session != NULL ? i2d_SSL_SESSION(session, &der) : 0;

    if (write(fd, &len, sizeof len) != (ssize_t)sizeof len || write(fd, der, (size_t)len) != len) {
        _exit(3);
    }
    OPENSSL_free(der);
}

static SSL_SESSION *take_session(int fd)
{
    static unsigned char der[1 << 15];
    const unsigned char *at = der;
    int len = 0;
    size_t have = 0;

    ck_assert_int_eq(read(fd, &len, sizeof len), (ssize_t)sizeof len);
    while (have < (size_t)len) {
        ssize_t got = read(fd, der + have, (size_t)len - have);

        ck_assert_int_gt(got, 0);
        have += (size_t)got;
    }
    return len > 0 ? d2i_SSL_SESSION(NULL, &at, len) : NULL;
}

/* A child of ours makes the session; `server` NULL: it is a process of its own kin. Ours is the session at the end. */
static SSL_SESSION *session_of_child(SSL_CTX *server, void (*get_ready)(void))
{
    int fds[2], status = -1;
    SSL_SESSION *session;
    pid_t child;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        get_ready();
        session = session_of(server != NULL ? server : server_of_kind(), client_of_kind("good"), NAME);
        pass_session(fds[1], session);
        pass_session(fds[1], cached);
        _exit(0);
    }
    session = take_session(fds[0]);
    cached = take_session(fds[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    return session;
}

static void ready(void)
{
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

static SSL_SESSION *session_after_handshake(SSL_CTX *server, SSL_CTX *client, int64_t between)
{
    struct pair pair;
    SSL_SESSION *session;

    SSL_CTX_set_verify(server, SSL_VERIFY_NONE, NULL);
    pair = connected(server, client, NULL, NAME);
    clocks_forward(between);
    offers = 0;
    SSL_set_verify(pair.server, DEMAND | SSL_VERIFY_POST_HANDSHAKE, NULL);
    ck_assert_int_eq(SSL_verify_client_post_handshake(pair.server), 1);
    ck_assert_int_eq(SSL_do_handshake(pair.server), 1);
    settle(&pair);
    ck_assert_ptr_nonnull(SSL_get0_peer_certificate(pair.server));
    ck_assert_int_gt(offers, 0);
    session = SSL_SESSION_dup(offered);
    finish(&pair);
    SSL_CTX_set_verify(server, DEMAND, NULL);
    return session;
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

/* The name of the ClientHello behind a HelloRetryRequest is not that of the one before. */
static bool retried_by_names(const char *first, const char *second)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind("good") };
    struct pair pair;
    bool resumed;

    ends.session = session_of(ends.server, ends.client, NAME);
    ck_assert_int_eq(SSL_CTX_set1_groups_list(ends.server, "P-384"), 1);
    ck_assert_int_eq(SSL_CTX_set1_groups_list(ends.client, "P-256:P-384"), 1);
    pair = begin(ends.server, ends.client, ends.session, first);
    SSL_do_handshake(pair.client);
    SSL_do_handshake(pair.server);
    ck_assert_int_eq(SSL_set_tlsext_host_name(pair.client, second), 1);
    ck_assert_msg(shake_hands(&pair), "%s", reason_in_queue());
    resumed = finish(&pair);
    SSL_SESSION_free(ends.session);
    SSL_CTX_free(ends.server);
    SSL_CTX_free(ends.client);
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

static const struct row {
    const char *name;
    scenario *resumes;
    int version; /* 0: both */
    bool loads;  /* by itself */
} rows[] = {
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

static void set_case(size_t setting, size_t of_kind)
{
    resumption = settings[setting];
    kind = &kinds[of_kind];
    configure_with("");
}

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

static int resumed_in_child(scenario *what)
{
    int status = -1;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        load();
        _exit(what() ? 42 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

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

static const struct row keeps_us_out[] = {
    { "security callback", application_has_a_security_callback, 0, false },
    { "method of one version", method_of_one_version, TLS1_2_VERSION, false },
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

int main(void)
{
    Suite *suite = suite_create("sessions");
    TCase *cases = tcase_create("sessions");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, verdict_is_not_outlived, 0, (int)ROW_COUNT);
    tcase_add_loop_test(cases, session_whose_verdict_is_the_same_is_resumed, 0, (int)GOES_ON_COUNT);
    tcase_add_loop_test(cases, application_that_keeps_us_out_resumes_nothing, 0, (int)KEEPS_US_OUT_COUNT);
    tcase_add_test(cases, rule_may_be_stricter);
    tcase_add_test(cases, client_that_was_only_watched_is_refused_when_it_comes_back);
    tcase_add_test(cases, early_data_is_taken_only_where_the_session_is);
    tcase_add_test(cases, server_of_tls_1_3_says_something_after_the_clients_finished);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
