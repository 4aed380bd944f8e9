/* SPDX-License-Identifier: Apache-2.0 */
/* The report for a terminal, and as JSON. */
#include "tool/report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/tool.h"

#define ROWS_MAX 20 /* of a table in the text; JSON and the page have more */

/* "2026-11-23", enough for a table. */
static void day_of(int64_t ms, char out[16])
{
    char text[TOOL_TIME_SIZE];

    if (ms == REPORT_UNKNOWN_TIME) {
        snprintf(out, 16, "unknown");
        return;
    }
    ct_time_format(ms, text, sizeof text);
    snprintf(out, 16, "%.10s", text);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

/* What the numbers rest on. */
static void show_sources(const struct report_tally *tally)
{
    for (size_t i = 0; i < tally->sources.count && i < ROWS_MAX; i++) {
        const struct report_group *group = tally->sources.items[i];

        tool_line("  vouched for: %" PRIu64 " line%s of %s", group->period, tool_s(group->period), group->name);
    }
    for (size_t i = 0; i < tally->reasons_left_out.count; i++) {
        const struct report_group *group = tally->reasons_left_out.items[i];

        tool_put(TOOL_CAUTION, "  %s: %" PRIu64 " line%s %s", tally->believes_anybody ? "NOT VOUCHED FOR" : "left out",
                 group->period, tool_s(group->period), group->name);
        tool_end_line();
    }
    if (tally->missing > 0) {
        tool_put(TOOL_CAUTION, "  missing: %" PRIu64 " line%s by the numbers that lines carry: removed, or lost",
                 tally->missing, tool_s(tally->missing));
        tool_end_line();
    }
}

static const char *about(const struct report_tally *tally)
{
    return tally->beyond > 0 ? "about " : "";
}

static void show_summary(const struct report_tally *tally)
{
    char first[16], last[16];

    day_of(tally->first_ms, first);
    day_of(tally->last_ms, last);
    tool_line("%" PRIu64 " decision%s from %s to %s, %s%" PRIu64 " certificate%s", tally->decisions,
              tool_s(tally->decisions), first, last, about(tally), tally->certificate_count,
              tool_s(tally->certificate_count));
    show_sources(tally);
    tool_line("  compliant: %.1f %% of the decisions, %.1f %% of the certificates",
              share(tally->would_accept, tally->decisions), share(tally->compliant, tally->certificate_count));
    if (tally->shadow_policy[0] != '\0') {
        tool_line("  shadow policy %s would refuse %" PRIu64 " more certificate%s, and accept %" PRIu64
                  " of the others",
                  tally->shadow_policy, tally->shadow_loses, tool_s(tally->shadow_loses), tally->shadow_gains);
    }
    if (tally->without_certificate > 0) {
        tool_line("  %" PRIu64 " decision%s without a certificate (raw public keys)", tally->without_certificate,
                  tool_s(tally->without_certificate));
    }
    if (tally->strangers > 0) {
        tool_line("  %" PRIu64 " decision%s about chains that did not verify: not counted below", tally->strangers,
                  tool_s(tally->strangers));
    }
    if (tally->not_judged > 0) {
        tool_line("  %" PRIu64 " connection%s not judged (mode = off)", tally->not_judged, tool_s(tally->not_judged));
    }
    if (tally->expired > 0) {
        tool_line("  %" PRIu64 " certificate%s that would be refused expired: not counted below", tally->expired,
                  tool_s(tally->expired));
    }
    if (tally->foreign > 0) {
        tool_line("  %" PRIu64 " of %" PRIu64 " lines: not ours, or torn", tally->foreign, tally->lines);
    }
    if (tally->dropped > 0) {
        tool_line("  %" PRIu64 " line%s lost by the servers, as they say: the numbers are too low", tally->dropped,
                  tool_s(tally->dropped));
    }
    if (tally->renewing > 0) {
        tool_line("  %" PRIu64 " client%s by name and issuer, %" PRIu64 " of them with several certificates",
                  tally->client_count, tool_s(tally->client_count), tally->renewing);
    }
    if (tally->beyond > 0) {
        tool_line("  numbers of certificates are estimates, made of %zu of them: those that can be listed",
                  tally->kept);
    }
}

static void show_groups(const char *title, const struct report_groups *groups)
{
    size_t shown = 0;

    for (size_t i = 0; i < groups->count && groups->items[i]->certificates > 0; i++) {
        if (shown++ == 0) {
            tool_end_line();
            tool_put(TOOL_BOLD, "%s", title);
            tool_end_line();
        }
        if (shown > ROWS_MAX) {
            tool_line("  ... and more; --json lists all");
            break;
        }
        tool_line("  %6" PRIu64 " certificate%s, refused %" PRIu64 " time%s  %s", groups->items[i]->certificates,
                  tool_s(groups->items[i]->certificates), groups->items[i]->decisions,
                  tool_s(groups->items[i]->decisions), groups->items[i]->name);
    }
}

/* Refusals of long ago, too, and of certificates that get in by now. */
static void show_period(const struct report_tally *tally)
{
    size_t shown = 0;

    for (size_t i = 0; i < tally->reasons.count; i++) {
        const struct report_group *group = tally->reasons.items[i];

        if (group->period == 0) {
            continue;
        }
        if (shown++ == 0) {
            tool_end_line();
            tool_put(TOOL_BOLD, "Refusals in the whole period, by reason (what is locked out now is above)");
            tool_end_line();
        }
        tool_line("  %6" PRIu64 " time%s  %s", group->period, tool_s(group->period), group->name);
    }
}

static void show_certificates(const struct report_tally *tally)
{
    tool_end_line();
    tool_put(TOOL_BOLD, "Certificates that would be refused");
    tool_end_line();
    for (size_t i = 0; i < tally->kept_locked_out; i++) {
        const struct report_certificate *c = tally->sorted[i];
        char hex[65], first[16], last[16], expiry[16];

        if (i == ROWS_MAX) {
            tool_line("  ... and %zu more; --json lists all", tally->kept_locked_out - i);
            break;
        }
        ct_hex(c->sha256, sizeof c->sha256, hex);
        day_of(c->first_ms, first);
        day_of(c->state.at_ms, last);
        day_of(c->state.not_after_ms, expiry);
        tool_line("  %s", c->subject->text);
        tool_line("    %s, %" PRIu64 " time%s, seen %s to %s, expires %s", report_reason_of(tally, &c->state),
                  c->decisions, tool_s(c->decisions), first, last, expiry);
        tool_line("    sha256:%s", hex);
    }
}

/* Their last certificate may be over; they come again with another. */
static void show_clients(const struct report_tally *tally)
{
    size_t shown = 0;

    for (size_t i = 0; i < tally->kept_clients_locked_out; i++) {
        const struct report_client *c = tally->sorted_clients[i];
        char first[16], last[16];

        if (!report_renews(c)) {
            continue;
        }
        if (shown++ == 0) {
            tool_end_line();
            tool_put(TOOL_BOLD, "Clients that would be refused, whose certificates change");
            tool_end_line();
        }
        if (shown > ROWS_MAX) {
            tool_line("  ... and more; --json lists all");
            break;
        }
        day_of(c->first_ms, first);
        day_of(c->state.at_ms, last);
        tool_line("  %s", c->name->text);
        tool_line("    %s, %" PRIu64 " time%s, seen %s to %s, issued by %s", report_reason_of(tally, &c->state),
                  c->decisions, tool_s(c->decisions), first, last, report_issuer_of(tally, c->issuer));
    }
}

static void show_answer(const struct report_tally *tally)
{
    bool clients = tally->clients_locked_out > 0 && tally->clients_locked_out != tally->locked_out;

    if (tally->locked_out == 0 && tally->clients_locked_out == 0) {
        tool_put(TOOL_GOOD, "Nobody with a certificate would be locked out.");
        tool_end_line();
        return;
    }
    tool_put(TOOL_BAD, "%s%" PRIu64 " certificate%s would be locked out if enforcement began today%s",
             tally->locked_out > 0 ? about(tally) : "", tally->locked_out, tool_s(tally->locked_out),
             clients ? "" : ".");
    if (clients) {
        tool_put(TOOL_BAD, ", and %" PRIu64 " client%s, by name and issuer.", tally->clients_locked_out,
                 tool_s(tally->clients_locked_out));
    }
    tool_end_line();
}

void report_show_text(const struct report_tally *tally)
{
    if (tally->decisions == 0) {
        tool_line("no decision to go by in %" PRIu64 " line%s (%" PRIu64 " of them not ours, %" PRIu64
                  " too old, %" PRIu64 " with mode = off, %" PRIu64 " about chains that did not verify)",
                  tally->lines, tool_s(tally->lines), tally->foreign, tally->older, tally->not_judged,
                  tally->strangers);
        show_sources(tally);
        return;
    }
    show_summary(tally);
    tool_end_line();
    show_answer(tally);
    if (tally->locked_out > 0) {
        show_groups("Locked out now, by reason", &tally->reasons);
        show_groups("Locked out now, by issuer", &tally->issuers);
        show_certificates(tally);
    }
    show_clients(tally);
    show_period(tally);
    if (tally->unknown_logs.count > 0) {
        tool_end_line();
        tool_put(TOOL_BOLD, "Logs that signed and are not in the log list");
        tool_end_line();
        for (size_t i = 0; i < tally->unknown_logs.count && i < ROWS_MAX; i++) {
            tool_line("  %s  %" PRIu64 " time%s", tally->unknown_logs.items[i]->name,
                      tally->unknown_logs.items[i]->period, tool_s(tally->unknown_logs.items[i]->period));
        }
    }
}

static json_t *json_of_time(int64_t ms)
{
    return ms == REPORT_UNKNOWN_TIME ? json_null() : tool_json_time(ms);
}

/* `locked_out`: with what is locked out now beside the numbers of the whole period. */
static json_t *json_of_groups(const struct report_groups *groups, bool locked_out)
{
    json_t *out = tool_json_array();

    for (size_t i = 0; i < groups->count; i++) {
        const struct report_group *group = groups->items[i];
        json_t *row = tool_json_object();

        tool_json_set(row, "name", tool_json_text(group->name));
        tool_json_set(row, locked_out ? "refusals_in_period" : "lines", tool_json_count(group->period));
        if (locked_out) {
            tool_json_set(row, "locked_out", tool_json_count(group->certificates));
            tool_json_set(row, "decisions", tool_json_count(group->decisions));
        }
        tool_json_append(out, row);
    }
    return out;
}

static json_t *json_of_certificate(const struct report_tally *tally, const struct report_certificate *c)
{
    json_t *out = tool_json_object();

    tool_json_set(out, "sha256", tool_json_hex(c->sha256, sizeof c->sha256));
    tool_json_set(out, "subject", tool_json_text(c->subject->text));
    tool_json_set(out, "issuer", tool_json_text(report_issuer_of(tally, c->issuer)));
    tool_json_set(out, "reason", tool_json_text(report_reason_of(tally, &c->state)));
    tool_json_set(out, "decisions", tool_json_count(c->decisions));
    tool_json_set(out, "first_seen", json_of_time(c->first_ms));
    tool_json_set(out, "last_seen", json_of_time(c->state.at_ms));
    tool_json_set(out, "not_after", json_of_time(c->state.not_after_ms));
    tool_json_set(out, "shadow_compliant",
                  c->state.has_shadow ? tool_json_bool(c->state.shadow_compliant) : json_null());
    return out;
}

static json_t *json_of_client(const struct report_tally *tally, const struct report_client *c)
{
    json_t *out = tool_json_object();

    tool_json_set(out, "name", tool_json_text(c->name->text));
    tool_json_set(out, "issuer", tool_json_text(report_issuer_of(tally, c->issuer)));
    tool_json_set(out, "reason", tool_json_text(report_reason_of(tally, &c->state)));
    tool_json_set(out, "decisions", tool_json_count(c->decisions));
    tool_json_set(out, "first_seen", json_of_time(c->first_ms));
    tool_json_set(out, "last_seen", json_of_time(c->state.at_ms));
    return out;
}

/* Lists of hundreds of thousands are made row by row. */
static json_t *certificate_row(const void *arg, size_t i)
{
    const struct report_tally *tally = arg;

    return json_of_certificate(tally, tally->sorted[i]);
}

static json_t *client_row(const void *arg, size_t i)
{
    const struct report_tally *tally = arg;
    const struct report_client *client = tally->sorted_clients[i];

    return report_renews(client) ? json_of_client(tally, client) : NULL;
}

void report_show_json(const struct report_tally *tally, unsigned jobs)
{
    json_t *out = tool_json_object();
    const struct tool_json_rows lists[] = {
        { "locked_out_certificates", tally->kept_locked_out, certificate_row, tally },
        { "locked_out_clients_with_several_certificates", tally->kept_clients_locked_out, client_row, tally },
    };

    tool_json_set(out, "lines", tool_json_count(tally->lines));
    tool_json_set(out, "foreign_lines", tool_json_count(tally->foreign));
    tool_json_set(out, "lost_lines", tool_json_count(tally->dropped));
    tool_json_set(out, "vouched_lines", tool_json_count(tally->vouched));
    tool_json_set(out, "unvouched_lines", tool_json_count(tally->left_out));
    tool_json_set(out, "unvouched_counted", tool_json_bool(tally->believes_anybody));
    tool_json_set(out, "missing_lines", tool_json_count(tally->missing));
    tool_json_set(out, "rejected_chains", tool_json_count(tally->strangers));
    tool_json_set(out, "decisions", tool_json_count(tally->decisions));
    tool_json_set(out, "would_accept", tool_json_count(tally->would_accept));
    tool_json_set(out, "would_refuse", tool_json_count(tally->would_refuse));
    tool_json_set(out, "refused", tool_json_count(tally->refused));
    tool_json_set(out, "not_judged", tool_json_count(tally->not_judged));
    tool_json_set(out, "without_certificate", tool_json_count(tally->without_certificate));
    tool_json_set(out, "first", tally->decisions > 0 ? json_of_time(tally->first_ms) : json_null());
    tool_json_set(out, "last", tally->decisions > 0 ? json_of_time(tally->last_ms) : json_null());
    tool_json_set(out, "certificates", tool_json_count(tally->certificate_count));
    tool_json_set(out, "compliant", tool_json_count(tally->compliant));
    tool_json_set(out, "locked_out", tool_json_count(tally->locked_out));
    tool_json_set(out, "expired", tool_json_count(tally->expired));
    tool_json_set(out, "clients", tool_json_count(tally->client_count));
    tool_json_set(out, "clients_with_several_certificates", tool_json_count(tally->renewing));
    tool_json_set(out, "clients_locked_out", tool_json_count(tally->clients_locked_out));
    tool_json_set(out, "estimated", tool_json_bool(tally->beyond > 0));
    tool_json_set(out, "not_told_apart", tool_json_count(tally->beyond));
    tool_json_set(out, "shadow_policy", tool_json_text(tally->shadow_policy[0] != '\0' ? tally->shadow_policy : NULL));
    tool_json_set(out, "shadow_would_refuse_more", tool_json_count(tally->shadow_loses));
    tool_json_set(out, "shadow_would_accept_more", tool_json_count(tally->shadow_gains));
    tool_json_set(out, "sources", json_of_groups(&tally->sources, false));
    tool_json_set(out, "unvouched", json_of_groups(&tally->reasons_left_out, false));
    tool_json_set(out, "reasons", json_of_groups(&tally->reasons, true));
    tool_json_set(out, "issuers", json_of_groups(&tally->issuers, true));
    tool_json_set(out, "unknown_logs", json_of_groups(&tally->unknown_logs, false));
    tool_json_print_long(out, lists, sizeof lists / sizeof lists[0], jobs);
}
