/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/fetch/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/tool.h"

#define FIRST_PAUSE_MS INT64_C(1000)
#define LONGEST_PAUSE_MS INT64_C(30000)
#define POLL_MS 250 /* how long an end may go unnoticed */

/* One question on its way, or a place for one. */
struct flight {
    CURL *curl; /* made once, used for many questions */
    struct fetch_reply *reply;
    char *name;
    bool running;      /* known to the multi handle; else it waits for its next attempt */
    int64_t start_ms;  /* of the first attempt */
    int64_t resume_ms; /* of the next one */
};

struct fetch {
    const struct fetch_manners *manners;
    CURLM *multi;
    struct curl_slist *json_headers;
    struct flight flights[FETCH_IN_FLIGHT];
};

static bool read_duration(const char *verb, const char *option, const char *text, int64_t fallback, int64_t least,
                          int64_t *ms)
{
    *ms = fallback;
    if (text != NULL && (!ct_duration_parse(text, ms) || *ms < least || *ms > CT_DAY_MS)) {
        tool_error("%s: --%s: expected a time such as 30s or 5m, at most 1d, found \"%s\"", verb, option, text);
        return false;
    }
    return true;
}

bool fetch_manners_read(const char *verb, const struct fetch_options *options, struct fetch_manners *manners)
{
    manners->ca_file = options->ca_file;
    manners->insecure_http = options->insecure_http;
    return read_duration(verb, "max-wait", options->max_wait, 60 * CT_SECOND_MS, 0, &manners->max_wait_ms) &&
           read_duration(verb, "timeout", options->timeout, 30 * CT_SECOND_MS, CT_SECOND_MS, &manners->timeout_ms);
}

static bool is_this_machine(const char *host)
{
    struct in_addr v4;

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

const char *fetch_url_trouble(const char *url, const struct fetch_manners *manners)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    const char *trouble = NULL;

    if (parsed == NULL) {
        tool_out_of_memory();
    }
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        trouble = "is not a URL such as https://log.example/2026/";
    } else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK || strpbrk(url, "?#") != NULL) {
        trouble = "has a user, a query or a fragment, which the URL of a log does not have";
    } else if (strcmp(scheme, "http") == 0) {
        trouble = manners->insecure_http || is_this_machine(host)
                      ? NULL
                      : "is not https; --insecure-http allows it (what logs sign is verified all the same)";
    } else if (strcmp(scheme, "https") != 0) {
        trouble = "is neither https nor http";
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(parsed);
    return trouble;
}

/* libcurl gives what is already unpacked, a little at a time: what unpacks without end ends here. */
static size_t take(char *data, size_t one, size_t size, void *to)
{
    struct fetch_reply *reply = to;

    if (size > reply->max_bytes - reply->len) {
        reply->kind = FETCH_OVERSIZED;
        return 0;
    }
    if (reply->len + size + 1 > reply->room) {
        size_t room = reply->room * 2 > reply->len + size + 1 ? reply->room * 2 : reply->len + size + 1;
        uint8_t *body = realloc(reply->body, room);

        if (body == NULL) {
            tool_out_of_memory();
        }
        reply->body = body;
        reply->room = room;
    }
    memcpy(reply->body + reply->len, data, size);
    reply->len += size;
    reply->body[reply->len] = '\0';
    return size;
}

static CURL *new_handle(const struct fetch_manners *manners)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OK;

    if (curl == NULL) {
        tool_out_of_memory();
    }
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(curl, option, value)
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)manners->timeout_ms);
    SET(CURLOPT_USERAGENT, "clientct");
    SET(CURLOPT_BUFFERSIZE, 128L * 1024);
    SET(CURLOPT_WRITEFUNCTION, take);
    if (manners->ca_file != NULL) {
        SET(CURLOPT_CAINFO, manners->ca_file);
    }
#undef SET
    if (code != CURLE_OK) {
        tool_out_of_memory();
    }
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip"); /* a libcurl without zlib does without */
    return curl;
}

struct fetch *fetch_new(const struct fetch_manners *manners)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);

    if (fetch == NULL) {
        tool_out_of_memory();
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(fetch);
        return NULL;
    }
    fetch->manners = manners;
    fetch->multi = curl_multi_init();
    fetch->json_headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (fetch->multi == NULL || fetch->json_headers == NULL) {
        tool_out_of_memory();
    }
    (void)curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)FETCH_IN_FLIGHT);
    return fetch;
}

void fetch_free(struct fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        struct flight *flight = &fetch->flights[i];

        if (flight->running) {
            (void)curl_multi_remove_handle(fetch->multi, flight->curl);
        }
        curl_easy_cleanup(flight->curl);
        free(flight->name);
    }
    curl_multi_cleanup(fetch->multi);
    curl_slist_free_all(fetch->json_headers);
    free(fetch);
    curl_global_cleanup();
}

