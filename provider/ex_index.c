/* SPDX-License-Identifier: Apache-2.0 */
#include "ex_index.h"

bool ct_ex_index_take(int class_index, int *number, int at_least, CRYPTO_EX_new *on_new, CRYPTO_EX_dup *on_dup,
                      CRYPTO_EX_free *on_free)
{
    int wanted = *number >= 0 ? *number : at_least;
    int index;

    do {
        index = CRYPTO_get_ex_new_index(class_index, 0, NULL, on_new, on_dup, on_free);
    } while (index >= 0 && index < wanted);
    if (*number < 0) {
        *number = index;
    }
    return index >= 0 && index == *number;
}
