/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: the state of the logs, as Prometheus text and as a page. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/monitor/monitor.h"
#include "tool/replace.h"
#include "tool/tool.h"

#define NOTICES_SHOWN 200
#define TAIL_BYTES ((size_t)512 * 1024)

static FILE *open_text(char **text, size_t *len)
{
    FILE *to = open_memstream(text, len);

    if (to == NULL) {
        tool_out_of_memory();
    }
    return to;
}

/* A label's value, as the text format wants it. */
static void put_label(FILE *to, const char *text)
{
    char *plain = tool_escaped(text, strlen(text));

    for (const char *at = plain; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            putc('\\', to);
        }
        putc(*at, to);
    }
    free(plain);
}

typedef double (*measure)(const struct monitor_log *log);

static double tree_size(const struct monitor_log *log)
{
    return (double)log->state.head.size;
}

static double position(const struct monitor_log *log)
{
    return (double)monitor_position(&log->state);
}

static double tree_time(const struct monitor_log *log)
{
    return (double)log->state.head.timestamp_ms / 1000;
}

static double checked_time(const struct monitor_log *log)
{
    return (double)log->state.checked_ms / 1000;
}

static double reachable(const struct monitor_log *log)
{
    return log->reachable;
}

static double alarmed(const struct monitor_log *log)
{
    return log->state.alarm[0] != '\0';
}

static double alarms(const struct monitor_log *log)
{
    return (double)log->state.alarm_count;
}

static double entries(const struct monitor_log *log)
{
    return (double)log->state.entries;
}

static double notices(const struct monitor_log *log)
{
    return (double)log->state.notice_count;
}

static double unknown(const struct monitor_log *log)
{
    return (double)log->state.unknown_count;
}

static double unreadable(const struct monitor_log *log)
{
    return (double)log->state.unreadable_count;
}

static const struct {
    const char *name, *type, *help;
    measure of;
} measures[] = {
    { "tree_size", "gauge", "Entries of the last tree that was verified", tree_size },
    { "position", "gauge", "Entries read", position },
    { "tree_timestamp_seconds", "gauge", "When the log signed that tree", tree_time },
    { "checked_timestamp_seconds", "gauge", "When the log was last found in order", checked_time },
    { "reachable", "gauge", "Whether the log answered in the last round", reachable },
    { "alarm", "gauge", "Whether an alarm about the log is on", alarmed },
    { "alarms_total", "counter", "Alarms about the log", alarms },
    { "entries_total", "counter", "Entries looked at", entries },
    { "notices_total", "counter", "Certificates that were watched for", notices },
    { "unknown_total", "counter", "Those of them that are not in the CA's records", unknown },
    { "unreadable_total", "counter", "Entries that are not strict DER", unreadable },
};

char *monitor_metrics(const struct monitor *monitor)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_text(&text, &len);

    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        fprintf(to, "# HELP clientct_monitor_%s %s.\n# TYPE clientct_monitor_%s %s\n", measures[i].name,
                measures[i].help, measures[i].name, measures[i].type);
        for (size_t j = 0; j < monitor->count; j++) {
            fprintf(to, "clientct_monitor_%s{log=\"", measures[i].name);
            put_label(to, monitor->logs[j].source->log->description);
            fprintf(to, "\"} %.17g\n", measures[i].of(&monitor->logs[j]));
        }
    }
    if (fclose(to) != 0) {
        tool_out_of_memory();
    }
    return text;
}

/* --- the page: no script, no network --- */

#define SHOWN_MAX 1000 /* characters of one text */

static void put_time(FILE *to, int64_t ms)
{
    char text[TOOL_TIME_SIZE] = "never";

    if (ms > 0) {
        tool_time_format((uint64_t)ms, text);
    }
    tool_put_html(to, text, SHOWN_MAX);
}

