/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number by which a certificate is known again: 64 bits of its SHA-1. One that has the number of somebody else's can
 * hardly be found, and two of one's own only if a CA signs what one likes.
 */
#ifndef CT_CERTIFICATE_MARK_H
#define CT_CERTIFICATE_MARK_H

#include <stdint.h>

#include <openssl/x509.h>

/* 0: none, for NULL or where libcrypto has no SHA-1. Costs what libcrypto does once for each certificate anyway. */
uint64_t ct_certificate_mark(X509 *certificate);

#endif
