/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/report/fields.h"

bool report_bytes_of(struct report_text hex, uint8_t out[32])
{
    return hex.len == 64 && ct_unhex(hex.data, hex.len, out, 32);
}

void report_add_usage(struct report_fields *fields, struct report_text usage)
{
    if (REPORT_IS(usage, "clientAuth") || REPORT_IS(usage, "1.3.6.1.5.5.7.3.2")) {
        fields->usages |= REPORT_USAGE_CLIENT;
    } else if (REPORT_IS(usage, "serverAuth") || REPORT_IS(usage, "1.3.6.1.5.5.7.3.1")) {
        fields->usages |= REPORT_USAGE_SERVER;
    } else if (REPORT_IS(usage, "anyExtendedKeyUsage") || REPORT_IS(usage, "2.5.29.37.0")) {
        fields->usages |= REPORT_USAGE_ANY;
    } else {
        fields->usages |= REPORT_USAGE_OTHER;
    }
}

void report_add_sct(struct report_fields *fields, struct report_text status, struct report_text log_id)
{
    if (fields->unknown_log_count < REPORT_LOGS_MAX && REPORT_IS(status, "unknown-log") &&
        report_bytes_of(log_id, fields->unknown_logs[fields->unknown_log_count])) {
        fields->unknown_log_count++;
    }
}

size_t report_unescape(struct report_text text, char *to)
{
    static const char meant[][2] = { { 'b', '\b' }, { 'f', '\f' }, { 'n', '\n' }, { 'r', '\r' }, { 't', '\t' } };
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '\\' && i + 1 < text.len) {
            c = text.data[++i];
            for (size_t k = 0; k < sizeof meant / sizeof meant[0]; k++) {
                if (c == meant[k][0]) {
                    c = meant[k][1];
                    break;
                }
            }
        }
        to[len++] = c;
    }
    return len;
}
