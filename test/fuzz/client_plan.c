/* SPDX-License-Identifier: Apache-2.0 */
#include "client_plan.h"

#include <ftw.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

struct fuzz_world fuzz_world;

unsigned fuzz_pick(struct fuzz_input *input, unsigned below)
{
    unsigned value = 0;

    if (input->len > 0) {
        value = *input->data++;
        input->len--;
    }
    return below == 0 ? value : value % below;
}

void edits_read(struct edits *edits, struct fuzz_input *input)
{
    edits->count = fuzz_pick(input, EDITS_MAX + 1);
    for (size_t i = 0; i < edits->count; i++) {
        struct edit *edit = &edits->all[i];

        edit->target = (enum edit_target)fuzz_pick(input, EDIT_TARGETS);
        edit->way = fuzz_pick(input, 4);
        edit->at = fuzz_pick(input, 0) << 8;
        edit->at |= fuzz_pick(input, 0);
        edit->value = (uint8_t)fuzz_pick(input, 0);
    }
}

bool edits_have(const struct edits *edits, enum edit_target target)
{
    for (size_t i = 0; i < edits->count; i++) {
        if (edits->all[i].target == target) {
            return true;
        }
    }
    return false;
}

void edits_apply(const struct edits *edits, enum edit_target target, struct pki_bytes *bytes)
{
    for (size_t i = 0; i < edits->count; i++) {
        const struct edit *edit = &edits->all[i];
        size_t at = bytes->len > 0 ? edit->at % bytes->len : 0;

        if (edit->target != target || bytes->len == 0) {
            continue;
        }
        switch (edit->way) {
        case 0:
            bytes->data[at] = edit->value;
            break;
        case 1:
            bytes->data[at] ^= edit->value == 0 ? 1 : edit->value;
            break;
        case 2: /* one byte less */
            memmove(bytes->data + at, bytes->data + at + 1, bytes->len - at - 1);
            bytes->len--;
            break;
        default: /* one byte more */
            pki_add(bytes, &edit->value, 1);
            memmove(bytes->data + at + 1, bytes->data + at, bytes->len - 1 - at);
            bytes->data[at] = edit->value;
            break;
        }
    }
}

