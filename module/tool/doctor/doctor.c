/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor: is it really on? It does what is to be judged, and says what was seen. */
#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/doctor/before.h"
#include "tool/doctor/connect.h"
#include "tool/doctor/enabled.h"
#include "tool/doctor/process.h"
#include "tool/doctor/unit.h"
#include "tool/tool.h"
#include "tool/verbs.h"

/* No server, process or file system can keep us longer. */
#define DEADLINE_MS (90 * CT_SECOND_MS)

struct request {
    pid_t pid; /* 0: none */
    const char *unit;
    const char *write; /* beside `enabled` */
    bool enabled;
    struct doctor_before before; /* `command` NULL: none */
    struct doctor_connect connect;
    bool json;
    bool accepted[DOCTOR_STATUS_COUNT];
};

static bool parse_pid(const char *text, pid_t *pid)
{
    char *end = NULL;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    *pid = (pid_t)value;
    return errno == 0 && end != text && *end == '\0' && value > 0 && value <= 1 << 30;
}

static void look_at_unit(struct doctor *doctor, const struct request *request)
{
    struct doctor_before before = request->before;
    struct doctor_unit unit;

    if (doctor_unit_read(doctor, request->unit, &unit)) {
        before.command = before.command != NULL ? before.command : unit.command;
        doctor_before_start(doctor, &before, &unit.start);
        if (unit.unseen[0] != '\0') {
            doctor_say(doctor, DOCTOR_UNKNOWN, "unit",
                       "the service may see other files or have other rights than were tried here, by %s; only its own "
                       "ExecStartPre= has the same",
                       unit.unseen);
        }
        if (unit.harmless[0] != '\0') {
            doctor_say(doctor, DOCTOR_NOTE, "unit",
                       "%s may keep the service from writing, or end it, which was not tried here", unit.harmless);
        }
    }
    doctor_unit_clear(&unit);
}

static int look(const struct request *request)
{
    const struct doctor_start as_we_are = { 0 };
    struct doctor doctor = { .findings = tool_json_array(), .json = request->json };

    memcpy(doctor.accepted, request->accepted, sizeof doctor.accepted);
    signal(SIGPIPE, SIG_IGN);
    if (request->pid != 0) {
        doctor_process(&doctor, request->pid, request->before.config);
    }
    if (request->unit != NULL) {
        look_at_unit(&doctor, request);
    } else if (request->before.command != NULL) {
        doctor_before_start(&doctor, &request->before, &as_we_are);
    }
    if (request->connect.address != NULL) {
        doctor_connect(&doctor, &request->connect);
    } else {
        doctor_say(&doctor, DOCTOR_NOTE, "proof",
                   "some programs verify by other means than the OpenSSL that they have: --connect shows what a server "
                   "does");
    }
    return doctor_conclude(&doctor);
}

/* In a child, which a hanging file system or a slow server cannot keep alive. */
static int look_in_time(const struct request *request)
{
    int64_t deadline_ms = ct_monotonic_ms() + DEADLINE_MS;
    pid_t self = getpid(), child, got;
    int status = 0;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) {
            _exit(TOOL_UNDECIDED);
        }
        _exit(tool_finish_output(look(request)));
    }
    while ((got = waitpid(child, &status, WNOHANG)) == 0 && ct_monotonic_ms() < deadline_ms) {
        poll(NULL, 0, 5);
    }
    if (got == child && WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    if (got == 0) {
        kill(child, SIGKILL);
    }
    struct doctor doctor = { .findings = tool_json_array(), .json = request->json };
    memcpy(doctor.accepted, request->accepted, sizeof doctor.accepted);
    doctor_say(&doctor, DOCTOR_UNKNOWN, "deadline", "it took longer than %d seconds, or was ended from outside",
               (int)(DEADLINE_MS / CT_SECOND_MS));
    return doctor_conclude(&doctor);
}

static int ask_about(void *request, const char *unit)
{
    struct request about = *(const struct request *)request;

    about.unit = unit;
    return look_in_time(&about);
}

/* `words`: one a line, taken apart; NULL: none. */
static bool parse_accepted(char *words, bool accepted[DOCTOR_STATUS_COUNT])
{
    char *save = NULL;

    for (char *word = words != NULL ? strtok_r(words, "\n", &save) : NULL; word != NULL;
         word = strtok_r(NULL, "\n", &save)) {
        int status = doctor_status_of(word);
        if (status != DOCTOR_WATCHES && status != DOCTOR_UNKNOWN && status != DOCTOR_DENIES) {
            tool_error("doctor: --accept %s: expected watches, unknown or denies", word);
            return false;
        }
        accepted[status] = true;
    }
    return true;
}

