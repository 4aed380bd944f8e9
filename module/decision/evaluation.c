/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/evaluation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/inclusion.h"
#include "logs/signature.h"

enum { SIGNATURE_UNCHECKED, SIGNATURE_GOOD, SIGNATURE_WRONG };
enum { INCLUSION_UNCHECKED, INCLUSION_GOOD, INCLUSION_NONE, INCLUSION_WRONG };

enum ct_list_result ct_evaluation_add(struct ct_evaluation *evaluation, struct ct_bytes list,
                                      enum clientct_source source)
{
    size_t before = evaluation->scts.count;
    enum ct_list_result result = ct_sct_list_decode(list, source, &evaluation->scts);

    if (result == CT_LIST_OUT_OF_MEMORY) {
        evaluation->failed = true;
        return result;
    }
    if (evaluation->scts.count > evaluation->known_room) {
        struct ct_sct_checks *known = reallocarray(evaluation->known, evaluation->scts.count, sizeof *known);

        if (known == NULL) {
            evaluation->failed = true;
            return CT_LIST_OUT_OF_MEMORY;
        }
        memset(known + before, 0, (evaluation->scts.count - before) * sizeof *known);
        evaluation->known = known;
        evaluation->known_room = evaluation->scts.count;
    }
    for (size_t i = before; i < evaluation->scts.count; i++) {
        struct ct_sct *sct = &evaluation->scts.items[i];

        if (sct->decoded) {
            sct->log = ct_log_set_find(evaluation->logs, sct->log_id);
        }
    }
    return result;
}

/* Everything about a decoded SCT but its signature. CLIENTCT_NOT_CHECKED: only the signature is missing. */
static enum clientct_reason precheck(const struct ct_evaluation *evaluation, const struct ct_policy *policy,
                                     const struct ct_policy_subject *subject, const struct ct_sct *sct)
{
    enum clientct_reason admitted;
    uint64_t leaf_index;

    if (sct->log == NULL) {
        return CLIENTCT_UNKNOWN_LOG;
    }
    if ((admitted = ct_policy_admits(policy, subject, &evaluation->scts, sct)) != CLIENTCT_VALID) {
        return admitted;
    }
    if (sct->log->tiled && !evaluation->leaf_index_ignored && !ct_sct_leaf_index(sct->extensions, &leaf_index)) {
        return CLIENTCT_BAD_EXTENSIONS;
    }
    if (!ct_signature_plausible(sct->log, sct)) {
        return CLIENTCT_BAD_SIGNATURE;
    }
    if (sct->source == CLIENTCT_SOURCE_EMBEDDED && evaluation->issuer == NULL) {
        return CLIENTCT_ISSUER_UNKNOWN;
    }
    return CLIENTCT_NOT_CHECKED;
}

static const struct ct_signed_entry *entry_for(struct ct_evaluation *evaluation, const struct ct_sct *sct)
{
    enum ct_entry_type type = sct->source == CLIENTCT_SOURCE_EMBEDDED ? CT_ENTRY_PRECERT : CT_ENTRY_X509;
    struct ct_signed_entry *entry = &evaluation->entries[type];

    if (!entry->built &&
        ct_signed_entry_build(evaluation->certificate, evaluation->issuer, type, entry) != CT_ENTRY_OK) {
        return NULL;
    }
    return entry;
}

/* The counter for this SCT's witness, or NULL when it has had its share of checks. */
static struct ct_witness_checks *share_of(struct ct_evaluation *evaluation, size_t sct)
{
    const struct ct_sct *items = evaluation->scts.items;
    struct ct_witness_checks *share;

    for (size_t i = 0; i < evaluation->witness_count; i++) {
        share = &evaluation->witnesses[i];
        if (ct_same_witness(&items[share->sct], &items[sct])) {
            return share->checks < CT_SIGNATURE_CHECKS_PER_LOG && evaluation->checks < CT_SIGNATURE_CHECKS_MAX ? share
                                                                                                               : NULL;
        }
    }
    if (evaluation->checks >= CT_SIGNATURE_CHECKS_MAX) {
        return NULL;
    }
    share = &evaluation->witnesses[evaluation->witness_count++]; /* has room: each has cost at least one check */
    *share = (struct ct_witness_checks){ .sct = sct };
    return share;
}

