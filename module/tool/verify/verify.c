/* SPDX-License-Identifier: Apache-2.0 */
/* clientct verify: the verdict a server would reach, explained. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <limits.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checker.h"
#include "base/clock.h"
#include "evidence/certificate.h"
#include "evidence/evidence.h"
#include "base/problems.h"
#include "tool/tool.h"
#include "tool/verbs.h"
#include "tool/sct_answer.h"
#include "tool/verify/verify.h"

struct request {
    const char *config, *issuer, *chain, *tls_scts, *ocsp, *server_name, *at, *log_list, *policy;
    const char *certificate;
    bool json;
};

/* What was read for it. */
struct inputs {
    STACK_OF(X509) *certificates; /* CERT's own, leaf first */
    STACK_OF(X509) *issuers;      /* --issuer */
    STACK_OF(X509) *others;       /* --chain */
    STACK_OF(X509) *chain;
    STACK_OF(X509) *given; /* all of them; owned by the others */
    struct tool_file tls_scts, ocsp;
    int64_t at_ms;
};

#define REMARKS_MAX 8
struct remarks {
    char *items[REMARKS_MAX];
    size_t count;
};

static void remark(struct remarks *remarks, char *text)
{
    if (remarks->count < REMARKS_MAX) {
        remarks->items[remarks->count++] = text;
    } else {
        free(text);
    }
}

