/* SPDX-License-Identifier: Apache-2.0 */
/* clientct prove: is the entry that an SCT promises in the tree that the log signed? */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "logs/answers.h"
#include "evidence/evidence.h"
#include "logs/inclusion.h"
#include "logs/signature.h"
#include "tool/prove/promise.h"
#include "tool/replace.h"
#include "tool/tool.h"

/* The log's clock may be a little ahead of ours, as much as policies allow by default. */
#define CLOCK_SKEW_MS (60 * CT_SECOND_MS)
#define ANSWER_MAX_BYTES (64u * 1024)

const char *prove_verdict_name(enum prove_verdict verdict)
{
    static const char *const names[] = {
#define VERDICT_NAME(id, name, code, text) name,
        PROVE_VERDICTS(VERDICT_NAME)
#undef VERDICT_NAME
    };

    return names[verdict];
}

int prove_verdict_code(enum prove_verdict verdict)
{
    static const int codes[] = {
#define VERDICT_CODE(id, name, code, text) code,
        PROVE_VERDICTS(VERDICT_CODE)
#undef VERDICT_CODE
    };

    return codes[verdict];
}

static void conclude(struct promise *promise, enum prove_verdict verdict, char *detail)
{
    promise->verdict = verdict;
    free(promise->detail);
    promise->detail = detail;
}

void prover_init(struct prover *prover, struct fetch *fetch, struct sources *sources)
{
    *prover = (struct prover){ .fetch = fetch, .sources = sources, .now_ms = ct_now_ms() };
    prover->logs = calloc(sources->count + 1, sizeof *prover->logs);
    if (prover->logs == NULL) {
        tool_out_of_memory();
    }
}

void prover_clear(struct prover *prover)
{
    for (size_t i = 0; prover->logs != NULL && i < prover->sources->count; i++) {
        struct prover_log *log = &prover->logs[i];

        free(log->why);
        free(log->note);
        if (log->tiles != NULL) {
            source_tiles_clear(log->tiles);
            free(log->tiles);
        }
    }
    free(prover->logs);
    memset(prover, 0, sizeof *prover);
}

bool promise_read(struct promise *promise, struct sources *sources, const struct ct_signed_entry *entry)
{
    const struct ct_sct *sct = &promise->sct;
    const char *trouble = NULL;
    uint8_t digest[32];
    uint64_t index;

    if (!sct->decoded) {
        trouble = clientct_reason_text(sct->status);
    } else if ((promise->source = sources_find(sources, sct->log_id)) == NULL) {
        trouble = "the log is not in the list";
    } else if (promise->source->log->spki.len == 0) {
        trouble = promise->source->log->unusable;
    } else if (!entry->built) {
        trouble = "what the log signed cannot be built: the issuer's certificate is needed behind the certificate or "
                  "with --issuer";
    } else if (promise->source->log->tiled && !ct_sct_leaf_index(sct->extensions, &index)) {
        trouble = "the log is a tiled one and the SCT has no leaf_index";
    } else if (!ct_signature_plausible(promise->source->log, sct)) {
        trouble = "the signature's algorithm or form is not that of the log's key";
    } else if (!ct_signed_entry_digest(entry, sct, digest) ||
               !ct_signed_entry_leaf_hash(entry, sct, promise->leaf.bytes)) {
        tool_out_of_memory();
    } else if (ct_signature_check(promise->source->log, digest, sct->signature) != CT_SIGNATURE_OK) {
        trouble = "the signature does not verify with the log's key, for this certificate";
    }
    if (trouble != NULL) {
        conclude(promise, PROVE_NO_PROMISE, tool_format("%s", trouble));
    }
    return trouble == NULL;
}

struct prover_log *prover_log_of(struct prover *prover, struct source *source)
{
    struct prover_log *log = &prover->logs[source - prover->sources->items];

    if (!log->asked && source->url == NULL) {
        log->asked = true;
        log->result = SOURCE_UNREACHABLE;
        log->why = tool_format("the list has no URL for this log; give it as --log \"%s=https://...\"",
                               source->log->description);
    } else if (!log->asked) {
        log->asked = true;
        log->result = source_head(prover->fetch, source, &log->head, &log->note, &log->reason, &log->why);
    }
    return log;
}

static void take_proof(struct promise *promise, uint64_t index, const struct ct_proof *proof, const char *note)
{
    promise->proof = calloc(1, sizeof *promise->proof);
    promise->note = tool_format("%s", note);
    if (promise->proof == NULL) {
        tool_out_of_memory();
    }
    promise->proof->index = index;
    promise->proof->proof = *proof;
    promise->proof->checkpoint = (struct ct_bytes){ (const uint8_t *)promise->note, strlen(promise->note) };
    conclude(promise, PROVE_INCLUDED,
             tool_format("entry %llu of %llu", (unsigned long long)index, (unsigned long long)promise->head.size));
}

