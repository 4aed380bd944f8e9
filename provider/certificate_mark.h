/* SPDX-License-Identifier: Apache-2.0 */
/* A number by which a certificate is known again, where no harm comes of two that have the same. */
#ifndef CT_CERTIFICATE_MARK_H
#define CT_CERTIFICATE_MARK_H

#include <stdint.h>

#include <openssl/x509.h>

/* 0: none, for NULL or where libcrypto has no SHA-1. Costs what libcrypto does once for each certificate anyway. */
uint64_t ct_certificate_mark(X509 *certificate);

#endif
