#include "config/reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TOP(field) offsetof(struct ct_settings, field)
#define POLICY(field) offsetof(struct ct_policy, field)
#define RULE(field) offsetof(struct ct_rule, field)

/* Section, name, type, default, repeatable, help; parser and its place. clientct.cnf(5) lists the same, by a test. */
static const struct ct_setting_row table[] = {
    { { CT_SETTING_TOP, "mode", "enforce | report | off", "enforce", false,
        "what becomes of certificates that are not compliant" },
      ct_parse_mode,
      TOP(mode) },
    { { CT_SETTING_TOP, "log_list", "PATH", NULL, true,
        "a file of logs that are trusted; the format is found by content" },
      ct_parse_log_list,
      0 },
    { { CT_SETTING_TOP, "log_list_key", "PATH", NULL, false,
        "public key in PEM; with it, each log list must have a valid signature in PATH.sig" },
      ct_parse_path,
      TOP(log_list_key) },
    { { CT_SETTING_TOP, "log_list_max_age", "DURATION", "35d", false,
        "a list whose own timestamp is older is stale; 0: none is" },
      ct_parse_duration,
      TOP(log_list_max_age_ms) },
    { { CT_SETTING_TOP, "on_stale", "warn | report | refuse", "warn", false, "what happens when a log list is stale" },
      ct_parse_on_stale,
      TOP(on_stale) },
    { { CT_SETTING_TOP, "sources", "list of embedded, tls, ocsp, store", "embedded, tls, ocsp, store", false,
        "where SCTs are looked for" },
      ct_parse_sources,
      TOP(sources) },
    { { CT_SETTING_TOP, "sct_store", "DIRECTORY", NULL, false, "directory of SCT lists, named by certificate" },
      ct_parse_path,
      TOP(sct_store) },
    { { CT_SETTING_TOP, "ocsp_store", "DIRECTORY", NULL, false, "directory of OCSP responses, named by certificate" },
      ct_parse_path,
      TOP(ocsp_store) },
    { { CT_SETTING_TOP, "policy", "SECTION | one | chrome | apple", "one", false,
        "what is enough, where no rule says otherwise" },
      ct_parse_policy,
      TOP(policy) },
    { { CT_SETTING_TOP, "shadow_policy", "SECTION | one | chrome | apple", NULL, false,
        "a second policy, decided and recorded beside the first, never enforced" },
      ct_parse_policy,
      TOP(shadow_policy) },
    { { CT_SETTING_TOP, "rules", "SECTION", NULL, false, "the section that lists the rules in order" },
      ct_parse_rules,
      0 },
    { { CT_SETTING_TOP, "resumption", "refuse | allow", "refuse", false,
        "whether sessions of clients with certificates may be resumed, which skips every check" },
      ct_parse_allowed,
      TOP(resumption_allowed) },
    { { CT_SETTING_TOP, "raw_public_keys", "refuse | allow", "refuse", false,
        "whether clients may use a raw public key, for which no log can vouch" },
      ct_parse_allowed,
      TOP(raw_public_keys_allowed) },
    { { CT_SETTING_TOP, "reload", "handshake | context", "handshake", false, "when changed files are noticed" },
      ct_parse_reload,
      TOP(reload) },
    { { CT_SETTING_TOP, "audit", "journald | syslog | file:PATH | none", "journald", true,
        "where decisions are recorded" },
      ct_parse_audit,
      0 },
    { { CT_SETTING_TOP, "metrics", "DIRECTORY", NULL, false, "directory for the counters of each process" },
      ct_parse_path,
      TOP(metrics) },

    { { CT_SETTING_POLICY, "min_scts", "N [, N over DURATION] ...", "1", false,
        "valid SCTs from different logs that are needed, by lifetime of the certificate" },
      ct_parse_min_scts,
      0 },
    { { CT_SETTING_POLICY, "min_operators", "N", "1", false, "different operators among the logs that are needed" },
      ct_parse_count,
      POLICY(min_operators) },
    { { CT_SETTING_POLICY, "max_per_operator", "N", NULL, false, "logs of one operator that count at most" },
      ct_parse_count,
      POLICY(max_per_operator) },
    { { CT_SETTING_POLICY, "require_log", "LOG", NULL, true,
        "a log that must have signed, by description or by its id in hex" },
      ct_parse_require_log,
      0 },
    { { CT_SETTING_POLICY, "accept_states", "list of qualified, usable, readonly, retired",
        "qualified, usable, readonly, retired", false, "states in which a log counts" },
      ct_parse_accept_states,
      POLICY(accept_states) },
    { { CT_SETTING_POLICY, "needs_current_log", "yes | no", "yes", false,
        "whether at least one SCT must be from a log that is current now" },
      ct_parse_yes_no,
      POLICY(needs_current_log) },
    { { CT_SETTING_POLICY, "clock_skew", "DURATION", "60s", false,
        "how far in the future the timestamp of an SCT may be" },
      ct_parse_duration,
      POLICY(clock_skew_ms) },
    { { CT_SETTING_POLICY, "sct_max_age", "DURATION", "0", false, "SCTs that are older do not count; 0: no limit" },
      ct_parse_duration,
      POLICY(sct_max_age_ms) },

    { { CT_SETTING_RULE, "issuer", "sha256:HEX | PATH", NULL, false,
        "SHA-256 of the public key (SPKI) of any CA in the verified chain, or a file with the CA's certificate" },
      ct_parse_issuer,
      0 },
    { { CT_SETTING_RULE, "certificate", "sha256:HEX | PATH", NULL, false,
        "SHA-256 of the client certificate's DER, or a file with it" },
      ct_parse_certificate,
      0 },
    { { CT_SETTING_RULE, "server_name", "HOST | *.HOST", NULL, false,
        "the server name that the client asked for (SNI)" },
      ct_parse_server_name,
      RULE(server_name) },
    { { CT_SETTING_RULE, "issued_before", "TIME", NULL, false, "the certificate's notBefore is before this time" },
      ct_parse_time,
      RULE(issued_before_ms) },
    { { CT_SETTING_RULE, "issued_after", "TIME", NULL, false, "the certificate's notBefore is at this time or later" },
      ct_parse_time,
      RULE(issued_after_ms) },
    { { CT_SETTING_RULE, "certificate_policy", "OID", NULL, false, "the certificate states this certificate policy" },
      ct_parse_certificate_policy,
      RULE(certificate_policy) },
    { { CT_SETTING_RULE, "extended_key_usage", "OID | NAME", NULL, false,
        "the certificate states this extended key usage" },
      ct_parse_extended_key_usage,
      RULE(extended_key_usage) },
    { { CT_SETTING_RULE, "policy", "SECTION | one | chrome | apple", NULL, false,
        "the policy for certificates that match; without it the one at the top" },
      ct_parse_policy,
      RULE(policy) },
    { { CT_SETTING_RULE, "exempt", "yes | no", "no", false, "whether certificates that match need no SCTs" },
      ct_parse_yes_no,
      RULE(exempt) },
    { { CT_SETTING_RULE, "expires", "TIME", NULL, false, "when the exemption ends" }, ct_parse_time, RULE(expires_ms) },
    { { CT_SETTING_RULE, "mode", "enforce | report | off", NULL, false,
        "the mode for certificates that match; without it the one at the top" },
      ct_parse_rule_mode,
      0 },
};
#define ROWS (sizeof table / sizeof table[0])
_Static_assert(ROWS <= CT_SETTINGS_MAX_ROWS, "struct ct_given has a line for every row");

