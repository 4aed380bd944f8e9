/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that fail at will: every allocation of the module and of libcrypto, and what the module asks of the file
 * system. And clocks that go as the test says. The linker puts these functions in the place of the real ones (see
 * meson.build). Included by one file of a program.
 */
#ifndef CT_FAILING_CALLS_H
#define CT_FAILING_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "short_memory.h"

int __real_open(const char *path, int flags, ...);
int __real_open64(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buffer, size_t size);
int __real_stat(const char *path, struct stat *st);
int __real_stat64(const char *path, struct stat *st);
int __real_lstat(const char *path, struct stat *st);
int __real_lstat64(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __real_fstat64(int fd, struct stat *st);
void *__real_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset);
void *__real_mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset);
int64_t __real_ct_monotonic_ms(void);
int64_t __real_ct_monotonic_ns(void);
int64_t __real_ct_now_ms(void);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __wrap_lstat64(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);
void *__wrap_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset);
int64_t __wrap_ct_monotonic_ms(void);
int64_t __wrap_ct_monotonic_ns(void);
int64_t __wrap_ct_now_ms(void);

static int call_error = EMFILE;    /* what a call of the file system fails with */
static void (*before_call)(void);  /* run before each of these calls; NULL: nothing */
static int64_t monotonic_ahead_ms; /* added to the clocks */
static int64_t wall_ahead_ms;

static bool counting_calls; /* of the file system, beside the allocations of short_memory.h */
static size_t calls_made, call_fails_at;
static bool calls_stay_failing;

static bool call_fails(void)
{
    if (!counting_calls) {
        return false;
    }
    if (before_call != NULL) {
        counting_calls = false;
        before_call();
        counting_calls = true;
    }
    calls_made++;
    if (call_fails_at == 0 || calls_made < call_fails_at || (calls_made > call_fails_at && !calls_stay_failing)) {
        return false;
    }
    errno = call_error;
    return true;
}

static int open_mode(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, int) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    int mode;

    va_start(arguments, flags);
    mode = open_mode(flags, arguments);
    va_end(arguments);
    return call_fails() ? -1 : __real_open(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list arguments;
    int mode;

    va_start(arguments, flags);
    mode = open_mode(flags, arguments);
    va_end(arguments);
    return call_fails() ? -1 : __real_open64(path, flags, mode);
}

ssize_t __wrap_read(int fd, void *buffer, size_t size)
{
    return call_fails() ? -1 : __real_read(fd, buffer, size);
}

int __wrap_stat(const char *path, struct stat *st)
{
    return call_fails() ? -1 : __real_stat(path, st);
}

int __wrap_stat64(const char *path, struct stat *st)
{
    return call_fails() ? -1 : __real_stat64(path, st);
}

int __wrap_lstat(const char *path, struct stat *st)
{
    return call_fails() ? -1 : __real_lstat(path, st);
}

int __wrap_lstat64(const char *path, struct stat *st)
{
    return call_fails() ? -1 : __real_lstat64(path, st);
}

int __wrap_fstat(int fd, struct stat *st)
{
    return call_fails() ? -1 : __real_fstat(fd, st);
}

int __wrap_fstat64(int fd, struct stat *st)
{
    return call_fails() ? -1 : __real_fstat64(fd, st);
}

void *__wrap_mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return call_fails() ? (void *)-1 : __real_mmap(address, len, protection, flags, fd, offset);
}

void *__wrap_mmap64(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    return call_fails() ? (void *)-1 : __real_mmap64(address, len, protection, flags, fd, offset);
}

int64_t __wrap_ct_monotonic_ms(void)
{
    return __real_ct_monotonic_ms() + monotonic_ahead_ms;
}

int64_t __wrap_ct_monotonic_ns(void)
{
    return __real_ct_monotonic_ns() + monotonic_ahead_ms * 1000000;
}

int64_t __wrap_ct_now_ms(void)
{
    return __real_ct_now_ms() + wall_ahead_ms;
}

static void *libcryptos_allocate(size_t size, const char *where, int line)
{
    return is_short() ? NULL : __real_malloc(size);
}

static void *libcryptos_reallocate(void *old, size_t size, const char *where, int line)
{
    return is_short() ? NULL : __real_realloc(old, size);
}

static void libcryptos_release(void *old, const char *where, int line)
{
    free(old);
}

/* Before libcrypto has allocated anything. */
static bool failing_calls_set(void)
{
    return CRYPTO_set_mem_functions(libcryptos_allocate, libcryptos_reallocate, libcryptos_release) == 1;
}

/*
 * From now on the call of the file system (memory: the allocation) of that number fails, or all from there on with
 * `for_good`; 0: none does.
 */
static void begin_failing(bool memory, size_t which, bool for_good)
{
    allocations = calls_made = 0;
    fails_at = call_fails_at = which;
    stays_short = calls_stay_failing = for_good;
    counting = memory;
    counting_calls = !memory;
}

/* How many there were. */
static size_t end_failing(void)
{
    size_t made = counting ? allocations : calls_made;

    counting = counting_calls = false;
    return made;
}

#endif