static bool request_is_consistent(const struct request *request)
{
    if (request->log_list != NULL && request->config != NULL) {
        tool_error("verify: --log-list stands in for a configuration, and --config names one; give only one of them");
        return false;
    }
    if (request->policy != NULL && request->log_list == NULL) {
        tool_error("verify: --policy goes with --log-list; a configuration chooses the policy by its own rules");
        return false;
    }
    if (request->policy != NULL) {
        for (const char *const *name = ct_policy_preset_names; *name != NULL; name++) {
            if (strcmp(*name, request->policy) == 0) {
                return true;
            }
        }
        const char *nearest = ct_nearest_word(request->policy, ct_policy_preset_names);
        tool_error("verify: --policy: there is no preset \"%s\"%s%s%s", request->policy,
                   nearest != NULL ? "; did you mean \"" : "; there are one, chrome and apple",
                   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
        return false;
    }
    return true;
}

static bool read_inputs(const struct request *request, struct inputs *inputs)
{
    inputs->at_ms = ct_now_ms();
    if (request->at != NULL && !tool_time_parse(request->at, &inputs->at_ms)) {
        tool_error("verify: --at: expected a time such as 2026-01-31T12:00:00Z or seconds since 1970, found \"%s\"",
                   request->at);
        return false;
    }
    inputs->certificates = tool_read_certificates("the certificate", request->certificate);
    if (inputs->certificates == NULL) {
        return false;
    }
    if (request->issuer != NULL && (inputs->issuers = tool_read_certificates("the issuer", request->issuer)) == NULL) {
        return false;
    }
    if (request->chain != NULL && (inputs->others = tool_read_certificates("the chain", request->chain)) == NULL) {
        return false;
    }
    if (request->tls_scts != NULL &&
        !tool_read_scts("the TLS SCT list", request->tls_scts, CT_EVIDENCE_MAX_BYTES, &inputs->tls_scts)) {
        return false;
    }
    return request->ocsp == NULL ||
           tool_read_file("the OCSP response", request->ocsp, CT_EVIDENCE_MAX_BYTES, &inputs->ocsp);
}

static void clear_inputs(struct inputs *inputs)
{
    tool_certificates_free(inputs->certificates);
    tool_certificates_free(inputs->issuers);
    tool_certificates_free(inputs->others);
    tool_certificates_free(inputs->chain);
    sk_X509_free(inputs->given);
    tool_file_clear(&inputs->tls_scts);
    tool_file_clear(&inputs->ocsp);
}

/* Why no issuer was found, in the words that help: which candidate was there and what spoke against it. */
static void remark_missing_issuer(const struct inputs *inputs, struct remarks *remarks)
{
    X509 *leaf = sk_X509_value(inputs->certificates, 0);
    X509 *second = sk_X509_num(inputs->certificates) > 1 ? sk_X509_value(inputs->certificates, 1) : NULL;
    X509 *unreadable = tool_unreadable_issuer(leaf, inputs->given);
    char *wanted = tool_name(X509_get_issuer_name(leaf));

    X509 *candidate = inputs->issuers != NULL  ? sk_X509_value(inputs->issuers, 0)
                      : second != NULL         ? second
                      : inputs->others != NULL ? sk_X509_value(inputs->others, 0)
                                               : NULL;
    if (unreadable != NULL) {
        remark(remarks, tool_unreadable_issuer_text(unreadable));
    } else if (candidate == NULL) {
        remark(remarks, tool_format("no issuer was given; embedded SCTs need the certificate of \"%s\": give it with "
                                    "--issuer FILE or behind the leaf in the same file",
                                    wanted));
    } else {
        char *found = tool_name(X509_get_subject_name(candidate));
        remark(remarks, tool_format("\"%s\" did not issue this certificate (%s) and is not used; the issuer is \"%s\"",
                                    found, X509_verify_cert_error_string(tool_issued(leaf, candidate)), wanted));
        free(found);
    }
    free(wanted);
}

static void build_chain(const struct request *request, struct inputs *inputs, struct remarks *remarks)
{
    X509 *leaf = sk_X509_value(inputs->certificates, 0);
    STACK_OF(X509) *candidates = sk_X509_new_null();

    if (candidates == NULL) {
        tool_out_of_memory();
    }
    STACK_OF(X509) *const sets[] = { inputs->certificates, inputs->issuers, inputs->others };
    for (size_t s = 0; s < 3; s++) {
        for (int i = s == 0 ? 1 : 0; i < sk_X509_num(sets[s]); i++) {
            if (sk_X509_push(candidates, sk_X509_value(sets[s], i)) <= 0) {
                tool_out_of_memory();
            }
        }
    }
    inputs->chain = tool_chain_build(leaf, candidates);
    if (sk_X509_push(candidates, leaf) <= 0) {
        tool_out_of_memory();
    }
    inputs->given = candidates;
    X509 *second = sk_X509_num(inputs->certificates) > 1 ? sk_X509_value(inputs->certificates, 1) : leaf;
    if (X509_cmp(leaf, second) != 0 && tool_issued(second, leaf) == X509_V_OK) {
        remark(remarks, tool_format("the first certificate of %s issued the second: the leaf must come first, and the "
                                    "first is what was judged",
                                    request->certificate));
    }
    if (sk_X509_num(inputs->chain) == 1 && tool_issued(leaf, leaf) != X509_V_OK) {
        remark_missing_issuer(inputs, remarks);
    } else if (inputs->issuers != NULL && tool_issued(leaf, sk_X509_value(inputs->issuers, 0)) != X509_V_OK) {
        char *found = tool_name(X509_get_subject_name(sk_X509_value(inputs->issuers, 0)));
        remark(remarks,
               tool_format("--issuer: \"%s\" did not issue this certificate; another one that was given did", found));
        free(found);
    }
}

/* What a server checks itself, before and after us. */
static void remark_validity(const struct inputs *inputs, struct remarks *remarks)
{
    X509 *leaf = sk_X509_value(inputs->certificates, 0);
    char at[TOOL_TIME_SIZE];
    int64_t from, until;

    if (!ct_time_of_asn1(X509_get0_notBefore(leaf), &from) || !ct_time_of_asn1(X509_get0_notAfter(leaf), &until)) {
        remark(remarks, tool_format("the certificate's validity does not decode; a server refuses it by itself"));
        return;
    }
    ct_time_format(inputs->at_ms, at, sizeof at);
    if (inputs->at_ms < from || inputs->at_ms > until + CT_SECOND_MS - 1) {
        remark(remarks, tool_format("at %s the certificate %s: a server refuses it by itself; --at TIME chooses "
                                    "another time",
                                    at, inputs->at_ms < from ? "is not valid yet" : "has expired"));
    }
}

/* What a server's own check of the purpose refuses, and what of Certificate Transparency is not read here. */
static void remark_extensions(const struct inputs *inputs, struct remarks *remarks)
{
    X509 *leaf = sk_X509_value(inputs->certificates, 0);
    uint32_t usage = X509_get_extended_key_usage(leaf);
    struct ct_certificate read = { 0 };

    if (usage != UINT32_MAX && (usage & (XKU_SSL_CLIENT | XKU_ANYEKU)) == 0) {
        remark(remarks,
               tool_format("the extended key usage does not allow TLS clients (clientAuth): most servers refuse "
                           "the certificate by themselves"));
    }
    if (ct_certificate_read(leaf, &read) == CT_CERTIFICATE_OK && read.has_rfc9162) {
        remark(remarks, tool_format("the certificate has Transparency Information of RFC 9162 (extension 1.3.101.75); "
                                    "that is another version of Certificate Transparency, and its evidence is not read "
                                    "here"));
    }
    ct_certificate_clear(&read);
}

/* Rules that name a CA further up can match only what is in the chain. */
static void remark_open_chain(const struct inputs *inputs, const struct ct_settings *settings, struct remarks *remarks)
{
    X509 *top = sk_X509_value(inputs->chain, sk_X509_num(inputs->chain) - 1);
    bool by_issuer = false;

    for (size_t i = 0; i < settings->rule_count; i++) {
        by_issuer = by_issuer || settings->rules[i].has_issuer;
    }
    if (by_issuer && sk_X509_num(inputs->chain) > 1 && tool_issued(top, top) != X509_V_OK) {
        char *name = tool_name(X509_get_subject_name(top));
        remark(remarks, tool_format("the chain that was given ends at \"%s\", which is no root: rules with \"issuer\" "
                                    "could not look further up; give the rest with --chain FILE",
                                    name));
        free(name);
    }
}

static void remark_configuration(const struct request *request, const struct inputs *inputs,
                                 const struct ct_snapshot *snapshot, struct remarks *remarks)
{
    if (snapshot->config == NULL) {
        if (request->config == NULL && request->log_list == NULL && access(CLIENTCT_DEFAULT_CONFIG, F_OK) != 0) {
            remark(remarks, tool_format("there is no %s; name a configuration with --config FILE, or for a first try a "
                                        "log list with --log-list FILE",
                                        CLIENTCT_DEFAULT_CONFIG));
        }
        return;
    }
    unsigned sources = snapshot->config->settings.sources;
    remark_open_chain(inputs, &snapshot->config->settings, remarks);
    if (request->tls_scts != NULL && (sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_TLS)) == 0) {
        remark(remarks, tool_format("--tls-scts is not used: \"sources\" in the configuration does not have tls"));
    }
    if (request->ocsp != NULL && (sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_OCSP)) == 0) {
        remark(remarks, tool_format("--ocsp is not used: \"sources\" in the configuration does not have ocsp"));
    }
}

