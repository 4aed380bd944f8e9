/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an archive, of any length, through a buffer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/replay/record.h"
#include "tool/tool.h"

/* A record and as much again: what a longer line begins with is passed over. */
#define BUFFER_SIZE (2 * CT_ARCHIVE_RECORD_MAX)

static void take_line(struct ct_bytes line, replay_take *take, void *arg)
{
    struct replay_record record;
    enum replay_read read;

    if (line.len == 0) {
        return;
    }
    read = replay_record_read(line, &record);
    take(arg, read, &record);
    replay_record_clear(&record);
}

bool replay_records_read(const char *verb, const char *name, int fd, struct ct_bytes begun, replay_take *take,
                         void *arg)
{
    uint8_t *buffer = malloc(BUFFER_SIZE);
    size_t have = begun.len;
    bool over = false; /* in a line that is longer than any record */
    ssize_t got = 0;

    if (buffer == NULL || begun.len >= BUFFER_SIZE) {
        tool_out_of_memory();
    }
    if (begun.len > 0) {
        memcpy(buffer, begun.data, begun.len);
    }
    do {
        uint8_t *at = buffer, *end;

        got = read(fd, buffer + have, BUFFER_SIZE - have);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        have += got > 0 ? (size_t)got : 0;
        while ((end = memchr(at, '\n', have - (size_t)(at - buffer))) != NULL) {
            if (!over) {
                take_line((struct ct_bytes){ at, (size_t)(end - at) }, take, arg);
            }
            over = false;
            at = end + 1;
        }
        have -= (size_t)(at - buffer);
        memmove(buffer, at, have);
        if (have == BUFFER_SIZE) {
            if (!over) {
                take(arg, REPLAY_FOREIGN, NULL);
            }
            over = true;
            have = 0;
        }
    } while (got > 0);
    if (got == 0 && !over) {
        take_line((struct ct_bytes){ buffer, have }, take, arg);
    }
    if (got < 0) {
        tool_error("%s: %s cannot be read: %s", verb, name, strerror(errno));
    }
    free(buffer);
    return got == 0;
}
