/* SPDX-License-Identifier: Apache-2.0 */
/* clientct submit: what became of a certificate, and the extension that is made of its SCTs. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "tool/submit/work.h"
#include "tool/tool.h"

json_t *submit_work_json(const struct work *work, bool complete)
{
    json_t *root = tool_json_object();
    json_t *logs = tool_json_array();

    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];
        json_t *log = tool_json_object();
        tool_json_set(log, "log", tool_json_text(target->source->log->description));
        tool_json_set(log, "log_id", tool_json_hex(target->source->log->id, CT_LOG_ID_LEN));
        tool_json_set(log, "url", tool_json_text(target->source->url));
        tool_json_set(log, "outcome", tool_json_text(submit_outcome_name(target->outcome)));
        tool_json_set(log, "detail", tool_json_text(target->detail));
        tool_json_set(log, "http_status", target->status != 0 ? json_integer(target->status) : json_null());
        tool_json_set(log, "attempts", tool_json_count(target->attempts));
        tool_json_set(log, "timestamp",
                      submit_outcome_good(target->outcome) ? tool_json_time((int64_t)target->timestamp_ms)
                                                           : json_null());
        tool_json_append(logs, log);
    }
    tool_json_set(root, "input", tool_json_text(work->file));
    tool_json_set(root, "certificate", tool_json_hex(work->certificate.sha256, sizeof work->certificate.sha256));
    tool_json_set(root, "complete", tool_json_bool(complete));
    tool_json_set(root, "file", tool_json_text(work->path));
    tool_json_set(root, "scts", tool_json_count(work->list.count));
    tool_json_set(root, "logs", logs);
    return root;
}

/* The next line of a text, as its length; `text` then is behind it, or NULL. */
static int next_line(const char **text)
{
    size_t len = strcspn(*text, "\n");

    *text = (*text)[len] == '\n' ? *text + len + 1 : NULL;
    return (int)len;
}

/* A log's further lines are marked: none of them looks like one of ours. */
static void show_detail(const char *detail)
{
    const char *line = detail, *rest = detail;
    int len = next_line(&rest);

    tool_put(TOOL_PLAIN, ": %.*s", len, line);
    tool_end_line();
    while (rest != NULL) {
        line = rest;
        len = next_line(&rest);
        tool_line("    | %.*s", len, line);
    }
}

void submit_work_show(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];
        bool good = submit_outcome_good(target->outcome);
        char at[TOOL_TIME_SIZE] = "";

        tool_put(TOOL_BOLD, "%s", target->source->log->description);
        tool_put(good ? TOOL_GOOD : TOOL_BAD, "  %s", submit_outcome_name(target->outcome));
        if (good) {
            tool_time_format(target->timestamp_ms, at);
            tool_put(TOOL_PLAIN, " at %s", at);
        }
        show_detail(target->detail);
    }
    for (size_t i = 0; i < work->target_count; i++) {
        if (work->targets[i].outcome == OUTCOME_NOT_KEPT) {
            tool_line("%s could not be written: signed SCTs are not in it",
                      work->path != NULL ? work->path : "the list");
            return;
        }
    }
    if (work->list.count > 0) {
        tool_line("%s has %zu SCT%s", work->path != NULL ? work->path : "the list", work->list.count,
                  work->list.count == 1 ? "" : "s");
    } else {
        tool_line("no SCT was obtained; nothing is written");
    }
}

void submit_work_complain(const struct work *work)
{
    for (size_t i = 0; i < work->target_count; i++) {
        const struct target *target = &work->targets[i];

        if (!submit_outcome_good(target->outcome)) {
            const char *line = target->detail, *rest = target->detail;
            int len = next_line(&rest);

            tool_error("%s: %s: %.*s", target->source->log->description, submit_outcome_name(target->outcome), len,
                       line);
            while (rest != NULL) {
                line = rest;
                len = next_line(&rest);
                tool_error("    | %.*s", len, line);
            }
        }
    }
}

/* Extension of RFC 5280, section 4.1, not critical: OID, OCTET STRING around OCTET STRING around the list. */
static uint8_t *extension_of(const struct submit_list *list, struct ct_bytes *value, size_t *len)
{
    static const uint8_t oid[] = { 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02 };
    size_t inner = 1 + ct_der_length_size(list->len) + list->len;
    size_t outer = 1 + ct_der_length_size(inner) + inner;
    size_t whole = sizeof oid + outer;
    uint8_t *out = malloc(8 + whole);
    uint8_t *at;

    if (out == NULL) {
        tool_out_of_memory();
    }
    at = ct_der_write_header(out, CT_DER_SEQUENCE, whole);
    memcpy(at, oid, sizeof oid);
    at = ct_der_write_header(at + sizeof oid, CT_DER_OCTET_STRING, inner);
    *value = (struct ct_bytes){ at, inner };
    at = ct_der_write_header(at, CT_DER_OCTET_STRING, list->len);
    memcpy(at, list->data, list->len);
    *len = (size_t)(at + list->len - out);
    return out;
}

char *submit_extension(const struct submit_list *list, enum submit_form form, size_t *len)
{
    struct ct_bytes value;
    uint8_t *der = extension_of(list, &value, len);
    char *text = NULL, *out;

    if (form == SUBMIT_DER) {
        return (char *)der;
    }
    text = calloc(1, 2 * *len + 8);
    if (text == NULL) {
        tool_out_of_memory();
    }
    if (form == SUBMIT_LINE) {
        ct_hex(value.data, value.len, text);
        out = tool_format("1.3.6.1.4.1.11129.2.4.2 = DER:%s\n", text);
    } else {
        char *at = text;
        size_t digits = (size_t)EVP_EncodeBlock((uint8_t *)text, der, (int)*len);
        char *lines = calloc(1, 2 * digits + 2);

        if (lines == NULL) {
            tool_out_of_memory();
        }
        for (size_t n = 0; *at != '\0'; at += strnlen(at, 64)) {
            n += (size_t)sprintf(lines + n, "%.64s\n", at);
        }
        out = tool_format("-----BEGIN X509 EXTENSION-----\n%s-----END X509 EXTENSION-----\n", lines);
        free(lines);
    }
    *len = strlen(out);
    free(text);
    free(der);
    return out;
}
