/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry points of clientct.so. openssl/crypto.h declares a function
 * OPENSSL_init of its own, of another type than the configuration module's
 * entry, so that name is put aside while the header is read.
 */
#ifndef CT_ENTRY_H
#define CT_ENTRY_H

#define OPENSSL_init OPENSSL_init_of_libcrypto
#include <openssl/conf.h>
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#undef OPENSSL_init

#define CT_ENTRY __attribute__((visibility("default")))

/* The configuration module: 1, or 0 where the component cannot work in this process. */
CT_ENTRY int OPENSSL_init(CONF_IMODULE *module, const CONF *cnf);
CT_ENTRY void OPENSSL_finish(CONF_IMODULE *module);

/* The provider: the same. */
CT_ENTRY int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                                void **provctx);

/* Both, of a caller that is known to be our libcrypto. */
int ct_module_enter(CONF_IMODULE *module, const CONF *cnf);
int ct_provider_enter(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                      void **provctx);

/* The provider half alone, for the configuration module, which has attached already. */
int ct_builtin_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                             void **provctx);

#endif