static void put_log(FILE *to, const struct monitor_log *log)
{
    const struct monitor_state *state = &log->state;
    bool good = state->alarm[0] == '\0' && log->reachable;

    fputs("<tr><td>", to);
    tool_put_html(to, log->source->log->description, SHOWN_MAX);
    fprintf(to, "</td><td class=\"%s\">", good ? "good" : "bad");
    tool_put_html(to, state->alarm[0] != '\0' ? state->alarm : log->reachable ? "in order" : "unreachable", SHOWN_MAX);
    fputs("</td><td>", to);
    tool_put_html(to, log->trouble != NULL ? log->trouble : "", SHOWN_MAX);
    fprintf(to,
            "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%" PRIu64 "</td><td>",
            state->head.size, state->notice_count, state->unknown_count);
    put_time(to, (int64_t)state->head.timestamp_ms);
    fputs("</td><td>", to);
    put_time(to, state->checked_ms);
    fputs("</td></tr>\n", to);
}

static const char *member(const json_t *notice, const char *name)
{
    const char *text = json_string_value(json_object_get(notice, name));

    return text != NULL ? text : "";
}

static void put_notice(FILE *to, const json_t *notice)
{
    static const char *const shown[] = { "@timestamp",
                                         "clientct.log",
                                         "event.reason",
                                         "tls.client.subject",
                                         "tls.client.issuer",
                                         "tls.client.x509.serial_number",
                                         "message" };

    fputs("<tr>", to);
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        fputs("<td>", to);
        tool_put_html(to, member(notice, shown[i]), SHOWN_MAX);
        fputs("</td>", to);
    }
    fputs("</tr>\n", to);
}

/* The last notices of a log, the newest first. */
static void put_notices(FILE *to, const struct monitor_log *log)
{
    uint64_t all = log->state.notice_bytes;
    size_t len = all < TAIL_BYTES ? (size_t)all : TAIL_BYTES;
    char *buffer = malloc(len + 1);
    ssize_t n = buffer == NULL ? -1 : pread(log->state.notices, buffer, len, (off_t)(all - len));
    size_t shown = 0;

    for (size_t end = n > 0 ? (size_t)n : 0; end > 0 && shown < NOTICES_SHOWN; shown++) {
        const char *before = end > 1 ? memrchr(buffer, '\n', end - 1) : NULL;
        size_t start = before != NULL ? (size_t)(before + 1 - buffer) : 0;
        json_t *notice = json_loadb(buffer + start, end - start, 0, NULL);

        if (notice != NULL) {
            put_notice(to, notice);
        }
        json_decref(notice);
        end = start;
    }
    free(buffer);
}

bool monitor_write_html(const struct monitor *monitor, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_text(&text, &len);
    int error;

    fputs("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>clientct monitor</title><style>\n"
          ":root{color-scheme:light dark;--line:#8886}body{font:16px/1.5 system-ui,sans-serif;max-width:80rem;"
          "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%;font-size:.87rem}"
          "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--line);"
          "overflow-wrap:anywhere}td.n{text-align:right}td.good{color:#2f855a}td.bad{color:#c53030;font-weight:bold}\n"
          "</style></head><body><h1>Logs</h1><p>",
          to);
    put_time(to, ct_now_ms());
    fputs("</p><table><tr><th>Log</th><th>State</th><th></th><th>Entries</th><th>Noticed</th><th>Not in records</th>"
          "<th>Tree signed</th><th>Last in order</th></tr>\n",
          to);
    for (size_t i = 0; i < monitor->count; i++) {
        put_log(to, &monitor->logs[i]);
    }
    fputs("</table><h1>Notices</h1><table><tr><th>When</th><th>Log</th><th>Reason</th><th>Subject</th><th>Issuer</th>"
          "<th>Serial number</th><th></th></tr>\n",
          to);
    for (size_t i = 0; i < monitor->count; i++) {
        put_notices(to, &monitor->logs[i]);
    }
    fputs("</table></body></html>\n", to);
    if (fclose(to) != 0) {
        tool_out_of_memory();
    }
    error = tool_replace_file(path, (struct ct_bytes){ (uint8_t *)text, len }, 0644);
    free(text);
    errno = error;
    return error == 0;
}
