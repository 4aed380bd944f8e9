/* The report as rules for clientct.cnf. */
#include "tool/report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/settings.h"
#include "tool/tool.h"

#define EXEMPT_BY_DEFAULT_MS (90 * CT_DAY_MS)

/* What a comment of clientct.cnf may not have, or a reader may stumble over, is a question mark. */
static char *comment_of(const char *subject)
{
    char *text = tool_escaped(subject, strlen(subject));

    for (char *at = text; *at != '\0'; at++) {
        if (strchr("\\$[]", *at) != NULL) {
            *at = '?';
        }
    }
    return text;
}

bool report_show_exemptions(const struct report_tally *tally, int64_t until_ms, int64_t now_ms)
{
    char hex[65];

    if (tally->locked_out > CT_RULES_MAX) {
        tool_error("report: %" PRIu64
                   " certificates would need a rule each, and clientct.cnf takes %u: exempt their issuers "
                   "instead (issuer = ..., issued_before = ...)",
                   tally->locked_out, CT_RULES_MAX);
        return false;
    }
    if (tally->locked_out == 0) {
        tool_line("# nobody would be locked out: no exemption is needed");
        return true;
    }
    if (tally->believes_anybody && tally->left_out > 0) {
        tool_line("# NOT VOUCHED FOR: anybody may have written the lines that these rules were made from.");
    }
    tool_line("# Exemptions for %" PRIu64
              " certificate%s: to be pasted before the first section of clientct.cnf. Where it has",
              tally->locked_out, tool_s(tally->locked_out));
    tool_line("# rules already, leave out the next line and put the lines of [exempted] into your section of rules.");
    tool_line("rules = exempted");
    tool_end_line();
    tool_line("[exempted]");
    for (size_t i = 0; i < tally->kept_locked_out; i++) {
        ct_hex(tally->sorted[i]->sha256, 32, hex);
        tool_line("exempt_%.32s = exempt_%.32s", hex, hex);
    }
    for (size_t i = 0; i < tally->kept_locked_out; i++) {
        const struct report_certificate *c = tally->sorted[i];
        int64_t expires_ms =
            c->state.not_after_ms != REPORT_UNKNOWN_TIME ? c->state.not_after_ms : now_ms + EXEMPT_BY_DEFAULT_MS;
        char *subject = comment_of(c->subject->text);
        char expires[TOOL_TIME_SIZE];

        ct_time_format(until_ms != INT64_MIN ? until_ms : expires_ms, expires, sizeof expires);
        ct_hex(c->sha256, sizeof c->sha256, hex);
        tool_end_line();
        tool_line("[exempt_%.32s]", hex);
        tool_line("# %s: %s", subject, report_reason_of(tally, &c->state));
        tool_line("certificate = sha256:%s", hex);
        tool_line("exempt = yes");
        tool_line("expires = %s", expires);
        free(subject);
    }
    return true;
}
