/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/decision.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/advice.h"
#include "base/clock.h"
#include "decision/evaluation.h"
#include "decision/stores.h"
#include "evidence/evidence.h"

#define DOUBT_RETRY_MS (60 * CT_SECOND_MS)

/* What one decision needs on its way; cleared whole at the end. */
struct decision {
    const struct ct_snapshot *snapshot;
    const struct ct_settings *settings;
    const struct clientct_input *input;
    int64_t now_ms;
    struct clientct_verdict *verdict;
    struct ct_decision_facts *facts;
    struct ct_certificate certificate;
    struct ct_evidence evidence[CLIENTCT_SOURCE_COUNT];
    struct ct_evidence proofs;
    struct ct_evaluation evaluation;
    struct ct_explanation explanation;
    bool exemption_ended;
};

static void say(struct decision *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct decision *d, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(d->verdict->detail, sizeof d->verdict->detail, format, arguments);
    va_end(arguments);
}

static void say_also(struct decision *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_also(struct decision *d, const char *format, ...)
{
    char *detail = d->verdict->detail;
    size_t used = strlen(detail);
    va_list arguments;

    if (used > 0) {
        snprintf(detail + used, sizeof d->verdict->detail - used, "; ");
        used = strlen(detail);
    }
    va_start(arguments, format);
    vsnprintf(detail + used, sizeof d->verdict->detail - used, format, arguments);
    va_end(arguments);
}

static struct ct_explanation *explanation_of(struct decision *d)
{
    return d->input->explain ? &d->explanation : NULL;
}

static void narrow(struct decision *d, int64_t from_ms, int64_t until_ms)
{
    if (from_ms > d->facts->from_ms) {
        d->facts->from_ms = from_ms;
    }
    if (until_ms < d->facts->until_ms) {
        d->facts->until_ms = until_ms;
    }
}

/* `revocation` of the rule, the policy or the top: the first of these that says anything. */
static bool requires_revocation(const struct decision *d)
{
    enum ct_revocation revocation = d->facts->rule != NULL ? d->facts->rule->revocation : CT_REVOCATION_UNSET;

    if (revocation == CT_REVOCATION_UNSET && d->facts->policy != NULL) {
        revocation = d->facts->policy->revocation;
    }
    return (revocation == CT_REVOCATION_UNSET ? d->settings->revocation : revocation) == CT_REVOCATION_REQUIRE;
}

static bool reads(const struct decision *d, enum clientct_source source)
{
    return (d->settings->sources & CT_SOURCE_BIT(source)) != 0;
}

/* At that moment the answer could change: the verdict holds only before it, or only from it on. */
static bool reached(struct decision *d, int64_t moment_ms)
{
    if (d->now_ms >= moment_ms) {
        narrow(d, moment_ms, INT64_MAX);
        return true;
    }
    narrow(d, INT64_MIN, moment_ms);
    return false;
}

static bool lists_are_stale(struct decision *d)
{
    const struct ct_log_book *book = d->snapshot->book;

    return book != NULL && book->list_count > 0 && d->settings->log_list_max_age_ms > 0 &&
           reached(d, book->oldest_ms + d->settings->log_list_max_age_ms + 1);
}

static unsigned strictness(enum clientct_mode mode)
{
    return mode == CLIENTCT_MODE_ENFORCE ? 2 : mode == CLIENTCT_MODE_REPORT ? 1 : 0;
}

/* Where nobody can say which rule holds, the strictest that could. */
static enum clientct_mode strictest_mode(const struct ct_settings *settings)
{
    enum clientct_mode strictest = settings->mode;

    for (size_t i = 0; i < settings->rule_count; i++) {
        const struct ct_rule *rule = &settings->rules[i];

        if (rule->has_mode && strictness(rule->mode) > strictness(strictest)) {
            strictest = rule->mode;
        }
    }
    return strictest;
}

/* Rule, policy and mode; CLIENTCT_NOT_EVALUATED, or why they cannot be found out. */
static enum clientct_reason choose(struct decision *d)
{
    struct ct_rule_subject subject = {
        .certificate = &d->certificate,
        .leaf = d->input->leaf,
        .chain = d->input->chain,
        .server_name = d->input->server_name,
        .now_ms = d->now_ms,
    };
    enum clientct_reason failed;

    d->facts->rule = ct_rules_match(d->settings->rules, d->settings->rule_count, &subject, explanation_of(d), &failed);
    d->facts->policy = &d->settings->policies[d->settings->policy];
    if (failed != CLIENTCT_NOT_EVALUATED) {
        d->verdict->mode = strictest_mode(d->settings);
        d->facts->policy = NULL;
        d->facts->resumption = CLIENTCT_RESUMPTION_REFUSE;
        narrow(d, d->now_ms, d->now_ms + DOUBT_RETRY_MS); /* libcrypto does not tell short memory from bad bytes */
        say(d, "a rule asks for an extension that the certificate has twice, or in a form that cannot be read");
        return failed;
    }
    if (d->facts->rule != NULL) {
        d->verdict->rule = d->facts->rule->name;
        if (d->facts->rule->has_mode) {
            d->verdict->mode = d->facts->rule->mode;
        }
        d->facts->resumption = d->facts->rule->resumption;
        if (d->facts->rule->policy != SIZE_MAX) {
            d->facts->policy = &d->settings->policies[d->facts->rule->policy];
        }
    }
    d->verdict->policy = d->facts->policy->name;
    return CLIENTCT_NOT_EVALUATED;
}

/* Looks into a source, if it is one. Its SCTs do not count before they are pooled. */
static void look(struct decision *d, enum clientct_source source)
{
    struct ct_evidence *evidence = &d->evidence[source];

    if (!reads(d, source) && !(source == CLIENTCT_SOURCE_OCSP && requires_revocation(d))) {
        return;
    }
    switch (source) {
    case CLIENTCT_SOURCE_EMBEDDED:
        ct_evidence_embedded(&d->certificate, evidence);
        break;
    case CLIENTCT_SOURCE_TLS:
        evidence->present = d->input->tls_scts != NULL;
        evidence->list = (struct ct_bytes){ d->input->tls_scts, d->input->tls_scts_len };
        break;
    case CLIENTCT_SOURCE_OCSP:
        ct_look_for_ocsp(&d->certificate, d->input, d->settings->ocsp_store.path, d->now_ms, evidence);
        narrow(d, evidence->from_ms, evidence->until_ms);
        if (evidence->trouble != CLIENTCT_NOT_EVALUATED) {
            narrow(d, d->now_ms, d->now_ms + DOUBT_RETRY_MS); /* time alone may change the answer */
        }
        d->facts->read_ocsp = true;
        d->facts->ocsp_file = evidence->stamp;
        d->facts->twins_ocsp_file = evidence->twin;
        d->facts->has_twin = d->certificate.has_twin;
        memcpy(d->facts->twin_sha256, d->certificate.twin_sha256, sizeof d->facts->twin_sha256);
        break;
    case CLIENTCT_SOURCE_STORE:
        ct_look_for_scts(&d->certificate, d->input, d->settings->sct_store.path, evidence);
        d->facts->read_store = true;
        d->facts->store_file = evidence->stamp;
        break;
    case CLIENTCT_SOURCE_COUNT:
        return;
    }
    if (evidence->trouble == CLIENTCT_INTERNAL_ERROR) {
        d->evaluation.failed = true;
    }
}

/* Puts the SCTs of a source behind those that are there: the order is that in which signatures are checked. */
static void pool(struct decision *d, enum clientct_source source)
{
    struct ct_evidence *evidence = &d->evidence[source];

    if (evidence->present && ct_evaluation_add(&d->evaluation, evidence->list, source) == CT_LIST_MALFORMED) {
        evidence->trouble = CLIENTCT_MALFORMED_SCT_LIST;
        snprintf(evidence->detail, sizeof evidence->detail, "the list of SCTs (%s) does not decode",
                 clientct_source_name(source));
    }
}

static void gather(struct decision *d, enum clientct_source source)
{
    look(d, source);
    pool(d, source);
}

/* No SCT at all: because a source is spoilt, or because nobody logged the certificate. */
static enum clientct_reason why_no_scts(struct decision *d)
{
    const char *advice = d->certificate.has_rfc9162
                             ? "the certificate's evidence is of RFC 9162 (extension 1.3.101.75), which is not read"
                             : "have the certificate logged, or reissued by a CA that logs";
    char sources[64] = "";

    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        const struct ct_evidence *evidence = &d->evidence[source];

        if (evidence->trouble != CLIENTCT_NOT_EVALUATED) {
            say(d, "%s", evidence->detail[0] != '\0' ? evidence->detail : clientct_reason_text(evidence->trouble));
            return evidence->trouble;
        }
        if (reads(d, (enum clientct_source)source) &&
            !(source == CLIENTCT_SOURCE_TLS && d->input->no_tls_scts != NULL)) {
            size_t used = strlen(sources);

            snprintf(sources + used, sizeof sources - used, "%s%s", used > 0 ? ", " : "",
                     clientct_source_name((enum clientct_source)source));
        }
    }
    if (reads(d, CLIENTCT_SOURCE_TLS) && d->input->no_tls_scts != NULL) {
        say(d, "no SCT found (looked at: %s; not looked at tls: %s); %s", sources[0] != '\0' ? sources : "nothing",
            d->input->no_tls_scts, advice);
    } else {
        say(d, "no SCT found (looked at: %s); %s", sources, advice);
    }
    return CLIENTCT_NO_SCTS;
}

