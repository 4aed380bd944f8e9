/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientct.so as a configuration module:
 *
 *   [openssl_init]
 *   clientct = clientct_sect
 *   [clientct_sect]
 *   path   = /usr/lib/x86_64-linux-gnu/ossl-modules/clientct.so
 *   config = /etc/clientct/clientct.cnf
 */
#include "entry.h"
#include "errors.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include "attach.h"
#include "other_build.h"
#include "process_checker.h"
#include "switch.h"

#define STORE_PROVIDER "clientct-store"

/* What our section of openssl.cnf says. The strings are the CONF's and die with it. */
struct section {
    const char *config;
    const char *default_properties;
};

/*
 * Goes through the section itself: NCONF_get_string would also find keys of the
 * file's default section. A misspelt key must not mean the default silently.
 */
static void read_section(const CONF *cnf, const char *name, struct section *section)
{
    STACK_OF(CONF_VALUE) *values = NCONF_get_section(cnf, name);
    char why[320];

    if (values == NULL) {
        snprintf(why, sizeof why, "openssl.cnf names a section [%.60s] for clientct, and there is none", name);
        ct_process_checker_deny(why);
        return;
    }
    for (int i = 0; i < sk_CONF_VALUE_num(values); i++) {
        const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);

        if (strcmp(value->name, "config") == 0 && value->value[0] != '\0') {
            section->config = value->value;
        } else if (strcmp(value->name, "default_properties") == 0) {
            section->default_properties = value->value;
        } else if (strcmp(value->name, "path") != 0) {
            snprintf(why, sizeof why,
                     "openssl.cnf, section [%.60s]: expected path, config = FILE or "
                     "default_properties, found \"%.40s = %.40s\"",
                     name, value->name, value->value);
            ct_process_checker_deny(why);
        }
    }
}

/* Ours until the process ends: kept where leak checkers of the application find it. */
static _Atomic(OSSL_PROVIDER *) store_provider;

static OSSL_PROVIDER *load_provider(OSSL_LIB_CTX *libctx)
{
    if (OSSL_PROVIDER_add_builtin(libctx, STORE_PROVIDER, ct_builtin_provider_init) != 1) {
        return NULL;
    }
    /* Fallbacks retained, or the default provider would not come by itself any more. */
    return OSSL_PROVIDER_try_load(libctx, STORE_PROVIDER, 1);
}

/*
 * Makes `clientct:` URIs work without a [providers] section: in the default
 * context, once, since some servers load their configuration again and again. A
 * convenience: enforcement does not depend on it.
 * Not under the name clientct, or a [providers] section with our other entry
 * would take this for the one it means, and what it says would never be read.
 */
static void offer_provider(void)
{
    static atomic_flag offered = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&offered)) {
        atomic_store(&store_provider, load_provider(OSSL_LIB_CTX_get0_global_default()));
    }
}

/* libcrypto tells default properties to providers only, so one is needed in that context, if only for a moment. */
static bool release_switch(OSSL_LIB_CTX *libctx, const char *wanted, const struct ct_switch_text *text)
{
    bool is_default = libctx == NULL || libctx == OSSL_LIB_CTX_get0_global_default();
    OSSL_PROVIDER *kept = is_default ? atomic_load(&store_provider) : NULL;
    /* None in the default context: this file is being read because the provider is, one call further out. */
    OSSL_PROVIDER *provider = kept != NULL ? kept : load_provider(libctx);
    const OSSL_CORE_HANDLE *core = provider != NULL ? OSSL_PROVIDER_get0_provider_ctx(provider) : NULL;
    bool released = ct_switch_release(libctx, core, wanted, text);

    if (kept == NULL && provider != NULL) {
        OSSL_PROVIDER_unload(provider); /* a context of the application's own would keep it until the process ends */
    }
    return released;
}

int ct_module_enter(CONF_IMODULE *module, const CONF *cnf)
{
    OSSL_LIB_CTX *libctx = NCONF_get0_libctx(cnf);
    struct section section = { NULL, NULL };
    struct ct_switch_text text;
    struct ct_errors_kept kept;
    bool released;

    ct_errors_keep(&kept);
    read_section(cnf, CONF_imodule_get_value(module), &section);
    ct_process_checker_configure(section.config);
    if (!ct_attach(libctx)) {
        ct_errors_put_back(&kept);
        return 0;
    }
    offer_provider();
    text = ct_switch_find(cnf, CONF_imodule_get_name(module), CONF_imodule_get_value(module));
    released = release_switch(libctx, section.default_properties, &text);
    ct_errors_put_back(&kept);
    return released;
}

int OPENSSL_init(CONF_IMODULE *module, const CONF *cnf)
{
    const struct ct_entries *entries = ct_entries_for(__builtin_return_address(0));

    return entries != NULL ? entries->module(module, cnf) : 0;
}

/* Called when a configuration is unloaded; the hooks stay, and so do we (-z nodelete). */
void OPENSSL_finish(CONF_IMODULE *module)
{
}
