/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cached_decision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "evidence/evidence.h"
#include "evidence/proxy.h"
#include "base/file.h"

#define CHAIN_MAX 16 /* certificates of a chain that are put into a tag; a longer one is decided anew each time */

/* From the end of the signature, which is as good as random. */
static uint64_t number_of_leaf(struct ct_bytes der)
{
    uint64_t words[2] = { 0, 0 };
    size_t len = der.len < sizeof words ? der.len : sizeof words;

    if (len > 0) {
        memcpy(words, der.data + der.len - len, len);
    }
    return words[0] * 31 + words[1];
}

/* Everything a verdict depends on but time and the certificate's files in the stores. */
static bool tag_of(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                   struct ct_cache_tag *tag, uint64_t *client)
{
    const struct ct_settings *settings = &snapshot->config->settings;
    int chain_len = input->chain == NULL ? 0 : sk_X509_num(input->chain);
    struct ct_bytes spans[4 + CHAIN_MAX];
    struct ct_bytes leaf = { NULL, 0 };
    uint8_t *encoded[1 + CHAIN_MAX] = { NULL };
    size_t encoded_count = 0;
    size_t count = 0;
    uint8_t present = input->tls_scts != NULL ? 1 : 0;
    uint8_t names[CT_RULES_MAX / 8];
    bool ok = chain_len <= CHAIN_MAX;
    uint8_t head[sizeof snapshot->digest + 1];

    memcpy(head, snapshot->digest, sizeof snapshot->digest);
    head[sizeof snapshot->digest] = present;
    spans[count++] = (struct ct_bytes){ head, sizeof head };
    spans[count++] = (struct ct_bytes){ input->tls_scts, input->tls_scts == NULL ? 0 : input->tls_scts_len };
    /* Not the name: a client could make up as many as it likes. */
    spans[count++] = (struct ct_bytes){ names, ct_rules_name_bits(settings->rules, settings->rule_count,
                                                                  input->server_name, names) };
    for (int i = -1; i < chain_len && ok; i++) {
        X509 *x509 = i < 0 ? input->leaf : sk_X509_value(input->chain, i);
        int len;

        if (i == 0 && x509 == input->leaf) {
            continue; /* chains begin with the leaf, which is in the tag already */
        }
        len = i2d_X509(x509, &encoded[encoded_count]);
        ok = len > 0;
        if (ok) {
            spans[count++] = (struct ct_bytes){ encoded[encoded_count++], (size_t)len };
            leaf = i < 0 ? spans[count - 1] : leaf;
        }
    }
    ok = ok && ct_cache_make_tag(cache, spans, count, tag);
    if (ok) {
        *client = number_of_leaf(leaf);
    }
    for (size_t i = 0; i < encoded_count; i++) {
        OPENSSL_free(encoded[i]);
    }
    return ok;
}

/* Of the certificate's OCSP response, its twin's, its SCTs, its proofs; zero where the verdict did not depend on it. */
#define STAMPS 4
struct stamps {
    struct ct_file_stamp files[STAMPS];
};

static bool look_at(const char *dir, const uint8_t sha256[32], const char *suffix, struct ct_file_stamp *stamp)
{
    char path[CT_EVIDENCE_PATH_SIZE];

    if (dir == NULL) {
        return true;
    }
    if (!ct_evidence_path(dir, sha256, suffix, path)) {
        return false;
    }
    *stamp = ct_file_stamp_of(path, false);
    return true;
}

/* The twin's response is read where there is none for the certificate itself; any other trouble ends the search. */
static bool is_missing(const struct ct_file_stamp *stamp)
{
    return stamp->error == ENOENT || stamp->error == ENOTDIR;
}

/* As they are now. */
static bool look_at_files(const struct ct_settings *settings, const struct ct_cached *cached, struct stamps *stamps)
{
    struct ct_file_stamp *files = stamps->files;

    return (!cached->read_ocsp || (look_at(settings->ocsp_store.path, cached->leaf_sha256, ".ocsp", &files[0]) &&
                                   (!cached->has_twin || !is_missing(&files[0]) ||
                                    look_at(settings->ocsp_store.path, cached->twin_sha256, ".ocsp", &files[1])))) &&
           (!cached->read_store || look_at(settings->sct_store.path, cached->leaf_sha256, ".sct", &files[2])) &&
           (!cached->read_proofs ||
            look_at(settings->proof_store.path, cached->leaf_sha256, CT_PROOF_FILE_SUFFIX, &files[3]));
}

