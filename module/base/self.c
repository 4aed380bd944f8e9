#include "base/self.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* On a page that the kernel empties in every child (MADV_WIPEONFORK), which no fork handler could promise for clone. */
typedef _Atomic(pid_t) remembered;
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

pid_t ct_self_pid(void)
{
    remembered *known = atomic_load_explicit(&page, memory_order_acquire);
    pid_t self;

    if (known == NULL) {
        known = make_page();
    }
    if (known == NO_PAGE) {
        return getpid();
    }
    self = atomic_load_explicit(known, memory_order_relaxed);
    if (self == 0) {
        self = getpid();
        atomic_store_explicit(known, self, memory_order_relaxed);
    }
    return self;
}
