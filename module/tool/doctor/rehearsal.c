/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clientct/process_status.h>

#include "base/clock.h"
#include "tool/doctor/rehearsal.h"
#include "tool/doctor/stand_in.h"
#include "tool/tool.h"

#define PATIENCE_MS 20000
#define WORDS_MAX (256u * 1024)

/* The bytes of the stand-in, built from stand_in.c. */
extern const unsigned char doctor_stand_in[];
extern const size_t doctor_stand_in_len;

extern char **environ;

/* What goes into the child; -1: not open. */
struct stage {
    int stand_in, material, words[2], errors;
    int clients[REHEARSAL_CLIENTS][2];
    size_t client_count;
    int64_t deadline_ms;
};

static void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static bool write_all(int fd, const void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t now = write(fd, (const char *)data + done, len - done);
        if (now <= 0) {
            return false;
        }
        done += (size_t)now;
    }
    return true;
}

static bool write_blob(int fd, unsigned char *der, int len)
{
    unsigned char head[4] = { 0, 0, (unsigned char)(len >> 8), (unsigned char)len };
    bool written = len >= 0 && len < 65536 && write_all(fd, head, sizeof head) && write_all(fd, der, (size_t)len);

    OPENSSL_free(der);
    return written;
}

static bool write_certificate(int fd, X509 *certificate)
{
    unsigned char *der = NULL;
    int len = certificate != NULL ? i2d_X509(certificate, &der) : 0;

    return write_blob(fd, der, len);
}

static bool set_stage(struct stage *stage, const struct doctor_made_up *made, X509 *other_ca)
{
    unsigned char *key = NULL;
    int len;

    stage->stand_in = memfd_create("clientct-doctor", MFD_CLOEXEC);
    stage->material = memfd_create("clientct-doctor-material", MFD_CLOEXEC);
    stage->errors = memfd_create("clientct-doctor-errors", MFD_CLOEXEC);
    if (stage->stand_in < 0 || stage->material < 0 || stage->errors < 0 ||
        !write_all(stage->stand_in, doctor_stand_in, doctor_stand_in_len) ||
        !write_certificate(stage->material, made->server) || (len = i2d_PrivateKey(made->server_key, &key)) <= 0 ||
        !write_blob(stage->material, key, len) || !write_certificate(stage->material, made->ca) ||
        !write_certificate(stage->material, other_ca) || lseek(stage->material, 0, SEEK_SET) != 0 ||
        pipe2(stage->words, O_CLOEXEC) != 0) {
        return false;
    }
    for (size_t i = 0; i < stage->client_count; i++) {
        const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 / 2 };

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, stage->clients[i]) != 0 ||
            setsockopt(stage->clients[i][0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
            setsockopt(stage->clients[i][0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) {
            return false;
        }
    }
    return true;
}

static void clear_stage(struct stage *stage)
{
    close_one(&stage->stand_in);
    close_one(&stage->material);
    close_one(&stage->errors);
    close_one(&stage->words[0]);
    close_one(&stage->words[1]);
    for (size_t i = 0; i < REHEARSAL_CLIENTS; i++) {
        close_one(&stage->clients[i][0]);
        close_one(&stage->clients[i][1]);
    }
}

static bool starts_with_one_of(const char *text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strncmp(text, *names, strlen(*names)) == 0) {
            return true;
        }
    }
    return false;
}

/* To be freed, not the strings in it. */
static char **environment_of(const struct doctor_program *program, const struct doctor_start *start,
                             bool without_openssl_conf)
{
    static const char *const secure[] = { "OPENSSL_", "SSL_", "LD_", NULL };
    static const char *const conf[] = { "OPENSSL_CONF=", NULL };
    char **from = start->environment != NULL ? start->environment : environ;
    size_t count = 0;
    char **to;

    while (from[count] != NULL) {
        count++;
    }
    to = calloc(count + 1, sizeof *to);
    if (to == NULL) {
        tool_out_of_memory();
    }
    for (char **out = to; *from != NULL; from++) {
        if (!(program->secure && starts_with_one_of(*from, secure)) &&
            !(without_openssl_conf && starts_with_one_of(*from, conf))) {
            *out++ = *from;
        }
    }
    return to;
}