static bool number_of_stamps(struct ct_cache *cache, const struct stamps *stamps, uint64_t *number)
{
    uint64_t words[STAMPS][6];
    struct ct_bytes span = { (const uint8_t *)words, sizeof words };
    struct ct_cache_tag tag;

    for (int i = 0; i < STAMPS; i++) { /* field by field, since bytes of padding are undefined */
        words[i][0] = stamps->files[i].dev;
        words[i][1] = stamps->files[i].ino;
        words[i][2] = stamps->files[i].size;
        words[i][3] = (uint64_t)stamps->files[i].mtime_ns;
        words[i][4] = (uint64_t)stamps->files[i].ctime_ns;
        words[i][5] = (uint64_t)stamps->files[i].error;
    }
    if (!ct_cache_make_tag(cache, &span, 1, &tag)) {
        return false;
    }
    memcpy(number, tag.bytes, sizeof *number);
    return true;
}

static bool files_unchanged(struct ct_cache *cache, const struct ct_settings *settings, const struct ct_cached *cached)
{
    struct stamps stamps;
    uint64_t number;

    memset(&stamps, 0, sizeof stamps);
    return look_at_files(settings, cached, &stamps) && number_of_stamps(cache, &stamps, &number) &&
           number == cached->files;
}

static uint16_t index_in(const void *item, const void *first, size_t size)
{
    size_t index = item == NULL ? CT_CACHED_NONE : (size_t)((const char *)item - (const char *)first) / size;

    return index < CT_CACHED_NONE ? (uint16_t)index : CT_CACHED_NONE;
}

/* Longer than a tick of the clock that file systems write their times by. */
#define TICK_MS 100

/* A file that is written twice within a tick can have the same stamp afterwards: it must have been left alone. */
static bool are_settled(const struct stamps *stamps)
{
    int64_t now_ms = ct_now_ms();

    for (size_t i = 0; i < STAMPS; i++) {
        int64_t age_ms = now_ms - stamps->files[i].ctime_ns / 1000000;

        if (stamps->files[i].error == 0 && stamps->files[i].ino != 0 && age_ms > -TICK_MS && age_ms < TICK_MS) {
            return false;
        }
    }
    return true;
}

/* What is kept of a verdict; false: nothing, for example because a retry may go better. */
static bool keep(struct ct_cache *cache, const struct ct_settings *settings, const struct clientct_verdict *verdict,
                 const struct ct_decision_facts *facts, struct ct_cached *cached)
{
    const struct stamps stamps = { { facts->ocsp_file, facts->twins_ocsp_file, facts->store_file, facts->proof_file } };

    if (verdict->reason == CLIENTCT_NOT_EVALUATED || verdict->reason == CLIENTCT_CONFIG_ERROR ||
        verdict->reason == CLIENTCT_INTERNAL_ERROR || !are_settled(&stamps)) {
        return false;
    }
    memset(cached, 0, sizeof *cached);
    cached->from_ms = facts->from_ms;
    cached->until_ms = facts->until_ms;
    memcpy(cached->leaf_sha256, verdict->leaf_sha256, sizeof cached->leaf_sha256);
    cached->rule = index_in(facts->rule, settings->rules, sizeof *settings->rules);
    cached->policy = index_in(facts->policy, settings->policies, sizeof *settings->policies);
    cached->reason = (uint8_t)verdict->reason;
    cached->shadow_reason = (uint8_t)verdict->shadow_reason;
    cached->mode = (uint8_t)verdict->mode;
    cached->resumption = (uint8_t)facts->resumption;
    cached->accept = verdict->accept;
    cached->decided = verdict->decided;
    cached->compliant = verdict->compliant;
    cached->shadow_compliant = verdict->shadow_compliant;
    cached->read_ocsp = facts->read_ocsp;
    cached->read_store = facts->read_store;
    cached->read_proofs = facts->read_proofs;
    cached->has_twin = facts->has_twin;
    memcpy(cached->twin_sha256, facts->twin_sha256, sizeof cached->twin_sha256);
    return number_of_stamps(cache, &stamps, &cached->files);
}

/* Appended to the detail, where a verdict that was not cached has it. */
static void say_exemption_ended(const struct ct_rule *rule, int64_t now_ms, struct clientct_verdict *verdict)
{
    size_t used = strlen(verdict->detail);
    char when[32];

    if (rule->exempt && rule->expires_ms <= now_ms) {
        ct_time_format(rule->expires_ms, when, sizeof when);
        snprintf(verdict->detail + used, sizeof verdict->detail - used, "%sthe exemption of rule %s ended on %s",
                 used > 0 ? "; " : "", rule->name, when);
    }
}

