/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where lines go. A sink has a descriptor, or none just now; whoever writes holds a reference to it for the length of
 * one system call, so that another thread can put a new one in its place without waiting.
 */
#ifndef CT_AUDIT_SINK_H
#define CT_AUDIT_SINK_H

#include <stdatomic.h>

#include "record/audit_record.h"
#include "base/file_set.h"
#include "base/shared.h"
#include "config/settings.h"

/* An open descriptor, and which file it was: the program may have closed it, and the number may be another file's. */
struct ct_audit_handle {
    int fd;
    uint64_t dev, ino;
    struct ct_root root; /* in which it has the sink's name */
};

struct ct_audit_sink {
    atomic_uint references;
    enum ct_audit_kind kind;
    char *path;                /* of the file or the socket */
    struct ct_shared handle;   /* a ct_audit_handle; none: not open */
    _Atomic int64_t looked_ms; /* monotonic: when the path was last looked at */
    _Atomic int64_t tried_ms;  /* when opening was last tried */
    _Atomic int64_t said_ms;   /* when it was last said that lines are lost; 0: never */
    atomic_bool torn;          /* a file has the beginning of a line without its end */
};

enum ct_audit_written {
    CT_AUDIT_WRITTEN,
    CT_AUDIT_FULL, /* no room now: a full disk, a reader that does not read */
    CT_AUDIT_GONE  /* no descriptor, or nobody at its other end */
};

/* Makes a sink and opens it if that is possible now. NULL when memory is short. Reference count one. */
struct ct_audit_sink *ct_audit_sink_new(enum ct_audit_kind kind, const char *path) CT_MUST_USE;
struct ct_audit_sink *ct_audit_sink_retain(struct ct_audit_sink *sink);
void ct_audit_sink_release(struct ct_audit_sink *sink); /* NULL is fine */
bool ct_audit_sink_is(const struct ct_audit_sink *sink, enum ct_audit_kind kind, const char *path) CT_MUST_USE;

/*
 * Opens what is missing, a file that was renamed or removed, a number that is no longer ours: at most once a second
 * unless `insist`. What cannot be opened stays as it is. Times are of the monotonic clock.
 */
void ct_audit_sink_look(struct ct_audit_sink *sink, int64_t monotonic_ms, bool insist);
enum ct_audit_written ct_audit_sink_write(struct ct_audit_sink *sink, const struct ct_audit_line *line,
                                          int64_t monotonic_ms) CT_MUST_USE;
/* The same for other bytes, into a file: one write, behind a newline where what was before is torn. */
enum ct_audit_written ct_audit_sink_append(struct ct_audit_sink *sink, struct ct_bytes bytes,
                                           int64_t monotonic_ms) CT_MUST_USE;
/* "journald", "syslog" or "file:PATH" for people. */
void ct_audit_sink_describe(const struct ct_audit_sink *sink, char *out, size_t size);

/* Where journald and syslog listen. Tests put sockets of their own here; nothing else changes it. */
extern const char *ct_audit_journal_socket;
extern const char *ct_audit_syslog_socket;

/* --- the kinds: audit_sink_file.c, audit_sink_socket.c --- */

/* The descriptor, or -1. */
int ct_audit_file_open(const char *path) CT_MUST_USE;
/* Whether the path names another file than the one that is open, or none. */
bool ct_audit_file_moved(const char *path, const struct ct_audit_handle *handle) CT_MUST_USE;
enum ct_audit_written ct_audit_file_write(struct ct_audit_sink *sink, const struct ct_audit_handle *handle,
                                          struct ct_bytes bytes) CT_MUST_USE;
int ct_audit_socket_open(const char *path) CT_MUST_USE;
enum ct_audit_written ct_audit_socket_write(enum ct_audit_kind kind, const struct ct_audit_handle *handle,
                                            const struct ct_audit_line *line) CT_MUST_USE;

#endif
