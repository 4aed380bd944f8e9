/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

void pki_oracle_new(struct pki_oracle *oracle, const struct pki_log *const *logs, size_t count)
{
    const char *dir = getenv("TMPDIR");
    char *path = pki_path(dir == NULL ? "/tmp" : dir, "/ctpki-oracle-XXXXXX");
    struct pki_listed_log *listed = calloc(count, sizeof *listed);
    int fd = mkstemp(path);

    if (listed == NULL || fd < 0) {
        pki_die("cannot make a temporary file");
    }
    close(fd);
    for (size_t i = 0; i < count; i++) {
        listed[i] = (struct pki_listed_log){ .log = logs[i], .description = "log" };
    }
    pki_write_log_list(path, PKI_FORMAT_OPENSSL, listed, count, INT64_MIN);
    oracle->store = CTLOG_STORE_new();
    if (oracle->store == NULL || CTLOG_STORE_load_file(oracle->store, path) != 1) {
        pki_die("libcrypto does not take the list of logs");
    }
    unlink(path);
    free(listed);
    free(path);
}

void pki_oracle_clear(struct pki_oracle *oracle)
{
    CTLOG_STORE_free(oracle->store);
    oracle->store = NULL;
}

/* Takes `scts` over. */
static void judge(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, STACK_OF(SCT) *scts,
                  sct_source_t source, int64_t at_ms, struct pki_opinion *opinion)
{
    CT_POLICY_EVAL_CTX *context = CT_POLICY_EVAL_CTX_new();

    *opinion = (struct pki_opinion){ 0 };
    if (context == NULL || CT_POLICY_EVAL_CTX_set1_cert(context, certificate) != 1 ||
        (issuer != NULL && CT_POLICY_EVAL_CTX_set1_issuer(context, issuer) != 1)) {
        pki_die("out of memory");
    }
    CT_POLICY_EVAL_CTX_set_shared_CTLOG_STORE(context, oracle->store);
    CT_POLICY_EVAL_CTX_set_time(context, (uint64_t)at_ms);
    if (scts != NULL) {
        opinion->parsed = true;
        opinion->count = (size_t)sk_SCT_num(scts);
        if (opinion->count > PKI_OPINION_MAX) {
            pki_die("the oracle looks at %d SCTs at most", PKI_OPINION_MAX);
        }
        for (int i = 0; i < sk_SCT_num(scts); i++) {
            /* Refuses to set the entry type of an SCT whose version it does not know. */
            (void)SCT_set_source(sk_SCT_value(scts, i), source);
        }
        opinion->validate = SCT_LIST_validate(scts, context);
        for (size_t i = 0; i < opinion->count; i++) {
            opinion->statuses[i] = SCT_get_validation_status(sk_SCT_value(scts, (int)i));
        }
    }
    SCT_LIST_free(scts);
    CT_POLICY_EVAL_CTX_free(context);
    ERR_clear_error();
}

void pki_oracle_embedded(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, int64_t at_ms,
                         struct pki_opinion *opinion)
{
    STACK_OF(SCT) *scts = X509_get_ext_d2i(certificate, NID_ct_precert_scts, NULL, NULL);

    judge(oracle, certificate, issuer, scts, SCT_SOURCE_X509V3_EXTENSION, at_ms, opinion);
}

void pki_oracle_list(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *list,
                     sct_source_t source, int64_t at_ms, struct pki_opinion *opinion)
{
    const unsigned char *bytes = list->data;
    STACK_OF(SCT) *scts = o2i_SCT_LIST(NULL, &bytes, list->len);

    judge(oracle, certificate, issuer, scts, source, at_ms, opinion);
}

void pki_oracle_tls(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *list,
                    int64_t at_ms, struct pki_opinion *opinion)
{
    pki_oracle_list(oracle, certificate, issuer, list, SCT_SOURCE_TLS_EXTENSION, at_ms, opinion);
}

void pki_oracle_ocsp(const struct pki_oracle *oracle, X509 *certificate, X509 *issuer, const struct pki_bytes *response,
                     int64_t at_ms, struct pki_opinion *opinion)
{
    const unsigned char *der = response->data;
    OCSP_RESPONSE *decoded = d2i_OCSP_RESPONSE(NULL, &der, (long)response->len);
    OCSP_BASICRESP *basic = decoded == NULL ? NULL : OCSP_response_get1_basic(decoded);
    OCSP_SINGLERESP *single = basic == NULL ? NULL : OCSP_resp_get0(basic, 0);
    STACK_OF(SCT) *scts = NULL;

    if (single == NULL) {
        pki_die("not an OCSP response");
    }
    scts = OCSP_SINGLERESP_get1_ext_d2i(single, NID_ct_cert_scts, NULL, NULL);
    judge(oracle, certificate, issuer, scts, SCT_SOURCE_OCSP_STAPLED_RESPONSE, at_ms, opinion);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(decoded);
}
