/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/replay/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *const replay_change_names[REPLAY_CHANGES] = {
    [REPLAY_SAME] = "same",       [REPLAY_LOCKED_OUT] = "locked-out", [REPLAY_LET_IN] = "let-in",
    [REPLAY_FAILS] = "fails",     [REPLAY_PASSES] = "passes",         [REPLAY_OTHER] = "otherwise",
    [REPLAY_EXPIRES] = "expires",
};

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text != NULL ? text : "");
}

static bool is_out_of_date(const X509 *leaf, int64_t at_ms)
{
    int64_t from, until;

    return ct_time_of_asn1(X509_get0_notBefore(leaf), &from) && ct_time_of_asn1(X509_get0_notAfter(leaf), &until) &&
           (at_ms < from || at_ms >= until + CT_SECOND_MS);
}

void replay_decide(struct clientct_checker *checker, const struct replay_subject *subject, int64_t at_ms,
                   struct replay_answer *answer)
{
    const struct replay_record *record = subject->record;
    struct clientct_input input = {
        .leaf = subject->leaf,
        .chain = subject->chain,
        .at_ms = at_ms != 0 ? at_ms : 1, /* 0 would mean now */
        .server_name = subject->server_name,
    };
    struct clientct_verdict verdict;

    if (record != NULL) {
        input.tls_scts = record->tls_scts.data;
        input.tls_scts_len = record->tls_scts.len;
        input.ocsp_response = record->ocsp.data;
        input.ocsp_response_len = record->ocsp.len;
        input.server_name = record->server_name;
        input.shown_server_names = record->shown;
        input.shown_server_name_count = record->shown_count;
        input.no_tls_scts = record->no_tls_scts;
        input.stores_given = true;
        input.store_scts = record->store.data;
        input.store_scts_len = record->store.len;
        input.ocsp_unread = record->ocsp_unread;
        input.proofs = record->proofs.data;
        input.proofs_len = record->proofs.len;
        input.proofs_unread = record->proofs_unread;
    }
    (void)!clientct_decide(checker, &input, &verdict);
    *answer = (struct replay_answer){
        .known = true,
        .accept = verdict.accept,
        .decided = verdict.decided,
        .compliant = verdict.compliant,
        .out_of_date = is_out_of_date(subject->leaf, at_ms),
        .reason = verdict.reason,
        .mode = verdict.mode,
        .shadow_compliant = verdict.shadow_compliant,
        .shadow_reason = verdict.shadow_reason,
        .at_ms = at_ms,
        .until_ms = verdict.holds_until_ms,
    };
    copy(answer->policy, sizeof answer->policy, verdict.policy);
    copy(answer->rule, sizeof answer->rule, verdict.rule);
    copy(answer->shadow_policy, sizeof answer->shadow_policy, verdict.shadow_policy);
    copy(answer->detail, sizeof answer->detail, verdict.detail);
    clientct_verdict_clear(&verdict);
}

void replay_recorded(const struct replay_record *record, struct replay_answer *answer)
{
    const struct replay_recorded *verdict = &record->verdict;

    *answer = (struct replay_answer){
        .known = record->has_verdict,
        .accept = verdict->accept,
        .decided = verdict->decided,
        .compliant = verdict->compliant,
        .reason = verdict->reason,
        .mode = verdict->mode,
        .shadow_compliant = verdict->shadow_compliant,
        .shadow_reason = verdict->shadow_reason,
        .at_ms = record->at_ms,
        .until_ms = INT64_MAX,
    };
    copy(answer->policy, sizeof answer->policy, verdict->policy);
    copy(answer->rule, sizeof answer->rule, verdict->rule);
    copy(answer->shadow_policy, sizeof answer->shadow_policy, verdict->shadow_policy);
    copy(answer->detail, sizeof answer->detail, verdict->cached ? NULL : verdict->detail);
}

int64_t replay_next(const struct replay_answer *answer, const X509 *leaf)
{
    int64_t next = answer->until_ms, from, until;

    if (ct_time_of_asn1(X509_get0_notBefore(leaf), &from) && from > answer->at_ms && from < next) {
        next = from;
    }
    if (ct_time_of_asn1(X509_get0_notAfter(leaf), &until) && until + CT_SECOND_MS > answer->at_ms &&
        until + CT_SECOND_MS < next) {
        next = until + CT_SECOND_MS;
    }
    return next;
}

/* The same outcome by the same way. */
static bool same_way(const struct replay_answer *a, const struct replay_answer *b)
{
    return a->accept == b->accept && a->compliant == b->compliant && a->decided == b->decided &&
           a->reason == b->reason && a->mode == b->mode && strcmp(a->policy, b->policy) == 0 &&
           strcmp(a->rule, b->rule) == 0;
}

bool replay_identical(const struct replay_answer *before, const struct replay_answer *after)
{
    return before->known && same_way(before, after) && strcmp(before->shadow_policy, after->shadow_policy) == 0 &&
           before->shadow_compliant == after->shadow_compliant && before->shadow_reason == after->shadow_reason &&
           (before->detail[0] == '\0' || strcmp(before->detail, after->detail) == 0);
}

enum replay_change replay_compare(const struct replay_answer *before, const struct replay_answer *after)
{
    if (after->out_of_date) {
        return before->out_of_date ? REPLAY_SAME : REPLAY_EXPIRES;
    }
    if (!before->known || before->out_of_date) {
        return after->accept && after->compliant ? REPLAY_SAME : after->accept ? REPLAY_FAILS : REPLAY_LOCKED_OUT;
    }
    if (before->accept != after->accept) {
        return after->accept ? REPLAY_LET_IN : REPLAY_LOCKED_OUT;
    }
    /* Without a judgement (mode = off) there is nothing to compare but what was done. */
    if (before->compliant != after->compliant && before->reason != CLIENTCT_NOT_EVALUATED &&
        after->reason != CLIENTCT_NOT_EVALUATED) {
        return after->compliant ? REPLAY_PASSES : REPLAY_FAILS;
    }
    return same_way(before, after) ? REPLAY_SAME : REPLAY_OTHER;
}
