/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: follows logs, catches those that lie, and tells of certificates that nobody should have issued. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/monitor/monitor.h"
#include "tool/replace.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define INTERVAL_MS (60 * CT_SECOND_MS)

struct request {
    struct source_options sources;
    struct fetch_options fetch;
    const char *state, *watch, *issued, *hook, *metrics, *html, *interval, *compare, *part, *join;
    bool once, json;
};

struct work {
    const struct request *request;
    struct fetch_manners manners;
    struct sources sources;
    struct monitor_settings settings;
    struct monitor monitor;
    int64_t interval_ms;
    int lock; /* on the state directory */
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
    ended = signal;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = end };

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static bool read_watches(struct work *work)
{
    struct ct_problems problems = { 0 };
    bool good = work->request->watch == NULL || watches_read(work->request->watch, &work->settings.watches, &problems);

    for (size_t i = 0; i < problems.count; i++) {
        tool_error("%s:%u: %s", problems.items[i].file, problems.items[i].line, problems.items[i].text);
    }
    ct_problems_clear(&problems);
    return good;
}

/* The CA goes on issuing: its records are read anew before each round. */
static bool read_records(struct work *work)
{
    struct ca_records records = { 0 };
    bool good = true;

    for (const char *at = work->request->issued; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, "\n");
        char *path = tool_format("%.*s", (int)len, at);

        good = ca_records_add("monitor", path, &records) && good;
        free(path);
        at += len + (at[len] == '\n');
    }
    if (!good) {
        ca_records_clear(&records); /* those of the last round stay */
        return false;
    }
    ca_records_sort(&records);
    ca_records_clear(&work->settings.known);
    work->settings.known = records;
    work->settings.has_known = work->request->issued != NULL;
    return true;
}

static bool open_folder(struct work *work)
{
    const char *dir = work->request->state;

    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        tool_error("monitor: --state: %s cannot be made: %s", dir, strerror(errno));
        return false;
    }
    work->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work->lock < 0) {
        tool_error("monitor: --state: %s cannot be opened: %s", dir, strerror(errno));
        return false;
    }
    if (flock(work->lock, LOCK_EX | LOCK_NB) != 0) {
        tool_error("monitor: --state: %s is in use by another monitor", dir);
        return false;
    }
    return true;
}

/* "FROM-TO" of --part, or what the state is of. */
static bool take_part(const struct work *work, struct monitor_state *state)
{
    const char *part = work->request->part;
    unsigned long long from = 0, to = 0;
    char more;

    if (part == NULL) {
        if (state->to != 0) {
            tool_error("monitor: %s is of the entries %llu to %llu alone: say so by --part, or --join it to the others",
                       state->folder, (unsigned long long)state->from, (unsigned long long)state->to);
        }
        return state->to == 0;
    }
    if (part[0] < '0' || part[0] > '9' || sscanf(part, "%19llu-%19llu%c", &from, &to, &more) != 2 || from >= to ||
        !ct_frontier_fits(from, to - from)) {
        tool_error(
            "monitor: --part: expected FROM-TO, where FROM is 0 or a multiple of a power of two that is at least "
            "TO - FROM, such as 268435456-536870912; found \"%s\"",
            part);
        return false;
    }
    if (state->head.size != 0 || (state->to == 0 && state->reading.size != 0) ||
        (state->to != 0 && (state->from != from || state->to != to))) {
        tool_error("monitor: --part: %s is of other entries; give each part a --state of its own", state->folder);
        return false;
    }
    state->from = from;
    state->to = to;
    return true;
}

static bool open_logs(struct work *work)
{
    struct monitor *monitor = &work->monitor;

    monitor->logs = calloc(work->sources.count + 1, sizeof *monitor->logs);
    if (monitor->logs == NULL) {
        tool_out_of_memory();
    }
    for (size_t i = 0; i < work->sources.count; i++) {
        const struct source *source = &work->sources.items[i];
        struct monitor_log *log = &monitor->logs[monitor->count];

        if (!source->chosen) {
            continue;
        }
        if (source->url == NULL) {
            tool_error("monitor: the list has no URL for \"%s\"; give it as --log \"%s=https://...\"",
                       source->log->description, source->log->description);
            return false;
        }
        log->source = source;
        monitor->count++;
        if (!monitor_state_open(work->request->state, source->log, &log->state) || !take_part(work, &log->state) ||
            (work->request->join != NULL && !monitor_parts_join(work->request->join, source->log, &log->state))) {
            return false;
        }
        monitor_recall(log);
    }
    if (monitor->count == 0) {
        tool_error("monitor: there is no log to follow");
        return false;
    }
    return true;
}

