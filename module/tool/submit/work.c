/* SPDX-License-Identifier: Apache-2.0 */
/* clientct submit: one certificate; what the logs say of it is verified and kept. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/der.h"
#include "config/snapshot.h"
#include "policy/admission.h"
#include "tool/submit/work.h"
#include "tool/tool.h"

#define OID_PRECERTIFICATE_SIGNING "1.3.6.1.4.1.11129.2.4.4" /* RFC 6962, section 3.1 */

#define OWN_WORDS_MAX 4096u /* bytes of a log's text that are shown */

static const struct {
    const char *name;
    bool good;
} outcomes[] = {
#define OUTCOME_ROW(id, name, good) { name, good },
    OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

const char *submit_outcome_name(enum outcome outcome)
{
    return outcomes[outcome].name;
}

bool submit_outcome_good(enum outcome outcome)
{
    return outcomes[outcome].good;
}

static void conclude(struct work *work, struct target *target, enum outcome outcome, char *detail)
{
    target->outcome = outcome;
    target->detail = detail;
    target->done = true;
    work->open--;
}

static bool is_precertificate_signer(X509 *issuer)
{
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(issuer, NID_ext_key_usage, NULL, NULL);
    bool found = false;
    char oid[80];

    for (int i = 0; usages != NULL && i < sk_ASN1_OBJECT_num(usages); i++) {
        (void)OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usages, i), 1);
        found |= strcmp(oid, OID_PRECERTIFICATE_SIGNING) == 0;
    }
    EXTENDED_KEY_USAGE_free(usages);
    return found;
}

static bool build_precertificate_entry(struct work *work)
{
    X509 *issuer = sk_X509_num(work->chain) > 1 ? sk_X509_value(work->chain, 1) : NULL;

    if (!work->certificate.poison) {
        tool_error("submit: %s has no poison extension, so it is no precertificate; without --precertificate final "
                   "certificates are submitted",
                   work->file);
        return false;
    }
    if (issuer != NULL && is_precertificate_signer(issuer)) {
        tool_error("submit: %s is signed by a precertificate signing certificate; let the CA itself sign it",
                   work->file);
        return false;
    }
    switch (ct_signed_entry_of_precertificate(&work->certificate, issuer, &work->entry)) {
    case CT_ENTRY_OK:
        return true;
    case CT_ENTRY_NO_ISSUER:
        tool_error("submit: %s has no issuer behind the precertificate; what logs sign names the issuer's key",
                   work->file);
        return false;
    case CT_ENTRY_MALFORMED:
        tool_error("submit: %s has SCTs, or the poison twice: logs sign it without both", work->file);
        return false;
    case CT_ENTRY_OUT_OF_MEMORY:
        break;
    }
    tool_out_of_memory();
}

