#include "list_fixture.h"
#include "log_keys.h"

#define SECTION_A "[a]\ndescription = Log A\nkey = " KEY_P256_A "\n"
#define SECTION_B "[b]\ndescription = Log B\nkey = " KEY_P256_B "\n"

START_TEST(reads_what_openssl_reads)
{
    struct parsed p = parse("# Comment\n\nenabled_logs = a , b\r\nconfig_diagnostics = 1\n\n" SECTION_A
                            "url = https://a.example/\n\n[ b ]\n\tkey=" KEY_RSA_2048
                            " # trailing comment\n  description  =  Google 'B' log, \"x\" = y \n");
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
    b = log_named(&p, "Google 'B' log, \"x\" = y");
    ck_assert_int_eq(b->key_type, CT_KEY_RSA);
    parsed_clear(&p);
}
END_TEST

START_TEST(sections_that_are_not_enabled_do_not_count)
{
    assert_accepted("a broken section aside", "enabled_logs = a\n" SECTION_A "[broken]\nkey = x\n[empty]\n", 1);
}
END_TEST

START_TEST(refuses_what_matters_and_says_where)
{
    static const struct {
        const char *name, *text;
        unsigned line;
        const char *words;
    } rows[] = {
        { "no enabled_logs", SECTION_A, 0, "enabled_logs" },
        { "enabled_logs in a section", SECTION_A "enabled_logs = a\n", 0, "enabled_logs" },
        { "enabled_logs twice", "enabled_logs = a\nenabled_logs = a\n" SECTION_A, 2, "enabled_logs" },
        { "no such section", "enabled_logs = a, c\n" SECTION_A, 1, "\"c\"" },
        { "enabled twice", "enabled_logs = a, b, a\n" SECTION_A SECTION_B, 1, "twice" },
        { "empty name", "enabled_logs = a,,b\n" SECTION_A SECTION_B, 1, "\"\"" },
        { "comma at the end", "enabled_logs = a,\n" SECTION_A, 1, "\"\"" },
        { "section twice", "enabled_logs = a\n" SECTION_A SECTION_A, 5, "[a]" },
        { "key twice", "enabled_logs = a\n" SECTION_A "key = " KEY_P256_B "\n", 5, "twice" },
        { "no key", "enabled_logs = a\n[a]\ndescription = A\n", 2, "[a]: expected key" },
        { "no description", "enabled_logs = a\n[a]\nkey = " KEY_P256_A "\n", 2, "[a]: expected description" },
        { "bad base64", "enabled_logs = a\n[a]\ndescription = A\nkey = MFkw*\n", 4, "found \"MFkw*\"" },
        { "RSA-1024", "enabled_logs = a\n[a]\ndescription = A\nkey = " KEY_RSA_1024 "\n", 4, "shorter than 2048" },
        { "same key in two sections", "enabled_logs = a,b\n" SECTION_A "[b]\ndescription = B\nkey = " KEY_P256_A "\n",
          0, "\"Log A\"" },
        { "header without end", "enabled_logs = a\n[a\ndescription = A\nkey = " KEY_P256_A "\n", 2, "[a" },
        { "no equals sign", "enabled_logs = a\nnonsense\n" SECTION_A, 2, "nonsense" },
        { "include", "enabled_logs = a\n.include more.cnf\n" SECTION_A, 2, "include" },
        { "include with an equals sign", "enabled_logs = a\n.include = more.cnf\n" SECTION_A, 2, "include" },
        { "another section's key", "enabled_logs = a\n" SECTION_A "b::key = x\n", 5, "::" },
        { "variable", "enabled_logs = a\n[a]\ndescription = $ENV::HOME\nkey = " KEY_P256_A "\n", 3, "$" },
        { "continued line", "enabled_logs = a,\\\nb\n" SECTION_A, 1, "ackslash" },
        { "not UTF-8", "enabled_logs = a\n[a]\ndescription = \xff\nkey = " KEY_P256_A "\n", 3, "UTF-8" },
        { "tab inside", "enabled_logs = a\n[a]\ndescription = a\tb\nkey = " KEY_P256_A "\n", 3, "without tabs" },
        { "control character", "enabled_logs = a\n[a]\ndescription = \x1b[2J\nkey = " KEY_P256_A "\n", 3, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);
        bool found = false;

        ck_assert_msg(!p.ok, "%s: accepted", rows[i].name);
        ck_assert_msg(p.list.logs.logs == NULL, "%s: logs are left", rows[i].name);
        for (size_t k = 0; k < p.problems.count; k++) {
            found |=
                p.problems.items[k].line == rows[i].line && strstr(p.problems.items[k].text, rows[i].words) != NULL;
        }
        ck_assert_msg(found, "%s: expected line %u \"%s\", found line %u \"%s\"", rows[i].name, rows[i].line,
                      rows[i].words, p.problems.count > 0 ? p.problems.items[0].line : 0, first_problem(&p));
        parsed_clear(&p);
    }
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
        refuses_what_matters_and_says_where,
        reads_a_real_list,
    };

    return unit_run(suite_of("log_list_openssl", tests, sizeof tests / sizeof tests[0]));
}
