/* SPDX-License-Identifier: Apache-2.0 */
/* clientct monitor: every entry of a log, in order, several questions ahead. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "logs/answers.h"
#include "tool/monitor/follow.h"
#include "tool/tool.h"

#define AHEAD 6                              /* questions that are on their way while one is read */
#define BUNDLE_MAX_BYTES (32u * 1024 * 1024) /* 256 entries of 128 KiB; logs take less */
#define ISSUER_MAX_BYTES (64u * 1024)
#define PAGE_MAX 256u     /* entries asked for with get-entries */
#define SAVE_EVERY 65536u /* entries */
#define SAVE_AFTER_MS (10 * CT_SECOND_MS)

/* One question: entries [start, start + count) */
struct question {
    struct fetch_reply reply;
    uint64_t start;
    unsigned count;
    bool whole; /* the full tile was asked for in place of a partial one */
};

struct reading {
    struct monitor *monitor;
    struct monitor_log *log;
    const struct ct_tree_head *head;
    const char *note;
    uint64_t end;               /* of what is to be read: of the tree, or of the part */
    struct source_tiles *tiles; /* to compare with; NULL: not */
    struct question questions[AHEAD];
    size_t first, asked; /* of the ring */
    uint64_t next;       /* entry to ask for */
    unsigned page;       /* entries that the log gives at once */
    uint64_t saved;      /* position */
    int64_t saved_ms;
};

static bool is_tiled(const struct reading *reading)
{
    return reading->log->source->log->tiled;
}

static char *question_url(const struct reading *reading, const struct question *question)
{
    struct ct_tile tile = { CT_TILE_DATA, question->start / CT_TILE_WIDTH,
                            question->whole ? CT_TILE_WIDTH : question->count };
    char path[CT_TILE_PATH_SIZE];

    if (is_tiled(reading)) {
        ct_tile_path(&tile, path);
        return source_url(reading->log->source, path);
    }
    char *query = tool_format("ct/v1/get-entries?start=%llu&end=%llu", (unsigned long long)question->start,
                              (unsigned long long)(question->start + question->count - 1));
    char *url = source_url(reading->log->source, query);
    free(query);
    return url;
}

static void ask(struct reading *reading, struct question *question)
{
    char *url = question_url(reading, question);

    fetch_start(reading->monitor->fetch, url, reading->log->source->log->description, NULL, BUNDLE_MAX_BYTES,
                &question->reply);
    free(url);
}

static void ask_ahead(struct reading *reading)
{
    while (reading->asked < AHEAD && reading->next < reading->end) {
        struct question *question = &reading->questions[(reading->first + reading->asked) % AHEAD];
        uint64_t left = reading->end - reading->next;

        question->start = reading->next;
        question->whole = false;
        question->count = left < reading->page ? (unsigned)left : reading->page;
        if (is_tiled(reading)) {
            question->start -= question->start % CT_TILE_WIDTH;
            question->count = ct_tile_width(CT_TILE_DATA, question->start / CT_TILE_WIDTH, reading->head->size);
        }
        if (question->count == 0) {
            break; /* larger than any tiled log: caught by ct_checkpoint_read's limits for others */
        }
        reading->next = question->start + question->count;
        ask(reading, question);
        reading->asked++;
    }
}

/* What was asked ahead is not wanted any more. */
static void drop_all(struct reading *reading)
{
    fetch_cancel(reading->monitor->fetch);
    reading->asked = 0;
    reading->next = monitor_position(&reading->log->state);
}

static enum monitor_result complain(struct reading *reading, const char *reason, char *text)
{
    monitor_say_alarm(reading->monitor, reading->log, reason, text, reading->head, reading->note);
    return MONITOR_ALARMED;
}

static bool issuer_of_certificate(struct monitor *monitor, struct ct_bytes der, uint8_t sha256[32])
{
    struct ct_identity identity;
    struct ct_hash hash;

    if (!ct_identity_of_certificate(der, &identity)) {
        return false;
    }
    ct_hash_parts(&monitor->hasher, &identity.spki, 1, &hash);
    memcpy(sha256, hash.bytes, 32);
    return true;
}

