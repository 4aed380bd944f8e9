/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scene_put(struct scene *scene, const char *name, const void *data, size_t len)
{
    char path[192];

    snprintf(path, sizeof path, "%s/%s", scene->dir, name);
    pki_write_file(path, data, len);
}

void scene_configure(struct scene *scene, const char *settings)
{
    char text[4096];

    snprintf(text, sizeof text, "log_list = %s\n%s", scene->list, settings);
    pki_write_file(scene->config, (const uint8_t *)text, strlen(text));
}

void scene_list(struct scene *scene, int64_t timestamp_ms)
{
    pki_write_log_list(scene->list, PKI_FORMAT_V3, scene->listed, SCENE_LOGS - 1, timestamp_ms);
}

void scene_set(struct scene *scene, const char *settings)
{
    static const char *const names[] = { "Log A", "Log B", "Log C" };
    static const char *const operators[] = { "Alpha", "Beta", "Gamma" };

    memset(scene, 0, sizeof *scene);
    strcpy(scene->dir, "/tmp/clientct-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scene->dir));
    snprintf(scene->config, sizeof scene->config, "%s/clientct.cnf", scene->dir);
    snprintf(scene->list, sizeof scene->list, "%s/list", scene->dir);
    pki_ca_new(&scene->ca, "Scene CA", NULL, NULL, 300);
    for (size_t i = 0; i < SCENE_LOGS; i++) {
        pki_log_new(&scene->logs[i], pki_new_key(PKI_P256, 0));
    }
    for (size_t i = 0; i < SCENE_LOGS - 1; i++) {
        scene->listed[i] = (struct pki_listed_log){
            .log = &scene->logs[i],
            .description = names[i],
            .log_operator = operators[i],
            .url = "https://log.test/",
            .state = "usable",
            .state_since_ms = pki_now() - 400 * PKI_DAY,
            .start_ms = INT64_MIN,
            .end_ms = INT64_MAX,
        };
    }
    scene_list(scene, pki_now());
    scene_configure(scene, settings);
}

void scene_clear(struct scene *scene)
{
    DIR *dir = opendir(scene->dir);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[400];

        snprintf(path, sizeof path, "%s/%s", scene->dir, entry->d_name);
        unlink(path);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    rmdir(scene->dir);
    pki_ca_clear(&scene->ca);
    for (size_t i = 0; i < SCENE_LOGS; i++) {
        pki_log_clear(&scene->logs[i]);
    }
}

static size_t scts_of(struct scene *scene, const char *logs, struct pki_sct *scts)
{
    size_t count = strlen(logs);

    for (size_t i = 0; i < count; i++) {
        scts[i] = (struct pki_sct){
            .log = &scene->logs[tolower((unsigned char)logs[i]) - 'a'],
            .time_ms = pki_now() - 30 * PKI_MINUTE - (int64_t)i,
            .fault = isupper((unsigned char)logs[i]) ? PKI_SCT_SIGNATURE : PKI_SCT_NONE,
        };
    }
    return count;
}

void scene_client_of(struct scene *scene, struct pki_leaf leaf, const char *logs, struct scene_client *client)
{
    struct pki_sct *scts = calloc(strlen(logs) + 1, sizeof *scts);

    memset(client, 0, sizeof *client);
    leaf.sct_count = scts_of(scene, logs, scts);
    leaf.scts = scts;
    leaf.no_sct_extension = leaf.no_sct_extension || leaf.sct_count == 0;
    pki_mint(&client->minted, &leaf, &scene->ca);
    free(scts);
    client->chain = sk_X509_new_null();
    ck_assert_int_gt(sk_X509_push(client->chain, client->minted.certificate), 0);
    ck_assert_int_gt(sk_X509_push(client->chain, scene->ca.certificate), 0);
    client->input.leaf = client->minted.certificate;
    client->input.chain = client->chain;
}

void scene_client(struct scene *scene, const char *logs, struct scene_client *client)
{
    scene_client_of(scene, (struct pki_leaf){ 0 }, logs, client);
}

void scene_client_clear(struct scene_client *client)
{
    sk_X509_free(client->chain);
    pki_minted_clear(&client->minted);
    memset(client, 0, sizeof *client);
}

void scene_x509_list(struct scene *scene, const struct scene_client *client, const char *logs, struct pki_bytes *list)
{
    struct pki_sct *scts = calloc(strlen(logs) + 1, sizeof *scts);
    struct pki_entry entry;

    memset(&entry, 0, sizeof entry);
    pki_entry_of(&entry, client->minted.certificate, scene->ca.certificate, PKI_ENTRY_X509);
    pki_add_sct_list(list, &entry, scts, scts_of(scene, logs, scts), PKI_LIST_NONE);
    pki_entry_clear(&entry);
    free(scts);
}

X509 *scene_twin(const struct scene *scene, X509 *certificate)
{
    X509 *twin = X509_dup(certificate);
    EVP_PKEY *issuer_key = scene->ca.key;
    const ASN1_BIT_STRING *signature;
    const unsigned char *at;
    unsigned char *encoded = NULL;
    BIGNUM *order = NULL, *s = BN_new();
    ECDSA_SIG *pair;
    int len;

    X509_get0_signature(&signature, NULL, twin);
    at = ASN1_STRING_get0_data(signature);
    pair = d2i_ECDSA_SIG(NULL, &at, ASN1_STRING_length(signature));
    ck_assert_int_eq(EVP_PKEY_get_bn_param(issuer_key, "order", &order), 1);
    BN_sub(s, order, ECDSA_SIG_get0_s(pair));
    ck_assert_int_eq(ECDSA_SIG_set0(pair, BN_dup(ECDSA_SIG_get0_r(pair)), s), 1);
    len = i2d_ECDSA_SIG(pair, &encoded);
    ck_assert_int_eq(ASN1_STRING_set((ASN1_STRING *)signature, encoded, len), 1);
    OPENSSL_free(encoded);
    ECDSA_SIG_free(pair);
    BN_free(order);
    encoded = NULL;
    len = i2d_X509(twin, &encoded);
    at = encoded;
    X509_free(twin);
    twin = d2i_X509(NULL, &at, len);
    OPENSSL_free(encoded);
    ck_assert_int_eq(X509_verify(twin, issuer_key), 1);
    ck_assert_int_ne(X509_cmp(twin, certificate), 0);
    return twin;
}
