/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to files of the system: planned first, shown as a diff, then made, and taken back without a trace. */
#ifndef CT_TOOL_ENABLE_EDITS_H
#define CT_TOOL_ENABLE_EDITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct edit {
    char *path;   /* as the system knows it, without the root */
    char *before; /* what is there; NULL: nothing */
    char *after;  /* what is to be there; NULL: nothing */
};

struct edits {
    const char *root; /* "" or a folder that stands for "/" */
    struct edit *items;
    size_t count;
};

/* Ours in a file of somebody else stands between two marks, which is how it is found again. */
enum edits_place { EDITS_TOP, EDITS_END };

void edits_clear(struct edits *edits);
/* Whether there is such a file or folder now. */
bool edits_exists(const struct edits *edits, const char *path) CT_MUST_USE;
/*
 * The text as planned so far, to be freed; NULL in *text: there is no such file. False: stderr says why it cannot be
 * read (1 MiB at most, and no NUL).
 */
bool edits_text(struct edits *edits, const char *path, char **text) CT_MUST_USE;
/* The whole file; NULL: no file. Takes nothing over. False: what is there cannot be read. */
bool edits_set(struct edits *edits, const char *path, const char *text) CT_MUST_USE;
/*
 * `lines`, each ended by a newline, between marks; in place of an earlier such block. The file is made where none is.
 */
bool edits_block(struct edits *edits, const char *path, enum edits_place place, const char *lines) CT_MUST_USE;
/* Takes the block out: the file is then byte for byte what it was before, or gone when it was ours alone. */
bool edits_unblock(struct edits *edits, const char *path) CT_MUST_USE;
/* How many of the planned changes change anything. */
size_t edits_pending(const struct edits *edits) CT_MUST_USE;
/* To standard output, in the unified form. */
void edits_show(const struct edits *edits);
/*
 * Makes the changes, each file by a new one that takes its place with the same owner and mode; folders are made where
 * they are missing, and removed where they are left empty. False: stderr says what could not be done; what was done
 * before is undone.
 */
bool edits_apply(const struct edits *edits) CT_MUST_USE;

#endif
