/* SPDX-License-Identifier: Apache-2.0 */
#include "store_loader.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include <clientct/clientct.h>

#include "errors.h"
#include "process_checker.h"

static OSSL_FUNC_store_open_fn store_open;
static OSSL_FUNC_store_settable_ctx_params_fn store_settable_ctx_params;
static OSSL_FUNC_store_set_ctx_params_fn store_set_ctx_params;
static OSSL_FUNC_store_load_fn store_load;
static OSSL_FUNC_store_eof_fn store_eof;
static OSSL_FUNC_store_close_fn store_close;

struct object {
    struct object *next;
    size_t len;
    uint8_t der[];
};

/* An open store: a copy of what there was when it was opened, so that a reload in between does not show. */
struct store {
    int type;             /* OSSL_OBJECT_... */
    int expected;         /* OSSL_STORE_INFO_...; 0: anything */
    struct object *first; /* not given out yet */
    struct object **end;
};

static bool collect(void *arg, const uint8_t *der, size_t len, const char *name)
{
    struct store *store = arg;
    struct object *object = OPENSSL_malloc(sizeof *object + len);

    if (object == NULL) {
        return false;
    }
    object->next = NULL;
    object->len = len;
    memcpy(object->der, der, len);
    *store->end = object;
    store->end = &object->next;
    return true;
}

static int store_close(void *loaderctx)
{
    struct store *store = loaderctx;

    while (store->first != NULL) {
        struct object *object = store->first;

        store->first = object->next;
        OPENSSL_free(object);
    }
    OPENSSL_free(store);
    return 1;
}

static const char *fill(struct store *store, const char *uri)
{
    struct clientct_checker *checker = ct_process_checker_get0();
    const char *denied = ct_process_checker_denied();

    if (denied != NULL) {
        return denied;
    }
    if (checker == NULL) {
        return "no memory for the checker";
    }
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    if (strcmp(uri, "clientct:anchors") == 0) {
        store->type = OSSL_OBJECT_CERT;
        return clientct_checker_visit_anchors(checker, collect, store)
                   ? NULL
                   : "there is no usable configuration; `clientct check` says why";
    }
    if (strcmp(uri, "clientct:logs") == 0) {
        store->type = OSSL_OBJECT_PKEY;
        return clientct_checker_visit_logs(checker, collect, store)
                   ? NULL
                   : "there is no usable configuration or log list; `clientct check` says why";
    }
    return "expected clientct:anchors or clientct:logs";
}

static void *store_open(void *provctx, const char *uri)
{
    struct store *store = OPENSSL_zalloc(sizeof *store);
    OSSL_LIB_CTX *threads_own;
    const char *why;

    if (store == NULL) {
        return NULL;
    }
    store->end = &store->first;
    threads_own = ct_process_checker_enter();
    why = fill(store, uri);
    ct_process_checker_leave(threads_own);
    if (why != NULL) {
        ct_errors_push_store(uri, why);
        store_close(store);
        return NULL;
    }
    return store;
}

static const OSSL_PARAM *store_settable_ctx_params(void *provctx)
{
    static const OSSL_PARAM settable[] = { OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
                                           OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0), OSSL_PARAM_END };

    return settable;
}

/* The subject is a hint for loaders to whom searching is cheaper than loading: libcrypto filters by itself. */
static int store_set_ctx_params(void *loaderctx, const OSSL_PARAM params[])
{
    struct store *store = loaderctx;
    const OSSL_PARAM *expect = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    return expect == NULL || OSSL_PARAM_get_int(expect, &store->expected);
}

/* From 3.5 on libcrypto calls an object of another type than the expected one an error instead of passing it over. */
static bool is_over(const struct store *store)
{
    int ours = store->type == OSSL_OBJECT_CERT ? OSSL_STORE_INFO_CERT : OSSL_STORE_INFO_PUBKEY;

    return store->first == NULL || (store->expected != 0 && store->expected != ours);
}

static int store_load(void *loaderctx, OSSL_CALLBACK *give, void *give_arg, OSSL_PASSPHRASE_CALLBACK *ask,
                      void *ask_arg)
{
    struct store *store = loaderctx;
    struct object *object = store->first;
    bool is_key = store->type == OSSL_OBJECT_PKEY;
    OSSL_PARAM described[4];
    size_t count = 0;
    int given;

    if (is_over(store)) {
        return 0;
    }
    store->first = object->next;
    described[count++] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &store->type);
    if (is_key) {
        described[count++] =
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)"SubjectPublicKeyInfo", 0);
    }
    described[count++] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, object->der, object->len);
    described[count] = OSSL_PARAM_construct_end();
    given = give(described, give_arg);
    OPENSSL_free(object);
    return given;
}

static int store_eof(void *loaderctx)
{
    return is_over(loaderctx);
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_STORE_OPEN, (void (*)(void))store_open },
    { OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))store_settable_ctx_params },
    { OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))store_set_ctx_params },
    { OSSL_FUNC_STORE_LOAD, (void (*)(void))store_load },
    { OSSL_FUNC_STORE_EOF, (void (*)(void))store_eof },
    { OSSL_FUNC_STORE_CLOSE, (void (*)(void))store_close },
    { 0, NULL },
};

/* It does no cryptography: fips=yes, as libcrypto says of its own stores, or a demand for that hides this one. */
const OSSL_ALGORITHM ct_store_loaders[] = {
    { "clientct", "provider=clientct,fips=yes", functions, "the CA certificates and logs of clientct.cnf" },
    { NULL, NULL, NULL, NULL },
};
