/* SPDX-License-Identifier: Apache-2.0 */
#include "tool/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/tool.h"

static int write_all(int fd, struct ct_bytes content)
{
    for (size_t done = 0; done < content.len;) {
        ssize_t n = write(fd, content.data + done, content.len - done);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = 0;

    if (fd < 0) {
        return errno;
    }
    if (fsync(fd) != 0 && errno != EINVAL) {
        error = errno;
    }
    close(fd);
    return error;
}

int tool_replace_file(const char *path, struct ct_bytes content, mode_t mode)
{
    char *copy = tool_format("%s", path);
    const char *directory = dirname(copy);
    char *temporary = tool_format("%s/.clientct-XXXXXX", directory);
    int fd = mkostemp(temporary, O_CLOEXEC);
    int error = fd < 0 ? errno : write_all(fd, content);

    if (fd >= 0) {
        /* mkostemp makes it 0600, and others read some of them under other names. */
        if (error == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
            error = errno;
        }
        if (close(fd) != 0 && error == 0) {
            error = errno;
        }
        if (error == 0 && rename(temporary, path) != 0) {
            error = errno;
        }
        if (error != 0) {
            unlink(temporary);
        } else {
            error = sync_directory(directory);
        }
    }
    free(temporary);
    free(copy);
    return error;
}
