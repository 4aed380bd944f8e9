/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_certificate.h"

#include <arpa/inet.h>

#include "audit_line.h"
#include "base/clock.h"

/* Appends ".B NAME" of clientct-audit(5), section FIELDS, to `names`; returns how many. */
static size_t documented(char names[][64], size_t max)
{
    const char *dir = getenv("CLIENTCT_MODULE_DIR");
    char path[4096];
    char row[512];
    bool in_fields = false;
    size_t count = 0;
    FILE *file;

    ck_assert_ptr_nonnull(dir);
    snprintf(path, sizeof path, "%s/man/clientct-audit.5", dir);
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    while (fgets(row, sizeof row, file) != NULL) {
        if (strncmp(row, ".SH ", 4) == 0) {
            in_fields = strcmp(row, ".SH FIELDS\n") == 0;
        } else if (in_fields && strncmp(row, ".B ", 3) == 0 && strcspn(row + 3, " =\n") == strlen(row + 3) - 1 &&
                   (strchr(row, '.') != strrchr(row, '.') || strstr(row, "@timestamp") || strstr(row, " message\n"))) {
            ck_assert_uint_lt(count, max);
            snprintf(names[count++], 64, "%.*s", (int)strcspn(row + 3, "\n"), row + 3);
        }
    }
    fclose(file);
    return count;
}

static void compare_with_manual(json_t *lines)
{
    char names[128][64];
    size_t count = documented(names, 128);
    size_t distinct = 0;
    const char *key;
    json_t *value;

    json_object_foreach(lines, key, value)
    {
        bool found = false;

        for (size_t i = 0; i < count; i++) {
            found = found || strcmp(names[i], key) == 0;
        }
        ck_assert_msg(found, "%s is written and not in clientct-audit(5)", key);
    }
    for (size_t i = 0; i < count; i++) {
        bool first = true;

        ck_assert_msg(json_object_get(lines, names[i]) != NULL, "%s is in clientct-audit(5) and not written", names[i]);
        for (size_t k = 0; k < i; k++) {
            first = first && strcmp(names[k], names[i]) != 0;
        }
        distinct += first;
    }
    ck_assert_uint_eq(distinct, json_object_size(lines));
}

static X509 *spiffe_client(void)
{
    X509 *leaf = X509_new();
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "URI:spiffe://td.example/pay");

    ck_assert(leaf != NULL && extension != NULL);
    ck_assert_int_eq(X509_add_ext(leaf, extension, -1), 1);
    X509_EXTENSION_free(extension);
    return leaf;
}

static void add_extension(X509 *leaf, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, leaf, leaf, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ck_assert_msg(extension != NULL && X509_add_ext(leaf, extension, -1) == 1, "%s", value);
    X509_EXTENSION_free(extension);
}

/* An extension whose value is any bytes. */
static void add_raw_extension(X509 *leaf, int nid, const void *data, int len)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;

    ck_assert_int_eq(ASN1_OCTET_STRING_set(value, data, len), 1);
    ck_assert_ptr_nonnull(X509_EXTENSION_create_by_NID(&extension, nid, 0, value));
    ck_assert_int_eq(X509_add_ext(leaf, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

/* With all that a line can say of a certificate. */
static X509 *rich_certificate(enum pki_key_type type, unsigned bits)
{
    static const char *const parts[][2] = { { "C", "DE" },        { "ST", "BE" },  { "L", "Berlin" },
                                            { "O", "Org, Inc." }, { "OU", "one" }, { "OU", "two\"" },
                                            { "CN", "device 7" } };
    X509 *leaf = certificate_named(MBSTRING_UTF8, "x", -1);
    X509_NAME *name = X509_NAME_new();
    EVP_PKEY *key = pki_new_key(type, bits);

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ck_assert_int_eq(
            X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8, (const unsigned char *)parts[i][1], -1, -1, 0),
            1);
    }
    ck_assert(X509_set_subject_name(leaf, name) == 1 && X509_set_issuer_name(leaf, name) == 1);
    ck_assert_int_eq(X509_set_pubkey(leaf, key), 1);
    add_extension(leaf, NID_ext_key_usage, "clientAuth,1.3.6.1.4.1.311.20.2.2,2.999.123456789.1");
    add_extension(leaf, NID_subject_alt_name, "URI:spiffe://td.example/pay,IP:192.0.2.1,IP:2001:db8::1,DNS:a.example");
    X509_NAME_free(name);
    EVP_PKEY_free(key);
    return leaf;
}

