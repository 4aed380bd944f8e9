/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ex_data callbacks belong to a library context, the numbers of slots to the objects: so a number that we use must be
 * the same in every context that we hook into. Not for two threads at once.
 */
#ifndef CT_EX_INDEX_H
#define CT_EX_INDEX_H

#include <stdbool.h>

#include <openssl/crypto.h>

/*
 * Takes an index of `class_index` in the thread's default context. The first time (*number negative) it is the first
 * one from `at_least` on, later the same number. The callbacks are registered for the numbers on the way, too, and must
 * ignore those. False when the number is taken there, or memory is short.
 */
bool ct_ex_index_take(int class_index, int *number, int at_least, CRYPTO_EX_new *on_new, CRYPTO_EX_dup *on_dup,
                      CRYPTO_EX_free *on_free);

#endif
