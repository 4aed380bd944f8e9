/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

static struct ct_file_stamp stamp_of_stat(const struct stat *st)
{
    return (struct ct_file_stamp){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = ct_time_ns(&st->st_mtim),
        .ctime_ns = ct_time_ns(&st->st_ctim),
    };
}

struct ct_file_stamp ct_file_stamp_of(const char *path, bool follow)
{
    struct stat st;

    if ((follow ? stat(path, &st) : lstat(path, &st)) != 0) {
        return (struct ct_file_stamp){ .error = errno };
    }
    if (S_ISLNK(st.st_mode)) {
        return (struct ct_file_stamp){ .error = ELOOP };
    }
    if (!S_ISREG(st.st_mode)) {
        return (struct ct_file_stamp){ .error = EINVAL };
    }
    return stamp_of_stat(&st);
}

bool ct_file_stamp_equal(const struct ct_file_stamp *a, const struct ct_file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->ctime_ns == b->ctime_ns && a->error == b->error;
}

/*
 * Bytes that are given up while younger memory stays in use would leave a hole in the heap of the process for good: so
 * many are mapped, and go back to the system.
 */
#define MAPPED_FROM (32u * 1024)

/* Room for `size` bytes, with those that are there; false: no memory, and nothing has changed. */
static bool make_room(struct ct_file *file, size_t size)
{
    void *data;

    if (file->mapped == 0 && (file->data != NULL || size < MAPPED_FROM)) {
        data = realloc(file->data, size);
        if (data == NULL) {
            return false;
        }
    } else {
        data = file->mapped > 0 ? mremap(file->data, file->mapped, size, MREMAP_MAYMOVE)
                                : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == MAP_FAILED) {
            return false;
        }
        file->mapped = size;
    }
    file->data = data;
    return true;
}

/* The file as it is behind fd; it may grow or shrink meanwhile, so the size seen first is only a guess. */
static int read_all(int fd, size_t max, size_t guess, struct ct_file *out)
{
    size_t room = guess + 1;

    if (!make_room(out, room + 1)) {
        return ENOMEM;
    }
    for (;;) {
        ssize_t n;

        if (out->len == room) {
            room = room * 2 > max + 1 ? max + 1 : room * 2;
            if (room <= out->len) {
                return EFBIG;
            }
            if (!make_room(out, room + 1)) {
                return ENOMEM;
            }
        }
        n = read(fd, out->data + out->len, room - out->len);
        if (n == 0) {
            break;
        }
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        out->len += (size_t)n;
        if (out->len > max) {
            return EFBIG;
        }
    }
    out->data[out->len] = '\0';
    return 0;
}

int ct_file_digest(struct ct_file *file)
{
    return EVP_Digest(file->data, file->len, file->sha256, NULL, EVP_sha256(), NULL) == 1 ? 0 : ENOMEM;
}

int ct_file_read(const char *path, size_t max, bool follow, struct ct_file *out)
{
    int error = ct_file_read_bytes(path, max, follow, out);

    if (error == 0 && (error = ct_file_digest(out)) != 0) {
        ct_file_clear(out);
        out->stamp.error = error;
    }
    return error;
}

int ct_file_read_bytes(const char *path, size_t max, bool follow, struct ct_file *out)
{
    struct stat st;
    int fd = -1;
    int error = 0;

    memset(out, 0, sizeof *out);
    /* O_NONBLOCK: opening a FIFO must not wait for a writer; it is refused below, as is everything but a file. */
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        error = errno;
        goto out;
    }
    if (fstat(fd, &st) != 0) {
        error = errno;
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        error = EINVAL;
        goto out;
    }
    if (st.st_size < 0 || (uint64_t)st.st_size > max) {
        error = EFBIG;
        goto out;
    }
    out->stamp = stamp_of_stat(&st);
    error = read_all(fd, max, (size_t)st.st_size, out);
out:
    if (fd >= 0) {
        close(fd);
    }
    if (error != 0) {
        ct_file_clear(out);
        out->stamp.error = error;
    }
    return error;
}

void ct_file_drop_bytes(struct ct_file *file)
{
    if (file->mapped > 0) {
        (void)munmap(file->data, file->mapped);
    } else {
        free(file->data);
    }
    file->data = NULL;
    file->len = 0;
    file->mapped = 0;
}

void ct_file_clear(struct ct_file *file)
{
    if (file == NULL) {
        return;
    }
    ct_file_drop_bytes(file);
    memset(file, 0, sizeof *file);
}
