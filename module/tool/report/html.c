/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page: no script, no network; plots are SVG in the page; light or dark as the reader has it. */
#include "tool/report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/report/spark.h"
#include "tool/tool.h"

#define ROWS_MAX 1000 /* of the table of certificates */
#define PLOT_WIDTH 720
#define PLOT_HEIGHT 180
#define DAYS_SHOWN 90

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--paper:#fbfbfd;--line:#d9dee7;--good:#2f855a;"
    "--bad:#c53030}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#9aa5b8;--paper:#14181f;--line:#333b48;"
    "--good:#68d391;--bad:#fc8181}}\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;"
    "padding:0 1rem}\n"
    "h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem}p.soft,td.soft,dt{color:var(--soft)}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem}"
    "dl div{border:1px solid var(--line);border-radius:.5rem;padding:.7rem 1rem}dd{margin:0;font-size:1.6rem}\n"
    "dd.good{color:var(--good)}dd.bad{color:var(--bad)}\n"
    "table{border-collapse:collapse;width:100%;font-size:.87rem}th,td.r{white-space:nowrap}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);"
    "overflow-wrap:anywhere}td.n{text-align:right}"
    "td.d{white-space:nowrap}\n"
    ".group{display:grid;grid-template-columns:minmax(0,1fr) minmax(9rem,14rem);gap:1rem;align-items:end;"
    "padding:.4rem 0;border-bottom:1px solid var(--line)}.name{overflow-wrap:anywhere;font-size:.92rem}"
    ".bar{display:flex;align-items:center;gap:.5rem}.bar i{background:var(--bad);height:.7rem;border-radius:2px;"
    "flex:none}.days{display:flex;align-items:end;gap:.5rem}.days small{color:var(--soft);min-width:3.5rem}\n"
    "svg.spark path{fill:none;stroke:var(--bad);stroke-width:2;vector-effect:non-scaling-stroke}"
    ".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;justify-content:space-between;font-size:.85rem}"
    ".legend .good{color:var(--good)}.legend .bad{color:var(--bad)}\n"
    "@media(max-width:40rem){body{margin:1rem auto}h1{font-size:1.3rem}"
    "dl{grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}dd{font-size:1.3rem}"
    ".group{grid-template-columns:minmax(0,1fr)}"
    "#locked-out tbody,#locked-out tr,#locked-out td{display:block;white-space:normal;"
    "text-align:left;border:0;padding:0}"
    "#locked-out tr{border-bottom:1px solid var(--line);padding:.6rem 0}#locked-out tr:first-child{display:none}"
    "#locked-out td[data-l]::before{content:attr(data-l) \": \";color:var(--soft)}}\n"
    "code{font-size:.8rem}svg{width:100%;height:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}"
    "svg .soft{fill:var(--soft)}svg .good{fill:var(--good)}svg .bad{fill:var(--bad)}svg .axis{stroke:var(--line)}\n";

static void put_day(FILE *to, int64_t ms)
{
    char text[TOOL_TIME_SIZE] = "unknown";

    if (ms != REPORT_UNKNOWN_TIME) {
        ct_time_format(ms, text, sizeof text);
        text[10] = '\0';
    }
    fputs(text, to);
}

static void put_number(FILE *to, const char *name, const char *class, uint64_t value)
{
    fprintf(to, "<div><dt>%s</dt><dd class=\"%s\">%" PRIu64 "</dd></div>\n", name, class, value);
}

