/*
 * OpenSSL's ct_log_list.cnf (CTLOG_STORE_load_file(3)): `enabled_logs` names sections that have a description and a
 * key. Read by our own lines and not by NCONF, which knows no line numbers, expands the environment and includes files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/conf_lines.h"
#include "logs/readers.h"

/* The line of a section that sets `name`; NULL when none does. Two of them are an error: OpenSSL takes the last. */
static const struct ct_conf_line *setting(struct ct_list_input *in, const struct ct_conf *conf,
                                          const struct ct_conf_section *section, const char *name)
{
    const struct ct_conf_line *found = NULL;

    for (size_t i = section->first; i != CT_CONF_NONE; i = conf->lines[i].next) {
        if (strcmp(conf->lines[i].name, name) != 0) {
            continue;
        }
        if (found != NULL) {
            ct_problem_add(in->problems, CT_ERROR, in->file, conf->lines[i].line,
                           "%s is set twice, also on line %u; remove one", name, found->line);
        }
        found = &conf->lines[i];
    }
    return found;
}

static void read_section(struct ct_list_input *in, const struct ct_conf *conf, const struct ct_conf_section *section)
{
    size_t errors_before = in->problems->errors;
    struct ct_log log = ct_list_new_log();
    const struct ct_conf_line *description = setting(in, conf, section, "description");
    const struct ct_conf_line *key = setting(in, conf, section, "key");

    if (description == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, section->line, "[%s]: expected description = text, found none",
                       section->name);
    } else if (!ct_list_text_ok(description->value)) {
        ct_problem_add(in->problems, CT_ERROR, in->file, description->line,
                       "description: expected at most %u bytes of text without tabs", CT_LOG_LIST_MAX_TEXT);
    } else {
        ct_list_copy(in, &log.description, description->value);
    }
    if (key == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, section->line, "[%s]: expected key = base64, found none",
                       section->name);
    } else {
        ct_list_set_key(in, key->line, "key", &log, key->value);
    }
    ct_list_add(in, section->line, "", &log, errors_before);
}

static char *trimmed(char *name)
{
    name += strspn(name, " \t");
    for (size_t len = strlen(name); len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'); len--) {
        name[len - 1] = '\0';
    }
    return name;
}

static void read_enabled(struct ct_list_input *in, const struct ct_conf *conf, const struct ct_conf_line *enabled)
{
    bool *seen = calloc(conf->section_count, sizeof *seen);
    char *names = strdup(enabled->value);
    char *rest = names;

    if (seen == NULL || names == NULL) {
        ct_problem_add(in->problems, CT_ERROR, in->file, enabled->line, "out of memory");
        goto out;
    }
    while (rest != NULL) {
        const char *name = trimmed(strsep(&rest, ","));
        size_t section = ct_conf_find(conf, name);

        if (section == CT_CONF_NONE) {
            ct_problem_add(in->problems, CT_ERROR, in->file, enabled->line,
                           "enabled_logs: expected names of sections, found \"%.60s\", which is none", name);
        } else if (seen[section]) {
            ct_problem_add(in->problems, CT_ERROR, in->file, enabled->line,
                           "enabled_logs: \"%.60s\" stands there twice; remove one", name);
        } else {
            seen[section] = true;
            read_section(in, conf, &conf->sections[section]);
        }
    }
out:
    free(seen);
    free(names);
}

void ct_list_read_openssl(struct ct_list_input *in)
{
    struct ct_conf conf = { 0 };
    /* What is wrong with a line was said; the rest is read all the same, so that every error is told at once. */
    bool whole = ct_conf_read(in->file, in->text, &conf, in->problems);
    const struct ct_conf_line *enabled = NULL;

    if (conf.section_count == 0) {
        goto out; /* too large, or memory is short */
    }
    enabled = setting(in, &conf, &conf.sections[0], "enabled_logs");
    if (enabled != NULL) {
        read_enabled(in, &conf, enabled);
    } else if (whole) {
        ct_problem_add(in->problems, CT_ERROR, in->file, 0,
                       "expected enabled_logs = NAME, ... before the first section: only logs named there count");
    }
out:
    ct_conf_clear(&conf);
}