static bool read_inputs(struct work *work)
{
    const struct request *request = work->request;

    work->interval_ms = INTERVAL_MS;
    if (request->state == NULL) {
        tool_error("monitor: --state DIR is needed: where it keeps what it knows of each log");
        return false;
    }
    if (request->interval != NULL &&
        (!ct_duration_parse(request->interval, &work->interval_ms) || work->interval_ms < CT_SECOND_MS)) {
        tool_error("monitor: --interval: expected a time such as 60s or 5m, found \"%s\"", request->interval);
        return false;
    }
    work->manners.ended = &ended;
    work->settings.json = request->json;
    work->settings.hook = request->hook;
    return fetch_manners_read("monitor", &request->fetch, &work->manners) &&
           sources_read(&request->sources, &work->manners, &work->sources) && read_watches(work) &&
           read_records(work) && open_folder(work) && open_logs(work);
}

static void write_outputs(const struct work *work)
{
    const struct request *request = work->request;

    if (request->metrics != NULL) {
        char *text = monitor_metrics(&work->monitor);
        int error = tool_replace_file(request->metrics, (struct ct_bytes){ (uint8_t *)text, strlen(text) }, 0644);

        if (error != 0) {
            tool_warning("monitor: --metrics: %s cannot be written: %s", request->metrics, strerror(error));
        }
        free(text);
    }
    if (request->html != NULL && !monitor_write_html(&work->monitor, request->html)) {
        tool_warning("monitor: --html: %s cannot be written: %s", request->html, strerror(errno));
    }
}

/* The exit status of a round: what was found weighs more than what could not be asked. */
static int round_of(struct work *work)
{
    struct monitor *monitor = &work->monitor;
    int code = TOOL_YES;

    for (size_t i = 0; i < monitor->count && ended == 0; i++) {
        struct monitor_log *log = &monitor->logs[i];
        enum monitor_result result = monitor_follow(monitor, log);

        if (result == MONITOR_FAILED) {
            return TOOL_UNDECIDED;
        }
        if (result == MONITOR_UNREACHABLE) {
            tool_warning("%s: %s", log->source->log->description, log->trouble);
            code = TOOL_UNDECIDED;
        }
        monitor_deliver(monitor, log);
    }
    write_outputs(work);
    return monitor->found ? TOOL_NO : code;
}

static void pause_between(const struct work *work)
{
    int64_t until = ct_monotonic_ms() + work->interval_ms;
    const struct timespec moment = { .tv_nsec = 100000000 };

    while (ended == 0 && ct_monotonic_ms() < until) {
        nanosleep(&moment, NULL);
    }
}

/* The monitor's own last checkpoints beside those of another, in files. */
static int compare(struct work *work)
{
    struct monitor *monitor = &work->monitor;
    struct stat stat_of;
    int code = TOOL_YES;

    for (size_t i = 0; i < monitor->count; i++) {
        struct monitor_log *log = &monitor->logs[i];
        char hex[2 * CT_LOG_ID_LEN + 1];
        char *file;

        ct_hex(log->source->log->id, CT_LOG_ID_LEN, hex);
        file = stat(work->request->compare, &stat_of) == 0 && S_ISDIR(stat_of.st_mode)
                   ? tool_format("%s/%s/checkpoint", work->request->compare, hex)
                   : tool_format("%s", work->request->compare);
        log->reachable = true;
        switch (monitor_compare(monitor, log, file)) {
        case MONITOR_IN_ORDER:
            if (!work->request->json) {
                tool_line("%s: both see the same log", log->source->log->description);
            }
            break;
        case MONITOR_ALARMED:
            break;
        case MONITOR_FAILED:
            code = TOOL_USAGE;
            break;
        default:
            tool_warning("%s: %s", log->source->log->description, log->trouble);
            code = code == TOOL_YES ? TOOL_UNDECIDED : code;
        }
        free(file);
        monitor_deliver(monitor, log);
    }
    return monitor->found ? TOOL_NO : code;
}

