/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence/proxy.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool is_proxy(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & EXFLAG_PROXY) != 0;
}

/*
 * By the holder of the next certificate, and by no CA, whatever the application has made of the chain: anybody can name
 * the holder of a logged certificate as his issuer.
 */
static bool is_signed_by(X509 *certificate, X509 *next)
{
    EVP_PKEY *key = X509_get0_pubkey(next);

    return key != NULL && X509_check_ca(next) == 0 && X509_verify(certificate, key) == 1;
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

const struct clientct_input *ct_proxied_begin(const struct clientct_input *input, struct ct_proxied *room)
{
    int proxies;

    room->chain = NULL;
    ERR_set_mark(); /* libcrypto may read the certificate here for the first time: the caller is to find no errors */
    proxies = input->leaf != NULL ? proxies_before(input->leaf, input->chain) : 0;
    ERR_pop_to_mark();
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
