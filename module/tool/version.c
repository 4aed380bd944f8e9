/* SPDX-License-Identifier: Apache-2.0 */
/* clientct version: what is installed, and with which libraries it runs. */
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include "tool/tool.h"
#include "tool/verbs.h"

int tool_verb_version(int argc, char **argv)
{
    bool json = false;
    const struct tool_option options[] = {
        { "json", NULL, "print JSON", NULL, &json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "version", "[--json]", "Shows the versions of clientct and of the libraries it runs with.\n", options, 0, 0,
    };
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    if (json) {
        json_t *out = tool_json_object();
        tool_json_set(out, "version", tool_json_text(clientct_version()));
        tool_json_set(out, "openssl", tool_json_text(OpenSSL_version(OPENSSL_VERSION_STRING)));
        tool_json_set(out, "openssl_built_with", tool_json_text(OPENSSL_VERSION_STR));
        tool_json_set(out, "jansson", tool_json_text(jansson_version_str()));
        tool_json_set(out, "default_config", tool_json_text(CLIENTCT_DEFAULT_CONFIG));
        tool_json_print(out);
        return TOOL_YES;
    }
    tool_line("clientct %s", clientct_version());
    tool_line("%s (built with %s)", OpenSSL_version(OPENSSL_VERSION), OPENSSL_VERSION_STR);
    tool_line("jansson %s", jansson_version_str());
    tool_line("configuration: %s", CLIENTCT_DEFAULT_CONFIG);
    return TOOL_YES;
}
