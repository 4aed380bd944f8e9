/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict for a person, and as JSON. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/tool.h"
#include "tool/verify/verify.h"

#define LABEL "%-14s"

/* Accepted although it is not compliant: somebody must see that before enforcement begins. */
static bool would_be_refused(const struct clientct_verdict *verdict)
{
    return verdict->accept && !verdict->compliant && verdict->mode == CLIENTCT_MODE_REPORT;
}

static void show_headline(const struct clientct_verdict *verdict, bool undecided)
{
    enum tool_style style = undecided                   ? TOOL_CAUTION
                            : !verdict->accept          ? TOOL_BAD
                            : would_be_refused(verdict) ? TOOL_CAUTION
                                                        : TOOL_GOOD;

    tool_put(style, "%s", undecided ? "undecided" : verdict->accept ? "accept" : "refuse");
    tool_put(TOOL_BOLD, ": %s", clientct_reason_name(verdict->reason));
    tool_put(TOOL_PLAIN, " (%s)", clientct_reason_text(verdict->reason));
    tool_end_line();
    if (would_be_refused(verdict)) {
        tool_put(TOOL_CAUTION, "with mode = enforce this certificate would be refused; mode = report accepts it");
        tool_end_line();
    }
    if (verdict->mode == CLIENTCT_MODE_OFF) {
        tool_put(TOOL_CAUTION, "mode = off: nothing is evaluated");
        tool_end_line();
    }
    if (verdict->detail[0] != '\0') {
        tool_line("%s", verdict->detail);
    }
}

/* The verdict has it too, but not where it ended at a broken configuration. */
static void leaf_sha256(const X509 *leaf, uint8_t sha256[32])
{
    if (X509_digest(leaf, EVP_sha256(), sha256, NULL) != 1) {
        tool_out_of_memory();
    }
}

static void show_subject(const struct tool_verify_answer *answer)
{
    uint8_t sha256[32];
    char *subject = tool_subject(answer->leaf);
    char *issuer = tool_name(X509_get_issuer_name(answer->leaf));
    char hex[65], from_text[TOOL_TIME_SIZE] = "?", until_text[TOOL_TIME_SIZE] = "?", lifetime[40] = "?";
    int64_t from, until;

    if (ct_time_of_asn1(X509_get0_notBefore(answer->leaf), &from) &&
        ct_time_of_asn1(X509_get0_notAfter(answer->leaf), &until)) {
        ct_time_format(from, from_text, sizeof from_text);
        ct_time_format(until, until_text, sizeof until_text);
        tool_duration_format(until - from, lifetime, sizeof lifetime);
    }
    leaf_sha256(answer->leaf, sha256);
    ct_hex(sha256, sizeof sha256, hex);
    tool_line(LABEL "%s", "certificate", subject);
    tool_line(LABEL "sha256 %s", "", hex);
    tool_line(LABEL "%s to %s, %s", "valid", from_text, until_text, lifetime);
    tool_line(LABEL "%s (%s)", "issuer", issuer,
              sk_X509_num(answer->chain) > 1 ? "given; it did issue the certificate"
              : X509_NAME_cmp(X509_get_subject_name(answer->leaf), X509_get_issuer_name(answer->leaf)) == 0
                  ? "the certificate itself"
              : tool_unreadable_issuer(answer->leaf, answer->given) != NULL
                  ? "given, but its key cannot be read here"
                  : "not given, or none that issued the certificate");
    free(issuer);
    free(subject);
}

/* A rule may set the mode, and so may a stale list. */
static void show_mode(const struct tool_verify_answer *answer)
{
    const struct ct_config *config = answer->snapshot->config;
    enum clientct_mode mode = answer->verdict->mode;

    if (config != NULL && config->settings.mode != mode) {
        tool_line(LABEL "%s (%s at the top)", "mode", clientct_mode_name(mode),
                  clientct_mode_name(config->settings.mode));
    } else {
        tool_line(LABEL "%s", "mode", clientct_mode_name(mode));
    }
}

static void show_frame(const struct tool_verify_answer *answer)
{
    const struct clientct_verdict *verdict = answer->verdict;
    char at[TOOL_TIME_SIZE];

    ct_time_format(answer->at_ms, at, sizeof at);
    tool_line(LABEL "%s", "decided at", at);
    if (answer->config != NULL) {
        tool_line(LABEL "%s", "configuration", answer->config);
    }
    show_mode(answer);
    if (verdict->policy != NULL) {
        tool_line(LABEL "%s", "policy", verdict->policy);
    }
    if (answer->snapshot->config != NULL && answer->snapshot->config->settings.rule_count > 0) {
        tool_line(LABEL "%s", "rule", verdict->rule != NULL ? verdict->rule : "none matched: the default policy holds");
    }
}

