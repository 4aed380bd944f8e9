/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/admission.h"
#include "policy/tally.h"

/* Where no SCT would help, whatever the policy would like to see. */
static const char *instead_of_scts(enum clientct_reason reason, bool any_sct)
{
    switch (reason) {
    case CLIENTCT_REVOKED:
        return "a new certificate: no SCT mends a revoked one";
    case CLIENTCT_PRECERTIFICATE:
        return "the final certificate, which the CA made from this precertificate";
    case CLIENTCT_BAD_EXTENSIONS:
        return any_sct ? NULL : "a certificate with extensions that are well-formed, each of them once";
    case CLIENTCT_ISSUER_UNKNOWN:
        return "an issuer in the verified chain: have the server trust the CA, not the certificate itself; or SCTs by "
               "TLS, OCSP or the store, which need no issuer";
    case CLIENTCT_LOG_LIST_STALE:
        return "a fresh log list in the place of the stale one";
    case CLIENTCT_CONFIG_ERROR:
        return "a configuration that can be used: \"clientct check\" shows all that is wrong with it";
    case CLIENTCT_INTERNAL_ERROR:
        return "nothing about the certificate: look for what the machine lacks, and try again";
    default:
        return NULL;
    }
}

/* "SCT 2 (Log A)" */
static void add_name(const struct ct_sct *sct, size_t number, char *text, size_t size)
{
    ct_text_add(text, size, "SCT %zu", number);
    if (sct->log != NULL) {
        ct_text_add(text, size, " (%.64s)", sct->log->description);
    }
}

static bool ends_outside(const struct ct_log *log, const struct ct_certificate *certificate)
{
    return certificate->not_after_ms < log->interval_start_ms || certificate->not_after_ms >= log->interval_end_ms;
}

static void add_interval(const struct ct_sct *sct, const struct ct_certificate *certificate, char *text, size_t size)
{
    const struct ct_log *log = sct->log;

    char from[32] = "ever", until[32] = "ever";
    bool by_expiry;
    int64_t start_ms, end_ms;

    /* In several lists: the one that leaves it out. */
    while (log->also != NULL && !ends_outside(log, certificate) && ct_log_signs_at(log, (int64_t)sct->timestamp_ms)) {
        log = log->also;
    }
    by_expiry = ends_outside(log, certificate);
    start_ms = by_expiry ? log->interval_start_ms : log->sct_from_ms;
    end_ms = by_expiry ? log->interval_end_ms : log->sct_until_ms;
    if (start_ms != INT64_MIN) {
        ct_time_format(start_ms, from, sizeof from);
    }
    if (end_ms != INT64_MAX) {
        ct_time_format(end_ms, until, sizeof until);
    }
    ct_text_add(text, size, " is from a log %s from %s to %s",
                by_expiry ? "for certificates that expire" : "whose SCTs count when made", from, until);
    if (!by_expiry && log->window_count > 0) {
        ct_text_add(text, size, ", with gaps between");
    }
}

