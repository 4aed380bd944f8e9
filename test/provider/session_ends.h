/* SPDX-License-Identifier: Apache-2.0 */
/* What cases of resumed sessions share: both ends, of four kinds, and their sessions. Failures end the case. */
#ifndef CT_TEST_SESSION_ENDS_H
#define CT_TEST_SESSION_ENDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "pair.h"

#define DEMAND (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
#define NAME "a.example"
#define OTHER_NAME "b.example"

struct kind {
    const char *name;
    int version;
    bool ticket;
};
extern const struct kind kinds[];
#define KIND_COUNT ((size_t)4)
extern const char *const settings[]; /* of `resumption`: allow, checked, refuse */
#define SETTING_COUNT ((size_t)3)

/* Of the case that runs. */
extern const struct kind *kind;
extern const char *resumption;
/* The client's side of the last session, and how many have come. */
extern SSL_SESSION *offered;
extern int offers;

/* Whether it is resumed after something has happened. */
typedef bool scenario(void);

struct row {
    const char *name;
    scenario *resumes;
    int version; /* 0: both */
    bool loads;  /* the component, by itself */
};

struct ends {
    SSL_CTX *server, *client;
    SSL_SESSION *session;
};

/* Sets kind and resumption, and writes the configuration. */
void set_case(size_t setting, size_t of_kind);
/* Writes it with `more` behind; the second as a server that reloads, which makes a new context. */
void configure_with(const char *more);
void reconfigure_with(const char *more);
/* With a rule that exempts everybody for that long. */
void exempt_for(int64_t seconds);

/* All servers of a process, and all processes, share ticket keys; all of a process share their cache. */
void share_sessions(SSL_CTX *ctx);
void furnish_as_server(SSL_CTX *ctx); /* of the kind's version as well */
SSL_CTX *server_of_kind(void);
SSL_CTX *client_of_kind(const char *certificate);

/* One connection, before and after its handshake; `session` NULL: none is offered, `name` NULL: none is asked for. */
struct pair begin(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name);
struct pair connected(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name);
/* Reads what the server still has to say, tickets among it. */
void settle(struct pair *pair);
/* Closes it as one whose session is good; whether it was a resumed one. */
bool finish(struct pair *pair);

/* What the client of a full handshake holds afterwards; owned by the caller. */
SSL_SESSION *session_of(SSL_CTX *server, SSL_CTX *client, const char *name);
/* The same by a child of this process, which calls `get_ready`; `server` NULL: it makes its own. */
SSL_SESSION *session_of_child(SSL_CTX *server, void (*get_ready)(void));
/* The same where the certificate is asked for so many seconds after the handshake (TLS 1.3). */
SSL_SESSION *session_after_handshake(SSL_CTX *server, SSL_CTX *client, int64_t between);

bool resumes(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *session, const char *name);
/* A session for NAME; and whether it is resumed for `name`, after which everything is freed. */
struct ends ends_with(const char *certificate);
bool resumed_at_last(struct ends *ends, const char *name);
/* Whether a session for NAME is resumed by a ClientHello for `second`, behind a HelloRetryRequest to `first`. */
bool retried_by_names(const char *first, const char *second);

/* In a child that loads the component: 42 if it is resumed, 0 if not, anything else is a failure. */
int resumed_in_child(scenario *what);

#endif
