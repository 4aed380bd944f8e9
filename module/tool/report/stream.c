/* SPDX-License-Identifier: Apache-2.0 */
#define ZLIB_CONST
#include "tool/report/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "tool/tool.h"

#define BUFFER ((size_t)256 * 1024)

struct report_stream {
    int fd;
    const char *name;
    bool begun, ended, failed;
    bool within; /* a member of gzip or a frame of zstd has begun and not ended */
    uint64_t place;
    uint8_t *buffer;
    size_t at, filled;
    ssize_t (*decode)(struct report_stream *stream, uint8_t *to, size_t size);
    z_stream zlib;
    bool has_zlib;
    ZSTD_DStream *zstd;
};

struct report_stream *report_stream_open(int fd, const char *name)
{
    struct report_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL || (stream->buffer = malloc(BUFFER)) == NULL) {
        tool_out_of_memory();
    }
    stream->fd = fd;
    stream->name = name;
    return stream;
}

static ssize_t fail(struct report_stream *stream, const char *why)
{
    if (!stream->failed) {
        tool_error("report: %s cannot be read: %s", stream->name, why);
    }
    stream->failed = true;
    return -1;
}

/* Up to `size` bytes of the input itself. */
static ssize_t read_some(struct report_stream *stream, uint8_t *to, size_t size)
{
    ssize_t got;

    do {
        got = read(stream->fd, to, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return fail(stream, strerror(errno));
    }
    stream->ended = got == 0;
    stream->place += (uint64_t)got;
    return got;
}

/* Where nothing is left. False: failed. */
static bool fill(struct report_stream *stream)
{
    ssize_t got;

    if (stream->at < stream->filled || stream->ended) {
        return true;
    }
    got = read_some(stream, stream->buffer, BUFFER);
    stream->at = 0;
    stream->filled = got > 0 ? (size_t)got : 0;
    return got >= 0;
}

static ssize_t copy_plain(struct report_stream *stream, uint8_t *to, size_t size)
{
    size_t len = stream->filled - stream->at;

    if (len == 0) {
        return read_some(stream, to, size);
    }
    len = len < size ? len : size;
    memcpy(to, stream->buffer + stream->at, len);
    stream->at += len;
    return (ssize_t)len;
}

/* Members one behind the other are one text, and zeros behind the last are what a tape has left. */
static bool between_members(struct report_stream *stream)
{
    while (stream->at < stream->filled && stream->buffer[stream->at] == 0) {
        stream->at++;
    }
    if (stream->at == stream->filled) {
        return true;
    }
    if (inflateReset(&stream->zlib) != Z_OK) {
        tool_out_of_memory();
    }
    stream->within = true;
    return true;
}

static ssize_t inflate_some(struct report_stream *stream, uint8_t *to, size_t size)
{
    stream->zlib.next_out = to;
    stream->zlib.avail_out = (uInt)size;
    while (stream->zlib.avail_out == size) {
        int result;

        if (!fill(stream) || (!stream->within && !between_members(stream))) {
            return -1;
        }
        if (stream->at == stream->filled && stream->ended) {
            return stream->within ? fail(stream, "it is gzip and ends in the middle") : 0;
        }
        if (!stream->within) {
            continue;
        }
        stream->zlib.next_in = stream->buffer + stream->at;
        stream->zlib.avail_in = (uInt)(stream->filled - stream->at);
        result = inflate(&stream->zlib, Z_NO_FLUSH);
        stream->at = stream->filled - stream->zlib.avail_in;
        if (result == Z_MEM_ERROR) {
            tool_out_of_memory();
        }
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return fail(stream, "it is damaged gzip, or something else stands behind it");
        }
        stream->within = result != Z_STREAM_END;
    }
    return (ssize_t)(size - stream->zlib.avail_out);
}

static ssize_t decompress_some(struct report_stream *stream, uint8_t *to, size_t size)
{
    ZSTD_outBuffer out = { to, size, 0 };

    while (out.pos == 0) {
        ZSTD_inBuffer in;
        size_t left;

        if (!fill(stream)) {
            return -1;
        }
        if (stream->at == stream->filled && stream->ended && !stream->within) {
            return 0;
        }
        in = (ZSTD_inBuffer){ stream->buffer + stream->at, stream->filled - stream->at, 0 };
        left = ZSTD_decompressStream(stream->zstd, &out, &in);
        if (ZSTD_isError(left)) {
            return fail(stream, ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge
                                    ? "it is zstd with a window of more than 128 MiB"
                                    : "it is damaged zstd, or something else stands behind it");
        }
        if (in.size == 0 && out.pos == 0) { /* at the end, and it has nothing more to give */
            return fail(stream, "it is zstd and ends in the middle");
        }
        stream->at += in.pos;
        stream->within = left != 0;
    }
    return (ssize_t)out.pos;
}

/* A frame, or one to be skipped: RFC 8878, sections 3.1.1 and 3.1.2. */
static bool is_zstd(const uint8_t b[4])
{
    return memcmp(b, "\x28\xb5\x2f\xfd", 4) == 0 || ((b[0] & 0xf0) == 0x50 && memcmp(b + 1, "\x2a\x4d\x18", 3) == 0);
}

/* What it is, by its first bytes: RFC 1952, section 2.3.1, and the above. */
static bool begin(struct report_stream *stream)
{
    const uint8_t *b = stream->buffer;

    while (stream->filled < 4 && !stream->ended) {
        ssize_t got = read_some(stream, stream->buffer + stream->filled, BUFFER - stream->filled);

        if (got < 0) {
            return false;
        }
        stream->filled += (size_t)got;
    }
    stream->begun = true;
    stream->decode = copy_plain;
    if (stream->filled >= 2 && b[0] == 0x1f && b[1] == 0x8b) {
        if (inflateInit2(&stream->zlib, 15 + 16) != Z_OK) {
            tool_out_of_memory();
        }
        stream->has_zlib = stream->within = true;
        stream->decode = inflate_some;
    } else if (stream->filled >= 4 && is_zstd(b)) {
        stream->zstd = ZSTD_createDStream();
        if (stream->zstd == NULL) {
            tool_out_of_memory();
        }
        stream->decode = decompress_some;
    }
    return true;
}

ssize_t report_stream_read(struct report_stream *stream, uint8_t *to, size_t size)
{
    if (stream->failed || (!stream->begun && !begin(stream))) {
        return -1;
    }
    return stream->decode(stream, to, size);
}

uint64_t report_stream_place(const struct report_stream *stream)
{
    return stream->place;
}

void report_stream_close(struct report_stream *stream, bool keep_descriptor)
{
    if (stream->has_zlib) {
        inflateEnd(&stream->zlib);
    }
    ZSTD_freeDStream(stream->zstd);
    if (!keep_descriptor) {
        close(stream->fd);
    }
    free(stream->buffer);
    free(stream);
}
