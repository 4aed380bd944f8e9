/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_limit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

static sigset_t the_signal(void)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, SIGXFSZ);
    return one;
}

void ct_file_limit_begin(struct ct_file_limit *limit)
{
    int saved = errno;
    sigset_t one = the_signal();
    struct rlimit size;

    limit->held = getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur != RLIM_INFINITY &&
                  pthread_sigmask(SIG_BLOCK, &one, &limit->before) == 0;
    errno = saved;
}

void ct_file_limit_end(const struct ct_file_limit *limit)
{
    const struct timespec at_once = { 0, 0 };
    int saved = errno;
    sigset_t one = the_signal();

    if (!limit->held) {
        return;
    }
    if (sigismember(&limit->before, SIGXFSZ) == 0) { /* else one that is waiting may be the application's */
        (void)sigtimedwait(&one, NULL, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &limit->before, NULL);
    errno = saved;
}
