/* What the files that read clientct.cnf share: the reader, one row a setting, and the parsers that rows name. */
#ifndef CT_SETTINGS_TABLE_H
#define CT_SETTINGS_TABLE_H

#include "base/conf_lines.h"
#include "config/settings.h"

#define CT_SETTINGS_MAX_ROWS 64

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

struct ct_settings_reader {
    const char *file;
    const struct ct_conf *conf;
    struct ct_section_note *notes; /* one a section of conf */
    const char **words;            /* scratch for suggestions: room for every section, every preset and the NULL */
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

/* settings.c */
void ct_settings_read_section(struct ct_settings_reader *reader, size_t section, enum ct_setting_section kind,
                              void *target, struct ct_given *given);
unsigned ct_settings_given(const struct ct_given *given, enum ct_setting_section kind, const char *name);
/* Takes a section into use; false, which is reported, when it is in use as something else. */
bool ct_settings_use_section(struct ct_settings_reader *reader, const struct ct_conf_line *line, size_t section,
                             enum ct_section_use use) CT_MUST_USE;
/* Reports that the value of `line` names no section, with the nearest one; `who` is "setting" or "rule". */
void ct_settings_no_section(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *who,
                            bool presets);

/* settings_values.c: values of the general kinds */
ct_setting_parser ct_parse_mode, ct_parse_on_stale, ct_parse_reload, ct_parse_allowed, ct_parse_yes_no;
ct_setting_parser ct_parse_path, ct_parse_duration, ct_parse_time, ct_parse_count;
ct_setting_parser ct_parse_log_list, ct_parse_audit, ct_parse_sources;
bool ct_parse_word(const struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *word,
                   const char *const *words, size_t *index) CT_MUST_USE;
bool ct_parse_number(const char *text, unsigned *number) CT_MUST_USE;
/* "name = value" with a path: absolute, as a server's working directory is not the operator's. */
bool ct_check_path(const struct ct_settings_reader *reader, const struct ct_conf_line *line,
                   const char *path) CT_MUST_USE;
/*
 * Calls `each` with every item of a comma-separated value, trimmed, in a copy. Empty items are reported; false when
 * there was an error.
 */
bool ct_each_item(struct ct_settings_reader *reader, const struct ct_conf_line *line,
                  bool each(struct ct_settings_reader *reader, const struct ct_conf_line *line, const char *item,
                            size_t index, void *value),
                  void *value) CT_MUST_USE;

/* settings_policy.c: policy sections */
ct_setting_parser ct_parse_policy, ct_parse_min_scts, ct_parse_require_log, ct_parse_accept_states;
/* May `a` accept what `b` refuses? True also where that cannot be told. */
bool ct_policy_may_be_weaker(const struct ct_policy *a, const struct ct_policy *b) CT_MUST_USE;

/* settings_rules.c: rules, and what they name */
ct_setting_parser ct_parse_rules, ct_parse_rule_mode, ct_parse_issuer, ct_parse_certificate, ct_parse_server_name;
ct_setting_parser ct_parse_certificate_policy, ct_parse_extended_key_usage;
void ct_settings_read_rules(struct ct_settings_reader *reader);

/* settings_warnings.c: what is legal but surely not meant; only for settings without errors */
void ct_settings_warn(const struct ct_settings_reader *reader, int64_t now_ms);

#endif
