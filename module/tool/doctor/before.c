/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include <clientct/process_status.h>

#include "tool/doctor/before.h"
#include "tool/doctor/confined.h"
#include "tool/doctor/rehearsal.h"
#include "tool/doctor/rules.h"
#include "tool/doctor/stand_in.h"
#include "tool/tool.h"

static const char *const versions[] = { "TLS 1.2", "TLS 1.3" };

/* All that is played, and with what. */
struct play {
    struct doctor *doctor;
    const struct doctor_before *before;
    const struct doctor_start *start;
    struct doctor_program program;
    struct doctor_made_up made;
    STACK_OF(X509) *good; /* NULL: none */
    EVP_PKEY *good_key;
};

static EVP_PKEY *read_key(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;

    BIO_free(file);
    ERR_clear_error();
    return key;
}

static bool read_good(struct play *play)
{
    if (play->before->good_cert == NULL) {
        return true;
    }
    play->good = tool_read_certificates("the good certificate", play->before->good_cert);
    play->good_key = play->good != NULL ? read_key(play->before->good_key) : NULL;
    if (play->good != NULL && play->good_key == NULL) {
        tool_error("the key %s cannot be read: expected a private key in PEM, without a password",
                   play->before->good_key);
    }
    if (play->good_key != NULL && sk_X509_num(play->good) < 2) {
        tool_error("%s has no issuer in it: expected the certificate and behind it the CA's", play->before->good_cert);
        return false;
    }
    return play->good_key != NULL;
}

static void perform(const struct play *play, const char *config_name, const char *away, bool without_openssl_conf,
                    struct rehearsal *out)
{
    const struct rehearsal_settings settings = { config_name, play->before->library, away, without_openssl_conf };
    struct rehearsal_client clients[REHEARSAL_CLIENTS];
    size_t count = 0;

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        clients[count++] = (struct rehearsal_client){ play->made.client, play->made.client_key, NULL, version };
    }
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION && play->good != NULL; version++) {
        clients[count++] =
            (struct rehearsal_client){ sk_X509_value(play->good, 0), play->good_key, play->good, version };
    }
    rehearsal_play(&play->program, play->start, &settings, &play->made,
                   play->good != NULL ? sk_X509_value(play->good, sk_X509_num(play->good) - 1) : NULL, clients, count,
                   out);
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

static void say_attached(struct play *play, const char *config_name, const struct rehearsal *seen)
{
    bool own_key = config_name[0] != '\0' && config_name[0] != '=';

    if (seen->component == NULL) {
        doctor_say(play->doctor, DOCTOR_BAD, "component", "no component has come into the process%s%s%s%s%s",
                   seen->init_errors != NULL ? ": " : "", text_or(seen->init_errors, ""),
                   own_key ? "; this program takes the section that the key " : "", own_key ? config_name : "",
                   own_key ? " names, and that of openssl_conf only where there is no such key" : "");
    } else if (seen->component_of_other_version) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "component",
                   "%s is of another version than this clientct, so what it says cannot be read", seen->component);
    } else if (seen->status.attached == CT_ATTACHED) {
        doctor_say(play->doctor, DOCTOR_GOOD, "component", "%s is loaded and has hooked in", seen->component);
    } else {
        doctor_say(play->doctor, DOCTOR_BAD, "component", "%s is loaded and %s", seen->component,
                   seen->status.attached == CT_ATTACHED_OTHER_LIBCRYPTO ? DOCTOR_TAKES_NO_PART
                   : seen->status.attached == CT_ATTACHED_FAILED
                       ? "could not hook in"
                       : "was never called; openssl.cnf names it, but OpenSSL did not come to that line");
    }
}

static void say_state(struct play *play, const struct rehearsal *seen)
{
    const struct clientct_state *state = &seen->status.state;
    const char *meant = play->before->config;

    if (!seen->has_status || !seen->status.known) {
        return;
    }
    doctor_say(play->doctor, doctor_state_denies(state) ? DOCTOR_DENIES : DOCTOR_NOTE, "in force",
               "%s: %s, %zu log%s%s%s", state->config_file,
               doctor_state_denies(state) ? "refuses every certificate" : clientct_mode_name(state->mode), state->logs,
               tool_s(state->logs), state->why[0] != '\0' ? ": " : "", state->why);
    if (meant != NULL && strcmp(meant, state->config_file) != 0) {
        doctor_say(play->doctor, DOCTOR_BAD, "in force", "the process reads %s, not %s", state->config_file, meant);
    }
    if (!doctor_state_denies(state)) {
        doctor_rules(play->doctor, state->config_file);
    }
}

