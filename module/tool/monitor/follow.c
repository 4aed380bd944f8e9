/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: from the last verified tree of a log to its next one, reading every entry on the way. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "logs/answers.h"
#include "tool/monitor/follow.h"
#include "tool/tool.h"

#define CLOCK_SKEW_MS (60 * CT_SECOND_MS)
#define ANSWER_MAX_BYTES (256u * 1024)

static enum monitor_result alarm_of(struct monitor *monitor, struct monitor_log *log, const char *reason, char *text,
                                    const struct ct_tree_head *head, const char *note)
{
    monitor_say_alarm(monitor, log, reason, text, head, note);
    return MONITOR_ALARMED;
}

static enum monitor_result unreachable(struct monitor *monitor, struct monitor_log *log, char *why)
{
    free(log->trouble);
    log->trouble = why;
    log->reachable = false;
    return *monitor->ended != 0 ? MONITOR_ENDED : MONITOR_UNREACHABLE;
}

/* What the new head says by itself, beside the last one. */
static enum monitor_result look_at_head(struct monitor *monitor, struct monitor_log *log,
                                        const struct ct_tree_head *head, const char *note)
{
    const struct ct_tree_head *last = &log->state.head;

    if (log->state.note == NULL) {
        return MONITOR_IN_ORDER;
    }
    if (head->size == last->size && !ct_hash_equal(&head->root, &last->root)) {
        return alarm_of(monitor, log, "two-roots",
                        tool_format("it signed two roots for a tree of %llu entries", (unsigned long long)head->size),
                        head, note);
    }
    if (head->size < last->size && head->timestamp_ms > last->timestamp_ms) {
        return alarm_of(monitor, log, "rolled-back",
                        tool_format("it had signed a tree of %llu entries, and later one of %llu",
                                    (unsigned long long)last->size, (unsigned long long)head->size),
                        head, note);
    }
    if (head->timestamp_ms < last->timestamp_ms) {
        return alarm_of(monitor, log, "old-checkpoint",
                        tool_format("it serves a checkpoint of %llu entries that is older than the one of %llu that it "
                                    "served before",
                                    (unsigned long long)head->size, (unsigned long long)last->size),
                        head, note);
    }
    return MONITOR_IN_ORDER;
}

/* Tiles that could not be had, while the tree of `head` was looked at. */
static enum monitor_result tiles_trouble(struct monitor *monitor, struct monitor_log *log, struct source_tiles *tiles,
                                         const struct ct_tree_head *head, const char *note)
{
    char *why = tool_format("%s", tiles->why != NULL ? tiles->why : "the tiles do not fit together");

    switch (tiles->result) {
    case SOURCE_UNREACHABLE:
        return unreachable(monitor, log, why);
    case SOURCE_GONE:
        return alarm_of(monitor, log, "missing-tile", why, head, note);
    default:
        return alarm_of(monitor, log, "malformed-tile", why, head, note);
    }
}

/* Where tiles and what was signed do not fit: is it the tiles, or the tree? Takes `text`. */
static enum monitor_result blame(struct monitor *monitor, struct monitor_log *log, struct source_tiles *tiles,
                                 const struct ct_tree_head *head, const char *note, const char *reason, char *text)
{
    const struct ct_tile_source source = { source_tile, tiles };
    struct ct_hash root;

    if (!ct_tiles_root(&source, &monitor->hasher, head->size, &root)) {
        free(text);
        return tiles_trouble(monitor, log, tiles, head, note);
    }
    if (!ct_hash_equal(&root, &head->root)) {
        free(text);
        return alarm_of(monitor, log, "wrong-tiles",
                        tool_format("its tiles do not lead to the root of its checkpoint of %llu entries",
                                    (unsigned long long)head->size),
                        head, note);
    }
    return alarm_of(monitor, log, reason, text, head, note);
}

static char *forked_text(const struct ct_tree_head *old, const struct ct_tree_head *head)
{
    return tool_format("the tree of %llu entries that it signed is not the beginning of that of %llu",
                       (unsigned long long)old->size, (unsigned long long)head->size);
}