static void put_summary(const struct report_tally *tally, FILE *to)
{
    double share = tally->decisions > 0 ? 100.0 * (double)tally->would_accept / (double)tally->decisions : 0.0;

    fputs("<dl>\n", to);
    put_number(to, "would be locked out", tally->locked_out > 0 ? "bad" : "good", tally->locked_out);
    put_number(to, "certificates seen", "", tally->certificate_count);
    put_number(to, "decisions", "", tally->decisions);
    fprintf(to, "<div><dt>decisions compliant</dt><dd>%.1f %%</dd></div>\n</dl>\n", share);
    if (tally->renewing > 0) {
        fprintf(to,
                "<p>%" PRIu64 " client%s by name and issuer, %" PRIu64 " of them with several certificates; %" PRIu64
                " client%s would be locked out.</p>\n",
                tally->client_count, tool_s(tally->client_count), tally->renewing, tally->clients_locked_out,
                tool_s(tally->clients_locked_out));
    }
    if (tally->shadow_policy[0] != '\0') {
        fputs("<p>The shadow policy <b>", to);
        tool_put_html(to, tally->shadow_policy, 80);
        fprintf(to, "</b> would refuse %" PRIu64 " more certificate%s and accept %" PRIu64 " of the others.</p>\n",
                tally->shadow_loses, tool_s(tally->shadow_loses), tally->shadow_gains);
    }
    if (tally->expired > 0) {
        fprintf(to, "<p>%" PRIu64 " certificate%s that would be refused expired: not counted.</p>\n", tally->expired,
                tool_s(tally->expired));
    }
    if (tally->without_certificate > 0) {
        fprintf(to, "<p>%" PRIu64 " decision%s without a certificate (raw public keys).</p>\n",
                tally->without_certificate, tool_s(tally->without_certificate));
    }
    fprintf(to,
            "<p>%" PRIu64 " line%s vouched for; %" PRIu64 " line%s that anybody may have written %s; %" PRIu64
            " missing by the numbers that lines carry; %" PRIu64
            " about chains that did not verify, not counted.</p>\n",
            tally->vouched, tool_s(tally->vouched), tally->left_out, tool_s(tally->left_out),
            tally->believes_anybody ? "counted, too" : "left out", tally->missing, tally->strangers);
    if (tally->foreign > 0 || tally->dropped > 0 || tally->beyond > 0) {
        fprintf(to,
                "<p class=\"soft\">%" PRIu64 " of %" PRIu64 " lines are not ours or are torn; servers lost %" PRIu64
                " lines; %" PRIu64 " decisions are about certificates that are only estimated.</p>\n",
                tally->foreign, tally->lines, tally->dropped, tally->beyond);
    }
}

/* Stacked bars, a day each, the last ones; days without traffic have their place. */
static void put_days(const struct report_tally *tally, FILE *to)
{
    const struct report_day *days = tally->days.items;
    size_t first = 0;
    uint64_t most = 1;
    int64_t from, span;
    double width;

    if (tally->days.count == 0) {
        return;
    }
    span = days[tally->days.count - 1].day;
    while (span - days[first].day >= DAYS_SHOWN) {
        first++;
    }
    from = days[first].day;
    span = span - from + 1;
    for (size_t i = first; i < tally->days.count; i++) {
        uint64_t all = days[i].accepted + days[i].refused;

        most = all > most ? all : most;
    }
    width = (double)PLOT_WIDTH / (double)(span < 14 ? 14 : span);
    fprintf(to,
            "<h2>Decisions a day</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"decisions a day\">\n"
            "<line class=\"axis\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
            PLOT_WIDTH, PLOT_HEIGHT + 2, PLOT_HEIGHT, PLOT_WIDTH, PLOT_HEIGHT);
    for (size_t i = first; i < tally->days.count; i++) {
        double good = (double)days[i].accepted * PLOT_HEIGHT / (double)most;
        double bad = (double)days[i].refused * PLOT_HEIGHT / (double)most;
        double x = (double)(days[i].day - from) * width;

        fputs("<g><title>", to);
        put_day(to, days[i].day * CT_DAY_MS);
        fprintf(to,
                ": %" PRIu64 " compliant, %" PRIu64 " would be refused</title>"
                "<rect class=\"good\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
                "<rect class=\"bad\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/></g>\n",
                days[i].accepted, days[i].refused, x, PLOT_HEIGHT - good, width * 0.85, good, x,
                PLOT_HEIGHT - good - bad, width * 0.85, bad);
    }
    fputs("</svg>\n<div class=\"legend\"><span class=\"soft\">", to);
    put_day(to, from * CT_DAY_MS);
    fprintf(to,
            "</span><span class=\"good\">■ compliant</span><span class=\"bad\">■ would be refused</span>"
            "<span class=\"soft\">at most %" PRIu64 " a day</span><span class=\"soft\">",
            most);
    put_day(to, (from + span - 1) * CT_DAY_MS);
    fputs("</span></div>\n", to);
}

