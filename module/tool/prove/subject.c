/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate: all the promises that were made for it, and what became of them. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "config/snapshot.h"
#include "evidence/evidence.h"
#include "tool/prove/work.h"

/* What is shown of it so far. */
struct shown {
    const struct prove_subject *subject;
    char *name;
    json_t *scts; /* with --json */
    bool begun;
    size_t found; /* SCTs, also those that are no news */
};

static void begin(struct shown *shown)
{
    if (!shown->begun && shown->scts == NULL) {
        tool_line("%s  %s", shown->subject->file, shown->name);
    }
    shown->begun = true;
}

static void add_up(struct prove_work *work, const struct promise *promise, json_t *scts)
{
    work->worst = promise->verdict > work->worst ? promise->verdict : work->worst;
    work->counts[promise->verdict]++;
    if (scts != NULL) {
        tool_json_append(scts, promise_json(promise));
        return;
    }
    tool_put(TOOL_PLAIN, "  ");
    tool_put(TOOL_BOLD, "%s", promise->source != NULL ? promise->source->log->description : "unknown log");
    tool_put(promise->verdict == PROVE_INCLUDED  ? TOOL_GOOD
             : promise->verdict == PROVE_NOT_YET ? TOOL_CAUTION
                                                 : TOOL_BAD,
             "  %s", prove_verdict_name(promise->verdict));
    tool_put(TOOL_PLAIN, " (%s): %s", clientct_source_name(promise->sct.source), promise->detail);
    tool_end_line();
}

/* In an archive a client is kept every day: the same promise again is no news. */
static bool is_news(struct prove_work *work, const uint8_t sha256[32], const struct ct_sct *sct)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    const uint8_t from = (uint8_t)sct->source;
    uint8_t digest[32];

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 || !ct_digest_add(md, sha256, 32) ||
        !ct_digest_add(md, &from, sizeof from) || !ct_digest_add(md, sct->log_id, sct->decoded ? CT_LOG_ID_LEN : 0) ||
        !ct_digest_add(md, &sct->timestamp_ms, sizeof sct->timestamp_ms) ||
        !ct_digest_add(md, sct->extensions.data, sct->extensions.len) ||
        !ct_digest_add(md, sct->signature.data, sct->signature.len) || EVP_DigestFinal_ex(md, digest, NULL) != 1) {
        tool_out_of_memory();
    }
    EVP_MD_CTX_free(md);
    return prove_set_add(&work->promises, digest);
}

/* The SCTs of one source, and what each of them promises. */
static void ask_list(struct prove_work *work, struct ct_bytes list, enum clientct_source from,
                     const struct ct_signed_entry *entry, const uint8_t sha256[32], struct shown *shown)
{
    struct ct_scts scts = { 0 };

    if (ct_sct_list_decode(list, from, &scts) == CT_LIST_OUT_OF_MEMORY) {
        tool_out_of_memory();
    }
    shown->found += scts.count;
    for (size_t i = 0; i < scts.count; i++) {
        struct promise promise = { .sct = scts.items[i] };

        if (shown->subject->of_record && !is_news(work, sha256, &promise.sct)) {
            continue;
        }
        if (promise_read(&promise, &work->sources, entry)) {
            if (work->request->kept != NULL) {
                promise_check_kept(&promise, work->request->kept, sha256);
            } else {
                promise_ask(&work->prover, &promise);
            }
        }
        if (promise.verdict == PROVE_INCLUDED && work->request->keep != NULL) {
            work->failed |= !promise_keep(&promise, work->request->keep, sha256);
        }
        begin(shown);
        add_up(work, &promise, shown->scts);
        promise_clear(&promise);
    }
    ct_scts_clear(&scts);
}

