/* SPDX-License-Identifier: Apache-2.0 */
/* The chain for a verdict, from the certificates that were given: the evidence is only as good as its issuer. */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "tool/tool.h"

/* Leaf, root and what OpenSSL's default depth limit lets a server verify between them; real chains have four. */
#define CHAIN_MAX 102

int tool_issued(X509 *subject, X509 *issuer)
{
    int why = X509_check_issued(issuer, subject);
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    if (why == X509_V_OK && (key == NULL || X509_verify(subject, key) != 1)) {
        why = key == NULL ? X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY : X509_V_ERR_CERT_SIGNATURE_FAILURE;
    }
    ERR_clear_error();
    return why;
}

X509 *tool_unreadable_issuer(X509 *subject, STACK_OF(X509) *candidates)
{
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        X509 *candidate = sk_X509_value(candidates, i);
        bool named = X509_NAME_cmp(X509_get_subject_name(candidate), X509_get_issuer_name(subject)) == 0;
        bool readable = X509_get0_pubkey(candidate) != NULL;

        ERR_clear_error();
        if (named && !readable) {
            return candidate;
        }
    }
    return NULL;
}

char *tool_unreadable_issuer_text(const X509 *issuer)
{
    char *name = tool_name(X509_get_subject_name(issuer));
    char *text = tool_format("this %s cannot read the public key of \"%s\", so that nobody here can tell whether it "
                             "issued this certificate; ask where OpenSSL is newer",
                             OpenSSL_version(OPENSSL_VERSION), name);

    free(name);
    return text;
}

static bool push_retained(STACK_OF(X509) *chain, X509 *certificate)
{
    if (X509_up_ref(certificate) != 1) {
        return false;
    }
    if (sk_X509_push(chain, certificate) <= 0) {
        X509_free(certificate);
        return false;
    }
    return true;
}

static X509 *find_issuer(STACK_OF(X509) *candidates, X509 *subject)
{
    for (int i = 0; i < sk_X509_num(candidates); i++) {
        X509 *candidate = sk_X509_value(candidates, i);
        if (X509_cmp(candidate, subject) != 0 && tool_issued(subject, candidate) == X509_V_OK) {
            return candidate;
        }
    }
    return NULL;
}

STACK_OF(X509) *tool_chain_build(X509 *leaf, STACK_OF(X509) *candidates)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (chain == NULL || !push_retained(chain, leaf)) {
        tool_out_of_memory();
    }
    for (X509 *top = leaf; sk_X509_num(chain) < CHAIN_MAX && tool_issued(top, top) != X509_V_OK;) {
        top = find_issuer(candidates, top);
        if (top == NULL) {
            break;
        }
        if (!push_retained(chain, top)) {
            tool_out_of_memory();
        }
    }
    return chain;
}
