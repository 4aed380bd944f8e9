/* clientct report: audit lines added up; who would be locked out if enforcement began today. */
#include "tool/report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/tool.h"
#include "tool/verbs.h"

struct options {
    bool json, exempt_list;
    const char *html, *since, *until;
    int64_t since_ms, until_ms;
};

static bool read_options(int argc, char **argv, struct options *options, int *code)
{
    const struct tool_option table[] = {
        { "json", NULL, "answer as JSON", NULL, &options->json },
        { "html", "FILE", "write a page to open in a browser (\"-\": standard output)", &options->html, NULL },
        { "since", "TIME", "leave out lines before TIME", &options->since, NULL },
        { "exempt-list", NULL, "write rules for clientct.cnf that would let the others in", NULL,
          &options->exempt_list },
        { "until", "TIME", "until when --exempt-list lets them in; default: until they expire", &options->until, NULL },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "report",
        "[options] AUDITFILE...",
        "Reads audit lines of servers (clientct-audit(5); \"-\": standard input), also as\n"
        "`journalctl -t clientct -o cat` or `-o json` gives them, and says who would be locked out\n"
        "if enforcement began today. Exit status: 0 nobody, 1 somebody, 3 there is nothing to go by.\n",
        table,
        1,
        -1,
    };
    if (!tool_arguments(&usage, argc, argv, code)) {
        return false;
    }
    *code = TOOL_USAGE;
    options->since_ms = INT64_MIN;
    options->until_ms = INT64_MIN;
    if (options->json + options->exempt_list + (options->html != NULL && strcmp(options->html, "-") == 0) > 1) {
        tool_error("report: --json, --exempt-list and --html - all write to standard output; choose one");
        return false;
    }
    if (options->since != NULL && !tool_time_parse(options->since, &options->since_ms)) {
        tool_error("report: --since: expected RFC 3339 or seconds since 1970, found \"%s\"", options->since);
        return false;
    }
    if (options->until != NULL && !options->exempt_list) {
        tool_error("report: --until says until when --exempt-list lets certificates in; give both");
        return false;
    }
    if (options->until != NULL && !tool_time_parse(options->until, &options->until_ms)) {
        tool_error("report: --until: expected RFC 3339 or seconds since 1970, found \"%s\"", options->until);
        return false;
    }
    return true;
}

/* Line by line in one buffer; what is longer than a line can be is passed over and counted as foreign. */
static bool add_stream(struct report_tally *tally, FILE *from)
{
    char *buffer = malloc(REPORT_LINE_MAX);
    struct report_line *line = malloc(sizeof *line);
    size_t len = 0;
    int c;

    if (buffer == NULL || line == NULL) {
        tool_out_of_memory();
    }
    do {
        c = getc_unlocked(from);
        if (c != '\n' && c != EOF) {
            if (len < REPORT_LINE_MAX) {
                buffer[len] = (char)c;
            }
            len += len <= REPORT_LINE_MAX;
            continue;
        }
        if (len > 0) {
            report_read((struct ct_bytes){ (const uint8_t *)buffer, len }, line);
            report_add(tally, line);
        }
        len = 0;
    } while (c != EOF);
    free(line);
    free(buffer);
    return ferror(from) == 0;
}

static bool add_file(struct report_tally *tally, const char *name)
{
    bool is_stdin = strcmp(name, "-") == 0;
    FILE *from = is_stdin ? stdin : fopen(name, "re");
    bool ok = from != NULL && add_stream(tally, from);

    if (!ok) {
        tool_error("report: %s cannot be read: %s", name, strerror(errno));
    }
    if (from != NULL && !is_stdin) {
        fclose(from);
    }
    return ok;
}

static bool write_page(const struct report_tally *tally, const char *name, int64_t now_ms)
{
    bool is_stdout = strcmp(name, "-") == 0;
    FILE *to = is_stdout ? stdout : fopen(name, "we");
    bool ok = to != NULL && report_write_html(tally, now_ms, to);

    if (to != NULL && !is_stdout) {
        ok = fclose(to) == 0 && ok;
    }
    if (!ok) {
        tool_error("report: %s cannot be written: %s", name, strerror(errno));
    }
    return ok;
}

int tool_verb_report(int argc, char **argv)
{
    struct options options = { 0 };
    struct report_tally *tally;
    int64_t now_ms = ct_now_ms();
    int code;

    if (!read_options(argc, argv, &options, &code)) {
        return code;
    }
    tally = report_tally_new(options.since_ms);
    for (int i = optind; i < argc; i++) {
        if (!add_file(tally, argv[i])) {
            code = TOOL_USAGE;
            goto out;
        }
    }
    report_finish(tally, now_ms);
    code = tally->decisions == 0 ? TOOL_UNDECIDED
           : tally->would_refuse > 0 && (tally->locked_out > 0 || tally->beyond > 0 || tally->without_certificate > 0)
               ? TOOL_NO
               : TOOL_YES;
    if (options.html != NULL && !write_page(tally, options.html, now_ms)) {
        code = TOOL_USAGE;
        goto out;
    }
    if (options.exempt_list) {
        code = report_show_exemptions(tally, options.until_ms, now_ms) ? code : TOOL_USAGE;
    } else if (options.json) {
        report_show_json(tally);
    } else if (options.html == NULL) {
        report_show_text(tally);
    }
out:
    report_tally_free(tally);
    return code;
}