static void put_certificates(const struct report_tally *tally, FILE *to)
{
    fputs("<h2>Certificates that would be refused</h2>\n<table id=\"locked-out\">\n"
          "<tr><th>Certificate</th><th>Reason</th><th>Times</th><th>First seen</th><th>Last seen</th>"
          "<th>Expires</th></tr>\n",
          to);
    for (size_t i = 0; i < tally->kept_locked_out && i < ROWS_MAX; i++) {
        const struct report_certificate *c = tally->sorted[i];
        char hex[65];

        ct_hex(c->sha256, sizeof c->sha256, hex);
        fputs("<tr><td>", to);
        tool_put_html(to, c->subject->text, 300);
        fputs("<br><span class=\"soft\">issued by ", to);
        tool_put_html(to, report_issuer_of(tally, c->issuer), 300);
        fprintf(to, "</span><br><code>sha256:%s</code></td><td class=\"r\" data-l=\"Reason\">", hex);
        tool_put_html(to, report_reason_of(tally, &c->state), 40);
        fprintf(to, "</td><td class=\"n\" data-l=\"Times\">%" PRIu64 "</td><td class=\"d\" data-l=\"First seen\">",
                c->decisions);
        put_day(to, c->first_ms);
        fputs("</td><td class=\"d\" data-l=\"Last seen\">", to);
        put_day(to, c->state.at_ms);
        fputs("</td><td class=\"d\" data-l=\"Expires\">", to);
        put_day(to, c->state.not_after_ms);
        fputs("</td></tr>\n", to);
    }
    fputs("</table>\n", to);
    if (tally->kept_locked_out > ROWS_MAX) {
        fprintf(to, "<p>and %zu more: <code>clientct report --json</code> lists all.</p>\n",
                tally->kept_locked_out - ROWS_MAX);
    }
}

static void put_unknown_logs(const struct report_tally *tally, FILE *to)
{
    if (tally->unknown_logs.count == 0) {
        return;
    }
    fputs("<h2>Logs that signed and are not in the log list</h2>\n<table>\n"
          "<tr><th>Log id</th><th>Times</th></tr>\n",
          to);
    for (size_t i = 0; i < tally->unknown_logs.count && i < ROWS_MAX; i++) {
        fputs("<tr><td><code>", to);
        tool_put_html(to, tally->unknown_logs.items[i]->name, 64);
        fprintf(to, "</code></td><td class=\"n\">%" PRIu64 "</td></tr>\n", tally->unknown_logs.items[i]->period);
    }
    fputs("</table>\n", to);
}

bool report_write_html(const struct report_tally *tally, int64_t now_ms, FILE *to)
{
    int64_t last_day;

    /* The policy of the page forbids what an escape that was forgotten could do. */
    fprintf(to,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>clientct: who would be locked out</title>\n<style>\n%s</style>\n</head>\n<body>\n"
            "<h1>Who would be locked out if enforcement began today</h1>\n<p class=\"soft\">",
            style);
    if (tally->decisions > 0) {
        fputs("Decisions about client certificates from ", to);
        put_day(to, tally->first_ms);
        fputs(" to ", to);
        put_day(to, tally->last_ms);
        fputs("; ", to);
    } else {
        fputs("No decisions; ", to);
    }
    fputs("made ", to);
    put_day(to, now_ms);
    fputs(" (UTC).</p>\n", to);
    last_day = tally->days.count > 0 ? tally->days.items[tally->days.count - 1].day : 0;
    put_summary(tally, to);
    put_days(tally, to);
    report_put_groups("Reasons", &tally->reasons, last_day, to);
    report_put_groups("Issuers", &tally->issuers, last_day, to);
    if (tally->locked_out > 0) {
        put_certificates(tally, to);
    }
    put_unknown_logs(tally, to);
    fputs("</body>\n</html>\n", to);
    return fflush(to) == 0 && ferror(to) == 0;
}
