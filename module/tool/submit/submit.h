/* The parts of `clientct submit`: what is asked of a log, what it answered, and the file that grows by it. */
#ifndef CT_TOOL_SUBMIT_H
#define CT_TOOL_SUBMIT_H

#include <stdio.h>

#include "evidence/certificate.h"
#include "logs/log.h"

/* --- asking --- */

#define SUBMIT_ANSWER_MAX_BYTES (64u * 1024)

struct submit_manners {
    const char *ca_file; /* trust anchors for https in place of the system's; NULL: the system's */
    bool insecure_http;  /* http also to hosts that are not this machine */
    int64_t max_wait_ms; /* for all attempts at one log together */
    int64_t timeout_ms;  /* for one attempt, from connecting to the last byte */
};

/* What came of asking: only an answer of status 200 is complete and worth reading. */
enum submit_reply_kind {
    SUBMIT_ANSWERED,    /* any final status */
    SUBMIT_BUSY,        /* 429 or 5xx until the time for waiting was over */
    SUBMIT_UNREACHABLE, /* no connection, no trust in it, or no answer in time */
    SUBMIT_OVERSIZED    /* more than SUBMIT_ANSWER_MAX_BYTES: cut off */
};

struct submit_reply {
    enum submit_reply_kind kind;
    long status; /* of the last attempt; 0: none came */
    unsigned attempts;
    int64_t retry_after_s; /* what the log asked for last; 0: nothing */
    uint8_t *body;         /* NUL-terminated; the NUL is not counted */
    size_t len;
    char error[256]; /* libcurl's words; "" where there are none */
};

/* NULL when `url` may be used as a log's; otherwise why not, in a static string. */
const char *submit_url_trouble(const char *url, const struct submit_manners *manners);

/*
 * Posts JSON to `log_url` + ct/v1/add-chain (RFC 6962, section 4.1) and tries again where that is polite: after
 * Retry-After, or with a growing pause. Redirects are not followed. `name` is for remarks on standard error.
 */
void submit_post(const char *log_url, const char *name, const char *json, const struct submit_manners *manners,
                 struct submit_reply *reply);
void submit_reply_clear(struct submit_reply *reply);

/* --- reading the answer --- */

#define SUBMIT_SCT_MAX_BYTES 0xffffu
struct submit_sct {
    uint8_t bytes[SUBMIT_SCT_MAX_BYTES]; /* a SerializedSCT without its length */
    size_t len;
    uint64_t timestamp_ms;
};

/* {"chain": [base64 ...]} of RFC 6962, section 4.1; to be freed. */
char *submit_request(STACK_OF(X509) *chain);

/*
 * Reads the JSON of an add-chain answer and verifies the SCT in it for this certificate (entry type x509) with the
 * log's key. False: `why` says what was wrong, and nothing of it may be kept.
 */
bool submit_read_answer(struct ct_bytes json, const struct ct_log *log, const struct ct_certificate *certificate,
                        struct submit_sct *out, char *why, size_t why_size) CT_MUST_USE;

/* Whether one SerializedSCT is this log's, for this certificate; `why` (may be NULL) says why not. */
bool submit_sct_verifies(struct ct_bytes serialized, const struct ct_log *log, const struct ct_certificate *certificate,
                         uint64_t *timestamp_ms, char *why, size_t why_size) CT_MUST_USE;

/* --- keeping it --- */

/* A SignedCertificateTimestampList with its outer length, or empty. Zero-initialise. */
struct submit_list {
    uint8_t *data;
    size_t len;
    size_t count; /* SCTs in it */
};

/* Takes a copy of `bytes` when they are a list of which nothing is left over; false otherwise. */
bool submit_list_parse(struct ct_bytes bytes, struct submit_list *list) CT_MUST_USE;
/* The next SerializedSCT: start with *at = 0. False at the end. */
bool submit_list_next(const struct submit_list *list, size_t *at, struct ct_bytes *serialized) CT_MUST_USE;
/* Appends unless it is there to the byte; false when the list would be longer than 65,535 bytes. */
bool submit_list_add(struct submit_list *list, struct ct_bytes serialized) CT_MUST_USE;
void submit_list_clear(struct submit_list *list);

/* The list in a file; a missing file is an empty list. False: the file is there and is no list, or unreadable. */
bool submit_file_read(const char *path, struct submit_list *list, char *why, size_t why_size) CT_MUST_USE;
/*
 * Adds one SCT to the list in `path`: under a lock on the directory the file is read anew, extended, and replaced in
 * one step, so that neither a crash nor another `submit` loses an SCT or shows half a file. Mode 0644. `list` is then
 * what is in the file.
 */
bool submit_file_add(const char *path, struct ct_bytes serialized, struct submit_list *list, char *why,
                     size_t why_size) CT_MUST_USE;

#endif
