/* SPDX-License-Identifier: Apache-2.0 */
/* clientct replay: tomorrow's settings on yesterday's clients. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "checker.h"
#include "logs/signature.h"
#include "tool/replay/replay.h"
#include "tool/verbs.h"

struct request {
    const char *config, *against, *at, *issuer, *server_name;
    bool json;
};

/* NULL: it cannot be used, and standard error says why. */
static struct clientct_checker *checker_of(const char *config)
{
    struct clientct_checker *checker = clientct_checker_new(config);
    struct ct_snapshot *snapshot;

    if (checker == NULL) {
        tool_out_of_memory();
    }
    snapshot = ct_checker_get1_snapshot(checker);
    if (snapshot->config == NULL || snapshot->config_failed || snapshot->book_failed) {
        tool_error("replay: %s cannot be used: %s", config, snapshot->why);
        clientct_checker_free(checker);
        checker = NULL;
    }
    ct_snapshot_release(snapshot);
    return checker;
}

static bool prepare(const struct request *request, struct replay_work *work)
{
    work->now_ms = ct_now_ms();
    work->server_name = request->server_name;
    work->has_at = request->at != NULL;
    if (work->has_at && strcmp(request->at, "now") == 0) {
        work->at_ms = work->now_ms;
    } else if (work->has_at && !tool_time_parse(request->at, &work->at_ms)) {
        tool_error("replay: --at: expected `now`, a time such as 2026-01-31T12:00:00Z or seconds since 1970, found "
                   "\"%s\"",
                   request->at);
        return false;
    }
    work->issuers = sk_X509_new_null();
    if (work->issuers == NULL || !ct_signature_remember()) {
        tool_out_of_memory();
    }
    work->checker = checker_of(request->config != NULL ? request->config : CLIENTCT_DEFAULT_CONFIG);
    if (work->checker == NULL || (request->against != NULL && (work->against = checker_of(request->against)) == NULL)) {
        return false;
    }
    return request->issuer == NULL || replay_input(work, request->issuer, true);
}

static int exit_code(const struct replay_work *work, bool complete)
{
    const struct replay_tally *tally = &work->tally;
    uint64_t changes = 0;

    for (int change = REPLAY_LOCKED_OUT; change <= REPLAY_OTHER; change++) {
        changes += tally->changed[change];
    }
    if (!complete || tally->newer > 0 || tally->undecided > 0 || tally->certificates == 0) {
        return TOOL_UNDECIDED;
    }
    return changes > 0 ? TOOL_NO : TOOL_YES;
}

int tool_verb_replay(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "config", "FILE", "the settings to try (default " CLIENTCT_DEFAULT_CONFIG ")", &request.config, NULL },
        { "against", "FILE", "compare with these settings, not with what servers decided", &request.against, NULL },
        { "at", "TIME", "decide as of this time: now, RFC 3339, or seconds since 1970", &request.at, NULL },
        { "issuer", "FILE", "CA certificates for files of certificates", &request.issuer, NULL },
        { "server-name", "NAME", "the server name (SNI) that clients of such files ask for", &request.server_name,
          NULL },
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "replay",
        "[options] ARCHIVE...",
        "Decides about clients of before again, with other settings, log lists or another clock, and prints who would\n"
        "be locked out and who let in. ARCHIVE is what `archive` in clientct.cnf has kept, \"-\" is standard input;\n"
        "certificates will do as well: files (PEM bundles, DER), folders of them, the folder of a static-ct log.\n"
        "Exit status: 0 no difference, 1 differences, 2 wrong usage or settings, 3 could not tell of all.\n",
        options,
        1,
        -1,
    };
    struct replay_work work = { 0 };
    bool complete = true;
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    code = TOOL_USAGE;
    if (prepare(&request, &work)) {
        int readable = optind; /* what cannot be read is said once: it is left out of the second round */

        for (int i = optind; i < argc; i++) {
            if (replay_input(&work, argv[i], true)) {
                argv[readable++] = argv[i];
            }
        }
        complete = readable == argc;
        for (int i = optind; i < readable; i++) {
            complete = replay_input(&work, argv[i], false) && complete;
        }
        replay_finish(&work.tally);
        if (request.json) {
            replay_show_json(&work);
        } else {
            replay_show_text(&work);
        }
        code = exit_code(&work, complete);
    }
    clientct_checker_free(work.checker);
    clientct_checker_free(work.against);
    replay_work_clear(&work);
    return code;
}