static json_t *line_about(X509 *leaf)
{
    struct clientct_input input = full_input(leaf);
    struct clientct_sct_result scts[2];
    struct clientct_verdict verdict;
    struct ct_audit_line line = { .wants_fields = false };

    fill_verdict(&verdict, scts, 2);
    ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
    return parsed(&line);
}

/* Every field that there can be, from several lines. */
static json_t *every_field(void)
{
    const char *const shown[] = { "a.example", "b.example" };
    X509 *leaves[] = { rich_certificate(PKI_RSA, 2048), rich_certificate(PKI_P256, 0) };
    struct clientct_sct_result scts[2];
    struct clientct_verdict verdict;
    struct ct_audit_line line = { .wants_fields = true };
    json_t *all = json_object();

    fill_verdict(&verdict, scts, 2);
    for (size_t i = 0; i < 2; i++) {
        struct clientct_input input = full_input(leaves[i]);
        json_t *one;

        input.shown_server_names = shown;
        input.shown_server_name_count = 2;
        input.chain_error = i == 0 ? X509_V_OK : X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
        ct_audit_decision_line(&origin, &input, &verdict, 1, &line);
        one = parsed(&line);
        ck_assert_int_eq(json_object_get(one, "clientct.chain") == NULL, i == 0);
        json_object_update(all, one);
        json_decref(one);
        X509_free(leaves[i]);
    }
    ck_assert_str_eq(text_of(all, "clientct.chain"), "rejected");
    ck_assert_ptr_nonnull(strstr(text_of(all, "clientct.chain_error"), "self"));
    return all;
}

static json_t *event(void)
{
    struct ct_audit_line line = { .wants_fields = true };
    json_t *json;

    ct_audit_event_line(&origin, "configuration-loaded", true, "text \"here\"", 4, &line);
    json = parsed(&line);
    ck_assert_str_eq(text_of(json, "message"), "text \"here\"");
    ck_assert_str_eq(text_of(json, "event.outcome"), "success");
    return json;
}

START_TEST(the_manual_lists_every_field_and_no_other)
{
    json_t *all = every_field();
    json_t *of_event = event();

    json_object_update(all, of_event);
    compare_with_manual(all);
    json_decref(of_event);
    json_decref(all);
}
END_TEST

/* What Elasticsearch's mapping of that type takes. */
static bool is_of_type(const json_t *value, const char *type)
{
    const char *text = json_string_value(value);
    uint8_t address[16];
    int64_t ms;

    if (strcmp(type, "long") == 0) {
        return json_is_integer(value);
    }
    if (strcmp(type, "date") == 0) {
        return text != NULL && ct_time_parse(text, &ms);
    }
    if (strcmp(type, "ip") == 0) {
        return text != NULL && (inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1);
    }
    return text != NULL && (strcmp(type, "keyword") == 0 || strcmp(type, "match_only_text") == 0);
}

/* Looks for one field of the schema in the lines; the value must be as the schema's list says. */
static void check_field(const json_t *lines, const char *name, const char *type, bool array)
{
    const json_t *value = json_object_get(lines, name);
    const json_t *element;
    size_t i;

    ck_assert_msg(value != NULL, "%s is in the table and never written", name);
    ck_assert_msg(json_is_array(value) == array, "%s: an array or not", name);
    if (!array) {
        ck_assert_msg(is_of_type(value, type), "%s is no %s", name, type);
        return;
    }
    ck_assert_msg(json_array_size(value) > 0, "%s is empty", name);
    json_array_foreach(value, i, element)
    {
        ck_assert_msg(is_of_type(element, type), "%s[%zu] is no %s", name, i, type);
    }
}