static bool keep(int fd)
{
    return fcntl(fd, F_SETFD, 0) == 0;
}

/* In the child. `list`: only show what would be loaded, into `errors`. */
static noreturn void execute(const struct stage *stage, const struct doctor_program *program,
                             const struct doctor_start *start, const struct rehearsal_settings *settings, bool list)
{
    char preload[64], words[16], material[16], clients[16 * REHEARSAL_CLIENTS] = "";
    const char *arguments[] = { program->loader,
                                "--preload",
                                preload,
                                list ? "--list" : program->path,
                                list ? program->path : words,
                                list ? NULL : material,
                                clients,
                                settings->config_name,
                                settings->library != NULL ? settings->library : "",
                                settings->away != NULL ? settings->away : "",
                                NULL };
    char **environment = environment_of(program, start, settings->without_openssl_conf);
    bool ready = true;

    snprintf(preload, sizeof preload, "/proc/self/fd/%d", stage->stand_in);
    snprintf(words, sizeof words, "%d", stage->words[1]);
    snprintf(material, sizeof material, "%d", stage->material);
    for (size_t i = 0; i < stage->client_count; i++) {
        size_t used = strlen(clients);
        snprintf(clients + used, sizeof clients - used, "%s%d", i > 0 ? "," : "", stage->clients[i][1]);
        ready = ready && keep(stage->clients[i][1]);
    }
    ready = ready && keep(stage->stand_in) && keep(stage->words[1]) && keep(stage->material);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    ready = ready && nothing >= 0 && dup2(nothing, 0) == 0 && dup2(list ? stage->errors : nothing, 1) == 1 &&
            dup2(stage->errors, 2) == 2;
    if (!ready || !doctor_start_become(start)) {
        dprintf(2, "the user, the root directory or the view of the files cannot be taken on: %s\n", strerror(errno));
        _exit(126);
    }
    execve(program->loader, (char *const *)arguments, environment);
    dprintf(2, "%s cannot be executed: %s\n", program->loader, strerror(errno));
    _exit(126);
}

/* The end of what the child wrote to standard error, on one line, to be freed. */
static char *errors_of(const struct stage *stage)
{
    char text[16384];
    ssize_t len = pread(stage->errors, text, sizeof text - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\n' || *at == '\t' ? ' ' : *at;
    }
    return tool_format("%s", text);
}

