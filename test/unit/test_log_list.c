/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/formats.h"

#include <openssl/evp.h>

#include "list_fixture.h"
#include "log_keys.h"

#define ENTRY_A "{\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_A "\"}"

START_TEST(format_is_found_by_content)
{
    static const struct {
        const char *name, *text;
        enum ct_log_list_format format;
    } rows[] = {
        { "v3", "{\"operators\":[{\"name\":\"x\",\"logs\":[" ENTRY_A "]}]}", CT_LIST_V3 },
        { "v3 behind white space", " \r\n\t{\"operators\":[{\"name\":\"x\",\"logs\":[" ENTRY_A "]}]}\n", CT_LIST_V3 },
        { "v3 behind a byte order mark", "\xef\xbb\xbf{\"operators\":[{\"name\":\"x\",\"logs\":[" ENTRY_A "]}]}",
          CT_LIST_V3 },
        { "single", ENTRY_A, CT_LIST_SINGLE_V3 },
        { "sigstore",
          "{\"tlogs\":[],\"ctlogs\":[{\"hashAlgorithm\":\"SHA2_256\",\"publicKey\":{\"rawBytes\":\"" KEY_P256_A
          "\",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"},\"logId\":{\"keyId\":\"" ID_P256_A "\"}}]}",
          CT_LIST_SIGSTORE },
        { "openssl", "# comment\nenabled_logs = a\n[a]\ndescription = A\nkey = " KEY_P256_A "\n", CT_LIST_OPENSSL },
        { "PEM",
          "A log:\n-----BEGIN PUBLIC KEY-----\n"
          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErx1N2bVIEv0EV8AfekE/2cK2q+oA\n"
          "JfX7JPHxj70QhT6LqhhWiuJ7X9EIp6CAnExTnCa61YAcem8ZfOle4679Mw==\n"
          "-----END PUBLIC KEY-----\n",
          CT_LIST_PEM },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);

        ck_assert_msg(p.ok, "%s: %s", rows[i].name, first_problem(&p));
        ck_assert_msg(p.list.format == rows[i].format, "%s: %s", rows[i].name, ct_log_list_format_name(p.list.format));
        ck_assert_msg(p.list.logs.count == 1, "%s: %zu logs", rows[i].name, p.list.logs.count);
        ck_assert_msg(strcmp(p.list.logs.logs[0].list, "list") == 0, "%s: where from", rows[i].name);
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(refuses_what_is_no_list)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "empty", "", "found an empty file" },
        { "white space", " \n\t\n", "found an empty file" },
        { "prose", "Hello\n", "found something else" },
        { "OpenSSL's file with nothing but comments", "# This file specifies the logs\n# that are trusted.\n",
          "found something else" },
        { "JSON array", "[\"operators\"]", "found a JSON array" },
        { "gzip", "\x1f\x8b\x08\x01", "found a gzip file; unpack it with gunzip" },
        { "ZIP", "PK\x03\x04", "found a ZIP file" },
        { "HTML", "\n<!DOCTYPE html>\n<html></html>", "found an HTML or XML page" },
        { "a browser's source", "/* This file is generated */\nconst CTLogInfo kCTLogList[] = {", "found source code" },
        { "null", "null", "found JSON's null" },
        { "version 1",
          "{\"logs\":[{\"description\":\"x\",\"key\":\"" KEY_P256_A "\",\"operated_by\":[0]}],"
          "\"operators\":[{\"name\":\"x\",\"id\":0}]}",
          "schema version 1" },
        { "version 1 without operators", "{\"logs\":[]}", "schema version 1" },
        { "ClientTrustConfig", "{\"mediaType\":\"x\",\"trustedRoot\":{\"ctlogs\":[]}}",
          "save what its member trustedRoot holds" },
        { "trusted root without logs", "{\"mediaType\":\"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}",
          "without CT logs" },
        { "empty object", "{}", "found none of them" },
        { "two kinds", "{\"operators\":[],\"ctlogs\":[]}", "found several of them" },
        { "cut JSON", "{\"operators\":[", "expected JSON" },
        { "JSON with more behind it", "{\"operators\":[]} {}", "expected JSON" },
        { "deep JSON", "{\"operators\":{{{{{{{{", "expected JSON" },
        { "byte order mark and nothing", "\xef\xbb\xbf{}", "found none of them" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].name, rows[i].text, rows[i].words);
    }
}
END_TEST