/*
 * --log-list: a configuration of three lines in a temporary file, gone as soon as it has been read, so that even this
 * goes the way that a server's configuration goes.
 */
static struct clientct_checker *checker_for_list(const char *list, const char *policy)
{
    const char *directory = getenv("TMPDIR");
    bool named = directory != NULL && directory[0] != '\0';
    char *path = tool_format("%s/clientct-verify-XXXXXX", named ? directory : "/tmp");
    char *absolute = realpath(list, NULL);
    struct clientct_checker *checker = NULL;
    FILE *file = NULL;
    int fd = -1;

    if (absolute == NULL) {
        tool_error("the log list: %s cannot be read: %s", list, strerror(errno));
        goto out;
    }
    if (strpbrk(absolute, "$\\#\n\r") != NULL || strstr(absolute, "::") != NULL) {
        tool_error("the log list: %s has a character in its name that a configuration cannot hold; copy it elsewhere",
                   absolute);
        goto out;
    }
    fd = mkstemp(path);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        tool_error("verify: a temporary file like %s cannot be made: %s", path, strerror(errno));
        goto out;
    }
    fd = -1;
    bool written = fprintf(file, "log_list = %s\npolicy = %s\nsources = embedded, tls, ocsp\naudit = none\n", absolute,
                           policy) > 0;
    written = fclose(file) == 0 && written;
    checker = written ? clientct_checker_new(path) : NULL;
    unlink(path);
    if (!written) {
        tool_error("verify: the temporary file %s cannot be written", path);
    } else if (checker == NULL) {
        tool_out_of_memory();
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    free(absolute);
    free(path);
    return checker;
}

static struct clientct_checker *make_checker(const struct request *request)
{
    if (request->log_list != NULL) {
        return checker_for_list(request->log_list, request->policy != NULL ? request->policy : "one");
    }
    struct clientct_checker *checker = clientct_checker_new(request->config);
    if (checker == NULL) {
        tool_out_of_memory();
    }
    return checker;
}

static void show_problems(const struct ct_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->problems.count; i++) {
        const struct ct_problem *problem = &snapshot->problems.items[i];
        if (problem->severity == CT_ERROR && problem->line > 0) {
            tool_error("%s:%u: %s", problem->file, problem->line, problem->text);
        } else if (problem->severity == CT_ERROR) {
            tool_error("%s: %s", problem->file, problem->text);
        }
    }
}

/* Embedded SCTs that only the missing issuer keeps from being checked: a server, which has it, may accept. */
static bool lacks_issuer(const struct inputs *inputs, const struct clientct_verdict *verdict)
{
    X509 *leaf = sk_X509_value(inputs->chain, 0);
    bool lacking = verdict->reason == CLIENTCT_ISSUER_UNKNOWN;

    for (size_t i = 0; i < verdict->sct_count; i++) {
        lacking = lacking || verdict->scts[i]->status == CLIENTCT_ISSUER_UNKNOWN;
    }
    return lacking && !verdict->accept && sk_X509_num(inputs->chain) == 1 && tool_issued(leaf, leaf) != X509_V_OK;
}