const struct ct_setting *ct_settings_table(size_t index)
{
    return index < ROWS ? &table[index].setting : NULL;
}

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

static size_t row_of(enum ct_setting_section kind, const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].setting.section == kind && strcmp(table[i].setting.name, name) == 0) {
            return i;
        }
    }
    return ROWS;
}

static void unknown_setting(struct ct_settings_reader *reader, const struct ct_conf_line *line,
                            enum ct_setting_section kind)
{
    const char *words[ROWS + 1], *elsewhere[ROWS + 1];
    const char *nearest;
    size_t count = 0;

    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(table[i].setting.name, line->name) == 0) {
            ct_setting_error(reader, line->line, "`%s` belongs %s, not %s", line->name,
                             place_of(table[i].setting.section), place_of(kind));
            return;
        }
        if (table[i].setting.section == kind) {
            words[count++] = table[i].setting.name;
        }
        elsewhere[i] = table[i].setting.name;
    }
    words[count] = NULL;
    elsewhere[ROWS] = NULL;
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
        size_t row = row_of(kind, line->name);

        if (row == ROWS) {
            unknown_setting(reader, line, kind);
            continue;
        }
        if (given->lines[row] != 0 && !table[row].setting.repeatable) {
            ct_setting_error(reader, line->line, "`%s` was given on line %u already; only one of them can hold",
                             line->name, given->lines[row]);
            continue;
        }
        given->lines[row] = line->line;
        if (!line->unusable) {
            table[row].parse(reader, line, (char *)target + table[row].offset);
        }
    }
}

