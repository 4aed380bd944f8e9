/* SPDX-License-Identifier: Apache-2.0 */
/* clientct report: audit lines added up; who would be locked out if enforcement began today. */
#include "tool/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/report/input.h"
#include "tool/report/key_usage.h"
#include "tool/report/partial.h"
#include "tool/tool.h"
#include "tool/trust.h"
#include "tool/verbs.h"

struct options {
    bool json, exempt_list, journal, anybody, key_usage;
    const char *html, *since, *until, *owners, *units, *jobs_text, *partial, *public_cas;
    unsigned jobs;
    char *public_names; /* one a line; NULL: not given */
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
        { "key-usage", NULL, "say instead whose certificates are not for clients alone, and until when", NULL,
          &options->key_usage },
        { "public", "FILE", "PEM with the certificates of public CAs, for --key-usage", &options->public_cas, NULL },
        { "partial", "FILE", "write no report but a file to be added up with others (\"-\": standard output)",
          &options->partial, NULL },
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
    if (options->partial != NULL &&
        (options->json || options->exempt_list || options->key_usage || options->html != NULL)) {
        tool_error("report: --partial writes no report; make the report of the files that it has written");
        return false;
    }
    if (options->key_usage && (options->exempt_list || options->html != NULL)) {
        tool_error("report: --key-usage is a report of its own; leave out --exempt-list and --html");
        return false;
    }
    if (options->public_cas != NULL && !options->key_usage) {
        tool_error("report: --public is for --key-usage; give both");
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
    if (options->public_cas != NULL && (options->public_names = report_names_in(options->public_cas)) == NULL) {
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

static ssize_t read_stream(void *arg, uint8_t *to, size_t size)
{
    return report_stream_read(arg, to, size);
}

/* What others may have written is left out as a whole, or counted as what it is. */
static void distrust(struct report_tally *tally)
{
    static const char why[] = "from a file of --partial that others may write";

    if (tally->vouched > 0) {
        report_plus(&report_group_of(&tally->reasons_left_out, (struct report_text){ why, sizeof why - 1 })->period,
                    tally->vouched);
    }
    report_plus(&tally->left_out, tally->vouched);
    tally->vouched = 0;
}

static bool say_refused(const struct report_source *source, enum report_partial_added added, const char *why)
{
    if (added == REPORT_PARTIAL_WRONG) {
        if (why != NULL) {
            tool_error("report: %s begins as --partial writes it, and cannot be used: %s", source->name, why);
        }
    } else if (added != REPORT_PARTIAL_ADDED) {
        tool_error("report: %s was made with another %s; give the same here, or make it again", source->name,
                   added == REPORT_PARTIAL_OTHER_SINCE ? "--since, or without" : "choice: with --unvouched");
    }
    return added == REPORT_PARTIAL_ADDED;
}

/* One that others may write counts as what it is: apart first, to be left out where only what is vouched for counts. */
static bool add_distrusted(struct report_tally *tally, const struct options *options,
                           const struct report_source *source, struct report_stream *stream)
{
    struct report_tally *partial = report_tally_new(options->since_ms, options->anybody);
    const char *why;
    enum report_partial_added added = report_partial_add(partial, read_stream, stream, &why);

    if (!say_refused(source, added, why)) {
        report_tally_free(partial);
        return false;
    }
    distrust(partial);
    if (!options->anybody) {
        struct report_tally *nothing = report_tally_new(options->since_ms, false);

        nothing->lines = partial->lines;
        nothing->foreign = partial->foreign;
        nothing->older = partial->older;
        nothing->left_out = partial->left_out;
        report_groups_merge(&nothing->reasons_left_out, &partial->reasons_left_out);
        report_tally_free(partial);
        partial = nothing;
    }
    report_merge(tally, partial, 1);
    return true;
}

static bool add_partial(struct report_tally *tally, const struct options *options, const struct report_source *source,
                        struct report_stream *stream, bool ours)
{
    enum report_partial_added added;
    const char *why;

    if (!ours) {
        return add_distrusted(tally, options, source, stream);
    }
    added = report_partial_add(tally, read_stream, stream, &why);
    return say_refused(source, added, why);
}

/* As many bytes as tell whether it is of --partial; -1: it cannot be read. */
static ssize_t read_beginning(struct report_stream *stream, uint8_t to[REPORT_PARTIAL_MAGIC_LEN])
{
    size_t len = 0;
    ssize_t got = 1;

    while (got > 0 && len < REPORT_PARTIAL_MAGIC_LEN && (len == 0 || to[0] == REPORT_PARTIAL_MAGIC[0])) {
        got = report_stream_read(stream, to + len, REPORT_PARTIAL_MAGIC_LEN - len);
        len += got > 0 ? (size_t)got : 0;
    }
    return got < 0 ? -1 : (ssize_t)len;
}

struct files {
    const struct options *options;
    char **names;
    struct report_source *sources;
    pthread_mutex_t trust; /* names of users are asked for by one thread at a time */
};

static bool is_ours_locked(struct files *files, const char *name, int fd)
{
    bool ours;

    pthread_mutex_lock(&files->trust);
    ours = is_ours(files->options, name, fd);
    pthread_mutex_unlock(&files->trust);
    return ours;
}

static bool open_file(void *arg, size_t number, struct report_tally *tally, struct report_opened *opened)
{
    struct files *files = arg;
    const struct options *options = files->options;
    struct report_source *source = &files->sources[number];
    const char *name = files->names[number];
    bool is_stdin = strcmp(name, "-") == 0, ours, ok = true;
    int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    struct report_stream *stream;
    struct stat st;
    ssize_t len;

    *source = (struct report_source){ is_stdin ? "standard input" : name, REPORT_FROM_ANYBODY, options->units, 0 };
    if (fd < 0 || fstat(fd, &st) != 0) {
        tool_error("report: %s cannot be read: %s", name, strerror(errno));
        return false;
    }
    source->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (options->journal) {
        source->kind = REPORT_FROM_JOURNAL;
    } else if (is_ours_locked(files, source->name, fd)) {
        source->kind = REPORT_FROM_FILE;
    }
    stream = report_stream_open(fd, source->name);
    len = read_beginning(stream, opened->first);
    if (len == REPORT_PARTIAL_MAGIC_LEN && memcmp(opened->first, REPORT_PARTIAL_MAGIC, (size_t)len) == 0) {
        ours = options->journal ? is_ours_locked(files, source->name, fd) : source->kind == REPORT_FROM_FILE;
        ok = add_partial(tally, options, source, stream, ours);
    } else if (len >= 0) {
        opened->source = source;
        opened->stream = stream;
        opened->keep_descriptor = is_stdin;
        opened->first_len = (size_t)len;
        return true;
    } else {
        ok = false;
    }
    report_stream_close(stream, is_stdin);
    return ok;
}

_Static_assert(REPORT_PARTIAL_MAGIC_LEN <= REPORT_FIRST_MAX, "there is room for the beginning");

static bool add_files(struct report_tally *tally, const struct options *options, char **names, size_t count)
{
    struct files files = { options, names, calloc(count, sizeof *files.sources), PTHREAD_MUTEX_INITIALIZER };
    const struct report_inputs inputs = { count, open_file, &files };
    unsigned from_stdin = 0;
    bool ok;

    if (files.sources == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        from_stdin += strcmp(names[i], "-") == 0;
    }
    ok =
        report_read_inputs(&inputs, tally, from_stdin > 1 ? 1 : options->jobs); /* the second has what the first left */
    pthread_mutex_destroy(&files.trust);
    free(files.sources);
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

static bool save_partial(struct report_tally *tally, const char *path)
{
    int error = report_partial_save(tally, path);

    if (error != 0) {
        tool_error("report: %s cannot be written: %s", path, strerror(error));
    }
    return error == 0;
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
    static struct report_tally *tally; /* goes with the process: to free it piece by piece takes a while */
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
    if (options.partial != NULL) {
        code = save_partial(tally, options.partial) ? TOOL_YES : TOOL_USAGE;
        goto out;
    }
    report_finish(tally, now_ms);
    if (options.key_usage) {
        code = tally->decisions == 0 ? TOOL_UNDECIDED : TOOL_YES;
        report_show_key_usage(tally, options.public_names, now_ms, options.json, &code);
        goto out;
    }
    code = answer(tally);
    if (options.html != NULL && !write_page(tally, options.html, now_ms)) {
        code = TOOL_USAGE;
        goto out;
    }
    if (options.exempt_list) {
        code = report_show_exemptions(tally, options.until_ms, now_ms) ? code : TOOL_USAGE;
    } else if (options.json) {
        report_show_json(tally, options.jobs);
    } else if (options.html == NULL) {
        report_show_text(tally);
    }
out:
    free((char *)options.owners); /* options that may be given several times are in memory of their own */
    free((char *)options.units);
    free(options.public_names);
    return code;
}