START_TEST(syntax_errors_in_json_name_the_line)
{
    struct parsed p = parse("{\n  \"operators\": [\n    nonsense\n  ]\n}\n");

    ck_assert(!p.ok);
    ck_assert_uint_eq(p.problems.count, 1);
    ck_assert_str_eq(p.problems.items[0].file, "list");
    ck_assert_uint_eq(p.problems.items[0].line, 3);
    parsed_clear(&p);
}
END_TEST

START_TEST(deep_nesting_is_refused_and_harmless)
{
    size_t depth = 1000000;
    char *text = malloc(depth + 16);
    struct parsed p;

    ck_assert_ptr_nonnull(text);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth);
    p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, depth + 5 });
    ck_assert(!p.ok);
    ck_assert(said(&p, CT_ERROR, "16 levels"));
    parsed_clear(&p);
    free(text);
}
END_TEST

/* jansson alone takes some of these: behind a number, it drops the byte. */
START_TEST(a_nul_byte_anywhere_in_json_is_refused)
{
    static const char list[] = "{\"x\":1 ,\"operators\":[{\"name\":\"x\",\"n\":[1.5 ,2e3 ],\n\"logs\":[" ENTRY_A "]}]}";
    char text[sizeof list];

    for (size_t i = 1; i < sizeof list; i++) {
        struct parsed p;

        /* In the place of a blank, and between all others. */
        memcpy(text, list, i);
        text[i] = '\0';
        memcpy(text + i + 1, list + i + (list[i] == ' '), sizeof list - 1 - i - (list[i] == ' '));
        p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, sizeof list - (list[i] == ' ') });
        ck_assert_msg(!p.ok && said(&p, CT_ERROR, "found a NUL byte"), "at %zu: %s", i, first_problem(&p));
        ck_assert_uint_eq(p.problems.items[0].line, memchr(list, '\n', i) != NULL ? 2 : 1);
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(refuses_more_than_10_mib)
{
    static const char list[] = "{\"operators\":[{\"name\":\"x\",\"logs\":[" ENTRY_A "]}]}";
    size_t len = CT_LOG_LIST_MAX_BYTES + 1;
    char *text = malloc(len);
    struct parsed p;

    ck_assert_ptr_nonnull(text);
    memset(text, ' ', len);
    memcpy(text, list, sizeof list - 1);
    p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, len });
    ck_assert(!p.ok);
    ck_assert(said(&p, CT_ERROR, "at most 10 MiB"));
    parsed_clear(&p);

    p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, len - 1 });
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    parsed_clear(&p);
    free(text);
}
END_TEST

/* A v3 list of `count` logs with keys that have the right form (loading decodes none of them). */
static char *big_list(unsigned count, size_t *len)
{
    static const uint8_t prefix[] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    };
    size_t room = 64 + (size_t)count * 400;
    char *text = malloc(room);
    size_t at;

    ck_assert_ptr_nonnull(text);
    at = (size_t)snprintf(text, room, "{\"operators\":[{\"name\":\"Op\",\"logs\":[");
    for (unsigned i = 0; i < count; i++) {
        uint8_t spki[91] = { 0 };
        uint8_t id[32];
        unsigned char spki64[128], id64[64];

        memcpy(spki, prefix, sizeof prefix);
        memcpy(spki + 40, &i, sizeof i);
        ck_assert_int_eq(EVP_Q_digest(NULL, "SHA256", NULL, spki, sizeof spki, id, NULL), 1);
        EVP_EncodeBlock(spki64, spki, sizeof spki);
        EVP_EncodeBlock(id64, id, sizeof id);
        at += (size_t)snprintf(text + at, room - at,
                               "%s{\"description\":\"Log %u\",\"key\":\"%s\",\"log_id\":\"%s\",\"state\":{\"usable\":"
                               "{\"timestamp\":\"2024-01-01T00:00:00Z\"}}}",
                               i > 0 ? "," : "", i, spki64, id64);
    }
    at += (size_t)snprintf(text + at, room - at, "]}]}");
    *len = at;
    return text;
}

START_TEST(reads_10000_logs_and_refuses_one_more)
{
    size_t len = 0;
    char *text = big_list(CT_LOG_LIST_MAX_LOGS, &len);
    struct parsed p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, len });

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_uint_eq(p.list.logs.count, CT_LOG_LIST_MAX_LOGS);
    ck_assert_str_eq(ct_log_set_find(&p.list.logs, log_named(&p, "Log 9999")->id)->description, "Log 9999");
    parsed_clear(&p);
    free(text);

    text = big_list(CT_LOG_LIST_MAX_LOGS + 1, &len);
    p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, len });
    ck_assert(!p.ok);
    ck_assert(said(&p, CT_ERROR, "more than 10000 logs"));
    ck_assert_ptr_null(p.list.logs.logs);
    parsed_clear(&p);
    free(text);
}
END_TEST

