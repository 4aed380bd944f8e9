#include "open_contexts.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* As many as are open at a time: about one a thread. Where all are taken, what is added takes another's place. */
#define SEATS 256

static struct {
    _Atomic(X509_STORE_CTX *) ctx; /* NULL: free */
    _Atomic(const char *) thread;
} seats[SEATS];

/* Its address says which thread is running. */
static _Thread_local char this_thread;

static size_t home_of(const X509_STORE_CTX *ctx)
{
    return (size_t)((uintptr_t)ctx / 16 * 0x9e3779b1u) % SEATS;
}

void ct_open_contexts_add(X509_STORE_CTX *ctx)
{
    size_t home = home_of(ctx);
    size_t seat = home;

    for (size_t i = 0; i < SEATS; i++) {
        X509_STORE_CTX *sitting = NULL;

        seat = (home + i) % SEATS;
        if (atomic_compare_exchange_strong(&seats[seat].ctx, &sitting, ctx) || sitting == ctx) {
            break;
        }
        seat = home;
    }
    atomic_store(&seats[seat].thread, &this_thread);
    atomic_store(&seats[seat].ctx, ctx);
}

void ct_open_contexts_remove(X509_STORE_CTX *ctx)
{
    size_t home = home_of(ctx);

    for (size_t i = 0; i < SEATS; i++) {
        size_t seat = (home + i) % SEATS;

        if (atomic_load(&seats[seat].ctx) == ctx) {
            atomic_store(&seats[seat].thread, NULL);
            atomic_store(&seats[seat].ctx, NULL);
            return;
        }
    }
}

SSL *ct_open_contexts_find(X509_STORE_CTX *ctx)
{
    int ssl_index = SSL_get_ex_data_X509_STORE_CTX_idx();
    X509 *leaf = X509_STORE_CTX_get0_cert(ctx);

    for (size_t i = 0; leaf != NULL && i < SEATS; i++) {
        X509_STORE_CTX *other = atomic_load(&seats[i].ctx);
        X509 *others_leaf;
        SSL *ssl;

        if (other == NULL || other == ctx || atomic_load(&seats[i].thread) != &this_thread) {
            continue;
        }
        others_leaf = X509_STORE_CTX_get0_cert(other);
        ssl = X509_STORE_CTX_get_ex_data(other, ssl_index);
        if (ssl != NULL && SSL_is_server(ssl) && others_leaf != NULL && X509_cmp(leaf, others_leaf) == 0) {
            return ssl;
        }
    }
    return NULL;
}