static void fill_results(struct decision *d)
{
    const struct ct_scts *scts = &d->evaluation.scts;
    const struct clientct_sct_result **results;
    struct clientct_sct_result *result;
    size_t pointers = scts->count * sizeof *results;

    /* One allocation, which begins with the pointers: clientct_verdict_clear frees what `scts` points to. */
    pointers += -pointers % _Alignof(struct clientct_sct_result);
    if (scts->count == 0 || (results = calloc(1, pointers + scts->count * sizeof *result)) == NULL) {
        return; /* details only: the verdict stands without them */
    }
    d->verdict->scts = results;
    d->verdict->sct_count = scts->count;
    result = (struct clientct_sct_result *)((char *)results + pointers);
    for (size_t i = 0; i < scts->count; i++, result++) {
        const struct ct_sct *sct = &scts->items[i];

        results[i] = result;
        result->source = sct->source;
        result->status = sct->status;
        result->decoded = sct->decoded;
        if (sct->decoded) {
            memcpy(result->log_id, sct->log_id, sizeof result->log_id);
            result->timestamp_ms = sct->timestamp_ms;
        }
        if (sct->log != NULL) {
            result->log = sct->log->description;
            result->log_operator =
                ct_log_operator_at(sct->log, sct->timestamp_ms > INT64_MAX ? INT64_MAX : (int64_t)sct->timestamp_ms);
        }
    }
}

