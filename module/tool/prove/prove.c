/* clientct prove: did the logs publish what they promised? */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/snapshot.h"
#include "evidence/evidence.h"
#include "tool/folder.h"
#include "tool/prove/prove.h"
#include "tool/sct_answer.h"
#include "tool/tool.h"
#include "tool/verbs.h"

struct request {
    struct source_options sources;
    const char *issuer, *scts, *keep, *kept, *ca_file, *max_wait, *timeout;
    bool insecure_http, json;
};

struct work {
    const struct request *request;
    struct fetch_manners manners;
    struct sources sources;
    struct prover prover;
    STACK_OF(X509) *issuers;
    struct tool_file scts;
    json_t *certificates; /* with --json */
    enum prove_verdict worst;
    size_t counts[PROVE_BROKEN + 1];
    bool failed; /* a file that cannot be read or written */
};

/* The SCTs of one source, and what each of them promises. */
static void ask_list(struct work *work, struct ct_bytes list, enum clientct_source from,
                     const struct ct_signed_entry *entry, const uint8_t sha256[32], json_t *out, size_t *found)
{
    struct ct_scts scts = { 0 };

    if (ct_sct_list_decode(list, from, &scts) == CT_LIST_OUT_OF_MEMORY) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < scts.count; i++) {
        struct promise promise = { .sct = scts.items[i] };

        if (promise_read(&promise, &work->sources, entry)) {
            if (work->request->kept != NULL) {
                promise_check_kept(&promise, work->request->kept, sha256);
            } else {
                promise_ask(&work->prover, &promise);
            }
        }
        if (promise.verdict == PROVE_INCLUDED && work->request->keep != NULL) {
            work->failed |= !promise_keep(&promise, work->request->keep, sha256);
        }
        work->worst = promise.verdict > work->worst ? promise.verdict : work->worst;
        work->counts[promise.verdict]++;
        (*found)++;
        if (out != NULL) {
            tool_json_append(out, promise_json(&promise));
        } else {
            tool_put(TOOL_PLAIN, "  ");
            tool_put(TOOL_BOLD, "%s", promise.source != NULL ? promise.source->log->description : "unknown log");
            tool_put(promise.verdict == PROVE_INCLUDED  ? TOOL_GOOD
                     : promise.verdict == PROVE_NOT_YET ? TOOL_CAUTION
                                                        : TOOL_BAD,
                     "  %s", prove_verdict_name(promise.verdict));
            tool_put(TOOL_PLAIN, " (%s): %s", clientct_source_name(from), promise.detail);
            tool_end_line();
        }
        promise_clear(&promise);
    }
    ct_scts_clear(&scts);
}

static STACK_OF(X509) *chain_of(const struct work *work, STACK_OF(X509) *given)
{
    STACK_OF(X509) *candidates = sk_X509_dup(given);
    STACK_OF(X509) *chain;
    X509 *leaf = sk_X509_value(given, 0);

    if (candidates == NULL) {
        tool_out_of_memory();
    }
    (void)sk_X509_shift(candidates);
    for (int i = 0; work->issuers != NULL && i < sk_X509_num(work->issuers); i++) {
        if (sk_X509_push(candidates, sk_X509_value(work->issuers, i)) <= 0) {
            tool_out_of_memory();
        }
    }
    chain = tool_chain_build(leaf, candidates);
    sk_X509_free(candidates);
    return chain;
}

