/* clientct report: audit lines added up; who would be locked out if enforcement began today. */
#include "tool/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/report/input.h"
#include "tool/tool.h"
#include "tool/trust.h"
#include "tool/verbs.h"

struct options {
    bool json, exempt_list, journal, anybody;
    const char *html, *since, *until, *owners, *units, *jobs_text;
    unsigned jobs;
    struct tool_trust trust;
    int64_t since_ms, until_ms;
};

static bool read_owners(struct options *options)
{
    char *names = options->owners != NULL ? tool_format("%s", options->owners) : NULL;
    bool ok = true;
    char *save = NULL;

    tool_trust_begin(&options->trust);
    for (char *name = names != NULL ? strtok_r(names, "\n", &save) : NULL; ok && name != NULL;
         name = strtok_r(NULL, "\n", &save)) {
        ok = tool_trust_add(&options->trust, name);
        if (!ok) {
            tool_error("report: --owner: expected the name of a user of this system, found \"%s\"", name);
        }
    }
    free(names);
    return ok;
}

static bool read_jobs(struct options *options)
{
    char *end = NULL;
    unsigned long jobs = options->jobs_text != NULL ? strtoul(options->jobs_text, &end, 10) : 1;

    if (jobs < 1 || jobs > REPORT_JOBS_MAX || (end != NULL && *end != '\0')) {
        tool_error("report: --jobs: expected a number of threads from 1 to %d, found \"%s\"", REPORT_JOBS_MAX,
                   options->jobs_text);
        return false;
    }
    options->jobs = options->journal ? 1 : (unsigned)jobs; /* the first wrong line of a journal ends it */
    return true;
}

static bool read_options(int argc, char **argv, struct options *options, int *code)
{
    const struct tool_option table[] = {
        { "json", NULL, "answer as JSON", NULL, &options->json },
        { "html", "FILE", "write a page to open in a browser (\"-\": standard output)", &options->html, NULL },
        { "since", "TIME", "leave out lines before TIME", &options->since, NULL },
        { "exempt-list", NULL, "write rules for clientct.cnf that would let the others in", NULL,
          &options->exempt_list },
        { "until", "TIME", "until when --exempt-list lets them in; default: until they expire", &options->until, NULL },
        { "journal", NULL, "the input is what `journalctl -o json` prints", NULL, &options->journal },
        { "unit", "NAME...", "of the journal believe only this service, such as nginx.service", &options->units, NULL },
        { "owner", "USER...", "believe files that this user may write, as the server does", &options->owners, NULL },
        { "unvouched", NULL, "count lines, too, that anybody may have written", NULL, &options->anybody },
        { "jobs", "N", "read with N threads; default 1", &options->jobs_text, NULL },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "report",
        "[options] AUDITFILE...",
        "Reads audit lines of servers (clientct-audit(5); \"-\": standard input) and says who would be\n"
        "locked out if enforcement began today. It believes files that only root, you and --owner may\n"
        "write, and with --journal what `journalctl -t clientct -o json` prints; other lines are\n"
        "counted and left out.\n"
        "Exit status: 0 nobody, 1 somebody, 2 wrong usage or files, 3 there is nothing to go by.\n",
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
    if (options->units != NULL && !options->journal) {
        tool_error("report: --unit chooses from the journal; give --journal, too");
        return false;
    }
    if (!read_jobs(options)) {
        return false;
    }
    if (!read_owners(options)) {
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

/* Whether only the servers, root and the caller can have written the file that is open. */
static bool is_ours(const struct options *options, const char *name, int fd)
{
    char path[PATH_MAX], link[40];
    struct stat st;
    ssize_t len;
    char *who;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || len <= 0) {
        return false;
    }
    path[len] = '\0';
    who = tool_who_else_may_write(&options->trust, path);
    if (who != NULL) {
        tool_warning("report: the lines of %s count only with --unvouched: %s; if that is the server's user, name it "
                     "with --owner",
                     name, who);
    }
    free(who);
    return who == NULL;
}

static bool add_file(struct report_work *work, const struct options *options, const char *name,
                     struct report_source *source)
{
    bool is_stdin = strcmp(name, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    struct report_stream *stream;
    struct stat st;
    bool ok;

    *source = (struct report_source){ is_stdin ? "standard input" : name, REPORT_FROM_ANYBODY, options->units, 0 };
    if (fd < 0 || fstat(fd, &st) != 0) {
        tool_error("report: %s cannot be read: %s", name, strerror(errno));
        return false;
    }
    source->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (options->journal) {
        source->kind = REPORT_FROM_JOURNAL;
    } else if (is_ours(options, source->name, fd)) {
        source->kind = REPORT_FROM_FILE;
    }
    stream = report_stream_open(fd, source->name);
    ok = report_work_add(work, source, stream, (struct ct_bytes){ NULL, 0 });
    report_stream_close(stream, is_stdin);
    return ok;
}

static bool add_files(struct report_tally *tally, const struct options *options, char **names, size_t count)
{
    struct report_work *work = report_work_begin(tally, options->jobs);
    struct report_source *sources = calloc(count, sizeof *sources);
    bool ok = sources != NULL;

    for (size_t i = 0; ok && i < count; i++) {
        ok = add_file(work, options, names[i], &sources[i]);
    }
    report_work_end(work);
    free(sources);
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

/* Where certificates or clients are only a sample of all, and none of them is locked out, others may be. */
static int answer(const struct report_tally *tally)
{
    bool unseen = tally->beyond > 0 && tally->client_count > tally->kept_clients;
    bool somebody = tally->locked_out > 0 || tally->clients_locked_out > 0 || tally->without_certificate > 0 || unseen;

    return tally->decisions == 0 ? TOOL_UNDECIDED : tally->would_refuse > 0 && somebody ? TOOL_NO : TOOL_YES;
}

int tool_verb_report(int argc, char **argv)
{
    struct options options = { 0 };
    struct report_tally *tally = NULL;
    int64_t now_ms = ct_now_ms();
    int code;

    if (!read_options(argc, argv, &options, &code)) {
        goto out;
    }
    tally = report_tally_new(options.since_ms, options.anybody);
    if (!add_files(tally, &options, argv + optind, (size_t)(argc - optind))) {
        code = TOOL_USAGE;
        goto out;
    }
    report_finish(tally, now_ms);
    code = answer(tally);
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
    free((char *)options.owners); /* options that may be given several times are in memory of their own */
    free((char *)options.units);
    return code;
}
