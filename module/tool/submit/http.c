/* clientct submit: the one place of the project that talks to a network. */
#include <curl/curl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tool/submit/submit.h"
#include "tool/tool.h"

#define FIRST_PAUSE_MS INT64_C(1000)
#define LONGEST_PAUSE_MS INT64_C(30000)

static void pause_ms(int64_t ms)
{
    struct timespec left = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (nanosleep(&left, &left) != 0) {}
}

static bool is_this_machine(const char *host)
{
    struct in_addr v4;

    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

const char *submit_url_trouble(const char *url, const struct submit_manners *manners)
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
                      : "is not https; --insecure-http allows it (SCTs are verified all the same)";
    } else if (strcmp(scheme, "https") != 0) {
        trouble = "is neither https nor http";
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(parsed);
    return trouble;
}

static size_t take(char *data, size_t one, size_t size, void *to)
{
    struct submit_reply *reply = to;

    if (size > SUBMIT_ANSWER_MAX_BYTES - reply->len) {
        reply->kind = SUBMIT_OVERSIZED;
        return 0;
    }
    memcpy(reply->body + reply->len, data, size);
    reply->len += size;
    reply->body[reply->len] = '\0';
    return size;
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

static CURL *prepare(const char *url, const char *json, struct curl_slist *headers,
                     const struct submit_manners *manners, struct submit_reply *reply)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OK;

    if (curl == NULL) {
        tool_out_of_memory();
    }
#define SET(option, value) code = code != CURLE_OK ? code : curl_easy_setopt(curl, option, value)
    SET(CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)manners->timeout_ms);
    SET(CURLOPT_USERAGENT, "clientct-submit");
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_POSTFIELDS, json);
    SET(CURLOPT_WRITEFUNCTION, take);
    SET(CURLOPT_WRITEDATA, reply);
    SET(CURLOPT_ERRORBUFFER, reply->error);
    if (manners->ca_file != NULL) {
        SET(CURLOPT_CAINFO, manners->ca_file);
    }
#undef SET
    if (code != CURLE_OK) {
        tool_out_of_memory();
    }
    return curl;
}

/* One attempt; true when there may be another. */
static bool attempt(CURL *curl, struct submit_reply *reply)
{
    curl_off_t retry_after = 0;

    reply->attempts++;
    reply->len = 0;
    reply->body[0] = '\0';
    reply->error[0] = '\0';
    reply->status = 0;
    reply->kind = SUBMIT_ANSWERED;
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    /* Both forms, seconds and a date; 0 when there is none. */
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    reply->retry_after_s = retry_after > 0 ? retry_after : 0;
    if (code == CURLE_OK) {
        reply->error[0] = '\0';
    } else if (reply->kind != SUBMIT_OVERSIZED) {
        reply->kind = SUBMIT_UNREACHABLE;
        if (reply->error[0] == '\0') {
            snprintf(reply->error, sizeof reply->error, "%s", curl_easy_strerror(code));
        }
    }
    bool again = is_passing(code, reply->status);
    if (again && code == CURLE_OK) {
        reply->kind = SUBMIT_BUSY;
    }
    return again;
}

void submit_post(const char *log_url, const char *name, const char *json, const struct submit_manners *manners,
                 struct submit_reply *reply)
{
    size_t len = strlen(log_url);
    char *url = tool_format("%s%sct/v1/add-chain", log_url, len > 0 && log_url[len - 1] == '/' ? "" : "/");
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    int64_t start = ct_monotonic_ms();

    memset(reply, 0, sizeof *reply);
    reply->body = malloc(SUBMIT_ANSWER_MAX_BYTES + 1);
    if (reply->body == NULL || headers == NULL) {
        tool_out_of_memory();
    }
    CURL *curl = prepare(url, json, headers, manners, reply);
    while (attempt(curl, reply)) {
        int64_t pause = reply->retry_after_s > 0 ? INT64_MAX : pause_before(reply->attempts);

        /* A log that asks for a year must not overflow the sum. */
        if (reply->retry_after_s > 0 && reply->retry_after_s <= manners->max_wait_ms / 1000) {
            pause = reply->retry_after_s * 1000;
        }
        if (pause > manners->max_wait_ms - (ct_monotonic_ms() - start)) {
            break;
        }
        if (reply->status != 0) {
            tool_warning("%s answers HTTP %ld; trying again in %.1f s", name, reply->status, (double)pause / 1000);
        } else {
            tool_warning("%s: %s; trying again in %.1f s", name, reply->error, (double)pause / 1000);
        }
        pause_ms(pause);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(url);
}

void submit_reply_clear(struct submit_reply *reply)
{
    free(reply->body);
    memset(reply, 0, sizeof *reply);
}
