/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --pid: a running process, and all that it has started. */
#ifndef CT_TOOL_PROCESS_H
#define CT_TOOL_PROCESS_H

#include <sys/types.h>

#include "tool/doctor/findings.h"

/* `config`: the clientct.cnf that is meant; NULL: whichever it says. */
void doctor_process(struct doctor *doctor, pid_t pid, const char *config);

#endif
