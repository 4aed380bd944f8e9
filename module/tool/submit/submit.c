/* clientct submit: a certificate goes to logs, what they promise is verified and kept for the store or for TLS. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/problems.h"
#include "config/snapshot.h"
#include "policy/admission.h"
#include "tool/submit/submit.h"
#include "tool/tool.h"
#include "tool/verbs.h"

struct request {
    const char *config, *logs, *out, *ca_file, *max_wait, *timeout;
    const char *certificate;
    bool store, print_tls, insecure_http, json;
};

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
static const struct {
    const char *name;
    bool good;
} outcomes[] = {
#define OUTCOME_ROW(id, name, good) { name, good },
    OUTCOMES(OUTCOME_ROW)
#undef OUTCOME_ROW
};

struct target {
    const struct ct_log *log;
    char *url;
    enum outcome outcome;
    char *detail;
    long status;
    unsigned attempts;
    uint64_t timestamp_ms; /* where there is an SCT */
};

struct work {
    const struct request *request;
    struct submit_manners manners;
    STACK_OF(X509) *chain;
    struct ct_certificate certificate;
    struct ct_snapshot *snapshot;
    struct target *targets;
    size_t target_count;
    char *path; /* where the list is kept; NULL: only printed */
    struct submit_list list;
};

static bool read_duration(const char *option, const char *text, int64_t fallback, int64_t least, int64_t *ms)
{
    const int64_t most = CT_DAY_MS;

    *ms = fallback;
    if (text == NULL) {
        return true;
    }
    if (!ct_duration_parse(text, ms) || *ms < least || *ms > most) {
        tool_error("submit: --%s: expected a time such as 30s or 5m, at most 1d, found \"%s\"", option, text);
        return false;
    }
    return true;
}

static bool request_is_consistent(struct work *work)
{
    const struct request *request = work->request;

    if (request->logs == NULL) {
        tool_error("submit: no log is named; --log takes the description, the URL or the id of a log in the "
                   "configured lists, and may be given several times");
        return false;
    }
    if ((request->out != NULL) + request->store + request->print_tls != 1) {
        tool_error("submit: say where the SCTs go: one of --store (sct_store of the configuration), --out FILE and "
                   "--print-tls");
        return false;
    }
    if (request->print_tls && request->json) {
        tool_error("submit: --print-tls and --json both want standard output; --out FILE keeps the list in a file");
        return false;
    }
    if (request->print_tls && isatty(STDOUT_FILENO)) {
        tool_error("submit: --print-tls writes bytes, not text; send them into a file: ... > client.scts");
        return false;
    }
    work->manners.ca_file = request->ca_file;
    work->manners.insecure_http = request->insecure_http;
    return read_duration("max-wait", request->max_wait, 60 * CT_SECOND_MS, 0, &work->manners.max_wait_ms) &&
           read_duration("timeout", request->timeout, 30 * CT_SECOND_MS, CT_SECOND_MS, &work->manners.timeout_ms);
}