void fuzz_world_path(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", fuzz_world.directory, name);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

static void remove_directory(void)
{
    (void)nftw(fuzz_world.directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void fuzz_world_need(void)
{
    const struct pki_log *known[WORLD_LISTED];
    const char *place = getenv("TMPDIR");
    struct pki_minted responder = { 0 };
    char store[96];

    if (fuzz_world.now != 0) {
        return;
    }
    fuzz_world.now = pki_now() / PKI_SECOND * PKI_SECOND;
    for (int i = 0; i < WORLD_LOGS; i++) {
        enum pki_key_type type = i == WORLD_RSA ? PKI_RSA : i == WORLD_P384 ? PKI_P384 : PKI_P256;

        pki_log_new(&fuzz_world.logs[i], pki_new_key(type, 2048));
        if (i < WORLD_LISTED) {
            known[i] = &fuzz_world.logs[i];
        }
    }
    pki_oracle_new(&fuzz_world.oracle, known, WORLD_LISTED);
    pki_ca_new(&fuzz_world.ca, "CA", NULL, NULL, 5000);
    pki_ca_new(&fuzz_world.twin, "CA", NULL, NULL, 5000);
    pki_mint(&responder, &(struct pki_leaf){ .cn = "Responder", .delegated_responder = true }, &fuzz_world.ca);
    fuzz_world.responder = (struct pki_ca){ responder.certificate, responder.key };
    responder.certificate = NULL;
    responder.key = NULL;
    pki_minted_clear(&responder);
    fuzz_world.leaf_keys[0] = pki_new_key(PKI_P256, 0);
    fuzz_world.leaf_keys[1] = pki_new_key(PKI_ED25519, 0);
    snprintf(fuzz_world.directory, sizeof fuzz_world.directory, "%s/clientct-fuzz-XXXXXX",
             place != NULL && strlen(place) < 32 ? place : "/tmp");
    FUZZ_REQUIRE(mkdtemp(fuzz_world.directory) != NULL);
    atexit(remove_directory);
    fuzz_world_path(store, sizeof store, "store");
    pki_make_directory(store);
}

static void read_list(struct planned_list *list, struct fuzz_input *input)
{
    static const int64_t offsets[] = { -30 * PKI_MINUTE, -30 * PKI_MINUTE, -300 * PKI_DAY, -15 * PKI_DAY,
                                       30 * PKI_SECOND,  2 * PKI_MINUTE,   PKI_HOUR,       0 };

    list->count = fuzz_pick(input, PLANNED_SCTS + 1);
    if (list->count == 0) {
        return;
    }
    list->fault = fuzz_pick(input, 4) == 3 ? (enum pki_list_fault)fuzz_pick(input, PKI_LIST_FAULT_COUNT) : 0;
    for (size_t i = 0; i < list->count; i++) {
        struct planned_sct *sct = &list->scts[i];
        unsigned what = fuzz_pick(input, 0);

        sct->log = what % WORLD_LOGS;
        sct->fault = what >= 128 ? (enum pki_sct_fault)fuzz_pick(input, PKI_SCT_FAULT_COUNT) : PKI_SCT_NONE;
        if (sct->fault == PKI_SCT_BER && sct->log == WORLD_RSA) {
            sct->fault = PKI_SCT_DER;
        }
        what = fuzz_pick(input, 0);
        sct->extensions = (enum planned_extensions)(what % 4);
        sct->time_ms = fuzz_world.now + offsets[what / 4 % (sizeof offsets / sizeof offsets[0])];
    }
}

void client_plan_read(struct client_plan *plan, struct fuzz_input *input)
{
    static const int64_t lifetimes[] = { PKI_HOUR, 90 * PKI_DAY, 180 * PKI_DAY, 400 * PKI_DAY };
    static const unsigned paddings[] = { 0, 1, 100, 300 };
    unsigned what = fuzz_pick(input, 0);

    *plan = (struct client_plan){ 0 };
    plan->issuer = what % 8 == 7 ? ISSUER_NONE : what % 8 == 6 ? ISSUER_TWIN : ISSUER_TRUE;
    plan->poison = what / 8 % 8 == 7;
    plan->two_lists = what / 64 == 3;
    what = fuzz_pick(input, 0);
    plan->only_scts = what % 2 == 0; /* certificates with few extensions are minted faster */
    plan->key = what / 2 % 2;
    plan->position = what / 4 % 3;
    plan->padding = paddings[what / 16 % 4];
    plan->has_policy = what / 64 % 2 == 1;
    what = fuzz_pick(input, 0);
    plan->lifetime_ms = lifetimes[what % 4];
    plan->ocsp = (enum planned_ocsp)(what / 4 % OCSP_KINDS);
    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        read_list(&plan->lists[source], input);
    }
    edits_read(&plan->edits, input);
}

/* `extensions` backs the SCTs. */
static void fill_scts(const struct planned_list *list, struct pki_sct *scts, struct pki_bytes *extensions)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct planned_sct *planned = &list->scts[i];

        if (planned->extensions == LEAF_INDEX || planned->extensions == LEAF_INDEX_TWICE) {
            pki_add_leaf_index(&extensions[i], 7);
        }
        if (planned->extensions == LEAF_INDEX_TWICE) {
            pki_add_leaf_index(&extensions[i], 8);
        } else if (planned->extensions == UNKNOWN_EXTENSION) {
            pki_add_uint(&extensions[i], 0x090002abcd, 5);
        }
        scts[i] = (struct pki_sct){
            .log = &fuzz_world.logs[planned->log],
            .time_ms = planned->time_ms,
            .extensions = extensions[i].data,
            .extensions_len = extensions[i].len,
            .fault = planned->fault,
        };
    }
}

static void change_embedded_list(void *edits, struct pki_bytes *list)
{
    edits_apply(edits, EDIT_EMBEDDED_LIST, list);
}

static void change_ocsp_list(void *edits, struct pki_bytes *list)
{
    edits_apply(edits, EDIT_OCSP_LIST, list);
}

