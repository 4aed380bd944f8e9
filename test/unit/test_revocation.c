/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `revocation`: what OCSP responses in the store do to a logged client, with and without `require`; and the twin of a
 * certificate, which the holder of any certificate can make of it, comes under the same response and the same rules.
 */
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "scene.h"
#include "unit.h"

#define GOOD CLIENTCT_COMPLIANT
#define MISSING CLIENTCT_OCSP_MISSING
#define UNUSABLE CLIENTCT_OCSP_UNUSABLE
#define REVOKED CLIENTCT_REVOKED

static struct scene scene;
static struct scene_client client;
static char store[96], responses[200];

static void write_settings(const char *settings)
{
    char text[600];

    snprintf(text, sizeof text, "ocsp_store = %s\naudit = none\n%s", store, settings);
    scene_configure(&scene, text);
}

static void name_file(const X509 *certificate, char path[200])
{
    unsigned char hash[32];
    char hex[65];

    ck_assert_int_eq(X509_digest(certificate, EVP_sha256(), hash, NULL), 1);
    ct_hex(hash, sizeof hash, hex);
    snprintf(path, 200, "%s/%s.ocsp", store, hex);
}

static void setup(void)
{
    scene_set(&scene, "audit = none\n");
    snprintf(store, sizeof store, "%s/ocsp", scene.dir);
    ck_assert_int_eq(mkdir(store, 0700), 0);
    scene_client(&scene, "a", &client);
    name_file(client.minted.certificate, responses);
}

static void teardown(void)
{
    unlink(responses);
    rmdir(store);
    scene_client_clear(&client);
    scene_clear(&scene);
}

static void put_response(struct pki_bytes *ocsp)
{
    FILE *out;

    unlink(responses);
    ck_assert_ptr_nonnull(out = fopen(responses, "w"));
    ck_assert_uint_eq(fwrite(ocsp->data, 1, ocsp->len, out), ocsp->len);
    ck_assert_int_eq(fclose(out), 0);
    pki_bytes_clear(ocsp);
}

/* `signer` NULL: the CA. */
static void respond_by(const struct pki_ca *signer, int status, int64_t age, int64_t left)
{
    struct pki_bytes ocsp = { 0 };

    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = client.minted.certificate,
                                                 .ca = &scene.ca,
                                                 .signer = signer,
                                                 .status = status,
                                                 .this_update_ms = pki_now() - age,
                                                 .next_update_ms = pki_now() + left });
    put_response(&ocsp);
}

static void respond(int status, int64_t age, int64_t left)
{
    respond_by(NULL, status, age, left);
}

static void says_good(void)
{
    respond(V_OCSP_CERTSTATUS_GOOD, PKI_HOUR, PKI_DAY);
}

static void says_revoked(void)
{
    respond(V_OCSP_CERTSTATUS_REVOKED, PKI_HOUR, PKI_DAY);
}

static void said_revoked(void)
{
    respond(V_OCSP_CERTSTATUS_REVOKED, 30 * PKI_DAY, -20 * PKI_DAY);
}

static void will_say_revoked(void)
{
    respond(V_OCSP_CERTSTATUS_REVOKED, -PKI_DAY, 2 * PKI_DAY);
}

static void said_good(void)
{
    respond(V_OCSP_CERTSTATUS_GOOD, 2 * PKI_DAY, -PKI_DAY);
}

static void says_unknown(void)
{
    respond(V_OCSP_CERTSTATUS_UNKNOWN, PKI_HOUR, PKI_DAY);
}

static void is_not_there(void)
{
    unlink(responses);
}

static void store_is_not_there(void)
{
    unlink(responses);
    rmdir(store);
}

static void is_cut(void)
{
    says_good();
    ck_assert_int_eq(truncate(responses, 40), 0);
}

static void is_empty(void)
{
    says_good();
    ck_assert_int_eq(truncate(responses, 0), 0);
}

static void is_pem(void)
{
    FILE *out = fopen(responses, "w");

    fputs("-----BEGIN OCSP RESPONSE-----\nMAMKAQY=\n-----END OCSP RESPONSE-----\n", out);
    fclose(out);
}

static void is_a_link(void)
{
    char elsewhere[220];

    says_good();
    snprintf(elsewhere, sizeof elsewhere, "%s/linked", scene.dir);
    ck_assert_int_eq(rename(responses, elsewhere), 0);
    ck_assert_int_eq(symlink(elsewhere, responses), 0);
}

static void is_a_directory(void)
{
    unlink(responses);
    ck_assert_int_eq(mkdir(responses, 0700), 0);
}

