/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a line that the report looks at, however they were found: by the scanner, which takes lines as we write
 * them, or by the library, which takes any JSON. What they mean is decided once, in read.c.
 */
#ifndef CT_TOOL_REPORT_FIELDS_H
#define CT_TOOL_REPORT_FIELDS_H

#include "tool/report/line.h"

enum report_field_name {
    FIELD_TIMESTAMP,
    FIELD_MODULE,
    FIELD_ACTION,
    FIELD_SEQUENCE,
    FIELD_PID,
    FIELD_PROCESS,
    FIELD_ENTITY,
    FIELD_DROPPED,
    FIELD_HASH,
    FIELD_SUBJECT,
    FIELD_FIRST_NAME, /* the first of tls.client.x509.alternative_names */
    FIELD_ISSUER,
    FIELD_SERIAL,
    FIELD_NOT_AFTER,
    FIELD_NOT_AFTER_9, /* under its name of ECS 9 */
    FIELD_CHAIN,
    FIELD_VERDICT,
    FIELD_WOULD_BE,
    FIELD_REASON,
    FIELD_SHADOW_POLICY,
    FIELD_SHADOW_COMPLIANT,
    /* of an entry of the journal */
    FIELD_MESSAGE,
    FIELD_CURSOR,
    FIELD_UNIT,
    FIELD_JOURNAL_PID,
    FIELD_EXE,
    FIELD_UID,
    FIELD_COUNT,
    FIELD_USAGES = FIELD_COUNT, /* arrays, which have places of their own below */
    FIELD_SCTS,
    FIELD_NONE /* known, and not looked at */
};

enum report_field_type { FIELD_ABSENT, FIELD_TEXT, FIELD_NUMBER, FIELD_TRUE, FIELD_OTHER };

struct report_field {
    enum report_field_type type;
    bool escaped;            /* a text with escapes of one character, such as \" or \t, still in it */
    struct report_text text; /* between the quotes */
    uint64_t number;         /* an integer that is not negative */
};

struct report_fields {
    struct report_field of[FIELD_COUNT];
    unsigned usages;
    size_t unknown_log_count;
    uint8_t (*unknown_logs)[32]; /* REPORT_LOGS_MAX of them, of the line */
};

/* 32 bytes of 64 hexadecimal digits. */
bool report_bytes_of(struct report_text hex, uint8_t out[32]) CT_MUST_USE;
/* Adds what one extended key usage says, by its short name or its number. */
void report_add_usage(struct report_fields *fields, struct report_text usage);
/* An SCT of a log that is not in the list adds the log; others add nothing. */
void report_add_sct(struct report_fields *fields, struct report_text status, struct report_text log_id);

/*
 * The straight path, scan.c: one pass over an object in the form in which we write it (and journald its entries):
 * without blanks, objects only in the array of SCTs, integers up to 18 digits, no \u. False: it is in another form or
 * no JSON at all, the library has to say, and `fields` are worth nothing.
 */
bool report_scan(struct ct_bytes text, struct report_fields *fields) CT_MUST_USE;
/* Without escapes; `to` has room for the text. Returns the length. */
size_t report_unescape(struct report_text text, char *to);

#endif
