/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over DTLS 1.2: both ends in this process, on loopback. Failures end the case. */
#ifndef CT_TEST_DATAGRAMS_H
#define CT_TEST_DATAGRAMS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes a session of the kind (ticket or ID) for NAME, then writes the configuration anew where `changes` is not
 * empty and lets time pass; whether the session is resumed for `name`.
 */
bool resumed_over_datagrams(const char *name, const char *changes, int64_t seconds);

#endif
