/* SPDX-License-Identifier: Apache-2.0 */
/* clientct submit: the list of SCTs in a file, which only ever grows. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "base/file.h"
#include "tool/replace.h"
#include "tool/submit/scts.h"
#include "tool/tool.h"

#define LIST_MAX 0xffffu
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS 100000000L

bool submit_list_parse(struct ct_bytes bytes, struct submit_list *list)
{
    struct ct_reader outer = ct_reader_of(bytes);
    struct ct_reader scts = ct_reader_of(ct_read_vector16(&outer));

    memset(list, 0, sizeof *list);
    while (scts.left > 0 && !scts.failed) {
        struct ct_bytes serialized = ct_read_vector16(&scts);
        if (serialized.len == 0) {
            return false;
        }
        list->count++;
    }
    if (!ct_reader_finished(&outer) || !ct_reader_finished(&scts) || list->count == 0) {
        list->count = 0;
        return false;
    }
    list->data = malloc(bytes.len);
    if (list->data == NULL) {
        tool_out_of_memory();
    }
    memcpy(list->data, bytes.data, bytes.len);
    list->len = bytes.len;
    return true;
}

bool submit_list_next(const struct submit_list *list, size_t *at, struct ct_bytes *serialized)
{
    if (*at == 0) {
        *at = 2;
    }
    if (*at >= list->len) {
        return false;
    }
    struct ct_reader reader = ct_reader_of((struct ct_bytes){ list->data + *at, list->len - *at });
    *serialized = ct_read_vector16(&reader);
    *at = list->len - reader.left;
    return !reader.failed;
}

bool submit_list_add(struct submit_list *list, struct ct_bytes serialized)
{
    struct ct_bytes other;
    size_t at = 0;

    while (submit_list_next(list, &at, &other)) {
        if (ct_bytes_equal(other, serialized)) {
            return true;
        }
    }
    size_t len = (list->len == 0 ? 2 : list->len) + 2 + serialized.len;
    if (serialized.len == 0 || len - 2 > LIST_MAX) {
        return false;
    }
    uint8_t *grown = realloc(list->data, len);
    if (grown == NULL) {
        tool_out_of_memory();
    }
    memcpy(ct_write_u16(grown + len - serialized.len - 2, (uint16_t)serialized.len), serialized.data, serialized.len);
    ct_write_u16(grown, (uint16_t)(len - 2));
    list->data = grown;
    list->len = len;
    list->count++;
    return true;
}

void submit_list_clear(struct submit_list *list)
{
    free(list->data);
    memset(list, 0, sizeof *list);
}

bool submit_file_read(const char *path, struct submit_list *list, char *why, size_t why_size)
{
    struct ct_file file = { 0 };
    int error = ct_file_read(path, CT_EVIDENCE_MAX_BYTES, false, &file);
    bool good = true;

    memset(list, 0, sizeof *list);
    if (error != 0 && error != ENOENT) {
        snprintf(why, why_size, "%s cannot be read: %s", path,
                 error == EINVAL ? "it is not a regular file" : strerror(error));
        good = false;
    } else if (error == 0 && !submit_list_parse((struct ct_bytes){ file.data, file.len }, list)) {
        snprintf(why, why_size, "%s is there and is not a list of SCTs; move it away", path);
        good = false;
    }
    ct_file_clear(&file);
    return good;
}

/* The lock is on the directory itself and leaves no file behind; bounded, since its holder might hang. */
static int lock_directory(int fd)
{
    const struct timespec pause = { .tv_sec = 0, .tv_nsec = LOCK_PAUSE_NS };

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return errno;
        }
        nanosleep(&pause, NULL);
    }
    return ETIMEDOUT;
}

bool submit_file_add(const char *path, struct ct_bytes serialized, struct submit_list *list, char *why, size_t why_size)
{
    char *copy = tool_format("%s", path);
    const char *directory = dirname(copy);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? errno : lock_directory(fd);
    bool good = false;

    submit_list_clear(list);
    if (error != 0) {
        snprintf(why, why_size, "the directory %s cannot be %s: %s", directory, fd < 0 ? "opened" : "locked",
                 strerror(error));
        goto out;
    }
    if (!submit_file_read(path, list, why, why_size)) {
        goto out;
    }
    size_t before = list->count;
    char unread[256];
    if (!submit_list_add(list, serialized)) {
        snprintf(why, why_size, "%s would become longer than a list of SCTs can be (65,535 bytes)", path);
        goto out;
    }
    if (list->count != before &&
        (error = tool_replace_file(path, (struct ct_bytes){ list->data, list->len }, 0644)) != 0) {
        snprintf(why, why_size, "%s cannot be written: %s", path, strerror(error));
        /* What is not in the file is not said to be in it. */
        submit_list_clear(list);
        if (!submit_file_read(path, list, unread, sizeof unread)) {
            submit_list_clear(list);
        }
        goto out;
    }
    good = true;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(copy);
    return good;
}
