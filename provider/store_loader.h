/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OSSL_STORE scheme `clientct:`: `clientct:anchors` are the CA
 * certificates that the rules name, `clientct:logs` the public keys of the logs.
 */
#ifndef CT_STORE_LOADER_H
#define CT_STORE_LOADER_H

#include <openssl/core.h>

/* For the provider's query function, operation OSSL_OP_STORE. */
extern const OSSL_ALGORITHM ct_store_loaders[];

#endif