static bool is_complete(const struct request *request)
{
    const struct doctor_connect *connect = &request->connect;
    int subjects = (request->pid != 0) + (request->before.command != NULL || request->unit != NULL);

    if (request->enabled || request->write != NULL) {
        if (request->enabled && subjects == 0 && connect->address == NULL && !request->json) {
            return true;
        }
        tool_error("doctor: --enabled asks about every enabled service: with --accept and --write at most");
    } else if (subjects == 0 && connect->address == NULL) {
        tool_error("doctor: say what to look at: --pid N, --unit NAME, -- PROGRAM or --connect HOST:PORT");
    } else if (subjects == 2) {
        tool_error(
            "doctor: --pid is for a process, -- PROGRAM and --unit for one that is not started yet; give only one "
            "of them");
    } else if ((connect->address != NULL) != (connect->cert != NULL) ||
               (connect->cert != NULL) != (connect->key != NULL)) {
        tool_error("doctor: --connect, --cert and --key go together");
    } else if ((connect->good_cert != NULL) != (connect->good_key != NULL)) {
        tool_error("doctor: --good-cert and --good-key go together");
    } else {
        return true;
    }
    return false;
}

int tool_verb_doctor(int argc, char **argv)
{
    const char *config = NULL, *pid_text = NULL, *accepted = NULL;
    struct request request = { 0 };
    struct doctor_connect *connect = &request.connect;
    char *absolute = NULL;
    const struct tool_option options[] = {
        { "pid", "N", "look into this server's processes", &pid_text, NULL },
        { "unit", "NAME", "a systemd service, as its unit files say that it is started", &request.unit, NULL },
        { "enabled", NULL, "each service that was enabled, as --unit", NULL, &request.enabled },
        { "write", "FILE", "beside --enabled: write the answers there, for Prometheus", &request.write, NULL },
        { "config", "FILE", "the clientct.cnf that is meant (default: as openssl.cnf says)", &config, NULL },
        { "library", "FILE", "beside -- PROGRAM: what brings OpenSSL into it later, such as mod_ssl.so",
          &request.before.library, NULL },
        { "config-name", "KEY", "beside -- PROGRAM: the key in openssl.cnf that it looks for",
          &request.before.config_name, NULL },
        { "connect", "HOST:PORT", "connect, and see who gets in", &connect->address, NULL },
        { "cert", "FILE", "beside --connect: a certificate that the CA signed and no log has", &connect->cert, NULL },
        { "key", "FILE", "beside --connect: its key", &connect->key, NULL },
        { "good-cert", "FILE", "a certificate that must get in, with its chain behind it", &connect->good_cert, NULL },
        { "good-key", "FILE", "its key", &connect->good_key, NULL },
        { "accept", "WHAT...", "exit with 0 for this answer too: watches, unknown or denies", &accepted, NULL },
        { "json", NULL, "print JSON", NULL, &request.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "doctor",
        "[options] [-- PROGRAM ...]",
        "Is clientct really on? Tries it, and says what was seen: in a program about to be started with this\n"
        "environment (-- PROGRAM, as in ExecStartPre=) or as a unit says (--unit), in processes that run (--pid), or\n"
        "with a server from outside (--connect).\n"
        "Exit status: 0 on, 1 not on, 2 wrong usage, 3 could not tell, 4 refuses everybody, 5 only watches.\n",
        options,
        0,
        -1,
    };
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    request.before.command = optind < argc ? argv[optind] : NULL;
    if (pid_text != NULL && !parse_pid(pid_text, &request.pid)) {
        tool_error("doctor: --pid %s is no process id", pid_text);
        return TOOL_USAGE;
    }
    if (!parse_accepted((char *)accepted, request.accepted) || !is_complete(&request)) {
        free((char *)accepted);
        return TOOL_USAGE;
    }
    free((char *)accepted);
    /* As ExecStartPre= it has the service's own OPENSSL_CONF: with its dead-man switch we could not even look. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        tool_out_of_memory();
    }
    /* openssl.cnf has an absolute name; one that cannot be resolved is compared, and complained of, as it stands. */
    absolute = config != NULL ? realpath(config, NULL) : NULL;
    request.before.config = absolute != NULL && config[0] != '/' ? absolute : config;
    request.before.good_cert = connect->good_cert;
    request.before.good_key = connect->good_key;
    code = request.enabled ? doctor_enabled(ask_about, &request, request.write) : look_in_time(&request);
    free(absolute);
    return code;
}
