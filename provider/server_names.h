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

/* Takes an ex_data index. Call once a process; false when memory is short. */
bool ct_server_names_register(void);

/*
 * From now on the names that connections of `ctx` show are noted. It is done by wrapping the security callback, which
 * libssl asks for the groups and ciphers of each ClientHello, after it has read the name; applications, unlike with
 * message callbacks, hardly ever have one of their own.
 */
void ct_server_names_watch(SSL_CTX *ctx);

/* Fills in server_name, the last one, and shown_server_names. They live until the next ClientHello. */
void ct_server_names_get(SSL *ssl, struct clientct_input *input);

#endif
