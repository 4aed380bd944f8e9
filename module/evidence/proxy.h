/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proxy certificates (RFC 3820) are made by the client, with the key of the certificate that a CA gave it: name,
 * validity and extensions are the client's choice. Everything is decided about that certificate instead.
 */
#ifndef CT_EVIDENCE_PROXY_H
#define CT_EVIDENCE_PROXY_H

#include <clientct/clientct.h>

#include "base/bytes.h"

struct ct_proxied {
    struct clientct_input input;
    STACK_OF(X509)
    *chain; /* what of the chain is left, whose certificates are the caller's; NULL: nothing was changed */
};

/*
 * The input, or one in `room` without the proxy certificates that its chain begins with; NULL: it cannot be told, for
 * the next certificate is unknown or has not signed (the application goes on in spite of that), or memory is short. To
 * be ended. With `again` a verdict was made of it before, and only what has the name of a proxy is looked at.
 */
const struct clientct_input *ct_proxied_begin(const struct clientct_input *input, bool again,
                                              struct ct_proxied *room) CT_MUST_USE;
void ct_proxied_end(struct ct_proxied *room);

#endif
