/* SPDX-License-Identifier: Apache-2.0 */
/* One signature check: SHA-256 with the log key's own algorithm (RFC 6962, section 2.1.4). */
#ifndef CT_SIGNATURE_H
#define CT_SIGNATURE_H

#include "logs/log.h"

enum ct_signature_result {
    CT_SIGNATURE_OK,
    CT_SIGNATURE_BAD,
    CT_SIGNATURE_FAILED /* could not be checked: memory, or the key does not decode */
};

/*
 * Whether the SCT's algorithm bytes are SHA-256 and the log key's algorithm, and its signature has that
 * algorithm's form (strict DER for ECDSA; for RSA the check itself compares lengths). Costs no public-key operation.
 */
bool ct_signature_plausible(const struct ct_log *log, const struct ct_sct *sct) CT_MUST_USE;
enum ct_signature_result ct_signature_check(const struct ct_log *log, const uint8_t digest[32],
                                            struct ct_bytes signature) CT_MUST_USE;

/*
 * For a program that judges the same certificates many times, by several settings or at several times: from now on the
 * last results are remembered, and a signature that was checked is not checked again. Never in a server, and not with
 * threads. False: memory is short.
 */
bool ct_signature_remember(void) CT_MUST_USE;

#endif
