/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/alike.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tool/tool.h"

/* A CA certificate of this name among those behind the leaf, or NULL. */
static X509 *find_issuer(STACK_OF(X509) *certificates, const X509 *leaf)
{
    for (int i = 1; i < sk_X509_num(certificates); i++) {
        X509 *candidate = sk_X509_value(certificates, i);

        if (X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(leaf)) == 0) {
            return candidate;
        }
    }
    return NULL;
}

static int strength_of_signature(X509 *certificate)
{
    int bits = 0;

    (void)X509_get_signature_info(certificate, NULL, NULL, &bits, NULL);
    return bits;
}

static char *difference(STACK_OF(X509) *unlogged, STACK_OF(X509) *good)
{
    X509 *one = sk_X509_value(unlogged, 0), *other = sk_X509_value(good, 0);
    EVP_PKEY *key = X509_get0_pubkey(one), *other_key = X509_get0_pubkey(other);
    X509 *issuer = find_issuer(good, one);

    if (X509_NAME_cmp(X509_get_issuer_name(one), X509_get_issuer_name(other)) != 0) {
        return tool_format("another CA has issued it than the good one");
    }
    if (issuer != NULL && tool_issued(one, issuer) != X509_V_OK) {
        return tool_format("the CA behind the good one has not signed it");
    }
    if (X509_check_purpose(one, X509_PURPOSE_SSL_CLIENT, 0) != 1) {
        return tool_format("it is not for TLS clients, by its extensions");
    }
    if (key == NULL || other_key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_get_base_id(other_key)) {
        return tool_format("its key is of another kind than that of the good one");
    }
    if (EVP_PKEY_get_security_bits(key) < EVP_PKEY_get_security_bits(other_key) ||
        strength_of_signature(one) < strength_of_signature(other)) {
        return tool_format("its key or its signature is weaker than that of the good one");
    }
    return NULL;
}

char *doctor_difference(const char *unlogged, const char *good)
{
    STACK_OF(X509) *first = tool_read_certificates("the client's certificate", unlogged);
    STACK_OF(X509) *second = tool_read_certificates("the good certificate", good);
    char *text = first != NULL && second != NULL ? difference(first, second) : tool_format("it cannot be read");

    ERR_clear_error();
    tool_certificates_free(first);
    tool_certificates_free(second);
    return text;
}
