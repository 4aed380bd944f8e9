/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/file_limit.h"

/* Regular files only: a FIFO or a device can make a writer wait. */
int ct_audit_file_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool ct_audit_file_moved(const char *path, const struct ct_audit_handle *handle)
{
    struct ct_root root = ct_root_now();
    struct stat st;

    if (!ct_root_equal(&root, &handle->root)) {
        return false; /* what has that name in another root directory is another file from the start */
    }
    return lstat(path, &st) != 0 || (uint64_t)st.st_dev != handle->dev || (uint64_t)st.st_ino != handle->ino;
}

/* One write a line: with O_APPEND the lines of many processes do not mix. */
enum ct_audit_written ct_audit_file_write(struct ct_audit_sink *sink, const struct ct_audit_handle *handle,
                                          struct ct_bytes bytes)
{
    char newline = '\n'; /* ends what a full disk left of an earlier line */
    bool torn = atomic_load_explicit(&sink->torn, memory_order_relaxed);
    const struct iovec parts[] = { { &newline, 1 }, { (void *)bytes.data, bytes.len } };
    size_t len = bytes.len + (torn ? 1 : 0);
    struct ct_file_limit limit;
    ssize_t done;

    ct_file_limit_begin(&limit);
    do {
        done = writev(handle->fd, torn ? parts : parts + 1, torn ? 2 : 1);
    } while (done < 0 && errno == EINTR);
    ct_file_limit_end(&limit);
    if (done > 0) {
        atomic_store_explicit(&sink->torn, (size_t)done < len, memory_order_relaxed);
    }
    return done >= 0 && (size_t)done == len ? CT_AUDIT_WRITTEN : CT_AUDIT_FULL;
}
