/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: what was seen, and the answer that it adds up to. */
#ifndef CT_TOOL_FINDINGS_H
#define CT_TOOL_FINDINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum doctor_status {
    DOCTOR_GOOD,
    DOCTOR_NOTE,    /* worth knowing, whatever the answer */
    DOCTOR_WATCHES, /* what should be refused is let in, and told: mode = report */
    DOCTOR_UNKNOWN, /* could not be seen */
    DOCTOR_DENIES,  /* what should be let in is refused */
    DOCTOR_BAD,     /* what should be refused is let in, or nothing can be served */
    DOCTOR_STATUS_COUNT
};

/* "good", "note", …; -1: there is no such status. */
int doctor_status_of(const char *name);

/* Exit codes; TOOL_YES, TOOL_NO, TOOL_USAGE and TOOL_UNDECIDED stand beside them. */
enum { DOCTOR_EXIT_DENIES = 4, DOCTOR_EXIT_WATCHES = 5 };

/* What has been found so far. */
struct doctor {
    json_t *findings; /* to be freed */
    bool json;
    size_t counts[DOCTOR_STATUS_COUNT];
    bool accepted[DOCTOR_STATUS_COUNT]; /* where this is the worst, exit with TOOL_YES all the same */
};

/* `check` is a stable name. Printed at once, unless JSON is wanted. */
void doctor_say(struct doctor *doctor, enum doctor_status status, const char *check, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Prints the answer, frees the findings, and returns the exit code. */
int doctor_conclude(struct doctor *doctor);

#endif
