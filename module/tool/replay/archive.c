/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: records one by one, each that says something new decided. */
#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "tool/replay/replay.h"

/* All that an answer depends on, and what it is compared with: the same again says nothing new. */
static uint64_t number_of(const struct replay_work *work, const struct replay_record *record)
{
    const struct replay_recorded *verdict = &record->verdict;
    int64_t day = work->has_at ? 0 : record->at_ms / CT_DAY_MS;
    const uint8_t flags[] = { record->has_verdict, verdict->accept,          verdict->compliant,
                              verdict->decided,    (uint8_t)verdict->reason, (uint8_t)verdict->mode };
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && ct_digest_add(md, &day, sizeof day);
    uint8_t digest[32];
    uint64_t number;

    for (size_t i = 0; ok && i < record->chain_count; i++) {
        ok = ct_digest_add(md, record->chain[i].data, record->chain[i].len);
    }
    ok = ok && ct_digest_add(md, record->tls_scts.data, record->tls_scts.len) &&
         ct_digest_add(md, record->ocsp.data, record->ocsp.len) &&
         ct_digest_add(md, record->store.data, record->store.len) &&
         ct_digest_add(md, record->proofs.data, record->proofs.len) && ct_digest_add_text(md, record->proofs_unread) &&
         ct_digest_add_text(md, record->server_name) && ct_digest_add_text(md, record->ocsp_unread) &&
         ct_digest_add(md, &record->shown_count, sizeof record->shown_count);
    for (size_t i = 0; ok && i < record->shown_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        ok = ct_digest_add_text(md, record->shown[i]);
    }
    if (work->against == NULL) {
        ok = ok && ct_digest_add(md, flags, sizeof flags) && ct_digest_add_text(md, verdict->policy) &&
             ct_digest_add_text(md, verdict->rule);
    }
    if (!ok || EVP_DigestFinal_ex(md, digest, NULL) != 1) {
        tool_out_of_memory();
    }
    EVP_MD_CTX_free(md);
    memcpy(&number, digest, sizeof number);
    return number;
}

static void take_record(struct replay_work *work, const struct replay_record *record)
{
    struct replay_subject subject = { .record = record, .chain = sk_X509_new_null() };

    work->tally.records++;
    work->tally.lost += record->lost;
    if (!replay_set_add(&work->tally.seen, number_of(work, record))) {
        work->tally.repeated++;
        sk_X509_free(subject.chain);
        return;
    }
    for (size_t i = 0; i < record->chain_count; i++) {
        X509 *certificate = replay_certificate(work, record->chain[i], i > 0);

        if (certificate == NULL) {
            work->tally.unreadable++;
            goto out;
        }
        if (subject.chain == NULL || sk_X509_push(subject.chain, certificate) <= 0) {
            tool_out_of_memory();
        }
    }
    subject.leaf = sk_X509_value(subject.chain, 0);
    replay_judge(work, &subject);
out:
    tool_certificates_free(subject.chain);
}

static void take(void *arg, enum replay_read read, const struct replay_record *record)
{
    struct replay_work *work = arg;

    switch (read) {
    case REPLAY_READ:
        take_record(work, record);
        break;
    case REPLAY_FOREIGN:
        work->tally.foreign++;
        break;
    case REPLAY_NEWER:
        work->tally.newer++;
        break;
    }
}

bool replay_archive(struct replay_work *work, const char *name, int fd)
{
    return replay_records_read("replay", name, fd, (struct ct_bytes){ 0 }, take, work);
}
