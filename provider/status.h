/* SPDX-License-Identifier: Apache-2.0 */
/* What this process says about itself, where `clientct doctor` reads it: see clientct/process_status.h. */
#ifndef CT_STATUS_H
#define CT_STATUS_H

#include <clientct/clientct.h>
#include <clientct/process_status.h>

/* Never blocks, never fails; of two threads that come at once with the same news one does it. */
void ct_status_attached(enum ct_attached attached);
/* A server's SSL_CTX was made; `asks`: it asks its clients for SCTs. */
void ct_status_context(bool asks);
/* What the checker has in force, if that is news. */
void ct_status_checker(struct clientct_checker *checker);
/* A verdict was made; without a checker (NULL) too. */
void ct_status_verdict(struct clientct_checker *checker, const struct clientct_verdict *verdict);

/* What became of the session of a connection. */
void ct_status_session(enum clientct_session session);

/* Whether this is doctor's own child, which must leave no trace in the service's records. */
bool ct_status_is_rehearsal(void);

#endif
