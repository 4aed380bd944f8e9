/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_lines.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct ct_bytes bytes_of(const char *text)
{
    return (struct ct_bytes){ (const uint8_t *)text, strlen(text) };
}

/* Everything that was read, as one line of text: "[section] name=value@line!". */
static void describe(const struct ct_conf *conf, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t s = 0; s < conf->section_count; s++) {
        if (s > 0) {
            used += (size_t)snprintf(out + used, size - used, "[%s]", conf->sections[s].name);
        }
        for (size_t i = conf->sections[s].first; i != CT_CONF_NONE; i = conf->lines[i].next) {
            used += (size_t)snprintf(out + used, size - used, "%s=%s@%u%s ", conf->lines[i].name, conf->lines[i].value,
                                     conf->lines[i].line, conf->lines[i].unusable ? "!" : "");
        }
    }
}

START_TEST(reads_plain_lines)
{
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        { "nothing", "", "" },
        { "comments and blank lines", "# a\n\n  # b\n\t\n", "" },
        { "white space", "  a  =\tb c\t\n", "a=b c@1 " },
        { "no line feed at the end", "a = b", "a=b@1 " },
        { "comment behind white space", "a = b # c\n[s] # d\n", "a=b@1 [s]" },
        { "hash inside a word", "a = b#c\n", "a=b#c@1 " },
        { "quotes are literal", "a = \"b\"\n", "a=\"b\"@1 " },
        { "equals sign in a value", "a = b=c\n", "a=b=c@1 " },
        { "CR LF", "a = b\r\n[s]\r\nc = d\r\n", "a=b@1 [s]c=d@3 " },
        { "sections", "a = 1\n[x]\nb = 2\n[ y ]\nc = 3\nd = 4\n", "a=1@1 [x]b=2@3 [y]c=3@5 d=4@6 " },
        { "no space is needed", "a=b\n", "a=b@1 " },
        { "UTF-8", "a = \xc3\xa4\n", "a=\xc3\xa4@1 " },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_problems problems = { 0 };
        struct ct_conf conf;
        char text[400];

        ck_assert_msg(ct_conf_read("f", bytes_of(rows[i].text), &conf, &problems), "%s: refused", rows[i].name);
        ck_assert_msg(problems.count == 0, "%s: has problems", rows[i].name);
        describe(&conf, text, sizeof text);
        ck_assert_msg(strcmp(text, rows[i].want) == 0, "%s: got %s", rows[i].name, text);
        ct_conf_clear(&conf);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(refuses_what_openssl_would_interpret)
{
    static const struct {
        const char *name, *text;
        unsigned line;
        const char *says, *rest; /* what is still read */
    } rows[] = {
        { "variable", "\na = $b\n", 2, "not expanded", "a=$b@2! " },
        { "environment", "a = $ENV::HOME/x\n", 1, "not expanded", "a=$ENV::HOME/x@1! " },
        { "include", ".include /etc/x\na = b\n", 1, "nothing is included", "a=b@2 " },
        { "include with equals sign", ".include = /etc/x\n", 1, "nothing is included", "" },
        { "pragma", ".pragma = dollarid:on\n", 1, "no directives", "" },
        { "other section's setting", "p::min_scts = 0\n", 1, "`::`", "" },
        { "backslash", "a = b\\\nc = d\n", 1, "backslash", "a=b\\@1! c=d@2 " },
        { "no value", "a =\nb = # c\n", 1, "has no value", "a=@1! b=@2! " },
        { "no name", "= b\n", 1, "name of the setting is missing", "" },
        { "no equals sign", "mode enforce\n", 1, "expected `name = value`", "" },
        { "semicolon comment", "; a\n", 1, "begins with `#`", "" },
        { "space in a name", "a b = c\n", 1, "made of letters", "" },
        { "quoted name", "\"a\" = c\n", 1, "made of letters", "" },
        { "header without end", "[s\na = b\n[t]\nc = d\n", 1, "no closing", "[t]c=d@4 " },
        { "empty header", "[]\na = b\n", 1, "name of the section is missing", "" },
        { "text behind a header", "[s] a = b\n", 1, "behind a section header", "" },
        { "two brackets", "[[s]]\n", 1, "behind a section header", "" },
        { "space in a header", "[a b]\nc = d\n", 1, "made of letters", "" },
        { "repeated section", "[s]\na = b\n[t]\nc = d\n[s]\ne = f\n", 5, "on line 1 already",
          "[s]a=b@2 e=f@6 [t]c=d@4 [s]" },
        { "CR inside", "a = b\rc = d\n", 1, "0x0d", "" },
        { "two CR", "a = b\r\r\n", 1, "0x0d", "" },
        { "escape", "a = \x1b[2J\n", 1, "0x1b in column 5", "" },
        { "not UTF-8", "a = \xff\n", 1, "0xff in column 5", "" },
        { "control in a comment", "# \x07\n", 1, "0x07", "" },
        { "control in a header", " [s\x01]\na = b\n", 1, "0x01", "" },
        { "bidirectional override",
          "a = \xe2\x80\xae"
          "b\n",
          1, "0xe2", "" },
        { "byte-order mark",
          "\xef\xbb\xbf"
          "a = b\n",
          1, "byte-order mark", "a=b@1 " },
        { "long name", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = b\n", 1, "at most 64", "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_problems problems = { 0 };
        struct ct_conf conf;
        char text[400];

        ck_assert_msg(!ct_conf_read("f", bytes_of(rows[i].text), &conf, &problems), "%s: read", rows[i].name);
        ck_assert_msg(problems.count >= 1 && problems.items[0].line == rows[i].line &&
                          strstr(problems.items[0].text, rows[i].says) != NULL,
                      "%s: line %u: %s", rows[i].name, problems.items[0].line, problems.items[0].text);
        describe(&conf, text, sizeof text);
        ck_assert_msg(strcmp(text, rows[i].rest) == 0, "%s: got %s", rows[i].name, text);
        ct_conf_clear(&conf);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(refuses_nul_bytes)
{
    struct ct_bytes text = { (const uint8_t *)"a = b\0c\nd = e\n", 14 };
    struct ct_problems problems = { 0 };
    struct ct_conf conf;

    ck_assert(!ct_conf_read("f", text, &conf, &problems));
    ck_assert_uint_eq(problems.errors, 1);
    ck_assert_ptr_nonnull(strstr(problems.items[0].text, "0x00 in column 6"));
    ck_assert_uint_eq(conf.line_count, 1);
    ct_conf_clear(&conf);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(line_length_has_a_limit)
{
    for (size_t len = CT_CONF_MAX_LINE - 1; len <= CT_CONF_MAX_LINE + 1; len++) {
        struct ct_problems problems = { 0 };
        struct ct_conf conf;
        char text[CT_CONF_MAX_LINE + 3];

        memset(text, 'x', len);
        memcpy(text, "a=", 2);
        text[len] = '\n';
        ck_assert(ct_conf_read("f", (struct ct_bytes){ (uint8_t *)text, len + 1 }, &conf, &problems) ==
                  (len <= CT_CONF_MAX_LINE));
        ct_conf_clear(&conf);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(file_size_has_a_limit)
{
    size_t max = CT_CONF_MAX_BYTES;
    uint8_t *text = malloc(max + 1);

    ck_assert_ptr_nonnull(text);
    memset(text, '\n', max + 1);
    for (size_t len = max; len <= max + 1; len++) {
        struct ct_problems problems = { 0 };
        struct ct_conf conf;

        ck_assert(ct_conf_read("f", (struct ct_bytes){ text, len }, &conf, &problems) == (len <= max));
        ct_conf_clear(&conf);
        ct_problems_clear(&problems);
    }
    free(text);
}
END_TEST

/* A file of a quarter of a million sections of one name must not cost more than reading it. */
START_TEST(many_sections_are_no_burden)
{
    size_t max = CT_CONF_MAX_BYTES / 4;
    char *text = malloc(CT_CONF_MAX_BYTES + 1);
    struct ct_problems problems = { 0 };
    struct ct_conf conf;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < max; i++) {
        memcpy(text + i * 4, "[a]\n", 4);
    }
    ck_assert(!ct_conf_read("f", (struct ct_bytes){ (uint8_t *)text, max * 4 }, &conf, &problems));
    ck_assert_uint_eq(problems.errors, max - 1);
    ck_assert_uint_eq(conf.name_count, 1);
    ct_conf_clear(&conf);
    ct_problems_clear(&problems);
    free(text);
}
END_TEST

START_TEST(finds_sections_by_name)
{
    struct ct_problems problems = { 0 };
    struct ct_conf conf;

    ck_assert(ct_conf_read("f", bytes_of("x = y\n[b]\n[a]\n[c]\n"), &conf, &problems));
    ck_assert_uint_eq(ct_conf_find(&conf, "a"), 2);
    ck_assert_uint_eq(ct_conf_find(&conf, "b"), 1);
    ck_assert_uint_eq(ct_conf_find(&conf, "c"), 3);
    ck_assert(ct_conf_find(&conf, "d") == CT_CONF_NONE);
    ck_assert(ct_conf_find(&conf, "") == CT_CONF_NONE);
    ct_conf_clear(&conf);
    ct_conf_clear(NULL);
    ct_problems_clear(&problems);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf_lines");
    TCase *tcase = tcase_create("conf_lines");

    tcase_add_test(tcase, reads_plain_lines);
    tcase_add_test(tcase, refuses_what_openssl_would_interpret);
    tcase_add_test(tcase, refuses_nul_bytes);
    tcase_add_test(tcase, line_length_has_a_limit);
    tcase_add_test(tcase, file_size_has_a_limit);
    tcase_add_test(tcase, many_sections_are_no_burden);
    tcase_add_test(tcase, finds_sections_by_name);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
