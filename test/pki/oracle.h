/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's own Certificate Transparency as a second opinion on what is minted and on what the module decides. */
#ifndef PKI_ORACLE_H
#define PKI_ORACLE_H

#include <openssl/ct.h>

#include "pki.h"

struct pki_oracle {
    CTLOG_STORE *store;
};

/* Knows these logs. Cleared with pki_oracle_clear. */
void pki_oracle_new(struct pki_oracle *oracle, const struct pki_log *const *logs, size_t count);
void pki_oracle_clear(struct pki_oracle *oracle);

#define PKI_OPINION_MAX 32
/* What libcrypto thinks. */
struct pki_opinion {
    bool parsed;  /* there is a list and libcrypto takes it */
    int validate; /* what SCT_LIST_validate returned */
    size_t count; /* SCTs in the list */
    sct_validation_status_t statuses[PKI_OPINION_MAX];
};

/* The embedded list. `issuer` NULL: unknown. */
void pki_oracle_embedded(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, int64_t at_ms,
                         struct pki_opinion *opinion);
/* A list as it comes over TLS, and one that comes as `source` says. */
void pki_oracle_tls(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *list,
                    int64_t at_ms, struct pki_opinion *opinion);
void pki_oracle_list(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *list,
                     sct_source_t source, int64_t at_ms, struct pki_opinion *opinion);
/* The list of the first singleExtension in an OCSPResponse; its signature is not checked. */
void pki_oracle_ocsp(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *response,
                     int64_t at_ms, struct pki_opinion *opinion);

#endif
