/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: what is said about an entry or a log; kept first, then printed and given to the hook. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/monitor/monitor.h"
#include "tool/replace.h"
#include "tool/tool.h"

#define HOOK_SECONDS 60
#define NAMES_MAX 64       /* alternative names in a notice */
#define NAME_MAX_BYTES 512 /* of one of them */
#define LINE_MAX_BYTES ((size_t)256 * 1024)

/* Whether it was there; it is now. Four places for each key, the oldest gives way. */
static bool remember(struct monitor_log *log, uint64_t key)
{
    uint64_t *bucket = &log->recent[key % (MONITOR_RECENT / 4) * 4];

    for (size_t i = 0; i < 4; i++) {
        if (bucket[i] == key) {
            return true;
        }
    }
    memmove(bucket + 1, bucket, 3 * sizeof *bucket);
    bucket[0] = key;
    return false;
}

void monitor_recall(struct monitor_log *log)
{
    static const char word[] = "\"clientct.notice\":\"";
    FILE *file = fdopen(dup(log->state.notices), "re");
    char *line = NULL;
    size_t room = 0;

    log->recent = calloc(MONITOR_RECENT, sizeof *log->recent);
    if (log->recent == NULL || file == NULL) {
        tool_out_of_memory();
    }
    rewind(file);
    while (getline(&line, &room, file) > 0) {
        const char *at = strstr(line, word);
        uint8_t key[8];

        if (at != NULL && ct_unhex(at + strlen(word), 16, key, sizeof key)) {
            uint64_t value;

            memcpy(&value, key, sizeof value);
            (void)remember(log, value);
        }
    }
    free(line);
    fclose(file);
}

static void append(struct monitor_log *log, json_t *notice)
{
    char *text = json_dumps(notice, JSON_COMPACT | JSON_ENSURE_ASCII);
    char *line = text != NULL ? tool_format("%s\n", text) : NULL;
    size_t len = line != NULL ? strlen(line) : 0, done = 0;

    if (line == NULL) {
        tool_out_of_memory();
    }
    while (done < len) {
        ssize_t n = pwrite(log->state.notices, line + done, len - done, (off_t)(log->state.notice_bytes + done));

        if (n < 0 && errno != EINTR) {
            tool_error("monitor: a notice cannot be kept in %s: %s", log->state.folder, strerror(errno));
            exit(TOOL_UNDECIDED); /* what was read since the last state was saved is read again next time */
        }
        done += n > 0 ? (size_t)n : 0;
    }
    log->state.notice_bytes += len;
    free(line);
    free(text);
    json_decref(notice);
}

static json_t *begin(const struct monitor_log *log, const char *action, const char *reason)
{
    const struct ct_log *of = log->source->log;
    json_t *notice = tool_json_object();

    tool_json_set(notice, "@timestamp", tool_json_time(ct_now_ms()));
    tool_json_set(notice, "event.module", tool_json_text("clientct"));
    tool_json_set(notice, "event.kind", tool_json_text("alert"));
    tool_json_set(notice, "event.action", tool_json_text(action));
    tool_json_set(notice, "event.reason", tool_json_text(reason));
    tool_json_set(notice, "clientct.log", tool_json_text(of->description));
    tool_json_set(notice, "clientct.log_id", tool_json_hex(of->id, CT_LOG_ID_LEN));
    return notice;
}

static json_t *json_of_name(struct ct_bytes der)
{
    const uint8_t *at = der.data;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    char *text = name != NULL ? tool_name(name) : NULL;
    json_t *value = tool_json_text(text);

    free(text);
    X509_NAME_free(name);
    return value;
}

/* "uri:spiffe://…", as OpenSSL writes them but without its capitals. */
static json_t *json_of_names(struct ct_bytes names)
{
    struct ct_reader r = ct_reader_of(names);
    json_t *array = tool_json_array();
    struct ct_bytes value;
    unsigned kind;

    while (json_array_size(array) < NAMES_MAX && ct_identity_next_name(&r, &kind, &value)) {
        const char *word = kind == CT_NAME_URI     ? "uri"
                           : kind == CT_NAME_EMAIL ? "email"
                           : kind == CT_NAME_DNS   ? "dns"
                                                   : NULL;
        char *text = word == NULL ? NULL
                                  : tool_escaped((const char *)value.data,
                                                 value.len < NAME_MAX_BYTES ? value.len : NAME_MAX_BYTES);
        char *whole = word == NULL ? tool_format("other:%u", kind) : tool_format("%s:%s", word, text);

        tool_json_append(array, tool_json_text(whole));
        free(whole);
        free(text);
    }
    return array;
}

static json_t *json_of_serial(struct ct_bytes serial)
{
    char text[2 * 64 + 1];

    ct_hex(serial.data, serial.len < 64 ? serial.len : 64, text);
    for (char *at = text; *at != '\0'; at++) {
        *at = (char)(*at >= 'a' && *at <= 'f' ? *at - 32 : *at); /* upper case, as ECS wants it */
    }
    return tool_json_text(text);
}

