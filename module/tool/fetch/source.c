/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/fetch/source.h"

#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define TILE_MAX_BYTES (CT_TILE_WIDTH * CT_HASH_LEN)

char *source_url(const struct source *source, const char *path)
{
    return tool_format("%s%s", source->url, path);
}

enum source_result source_head(struct fetch *fetch, const struct source *source, struct ct_tree_head *head, char **note,
                               const char **reason, char **why)
{
    char *url = source_url(source, source->log->tiled ? "checkpoint" : "ct/v1/get-sth");
    struct fetch_reply reply = { 0 };
    enum source_result result = SOURCE_OK;
    enum ct_head_result read;
    struct ct_bytes body;
    char *trouble;

    *note = NULL;
    *why = NULL;
    *reason = "log-unreachable";
    fetch_start(fetch, url, source->log->description, NULL, CT_CHECKPOINT_MAX_BYTES, &reply);
    fetch_wait(fetch, &reply);
    trouble = fetch_trouble(&reply);
    body = (struct ct_bytes){ reply.body, reply.len };
    if (trouble != NULL) {
        *why = tool_format("%s: %s", url, trouble);
        result = SOURCE_UNREACHABLE;
    } else if (source->log->tiled) {
        read = ct_checkpoint_read(body, source->origin, source->log, head);
        if (read == CT_HEAD_OK && (*note = strndup((const char *)body.data, body.len)) == NULL) {
            tool_out_of_memory();
        }
    } else {
        read = ct_sth_read(body, source->origin, source->log, head, note);
    }
    if (trouble == NULL && read == CT_HEAD_FAILED) {
        tool_out_of_memory();
    }
    if (trouble == NULL && read != CT_HEAD_OK) {
        size_t line = strcspn((const char *)reply.body, "\r\n");

        result = SOURCE_MISBEHAVES;
        *reason = ct_head_result_name(read);
        *why = read == CT_HEAD_WRONG_ORIGIN
                   ? tool_format("%s: the origin is \"%.*s\", expected \"%s\"; where that is this log's own, say so "
                                 "with --origin",
                                 url, (int)(line < 200 ? line : 200), (const char *)reply.body, source->origin)
                   : tool_format("%s: %s", url, ct_head_result_text(read));
    }
    free(trouble);
    free(url);
    fetch_reply_clear(&reply);
    return result;
}

static bool ask_tile(struct source_tiles *tiles, const struct ct_tile *tile, struct fetch_reply *reply)
{
    char path[CT_TILE_PATH_SIZE];
    char *url;

    ct_tile_path(tile, path);
    url = source_url(tiles->source, path);
    fetch_start(tiles->fetch, url, tiles->source->log->description, NULL, TILE_MAX_BYTES, reply);
    fetch_wait(tiles->fetch, reply);
    char *trouble = fetch_trouble(reply);
    free(tiles->why);
    tiles->why = trouble == NULL ? NULL : tool_format("%s: %s", url, trouble);
    tiles->result = trouble == NULL                  ? SOURCE_OK
                    : reply->kind == FETCH_OVERSIZED ? SOURCE_MISBEHAVES
                    : reply->kind == FETCH_ANSWERED && (reply->status == 404 || reply->status == 410)
                        ? SOURCE_GONE
                        : SOURCE_UNREACHABLE;
    if (trouble == NULL && reply->len != (size_t)tile->width * CT_HASH_LEN) {
        tiles->why = tool_format("%s: expected %zu bytes for %u hashes, found %zu", url,
                                 (size_t)tile->width * CT_HASH_LEN, tile->width, reply->len);
        tiles->result = SOURCE_MISBEHAVES;
    }
    free(trouble);
    free(url);
    return tiles->result == SOURCE_OK;
}

bool source_tile(void *context, const struct ct_tile *tile, const struct ct_hash **hashes)
{
    struct source_tiles *tiles = context;
    struct ct_tile whole = { tile->level, tile->index, CT_TILE_WIDTH };
    struct fetch_reply reply = { 0 };
    bool good;

    for (size_t i = 0; i < tiles->count; i++) {
        const struct ct_tile *kept = &tiles->kept[i].tile;

        if (kept->level == tile->level && kept->index == tile->index && kept->width >= tile->width) {
            *hashes = tiles->kept[i].hashes;
            return true;
        }
    }
    good = ask_tile(tiles, tile, &reply);
    if (!good && tiles->result == SOURCE_GONE && tile->width < CT_TILE_WIDTH) {
        good = ask_tile(tiles, &whole, &reply); /* a log may drop a partial tile once the full one is there */
    }
    if (good) {
        size_t slot = tiles->next++ % SOURCE_TILES;

        tiles->count = tiles->count < SOURCE_TILES ? tiles->count + 1 : SOURCE_TILES;
        tiles->kept[slot].tile = (struct ct_tile){ tile->level, tile->index, (unsigned)(reply.len / CT_HASH_LEN) };
        memcpy(tiles->kept[slot].hashes, reply.body, reply.len);
        *hashes = tiles->kept[slot].hashes;
    }
    fetch_reply_clear(&reply);
    return good;
}

void source_tiles_clear(struct source_tiles *tiles)
{
    free(tiles->why);
    tiles->why = NULL;
    tiles->count = 0;
}
