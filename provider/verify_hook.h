/* Where OpenSSL's verification of a client certificate meets the checker. */
#ifndef CT_VERIFY_HOOK_H
#define CT_VERIFY_HOOK_H

#include <stdbool.h>

/* Wraps the verify function of every X509_STORE_CTX from now on. Call once a process; false when memory is short. */
bool ct_verify_hook_register(void);

#endif
