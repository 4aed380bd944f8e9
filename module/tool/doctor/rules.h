/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: rules that let some clients in without evidence, whatever becomes of the one that was made up. */
#ifndef CT_TOOL_DOCTOR_RULES_H
#define CT_TOOL_DOCTOR_RULES_H

#include "tool/doctor/findings.h"

/* Of the configuration of this name, as this user may read it; says nothing where there are none. */
void doctor_rules(struct doctor *doctor, const char *config_file);

#endif
