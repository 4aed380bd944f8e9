/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of CAs and clients of every kind: what logs have signed is the same, whatever signs the certificate. */
#include <check.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "scene.h"
#include "unit.h"

#define OPENSSL_3_5 0x30500000UL

static const struct kind {
    const char *name, *type, *group;
    unsigned long since; /* of OpenSSL; 0: always there */
} kinds[] = {
    { "P-256", "EC", "P-256", 0 },
    { "P-384", "EC", "P-384", 0 },
    { "P-521", "EC", "P-521", 0 },
    { "secp256k1", "EC", "secp256k1", 0 },
    { "Brainpool P256r1", "EC", "brainpoolP256r1", 0 },
    { "Brainpool P512r1", "EC", "brainpoolP512r1", 0 },
    { "Ed25519", "ED25519", NULL, 0 },
    { "Ed448", "ED448", NULL, 0 },
    { "RSA", "RSA", NULL, 0 },
    { "RSA-PSS", "RSA-PSS", NULL, 0 },
    { "ML-DSA-44", "ML-DSA-44", NULL, OPENSSL_3_5 },
    { "ML-DSA-65", "ML-DSA-65", NULL, OPENSSL_3_5 },
    { "ML-DSA-87", "ML-DSA-87", NULL, OPENSSL_3_5 },
    { "SLH-DSA-SHA2-128f", "SLH-DSA-SHA2-128f", NULL, OPENSSL_3_5 },
    { "SLH-DSA-SHAKE-256f", "SLH-DSA-SHAKE-256f", NULL, OPENSSL_3_5 },
};
#define KIND_COUNT (int)(sizeof kinds / sizeof kinds[0])

static EVP_PKEY *new_key(const struct kind *kind)
{
    EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_from_name(NULL, kind->type, NULL);
    EVP_PKEY *key = NULL;

    ck_assert_msg(generator != NULL && EVP_PKEY_keygen_init(generator) == 1, "%s", kind->name);
    if (kind->group != NULL) {
        ck_assert_int_eq(EVP_PKEY_CTX_set_group_name(generator, kind->group), 1);
    }
    ck_assert_msg(EVP_PKEY_generate(generator, &key) == 1, "cannot make a key of %s", kind->name);
    EVP_PKEY_CTX_free(generator);
    return key;
}

static void expect(const char *what, const char *kind, const struct clientct_input *input, enum clientct_reason reason,
                   const struct scene *scene)
{
    struct clientct_checker *checker = clientct_checker_new(scene->config);
    struct clientct_verdict verdict;

    ck_assert_ptr_nonnull(checker);
    ck_assert_int_eq(clientct_decide(checker, input, &verdict), verdict.accept);
    ck_assert_msg(verdict.reason == reason && verdict.accept == (reason == CLIENTCT_COMPLIANT), "%s, %s: %s (%s)", kind,
                  what, clientct_reason_name(verdict.reason), verdict.detail);
    clientct_verdict_clear(&verdict);
    clientct_checker_free(checker);
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

/* A root, a CA below it and a client, the chain as libssl has built it. */
static void judge(struct scene *scene, const char *what, const char *kind, const struct pki_ca *root,
                  EVP_PKEY *leaf_key)
{
    static const struct {
        const char *what, *logs;
        enum clientct_reason reason;
    } clients[] = {
        { "two logs", "ab", CLIENTCT_COMPLIANT },
        { "one log", "a", CLIENTCT_TOO_FEW_SCTS },
        { "one bad signature", "Ab", CLIENTCT_TOO_FEW_SCTS },
        { "two bad signatures", "AB", CLIENTCT_BAD_SIGNATURE },
        { "unlogged", "", CLIENTCT_NO_SCTS },
    };
    struct scene_client client;
    struct pki_ca twin = { 0 };

    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        scene_client_of(scene, (struct pki_leaf){ .key = leaf_key }, clients[i].logs, &client);
        ck_assert_int_gt(sk_X509_push(client.chain, root->certificate), 0);
        ck_assert_int_eq(X509_verify(client.minted.certificate, scene->ca.key), 1);
        expect(clients[i].what, kind, &client.input, clients[i].reason, scene);
        scene_client_clear(&client);
    }
    scene_client_of(scene, (struct pki_leaf){ .key = leaf_key }, "ab", &client);
    pki_ca_new(&twin, what, NULL, root, 30);
    sk_X509_set(client.chain, 1, twin.certificate);
    expect("an issuer of another key", kind, &client.input, CLIENTCT_BAD_SIGNATURE, scene);
    pki_ca_clear(&twin);
    scene_client_clear(&client);
}

START_TEST(kinds_of_keys_change_no_verdict)
{
    const struct kind *kind = &kinds[_i];
    struct pki_ca root = { 0 };
    struct scene scene;
    EVP_PKEY *key;

    if (OpenSSL_version_num() < kind->since) {
        return; /* this OpenSSL has no such keys */
    }
    scene_set(&scene, "policy = two\n[two]\nmin_scts = 2\n");
    key = new_key(kind);
    pki_ca_new(&root, "Root", key, NULL, 300);
    EVP_PKEY_free(key);
    pki_ca_clear(&scene.ca);
    key = new_key(kind);
    pki_ca_new(&scene.ca, "Issuer", key, &root, 300);
    EVP_PKEY_free(key);
    key = new_key(kind);
    judge(&scene, "Issuer", kind->name, &root, key);
    EVP_PKEY_free(key);
    judge(&scene, "Issuer", kind->name, &root, NULL); /* a P-256 client of such a CA */
    pki_ca_clear(&root);
    scene_clear(&scene);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("odd_keys");
    TCase *tc = tcase_create("odd_keys");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, kinds_of_keys_change_no_verdict, 0, KIND_COUNT);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
