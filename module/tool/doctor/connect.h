/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --connect: a server from outside. */
#ifndef CT_TOOL_CONNECT_H
#define CT_TOOL_CONNECT_H

#include "tool/doctor/findings.h"

struct doctor_connect {
    const char *address;              /* HOST:PORT */
    const char *cert, *key;           /* of a client that no log knows: must not get in */
    const char *good_cert, *good_key; /* of a client that must get in; NULL: none */
};

/* Ends within half a minute. */
void doctor_connect(struct doctor *doctor, const struct doctor_connect *connect);

#endif