static void mint_certificate(const struct client_plan *plan, struct client *client)
{
    const struct planned_list *list = &plan->lists[CLIENTCT_SOURCE_EMBEDDED];
    struct pki_bytes extensions[PLANNED_SCTS] = { 0 };
    struct edits edits = plan->edits;
    struct pki_sct scts[PLANNED_SCTS];
    struct pki_minted minted = { 0 };

    fill_scts(list, scts, extensions);
    pki_mint(&minted,
             &(struct pki_leaf){
                 .not_before_ms = fuzz_world.now - PKI_HOUR,
                 .not_after_ms = fuzz_world.now - PKI_HOUR + plan->lifetime_ms,
                 .key = fuzz_world.leaf_keys[plan->key],
                 .position = (enum pki_position)plan->position,
                 .padding = plan->padding,
                 .only_sct = plan->only_scts,
                 .poison = plan->poison,
                 .policy = plan->has_policy ? "1.2.3.4" : NULL,
                 .two_sct_extensions = plan->two_lists && list->count > 0,
                 .no_sct_extension = list->count == 0,
                 .scts = scts,
                 .sct_count = list->count,
                 .list_fault = list->fault,
                 .change_list = change_embedded_list,
                 .change_arg = &edits,
             },
             &fuzz_world.ca);
    client->certificate = minted.certificate;
    client->der = minted.der;
    minted.certificate = NULL;
    minted.der = (struct pki_bytes){ 0 };
    pki_minted_clear(&minted);
    for (size_t i = 0; i < PLANNED_SCTS; i++) {
        pki_bytes_clear(&extensions[i]);
    }
    if (edits_have(&edits, EDIT_CERTIFICATE)) {
        const uint8_t *der;

        edits_apply(&edits, EDIT_CERTIFICATE, &client->der);
        X509_free(client->certificate);
        der = client->der.data;
        client->certificate = d2i_X509(NULL, &der, (long)client->der.len);
    }
}

static void mint_list(const struct client_plan *plan, enum clientct_source source, X509 *certificate,
                      enum edit_target target, struct pki_bytes *out)
{
    const struct planned_list *list = &plan->lists[source];
    struct pki_bytes extensions[PLANNED_SCTS] = { 0 };
    struct pki_sct scts[PLANNED_SCTS];
    struct pki_entry entry = { 0 };

    if (list->count > 0) {
        fill_scts(list, scts, extensions);
        pki_entry_of(&entry, certificate, fuzz_world.ca.certificate, PKI_ENTRY_X509);
        pki_add_sct_list(out, &entry, scts, list->count, list->fault);
        pki_entry_clear(&entry);
        edits_apply(&plan->edits, target, out);
    }
    for (size_t i = 0; i < PLANNED_SCTS; i++) {
        pki_bytes_clear(&extensions[i]);
    }
}

static void mint_ocsp(const struct client_plan *plan, X509 *certificate, struct pki_bytes *out)
{
    const struct planned_list *list = &plan->lists[CLIENTCT_SOURCE_OCSP];
    bool over = plan->ocsp == OCSP_OVER || plan->ocsp == OCSP_REVOKED_AND_OVER;
    struct pki_bytes extensions[PLANNED_SCTS] = { 0 };
    struct edits edits = plan->edits;
    struct pki_sct scts[PLANNED_SCTS];

    fill_scts(list, scts, extensions);
    pki_ocsp_response(out, &(struct pki_ocsp){
                               .certificate = certificate,
                               .ca = &fuzz_world.ca,
                               .status = plan->ocsp == OCSP_REVOKED || plan->ocsp == OCSP_REVOKED_AND_OVER
                                             ? V_OCSP_CERTSTATUS_REVOKED
                                         : plan->ocsp == OCSP_UNKNOWN ? V_OCSP_CERTSTATUS_UNKNOWN
                                                                      : V_OCSP_CERTSTATUS_GOOD,
                               .this_update_ms = fuzz_world.now - (over ? 3 : 1) * PKI_HOUR,
                               .next_update_ms = fuzz_world.now + (over ? -2 : 1) * PKI_HOUR,
                               .signer = plan->ocsp == OCSP_BY_RESPONDER ? &fuzz_world.responder : NULL,
                               .wrong_key = plan->ocsp == OCSP_WRONG_KEY,
                               .other_cert = plan->ocsp == OCSP_OTHER_CERTIFICATE,
                               .scts = scts,
                               .sct_count = list->count,
                               .list_fault = list->fault,
                               .change_list = change_ocsp_list,
                               .change_arg = &edits,
                           });
    edits_apply(&edits, EDIT_OCSP_RESPONSE, out);
    for (size_t i = 0; i < PLANNED_SCTS; i++) {
        pki_bytes_clear(&extensions[i]);
    }
}

