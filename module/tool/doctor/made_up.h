/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: a CA that nobody knows, and certificates for a server and a client; no log has them. */
#ifndef CT_TOOL_MADE_UP_H
#define CT_TOOL_MADE_UP_H

#include <openssl/ssl.h>
#include <stdbool.h>

struct doctor_made_up {
    X509 *ca, *server, *client;
    EVP_PKEY *server_key, *client_key;
};

/* False when libcrypto cannot; then there is nothing to clear. */
bool doctor_make_up(struct doctor_made_up *made) __attribute__((warn_unused_result));
void doctor_made_up_clear(struct doctor_made_up *made);

#endif
