/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that talk to a network, in a build without libcurl: they say so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/fetch/file.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define WHY "%s: this build has no network code; build with libcurl (meson option -Dsubmit=enabled)"

static int absent(const char *verb, int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        printf(WHY "\n", verb);
        return EXIT_SUCCESS;
    }
    tool_error(WHY, verb);
    return TOOL_USAGE;
}

int tool_verb_submit(int argc, char **argv)
{
    return absent("submit", argc, argv);
}

int tool_verb_prove(int argc, char **argv)
{
    return absent("prove", argc, argv);
}

int tool_verb_monitor(int argc, char **argv)
{
    return absent("monitor", argc, argv);
}

int tool_verb_reconcile(int argc, char **argv)
{
    return absent("reconcile", argc, argv);
}

bool fetch_file(const char *verb, const char *what, const char *url, size_t max, struct tool_file *out)
{
    *out = (struct tool_file){ 0 };
    tool_error(WHY, verb);
    return false;
}
