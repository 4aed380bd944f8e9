/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor -- PROGRAM: before it is started. */
#ifndef CT_TOOL_BEFORE_H
#define CT_TOOL_BEFORE_H

#include "tool/doctor/findings.h"
#include "tool/doctor/program.h"

struct doctor_before {
    const char *command;
    const char *config;               /* the clientct.cnf that is meant; NULL: as openssl.cnf says */
    const char *library;              /* a file that brings OpenSSL into the program later; NULL: none */
    const char *config_name;          /* the key of openssl.cnf that the program looks for; NULL: as is known of it */
    const char *good_cert, *good_key; /* of a client that must get in, the chain behind it; NULL: none */
};

void doctor_before_start(struct doctor *doctor, const struct doctor_before *before, const struct doctor_start *start);

#endif
