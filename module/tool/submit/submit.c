/* SPDX-License-Identifier: Apache-2.0 */
/* clientct submit: certificates go to logs, what those promise is verified and kept for the store, TLS or embedding. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/values.h"
#include "base/problems.h"
#include "tool/folder.h"
#include "tool/replace.h"
#include "tool/submit/work.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define AT_ONCE 16

/* A question on its way. */
struct flight {
    struct work *work; /* NULL: free */
    struct target *target;
    struct fetch_reply reply;
};

struct batch {
    struct submit_request *request;
    struct fetch_manners manners;
    struct sources sources;
    struct fetch *fetch;
    struct tool_names names;
    struct flight flights[FETCH_IN_FLIGHT];
    unsigned at_once;                     /* of them are used */
    json_t *array;                        /* of certificates, with --json */
    size_t begun, ended, failed;          /* certificates */
    bool unreadable, undecided, rootless; /* some certificate is */
};

static bool is_directory(const char *path)
{
    struct stat stat_of;

    return stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

static bool read_form(struct submit_request *request)
{
    static const char *const names[] = { "line", "der", "pem", NULL };

    for (size_t i = 0; request->form_name != NULL && names[i] != NULL; i++) {
        if (strcmp(request->form_name, names[i]) == 0) {
            request->form = (enum submit_form)i;
            return true;
        }
    }
    if (request->form_name != NULL) {
        tool_error("submit: --form: expected line, der or pem, found \"%s\"", request->form_name);
        return false;
    }
    return true;
}

static bool where_is_consistent(const struct batch *batch)
{
    const struct submit_request *request = batch->request;

    if (request->precertificate) {
        if (request->store || request->print_tls) {
            tool_error("submit: --precertificate makes an extension to embed; --store and --print-tls are for the SCTs "
                       "of final certificates");
            return false;
        }
        if (batch->names.count > 1 && (request->out == NULL || !is_directory(request->out))) {
            tool_error("submit: with several precertificates --out names a directory: each gets its list and its "
                       "extension there");
            return false;
        }
        return true;
    }
    if (request->form_name != NULL) {
        tool_error("submit: --form goes with --precertificate");
        return false;
    }
    if ((request->out != NULL) + request->store + request->print_tls != 1) {
        tool_error("submit: say where the SCTs go: one of --store (sct_store of the configuration), --out FILE and "
                   "--print-tls");
        return false;
    }
    if (batch->names.count > 1 && !request->store && (request->out == NULL || !is_directory(request->out))) {
        tool_error("submit: several certificates have several lists: --store, or --out with a directory");
        return false;
    }
    return true;
}

static bool request_is_consistent(struct batch *batch)
{
    const struct submit_request *request = batch->request;

    if (request->sources.logs == NULL) {
        tool_error("submit: no log is named; --log takes the description, the URL or the id of a log in the "
                   "configured lists, and may be given several times");
        return false;
    }
    if (!where_is_consistent(batch) || !read_form(batch->request)) {
        return false;
    }
    if (request->print_tls && request->json) {
        tool_error("submit: --print-tls and --json both want standard output; --out FILE keeps the list in a file");
        return false;
    }
    if ((request->print_tls || request->form == SUBMIT_DER) && isatty(STDOUT_FILENO)) {
        tool_error("submit: this writes bytes, not text; send them into a file: ... > client.scts");
        return false;
    }
    return fetch_manners_read("submit", &request->fetch, &batch->manners);
}

static bool logs_have_urls(const struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->items[i];

        if (source->chosen && source->url == NULL) {
            tool_error("submit: --log: the list has no URL for \"%s\"; give it as --log \"%s=https://...\"",
                       source->log->description, source->log->description);
            return false;
        }
    }
    return true;
}

/* The extension goes beside the list, or to standard output; never one that lacks a log's SCT. */
static bool put_extension(const struct batch *batch, const struct work *work)
{
    bool many = batch->names.count > 1;
    size_t len = 0;
    char *text = submit_extension(&work->list, batch->request->form, &len);
    bool good = true;

    if (many) {
        const char *base = strrchr(work->file, '/') != NULL ? strrchr(work->file, '/') + 1 : work->file;
        char *path = tool_format("%s/%s.ext", batch->request->out, base);
        int error = tool_replace_file(path, (struct ct_bytes){ (uint8_t *)text, len }, 0644);

        good = error == 0;
        if (error != 0) {
            tool_error("submit: %s cannot be written: %s", path, strerror(error));
        }
        free(path);
    } else if (!batch->request->json) {
        good = fwrite(text, 1, len, stdout) == len;
    }
    free(text);
    return good;
}

