/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "tool/report/partial.h"
#include "tool/tool.h"

#define LEVEL 6 /* much of it is hashes, which nothing makes shorter */

struct saving {
    ZSTD_CCtx *zstd;
    FILE *to;
    size_t room;
    uint8_t *buffer;
};

static void compress(struct saving *saving, ZSTD_inBuffer in, ZSTD_EndDirective end)
{
    size_t left;

    do {
        ZSTD_outBuffer out = { saving->buffer, saving->room, 0 };

        left = ZSTD_compressStream2(saving->zstd, &out, &in, end);
        if (ZSTD_isError(left)) {
            tool_out_of_memory(); /* nothing else can fail here */
        }
        (void)fwrite(saving->buffer, 1, out.pos, saving->to); /* the stream remembers a failure */
    } while (in.pos < in.size || (end == ZSTD_e_end && left > 0));
}

static void save_bytes(void *arg, const void *data, size_t len)
{
    compress(arg, (ZSTD_inBuffer){ data, len, 0 }, ZSTD_e_continue);
}

static int write_to(struct report_tally *tally, FILE *to)
{
    struct saving saving = { ZSTD_createCCtx(), to, ZSTD_CStreamOutSize(), malloc(ZSTD_CStreamOutSize()) };

    if (saving.zstd == NULL || saving.buffer == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(saving.zstd, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(saving.zstd, ZSTD_c_checksumFlag, 1))) {
        tool_out_of_memory();
    }
    errno = 0;
    report_partial_write(tally, save_bytes, &saving);
    compress(&saving, (ZSTD_inBuffer){ NULL, 0, 0 }, ZSTD_e_end);
    ZSTD_freeCCtx(saving.zstd);
    free(saving.buffer);
    return fflush(to) != 0 || ferror(to) != 0 ? (errno != 0 ? errno : EIO) : 0;
}

int report_partial_save(struct report_tally *tally, const char *path)
{
    char *copy, *temporary;
    FILE *to = NULL;
    int fd, error;

    if (strcmp(path, "-") == 0) {
        return write_to(tally, stdout);
    }
    copy = tool_format("%s", path);
    temporary = tool_format("%s/.clientct-XXXXXX", dirname(copy));
    fd = mkostemp(temporary, O_CLOEXEC); /* 0600: it has the names of clients, as the audit has */
    error = fd < 0 || (to = fdopen(fd, "w")) == NULL ? errno : write_to(tally, to);
    if (error == 0 && fsync(fd) != 0 && errno != EINVAL) {
        error = errno;
    }
    if (to != NULL && fclose(to) != 0 && error == 0) {
        error = errno;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0 && fd >= 0) {
        unlink(temporary);
    }
    free(temporary);
    free(copy);
    return error;
}
