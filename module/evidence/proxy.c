/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/proxy.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Not by its flags, for which libcrypto would keep all extensions of a certificate that it has not verified. */
static bool is_proxy(const X509 *certificate)
{
    return X509_get_ext_by_NID(certificate, NID_proxyCertInfo, -1) >= 0;
}

/*
 * By the holder of the next certificate, and by no CA, whatever the application has made of the chain: anybody can name
 * the holder of a logged certificate as his issuer.
 */
static bool is_signed_by(X509 *certificate, X509 *next)
{
    EVP_PKEY *key;
    bool is;

    ERR_set_mark();
    key = X509_get0_pubkey(next);
    is = key != NULL && X509_check_ca(next) == 0 && X509_verify(certificate, key) == 1;
    ERR_pop_to_mark();
    return is;
}

/* How many the chain begins with; negative: it cannot be told. */
static int proxies_before(X509 *leaf, const STACK_OF(X509) *chain)
{
    X509 *certificate = leaf;
    int count = 0;

    while (is_proxy(certificate)) {
        X509 *next = count + 1 < sk_X509_num(chain) ? sk_X509_value(chain, count + 1) : NULL;

        if (next == NULL || !is_signed_by(certificate, next)) {
            return -1;
        }
        certificate = next;
        count++;
    }
    return count;
}

/* Cheap: a proxy's name is its maker's, and one part more (RFC 3820, 3.4). */
static bool is_known_for_none(const X509 *certificate)
{
    return X509_NAME_entry_count(X509_get_subject_name(certificate)) !=
           X509_NAME_entry_count(X509_get_issuer_name(certificate)) + 1;
}

const struct clientct_input *ct_proxied_begin(const struct clientct_input *input, bool again, struct ct_proxied *room)
{
    bool none = input->leaf == NULL || (again && is_known_for_none(input->leaf));
    int proxies = none ? 0 : proxies_before(input->leaf, input->chain);

    room->chain = NULL;
    if (proxies == 0) {
        return input;
    }
    if (proxies < 0 || (room->chain = sk_X509_dup(input->chain)) == NULL) {
        return NULL;
    }
    for (int i = 0; i < proxies; i++) {
        (void)sk_X509_shift(room->chain);
    }
    room->input = *input;
    room->input.leaf = sk_X509_value(room->chain, 0);
    room->input.chain = room->chain;
    return &room->input;
}

void ct_proxied_end(struct ct_proxied *room)
{
    sk_X509_free(room->chain);
}
