/* SPDX-License-Identifier: Apache-2.0 */
#include "differential_judges.h"

#include <check.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ocsp.h>

struct world world;
static char dir[] = "/tmp/clientct-differential-XXXXXX";

static char *inside(const char *name)
{
    char *slash = pki_path(dir, "/"), *path = pki_path(slash, name);

    free(slash);
    return path;
}

static void write_config(void)
{
    char *path = inside("clientct.cnf"), *list = inside("list.json"), *store = inside("store");
    FILE *file = pki_open(path, "w");

    fprintf(file,
            "log_list = %s\nsources = embedded, tls, ocsp, store\nsct_store = %s\npolicy = one\nrules = rules\n"
            "audit = none\n[rules]\ntwo = needs_two\n[needs_two]\ncertificate_policy = 1.2.3.4\npolicy = two\n"
            "[two]\nmin_scts = 2\n",
            list, store);
    ck_assert_int_eq(fclose(file), 0);
    pki_make_directory(store);
    world.checker = clientct_checker_new(path);
    ck_assert_ptr_nonnull(world.checker);
    free(path);
    free(list);
    free(store);
}

static void write_list(void)
{
    struct pki_listed_log listed[KNOWN_TO_US];
    char *path = inside("list.json");

    for (int i = 0; i < KNOWN_TO_US; i++) {
        listed[i] = (struct pki_listed_log){
            .log = &world.logs[i],
            .description = "log",
            .log_operator = "Operator",
            .url = "https://log.example.com/",
            .state = i == REJECTED ? "rejected" : "usable",
            .state_since_ms = world.now - 365 * PKI_DAY,
            .start_ms = world.now - 365 * PKI_DAY,
            .end_ms = i == NARROW ? world.now - PKI_DAY : world.now + 4000 * PKI_DAY,
            .tiled = i == TILED,
        };
    }
    pki_write_log_list(path, PKI_FORMAT_V3, listed, KNOWN_TO_US, world.now);
    free(path);
}

void world_make(void)
{
    const struct pki_log *known[KNOWN_TO_LIBCRYPTO];

    world.now = pki_now() / PKI_SECOND * PKI_SECOND;
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int i = 0; i < LOG_COUNT; i++) {
        enum pki_key_type type = i == P384 ? PKI_P384 : i == RSA_A || i == RSA_1024 ? PKI_RSA : PKI_P256;
        pki_log_new(&world.logs[i], pki_new_key(type, i == RSA_1024 ? 1024 : 2048));
        if (i < KNOWN_TO_LIBCRYPTO) {
            known[i] = &world.logs[i];
        }
    }
    world.leaf_keys[0] = pki_new_key(PKI_P256, 0);
    world.leaf_keys[1] = pki_new_key(PKI_RSA, 2048);
    world.leaf_keys[2] = pki_new_key(PKI_ED25519, 0);
    world.leaf_keys[3] = pki_new_key(PKI_P384, 0);
    pki_ca_new(&world.ec_ca, "CA", NULL, NULL, 5000);
    pki_ca_new(&world.twin_ca, "CA", NULL, NULL, 5000);
    pki_ca_new(&world.rsa_ca, "RSA CA", world.leaf_keys[1], NULL, 5000);
    pki_oracle_new(&world.oracle, known, KNOWN_TO_LIBCRYPTO);
    write_list();
    write_config();
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    return remove(path);
}

void world_free(void)
{
    clientct_checker_free(world.checker);
    pki_oracle_clear(&world.oracle);
    for (int i = 0; i < LOG_COUNT; i++) {
        pki_log_clear(&world.logs[i]);
    }
    for (size_t i = 0; i < sizeof world.leaf_keys / sizeof world.leaf_keys[0]; i++) {
        EVP_PKEY_free(world.leaf_keys[i]);
    }
    pki_ca_clear(&world.ec_ca);
    pki_ca_clear(&world.twin_ca);
    pki_ca_clear(&world.rsa_ca);
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The SCTs of the plan; `extensions` backs them. */
static void fill_scts(const struct plan *plan, struct pki_sct *scts, struct pki_bytes *extensions)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct planned_sct *planned = &plan->scts[i];
        if (planned->extensions == LEAF_INDEX || planned->extensions == LEAF_INDEX_TWICE) {
            pki_add_leaf_index(&extensions[i], 7 + i);
        }
        if (planned->extensions == LEAF_INDEX_TWICE) {
            pki_add_leaf_index(&extensions[i], 8 + i);
        } else if (planned->extensions == UNKNOWN_EXTENSION) {
            pki_add_uint(&extensions[i], 0x090002abcd, 5);
        }
        scts[i] = (struct pki_sct){
            .log = &world.logs[planned->log],
            .time_ms = world.now + (planned->offset_ms != 0 ? planned->offset_ms : -30 * PKI_MINUTE),
            .extensions = extensions[i].data,
            .extensions_len = extensions[i].len,
            .fault = planned->fault,
        };
    }
}