static void put_identity(json_t *notice, const struct monitor_settings *settings, const struct monitor_entry *found)
{
    const struct ct_identity *identity = found->identity;
    json_t *watches = tool_json_array();

    tool_json_set(notice, "tls.client.x509.serial_number", json_of_serial(identity->serial));
    tool_json_set(notice, "tls.client.subject", json_of_name(identity->subject));
    tool_json_set(notice, "tls.client.issuer", json_of_name(identity->issuer));
    tool_json_set(notice, "tls.client.not_before", tool_json_time(identity->not_before_ms));
    tool_json_set(notice, "tls.client.not_after", tool_json_time(identity->not_after_ms));
    tool_json_set(notice, "tls.client.x509.alternative_names", json_of_names(identity->alternative_names));
    for (size_t i = 0; i < settings->watches.count; i++) {
        if (found->watches >> i & 1) {
            tool_json_append(watches, tool_json_text(settings->watches.items[i].name));
        }
    }
    tool_json_set(notice, "clientct.watches", watches);
}

void monitor_say_entry(struct monitor *monitor, struct monitor_log *log, const struct monitor_entry *found)
{
    const struct monitor_settings *settings = monitor->settings;
    const struct ct_log_entry *entry = found->entry;
    const char *reason = "unreadable";
    struct ca_record *record = NULL;
    struct ct_hash hash;
    json_t *notice;
    uint64_t key;
    char hex[17];

    ct_hash_parts(&monitor->hasher, &entry->body, 1, &hash);
    if (found->identity != NULL) {
        key = ca_identity_key(&monitor->hasher, found->identity);
        switch (ca_records_find(&settings->known, found->identity, key, &record)) {
        case RECORD_NONE:
            reason = settings->has_known ? "not-in-records" : "matched";
            break;
        case RECORD_OTHER:
            reason = "serial-number-of-another";
            break;
        case RECORD_SAME:
            reason = "in-records";
            break;
        }
    } else {
        memcpy(&key, hash.bytes, sizeof key);
    }
    if (remember(log, key)) {
        return;
    }
    notice = begin(log, "log-entry", reason);
    ct_hex((const uint8_t *)&key, sizeof key, hex);
    tool_json_set(notice, "clientct.notice", tool_json_text(hex));
    tool_json_set(notice, "clientct.entry.index", json_integer((json_int_t)found->index));
    tool_json_set(notice, "clientct.entry.type",
                  tool_json_text(entry->type == CT_ENTRY_PRECERT ? "precertificate" : "certificate"));
    tool_json_set(notice, "clientct.entry.timestamp",
                  entry->timestamp_ms <= INT64_MAX ? tool_json_time((int64_t)entry->timestamp_ms) : json_null());
    if (entry->type == CT_ENTRY_X509) {
        char sha256[65];

        ct_hex(hash.bytes, sizeof hash.bytes, sha256);
        for (char *at = sha256; *at != '\0'; at++) {
            *at = (char)(*at >= 'a' ? *at - 32 : *at);
        }
        tool_json_set(notice, "tls.client.hash.sha256", tool_json_text(sha256));
    }
    if (found->identity != NULL) {
        put_identity(notice, settings, found);
    }
    log->state.notice_count++;
    log->state.unreadable_count += found->identity == NULL;
    log->state.unknown_count += record == NULL;
    monitor->found |= record == NULL;
    append(log, notice);
}

void monitor_say_alarm(struct monitor *monitor, struct monitor_log *log, const char *reason, char *text,
                       const struct ct_tree_head *head, const char *note)
{
    struct monitor_state *state = &log->state;
    uint64_t size = head != NULL ? head->size : 0;
    json_t *notice;

    monitor->found = true;
    free(log->trouble);
    log->trouble = text;
    if (strcmp(state->alarm, reason) == 0 && state->alarm_size == size) {
        return;
    }
    state->alarm_count++;
    notice = begin(log, "log-alarm", reason);
    tool_json_set(notice, "message", tool_json_text(text));
    tool_json_set(notice, "clientct.tree.size", head != NULL ? json_integer((json_int_t)size) : json_null());
    tool_json_set(notice, "clientct.tree.known_size", json_integer((json_int_t)state->head.size));
    if (note != NULL) {
        /* Two notes that the log signed and that cannot both be true convince anybody. */
        char *path = tool_format("%s/alarm-%llu.checkpoint", state->folder, (unsigned long long)state->alarm_count);
        char *both = tool_format("%s\n%s", note, state->note != NULL ? state->note : "");

        if (tool_replace_file(path, (struct ct_bytes){ (uint8_t *)both, strlen(both) }, 0644) == 0) {
            tool_json_set(notice, "clientct.evidence", tool_json_text(path));
        }
        free(both);
        free(path);
    }
    snprintf(state->alarm, sizeof state->alarm, "%s", reason);
    state->alarm_size = size;
    append(log, notice);
}

/* --- delivery --- */

static const char *text_of(const json_t *notice, const char *name)
{
    const char *text = json_string_value(json_object_get(notice, name));

    return text != NULL ? text : "";
}

