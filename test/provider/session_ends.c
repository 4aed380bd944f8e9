/* SPDX-License-Identifier: Apache-2.0 */
#include "session_ends.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "case.h"
#include "clocks.h"

const struct kind kinds[] = {
    { "TLS 1.2 session ID", TLS1_2_VERSION, false },
    { "TLS 1.2 ticket", TLS1_2_VERSION, true },
    { "TLS 1.3 session ID", TLS1_3_VERSION, false },
    { "TLS 1.3 ticket", TLS1_3_VERSION, true },
};
_Static_assert(sizeof kinds / sizeof kinds[0] == KIND_COUNT, "as declared");
const char *const settings[] = { "allow", "checked", "refuse" };
_Static_assert(sizeof settings / sizeof settings[0] == SETTING_COUNT, "as declared");

const struct kind *kind;
const char *resumption;
SSL_SESSION *offered;
int offers;

/* The server's side of the last session. */
static SSL_SESSION *cached;

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

void configure_with(const char *more)
{
    char text[2000];

    ck_assert_int_lt(snprintf(text, sizeof text, "audit = none\nresumption = %s\n%s", resumption, more), 2000);
    configure(text);
}

/* A server that reloads its configuration makes a new context. */
void reconfigure_with(const char *more)
{
    configure_with(more);
    SSL_CTX_free(SSL_CTX_new(TLS_server_method()));
}

void share_sessions(SSL_CTX *ctx)
{
    static unsigned char ticket_keys[80] = "the same in all processes";

    ck_assert_int_eq(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"app", 3), 1);
    ck_assert_int_eq(SSL_CTX_set_tlsext_ticket_keys(ctx, ticket_keys, sizeof ticket_keys), 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, put_into_cache);
    SSL_CTX_sess_set_get_cb(ctx, get_from_cache);
    if (!kind->ticket) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    }
}

void furnish_as_server(SSL_CTX *ctx)
{
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, kind->version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, kind->version), 1);
    share_sessions(ctx);
}

SSL_CTX *server_of_kind(void)
{
    SSL_CTX *ctx = server_context();

    furnish_as_server(ctx);
    return ctx;
}

SSL_CTX *client_of_kind(const char *certificate)
{
    SSL_CTX *ctx = client_context(certificate);

    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_offer);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the names are not the certificate's */
    SSL_CTX_set_post_handshake_auth(ctx, 1);
    return ctx;
}

/* Reads what the server still has to say, tickets among it. */
void settle(struct pair *pair)
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

struct pair begin(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
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

struct pair connected(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
{
    struct pair pair = begin(server, client, session, name);

    ck_assert_msg(shake_hands(&pair), "%s, %s: the server lets the client in: %s", kind->name, resumption,
                  reason_in_queue());
    settle(&pair);
    return pair;
}

/* The connection must end as one that may be resumed, or libssl forgets its session. */
bool finish(struct pair *pair)
{
    bool reused = SSL_session_reused(pair->server);

    SSL_shutdown(pair->client);
    SSL_shutdown(pair->server);
    free_pair(pair);
    return reused;
}

/* What the client of a full handshake holds afterwards; owned by the caller. */
SSL_SESSION *session_of(SSL_CTX *server, SSL_CTX *client, const char *name)
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

bool resumes(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name)
{
    struct pair pair = connected(server, client, session, name);

    return finish(&pair);
}

struct ends ends_with(const char *certificate)
{
    struct ends ends = { .server = server_of_kind(), .client = client_of_kind(certificate) };

    ends.session = session_of(ends.server, ends.client, NAME);
    return ends;
}

bool resumed_at_last(struct ends *ends, const char *name)
{
    bool resumed = resumes(ends->server, ends->client, ends->session, name);

    SSL_SESSION_free(ends->session);
    SSL_CTX_free(ends->server);
    SSL_CTX_free(ends->client);
    return resumed;
}

void exempt_for(int64_t seconds)
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
SSL_SESSION *session_of_child(SSL_CTX *server, void (*get_ready)(void))
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

SSL_SESSION *session_after_handshake(SSL_CTX *server, SSL_CTX *client, int64_t between)
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

/* The name of the ClientHello behind a HelloRetryRequest is not that of the one before. */
bool retried_by_names(const char *first, const char *second)
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

void set_case(size_t setting, size_t of_kind)
{
    resumption = settings[setting];
    kind = &kinds[of_kind];
    configure_with("");
}

int resumed_in_child(scenario *what)
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
