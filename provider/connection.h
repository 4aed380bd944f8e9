/*
 * What we keep on a connection: the SCTs that came in the client's TLS 1.3
 * Certificate message, from its arrival until the client has proved that it has
 * the key: until then an application may have the chain verified once more.
 */
#ifndef CT_CONNECTION_H
#define CT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

/*
 * An ex_data index for SSL objects that applications do not use without asking; negative when memory is short. Not for
 * two threads at once.
 */
int ct_connection_new_index(CRYPTO_EX_free *on_free);

/* Takes an ex_data index for it. Call once a process; false when memory is short. */
bool ct_connection_register(void);

/* Copies the extension's bytes, in place of what an earlier message brought. False when memory is short. */
bool ct_connection_set1_scts(SSL *ssl, const uint8_t *bytes, size_t len);

/* The bytes that this handshake brought, or NULL and 0. They live until the next set1 or forget. */
const uint8_t *ct_connection_get0_scts(const SSL *ssl, size_t *len);

/* Frees what is kept on the connection, if anything. */
void ct_connection_forget(SSL *ssl);

#endif
