/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs short at will. The linker puts these functions in the place of the allocator's: a test that includes
 * this is linked with -Wl,--wrap for each of them (see meson.build). Included by one file of a program.
 */
#ifndef CT_SHORT_MEMORY_H
#define CT_SHORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);

static bool counting;
static size_t allocations, fails_at; /* fails_at: this one and, with `stays_short`, all behind it; 0: none */
static bool stays_short;

static bool is_short(void)
{
    if (!counting) {
        return false;
    }
    allocations++;
    return fails_at != 0 && (allocations == fails_at || (stays_short && allocations > fails_at));
}

void *__wrap_malloc(size_t size)
{
    return is_short() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_short() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return is_short() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return is_short() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
    return is_short() ? NULL : __real_strdup(text);
}

#endif
