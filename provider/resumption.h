/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a session from outliving the verdict about its client. */
#ifndef CT_RESUMPTION_H
#define CT_RESUMPTION_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* To be called once, before the others. False: memory is short. */
bool ct_resumption_prepare(void);

/*
 * Decides whether the session of a full handshake can be resumed, when its verdict has been made, and makes it one
 * that cannot where that is so: by ticket or by session ID, in TLS 1.2 or 1.3. A resumed handshake skips certificate
 * verification. Neither does it outlive the certificates of `input`, for which the verdict was made. Touches none of
 * the application's callbacks.
 */
enum clientct_session ct_resumption_settle(SSL *ssl, const struct clientct_verdict *verdict,
                                           const struct clientct_input *input);

/* Makes the session one that cannot be resumed: where there is no verdict, or none that could last. */
void ct_resumption_refuse(SSL *ssl);

#endif