START_TEST(every_field_is_one_of_the_schema_and_of_its_type)
{
    json_t *all = every_field();
    json_t *of_event = event();
    json_t *listed = json_object();
    char path[4096], row[512];
    const char *key;
    json_t *value;
    FILE *file;

    json_object_update_missing(all, of_event);
    ck_assert_ptr_nonnull(getenv("CLIENTCT_TEST_VECTORS"));
    snprintf(path, sizeof path, "%s/ecs/fields.tsv", getenv("CLIENTCT_TEST_VECTORS"));
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    while (fgets(row, sizeof row, file) != NULL) {
        char name[100], type[40], number[10];

        if (row[0] != '#') {
            ck_assert_int_eq(sscanf(row, "%99s %39s %9s", name, type, number), 3);
            check_field(all, name, type, strcmp(number, "array") == 0);
            json_object_set_new(listed, name, json_true());
        }
    }
    fclose(file);
    json_object_foreach(all, key, value)
    {
        ck_assert_msg(strncmp(key, "clientct.", 9) == 0 || json_object_get(listed, key) != NULL,
                      "%s is not a field of the schema", key);
    }
    json_decref(listed);
    json_decref(of_event);
    json_decref(all);
}
END_TEST

static void expect_array(const json_t *line, const char *key, const char *want)
{
    json_t *wanted = json_loads(want, 0, NULL);
    char *got = json_dumps(json_object_get(line, key), JSON_ENCODE_ANY);

    ck_assert_ptr_nonnull(wanted);
    ck_assert_msg(json_equal(json_object_get(line, key), wanted), "%s: %s, want %s", key, got, want);
    free(got);
    json_decref(wanted);
}

