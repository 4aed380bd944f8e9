/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a certificate carries beside its subject (RFC 5280, section 4.2.1.6, subjectAltName). */
#ifndef CT_NAMES_H
#define CT_NAMES_H

#include <openssl/x509.h>

#include "base/bytes.h"

#define CT_NAME_MAX 288 /* bytes of one name in text; longer ones are cut */

/*
 * `name` is such as "uri:spiffe://td.example/pay", "dns:a.example", "email:a@example" or "ip:192.0.2.1"; it has no NUL
 * at its end, and may have any bytes in it.
 */
typedef void (*ct_name_fn)(void *arg, const char *name, size_t len);

/*
 * Calls `each` for at most `most` of the names of the kinds above, in the certificate's order; others are passed over.
 * The bytes are as the certificate has them: escape them where they are shown. How many names there were. No memory is
 * allocated.
 */
size_t ct_each_alternative_name(const X509 *certificate, size_t most, ct_name_fn each, void *arg);

#endif
