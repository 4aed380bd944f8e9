/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into the tool where coverage is measured: a process that ends by _exit, or becomes another program, as
 * doctor's children do, writes its counters first, if it still can: where it cannot, libgcov would say so on standard
 * error.
 */
#include <unistd.h>

extern void __gcov_dump(void);
extern void __gcov_reset(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_execve(const char *path, char *const *arguments, char *const *environment);
int __wrap_execve(const char *path, char *const *arguments, char *const *environment);

static void write_counters(void)
{
    if (access(COVERAGE_DIRECTORY, W_OK) == 0) {
        __gcov_dump();
        __gcov_reset();
    }
}

void __wrap__exit(int status)
{
    write_counters();
    __real__exit(status);
}

int __wrap_execve(const char *path, char *const *arguments, char *const *environment)
{
    write_counters();
    return __real_execve(path, arguments, environment);
}
