/* SPDX-License-Identifier: Apache-2.0 */
/* clientct prove: did the logs publish what they promised? */
#include <getopt.h>
#include <stdlib.h>

#include "evidence/evidence.h"
#include "tool/prove/work.h"
#include "tool/sct_answer.h"
#include "tool/verbs.h"

static bool read_inputs(struct prove_work *work)
{
    const struct prove_request *request = work->request;

    if (request->keep != NULL && request->kept != NULL) {
        tool_error("prove: --keep asks the logs and keeps their proofs, --kept asks nobody; give one of them");
        return false;
    }
    if (!fetch_manners_read("prove", &request->fetch, &work->manners) ||
        !sources_read(&request->sources, &work->manners, &work->sources)) {
        return false;
    }
    if (request->issuer != NULL && (work->issuers = tool_read_certificates("the issuer", request->issuer)) == NULL) {
        return false;
    }
    return request->scts == NULL || tool_read_scts("the SCT list", request->scts, CT_EVIDENCE_MAX_BYTES, &work->scts);
}

static int finish(struct prove_work *work)
{
    int code = prove_verdict_code(work->worst);

    if (work->failed) {
        code = TOOL_USAGE;
    } else if (work->newer > 0 && code == TOOL_YES) {
        code = TOOL_UNDECIDED;
    }
    if (work->array != NULL) {
        json_t *root = tool_json_object();

        tool_json_set(root, "verdict", tool_json_text(prove_verdict_name(work->worst)));
        tool_json_set(root, "certificates", work->array);
        work->array = NULL;
        tool_json_set(root, "without_scts", tool_json_count(work->without));
        tool_json_set(root, "foreign_lines", tool_json_count(work->foreign));
        tool_json_set(root, "newer_records", tool_json_count(work->newer));
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
    if (work->without + work->foreign + work->newer > 0) {
        tool_line("passed over: %zu record%s without an SCT, %zu line%s that are none, %zu of a newer version",
                  work->without, tool_s(work->without), work->foreign, tool_s(work->foreign), work->newer);
    }
    return code;
}

static int run(struct prove_work *work, int count, char **operands)
{
    struct fetch *fetch;
    int code;

    if (!read_inputs(work)) {
        return TOOL_USAGE;
    }
    fetch = fetch_new(&work->manners);
    if (fetch == NULL) {
        tool_error("prove: libcurl cannot be used");
        return TOOL_UNDECIDED;
    }
    prover_init(&work->prover, fetch, &work->sources);
    work->array = work->request->json ? tool_json_array() : NULL;
    prove_inputs(work, count, operands);
    tool_progress_end();
    code = finish(work);
    prover_clear(&work->prover);
    fetch_free(fetch);
    return code;
}

int tool_verb_prove(int argc, char **argv)
{
    struct prove_request request = { .sources = { .verb = "prove" } };
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
        FETCH_OPTIONS(request.fetch),
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "prove",
        "[options] CERT|ARCHIVE|STORE...",
        "Asks the logs whether they published what they promised: for every SCT in a certificate, in the stores and\n"
        "in --scts, the log's signed tree is fetched and the entry looked for in it.\n"
        "CERT is PEM or DER, the issuer behind it, or a folder of such files; an archive (`archive` in clientct.cnf);\n"
        "or the folder of the store.\n"
        "Verdicts: included; not-yet (within the maximum merge delay); promise-broken; log-misbehaves (what it\n"
        "serves contradicts what it signed); no-promise (the SCT does not verify); log-unreachable; no-certificate.\n"
        "Exit status: 0 all included, 1 broken, misbehaving or no promise, 2 wrong usage or files, 3 a log could\n"
        "not be asked or a certificate not be found, 4 some not yet.\n",
        options,
        1,
        -1,
    };
    struct prove_work work = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        code = run(&work, argc - optind, argv + optind);
    }
    prove_work_clear(&work);
    free((char *)sources->logs);
    free((char *)sources->origins);
    return code;
}
