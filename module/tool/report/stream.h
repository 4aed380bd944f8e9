/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an input as they were before it was compressed: gzip and zstd are known by how they begin. */
#ifndef CT_TOOL_REPORT_STREAM_H
#define CT_TOOL_REPORT_STREAM_H

#include <sys/types.h>

#include "base/bytes.h"

struct report_stream;

/* Takes the descriptor. `name`: for messages. */
struct report_stream *report_stream_open(int fd, const char *name) CT_MUST_USE;
/*
 * Up to `size` bytes (more than 0), 0 at the end, -1 where it cannot be read or is damaged: that was said. What is
 * in memory does not depend on how much is read; zstd may ask for 128 MiB, where it was compressed so.
 */
ssize_t report_stream_read(struct report_stream *stream, uint8_t *to, size_t size);
/* How many bytes of the input itself were read so far. */
uint64_t report_stream_place(const struct report_stream *stream);
/* `keep_descriptor`: it is not closed. */
void report_stream_close(struct report_stream *stream, bool keep_descriptor);

#endif
