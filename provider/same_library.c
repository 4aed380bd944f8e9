/* SPDX-License-Identifier: Apache-2.0 */
#include "same_library.h"

#include <dlfcn.h>

bool ct_same_library(const void *a, const void *b)
{
    Dl_info of_a;
    Dl_info of_b;

    return dladdr(a, &of_a) != 0 && dladdr(b, &of_b) != 0 && of_a.dli_fbase == of_b.dli_fbase;
}
