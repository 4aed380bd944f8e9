/* SPDX-License-Identifier: Apache-2.0 */
/* Where OpenSSL's verification of a client certificate meets the checker. */
#ifndef CT_VERIFY_HOOK_H
#define CT_VERIFY_HOOK_H

#include <stdbool.h>

#include <openssl/ssl.h>

/*
 * For a client whose chain was verified, but not through us (the application has put another verify function into the
 * context, or set the context up anew; the thread has a library context of its own): judges it now. False: refused.
 */
bool ct_verify_hook_judge_late(SSL *ssl);

/* Whether contexts that are set up in the thread's default library context come to us. */
bool ct_verify_hook_is_registered(void);

/* Wraps the verify function of every X509_STORE_CTX from now on. Call once a process; false when memory is short. */
bool ct_verify_hook_register(void);

#endif
