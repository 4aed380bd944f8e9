/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file that the configuration names, with a word to the operator where that fails. */
#ifndef CT_READ_NAMED_H
#define CT_READ_NAMED_H

#include "base/file_set.h"
#include "base/problems.h"

#define CT_CONFIG_MAX_BYTES (1024u * 1024)
#define CT_SIGNATURE_MAX_BYTES 8192u
#define CT_KEY_MAX_BYTES 65536u

/* The files of one load of the configuration, and what became of them. */
struct ct_reading {
    struct ct_file_set files;
    struct ct_problems *problems; /* where to report to */
    const char *config_file;      /* which names the files */
    bool kept;                    /* a file is out of this process's reach, and what it had said stays: no failure */
    bool unfinished;              /* what failed may succeed although no file changes: to be tried again soon */
    char kept_why[320];           /* which file is out of reach, and why; "" when none is */
};

struct ct_named {
    const struct ct_file *file; /* owned by the file set; NULL: there are no bytes */
    bool is_earlier;            /* they are of an earlier reading, for the file cannot be read now */
    bool kept;                  /* that is no failure: the file is out of reach, and what it had said stays */
};

/*
 * Whether an error says nothing about the file but that this process cannot reach it any more: with other rights or
 * another root directory, or with too few descriptors or too little memory just now.
 */
bool ct_is_out_of_reach(int error) CT_MUST_USE;

/* In words, for which `text` is room. */
const char *ct_why_unread(int error, char text[128]);
/* Notes that the file is out of reach and what it had said stays, and why where it is the first. */
void ct_reading_keeps(struct ct_reading *reading, const char *what, const char *path, int error);

/*
 * Reads a file that clientct.cnf named on that line (0: it is clientct.cnf). `in_force`: something of it is, as it was
 * read before. What is wrong is reported.
 */
struct ct_named ct_read_named(struct ct_reading *reading, const char *what, const char *path, size_t max, unsigned line,
                              bool in_force) CT_MUST_USE;

#endif
