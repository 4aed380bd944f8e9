/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: what a process with the component in it says about itself. It may lie, and do no more than that. */
#ifndef CT_TOOL_STATUS_H
#define CT_TOOL_STATUS_H

#include <clientct/clientct.h>

#include "base/bytes.h"

/* A copy whose strings end and whose numbers are within their bounds. */
struct doctor_state {
    bool known; /* false: no SSL_CTX has been made yet, or it was being written */
    struct clientct_state state;
    int64_t since_ms;
    unsigned attached; /* enum ct_attached */
    unsigned foreign_calls, contexts, contexts_tls;
    uint64_t verdicts, refusals;
    uint64_t sessions[CLIENTCT_SESSION_COUNT];
    int64_t last_ms; /* 0: there was no verdict */
    enum clientct_reason last_reason;
    enum clientct_mode last_mode;
    bool last_accept;
};

/* Of one whose `attached` is CT_ATTACHED_OTHER_LIBCRYPTO. */
#define DOCTOR_TAKES_NO_PART \
    "takes no part: it is built for another OpenSSL than the one that loaded it; put the build for that one beside " \
    "it, as clientct-N.so for OpenSSL N"

enum doctor_status_parsed { DOCTOR_STATUS_OK, DOCTOR_STATUS_NONE, DOCTOR_STATUS_OTHER_VERSION };
/* `bytes` is a struct ct_process_status as it lies in the process. */
enum doctor_status_parsed doctor_status_parse(struct ct_bytes bytes, struct doctor_state *out) CT_MUST_USE;

/* Whether nobody can get in: by what it says, or because there is no log that could have signed. */
bool doctor_state_denies(const struct clientct_state *state);

#endif
