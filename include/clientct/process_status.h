/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process with clientct.so in it says about itself, for `clientct doctor`: a static structure in the writable
 * data of clientct.so, which whoever may trace the process finds by its first bytes in /proc/PID/mem. It needs no file
 * and no room. Not installed and no interface: the reader insists on its own version and size. The reader takes
 * nothing in it on trust, since the process can write into it what it likes.
 */
#ifndef CLIENTCT_PROCESS_STATUS_H
#define CLIENTCT_PROCESS_STATUS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CT_PROCESS_STATUS_MAGIC "clientct status\n" /* 16 bytes, its NUL left out */
#define CT_PROCESS_STATUS_VERSION 3u
#define CT_PROCESS_STATUS_ALIGN 64

/* Newer compilers want to be told of characters without a NUL. */
#ifdef __has_attribute
#if __has_attribute(nonstring)
#define CT_PROCESS_STATUS_NO_STRING __attribute__((nonstring))
#endif
#endif
#ifndef CT_PROCESS_STATUS_NO_STRING
#define CT_PROCESS_STATUS_NO_STRING
#endif

enum ct_attached {
    CT_ATTACHED_NOT_YET,
    CT_ATTACHED,
    CT_ATTACHED_FAILED,          /* the hooks could not be registered */
    CT_ATTACHED_OTHER_LIBCRYPTO, /* only another libcrypto than ours has called us */
    CT_ATTACHED_HANDED_ON,       /* the same, and the build for that one has taken the call */
};

/* What is in force: one of two is being shown while the other one is written. */
struct ct_process_state {
    uint64_t generation; /* 0: no SSL_CTX has been made yet, so nothing has been read */
    int64_t since_ms;    /* wall clock: when this was written */
    uint64_t logs;
    uint8_t digest[32]; /* as in struct clientct_state */
    uint8_t mode;       /* enum clientct_mode */
    uint8_t denying, settings_failed, lists_failed, wants_tls_scts;
    uint8_t unused[3];
    char config_file[256], why[320];
    uint64_t checksum; /* ct_process_state_checksum of all before it */
};

struct ct_process_status {
    char magic[16] CT_PROCESS_STATUS_NO_STRING;
    uint32_t version, size;
    _Atomic uint32_t attached;      /* enum ct_attached */
    _Atomic uint32_t foreign_calls; /* how often another libcrypto than ours has called us, and was sent away */
    _Atomic uint32_t writer;        /* process id of who is writing; 0: nobody */
    _Atomic uint32_t current;       /* counts the states written; states[current % 2] is the last one */
    _Atomic uint32_t rehearsal;     /* set from outside, by doctor's own child: record nothing */
    _Atomic uint32_t contexts;      /* SSL_CTX for servers that were made */
    _Atomic uint32_t contexts_tls;  /* of them, those that ask clients for SCTs */
    uint32_t unused;
    _Atomic uint64_t verdicts, refusals; /* since the process began; a forked child goes on from its parent's */
    _Atomic uint64_t last;               /* of the last verdict: reason | mode << 8 | accept << 16 | decided << 17 */
    _Atomic int64_t last_ms;             /* wall clock; 0: there was none */
    _Atomic uint64_t sessions[8];        /* by enum clientct_session, since the process began */
    struct ct_process_state states[2];
};

/* FNV-1a. It tells a state that is being written from a whole one, and nothing else. */
static inline uint64_t ct_process_state_checksum(const struct ct_process_state *state)
{
    const uint8_t *bytes = (const uint8_t *)state;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < offsetof(struct ct_process_state, checksum); i++) {
        sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

#endif
