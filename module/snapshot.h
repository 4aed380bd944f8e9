/* Everything read from disk, checked whole, immutable, shared by reference. */
#ifndef CT_SNAPSHOT_H
#define CT_SNAPSHOT_H

#include <stdatomic.h>

#include "file.h"
#include "log_list.h"
#include "settings.h"

/* A log list in force. */
struct ct_snapshot_list {
    char *path;
    enum ct_log_list_format format;
    int64_t timestamp_ms; /* INT64_MIN: none */
    char *version;
    size_t logs;
    uint8_t sha256[32];
};

struct ct_snapshot {
    atomic_uint references;
    uint64_t generation;
    char *config_file;
    bool denies_all;      /* the settings or the lists cannot be used: `why` says it, config-error is the reason */
    char why[320];
    struct ct_settings settings;
    struct ct_log_set logs; /* of all lists */
    struct ct_snapshot_list *lists;
    size_t list_count;
    uint8_t digest[32];   /* over the contents of every file in force */
    struct ct_problems problems; /* found while reading: errors and warnings */
};

/* Reads config_file and everything it names. NULL only when memory is short. Reference count one. */
struct ct_snapshot *ct_snapshot_read(const char *config_file, uint64_t generation) CT_MUST_USE;
struct ct_snapshot *ct_snapshot_retain(struct ct_snapshot *snapshot);
void ct_snapshot_release(struct ct_snapshot *snapshot); /* NULL is fine */

#endif
