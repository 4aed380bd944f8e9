/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto and the module judge the same client, whose bytes a fuzzer has chosen and changed: each SCT, the OCSP
 * response, the extensions of the certificate. Where they differ, the bytes have to show one of the features below,
 * which are the intended differences of test/unit/test_differential.c: there they are known from what was minted,
 * here they are read from what was sent.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "client_plan.h"

/* What the list says of the world's logs; the last ones are not in it. */
enum { PLAIN, TILED, REJECTED, NARROW, LISTED_LOGS = WORLD_RSA + 1 };
#define UNPARSED 6u
#define DIFFERENTIAL_SCTS 32

static struct clientct_checker *as_found, *required;

/* Present when ASan is linked in: it does not see the pointers in a checker, which holds them together with counts. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static struct clientct_checker *make_checker(const char *name, const char *revocation)
{
    struct clientct_checker *checker;
    char path[96], list[96], store[96], text[700];

    fuzz_world_path(path, sizeof path, name);
    fuzz_world_path(list, sizeof list, "list");
    fuzz_world_path(store, sizeof store, "store");
    snprintf(text, sizeof text,
             "log_list = %s\nsct_store = %s\nocsp_store = %s\naudit = none\nrevocation = %s\nrules = rules\n"
             "[rules]\nr = r\n[r]\ncertificate_policy = 1.2.3.4\npolicy = two\n[two]\nmin_scts = 2\n",
             list, store, store, revocation);
    pki_write_file(path, (const uint8_t *)text, strlen(text));
    checker = clientct_checker_new(path);
    FUZZ_REQUIRE(checker != NULL);
    return checker;
}

static int64_t interval_start_ms(void)
{
    return fuzz_world.now - 500 * PKI_DAY;
}

static int64_t interval_end_ms(size_t log)
{
    return fuzz_world.now + (log == NARROW ? -1 : 900) * PKI_DAY;
}

static void make_world(void)
{
    struct pki_listed_log listed[LISTED_LOGS];
    char path[96];

    if (as_found != NULL) {
        return;
    }
    fuzz_world_need();
    for (size_t i = 0; i < LISTED_LOGS; i++) {
        listed[i] = (struct pki_listed_log){
            .log = &fuzz_world.logs[i],
            .description = "Log",
            .log_operator = "Operator",
            .url = "https://log.test/",
            .state = i == REJECTED ? "rejected" : "usable",
            .state_since_ms = fuzz_world.now - 400 * PKI_DAY,
            .start_ms = interval_start_ms(),
            .end_ms = interval_end_ms(i),
            .tiled = i == TILED,
        };
    }
    fuzz_world_path(path, sizeof path, "list");
    pki_write_log_list(path, PKI_FORMAT_V3, listed, LISTED_LOGS, fuzz_world.now);
    if (__lsan_disable != NULL) {
        __lsan_disable();
    }
    as_found = make_checker("as-found.cnf", "as-found");
    required = make_checker("required.cnf", "require");
    if (__lsan_enable != NULL) {
        __lsan_enable();
    }
}

/* --- what the bytes of an SCT show --- */

struct seen_sct {
    const uint8_t *data;
    size_t len;
    bool v1, complete;       /* all fields are there */
    unsigned log;            /* WORLD_LOGS: none that there is */
    uint8_t hash, algorithm; /* RFC 5246, 7.4.1.4.1 */
    size_t behind;           /* bytes behind the signature */
    const uint8_t *extensions;
    size_t extensions_len;
    unsigned theirs;          /* sct_validation_status_t of this SCT alone, or UNPARSED */
    bool expires_in_interval; /* of its log, by libcrypto's reading of notAfter */
};

struct seen_list {
    struct seen_sct scts[DIFFERENTIAL_SCTS];
    size_t count;
    bool whole; /* the lengths fit, and no SCT is empty */
};

static size_t number(const uint8_t *data, size_t size)
{
    size_t value = 0;

    while (size-- > 0) {
        value = value << 8 | *data++;
    }
    return value;
}

