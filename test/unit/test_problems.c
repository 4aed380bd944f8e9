/* SPDX-License-Identifier: Apache-2.0 */
#include "base/problems.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

START_TEST(keeps_what_was_added)
{
    struct ct_problems problems = { 0 };

    ct_problem_add(&problems, CT_WARNING, "a.cnf", 0, "odd %d", 7);
    ct_problem_add(&problems, CT_ERROR, "b.cnf", 12, "wrong `%s`", "x");
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_uint_eq(problems.errors, 1);
    ck_assert_uint_eq(problems.warnings, 1);
    ck_assert_str_eq(problems.items[0].text, "odd 7");
    ck_assert_uint_eq(problems.items[1].line, 12);
    ck_assert_str_eq(problems.items[1].file, "b.cnf");
    ct_problems_clear(&problems);
    ck_assert_uint_eq(problems.errors, 0);
    ct_problems_clear(&problems);
    ct_problems_clear(NULL);
}
END_TEST

START_TEST(counts_beyond_what_it_keeps)
{
    struct ct_problems problems = { 0 };

    for (unsigned i = 0; i < CT_PROBLEMS_MAX + 50; i++) {
        ct_problem_add(&problems, i % 2 == 0 ? CT_ERROR : CT_WARNING, "f", i, "p");
    }
    ck_assert_uint_eq(problems.count, CT_PROBLEMS_MAX);
    ck_assert_uint_eq(problems.errors, CT_PROBLEMS_MAX / 2 + 25);
    ck_assert_uint_eq(problems.warnings, CT_PROBLEMS_MAX / 2 + 25);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(first_is_the_first_error)
{
    struct ct_problems problems = { 0 };
    char text[80] = "x";

    ct_problems_first(&problems, text, sizeof text);
    ck_assert_str_eq(text, "");
    ct_problem_add(&problems, CT_WARNING, "f", 1, "warned");
    ct_problem_add(&problems, CT_ERROR, "f", 3, "third");
    ct_problem_add(&problems, CT_ERROR, "f", 4, "fourth");
    ct_problems_first(&problems, text, sizeof text);
    ck_assert_str_eq(text, "f:3: third");
    problems.items[1].line = 0;
    ct_problems_first(&problems, text, sizeof text);
    ck_assert_str_eq(text, "f: third");
    ct_problems_first(&problems, text, 5);
    ck_assert_str_eq(text, "f: t");
    ct_problems_clear(&problems);
    problems.errors = 1; /* as when the item itself could not be stored */
    ct_problems_first(&problems, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "memory"));
}
END_TEST

START_TEST(sorts_by_line_with_the_whole_file_last)
{
    static const unsigned given[] = { 9, 9, 0, 5, 3, 5, 0, 1 };
    struct ct_problems problems = { 0 };
    char order[16] = "";

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        ct_problem_add(&problems, CT_ERROR, "f", given[i], "%zu", i);
    }
    ct_problems_sort(&problems, 1);
    for (size_t i = 0; i < problems.count; i++) {
        strcat(order, problems.items[i].text);
    }
    ck_assert_str_eq(order, "07435126");
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(nothing_but_plain_characters_leaves)
{
    static const struct {
        const char *name, *text, *want;
    } rows[] = {
        { "escape sequence", "a\x1b[31mb", "a?[31mb" },
        { "line feed", "a\nb", "a?b" },
        { "C1 control",
          "a\xc2\x9b"
          "b",
          "a??b" },
        { "bidirectional override",
          "a\xe2\x80\xae"
          "b",
          "a???b" },
        { "cut character", "a\xc3", "a?" },
        { "overlong", "\xc0\xaf", "??" },
        { "surrogate", "\xed\xa0\x80", "???" },
        { "beyond Unicode", "\xf4\x90\x80\x80", "????" },
        { "umlaut and tab", "\xc3\xa4\t", "\xc3\xa4\t" },
        { "four bytes", "\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_problems problems = { 0 };

        ct_problem_add(&problems, CT_ERROR, rows[i].text, 1, "%s", rows[i].text);
        ck_assert_msg(strcmp(problems.items[0].text, rows[i].want) == 0, "%s: text %s", rows[i].name,
                      problems.items[0].text);
        ck_assert_msg(strcmp(problems.items[0].file, rows[i].want) == 0, "%s: file %s", rows[i].name,
                      problems.items[0].file);
        ct_problems_clear(&problems);
    }
}
END_TEST

START_TEST(cuts_long_texts)
{
    struct ct_problems problems = { 0 };
    char text[20000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ct_problem_add(&problems, CT_ERROR, "f", 1, "%s", text);
    ck_assert_uint_lt(strlen(problems.items[0].text), 8001);
    ct_problems_clear(&problems);
}
END_TEST

START_TEST(finds_the_word_that_was_meant)
{
    static const char *const words[] = { "min_scts",     "min_operators", "mode", "log_list",
                                         "log_list_key", "off",           "tls",  NULL };
    static const struct {
        const char *word, *want;
    } rows[] = {
        { "min_sct", "min_scts" },
        { "min-scts", "min_scts" },
        { "MIN_SCTS", "min_scts" },
        { "minscts", "min_scts" },
        { "min_stcs", "min_scts" },
        { "mdoe", "mode" },
        { "moed", "mode" },
        { "log_lst", "log_list" },
        { "loglistkey", "log_list_key" },
        { "of", "off" },
        { "tsl", "tls" },
        { "mode", "mode" },
        { "m", NULL },
        { "", NULL },
        { "quux", NULL },
        { "completely_other", NULL },
        { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *found = ct_nearest_word(rows[i].word, words);

        ck_assert_msg((found == NULL) == (rows[i].want == NULL) && (found == NULL || strcmp(found, rows[i].want) == 0),
                      "%s: found %s", rows[i].word, found == NULL ? "nothing" : found);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problems");
    TCase *tcase = tcase_create("problems");

    tcase_add_test(tcase, keeps_what_was_added);
    tcase_add_test(tcase, counts_beyond_what_it_keeps);
    tcase_add_test(tcase, first_is_the_first_error);
    tcase_add_test(tcase, sorts_by_line_with_the_whole_file_last);
    tcase_add_test(tcase, nothing_but_plain_characters_leaves);
    tcase_add_test(tcase, cuts_long_texts);
    tcase_add_test(tcase, finds_the_word_that_was_meant);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
