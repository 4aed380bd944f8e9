/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of the audit says of the client's certificate, under the names of ECS (tls.client, x509). */
#ifndef CT_AUDIT_CERTIFICATE_H
#define CT_AUDIT_CERTIFICATE_H

#include <openssl/x509.h>

#include "record/audit_writer.h"

/* Who it is, which certificate and until when: in every line. */
void ct_audit_put_certificate(struct ct_audit_writer *w, const X509 *leaf);
/*
 * Usages, alternative names, key, the parts of subject and issuer, as far as there is room: `reserve` bytes of the line
 * stay free. A field that does not fit is left out whole.
 */
void ct_audit_put_more_of_certificate(struct ct_audit_writer *w, const X509 *leaf, size_t reserve);

#endif