static void show_scts(const struct clientct_verdict *verdict)
{
    tool_end_line();
    tool_put(TOOL_BOLD, "SCTs");
    tool_put(TOOL_PLAIN, "%s", verdict->sct_count == 0 ? "  none" : "");
    tool_end_line();
    for (size_t i = 0; i < verdict->sct_count; i++) {
        const struct clientct_sct_result *sct = verdict->scts[i];
        bool valid = sct->status == CLIENTCT_VALID;
        char hex[65], when[TOOL_TIME_SIZE];

        tool_put(valid ? TOOL_GOOD : TOOL_BAD, "  %-3s", valid ? "ok" : "no");
        if (!sct->decoded) {
            tool_put(TOOL_PLAIN, " %-8s  %s: %s", clientct_source_name(sct->source), clientct_reason_name(sct->status),
                     clientct_reason_text(sct->status));
            tool_end_line();
            continue;
        }
        ct_hex(sct->log_id, sizeof sct->log_id, hex);
        tool_time_format(sct->timestamp_ms, when);
        tool_put(TOOL_PLAIN, " %-8s  %s", clientct_source_name(sct->source),
                 sct->log != NULL ? sct->log : "unknown log");
        if (sct->log_operator != NULL) {
            tool_put(TOOL_PLAIN, " (%s)", sct->log_operator);
        }
        tool_put(TOOL_PLAIN, ", %s", when);
        tool_end_line();
        tool_put(TOOL_DIM, "%16slog id %s", "", hex);
        tool_end_line();
        if (!valid) {
            tool_line("%16s%s: %s", "", clientct_reason_name(sct->status), clientct_reason_text(sct->status));
        }
    }
}

static void show_conditions(const struct clientct_verdict *verdict)
{
    int width = 0;

    if (verdict->condition_count == 0) {
        return;
    }
    for (size_t i = 0; i < verdict->condition_count; i++) {
        int len = (int)strlen(verdict->conditions[i]->name);
        width = len > width && len <= 32 ? len : width;
    }
    tool_end_line();
    tool_put(TOOL_BOLD, "How it was decided");
    tool_end_line();
    for (size_t i = 0; i < verdict->condition_count; i++) {
        const struct clientct_condition *condition = verdict->conditions[i];
        /* A rule that does not match is no failure: the next one is tried. */
        bool is_rule = strncmp(condition->name, "rule", 4) == 0;
        const char *mark = condition->met ? "ok" : is_rule ? "-" : "no";
        tool_put(condition->met ? TOOL_GOOD : is_rule ? TOOL_DIM : TOOL_BAD, "  %-3s", mark);
        tool_put(TOOL_PLAIN, " %-*s  %s", width, condition->name, condition->seen != NULL ? condition->seen : "");
        if (condition->needed != NULL && condition->needed[0] != '\0') {
            tool_put(TOOL_DIM, "  (needed: %s)", condition->needed);
        }
        tool_end_line();
    }
}

/* Without the issuer no number of SCTs helps: what the policy would like to see is beside the point. */
static const char *advice_of(const struct tool_verify_answer *answer)
{
    if (answer->diagnosis != NULL && answer->verdict->reason == CLIENTCT_BAD_SIGNATURE) {
        return answer->diagnosis; /* more SCTs do not help */
    }
    bool own_issuer = X509_NAME_cmp(X509_get_subject_name(answer->leaf), X509_get_issuer_name(answer->leaf)) == 0;

    if (answer->verdict->reason != CLIENTCT_ISSUER_UNKNOWN || own_issuer || answer->remark_count == 0) {
        return answer->verdict->advice;
    }
    return answer->remarks[0]; /* which issuer is missing, and how to give it */
}

static void show_rest(const struct tool_verify_answer *answer)
{
    const struct clientct_verdict *verdict = answer->verdict;
    const char *advice = advice_of(answer);
    size_t first = answer->remark_count > 0 && advice == answer->remarks[0] ? 1 : 0;

    if (advice[0] != '\0') {
        tool_end_line();
        tool_put(TOOL_BOLD, "What to do");
        tool_end_line();
        tool_line("  %s", advice);
    }
    if (verdict->shadow_policy != NULL) {
        tool_end_line();
        tool_put(TOOL_BOLD, "Shadow policy %s", verdict->shadow_policy);
        tool_end_line();
        tool_line("  would %s: %s (%s)", verdict->shadow_compliant ? "accept" : "refuse",
                  clientct_reason_name(verdict->shadow_reason), clientct_reason_text(verdict->shadow_reason));
    }
    if (answer->remark_count > first) {
        tool_end_line();
        tool_put(TOOL_BOLD, "Remarks");
        tool_end_line();
    }
    for (size_t i = first; i < answer->remark_count; i++) {
        tool_put(TOOL_CAUTION, "  %s", answer->remarks[i]);
        tool_end_line();
    }
}

