/* SPDX-License-Identifier: Apache-2.0 */
#include "verified_elsewhere.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509_vfy.h>

#include "certificate_mark.h"

#define SETS 128
#define WAYS 8

static _Atomic uint64_t marks[SETS][WAYS]; /* 0: free */
static atomic_uint next_way;

/* A process in which it has happened is one where it happens: a flood of certificates makes nobody forgotten then. */
static atomic_bool happens;

static bool has(uint64_t mark)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (atomic_load_explicit(&marks[mark % SETS][i], memory_order_relaxed) == mark) {
            return true;
        }
    }
    return false;
}

void ct_verified_elsewhere_note(X509 *leaf)
{
    uint64_t mark = ct_certificate_mark(leaf);

    if (mark != 0 && !has(mark)) {
        unsigned way = atomic_fetch_add_explicit(&next_way, 1, memory_order_relaxed) % WAYS;

        atomic_store_explicit(&marks[mark % SETS][way], mark, memory_order_relaxed);
    }
}

void ct_verified_elsewhere_happens(void)
{
    atomic_store_explicit(&happens, true, memory_order_relaxed);
}

bool ct_verified_elsewhere(X509 *leaf)
{
    uint64_t mark;

    if (atomic_load_explicit(&happens, memory_order_relaxed)) {
        return true;
    }
    mark = ct_certificate_mark(leaf);
    if (mark == 0 || !has(mark)) {
        return false;
    }
    ct_verified_elsewhere_happens();
    return true;
}

STACK_OF(X509) *ct_verified_elsewhere_chain(SSL *ssl, X509 *leaf, void (*leave_alone)(X509_STORE_CTX *ctx))
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *chain = NULL;
    X509_STORE *store = NULL;

    if (SSL_get0_verify_cert_store(ssl, &store) != 1 || store == NULL) {
        store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    }
    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, leaf, SSL_get_peer_cert_chain(ssl)) != 1) {
        X509_STORE_CTX_free(ctx);
        return NULL;
    }
    leave_alone(ctx);
    if (X509_STORE_CTX_set_default(ctx, "ssl_client") == 1 &&
        X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(ctx), SSL_get0_param(ssl)) == 1 &&
        X509_verify_cert(ctx) == 1) {
        chain = X509_STORE_CTX_get1_chain(ctx);
    }
    X509_STORE_CTX_free(ctx);
    return chain;
}