/* What is worth another try: the log said so, or nothing came of the connection. */
static bool is_passing(CURLcode code, long status)
{
    switch (code) {
    case CURLE_OK:
        return status == 408 || status == 429 || status >= 500;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return true;
    default:
        return false;
    }
}

/* Doubling, with up to a quarter more so that many clients do not come back together. */
static int64_t pause_before(unsigned attempt)
{
    int64_t pause = attempt > 5 ? LONGEST_PAUSE_MS : FIRST_PAUSE_MS << (attempt - 1);
    uint8_t random = 0;

    (void)RAND_bytes(&random, 1);
    pause = pause > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : pause;
    return pause + pause * random / 1024;
}

static void launch(struct fetch *fetch, struct flight *flight)
{
    struct fetch_reply *reply = flight->reply;

    reply->attempts++;
    reply->len = 0;
    reply->body[0] = '\0';
    reply->error[0] = '\0';
    reply->location[0] = '\0';
    reply->status = 0;
    reply->kind = FETCH_ANSWERED;
    if (curl_multi_add_handle(fetch->multi, flight->curl) != CURLM_OK) {
        tool_out_of_memory();
    }
    flight->running = true;
}

static void conclude(struct flight *flight)
{
    flight->reply->done = true;
    flight->reply = NULL;
    free(flight->name);
    flight->name = NULL;
}

/* The next attempt, in so many milliseconds; -1: there is none. */
static int64_t pause_of(const struct fetch *fetch, const struct flight *flight)
{
    const struct fetch_reply *reply = flight->reply;
    const struct fetch_manners *manners = fetch->manners;
    int64_t pause = reply->retry_after_s > 0 ? INT64_MAX : pause_before(reply->attempts);

    /* A log that asks for a year must not overflow the sum. */
    if (reply->retry_after_s > 0 && reply->retry_after_s <= manners->max_wait_ms / 1000) {
        pause = reply->retry_after_s * 1000;
    }
    return pause > manners->max_wait_ms - (ct_monotonic_ms() - flight->start_ms) ? -1 : pause;
}

/* An attempt is over. */
static void land(struct fetch *fetch, struct flight *flight, CURLcode code)
{
    struct fetch_reply *reply = flight->reply;
    curl_off_t retry_after = 0;
    const char *location = NULL;
    int64_t pause;

    (void)curl_multi_remove_handle(fetch->multi, flight->curl);
    flight->running = false;
    curl_easy_getinfo(flight->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    /* Both forms, seconds and a date; 0 when there is none. */
    curl_easy_getinfo(flight->curl, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(flight->curl, CURLINFO_REDIRECT_URL, &location);
    reply->retry_after_s = retry_after > 0 ? retry_after : 0;
    snprintf(reply->location, sizeof reply->location, "%s", location != NULL ? location : "");
    if (code == CURLE_OK) {
        reply->error[0] = '\0';
    } else if (reply->kind != FETCH_OVERSIZED) {
        reply->kind = FETCH_UNREACHABLE;
        if (reply->error[0] == '\0') {
            snprintf(reply->error, sizeof reply->error, "%s", curl_easy_strerror(code));
        }
    }
    if (!is_passing(code, reply->status)) {
        conclude(flight);
        return;
    }
    if (code == CURLE_OK) {
        reply->kind = FETCH_BUSY;
    }
    pause = pause_of(fetch, flight);
    if (pause < 0) {
        conclude(flight);
        return;
    }
    if (!fetch->manners->quiet && reply->status != 0) {
        tool_warning("%s answers HTTP %ld; trying again in %.1f s", flight->name, reply->status, (double)pause / 1000);
    } else if (!fetch->manners->quiet) {
        tool_warning("%s: %s; trying again in %.1f s", flight->name, reply->error, (double)pause / 1000);
    }
    flight->resume_ms = ct_monotonic_ms() + pause;
}

static struct flight *flight_of(struct fetch *fetch, const CURL *curl)
{
    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        if (fetch->flights[i].curl == curl) {
            return &fetch->flights[i];
        }
    }
    return NULL;
}

static bool has_ended(const struct fetch *fetch)
{
    return fetch->manners->ended != NULL && *fetch->manners->ended != 0;
}

static void cancel(struct fetch *fetch, struct flight *flight, const char *why)
{
    if (flight->running) {
        (void)curl_multi_remove_handle(fetch->multi, flight->curl);
        flight->running = false;
    }
    flight->reply->kind = FETCH_UNREACHABLE;
    snprintf(flight->reply->error, sizeof flight->reply->error, "%s", why);
    conclude(flight);
}

void fetch_cancel(struct fetch *fetch)
{
    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        if (fetch->flights[i].reply != NULL) {
            cancel(fetch, &fetch->flights[i], "not waited for");
        }
    }
}