static void ask_certificate(struct work *work, STACK_OF(X509) *chain, json_t *out, size_t *found)
{
    struct ct_certificate certificate;
    struct ct_signed_entry embedded = { 0 }, whole = { 0 };
    struct ct_evidence store = { 0 };
    struct ct_bytes list;
    const struct ct_snapshot *snapshot = work->sources.snapshot;
    const char *dir = snapshot != NULL ? snapshot->config->settings.sct_store.path : NULL;
    X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;

    if (ct_certificate_read(sk_X509_value(chain, 0), &certificate) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    /* Those that cannot be built are said with each SCT. */
    (void)!ct_signed_entry_build(&certificate, issuer, CT_ENTRY_PRECERT, &embedded);
    (void)!ct_signed_entry_build(&certificate, NULL, CT_ENTRY_X509, &whole);
    if (ct_certificate_sct_list(&certificate, &list)) {
        ask_list(work, list, CLIENTCT_SOURCE_EMBEDDED, &embedded, certificate.sha256, out, found);
    }
    ct_evidence_store(&certificate, dir, &store);
    if (store.present) {
        ask_list(work, store.list, CLIENTCT_SOURCE_STORE, &whole, certificate.sha256, out, found);
    }
    if (work->scts.data != NULL) {
        ask_list(work, (struct ct_bytes){ work->scts.data, work->scts.len }, CLIENTCT_SOURCE_TLS, &whole,
                 certificate.sha256, out, found);
    }
    ct_evidence_clear(&store);
    ct_signed_entry_clear(&embedded);
    ct_signed_entry_clear(&whole);
    ct_certificate_clear(&certificate);
}

static void ask_file(struct work *work, const char *file)
{
    STACK_OF(X509) *given = tool_read_certificates("the certificate", file);
    json_t *one = work->certificates != NULL ? tool_json_object() : NULL;
    json_t *scts = one != NULL ? tool_json_array() : NULL;
    size_t found = 0;

    if (given == NULL) {
        work->failed = true;
        json_decref(scts);
        json_decref(one);
        return;
    }
    STACK_OF(X509) *chain = chain_of(work, given);
    char *name = tool_name(X509_get_subject_name(sk_X509_value(chain, 0)));
    if (one == NULL) {
        tool_line("%s  %s", file, name);
    }
    ask_certificate(work, chain, scts, &found);
    if (found == 0) {
        /* Nobody promised anything for it. */
        work->worst = PROVE_NO_PROMISE > work->worst ? PROVE_NO_PROMISE : work->worst;
        work->counts[PROVE_NO_PROMISE]++;
        if (one == NULL) {
            tool_line("  no SCT was found: not in the certificate, not in sct_store%s",
                      work->request->scts != NULL ? ", not in --scts" : "");
        }
    }
    if (one != NULL) {
        tool_json_set(one, "file", tool_json_text(file));
        tool_json_set(one, "subject", tool_json_text(name));
        tool_json_set(one, "scts", scts);
        tool_json_append(work->certificates, one);
    }
    free(name);
    tool_certificates_free(chain);
    tool_certificates_free(given);
}

static bool read_inputs(struct work *work)
{
    const struct request *request = work->request;

    if (request->keep != NULL && request->kept != NULL) {
        tool_error("prove: --keep asks the logs and keeps their proofs, --kept asks nobody; give one of them");
        return false;
    }
    work->manners.ca_file = request->ca_file;
    work->manners.insecure_http = request->insecure_http;
    if (!fetch_manners_read("prove", request->max_wait, request->timeout, &work->manners) ||
        !sources_read(&request->sources, &work->manners, &work->sources)) {
        return false;
    }
    if (request->issuer != NULL && (work->issuers = tool_read_certificates("the issuer", request->issuer)) == NULL) {
        return false;
    }
    return request->scts == NULL || tool_read_scts("the SCT list", request->scts, CT_EVIDENCE_MAX_BYTES, &work->scts);
}

static int finish(struct work *work)
{
    int code = work->failed ? TOOL_USAGE : prove_verdict_code(work->worst);

    if (work->certificates != NULL) {
        json_t *root = tool_json_object();

        tool_json_set(root, "verdict", tool_json_text(prove_verdict_name(work->worst)));
        tool_json_set(root, "certificates", work->certificates);
        work->certificates = NULL;
        tool_json_print(root);
        return code;
    }
    tool_put(TOOL_PLAIN, "in all:");
    for (size_t i = 0; i <= PROVE_BROKEN; i++) {
        if (work->counts[i] != 0) {
            tool_put(TOOL_PLAIN, " %zu %s", work->counts[i], prove_verdict_name((enum prove_verdict)i));
        }
    }
    tool_end_line();
    return code;
}

static int run(struct work *work, int count, char **operands)
{
    struct tool_names names = { 0 };
    bool good = true;
    int code = TOOL_USAGE;

    for (int i = 0; good && i < count; i++) {
        good = tool_names_add("prove", operands[i], &names);
    }
    if (good && read_inputs(work)) {
        struct fetch *fetch = fetch_new(&work->manners);

        if (fetch == NULL) {
            tool_error("prove: libcurl cannot be used");
            code = TOOL_UNDECIDED;
        } else {
            prover_init(&work->prover, fetch, &work->sources);
            work->certificates = work->request->json ? tool_json_array() : NULL;
            for (size_t i = 0; i < names.count; i++) {
                ask_file(work, names.items[i]);
            }
            code = finish(work);
            prover_clear(&work->prover);
            fetch_free(fetch);
        }
    }
    tool_names_clear(&names);
    return code;
}

int tool_verb_prove(int argc, char **argv)
{
    struct request request = { .sources = { .verb = "prove" } };
    struct source_options *sources = &request.sources;
    const struct tool_option options[] = {
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &sources->config, NULL },
        { "log-list", "FILE", "the logs of a list, without a configuration", &sources->log_list, NULL },
        { "log", "LOG=URL...", "where a log is read, in place of the list's URL", &sources->logs, NULL },
        { "origin", "LOG=NAME...", "the origin of a log, in place of its submission URL", &sources->origins, NULL },
        { "mmd", "TIME", "the maximum merge delay, in place of the list's (default 24h)", &sources->mmd, NULL },
        { "issuer", "FILE", "the issuer, where it is not behind the certificate", &request.issuer, NULL },
        { "scts", "FILE", "a list of SCTs that came by TLS, or a log's answer", &request.scts, NULL },
        { "keep", "DIR", "keep the proofs in DIR (tlog-proof@v1)", &request.keep, NULL },
        { "kept", "DIR", "ask nobody: check the proofs that were kept in DIR", &request.kept, NULL },
        { "max-wait", "TIME", "keep trying one question for so long (default 60s)", &request.max_wait, NULL },
        { "timeout", "TIME", "wait so long for one answer (default 30s)", &request.timeout, NULL },
        { "cacert", "FILE", "trust these CAs for https, not the system's", &request.ca_file, NULL },
        { "insecure-http", NULL, "allow http to other machines", NULL, &request.insecure_http },
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "prove",
        "[options] CERT...",
        "Asks the logs whether they published what they promised: for every SCT in a certificate, in sct_store and\n"
        "in --scts, the log's signed tree is fetched and the entry looked for in it.\n"
        "CERT is PEM or DER, the issuer behind it, or a folder of such files.\n"
        "Verdicts: included; not-yet (within the maximum merge delay); promise-broken; log-misbehaves (what it\n"
        "serves contradicts what it signed); no-promise (the SCT does not verify); log-unreachable.\n"
        "Exit status: 0 all included, 1 broken, misbehaving or no promise, 2 wrong usage or files, 3 a log could\n"
        "not be asked, 4 some not yet.\n",
        options,
        1,
        -1,
    };
    struct work work = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        code = run(&work, argc - optind, argv + optind);
    }
    sources_clear(&work.sources);
    tool_certificates_free(work.issuers);
    tool_file_clear(&work.scts);
    free((char *)sources->logs);
    free((char *)sources->origins);
    return code;
}
