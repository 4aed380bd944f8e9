/* SPDX-License-Identifier: Apache-2.0 */
/* What reads clientct.cnf: the reader, one row a setting, and what the parsers of single values share. */
#ifndef CT_READER_H
#define CT_READER_H

#include "base/conf_lines.h"
#include "base/file_set.h"
#include "config/settings.h"

#define CT_SETTINGS_MAX_ROWS 64

enum ct_setting_section { CT_SETTING_TOP, CT_SETTING_POLICY, CT_SETTING_RULE };

/* What one setting of clientct.cnf is: for help texts and manuals. The parser works by the same table. */
struct ct_setting {
    enum ct_setting_section section;
    const char *name;
    const char *type;         /* what a value looks like, for people: "enforce | report | off" */
    const char *default_text; /* as one would write it; NULL: none */
    bool repeatable;
    const char *help; /* one line, no full stop at the end */
};

/* The line on which each row of the table was given in one section; 0: not given. */
struct ct_given {
    unsigned lines[CT_SETTINGS_MAX_ROWS];
};

enum ct_section_use { CT_USE_NONE, CT_USE_POLICY, CT_USE_RULES, CT_USE_RULE };

/* Who uses a section of the file, and what came of it. */
struct ct_section_note {
    enum ct_section_use use;
    unsigned line; /* where it was first named */
    size_t policy; /* CT_USE_POLICY: index into the settings' policies */
};

struct ct_setting_row;
struct ct_settings_reader {
    const char *file;
    const struct ct_conf *conf;
    const struct ct_setting_row *rows; /* what can be set; at most CT_SETTINGS_MAX_ROWS */
    size_t row_count;
    struct ct_section_note *notes; /* one a section of conf */
    const char **words;            /* scratch for suggestions: room for every section, every preset and the NULL */
    struct ct_file_set *files;     /* where the files come from that settings name */
    struct ct_settings *settings;
    struct ct_problems *problems;
    size_t rules_section;  /* CT_CONF_NONE: none */
    struct ct_given given; /* at the top */
};

/*
 * Reads one value into its place. It reports what is wrong itself and then leaves the default. Line 0 is a
 * default of the table.
 */
typedef void ct_setting_parser(struct ct_settings_reader *reader, const struct ct_conf_line *line, void *value);

/* `offset`: where the value is in ct_settings, ct_policy or ct_rule; 0 with parsers that take the whole. */
struct ct_setting_row {
    struct ct_setting setting;
    ct_setting_parser *parse;
    size_t offset;
};

void ct_setting_error(const struct ct_settings_reader *reader, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ct_setting_warning(const struct ct_settings_reader *reader, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ct_setting_out_of_memory(const struct ct_settings_reader *reader);
/* Room for one more item; false, which is reported, when memory is short. */
bool ct_setting_grow(const struct ct_settings_reader *reader, void **items, size_t count, size_t size) CT_MUST_USE;
/* NULL, which is reported, when memory is short. */
char *ct_setting_copy(const struct ct_settings_reader *reader, const char *text) CT_MUST_USE;

void ct_settings_read_section(struct ct_settings_reader *reader, size_t section, enum ct_setting_section kind,
                              void *target, struct ct_given *given);
/* The line of a setting; 0: it was not given. */
unsigned ct_settings_given(const struct ct_settings_reader *reader, const struct ct_given *given,
                           enum ct_setting_section kind, const char *name);
/* Takes a section into use; false, which is reported, when it is in use as something else. */
bool ct_settings_use_section(struct ct_settings_reader *reader, const struct ct_conf_line *line, size_t section,
                             enum ct_section_use use) CT_MUST_USE;
/* Reports that the value of `line` names no section, with the nearest one; `who` is "setting" or "rule". */
void ct_settings_no_section(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *who,
                            bool presets);

#endif
