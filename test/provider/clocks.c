/* SPDX-License-Identifier: Apache-2.0 */
#include "clocks.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Defined here and exported, these come before libc's: the program is linked with export_dynamic. */
#define EXPORT __attribute__((visibility("default")))
EXPORT int clock_gettime(clockid_t clock, struct timespec *now);
EXPORT time_t time(time_t *now);
EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone);

static int64_t forward_s, wall_s;

void clocks_forward(int64_t seconds)
{
    forward_s += seconds;
}

void clocks_set_wall(int64_t seconds)
{
    wall_s += seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID) {
        now->tv_sec += forward_s;
        if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
            now->tv_sec += wall_s;
        }
    }
    return result;
}

time_t time(time_t *now)
{
    struct timespec precise = { 0 };

    clock_gettime(CLOCK_REALTIME, &precise);
    if (now != NULL) {
        *now = precise.tv_sec;
    }
    return precise.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise = { 0 };
    int result = clock_gettime(CLOCK_REALTIME, &precise);

    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}