static void see_sct(struct seen_sct *sct)
{
    size_t at = 1 + 32 + 8;

    sct->v1 = sct->len > 0 && sct->data[0] == 0;
    sct->log = WORLD_LOGS;
    for (unsigned log = 0; sct->len >= 33 && log < WORLD_LOGS; log++) {
        sct->log = memcmp(fuzz_world.logs[log].id, sct->data + 1, 32) == 0 ? log : sct->log;
    }
    if (sct->len < at + 2) {
        return;
    }
    sct->extensions_len = number(sct->data + at, 2);
    sct->extensions = sct->data + at + 2;
    at += 2 + sct->extensions_len;
    if (sct->len < at + 4) {
        return;
    }
    sct->hash = sct->data[at];
    sct->algorithm = sct->data[at + 1];
    at += 4 + number(sct->data + at + 2, 2);
    if (sct->len < at) {
        return;
    }
    sct->complete = true;
    sct->behind = sct->len - at;
}

static void see_list(const struct pki_bytes *bytes, struct seen_list *list)
{
    size_t at = 2;

    list->whole = bytes->len > 2 && number(bytes->data, 2) == bytes->len - 2;
    while (list->whole && at < bytes->len) {
        size_t len = at + 2 <= bytes->len ? number(bytes->data + at, 2) : 0;

        at += 2;
        if (len == 0 || at + len > bytes->len || list->count == DIFFERENTIAL_SCTS) {
            list->whole = false;
            break;
        }
        list->scts[list->count] = (struct seen_sct){ .data = bytes->data + at, .len = len };
        see_sct(&list->scts[list->count++]);
        at += len;
    }
}

static bool has_one_leaf_index(const struct seen_sct *sct)
{
    size_t found = 0, at = 0;

    while (at < sct->extensions_len) {
        size_t len;

        if (at + 3 > sct->extensions_len ||
            at + 3 + (len = number(sct->extensions + at + 1, 2)) > sct->extensions_len) {
            return false;
        }
        found += sct->extensions[at] == 0;
        if (sct->extensions[at] == 0 && len != 5) {
            return false;
        }
        at += 3 + len;
    }
    return found == 1;
}

/* --- libcrypto's opinion --- */

static bool expires_in_interval(X509 *certificate, unsigned log)
{
    const ASN1_TIME *not_after = X509_get0_notAfter(certificate);
    time_t before_start = (time_t)(interval_start_ms() / PKI_SECOND) - 1;
    time_t last = (time_t)(interval_end_ms(log) / PKI_SECOND) - 1;

    /* 1: later than that second; -1: not later; 0: no time */
    return X509_cmp_time(not_after, &before_start) > 0 && X509_cmp_time(not_after, &last) < 0;
}

static void ask_of_each(const struct client *client, sct_source_t source, struct seen_list *list)
{
    X509 *issuer = sk_X509_num(client->chain) > 1 ? sk_X509_value(client->chain, 1) : NULL;

    for (size_t i = 0; i < list->count; i++) {
        struct seen_sct *sct = &list->scts[i];
        struct pki_bytes alone = { 0 };
        struct pki_opinion opinion;

        pki_add_uint(&alone, sct->len + 2, 2);
        pki_add_vector(&alone, 2, sct->data, sct->len);
        pki_oracle_list(&fuzz_world.oracle, client->certificate, issuer, &alone, source,
                        fuzz_world.now + 60 * PKI_SECOND, &opinion);
        sct->theirs = opinion.parsed && opinion.count == 1 ? opinion.statuses[0] : UNPARSED;
        sct->expires_in_interval = expires_in_interval(client->certificate, sct->log);
        pki_bytes_clear(&alone);
    }
}

static bool takes_the_list(const struct pki_bytes *bytes)
{
    const unsigned char *at = bytes->data;
    STACK_OF(SCT) *scts = o2i_SCT_LIST(NULL, &at, bytes->len);

    SCT_LIST_free(scts);
    ERR_clear_error();
    return scts != NULL;
}

struct ocsp_opinion {
    bool signed_by_issuer, fresh, canonical, plain; /* plain: one single response, nothing critical */
    int status;                                     /* -1: does not speak of the certificate */
};

