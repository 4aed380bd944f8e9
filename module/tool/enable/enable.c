/* SPDX-License-Identifier: Apache-2.0 */
/* clientct enable and clientct disable: services put under clientct, and taken out of it, without editing by hand. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/enable/edits.h"
#include "tool/enable/openssl_cnf.h"
#include "tool/enable/services.h"
#include "tool/enable/unit.h"
#include "tool/tool.h"
#include "tool/verbs.h"

#define SYSTEM_OPENSSL_CNF "/etc/ssl/openssl.cnf"
#define DEFAULT_CONFIG "/etc/clientct/clientct.cnf"

static const char first_config[] =
    "# Made by `clientct enable --report`: every client certificate is judged and recorded, and none is refused.\n"
    "# `clientct report` says who would be locked out. See clientct.cnf(5).\n"
    "mode     = report\n"
    "log_list = /etc/clientct/log_list.json\n"
    "policy   = one\n"
    "audit    = journald\n"
    "metrics  = /run/clientct\n";

struct request {
    const char *config, *root;
    bool report, dry_run;
};

static bool plan_openssl_cnf(struct edits *edits, const char *config)
{
    char *now = NULL, *made = NULL;
    char *system = tool_format("%s" SYSTEM_OPENSSL_CNF, edits->root);
    bool ok = edits_text(edits, SERVICES_OPENSSL_CNF, &now);

    if (ok && now != NULL && !openssl_cnf_is_ours(now)) {
        goto out; /* an administrator's own, which says what he wants */
    }
    ok = ok &&
         (made = openssl_cnf_make(access(system, F_OK) == 0 ? system : NULL, SYSTEM_OPENSSL_CNF, config)) != NULL &&
         edits_set(edits, SERVICES_OPENSSL_CNF, made);
out:
    free(made);
    free(system);
    free(now);
    return ok;
}

static bool plan_config(struct edits *edits, const struct request *request)
{
    if (edits_exists(edits, request->config)) {
        if (request->report) {
            tool_warning("%s is there already and stays as it is; mode = report in it refuses nobody", request->config);
        }
        return true;
    }
    if (!request->report) {
        tool_error("there is no %s; write it (see clientct.cnf(5)), or let --report make one that refuses nobody",
                   request->config);
        return false;
    }
    return edits_set(edits, request->config, first_config);
}

static void show_next(const struct request *request, char **units, int count, bool enabled)
{
    if (enabled) {
        tool_line("Nothing has been restarted. Next:");
        tool_line("  clientct check --config %s", request->config);
    } else {
        tool_line("Nothing has been restarted. The services go on as they are until you do:");
    }
    tool_line("  systemctl daemon-reload");
    for (int i = 0; i < count; i++) {
        char *name = unit_name(units[i]);
        tool_line("  systemctl restart %s", name != NULL ? name : units[i]);
        free(name);
    }
}

/* Shows or makes what is planned. */
static int carry_out(const struct edits *edits, const struct request *request, char **units, int count, bool enabled)
{
    if (edits_pending(edits) == 0) {
        tool_line("Nothing to change.");
        return TOOL_YES;
    }
    edits_show(edits);
    if (request->dry_run) {
        tool_line("Nothing has been changed (--dry-run).");
        return TOOL_YES;
    }
    if (!edits_apply(edits)) {
        return TOOL_USAGE;
    }
    tool_end_line();
    show_next(request, units, count, enabled);
    return TOOL_YES;
}

static bool plan_unit(struct edits *edits, const char *word, const struct request *request, bool enabled)
{
    char *unit = unit_name(word);
    bool ok = unit != NULL && (enabled ? services_enable(edits, unit, request->config) : services_disable(edits, unit));

    free(unit);
    return ok;
}

static bool read_request(struct request *request)
{
    request->config = request->config != NULL ? request->config : DEFAULT_CONFIG;
    request->root = request->root != NULL ? request->root : "";
    if (strcmp(request->root, "/") == 0) {
        request->root = "";
    }
    if (request->config[0] != '/' || strpbrk(request->config, " \t\"'\\$%\n") != NULL) {
        tool_error("--config: expected an absolute path without blanks, quotes, $, %% and backslashes, found \"%s\"",
                   request->config);
        return false;
    }
    return true;
}

/* The common openssl.cnf goes with the last service that reads it. */
static bool plan_removal(struct edits *edits)
{
    char *now = NULL;
    bool ok = edits_text(edits, SERVICES_OPENSSL_CNF, &now);

    if (ok && now != NULL && openssl_cnf_is_ours(now)) {
        ok = edits_set(edits, SERVICES_OPENSSL_CNF, NULL);
    }
    free(now);
    return ok;
}

/* What both verbs do: all is planned before anything is changed. */
static int run(const struct tool_usage *usage, int argc, char **argv, struct request *request, bool enabled)
{
    struct edits edits = { 0 };
    bool ok;
    int code;

    if (!tool_arguments(usage, argc, argv, &code)) {
        return code;
    }
    ok = read_request(request);
    edits.root = request->root;
    for (int i = optind; ok && i < argc; i++) {
        ok = plan_unit(&edits, argv[i], request, enabled);
    }
    if (enabled) {
        ok = ok && plan_config(&edits, request) && plan_openssl_cnf(&edits, request->config);
    } else {
        ok = ok && (services_remaining(&edits) > 0 || plan_removal(&edits));
    }
    code = ok ? carry_out(&edits, request, argv + optind, argc - optind, enabled) : TOOL_USAGE;
    edits_clear(&edits);
    return code;
}

int tool_verb_enable(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "report", NULL, "make a configuration that refuses nobody, where there is none yet", NULL, &request.report },
        { "dry-run", NULL, "show what would be changed, and change nothing", NULL, &request.dry_run },
        { "config", "FILE", "the configuration (default " DEFAULT_CONFIG ")", &request.config, NULL },
        { "root", "DIRECTORY", "the system in this folder instead of /", &request.root, NULL },
        { 0 },
    };
    const struct tool_usage usage = {
        .verb = "enable",
        .synopsis = "[options] SERVICE...",
        .about =
            "Puts services under clientct: a drop-in for systemd that names an openssl.cnf of its own and asks\n"
            "doctor before each start; the server's own way where a drop-in does nothing; a rule for AppArmor where\n"
            "a profile confines the server. Shows every change, and restarts nothing. `clientct disable` takes all\n"
            "of it back.\n"
            "Exit status: 0 done, 2 nothing has been changed and stderr says why.\n",
        .options = options,
        .min_operands = 1,
        .max_operands = -1,
    };

    return run(&usage, argc, argv, &request, true);
}

int tool_verb_disable(int argc, char **argv)
{
    struct request request = { 0 };
    const struct tool_option options[] = {
        { "dry-run", NULL, "show what would be changed, and change nothing", NULL, &request.dry_run },
        { "root", "DIRECTORY", "the system in this folder instead of /", &request.root, NULL },
        { 0 },
    };
    const struct tool_usage usage = {
        .verb = "disable",
        .synopsis = "[options] SERVICE...",
        .about =
            "Takes back what `clientct enable` has changed for these services. clientct.cnf and what it names stay.\n"
            "Exit status: 0 done, 2 nothing has been changed and stderr says why.\n",
        .options = options,
        .min_operands = 1,
        .max_operands = -1,
    };

    return run(&usage, argc, argv, &request, false);
}