/* Its exit status; -1: it was ended by a signal or had to be killed. */
static int wait_for(pid_t child, int64_t deadline_ms)
{
    int status = 0;
    pid_t got;

    while ((got = waitpid(child, &status, WNOHANG)) == 0 && ct_monotonic_ms() < deadline_ms) {
        poll(NULL, 0, 5);
    }
    if (got == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return -1;
    }
    return got == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Whether the loader takes the stand-in in. Where it cannot (a file system without execution, another C library), it
 * would run the program itself, and say so too late.
 */
static bool is_taken_in(struct stage *stage, const struct doctor_program *program, const struct doctor_start *start,
                        const struct rehearsal_settings *settings, char **trouble)
{
    char wanted[64];
    pid_t child = fork();
    int status;

    if (child == 0) {
        execute(stage, program, start, settings, true);
    }
    status = child > 0 ? wait_for(child, stage->deadline_ms) : -1;
    char *said = errors_of(stage);
    snprintf(wanted, sizeof wanted, "/proc/self/fd/%d (", stage->stand_in);
    if (status == 0 && strstr(said, wanted) != NULL && strstr(said, "cannot be preloaded") == NULL &&
        strstr(said, "not found") == NULL) {
        free(said);
        return ftruncate(stage->errors, 0) == 0 && lseek(stage->errors, 0, SEEK_SET) == 0;
    }
    *trouble = tool_format("its dynamic loader says: %.600s", said);
    free(said);
    return false;
}

static void connect_client(const struct rehearsal_client *client, int fd, struct rehearsal_seen *seen)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;
    char answer[16];

    ERR_clear_error();
    if (ctx != NULL && SSL_CTX_set_min_proto_version(ctx, client->version) == 1 &&
        SSL_CTX_set_max_proto_version(ctx, client->version) == 1 &&
        SSL_CTX_use_cert_and_key(ctx, client->certificate, client->key, client->chain, 1) == 1 &&
        (ssl = SSL_new(ctx)) != NULL && SSL_set_fd(ssl, fd) == 1) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        seen->played = true;
        seen->in = SSL_connect(ssl) == 1 && SSL_read(ssl, answer, sizeof answer) == sizeof STAND_IN_ANSWER - 1 &&
                   memcmp(answer, STAND_IN_ANSWER, sizeof STAND_IN_ANSWER - 1) == 0;
    }
    if (!seen->in) {
        const char *text = ERR_reason_error_string(ERR_peek_error());
        snprintf(seen->client_error, sizeof seen->client_error, "%s",
                 text != NULL ? text : "the connection ended without a word");
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    ERR_clear_error();
}

static void replace(char **text, const char *value)
{
    free(*text);
    *text = tool_format("%s", value);
}

static void append(char **text, const char *value)
{
    char *before = *text;

    *text = before != NULL && before[0] != '\0' ? tool_format("%s; %s", before, value) : tool_format("%s", value);
    free(before);
}

static bool take_status(const char *hex, struct doctor_state *status)
{
    uint8_t bytes[sizeof(struct ct_process_status)];

    if (strlen(hex) != 2 * sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            return false;
        }
        bytes[i] = (uint8_t)byte;
    }
    return doctor_status_parse((struct ct_bytes){ bytes, sizeof bytes }, status) == DOCTOR_STATUS_OK;
}

static void take_status_of(struct rehearsal *out, const char *hex, struct rehearsal_seen *last)
{
    uint64_t verdicts = out->status.verdicts;

    if (!take_status(hex, &out->status)) {
        return;
    }
    out->has_status = true;
    out->component_of_other_version = false;
    if (last != NULL) {
        last->status = out->status;
        last->judged = out->status.verdicts > verdicts;
    }
}

/* One line of the stand-in; `*errors` is where the errors that belong to it go. */
static void take_word(struct rehearsal *out, const char *word, char *rest, char ***errors, struct rehearsal_seen **last)
{
    if (strcmp(word, "library") == 0) {
        replace(&out->library, rest);
    } else if (strcmp(word, "second") == 0) {
        replace(&out->second, rest);
    } else if (strcmp(word, "absent") == 0) {
        replace(&out->absent, rest);
    } else if (strcmp(word, "file") == 0) {
        out->file_error = atoi(rest);
        replace(&out->file, strchr(rest, ' ') != NULL ? strchr(rest, ' ') + 1 : "");
    } else if (strcmp(word, "setting") == 0 && out->setting_count < REHEARSAL_SETTINGS) {
        out->settings[out->setting_count++] = tool_format("%s", rest);
    } else if (strcmp(word, "init-failed") == 0) {
        out->init_failed = true;
        *errors = &out->init_errors;
    } else if (strcmp(word, "context-failed") == 0) {
        out->context_failed = true;
        *errors = &out->context_errors;
    } else if (strcmp(word, "component") == 0) {
        char *path = strchr(rest, ' ');
        if (path != NULL) {
            *path = '\0';
            replace(&out->component, path + 1);
            replace(&out->component_id, rest);
            out->component_of_other_version = true; /* until it has said something that we understand */
        }
    } else if (strcmp(word, "client") == 0) {
        long number = strtol(rest, NULL, 10);
        if (number >= 0 && number < REHEARSAL_CLIENTS) {
            *last = &out->seen[number];
            (*last)->played = true;
            *errors = &(*last)->errors;
        }
    } else if (strcmp(word, "status") == 0) {
        take_status_of(out, rest, *last);
    } else if (strcmp(word, "error") == 0) {
        append(*errors, rest);
    } else if (strcmp(word, "end") == 0) {
        out->complete = true;
    }
}