/* The made-up certificate must be refused, by us, for want of evidence. */
static void say_unlogged(struct play *play, const struct rehearsal_seen *seen, const char *version)
{
    static const char what[] = "a certificate that no log knows";
    const struct doctor_state *status = &seen->status;
    const char *reason = clientct_reason_name(status->last_reason);

    if (seen->in && !seen->judged) {
        doctor_say(play->doctor, DOCTOR_BAD, version, "%s was let in, and nobody judged it", what);
    } else if (seen->in && status->last_accept && status->last_mode == CLIENTCT_MODE_REPORT) {
        doctor_say(play->doctor, DOCTOR_WATCHES, version, "%s was let in, as mode = report has it (%s)", what, reason);
    } else if (seen->in) {
        doctor_say(play->doctor, DOCTOR_BAD, version, "%s was let in (mode %s, %s)", what,
                   clientct_mode_name(status->last_mode), reason);
    } else if (!seen->judged || status->last_accept) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, version,
                   "%s did not get in, and not by clientct: %s; the client saw: %s", what,
                   text_or(seen->errors, "no error"), seen->client_error);
    } else if (status->last_reason == CLIENTCT_CONFIG_ERROR || status->last_reason == CLIENTCT_INTERNAL_ERROR ||
               status->last_reason == CLIENTCT_LOG_LIST_STALE || status->last_reason == CLIENTCT_NOT_EVALUATED) {
        doctor_say(play->doctor, DOCTOR_DENIES, version, "%s was refused, as every other one is: %s", what,
                   text_or(seen->errors, reason));
    } else {
        doctor_say(play->doctor, DOCTOR_GOOD, version, "%s was refused: %s", what, text_or(seen->errors, reason));
    }
}

static void say_good(struct play *play, const struct rehearsal_seen *seen, const char *version)
{
    const struct doctor_state *status = &seen->status;

    if (seen->in && seen->judged && status->last_accept) {
        doctor_say(play->doctor, DOCTOR_GOOD, version, "%s was let in (%s)", play->before->good_cert,
                   clientct_reason_name(status->last_reason));
    } else if (seen->in) {
        doctor_say(play->doctor, DOCTOR_BAD, version, "%s was let in, and nobody judged it", play->before->good_cert);
    } else {
        doctor_say(play->doctor, DOCTOR_DENIES, version, "%s was refused: %s", play->before->good_cert,
                   text_or(seen->errors, seen->client_error));
    }
}

/* A version that is not spoken says nothing, as long as the other one is. */
static bool is_spoken(const struct rehearsal_seen *control, const struct rehearsal_seen *seen)
{
    return control->in &&
           (seen->in || seen->judged || strstr(text_or(seen->errors, ""), "unsupported protocol") == NULL);
}

static void say_clients(struct play *play, const struct rehearsal *control, const struct rehearsal *seen)
{
    bool spoken = false;

    for (int i = 0; i < 2; i++) {
        if (!is_spoken(&control->seen[i], &seen->seen[i])) {
            doctor_say(play->doctor, DOCTOR_NOTE, versions[i], "is not spoken: %s", text_or(seen->seen[i].errors, ""));
            continue;
        }
        spoken = true;
        say_unlogged(play, &seen->seen[i], versions[i]);
        if (play->good != NULL) {
            say_good(play, &seen->seen[2 + i], versions[i]);
        }
    }
    if (!spoken) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "TLS", "neither version could be tried");
    }
}

static bool has_come(const struct rehearsal *seen)
{
    return seen->component != NULL && (seen->component_of_other_version || seen->status.attached == CT_ATTACHED);
}

