/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "record/audit_certificate.h"

#define NAME_MAX_BYTES 64u /* of a section, a log, an operator, a program, one of several server names */
#define END_RESERVE 4u     /* "]}\n" */
#define SCTS_RESERVE 800u  /* the SCTs' count, and two of them as large as they can be */
#define DETAIL_MAX_BYTES sizeof(((struct clientct_verdict *)0)->detail)

static void put_name(struct ct_audit_writer *w, const char *key, const char *value)
{
    if (value != NULL) {
        ct_audit_text_up_to(w, key, value, strlen(value), NAME_MAX_BYTES);
    }
}

static void begin(struct ct_audit_writer *w, const struct ct_audit_origin *origin, struct ct_audit_line *line)
{
    ct_audit_begin(w, line->text, sizeof line->text);
    ct_audit_moment(w, "@timestamp", origin->now_ms);
    ct_audit_raw(w, "\"ecs.version\":\"9.0.0\",\"event.module\":\"clientct\","
                    "\"event.dataset\":\"clientct.audit\",\"event.kind\":\"event\"");
    ct_audit_number(w, "event.sequence", origin->sequence);
}

/* A process id alone comes back: for another process, or with the count begun anew where a program executed itself. */
static void put_process(struct ct_audit_writer *w, const struct ct_audit_origin *origin)
{
    static const char hex[] = "0123456789abcdef";
    char entity[2 * sizeof origin->id + 1 + 20 + 1];
    uint8_t id[sizeof origin->id];
    char *digit = entity + sizeof entity - 1;
    uint64_t pid = (uint64_t)origin->pid;

    *digit = '\0';
    do { /* every line has it, and snprintf takes as long as a quarter of a line */
        *--digit = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0);
    *--digit = '-';
    ct_write_u64(id, origin->id);
    digit -= 2 * sizeof id;
    for (size_t i = 0; i < sizeof id; i++) {
        digit[2 * i] = hex[id[i] >> 4];
        digit[2 * i + 1] = hex[id[i] & 15];
    }
    ct_audit_number(w, "process.pid", (uint64_t)origin->pid);
    ct_audit_word(w, "process.entity_id", digit);
    put_name(w, "process.name", origin->process);
}

static void put_origin(struct ct_audit_writer *w, const struct ct_audit_origin *origin)
{
    put_process(w, origin);
    put_name(w, "host.name", origin->host);
    if (origin->dropped > 0) {
        ct_audit_number(w, "clientct.dropped", origin->dropped);
    }
}

static void end(struct ct_audit_writer *w, struct ct_audit_line *line)
{
    ct_audit_bytes(w, "}\n", 2);
    line->len = w->full ? 0 : (size_t)(w->at - line->text);
}

/* "TLSv1.3" is tls and 1.3 in ECS, "DTLSv1.2" is dtls and 1.2; the first version of TLS has no minor number. */
static void put_tls_version(struct ct_audit_writer *w, const char *name)
{
    const char *v = name != NULL ? strrchr(name, 'v') : NULL;
    char protocol[16];
    size_t len = v != NULL ? (size_t)(v - name) : 0;

    if (len == 0 || len >= sizeof protocol) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        protocol[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    }
    protocol[len] = '\0';
    put_name(w, "tls.version_protocol", protocol);
    put_name(w, "tls.version", strcmp(name, "TLSv1") == 0 ? "1.0" : v + 1);
}

static bool known(const uint8_t sha256[32])
{
    static const uint8_t zero[32];

    return memcmp(sha256, zero, sizeof zero) != 0;
}

/* Only where there were several: then another than the last one may be what the server acted on. */
static void put_shown_names(struct ct_audit_writer *w, const struct clientct_input *input)
{
    if (input->shown_server_name_count < 2) {
        return;
    }
    ct_audit_array(w, "clientct.server_names");
    for (size_t i = 0; i < input->shown_server_name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        ct_audit_element(w, input->shown_server_names[i], NAME_MAX_BYTES);
    }
    ct_audit_array_end(w);
}