/* Tiled logs publish each issuer once, under its hash; the few that there are stay known. */
static bool issuer_key(void *context, const struct ct_log_entry *entry, uint8_t sha256[32])
{
    struct reading *reading = context;
    struct monitor_log *log = reading->log;
    struct fetch_reply reply = { 0 };
    char hex[65];
    bool good;

    if (!is_tiled(reading)) {
        return entry->issuer.len > 0 && issuer_of_certificate(reading->monitor, entry->issuer, sha256);
    }
    if (entry->fingerprints.len < CT_HASH_LEN) {
        return false;
    }
    for (size_t i = 0; i < log->issuer_count; i++) {
        if (memcmp(log->issuers[i].fingerprint, entry->fingerprints.data, CT_HASH_LEN) == 0) {
            memcpy(sha256, log->issuers[i].key, 32);
            return true;
        }
    }
    ct_hex(entry->fingerprints.data, CT_HASH_LEN, hex);
    char *path = tool_format("issuer/%s", hex);
    char *url = source_url(log->source, path);
    fetch_start(reading->monitor->fetch, url, log->source->log->description, NULL, ISSUER_MAX_BYTES, &reply);
    fetch_wait(reading->monitor->fetch, &reply);
    const struct ct_bytes body = { reply.body, reply.len };
    struct ct_hash hash = { { 0 } };
    ct_hash_parts(&reading->monitor->hasher, &body, 1, &hash);
    good = reply.kind == FETCH_ANSWERED && reply.status == 200 &&
           memcmp(hash.bytes, entry->fingerprints.data, CT_HASH_LEN) == 0 &&
           issuer_of_certificate(reading->monitor, body, sha256);
    if (good) {
        size_t slot = log->issuer_count < 64 ? log->issuer_count++ : hash.bytes[0] % 64;

        memcpy(log->issuers[slot].fingerprint, entry->fingerprints.data, CT_HASH_LEN);
        memcpy(log->issuers[slot].key, sha256, 32);
    }
    free(url);
    free(path);
    fetch_reply_clear(&reply);
    return good;
}

static void look_at(struct reading *reading, uint64_t index, const struct ct_log_entry *entry)
{
    const struct watches *watches = &reading->monitor->settings->watches;
    struct ct_identity identity;
    struct monitor_entry found = { .index = index, .entry = entry };
    bool readable = entry->type == CT_ENTRY_X509 ? ct_identity_of_certificate(entry->body, &identity)
                                                 : ct_identity_of_tbs(entry->body, &identity);

    if (readable) {
        found.identity = &identity;
        found.watches = watches_match(watches, &identity, entry, issuer_key, reading);
    }
    /* What cannot be read here can perhaps be read by a server. */
    if (!readable || found.watches != 0) {
        monitor_say_entry(reading->monitor, reading->log, &found);
    }
}

static enum monitor_result take(struct reading *reading, const struct ct_log_entry *entry)
{
    struct ct_frontier *frontier = &reading->log->state.reading;
    struct ct_hasher *hasher = &reading->monitor->hasher;
    uint64_t index = monitor_position(&reading->log->state), named = 0;
    struct ct_hash hash;

    ct_log_entry_hash(hasher, entry, &hash);
    if (reading->tiles != NULL) {
        struct ct_tile tile = { 0, index / CT_TILE_WIDTH,
                                ct_tile_width(0, index / CT_TILE_WIDTH, reading->head->size) };
        const struct ct_hash *hashes;

        if (!source_tile(reading->tiles, &tile, &hashes)) {
            return reading->tiles->result == SOURCE_UNREACHABLE
                       ? MONITOR_UNREACHABLE
                       : complain(reading, "missing-tile", tool_format("%s", reading->tiles->why));
        }
        if (!ct_hash_equal(&hash, &hashes[index % CT_TILE_WIDTH])) {
            return complain(reading, "entry-differs",
                            tool_format("entry %llu is not what its hash in the tree says", (unsigned long long)index));
        }
    } else {
        look_at(reading, index, entry);
        reading->log->state.entries++;
    }
    if (is_tiled(reading) && (!ct_sct_leaf_index(entry->extensions, &named) || named != index)) {
        return complain(reading, "wrong-leaf-index",
                        tool_format("entry %llu does not name its place (leaf_index)", (unsigned long long)index));
    }
    ct_frontier_add(hasher, frontier, &hash);
    return MONITOR_IN_ORDER;
}

static enum monitor_result take_bundle(struct reading *reading, const struct question *question)
{
    struct ct_reader bundle = ct_reader_of((struct ct_bytes){ question->reply.body, question->reply.len });
    enum monitor_result result = MONITOR_IN_ORDER;
    struct ct_log_entry entry;

    for (unsigned i = 0; i < question->count && result == MONITOR_IN_ORDER; i++) {
        if (!ct_log_entry_next(&bundle, &entry)) {
            return complain(reading, "malformed-entries",
                            tool_format("the bundle of entries %llu and on: entry %u of %u is cut, or is none",
                                        (unsigned long long)question->start, i + 1, question->count));
        }
        if (question->start + i >= monitor_position(&reading->log->state) && question->start + i < reading->end) {
            result = take(reading, &entry);
        }
    }
    if (result == MONITOR_IN_ORDER && bundle.left > 0 && !question->whole) {
        result = complain(reading, "malformed-entries",
                          tool_format("the bundle of entries %llu and on has more than the %u that it should have",
                                      (unsigned long long)question->start, question->count));
    }
    return result;
}

static enum monitor_result take_answer(struct reading *reading, const struct question *question)
{
    enum monitor_result result = MONITOR_IN_ORDER;
    struct ct_entries entries;
    struct ct_log_entry entry;
    size_t taken = 0;

