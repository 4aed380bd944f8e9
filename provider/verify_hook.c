/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_hook.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <clientct/clientct.h>

#include "certificate_mark.h"
#include "connection.h"
#include "errors.h"
#include "ex_index.h"
#include "let_pass.h"
#include "open_contexts.h"
#include "process_checker.h"
#include "recording.h"
#include "resumption.h"
#include "status.h"
#include "server_names.h"
#include "verified_elsewhere.h"

/*
 * The verify functions that we have found in place, to be called before us. A
 * process has one or two, and now and then many (made at run time, by bindings of
 * other languages); a context's ex_data slot points into this list, so that a
 * pointer which somebody else wrote into the slot is never called.
 */
#define FUNCTIONS_A_BLOCK 32

struct block {
    _Atomic(X509_STORE_CTX_verify_fn) functions[FUNCTIONS_A_BLOCK];
    _Atomic(struct block *) next;
};

static struct block wrapped; /* the first one; others are made when needed and stay */

/* Behind what applications may have taken in a library context of their own; up to 10 cost libcrypto no allocation. */
#define FIRST_INDEX 8

static int slot_index = -1;

/* libcrypto's own verify function, which X509_STORE_CTX_init sets where the application has none. */
static X509_STORE_CTX_verify_fn libcryptos_own;

/* A slot points here while the function that it pointed to before is running. */
static const char being_verified;

static _Atomic(X509_STORE_CTX_verify_fn) *remember_in(struct block *block, X509_STORE_CTX_verify_fn verify)
{
    for (size_t i = 0; i < FUNCTIONS_A_BLOCK; i++) {
        X509_STORE_CTX_verify_fn here = atomic_load(&block->functions[i]);

        if (here == NULL && atomic_compare_exchange_strong(&block->functions[i], &here, verify)) {
            return &block->functions[i];
        }
        if (here == verify) {
            return &block->functions[i];
        }
    }
    return NULL;
}

/* The block behind this one, made if there is none; NULL: memory is short. */
static struct block *next_block(struct block *block)
{
    struct block *next = atomic_load(&block->next);
    struct block *made;

    if (next != NULL || (made = calloc(1, sizeof *made)) == NULL) {
        return next;
    }
    if (!atomic_compare_exchange_strong(&block->next, &next, made)) {
        free(made);
        return next;
    }
    return made;
}

static _Atomic(X509_STORE_CTX_verify_fn) *remember(X509_STORE_CTX_verify_fn verify)
{
    for (struct block *block = &wrapped; block != NULL; block = next_block(block)) {
        _Atomic(X509_STORE_CTX_verify_fn) *here = remember_in(block, verify);

        if (here != NULL) {
            return here;
        }
    }
    return NULL;
}

static X509_STORE_CTX_verify_fn recall(const void *slot)
{
    uintptr_t here = (uintptr_t)slot;

    for (struct block *block = &wrapped; block != NULL; block = atomic_load(&block->next)) {
        uintptr_t first = (uintptr_t)block->functions;

        if (here >= first && here < first + sizeof block->functions &&
            (here - first) % sizeof block->functions[0] == 0) {
            return atomic_load(&block->functions[(here - first) / sizeof block->functions[0]]);
        }
    }
    return NULL;
}

static void fail(struct clientct_verdict *verdict, enum clientct_reason reason, const char *detail)
{
    clientct_verdict_clear(verdict);
    verdict->reason = reason;
    snprintf(verdict->detail, sizeof verdict->detail, "%s", detail);
}

/* Around what is asked of the checker. The application may still ask errno why an earlier read or write failed. */
struct visit {
    int saved_errno;
    OSSL_LIB_CTX *threads_own;
    struct clientct_checker *checker; /* NULL: no memory for it */
    uint64_t begin_ns;
};

static struct visit enter(void)
{
    struct visit visit = { .saved_errno = errno, .threads_own = ct_process_checker_enter() };

    visit.checker = ct_process_checker_get0();
    visit.begin_ns = ct_recording_now_ns();
    return visit;
}

static void leave(const struct visit *visit)
{
    ct_process_checker_leave(visit->threads_own);
    errno = visit->saved_errno;
}

static bool decide(const struct visit *visit, const struct clientct_input *input, struct clientct_verdict *verdict)
{
    if (visit->checker == NULL) {
        fail(verdict, CLIENTCT_INTERNAL_ERROR, "no memory for the checker");
        return false;
    }
    clientct_checker_reload(visit->checker, CLIENTCT_AT_HANDSHAKE);
    return clientct_decide(visit->checker, input, verdict);
}

