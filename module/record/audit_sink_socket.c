/* SPDX-License-Identifier: Apache-2.0 */
#include "record/audit_sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/self.h"

/* LOG_AUTHPRIV of RFC 3164's successors: who a client is concerns not everybody who may read the log. */
#define FACILITY 10

/* Connected: after a chroot or a drop of privileges the name may not be reachable any more, the connection is. */
int ct_audit_socket_open(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static struct iovec span(const void *data, size_t len)
{
    return (struct iovec){ .iov_base = (void *)data, .iov_len = len };
}

enum ct_audit_written ct_audit_socket_write(enum ct_audit_kind kind, const struct ct_audit_handle *handle,
                                            const struct ct_audit_line *line)
{
    struct iovec parts[4];
    struct msghdr message = { .msg_iov = parts };
    char head[96];
    ssize_t sent;

    if (kind == CT_AUDIT_JOURNALD) {
        /* The journal's own protocol: a field a line; the JSON text has no newline but its last. */
        snprintf(head, sizeof head,
                 "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=clientct\nMESSAGE=", (int)line->priority,
                 FACILITY);
        parts[message.msg_iovlen++] = span(head, strlen(head));
        parts[message.msg_iovlen++] = span(line->text, line->len);
        parts[message.msg_iovlen++] = span(line->fields, line->fields_len);
    } else {
        /* RFC 3164 without its timestamp, which the daemon adds: its local time would need the time zone's lock. */
        snprintf(head, sizeof head, "<%d>clientct[%ld]: ", FACILITY * 8 + (int)line->priority, (long)ct_self_pid());
        parts[message.msg_iovlen++] = span(head, strlen(head));
        parts[message.msg_iovlen++] = span(line->text, line->len - 1);
    }
    do {
        sent = sendmsg(handle->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return CT_AUDIT_WRITTEN;
    }
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM || errno == EMSGSIZE
               ? CT_AUDIT_FULL
               : CT_AUDIT_GONE;
}