    if (!ct_entries_open((struct ct_bytes){ question->reply.body, question->reply.len }, &entries) ||
        entries.count == 0 || entries.count > question->count) {
        result = complain(reading, "malformed-entries",
                          tool_format("get-entries from %llu: the answer has no entries, or more than were asked for",
                                      (unsigned long long)question->start));
    }
    while (result == MONITOR_IN_ORDER && taken < entries.count) {
        if (!ct_entries_next(&entries, &entry)) {
            result =
                complain(reading, "malformed-entries",
                         tool_format("entry %llu is not well-formed", (unsigned long long)question->start + taken));
        } else {
            result = take(reading, &entry);
            taken++;
        }
    }
    if (result == MONITOR_IN_ORDER && taken < question->count) {
        reading->page = (unsigned)taken; /* the log's own limit: less than was asked for, so the page changes */
    }
    ct_entries_clear(&entries);
    return result;
}

/* The oldest question's answer is there. */
static enum monitor_result take_reply(struct reading *reading, struct question *question)
{
    char *trouble = fetch_trouble(&question->reply);
    enum monitor_result result;
    char *url;

    if (trouble == NULL) {
        return is_tiled(reading) ? take_bundle(reading, question) : take_answer(reading, question);
    }
    url = question_url(reading, question);
    if (question->reply.kind == FETCH_ANSWERED && question->reply.status == 404 && is_tiled(reading)) {
        result = complain(reading, "missing-tile", tool_format("%s: %s", url, trouble));
    } else if (question->reply.kind == FETCH_OVERSIZED) {
        result = complain(reading, "oversized", tool_format("%s: %s", url, trouble));
    } else {
        free(reading->log->trouble);
        reading->log->trouble = tool_format("%s: %s", url, trouble);
        reading->log->reachable = false;
        result = *reading->monitor->ended != 0 ? MONITOR_ENDED : MONITOR_UNREACHABLE;
    }
    free(url);
    free(trouble);
    return result;
}

/* A long way is kept step by step; the notices of what was read are delivered meanwhile. */
static bool save_now_and_then(struct reading *reading)
{
    struct monitor_state *state = &reading->log->state;

    if (reading->tiles != NULL ||
        (state->reading.size - reading->saved < SAVE_EVERY && ct_monotonic_ms() - reading->saved_ms < SAVE_AFTER_MS)) {
        return true;
    }
    reading->saved = state->reading.size;
    reading->saved_ms = ct_monotonic_ms();
    if (!monitor_state_save(state)) {
        return false;
    }
    monitor_deliver(reading->monitor, reading->log);
    return true;
}

enum monitor_result follow_read(struct monitor *monitor, struct monitor_log *log, const struct ct_tree_head *head,
                                const char *note, struct source_tiles *tiles)
{
    struct reading *reading = calloc(1, sizeof *reading);
    enum monitor_result result = MONITOR_IN_ORDER;

    if (reading == NULL) {
        tool_out_of_memory();
    }
    *reading = (struct reading){ .monitor = monitor,
                                 .log = log,
                                 .head = head,
                                 .note = note,
                                 .end = log->state.to != 0 && log->state.to < head->size ? log->state.to : head->size,
                                 .tiles = tiles,
                                 .next = monitor_position(&log->state),
                                 .page = PAGE_MAX,
                                 .saved = log->state.reading.size,
                                 .saved_ms = ct_monotonic_ms() };
    while (result == MONITOR_IN_ORDER && monitor_position(&log->state) < reading->end) {
        ask_ahead(reading);
        if (reading->asked == 0) {
            result = complain(reading, "malformed-checkpoint",
                              tool_format("a tree of %llu entries is larger than a tiled log can be",
                                          (unsigned long long)head->size));
            break;
        }
        struct question *question = &reading->questions[reading->first];
        unsigned page = reading->page;
        tool_progress("%s: entry %llu of %llu", log->source->log->description,
                      (unsigned long long)monitor_position(&log->state), (unsigned long long)reading->end);
        fetch_wait(monitor->fetch, &question->reply);
        if (is_tiled(reading) && question->count < CT_TILE_WIDTH && !question->whole &&
            question->reply.kind == FETCH_ANSWERED && question->reply.status == 404) {
            question->whole = true; /* a log may drop a partial tile once the full one is there */
            ask(reading, question);
            continue;
        }
        result = take_reply(reading, question);
        reading->first = (reading->first + 1) % AHEAD;
        reading->asked--;
        if (!is_tiled(reading) && reading->page != page) {
            drop_all(reading); /* what was asked ahead leaves a gap */
        }
        if (result == MONITOR_IN_ORDER && !save_now_and_then(reading)) {
            result = MONITOR_FAILED;
        }
    }
    tool_progress_end();
    fetch_cancel(monitor->fetch);
    for (size_t i = 0; i < AHEAD; i++) {
        fetch_reply_clear(&reading->questions[i].reply);
    }
    free(reading);
    return result;
}