static void say_progress(const struct batch *batch)
{
    if (batch->names.count > 1) {
        tool_progress("%zu of %zu certificates, %zu of them not complete", batch->ended, batch->names.count,
                      batch->failed);
    }
}

/* All logs have answered about a certificate. */
static void end_work(struct batch *batch, struct work *work)
{
    const struct submit_request *request = batch->request;
    bool good = submit_work_complete(work), many = batch->names.count > 1;

    if (good && request->precertificate) {
        good = put_extension(batch, work);
    }
    batch->ended++;
    batch->failed += !good;
    if (batch->array != NULL) {
        tool_json_append(batch->array, submit_work_json(work, good));
    } else if (request->print_tls || (request->precertificate && !many)) {
        submit_work_complain(work);
        if (request->print_tls && work->list.count > 0) {
            fwrite(work->list.data, 1, work->list.len, stdout);
        }
    } else if (!many || !good) {
        if (many) {
            tool_line("%s:", work->file);
        }
        submit_work_show(work);
    }
    say_progress(batch);
    submit_work_clear(work);
    free(work);
}

/* What has come: each reply is given to its certificate. */
static void collect(struct batch *batch)
{
    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        struct flight *flight = &batch->flights[i];

        if (flight->work != NULL && flight->reply.done) {
            struct work *work = flight->work;

            submit_work_take(work, flight->target, &flight->reply);
            flight->work = NULL;
            if (work->open == 0) {
                end_work(batch, work);
            }
        }
    }
}

static struct flight *free_flight(struct batch *batch)
{
    for (;;) {
        for (size_t i = 0; i < batch->at_once; i++) {
            if (batch->flights[i].work == NULL) {
                return &batch->flights[i];
            }
        }
        (void)fetch_wait_any(batch->fetch);
        collect(batch);
    }
}

static void ask(struct batch *batch, struct work *work, struct target *target)
{
    struct flight *flight = free_flight(batch);
    char *url = source_url(target->source, batch->request->precertificate ? "ct/v1/add-pre-chain" : "ct/v1/add-chain");

    flight->work = work;
    flight->target = target;
    fetch_start(batch->fetch, url, target->source->log->description, work->json, SUBMIT_ANSWER_MAX_BYTES,
                &flight->reply);
    free(url);
}

static void warn_of_missing_issuer(struct batch *batch, const struct work *work)
{
    if (work->rootless && !batch->rootless) {
        tool_warning("%s has no issuer behind the certificate; most logs want the chain up to a root that they "
                     "accept%s",
                     work->file, batch->names.count > 1 ? " (said once for all)" : "");
    }
    batch->rootless |= work->rootless;
}

static void begin_work(struct batch *batch, const char *file)
{
    struct work *work = calloc(1, sizeof *work);

    if (work == NULL) {
        tool_out_of_memory();
    }
    if (!submit_work_begin(batch->request, &batch->sources, file, batch->names.count > 1, work)) {
        batch->undecided |= work->undecided;
        batch->unreadable |= !work->undecided;
        submit_work_clear(work);
        free(work);
        return;
    }
    warn_of_missing_issuer(batch, work);
    submit_work_settle(work);
    if (work->open == 0) {
        end_work(batch, work);
        return;
    }
    /* The work ends with its last answer, which may come while the next question waits for a place. */
    size_t count = work->target_count, waiting = 0;
    struct target **targets = calloc(count, sizeof *targets);
    if (targets == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        if (!work->targets[i].done) {
            targets[waiting++] = &work->targets[i];
        }
    }
    for (size_t i = 0; i < waiting; i++) {
        ask(batch, work, targets[i]);
    }
    free(targets);
}

static int finish(struct batch *batch)
{
    const struct submit_request *request = batch->request;
    bool many = batch->names.count > 1;

    if (batch->array != NULL && many) {
        json_t *root = tool_json_object();

        tool_json_set(root, "complete", tool_json_bool(batch->failed == 0 && !batch->unreadable && !batch->undecided));
        tool_json_set(root, "certificates", batch->array);
        batch->array = NULL;
        tool_json_print(root);
    } else if (batch->array != NULL && json_array_size(batch->array) == 1) {
        tool_json_print(json_incref(json_array_get(batch->array, 0)));
    } else if (many) {
        tool_line("%zu of %zu certificates have the SCTs of all logs", batch->ended - batch->failed,
                  batch->names.count);
        if (request->precertificate && batch->failed == 0) {
            tool_line("their extensions are in %s", request->out);
        }
    }
    json_decref(batch->array);
    return batch->unreadable ? TOOL_USAGE : batch->undecided ? TOOL_UNDECIDED : batch->failed == 0 ? TOOL_YES : TOOL_NO;
}