static bool anything_critical(OCSP_BASICRESP *basic)
{
    bool critical = OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1) >= 0;

    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        critical = critical || OCSP_SINGLERESP_get_ext_by_critical(OCSP_resp_get0(basic, i), 1, -1) >= 0;
    }
    return critical;
}

static void ask_about_ocsp(const struct client *client, struct ocsp_opinion *opinion)
{
    const uint8_t *der = client->ocsp.data;
    X509 *issuer = sk_X509_num(client->chain) > 1 ? sk_X509_value(client->chain, 1) : NULL;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, (long)client->ocsp.len);
    OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
    STACK_OF(X509) *trusted = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    time_t now = (time_t)(fuzz_world.now / PKI_SECOND);
    uint8_t *again = NULL;

    *opinion = (struct ocsp_opinion){ .status = -1 };
    /* Nobody has signed the outer status, and OCSP_basic_verify does not see it. */
    if (basic != NULL && issuer != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        int len = i2d_OCSP_RESPONSE(response, &again);
        OCSP_CERTID *by_sha1 = OCSP_cert_to_id(EVP_sha1(), client->certificate, issuer);
        OCSP_CERTID *by_sha256 = OCSP_cert_to_id(EVP_sha256(), client->certificate, issuer);

        FUZZ_REQUIRE(sk_X509_push(trusted, issuer) > 0 && X509_STORE_add_cert(store, issuer) == 1);
        opinion->canonical = len == (int)client->ocsp.len && memcmp(again, client->ocsp.data, (size_t)len) == 0;
        opinion->plain = OCSP_resp_count(basic) == 1 && !anything_critical(basic);
        opinion->signed_by_issuer = OCSP_basic_verify(basic, trusted, store, OCSP_TRUSTOTHER | OCSP_PARTIAL_CHAIN) == 1;
        if (OCSP_resp_find_status(basic, by_sha1, &opinion->status, NULL, NULL, &this_update, &next_update) != 1 &&
            OCSP_resp_find_status(basic, by_sha256, &opinion->status, NULL, NULL, &this_update, &next_update) != 1) {
            opinion->status = -1;
        } else {
            opinion->fresh = this_update != NULL && ASN1_TIME_cmp_time_t(this_update, now) <= 0 &&
                             (next_update == NULL || ASN1_TIME_cmp_time_t(next_update, now) > 0);
        }
        OCSP_CERTID_free(by_sha1);
        OCSP_CERTID_free(by_sha256);
        OPENSSL_free(again);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    X509_STORE_free(store);
    sk_X509_free(trusted);
    ERR_clear_error();
}

/* 1: the certificate states the policy, 0: it does not, -1: that cannot be read, or is there twice */
static int states_policy(X509 *certificate)
{
    int where = 0, found = 0;
    CERTIFICATEPOLICIES *policies = X509_get_ext_d2i(certificate, NID_certificate_policies, &where, NULL);
    char oid[80];

    for (int i = 0; i < sk_POLICYINFO_num(policies); i++) {
        OBJ_obj2txt(oid, sizeof oid, sk_POLICYINFO_value(policies, i)->policyid, 1);
        found = strcmp(oid, "1.2.3.4") == 0 ? 1 : found;
    }
    CERTIFICATEPOLICIES_free(policies);
    ERR_clear_error();
    return policies != NULL ? found : where == -1 ? 0 : -1;
}

/* --- the comparison --- */

static void disagree(const char *what, const struct seen_sct *sct, size_t i, enum clientct_reason ours)
{
    fprintf(stderr, "%s: SCT %zu of log %u, algorithms %u %u, %zu bytes behind: we say %s, libcrypto %u\n", what, i,
            sct->log, sct->hash, sct->algorithm, sct->behind, clientct_reason_name(ours), sct->theirs);
    abort();
}

/* Why we refuse what libcrypto takes; NULL: for no reason that is intended. */
static const char *why_stricter(const struct seen_sct *sct)
{
    static const uint8_t rsa = 1, ecdsa = 3, sha256 = 4;

    if (sct->hash != sha256 || sct->algorithm != (sct->log == WORLD_RSA ? rsa : ecdsa)) {
        return "the algorithm bytes are to be those of the log's key";
    }
    if (sct->behind > 0) {
        return "nothing may follow the signature";
    }
    if (sct->log >= LISTED_LOGS) {
        return "another kind of key, or not in the list";
    }
    if (sct->log == TILED && !has_one_leaf_index(sct)) {
        return "static-ct needs leaf_index exactly once";
    }
    return sct->log == REJECTED ? "rejected" : sct->expires_in_interval ? NULL : "outside of its interval";
}

