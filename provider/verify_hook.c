#include "verify_hook.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <clientct/clientct.h>

#include "connection.h"
#include "errors.h"
#include "process_checker.h"
#include "recording.h"
#include "resumption.h"
#include "status.h"
#include "server_names.h"

/*
 * The verify functions that we have found in place, to be called before us. A
 * process has one or two; a context's ex_data slot points into this table, so
 * that a pointer which somebody else wrote into the slot is never called.
 */
static _Atomic(X509_STORE_CTX_verify_fn) wrapped[32];

static int slot_index = -1;

/* libcrypto's own verify function, which X509_STORE_CTX_init sets where the application has none. */
static X509_STORE_CTX_verify_fn libcryptos_own;

/* What a slot points to while the function that it pointed to is running. */
static const char being_verified;

static _Atomic(X509_STORE_CTX_verify_fn) *remember(X509_STORE_CTX_verify_fn verify)
{
    for (size_t i = 0; i < sizeof wrapped / sizeof wrapped[0]; i++) {
        X509_STORE_CTX_verify_fn here = atomic_load(&wrapped[i]);

        if (here == NULL && atomic_compare_exchange_strong(&wrapped[i], &here, verify)) {
            return &wrapped[i];
        }
        if (here == verify) {
            return &wrapped[i];
        }
    }
    return NULL;
}

static X509_STORE_CTX_verify_fn recall(const void *slot)
{
    uintptr_t first = (uintptr_t)wrapped;
    uintptr_t here = (uintptr_t)slot;

    if (here < first || here >= first + sizeof wrapped || (here - first) % sizeof wrapped[0] != 0) {
        return NULL;
    }
    return atomic_load(&wrapped[(here - first) / sizeof wrapped[0]]);
}

static void fail(struct clientct_verdict *verdict, enum clientct_reason reason, const char *detail)
{
    clientct_verdict_clear(verdict);
    verdict->reason = reason;
    snprintf(verdict->detail, sizeof verdict->detail, "%s", detail);
}

static bool decide(struct clientct_checker *checker, struct clientct_input *input, SSL *ssl,
                   struct clientct_verdict *verdict)
{
    if (checker == NULL) {
        fail(verdict, CLIENTCT_INTERNAL_ERROR, "no memory for the checker");
        return false;
    }
    clientct_checker_reload(checker, CLIENTCT_AT_HANDSHAKE);
    input->tls_scts = ct_connection_get0_scts(ssl, &input->tls_scts_len);
    return clientct_decide(checker, input, verdict);
}

static bool decide_and_record(X509_STORE_CTX *ctx, SSL *ssl, struct clientct_verdict *verdict)
{
    struct clientct_checker *checker = ct_process_checker_get0();
    struct clientct_input input = {
        .leaf = (X509 *)X509_STORE_CTX_get0_cert(ctx),
        .chain = (STACK_OF(X509) *)X509_STORE_CTX_get0_chain(ctx),
    };
    int saved_errno = errno; /* the application may still ask why an earlier read or write failed */
    OSSL_LIB_CTX *threads_own = ct_process_checker_enter();
    uint64_t begin_ns = ct_recording_now_ns();
    bool accept;

    ct_server_names_get(ssl, &input);
    accept = decide(checker, &input, ssl, verdict);

    ct_status_verdict(checker, verdict);
    ct_recording_record(checker, ssl, &input, verdict, ct_recording_now_ns() - begin_ns);
    ct_process_checker_leave(threads_own);
    errno = saved_errno;
    return accept;
}

/* Whatever the verdict: a session made while the policy only watched would outlive its enforcement. */
static void limit_session(SSL *ssl)
{
    struct clientct_checker *checker = ct_process_checker_get0();

    if (checker == NULL || clientct_checker_refuses_resumption(checker)) {
        ct_resumption_refuse(ssl);
    }
}

/* Refuses as libcrypto would, so that applications which only report errors (nginx) keep doing so. */
static int refuse(X509_STORE_CTX *ctx, const struct clientct_verdict *verdict)
{
    X509_STORE_CTX_verify_cb ask = X509_STORE_CTX_get_verify_cb(ctx);

    X509_STORE_CTX_set_error_depth(ctx, 0);
    X509_STORE_CTX_set_current_cert(ctx, (X509 *)X509_STORE_CTX_get0_cert(ctx));
    X509_STORE_CTX_set_error(ctx, X509_V_ERR_NO_VALID_SCTS);
    if (ask != NULL && ask(0, ctx) > 0) {
        return 1;
    }
    ct_errors_push_refusal(verdict->reason, verdict->detail);
    return 0;
}

static int verify(X509_STORE_CTX *ctx)
{
    void *slot = X509_STORE_CTX_get_ex_data(ctx, slot_index);
    X509_STORE_CTX_verify_fn previous;
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct clientct_verdict verdict = { 0 };
    bool accept = false;
    int ok;

    if (slot == &being_verified) {
        /*
         * An application took our function for libcrypto's, by X509_STORE_CTX_get_verify, and calls it from its own:
         * the verdict is made when that one returns.
         */
        return libcryptos_own(ctx);
    }
    previous = recall(slot);
    if (previous == NULL || !X509_STORE_CTX_set_ex_data(ctx, slot_index, (void *)&being_verified)) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
        return -1;
    }
    ok = previous(ctx);
    X509_STORE_CTX_set_ex_data(ctx, slot_index, slot);
    if (ssl == NULL || !SSL_is_server(ssl)) {
        return ok;
    }

    ERR_set_mark();
    /* Not asked: X509_STORE_CTX_get_error. An application may have tolerated an error, and that is not our question. */
    if (ok > 0) {
        accept = decide_and_record(ctx, ssl, &verdict);
    }
    limit_session(ssl);
    ERR_pop_to_mark();

    if (ok > 0 && !accept) {
        ok = refuse(ctx, &verdict);
    }
    clientct_verdict_clear(&verdict);
    return ok;
}

/* Called at the end of X509_STORE_CTX_init, when every callback is in place. */
static void on_store_ctx_new(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    X509_STORE_CTX *ctx = parent;
    X509_STORE_CTX_verify_fn previous = X509_STORE_CTX_get_verify(ctx);

    if (previous == verify) {
        previous = libcryptos_own; /* an application put what it had found in another context into its X509_STORE */
    }
    /* Where either fails, verify() finds nothing to call and fails. */
    CRYPTO_set_ex_data(ad, index, previous != NULL ? (void *)remember(previous) : NULL);
    X509_STORE_CTX_set_verify(ctx, verify);
}

static X509_STORE_CTX_verify_fn find_libcryptos_own(void)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_verify_fn found = NULL;

    if (ctx != NULL && X509_STORE_CTX_init(ctx, NULL, NULL, NULL) == 1) {
        found = X509_STORE_CTX_get_verify(ctx);
    }
    X509_STORE_CTX_free(ctx);
    return found;
}

bool ct_verify_hook_register(void)
{
    libcryptos_own = find_libcryptos_own();
    if (libcryptos_own == NULL) {
        return false;
    }
    /*
     * libssl takes its own index when it first verifies: were that in a library context of a thread's own, it would
     * be one that we have taken in this one.
     */
    if (SSL_get_ex_data_X509_STORE_CTX_idx() < 0) {
        return false;
    }
    slot_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, on_store_ctx_new, NULL, NULL);
    return slot_index >= 0;
}
