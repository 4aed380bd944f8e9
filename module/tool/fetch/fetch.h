/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place of the project that talks to a network: questions to logs over HTTP, several in flight on connections
 * that are kept, each bounded in time and size, tried again where that is polite. Redirects are not followed.
 */
#ifndef CT_TOOL_FETCH_H
#define CT_TOOL_FETCH_H

#include <signal.h>
#include <stdio.h>

#include "base/bytes.h"

#define FETCH_IN_FLIGHT 512 /* questions that may be on their way together; a verb may keep to fewer */

struct fetch_manners {
    const char *ca_file;                /* trust anchors for https in place of the system's; NULL: the system's */
    bool insecure_http;                 /* http also to hosts that are not this machine */
    int64_t max_wait_ms;                /* for all attempts at one question together */
    int64_t timeout_ms;                 /* for one attempt, from connecting to the last byte */
    bool quiet;                         /* no remarks about further attempts on standard error */
    const volatile sig_atomic_t *ended; /* once it is not 0 nothing is waited for any more; NULL: never */
};

/* What came of asking. */
enum fetch_kind {
    FETCH_ANSWERED,    /* any final status */
    FETCH_BUSY,        /* 408, 429 or 5xx until the time for waiting was over */
    FETCH_UNREACHABLE, /* no connection, no trust in it, or no whole answer in time */
    FETCH_OVERSIZED    /* more than max_bytes, unpacked: cut off */
};

/* Zero-initialise; may be used again for the next question, and keeps its memory. */
struct fetch_reply {
    enum fetch_kind kind;
    bool done;
    long status; /* of the last attempt; 0: none came */
    unsigned attempts;
    int64_t retry_after_s; /* what the log asked for last; 0: nothing */
    uint8_t *body;         /* NUL-terminated once done; the NUL is not counted; NULL only before */
    size_t len, room, max_bytes;
    char error[256];     /* libcurl's words; "" where there are none */
    char location[2048]; /* where a redirect points to; "" where it does not say or there is none */
};

/* What a command line says of them; all zeros: nothing. */
struct fetch_options {
    const char *ca_file, *max_wait, *timeout;
    bool insecure_http;
};
/* Their rows in a verb's table (tool/tool.h). */
#define FETCH_OPTIONS(o) \
    { "max-wait", "TIME", "keep trying one question for so long (default 60s)", &(o).max_wait, NULL }, \
        { "timeout", "TIME", "wait so long for one answer (default 30s)", &(o).timeout, NULL }, \
        { "cacert", "FILE", "trust these CAs for https, not the system's", &(o).ca_file, NULL }, \
    { \
        "insecure-http", NULL, "allow http to other machines", NULL, &(o).insecure_http \
    }
/* Sets what the options are about, and leaves the rest. False: standard error says what is wrong. */
bool fetch_manners_read(const char *verb, const struct fetch_options *options,
                        struct fetch_manners *manners) CT_MUST_USE;

struct fetch;
/* `manners` must outlive it. NULL: libcurl cannot be used. */
struct fetch *fetch_new(const struct fetch_manners *manners) CT_MUST_USE;
void fetch_free(struct fetch *fetch); /* NULL is fine; what is in flight is dropped */

/* NULL when `url` may be asked; otherwise why not, in a static string. */
const char *fetch_url_trouble(const char *url, const struct fetch_manners *manners);

/*
 * Asks: GET, or POST of `json` when it is not NULL; `json` must stay until the reply is done, `url` and `name` (of the
 * log, for remarks) are copied. gzip is unpacked. Never more than FETCH_IN_FLIGHT at a time. `reply` belongs to
 * `fetch` until it is done.
 */
void fetch_start(struct fetch *fetch, const char *url, const char *name, const char *json, size_t max_bytes,
                 struct fetch_reply *reply);
/* Until this reply is done; the others go on meanwhile. */
void fetch_wait(struct fetch *fetch, struct fetch_reply *reply);
/* Until any is done that was not: where one fills a queue. False: nothing is in flight. */
bool fetch_wait_any(struct fetch *fetch);
/* Nothing that is in flight is wanted any more: all of it is done, as FETCH_UNREACHABLE. */
void fetch_cancel(struct fetch *fetch);
/* Why an answer is not a 200, as one line to be freed; NULL when it is one. */
char *fetch_trouble(const struct fetch_reply *reply);
void fetch_reply_clear(struct fetch_reply *reply);

#endif
