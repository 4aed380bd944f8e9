/* SPDX-License-Identifier: Apache-2.0 */
/* What only the connection knows of a decision, for the record: who asked, by which version of TLS. */
#ifndef CT_RECORDING_H
#define CT_RECORDING_H

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* Monotonic, for what a decision takes. */
uint64_t ct_recording_now_ns(void);

#define CT_ADDRESS_SIZE 46 /* INET6_ADDRSTRLEN */

/* Fills in the rest of `input`, which points to `address` then. */
void ct_recording_describe(const SSL *ssl, char address[CT_ADDRESS_SIZE], struct clientct_input *input);

#endif
