/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_sink.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY_MS 1000

const char *ct_audit_journal_socket = "/run/systemd/journal/socket";
const char *ct_audit_syslog_socket = "/dev/log";

/* The server may have closed our descriptor, and its number may be a client's connection by now. */
static bool still_ours(const struct ct_audit_handle *handle, struct stat *st)
{
    return fstat(handle->fd, st) == 0 && (uint64_t)st->st_dev == handle->dev && (uint64_t)st->st_ino == handle->ino;
}

static void handle_free(void *arg)
{
    struct ct_audit_handle *handle = arg;
    struct stat st;

    if (still_ours(handle, &st)) {
        close(handle->fd);
    }
    free(handle);
}

/*
 * A daemon may have closed its standard descriptors: what it, or a library, then writes to "standard error" would
 * stand among our lines, and a client may have chosen its words.
 */
static int beyond_standard(int fd)
{
    int higher;

    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return higher;
}

static struct ct_audit_handle *handle_open(const struct ct_audit_sink *sink)
{
    struct ct_audit_handle *handle = calloc(1, sizeof *handle);
    struct stat st;

    if (handle == NULL) {
        return NULL;
    }
    handle->fd = sink->kind == CT_AUDIT_FILE ? ct_audit_file_open(sink->path) : ct_audit_socket_open(sink->path);
    handle->fd = beyond_standard(handle->fd);
    if (handle->fd < 0) {
        free(handle);
        return NULL;
    }
    if (fstat(handle->fd, &st) != 0) {
        close(handle->fd);
        free(handle);
        return NULL;
    }
    handle->dev = (uint64_t)st.st_dev;
    handle->ino = (uint64_t)st.st_ino;
    handle->root = ct_root_now();
    return handle;
}

/* NULL: not open. */
static struct ct_audit_handle *handle_of(const struct ct_share *share)
{
    return share == NULL ? NULL : ct_share_get0(share);
}

/* One of several threads gets true. */
static bool due(_Atomic int64_t *last_ms, int64_t monotonic_ms, bool insist)
{
    int64_t last = atomic_load_explicit(last_ms, memory_order_relaxed);

    return (insist || monotonic_ms - last >= LOOK_EVERY_MS) &&
           atomic_compare_exchange_strong(last_ms, &last, monotonic_ms);
}

/* Where that fails the old descriptor stays, for it may still lead somewhere. */
static bool reopen(struct ct_audit_sink *sink, int64_t monotonic_ms, bool insist)
{
    struct ct_audit_handle *fresh = due(&sink->tried_ms, monotonic_ms, insist) ? handle_open(sink) : NULL;

    if (fresh == NULL) {
        return false;
    }
    atomic_store(&sink->torn, false);
    if (!ct_shared_set(&sink->handle, fresh, handle_free)) {
        handle_free(fresh);
        return false;
    }
    return true;
}

void ct_audit_sink_look(struct ct_audit_sink *sink, int64_t monotonic_ms, bool insist)
{
    struct ct_share *share;
    struct ct_audit_handle *handle;
    struct stat st;

    if (!due(&sink->looked_ms, monotonic_ms, insist)) {
        return;
    }
    share = ct_shared_get1(&sink->handle);
    handle = handle_of(share);
    if (handle == NULL || !still_ours(handle, &st) ||
        (sink->kind == CT_AUDIT_FILE && ct_audit_file_moved(sink->path, handle))) {
        (void)reopen(sink, monotonic_ms, insist);
    }
    ct_share_release(share);
}

struct ct_audit_sink *ct_audit_sink_new(enum ct_audit_kind kind, const char *path)
{
    struct ct_audit_sink *sink = calloc(1, sizeof *sink);
    const char *where = kind == CT_AUDIT_FILE       ? path
                        : kind == CT_AUDIT_JOURNALD ? ct_audit_journal_socket
                                                    : ct_audit_syslog_socket;

    if (sink == NULL) {
        return NULL;
    }
    sink->path = where != NULL ? strdup(where) : NULL;
    if (sink->path == NULL) {
        free(sink);
        return NULL;
    }
    atomic_init(&sink->references, 1);
    sink->kind = kind;
    (void)reopen(sink, 0, true);
    return sink;
}

struct ct_audit_sink *ct_audit_sink_retain(struct ct_audit_sink *sink)
{
    atomic_fetch_add(&sink->references, 1);
    return sink;
}

void ct_audit_sink_release(struct ct_audit_sink *sink)
{
    if (sink == NULL || atomic_fetch_sub(&sink->references, 1) != 1) {
        return;
    }
    ct_shared_clear(&sink->handle);
    free(sink->path);
    free(sink);
}

bool ct_audit_sink_is(const struct ct_audit_sink *sink, enum ct_audit_kind kind, const char *path)
{
    return sink->kind == kind && (kind != CT_AUDIT_FILE || strcmp(sink->path, path) == 0);
}

/* `line` NULL: these bytes, to a file. */
static enum ct_audit_written write_once(struct ct_audit_sink *sink, const struct ct_audit_line *line,
                                        struct ct_bytes bytes)
{
    struct ct_share *share = ct_shared_get1(&sink->handle);
    struct ct_audit_handle *handle = handle_of(share);
    enum ct_audit_written result = CT_AUDIT_GONE;
    struct stat st;

    if (handle == NULL || !still_ours(handle, &st)) {
        goto out;
    }
    if (sink->kind != CT_AUDIT_FILE) {
        result = ct_audit_socket_write(sink->kind, handle, line);
    } else if (st.st_nlink > 0) { /* what goes to a file that has no name any more, nobody will read */
        result = ct_audit_file_write(sink, handle, bytes);
    }
out:
    ct_share_release(share);
    return result;
}

static enum ct_audit_written write_twice(struct ct_audit_sink *sink, const struct ct_audit_line *line,
                                         struct ct_bytes bytes, int64_t monotonic_ms)
{
    enum ct_audit_written result;

    ct_audit_sink_look(sink, monotonic_ms, false);
    result = write_once(sink, line, bytes);
    if (result == CT_AUDIT_GONE && reopen(sink, monotonic_ms, false)) {
        result = write_once(sink, line, bytes);
    }
    return result;
}

enum ct_audit_written ct_audit_sink_write(struct ct_audit_sink *sink, const struct ct_audit_line *line,
                                          int64_t monotonic_ms)
{
    return write_twice(sink, line, (struct ct_bytes){ (const uint8_t *)line->text, line->len }, monotonic_ms);
}

enum ct_audit_written ct_audit_sink_append(struct ct_audit_sink *sink, struct ct_bytes bytes, int64_t monotonic_ms)
{
    return sink->kind == CT_AUDIT_FILE ? write_twice(sink, NULL, bytes, monotonic_ms) : CT_AUDIT_GONE;
}

void ct_audit_sink_describe(const struct ct_audit_sink *sink, char *out, size_t size)
{
    switch (sink->kind) {
    case CT_AUDIT_JOURNALD:
        snprintf(out, size, "journald");
        break;
    case CT_AUDIT_SYSLOG:
        snprintf(out, size, "syslog");
        break;
    default:
        snprintf(out, size, "file:%s", sink->path);
        break;
    }
}
