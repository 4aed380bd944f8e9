/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void add_problem(const struct ct_settings_reader *reader,
                                                              enum ct_severity severity, unsigned line,
                                                              const char *format, va_list arguments)
{
    char text[1200];

    if (vsnprintf(text, sizeof text, format, arguments) < 0) {
        text[0] = '\0';
    }
    ct_problem_add(reader->problems, severity, reader->file, line, "%s", text);
}

void ct_setting_error(const struct ct_settings_reader *reader, unsigned line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_problem(reader, CT_ERROR, line, format, arguments);
    va_end(arguments);
}

void ct_setting_warning(const struct ct_settings_reader *reader, unsigned line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_problem(reader, CT_WARNING, line, format, arguments);
    va_end(arguments);
}

void ct_setting_out_of_memory(const struct ct_settings_reader *reader)
{
    ct_setting_error(reader, 0, "memory is short");
}

bool ct_setting_grow(const struct ct_settings_reader *reader, void **items, size_t count, size_t size)
{
    void *grown = reallocarray(*items, count + 1, size);

    if (grown == NULL) {
        ct_setting_out_of_memory(reader);
        return false;
    }
    *items = grown;
    return true;
}

char *ct_setting_copy(const struct ct_settings_reader *reader, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        ct_setting_out_of_memory(reader);
    }
    return copy;
}

static const char *place_of(enum ct_setting_section kind)
{
    switch (kind) {
    case CT_SETTING_TOP:
        return "at the top of the file, before the first section";
    case CT_SETTING_POLICY:
        return "in the section of a policy";
    case CT_SETTING_RULE:
        return "in the section of a rule";
    }
    return "elsewhere";
}

static size_t row_of(const struct ct_settings_reader *reader, enum ct_setting_section kind, const char *name)
{
    for (size_t i = 0; i < reader->row_count; i++) {
        if (reader->rows[i].setting.section == kind && strcmp(reader->rows[i].setting.name, name) == 0) {
            return i;
        }
    }
    return reader->row_count;
}

static void unknown_setting(struct ct_settings_reader *reader, const struct ct_conf_line *line,
                            enum ct_setting_section kind)
{
    const char *words[CT_SETTINGS_MAX_ROWS + 1], *elsewhere[CT_SETTINGS_MAX_ROWS + 1];
    const char *nearest;
    size_t count = 0;

    for (size_t i = 0; i < reader->row_count; i++) {
        if (strcmp(reader->rows[i].setting.name, line->name) == 0) {
            ct_setting_error(reader, line->line, "`%s` belongs %s, not %s", line->name,
                             place_of(reader->rows[i].setting.section), place_of(kind));
            return;
        }
        if (reader->rows[i].setting.section == kind) {
            words[count++] = reader->rows[i].setting.name;
        }
        elsewhere[i] = reader->rows[i].setting.name;
    }
    words[count] = NULL;
    elsewhere[reader->row_count] = NULL;
    nearest = ct_nearest_word(line->name, words);
    if (nearest != NULL) {
        ct_setting_error(reader, line->line, "unknown setting `%s`; did you mean `%s`?", line->name, nearest);
    } else if ((nearest = ct_nearest_word(line->name, elsewhere)) != NULL) {
        ct_setting_error(reader, line->line, "unknown setting `%s`; did you mean `%s`, which does not belong %s?",
                         line->name, nearest, place_of(kind));
    } else {
        ct_setting_error(reader, line->line, "unknown setting `%s`; clientct.cnf(5) lists those that stand %s",
                         line->name, place_of(kind));
    }
}

void ct_settings_read_section(struct ct_settings_reader *reader, size_t section, enum ct_setting_section kind,
                              void *target, struct ct_given *given)
{
    for (size_t i = reader->conf->sections[section].first; i != CT_CONF_NONE; i = reader->conf->lines[i].next) {
        const struct ct_conf_line *line = &reader->conf->lines[i];
        size_t row = row_of(reader, kind, line->name);

        if (row == reader->row_count) {
            unknown_setting(reader, line, kind);
            continue;
        }
        if (given->lines[row] != 0 && !reader->rows[row].setting.repeatable) {
            ct_setting_error(reader, line->line, "`%s` was given on line %u already; only one of them can hold",
                             line->name, given->lines[row]);
            continue;
        }
        given->lines[row] = line->line;
        if (!line->unusable) {
            reader->rows[row].parse(reader, line, (char *)target + reader->rows[row].offset);
        }
    }
}

unsigned ct_settings_given(const struct ct_settings_reader *reader, const struct ct_given *given,
                           enum ct_setting_section kind, const char *name)
{
    size_t row = row_of(reader, kind, name);

    return row < reader->row_count ? given->lines[row] : 0;
}

static const char *use_name(enum ct_section_use use)
{
    switch (use) {
    case CT_USE_POLICY:
        return "a policy";
    case CT_USE_RULES:
        return "the list of rules";
    case CT_USE_RULE:
        return "a rule";
    case CT_USE_NONE:
        break;
    }
    return "nothing";
}

bool ct_settings_use_section(struct ct_settings_reader *reader, const struct ct_conf_line *line, size_t section,
                             enum ct_section_use use)
{
    struct ct_section_note *note = &reader->notes[section];

    if (note->use != CT_USE_NONE) {
        ct_setting_error(reader, line->line, "section [%s] is %s already, by line %u; it cannot be %s too",
                         reader->conf->sections[section].name, use_name(note->use), note->line,
                         note->use == use ? "another one" : use_name(use));
        return false;
    }
    note->use = use;
    note->line = line->line;
    return true;
}

/* The named section nearest to `word`, or with `presets` also one of those; NULL: none. */
static const char *nearest_section(const struct ct_settings_reader *reader, const char *word, bool presets)
{
    size_t count = 0;

    for (size_t i = 0; presets && ct_policy_preset_names[i] != NULL; i++) {
        reader->words[count++] = ct_policy_preset_names[i];
    }
    for (size_t i = 0; i < reader->conf->name_count; i++) {
        reader->words[count++] = reader->conf->sections[reader->conf->by_name[i]].name;
    }
    reader->words[count] = NULL;
    return ct_nearest_word(word, reader->words);
}

void ct_settings_no_section(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *who,
                            bool presets)
{
    const char *nearest = nearest_section(reader, line->value, presets);
    const char *found = presets ? "found no section and no preset of that name" : "found no section of that name";

    if (nearest != NULL) {
        ct_setting_error(reader, line->line, "%s `%s` names [%.100s]: %s; did you mean `%s`?", who, line->name,
                         line->value, found, nearest);
    } else {
        ct_setting_error(reader, line->line, "%s `%s` names [%.100s]: %s", who, line->name, line->value, found);
    }
}
