/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that talk to a network, in a build without libcurl: they say so. */
#include "tool/fetch/file.h"
#include "tool/tool.h"
#include "tool/verbs.h"

static int absent(const char *verb)
{
    tool_error("%s: this build has no network code; build with libcurl (meson option -Dsubmit=enabled)", verb);
    return TOOL_USAGE;
}

int tool_verb_submit(int argc, char **argv)
{
    return absent("submit");
}

int tool_verb_prove(int argc, char **argv)
{
    return absent("prove");
}

int tool_verb_monitor(int argc, char **argv)
{
    return absent("monitor");
}

int tool_verb_reconcile(int argc, char **argv)
{
    return absent("reconcile");
}

bool fetch_file(const char *verb, const char *what, const char *url, size_t max, struct tool_file *out)
{
    *out = (struct tool_file){ 0 };
    (void)absent(verb);
    return false;
}
