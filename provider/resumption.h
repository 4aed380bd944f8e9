/* Keeps a session from outliving the policy under which its client was let in. */
#ifndef CT_RESUMPTION_H
#define CT_RESUMPTION_H

#include <openssl/ssl.h>

/*
 * Makes the connection's session one that cannot be resumed, by ticket or by
 * session ID, TLS 1.2 or 1.3: a resumed handshake skips certificate
 * verification. Touches none of the application's callbacks.
 */
void ct_resumption_refuse(SSL *ssl);

#endif