START_TEST(says_what_is_in_the_certificate)
{
    static const struct {
        enum pki_key_type type;
        unsigned bits;
        const char *algorithm, *curve;
        int size, exponent;
    } rows[] = { { PKI_RSA, 2048, "RSA", "(none)", 2048, 65537 },
                 { PKI_P256, 0, "EC", "nistp256", 256, 0 },
                 { PKI_P384, 0, "EC", "nistp384", 384, 0 },
                 { PKI_ED25519, 0, "ED25519", "(none)", 0, 0 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        X509 *leaf = rich_certificate(rows[i].type, rows[i].bits);
        json_t *line = line_about(leaf);

        expect_array(line, "clientct.extended_key_usage",
                     "[\"clientAuth\",\"msSmartcardLogin\",\"2.999.123456789.1\"]");
        expect_array(
            line, "tls.client.x509.alternative_names",
            "[\"uri:spiffe://td.example/pay\",\"ip:192.0.2.1\",\"ip:2001:db8:0:0:0:0:0:1\",\"dns:a.example\"]");
        expect_array(line, "tls.client.x509.subject.organizational_unit", "[\"one\",\"two\\\"\"]");
        expect_array(line, "tls.client.x509.subject.organization", "[\"Org, Inc.\"]");
        expect_array(line, "tls.client.x509.issuer.common_name", "[\"device 7\"]");
        expect_array(line, "tls.client.x509.issuer.state_or_province", "[\"BE\"]");
        ck_assert_str_eq(text_of(line, "tls.client.x509.public_key_algorithm"), rows[i].algorithm);
        ck_assert_str_eq(text_of(line, "tls.client.x509.public_key_curve"), rows[i].curve);
        ck_assert_int_eq(json_integer_value(json_object_get(line, "tls.client.x509.public_key_size")), rows[i].size);
        ck_assert_int_eq(json_integer_value(json_object_get(line, "tls.client.x509.public_key_exponent")),
                         rows[i].exponent);
        json_decref(line);
        X509_free(leaf);
    }
}
END_TEST

START_TEST(clients_without_a_subject_have_other_names)
{
    X509 *leaf = spiffe_client();
    json_t *line = line_about(leaf);

    ck_assert_str_eq(text_of(line, "tls.client.subject"), "");
    expect_array(line, "tls.client.x509.alternative_names", "[\"uri:spiffe://td.example/pay\"]");
    ck_assert_ptr_null(json_object_get(line, "clientct.extended_key_usage"));
    json_decref(line);
    X509_free(leaf);
}
END_TEST

/* Usages and names that are no DER, are there twice, or are more than a line takes. */
START_TEST(odd_extensions_are_said_to_be_odd)
{
    static const struct {
        const char *name;
        int nid;
        const char *value;
        int len;
        const char *key, *want;
    } rows[] = {
        { "usages are no sequence", NID_ext_key_usage, "\x05\x00", 2, "clientct.extended_key_usage", "[]" },
        { "an empty value", NID_ext_key_usage, "", 0, "clientct.extended_key_usage", "[]" },
        { "something behind the sequence", NID_ext_key_usage, "\x30\x00\x00", 3, "clientct.extended_key_usage", "[]" },
        { "one that is no OID", NID_ext_key_usage, "\x30\x06\x06\x02\x2a\x03\x05\x00", 8, "clientct.extended_key_usage",
          "[\"1.2.3\",\"\xE2\x80\xA6\"]" },
        { "an OID that ends in the middle", NID_ext_key_usage, "\x30\x04\x06\x02\x2a\x83", 6,
          "clientct.extended_key_usage", "[\"\xE2\x80\xA6\"]" },
        { "an OID with a huge arc", NID_ext_key_usage, "\x30\x0d\x06\x0b\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
          15, "clientct.extended_key_usage", "[\"\xE2\x80\xA6\"]" },
        { "names are no sequence", NID_subject_alt_name, "\x05\x00", 2, "tls.client.x509.alternative_names", "[]" },
        { "a NUL and a newline in a name", NID_subject_alt_name, "\x30\x05\x82\x03x\0\n", 7,
          "tls.client.x509.alternative_names", "[\"dns:x\xEF\xBF\xBD\xEF\xBF\xBD\"]" },
        { "an address of five bytes and a directory name", NID_subject_alt_name,
          "\x30\x0b\x87\x05\x01\x02\x03\x04\x05\xa4\x02\x30\x00", 13, "tls.client.x509.alternative_names", "[]" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        X509 *leaf = certificate_named(MBSTRING_UTF8, "x", -1);
        json_t *line;

        add_raw_extension(leaf, rows[i].nid, rows[i].value, rows[i].len);
        line = line_about(leaf);
        expect_array(line, rows[i].key, rows[i].want);
        json_decref(line);
        add_raw_extension(leaf, rows[i].nid, rows[i].value, rows[i].len);
        line = line_about(leaf); /* twice: nobody can tell which one counts */
        expect_array(line, rows[i].key, "[]");
        json_decref(line);
        X509_free(leaf);
    }
}
END_TEST

START_TEST(thousands_of_names_and_usages_stay_bounded)
{
    X509 *leaf = certificate_named(MBSTRING_UTF8, "x", -1);
    uint8_t der[4 + 10000 * 3];
    json_t *line;

    der[0] = 0x30;
    der[1] = 0x82;
    der[2] = 30000 >> 8;
    der[3] = 30000 & 0xff;
    for (size_t i = 0; i < 10000; i++) {
        memcpy(der + 4 + 3 * i, "\x82\x01x", 3);
    }
    add_raw_extension(leaf, NID_subject_alt_name, der, sizeof der);
    for (size_t i = 0; i < 10000; i++) {
        memcpy(der + 4 + 3 * i, "\x06\x01\x2a", 3);
    }
    add_raw_extension(leaf, NID_ext_key_usage, der, sizeof der);
    line = line_about(leaf);
    ck_assert_uint_eq(json_array_size(json_object_get(line, "tls.client.x509.alternative_names")), 4);
    ck_assert_uint_eq(json_array_size(json_object_get(line, "clientct.extended_key_usage")), 17);
    json_decref(line);
    X509_free(leaf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit_certificate");
    TCase *tcase = tcase_create("audit_certificate");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_manual_lists_every_field_and_no_other);
    tcase_add_test(tcase, every_field_is_one_of_the_schema_and_of_its_type);
    tcase_add_test(tcase, says_what_is_in_the_certificate);
    tcase_add_test(tcase, clients_without_a_subject_have_other_names);
    tcase_add_test(tcase, odd_extensions_are_said_to_be_odd);
    tcase_add_test(tcase, thousands_of_names_and_usages_stay_bounded);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