/* Is the tree of `old` the beginning of that of `head`? Asks for a few tiles, or get-sth-consistency. */
static enum monitor_result check_consistency(struct monitor *monitor, struct monitor_log *log,
                                             const struct ct_tree_head *old, const struct ct_tree_head *head,
                                             const char *note, const char *reason)
{
    struct source_tiles *tiles = calloc(1, sizeof *tiles);
    const struct ct_tile_source source = { source_tile, tiles };
    enum monitor_result result = MONITOR_IN_ORDER;
    struct ct_proof proof;

    if (tiles == NULL) {
        tool_out_of_memory();
    }
    tiles->fetch = monitor->fetch;
    tiles->source = log->source;
    if (old->size == 0 || old->size == head->size) {
        /* Nothing to ask: look_at_head has compared the roots. */
    } else if (!log->source->log->tiled) {
        char *path = tool_format("ct/v1/get-sth-consistency?first=%llu&second=%llu", (unsigned long long)old->size,
                                 (unsigned long long)head->size);
        char *url = source_url(log->source, path);
        struct fetch_reply reply = { 0 };

        fetch_start(monitor->fetch, url, log->source->log->description, NULL, ANSWER_MAX_BYTES, &reply);
        fetch_wait(monitor->fetch, &reply);
        char *trouble = fetch_trouble(&reply);
        if (trouble != NULL) {
            result = unreachable(monitor, log, tool_format("%s: %s", url, trouble));
        } else if (!ct_answer_consistency((struct ct_bytes){ reply.body, reply.len }, &proof) ||
                   !ct_consistency_holds(&monitor->hasher, old->size, &old->root, head->size, &head->root, &proof)) {
            result = alarm_of(monitor, log, reason, forked_text(old, head), head, note);
        }
        free(trouble);
        free(url);
        free(path);
        fetch_reply_clear(&reply);
    } else if (!ct_tiles_consistency(&source, &monitor->hasher, old->size, head->size, &proof)) {
        result = tiles_trouble(monitor, log, tiles, head, note);
    } else if (!ct_consistency_holds(&monitor->hasher, old->size, &old->root, head->size, &head->root, &proof)) {
        result = blame(monitor, log, tiles, head, note, reason, forked_text(old, head));
    }
    source_tiles_clear(tiles);
    free(tiles);
    return result;
}

/* All entries are read and their root is not the signed one: which entry is not what its place in the tree says? */
static enum monitor_result find_difference(struct monitor *monitor, struct monitor_log *log,
                                           const struct ct_tree_head *head, const char *note)
{
    struct source_tiles *tiles;
    enum monitor_result result;

    log->state.reading = log->state.known;
    if (!log->source->log->tiled) {
        return alarm_of(monitor, log, "wrong-entries",
                        tool_format("its entries do not lead to the root of %llu entries that it signed",
                                    (unsigned long long)head->size),
                        head, note);
    }
    tiles = calloc(1, sizeof *tiles);
    if (tiles == NULL) {
        tool_out_of_memory();
    }
    tiles->fetch = monitor->fetch;
    tiles->source = log->source;
    result = follow_read(monitor, log, head, note, tiles);
    log->state.reading = log->state.known;
    if (result == MONITOR_IN_ORDER) {
        result = blame(monitor, log, tiles, head, note, "wrong-entries",
                       tool_format("its entries did not lead to the root of %llu entries that it signed, and do when "
                                   "they are read again",
                                   (unsigned long long)head->size));
    }
    source_tiles_clear(tiles);
    free(tiles);
    return result;
}

/* A log signs its tree at least as often as it promises to publish. */
static bool is_frozen(const struct monitor_log *log, const struct ct_tree_head *head)
{
    uint64_t due = head->timestamp_ms + (uint64_t)(log->source->mmd_ms + CLOCK_SKEW_MS);

    return due >= head->timestamp_ms && due < (uint64_t)ct_now_ms();
}

static enum monitor_result accept(struct monitor *monitor, struct monitor_log *log, const struct ct_tree_head *head,
                                  char **note)
{
    struct monitor_state *state = &log->state;

    state->head = *head;
    state->known = state->reading;
    free(state->note);
    state->note = *note;
    *note = NULL;
    if (is_frozen(log, head)) {
        char when[TOOL_TIME_SIZE];

        tool_time_format(head->timestamp_ms, when);
        (void)alarm_of(monitor, log, "frozen",
                       tool_format("its latest checkpoint is of %s, longer ago than its maximum merge delay", when),
                       head, state->note);
        return monitor_state_save(state) ? MONITOR_ALARMED : MONITOR_FAILED;
    }
    state->alarm[0] = '\0';
    state->alarm_size = 0;
    state->checked_ms = ct_now_ms();
    free(log->trouble);
    log->trouble = NULL;
    return monitor_state_save(state) ? MONITOR_IN_ORDER : MONITOR_FAILED;
}