/* Why this SCT does not count, in terms of what would change that. */
static void add_hint(const struct ct_policy *policy, const struct ct_certificate *certificate, const struct ct_sct *sct,
                     size_t number, char *text, size_t size)
{
    char when[32], id[2 * CT_LOG_ID_LEN + 1];

    ct_text_add(text, size, "%s", text[0] != '\0' ? "; " : "");
    switch (sct->status) {
    case CLIENTCT_FUTURE_TIMESTAMP:
        if (sct->timestamp_ms <= INT64_MAX) {
            ct_time_format((int64_t)sct->timestamp_ms - policy->clock_skew_ms, when, sizeof when);
            ct_text_add(text, size, "or wait, or set the clock right: ");
            add_name(sct, number, text, size);
            ct_text_add(text, size, " counts from %s on", when);
        }
        break;
    case CLIENTCT_UNKNOWN_LOG:
        ct_hex(sct->log_id, CT_LOG_ID_LEN, id);
        ct_text_add(text, size, "or, if it deserves trust, the log of SCT %zu in a log list: id %s", number, id);
        break;
    case CLIENTCT_OUTSIDE_INTERVAL:
        add_name(sct, number, text, size);
        add_interval(sct, certificate, text, size);
        break;
    case CLIENTCT_SCT_TOO_OLD:
        add_name(sct, number, text, size);
        ct_text_add(text, size, " is older than sct_max_age, ");
        ct_text_add_duration(text, size, policy->sct_max_age_ms);
        break;
    case CLIENTCT_LOG_RETIRED:
        add_name(sct, number, text, size);
        if (ct_log_strictest(sct->log, INT64_MAX)->state_since_ms == INT64_MIN) {
            ct_text_add(text, size, " is from a retired log without a retirement time, which never counts");
        } else {
            ct_time_format(ct_log_strictest(sct->log, INT64_MAX)->state_since_ms, when, sizeof when);
            ct_text_add(text, size, " would count had it and the certificate been issued before %s", when);
        }
        break;
    case CLIENTCT_LOG_NOT_TRUSTED:
        add_name(sct, number, text, size);
        if (sct->log->unusable != NULL) {
            ct_text_add(text, size, " is from a log that does not count: %s", sct->log->unusable);
        } else {
            ct_text_add(text, size, " is from a log that is %s",
                        ct_log_state_name(ct_log_strictest(sct->log, INT64_MAX)->state));
        }
        break;
    case CLIENTCT_BAD_SIGNATURE:
        add_name(sct, number, text, size);
        ct_text_add(text, size, " was made for another certificate%s, or was changed",
                    sct->source == CLIENTCT_SOURCE_EMBEDDED ? " or issuer" : "");
        break;
    case CLIENTCT_ISSUER_UNKNOWN:
        add_name(sct, number, text, size);
        ct_text_add(text, size, " is embedded, and cannot be checked without an issuer in the chain");
        break;
    case CLIENTCT_BAD_EXTENSIONS:
        add_name(sct, number, text, size);
        ct_text_add(text, size, " is from a static-ct log and lacks its leaf_index (`leaf_index = ignore` counts it)");
        break;
    case CLIENTCT_INCLUSION_MISSING:
    case CLIENTCT_INCLUSION_UNUSABLE:
        ct_text_add(text, size, "or the proof, in proof_store, that the log has published ");
        add_name(sct, number, text, size);
        ct_text_add(text, size, ": `clientct prove --keep DIRECTORY` asks the log for it");
        break;
    case CLIENTCT_NOT_CHECKED:
        ct_text_add(text, size, "or fewer SCTs, the good ones first: no more signatures are checked");
        break;
    default:
        ct_text_add(text, size, "SCT %zu: %s", number, clientct_reason_text(sct->status));
        break;
    }
}

/* The SCT that is nearest to counting, by what could be done about it. */
static const struct ct_sct *nearest(const struct ct_scts *scts)
{
    static const enum clientct_reason order[] = {
        CLIENTCT_INCLUSION_MISSING,  CLIENTCT_INCLUSION_UNUSABLE, CLIENTCT_ISSUER_UNKNOWN,
        CLIENTCT_FUTURE_TIMESTAMP,   CLIENTCT_UNKNOWN_LOG,        CLIENTCT_SCT_TOO_OLD,
        CLIENTCT_OUTSIDE_INTERVAL,   CLIENTCT_LOG_RETIRED,        CLIENTCT_LOG_NOT_TRUSTED,
        CLIENTCT_BAD_SIGNATURE,      CLIENTCT_BAD_EXTENSIONS,     CLIENTCT_UNSUPPORTED_VERSION,
        CLIENTCT_MALFORMED_SCT_LIST,
    };
    bool any_valid = false;

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (size_t n = 0; n < scts->count; n++) {
            if (scts->items[n].status == order[i]) {
                return &scts->items[n];
            }
        }
    }
    for (size_t n = 0; n < scts->count && !any_valid; n++) {
        any_valid = scts->items[n].status == CLIENTCT_VALID;
    }
    /* Beside a valid SCT, what was not checked is mostly a repeat. */
    return scts->count > 0 && !any_valid && scts->items[0].status == CLIENTCT_NOT_CHECKED ? &scts->items[0] : NULL;
}

void ct_advise(enum clientct_reason reason, const struct ct_policy *policy, const struct ct_certificate *certificate,
               const struct ct_scts *scts, char *advice, size_t size)
{
    const char *instead = instead_of_scts(reason, scts->count > 0);
    const struct ct_sct *sct = nearest(scts);

    if (reason == CLIENTCT_NO_SCTS && certificate->has_rfc9162) {
        snprintf(advice, size,
                 "SCTs of RFC 6962: the certificate has evidence of RFC 9162 (extension 1.3.101.75), which is not read "
                 "here; have the CA embed SCTs too, or deliver them by TLS, OCSP or the store");
        return;
    }
    if (instead != NULL) {
        snprintf(advice, size, "%s", instead);
        return;
    }
    if (sct != NULL && policy != NULL) {
        add_hint(policy, certificate, sct, (size_t)(sct - scts->items) + 1, advice, size);
    } else if (reason == CLIENTCT_OCSP_UNUSABLE) {
        ct_text_add(advice, size, "; or an OCSP response that can be used, with SCTs");
    } else if (reason == CLIENTCT_MALFORMED_SCT_LIST) {
        ct_text_add(advice, size, "; or a list of SCTs that decodes, where now it is broken");
    }
}
