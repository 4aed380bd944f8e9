/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles: how a log's tree and entries are cut into files (c2sp.org/tlog-tiles, c2sp.org/static-ct-api). */
#ifndef CT_TILE_H
#define CT_TILE_H

#include "logs/tree.h"

#define CT_TILE_WIDTH 256u                   /* hashes, or entries, of a full tile */
#define CT_TILE_LEVELS 6u                    /* levels 0 to 5 */
#define CT_TILE_DATA CT_TILE_LEVELS          /* the "level" of a bundle of entries */
#define CT_TILE_SIZE_MAX (UINT64_C(1) << 40) /* leaf_index has five bytes */

struct ct_tile {
    unsigned level; /* 0 to 5, or CT_TILE_DATA */
    uint64_t index;
    unsigned width; /* 1 to 256; less than 256: a partial tile */
};

/* What a tree of `size` leaves has of the tile at (level, index): its width, 0 when nothing is there yet. */
unsigned ct_tile_width(unsigned level, uint64_t index, uint64_t size);

/* "tile/0/x001/x234/067", "tile/data/000.p/5": to be put behind the log's monitoring prefix. */
#define CT_TILE_PATH_SIZE 64
void ct_tile_path(const struct ct_tile *tile, char path[CT_TILE_PATH_SIZE]);

/* Where tiles come from: `hashes` gets tile->width hashes that stay valid until the next call. False: not to be had. */
struct ct_tile_source {
    bool (*get)(void *context, const struct ct_tile *tile, const struct ct_hash **hashes);
    void *context;
};

/*
 * Proofs put together from tiles: PATH(index, D[size]) and PROOF(old_size, D[size]) of RFC 6962, sections 2.1.1 and
 * 2.1.2, and the root. Nothing in the tiles is believed: the proof is to be checked against a signed root. False: a
 * tile was not to be had, a hash could not be computed, or the numbers do not fit together.
 */
bool ct_tiles_inclusion(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t index, uint64_t size,
                        struct ct_proof *proof) CT_MUST_USE;
bool ct_tiles_consistency(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t old_size,
                          uint64_t size, struct ct_proof *proof) CT_MUST_USE;
bool ct_tiles_root(const struct ct_tile_source *source, struct ct_hasher *hasher, uint64_t size,
                   struct ct_hash *root) CT_MUST_USE;

#endif