static char *summary_of(const json_t *notice)
{
    if (strcmp(text_of(notice, "event.action"), "log-alarm") == 0) {
        return tool_format("%s: %s: %s", text_of(notice, "clientct.log"), text_of(notice, "event.reason"),
                           text_of(notice, "message"));
    }
    return tool_format("%s: entry %lld, %s: %s, serial %s, issued by %s", text_of(notice, "clientct.log"),
                       (long long)json_integer_value(json_object_get(notice, "clientct.entry.index")),
                       text_of(notice, "event.reason"), text_of(notice, "tls.client.subject"),
                       text_of(notice, "tls.client.x509.serial_number"), text_of(notice, "tls.client.issuer"));
}

static void wait_for(pid_t child, const char *hook)
{
    const struct timespec pause = { .tv_nsec = 20000000 };
    int64_t end = ct_monotonic_ms() + HOOK_SECONDS * CT_SECOND_MS;
    int status = 0;
    pid_t got;

    while ((got = waitpid(child, &status, WNOHANG)) == 0 && ct_monotonic_ms() < end) {
        nanosleep(&pause, NULL);
    }
    if (got == 0) {
        kill(child, SIGKILL);
        (void)waitpid(child, &status, 0);
        tool_warning("monitor: the hook %s was ended after %d s", hook, HOOK_SECONDS);
    } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        tool_warning("monitor: the hook %s failed (status %d); the notice is kept in notices.jsonl", hook,
                     WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
}

/* The notice as JSON on standard input, the main things in the environment as well. */
static void run_hook(const char *hook, const char *line, size_t len, const json_t *notice, const char *summary)
{
    static const char *const names[][2] = {
        { "ACTION", "event.action" },        { "REASON", "event.reason" },
        { "LOG", "clientct.log" },           { "SERIAL_NUMBER", "tls.client.x509.serial_number" },
        { "SUBJECT", "tls.client.subject" }, { "ISSUER", "tls.client.issuer" }
    };
    char path[] = "/tmp/clientct-notice-XXXXXX";
    char *argv[] = { (char *)hook, NULL };
    posix_spawn_file_actions_t actions;
    pid_t child;
    int error;
    int fd = mkstemp(path);

    if (fd < 0 || write(fd, line, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0) {
        tool_warning("monitor: the hook %s was not run: no temporary file: %s", hook, strerror(errno));
        if (fd >= 0) {
            unlink(path);
            close(fd);
        }
        return;
    }
    unlink(path);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *name = tool_format("CLIENTCT_%s", names[i][0]);

        setenv(name, text_of(notice, names[i][1]), 1);
        free(name);
    }
    setenv("CLIENTCT_SUMMARY", summary, 1);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        tool_out_of_memory();
    }
    error = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    if (error == 0) {
        extern char **environ;

        error = posix_spawn(&child, hook, &actions, NULL, argv, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(fd);
    if (error != 0) {
        tool_warning("monitor: the hook %s cannot be run: %s", hook, strerror(error));
        return;
    }
    wait_for(child, hook);
}

static void deliver(const struct monitor_settings *settings, const char *line, size_t len)
{
    json_t *notice = json_loadb(line, len, 0, NULL);
    char *summary = summary_of(notice);
    bool known = strcmp(text_of(notice, "event.reason"), "in-records") == 0;

    if (settings->json) {
        fwrite(line, 1, len, stdout);
    } else {
        tool_put(known ? TOOL_DIM : TOOL_BAD, "%s", summary);
        tool_end_line();
    }
    fflush(stdout);
    if (settings->hook != NULL && !known) {
        run_hook(settings->hook, line, len, notice, summary);
    }
    free(summary);
    json_decref(notice);
}

void monitor_deliver(struct monitor *monitor, struct monitor_log *log)
{
    struct monitor_state *state = &log->state;
    uint64_t saved = state->delivered_bytes;
    char *buffer = malloc(LINE_MAX_BYTES);

    if (buffer == NULL) {
        tool_out_of_memory();
    }
    while (state->delivered_bytes < state->notice_bytes) {
        ssize_t n = pread(state->notices, buffer, LINE_MAX_BYTES, (off_t)state->delivered_bytes);
        char *end = n > 0 ? memchr(buffer, '\n', (size_t)n) : NULL;

        if (end == NULL) {
            tool_error("monitor: the notices in %s are damaged", state->folder);
            state->delivered_bytes = state->notice_bytes;
            break;
        }
        deliver(monitor->settings, buffer, (size_t)(end + 1 - buffer));
        state->delivered_bytes += (uint64_t)(end + 1 - buffer);
        if (monitor->settings->hook != NULL && !monitor_state_save(state)) {
            break; /* a hook runs once, unless we are killed between it and this */
        }
        saved = monitor->settings->hook != NULL ? state->delivered_bytes : saved;
    }
    if (saved != state->delivered_bytes) {
        (void)!monitor_state_save(state);
    }
    free(buffer);
}
