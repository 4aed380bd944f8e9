/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates piece by piece: shared by the files that mint CAs, leaves and OCSP responses. */
#ifndef PKI_X509_PARTS_H
#define PKI_X509_PARTS_H

#include "pki.h"

void pki_set_time(ASN1_TIME *to, int64_t at_ms);
/* Unsigned, without extensions; `issuer` NULL: self-issued. */
X509 *pki_new_certificate(const char *cn, EVP_PKEY *key, X509 *issuer, int64_t not_before_ms, int64_t not_after_ms);
/* `value` in the notation of x509v3_config(5) */
void pki_add_config_extension(X509 *certificate, X509 *issuer, int nid, const char *value);
void pki_sign_certificate(X509 *certificate, EVP_PKEY *key);

#endif
