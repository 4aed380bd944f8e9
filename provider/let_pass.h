/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients whose certificates libcrypto was not asked about in their handshakes. That is the application's business,
 * until it asks libcrypto afterwards: then the certificate is judged by what the connection has shown.
 */
#ifndef CT_LET_PASS_H
#define CT_LET_PASS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include <clientct/clientct.h>

/* What the connection has shown beside the certificate; good until it is given back. */
struct ct_let_pass {
    struct clientct_input input; /* leaf and chain are not filled in */
    struct ct_let_pass_entry *entry;
    unsigned seat;
};

/* At CertificateVerify; `input` is what the connection has shown. False: memory is short. */
bool ct_let_pass_note(X509 *leaf, const struct clientct_input *input);

/*
 * Whether a certificate that libcrypto, asked for no connection, has accepted is that of such a client. Nothing is in
 * `found` where another thread has it, or has left with it. To be given back, from any thread.
 */
bool ct_let_pass_take(X509 *leaf, struct ct_let_pass *found);
/* Whether that has ever been so in this process. */
bool ct_let_pass_happens(void);
void ct_let_pass_give_back(struct ct_let_pass *found);

#endif
