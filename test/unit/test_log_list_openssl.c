/* SPDX-License-Identifier: Apache-2.0 */
#include "list_fixture.h"
#include "log_keys.h"

#define SECTION_A "[a]\ndescription = Log A\nkey = " KEY_P256_A "\n"
#define SECTION_B "[b]\ndescription = Log B\nkey = " KEY_P256_B "\n"

START_TEST(reads_what_openssl_reads)
{
    struct parsed p = parse("# Comment\n\nenabled_logs = a , b\r\nconfig_diagnostics = 1\n\n" SECTION_A
                            "url = https://a.example/\n\n[ b ]\n\tkey=" KEY_RSA_2048
                            " # trailing comment\n  description  =  Google \\'B\\' log, \"x = \\# \"y\\$ \n");
    const struct ct_log *a, *b;

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.format, CT_LIST_OPENSSL);
    ck_assert_int_eq(p.list.timestamp_ms, INT64_MIN);
    ck_assert_uint_eq(p.list.logs.count, 2);
    a = log_named(&p, "Log A");
    ck_assert_ptr_null(a->log_operator);
    ck_assert_ptr_null(a->url);
    ck_assert_int_eq(a->state, CT_LOG_USABLE);
    ck_assert(!a->has_state && !a->tiled && !a->test_log);
    ck_assert_int_eq(a->interval_end_ms, INT64_MAX);
    b = log_named(&p, "Google 'B' log, x = # y$");
    ck_assert_int_eq(b->key_type, CT_KEY_RSA);
    parsed_clear(&p);
}
END_TEST

START_TEST(sections_that_are_not_enabled_do_not_count)
{
    assert_accepted("a broken section aside", "enabled_logs = a\n" SECTION_A "[broken]\nkey = x\n[empty]\n", 1);
}
END_TEST

/* What OpenSSL takes, with a line number where something is left out. */
START_TEST(names_and_lines_are_those_of_openssl)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "sections named by URL",
          "enabled_logs = https://ct.example/a/, b:8080/x y\n[https://ct.example/a/]\ndescription = Log A\n"
          "key = " KEY_P256_A "\n[ b:8080/x y ]\ndescription = Log B\nkey = " KEY_P256_B "\n" },
        { "continued lines",
          "enabled_logs = a,\\\n b\n[a]\ndescription = Log \\\nA\nkey = MFkwEwYHKoZIzj0CAQYI\\\n"
          "KoZIzj0DAQcDQgAErx1N2bVIEv0EV8AfekE/2cK2q+oAJfX7JPHxj70QhT6LqhhWiuJ7X9EIp6CAnExTnCa61YAcem8Z"
          "fOle4679Mw==\n" SECTION_B },
        { "enabled_logs in [default]", SECTION_A SECTION_B "[default]\nenabled_logs = a, b\n" },
        { "enabled_logs set from another section", SECTION_A SECTION_B "default::enabled_logs = a, b\n" },
        { "another section's key", "enabled_logs = a,b\n[a]\ndescription = Log A\nb::key = " KEY_P256_B
                                   "\nkey = " KEY_P256_A "\n[b]\ndescription = Log B\n" },
        { "CRLF and a byte order mark", "\xef\xbb\xbf"
                                        "enabled_logs = a,b\r\n[a]\r\ndescription = Log A\r\nkey = " KEY_P256_A
                                        "\r\n\r\n[b]\r\ndescription = Log B\r\nkey = " KEY_P256_B "\r\n" },
        { "quotes", "enabled_logs = \"a, b\"\n[a]\ndescription = 'Log A'\nkey = \"" KEY_P256_A "\"\n" SECTION_B },
        { "empty names", "enabled_logs = ,a,,b,\n" SECTION_A SECTION_B },
        { "the same log twice",
          "enabled_logs = a, b, a, c\n" SECTION_A SECTION_B "[c]\ndescription = Again\nkey = " KEY_P256_A "\n" },
        { "a $ in a comment", "# costs $5\nenabled_logs = a,b # $ENV::HOME\n" SECTION_A SECTION_B },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);

        ck_assert_msg(p.ok && p.problems.warnings == 0, "%s: %s", rows[i].name, first_problem(&p));
        ck_assert_msg(p.list.logs.count == 2 && p.list.format == CT_LIST_OPENSSL, "%s: %zu logs", rows[i].name,
                      p.list.logs.count);
        ck_assert_msg(log_named(&p, "Log A")->unusable == NULL && log_named(&p, "Log B")->unusable == NULL, "%s",
                      rows[i].name);
        parsed_clear(&p);
    }
}
END_TEST

