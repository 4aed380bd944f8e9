/* SPDX-License-Identifier: Apache-2.0 */
/* The `clientct` command: a table of verbs, one file each. */
#include <string.h>

#include "base/problems.h"
#include "tool/tool.h"
#include "tool/verbs.h"

struct verb {
    const char *name;
    const char *about;
    int (*run)(int argc, char **argv);
};

static const struct verb verbs[] = {
#define VERB_ROW(name, about) { #name, about, tool_verb_##name },
    TOOL_VERBS(VERB_ROW)
#undef VERB_ROW
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int show_help(void)
{
    tool_line("usage: clientct VERB [options] ...");
    tool_end_line();
    tool_line("Certificate Transparency for TLS client certificates: explains what a server decides.");
    tool_end_line();
    for (size_t i = 0; i < VERB_COUNT; i++) {
        tool_line("  %-9s %s", verbs[i].name, verbs[i].about);
    }
    tool_end_line();
    tool_line("clientct VERB --help shows a verb's options. Exit status: 0 yes, 1 no, 2 wrong usage or");
    tool_line("configuration, 3 could not decide. See clientct(1).");
    return TOOL_YES;
}

static int unknown_verb(const char *name)
{
    const char *words[VERB_COUNT + 1];

    for (size_t i = 0; i < VERB_COUNT; i++) {
        words[i] = verbs[i].name;
    }
    words[VERB_COUNT] = NULL;
    const char *nearest = ct_nearest_word(name, words);
    if (nearest != NULL) {
        tool_error("there is no verb \"%s\"; did you mean \"%s\"?", name, nearest);
    } else {
        tool_error("there is no verb \"%s\"; \"clientct --help\" lists them", name);
    }
    return TOOL_USAGE;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        tool_error("a verb is missing; \"clientct --help\" lists them");
        return TOOL_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return show_help();
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        name = "version";
    }
    if (strcmp(name, "help") == 0) {
        if (argc == 2) {
            return show_help();
        }
        const struct verb *topic = find_verb(argv[2]);
        char help[] = "--help";
        char *arguments[] = { argv[2], help, NULL };
        return topic != NULL ? topic->run(2, arguments) : unknown_verb(argv[2]);
    }
    const struct verb *verb = find_verb(name);
    return verb != NULL ? verb->run(argc - 1, argv + 1) : unknown_verb(name);
}

int main(int argc, char **argv)
{
    return tool_finish_output(run(argc, argv));
}