static void horizon_of_policy(struct decision *d, const struct ct_policy *policy)
{
    struct ct_policy_subject subject = {
        .not_before_ms = d->certificate.not_before_ms,
        .not_after_ms = d->certificate.not_after_ms,
        .now_ms = d->now_ms,
    };
    int64_t from_ms = INT64_MIN, until_ms = INT64_MAX;

    ct_policy_horizon(policy, &subject, &d->evaluation.scts, &from_ms, &until_ms);
    narrow(d, from_ms, until_ms);
}

/* Only where a policy asks for proofs: nobody else pays for looking. */
static void look_for_proofs(struct decision *d)
{
    const struct ct_settings *settings = d->settings;
    const struct ct_policy *shadow =
        settings->shadow_policy != SIZE_MAX ? &settings->policies[settings->shadow_policy] : NULL;

    if (!d->facts->policy->require_inclusion && (shadow == NULL || !shadow->require_inclusion)) {
        return;
    }
    ct_look_for_proofs(&d->certificate, d->input, settings->proof_store.path, &d->proofs);
    d->facts->read_proofs = true;
    d->facts->proof_file = d->proofs.stamp;
    d->evaluation.proofs = d->proofs.list;
    d->evaluation.proofs_unreadable = d->proofs.detail[0] != '\0';
    if (d->proofs.trouble == CLIENTCT_INTERNAL_ERROR) {
        d->evaluation.failed = true;
    }
}