static bool read_certificate(struct work *work)
{
    STACK_OF(X509) *given = tool_read_certificates("the certificate", work->request->certificate);

    if (given == NULL) {
        return false;
    }
    X509 *leaf = sk_X509_value(given, 0);
    X509 *first = sk_X509_shift(given);
    work->chain = tool_chain_build(leaf, given);
    X509_free(first);
    tool_certificates_free(given);
    if (ct_certificate_read(sk_X509_value(work->chain, 0), &work->certificate) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    if (!work->certificate.well_formed) {
        tool_error("submit: %s is not the strict DER that a log could sign", work->request->certificate);
        return false;
    }
    if (work->certificate.poison) {
        tool_error("submit: %s is a precertificate (poison extension); its CA submits those, to add-pre-chain",
                   work->request->certificate);
        return false;
    }
    if (sk_X509_num(work->chain) == 1 &&
        tool_issued(sk_X509_value(work->chain, 0), sk_X509_value(work->chain, 0)) != X509_V_OK) {
        tool_warning("%s has no issuer behind the certificate; most logs want the chain up to a root that they accept",
                     work->request->certificate);
    }
    return true;
}

static bool read_configuration(struct work *work)
{
    const char *file = work->request->config != NULL ? work->request->config : CLIENTCT_DEFAULT_CONFIG;

    work->snapshot = ct_snapshot_read(file, NULL, NULL);
    if (work->snapshot == NULL) {
        tool_out_of_memory();
    }
    const struct ct_snapshot *snapshot = work->snapshot;
    if (snapshot->config == NULL || snapshot->config_failed || snapshot->book == NULL || snapshot->book_failed) {
        for (size_t i = 0; i < snapshot->problems.count; i++) {
            const struct ct_problem *problem = &snapshot->problems.items[i];
            if (problem->severity == CT_ERROR) {
                tool_error("%s:%u: %s", problem->file, problem->line, problem->text);
            }
        }
        tool_error("submit: the configuration and its log lists are needed: an SCT is verified with the log's key");
        return false;
    }
    if (work->request->store) {
        const char *directory = snapshot->config->settings.sct_store.path;
        char name[2 * sizeof work->certificate.sha256 + 1];

        if (directory == NULL) {
            tool_error("submit: --store: the configuration %s has no sct_store; name one there, or use --out FILE",
                       file);
            return false;
        }
        ct_hex(work->certificate.sha256, sizeof work->certificate.sha256, name);
        work->path = tool_format("%s/%s.sct", directory, name);
    } else if (work->request->out != NULL) {
        work->path = tool_format("%s", work->request->out);
    }
    return true;
}

static bool same_url(const char *a, const char *b, size_t b_len)
{
    size_t a_len = a == NULL ? 0 : strlen(a);

    while (a_len > 0 && a[a_len - 1] == '/') {
        a_len--;
    }
    while (b_len > 0 && b[b_len - 1] == '/') {
        b_len--;
    }
    return a_len > 0 && a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool is_named(const struct ct_log *log, const char *name, size_t len)
{
    uint8_t id[CT_LOG_ID_LEN];

    return (strlen(log->description) == len && memcmp(log->description, name, len) == 0) ||
           same_url(log->url, name, len) || (ct_unhex(name, len, id, sizeof id) && memcmp(id, log->id, sizeof id) == 0);
}

static const struct ct_log *find_log(const struct ct_log_set *logs, const char *name, size_t len)
{
    const struct ct_log *found = NULL;

    for (size_t i = 0; i < logs->count; i++) {
        if (!is_named(&logs->logs[i], name, len)) {
            continue;
        }
        if (found != NULL) {
            tool_error("submit: --log: several configured logs are named \"%.*s\"; give the URL or the log id",
                       (int)len, name);
            return NULL;
        }
        found = &logs->logs[i];
    }
    if (found == NULL) {
        const char **words = calloc(logs->count + 1, sizeof *words);
        char *text = tool_format("%.*s", (int)len, name);
        if (words == NULL) {
            tool_out_of_memory();
        }
        for (size_t i = 0; i < logs->count; i++) {
            words[i] = logs->logs[i].description;
        }
        const char *nearest = ct_nearest_word(text, words);
        tool_error("submit: --log: \"%s\" is neither the description, the URL nor the id of a configured log%s%s%s",
                   text, nearest != NULL ? "; did you mean \"" : "; only logs whose key is configured can be asked",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
        free(words);
        free(text);
    }
    return found;
}

/* LOG, or LOG=URL for logs whose list has no URL. */
static bool resolve(struct work *work, const char *text, size_t len)
{
    const char *split = memmem(text, len, "=http", strlen("=http"));
    const struct ct_log *log =
        find_log(&work->snapshot->book->logs, text, split != NULL ? (size_t)(split - text) : len);
    struct target *target = &work->targets[work->target_count];

    if (log == NULL) {
        return false;
    }
    for (size_t i = 0; i < work->target_count; i++) {
        if (work->targets[i].log == log) {
            tool_error("submit: --log: \"%s\" is named twice", log->description);
            return false;
        }
    }
    if (split != NULL) {
        target->url = tool_format("%.*s", (int)(text + len - split - 1), split + 1);
    } else if (log->url != NULL) {
        target->url = tool_format("%s", log->url);
    } else {
        tool_error("submit: --log: the list has no URL for \"%s\"; give it as --log \"%s=https://...\"",
                   log->description, log->description);
        return false;
    }
    target->log = log;
    work->target_count++;
    const char *trouble = submit_url_trouble(target->url, &work->manners);
    if (trouble != NULL) {
        tool_error("submit: --log: %s %s", target->url, trouble);
    }
    return trouble == NULL;
}

static bool resolve_logs(struct work *work)
{
    size_t count = 1;
    bool good = true;

    for (const char *at = work->request->logs; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    work->targets = calloc(count, sizeof *work->targets);
    if (work->targets == NULL) {
        tool_out_of_memory();
    }
    for (const char *at = work->request->logs; good && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        good = resolve(work, at, len);
        at += len + (at[len] == '\n');
    }
    return good;
}

static void conclude(struct target *target, enum outcome outcome, char *detail)
{
    target->outcome = outcome;
    target->detail = detail;
}

/* A valid SCT of this log is there already: asking again would give the same promise. */
static bool already_there(const struct work *work, struct target *target)
{
    struct ct_bytes serialized;
    size_t at = 0;

    while (submit_list_next(&work->list, &at, &serialized)) {
        if (submit_sct_verifies(serialized, target->log, &work->certificate, &target->timestamp_ms, NULL, 0)) {
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

static void read_reply(struct work *work, struct target *target, const struct submit_reply *reply)
{
    static struct submit_sct sct; /* 64 KiB */
    char why[256] = "";

    switch (reply->kind) {
    case SUBMIT_UNREACHABLE:
        conclude(target, OUTCOME_UNREACHABLE, tool_format("%s", reply->error));
        return;
    case SUBMIT_OVERSIZED:
        conclude(target, OUTCOME_BAD_ANSWER,
                 tool_format("the answer is longer than %u KiB and was cut off", SUBMIT_ANSWER_MAX_BYTES / 1024));
        return;
    case SUBMIT_BUSY:
        conclude(target, OUTCOME_BUSY,
                 reply->retry_after_s > 0
                     ? tool_format("HTTP %ld; the log asks to wait %lld s, which is longer than --max-wait leaves",
                                   reply->status, (long long)reply->retry_after_s)
                     : tool_format("HTTP %ld; try again later, or give more time with --max-wait", reply->status));
        return;
    case SUBMIT_ANSWERED:
        break;
    }
    if (reply->status != 200) {
        /* Logs say in plain text what they do not like; a page of HTML is cut after its first line. */
        conclude(target, OUTCOME_REFUSED,
                 tool_format("HTTP %ld: %.*s", reply->status,
                             (int)(strcspn((const char *)reply->body, "\r\n") < 200
                                       ? strcspn((const char *)reply->body, "\r\n")
                                       : 200),
                             (const char *)reply->body));
        return;
    }
    if (!submit_read_answer((struct ct_bytes){ reply->body, reply->len }, target->log, &work->certificate, &sct, why,
                            sizeof why)) {
        conclude(target, OUTCOME_BAD_ANSWER, tool_format("%s; nothing of it is kept", why));
        return;
    }
    /* Kept at once: what the next log does, or a signal, loses nothing. */
    const struct ct_bytes bytes = { sct.bytes, sct.len };
    target->timestamp_ms = sct.timestamp_ms;
    if (work->path != NULL ? !submit_file_add(work->path, bytes, &work->list, why, sizeof why)
                           : !submit_list_add(&work->list, bytes)) {
        conclude(target, OUTCOME_NOT_KEPT, tool_format("%s", why[0] != '\0' ? why : "the list is full (65,535 bytes)"));
        return;
    }
    conclude(target, OUTCOME_SIGNED, tool_format("the SCT verifies with the log's key"));
}

static void ask_all(struct work *work)
{
    char *json = submit_request(work->chain);

    for (size_t i = 0; i < work->target_count; i++) {
        struct target *target = &work->targets[i];
        struct submit_reply reply;
        char *why_not;

        if (already_there(work, target)) {
            conclude(target, OUTCOME_ALREADY, tool_format("a valid SCT of this log is in the file already"));
        } else if ((why_not = why_not_asked(work, target->log)) != NULL) {
            conclude(target, OUTCOME_NOT_ASKED, why_not);
        } else {
            submit_post(target->url, target->log->description, json, &work->manners, &reply);
            target->status = reply.status;
            target->attempts = reply.attempts;
            read_reply(work, target, &reply);
            submit_reply_clear(&reply);
        }
    }
    free(json);
}

static bool all_good(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        if (!outcomes[work->targets[i].outcome].good) {
            return false;
        }
    }
    return true;
}

static void show_json(const struct work *work)
{
    json_t *root = tool_json_object();
    json_t *logs = tool_json_array();

    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];
        json_t *log = tool_json_object();
        tool_json_set(log, "log", tool_json_text(target->log->description));
        tool_json_set(log, "log_id", tool_json_hex(target->log->id, CT_LOG_ID_LEN));
        tool_json_set(log, "url", tool_json_text(target->url));
        tool_json_set(log, "outcome", tool_json_text(outcomes[target->outcome].name));
        tool_json_set(log, "detail", tool_json_text(target->detail));
        tool_json_set(log, "http_status", target->status != 0 ? json_integer(target->status) : json_null());
        tool_json_set(log, "attempts", tool_json_count(target->attempts));
        tool_json_set(log, "timestamp",
                      outcomes[target->outcome].good ? tool_json_time((int64_t)target->timestamp_ms) : json_null());
        tool_json_append(logs, log);
    }
    tool_json_set(root, "certificate", tool_json_hex(work->certificate.sha256, sizeof work->certificate.sha256));
    tool_json_set(root, "complete", tool_json_bool(all_good(work)));
    tool_json_set(root, "file", tool_json_text(work->path));
    tool_json_set(root, "scts", tool_json_count(work->list.count));
    tool_json_set(root, "logs", logs);
    tool_json_print(root);
}

static void show_text(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];
        bool good = outcomes[target->outcome].good;
        char at[TOOL_TIME_SIZE] = "";

        tool_put(TOOL_BOLD, "%s", target->log->description);
        tool_put(good ? TOOL_GOOD : TOOL_BAD, "  %s", outcomes[target->outcome].name);
        if (good) {
            tool_time_format(target->timestamp_ms, at);
            tool_put(TOOL_PLAIN, " at %s", at);
        }
        tool_put(TOOL_PLAIN, ": %s", target->detail);
        tool_end_line();
    }
    if (work->list.count > 0) {
        tool_line("%s has %zu SCT%s", work->path, work->list.count, work->list.count == 1 ? "" : "s");
    } else {
        tool_line("no SCT was obtained; nothing is written");
    }
}

/* Standard output is the list itself. */
static bool print_list(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];
        if (!outcomes[target->outcome].good) {
            tool_error("%s: %s: %s", target->log->description, outcomes[target->outcome].name, target->detail);
        }
    }
    return work->list.count == 0 || fwrite(work->list.data, 1, work->list.len, stdout) == work->list.len;
}