static bool read_certificate(struct work *work)
{
    STACK_OF(X509) *given = tool_read_certificates("the certificate", work->file);

    if (given == NULL) {
        return false;
    }
    X509 *leaf = sk_X509_shift(given);
    work->chain = tool_chain_build(leaf, given);
    bool rootless = sk_X509_num(work->chain) == 1 && tool_issued(leaf, leaf) != X509_V_OK;
    X509 *unreadable = rootless ? tool_unreadable_issuer(leaf, given) : NULL;
    char *why = unreadable != NULL ? tool_unreadable_issuer_text(unreadable) : NULL;
    X509_free(leaf); /* the chain has it */
    tool_certificates_free(given);
    if (why != NULL) {
        tool_error("submit: %s: %s", work->file, why);
        free(why);
        work->undecided = true;
        return false;
    }
    if (ct_certificate_read(sk_X509_value(work->chain, 0), &work->certificate) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    if (!work->certificate.well_formed) {
        tool_error("submit: %s is not the strict DER that a log could sign", work->file);
        return false;
    }
    if (work->request->precertificate) {
        return build_precertificate_entry(work);
    }
    if (work->certificate.poison) {
        tool_error("submit: %s is a precertificate (poison extension); --precertificate sends those to add-pre-chain",
                   work->file);
        return false;
    }
    work->rootless = rootless;
    if (ct_signed_entry_build(&work->certificate, NULL, CT_ENTRY_X509, &work->entry) != CT_ENTRY_OK) {
        tool_error("submit: %s is longer than a log can sign", work->file);
        return false;
    }
    return true;
}

static bool set_path(struct work *work, const struct sources *sources, bool many)
{
    const struct submit_request *request = work->request;
    char name[2 * sizeof work->certificate.sha256 + 1];
    const char *directory = sources->snapshot != NULL ? sources->snapshot->config->settings.sct_store.path : NULL;

    ct_hex(work->certificate.sha256, sizeof work->certificate.sha256, name);
    if (request->store && directory == NULL) {
        tool_error("submit: --store: the configuration has no sct_store; name one there, or use --out FILE");
        return false;
    }
    if (request->store || (request->out != NULL && many)) {
        work->path = tool_format("%s/%s.sct", request->store ? directory : request->out, name);
    } else if (request->out != NULL) {
        work->path = tool_format("%s", request->out);
    }
    return true;
}

static int compare_order(const void *a, const void *b)
{
    size_t x = ((const struct target *)a)->source->order, y = ((const struct target *)b)->source->order;

    return (x > y) - (x < y);
}

bool submit_work_begin(const struct submit_request *request, const struct sources *sources, const char *file, bool many,
                       struct work *work)
{
    char why[512] = "";

    *work = (struct work){ .request = request, .file = file };
    work->targets = calloc(sources->count + 1, sizeof *work->targets);
    if (work->targets == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < sources->count; i++) {
        if (sources->items[i].chosen) {
            work->targets[work->target_count++].source = &sources->items[i];
        }
    }
    qsort(work->targets, work->target_count, sizeof *work->targets, compare_order);
    work->open = work->target_count;
    if (!read_certificate(work) || !set_path(work, sources, many)) {
        return false;
    }
    /* Before anybody is asked: a promise that cannot be kept here should not be asked for. */
    if (work->path != NULL && !submit_file_read(work->path, &work->list, why, sizeof why)) {
        tool_error("submit: %s", why);
        return false;
    }
    work->json = submit_request_json(work->chain);
    return true;
}

/* A valid SCT of this log is there already: asking again would give the same promise. */
static bool already_there(const struct work *work, struct target *target)
{
    struct ct_bytes serialized;
    size_t at = 0;

    while (submit_list_next(&work->list, &at, &serialized)) {
        if (submit_sct_verifies(serialized, target->source->log, &work->entry, &target->timestamp_ms, NULL, 0)) {
            return true;
        }
    }
    return false;
}

/* What the log's description already answers, without bothering the log. */
static char *why_not_asked(const struct work *work, const struct ct_log *log)
{
    const struct ct_certificate *certificate = &work->certificate;

    enum ct_log_state state = ct_log_state_at(log, ct_now_ms());

    if (log->unusable != NULL) {
        return tool_format("the log does not count: %s", log->unusable);
    }
    if (state == CT_LOG_READONLY || state == CT_LOG_RETIRED || state == CT_LOG_REJECTED) {
        return tool_format("the log is %s and takes no more certificates", ct_log_state_name(state));
    }
    if (certificate->not_after_ms < log->interval_start_ms || certificate->not_after_ms >= log->interval_end_ms) {
        char end[TOOL_TIME_SIZE];
        ct_time_format(certificate->not_after_ms, end, sizeof end);
        return tool_format("the certificate expires at %s, outside the log's temporal interval", end);
    }
    return NULL;
}

void submit_work_settle(struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        struct target *target = &work->targets[i];
        char *why_not;

        if (already_there(work, target)) {
            conclude(work, target, OUTCOME_ALREADY, tool_format("a valid SCT of this log is in the file already"));
        } else if ((why_not = why_not_asked(work, target->source->log)) != NULL) {
            conclude(work, target, OUTCOME_NOT_ASKED, why_not);
        }
    }
}

