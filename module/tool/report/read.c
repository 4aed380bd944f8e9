/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tool/report/fields.h"

#define BEGINNING "{\"@timestamp\":"
#define TIME_TEXT_MAX 63 /* what is longer is no time of ours */

/* --- what fields mean, however they were found --- */

/* How much of it is kept: whole characters, up to `max` bytes. */
static size_t cut(struct report_text text, size_t max)
{
    size_t len = text.len;

    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

/* As it stands in the line. A text with escapes in it is none of the words, numbers and times that we know. */
static struct report_text raw(const struct report_fields *fields, enum report_field_name name)
{
    return fields->of[name].type == FIELD_TEXT ? fields->of[name].text : (struct report_text){ NULL, 0 };
}

static bool said(const struct report_fields *fields, enum report_field_name name)
{
    return fields->of[name].type == FIELD_TEXT;
}

/* Up to `max` bytes of it; in the room of the line where it had to be changed, or `kept` will be needed for longer. */
static struct report_text text_of(const struct report_fields *fields, enum report_field_name name, size_t max,
                                  bool kept, struct report_line *line)
{
    struct report_text text = raw(fields, name);
    char whole[2 * REPORT_TEXT_MAX + 1];

    if (text.len == 0) {
        return (struct report_text){ "", 0 };
    }
    if (fields->of[name].escaped) {
        text.len = cut(text, sizeof whole); /* no escape is longer than two, so that this is more than `max` */
        text = (struct report_text){ whole, report_unescape(text, whole) };
        kept = true;
    }
    text.len = cut(text, max);
    if (kept) {
        text.data = memcpy(line->room + line->room_used, text.data, text.len);
        line->room_used += text.len;
    }
    return text;
}

static unsigned two_digits(const char *at)
{
    unsigned tens = (unsigned)(at[0] - '0'), ones = (unsigned)(at[1] - '0');

    return tens < 10 && ones < 10 ? 10 * tens + ones : 100;
}

/* "2026-11-23T21:14:05.120Z" of the day that was read before: nearly every line's. */
static bool same_day(struct report_text text, const char day[10], int64_t day_ms, int64_t *ms)
{
    unsigned hour, minute, second, fraction = 0;

    if ((text.len != 20 && text.len != 24) || memcmp(text.data, day, 10) != 0 || text.data[10] != 'T' ||
        text.data[13] != ':' || text.data[16] != ':' || text.data[text.len - 1] != 'Z') {
        return false;
    }
    hour = two_digits(text.data + 11);
    minute = two_digits(text.data + 14);
    second = two_digits(text.data + 17);
    if (text.len == 24) {
        unsigned last = (unsigned)(text.data[22] - '0');

        fraction = two_digits(text.data + 20) * 10 + last;
        if (text.data[19] != '.' || last >= 10 || fraction >= 1000) {
            return false;
        }
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *ms = day_ms + (int64_t)((hour * 60 + minute) * 60 + second) * CT_SECOND_MS + fraction;
    return true;
}

#define DAYS_REMEMBERED 64

static int64_t time_of(struct report_text text)
{
    /* Times of lines are of one day for long, and dates of certificates of few. */
    static _Thread_local struct {
        char text[10];
        int64_t ms;
    } days[DAYS_REMEMBERED];
    char copy[TIME_TEXT_MAX + 1];
    int64_t ms;
    size_t i;

    if (text.len < 20 || text.len > TIME_TEXT_MAX) {
        return REPORT_UNKNOWN_TIME;
    }
    i = (size_t)((text.data[8] & 3) * 10 + (text.data[9] & 15)) % DAYS_REMEMBERED;
    if (same_day(text, days[i].text, days[i].ms, &ms)) {
        return ms;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (!ct_time_parse(copy, &ms)) {
        return REPORT_UNKNOWN_TIME;
    }
    if (text.data[text.len - 1] == 'Z') {
        int64_t day = ms / CT_DAY_MS - (ms % CT_DAY_MS < 0);

        /* A leap second at midnight is of the next day. */
        if (text.data[17] != '6') {
            memcpy(days[i].text, text.data, 10);
            days[i].ms = day * CT_DAY_MS;
        }
    }
    return ms;
}

static uint64_t number_of(const struct report_fields *fields, enum report_field_name name)
{
    return fields->of[name].type == FIELD_NUMBER ? fields->of[name].number : 0;
}

static void take_decision(const struct report_fields *fields, bool kept, struct report_line *line)
{
    struct report_text not_after = raw(fields, FIELD_NOT_AFTER);

    if (!said(fields, FIELD_VERDICT) || !said(fields, FIELD_REASON)) {
        return;
    }
    line->kind = REPORT_DECISION;
    line->stranger = REPORT_IS(raw(fields, FIELD_CHAIN), "rejected");
    line->judged = said(fields, FIELD_WOULD_BE);
    line->would_refuse = line->judged && !REPORT_IS(raw(fields, FIELD_WOULD_BE), "accept");
    line->refused = !REPORT_IS(raw(fields, FIELD_VERDICT), "accept");
    line->has_certificate = report_bytes_of(raw(fields, FIELD_HASH), line->sha256);
    line->not_after_ms = time_of(not_after.len > 0 ? not_after : raw(fields, FIELD_NOT_AFTER_9));
    line->subject = text_of(fields, FIELD_SUBJECT, REPORT_TEXT_MAX, kept, line);
    if (line->subject.len == 0) { /* clients of SPIFFE and ACME have their names elsewhere */
        line->subject = text_of(fields, FIELD_FIRST_NAME, REPORT_TEXT_MAX, kept, line);
    }
    line->issuer = text_of(fields, FIELD_ISSUER, REPORT_TEXT_MAX, kept, line);
    line->serial = text_of(fields, FIELD_SERIAL, 64, kept, line);
    line->reason = text_of(fields, FIELD_REASON, 39, kept, line);
    line->shadow_policy = text_of(fields, FIELD_SHADOW_POLICY, 79, kept, line);
    line->shadow_compliant = fields->of[FIELD_SHADOW_COMPLIANT].type == FIELD_TRUE;
    line->usages = fields->usages;
    line->unknown_log_count = fields->unknown_log_count;
}

/* False: no line of ours. */
static bool take_fields(const struct report_fields *fields, bool kept, struct report_line *line)
{
    int64_t at_ms = time_of(raw(fields, FIELD_TIMESTAMP));

    if (at_ms == REPORT_UNKNOWN_TIME || !said(fields, FIELD_ACTION) ||
        !REPORT_IS(raw(fields, FIELD_MODULE), "clientct")) {
        return false;
    }
    line->at_ms = at_ms;
    line->dropped = number_of(fields, FIELD_DROPPED);
    line->sequence = number_of(fields, FIELD_SEQUENCE);
    line->pid = number_of(fields, FIELD_PID);
    line->process = text_of(fields, FIELD_PROCESS, 79, kept, line);
    line->entity = text_of(fields, FIELD_ENTITY, 63, kept, line);
    if (REPORT_IS(raw(fields, FIELD_ACTION), "client-certificate")) {
        take_decision(fields, kept, line);
    } else {
        line->kind = REPORT_EVENT;
    }
    return line->kind != REPORT_FOREIGN;
}

/* --- the journal --- */

static bool is_in(struct report_text name, const char *lines)
{
    for (const char *at = lines; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        if (report_text_is(name, at, strcspn(at, "\n"))) {
            return true;
        }
    }
    return false;
}

static bool is_service(struct report_text unit)
{
    static const char end[] = ".service";
    size_t len = sizeof end - 1;

    return unit.len >= len && memcmp(unit.data + unit.len - len, end, len) == 0 &&
           (unit.len < 5 || memcmp(unit.data, "user@", 5) != 0);
}

/*
 * Fields that begin with "_" are set by journald from what the kernel told it of the writer; nobody can send them
 * (systemd.journal-fields(7), trusted journal fields).
 */
static void take_journal(const struct report_fields *fields, const char *units, struct report_line *line)
{
    struct report_text pid = raw(fields, FIELD_JOURNAL_PID);
    char own[24];
    int len;

    line->exported = said(fields, FIELD_JOURNAL_PID) && said(fields, FIELD_CURSOR);
    line->unvouched = line->exported ? NULL : "not an entry of the journal";
    line->unit = text_of(fields, FIELD_UNIT, 255, true, line);
    line->program = text_of(fields, FIELD_EXE, 159, true, line);
    line->user = text_of(fields, FIELD_UID, 15, true, line);
    if (!line->exported) {
        return;
    }
    len = snprintf(own, sizeof own, "%llu", (unsigned long long)line->pid);
    if (!is_service(line->unit)) {
        line->unvouched = "from the journal, and not written by a service of the system";
    } else if (units != NULL && !is_in(line->unit, units)) {
        line->unvouched = "from the journal, and not written by a service that --unit names";
    } else if (!report_text_is(pid, own, (size_t)len)) { /* the process that wrote is not the one that it speaks of */
        line->unvouched = "from the journal, and written by another process than they speak of";
    }
}

struct reading {
    enum report_input from;
    const char *units;
    struct report_line *line;
};

static void take_entry(const struct report_fields *outer, const struct reading *reading)
{
    if (reading->from == REPORT_FROM_JOURNAL) {
        take_journal(outer, reading->units, reading->line);
    } else {
        reading->line->unvouched = "from the journal, and not given with --journal";
    }
}

static void begin_fields(struct report_fields *fields, struct report_line *line)
{
    memset(fields, 0, sizeof *fields);
    fields->unknown_logs = line->unknown_logs;
}

/* --- by the scanner --- */

enum outcome { NOT_TAKEN, FOREIGN, OURS };

static enum outcome scan_object(struct ct_bytes text, struct report_line *line)
{
    struct report_fields fields;

    begin_fields(&fields, line);
    if (!report_scan(text, &fields)) {
        return NOT_TAKEN;
    }
    line->straight = true;
    return take_fields(&fields, false, line) ? OURS : FOREIGN;
}

/* Depth is one: what is in a journal's MESSAGE is not unwrapped again. */
static enum outcome scan_text(struct ct_bytes text, const struct reading *reading)
{
    static _Thread_local char message[REPORT_LINE_MAX];
    struct report_fields fields;
    struct report_text inner;
    enum outcome outcome;

    begin_fields(&fields, reading->line);
    if (!report_scan(text, &fields)) {
        return NOT_TAKEN;
    }
    if (!said(&fields, FIELD_MESSAGE)) {
        reading->line->straight = true;
        return take_fields(&fields, false, reading->line) ? OURS : FOREIGN;
    }
    inner = raw(&fields, FIELD_MESSAGE);
    if (fields.of[FIELD_MESSAGE].escaped) {
        inner = (struct report_text){ message, report_unescape(inner, message) };
    }
    outcome = scan_object((struct ct_bytes){ (const uint8_t *)inner.data, inner.len }, reading->line);
    if (outcome != NOT_TAKEN) {
        take_entry(&fields, reading);
    }
    return outcome;
}

/* --- by the library --- */

static void set_text(struct report_fields *fields, enum report_field_name name, const json_t *value)
{
    if (json_is_string(value)) {
        fields->of[name].type = FIELD_TEXT;
        fields->of[name].text = (struct report_text){ json_string_value(value), json_string_length(value) };
    } else if (json_is_integer(value) && json_integer_value(value) >= 0) {
        fields->of[name].type = FIELD_NUMBER;
        fields->of[name].number = (uint64_t)json_integer_value(value);
    } else if (json_is_true(value)) {
        fields->of[name].type = FIELD_TRUE;
    }
}

static struct report_text json_text(const json_t *value)
{
    return (struct report_text){ json_is_string(value) ? json_string_value(value) : "", json_string_length(value) };
}

static const char *const names[FIELD_COUNT] = {
    [FIELD_TIMESTAMP] = "@timestamp",
    [FIELD_MODULE] = "event.module",
    [FIELD_ACTION] = "event.action",
    [FIELD_SEQUENCE] = "event.sequence",
    [FIELD_PID] = "process.pid",
    [FIELD_PROCESS] = "process.name",
    [FIELD_ENTITY] = "process.entity_id",
    [FIELD_DROPPED] = "clientct.dropped",
    [FIELD_HASH] = "tls.client.hash.sha256",
    [FIELD_SUBJECT] = "tls.client.subject",
    [FIELD_ISSUER] = "tls.client.issuer",
    [FIELD_SERIAL] = "tls.client.x509.serial_number",
    [FIELD_NOT_AFTER] = "tls.client.not_after",
    [FIELD_NOT_AFTER_9] = "tls.client.x509.not_after",
    [FIELD_CHAIN] = "clientct.chain",
    [FIELD_VERDICT] = "clientct.verdict",
    [FIELD_WOULD_BE] = "clientct.would_be",
    [FIELD_REASON] = "clientct.reason",
    [FIELD_SHADOW_POLICY] = "clientct.shadow.policy",
    [FIELD_SHADOW_COMPLIANT] = "clientct.shadow.compliant",
    [FIELD_MESSAGE] = "MESSAGE",
    [FIELD_CURSOR] = "__CURSOR",
    [FIELD_UNIT] = "_SYSTEMD_UNIT",
    [FIELD_JOURNAL_PID] = "_PID",
    [FIELD_EXE] = "_EXE",
    [FIELD_UID] = "_UID",
};

static void fields_of(const json_t *object, struct report_line *line, struct report_fields *fields)
{
    const json_t *usages = json_object_get(object, "clientct.extended_key_usage");
    const json_t *element;
    size_t i;

    begin_fields(fields, line);
    for (size_t name = 0; name < FIELD_COUNT; name++) {
        if (names[name] != NULL) {
            set_text(fields, (enum report_field_name)name, json_object_get(object, names[name]));
        }
    }
    element = json_array_get(json_object_get(object, "tls.client.x509.alternative_names"), 0);
    if (json_is_string(element)) {
        set_text(fields, FIELD_FIRST_NAME, element);
    }
    fields->usages = json_is_array(usages) ? REPORT_USAGE_SAID : 0;
    json_array_foreach(usages, i, element)
    {
        if (json_is_string(element)) {
            report_add_usage(fields, json_text(element));
        }
    }
    json_array_foreach(json_object_get(object, "clientct.scts"), i, element)
    {
        report_add_sct(fields, json_text(json_object_get(element, "status")),
                       json_text(json_object_get(element, "log_id")));
    }
}

static bool parse_object(struct ct_bytes text, struct report_line *line)
{
    json_t *object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    struct report_fields fields;
    bool ours;

    fields_of(object, line, &fields);
    ours = take_fields(&fields, true, line);
    json_decref(object);
    return ours;
}

static bool parse_text(struct ct_bytes text, const struct reading *reading)
{
    json_t *object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    struct report_fields fields;
    bool ours;

    fields_of(object, reading->line, &fields);
    if (said(&fields, FIELD_MESSAGE)) {
        struct report_text inner = raw(&fields, FIELD_MESSAGE);

        ours = parse_object((struct ct_bytes){ (const uint8_t *)inner.data, inner.len }, reading->line);
        take_entry(&fields, reading);
    } else {
        ours = take_fields(&fields, true, reading->line);
    }
    json_decref(object);
    return ours;
}

/* --- a line --- */

/* The last place where a line of ours begins, for the torn beginning of another one may stand before it. */
static const uint8_t *last_beginning(struct ct_bytes text)
{
    const uint8_t *found = NULL;
    const uint8_t *at = text.data;
    const uint8_t *next;

    while ((next = memmem(at, text.len - (size_t)(at - text.data), BEGINNING, strlen(BEGINNING))) != NULL) {
        found = next;
        at = next + 1;
    }
    return found;
}

static void read_line(struct ct_bytes text, const struct reading *reading, bool straight)
{
    struct report_line *line = reading->line;
    enum outcome outcome = NOT_TAKEN;
    const uint8_t *begin;

    memset(line, 0, offsetof(struct report_line, unknown_logs));
    line->room_used = 0;
    line->unvouched = reading->from == REPORT_FROM_ANYBODY   ? "from an input that others may write"
                      : reading->from == REPORT_FROM_JOURNAL ? "not an entry of the journal"
                                                             : NULL;
    if (text.len == 0 || text.len > REPORT_LINE_MAX) {
        return;
    }
    outcome = straight ? scan_text(text, reading) : NOT_TAKEN;
    if (outcome == NOT_TAKEN) {
        line->straight = false;
        line->room_used = 0;
        outcome = parse_text(text, reading) ? OURS : FOREIGN;
    }
    begin = outcome == OURS ? NULL : last_beginning(text);
    if (begin == NULL || begin == text.data || line->exported) {
        return;
    }
    if (text.data[0] != '{' && line->unvouched == NULL) {
        line->unvouched = "with a head as syslog writes it, and syslog takes lines from anybody";
    }
    text = (struct ct_bytes){ begin, text.len - (size_t)(begin - text.data) };
    line->room_used = 0;
    if (!straight || scan_object(text, line) == NOT_TAKEN) {
        line->straight = false;
        line->room_used = 0;
        (void)parse_object(text, line);
    }
}

void report_read(struct ct_bytes text, enum report_input from, const char *units, struct report_line *line)
{
    const struct reading reading = { from, units, line };

    read_line(text, &reading, true);
}

void report_read_by_library(struct ct_bytes text, enum report_input from, const char *units, struct report_line *line)
{
    const struct reading reading = { from, units, line };

    read_line(text, &reading, false);
}