static enum clientct_reason judge(struct decision *d)
{
    struct clientct_verdict *verdict = d->verdict;
    enum clientct_reason reason;
    bool spare_store;

    look_for_proofs(d);
    gather(d, CLIENTCT_SOURCE_EMBEDDED);
    gather(d, CLIENTCT_SOURCE_TLS);
    if (reads(d, CLIENTCT_SOURCE_OCSP)) {
        pool(d, CLIENTCT_SOURCE_OCSP); /* looked at before, for revocation */
    }
    /* The store costs a file: it is opened only when the other sources do not do. */
    spare_store = !d->input->explain && d->settings->shadow_policy == SIZE_MAX;
    if (!spare_store) {
        gather(d, CLIENTCT_SOURCE_STORE);
    }
    reason = ct_evaluation_judge(&d->evaluation, d->facts->policy, verdict->detail, sizeof verdict->detail, NULL);
    if (reason != CLIENTCT_COMPLIANT && spare_store && reads(d, CLIENTCT_SOURCE_STORE)) {
        gather(d, CLIENTCT_SOURCE_STORE);
        reason = ct_evaluation_judge(&d->evaluation, d->facts->policy, verdict->detail, sizeof verdict->detail, NULL);
    }
    if (d->input->explain) {
        reason = ct_evaluation_judge(&d->evaluation, d->facts->policy, verdict->detail, sizeof verdict->detail,
                                     &d->explanation);
    }
    if (reason == CLIENTCT_NO_SCTS) {
        reason = why_no_scts(d);
    }
    horizon_of_policy(d, d->facts->policy);
    fill_results(d);
    if (d->settings->shadow_policy != SIZE_MAX) {
        const struct ct_policy *shadow = &d->settings->policies[d->settings->shadow_policy];

        verdict->shadow_policy = shadow->name;
        verdict->shadow_reason = ct_evaluation_judge(&d->evaluation, shadow, NULL, 0, NULL);
        verdict->shadow_compliant = verdict->shadow_reason == CLIENTCT_COMPLIANT;
        horizon_of_policy(d, shadow);
    }
    return reason;
}

/* What makes a certificate unacceptable whatever its evidence. CLIENTCT_NOT_EVALUATED: nothing. */
static enum clientct_reason hard_refusal(struct decision *d)
{
    if (!d->certificate.well_formed) {
        say(d, "the certificate is not DER as RFC 5280 has it");
        return CLIENTCT_BAD_EXTENSIONS;
    }
    if (ct_certificate_is_shortened(d->input->leaf, ct_issuer_in(d->input->chain))) {
        say(d, "the certificate's signature is shorter than the key that made it (RFC 8017, 8.1.2)");
        return CLIENTCT_BAD_EXTENSIONS;
    }
    if (d->certificate.duplicate_extension) {
        say(d, "the certificate has two SCT list extensions");
        return CLIENTCT_BAD_EXTENSIONS;
    }
    if (d->certificate.poison) {
        say(d, "the certificate carries the poison extension of a precertificate; install the final certificate");
        return CLIENTCT_PRECERTIFICATE;
    }
    return CLIENTCT_NOT_EVALUATED;
}

static bool is_exempt(struct decision *d)
{
    if (d->facts->rule == NULL || !d->facts->rule->exempt) {
        return false;
    }
    d->exemption_ended = reached(d, d->facts->rule->expires_ms);
    return !d->exemption_ended;
}

/* What OCSP says against the certificate, whatever its SCTs; CLIENTCT_NOT_EVALUATED: nothing. */
static enum clientct_reason revocation(struct decision *d)
{
    const struct ct_evidence *ocsp = &d->evidence[CLIENTCT_SOURCE_OCSP];
    bool required = requires_revocation(d);
    bool unknown = required && !ocsp->good;