static void compare_sct(const struct seen_sct *sct, size_t i, enum clientct_reason ours)
{
    bool they_accept = sct->theirs == SCT_VALIDATION_STATUS_VALID;

    switch (ours) {
    case CLIENTCT_VALID:
        if (!they_accept || why_stricter(sct) != NULL) {
            disagree("a rule has gone", sct, i, ours);
        }
        return;
    case CLIENTCT_UNSUPPORTED_VERSION:
        if (sct->v1) {
            disagree("it is of version v1", sct, i, ours);
        }
        return;
    case CLIENTCT_MALFORMED_SCT_LIST:
        if (sct->complete && sct->behind == 0) {
            disagree("it decodes", sct, i, ours);
        }
        return;
    case CLIENTCT_UNKNOWN_LOG:
        if (sct->log < LISTED_LOGS) {
            disagree("the log is in the list", sct, i, ours);
        }
        return;
    default:
        if (they_accept && why_stricter(sct) == NULL) {
            disagree("only libcrypto accepts it", sct, i, ours);
        }
    }
}

/* `ours` points to the results for this source. */
static void compare_list(const struct pki_bytes *bytes, bool exact, const struct seen_list *list,
                         const struct clientct_sct_result *const *ours, size_t count)
{
    bool all_parse = true;

    FUZZ_REQUIRE(count == 0 || (list->whole && exact));
    for (size_t i = 0; i < list->count; i++) {
        all_parse = all_parse && list->scts[i].theirs != UNPARSED;
    }
    /* They drop the list for one bad SCT, and take an empty one; but for that the frame is the same for both. */
    FUZZ_REQUIRE(bytes->len <= 2 || list->count == 0 || takes_the_list(bytes) == (list->whole && all_parse));
    if (count == 0) {
        return;
    }
    FUZZ_REQUIRE(count == list->count);
    for (size_t i = 0; i < count; i++) {
        compare_sct(&list->scts[i], i, ours[i]->status);
    }
}

static void compare_evidence(const struct client *client, const struct clientct_verdict *verdict)
{
    struct extension_lists embedded, response = { 0 };
    const struct pki_bytes *bytes[CLIENTCT_SOURCE_COUNT] = { NULL, &client->tls, NULL, &client->store };
    bool exact[CLIENTCT_SOURCE_COUNT] = { false, true, false, true };
    size_t from = 0;
    unsigned valid = 0;

    extension_lists_of_certificate(client->certificate, &embedded);
    extension_lists_of_response(&client->ocsp, &response);
    if (embedded.count == 1) {
        bytes[CLIENTCT_SOURCE_EMBEDDED] = &embedded.lists[0];
        exact[CLIENTCT_SOURCE_EMBEDDED] = embedded.exact[0];
    }
    if (response.count == 1) {
        bytes[CLIENTCT_SOURCE_OCSP] = &response.lists[0];
        exact[CLIENTCT_SOURCE_OCSP] = response.exact[0];
    }
    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        struct seen_list list = { 0 };
        size_t count = 0;

        while (from + count < verdict->sct_count &&
               verdict->scts[from + count]->source == (enum clientct_source)source) {
            valid |= verdict->scts[from + count]->status == CLIENTCT_VALID
                         ? 1u << number(verdict->scts[from + count]->log_id, 1) % 32
                         : 0;
            count++;
        }
        if (bytes[source] != NULL && bytes[source]->len > 0) {
            see_list(bytes[source], &list);
            ask_of_each(client,
                        source == CLIENTCT_SOURCE_EMBEDDED ? SCT_SOURCE_X509V3_EXTENSION : SCT_SOURCE_TLS_EXTENSION,
                        &list);
            compare_list(bytes[source], exact[source], &list, count == 0 ? NULL : verdict->scts + from, count);
        } else {
            FUZZ_REQUIRE(count == 0 || source == CLIENTCT_SOURCE_OCSP);
        }
        from += count;
    }
    FUZZ_REQUIRE(from == verdict->sct_count && (verdict->reason != CLIENTCT_COMPLIANT || valid != 0));
    extension_lists_clear(&embedded);
    extension_lists_clear(&response);
}

