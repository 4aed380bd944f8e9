/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmark programs share: workloads that are measured in turn, so that a busy moment of the machine hits all
 * of them alike.
 *
 * Without --once each program prints one line for a workload, "NAME NANOSECONDS" (the median). With --once every
 * workload runs once, after a warm-up, inside bench_measured(), and bench_mark() ends it: callgrind, told to collect in
 * the one function and to dump at the other, counts the instructions; the names are printed in the order of the dumps.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

struct bench_workload {
    const char *name;
    void (*prepare)(void *arg); /* before each run, not measured; may be NULL */
    void (*run)(void *arg);
    void *arg;
};

void bench_run(const struct bench_workload *workloads, size_t count, unsigned rounds, bool once);

/* Calls run(arg): the only place where callgrind collects. */
void bench_measured(void (*run)(void *arg), void *arg);
/* Where callgrind dumps what was collected since the last time. */
void bench_mark(const char *name);

uint64_t bench_now_ns(void);
uint64_t bench_median(uint64_t *values, size_t count);

/* The names of the fixture's files, in the directory that bench_fixture has filled. Dies when it does not fit. */
const char *bench_path(const char *dir, const char *name, char path[512]);

/*
 * The same certificate with a new signature of the CA (ECDSA has a random part): valid, with the same SCTs, and one on
 * which no verdict can have been cached. Owned by the caller; dies when it cannot be made.
 */
X509 *bench_signed_again(const X509 *certificate, EVP_PKEY *ca_key);

#endif