static const struct row {
    const char *name;
    void (*put)(void);
    enum clientct_reason as_found, require;
} rows[] = {
    { "good", says_good, GOOD, GOOD },
    { "revoked", says_revoked, REVOKED, REVOKED },
    { "revoked, and nextUpdate has passed", said_revoked, REVOKED, REVOKED },
    { "revoked, not yet", will_say_revoked, GOOD, UNUSABLE },
    { "good, and nextUpdate has passed", said_good, GOOD, UNUSABLE },
    { "unknown", says_unknown, GOOD, UNUSABLE },
    { "not there", is_not_there, GOOD, MISSING },
    { "store not there", store_is_not_there, GOOD, MISSING },
    { "cut", is_cut, GOOD, UNUSABLE },
    { "empty", is_empty, GOOD, UNUSABLE },
    { "PEM", is_pem, GOOD, UNUSABLE },
    { "a symbolic link", is_a_link, GOOD, UNUSABLE },
    { "a directory", is_a_directory, GOOD, UNUSABLE },
};

static const struct {
    const char *name, *settings;
    bool required;
} places[] = {
    { "nowhere", "", false },
    { "as-found at the top", "revocation = as-found\n", false },
    { "at the top", "revocation = require\n", true },
    { "at the top, OCSP being no source", "revocation = require\nsources = embedded\n", true },
    { "in the policy", "policy = p\n[p]\nrevocation = require\n", true },
    { "in a rule", "rules = r\n[r]\nx = x\n[x]\nrevocation = require\n", true },
    { "in a rule's policy", "rules = r\n[r]\nx = x\n[x]\npolicy = p\n[p]\nrevocation = require\n", true },
    { "at the top, not in the policy", "revocation = require\npolicy = p\n[p]\nrevocation = as-found\n", false },
    { "in the policy, not in the rule",
      "policy = p\nrules = r\n[p]\nrevocation = require\n[r]\nx = x\n[x]\nrevocation = as-found\n", false },
};

static void expect(struct clientct_checker *checker, const struct clientct_input *input, enum clientct_reason reason,
                   const char *what, const char *where)
{
    struct clientct_verdict verdict;
    bool accept = clientct_decide(checker, input, &verdict);

    ck_assert_msg(verdict.reason == reason, "%s, required %s: %s (%s), want %s", what, where,
                  clientct_reason_name(verdict.reason), verdict.detail, clientct_reason_name(reason));
    ck_assert(accept == (reason == CLIENTCT_COMPLIANT || reason == CLIENTCT_EXEMPT));
    clientct_verdict_clear(&verdict);
}

START_TEST(what_is_not_good_refuses_where_it_is_required)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct clientct_checker *checker;

        write_settings(places[i].settings);
        checker = clientct_checker_new(scene.config);
        rows[_i].put();
        for (int again = 0; again < 2; again++) {
            expect(checker, &client.input, places[i].required ? rows[_i].require : rows[_i].as_found, rows[_i].name,
                   places[i].name);
        }
        clientct_checker_free(checker);
        unlink(responses);
        rmdir(responses);
        mkdir(store, 0700);
    }
}
END_TEST

/* The CA's own certificate is a day old. */
static const struct {
    const char *name;
    int64_t from, until; /* of the responder's certificate, from now */
    int64_t age, left;   /* of what it says */
    enum clientct_reason as_found;
} responders[] = {
    { "certified after thisUpdate", -PKI_MINUTE, PKI_DAY, PKI_HOUR, PKI_DAY, REVOKED },
    { "older than its CA's certificate", -40 * PKI_DAY, PKI_DAY, 30 * PKI_DAY, -20 * PKI_DAY, REVOKED },
    { "expired after thisUpdate", -40 * PKI_DAY, -25 * PKI_DAY, 30 * PKI_DAY, -20 * PKI_DAY, REVOKED },
    { "expired before thisUpdate", -40 * PKI_DAY, -35 * PKI_DAY, 30 * PKI_DAY, -20 * PKI_DAY, GOOD },
    { "not valid yet", PKI_DAY, 2 * PKI_DAY, PKI_HOUR, 3 * PKI_DAY, GOOD },
};