/* The same without the component: does the program then serve without a check? */
static void look_at_switch(struct play *play, const char *config_name, const struct rehearsal *with)
{
    struct rehearsal seen;

    if (with->component_id == NULL) {
        return;
    }
    perform(play, config_name, with->component_id, false, &seen);
    if (seen.trouble != NULL || has_come(&seen)) {
        doctor_say(play->doctor, DOCTOR_NOTE, "switch", "what comes of it without the component could not be tried: %s",
                   text_or(seen.trouble, "it came in all the same"));
    } else if (seen.seen[0].in || seen.seen[1].in) {
        doctor_say(play->doctor, DOCTOR_NOTE, "switch",
                   "without the component a certificate that no log knows is let in: there is no dead-man switch, or "
                   "it does not hold; see provider-clientct(7)");
    } else {
        doctor_say(play->doctor, DOCTOR_GOOD, "switch", "without the component nobody is served: %s",
                   text_or(seen.context_errors, text_or(seen.seen[1].errors, text_or(seen.init_errors, "no TLS"))));
    }
    rehearsal_clear(&seen);
}

/* "NAME VALUE" of another rehearsal; NULL: not there. */
static const char *setting_of(const struct rehearsal *seen, const char *setting)
{
    size_t len = strcspn(setting, " ") + 1;

    for (size_t i = 0; i < seen->setting_count; i++) {
        if (strncmp(seen->settings[i], setting, len) == 0) {
            return seen->settings[i];
        }
    }
    return NULL;
}

/* OPENSSL_CONF stands in place of the system's file: what did that one say that this one does not? */
static void look_at_systems_file(struct play *play, const char *config_name, const struct rehearsal *with)
{
    struct rehearsal systems;

    if (play->program.secure || doctor_start_getenv(play->start, "OPENSSL_CONF") == NULL) {
        return;
    }
    perform(play, config_name, NULL, true, &systems);
    for (size_t i = 0; i < systems.setting_count && with->setting_count > 0; i++) {
        const char *here = setting_of(with, systems.settings[i]);

        if (here == NULL || strcmp(here, systems.settings[i]) != 0) {
            doctor_say(play->doctor, DOCTOR_NOTE, "taken away",
                       "the system's %s makes it \"%.200s\", this one %s%.200s%s; .include it, as the example does",
                       text_or(systems.file, "openssl.cnf"), systems.settings[i], here != NULL ? "\"" : "does not",
                       text_or(here, ""), here != NULL ? "\"" : "");
        }
    }
    rehearsal_clear(&systems);
}

/* Whether the rehearsal says anything at all. */
static bool is_usable(struct play *play, const struct rehearsal *seen)
{
    if (seen->trouble != NULL) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "program", "%s: %s", play->program.path, seen->trouble);
    } else if (seen->absent != NULL) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "program",
                   "%s: %s; if a file that it loads later brings it, name that file with --library", play->program.path,
                   seen->absent);
    } else {
        return true;
    }
    return false;
}

/* How a dead-man switch shows that nobody has taken back: no algorithms, or no random numbers. */
static bool is_switch(const struct rehearsal *seen)
{
    const char *errors = text_or(seen->context_errors, "");

    return seen->component == NULL && (strstr(errors, "no ciphers") != NULL || strstr(errors, "drbg") != NULL ||
                                       strstr(errors, "clientct=") != NULL);
}

static const char switch_holds[] = "; that is what the dead-man switch is for: the component has not been loaded, and "
                                   "nobody is served without it (servers put it in words of their own: README.md)";

