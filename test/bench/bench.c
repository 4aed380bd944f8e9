/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki.h"

uint64_t bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

uint64_t bench_median(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

__attribute__((noinline)) void bench_measured(void (*run)(void *arg), void *arg)
{
    run(arg);
    __asm__ volatile("" ::: "memory"); /* no tail call: callgrind would see the function end before it has begun */
}

__attribute__((noinline)) void bench_mark(const char *name)
{
    printf("%s\n", name);
    fflush(stdout);
}

static void prepare(const struct bench_workload *workload)
{
    if (workload->prepare != NULL) {
        workload->prepare(workload->arg);
    }
}

void bench_run(const struct bench_workload *workloads, size_t count, unsigned rounds, bool once)
{
    uint64_t *times;

    for (size_t i = 0; i < count; i++) {
        prepare(&workloads[i]);
        workloads[i].run(workloads[i].arg);
        if (once) {
            prepare(&workloads[i]);
            bench_measured(workloads[i].run, workloads[i].arg);
            bench_mark(workloads[i].name);
        }
    }
    if (once) {
        return;
    }
    times = calloc(count * rounds, sizeof *times);
    if (times == NULL) {
        pki_die("no memory for %u rounds", rounds);
    }
    for (unsigned round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            uint64_t start;

            prepare(&workloads[i]);
            start = bench_now_ns();
            workloads[i].run(workloads[i].arg);
            times[i * rounds + round] = bench_now_ns() - start;
        }
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s %llu\n", workloads[i].name, (unsigned long long)bench_median(times + i * rounds, rounds));
    }
    free(times);
}

const char *bench_path(const char *dir, const char *name, char path[512])
{
    int len = snprintf(path, 512, "%s/%s", dir, name);

    if (len < 0 || len >= 512) {
        pki_die("%s/%s is too long", dir, name);
    }
    return path;
}

X509 *bench_signed_again(const X509 *certificate, EVP_PKEY *ca_key)
{
    X509 *copy = X509_dup(certificate), *parsed = NULL;
    uint8_t *der = NULL;
    const uint8_t *at;
    int len = copy == NULL || X509_sign(copy, ca_key, EVP_sha256()) <= 0 ? -1 : i2d_X509(copy, &der);

    at = der; /* parsed anew: what was signed keeps things that were found out before */
    if (len <= 0 || (parsed = d2i_X509(NULL, &at, len)) == NULL) {
        pki_die("cannot sign a certificate again");
    }
    OPENSSL_free(der);
    X509_free(copy);
    return parsed;
}