static void record(const struct visit *visit, const struct clientct_input *input,
                   const struct clientct_verdict *verdict)
{
    ct_status_session(input->session);
    ct_status_verdict(visit->checker, verdict);
    if (visit->checker != NULL) {
        clientct_record(visit->checker, input, verdict, ct_recording_now_ns() - visit->begin_ns);
    }
}

/* Why the client could not send SCTs in its Certificate message; NULL: it could, or that is not known. */
static const char *why_no_tls_scts(const SSL *ssl, const struct ct_connection *connection)
{
    if (SSL_is_dtls(ssl) || SSL_version(ssl) < TLS1_3_VERSION) {
        return "only TLS 1.3 has room for them";
    }
    return connection == NULL || connection->asked
               ? NULL
               : "the server was started without tls in sources; restart or reload it";
}

/* All that the connection has shown but the certificate; `address` is room for a text in it. */
static void see(SSL *ssl, const struct ct_connection *connection, char address[CT_ADDRESS_SIZE],
                struct clientct_input *input)
{
    input->tls_scts = ct_connection_get0_scts(ssl, &input->tls_scts_len);
    ct_server_names_get(ssl, input);
    input->no_tls_scts = why_no_tls_scts(ssl, connection);
    ct_recording_describe(ssl, address, input);
}

/*
 * Decides about what libcrypto, or the application in spite of libcrypto, has accepted, and records it. The verdict
 * does not depend on `chain_error`, what libcrypto found wrong with the chain; the record does.
 */
static bool judge(X509 *leaf, STACK_OF(X509) *chain, long chain_error, SSL *ssl, struct clientct_verdict *verdict)
{
    struct clientct_input input = { .leaf = leaf, .chain = chain, .chain_error = chain_error };
    struct visit visit = enter();
    struct ct_connection *connection = ct_connection_make(ssl);
    char address[CT_ADDRESS_SIZE];
    bool accept;

    see(ssl, connection, address, &input);
    accept = decide(&visit, &input, verdict);
    input.session = ct_resumption_settle(ssl, verdict, &input);
    if (connection != NULL) { /* else it is judged once more, later */
        connection->judged = ct_certificate_mark(leaf);
    }
    record(&visit, &input, verdict);
    leave(&visit);
    return accept;
}

/* The same of a client whose handshake is over, and who was let pass in it. */
static bool judge_afterwards(X509 *leaf, STACK_OF(X509) *chain, long chain_error, const struct ct_let_pass *shown,
                             struct clientct_verdict *verdict)
{
    struct clientct_input input = shown->input;
    struct visit visit = enter();
    bool accept;

    input.leaf = leaf;
    input.chain = chain;
    input.chain_error = chain_error;
    accept = decide(&visit, &input, verdict);
    record(&visit, &input, verdict);
    leave(&visit);
    return accept;
}

/*
 * Nobody has asked libcrypto in this handshake. If nobody ever does, that stays out of our reach; but it may be asked
 * afterwards. No session comes of it: nobody has made a verdict that could be looked for again.
 */
static bool let_pass(SSL *ssl, X509 *leaf)
{
    struct clientct_input input = { 0 };
    struct visit visit = enter();
    struct clientct_terms terms = { 0 }; /* which refuse */
    char address[CT_ADDRESS_SIZE];
    bool noted;

    if (visit.checker != NULL) {
        clientct_checker_get_terms(visit.checker, &terms);
    }
    input.session = CLIENTCT_SESSION_ALLOWED;
    if (terms.resumption != CLIENTCT_RESUMPTION_ALLOW) {
        ct_resumption_refuse(ssl);
        input.session = CLIENTCT_SESSION_REFUSED;
    }
    see(ssl, ct_connection_get0(ssl), address, &input);
    noted = ct_let_pass_note(leaf, &input);
    leave(&visit);
    return noted;
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
    X509 *leaf = (X509 *)X509_STORE_CTX_get0_cert(ctx);
    STACK_OF(X509) *chain;
    struct clientct_verdict verdict = { 0 };
    struct ct_errors_kept kept;
    struct ct_let_pass shown;
    bool passed = false;
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
    if (ok <= 0) {
        if (ssl != NULL && SSL_is_server(ssl)) {
            ct_errors_keep(&kept);
            ct_resumption_refuse(ssl); /* in case the application continues in spite of the failure */
            ct_errors_put_back(&kept);
        }
        return ok;
    }
    chain = (STACK_OF(X509) *)X509_STORE_CTX_get0_chain(ctx);
    if (ssl == NULL) {
        ssl = ct_open_contexts_find(ctx); /* an application's own verification, inside that of a connection */
        if (ssl == NULL) {
            ct_verified_elsewhere_note(leaf);
            passed = ct_let_pass_find(leaf, &shown);
        }
    }
    if (!passed && (ssl == NULL || !SSL_is_server(ssl))) {
        return ok;
    }

    ct_errors_keep(&kept);
    if (passed) {
        ct_verified_elsewhere_happens();
        accept = judge_afterwards(leaf, chain, X509_STORE_CTX_get_error(ctx), &shown, &verdict);
        if (accept) {
            ct_let_pass_accept(&shown);
        }
        ct_let_pass_clear(&shown);
    } else {
        accept = judge(leaf, chain, X509_STORE_CTX_get_error(ctx), ssl, &verdict);
    }
    ct_errors_put_back(&kept);

    if (!accept) {
        ok = refuse(ctx, &verdict);
    }
    clientct_verdict_clear(&verdict);
    return ok;
}

