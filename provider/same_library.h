/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a function is that was found by its name: the program may export one of that name, too. */
#ifndef CT_SAME_LIBRARY_H
#define CT_SAME_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether two functions lie in the same library, or in the program. False where that cannot be told. */
bool ct_same_library(const void *a, const void *b);

/* Of a function that an older OpenSSL does not have (weak): whether what is there is of the `neighbour`'s library. */
#define CT_IS_OF_LIBRARY(function, neighbour) \
    ((function) != NULL && ct_same_library((const void *)(uintptr_t)(function), (const void *)(uintptr_t)(neighbour)))

#endif