    if (required) {
        ct_explanation_add(explanation_of(d), "revocation", ocsp->good,
                           ocsp->good ? "a fresh OCSP response says good" : ocsp->detail, "require");
    }
    if (ocsp->revoked) {
        say(d, "the OCSP response says that the certificate is revoked");
        return CLIENTCT_REVOKED;
    }
    if (unknown && ocsp->missing) {
        say(d, "revocation = require, and there is no OCSP response for the certificate in ocsp_store");
        return CLIENTCT_OCSP_MISSING;
    }
    if (unknown) {
        say(d, "revocation = require: %s", ocsp->detail);
        return CLIENTCT_OCSP_UNUSABLE;
    }
    return CLIENTCT_NOT_EVALUATED;
}

static enum clientct_reason reason_for_certificate(struct decision *d)
{
    enum clientct_reason refusal = hard_refusal(d);

    d->verdict->decided = true;
    if (refusal != CLIENTCT_NOT_EVALUATED) {
        return refusal;
    }
    look(d, CLIENTCT_SOURCE_OCSP);
    if (d->evaluation.failed) {
        return CLIENTCT_INTERNAL_ERROR;
    }
    if ((refusal = revocation(d)) != CLIENTCT_NOT_EVALUATED) {
        return refusal;
    }
    if (is_exempt(d)) {
        say(d, "rule %s exempts the certificate", d->facts->rule->name);
        return CLIENTCT_EXEMPT;
    }
    if (d->snapshot->book == NULL) {
        d->verdict->decided = false;
        say(d, "%s", d->snapshot->why);
        return CLIENTCT_CONFIG_ERROR;
    }
    if (d->settings->on_stale == CT_STALE_REFUSE && lists_are_stale(d)) {
        say(d, "a log list is older than log_list_max_age; put a fresh one in place");
        return CLIENTCT_LOG_LIST_STALE;
    }
    return judge(d);
}

/* The decision for a peer whose mode is known not to be off. */
static void conclude(struct decision *d, enum clientct_reason reason)
{
    struct clientct_verdict *verdict = d->verdict;

    verdict->reason = reason;
    verdict->compliant = reason == CLIENTCT_COMPLIANT || reason == CLIENTCT_EXEMPT;
    if (reason == CLIENTCT_INTERNAL_ERROR) {
        verdict->decided = false;
        say(d, "an internal failure: memory is short, or no provider has an algorithm that is needed");
    }
    if (d->exemption_ended) {
        char when[32];

        ct_time_format(d->facts->rule->expires_ms, when, sizeof when);
        say_also(d, "the exemption of rule %s ended on %s", d->facts->rule->name, when);
    }
    if (d->settings->on_stale == CT_STALE_REPORT && verdict->mode == CLIENTCT_MODE_ENFORCE && lists_are_stale(d)) {
        verdict->mode = CLIENTCT_MODE_REPORT;
        say_also(d, "nothing is refused, because a log list is stale and on_stale = report");
    }
    verdict->accept = verdict->compliant || verdict->mode == CLIENTCT_MODE_REPORT;
}

static bool any_rule_sets_mode(const struct ct_settings *settings)
{
    for (size_t i = 0; i < settings->rule_count; i++) {
        if (settings->rules[i].has_mode) {
            return true;
        }
    }
    return false;
}

static bool knows_certificates_by_hash(const struct ct_settings *settings)
{
    bool known = settings->ocsp_store.path != NULL;

    for (size_t i = 0; i < settings->rule_count && !known; i++) {
        known = settings->rules[i].has_certificate && !settings->rules[i].by_signed_part;
    }
    return known;
}