/* libcrypto may read what it cannot write again, and a serial number may be of any length: test/pki ends there. */
static bool can_be_logged(X509 *certificate)
{
    X509 *copy = certificate == NULL ? NULL : X509_dup(certificate);
    uint64_t serial;
    bool can = copy != NULL && i2d_re_X509_tbs(copy, NULL) > 0 &&
               ASN1_INTEGER_get_uint64(&serial, X509_get0_serialNumber(certificate)) == 1;

    X509_free(copy);
    return can;
}

void client_mint(const struct client_plan *plan, struct client *client)
{
    *client = (struct client){ 0 };
    mint_certificate(plan, client);
    ERR_clear_error();
    if (!can_be_logged(client->certificate)) {
        X509_free(client->certificate);
        client->certificate = NULL;
        ERR_clear_error();
        return;
    }
    mint_list(plan, CLIENTCT_SOURCE_TLS, client->certificate, EDIT_TLS_LIST, &client->tls);
    mint_list(plan, CLIENTCT_SOURCE_STORE, client->certificate, EDIT_STORE_LIST, &client->store);
    if (plan->ocsp != OCSP_NONE) {
        mint_ocsp(plan, client->certificate, &client->ocsp);
    }
    client->chain = sk_X509_new_null();
    FUZZ_REQUIRE(sk_X509_push(client->chain, client->certificate) > 0);
    if (plan->issuer != ISSUER_NONE) {
        const struct pki_ca *ca = plan->issuer == ISSUER_TWIN ? &fuzz_world.twin : &fuzz_world.ca;

        FUZZ_REQUIRE(sk_X509_push(client->chain, ca->certificate) > 0);
    }
    ERR_clear_error();
}

void client_clear(struct client *client)
{
    sk_X509_free(client->chain);
    X509_free(client->certificate);
    pki_bytes_clear(&client->der);
    pki_bytes_clear(&client->tls);
    pki_bytes_clear(&client->ocsp);
    pki_bytes_clear(&client->store);
}

static void add_list(struct extension_lists *out, X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    const uint8_t *at = ASN1_STRING_get0_data(value), *begin = at;
    ASN1_OCTET_STRING *list = d2i_ASN1_OCTET_STRING(NULL, &at, ASN1_STRING_length(value));

    if (list != NULL && out->count < EXTENSION_LISTS_MAX) {
        uint8_t *again = NULL;
        int len = i2d_ASN1_OCTET_STRING(list, &again);

        pki_add(&out->lists[out->count], ASN1_STRING_get0_data(list), (size_t)ASN1_STRING_length(list));
        out->exact[out->count++] = len == ASN1_STRING_length(value) && memcmp(again, begin, (size_t)len) == 0;
        OPENSSL_free(again);
    }
    ASN1_OCTET_STRING_free(list);
}

void extension_lists_of_certificate(X509 *certificate, struct extension_lists *out)
{
    *out = (struct extension_lists){ 0 };
    for (int at = -1; (at = X509_get_ext_by_NID(certificate, NID_ct_precert_scts, at)) >= 0;) {
        add_list(out, (X509_EXTENSION *)X509_get_ext(certificate, at)); /* const from OpenSSL 4.0 on */
    }
}

void extension_lists_of_response(const struct pki_bytes *response, struct extension_lists *out)
{
    const uint8_t *der = response->data;
    OCSP_RESPONSE *decoded = d2i_OCSP_RESPONSE(NULL, &der, (long)response->len);
    OCSP_BASICRESP *basic = decoded == NULL ? NULL : OCSP_response_get1_basic(decoded);

    *out = (struct extension_lists){ 0 };
    for (int i = 0; basic != NULL && i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);

        for (int at = -1; (at = OCSP_SINGLERESP_get_ext_by_NID(single, NID_ct_cert_scts, at)) >= 0;) {
            add_list(out, (X509_EXTENSION *)OCSP_SINGLERESP_get_ext(single, at));
        }
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(decoded);
}

void extension_lists_clear(struct extension_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        pki_bytes_clear(&lists->lists[i]);
    }
}
