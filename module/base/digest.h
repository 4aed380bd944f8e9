/* SPDX-License-Identifier: Apache-2.0 */
/* Digests over several values, such that no other values run together to the same bytes. */
#ifndef CT_DIGEST_H
#define CT_DIGEST_H

#include <openssl/evp.h>

#include "base/bytes.h"

/* Adds whether there are bytes (NULL: none), their number, and them. False: the digest failed. */
bool ct_digest_add(EVP_MD_CTX *md, const void *data, size_t len) CT_MUST_USE;
/* The same for a text; NULL is another one than "". */
bool ct_digest_add_text(EVP_MD_CTX *md, const char *text) CT_MUST_USE;

#endif