/*
 * What a log does not like is said in its own words: all lines, as far as OWN_WORDS_MAX goes, each as plain text. ""
 * where it says nothing. To be freed.
 */
static char *own_words(const struct fetch_reply *reply)
{
    const char *body = (const char *)reply->body;
    size_t len = reply->len < OWN_WORDS_MAX ? reply->len : OWN_WORDS_MAX;
    char *out, *to, *words;

    while (len > 0 && memchr(" \t\r\n", body[len - 1], 4) != NULL) {
        len--;
    }
    /* What is escaped takes four bytes for one. */
    out = malloc(4 * len + 1);
    if (out == NULL) {
        tool_out_of_memory();
    }
    to = out;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(body + at, '\n', len - at);
        size_t line = end != NULL ? (size_t)(end - body) - at : len - at;
        size_t shown = end != NULL && line > 0 && end[-1] == '\r' ? line - 1 : line;
        char *escaped = tool_escaped(body + at, shown);

        to = stpcpy(to, escaped);
        if (end != NULL) {
            *to++ = '\n';
        }
        free(escaped);
        at += line + (end != NULL);
    }
    *to = '\0';
    words = reply->len > OWN_WORDS_MAX ? tool_format("%s\n(%zu bytes or more are left out here)", out, reply->len - len)
                                       : tool_format("%s", out);
    free(out);
    return words;
}

static char *refusal(const struct fetch_reply *reply)
{
    char *trouble = fetch_trouble(reply);
    char *words = own_words(reply);
    char *text = words[0] != '\0' ? tool_format("%s: %s", trouble, words) : tool_format("%s", trouble);

    free(words);
    free(trouble);
    return text;
}

void submit_work_take(struct work *work, struct target *target, const struct fetch_reply *reply)
{
    static struct submit_sct sct; /* 64 KiB */
    char why[256] = "";

    target->status = reply->status;
    target->attempts = reply->attempts;
    switch (reply->kind) {
    case FETCH_UNREACHABLE:
        conclude(work, target, OUTCOME_UNREACHABLE, fetch_trouble(reply));
        return;
    case FETCH_OVERSIZED:
        if (reply->status == 200) {
            conclude(work, target, OUTCOME_BAD_ANSWER, fetch_trouble(reply));
            return;
        }
        break;
    case FETCH_BUSY:
        conclude(work, target, OUTCOME_BUSY, refusal(reply));
        return;
    case FETCH_ANSWERED:
        break;
    }
    if (reply->status != 200) {
        conclude(work, target, OUTCOME_REFUSED, refusal(reply));
        return;
    }
    if (!submit_read_answer((struct ct_bytes){ reply->body, reply->len }, target->source->log, &work->entry, &sct, why,
                            sizeof why)) {
        conclude(work, target, OUTCOME_BAD_ANSWER, tool_format("%s; nothing of it is kept", why));
        return;
    }
    /* Kept at once: what the next log does, or a signal, loses nothing. */
    const struct ct_bytes bytes = { sct.bytes, sct.len };
    target->timestamp_ms = sct.timestamp_ms;
    if (work->path != NULL ? !submit_file_add(work->path, bytes, &work->list, why, sizeof why)
                           : !submit_list_add(&work->list, bytes)) {
        conclude(work, target, OUTCOME_NOT_KEPT,
                 tool_format("%s", why[0] != '\0' ? why : "the list is full (65,535 bytes)"));
        return;
    }
    conclude(work, target, OUTCOME_SIGNED, tool_format("the SCT verifies with the log's key"));
}

bool submit_work_complete(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        if (!work->targets[i].done || !outcomes[work->targets[i].outcome].good) {
            return false;
        }
    }
    return true;
}

void submit_work_clear(struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        free(work->targets[i].detail);
    }
    free(work->targets);
    free(work->json);
    free(work->path);
    submit_list_clear(&work->list);
    ct_signed_entry_clear(&work->entry);
    ct_certificate_clear(&work->certificate);
    tool_certificates_free(work->chain);
    memset(work, 0, sizeof *work);
}
