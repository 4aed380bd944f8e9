/* What stays in OpenSSL's error queue when a client is refused: an error library of our own. */
#ifndef CT_ERRORS_H
#define CT_ERRORS_H

#include <clientct/clientct.h>

/* Registers library and reason strings. Call once a process, before the first ct_errors_push_refusal. */
void ct_errors_register(void);

/* Pushes one entry, "clientct: refused client certificate: <reason name>"; `detail` is its data (NULL, "": none). */
void ct_errors_push_refusal(enum clientct_reason reason, const char *detail);

/* Pushes one entry: "clientct: store cannot be opened", with the URI and `why` as its data. */
void ct_errors_push_store(const char *uri, const char *why);

#endif
