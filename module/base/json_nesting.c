/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_nesting.h"

bool ct_json_nests_little(struct ct_bytes text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (in_string) {
            i += c == '\\' ? 1 : 0;
            /* No string goes over a line: a parser ends there, and nothing behind it may hide in what it is not. */
            in_string = c != '"' && c != '\n';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > CT_JSON_NESTING_MAX) {
                return false;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}
