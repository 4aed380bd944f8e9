/* SPDX-License-Identifier: Apache-2.0 */
/* Options by a table, read with getopt_long; messages name the nearest option. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/problems.h"
#include "tool/tool.h"

#define OPTIONS_MAX 32

static void show_help(const struct tool_usage *usage)
{
    tool_line("usage: clientct %s %s", usage->verb, usage->synopsis);
    tool_end_line();
    for (const char *at = usage->about; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        tool_line("%.*s", (int)len, at);
        at += len + (at[len] == '\n');
    }
    tool_end_line();
    for (const struct tool_option *o = usage->options; o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", o->name, o->value != NULL ? o->value : "");
        tool_line("  %-22s %s", left, o->help);
    }
    tool_line("  %-22s %s", "--help", "this text");
}

static bool say_unknown_option(const struct tool_usage *usage, const char *argument)
{
    const char *words[OPTIONS_MAX + 2];
    size_t count = 0;
    char *word = tool_format("%.*s", (int)strcspn(argument, "="), argument);

    for (const struct tool_option *o = usage->options; o->name != NULL && count < OPTIONS_MAX; o++) {
        words[count++] = o->name;
    }
    words[count++] = "help";
    words[count] = NULL;
    const char *nearest = strncmp(word, "--", 2) == 0 ? ct_nearest_word(word + 2, words) : NULL;
    if (nearest != NULL) {
        tool_error("%s: there is no option \"%s\"; did you mean \"--%s\"?", usage->verb, word, nearest);
    } else {
        tool_error("%s: there is no option \"%s\"; \"clientct %s --help\" lists them", usage->verb, word, usage->verb);
    }
    free(word);
    return false;
}

/*
 * getopt_long takes an unambiguous beginning for the whole word, and a script that relies on one breaks with the
 * next option: every word is looked at first.
 */
static bool options_are_whole(const struct tool_usage *usage, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "-", 1) != 0 || strcmp(argv[i], "-") == 0) {
            continue;
        }
        const struct tool_option *o = usage->options;
        size_t len = strcspn(argv[i], "=");
        while (o->name != NULL && (len != strlen(o->name) + 2 || strncmp(argv[i], "--", 2) != 0 ||
                                   strncmp(argv[i] + 2, o->name, len - 2) != 0)) {
            o++;
        }
        if (o->name == NULL && strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) {
            return say_unknown_option(usage, argv[i]);
        }
        if (o->name != NULL && o->value != NULL && argv[i][len] == '\0') {
            i++;
        }
    }
    return true;
}

static bool is_list(const struct tool_option *option)
{
    size_t len = option->value != NULL ? strlen(option->value) : 0;

    return len > 3 && strcmp(option->value + len - 3, "...") == 0;
}

static bool take_option(const struct tool_usage *usage, const struct tool_option *option, const char *value, bool *seen)
{
    if (*seen && !is_list(option)) {
        tool_error("%s: --%s is given twice", usage->verb, option->name);
        return false;
    }
    *seen = true;
    if (option->value != NULL && value[0] == '\0') {
        tool_error("%s: --%s needs a value (%s), found an empty one", usage->verb, option->name, option->value);
        return false;
    }
    if (is_list(option)) {
        char *before = (char *)*option->text;
        *option->text = before != NULL ? tool_format("%s\n%s", before, value) : tool_format("%s", value);
        free(before);
    } else if (option->value != NULL) {
        *option->text = value;
    } else {
        *option->flag = true;
    }
    return true;
}

static bool count_operands(const struct tool_usage *usage, int count, const char *first_surplus)
{
    if (count < usage->min_operands) {
        tool_error("%s: something to work on is missing; usage: clientct %s %s", usage->verb, usage->verb,
                   usage->synopsis);
        return false;
    }
    if (usage->max_operands >= 0 && count > usage->max_operands) {
        tool_error("%s: \"%s\" is one argument too many; usage: clientct %s %s", usage->verb, first_surplus,
                   usage->verb, usage->synopsis);
        return false;
    }
    return true;
}

bool tool_arguments(const struct tool_usage *usage, int argc, char **argv, int *code)
{
    struct option longs[OPTIONS_MAX + 2] = { 0 };
    bool seen[OPTIONS_MAX] = { false };
    int count = 0;

    for (const struct tool_option *o = usage->options; o->name != NULL && count < OPTIONS_MAX; o++, count++) {
        longs[count] = (struct option){ o->name, o->value != NULL ? required_argument : no_argument, NULL, 0 };
    }
    longs[count] = (struct option){ "help", no_argument, NULL, 0 };
    *code = TOOL_USAGE;
    if (!options_are_whole(usage, argc, argv)) {
        return false;
    }
    opterr = 0;
    optind = 1;
    int got;
    int index = -1;
    while ((got = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        if (got == 'h' || (got == 0 && index == count)) {
            show_help(usage);
            *code = TOOL_YES;
            return false;
        }
        if (got == ':') {
            tool_error("%s: %s needs a value; see \"clientct %s --help\"", usage->verb, argv[optind - 1], usage->verb);
            return false;
        }
        if (got == '?') {
            tool_error("%s: %s takes no value; see \"clientct %s --help\"", usage->verb, argv[optind - 1], usage->verb);
            return false;
        }
        if (!take_option(usage, &usage->options[index], optarg, &seen[index])) {
            return false;
        }
    }
    return count_operands(
        usage, argc - optind,
        usage->max_operands >= 0 && argc - optind > usage->max_operands ? argv[optind + usage->max_operands] : "");
}
