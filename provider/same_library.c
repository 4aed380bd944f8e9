/* SPDX-License-Identifier: Apache-2.0 */
#include "same_library.h"

#include <link.h>
#include <stddef.h>

struct question {
    uintptr_t a, b;
    bool same;
};

static bool has(const struct dl_phdr_info *library, uintptr_t address)
{
    for (size_t i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];

        if (part->p_type == PT_LOAD && address - (library->dlpi_addr + part->p_vaddr) < part->p_memsz) {
            return true;
        }
    }
    return false;
}

static int ask(struct dl_phdr_info *library, size_t size, void *arg)
{
    struct question *question = arg;

    if (!has(library, question->a)) {
        return 0;
    }
    question->same = has(library, question->b);
    return 1; /* no other library has that address */
}

/* dladdr would look for the name of the symbol as well, among all of the library's. */
bool ct_same_library(const void *a, const void *b)
{
    struct question question = { (uintptr_t)a, (uintptr_t)b, false };

    (void)dl_iterate_phdr(ask, &question);
    return question.same;
}
