/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of the audit says: clientct-audit(5) lists the fields, and a test holds both together. */
#ifndef CT_AUDIT_RECORD_H
#define CT_AUDIT_RECORD_H

#include <sys/types.h>

#include <clientct/clientct.h>

#include "record/audit_writer.h"

/* SCTs described in a line, as far as they fit; clientct.sct_count has their number. */
#define CT_AUDIT_SCTS_MAX 16u

/* As syslog numbers them (RFC 5424, 6.2.1). */
enum ct_audit_priority { CT_AUDIT_WARNING = 4, CT_AUDIT_NOTICE = 5, CT_AUDIT_INFO = 6 };

/* What every line says of itself. */
struct ct_audit_origin {
    int64_t now_ms;
    uint64_t sequence;
    uint64_t dropped; /* lines lost since the one before; 0 is not said */
    pid_t pid;
    uint64_t id; /* of the process: ct_self_id */
    const char *process;
    const char *host; /* NULL: not known */
};

struct ct_audit_line {
    char text[CT_AUDIT_LINE_MAX]; /* with a newline, without NUL */
    size_t len;                   /* 0: there is no line */
    enum ct_audit_priority priority;
    bool wants_fields; /* set by the caller */
    char fields[512];  /* the same in short as journal fields: NAME=value\n each */
    size_t fields_len;
};

void ct_audit_decision_line(const struct ct_audit_origin *origin, const struct clientct_input *input,
                            const struct clientct_verdict *verdict, uint64_t elapsed_ns, struct ct_audit_line *line);
void ct_audit_event_line(const struct ct_audit_origin *origin, const char *action, bool success, const char *text,
                         uint64_t generation, struct ct_audit_line *line);

#endif
