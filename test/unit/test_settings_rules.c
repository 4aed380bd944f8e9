/* SPDX-License-Identifier: Apache-2.0 */
#include "config/parse.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "pki.h"
#include "unit.h"

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B "FFeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define TOP "log_list = /l\nrules = rs\n"
#define RULE TOP "[rs]\nr = r\n[r]\n"
#define TWO_RULES TOP "[rs]\na = a\nb = b\n"
#define UNTIL "expires = 9999-01-01T00:00:00Z\n"
#define EXEMPT "exempt = yes\n" UNTIL

static char directory[] = "/tmp/clientct-settings-XXXXXX";

static size_t files_read; /* by the last parse */

static bool parse(const char *text, struct ct_settings *settings, struct ct_problems *problems)
{
    struct ct_file_set files = { 0 };
    bool good;

    *problems = (struct ct_problems){ 0 };
    good = ct_settings_parse("f.cnf", (struct ct_bytes){ (const uint8_t *)text, strlen(text) }, &files, settings,
                             problems);
    files_read = files.count;
    ct_file_set_clear(&files);
    return good;
}

static const char *first_text(const struct ct_problems *problems)
{
    return problems->count > 0 ? problems->items[0].text : "(none)";
}

START_TEST(reads_rules_in_their_order)
{
    struct ct_settings settings;
    struct ct_problems problems;
    const struct ct_rule *rule;
    char oid[64];

    ck_assert_msg(parse(TOP "policy = p\n[rs]\nfirst = x\nsecond = a\nthird = last\n[a]\n"
                            "server_name = *.Example.ORG\ncertificate_policy = 1.3.6.1.4.1.99999.1\n"
                            "extended_key_usage = clientAuth\npolicy = chrome\nmode = report\nresumption = refuse\n"
                            "[last]\npolicy = p\nuri = spiffe://td.example/ns/pay/*\ndns = *.A.example\n"
                            "email = Pay@A.example\n[p]\n"
                            "[x]\nissuer = sha256:" HEX_A "\ncertificate = sha256:" HEX_B "\n"
                            "issued_before = 2026-12-01T00:00:00Z\nissued_after = 2026-01-01T00:00:00+01:00\n"
                            "exempt = yes\nexpires = 9999-06-01T00:00:00Z\n",
                        &settings, &problems),
                  "%s", first_text(&problems));
    ck_assert_uint_eq(settings.rule_count, 3);
    rule = &settings.rules[0];
    ck_assert_str_eq(rule->name, "first");
    ck_assert_uint_eq(rule->line, 21);
    ck_assert(rule->has_issuer && rule->has_certificate);
    ck_assert_uint_eq(rule->issuer_spki[1], 0x11);
    ck_assert_uint_eq(rule->certificate[0], 0xff);
    ck_assert_ptr_null(rule->issuer_certificate);
    ck_assert_int_eq(rule->issued_before_ms, INT64_C(1796083200000));
    ck_assert_int_eq(rule->issued_after_ms, INT64_C(1767222000000));
    ck_assert(rule->exempt && !rule->has_mode);
    ck_assert(rule->policy == SIZE_MAX);
    ck_assert(rule->expires_ms < INT64_MAX);
    rule = &settings.rules[1];
    ck_assert_str_eq(rule->name, "second");
    ck_assert(!rule->has_issuer && !rule->has_certificate && !rule->exempt);
    ck_assert_str_eq(rule->server_name, "*.example.org");
    ck_assert_int_eq(rule->issued_before_ms, INT64_MAX);
    ck_assert_int_eq(rule->issued_after_ms, INT64_MIN);
    ck_assert_int_eq(rule->expires_ms, INT64_MAX);
    OBJ_obj2txt(oid, sizeof oid, rule->certificate_policy, 1);
    ck_assert_str_eq(oid, "1.3.6.1.4.1.99999.1");
    ck_assert_int_eq(OBJ_obj2nid(rule->extended_key_usage), NID_client_auth);
    ck_assert_str_eq(settings.policies[rule->policy].name, "chrome");
    ck_assert(rule->has_mode && rule->mode == CLIENTCT_MODE_REPORT);
    ck_assert_uint_eq(settings.rules[2].policy, settings.policy);
    ck_assert_str_eq(settings.rules[2].uri, "spiffe://td.example/ns/pay/*");
    ck_assert_str_eq(settings.rules[2].dns, "*.a.example");
    ck_assert_str_eq(settings.rules[2].email, "Pay@a.example");
    ck_assert_uint_eq(settings.policy_count, 2);
    ck_assert_uint_eq(files_read, 0);
    ct_settings_clear(&settings);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(accepts_host_names)
{
    static const struct {
        const char *given, *want;
    } rows[] = {
        { "localhost", "localhost" },
        { "a.example", "a.example" },
        { "*.a-b.example", "*.a-b.example" },
        { "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
        { "1.2.3.4.example", "1.2.3.4.example" },
        { "0x7f.a1", "0x7f.a1" },
        { "_srv.example", "_srv.example" },
        { "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123.example",
          "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123.example" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings settings;
        struct ct_problems problems;
        char text[400];

        snprintf(text, sizeof text, RULE "mode = enforce\nserver_name = %s\n", rows[i].given);
        ck_assert_msg(parse(text, &settings, &problems), "%s: %s", rows[i].given, first_text(&problems));
        ck_assert_msg(strcmp(settings.rules[0].server_name, rows[i].want) == 0, "%s: got %s", rows[i].given,
                      settings.rules[0].server_name);
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
}
END_TEST

/* Every setting of a rule is a condition with an owner, or an effect. */
START_TEST(each_condition_has_an_owner)
{
    static const char *const effects[] = { "policy", "exempt", "expires", "mode", "resumption", "revocation", NULL };
    const struct ct_rule_condition *condition;
    const struct ct_setting *setting;
    size_t conditions = 0, found = 0;

    for (size_t i = 0; (condition = ct_rule_condition(i)) != NULL; i++) {
        conditions += i == 0 || strcmp(condition->name, ct_rule_condition(i - 1)->name) != 0;
        ck_assert(condition->given != NULL);
        ck_assert_msg(condition->chooser == CT_CHOSEN_BY_OPERATOR || condition->way_in != NULL ||
                          condition->way_out != NULL,
                      "%s is chosen by others, and nothing warns of it", condition->name);
    }
    for (size_t row = 0; (setting = ct_settings_table(row)) != NULL; row++) {
        size_t i = 0, effect = 0;

        if (setting->section != CT_SETTING_RULE) {
            continue;
        }
        while ((condition = ct_rule_condition(i)) != NULL && strcmp(condition->name, setting->name) != 0) {
            i++;
        }
        while (effects[effect] != NULL && strcmp(effects[effect], setting->name) != 0) {
            effect++;
        }
        ck_assert_msg((condition != NULL) != (effects[effect] != NULL),
                      "%s: a condition needs its row in policy/rules.c, an effect its name here", setting->name);
        found += condition != NULL;
    }
    ck_assert_uint_eq(found, conditions);
}
END_TEST

START_TEST(warns_of_what_is_hardly_meant)
{
    static const struct {
        const char *name, *text;
        unsigned line;
        const char *says; /* NULL: no warning at all */
    } rows[] = {
        { "catch-all at the end", TWO_RULES "[a]\nissuer = sha256:" HEX_A "\npolicy = one\n[b]\npolicy = apple\n", 0,
          NULL },
        { "catch-all in front", TWO_RULES "[a]\nmode = enforce\n[b]\nissuer = sha256:" HEX_A "\npolicy = chrome\n", 8,
          "rule `b` can never match: rule `a` (line 6)" },
        { "the same twice",
          TWO_RULES "[a]\nissuer = sha256:" HEX_A "\npolicy = one\n[b]\nissuer = sha256:" HEX_A "\npolicy = chrome\n",
          9, "can never match" },
        { "more special behind",
          TWO_RULES "[a]\nissuer = sha256:" HEX_A "\npolicy = one\n[b]\nissuer = sha256:" HEX_A
                    "\nextended_key_usage = clientAuth\npolicy = chrome\n",
          9, "can never match" },
        { "more special in front",
          TWO_RULES "[b]\nissuer = sha256:" HEX_A "\npolicy = one\n[a]\nissuer = sha256:" HEX_A
                    "\nextended_key_usage = clientAuth\npolicy = chrome\n",
          9, "asks for more by `issuer`" },
        { "wildcard in front",
          TWO_RULES "[a]\nserver_name = *.x.y\npolicy = one\n[b]\nserver_name = a.x.y\npolicy = chrome\n", 9,
          "can never match" },
        { "wildcard of one label",
          TWO_RULES "[a]\nserver_name = *.x.y\npolicy = one\n[b]\nserver_name = b.a.x.y\n"
                    "policy = one\n",
          0, NULL },
        { "earlier date behind",
          TWO_RULES "[a]\nissued_before = 2026-02-01T00:00:00Z\nmode = enforce\n[b]\n"
                    "issued_before = 2026-01-01T00:00:00Z\nmode = enforce\n",
          9, "can never match" },
        { "later date behind",
          TWO_RULES "[a]\nissued_before = 2026-01-01T00:00:00Z\nmode = enforce\n[b]\n"
                    "issued_before = 2026-02-01T00:00:00Z\nmode = enforce\n",
          0, NULL },
        { "other usage",
          TWO_RULES "[a]\nextended_key_usage = clientAuth\nmode = enforce\n[b]\n"
                    "extended_key_usage = serverAuth\nmode = enforce\n",
          0, NULL },
        { "endless exemption", RULE "certificate = sha256:" HEX_A "\nexempt = yes\n", 5, "never ends; give" },
        { "endless exemption with a policy", RULE "certificate = sha256:" HEX_A "\nexempt = yes\npolicy = one\n", 5,
          "its `policy` never applies" },
        { "ended exemption", RULE "certificate = sha256:" HEX_A "\nexempt = yes\nexpires = 2001-01-01T00:00:00Z\n", 5,
          "ended on 2001-01-01T00:00:00Z" },
        { "exemption that ends", RULE "certificate = sha256:" HEX_A "\n" EXEMPT, 0, NULL },
        { "exempt by server name", RULE "server_name = a.b\n" EXEMPT, 5, "exempts certificates by `server_name`" },
        { "exempt by date", RULE "issuer = sha256:" HEX_A "\nissued_before = 2026-01-01T00:00:00Z\n" EXEMPT, 5,
          "exempts certificates by their notBefore" },
        { "exempt since a date", RULE "issued_after = 2026-01-01T00:00:00Z\n" EXEMPT, 5, "by their notBefore" },
        { "one certificate by date",
          RULE "certificate = sha256:" HEX_A "\nissued_before = 2026-01-01T00:00:00Z\n" EXEMPT, 0, NULL },
        { "watched by server name", RULE "server_name = a.b\nmode = report\n", 5, "only watches" },
        { "left alone by date", RULE "issued_before = 2026-01-01T00:00:00Z\nmode = off\n", 5, "leaves alone" },
        { "enforced by server name", "mode = report\n" RULE "server_name = a.b\nmode = enforce\n", 6,
          "asks for more by `server_name`" },
        { "enforced by date", "mode = report\n" RULE "issued_after = 2026-01-01T00:00:00Z\nmode = enforce\n", 6,
          "asks for more by their notBefore" },
        { "enforced by issuer", "mode = report\n" RULE "issuer = sha256:" HEX_A "\nmode = enforce\n", 6,
          "asks for more by `issuer`" },
        { "exempt by issuer", RULE "issuer = sha256:" HEX_A "\n" EXEMPT, 0, NULL },
        { "enforced by the hash of a certificate",
          "mode = report\n" RULE "certificate = sha256:" HEX_A "\nmode = enforce\n", 6,
          "asks for more by `certificate`, a hash over the signature, too" },
        { "exempt by usage", RULE "extended_key_usage = clientAuth\n" EXEMPT, 5,
          "exempts certificates by `extended_key_usage`, which the CA chooses" },
        { "enforced by usage", "mode = report\n" RULE "extended_key_usage = clientAuth\nmode = enforce\n", 6,
          "asks for more by `extended_key_usage`" },
        { "exempt by URI", RULE "uri = spiffe://td/pay/*\n" EXEMPT, 5,
          "exempts certificates by `uri`, which the CA chooses" },
        { "exempt by DNS name", RULE "dns = a.b\n" EXEMPT, 5, "exempts certificates by `dns`, which the CA chooses" },
        { "enforced by address", "mode = report\n" RULE "email = *@a.b\nmode = enforce\n", 6,
          "asks for more by `email`" },
        { "URI behind a wider one",
          TWO_RULES "[a]\nuri = x://y/*\nmode = enforce\n[b]\nuri = x://y/z/*\nmode = enforce\n", 9,
          "can never match" },
        { "URI before a wider one",
          TWO_RULES "[a]\nuri = x://y/z/*\nmode = enforce\n[b]\nuri = x://y/*\nmode = enforce\n", 0, NULL },
        { "URI and DNS name", TWO_RULES "[a]\nuri = x://y/*\nmode = enforce\n[b]\ndns = y\nmode = enforce\n", 0, NULL },
        { "address behind its host",
          TWO_RULES "[a]\nemail = *@a.b\nmode = enforce\n[b]\nemail = x@A.b\nmode = enforce\n", 9, "can never match" },
        { "exempt by certificate policy", RULE "certificate_policy = 1.2.3\n" EXEMPT, 5,
          "exempts certificates by `certificate_policy`, which the CA chooses" },
        { "enforced by certificate policy", "mode = report\n" RULE "certificate_policy = 1.2.3\nmode = enforce\n", 6,
          "asks for more by `certificate_policy`" },
        { "exempt by two that the CA chooses",
          RULE "issuer = sha256:" HEX_A "\nextended_key_usage = clientAuth\n" EXEMPT, 5, "by `extended_key_usage`" },
        { "resumption with a rule by name", "resumption = allow\n" RULE "server_name = a.b\npolicy = one\n", 1,
          "resumed under another, without a verdict" },
        { "resumption with another rule", "resumption = allow\n" RULE "certificate = sha256:" HEX_A "\n" EXEMPT, 0,
          NULL },
        { "stricter by server name", RULE "server_name = a.b\npolicy = chrome\n", 5, "asks for more" },
        { "the top by server name, before a stricter rule",
          TWO_RULES "[a]\nserver_name = a.b\npolicy = one\n[b]\nissuer = sha256:" HEX_A "\npolicy = chrome\n", 6,
          "in front of rule `b` (line 9)" },
        { "enforced by server name, before a stricter rule",
          TWO_RULES "[a]\nserver_name = a.b\nmode = enforce\n[b]\nissuer = sha256:" HEX_A "\npolicy = chrome\n", 6,
          "gives a policy that may be weaker to" },
        { "the top by server name, before a rule for one certificate",
          TWO_RULES "[a]\nserver_name = a.b\npolicy = one\n[b]\ncertificate = sha256:" HEX_A "\npolicy = chrome\n", 0,
          NULL },
        { "the top by one CA's dates, before a rule for another CA",
          TWO_RULES "[a]\nissuer = sha256:" HEX_B "\nissued_before = 2026-01-01T00:00:00Z\npolicy = one\n"
                    "[b]\nissuer = sha256:" HEX_A "\npolicy = chrome\n",
          0, NULL },
        { "looser by server name", "policy = chrome\n" RULE "server_name = a.b\npolicy = one\n", 6, "may be weaker" },
        { "other preset by server name", "policy = chrome\n" RULE "server_name = a.b\npolicy = apple\n", 6,
          "may be weaker" },
        { "fewer SCTs by server name",
          "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nmin_scts = 2, 3 over 180d\n"
          "[q]\nmin_scts = 2, 3 over 200d\n",
          6, "may be weaker" },
        { "more SCTs by server name",
          "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nmin_scts = 2, 3 over 180d\n"
          "[q]\nmin_scts = 2, 4 over 90d\n",
          6, "asks for more" },
        { "fewer operators", "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nmin_operators = 2\n[q]\n", 6,
          "weaker" },
        { "more of an operator", "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nmax_per_operator = 2\n[q]\n",
          6, "weaker" },
        { "no required log",
          "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nrequire_log = A\n[q]\nrequire_log = B\n", 6,
          "weaker" },
        { "more states", "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\naccept_states = usable\n[q]\n", 6,
          "weaker" },
        { "no current log", "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\n[q]\nneeds_current_log = no\n", 6,
          "weaker" },
        { "more skew", "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\n[q]\nclock_skew = 61s\n", 6, "weaker" },
        { "older SCTs",
          "policy = p\n" RULE "server_name = a.b\npolicy = q\n[p]\nsct_max_age = 9d\n[q]\nsct_max_age = 10d\n", 6,
          "weaker" },
        { "no proof of inclusion",
          "policy = p\nproof_store = /s\n" RULE "server_name = a.b\npolicy = q\n[p]\nrequire_inclusion = yes\n[q]\n", 7,
          "weaker" },
        { "grace without proofs", "log_list = /l\npolicy = p\n[p]\ninclusion_grace = 1d\n", 4, "does nothing" },
        { "grace with proofs",
          "log_list = /l\npolicy = p\nproof_store = /s\n[p]\nrequire_inclusion = yes\ninclusion_grace = 1d\n", 6,
          "stolen a log's key" },
        { "proofs that nobody asks for", "log_list = /l\nproof_store = /s\n", 2, "never looked into" },
        { "proofs", "log_list = /l\npolicy = p\nproof_store = /s\n[p]\nrequire_inclusion = yes\n", 0, NULL },
        { "shadow is the policy", "log_list = /l\nshadow_policy = one\n", 2, "enforced anyway" },
        { "source without its store", "log_list = /l\nsources = embedded, store\n", 2, "without `sct_store`" },
        { "OCSP without its store", "log_list = /l\nsources = ocsp\n", 2, "without `ocsp_store`" },
        { "store that is no source", "log_list = /l\nsct_store = /s\nsources = embedded\n", 2, "has no `store`" },
        { "all sources and stores", "log_list = /l\nsct_store = /s\nocsp_store = /o\nsources = ocsp, store\n", 0,
          NULL },
        { "quoted log", "log_list = /l\npolicy = p\n[p]\nrequire_log = \"Log A\"\n", 4, "quotes" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings settings;
        struct ct_problems problems;
        size_t want = rows[i].says == NULL ? 0 : 1;
        size_t others = 0;

        ck_assert_msg(parse(rows[i].text, &settings, &problems), "%s: %s", rows[i].name, first_text(&problems));
        /* A stricter rule that stands behind the one that the row is about is warned of in its own right. */
        for (size_t p = want; p < problems.count; p++) {
            others += strstr(problems.items[p].text, "rule `b` asks for more by `") != NULL;
        }
        ck_assert_msg(problems.warnings == want + others, "%s: %zu warnings: %s", rows[i].name, problems.warnings,
                      first_text(&problems));
        ck_assert_msg(want == 0 || (problems.items[0].line == rows[i].line &&
                                    strstr(problems.items[0].text, rows[i].says) != NULL),
                      "%s: line %u: %s", rows[i].name, problems.items[0].line, first_text(&problems));
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(limits_the_number_of_rules)
{
    size_t room = 400000;
    char *text = malloc(room);

    ck_assert_ptr_nonnull(text);
    for (unsigned count = CT_RULES_MAX; count <= CT_RULES_MAX + 1; count++) {
        struct ct_settings settings;
        struct ct_problems problems;
        size_t used = (size_t)snprintf(text, room, TOP "[rs]\n");

        for (unsigned i = 0; i < count; i++) {
            used += (size_t)snprintf(text + used, room - used, "r%u = s%u\n", i, i);
        }
        for (unsigned i = 0; i < count; i++) {
            used += (size_t)snprintf(text + used, room - used, "[s%u]\nmode = enforce\nserver_name = h%u\n", i, i);
        }
        ck_assert_uint_lt(used, room);
        ck_assert_msg(parse(text, &settings, &problems) == (count <= CT_RULES_MAX), "%u: %s", count,
                      first_text(&problems));
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
    free(text);
}
END_TEST

static void path_in(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", directory, name);
}

static void write_pem(const char *path, X509 *first, X509 *second, const char *behind)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, first), 1);
    ck_assert(second == NULL || PEM_write_X509(file, second) == 1);
    fputs(behind, file);
    fclose(file);
}

static void write_der(const char *path, X509 *certificate, size_t more)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_gt(len, 0);
    ck_assert_uint_eq(fwrite(der, 1, (size_t)len, file), (size_t)len);
    while (more-- > 0) {
        fputc('x', file);
    }
    fclose(file);
    OPENSSL_free(der);
}

START_TEST(reads_certificates_of_rules)
{
    static const char *const files[] = { "ca.pem", "ca.der" };
    struct pki_ca ca = { 0 };
    struct pki_minted client = { 0 };
    char path[200];
    struct ct_certificate read;
    uint8_t spki[32];
    unsigned char *der = NULL;
    int len;

    pki_ca_new(&ca, "CA", NULL, NULL, 100);
    pki_mint(&client, &(struct pki_leaf){ .cn = "client" }, &ca);
    len = i2d_PUBKEY(ca.key, &der);
    ck_assert(len > 0 && EVP_Digest(der, (size_t)len, spki, NULL, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
    ck_assert_int_eq(ct_certificate_read(client.certificate, &read), CT_CERTIFICATE_OK);
    path_in(path, sizeof path, "ca.pem");
    write_pem(path, ca.certificate, NULL, "trailing text\n");
    path_in(path, sizeof path, "ca.der");
    write_der(path, ca.certificate, 0);
    path_in(path, sizeof path, "client.pem");
    write_pem(path, client.certificate, NULL, "");

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct ct_settings settings;
        struct ct_problems problems;
        char text[600];

        snprintf(text, sizeof text, RULE "mode = enforce\nissuer = %s/%s\ncertificate = %s/client.pem\n", directory,
                 files[i], directory);
        ERR_clear_error();
        ck_assert_msg(parse(text, &settings, &problems), "%s: %s", files[i], first_text(&problems));
        ck_assert_uint_eq(ERR_peek_error(), 0);
        ck_assert_mem_eq(settings.rules[0].issuer_spki, spki, 32);
        ck_assert_int_eq(X509_cmp(settings.rules[0].issuer_certificate, ca.certificate), 0);
        ck_assert(settings.rules[0].by_signed_part);
        ck_assert_mem_eq(settings.rules[0].certificate, read.signed_sha256, 32);
        ck_assert_uint_eq(files_read, 2);
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
    ct_certificate_clear(&read);
    pki_ca_clear(&ca);
    pki_minted_clear(&client);
}
END_TEST

START_TEST(refuses_other_files_than_one_certificate)
{
    static const struct {
        const char *file, *says;
    } rows[] = {
        { "two.pem", "more than one certificate" },
        { "broken-second.pem", "does not decode behind" },
        { "long.der", "bytes behind" },
        { "cut.der", "does not decode" },
        { "empty", "has no certificate" },
        { "junk", "has no certificate" },
        { "key.pem", "has no certificate" },
        { "some.p12", "has no certificate in PEM or DER; it is PKCS #12" },
        { "some.p7b", "has no certificate in PEM or DER; it is PKCS #7" },
        { "encrypted.pem", "has no certificate" },
        { "client.pem", "not the certificate of a CA" },
    };
    static const char encrypted[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                                    "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END CERTIFICATE-----\n";
    struct pki_ca ca = { 0 };
    struct pki_minted client = { 0 };
    char path[200];

    pki_ca_new(&ca, "CA", NULL, NULL, 100);
    pki_mint(&client, &(struct pki_leaf){ .cn = "client" }, &ca);
    path_in(path, sizeof path, "two.pem");
    write_pem(path, ca.certificate, ca.certificate, "");
    path_in(path, sizeof path, "broken-second.pem");
    write_pem(path, ca.certificate, NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    path_in(path, sizeof path, "long.der");
    write_der(path, ca.certificate, 1);
    path_in(path, sizeof path, "client.pem");
    write_pem(path, client.certificate, NULL, "");
    path_in(path, sizeof path, "empty");
    pki_write_file(path, (const uint8_t *)"", 0);
    path_in(path, sizeof path, "junk");
    pki_write_file(path, (const uint8_t *)"hello\n", 6);
    path_in(path, sizeof path, "encrypted.pem");
    pki_write_file(path, (const uint8_t *)encrypted, sizeof encrypted - 1);
    path_in(path, sizeof path, "cut.der");
    pki_write_file(path, client.der.data, client.der.len / 2);
    path_in(path, sizeof path, "some.p12");
    pki_write_file(path, (const uint8_t *)"\x30\x80\x02\x01\x03\x30\x80", 7);
    path_in(path, sizeof path, "some.p7b");
    pki_write_file(path, (const uint8_t *)"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 13);
    path_in(path, sizeof path, "key.pem");
    pki_write_file(path, (const uint8_t *)"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 59);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_settings settings;
        struct ct_problems problems;
        char text[600];

        snprintf(text, sizeof text, RULE "mode = enforce\nissuer = %s/%s\n", directory, rows[i].file);
        ERR_clear_error();
        ck_assert_msg(!parse(text, &settings, &problems), "%s: accepted", rows[i].file);
        ck_assert_msg(ERR_peek_error() == 0, "%s: leaves an error in the queue", rows[i].file);
        ck_assert_msg(problems.errors == 1 && problems.items[0].line == 7 &&
                          strstr(problems.items[0].text, rows[i].says) != NULL,
                      "%s: %s", rows[i].file, first_text(&problems));
        ck_assert_uint_eq(files_read, 1); /* and so it is watched */
        ck_assert_ptr_null(settings.rules);
        ct_settings_clear(&settings);
        ct_problems_clear(&problems);
    }
    pki_ca_clear(&ca);
    pki_minted_clear(&client);
}
END_TEST

static void remove_directory(void)
{
    static const char *const files[] = { "ca.pem",        "ca.der",     "two.pem", "broken-second.pem",
                                         "long.der",      "client.pem", "empty",   "junk",
                                         "encrypted.pem", "cut.der",    "key.pem" };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[200];

        path_in(path, sizeof path, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

int main(void)
{
    Suite *suite = suite_create("settings_rules");
    TCase *tcase = tcase_create("settings_rules");
    int result;

    if (mkdtemp(directory) == NULL) {
        return EXIT_FAILURE;
    }
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, reads_rules_in_their_order);
    tcase_add_test(tcase, accepts_host_names);
    tcase_add_test(tcase, each_condition_has_an_owner);
    tcase_add_test(tcase, warns_of_what_is_hardly_meant);
    tcase_add_test(tcase, limits_the_number_of_rules);
    tcase_add_test(tcase, reads_certificates_of_rules);
    tcase_add_test(tcase, refuses_other_files_than_one_certificate);
    suite_add_tcase(suite, tcase);
    result = unit_run(suite);
    remove_directory();
    return result;
}