static int run(struct work *work)
{
    struct monitor *monitor = &work->monitor;
    int code;

    work->lock = -1;
    if (!read_inputs(work)) {
        return TOOL_USAGE;
    }
    monitor->settings = &work->settings;
    monitor->ended = &ended;
    monitor->fetch = fetch_new(&work->manners);
    if (monitor->fetch == NULL) {
        tool_error("monitor: libcurl cannot be used");
        return TOOL_UNDECIDED;
    }
    catch_signals();
    for (size_t i = 0; i < monitor->count; i++) {
        monitor_deliver(monitor, &monitor->logs[i]); /* what a run before could not deliver any more */
    }
    if (work->request->compare != NULL) {
        return compare(work);
    }
    code = round_of(work);
    while (!work->request->once && ended == 0) {
        pause_between(work);
        if (ended == 0 && read_records(work)) {
            code = round_of(work);
        }
    }
    return code;
}

static void clear(struct work *work)
{
    for (size_t i = 0; i < work->monitor.count; i++) {
        monitor_state_close(&work->monitor.logs[i].state);
        free(work->monitor.logs[i].recent);
        free(work->monitor.logs[i].trouble);
    }
    free(work->monitor.logs);
    fetch_free(work->monitor.fetch);
    ct_hasher_clear(&work->monitor.hasher);
    watches_clear(&work->settings.watches);
    ca_records_clear(&work->settings.known);
    sources_clear(&work->sources);
    if (work->lock >= 0) {
        close(work->lock);
    }
}

int tool_verb_monitor(int argc, char **argv)
{
    struct request request = { .sources = { .verb = "monitor" } };
    struct source_options *sources = &request.sources;
    const struct tool_option options[] = {
        { "state", "DIR", "where it keeps what it knows of each log", &request.state, NULL },
        { "config", "FILE", "the configuration (default " CLIENTCT_DEFAULT_CONFIG ")", &sources->config, NULL },
        { "log-list", "FILE", "the logs of a list, without a configuration", &sources->log_list, NULL },
        { "log", "LOG...", "follow this log only, or LOG=URL; may be repeated", &sources->logs, NULL },
        { "origin", "LOG=NAME...", "the origin of a log, in place of its submission URL", &sources->origins, NULL },
        { "mmd", "TIME", "the maximum merge delay, in place of the list's (default 24h)", &sources->mmd, NULL },
        { "watch", "FILE", "what is watched for (default: every entry)", &request.watch, NULL },
        { "issued", "RECORDS...", "what the CA says it issued: a folder, an index.txt, serials", &request.issued,
          NULL },
        { "hook", "PROGRAM", "run it for each notice of what is not in --issued", &request.hook, NULL },
        { "metrics", "FILE", "write the state as Prometheus text", &request.metrics, NULL },
        { "html", "FILE", "write the state as a page", &request.html, NULL },
        { "once", NULL, "one round, then the exit status", NULL, &request.once },
        { "interval", "TIME", "between rounds (default 60s)", &request.interval, NULL },
        { "compare", "PATH", "another monitor's DIR or checkpoint: does the log show both the same?", &request.compare,
          NULL },
        { "part", "FROM-TO", "read these entries only, for a monitor that shares the log with others", &request.part,
          NULL },
        { "join", "DIR...", "go on from the parts in these states; may be repeated", &request.join, NULL },
        FETCH_OPTIONS(request.fetch),
        { "json", NULL, "print notices as JSON lines", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "monitor",
        "--state DIR [options]",
        "Follows logs: proves that each tree continues the last one, reads every entry, rebuilds the root that the\n"
        "log signed, and tells of the client certificates that are watched for. A log that drops, changes, forks,\n"
        "rolls back or shows two faces is caught. See clientct-monitor(1).\n"
        "Exit status: 0 nothing found, 1 an alarm or a certificate that is not in --issued, 2 wrong usage or files,\n"
        "3 a log could not be asked.\n",
        options,
        0,
        0,
    };
    struct work work = { .request = &request };
    int code;

    if (tool_arguments(&usage, argc, argv, &code)) {
        code = run(&work);
    }
    clear(&work);
    free((char *)sources->logs);
    free((char *)sources->origins);
    free((char *)request.issued);
    free((char *)request.join);
    return code;
}
