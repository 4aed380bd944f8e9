#include "tool/report/report.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"

#define BEGINNING "{\"@timestamp\":"

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t time_of(const json_t *object, const char *key)
{
    const char *text = text_of(object, key);
    int64_t ms;

    return text != NULL && ct_time_parse(text, &ms) ? ms : REPORT_UNKNOWN_TIME;
}

static void read_unknown_logs(const json_t *scts, struct report_line *line)
{
    const json_t *sct;
    size_t i;

    json_array_foreach(scts, i, sct)
    {
        const char *id = text_of(sct, "log_id");
        const char *status = text_of(sct, "status");
        uint8_t bytes[32];

        if (id != NULL && status != NULL && strcmp(status, "unknown-log") == 0 &&
            line->unknown_log_count < REPORT_LOGS_MAX && ct_unhex(id, strlen(id), bytes, sizeof bytes)) {
            ct_hex(bytes, sizeof bytes, line->unknown_logs[line->unknown_log_count++]);
        }
    }
}

static void read_decision(const json_t *object, struct report_line *line)
{
    const char *would_be = text_of(object, "clientct.would_be");
    const char *verdict = text_of(object, "clientct.verdict");
    const char *hash = text_of(object, "tls.client.hash.sha256");
    const char *reason = text_of(object, "clientct.reason");

    if (verdict == NULL || reason == NULL) {
        return;
    }
    line->kind = REPORT_DECISION;
    line->judged = would_be != NULL;
    line->would_refuse = would_be != NULL && strcmp(would_be, "accept") != 0;
    line->refused = strcmp(verdict, "accept") != 0;
    line->has_certificate = hash != NULL && ct_unhex(hash, strlen(hash), line->sha256, sizeof line->sha256);
    line->not_after_ms = time_of(object, "tls.client.not_after");
    copy(line->subject, sizeof line->subject, text_of(object, "tls.client.subject"));
    copy(line->issuer, sizeof line->issuer, text_of(object, "tls.client.issuer"));
    copy(line->reason, sizeof line->reason, reason);
    copy(line->shadow_policy, sizeof line->shadow_policy, text_of(object, "clientct.shadow.policy"));
    copy(line->shadow_reason, sizeof line->shadow_reason, text_of(object, "clientct.shadow.reason"));
    line->shadow_compliant = json_is_true(json_object_get(object, "clientct.shadow.compliant"));
    read_unknown_logs(json_object_get(object, "clientct.scts"), line);
}

static bool read_object(const json_t *object, struct report_line *line)
{
    const char *action = text_of(object, "event.action");
    json_int_t dropped = json_integer_value(json_object_get(object, "clientct.dropped"));
    const char *module = text_of(object, "event.module");

    line->at_ms = time_of(object, "@timestamp");
    if (line->at_ms == REPORT_UNKNOWN_TIME || action == NULL || module == NULL || strcmp(module, "clientct") != 0) {
        return false;
    }
    line->dropped = dropped > 0 ? (uint64_t)dropped : 0;
    if (strcmp(action, "client-certificate") == 0) {
        read_decision(object, line);
    } else {
        line->kind = REPORT_EVENT;
    }
    return line->kind != REPORT_FOREIGN;
}

/* Depth is one: what is in a journal's MESSAGE is not unwrapped again. */
static bool read_text(const char *text, size_t len, bool wrapped, struct report_line *line)
{
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *message = wrapped ? NULL : text_of(object, "MESSAGE");
    bool ok = message != NULL ? read_text(message, strlen(message), true, line) : read_object(object, line);

    json_decref(object);
    return ok;
}

/* The last place where a line of ours begins, for the torn beginning of another one may stand before it. */
static const char *last_beginning(const char *text, size_t len)
{
    const char *found = NULL;
    const char *at = text;
    const char *next;

    while ((next = memmem(at, len - (size_t)(at - text), BEGINNING, strlen(BEGINNING))) != NULL) {
        found = next;
        at = next + 1;
    }
    return found;
}

void report_read(struct ct_bytes bytes, struct report_line *line)
{
    const char *text = (const char *)bytes.data;
    const char *begin;

    memset(line, 0, sizeof *line);
    if (bytes.len == 0 || bytes.len > REPORT_LINE_MAX || read_text(text, bytes.len, false, line)) {
        return;
    }
    begin = last_beginning(text, bytes.len);
    if (begin != NULL && begin != text) {
        (void)read_text(begin, bytes.len - (size_t)(begin - text), true, line);
    }
}
