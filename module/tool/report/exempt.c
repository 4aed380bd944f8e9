/* SPDX-License-Identifier: Apache-2.0 */
/* The report as rules for clientct.cnf. */
#include "tool/report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/rule_section.h"
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

/*
 * The condition for a client whose subject is empty, by the name that stands in its place, such as "uri:spiffe://td/x".
 * NULL: it is no such name, or one that a rule could not have as it stands.
 */
static const char *condition_of(const char *name)
{
    static const char *const kinds[] = { "uri", "dns", "email" };
    const char *value = strchr(name, ':');

    for (size_t i = 0; value != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i]);

        if ((size_t)(value - name) != len || strncmp(name, kinds[i], len) != 0) {
            continue;
        }
        return ct_rule_name_ok(kinds[i], value + 1) ? kinds[i] : NULL;
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct report_certificate *one = *(const struct report_certificate *const *)a;
    const struct report_certificate *two = *(const struct report_certificate *const *)b;
    int order = strcmp(one->subject->text, two->subject->text);

    return order != 0 ? order : memcmp(one->sha256, two->sha256, sizeof one->sha256);
}

/* What one rule is for: a certificate, or all that have one name. */
struct exemption {
    const struct report_certificate *first;
    size_t certificates;
};

/* Workloads get a new certificate every hour: of those that have one name in place of a subject, the name is exempt. */
static struct exemption *exemptions_of(const struct report_tally *tally, size_t *count)
{
    size_t all = tally->kept_locked_out;
    const struct report_certificate **sorted = calloc(all + 1, sizeof *sorted);
    struct exemption *exemptions = calloc(all + 1, sizeof *exemptions);

    if (sorted == NULL || exemptions == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < all; i++) {
        sorted[i] = tally->sorted[i];
    }
    qsort(sorted, all, sizeof *sorted, by_name);
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        struct exemption *last = *count > 0 ? &exemptions[*count - 1] : NULL;

        if (last != NULL && condition_of(sorted[i]->subject->text) != NULL &&
            strcmp(last->first->subject->text, sorted[i]->subject->text) == 0) {
            last->certificates++;
        } else {
            exemptions[(*count)++] = (struct exemption){ .first = sorted[i], .certificates = 1 };
        }
    }
    free(sorted);
    return exemptions;
}

static void show_exemption(const struct report_tally *tally, const struct exemption *exemption, int64_t until_ms,
                           int64_t now_ms)
{
    const struct report_certificate *c = exemption->first;
    bool by_certificate = exemption->certificates == 1;
    int64_t expires_ms = by_certificate && c->state.not_after_ms != REPORT_UNKNOWN_TIME ? c->state.not_after_ms
                                                                                        : now_ms + EXEMPT_BY_DEFAULT_MS;
    char *subject = comment_of(c->subject->text);
    char expires[TOOL_TIME_SIZE];
    char hex[65];

    ct_time_format(until_ms != INT64_MIN ? until_ms : expires_ms, expires, sizeof expires);
    ct_hex(c->sha256, sizeof c->sha256, hex);
    tool_end_line();
    tool_line("[exempt_%.32s]", hex);
    if (by_certificate) {
        tool_line("# %s: %s", subject, report_reason_of(tally, &c->state));
        tool_line("certificate = sha256:%s", hex);
    } else {
        tool_line("# %zu certificates of one name, and all that the CA will give it: %s", exemption->certificates,
                  report_reason_of(tally, &c->state));
        tool_line("%s = %s", condition_of(c->subject->text), strchr(c->subject->text, ':') + 1);
    }
    tool_line("exempt = yes");
    tool_line("expires = %s", expires);
    free(subject);
}

bool report_show_exemptions(const struct report_tally *tally, int64_t until_ms, int64_t now_ms)
{
    size_t count = 0;
    struct exemption *exemptions;
    char hex[65];

    if (tally->locked_out == 0) {
        tool_line("# nobody would be locked out: no exemption is needed");
        return true;
    }
    exemptions = exemptions_of(tally, &count);
    if (count > CT_RULES_MAX || tally->locked_out > tally->kept_locked_out) {
        tool_error("report: %" PRIu64 " certificates would need %zu rules, and clientct.cnf takes %u: exempt their "
                   "issuers instead (issuer = ..., issued_before = ...)",
                   tally->locked_out, count, CT_RULES_MAX);
        free(exemptions);
        return false;
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
    for (size_t i = 0; i < count; i++) {
        ct_hex(exemptions[i].first->sha256, 32, hex);
        tool_line("exempt_%.32s = exempt_%.32s", hex, hex);
    }
    for (size_t i = 0; i < count; i++) {
        show_exemption(tally, &exemptions[i], until_ms, now_ms);
    }
    free(exemptions);
    return true;
}
