/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two OpenSSLs that are installed side by side share one openssl.cnf and one directory of modules, and so the name
 * clientct.so. A call from the one that this build is not for is handed on to the build that is: clientct-N.so beside
 * this file, N being the caller's OPENSSL_version_major.
 */
#ifndef CT_OTHER_BUILD_H
#define CT_OTHER_BUILD_H

#include <stdbool.h>

#include "entry.h"

/* What a build offers to another one: whether a return address lies in its libcrypto, and its entries if it does. */
struct ct_entries {
    unsigned version; /* CT_ENTRIES_VERSION */
    bool (*is_ours)(const void *caller);
    int (*module)(CONF_IMODULE *module, const CONF *cnf);
    int (*provider)(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx);
};
#define CT_ENTRIES_VERSION 1u

/* Found by its name, by another build only. */
CT_ENTRY extern const struct ct_entries clientct_entries;

/* Ours, or those of the build for the caller's OpenSSL, which stays loaded then; NULL: there is none. */
const struct ct_entries *ct_entries_for(const void *caller);

#endif