/* The store of the configuration, or those that were named. */
static void ask_stores(struct prove_work *work, const struct ct_certificate *certificate,
                       const struct ct_signed_entry *whole, struct shown *shown)
{
    const struct ct_snapshot *snapshot = work->sources.snapshot;
    const char *configured = snapshot != NULL ? snapshot->config->settings.sct_store.path : NULL;

    for (size_t i = 0; i < work->store_count || i == 0; i++) {
        struct ct_evidence store = { 0 };

        ct_evidence_store(certificate, work->store_count > 0 ? work->stores[i] : configured, &store);
        if (store.present) {
            ask_list(work, store.list, CLIENTCT_SOURCE_STORE, whole, certificate->sha256, shown);
        }
        ct_evidence_clear(&store);
    }
}

static void ask(struct prove_work *work, const struct prove_subject *subject, struct shown *shown)
{
    struct ct_certificate certificate;
    struct ct_signed_entry embedded = { 0 }, whole = { 0 };
    struct ct_bytes list;
    X509 *issuer = sk_X509_num(subject->chain) > 1 ? sk_X509_value(subject->chain, 1) : NULL;

    if (ct_certificate_read(sk_X509_value(subject->chain, 0), &certificate) != CT_CERTIFICATE_OK) {
        tool_out_of_memory();
    }
    (void)!prove_set_add(&work->certificates, certificate.sha256);
    /* Those that cannot be built are said with each SCT. */
    (void)!ct_signed_entry_build(&certificate, issuer, CT_ENTRY_PRECERT, &embedded);
    (void)!ct_signed_entry_build(&certificate, NULL, CT_ENTRY_X509, &whole);
    if (ct_certificate_sct_list(&certificate, &list)) {
        ask_list(work, list, CLIENTCT_SOURCE_EMBEDDED, &embedded, certificate.sha256, shown);
    }
    ask_stores(work, &certificate, &whole, shown);
    for (size_t i = 0; i < subject->count; i++) {
        ask_list(work, subject->lists[i].list, subject->lists[i].from, &whole, certificate.sha256, shown);
    }
    ct_signed_entry_clear(&embedded);
    ct_signed_entry_clear(&whole);
    ct_certificate_clear(&certificate);
}

static void append(struct prove_work *work, const char *file, const char *name, json_t *scts)
{
    json_t *one = tool_json_object();

    tool_json_set(one, "file", tool_json_text(file));
    tool_json_set(one, "subject", tool_json_text(name));
    tool_json_set(one, "scts", scts);
    tool_json_append(work->array, one);
}

void prove_subject(struct prove_work *work, const struct prove_subject *subject)
{
    struct shown shown = { .subject = subject, .scts = work->array != NULL ? tool_json_array() : NULL };

    tool_progress("%zu certificates", work->certificates.count);
    shown.name = tool_subject(sk_X509_value(subject->chain, 0));
    ask(work, subject, &shown);
    if (shown.found == 0 && subject->of_record) {
        work->without++;
    } else if (shown.found == 0) {
        /* Nobody promised anything for it. */
        work->worst = PROVE_NO_PROMISE > work->worst ? PROVE_NO_PROMISE : work->worst;
        work->counts[PROVE_NO_PROMISE]++;
        begin(&shown);
        if (shown.scts == NULL) {
            tool_line("  no SCT was found: not in the certificate, not in sct_store%s",
                      work->request->scts != NULL ? ", not in --scts" : "");
        }
    }
    if (shown.scts != NULL && shown.begun) {
        append(work, subject->file, shown.name, shown.scts);
    } else {
        json_decref(shown.scts);
    }
    free(shown.name);
}

void prove_unknown(struct prove_work *work, const char *file, const struct ct_scts *scts, enum prove_verdict verdict,
                   char *why)
{
    json_t *array = work->array != NULL ? tool_json_array() : NULL;

    if (array == NULL) {
        tool_line("%s", file);
    }
    for (size_t i = 0; i < scts->count; i++) {
        struct promise promise = { .sct = scts->items[i], .verdict = verdict, .detail = tool_format("%s", why) };

        promise.source = promise.sct.decoded ? sources_find(&work->sources, promise.sct.log_id) : NULL;
        add_up(work, &promise, array);
        promise_clear(&promise);
    }
    if (array != NULL) {
        append(work, file, NULL, array);
    }
    free(why);
}
