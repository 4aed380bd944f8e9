/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientct.so as a provider. It has no algorithms to offer besides a store
 * loader; being loaded is what puts the hooks in place.
 *
 *   [provider_sect]
 *   default  = default_sect
 *   clientct = clientct_sect
 *   [clientct_sect]
 *   module   = clientct.so
 *   activate = 1
 *   config   = /etc/clientct/clientct.cnf
 */
#include "entry.h"

#include <stddef.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <clientct/clientct.h>

#include "attach.h"
#include "other_build.h"
#include "process_checker.h"
#include "store_loader.h"
#include "switch.h"

static OSSL_FUNC_provider_gettable_params_fn gettable_params;
static OSSL_FUNC_provider_get_params_fn get_params;
static OSSL_FUNC_provider_query_operation_fn query_operation;
static OSSL_FUNC_provider_teardown_fn teardown;

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM gettable[] = { OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_NAME, NULL, 0),
                                           OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_VERSION, NULL, 0),
                                           OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, NULL, 0),
                                           OSSL_PARAM_int(OSSL_PROV_PARAM_STATUS, NULL), OSSL_PARAM_END };

    return gettable;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    OSSL_PARAM *name = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);
    OSSL_PARAM *version = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_VERSION);
    OSSL_PARAM *buildinfo = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_BUILDINFO);
    OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

    return (name == NULL || OSSL_PARAM_set_utf8_ptr(name, "clientct")) &&
           (version == NULL || OSSL_PARAM_set_utf8_ptr(version, clientct_version())) &&
           (buildinfo == NULL || OSSL_PARAM_set_utf8_ptr(buildinfo, clientct_version())) &&
           (status == NULL || OSSL_PARAM_set_int(status, 1));
}

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
    *no_cache = 0;
    return operation == OSSL_OP_STORE ? ct_store_loaders : NULL;
}

/* Nothing is taken down here: a child of a server that exits calls this too, while its siblings go on. */
static void teardown(void *provctx)
{
}

static const OSSL_DISPATCH functions[] = {
    { OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
    { OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
    { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
    { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
    { 0, NULL },
};

int ct_builtin_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                             void **provctx)
{
    ct_switch_learn(in);
    *out = functions;
    *provctx = (void *)handle;
    return 1;
}

int ct_provider_enter(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                      void **provctx)
{
    OSSL_FUNC_core_get_params_fn *core_get_params = NULL;
    OSSL_FUNC_core_get_libctx_fn *core_get_libctx = NULL;
    OSSL_LIB_CTX *libctx;
    char *config = NULL;
    char *default_properties = NULL;
    const struct ct_switch_text not_known = { false, "", "" }; /* a provider is not shown the file */
    OSSL_PARAM settings[] = { OSSL_PARAM_utf8_ptr("config", &config, 0),
                              OSSL_PARAM_utf8_ptr("default_properties", &default_properties, 0), OSSL_PARAM_END };

    for (const OSSL_DISPATCH *at = in; at->function_id != 0; at++) {
        if (at->function_id == OSSL_FUNC_CORE_GET_PARAMS) {
            core_get_params = OSSL_FUNC_core_get_params(at);
        } else if (at->function_id == OSSL_FUNC_CORE_GET_LIBCTX) {
            core_get_libctx = OSSL_FUNC_core_get_libctx(at);
        }
    }
    ct_switch_learn(in);
    if (core_get_params == NULL || core_get_libctx == NULL || !core_get_params(handle, settings)) {
        return 0;
    }
    ct_process_checker_configure(config);
    libctx = (OSSL_LIB_CTX *)core_get_libctx(handle);
    if (!ct_attach(libctx)) {
        return 0;
    }
    /* The core's context is an OSSL_LIB_CTX of ours to use, because ct_attach found core and libcrypto to be one. */
    if (!ct_switch_release(libctx, handle, default_properties, &not_known)) {
        return 0;
    }
    return ct_builtin_provider_init(handle, in, out, provctx);
}

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                       void **provctx)
{
    const struct ct_entries *entries = ct_entries_for(__builtin_return_address(0));

    return entries != NULL ? entries->provider(handle, in, out, provctx) : 0;
}