unsigned ct_settings_given(const struct ct_given *given, enum ct_setting_section kind, const char *name)
{
    size_t row = row_of(kind, name);

    return row < ROWS ? given->lines[row] : 0;
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

static void apply_defaults(struct ct_settings_reader *reader)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct ct_setting *setting = &table[i].setting;
        struct ct_conf_line line = { .name = setting->name, .value = setting->default_text, .next = CT_CONF_NONE };

        if (setting->section == CT_SETTING_TOP && setting->default_text != NULL && reader->given.lines[i] == 0) {
            table[i].parse(reader, &line, (char *)reader->settings + table[i].offset);
        }
    }
}

static bool anything_is_decided(const struct ct_settings *settings)
{
    if (settings->mode != CLIENTCT_MODE_OFF) {
        return true;
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        if (settings->rules[i].has_mode && settings->rules[i].mode != CLIENTCT_MODE_OFF) {
            return true;
        }
    }
    return false;
}

static void check_whole(struct ct_settings_reader *reader)
{
    const struct ct_conf *conf = reader->conf;

    if (ct_settings_given(&reader->given, CT_SETTING_TOP, "log_list") == 0 && anything_is_decided(reader->settings)) {
        ct_setting_error(reader, 0,
                         "no `log_list`: without logs that are trusted no certificate can be accepted; "
                         "add `log_list = PATH`, or `mode = off`");
    }
    for (size_t i = 0; i < conf->name_count; i++) {
        const struct ct_conf_section *section = &conf->sections[conf->by_name[i]];
        bool preset = false;

        for (size_t p = 0; ct_policy_preset_names[p] != NULL; p++) {
            preset = preset || strcmp(section->name, ct_policy_preset_names[p]) == 0;
        }
        if (preset) {
            ct_setting_error(reader, section->line, "`%s` is a preset policy; give the section another name",
                             section->name);
        } else if (reader->notes[conf->by_name[i]].use == CT_USE_NONE) {
            ct_setting_error(reader, section->line,
                             "unused section [%s]: no `policy`, `shadow_policy`, `rules` and no rule names it%s",
                             section->name,
                             strcmp(section->name, "rules") == 0 ? "; add `rules = rules` at the top" : "");
        }
    }
}

bool ct_settings_parse(const char *file, struct ct_bytes text, struct ct_settings *settings,
                       struct ct_problems *problems)
{
    struct ct_conf conf = { 0 };
    struct ct_settings_reader reader = {
        .file = file, .conf = &conf, .settings = settings, .problems = problems, .rules_section = CT_CONF_NONE
    };
    size_t errors = problems->errors, from = problems->count, presets = 0;

    *settings = (struct ct_settings){ .shadow_policy = SIZE_MAX };
    if (!ct_conf_read(file, text, &conf, problems) && conf.section_count == 0) {
        goto out;
    }
    while (ct_policy_preset_names[presets] != NULL) {
        presets++;
    }
    reader.notes = calloc(conf.section_count, sizeof *reader.notes);
    reader.words = calloc(conf.section_count + presets + 1, sizeof *reader.words);
    if (reader.notes == NULL || reader.words == NULL) {
        ct_setting_out_of_memory(&reader);
        goto out;
    }
    ct_settings_read_section(&reader, 0, CT_SETTING_TOP, settings, &reader.given);
    apply_defaults(&reader);
    ct_settings_read_rules(&reader);
    check_whole(&reader);
    if (problems->errors == errors) {
        ct_settings_warn(&reader, ct_now_ms());
    }

out:
    ct_problems_sort(problems, from);
    free(reader.notes);
    free(reader.words);
    ct_conf_clear(&conf);
    if (problems->errors != errors) {
        struct ct_settings only_files = { .files = settings->files, .file_count = settings->file_count };

        settings->files = NULL;
        settings->file_count = 0;
        ct_settings_clear(settings);
        *settings = only_files;
        return false;
    }
    return true;
}

static void clear_paths(struct ct_setting_path *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(paths[i].path);
    }
    free(paths);
}

void ct_settings_clear(struct ct_settings *settings)
{
    if (settings == NULL) {
        return;
    }
    clear_paths(settings->log_lists, settings->log_list_count);
    clear_paths(settings->files, settings->file_count);
    free(settings->log_list_key.path);
    free(settings->sct_store.path);
    free(settings->ocsp_store.path);
    free(settings->metrics.path);
    for (size_t i = 0; i < settings->policy_count; i++) {
        ct_policy_clear(&settings->policies[i]);
    }
    free(settings->policies);
    for (size_t i = 0; i < settings->rule_count; i++) {
        ct_rule_clear(&settings->rules[i]);
    }
    free(settings->rules);
    for (size_t i = 0; i < settings->audit_count; i++) {
        free(settings->audit[i].path);
    }
    free(settings->audit);
    *settings = (struct ct_settings){ 0 };
}
