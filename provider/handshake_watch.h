/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we do in a handshake besides verification, by way of the security callback: libssl asks it for the version when
 * a handshake begins, and again when a ClientHello is there and its session has not been looked for; for the groups
 * and ciphers of each ClientHello, after it has read the server's name; and for the signature of each
 * CertificateVerify. Applications, unlike with message callbacks, hardly ever have one of their own.
 */
#ifndef CT_HANDSHAKE_WATCH_H
#define CT_HANDSHAKE_WATCH_H

#include <openssl/ssl.h>

/*
 * From now on, with the connections of `ctx`: it is settled which session can be resumed, names are noted, and a
 * client whose chain was verified past us, by whatever means, is judged before its CertificateVerify is believed.
 */
void ct_handshake_watch(SSL_CTX *ctx);

#endif
