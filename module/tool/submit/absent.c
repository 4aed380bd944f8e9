/* clientct submit in a build without libcurl: says so. */
#include "tool/tool.h"
#include "tool/verbs.h"

int tool_verb_submit(int argc, char **argv)
{
    tool_error("submit: this build has no network code; build with libcurl (meson option -Dsubmit=enabled)");
    return TOOL_USAGE;
}
