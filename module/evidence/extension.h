/* SPDX-License-Identifier: Apache-2.0 */
/* One extension of a certificate (RFC 5280, section 4.2), without building libcrypto's object of what is in it. */
#ifndef CT_EXTENSION_H
#define CT_EXTENSION_H

#include <openssl/x509.h>

#include "base/bytes.h"

enum ct_extension_found { CT_EXTENSION_NONE, CT_EXTENSION_FOUND, CT_EXTENSION_TWICE };

/* The contents of extnValue, borrowed from the certificate, of the extension whose OID has these content bytes. */
enum ct_extension_found ct_extension_find(const X509 *certificate, struct ct_bytes oid, struct ct_bytes *value);
/*
 * The same where the value is a SEQUENCE in DER: what is in it. CT_EXTENSION_TWICE also where it is something else:
 * it cannot be told what the extension says.
 */
enum ct_extension_found ct_extension_sequence(const X509 *certificate, struct ct_bytes oid, struct ct_bytes *content);

extern const struct ct_bytes ct_oid_alternative_names; /* 2.5.29.17, GeneralNames */
extern const struct ct_bytes ct_oid_usages;            /* 2.5.29.37, ExtKeyUsageSyntax */

#endif
