/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one checker of the process. It lives outside every library context,
 * because the hooks do: an ex_data index and the certificates behind it belong
 * to the process.
 */
#ifndef CT_PROCESS_CHECKER_H
#define CT_PROCESS_CHECKER_H

#include <clientct/clientct.h>

/*
 * Notes the configuration file that an entry of openssl.cnf names (NULL: the
 * default), and reads its bytes and those of what it names: a server may change
 * its root, its user or run out of descriptors before it makes its first
 * SSL_CTX. The name is copied, nothing is decoded. The first name stays; another
 * one later is an openssl.cnf that contradicts itself, and denies everybody.
 */
void ct_process_checker_configure(const char *config_file);

/* Denies everybody with `config-error` from now on; `why` is copied, the first one stays. */
void ct_process_checker_deny(const char *why);

/*
 * Around everything that is asked of the checker: its cryptography is the default library context's, and what it keeps
 * (keys, MACs) must not belong to a context that a thread has made its default and may free. `leave` takes what `enter`
 * returned.
 */
OSSL_LIB_CTX *ct_process_checker_enter(void);
void ct_process_checker_leave(OSSL_LIB_CTX *threads_own);

/* Why everybody is denied; NULL: nobody is for such a reason. */
const char *ct_process_checker_denied(void);

/* The checker, made at the first call, which reads the configuration. NULL when memory is short, for now: refuse. */
struct clientct_checker *ct_process_checker_get0(void);

#endif