/* The entry is not in the tree: which of two things that means is a matter of time. Takes `what`. */
static void conclude_absent(const struct prover *prover, struct promise *promise, char *what)
{
    /* Timestamps that no calendar reaches are in the future. */
    uint64_t due = promise->sct.timestamp_ms + (uint64_t)(promise->source->mmd_ms + CLOCK_SKEW_MS);
    bool over = due >= promise->sct.timestamp_ms && due < (uint64_t)prover->now_ms;
    char when[TOOL_TIME_SIZE], delay[64];

    tool_time_format(promise->sct.timestamp_ms + (uint64_t)promise->source->mmd_ms, when);
    tool_duration_format(promise->source->mmd_ms, delay, sizeof delay);
    conclude(promise, over ? PROVE_BROKEN : PROVE_NOT_YET,
             over ? tool_format("%s; it was due at %s (maximum merge delay %s)", what, when, delay)
                  : tool_format("%s; it is due by %s (maximum merge delay %s)", what, when, delay));
    free(what);
}

/* Of tiles that could not be had. */
static void conclude_without_tiles(struct promise *promise, struct source_tiles *tiles)
{
    const char *why = tiles->why != NULL ? tiles->why : "the tiles do not fit together";

    if (tiles->result == SOURCE_UNREACHABLE) {
        conclude(promise, PROVE_UNREACHABLE, tool_format("%s", why));
    } else {
        conclude(promise, PROVE_MISBEHAVES, tool_format("its checkpoint says that this is there: %s", why));
    }
}

static void ask_tiled(struct prover *prover, struct promise *promise, struct prover_log *log)
{
    struct ct_hasher hasher = { 0 };
    struct ct_tile tile = { .level = 0 };
    const struct ct_hash *hashes;
    struct ct_tile_source source;
    struct ct_proof proof;
    struct ct_hash there;
    uint64_t index = 0;

    if (!ct_sct_leaf_index(promise->sct.extensions, &index) || index >= log->head.size) {
        conclude_absent(prover, promise,
                        tool_format("it is to be entry %llu, and the log has %llu entries", (unsigned long long)index,
                                    (unsigned long long)log->head.size));
        return;
    }
    if (log->tiles == NULL && (log->tiles = calloc(1, sizeof *log->tiles)) == NULL) {
        tool_out_of_memory();
    }
    log->tiles->fetch = prover->fetch;
    log->tiles->source = promise->source;
    source = (struct ct_tile_source){ source_tile, log->tiles };
    tile.index = index / CT_TILE_WIDTH;
    tile.width = ct_tile_width(0, tile.index, log->head.size);
    if (!source_tile(log->tiles, &tile, &hashes)) {
        conclude_without_tiles(promise, log->tiles);
        return;
    }
    there = hashes[index % CT_TILE_WIDTH];
    if (!ct_tiles_inclusion(&source, &hasher, index, log->head.size, &proof)) {
        conclude_without_tiles(promise, log->tiles);
    } else if (!ct_inclusion_holds(&hasher, &there, index, log->head.size, &proof, &log->head.root)) {
        conclude(promise, PROVE_MISBEHAVES,
                 tool_format("the tiles around entry %llu do not lead to the root of its checkpoint",
                             (unsigned long long)index));
    } else if (!ct_hash_equal(&there, &promise->leaf)) {
        /* The SCT names its place, and a tree only grows: no time will mend this. */
        conclude(promise, PROVE_BROKEN,
                 tool_format("another entry stands in its place, number %llu", (unsigned long long)index));
    } else {
        take_proof(promise, index, &proof, log->note);
    }
    if (hasher.failed) {
        tool_out_of_memory();
    }
    ct_hasher_clear(&hasher);
}

/* get-proof-by-hash with the hash in base64, as a query. */
static char *proof_url(const struct promise *promise, uint64_t size)
{
    uint8_t base64[4 * ((CT_HASH_LEN + 2) / 3) + 1];
    char escaped[3 * sizeof base64];
    char *at = escaped;
    char *path, *url;

    EVP_EncodeBlock(base64, promise->leaf.bytes, CT_HASH_LEN);
    for (const uint8_t *from = base64; *from != '\0'; from++) {
        at += snprintf(at, 4, strchr("+/=", *from) != NULL ? "%%%02X" : "%c", *from);
    }
    path = tool_format("ct/v1/get-proof-by-hash?hash=%s&tree_size=%llu", escaped, (unsigned long long)size);
    url = source_url(promise->source, path);
    free(path);
    return url;
}

