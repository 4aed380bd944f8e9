/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --unit: a systemd service as its unit files describe it, with the manager running or not. */
#ifndef CT_TOOL_UNIT_H
#define CT_TOOL_UNIT_H

#include "tool/doctor/findings.h"
#include "tool/doctor/program.h"

struct doctor_unit {
    struct doctor_start start;
    char *command;  /* the program of ExecStart= */
    char *unseen;   /* settings by which files or rights may be others than were played; "": none */
    char *harmless; /* settings that are not played, and by which no client gets in; "": none */
};

/* False: doctor has been told why. */
bool doctor_unit_read(struct doctor *doctor, const char *name, struct doctor_unit *unit) CT_MUST_USE;
void doctor_unit_clear(struct doctor_unit *unit);

#endif