static int run(struct work *work)
{
    char why[512] = "";

    if (!request_is_consistent(work) || !read_certificate(work) || !read_configuration(work) || !resolve_logs(work)) {
        return TOOL_USAGE;
    }
    /* Before anybody is asked: a promise that cannot be kept here should not be asked for. */
    if (work->path != NULL && !submit_file_read(work->path, &work->list, why, sizeof why)) {
        tool_error("submit: %s", why);
        return TOOL_USAGE;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        tool_error("submit: libcurl cannot be used");
        return TOOL_UNDECIDED;
    }
    ask_all(work);
    curl_global_cleanup();
    if (work->request->print_tls) {
        return print_list(work) && all_good(work) ? TOOL_YES : TOOL_NO;
    }
    if (work->request->json) {
        show_json(work);
    } else {
        show_text(work);
    }
    return all_good(work) ? TOOL_YES : TOOL_NO;
}

int tool_verb_submit(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "log", "LOG...", "description, URL or id of a configured log, or LOG=URL; may be repeated", &request.logs,
          NULL },
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &request.config, NULL },
        { "store", NULL, "add the SCTs to the certificate's file in sct_store", NULL, &request.store },
        { "out", "FILE", "add the SCTs to the list in FILE", &request.out, NULL },
        { "print-tls", NULL, "write the list to standard output, as bytes, for use in TLS", NULL, &request.print_tls },
        { "max-wait", "TIME", "keep trying one log for so long (default 60s)", &request.max_wait, NULL },
        { "timeout", "TIME", "wait so long for one answer (default 30s)", &request.timeout, NULL },
        { "cacert", "FILE", "trust these CAs for https, not the system's", &request.ca_file, NULL },
        { "insecure-http", NULL, "allow http to other machines", NULL, &request.insecure_http },
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "submit",
        "--log LOG... (--store | --out FILE | --print-tls) [options] CERT-CHAIN",
        "Sends a certificate to Certificate Transparency logs (add-chain of RFC 6962 and static-ct logs), verifies\n"
        "each SCT with the log's configured key and only then adds it to the list of SCTs; nothing in the list is\n"
        "ever lost.\n"
        "CERT-CHAIN is PEM, the leaf first, then its issuers. Submitting publishes the certificate for ever.\n"
        "Exit status: 0 every log's SCT is there, 1 some are not (those that came are kept), 2 wrong usage or\n"
        "configuration, 3 internal failure.\n",
        options,
        1,
        1,
    };
    struct work work = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        request.certificate = argv[optind];
        code = run(&work);
    }
    for (size_t i = 0; i < work.target_count; i++) {
        free(work.targets[i].url);
        free(work.targets[i].detail);
    }
    free(work.targets);
    free(work.path);
    submit_list_clear(&work.list);
    ct_snapshot_release(work.snapshot);
    ct_certificate_clear(&work.certificate);
    tool_certificates_free(work.chain);
    free((char *)request.logs);
    return code;
}