/* Of a part no root is known: that comes with the others, when they are joined. */
static enum monitor_result finish_part(struct monitor_log *log, const struct ct_tree_head *head)
{
    struct monitor_state *state = &log->state;

    state->alarm[0] = '\0';
    state->alarm_size = 0;
    free(log->trouble);
    log->trouble = NULL;
    if (monitor_position(state) < state->to) {
        tool_warning("%s: the log has %llu entries so far, and this part goes to %llu", log->source->log->description,
                     (unsigned long long)head->size, (unsigned long long)state->to);
    }
    return monitor_state_save(state) ? MONITOR_IN_ORDER : MONITOR_FAILED;
}

static enum monitor_result follow(struct monitor *monitor, struct monitor_log *log, const struct ct_tree_head *head,
                                  char **note)
{
    enum monitor_result result = look_at_head(monitor, log, head, *note);
    struct ct_hash root;

    if (result == MONITOR_IN_ORDER) {
        result = check_consistency(monitor, log, &log->state.head, head, *note, "forked");
    }
    if (result == MONITOR_IN_ORDER && log->state.to == 0 && log->state.reading.size > head->size) {
        log->state.reading = log->state.known; /* of a run before that saw a larger tree, and did not verify it */
    }
    if (result == MONITOR_IN_ORDER) {
        result = follow_read(monitor, log, head, *note, NULL);
    }
    if (result != MONITOR_IN_ORDER) {
        return result;
    }
    if (log->state.to != 0) {
        return finish_part(log, head);
    }
    ct_frontier_root(&monitor->hasher, &log->state.reading, &root);
    if (!ct_hash_equal(&root, &head->root)) {
        return find_difference(monitor, log, head, *note);
    }
    return accept(monitor, log, head, note);
}

enum monitor_result monitor_follow(struct monitor *monitor, struct monitor_log *log)
{
    enum monitor_result result;
    struct ct_tree_head head;
    const char *reason;
    char *note, *why;

    log->reachable = true;
    switch (source_head(monitor->fetch, log->source, &head, &note, &reason, &why)) {
    case SOURCE_OK:
        result = follow(monitor, log, &head, &note);
        break;
    case SOURCE_MISBEHAVES:
        result = alarm_of(monitor, log, reason, tool_format("%s", why), NULL, NULL);
        break;
    default:
        result = unreachable(monitor, log, tool_format("%s", why));
        break;
    }
    if (monitor->hasher.failed) {
        tool_out_of_memory();
    }
    free(note);
    free(why);
    if (result != MONITOR_IN_ORDER && result != MONITOR_FAILED && !monitor_state_save(&log->state)) {
        result = MONITOR_FAILED;
    }
    return result;
}

enum monitor_result monitor_compare(struct monitor *monitor, struct monitor_log *log, const char *file)
{
    const struct ct_tree_head *ours = &log->state.head;
    enum monitor_result result = MONITOR_IN_ORDER;
    struct ct_file content = { 0 };
    struct ct_tree_head theirs;
    enum ct_head_result read;
    int error = ct_file_read(file, CT_CHECKPOINT_MAX_BYTES, true, &content);
    char *note;

    if (error != 0) {
        tool_error("monitor: --compare: %s cannot be read: %s", file, strerror(error));
        return MONITOR_FAILED;
    }
    note = tool_format("%s", (const char *)content.data);
    read = ct_checkpoint_read((struct ct_bytes){ content.data, content.len }, log->source->origin, log->source->log,
                              &theirs);
    if (read != CT_HEAD_OK) {
        tool_error("monitor: --compare: %s: %s: %s", file, ct_head_result_name(read), ct_head_result_text(read));
        result = MONITOR_FAILED;
    } else if (theirs.size == ours->size && !ct_hash_equal(&theirs.root, &ours->root)) {
        result = alarm_of(
            monitor, log, "two-faces",
            tool_format("it shows another monitor another tree of %llu entries", (unsigned long long)theirs.size),
            &theirs, note);
    } else if (theirs.size != ours->size && log->state.note != NULL) {
        bool older = theirs.size < ours->size;

        result = check_consistency(monitor, log, older ? &theirs : ours, older ? ours : &theirs, note, "two-faces");
    }
    free(note);
    ct_file_clear(&content);
    if (result == MONITOR_ALARMED && !monitor_state_save(&log->state)) {
        result = MONITOR_FAILED;
    }
    return result;
}
