/* SPDX-License-Identifier: Apache-2.0 */
#include "record/archive.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/rate.h"
#include "base/self.h"
#include "base/shared.h"
#include "evidence/evidence.h"
#include "record/archive_record.h"
#include "record/audit_sink.h"

/* What was kept today: a number for each record and one for each certificate, in the set that the number chooses. */
#define SETS 16384u
#define WAYS 8u
#define DAY_BITS 8

struct seen {
    _Atomic uint64_t slots[SETS][WAYS]; /* 0: free; in the lowest bits its day */
};

/* Where to, and where else to look; immutable. */
struct place {
    struct ct_audit_sink *sink;
    char *ocsp_store, *sct_store, *proof_store; /* NULL: none */
};

struct ct_archive {
    struct ct_shared place; /* none: nothing is kept */
    /* Shared with children: a server that forks a process for each connection keeps a certificate once, too. */
    struct seen *seen;
    _Atomic int64_t full_at;
    atomic_uint_fast64_t written, lost_rate, lost_sink, unsaid;
    char process[64], host[65];
};

static void place_free(void *arg)
{
    struct place *place = arg;

    ct_audit_sink_release(place->sink);
    free(place->ocsp_store);
    free(place->sct_store);
    free(place->proof_store);
    free(place);
}

struct ct_archive *ct_archive_new(void)
{
    struct ct_archive *archive = calloc(1, sizeof *archive);
    struct utsname system;