static bool said_at(const struct parsed *p, unsigned line, const char *words)
{
    for (size_t k = 0; k < p->problems.count; k++) {
        if (p->problems.items[k].line == line && strstr(p->problems.items[k].text, words) != NULL) {
            return true;
        }
    }
    return false;
}

START_TEST(one_odd_log_does_not_count_and_the_others_do)
{
    static const struct {
        const char *name, *section;
        unsigned line;
        const char *words;
    } rows[] = {
        { "no such section", "[c]\n", 1, "\"o\", which is none" },
        { "key twice", "[o]\ndescription = O\nkey = x\nkey = " KEY_P256_B "\n", 8, "key is set twice, also on line 7" },
        { "section again", "[o]\ndescription = O\nkey = " KEY_P256_B "\n[o]\ndescription = P\n", 9, "set twice" },
        { "no key", "[o]\ndescription = O\n", 1, "[o]: expected key" },
        { "no description", "[o]\nkey = " KEY_P256_B "\n", 6, "[o]: expected description" },
        { "a description that only [default] has", "[default]\ndescription = D\n[o]\nkey = " KEY_P256_B "\n", 8,
          "[o]: expected description" },
        { "bad base64", "[o]\ndescription = O\nkey = MFkw*\n", 7, "found \"MFkw*\"" },
        { "RSA-1024", "[o]\ndescription = O\nkey = " KEY_RSA_1024 "\n", 7, "shorter than 2048" },
        { "P-384", "[o]\ndescription = O\nkey = " KEY_P384 "\n", 7, "the key is neither" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[8000];
        struct parsed p;

        snprintf(text, sizeof text, "enabled_logs = a, o\n" SECTION_A "%s", rows[i].section);
        p = parse(text);
        ck_assert_msg(p.ok, "%s: %s", rows[i].name, first_problem(&p));
        ck_assert_msg(counting(&p) == 1 && log_named(&p, "Log A")->unusable == NULL, "%s: %zu logs count", rows[i].name,
                      counting(&p));
        ck_assert_msg(p.problems.errors == 0 && said_at(&p, rows[i].line, rows[i].words),
                      "%s: expected line %u \"%s\", found line %u \"%s\"", rows[i].name, rows[i].line, rows[i].words,
                      p.problems.items[0].line, first_problem(&p));
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(refuses_what_it_does_not_read_and_says_where)
{
    static const struct {
        const char *name, *text;
        unsigned line;
        const char *words;
    } rows[] = {
        { "no enabled_logs", "#enabled_logs\nenabled_logs2 = a\n" SECTION_A, 0, "enabled_logs" },
        { "enabled_logs in a section", SECTION_A "enabled_logs = a\n", 0, "enabled_logs" },
        { "enabled_logs twice", "enabled_logs = a\nenabled_logs = a\n" SECTION_A, 2, "enabled_logs is set twice" },
        { "nothing enabled", "enabled_logs = ,\n" SECTION_A, 0, "expected at least one log" },
        { "header without end", "enabled_logs = a\n[a\ndescription = A\nkey = " KEY_P256_A "\n", 2, "square bracket" },
        { "no equals sign", "enabled_logs = a\nnonsense\n" SECTION_A, 2, "equal sign" },
        { "include", "enabled_logs = a\n.include more.cnf\n" SECTION_A, 2, "`.include`" },
        { "include with an equals sign", "enabled_logs = a\n.include = more.cnf\n" SECTION_A, 2, "`.include`" },
        { "include of another section", "enabled_logs = a\ndefault::.include = /dev/zero\n" SECTION_A, 2,
          "`.include`" },
        { "include on two lines", "enabled_logs = a\n.inc\\\nlude more.cnf\n" SECTION_A, 2, "`.include`" },
        { "include behind a continued comment", "enabled_logs = a\n# \\\n.include more.cnf\n" SECTION_A, 2,
          "`.include`" },
        { "pragma", "enabled_logs = a\n.pragma dollarid:on\n" SECTION_A, 2, "`.pragma`" },
        { "variable", "enabled_logs = a\n[a]\ndescription = $ENV::HOME\nkey = " KEY_P256_A "\n", 3, "`$`" },
        { "variable in braces", "enabled_logs = ${ENV::HOME}\n" SECTION_A, 1, "`$`" },
        { "variable in a section's name", "enabled_logs = a\n[$ENV::HOME]\n" SECTION_A, 2, "`$`" },
        { "variable behind two backslashes",
          "enabled_logs = a\n[a]\ndescription = \\\\$ENV::HOME\nkey = " KEY_P256_A "\n", 3, "`$`" },
        { "variable behind a quoted #", "enabled_logs = a\n[a]\ndescription = '#'$ENV::HOME\nkey = " KEY_P256_A "\n", 3,
          "`$`" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);

        ck_assert_msg(!p.ok, "%s: accepted", rows[i].name);
        ck_assert_msg(p.list.logs.logs == NULL, "%s: logs are left", rows[i].name);
        ck_assert_msg(said_at(&p, rows[i].line, rows[i].words), "%s: expected line %u \"%s\", found line %u \"%s\"",
                      rows[i].name, rows[i].line, rows[i].words, p.problems.count > 0 ? p.problems.items[0].line : 0,
                      first_problem(&p));
        parsed_clear(&p);
    }
}
END_TEST

/* NCONF reads in pieces of 511 bytes and drops a backslash at the end of one: then a $ behind it is a variable. */
START_TEST(no_variable_hides_behind_the_end_of_a_piece)
{
    for (size_t before = 480; before < 540; before++) {
        char text[4000];
        struct parsed p;

        setenv("CLIENTCT_TEST_NAME", "expanded", 1);
        snprintf(text, sizeof text,
                 "enabled_logs = a\n[a]\n%*sdescription = \\$ENV::CLIENTCT_TEST_NAME\nkey = " KEY_P256_A "\n",
                 (int)before, "");
        p = parse(text);
        ck_assert_msg(!p.ok || strcmp(p.list.logs.logs[0].description, "$ENV::CLIENTCT_TEST_NAME") == 0,
                      "%zu: the environment was read", before);
        parsed_clear(&p);
        memset(text, ' ', sizeof text);
        snprintf(text + before, sizeof text - before, ".incl\\ude /dev/zero\nenabled_logs = a\n" SECTION_A);
        p = parse(text);
        ck_assert_msg(!p.ok && said_at(&p, 1, "`.include`"), "%zu: %s", before, first_problem(&p));
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(names_that_are_set_again_and_again_cost_nothing)
{
    size_t room = 3000000, used = 0;
    char *text = malloc(room);
    struct parsed p;

    ck_assert_ptr_nonnull(text);
    used += (size_t)snprintf(text, room, "enabled_logs = a\n" SECTION_A "[many]\n");
    for (unsigned i = 0; i < 100000; i++) {
        used += (size_t)snprintf(text + used, room - used, "n%u=\n", i);
    }
    for (unsigned i = 0; i < 100000; i++) {
        used += (size_t)snprintf(text + used, room - used, "n99999=\n");
    }
    p = parse_bytes((struct ct_bytes){ (const uint8_t *)text, used });
    ck_assert(!p.ok && said(&p, CT_ERROR, "names are set again 100000 times"));
    parsed_clear(&p);
    free(text);
}
END_TEST

START_TEST(reads_a_real_list)
{
    char *text = NULL;
    struct parsed p;

    if (!read_vector("real-2015/log_list.cnf", &text)) {
        return;
    }
    p = parse(text);
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_uint_eq(p.list.logs.count, 9);
    ck_assert_int_eq(log_named(&p, "Venafi log")->key_type, CT_KEY_RSA);
    ck_assert_int_eq(log_named(&p, "Google Pilot Log")->key_type, CT_KEY_P256);
    parsed_clear(&p);
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        reads_what_openssl_reads,
        sections_that_are_not_enabled_do_not_count,
        names_and_lines_are_those_of_openssl,
        one_odd_log_does_not_count_and_the_others_do,
        refuses_what_it_does_not_read_and_says_where,
        no_variable_hides_behind_the_end_of_a_piece,
        names_that_are_set_again_and_again_cost_nothing,
        reads_a_real_list,
    };

    return unit_run(suite_of("log_list_openssl", tests, sizeof tests / sizeof tests[0]));
}
