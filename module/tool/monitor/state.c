/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: what is kept of a log, so that a kill at any instant loses nothing and repeats nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/monitor/monitor.h"
#include "tool/replace.h"
#include "tool/tool.h"

#define STATE_MAX_BYTES (256u * 1024)

static json_t *json_of_frontier(const struct ct_frontier *frontier)
{
    json_t *object = tool_json_object();
    json_t *hashes = tool_json_array();

    for (size_t i = 0; i < ct_frontier_count(frontier); i++) {
        tool_json_append(hashes, tool_json_hex(frontier->hashes[i].bytes, CT_HASH_LEN));
    }
    tool_json_set(object, "size", json_integer((json_int_t)frontier->size));
    tool_json_set(object, "hashes", hashes);
    return object;
}

static bool read_hash(const json_t *value, struct ct_hash *hash)
{
    return json_is_string(value) &&
           ct_unhex(json_string_value(value), json_string_length(value), hash->bytes, sizeof hash->bytes);
}

static bool read_number(const json_t *object, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(object, name);

    *out = json_is_integer(value) && json_integer_value(value) >= 0 ? (uint64_t)json_integer_value(value) : 0;
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool read_frontier(const json_t *object, struct ct_frontier *frontier)
{
    const json_t *hashes = json_object_get(object, "hashes");

    if (!read_number(object, "size", &frontier->size) || frontier->size > CT_TREE_MAX ||
        json_array_size(hashes) != ct_frontier_count(frontier)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(hashes); i++) {
        if (!read_hash(json_array_get(hashes, i), &frontier->hashes[i])) {
            return false;
        }
    }
    return true;
}

static bool read_state(const json_t *root, struct monitor_state *state)
{
    const json_t *head = json_object_get(root, "head");
    const char *note = json_string_value(json_object_get(root, "checkpoint"));
    const char *alarm = json_string_value(json_object_get(root, "alarm"));
    uint64_t checked = 0;

    if (note != NULL) {
        state->note = tool_format("%s", note);
    }
    snprintf(state->alarm, sizeof state->alarm, "%s", alarm != NULL ? alarm : "");
    bool good =
        read_number(head, "size", &state->head.size) && read_number(head, "timestamp", &state->head.timestamp_ms) &&
        read_hash(json_object_get(head, "root"), &state->head.root) &&
        read_frontier(json_object_get(root, "known"), &state->known) &&
        read_frontier(json_object_get(root, "reading"), &state->reading) &&
        read_number(root, "notice_bytes", &state->notice_bytes) &&
        read_number(root, "delivered_bytes", &state->delivered_bytes) &&
        read_number(root, "entries", &state->entries) && read_number(root, "notices", &state->notice_count) &&
        read_number(root, "unknown", &state->unknown_count) &&
        read_number(root, "unreadable", &state->unreadable_count) && read_number(root, "alarms", &state->alarm_count) &&
        read_number(root, "alarm_size", &state->alarm_size) && read_number(root, "checked", &checked) &&
        state->known.size == state->head.size && state->reading.size >= state->known.size &&
        state->delivered_bytes <= state->notice_bytes &&
        (json_object_get(root, "part") == NULL || (read_number(json_object_get(root, "part"), "from", &state->from) &&
                                                   read_number(json_object_get(root, "part"), "to", &state->to) &&
                                                   state->to > state->from && state->head.size == 0));
    state->checked_ms = (int64_t)checked;
    return good;
}

static json_t *json_of_state(const struct monitor_state *state)
{
    json_t *root = tool_json_object();
    json_t *head = tool_json_object();

    tool_json_set(head, "size", json_integer((json_int_t)state->head.size));
    tool_json_set(head, "timestamp", json_integer((json_int_t)state->head.timestamp_ms));
    tool_json_set(head, "root", tool_json_hex(state->head.root.bytes, CT_HASH_LEN));
    tool_json_set(root, "head", head);
    tool_json_set(root, "checkpoint", tool_json_text(state->note));
    tool_json_set(root, "known", json_of_frontier(&state->known));
    tool_json_set(root, "reading", json_of_frontier(&state->reading));
    if (state->to != 0) {
        json_t *part = tool_json_object();

        tool_json_set(part, "from", json_integer((json_int_t)state->from));
        tool_json_set(part, "to", json_integer((json_int_t)state->to));
        tool_json_set(root, "part", part);
    }
    tool_json_set(root, "notice_bytes", json_integer((json_int_t)state->notice_bytes));
    tool_json_set(root, "delivered_bytes", json_integer((json_int_t)state->delivered_bytes));
    tool_json_set(root, "entries", json_integer((json_int_t)state->entries));
    tool_json_set(root, "notices", json_integer((json_int_t)state->notice_count));
    tool_json_set(root, "unknown", json_integer((json_int_t)state->unknown_count));
    tool_json_set(root, "unreadable", json_integer((json_int_t)state->unreadable_count));
    tool_json_set(root, "alarms", json_integer((json_int_t)state->alarm_count));
    tool_json_set(root, "alarm", tool_json_text(state->alarm));
    tool_json_set(root, "alarm_size", json_integer((json_int_t)state->alarm_size));
    tool_json_set(root, "checked", json_integer((json_int_t)state->checked_ms));
    return root;
}

bool monitor_state_save(struct monitor_state *state)
{
    json_t *root = json_of_state(state);
    char *text = json_dumps(root, JSON_INDENT(1));
    char *path = tool_format("%s/state.json", state->folder);
    char *checkpoint = tool_format("%s/checkpoint", state->folder);
    int error = 0;

    if (text == NULL) {
        tool_out_of_memory();
    }
    if (fdatasync(state->notices) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = tool_replace_file(path, (struct ct_bytes){ (uint8_t *)text, strlen(text) }, 0640);
    }
    /* For others to compare with; the state has its own copy. */
    if (error == 0 && state->note != NULL) {
        error = tool_replace_file(checkpoint, (struct ct_bytes){ (uint8_t *)state->note, strlen(state->note) }, 0644);
    }
    if (error != 0) {
        tool_error("monitor: what is known of a log cannot be kept in %s: %s", state->folder, strerror(error));
    }
    json_decref(root);
    free(text);
    free(path);
    free(checkpoint);
    return error == 0;
}

static bool open_notices(struct monitor_state *state)
{
    char *path = tool_format("%s/notices.jsonl", state->folder);
    struct stat stat_of;
    bool good = false;

    state->notices = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (state->notices < 0 || fstat(state->notices, &stat_of) != 0) {
        tool_error("monitor: %s cannot be opened: %s", path, strerror(errno));
    } else if ((uint64_t)stat_of.st_size < state->notice_bytes) {
        tool_error("monitor: %s has %lld bytes and had %llu: notices were taken out; put them back, or move %s away "
                   "and begin anew",
                   path, (long long)stat_of.st_size, (unsigned long long)state->notice_bytes, state->folder);
    } else if (ftruncate(state->notices, (off_t)state->notice_bytes) != 0) { /* of a run that was killed */
        tool_error("monitor: %s cannot be cut: %s", path, strerror(errno));
    } else {
        good = true;
    }
    free(path);
    return good;
}

bool monitor_state_open(const char *dir, const struct ct_log *log, struct monitor_state *state)
{
    struct ct_file file = { 0 };
    char hex[2 * CT_LOG_ID_LEN + 1];
    bool good = true;
    char *path;
    int error;

    memset(state, 0, sizeof *state);
    state->notices = -1;
    ct_hex(log->id, CT_LOG_ID_LEN, hex);
    state->folder = tool_format("%s/%s", dir, hex);
    if (mkdir(state->folder, 0750) != 0 && errno != EEXIST) {
        tool_error("monitor: %s cannot be made: %s", state->folder, strerror(errno));
        return false;
    }
    path = tool_format("%s/state.json", state->folder);
    error = ct_file_read(path, STATE_MAX_BYTES, false, &file);
    if (error == 0) {
        json_t *root = json_loadb((const char *)file.data, file.len, JSON_REJECT_DUPLICATES, NULL);

        good = read_state(root, state);
        if (!good) {
            tool_error("monitor: %s is not a state of this program; move %s away to begin anew", path, state->folder);
        }
        json_decref(root);
    } else if (error != ENOENT) {
        tool_error("monitor: %s cannot be read: %s", path, strerror(error));
        good = false;
    }
    ct_file_clear(&file);
    free(path);
    return good && open_notices(state);
}

void monitor_state_close(struct monitor_state *state)
{
    if (state->notices >= 0) {
        close(state->notices);
    }
    free(state->folder);
    free(state->note);
    memset(state, 0, sizeof *state);
    state->notices = -1;
}