/* A verification of our own is not to be judged. */
static void leave_alone(X509_STORE_CTX *ctx)
{
    X509_STORE_CTX_verify_fn previous = recall(X509_STORE_CTX_get_ex_data(ctx, slot_index));

    if (previous != NULL) {
        X509_STORE_CTX_set_verify(ctx, previous);
    }
}

bool ct_verify_hook_judge_late(SSL *ssl)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    STACK_OF(X509) *found = NULL;
    struct clientct_verdict verdict = { 0 };
    struct ct_errors_kept kept;
    bool accept;

    if (leaf == NULL) {
        return true;
    }
    ct_errors_keep(&kept);
    if (chain == NULL || sk_X509_num(chain) < 1) {
        bool elsewhere = ct_verified_elsewhere(leaf);

        chain = found = elsewhere ? ct_verified_elsewhere_chain(ssl, leaf, leave_alone) : NULL;
        /* Of what is not verified by the trust that libssl knows of, more may be known when it is verified later. */
        if (!elsewhere || (chain == NULL && ct_let_pass_happens())) {
            bool passes = let_pass(ssl, leaf);

            ct_errors_put_back(&kept);
            return passes;
        }
    } else if (X509_cmp(sk_X509_value(chain, 0), leaf) != 0) {
        chain = NULL; /* the chain of another certificate: of this one no issuer is known */
    }
    accept = judge(leaf, chain, SSL_get_verify_result(ssl), ssl, &verdict);
    sk_X509_pop_free(found, X509_free);
    ct_errors_put_back(&kept);
    if (!accept) {
        SSL_set_verify_result(ssl, X509_V_ERR_NO_VALID_SCTS);
        ct_errors_push_refusal(verdict.reason, verdict.detail);
    }
    clientct_verdict_clear(&verdict);
    return accept;
}

/* Called at the end of X509_STORE_CTX_init, when every callback is in place. */
static void on_store_ctx_new(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    X509_STORE_CTX *ctx = parent;
    X509_STORE_CTX_verify_fn previous;

    if (index != slot_index) {
        return;
    }
    previous = X509_STORE_CTX_get_verify(ctx);
    if (previous == verify) {
        previous = libcryptos_own; /* an application put what it had found in another context into its X509_STORE */
    }
    /* Where either fails, verify() finds nothing to call and fails. */
    CRYPTO_set_ex_data(ad, index, previous != NULL ? (void *)remember(previous) : NULL);
    X509_STORE_CTX_set_verify(ctx, verify);
    ct_open_contexts_add(ctx);
}

static void on_store_ctx_free(void *parent, void *pointer, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    if (index == slot_index) {
        ct_open_contexts_remove(parent);
    }
}

/* The verify function of a context that is set up now; NULL when memory is short. */
static X509_STORE_CTX_verify_fn find_verify_function(void)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_verify_fn found = NULL;

    if (ctx != NULL && X509_STORE_CTX_init(ctx, NULL, NULL, NULL) == 1) {
        found = X509_STORE_CTX_get_verify(ctx);
    }
    X509_STORE_CTX_free(ctx);
    return found;
}

bool ct_verify_hook_is_registered(void)
{
    return find_verify_function() == verify;
}

bool ct_verify_hook_register(void)
{
    if (libcryptos_own == NULL && (libcryptos_own = find_verify_function()) == NULL) {
        return false;
    }
    /*
     * libssl takes its own index when it first verifies: were that in a library context of a thread's own, it would
     * be one that we have taken in this one.
     */
    if (SSL_get_ex_data_X509_STORE_CTX_idx() < 0) {
        return false;
    }
    return ct_ex_index_take(CRYPTO_EX_INDEX_X509_STORE_CTX, &slot_index, FIRST_INDEX, on_store_ctx_new, NULL,
                            on_store_ctx_free) &&
           ct_verify_hook_is_registered();
}