void tool_verify_show(const struct tool_verify_answer *answer)
{
    show_headline(answer->verdict, answer->undecided);
    tool_end_line();
    show_subject(answer);
    show_frame(answer);
    if (answer->verdict->reason != CLIENTCT_CONFIG_ERROR && answer->verdict->mode != CLIENTCT_MODE_OFF) {
        show_scts(answer->verdict);
        show_conditions(answer->verdict);
    }
    show_rest(answer);
}

static json_t *json_of_sct(const struct clientct_sct_result *sct)
{
    json_t *out = tool_json_object();
    char when[TOOL_TIME_SIZE];

    tool_time_format(sct->timestamp_ms, when);
    tool_json_set(out, "source", tool_json_text(clientct_source_name(sct->source)));
    tool_json_set(out, "log_id", sct->decoded ? tool_json_hex(sct->log_id, sizeof sct->log_id) : json_null());
    tool_json_set(out, "log", tool_json_text(sct->log));
    tool_json_set(out, "operator", tool_json_text(sct->log_operator));
    tool_json_set(out, "timestamp", tool_json_text(sct->decoded ? when : NULL));
    tool_json_set(out, "status", tool_json_text(clientct_reason_name(sct->status)));
    return out;
}

static json_t *json_of_condition(const struct clientct_condition *condition)
{
    json_t *out = tool_json_object();

    tool_json_set(out, "name", tool_json_text(condition->name));
    tool_json_set(out, "met", tool_json_bool(condition->met));
    tool_json_set(out, "seen", tool_json_text(condition->seen));
    tool_json_set(out, "needed", tool_json_text(condition->needed));
    return out;
}

static json_t *json_of_shadow(const struct clientct_verdict *verdict)
{
    if (verdict->shadow_policy == NULL) {
        return json_null();
    }
    json_t *out = tool_json_object();
    tool_json_set(out, "policy", tool_json_text(verdict->shadow_policy));
    tool_json_set(out, "compliant", tool_json_bool(verdict->shadow_compliant));
    tool_json_set(out, "reason", tool_json_text(clientct_reason_name(verdict->shadow_reason)));
    return out;
}

json_t *tool_verify_json(const struct tool_verify_answer *answer)
{
    const struct clientct_verdict *verdict = answer->verdict;
    json_t *out = tool_json_object();
    json_t *scts = tool_json_array();
    json_t *conditions = tool_json_array();
    json_t *remarks = tool_json_array();
    uint8_t sha256[32];
    char *subject = tool_subject(answer->leaf);
    char *issuer = tool_name(X509_get_issuer_name(answer->leaf));

    for (size_t i = 0; i < verdict->sct_count; i++) {
        tool_json_append(scts, json_of_sct(verdict->scts[i]));
    }
    for (size_t i = 0; i < verdict->condition_count; i++) {
        tool_json_append(conditions, json_of_condition(verdict->conditions[i]));
    }
    for (size_t i = 0; i < answer->remark_count; i++) {
        tool_json_append(remarks, tool_json_text(answer->remarks[i]));
    }
    tool_json_set(out, "verdict",
                  tool_json_text(answer->undecided ? "undecided"
                                 : verdict->accept ? "accept"
                                                   : "refuse"));
    tool_json_set(out, "reason", tool_json_text(clientct_reason_name(verdict->reason)));
    tool_json_set(out, "policy", tool_json_text(verdict->policy));
    tool_json_set(out, "rule", tool_json_text(verdict->rule));
    tool_json_set(out, "scts", scts);
    tool_json_set(out, "mode", tool_json_text(clientct_mode_name(verdict->mode)));
    tool_json_set(out, "decided", tool_json_bool(verdict->decided));
    tool_json_set(out, "compliant", tool_json_bool(verdict->compliant));
    tool_json_set(out, "detail", tool_json_text(verdict->detail));
    tool_json_set(out, "advice", tool_json_text(advice_of(answer)));
    tool_json_set(out, "conditions", conditions);
    tool_json_set(out, "shadow", json_of_shadow(verdict));
    tool_json_set(out, "at", tool_json_time(answer->at_ms));
    leaf_sha256(answer->leaf, sha256);
    tool_json_set(out, "leaf_sha256", tool_json_hex(sha256, sizeof sha256));
    tool_json_set(out, "subject", tool_json_text(subject));
    tool_json_set(out, "issuer", tool_json_text(issuer));
    tool_json_set(out, "chain_length", tool_json_count((size_t)sk_X509_num(answer->chain)));
    tool_json_set(out, "config", tool_json_text(answer->config));
    tool_json_set(out, "remarks", remarks);
    free(issuer);
    free(subject);
    return out;
}
