/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both entries of clientct.so share, in this order: is this our libcrypto, then what the entry says of the
 * configuration, then the hooks. Once they are there, another thread may ask them.
 */
#ifndef CT_ATTACH_H
#define CT_ATTACH_H

#include <stdbool.h>

#include <openssl/types.h>

/*
 * `caller` is the return address of our entry point: whether it lies in the libcrypto that we are linked with. Else the
 * entry hands on to another build, or fails: our hooks would never see what the other libcrypto does.
 */
bool ct_attach_is_ours(const void *caller);

/*
 * Registers the hooks, where they are not yet: in the global library context, in the thread's default one, and in
 * `libctx` (NULL: none), whose dead-man switch the entry is about to release. False, and then the entry has to fail, so
 * that the switch stays on: they cannot be had in one of them.
 */
bool ct_attach(OSSL_LIB_CTX *libctx);

#endif
