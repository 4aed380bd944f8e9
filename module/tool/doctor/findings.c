/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/doctor/findings.h"
#include "tool/tool.h"

static const struct {
    const char *name;
    const char *answer; /* where this is the worst that was found; NULL: it is none */
    enum tool_style style;
    int code;
} rows[DOCTOR_STATUS_COUNT] = {
    [DOCTOR_GOOD] = { "good", "on", TOOL_GOOD, TOOL_YES },
    [DOCTOR_NOTE] = { "note", NULL, TOOL_DIM, TOOL_UNDECIDED },
    [DOCTOR_WATCHES] = { "watches", "only watches", TOOL_CAUTION, DOCTOR_EXIT_WATCHES },
    [DOCTOR_UNKNOWN] = { "unknown", "could not tell", TOOL_CAUTION, TOOL_UNDECIDED },
    [DOCTOR_DENIES] = { "denies", "refuses everybody", TOOL_BAD, DOCTOR_EXIT_DENIES },
    [DOCTOR_BAD] = { "bad", "not on", TOOL_BAD, TOOL_NO },
};

int doctor_status_of(const char *name)
{
    for (int i = 0; i < DOCTOR_STATUS_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

void doctor_say(struct doctor *doctor, enum doctor_status status, const char *check, const char *format, ...)
{
    char *text = NULL;
    json_t *one = tool_json_object();
    va_list list;

    va_start(list, format);
    if (vasprintf(&text, format, list) < 0) {
        tool_out_of_memory();
    }
    va_end(list);
    doctor->counts[status]++;
    tool_json_set(one, "check", tool_json_text(check));
    tool_json_set(one, "status", tool_json_text(rows[status].name));
    tool_json_set(one, "text", tool_json_text(text));
    tool_json_append(doctor->findings, one);
    if (!doctor->json) {
        tool_put(rows[status].style, "%-8s", rows[status].name);
        tool_put(TOOL_PLAIN, "%-12s %s", check, text);
        tool_end_line();
        fflush(stdout); /* children are about to be forked */
    }
    free(text);
}

int doctor_conclude(struct doctor *doctor)
{
    size_t worst = DOCTOR_STATUS_COUNT - 1;

    while (worst > 0 && (doctor->counts[worst] == 0 || rows[worst].answer == NULL)) {
        worst--;
    }
    if (worst == DOCTOR_GOOD && doctor->counts[DOCTOR_GOOD] == 0) {
        worst = DOCTOR_UNKNOWN; /* nothing was seen */
    }
    if (doctor->json) {
        json_t *out = tool_json_object();
        tool_json_set(out, "answer", tool_json_text(rows[worst].answer));
        tool_json_set(out, "findings", json_incref(doctor->findings));
        tool_json_print(out);
    } else {
        tool_put(rows[worst].style, "%s", rows[worst].answer);
        tool_end_line();
    }
    json_decref(doctor->findings);
    return doctor->accepted[worst] ? (int)TOOL_YES : rows[worst].code;
}