/* As if one of the two public keys had been read: nobody finds another key with their ids. */
static struct ct_log mimic_log(struct ct_list_input *in)
{
    struct ct_log log = ct_list_begin_log(in);

    ck_assert(ct_unhex("f44195d6f00e2db55435cadd577892e53e15ad417058f878e14ff6b918741589", 64, log.id, sizeof log.id));
    log.identified = true;
    log.description = strdup("Mimic");
    return log;
}

START_TEST(mimic_logs_are_kept_and_said)
{
    struct parsed p = { 0 };
    struct ct_list_input in = { .file = "list", .list = &p.list, .problems = &p.problems };
    struct ct_log log = mimic_log(&in);

    ct_list_end_log(&in, 0, "operators[0].logs[0]", &log);
    ck_assert_uint_eq(p.list.logs.count, 1);
    ck_assert_ptr_nonnull(p.list.logs.logs[0].unusable);
    ck_assert_ptr_null(log.description);
    ck_assert_uint_eq(p.problems.errors, 0);
    ck_assert(said(&p, CT_WARNING, "\"Mimic\" does not count: operators[0].logs[0]: its private key is public"));
    parsed_clear(&p);
}
END_TEST

START_TEST(nothing_is_added_once_an_error_was_said)
{
    struct parsed p = { 0 };
    struct ct_list_input in = { .file = "list", .list = &p.list, .problems = &p.problems };
    struct ct_log log = mimic_log(&in);

    ct_problem_add(&p.problems, CT_ERROR, "list", 0, "out of memory");
    ct_list_end_log(&in, 0, "", &log);
    ck_assert_uint_eq(p.list.logs.count, 0);
    ck_assert_ptr_null(log.description);
    parsed_clear(&p);
}
END_TEST

START_TEST(base64_is_canonical_or_refused)
{
    static const struct {
        const char *text;
        int len; /* -1: refused */
    } rows[] = {
        { "AAEC", 3 },  { "AAE=", 2 },   { "AA==", 1 },      { "", -1 },         { "AAE", -1 },      { "AAEC\n", -1 },
        { "AA E", -1 }, { "AAF=", -1 },  { "AB==", -1 },     { "A===", -1 },     { "====", -1 },     { "AA=A", -1 },
        { "-_-_", -1 }, { " AAEC", -1 }, { "AAEC====", -1 }, { "AA==AA==", -1 }, { "AAEC AAE", -1 },
    };
    uint8_t out[8];
    size_t len = 0;
    char long_text[4001];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool ok = ct_base64_decode(rows[i].text, out, sizeof out, &len);

        ck_assert_msg(ok == (rows[i].len >= 0), "\"%s\"", rows[i].text);
        ck_assert_msg(!ok || len == (size_t)rows[i].len, "\"%s\": %zu bytes", rows[i].text, len);
    }
    ck_assert(ct_base64_decode("AAECAwQFBgc=", out, 8, &len) && len == 8 && out[7] == 7);
    ck_assert(!ct_base64_decode("AAECAwQFBgc=", out, 7, &len));
    memset(long_text, 'A', 4000);
    long_text[4000] = '\0';
    ck_assert(!ct_base64_decode(long_text, out, sizeof out, &len));
}
END_TEST

START_TEST(texts_are_one_plain_line)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        { "plain", true },
        { "G\xc3\xb6ttingen", true },
        { "", false },
        { "a\nb", false },
        { "a\tb", false },
        { "\x7f", false },
        { "\xff", false },
        { "\xc3", false },
        { "\xc2\x9b", false },
        { "\xc2\xa0", true },
        { "\xed\xa0\x80", false },
        { "\xc0\x80", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(ct_list_text_ok(rows[i].text) == rows[i].ok, "row %zu", i);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        format_is_found_by_content,
        refuses_what_is_no_list,
        syntax_errors_in_json_name_the_line,
        deep_nesting_is_refused_and_harmless,
        a_nul_byte_anywhere_in_json_is_refused,
        refuses_more_than_10_mib,
        reads_10000_logs_and_refuses_one_more,
        mimic_logs_are_kept_and_said,
        nothing_is_added_once_an_error_was_said,
        base64_is_canonical_or_refused,
        texts_are_one_plain_line,
    };

    return unit_run(suite_of("log_list", tests, sizeof tests / sizeof tests[0]));
}
