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

/* 0: not said. */
static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));

    return number > 0 ? (uint64_t)number : 0;
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
    const char *chain = text_of(object, "clientct.chain");

    if (verdict == NULL || reason == NULL) {
        return;
    }
    line->kind = REPORT_DECISION;
    line->stranger = chain != NULL && strcmp(chain, "rejected") == 0;
    line->judged = would_be != NULL;
    line->would_refuse = would_be != NULL && strcmp(would_be, "accept") != 0;
    line->refused = strcmp(verdict, "accept") != 0;
    line->has_certificate = hash != NULL && ct_unhex(hash, strlen(hash), line->sha256, sizeof line->sha256);
    line->not_after_ms = time_of(object, "tls.client.not_after");
    copy(line->subject, sizeof line->subject, text_of(object, "tls.client.subject"));
    if (line->subject[0] == '\0') { /* clients of SPIFFE and ACME have their names elsewhere */
        const json_t *names = json_object_get(object, "tls.client.x509.alternative_names");
        const char *name = json_string_value(json_array_get(names, 0));

        copy(line->subject, sizeof line->subject, name != NULL ? name : "");
    }
    copy(line->issuer, sizeof line->issuer, text_of(object, "tls.client.issuer"));
    copy(line->serial, sizeof line->serial, text_of(object, "tls.client.x509.serial_number"));
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
    line->sequence = number_of(object, "event.sequence");
    line->pid = number_of(object, "process.pid");
    copy(line->process, sizeof line->process, text_of(object, "process.name"));
    copy(line->entity, sizeof line->entity, text_of(object, "process.entity_id"));
    if (strcmp(action, "client-certificate") == 0) {
        read_decision(object, line);
    } else {
        line->kind = REPORT_EVENT;
    }
    return line->kind != REPORT_FOREIGN;
}

static bool is_in(const char *name, const char *lines)
{
    size_t len = strlen(name);

    for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strcspn(at, "\n") == len && memcmp(at, name, len) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Fields that begin with "_" are set by journald from what the kernel told it of the writer; nobody can send them
 * (systemd.journal-fields(7), trusted journal fields).
 */
static void read_journal(const json_t *object, const char *units, struct report_line *line)
{
    const char *unit = text_of(object, "_SYSTEMD_UNIT");
    const char *pid = text_of(object, "_PID");
    const char *dot = unit != NULL ? strrchr(unit, '.') : NULL;

    line->exported = pid != NULL && text_of(object, "__CURSOR") != NULL;
    line->unvouched = line->exported ? NULL : "not an entry of the journal";
    copy(line->unit, sizeof line->unit, unit);
    copy(line->program, sizeof line->program, text_of(object, "_EXE"));
    copy(line->user, sizeof line->user, text_of(object, "_UID"));
    if (!line->exported) {
        return;
    }
    if (unit == NULL || dot == NULL || strcmp(dot, ".service") != 0 || strncmp(unit, "user@", 5) == 0) {
        line->unvouched = "from the journal, and not written by a service of the system";
    } else if (units != NULL && !is_in(unit, units)) {
        line->unvouched = "from the journal, and not written by a service that --unit names";
    }
}

/* The process that wrote is the process of which the line speaks. */
static void compare_pids(const json_t *object, struct report_line *line)
{
    const char *pid = text_of(object, "_PID");
    char own[24];

    snprintf(own, sizeof own, "%llu", (unsigned long long)line->pid);
    if (line->unvouched == NULL && (pid == NULL || strcmp(pid, own) != 0)) {
        line->unvouched = "from the journal, and written by another process than they speak of";
    }
}

/* Depth is one: what is in a journal's MESSAGE is not unwrapped again. */
static bool read_text(const char *text, size_t len, enum report_input from, const char *units, struct report_line *line)
{
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *message = text_of(object, "MESSAGE");
    json_t *inner = message != NULL ? json_loads(message, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool ok;

    if (message == NULL) {
        ok = read_object(object, line);
    } else {
        ok = read_object(inner, line);
        if (from == REPORT_FROM_JOURNAL) {
            read_journal(object, units, line);
            compare_pids(object, line);
        } else {
            line->unvouched = "from the journal, and not given with --journal";
        }
    }
    json_decref(inner);
    json_decref(object);
    return ok;
}

static bool read_object_at(const char *text, size_t len, struct report_line *line)
{
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = read_object(object, line);

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

void report_read(struct ct_bytes bytes, enum report_input from, const char *units, struct report_line *line)
{
    const char *text = (const char *)bytes.data;
    const char *begin;

    memset(line, 0, sizeof *line);
    line->unvouched = from == REPORT_FROM_ANYBODY ? "from an input that others may write" : NULL;
    if (from == REPORT_FROM_JOURNAL) {
        line->unvouched = "not an entry of the journal";
    }
    if (bytes.len == 0 || bytes.len > REPORT_LINE_MAX || read_text(text, bytes.len, from, units, line)) {
        return;
    }
    begin = last_beginning(text, bytes.len);
    if (begin == NULL || begin == text || line->exported) {
        return;
    }
    if (text[0] != '{' && line->unvouched == NULL) {
        line->unvouched = "with a head as syslog writes it, and syslog takes lines from anybody";
    }
    (void)read_object_at(begin, bytes.len - (size_t)(begin - text), line);
}
