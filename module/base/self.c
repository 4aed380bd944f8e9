/* SPDX-License-Identifier: Apache-2.0 */
#include "base/self.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* On a page that the kernel empties in every child (MADV_WIPEONFORK), which no fork handler could promise for clone. */
typedef struct {
    _Atomic(pid_t) pid;  /* 0: not known yet */
    _Atomic uint64_t id; /* likewise */
} remembered;
static _Atomic(remembered *) page;
#define NO_PAGE ((remembered *)(uintptr_t)1) /* an old kernel: ask each time */

static remembered *make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    remembered *mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    remembered *there = NULL;

    if (mine == MAP_FAILED) {
        return NO_PAGE;
    }
    if (madvise(mine, size, MADV_WIPEONFORK) != 0) {
        munmap(mine, size);
        mine = NO_PAGE;
    }
    if (atomic_compare_exchange_strong_explicit(&page, &there, mine, memory_order_acq_rel, memory_order_acquire)) {
        return mine;
    }
    if (mine != NO_PAGE) {
        munmap(mine, size); /* another thread was first */
    }
    return there;
}

static remembered *get_page(void)
{
    remembered *known = atomic_load_explicit(&page, memory_order_acquire);

    return known != NULL ? known : make_page();
}

pid_t ct_self_pid(void)
{
    remembered *known = get_page();
    pid_t self;

    if (known == NO_PAGE) {
        return getpid();
    }
    self = atomic_load_explicit(&known->pid, memory_order_relaxed);
    if (self == 0) {
        self = getpid();
        atomic_store_explicit(&known->pid, self, memory_order_relaxed);
    }
    return self;
}

/* Without waiting: where the kernel has no random numbers yet, the clock and what is particular to us have to do. */
static uint64_t make_id(void)
{
    struct timespec now = { 0 };
    uint64_t id = 0;

    if (getrandom(&id, sizeof id, GRND_NONBLOCK) != (ssize_t)sizeof id) {
        clock_gettime(CLOCK_BOOTTIME, &now);
        id = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
        id = (id ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&now) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return id != 0 ? id : 1;
}

/* The first thread's number is that of all. */
static uint64_t id_in(_Atomic uint64_t *at)
{
    uint64_t id = atomic_load_explicit(at, memory_order_relaxed);
    uint64_t mine;

    if (id != 0) {
        return id;
    }
    mine = make_id();
    return atomic_compare_exchange_strong(at, &id, mine) ? mine : id;
}

uint64_t ct_self_id(void)
{
    static _Atomic uint64_t inherited;
    remembered *known = get_page();
    uint64_t id;

    if (known != NO_PAGE) {
        return id_in(&known->id);
    }
    id = id_in(&inherited) ^ (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15);
    return id != 0 ? id : 1;
}

static bool is_plain(char c)
{
    return isascii((unsigned char)c) && (isalnum((unsigned char)c) || (c != '\0' && strchr("_-+.", c) != NULL));
}

void ct_self_program(char *out, size_t size)
{
    const char *name = program_invocation_short_name;
    char path[1024]; /* on the stack of a handshake */
    size_t used = 0;

    while (is_plain(name[used])) {
        used++;
    }
    if (used == 0 || name[used] != '\0') { /* a title */
        ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

        path[len > 0 ? len : 0] = '\0';
        name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : "process";
    }
    for (used = 0; *name != '\0' && *name != ' ' && used < size - 1; name++) {
        out[used] = '_';
        if (is_plain(*name) && (*name != '.' || used > 0)) {
            out[used] = *name;
        }
        used++;
    }
    out[used] = '\0';
}