static void decide(struct decision *d)
{
    struct clientct_verdict *verdict = d->verdict;
    enum clientct_reason failed, broken;

    if (d->snapshot->config == NULL) {
        say(d, "%s", d->snapshot->why);
        verdict->reason = CLIENTCT_CONFIG_ERROR;
        return;
    }
    d->settings = &d->snapshot->config->settings;
    verdict->mode = d->settings->mode;
    if (verdict->mode == CLIENTCT_MODE_OFF && !any_rule_sets_mode(d->settings)) {
        verdict->accept = true;
        return;
    }
    if (d->input->leaf == NULL) {
        verdict->decided = true;
        say(d, "the client used a raw public key; raw_public_keys = %s",
            d->settings->raw_public_keys_allowed ? "allow" : "refuse");
        conclude(d, CLIENTCT_NO_CERTIFICATE);
        verdict->accept = d->settings->raw_public_keys_allowed || verdict->mode != CLIENTCT_MODE_ENFORCE;
        return;
    }
    if (ct_certificate_read(d->input->leaf, &d->certificate) != CT_CERTIFICATE_OK) {
        verdict->mode = strictest_mode(d->settings);
        conclude(d, CLIENTCT_INTERNAL_ERROR);
        return;
    }
    memcpy(verdict->leaf_sha256, d->certificate.sha256, sizeof verdict->leaf_sha256);
    if (d->input->shown_server_name_count > CLIENTCT_SERVER_NAMES_MAX) {
        verdict->decided = true;
        verdict->mode = strictest_mode(d->settings);
        say(d, "the connection has shown more than %d server names (SNI); clients keep to one",
            CLIENTCT_SERVER_NAMES_MAX);
        conclude(d, CLIENTCT_TOO_MANY_NAMES);
        return;
    }
    if (knows_certificates_by_hash(d->settings) &&
        !ct_certificate_find_twin(&d->certificate, d->input->leaf, ct_issuer_in(d->input->chain))) {
        verdict->mode = strictest_mode(d->settings);
        conclude(d, CLIENTCT_INTERNAL_ERROR);
        return;
    }
    if ((failed = choose(d)) != CLIENTCT_NOT_EVALUATED) {
        verdict->decided = true;
        broken = hard_refusal(d);
        conclude(d, broken != CLIENTCT_NOT_EVALUATED ? broken : failed);
        return;
    }
    if (verdict->mode == CLIENTCT_MODE_OFF) {
        verdict->accept = true;
        return;
    }
    d->evaluation.certificate = &d->certificate;
    d->evaluation.now_ms = d->now_ms;
    d->evaluation.check_all = d->input->explain;
    d->evaluation.leaf_index_ignored = d->settings->leaf_index_ignored;
    d->evaluation.logs = d->snapshot->book == NULL ? NULL : &d->snapshot->book->logs;
    d->evaluation.issuer = ct_issuer_in(d->input->chain);
    conclude(d, reason_for_certificate(d));
}

void ct_decide(const struct ct_snapshot *snapshot, const struct clientct_input *input, int64_t now_ms,
               struct clientct_verdict *verdict, struct ct_decision_facts *facts)
{
    struct decision d = {
        .snapshot = snapshot,
        .input = input,
        .now_ms = now_ms,
        .verdict = verdict,
        .facts = facts,
    };

    *facts = (struct ct_decision_facts){
        .from_ms = INT64_MIN,
        .until_ms = INT64_MAX,
        .resumption = CLIENTCT_RESUMPTION_ALLOW,
    };
    decide(&d);
    verdict->signatures_checked = d.evaluation.checks;
    if (input->explain) {
        if (!verdict->compliant && verdict->reason != CLIENTCT_NOT_EVALUATED) {
            ct_advise(verdict->reason, facts->policy, &d.certificate, &d.evaluation.scts, d.explanation.advice,
                      sizeof d.explanation.advice);
        }
        verdict->conditions = d.explanation.conditions;
        verdict->condition_count = d.explanation.count;
        memcpy(verdict->advice, d.explanation.advice, sizeof verdict->advice);
    } else {
        ct_explanation_clear(&d.explanation);
    }
    ct_evaluation_clear(&d.evaluation);
    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        ct_evidence_clear(&d.evidence[source]);
    }
    ct_evidence_clear(&d.proofs);
    ct_certificate_clear(&d.certificate);
}