static void look_at_start(struct play *play, const char *config_name, const struct rehearsal *control)
{
    struct rehearsal with;

    perform(play, config_name, NULL, false, &with);
    if (!is_usable(play, &with)) {
        rehearsal_clear(&with);
        return;
    }
    if (with.file_error != 0) {
        doctor_say(play->doctor, DOCTOR_BAD, "openssl.cnf",
                   "%s cannot be opened: %s; OpenSSL then goes on without it, and says nothing",
                   text_or(with.file, "?"), strerror(with.file_error));
    } else {
        doctor_say(play->doctor, DOCTOR_NOTE, "openssl.cnf", "%s, by its key %s", text_or(with.file, "?"),
                   config_name[0] == '\0' ? "openssl_conf" : config_name + (config_name[0] == '='));
    }
    if (with.second != NULL) {
        doctor_say(play->doctor, DOCTOR_NOTE, "second",
                   "there is another OpenSSL in it, which reads the same openssl.cnf, and is reached only if the build "
                   "for it lies beside the component: %s",
                   with.second);
    }
    say_attached(play, config_name, &with);
    if (with.init_failed) {
        doctor_say(play->doctor, DOCTOR_BAD, "start", "OpenSSL cannot be initialised, and most programs then end: %s",
                   text_or(with.init_errors, "no error"));
    }
    if (with.context_failed) {
        doctor_say(play->doctor, DOCTOR_BAD, "start", "no SSL_CTX can be made, so the program cannot serve: %s%s",
                   text_or(with.context_errors, "no error"), is_switch(&with) ? switch_holds : "");
    } else {
        say_state(play, &with);
        say_clients(play, control, &with);
        look_at_switch(play, config_name, &with);
        look_at_systems_file(play, config_name, &with);
    }
    rehearsal_clear(&with);
}

/* What the stand-in cannot do in the program's stead. */
static void say_limits(struct play *play)
{
    const struct doctor_program *program = &play->program;
    char *profile = doctor_profile_of(program->path);

    if (program->own_way != NULL) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "program",
                   "it may lead its OpenSSL past openssl.cnf (by %s): --connect shows whether it does",
                   program->own_way);
    }
    if (profile != NULL) {
        doctor_say(play->doctor, DOCTOR_UNKNOWN, "program",
                   "AppArmor confines it (%s), and not what was played here: what it may read is not known; --pid and "
                   "--connect show what became of it",
                   profile);
    }
    free(profile);
}

static void look_at_program(struct play *play)
{
    const struct doctor_program *program = &play->program;
    char *named = play->before->config_name != NULL ? tool_format("=%s", play->before->config_name) : NULL;
    const char *config_name = named != NULL ? named : program->config_name;
    struct rehearsal control;

    perform(play, STAND_IN_NO_CONFIG, NULL, false, &control);
    if (is_usable(play, &control)) {
        doctor_say(play->doctor, DOCTOR_NOTE, "program", "%s%s%s has %s", text_or(program->script, ""),
                   program->script != NULL ? ", by " : "", program->path, text_or(control.library, "?"));
        if (program->secure) {
            doctor_say(play->doctor, DOCTOR_NOTE, "program",
                       "it is setuid, setgid or has file capabilities, so it ignores OPENSSL_CONF");
        }
        if (program->names_its_config && play->before->config_name == NULL) {
            doctor_say(play->doctor, DOCTOR_UNKNOWN, "program",
                       "it looks for a key of its own in openssl.cnf, which is not known here; say it with "
                       "--config-name");
        }
        say_limits(play);
        if (!control.seen[0].in && !control.seen[1].in) {
            doctor_say(play->doctor, DOCTOR_UNKNOWN, "control",
                       "without any openssl.cnf the made-up certificate does not get in either: %s",
                       text_or(control.context_errors, text_or(control.seen[1].errors, control.seen[1].client_error)));
        } else {
            doctor_say(play->doctor, DOCTOR_NOTE, "control", "without any openssl.cnf the made-up certificate gets in");
            look_at_start(play, config_name, &control);
        }
    }
    rehearsal_clear(&control);
    free(named);
}

void doctor_before_start(struct doctor *doctor, const struct doctor_before *before, const struct doctor_start *start)
{
    struct play play = { .doctor = doctor, .before = before, .start = start };
    char *why = NULL;

    if (!doctor_program_find(before->command, start, &play.program, &why)) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "program", "%s", why);
    } else if (!doctor_make_up(&play.made)) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "program", "no certificates could be made up with this tool's OpenSSL");
    } else if (!read_good(&play)) {
        doctor_say(doctor, DOCTOR_UNKNOWN, "program", "the certificate that must get in cannot be used");
    } else {
        look_at_program(&play);
    }
    free(why);
    EVP_PKEY_free(play.good_key);
    tool_certificates_free(play.good);
    doctor_made_up_clear(&play.made);
    doctor_program_clear(&play.program);
}
