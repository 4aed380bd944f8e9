/* SPDX-License-Identifier: Apache-2.0 */
/* clientct doctor --pid: whether a process has connections, or waits for some. */
#ifndef CT_TOOL_SOCKETS_H
#define CT_TOOL_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

/* Holds a TCP socket that listens or is connected, in its own network; true also where that cannot be seen. */
bool doctor_has_tcp(pid_t pid);

#endif