START_TEST(revoked_counts_if_the_responder_was_ever_valid_since)
{
    struct pki_leaf leaf = { .cn = "Responder", .delegated_responder = true, .no_sct_extension = true };
    struct clientct_checker *checker;
    struct pki_minted responder = { 0 };

    leaf.not_before_ms = pki_now() + responders[_i].from;
    leaf.not_after_ms = pki_now() + responders[_i].until;
    pki_mint(&responder, &leaf, &scene.ca);
    respond_by(&(struct pki_ca){ responder.certificate, responder.key }, V_OCSP_CERTSTATUS_REVOKED, responders[_i].age,
               responders[_i].left);
    write_settings("");
    checker = clientct_checker_new(scene.config);
    expect(checker, &client.input, responders[_i].as_found, responders[_i].name, "nowhere");
    clientct_checker_free(checker);
    pki_minted_clear(&responder);
}
END_TEST

/* Other statuses than OCSP's: "revoked" that counts from tomorrow on; nothing. */
enum { LATER = 100, NONE };

static void add_single(OCSP_BASICRESP *basic, const EVP_MD *digest, int said)
{
    int status = said == LATER ? V_OCSP_CERTSTATUS_REVOKED : said;
    OCSP_CERTID *id = OCSP_cert_to_id(digest, client.minted.certificate, scene.ca.certificate);
    ASN1_TIME *then = X509_gmtime_adj(NULL, said == LATER ? 24L * 3600 : -3600);
    ASN1_TIME *next = X509_gmtime_adj(NULL, 48L * 3600);

    ck_assert_ptr_nonnull(OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_NOSTATUS,
                                                 status == V_OCSP_CERTSTATUS_REVOKED ? then : NULL, then, next));
    OCSP_CERTID_free(id);
    ASN1_TIME_free(then);
    ASN1_TIME_free(next);
}

/* A responder that names the certificate in several ways, as it was asked. */
START_TEST(revoked_counts_where_a_response_speaks_twice)
{
    enum { GOOD_1 = V_OCSP_CERTSTATUS_GOOD, REVOKED_1 = V_OCSP_CERTSTATUS_REVOKED };
    static const struct {
        enum clientct_reason expected;
        int said[3];
    } answers[] = {
        { REVOKED, { REVOKED_1, REVOKED_1, NONE } }, { REVOKED, { GOOD_1, REVOKED_1, NONE } },
        { REVOKED, { REVOKED_1, GOOD_1, NONE } },    { REVOKED, { GOOD_1, REVOKED_1, GOOD_1 } },
        { REVOKED, { REVOKED_1, GOOD_1, GOOD_1 } },  { REVOKED, { GOOD_1, GOOD_1, REVOKED_1 } },
        { REVOKED, { REVOKED_1, LATER, NONE } },     { REVOKED, { LATER, REVOKED_1, NONE } },
        { REVOKED, { LATER, REVOKED_1, LATER } },    { GOOD, { GOOD_1, GOOD_1, NONE } },
        { GOOD, { GOOD_1, LATER, GOOD_1 } },
    };
    struct clientct_checker *checker;

    write_settings("");
    checker = clientct_checker_new(scene.config);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const EVP_MD *digests[] = { EVP_sha1(), EVP_sha256(), EVP_sha384() };
        OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
        OCSP_RESPONSE *response;
        struct pki_bytes der = { 0 };
        uint8_t *encoded = NULL;
        int len;

        for (size_t j = 0; j < 3 && answers[i].said[j] != NONE; j++) {
            add_single(basic, digests[j], answers[i].said[j]);
        }
        ck_assert_int_eq(OCSP_basic_sign(basic, scene.ca.certificate, scene.ca.key, EVP_sha256(), NULL, OCSP_NOCERTS),
                         1);
        ck_assert_ptr_nonnull(response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
        len = i2d_OCSP_RESPONSE(response, &encoded);
        pki_add(&der, encoded, (size_t)len);
        put_response(&der);
        expect(checker, &client.input, answers[i].expected, "spoken of more than once", "nowhere");
        OPENSSL_free(encoded);
        OCSP_RESPONSE_free(response);
        OCSP_BASICRESP_free(basic);
    }
    clientct_checker_free(checker);
}
END_TEST

START_TEST(exempt_certificates_must_be_good_too)
{
    struct clientct_checker *checker;

    write_settings("revocation = require\nrules = r\n[r]\nx = x\n[x]\nexempt = yes\n");
    checker = clientct_checker_new(scene.config);
    expect(checker, &client.input, MISSING, "exempt", "at the top");
    says_good();
    expect(checker, &client.input, CLIENTCT_EXEMPT, "exempt", "at the top");
    clientct_checker_free(checker);
}
END_TEST