/* Lets everything go on for a while: until something happens, or POLL_MS. */
static void step(struct fetch *fetch)
{
    int64_t now = ct_monotonic_ms(), nearest = now + POLL_MS;
    int running = 0, left = 0;
    CURLMsg *message;

    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        struct flight *flight = &fetch->flights[i];

        if (flight->reply == NULL) {
            continue;
        }
        if (has_ended(fetch)) {
            cancel(fetch, flight, "not waited for: clientct is to end");
        } else if (!flight->running && now >= flight->resume_ms) {
            launch(fetch, flight);
        } else if (!flight->running && flight->resume_ms < nearest) {
            nearest = flight->resume_ms;
        }
    }
    if (curl_multi_perform(fetch->multi, &running) != CURLM_OK) {
        tool_out_of_memory();
    }
    while ((message = curl_multi_info_read(fetch->multi, &left)) != NULL) {
        struct flight *flight = flight_of(fetch, message->easy_handle);

        if (message->msg == CURLMSG_DONE && flight != NULL) {
            land(fetch, flight, message->data.result);
            nearest = now; /* somebody may be waiting for it */
        }
    }
    if (nearest > now) {
        (void)curl_multi_poll(fetch->multi, NULL, 0, (int)(nearest - now), NULL);
    }
}

static size_t in_flight(const struct fetch *fetch)
{
    size_t count = 0;

    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        count += fetch->flights[i].reply != NULL;
    }
    return count;
}

void fetch_start(struct fetch *fetch, const char *url, const char *name, const char *json, size_t max_bytes,
                 struct fetch_reply *reply)
{
    struct flight *flight = NULL;
    CURLcode code = CURLE_OK;

    while (in_flight(fetch) == FETCH_IN_FLIGHT) {
        step(fetch);
    }
    for (size_t i = 0; flight == NULL; i++) {
        flight = fetch->flights[i].reply == NULL ? &fetch->flights[i] : NULL;
    }
    if (flight->curl == NULL) {
        flight->curl = new_handle(fetch->manners);
    }
    *reply = (struct fetch_reply){ .body = reply->body, .room = reply->room, .max_bytes = max_bytes };
    if (reply->body == NULL) {
        reply->room = 1024;
        reply->body = malloc(reply->room);
    }
    if (reply->body == NULL) {
        tool_out_of_memory();
    }
    flight->reply = reply;
    flight->name = tool_format("%s", name);
    flight->start_ms = ct_monotonic_ms();
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(flight->curl, option, value)
    SET(CURLOPT_URL, url);
    if (json == NULL) {
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_HTTPHEADER, NULL);
    } else {
        SET(CURLOPT_POSTFIELDS, json);
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_HTTPHEADER, fetch->json_headers);
    }
    SET(CURLOPT_WRITEDATA, reply);
    SET(CURLOPT_ERRORBUFFER, reply->error);
#undef SET
    if (code != CURLE_OK) {
        tool_out_of_memory();
    }
    launch(fetch, flight);
}

void fetch_wait(struct fetch *fetch, struct fetch_reply *reply)
{
    while (!reply->done) {
        step(fetch);
    }
}

bool fetch_wait_any(struct fetch *fetch)
{
    size_t before = in_flight(fetch);

    while (before > 0 && in_flight(fetch) == before) {
        step(fetch);
    }
    return before > 0;
}

char *fetch_trouble(const struct fetch_reply *reply)
{
    switch (reply->kind) {
    case FETCH_UNREACHABLE:
        return tool_format("%s", reply->error);
    case FETCH_OVERSIZED:
        return reply->status == 200
                   ? tool_format("the answer is longer than %zu KiB and was cut off", reply->max_bytes / 1024)
                   : tool_format("HTTP %ld, with more than %zu KiB", reply->status, reply->max_bytes / 1024);
    case FETCH_BUSY:
        return reply->retry_after_s > 0
                   ? tool_format("HTTP %ld; the log asks to wait %lld s, which is longer than --max-wait leaves",
                                 reply->status, (long long)reply->retry_after_s)
                   : tool_format("HTTP %ld; try again later, or give more time with --max-wait", reply->status);
    case FETCH_ANSWERED:
        break;
    }
    if (reply->status == 200) {
        return NULL;
    }
    if (reply->location[0] != '\0') {
        return tool_format("HTTP %ld: a redirect to %s%s, which is not followed; if the log has moved there, name its "
                           "new URL",
                           reply->status, reply->location,
                           strlen(reply->location) + 1 == sizeof reply->location ? "..." : "");
    }
    return tool_format("HTTP %ld", reply->status);
}

void fetch_reply_clear(struct fetch_reply *reply)
{
    free(reply->body);
    memset(reply, 0, sizeof *reply);
}