static void take_words(struct rehearsal *out, char *text)
{
    char **errors = &out->init_errors;
    struct rehearsal_seen *last = NULL;
    char *save = NULL;

    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *rest = strchr(line, ' ');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        take_word(out, line, rest != NULL ? rest : line + strlen(line), &errors, &last);
    }
}

/* Until the child closes them, or time is up; to be freed. */
static char *read_words(const struct stage *stage)
{
    char *text = calloc(1, WORDS_MAX + 1);
    size_t len = 0;

    if (text == NULL) {
        tool_out_of_memory();
    }
    while (len < WORDS_MAX) {
        struct pollfd ready = { .fd = stage->words[0], .events = POLLIN };
        int64_t left = stage->deadline_ms - ct_monotonic_ms();
        ssize_t now;

        if (left <= 0 || poll(&ready, 1, (int)left) <= 0 ||
            (now = read(stage->words[0], text + len, WORDS_MAX - len)) <= 0) {
            break;
        }
        len += (size_t)now;
    }
    return text;
}

void rehearsal_play(const struct doctor_program *program, const struct doctor_start *start,
                    const struct rehearsal_settings *settings, const struct doctor_made_up *made, X509 *other_ca,
                    const struct rehearsal_client *clients, size_t client_count, struct rehearsal *out)
{
    struct stage stage = { -1,
                           -1,
                           { -1, -1 },
                           -1,
                           { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } },
                           client_count,
                           ct_monotonic_ms() + PATIENCE_MS };
    pid_t child = -1;
    char *words;

    memset(out, 0, sizeof *out);
    if (!set_stage(&stage, made, other_ca)) {
        out->trouble = tool_format("no room to play it: %s", strerror(errno));
    } else if (is_taken_in(&stage, program, start, settings, &out->trouble) && (child = fork()) == 0) {
        execute(&stage, program, start, settings, false);
    }
    if (child > 0) {
        close_one(&stage.words[1]);
        for (size_t i = 0; i < client_count; i++) {
            close_one(&stage.clients[i][1]);
        }
        for (size_t i = 0; i < client_count; i++) {
            connect_client(&clients[i], stage.clients[i][0], &out->seen[i]);
            close_one(&stage.clients[i][0]);
        }
        words = read_words(&stage);
        for (size_t i = 0; i < client_count; i++) {
            out->seen[i].played = false; /* by the server's word */
        }
        take_words(out, words);
        free(words);
        wait_for(child, stage.deadline_ms);
        if (!out->complete && !out->context_failed && out->absent == NULL) {
            char *said = errors_of(&stage);
            out->trouble = tool_format("the rehearsal ended early%s%.600s", said[0] != '\0' ? ": " : "", said);
            free(said);
        }
    }
    clear_stage(&stage);
}

void rehearsal_clear(struct rehearsal *rehearsal)
{
    free(rehearsal->trouble);
    free(rehearsal->library);
    free(rehearsal->second);
    free(rehearsal->absent);
    free(rehearsal->component);
    free(rehearsal->component_id);
    free(rehearsal->file);
    free(rehearsal->init_errors);
    free(rehearsal->context_errors);
    for (size_t i = 0; i < rehearsal->setting_count; i++) {
        free(rehearsal->settings[i]);
    }
    for (size_t i = 0; i < REHEARSAL_CLIENTS; i++) {
        free(rehearsal->seen[i].errors);
    }
    memset(rehearsal, 0, sizeof *rehearsal);
}