static void put_client(struct ct_audit_writer *w, const struct clientct_input *input,
                       const struct clientct_verdict *verdict)
{
    ct_audit_text(w, "client.ip", input->client_address);
    if (input->client_port != 0) {
        ct_audit_number(w, "client.port", input->client_port);
    }
    put_tls_version(w, input->tls_version);
    ct_audit_text(w, "tls.client.server_name", input->server_name);
    put_shown_names(w, input);
    if (known(verdict->leaf_sha256)) {
        /* Upper case as ECS wants it. */
        ct_audit_hex(w, "tls.client.hash.sha256", verdict->leaf_sha256, sizeof verdict->leaf_sha256, true);
    }
    if (input->leaf != NULL) {
        ct_audit_put_certificate(w, input->leaf);
    }
}

static bool would_accept(const struct clientct_verdict *verdict)
{
    return verdict->mode == CLIENTCT_MODE_ENFORCE ? verdict->accept : verdict->compliant;
}

/* Of a stranger: no CA that the server trusts stands behind the names. */
static void put_chain(struct ct_audit_writer *w, long error)
{
    if (error != X509_V_OK) {
        const char *text = X509_verify_cert_error_string(error);

        ct_audit_word(w, "clientct.chain", "rejected");
        ct_audit_text(w, "clientct.chain_error", text);
    }
}

static void put_verdict(struct ct_audit_writer *w, const struct clientct_verdict *verdict)
{
    ct_audit_word(w, "clientct.verdict", verdict->accept ? "accept" : "refuse");
    if (verdict->reason != CLIENTCT_NOT_EVALUATED) {
        ct_audit_word(w, "clientct.would_be", would_accept(verdict) ? "accept" : "refuse");
    }
    ct_audit_word(w, "clientct.reason", clientct_reason_name(verdict->reason));
    ct_audit_word(w, "clientct.mode", clientct_mode_name(verdict->mode));
    put_name(w, "clientct.policy", verdict->policy);
    put_name(w, "clientct.rule", verdict->rule);
    if (verdict->shadow_policy != NULL && verdict->shadow_reason != CLIENTCT_NOT_EVALUATED) {
        put_name(w, "clientct.shadow.policy", verdict->shadow_policy);
        ct_audit_bool(w, "clientct.shadow.compliant", verdict->shadow_compliant);
        ct_audit_word(w, "clientct.shadow.reason", clientct_reason_name(verdict->shadow_reason));
    }
    ct_audit_number(w, "clientct.generation", verdict->generation);
    ct_audit_bool(w, "clientct.cached", verdict->cached);
    if (verdict->detail[0] != '\0') {
        ct_audit_text_up_to(w, "clientct.detail", verdict->detail, strlen(verdict->detail), DETAIL_MAX_BYTES);
    }
}

static void put_sct(struct ct_audit_writer *w, const struct clientct_sct_result *sct)
{
    ct_audit_raw(w, "{");
    w->first = true;
    ct_audit_word(w, "source", clientct_source_name(sct->source));
    if (sct->decoded) {
        ct_audit_hex(w, "log_id", sct->log_id, sizeof sct->log_id, false);
    }
    put_name(w, "log", sct->log);
    put_name(w, "operator", sct->log_operator);
    if (sct->decoded && sct->timestamp_ms <= INT64_MAX) {
        ct_audit_moment(w, "timestamp", (int64_t)sct->timestamp_ms);
    }
    ct_audit_word(w, "status", clientct_reason_name(sct->status));
    ct_audit_bytes(w, "}", 1);
    w->first = false;
}

/* Last, because they take what room there is: a client that sends many SCTs cannot crowd out the rest. */
static void put_scts(struct ct_audit_writer *w, const struct clientct_verdict *verdict)
{
    const size_t reserve = END_RESERVE;

    if (verdict->scts == NULL || verdict->sct_count == 0) {
        return;
    }
    ct_audit_number(w, "clientct.sct_count", verdict->sct_count);
    ct_audit_array(w, "clientct.scts");
    w->end -= reserve;
    for (size_t i = 0; i < verdict->sct_count && i < CT_AUDIT_SCTS_MAX && !w->full; i++) {
        struct ct_audit_writer before = *w;

        put_sct(w, verdict->scts[i]);
        if (w->full) {
            *w = before;
            break;
        }
    }
    w->end += reserve;
    ct_audit_array_end(w);
}