static void ask_rfc6962(struct prover *prover, struct promise *promise, struct prover_log *log)
{
    struct fetch_reply reply = { 0 };
    struct ct_hasher hasher = { 0 };
    struct ct_proof proof;
    uint64_t index = 0;
    char *url, *trouble;

    if (log->head.size == 0) {
        conclude_absent(prover, promise, tool_format("the log is empty"));
        return;
    }
    url = proof_url(promise, log->head.size);
    fetch_start(prover->fetch, url, promise->source->log->description, NULL, ANSWER_MAX_BYTES, &reply);
    fetch_wait(prover->fetch, &reply);
    trouble = fetch_trouble(&reply);
    if (reply.kind == FETCH_ANSWERED && (reply.status == 404 || reply.status == 400)) {
        conclude_absent(prover, promise,
                        tool_format("the log knows no such entry among its %llu (%s)",
                                    (unsigned long long)log->head.size, trouble));
    } else if (trouble != NULL) {
        conclude(promise, PROVE_UNREACHABLE, tool_format("%s: %s", url, trouble));
    } else if (!ct_answer_inclusion((struct ct_bytes){ reply.body, reply.len }, &index, &proof)) {
        conclude(promise, PROVE_MISBEHAVES, tool_format("%s: the answer is not that of get-proof-by-hash", url));
    } else if (!ct_inclusion_holds(&hasher, &promise->leaf, index, log->head.size, &proof, &log->head.root)) {
        conclude(promise, PROVE_MISBEHAVES,
                 tool_format("the proof for entry %llu does not lead to the root that the log signed",
                             (unsigned long long)index));
    } else {
        take_proof(promise, index, &proof, log->note);
    }
    if (hasher.failed) {
        tool_out_of_memory();
    }
    ct_hasher_clear(&hasher);
    free(trouble);
    free(url);
    fetch_reply_clear(&reply);
}

void promise_ask(struct prover *prover, struct promise *promise)
{
    struct prover_log *log = prover_log_of(prover, promise->source);

    promise->head = log->head;
    if (log->result == SOURCE_UNREACHABLE) {
        conclude(promise, PROVE_UNREACHABLE, tool_format("%s", log->why));
    } else if (log->result != SOURCE_OK) {
        conclude(promise, PROVE_MISBEHAVES, tool_format("%s: %s", log->reason, log->why));
    } else if (promise->source->log->tiled) {
        ask_tiled(prover, promise, log);
    } else {
        ask_rfc6962(prover, promise, log);
    }
}

/* DIR/<certificate>.tlog-proof, as a server looks for it. */
static char *path_of(const char *dir, const uint8_t sha256[32])
{
    char certificate[65];

    ct_hex(sha256, 32, certificate);
    return tool_format("%s/%s" CT_PROOF_FILE_SUFFIX, dir, certificate);
}

/* The same entry of the same log has a new proof: what there was of it goes, and what nobody can read. */
static bool is_replaced(const struct promise *promise, struct ct_bytes text)
{
    struct ct_proof_file old;
    struct ct_tree_head head;

    return !ct_proof_file_read(text, &old) ||
           (old.index == promise->proof->index &&
            ct_checkpoint_peek(old.checkpoint, promise->source->origin, promise->source->log, &head) == CT_HEAD_OK);
}

/* The new proof, and behind it those of the file that are of other promises. To be freed. */
static char *merge(const struct promise *promise, struct ct_bytes old, size_t *len)
{
    struct ct_reader r = ct_reader_of(old);
    char *first = ct_proof_file_write(promise->proof, len);
    char *all = first == NULL ? NULL : realloc(first, *len + old.len + 1);
    struct ct_bytes text;

    if (all == NULL) {
        tool_out_of_memory();
    }
    for (size_t count = 1; count < CT_PROOFS_MAX && ct_proof_file_next(&r, &text);) {
        if (!is_replaced(promise, text) && *len + text.len <= CT_EVIDENCE_MAX_BYTES) {
            memcpy(all + *len, text.data, text.len);
            *len += text.len;
            count++;
        }
    }
    return all;
}

bool promise_keep(struct promise *promise, const char *dir, const uint8_t sha256[32])
{
    size_t len = 0;
    char *path = path_of(dir, sha256);
    struct ct_file file = { 0 };
    int error = ct_file_read(path, CT_EVIDENCE_MAX_BYTES, false, &file);
    char *text;

    if (error == ENOENT) {
        error = 0;
    }
    text = merge(promise, (struct ct_bytes){ file.data, file.len }, &len);
    error = error != 0 ? error : tool_replace_file(path, (struct ct_bytes){ (uint8_t *)text, len }, 0644);
    if (error != 0) {
        tool_error("prove: %s cannot be replaced: %s", path, strerror(error));
        free(path);
    } else {
        promise->kept = path;
    }
    ct_file_clear(&file);
    free(text);
    return error == 0;
}

