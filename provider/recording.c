/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

_Static_assert(CT_ADDRESS_SIZE == INET6_ADDRSTRLEN, "room for an address");

uint64_t ct_recording_now_ns(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_MONOTONIC, &now) != 0 ? 0 : (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Servers that give OpenSSL no socket of their own (HAProxy, memory BIOs) leave the address unknown. */
static void find_peer(const SSL *ssl, char address[INET6_ADDRSTRLEN], struct clientct_input *input)
{
    int fd = SSL_get_rfd(ssl);
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
    const void *bytes;
    int family = AF_INET;

    memset(&peer, 0, sizeof peer);
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &len) != 0) {
        return;
    }
    if (peer.ss_family == AF_INET) {
        bytes = &v4->sin_addr;
        input->client_port = ntohs(v4->sin_port);
    } else if (peer.ss_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

        bytes = mapped ? &v6->sin6_addr.s6_addr[12] : &v6->sin6_addr.s6_addr[0];
        family = mapped ? AF_INET : AF_INET6;
        input->client_port = ntohs(v6->sin6_port);
    } else {
        return;
    }
    input->client_address = inet_ntop(family, bytes, address, INET6_ADDRSTRLEN);
}

void ct_recording_describe(const SSL *ssl, char address[CT_ADDRESS_SIZE], struct clientct_input *input)
{
    find_peer(ssl, address, input);
    input->tls_version = SSL_get_version(ssl);
}
