/* SPDX-License-Identifier: Apache-2.0 */
/* A client as the server sees it, and the calls that the verify hook makes for it. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <clientct/clientct.h>

#include "bench.h"

struct bench_subject {
    struct clientct_checker *checker;
    uint8_t *der;
    size_t der_len;
    X509 *ca;
    EVP_PKEY *ca_key;
    STACK_OF(X509) *chain;
    struct clientct_input input;
    bool ever_new;       /* signed again each time: no verdict can have been cached on it */
    bool accept;         /* what has to come out; anything else ends the process */
    unsigned signatures; /* how many have to be checked when it is new */
};

/* `config` and `client` are names in the fixture's directory. Records as a server does. */
struct clientct_checker *bench_checker(const char *dir, const char *config);
void bench_subject_set(struct bench_subject *subject, const char *dir, struct clientct_checker *checker,
                       const char *client);
void bench_subject_clear(struct bench_subject *subject);

/* Parses the certificate anew, as a handshake does, and as far as chain verification goes. */
void bench_subject_prepare(void *subject);
/* Decides and records; dies when the verdict is not what the subject says. */
void bench_subject_decide(void *subject);
/* The same without the record. */
void bench_subject_only_decide(void *subject);

#endif
