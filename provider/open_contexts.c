/* SPDX-License-Identifier: Apache-2.0 */
#include "open_contexts.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "certificate_mark.h"

/* As many as are open at a time: about one a thread. Where all are taken, what is added takes another's place. */
#define SEATS 256

static struct {
    _Atomic(X509_STORE_CTX *) ctx; /* NULL: free */
    _Atomic uint64_t thread;       /* the number of the one that set it up */
    _Atomic uint64_t leaf;         /* its certificate's mark; 0: none */
    _Atomic uint64_t over;         /* as over_here was then */
} seats[SEATS];

static _Thread_local uint64_t over_here;

/* Not its address, which is another thread's later: a thread that is cancelled leaves its seat taken. */
static uint64_t this_thread(void)
{
    static _Atomic uint64_t threads;
    static _Thread_local uint64_t mine;

    if (mine == 0) {
        mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;
    }
    return mine;
}

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
    atomic_store(&seats[seat].thread, this_thread());
    atomic_store(&seats[seat].leaf, ct_certificate_mark(X509_STORE_CTX_get0_cert(ctx)));
    atomic_store(&seats[seat].over, over_here);
    atomic_store(&seats[seat].ctx, ctx);
}

void ct_open_contexts_remove(X509_STORE_CTX *ctx)
{
    size_t home = home_of(ctx);

    for (size_t i = 0; i < SEATS; i++) {
        size_t seat = (home + i) % SEATS;

        if (atomic_load(&seats[seat].ctx) == ctx) {
            atomic_store(&seats[seat].thread, 0);
            atomic_store(&seats[seat].ctx, NULL);
            return;
        }
    }
}

void ct_open_contexts_over(void)
{
    over_here++;
}

SSL *ct_open_contexts_find(X509_STORE_CTX *ctx)
{
    uint64_t leaf = ct_certificate_mark(X509_STORE_CTX_get0_cert(ctx));

    for (size_t i = 0; leaf != 0 && i < SEATS; i++) {
        X509_STORE_CTX *other = atomic_load(&seats[i].ctx);
        SSL *ssl;

        /* Of what was added before this thread was last known to verify nothing, nothing may be left. */
        if (other == NULL || other == ctx || atomic_load(&seats[i].thread) != this_thread() ||
            atomic_load(&seats[i].leaf) != leaf || atomic_load(&seats[i].over) != over_here) {
            continue;
        }
        ssl = X509_STORE_CTX_get_ex_data(other, SSL_get_ex_data_X509_STORE_CTX_idx());
        if (ssl != NULL && SSL_is_server(ssl)) {
            return ssl;
        }
    }
    return NULL;
}