static const struct pki_ca *ca_of(const struct plan *plan)
{
    return plan->rsa_ca ? &world.rsa_ca : &world.ec_ca;
}

/* What the judges are told. */
static X509 *issuer_of(const struct plan *plan)
{
    if (plan->no_issuer) {
        return NULL;
    }
    return plan->twin_issuer ? world.twin_ca.certificate : ca_of(plan)->certificate;
}

void mint_evidence(const struct plan *plan, struct evidence *out)
{
    const struct pki_ca *ca = ca_of(plan);
    struct pki_bytes extensions[PLANNED_MAX] = { 0 };
    struct pki_sct scts[PLANNED_MAX];
    struct pki_leaf leaf = plan->leaf;
    struct pki_entry entry = { 0 };

    fill_scts(plan, scts, extensions);
    if (plan->source == CLIENTCT_SOURCE_EMBEDDED) {
        leaf.scts = scts;
        leaf.sct_count = plan->count;
        leaf.list_fault = plan->list_fault;
    }
    pki_mint(&out->minted, &leaf, ca);
    if (plan->source == CLIENTCT_SOURCE_OCSP) {
        struct pki_ocsp ocsp = {
            .certificate = out->minted.certificate,
            .ca = ca,
            .status = V_OCSP_CERTSTATUS_GOOD,
            .this_update_ms = world.now - PKI_HOUR,
            .next_update_ms = world.now + PKI_HOUR,
            .scts = scts,
            .sct_count = plan->count,
            .list_fault = plan->list_fault,
        };
        pki_ocsp_response(&out->bytes, &ocsp);
    } else if (plan->source != CLIENTCT_SOURCE_EMBEDDED) {
        pki_entry_of(&entry, out->minted.certificate, ca->certificate, PKI_ENTRY_X509);
        pki_add_sct_list(&out->bytes, &entry, scts, plan->count, plan->list_fault);
        pki_entry_clear(&entry);
    }
    for (size_t i = 0; i < PLANNED_MAX; i++) {
        pki_bytes_clear(&extensions[i]);
    }
}

void clear_evidence(struct evidence *evidence)
{
    pki_bytes_clear(&evidence->bytes);
    pki_minted_clear(&evidence->minted);
}

void ask_libcrypto(const struct plan *plan, const struct evidence *evidence, struct pki_opinion *opinion)
{
    X509 *issuer = issuer_of(plan);
    X509 *certificate = evidence->minted.certificate;
    int64_t at = world.now + 5 * PKI_MINUTE; /* as CT_POLICY_EVAL_CTX_new has it */

    if (plan->source == CLIENTCT_SOURCE_EMBEDDED) {
        pki_oracle_embedded(&world.oracle, certificate, issuer, at, opinion);
    } else if (plan->source == CLIENTCT_SOURCE_OCSP) {
        pki_oracle_ocsp(&world.oracle, certificate, issuer, &evidence->bytes, at, opinion);
    } else {
        pki_oracle_tls(&world.oracle, certificate, issuer, &evidence->bytes, at, opinion);
    }
}

static char *store_path(const struct evidence *evidence)
{
    char hex[65], name[80];

    pki_sha256_hex(evidence->minted.der.data, evidence->minted.der.len, hex);
    snprintf(name, sizeof name, "store/%s.sct", hex);
    return inside(name);
}

void ask_module(const struct plan *plan, const struct evidence *evidence, struct clientct_verdict *verdict)
{
    X509 *issuer = issuer_of(plan);
    struct clientct_input input = { .leaf = evidence->minted.certificate, .at_ms = world.now };
    struct clientct_verdict quick;
    char *path = store_path(evidence);

    input.chain = sk_X509_new_null();
    ck_assert(sk_X509_push(input.chain, evidence->minted.certificate) > 0);
    ck_assert(issuer == NULL || sk_X509_push(input.chain, issuer) > 0);
    if (plan->source == CLIENTCT_SOURCE_TLS) {
        input.tls_scts = evidence->bytes.data;
        input.tls_scts_len = evidence->bytes.len;
    } else if (plan->source == CLIENTCT_SOURCE_OCSP) {
        input.ocsp_response = evidence->bytes.data;
        input.ocsp_response_len = evidence->bytes.len;
    } else if (plan->source == CLIENTCT_SOURCE_STORE) {
        pki_write_file(path, evidence->bytes.data, evidence->bytes.len);
    }
    bool accepted = clientct_decide(world.checker, &input, &quick);
    input.explain = true;
    ck_assert_msg(clientct_decide(world.checker, &input, verdict) == accepted, "%s: explaining changes the verdict",
                  plan->name);
    ck_assert_msg(verdict->accept == accepted && verdict->reason == quick.reason, "%s: %s, explained %s", plan->name,
                  clientct_reason_name(quick.reason), clientct_reason_name(verdict->reason));
    ck_assert_msg(verdict->decided, "%s: %s", plan->name, verdict->detail);
    clientct_verdict_clear(&quick);
    sk_X509_free(input.chain);
    unlink(path);
    free(path);
}