/* Why no proof of the file will do: what is wrong with the one that comes nearest. To be freed. */
static char *why_not_kept(const struct promise *promise, const char *path, struct ct_bytes file)
{
    const char *origin = promise->source->origin;
    struct ct_reader r = ct_reader_of(file);
    char *why = NULL;
    struct ct_bytes text;
    uint64_t index = 0;

    while (ct_proof_file_next(&r, &text)) {
        struct ct_proof_file proof;
        struct ct_tree_head head;
        enum ct_head_result result;

        free(why);
        if (!ct_proof_file_read(text, &proof)) {
            why = tool_format("%s has what is not a c2sp.org/tlog-proof@v1", path);
        } else if ((result = ct_checkpoint_read(proof.checkpoint, origin, promise->source->log, &head)) != CT_HEAD_OK) {
            why = tool_format("%s: %s: %s", path, ct_head_result_name(result), ct_head_result_text(result));
        } else if (promise->source->log->tiled && ct_sct_leaf_index(promise->sct.extensions, &index) &&
                   index != proof.index) {
            why = tool_format("%s is of entry %llu, and the SCT's is %llu", path, (unsigned long long)proof.index,
                              (unsigned long long)index);
        } else {
            return tool_format("%s does not lead to the root that the log signed", path);
        }
    }
    return why != NULL ? why : tool_format("%s is not a c2sp.org/tlog-proof@v1", path);
}

void promise_check_kept(struct promise *promise, const char *dir, const uint8_t sha256[32])
{
    const struct source *source = promise->source;
    struct ct_promised promised = { .log = source->log, .leaf = promise->leaf };
    char *path = path_of(dir, sha256);
    struct ct_file file = { 0 };
    struct ct_proof_file proof;
    int error = ct_file_read(path, CT_EVIDENCE_MAX_BYTES, true, &file);
    const struct ct_bytes bytes = { file.data, file.len };

    promised.has_index = source->log->tiled && ct_sct_leaf_index(promise->sct.extensions, &promised.index);
    if (error != 0) {
        conclude(promise, PROVE_NO_PROOF, tool_format("%s: %s", path, strerror(error)));
    } else {
        switch (ct_inclusion_kept(bytes, source->origin, &promised, &proof, &promise->head)) {
        case CT_INCLUSION_SHOWN: {
            char *note = tool_format("%.*s", (int)proof.checkpoint.len, (const char *)proof.checkpoint.data);

            take_proof(promise, proof.index, &proof.proof, note);
            promise->kept = tool_format("%s", path);
            free(note);
            break;
        }
        case CT_INCLUSION_ABSENT:
        case CT_INCLUSION_WRONG:
            conclude(promise, PROVE_NO_PROOF, why_not_kept(promise, path, bytes));
            break;
        case CT_INCLUSION_FAILED:
            tool_out_of_memory();
        }
    }
    ct_file_clear(&file);
    free(path);
}

json_t *promise_json(const struct promise *promise)
{
    json_t *object = tool_json_object();
    const struct source *source = promise->source;

    tool_json_set(object, "source", tool_json_text(clientct_source_name(promise->sct.source)));
    tool_json_set(object, "log", tool_json_text(source != NULL ? source->log->description : NULL));
    tool_json_set(object, "log_id",
                  promise->sct.decoded ? tool_json_hex(promise->sct.log_id, CT_LOG_ID_LEN) : json_null());
    tool_json_set(object, "timestamp",
                  promise->sct.decoded && promise->sct.timestamp_ms <= INT64_MAX
                      ? tool_json_time((int64_t)promise->sct.timestamp_ms)
                      : json_null());
    tool_json_set(object, "verdict", tool_json_text(prove_verdict_name(promise->verdict)));
    tool_json_set(object, "detail", tool_json_text(promise->detail));
    tool_json_set(object, "leaf_index",
                  promise->proof != NULL ? json_integer((json_int_t)promise->proof->index) : json_null());
    tool_json_set(object, "tree_size",
                  promise->head.timestamp_ms != 0 ? json_integer((json_int_t)promise->head.size) : json_null());
    tool_json_set(object, "tree_timestamp",
                  promise->head.timestamp_ms != 0 ? tool_json_time((int64_t)promise->head.timestamp_ms) : json_null());
    tool_json_set(object, "proof", tool_json_text(promise->kept));
    return object;
}

void promise_clear(struct promise *promise)
{
    free(promise->detail);
    free(promise->proof);
    free(promise->note);
    free(promise->kept);
    memset(promise, 0, sizeof *promise);
}