/* Whether the kept proofs show the entry of an SCT whose signature is good. False: memory is short. */
static bool check_inclusion(struct ct_evaluation *evaluation, size_t i)
{
    const struct ct_sct *sct = &evaluation->scts.items[i];
    const struct ct_signed_entry *entry = entry_for(evaluation, sct);
    struct ct_promised promised = { .log = sct->log };
    uint8_t *known = &evaluation->known[i].inclusion;

    if (*known != INCLUSION_UNCHECKED) {
        return true;
    }
    if (entry == NULL || !ct_signed_entry_leaf_hash(entry, sct, promised.leaf.bytes)) {
        return false;
    }
    promised.has_index = sct->log->tiled && ct_sct_leaf_index(sct->extensions, &promised.index);
    switch (ct_inclusion_kept(evaluation->proofs, NULL, &promised, NULL, NULL)) {
    case CT_INCLUSION_SHOWN:
        *known = INCLUSION_GOOD;
        break;
    case CT_INCLUSION_ABSENT:
        *known = evaluation->proofs_unreadable ? INCLUSION_WRONG : INCLUSION_NONE;
        break;
    case CT_INCLUSION_WRONG:
        *known = INCLUSION_WRONG;
        break;
    case CT_INCLUSION_FAILED:
        return false;
    }
    return true;
}

/* The status of an SCT whose signature is good, by a policy that asks for proofs of inclusion. */
static enum clientct_reason status_by_inclusion(struct ct_evaluation *evaluation, const struct ct_policy *policy,
                                                size_t i)
{
    const struct ct_sct *sct = &evaluation->scts.items[i];

    if (!check_inclusion(evaluation, i)) {
        evaluation->failed = true;
        return CLIENTCT_INTERNAL_ERROR;
    }
    if (evaluation->known[i].inclusion == INCLUSION_GOOD) {
        return CLIENTCT_VALID;
    }
    /* Those of the future were sorted out before. */
    if (evaluation->now_ms < ct_time_add((int64_t)sct->timestamp_ms, policy->inclusion_grace_ms)) {
        return CLIENTCT_VALID;
    }
    return evaluation->known[i].inclusion == INCLUSION_WRONG ? CLIENTCT_INCLUSION_UNUSABLE : CLIENTCT_INCLUSION_MISSING;
}

/* With `repeats`, also where another SCT of the same witness was found to do before. */
static void check_signature(struct ct_evaluation *evaluation, const struct ct_policy *policy, size_t i, bool repeats)
{
    struct ct_sct *sct = &evaluation->scts.items[i];
    struct ct_witness_checks *share = NULL;
    const struct ct_signed_entry *entry;
    uint8_t digest[32];

    if (evaluation->known[i].signature == SIGNATURE_UNCHECKED) {
        if ((share = share_of(evaluation, i)) == NULL ||
            ((policy->require_inclusion ? share->included : share->verified) && !repeats)) {
            return;
        }
        if ((entry = entry_for(evaluation, sct)) == NULL || !ct_signed_entry_digest(entry, sct, digest)) {
            evaluation->failed = true;
            return;
        }
        share->checks++;
        evaluation->checks++;
        switch (ct_signature_check(sct->log, digest, sct->signature)) {
        case CT_SIGNATURE_OK:
            evaluation->known[i].signature = SIGNATURE_GOOD;
            share->verified = true;
            break;
        case CT_SIGNATURE_BAD:
            evaluation->known[i].signature = SIGNATURE_WRONG;
            break;
        case CT_SIGNATURE_FAILED:
            evaluation->failed = true;
            return;
        }
    }
    sct->status = evaluation->known[i].signature == SIGNATURE_GOOD ? CLIENTCT_VALID : CLIENTCT_BAD_SIGNATURE;
    if (sct->status == CLIENTCT_VALID && policy->require_inclusion) {
        sct->status = status_by_inclusion(evaluation, policy, i);
        if (share != NULL && evaluation->known[i].inclusion == INCLUSION_GOOD) {
            share->included = true;
        }
    }
}

/* When nothing is valid, the SCT that came furthest tells most. */
static const struct ct_sct *furthest(const struct ct_scts *scts)
{
    static const enum clientct_reason order[] = {
        CLIENTCT_INCLUSION_UNUSABLE,  CLIENTCT_INCLUSION_MISSING,  CLIENTCT_NOT_CHECKED,    CLIENTCT_SCT_TOO_OLD,
        CLIENTCT_LOG_RETIRED,         CLIENTCT_OUTSIDE_INTERVAL,   CLIENTCT_BAD_SIGNATURE,  CLIENTCT_FUTURE_TIMESTAMP,
        CLIENTCT_LOG_NOT_TRUSTED,     CLIENTCT_BAD_EXTENSIONS,     CLIENTCT_ISSUER_UNKNOWN, CLIENTCT_UNKNOWN_LOG,
        CLIENTCT_UNSUPPORTED_VERSION, CLIENTCT_MALFORMED_SCT_LIST,
    };

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        for (size_t n = 0; n < scts->count; n++) {
            if (scts->items[n].status == order[i]) {
                return &scts->items[n];
            }
        }
    }
    return &scts->items[0];
}