START_TEST(store_that_cannot_be_opened_is_no_good)
{
    struct clientct_checker *checker;
    struct rlimit limit = { 0, 0 }, before;

    write_settings("revocation = require\n");
    says_good();
    checker = clientct_checker_new(scene.config);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect(checker, &client.input, UNUSABLE, "no descriptors", "at the top");
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect(checker, &client.input, GOOD, "descriptors are back", "at the top");
    clientct_checker_free(checker);
}
END_TEST

START_TEST(required_without_a_store_is_an_error_of_the_configuration)
{
    struct clientct_checker *checker;

    scene_configure(&scene, "revocation = require\n");
    checker = clientct_checker_new(scene.config);
    expect(checker, &client.input, CLIENTCT_CONFIG_ERROR, "no ocsp_store", "at the top");
    clientct_checker_free(checker);
}
END_TEST

static void present_twin(struct clientct_input *input, STACK_OF(X509) **chain)
{
    *input = client.input;
    input->leaf = scene_twin(&scene, client.minted.certificate);
    *chain = sk_X509_new_null();
    sk_X509_push(*chain, input->leaf);
    for (int i = 1; i < sk_X509_num(client.input.chain); i++) {
        sk_X509_push(*chain, sk_X509_value(client.input.chain, i));
    }
    input->chain = *chain;
}

START_TEST(twin_is_revoked_with_its_certificate)
{
    struct clientct_checker *checker;
    struct clientct_input twin;
    STACK_OF(X509) *chain;
    char path[200];
    FILE *out;

    write_settings("");
    present_twin(&twin, &chain);
    checker = clientct_checker_new(scene.config);
    expect(checker, &twin, GOOD, "nothing is known", "nowhere"); /* and this is cached */
    says_revoked();
    expect(checker, &twin, REVOKED, "the certificate's response", "nowhere");
    expect(checker, &twin, REVOKED, "the certificate's response, again", "nowhere");
    unlink(responses);
    expect(checker, &twin, GOOD, "the response is gone", "nowhere");
    says_revoked();
    /* The twin's own response, where there is one, comes first. */
    name_file(twin.leaf, path);
    ck_assert_ptr_nonnull(out = fopen(path, "w"));
    fclose(out);
    expect(checker, &twin, GOOD, "its own is empty", "nowhere");
    unlink(path);
    expect(checker, &twin, REVOKED, "its own is gone", "nowhere");
    clientct_checker_free(checker);
    sk_X509_free(chain);
    X509_free(twin.leaf);
}
END_TEST

START_TEST(twin_comes_under_the_rules_of_its_certificate)
{
    static const char rule[] =
        "mode = report\nrules = r\n[r]\nx = x\n[x]\nmode = enforce\npolicy = two\ncertificate = ";
    struct clientct_input twin;
    STACK_OF(X509) *chain;
    unsigned char hash[32];
    char hex[65], text[400], path[120];

    present_twin(&twin, &chain);
    ck_assert_int_eq(X509_digest(client.minted.certificate, EVP_sha256(), hash, NULL), 1);
    ct_hex(hash, sizeof hash, hex);
    snprintf(path, sizeof path, "%s/client.der", scene.dir);
    scene_put(&scene, "client.der", client.minted.der.data, client.minted.der.len);
    for (int by_file = 0; by_file < 2; by_file++) {
        struct clientct_checker *checker;
        const struct clientct_input *inputs[] = { &client.input, &twin };

        snprintf(text, sizeof text, "%s%s%s\n[two]\nmin_scts = 2\n", rule,
                 by_file ? "" : "sha256:", by_file ? path : hex);
        write_settings(text);
        checker = clientct_checker_new(scene.config);
        for (int i = 0; i < 2; i++) {
            struct clientct_verdict verdict;

            ck_assert_msg(!clientct_decide(checker, inputs[i], &verdict), "%s by %s: %s", i ? "twin" : "certificate",
                          by_file ? "file" : "hash", verdict.detail);
            ck_assert_str_eq(verdict.rule, "x");
            clientct_verdict_clear(&verdict);
        }
        clientct_checker_free(checker);
    }
    sk_X509_free(chain);
    X509_free(twin.leaf);
}
END_TEST

