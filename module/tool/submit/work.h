/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of `clientct submit`: one certificate and what became of it at each log. */
#ifndef CT_TOOL_SUBMIT_WORK_H
#define CT_TOOL_SUBMIT_WORK_H

#include <jansson.h>

#include "tool/submit/scts.h"

/* What became of one log: identifier, stable name, whether the log's SCT is now there. */
#define OUTCOMES(X) \
    X(SIGNED, "signed", true)            /* a new SCT, verified */ \
    X(ALREADY, "already-there", true)    /* the file has a valid SCT of this log: it was not asked again */ \
    X(NOT_ASKED, "not-asked", false)     /* the log does not take this certificate, or must not count */ \
    X(REFUSED, "refused", false)         /* the log said no */ \
    X(BUSY, "busy", false)               /* 429 or 5xx for as long as we waited */ \
    X(UNREACHABLE, "unreachable", false) /* no answer */ \
    X(BAD_ANSWER, "bad-answer", false)   /* no add-chain answer, or an SCT that does not verify */ \
    X(NOT_KEPT, "not-kept", false)       /* signed, but the file could not be written */

enum outcome {
#define OUTCOME_ENUM(id, name, good) OUTCOME_##id,
    OUTCOMES(OUTCOME_ENUM)
#undef OUTCOME_ENUM
};
const char *submit_outcome_name(enum outcome outcome);
bool submit_outcome_good(enum outcome outcome);

/* How the extension with the SCTs is written. */
enum submit_form { SUBMIT_LINE, SUBMIT_DER, SUBMIT_PEM };

struct submit_request {
    struct source_options sources;
    struct fetch_options fetch;
    const char *out, *form_name, *at_once;
    bool store, print_tls, precertificate, json;
    enum submit_form form;
};

struct target {
    const struct source *source;
    enum outcome outcome;
    bool done;
    char *detail; /* what is to be said of it; behind the first line come lines of the log's own words */
    long status;
    unsigned attempts;
    uint64_t timestamp_ms; /* where there is an SCT */
};

/* One certificate, or precertificate. */
struct work {
    const struct submit_request *request;
    const char *file; /* as the operator named it */
    STACK_OF(X509) *chain;
    struct ct_certificate certificate;
    struct ct_signed_entry entry;
    struct target *targets; /* one for each log that --log names, in that order */
    size_t target_count, open;
    bool rootless;  /* there is no issuer behind it */
    bool undecided; /* it could not be begun, for want of a libcrypto that reads its issuer's key */
    char *json;     /* what is posted */
    char *path;     /* where the list is kept; NULL: only printed */
    struct submit_list list;
};

/* Reads the certificate, and the list that is there. False: standard error says why. Clear in every case. */
bool submit_work_begin(const struct submit_request *request, const struct sources *sources, const char *file, bool many,
                       struct work *work) CT_MUST_USE;
/* What needs no question: a valid SCT is there, or the log does not take it. */
void submit_work_settle(struct work *work);
/* The log's answer. */
void submit_work_take(struct work *work, struct target *target, const struct fetch_reply *reply);
bool submit_work_complete(const struct work *work);
void submit_work_clear(struct work *work);

/* `complete`: every log's SCT is where it was to go, and so is what is made of them. */
json_t *submit_work_json(const struct work *work, bool complete);
void submit_work_show(const struct work *work);
/* What did not go well, on standard error. */
void submit_work_complain(const struct work *work);
/* The extension with the list, in the form that was asked for, to be freed. */
char *submit_extension(const struct submit_list *list, enum submit_form form, size_t *len);

#endif