/* The reason says two things in one where the interval may be the certificate's or the SCT's. */
static const char *text_of(const struct ct_sct *sct, int64_t not_after_ms)
{
    const struct ct_log *log = sct->log;

    if (sct->status != CLIENTCT_OUTSIDE_INTERVAL) {
        return clientct_reason_text(sct->status);
    }
    for (; log != NULL; log = log->also) {
        if (not_after_ms < log->interval_start_ms || not_after_ms >= log->interval_end_ms) {
            return "the certificate expires outside the log's temporal interval";
        }
    }
    return "the SCT was made outside the time in which the log's SCTs count";
}

static enum clientct_reason blame(const struct ct_scts *scts, int64_t not_after_ms, char *detail, size_t size)
{
    const struct ct_sct *sct = furthest(scts);
    char id[2 * CT_LOG_ID_LEN + 1] = "";

    if (detail != NULL) {
        if (sct->decoded) {
            ct_hex(sct->log_id, CT_LOG_ID_LEN, id);
        }
        snprintf(detail, size, "none of %zu SCT%s counts; SCT %zu (%s%s%.64s): %s", scts->count,
                 scts->count == 1 ? "" : "s", (size_t)(sct - scts->items) + 1, clientct_source_name(sct->source),
                 sct->decoded ? ", log " : "", sct->log != NULL ? sct->log->description : id,
                 text_of(sct, not_after_ms));
    }
    return sct->status;
}

enum clientct_reason ct_evaluation_judge(struct ct_evaluation *evaluation, const struct ct_policy *policy, char *detail,
                                         size_t detail_size, struct ct_explanation *explanation)
{
    struct ct_policy_subject subject = {
        .not_before_ms = evaluation->certificate->not_before_ms,
        .not_after_ms = evaluation->certificate->not_after_ms,
        .now_ms = evaluation->now_ms,
    };
    struct ct_scts *scts = &evaluation->scts;
    enum clientct_reason reason = CLIENTCT_NO_SCTS;
    bool any_valid = false;

    for (size_t i = 0; i < scts->count; i++) {
        if (scts->items[i].decoded) {
            scts->items[i].status = precheck(evaluation, policy, &subject, &scts->items[i]);
        }
    }
    for (size_t i = 0; i < scts->count && !evaluation->failed; i++) {
        if (!scts->items[i].decoded || scts->items[i].status != CLIENTCT_NOT_CHECKED) {
            continue;
        }
        check_signature(evaluation, policy, i, false);
        if (scts->items[i].status != CLIENTCT_VALID) {
            continue;
        }
        any_valid = true;
        if (!evaluation->check_all) {
            reason = ct_policy_judge(policy, &subject, scts, NULL, 0, NULL);
            if (reason == CLIENTCT_COMPLIANT) {
                break;
            }
        }
    }
    /* Repeats come last: they must not use up the checks that a server has for the logs behind them. */
    for (size_t i = 0; i < scts->count && evaluation->check_all && !evaluation->failed; i++) {
        if (scts->items[i].decoded && scts->items[i].status == CLIENTCT_NOT_CHECKED) {
            check_signature(evaluation, policy, i, true);
        }
    }
    if (evaluation->failed) {
        return CLIENTCT_INTERNAL_ERROR;
    }
    if (detail != NULL || explanation != NULL || evaluation->check_all) {
        reason = ct_policy_judge(policy, &subject, scts, detail, detail_size, explanation);
    }
    if (scts->count == 0) {
        return CLIENTCT_NO_SCTS;
    }
    return any_valid ? reason : blame(scts, evaluation->certificate->not_after_ms, detail, detail_size);
}

void ct_evaluation_clear(struct ct_evaluation *evaluation)
{
    ct_scts_clear(&evaluation->scts);
    free(evaluation->known);
    ct_signed_entry_clear(&evaluation->entries[CT_ENTRY_X509]);
    ct_signed_entry_clear(&evaluation->entries[CT_ENTRY_PRECERT]);
}
