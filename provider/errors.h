/* SPDX-License-Identifier: Apache-2.0 */
/* What stays in OpenSSL's error queue when a client is refused: an error library of our own. */
#ifndef CT_ERRORS_H
#define CT_ERRORS_H

#include <clientct/clientct.h>

/*
 * The application's error queue as it is now: whatever we do between keep and put_back leaves nothing behind in it. A
 * mark (ERR_set_mark) alone does not do: an empty queue cannot be marked, and where a fetch fails libcrypto 3.0 leaves
 * marks of its own, at which ERR_pop_to_mark stops. What is left makes SSL_get_error call a handshake failed.
 */
struct ct_errors_kept {
    unsigned long last; /* 0: the queue was empty */
    const char *file;
    int line;
};
void ct_errors_keep(struct ct_errors_kept *kept);
void ct_errors_put_back(const struct ct_errors_kept *kept);

/* Registers library and reason strings. Call once a process, before the first ct_errors_push_refusal. */
void ct_errors_register(void);

/* Pushes one entry, "clientct: refused client certificate: <reason name>"; `detail` is its data (NULL, "": none). */
void ct_errors_push_refusal(enum clientct_reason reason, const char *detail);

/* Pushes one entry: "clientct: store cannot be opened", with the URI and `why` as its data. */
void ct_errors_push_store(const char *uri, const char *why);

#endif
