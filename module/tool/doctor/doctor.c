/* clientct doctor: is it really on? */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/doctor/doctor.h"
#include "tool/tool.h"
#include "tool/verbs.h"

static const char *const status_names[] = { "good", "note", "unknown", "bad" };

void doctor_say(struct doctor *doctor, enum doctor_status status, const char *check, const char *format, ...)
{
    static const enum tool_style styles[] = { TOOL_GOOD, TOOL_DIM, TOOL_CAUTION, TOOL_BAD };
    char *text = NULL;
    json_t *one = tool_json_object();
    va_list list;

    va_start(list, format);
    if (vasprintf(&text, format, list) < 0) {
        tool_out_of_memory();
    }
    va_end(list);
    doctor->counts[status]++;
    tool_json_set(one, "check", tool_json_text(check));
    tool_json_set(one, "status", tool_json_text(status_names[status]));
    tool_json_set(one, "text", tool_json_text(text));
    tool_json_append(doctor->findings, one);
    if (!doctor->json) {
        tool_put(styles[status], "%-8s", status_names[status]);
        tool_put(TOOL_PLAIN, "%-16s %s", check, text);
        tool_end_line();
    }
    free(text);
}

static int conclude(struct doctor *doctor)
{
    bool on = doctor->counts[DOCTOR_BAD] == 0;
    bool known = doctor->counts[DOCTOR_UNKNOWN] == 0 && doctor->counts[DOCTOR_GOOD] > 0;
    const char *answer = !on ? "not on" : known ? "on" : "could not tell";

    if (doctor->json) {
        json_t *out = tool_json_object();
        tool_json_set(out, "answer", tool_json_text(answer));
        tool_json_set(out, "findings", json_incref(doctor->findings));
        tool_json_print(out);
    } else {
        tool_put(!on ? TOOL_BAD : known ? TOOL_GOOD : TOOL_CAUTION, "%s", answer);
        tool_end_line();
    }
    json_decref(doctor->findings);
    return !on ? TOOL_NO : known ? TOOL_YES : TOOL_UNDECIDED;
}

static bool parse_pid(const char *text, pid_t *pid)
{
    char *end = NULL;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    *pid = (pid_t)value;
    return errno == 0 && end != text && *end == '\0' && value > 0 && value <= 1 << 30;
}

int tool_verb_doctor(int argc, char **argv)
{
    const char *config = NULL, *pid_text = NULL;
    struct doctor_probe probe = { 0 };
    struct doctor doctor = { 0 };
    char *absolute = NULL;
    pid_t pid = 0;
    const struct tool_option options[] = {
        { "pid", "N", "look at this process and its children", &pid_text, NULL },
        { "config", "FILE", "the clientct.cnf that is meant (default: as openssl.cnf says)", &config, NULL },
        { "connect", "HOST:PORT", "connect, and see whether the certificate is refused", &probe.address, NULL },
        { "cert", "FILE", "beside --connect: a certificate that the CA signed and no log has", &probe.certificate,
          NULL },
        { "key", "FILE", "beside --connect: its key", &probe.key, NULL },
        { "json", NULL, "print JSON", NULL, &doctor.json },
        { NULL, NULL, NULL, NULL, NULL },
    };
    const struct tool_usage usage = {
        "doctor",
        "[options] [-- COMMAND ...]",
        "Is clientct really on? Looks at a running process (--pid), at a program that is about to be started with\n"
        "this environment (-- COMMAND, as in ExecStartPre=), or at a server from outside (--connect), which alone is\n"
        "proof.\n"
        "Exit status: 0 on, 1 not on, 2 wrong usage, 3 could not tell.\n",
        options,
        0,
        -1,
    };
    int code;

    if (!tool_arguments(&usage, argc, argv, &code)) {
        return code;
    }
    bool command = optind < argc;
    if (pid_text == NULL && !command && probe.address == NULL) {
        tool_error("doctor: say what to look at: --pid N, -- COMMAND or --connect HOST:PORT");
        return TOOL_USAGE;
    }
    if (pid_text != NULL && command) {
        tool_error("doctor: --pid is for a process, -- COMMAND for one that is not started yet; give only one of them");
        return TOOL_USAGE;
    }
    if ((probe.address != NULL) != (probe.certificate != NULL) || (probe.address != NULL) != (probe.key != NULL)) {
        tool_error("doctor: --connect, --cert and --key go together");
        return TOOL_USAGE;
    }
    if (pid_text != NULL && !parse_pid(pid_text, &pid)) {
        tool_error("doctor: --pid %s is no process id", pid_text);
        return TOOL_USAGE;
    }
    /* As ExecStartPre= it has the service's own OPENSSL_CONF: with its dead-man switch we could not even look. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        tool_out_of_memory();
    }
    /* openssl.cnf has an absolute name; one that cannot be resolved is compared, and complained of, as it stands. */
    absolute = config != NULL ? realpath(config, NULL) : NULL;
    config = absolute != NULL && config[0] != '/' ? absolute : config;
    doctor.findings = tool_json_array();
    if (pid_text != NULL) {
        doctor_process(&doctor, pid, config);
    }
    if (command) {
        doctor_command(&doctor, argv[optind], config);
    }
    if (probe.address != NULL) {
        doctor_probe(&doctor, &probe);
    } else {
        doctor_say(&doctor, DOCTOR_NOTE, "proof",
                   "that it is loaded does not prove that it is asked: some programs "
                   "verify by other means; --connect with a certificate that is in no log does");
    }
    free(absolute);
    return conclude(&doctor);
}