static int exit_code(const struct inputs *inputs, const struct clientct_verdict *verdict)
{
    if (lacks_issuer(inputs, verdict)) {
        return TOOL_UNDECIDED;
    }
    if (verdict->accept) {
        return TOOL_YES;
    }
    if (verdict->reason == CLIENTCT_CONFIG_ERROR) {
        return TOOL_USAGE;
    }
    return verdict->decided && verdict->reason != CLIENTCT_INTERNAL_ERROR ? TOOL_NO : TOOL_UNDECIDED;
}

static int decide(const struct request *request, struct inputs *inputs, struct remarks *remarks)
{
    struct clientct_checker *checker = make_checker(request);
    if (checker == NULL) {
        return TOOL_USAGE;
    }
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    struct clientct_verdict verdict;
    const struct clientct_input input = {
        .leaf = sk_X509_value(inputs->chain, 0),
        .chain = inputs->chain,
        .tls_scts = inputs->tls_scts.data,
        .tls_scts_len = inputs->tls_scts.len,
        .ocsp_response = inputs->ocsp.data,
        .ocsp_response_len = inputs->ocsp.len,
        .server_name = request->server_name,
        /* 0 would mean now; the first millisecond of 1970 is as good as the epoch itself */
        .at_ms = inputs->at_ms != 0 ? inputs->at_ms : 1,
        .explain = true,
    };

    (void)!clientct_decide(checker, &input, &verdict);
    remark_configuration(request, inputs, snapshot, remarks);
    int code = exit_code(inputs, &verdict);
    const char *config = request->config != NULL ? request->config : CLIENTCT_DEFAULT_CONFIG;
    struct tool_verify_answer answer = {
        .config = request->log_list == NULL ? config : NULL,
        .leaf = input.leaf,
        .chain = inputs->chain,
        .given = inputs->given,
        .at_ms = inputs->at_ms,
        .verdict = &verdict,
        .undecided = code == TOOL_UNDECIDED,
        .snapshot = snapshot,
    };
    char *diagnosis = verdict.accept ? NULL : tool_verify_diagnose(&answer);
    answer.diagnosis = diagnosis;
    answer.remarks = remarks->items;
    answer.remark_count = remarks->count;
    if (verdict.reason == CLIENTCT_CONFIG_ERROR) {
        show_problems(snapshot);
    }
    if (request->json) {
        tool_json_print(tool_verify_json(&answer));
    } else {
        tool_verify_show(&answer);
    }
    free(diagnosis);
    clientct_verdict_clear(&verdict);
    ct_snapshot_release(snapshot);
    clientct_checker_free(checker);
    return code;
}

int tool_verb_verify(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &request.config, NULL },
        { "log-list", "FILE", "without a configuration: judge by this log list ...", &request.log_list, NULL },
        { "policy", "PRESET", "... and this preset: one (the default), chrome or apple", &request.policy, NULL },
        { "issuer", "FILE", "the certificate of the CA that issued CERT", &request.issuer, NULL },
        { "chain", "FILE", "more CA certificates, in any order", &request.chain, NULL },
        { "tls-scts", "FILE", "the SCT list that the client sent in TLS, or a log's answer", &request.tls_scts, NULL },
        { "ocsp", "FILE", "an OCSP response in DER, instead of that in ocsp_store", &request.ocsp, NULL },
        { "server-name", "NAME", "the server name (SNI) that the client asked for", &request.server_name, NULL },
        { "at", "TIME", "decide as of this time: RFC 3339, or seconds since 1970", &request.at, NULL },
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "verify",
        "[options] CERT",
        "Decides about a client certificate as a server would, and explains the verdict: each SCT, each rule, each\n"
        "condition with what was seen and what is needed, and what to do. CERT is PEM or DER, \"-\" is standard\n"
        "input; in a file of several the leaf comes first. The chain is taken from what is given; whether a server\n"
        "trusts that chain is not looked at.\n"
        "Exit status: 0 accepted, 1 refused, 2 wrong usage or configuration, 3 could not decide.\n",
        options,
        1,
        1,
    };
    struct inputs inputs = { 0 };
    struct remarks remarks = { 0 };
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    request.certificate = argv[optind];
    code = TOOL_USAGE;
    if (request_is_consistent(&request) && read_inputs(&request, &inputs)) {
        build_chain(&request, &inputs, &remarks);
        remark_validity(&inputs, &remarks);
        remark_extensions(&inputs, &remarks);
        code = decide(&request, &inputs, &remarks);
    }
    for (size_t i = 0; i < remarks.count; i++) {
        free(remarks.items[i]);
    }
    clear_inputs(&inputs);
    return code;
}
