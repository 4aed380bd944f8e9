/* SPDX-License-Identifier: Apache-2.0 */
/* What is written about clientct.cnf, in the manual and in the examples, must be what the table reads. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "config/parse.h"
#include "unit.h"

static const char *const headings[] = { ".SH SETTINGS\n", ".SH POLICIES\n", ".SH RULES\n", ".SH WARNINGS\n" };

static void read_document(const char *name, struct ct_file *file)
{
    const char *module = getenv("CLIENTCT_MODULE_DIR");
    char path[1000];

    ck_assert_msg(module != NULL, "CLIENTCT_MODULE_DIR names the folder module/ of the source");
    snprintf(path, sizeof path, "%s/%s", module, name);
    *file = (struct ct_file){ 0 };
    ck_assert_msg(ct_file_read(path, 1024 * 1024, true, file) == 0, "%s: cannot be read", path);
}

/* The entry of a setting in its part of the manual: from its heading to the next; the caller frees. */
static char *entry_of(const char *manual, const struct ct_setting *setting)
{
    const char *part = strstr(manual, headings[setting->section]);
    const char *next = strstr(manual, headings[setting->section + 1]);
    char heading[200];
    const char *entry, *end;

    ck_assert(part != NULL && next != NULL && next > part);
    snprintf(heading, sizeof heading, "\n.TP\n.BI %s \" = %s\"\n", setting->name, setting->type);
    entry = strstr(part, heading);
    ck_assert_msg(entry != NULL && entry < next, "clientct.cnf(5) has no%s", heading);
    end = strstr(entry + strlen(heading), "\n.TP\n");
    if (end == NULL || end > next) {
        end = next;
    }
    return strndup(entry, (size_t)(end - entry));
}

START_TEST(manual_has_every_setting_with_its_default)
{
    const struct ct_setting *setting;
    struct ct_file manual;

    read_document("man/clientct.cnf.5", &manual);
    for (size_t i = 0; (setting = ct_settings_table(i)) != NULL; i++) {
        char *entry = entry_of((char *)manual.data, setting);
        char wanted[200] = "\nNo default.";

        if (setting->default_text != NULL) {
            snprintf(wanted, sizeof wanted, "\nDefault: %s.", setting->default_text);
        }
        ck_assert_msg(strstr(entry, wanted) != NULL, "clientct.cnf(5), `%s`: expected \"%s\"", setting->name,
                      wanted + 1);
        ck_assert_msg(!setting->repeatable || strstr(entry, "May be repeated") != NULL,
                      "clientct.cnf(5), `%s`: expected \"May be repeated\"", setting->name);
        ck_assert_msg(setting->repeatable || strstr(entry, "May be repeated") == NULL,
                      "clientct.cnf(5), `%s` may not be repeated", setting->name);
        free(entry);
    }
    ct_file_clear(&manual);
}
END_TEST

START_TEST(manual_has_no_other_setting)
{
    struct ct_file manual;
    size_t rows = 0, entries = 0;

    read_document("man/clientct.cnf.5", &manual);
    while (ct_settings_table(rows) != NULL) {
        rows++;
    }
    for (const char *at = (char *)manual.data; (at = strstr(at, "\n.BI ")) != NULL; at++) {
        entries++;
    }
    ck_assert_uint_eq(entries, rows);
    ct_file_clear(&manual);
}
END_TEST

static void expect_good(const char *name, struct ct_bytes text, bool may_warn)
{
    struct ct_problems problems = { 0 };
    struct ct_settings settings;
    struct ct_file_set files = { 0 };
    bool good = ct_settings_parse(name, text, &files, &settings, &problems);

    for (size_t i = 0; i < problems.count; i++) {
        const struct ct_problem *problem = &problems.items[i];

        /* Exemptions of examples end some day, too. */
        if (problem->severity == CT_WARNING && (may_warn || strstr(problem->text, " ended on ") != NULL)) {
            continue;
        }
        ck_abort_msg("%s:%u: %s", name, problem->line, problem->text);
    }
    ck_assert(good);
    ct_settings_clear(&settings);
    ct_file_set_clear(&files);
    ct_problems_clear(&problems);
}

START_TEST(examples_are_good_as_they_stand)
{
    static const struct {
        const char *name;
        bool may_warn; /* the text says of what */
    } rows[] = {
        { "examples/clientct.cnf", false },
        { "examples/private-ca-one-log.cnf", false },
        { "examples/two-parties-two-logs.cnf", false },
        { "examples/public-beside-private.cnf", false },
        { "examples/migration-1-report.cnf", false },
        { "examples/migration-2-exempt.cnf", true },
        { "examples/migration-3-enforce.cnf", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_file file;

        read_document(rows[i].name, &file);
        expect_good(rows[i].name, (struct ct_bytes){ file.data, file.len }, rows[i].may_warn);
        ct_file_clear(&file);
    }
}
END_TEST

/* In clientct.cnf a "#" with a name or a section right behind it is a setting that is commented out. */
static bool is_commented_setting(const char *line)
{
    return line[0] == '#' && ((line[1] >= 'a' && line[1] <= 'z') || line[1] == '[');
}

START_TEST(commented_settings_of_the_example_are_good)
{
    struct ct_file file;
    char *text, *to;

    read_document("examples/clientct.cnf", &file);
    to = text = malloc(file.len + 1);
    ck_assert_ptr_nonnull(text);
    for (const char *at = (char *)file.data, *end = at + file.len; at < end;) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        ck_assert_ptr_nonnull(next);
        if (is_commented_setting(at)) {
            at++;
        }
        to = mempcpy(to, at, (size_t)(next + 1 - at));
        at = next + 1;
    }
    expect_good("clientct.cnf, without #", (struct ct_bytes){ (uint8_t *)text, (size_t)(to - text) }, true);
    free(text);
    ct_file_clear(&file);
}
END_TEST

START_TEST(example_shows_every_setting_at_its_default)
{
    const struct ct_setting *setting;
    struct ct_file file;

    read_document("examples/clientct.cnf", &file);
    for (size_t i = 0; (setting = ct_settings_table(i)) != NULL; i++) {
        char line[200];
        bool shown;

        /* What the sections of rules have are examples: a rule at its defaults would do nothing. */
        if (setting->section != CT_SETTING_RULE && setting->default_text != NULL) {
            snprintf(line, sizeof line, "\n#%s = %s\n", setting->name, setting->default_text);
            shown = strstr((char *)file.data, line) != NULL;
        } else {
            snprintf(line, sizeof line, "\n#%s = ", setting->name);
            shown = strstr((char *)file.data, line) != NULL || strstr((char *)file.data, line + 2) != NULL;
        }
        ck_assert_msg(shown, "examples/clientct.cnf: expected \"%s\"", line + 1);
    }
    ct_file_clear(&file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("settings_documents");
    TCase *tcase = tcase_create("settings_documents");

    tcase_add_test(tcase, manual_has_every_setting_with_its_default);
    tcase_add_test(tcase, manual_has_no_other_setting);
    tcase_add_test(tcase, examples_are_good_as_they_stand);
    tcase_add_test(tcase, commented_settings_of_the_example_are_good);
    tcase_add_test(tcase, example_shows_every_setting_at_its_default);
    suite_add_tcase(suite, tcase);
    return unit_run(suite);
}