static void add_field(struct ct_audit_line *line, const char *name, const char *value)
{
    size_t left = sizeof line->fields - line->fields_len;
    int len = 0;

    if (line->wants_fields && value != NULL) {
        len = snprintf(line->fields + line->fields_len, left, "%s=%s\n", name, value);
    }
    if (len > 0 && (size_t)len < left) {
        line->fields_len += (size_t)len;
    }
}

static void add_fields(struct ct_audit_line *line, const struct clientct_verdict *verdict)
{
    char hex[65];

    line->fields_len = 0;
    if (!line->wants_fields) {
        return; /* the hash in hex takes longest */
    }
    add_field(line, "CLIENTCT_VERDICT", verdict->accept ? "accept" : "refuse");
    add_field(line, "CLIENTCT_REASON", clientct_reason_name(verdict->reason));
    add_field(line, "CLIENTCT_MODE", clientct_mode_name(verdict->mode));
    add_field(line, "CLIENTCT_POLICY", verdict->policy);
    if (known(verdict->leaf_sha256)) {
        ct_hex(verdict->leaf_sha256, sizeof verdict->leaf_sha256, hex);
        add_field(line, "CLIENTCT_CERTIFICATE", hex);
    }
}

void ct_audit_decision_line(const struct ct_audit_origin *origin, const struct clientct_input *input,
                            const struct clientct_verdict *verdict, uint64_t elapsed_ns, struct ct_audit_line *line)
{
    struct ct_audit_writer w;

    begin(&w, origin, line);
    ct_audit_raw(&w, verdict->accept ? "\"event.category\":[\"network\"],\"event.type\":[\"connection\",\"allowed\"],"
                                       "\"event.action\":\"client-certificate\",\"event.outcome\":\"success\""
                                     : "\"event.category\":[\"network\"],\"event.type\":[\"connection\",\"denied\"],"
                                       "\"event.action\":\"client-certificate\",\"event.outcome\":\"failure\"");
    ct_audit_word(&w, "event.reason", clientct_reason_name(verdict->reason));
    ct_audit_number(&w, "event.duration", elapsed_ns);
    put_origin(&w, origin);
    put_client(&w, input, verdict);
    put_chain(&w, input->chain_error);
    put_verdict(&w, verdict);
    if (input->session != CLIENTCT_SESSION_UNKNOWN) {
        ct_audit_word(&w, "clientct.session", clientct_session_name(input->session));
    }
    if (input->leaf != NULL) {
        ct_audit_put_more_of_certificate(&w, input->leaf, verdict->sct_count > 0 ? SCTS_RESERVE : END_RESERVE);
    }
    put_scts(&w, verdict);
    end(&w, line);
    line->priority = !verdict->accept ? CT_AUDIT_WARNING : verdict->compliant ? CT_AUDIT_INFO : CT_AUDIT_NOTICE;
    add_fields(line, verdict);
}

void ct_audit_event_line(const struct ct_audit_origin *origin, const char *action, bool success, const char *text,
                         uint64_t generation, struct ct_audit_line *line)
{
    struct ct_audit_writer w;

    begin(&w, origin, line);
    ct_audit_raw(&w, success ? "\"event.category\":[\"configuration\"],\"event.type\":[\"change\"],"
                               "\"event.outcome\":\"success\""
                             : "\"event.category\":[\"configuration\"],\"event.type\":[\"info\"],"
                               "\"event.outcome\":\"failure\"");
    ct_audit_text(&w, "event.action", action);
    put_origin(&w, origin);
    ct_audit_number(&w, "clientct.generation", generation);
    if (text != NULL && text[0] != '\0') {
        ct_audit_text_up_to(&w, "message", text, strlen(text), DETAIL_MAX_BYTES);
    }
    end(&w, line);
    line->priority = success ? CT_AUDIT_NOTICE : CT_AUDIT_WARNING;
    line->fields_len = 0;
    add_field(line, "CLIENTCT_ACTION", action);
}