static void restore(const struct ct_settings *settings, const struct ct_cached *cached, int64_t now_ms,
                    struct clientct_verdict *verdict)
{
    verdict->cached = true;
    verdict->accept = cached->accept;
    verdict->decided = cached->decided;
    verdict->compliant = cached->compliant;
    verdict->reason = (enum clientct_reason)cached->reason;
    verdict->mode = (enum clientct_mode)cached->mode;
    verdict->rule = cached->rule < settings->rule_count ? settings->rules[cached->rule].name : NULL;
    verdict->policy = cached->policy < settings->policy_count ? settings->policies[cached->policy].name : NULL;
    /* Not evaluated where the decision did not come to the SCTs, for an exemption or a revocation. */
    if (settings->shadow_policy < settings->policy_count && cached->shadow_reason != CLIENTCT_NOT_EVALUATED) {
        verdict->shadow_policy = settings->policies[settings->shadow_policy].name;
        verdict->shadow_reason = (enum clientct_reason)cached->shadow_reason;
        verdict->shadow_compliant = cached->shadow_compliant;
    }
    memcpy(verdict->leaf_sha256, cached->leaf_sha256, sizeof verdict->leaf_sha256);
    if (!cached->compliant) {
        snprintf(verdict->detail, sizeof verdict->detail, "%s (decided before; `clientct verify` explains it)",
                 clientct_reason_text(verdict->reason));
    }
    if (cached->rule < settings->rule_count) {
        say_exemption_ended(&settings->rules[cached->rule], now_ms, verdict);
    }
}

/* For the session of a client whose verdict holds until then, and whose rule allows no more than that. */
static void set_terms(const struct ct_snapshot *snapshot, uint8_t resumption, int64_t until_ms,
                      struct clientct_verdict *verdict)
{
    ct_snapshot_terms(snapshot, &verdict->terms);
    if (resumption < verdict->terms.resumption) {
        verdict->terms.resumption = (enum clientct_resumption)resumption;
    }
    verdict->holds_until_ms = until_ms;
}

/* As an uncached verdict says it: that is about this connection. */
static void say_no_tls(const struct ct_settings *settings, const char *why, struct clientct_verdict *verdict)
{
    size_t used = strlen(verdict->detail);

    if (verdict->reason == CLIENTCT_NO_SCTS && why != NULL &&
        (settings->sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_TLS)) != 0) {
        snprintf(verdict->detail + used, sizeof verdict->detail - used, "; not looked at tls: %s", why);
    }
}

/* Apart, for its place on the stack is needed only here. */
static __attribute__((noinline)) void decide_anew(const struct ct_snapshot *snapshot,
                                                  const struct clientct_input *input, int64_t now_ms,
                                                  struct clientct_verdict *verdict, struct ct_decision_facts *facts)
{
    struct ct_proxied room;
    const struct clientct_input *subject = ct_proxied_begin(input, false, &room);

    if (subject != NULL) {
        ct_decide(snapshot, subject, now_ms, verdict, facts);
    } else {
        memset(facts, 0, sizeof *facts);
        facts->resumption = CLIENTCT_RESUMPTION_REFUSE;
        verdict->reason = CLIENTCT_INTERNAL_ERROR;
        snprintf(verdict->detail, sizeof verdict->detail, "a proxy certificate, and it cannot be told who made it");
    }
    ct_proxied_end(&room);
}

void ct_decide_cached(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                      int64_t now_ms, struct clientct_verdict *verdict)
{
    const struct ct_settings *settings = snapshot->config == NULL ? NULL : &snapshot->config->settings;
    bool cacheable = cache != NULL && settings != NULL && !input->explain && input->leaf != NULL &&
                     input->ocsp_response == NULL && !input->stores_given &&
                     input->shown_server_name_count <= CLIENTCT_SERVER_NAMES_MAX;
    struct ct_decision_facts facts;
    struct ct_cache_tag tag;
    struct ct_cached cached;
    uint64_t client = 0;

    cacheable = cacheable && tag_of(cache, snapshot, input, &tag, &client);
    if (cacheable && ct_cache_find(cache, client, &tag, now_ms, &cached) && files_unchanged(cache, settings, &cached)) {
        restore(settings, &cached, now_ms, verdict);
        say_no_tls(settings, input->no_tls_scts, verdict);
        set_terms(snapshot, cached.resumption, cached.until_ms, verdict);
        return;
    }
    decide_anew(snapshot, input, now_ms, verdict, &facts);
    set_terms(snapshot, (uint8_t)facts.resumption, facts.until_ms, verdict);
    if (cacheable && keep(cache, settings, verdict, &facts, &cached)) {
        ct_cache_insert(cache, client, &tag, &cached);
    }
}
