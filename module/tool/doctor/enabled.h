/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --enabled: all services that `clientct enable` has put under clientct. */
#ifndef CT_TOOL_ENABLED_H
#define CT_TOOL_ENABLED_H

#include <stddef.h>

/* Looks at one unit; the answer is an exit status of `doctor`. */
typedef int doctor_ask(void *context, const char *unit);

/*
 * Asks about each, by name. `write` (NULL: no) gets the answers for Prometheus. Returns 0 when all answers are, else
 * the most urgent: not on, refuses everybody, could not tell (also where no service is enabled), only watches.
 */
int doctor_enabled(doctor_ask *ask, void *context, const char *write);

#endif
