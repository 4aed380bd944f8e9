/* SPDX-License-Identifier: Apache-2.0 */
/* What cases share that load the component by themselves. Failures end the case. */
#ifndef CT_TEST_CASE_H
#define CT_TEST_CASE_H

#include <check.h>

#include <openssl/ssl.h>

/* Loads $OPENSSL_CONF. */
void load(void);

/* Writes $CLIENTCT_CNF: the fixture's log list, the policy `one`, and `settings` behind them. */
void configure(const char *settings);

/* That a logged client is admitted and an unlogged one is not; `when` is for the message. */
void judges(const char *when, SSL_CTX *server);
void enforces(const char *when);

/* Of the first error in the queue, which stays there; "" without one. */
const char *reason_in_queue(void);

int run_suite(Suite *suite);

#endif