/* With RSA-PSS; the one that is returned is `whole` without the last byte of its signature. */
static X509 *sign_shortened(X509 *certificate, EVP_PKEY *key, X509 **whole)
{
    const ASN1_BIT_STRING *signature;
    X509 *copy = X509_dup(certificate);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx;
    uint8_t bytes[512];
    int len;

    ck_assert_int_eq(EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
    ck_assert_int_gt(X509_sign_ctx(copy, md), 0);
    EVP_MD_CTX_free(md);
    *whole = X509_dup(copy);
    X509_get0_signature(&signature, NULL, copy);
    len = ASN1_STRING_length(signature) - 1;
    ck_assert_int_lt(len, (int)sizeof bytes);
    memcpy(bytes, ASN1_STRING_get0_data(signature), (size_t)len);
    ck_assert_int_eq(ASN1_STRING_set((ASN1_STRING *)signature, bytes, len), 1);
    certificate = X509_dup(copy); /* as it would be received */
    X509_free(copy);
    return certificate;
}

START_TEST(signature_that_was_shortened_is_none)
{
    struct pki_ca rsa = { 0 };
    struct pki_minted minted = { 0 };
    struct pki_bytes ocsp = { 0 };
    struct clientct_checker *checker;
    EVP_PKEY *key = pki_new_key(PKI_RSA, 1024);
    X509 *whole, *shortened;

    pki_ca_new(&rsa, "Scene CA", key, NULL, 300);
    EVP_PKEY_free(key);
    pki_mint(&minted, &(struct pki_leaf){ .no_sct_extension = true }, &rsa);
    shortened = sign_shortened(minted.certificate, rsa.key, &whole);
    ck_assert_int_eq(X509_verify(whole, rsa.key), 1);
    name_file(whole, responses);
    pki_ocsp_response(&ocsp, &(struct pki_ocsp){ .certificate = whole,
                                                 .ca = &rsa,
                                                 .status = V_OCSP_CERTSTATUS_REVOKED,
                                                 .this_update_ms = pki_now() - PKI_HOUR,
                                                 .next_update_ms = pki_now() + PKI_DAY });
    put_response(&ocsp);
    sk_X509_set(client.chain, 1, rsa.certificate);
    write_settings("rules = r\n[r]\nx = x\n[x]\nexempt = yes\n");
    checker = clientct_checker_new(scene.config);
    sk_X509_set(client.chain, 0, client.input.leaf = whole);
    expect(checker, &client.input, REVOKED, "whole", "nowhere");
    sk_X509_set(client.chain, 0, client.input.leaf = shortened);
    expect(checker, &client.input, CLIENTCT_BAD_EXTENSIONS, "shortened", "nowhere");
    unlink(responses);
    sk_X509_set(client.chain, 0, client.input.leaf = whole);
    expect(checker, &client.input, CLIENTCT_EXEMPT, "whole, not revoked", "nowhere");
    clientct_checker_free(checker);
    X509_free(whole);
    X509_free(shortened);
    pki_minted_clear(&minted);
    pki_ca_clear(&rsa);
}
END_TEST

/* Whose owner cannot be known has no twin, and what libcrypto says of the key is not for the application. */
START_TEST(key_that_does_not_decode_leaves_no_error)
{
    static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
    struct pki_bytes *der = &client.minted.der;
    const uint8_t *at = der->data;
    uint8_t *curve = memmem(der->data, der->len, p256, sizeof p256);
    struct clientct_verdict verdict;
    struct clientct_checker *checker;

    ck_assert_ptr_nonnull(curve);
    curve[sizeof p256 - 1] = 0x7f; /* no curve that there is */
    client.input.leaf = d2i_X509(NULL, &at, (long)der->len);
    ck_assert_ptr_nonnull(client.input.leaf);
    client.input.chain = NULL; /* with no issuer the certificate is looked at as its own */
    ERR_clear_error();
    write_settings("policy = one\n");
    checker = clientct_checker_new(scene.config);
    ck_assert(!clientct_decide(checker, &client.input, &verdict));
    ck_assert_msg(ERR_peek_error() == 0, "the application's error queue is not ours");
    clientct_verdict_clear(&verdict);
    clientct_checker_free(checker);
    X509_free(client.input.leaf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revocation");
    TCase *tc = tcase_create("revocation");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, what_is_not_good_refuses_where_it_is_required, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(tc, revoked_counts_if_the_responder_was_ever_valid_since, 0,
                        sizeof responders / sizeof responders[0]);
    tcase_add_test(tc, revoked_counts_where_a_response_speaks_twice);
    tcase_add_test(tc, exempt_certificates_must_be_good_too);
    tcase_add_test(tc, store_that_cannot_be_opened_is_no_good);
    tcase_add_test(tc, required_without_a_store_is_an_error_of_the_configuration);
    tcase_add_test(tc, twin_is_revoked_with_its_certificate);
    tcase_add_test(tc, twin_comes_under_the_rules_of_its_certificate);
    tcase_add_test(tc, signature_that_was_shortened_is_none);
    tcase_add_test(tc, key_that_does_not_decode_leaves_no_error);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
