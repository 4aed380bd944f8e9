/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/doctor/enabled.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tool/doctor/findings.h"
#include "tool/replace.h"
#include "tool/tool.h"

#define FOLDER "/etc/systemd/system/"
#define DROP_IN ".d/clientct.conf" /* as `clientct enable` writes it */

static const int by_urgency[] = { TOOL_YES, DOCTOR_EXIT_WATCHES, TOOL_UNDECIDED, DOCTOR_EXIT_DENIES, TOOL_NO };

static size_t urgency(int code)
{
    size_t at = 0;

    while (at < sizeof by_urgency / sizeof by_urgency[0] && by_urgency[at] != code) {
        at++;
    }
    return at; /* what is none of them, such as wrong usage, is the most urgent */
}

static void print_head(FILE *to)
{
    fputs("# HELP clientct_doctor_status What clientct doctor says of an enabled service: 0 on, 1 not on, 3 could not "
          "tell, 4 refuses everybody, 5 only watches.\n"
          "# TYPE clientct_doctor_status gauge\n",
          to);
}

static void print_end(FILE *to)
{
    fprintf(to,
            "# HELP clientct_doctor_last_run_timestamp_seconds When this was found.\n"
            "# TYPE clientct_doctor_last_run_timestamp_seconds gauge\n"
            "clientct_doctor_last_run_timestamp_seconds %lld\n",
            (long long)(ct_now_ms() / CT_SECOND_MS));
}

/* Names of units have backslashes where systemd escapes. */
static void print_answer(FILE *to, const char *unit, int code)
{
    fputs("clientct_doctor_status{unit=\"", to);
    for (; *unit != '\0'; unit++) {
        if (*unit == '\\' || *unit == '"') {
            fputc('\\', to);
        }
        fputc(*unit == '\n' ? ' ' : *unit, to);
    }
    fprintf(to, "\"} %d\n", code);
}

static bool find(glob_t *found)
{
    int error = glob(FOLDER "*" DROP_IN, 0, NULL, found);

    if (error != 0 && error != GLOB_NOMATCH) {
        tool_error("doctor: " FOLDER " cannot be searched");
    }
    return error == 0 || error == GLOB_NOMATCH;
}

int doctor_enabled(doctor_ask *ask, void *context, const char *write)
{
    glob_t found = { 0 };
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    int worst = TOOL_YES, error;

    if (to == NULL) {
        tool_out_of_memory();
    }
    if (!find(&found)) {
        fclose(to);
        free(text);
        return TOOL_UNDECIDED;
    }
    print_head(to);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = found.gl_pathv[i] + strlen(FOLDER);
        char *unit = tool_format("%.*s", (int)(strlen(name) - strlen(DROP_IN)), name);
        int code;

        tool_line("%s:", unit);
        code = ask(context, unit);
        print_answer(to, unit, code);
        worst = urgency(code) > urgency(worst) ? code : worst;
        free(unit);
    }
    if (found.gl_pathc == 0) {
        tool_line("no service is enabled: there is no " FOLDER "*" DROP_IN);
        worst = TOOL_UNDECIDED;
    }
    globfree(&found);
    print_end(to);
    if (fclose(to) != 0) {
        tool_out_of_memory();
    }
    error = write != NULL ? tool_replace_file(write, (struct ct_bytes){ (const uint8_t *)text, len }, 0644) : 0;
    if (error != 0) {
        tool_error("doctor: cannot write %s: %s", write, strerror(error));
        worst = TOOL_USAGE;
    }
    free(text);
    return worst;
}