static void decide(struct clientct_checker *checker, const struct client *client, struct clientct_verdict *verdict)
{
    struct clientct_input input = {
        .leaf = client->certificate,
        .chain = client->chain,
        .tls_scts = client->tls.data,
        .tls_scts_len = client->tls.len,
        .ocsp_response = client->ocsp.data,
        .ocsp_response_len = client->ocsp.len,
        .at_ms = fuzz_world.now,
        .explain = true,
    };

    FUZZ_REQUIRE(clientct_decide(checker, &input, verdict) == verdict->accept);
}

static void compare(const struct client_plan *plan, const struct client *client)
{
    bool poisoned = X509_get_ext_by_NID(client->certificate, NID_ct_precert_poison, -1) >= 0;
    int first = X509_get_ext_by_NID(client->certificate, NID_ct_precert_scts, -1);
    bool twice = first >= 0 && X509_get_ext_by_NID(client->certificate, NID_ct_precert_scts, first) >= 0;
    bool edited = edits_have(&plan->edits, EDIT_CERTIFICATE);
    int policy = states_policy(client->certificate);
    struct clientct_verdict found, strict;
    struct ocsp_opinion ocsp = { .status = -1 };

    if (client->ocsp.len > 0) {
        ask_about_ocsp(client, &ocsp);
    }
    decide(as_found, client, &found);
    decide(required, client, &strict);
    FUZZ_REQUIRE(found.decided && strict.decided);
    /* the certificate */
    FUZZ_REQUIRE(!(poisoned || twice || policy < 0) || (!found.accept && !strict.accept));
    FUZZ_REQUIRE(found.reason != CLIENTCT_PRECERTIFICATE || poisoned);
    FUZZ_REQUIRE(edited || (poisoned || twice) == (found.reason == CLIENTCT_PRECERTIFICATE ||
                                                   (found.reason == CLIENTCT_BAD_EXTENSIONS && found.sct_count == 0)));
    FUZZ_REQUIRE(policy < 0 || (found.rule != NULL) == (policy == 1));
    /* the response */
    FUZZ_REQUIRE(found.reason != CLIENTCT_REVOKED ||
                 (ocsp.signed_by_issuer && ocsp.status == V_OCSP_CERTSTATUS_REVOKED));
    FUZZ_REQUIRE(!strict.accept || (ocsp.signed_by_issuer && ocsp.fresh && ocsp.status == V_OCSP_CERTSTATUS_GOOD));
    FUZZ_REQUIRE(!strict.accept || found.accept);
    if (ocsp.signed_by_issuer && ocsp.canonical && ocsp.plain && !poisoned && !twice && policy >= 0 && !edited) {
        FUZZ_REQUIRE(ocsp.status != V_OCSP_CERTSTATUS_REVOKED || found.reason == CLIENTCT_REVOKED);
        FUZZ_REQUIRE(ocsp.status != V_OCSP_CERTSTATUS_GOOD || !ocsp.fresh ||
                     (strict.accept == found.accept && strict.reason == found.reason));
    }
    compare_evidence(client, &found);
    clientct_verdict_clear(&found);
    clientct_verdict_clear(&strict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct client_plan plan;
    struct client client;
    char stored[200] = "";

    make_world();
    client_plan_read(&plan, &input);
    client_mint(&plan, &client);
    if (client.certificate != NULL) {
        if (client.store.len > 0) {
            char hex[65];

            pki_sha256_hex(client.der.data, client.der.len, hex);
            snprintf(stored, sizeof stored, "%s/store/%s.sct", fuzz_world.directory, hex);
            pki_write_file(stored, client.store.data, client.store.len);
        }
        compare(&plan, &client);
        unlink(stored);
    }
    client_clear(&client);
    return 0;
}
