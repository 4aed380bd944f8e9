/* SPDX-License-Identifier: Apache-2.0 */
/* A log as one reads it: where, under which origin, what it has signed, its tiles. For `prove` and `monitor`. */
#ifndef CT_TOOL_SOURCE_H
#define CT_TOOL_SOURCE_H

#include "logs/checkpoint.h"
#include "logs/log.h"
#include "logs/tile.h"
#include "tool/fetch/fetch.h"

/* Where the logs of a verb come from. Zero-initialise. */
struct source_options {
    const char *verb;     /* for messages */
    bool submits;         /* URLs are submission prefixes, not monitoring prefixes */
    const char *config;   /* NULL: the default, unless there is a list */
    const char *log_list; /* a list by itself; NULL: those of the configuration */
    const char *logs;     /* LOG or LOG=URL, joined by newlines; NULL: all */
    const char *origins;  /* LOG=ORIGIN, joined by newlines */
    const char *mmd;      /* the maximum merge delay where the list has none */
};

struct source {
    const struct ct_log *log;
    char *url; /* the monitoring prefix, with a slash at its end; NULL: none is known */
    char origin[CT_ORIGIN_MAX + 1];
    int64_t mmd_ms;
    bool chosen;  /* by --log, or all are */
    size_t order; /* of those that --log names */
};

struct sources {
    struct ct_snapshot *snapshot; /* of a configuration; NULL: of a list by itself */
    struct ct_log_book *book;     /* the logs */
    struct source *items;         /* one for every log of the book, in its order */
    size_t count;
};

/* Reads configuration or list and the options about logs. False: standard error says why. Clear in every case. */
bool sources_read(const struct source_options *options, const struct fetch_manners *manners,
                  struct sources *sources) CT_MUST_USE;
struct source *sources_find(struct sources *sources, const uint8_t id[CT_LOG_ID_LEN]);
void sources_clear(struct sources *sources);

/* What became of asking a log something. */
enum source_result {
    SOURCE_OK,
    SOURCE_UNREACHABLE, /* no answer, or none of use: nothing is known of the log */
    SOURCE_GONE,        /* 404: the log says that there is no such thing */
    SOURCE_MISBEHAVES   /* an answer that a log in order does not give */
};

/*
 * The log's latest checkpoint or tree head, verified. `note` gets it as a checkpoint, to be freed. Otherwise `reason`
 * is a stable name and `why` a sentence, to be freed.
 */
enum source_result source_head(struct fetch *fetch, const struct source *source, struct ct_tree_head *head, char **note,
                               const char **reason, char **why) CT_MUST_USE;

/*
 * Tiles of one log for ct_tiles_…, the last few remembered. A tile that is there and has another length than its width
 * says is MISBEHAVES. Zero-initialise, set the first two.
 */
#define SOURCE_TILES 16
struct source_tiles {
    struct fetch *fetch;
    const struct source *source;
    enum source_result result; /* of the last that could not be had */
    char *why;                 /* to be freed; NULL: nothing was wrong */
    struct {
        struct ct_tile tile;
        struct ct_hash hashes[CT_TILE_WIDTH];
    } kept[SOURCE_TILES];
    size_t count, next;
};
bool source_tile(void *tiles, const struct ct_tile *tile, const struct ct_hash **hashes);
void source_tiles_clear(struct source_tiles *tiles);

/* source->url + path, to be freed. */
char *source_url(const struct source *source, const char *path);

#endif
