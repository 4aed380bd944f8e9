/* SPDX-License-Identifier: Apache-2.0 */
/* What only the connection knows of a decision, for the record: who asked, by which version of TLS. */
#ifndef CT_RECORDING_H
#define CT_RECORDING_H

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* Monotonic, for what a decision takes. */
uint64_t ct_recording_now_ns(void);

/* Fills in the rest of `input` and records the verdict. Never blocks and never fails. */
void ct_recording_record(struct clientct_checker *checker, const SSL *ssl, struct clientct_input *input,
                         const struct clientct_verdict *verdict, uint64_t elapsed_ns);

#endif
