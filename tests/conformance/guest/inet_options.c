/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * getsockopt(2) and setsockopt(2) of IP sockets (ip(7), ipv6(7)).
 */
#include "check.h"

#include <netinet/in.h>
#include <sys/socket.h>

static void option(int fd, int level, int name) {
    unsigned char value[16];
    memset(value, 0xee, sizeof value);
    socklen_t length = sizeof value;
    if (TRY(getsockopt(fd, level, name, value, &length)) == 0)
        say("%d: %u bytes %d", name, length, length == 4 ? *(int *)value : -1);
}

CASE(packets_have_no_options) {
    int fd = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
    option(fd, IPPROTO_IP, IP_OPTIONS);
    TRY(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, NULL, 0));
    option(fd, IPPROTO_IP, IP_OPTIONS);
}

CASE(what_is_remembered) {
    static const int names[] = {IP_TOS, IP_TTL, IP_RECVTOS, IP_RECVTTL, IP_RECVERR, IP_FREEBIND, IP_MINTTL, IP_RECVOPTS};
    int fd = (int)MUST(socket(AF_INET, SOCK_DGRAM, 0));
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        option(fd, IPPROTO_IP, names[i]);
    int one = 1;
    TRY(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof one));
    option(fd, IPPROTO_IP, IP_RECVTTL);
    TRY(setsockopt(fd, IPPROTO_IP, 250, &one, sizeof one));
}
