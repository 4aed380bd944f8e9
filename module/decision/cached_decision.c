#include "decision/cached_decision.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "evidence/evidence.h"
#include "base/file.h"

#define CHAIN_MAX 16 /* certificates of a chain that are put into a tag; a longer one is decided anew each time */

/* Everything a verdict depends on but time and the certificate's files in the stores. */
static bool tag_of(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                   struct ct_cache_tag *tag)
{
    int chain_len = input->chain == NULL ? 0 : sk_X509_num(input->chain);
    struct ct_bytes spans[4 + CHAIN_MAX];
    uint8_t *encoded[1 + CHAIN_MAX] = { NULL };
    size_t encoded_count = 0;
    size_t count = 0;
    uint8_t present = (uint8_t)((input->tls_scts != NULL ? 1 : 0) | (input->server_name != NULL ? 2 : 0));
    bool ok = chain_len <= CHAIN_MAX;
    uint8_t head[sizeof snapshot->digest + 1];

    memcpy(head, snapshot->digest, sizeof snapshot->digest);
    head[sizeof snapshot->digest] = present;
    spans[count++] = (struct ct_bytes){ head, sizeof head };
    spans[count++] = (struct ct_bytes){ input->tls_scts, input->tls_scts == NULL ? 0 : input->tls_scts_len };
    spans[count++] = (struct ct_bytes){ (const uint8_t *)input->server_name,
                                        input->server_name == NULL ? 0 : strlen(input->server_name) };
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
        }
    }
    ok = ok && ct_cache_make_tag(cache, spans, count, tag);
    for (size_t i = 0; i < encoded_count; i++) {
        OPENSSL_free(encoded[i]);
    }
    return ok;
}

/* The stamps of the certificate's files as they are now, of those that the verdict depended on. */
static bool look_at_files(const struct ct_settings *settings, const struct ct_cached *cached,
                          struct ct_file_stamp stamps[2])
{
    char path[PATH_MAX];

    if ((settings->sources & CT_SOURCE_BIT(CLIENTCT_SOURCE_OCSP)) != 0 && settings->ocsp_store.path != NULL) {
        if (!ct_evidence_path(settings->ocsp_store.path, cached->leaf_sha256, ".ocsp", path)) {
            return false;
        }
        stamps[0] = ct_file_stamp_of(path, false);
    }
    if (cached->read_store && settings->sct_store.path != NULL) {
        if (!ct_evidence_path(settings->sct_store.path, cached->leaf_sha256, ".sct", path)) {
            return false;
        }
        stamps[1] = ct_file_stamp_of(path, false);
    }
    return true;
}

static bool tag_of_stamps(struct ct_cache *cache, const struct ct_file_stamp stamps[2], struct ct_cache_tag *tag)
{
    uint64_t words[2][6];
    struct ct_bytes span = { (const uint8_t *)words, sizeof words };

    for (int i = 0; i < 2; i++) { /* field by field, since bytes of padding are undefined */
        words[i][0] = stamps[i].dev;
        words[i][1] = stamps[i].ino;
        words[i][2] = stamps[i].size;
        words[i][3] = (uint64_t)stamps[i].mtime_ns;
        words[i][4] = (uint64_t)stamps[i].ctime_ns;
        words[i][5] = (uint64_t)stamps[i].error;
    }
    return ct_cache_make_tag(cache, &span, 1, tag);
}

static bool files_unchanged(struct ct_cache *cache, const struct ct_settings *settings, const struct ct_cached *cached)
{
    struct ct_file_stamp stamps[2];
    struct ct_cache_tag tag;

    memset(stamps, 0, sizeof stamps);
    return look_at_files(settings, cached, stamps) && tag_of_stamps(cache, stamps, &tag) &&
           memcmp(&tag, &cached->files, sizeof tag) == 0;
}

static uint16_t index_in(const void *item, const void *first, size_t size)
{
    size_t index = item == NULL ? CT_CACHED_NONE : (size_t)((const char *)item - (const char *)first) / size;

    return index < CT_CACHED_NONE ? (uint16_t)index : CT_CACHED_NONE;
}

/* What is kept of a verdict; false: nothing, for example because a retry may go better. */
static bool keep(struct ct_cache *cache, const struct ct_settings *settings, const struct clientct_verdict *verdict,
                 const struct ct_decision_facts *facts, struct ct_cached *cached)
{
    const struct ct_file_stamp stamps[2] = { facts->ocsp_file, facts->store_file };

    if (verdict->reason == CLIENTCT_NOT_EVALUATED || verdict->reason == CLIENTCT_CONFIG_ERROR ||
        verdict->reason == CLIENTCT_INTERNAL_ERROR) {
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
    cached->read_store = facts->read_store;
    return tag_of_stamps(cache, stamps, &cached->files);
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

void ct_decide_cached(struct ct_cache *cache, const struct ct_snapshot *snapshot, const struct clientct_input *input,
                      int64_t now_ms, struct clientct_verdict *verdict)
{
    const struct ct_settings *settings = snapshot->config == NULL ? NULL : &snapshot->config->settings;
    bool cacheable = cache != NULL && settings != NULL && !input->explain && input->leaf != NULL &&
                     input->ocsp_response == NULL && input->shown_server_name_count <= CLIENTCT_SERVER_NAMES_MAX;
    struct ct_decision_facts facts;
    struct ct_cache_tag tag;
    struct ct_cached cached;

    cacheable = cacheable && tag_of(cache, snapshot, input, &tag);
    if (cacheable && ct_cache_find(cache, &tag, now_ms, &cached) && files_unchanged(cache, settings, &cached)) {
        restore(settings, &cached, now_ms, verdict);
        set_terms(snapshot, cached.resumption, cached.until_ms, verdict);
        return;
    }
    ct_decide(snapshot, input, now_ms, verdict, &facts);
    set_terms(snapshot, (uint8_t)facts.resumption, facts.until_ms, verdict);
    if (cacheable && keep(cache, settings, verdict, &facts, &cached)) {
        ct_cache_insert(cache, &tag, &cached);
    }
}
