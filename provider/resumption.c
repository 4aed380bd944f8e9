/* SPDX-License-Identifier: Apache-2.0 */
#include "resumption.h"

#include <stdint.h>
#include <time.h>

#include <openssl/x509.h>

#include "session_context.h"

/* Refuses in every way there is, since applications and libssl may each override one of them. */
void ct_resumption_refuse(SSL *ssl)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    /* No connection has the session's context then, so none resumes it, whatever becomes of its times. */
    size_t tickets = ct_session_context_part(ssl) ? 1 : 0;

    if (session != NULL) {
        /* Expired in 1970, in caches and in tickets that come back; but libssl gives tickets of TLS 1.3 a new time. */
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
        SSL_SESSION_set_time_ex(session, 1);
#else
        SSL_SESSION_set_time(session, 1);
#endif
        SSL_SESSION_set_timeout(session, 1);
    }
    /*
     * One ticket that cannot be used: a TLS 1.3 server that says nothing after the client's Finished delays the
     * acknowledgement, and a client with Nagle's algorithm waits for it before its first request.
     */
    if (SSL_get_num_tickets(ssl) > tickets) {
        SSL_set_num_tickets(ssl, tickets);
    }
    SSL_set_max_early_data(ssl, 0); /* nor is the client to be told that it may send data with it */
}

/* 1970: no timegm, which ends in 2038 where time_t has 32 bits. Kept for good, where leak checkers find it. */
static ASN1_TIME *epoch;

bool ct_resumption_prepare(void)
{
    epoch = ASN1_TIME_set(NULL, 0);
    return epoch != NULL;
}

/* When libcrypto begins to find it expired; INT64_MIN: it says no time. */
static int64_t end_ms(const X509 *certificate)
{
    int days, seconds;

    if (ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) != 1) {
        return INT64_MIN;
    }
    return ((int64_t)days * 86400 + seconds) * 1000;
}

/* A session does not outlive what its verdict was about, either. */
static int64_t holds_until_ms(const struct clientct_verdict *verdict, const X509 *leaf, STACK_OF(X509) *chain)
{
    int64_t until_ms = verdict->holds_until_ms;

    for (int i = -1; i < sk_X509_num(chain); i++) {
        const X509 *certificate = i < 0 ? leaf : sk_X509_value(chain, i);
        int64_t ends_ms = certificate != NULL && (i < 0 || certificate != leaf) ? end_ms(certificate) : INT64_MAX;

        until_ms = ends_ms < until_ms ? ends_ms : until_ms;
    }
    return until_ms;
}

enum clientct_session ct_resumption_settle(SSL *ssl, const struct clientct_verdict *verdict,
                                           const struct clientct_input *input)
{
    enum ct_session_context context = CT_SESSION_CONTEXT_PASSED;

    if (verdict->terms.resumption != CLIENTCT_RESUMPTION_REFUSE) {
        context = ct_session_context_judge(ssl, &verdict->terms, input->server_name,
                                           holds_until_ms(verdict, input->leaf, input->chain));
    }
    /* A context of ours all the same: the settings have changed since the handshake began. */
    if (verdict->terms.resumption == CLIENTCT_RESUMPTION_ALLOW && context == CT_SESSION_CONTEXT_UNDONE) {
        return CLIENTCT_SESSION_ALLOWED;
    }
    if (context == CT_SESSION_CONTEXT_HOLDS && verdict->accept) {
        ct_session_context_promise(ssl);
        return CLIENTCT_SESSION_RESUMABLE;
    }
    ct_resumption_refuse(ssl);
    return context == CT_SESSION_CONTEXT_UNDONE ? CLIENTCT_SESSION_UNDONE : CLIENTCT_SESSION_REFUSED;
}
