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

/* What the client has shown beside the certificate. */
struct ct_let_pass {
    struct clientct_input input;            /* leaf and chain are not filled in; good until it is cleared */
    char *names[CLIENTCT_SERVER_NAMES_MAX]; /* NULL: no name was given */
    size_t name_count;
    struct ct_let_pass_entry *entry;
    uint64_t mark, number; /* of the last connection */
};

/* At CertificateVerify; `input` is what the connection has shown. False: memory is short. */
bool ct_let_pass_note(X509 *leaf, const struct clientct_input *input);

/*
 * Whether a certificate that libcrypto, asked for no connection, has accepted is that of such a client. Which one of
 * its connections is meant cannot be told: in `found` is what the last one has shown, and the names of all of the last
 * minute that have not been accepted; more names than are looked at, which is refused, where they could not be had. To
 * be cleared then.
 */
bool ct_let_pass_find(X509 *leaf, struct ct_let_pass *found);
/* It was accepted, by all the names that were found. */
void ct_let_pass_accept(const struct ct_let_pass *found);
void ct_let_pass_clear(struct ct_let_pass *found);
/* Whether that has ever been so in this process. */
bool ct_let_pass_happens(void);

#endif