    if (archive == NULL) {
        return NULL;
    }
    archive->seen = mmap(NULL, sizeof *archive->seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (archive->seen == MAP_FAILED) {
        free(archive);
        return NULL;
    }
    snprintf(archive->process, sizeof archive->process, "%s", program_invocation_short_name);
    snprintf(archive->host, sizeof archive->host, "%s", uname(&system) == 0 ? system.nodename : "");
    return archive;
}

void ct_archive_free(struct ct_archive *archive)
{
    if (archive != NULL) {
        ct_shared_clear(&archive->place);
        munmap(archive->seen, sizeof *archive->seen);
        free(archive);
    }
}

static bool copy(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

bool ct_archive_apply(struct ct_archive *archive, const struct ct_settings *settings)
{
    struct ct_share *share = ct_shared_get1(&archive->place);
    const struct place *before = share == NULL ? NULL : ct_share_get0(share);
    struct place *place = NULL;
    bool ok = true;

    if (settings->archive.path != NULL) {
        place = calloc(1, sizeof *place);
        ok = place != NULL && copy(settings->ocsp_store.path, &place->ocsp_store) &&
             copy(settings->sct_store.path, &place->sct_store) && copy(settings->proof_store.path, &place->proof_store);
        if (ok && before != NULL && ct_audit_sink_is(before->sink, CT_AUDIT_FILE, settings->archive.path)) {
            ct_audit_sink_look(before->sink, ct_monotonic_ms(), true);
            place->sink = ct_audit_sink_retain(before->sink);
        } else if (ok) {
            place->sink = ct_audit_sink_new(CT_AUDIT_FILE, settings->archive.path);
            ok = place->sink != NULL;
        }
    }
    ok = ok && ct_shared_set(&archive->place, place, place_free);
    if (!ok && place != NULL) {
        place_free(place);
    }
    ct_share_release(share);
    return ok;
}

/* --- what was kept today --- */

/* True: it was not there, and is now. Of more than a set holds, one is forgotten, and may be kept again. */
static bool claim(struct seen *seen, uint64_t number, uint8_t day)
{
    uint64_t wanted = (number & ~UINT64_C(0xff)) | day;
    _Atomic uint64_t *set = seen->slots[number >> 32 & (SETS - 1)];
    size_t place = number >> 8 & (WAYS - 1);
    uint64_t there;

    for (size_t i = 0; i < WAYS; i++) {
        there = atomic_load_explicit(&set[i], memory_order_relaxed);
        if (there == wanted) {
            return false;
        }
        if (there == 0 || (uint8_t)there != day) {
            place = i;
        }
    }
    there = atomic_load_explicit(&set[place], memory_order_relaxed);
    (void)atomic_compare_exchange_strong(&set[place], &there, wanted);
    return true;
}

static void forget(struct seen *seen, uint64_t number, uint8_t day)
{
    _Atomic uint64_t *set = seen->slots[number >> 32 & (SETS - 1)];

    for (size_t i = 0; i < WAYS; i++) {
        uint64_t wanted = (number & ~UINT64_C(0xff)) | day;

        (void)atomic_compare_exchange_strong(&set[i], &wanted, 0);
    }
}

/* By their signatures, which are over all else in them. */
static bool add_issuers(EVP_MD_CTX *md, const STACK_OF(X509) *chain)
{
    bool ok = true;

    for (int i = 1; ok && i < sk_X509_num(chain); i++) {
        const ASN1_BIT_STRING *signature = NULL;

        X509_get0_signature(&signature, NULL, sk_X509_value(chain, i));
        ok = signature != NULL &&
             ct_digest_add(md, ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature));
    }
    return ok;
}

/* Where mode = off did not look at it. */
static bool digest_of(X509 *leaf, uint8_t sha256[32])
{
    struct ct_certificate certificate = { 0 };
    bool ok = ct_certificate_read(leaf, &certificate) == CT_CERTIFICATE_OK;

    memcpy(sha256, certificate.sha256, sizeof certificate.sha256);
    ct_certificate_clear(&certificate);
    return ok;
}

/* A number of the certificate, and one of all that a verdict depends on. False: no digest, or memory is short. */
static bool numbers_of(const struct clientct_input *input, const struct clientct_verdict *verdict,
                       uint64_t *certificate, uint64_t *record)
{
    static const uint8_t zero[32];
    uint8_t sha256[32], all[32];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md != NULL;

    memcpy(sha256, verdict->leaf_sha256, sizeof sha256);
    if (memcmp(sha256, zero, sizeof zero) == 0) {
        ok = ok && digest_of(input->leaf, sha256);
    }
    ok = ok && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && ct_digest_add(md, sha256, sizeof sha256) &&
         add_issuers(md, input->chain) && ct_digest_add(md, input->tls_scts, input->tls_scts_len) &&
         ct_digest_add_text(md, input->server_name);
    for (size_t i = 0; ok && i < input->shown_server_name_count && i < CLIENTCT_SERVER_NAMES_MAX; i++) {
        ok = ct_digest_add_text(md, input->shown_server_names[i]);
    }
    ok = ok && EVP_DigestFinal_ex(md, all, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (ok) {
        memcpy(certificate, sha256, sizeof *certificate);
        memcpy(record, all, sizeof *record);
    }
    return ok;
}

/* One of the few that a certificate may have in a day. */
static bool claim_variant(struct seen *seen, uint64_t certificate, uint8_t day, uint64_t *variant)
{
    for (unsigned i = 1; i <= CT_ARCHIVE_VARIANTS_MAX; i++) {
        *variant = (certificate ^ i) * UINT64_C(0x9e3779b97f4a7c15);
        if (claim(seen, *variant, day)) {
            return true;
        }
    }
    return false;
}

/* --- a record --- */

static struct ct_archive_file file_of(const struct ct_file *file, bool there, const struct ct_evidence *said)
{
    return (struct ct_archive_file){ .bytes = { file->data, there ? file->len : 0 },
                                     .there = there,
                                     .unread = said->detail };
}

/* What the stores hold now, which is what the verdict was made of, or would have been with another policy. */
static bool write_record(struct ct_archive *archive, const struct place *place, const struct clientct_input *input,
                         const struct clientct_verdict *verdict, int64_t now_ms)
{
    struct ct_certificate certificate = { 0 };
    struct ct_file ocsp = { 0 }, sct = { 0 }, proofs = { 0 };
    struct ct_evidence ocsp_said, sct_said, proofs_said;
    struct ct_archive_stores stores;
    struct ct_archive_origin origin = { .now_ms = now_ms,
                                        .lost = atomic_exchange(&archive->unsaid, 0),
                                        .pid = ct_self_pid(),
                                        .id = ct_self_id(),
                                        .process = archive->process,
                                        .host = archive->host };
    char *text = NULL;
    size_t len = 0;
    bool there, done = false;

    ct_evidence_init(&ocsp_said);
    ct_evidence_init(&sct_said);
    ct_evidence_init(&proofs_said);
    if (ct_certificate_read(input->leaf, &certificate) != CT_CERTIFICATE_OK) {
        goto out;
    }
    there = ct_evidence_read_file(certificate.sha256, place->ocsp_store, ".ocsp", &ocsp, &ocsp_said);
    if (!there && ocsp_said.detail[0] == '\0' && place->ocsp_store != NULL) {
        if (!ct_certificate_find_twin(&certificate, input->leaf, ct_issuer_in(input->chain))) {
            goto out;
        }
        there = certificate.has_twin &&
                ct_evidence_read_file(certificate.twin_sha256, place->ocsp_store, ".ocsp", &ocsp, &ocsp_said);
    }
    stores.ocsp = file_of(&ocsp, there, &ocsp_said);
    there = ct_evidence_read_file(certificate.sha256, place->sct_store, ".sct", &sct, &sct_said);
    stores.sct = file_of(&sct, there, &sct_said);
    there = ct_evidence_read_file(certificate.sha256, place->proof_store, CT_PROOF_FILE_SUFFIX, &proofs, &proofs_said);
    stores.proofs = file_of(&proofs, there, &proofs_said);
    if (ocsp_said.trouble != CLIENTCT_NOT_EVALUATED || sct_said.trouble != CLIENTCT_NOT_EVALUATED ||
        proofs_said.trouble != CLIENTCT_NOT_EVALUATED) {
        goto out; /* memory is short */
    }
    text = ct_archive_record(&origin, input, verdict, &stores, &len);
    done = text != NULL && ct_audit_sink_append(place->sink, (struct ct_bytes){ (const uint8_t *)text, len },
                                                ct_monotonic_ms()) == CT_AUDIT_WRITTEN;
out:
    if (!done) {
        atomic_fetch_add(&archive->unsaid, origin.lost);
    }
    free(text);
    ct_file_clear(&ocsp);
    ct_file_clear(&sct);
    ct_file_clear(&proofs);
    ct_certificate_clear(&certificate);
    return done;
}

static bool is_kept(const struct clientct_input *input, const struct clientct_verdict *verdict)
{
    return input->leaf != NULL && input->chain_error == X509_V_OK && verdict->reason != CLIENTCT_INTERNAL_ERROR &&
           sk_X509_num(input->chain) <= CT_ARCHIVE_CHAIN_MAX;
}

static void count_lost(struct ct_archive *archive, atomic_uint_fast64_t *cause)
{
    atomic_fetch_add(cause, 1);
    atomic_fetch_add(&archive->unsaid, 1);
}

bool ct_archive_decision(struct ct_archive *archive, const struct clientct_input *input,
                         const struct clientct_verdict *verdict, int64_t now_ms)
{
    struct ct_share *share = ct_shared_get1(&archive->place);
    uint64_t certificate, record, variant;
    uint8_t day = (uint8_t)(1 + now_ms / CT_DAY_MS % 255);
    bool kept = true;

    if (share == NULL || !is_kept(input, verdict)) {
        ct_share_release(share);
        return true;
    }
    ERR_set_mark();
    if (!numbers_of(input, verdict, &certificate, &record)) {
        kept = false;
        count_lost(archive, &archive->lost_sink);
    } else if (claim(archive->seen, record, day)) {
        bool first = claim_variant(archive->seen, certificate, day, &variant);

        /* Over the rate it is left for the next time that it comes. */
        if (first && !ct_rate_take(&archive->full_at, CT_ARCHIVE_RATE, CT_ARCHIVE_BURST, ct_monotonic_ns())) {
            kept = false;
            count_lost(archive, &archive->lost_rate);
        } else if (first && write_record(archive, ct_share_get0(share), input, verdict, now_ms)) {
            atomic_fetch_add(&archive->written, 1);
        } else if (first) {
            kept = false;
            count_lost(archive, &archive->lost_sink);
        }
        if (!kept) {
            forget(archive->seen, record, day);
            forget(archive->seen, variant, day);
        }
    }
    ERR_pop_to_mark();
    ct_share_release(share);
    return kept;
}

struct ct_archive_counts ct_archive_get_counts(const struct ct_archive *archive)
{
    return (struct ct_archive_counts){ .written = atomic_load(&archive->written),
                                       .lost_rate = atomic_load(&archive->lost_rate),
                                       .lost_sink = atomic_load(&archive->lost_sink) };
}