static int run(struct batch *batch, int count, char **operands)
{
    batch->at_once = AT_ONCE;
    if (batch->request->at_once != NULL && (!ct_parse_number(batch->request->at_once, &batch->at_once) ||
                                            batch->at_once < 1 || batch->at_once > FETCH_IN_FLIGHT)) {
        tool_error("submit: --at-once: expected a number from 1 to %d, found \"%s\"", FETCH_IN_FLIGHT,
                   batch->request->at_once);
        return TOOL_USAGE;
    }
    for (int i = 0; i < count; i++) {
        if (!tool_names_add("submit", operands[i], &batch->names)) {
            return TOOL_USAGE;
        }
    }
    if (!request_is_consistent(batch) || !sources_read(&batch->request->sources, &batch->manners, &batch->sources) ||
        !logs_have_urls(&batch->sources)) {
        return TOOL_USAGE;
    }
    batch->fetch = fetch_new(&batch->manners);
    if (batch->fetch == NULL) {
        tool_error("submit: libcurl cannot be used");
        return TOOL_UNDECIDED;
    }
    batch->array = batch->request->json ? tool_json_array() : NULL;
    for (size_t i = 0; i < batch->names.count; i++) {
        begin_work(batch, batch->names.items[i]);
    }
    while (fetch_wait_any(batch->fetch)) {
        collect(batch);
    }
    collect(batch);
    tool_progress_end();
    return finish(batch);
}

int tool_verb_submit(int argc, char **argv)
{
    struct submit_request request = { .sources = { .verb = "submit", .submits = true } };
    const struct tool_option options[] = {
        { "log", "LOG...", "description, URL or id of a configured log, or LOG=URL; may be repeated",
          &request.sources.logs, NULL },
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &request.sources.config, NULL },
        { "log-list", "FILE", "the logs of a list, without a configuration", &request.sources.log_list, NULL },
        { "store", NULL, "add the SCTs to the certificate's file in sct_store", NULL, &request.store },
        { "out", "FILE", "add the SCTs to the list in FILE; of several certificates, to lists in a directory",
          &request.out, NULL },
        { "print-tls", NULL, "write the list to standard output, as bytes, for use in TLS", NULL, &request.print_tls },
        { "precertificate", NULL, "send precertificates, print the extension to embed", NULL, &request.precertificate },
        { "form", "FORM", "the extension as line (for openssl ca -extfile), der or pem", &request.form_name, NULL },
        { "at-once", "N", "ask the logs so many questions at a time (default 16, at most 512)", &request.at_once,
          NULL },
        FETCH_OPTIONS(request.fetch),
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "submit",
        "--log LOG... (--store | --out FILE | --print-tls | --precertificate) [options] CERT-CHAIN...",
        "Sends certificates to Certificate Transparency logs (add-chain of RFC 6962 and static-ct logs), verifies\n"
        "each SCT with the log's configured key and only then adds it to the list of SCTs; nothing in the list is\n"
        "ever lost. With --precertificate it is add-pre-chain, and the SCTs come out as an extension to embed.\n"
        "CERT-CHAIN is PEM, the leaf first, then its issuers, or a folder of such files: many go at once, and what\n"
        "is there is not asked for again. Submitting publishes the certificate for ever.\n"
        "Exit status: 0 every log's SCT is there, 1 some are not (those that came and could be written are kept),\n"
        "2 wrong usage or configuration, 3 this OpenSSL cannot read the issuer's key, or an internal failure.\n",
        options,
        1,
        -1,
    };
    struct batch batch = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        code = run(&batch, argc - optind, argv + optind);
    }
    fetch_free(batch.fetch);
    for (size_t i = 0; i < FETCH_IN_FLIGHT; i++) {
        fetch_reply_clear(&batch.flights[i].reply);
    }
    tool_names_clear(&batch.names);
    sources_clear(&batch.sources);
    free((char *)request.sources.logs);
    return code;
}
