/* SPDX-License-Identifier: Apache-2.0 */
#include "base/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/shared.h"

const char *clientct_reason_name(enum clientct_reason reason)
{
    static const char *const names[] = {
#define CT_NAME(id, name, text) name,
        CLIENTCT_REASONS(CT_NAME)
#undef CT_NAME
    };

    return (unsigned)reason < CLIENTCT_REASON_COUNT ? names[reason] : "unknown-reason";
}

const char *clientct_reason_text(enum clientct_reason reason)
{
    static const char *const texts[] = {
#define CT_TEXT(id, name, text) text,
        CLIENTCT_REASONS(CT_TEXT)
#undef CT_TEXT
    };

    return (unsigned)reason < CLIENTCT_REASON_COUNT ? texts[reason] : "unknown-reason";
}

const char *clientct_source_name(enum clientct_source source)
{
    static const char *const names[CLIENTCT_SOURCE_COUNT] = { "embedded", "tls", "ocsp", "store" };

    return (unsigned)source < CLIENTCT_SOURCE_COUNT ? names[source] : "unknown-source";
}

const char *clientct_mode_name(enum clientct_mode mode)
{
    switch (mode) {
    case CLIENTCT_MODE_ENFORCE:
        return "enforce";
    case CLIENTCT_MODE_REPORT:
        return "report";
    case CLIENTCT_MODE_OFF:
        return "off";
    }
    return "unknown-mode";
}

const char *clientct_resumption_name(enum clientct_resumption resumption)
{
    static const char *const names[] = { "refuse", "checked", "allow" };

    return (unsigned)resumption < sizeof names / sizeof names[0] ? names[resumption] : "unknown-resumption";
}

const char *clientct_session_name(enum clientct_session session)
{
    static const char *const names[CLIENTCT_SESSION_COUNT] = { "unknown", "resumable", "refused",
                                                               "undone",  "allowed",   "resumed" };

    return (unsigned)session < CLIENTCT_SESSION_COUNT ? names[session] : "unknown-session";
}

const char *clientct_version(void)
{
    return CLIENTCT_VERSION;
}

void clientct_verdict_clear_sized(struct clientct_verdict *verdict, size_t verdict_size)
{
    if (verdict == NULL || verdict_size < CT_VERDICT_SIZE_MIN) {
        return;
    }
    for (size_t i = 0; i < verdict->condition_count; i++) {
        free((void *)verdict->conditions[i]);
    }
    free((void *)verdict->conditions);
    free((void *)verdict->scts);
    ct_share_release(verdict->held);
    memset(verdict, 0, verdict_size);
}
