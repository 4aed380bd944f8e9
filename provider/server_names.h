/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names that a client asks for by SNI may change within one connection: in the ClientHello after a
 * HelloRetryRequest (TLS 1.3), and with each renegotiation (TLS 1.2). Servers act on the one that they saw when they
 * looked, libssl tells the last one. So all are noted, and the checker is asked about all of them.
 */
#ifndef CT_SERVER_NAMES_H
#define CT_SERVER_NAMES_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* Notes the name of the ClientHello that is being read. False when memory is short. */
bool ct_server_names_note(SSL *ssl);

/* Fills in server_name, the last one, and shown_server_names. They live until the next ClientHello. */
void ct_server_names_get(const SSL *ssl, struct clientct_input *input);

#endif
