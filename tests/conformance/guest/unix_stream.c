/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Unix sockets of type SOCK_STREAM and SOCK_SEQPACKET.
 */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static volatile int count_of_signals;
static void count(int number) { (void)number, count_of_signals++; }

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un result = {.sun_family = AF_UNIX};
    strcpy(result.sun_path, path);
    return result;
}

static long bind_to(int fd, const char *path) {
    struct sockaddr_un name = address(path);
    return bind(fd, (struct sockaddr *)&name, sizeof name);
}

static long connect_to(int fd, const char *path) {
    struct sockaddr_un name = address(path);
    return connect(fd, (struct sockaddr *)&name, sizeof name);
}

static void who(const char *label, int (*ask)(int, struct sockaddr *, socklen_t *), int fd) {
    struct sockaddr_un name;
    memset(&name, 0, sizeof name);
    socklen_t length = sizeof name;
    if (ask(fd, (struct sockaddr *)&name, &length))
        say("%s: %s", label, errno_name(errno));
    else
        say("%s: length %d family %d \"%s\"", label, (int)length, name.sun_family, length > 2 ? name.sun_path : "");
}

CASE(a_pair_carries_bytes_both_ways) {
    int pair[2];
    char text[16] = "";
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    TRY(write(pair[0], "abc", 3));
    TRY(write(pair[0], "def", 3));
    TRY(send(pair[1], "back", 4, 0));
    TRY(recv(pair[1], text, 4, 0));
    TRY(read(pair[1], text + 4, 10));
    say("%s", text);
    TRY(recv(pair[0], text, 16, MSG_PEEK));
    TRY(recv(pair[0], text, 16, 0));
    TRY(recv(pair[0], text, 16, MSG_DONTWAIT));
    who("own name", getsockname, pair[0]);
    who("peer name", getpeername, pair[0]);
    TRY(lseek(pair[0], 0, SEEK_SET));
    TRY(pread(pair[0], text, 1, 0));
}

CASE(socket_arguments) {
    int pair[2];
    TRY(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    say("%d %#o", fcntl(3, F_GETFD), fcntl(3, F_GETFL));
    TRY(socket(AF_UNIX, SOCK_STREAM, 1));
    TRY(socket(AF_UNIX, SOCK_STREAM, 2));
    TRY(socket(AF_UNIX, SOCK_RDM, 0));
    TRY(socket(AF_UNIX, 77, 0));
    TRY(socket(12345, SOCK_STREAM, 0));
    TRY(socket(-1, SOCK_STREAM, 0));
    TRY(socket(AF_UNIX, SOCK_STREAM | 0x1000, 0));
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 77, pair));
    TRY(socketpair(AF_UNIX, SOCK_RAW, 0, pair));
    TRY(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    say("%d %d", pair[0], pair[1]);
}

CASE(a_server_and_a_client) {
    char text[16] = "";
    struct stat status;
    int server = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(accept(server, NULL, NULL));
    TRY(listen(server, 5));
    TRY(bind_to(server, "socket"));
    TRY(stat("socket", &status));
    say("%s", mode_text(status.st_mode));
    int client = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(connect_to(client, "socket"));
    TRY(listen(server, 5));
    TRY(connect_to(client, "socket"));
    TRY(connect_to(client, "socket"));
    int served = (int)TRY(accept4(server, NULL, NULL, SOCK_CLOEXEC));
    TRY(fcntl(served, F_GETFD));
    who("server", getsockname, server);
    who("server's peer", getpeername, server);
    who("client", getsockname, client);
    who("client's peer", getpeername, client);
    who("served", getsockname, served);
    who("served's peer", getpeername, served);
    TRY(write(client, "hello", 5));
    TRY(read(served, text, 16));
    say("%s", text);
    TRY(close(server));
    TRY(write(served, "bye", 3));
    TRY(read(client, text, 16));
    TRY(connect_to((int)MUST(socket(AF_UNIX, SOCK_STREAM, 0)), "socket"));
    TRY(open("socket", O_RDWR));
    TRY(open("socket", O_PATH));
    TRY(unlink("socket"));
}

CASE(accept_takes_connections_in_order_and_tells_the_address) {
    char text[4] = "";
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    int server = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind_to(server, "socket"));
    MUST(listen(server, 5));
    for (int i = 0; i < 3; i++) {
        int client = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        char own[16];
        snprintf(own, sizeof own, "client%d", i);
        MUST(bind_to(client, own));
        MUST(connect_to(client, "socket"));
        MUST(write(client, "012" + i, 1));
    }
    for (int i = 0; i < 3; i++) {
        length = sizeof name;
        int served = (int)MUST(accept(server, (struct sockaddr *)&name, &length));
        MUST(read(served, text, 1));
        say("%s from %s, length %d", text, name.sun_path, (int)length);
    }
    MUST(fcntl(server, F_SETFL, O_NONBLOCK));
    TRY(accept(server, NULL, NULL));
}

CASE(bind_and_connect_errors) {
    struct sockaddr_un name = address("new");
    put("file", "f");
    int fd = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(bind_to(fd, "file"));
    TRY(bind_to(fd, "missing/socket"));
    TRY(bind(fd, (struct sockaddr *)&name, 1));
    TRY(bind(fd, (struct sockaddr *)&name, 200));
    TRY(bind(fd, BAD, sizeof name));
    TRY(bind(77, (struct sockaddr *)&name, sizeof name));
    TRY(bind(1, (struct sockaddr *)&name, sizeof name));
    name.sun_family = AF_INET;
    TRY(bind(fd, (struct sockaddr *)&name, sizeof name));
    TRY(connect(fd, (struct sockaddr *)&name, sizeof name));
    TRY(connect_to(fd, "missing"));
    TRY(connect_to(fd, "file"));
    TRY(connect(fd, BAD, sizeof name));
    TRY(bind_to(fd, "socket"));
    TRY(bind_to(fd, "another"));
    int again = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(bind_to(again, "socket"));
    int datagram = (int)TRY(socket(AF_UNIX, SOCK_DGRAM, 0));
    TRY(connect_to(datagram, "socket"));
    TRY(listen(datagram, 1));
    TRY(accept(datagram, NULL, NULL));
    TRY(listen(1, 1));
    TRY(listen(77, 1));
    TRY(accept(1, NULL, NULL));
    TRY(accept4(fd, NULL, NULL, 0x1234));
}

CASE(reading_and_writing_without_a_connection) {
    char byte;
    int fd = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(read(fd, &byte, 1));
    TRY(send(fd, "x", 1, MSG_NOSIGNAL));
    TRY(shutdown(fd, SHUT_RDWR));
    TRY(shutdown(77, SHUT_RD));
    TRY(shutdown(1, SHUT_RD));
    TRY(send(1, "x", 1, 0));
    TRY(recv(77, &byte, 1, 0));
}

CASE(shutdown_of_one_direction) {
    int pair[2];
    char text[8];
    handle(SIGPIPE, count, 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    TRY(write(pair[0], "left", 4));
    TRY(shutdown(pair[0], SHUT_WR));
    TRY(write(pair[0], "x", 1));
    say("signals %d", count_of_signals);
    TRY(send(pair[0], "x", 1, MSG_NOSIGNAL));
    say("signals %d", count_of_signals);
    TRY(read(pair[1], text, 8));
    TRY(read(pair[1], text, 8));
    TRY(write(pair[1], "right", 5));
    TRY(read(pair[0], text, 8));
    TRY(shutdown(pair[1], SHUT_RD));
    TRY(shutdown(pair[0], SHUT_RD));
    TRY(read(pair[0], text, 8));
    TRY(write(pair[1], "x", 1));
    TRY(shutdown(pair[0], 3));
    TRY(shutdown(pair[0], -1));
}

CASE(a_closed_peer) {
    int pair[2];
    char text[8];
    handle(SIGPIPE, SIG_IGN, 0);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(write(pair[1], "last", 4));
    MUST(close(pair[1]));
    TRY(read(pair[0], text, 8));
    TRY(read(pair[0], text, 8));
    TRY(write(pair[0], "x", 1));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(write(pair[0], "unread", 6));
    MUST(close(pair[1]));
    TRY(read(pair[0], text, 8));
    TRY(read(pair[0], text, 8));
    TRY(write(pair[0], "x", 1));
}

CASE(abstract_names) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)offsetof(struct sockaddr_un, sun_path);
    int size = sprintf(name.sun_path + 1, "pysc-check-%d", getpid());
    int server = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    length += 1 + (socklen_t)size;
    TRY(bind(server, (struct sockaddr *)&name, length));
    TRY(listen(server, 1));
    int client = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(connect(client, (struct sockaddr *)&name, length + 1));
    TRY(connect(client, (struct sockaddr *)&name, length));
    struct sockaddr_un peer;
    socklen_t given = sizeof peer;
    TRY(getpeername(client, (struct sockaddr *)&peer, &given));
    IS(given == length && !memcmp(&peer, &name, length));
    int other = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(bind(other, (struct sockaddr *)&name, length));
    TRY(close(server));
    TRY(bind(other, (struct sockaddr *)&name, length));
    int automatic = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(bind(automatic, (struct sockaddr *)&name, 2));
    given = sizeof peer;
    TRY(getsockname(automatic, (struct sockaddr *)&peer, &given));
    say("length %d, first byte %d", (int)given, peer.sun_path[0]);
}

CASE(credentials_of_the_peer) {
    int pair[2], value = 0;
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    TRY(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &length));
    say("%s uid %d gid %d", peer.pid == getpid() ? "me" : "another", peer.uid, peer.gid);
    int server = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind_to(server, "socket"));
    MUST(chmod("socket", 0777));
    MUST(listen(server, 1));
    pid_t child = CHILD({
        become_nobody();
        int client = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
        TRY(connect_to(client, "socket"));
        length = sizeof peer;
        TRY(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length));
        say("%s uid %d gid %d", peer.pid == getppid() ? "parent" : "another", peer.uid, peer.gid);
        MUST(read(client, &value, 1));
    });
    int served = (int)MUST(accept(server, NULL, NULL));
    length = sizeof peer;
    MUST(getsockopt(served, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    MUST(write(served, "x", 1));
    JOIN(child);
    say("%s uid %d gid %d", peer.pid == child ? "child" : "another", peer.uid, peer.gid);
}

CASE(permission_to_connect) {
    int server = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind_to(server, "socket"));
    MUST(chmod("socket", 0700));
    MUST(listen(server, 1));
    become_nobody();
    int client = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    TRY(connect_to(client, "socket"));
    TRY(bind_to(client, "mine"));
}

CASE(options) {
    int value = -1, on = 1;
    socklen_t length = sizeof value;
#define OPTION(fd, name)                                                                                             \
    length = sizeof value;                                                                                           \
    TRY(getsockopt(fd, SOL_SOCKET, name, &value, &length));                                                          \
    say("%s %d length %d", #name, value, (int)length)
    int fd = (int)TRY(socket(AF_UNIX, SOCK_STREAM, 0));
    OPTION(fd, SO_TYPE);
    OPTION(fd, SO_DOMAIN);
    OPTION(fd, SO_PROTOCOL);
    OPTION(fd, SO_ERROR);
    OPTION(fd, SO_ACCEPTCONN);
    OPTION(fd, SO_PASSCRED);
    OPTION(fd, SO_REUSEADDR);
    TRY(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    OPTION(fd, SO_PASSCRED);
    MUST(bind_to(fd, "socket"));
    MUST(listen(fd, 1));
    OPTION(fd, SO_ACCEPTCONN);
    TRY(setsockopt(fd, SOL_SOCKET, SO_TYPE, &on, sizeof on));
    TRY(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, 1));
    TRY(getsockopt(fd, SOL_SOCKET, 12345, &value, &length));
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, BAD, &length));
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, BAD));
    TRY(getsockopt(1, SOL_SOCKET, SO_TYPE, &value, &length));
    TRY(getsockopt(77, SOL_SOCKET, SO_TYPE, &value, &length));
    length = 1;
    TRY(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &length));
    struct timeval limit = {0, 20000};
    TRY(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    TRY(accept(fd, NULL, NULL));
}

CASE(seqpacket_keeps_boundaries) {
    int pair[2];
    char text[16] = "";
    TRY(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    TRY(write(pair[0], "one", 3));
    TRY(write(pair[0], "second", 6));
    TRY(write(pair[0], "", 0));
    TRY(read(pair[1], text, 16));
    TRY(read(pair[1], text, 2));
    TRY(recv(pair[1], text, 16, MSG_DONTWAIT));
    TRY(recv(pair[1], text, 16, MSG_DONTWAIT));
    TRY(write(pair[0], "third", 5));
    TRY(recv(pair[1], text, 2, MSG_TRUNC));
    TRY(close(pair[0]));
    TRY(read(pair[1], text, 16));
    TRY(send(pair[1], "x", 1, MSG_NOSIGNAL));
}

CASE(blocked_calls_wake_and_are_interrupted) {
    int pair[2];
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(write(pair[1], "x", 1));
    });
    TRY(read(pair[0], &byte, 1));
    JOIN(child);
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(read(pair[0], &byte, 1));
    TRY(recv(pair[0], &byte, 1, 0));
    int server = (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(bind_to(server, "socket"));
    MUST(listen(server, 1));
    TRY(accept(server, NULL, NULL));
}

CASE(MSG_WAITALL_gathers) {
    int pair[2];
    char text[16] = "";
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(write(pair[1], "abc", 3));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(write(pair[1], "defgh", 5));
    });
    TRY(recv(pair[0], text, 6, MSG_WAITALL));
    say("%s", text);
    JOIN(child);
    MUST(shutdown(pair[1], SHUT_WR));
    TRY(recv(pair[0], text, 16, MSG_WAITALL));
}

CASE(large_transfers_arrive_whole) {
    static char data[400000], back[400000];
    int pair[2];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 13 + (i >> 9));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pid_t child = CHILD(TRY(write(pair[0], data, sizeof data)));
    MUST(close(pair[0]));
    long total = 0, got;
    while ((got = MUST(read(pair[1], back + total, sizeof back - (size_t)total))) > 0)
        total += got;
    say("%ld", total);
    JOIN(child);
    IS(memcmp(data, back, sizeof data) == 0);
}

CASE(waiting_bytes_and_nonblocking_ones) {
    int pair[2], waiting = -1;
    char text[8];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
    TRY(read(pair[0], text, 8));
    MUST(write(pair[1], "abcde", 5));
    TRY(ioctl(pair[0], FIONREAD, &waiting));
    say("%d", waiting);
    static char block[65536];
    long got;
    while ((got = write(pair[1], block, sizeof block)) > 0)
        ;
    say("%s", errno_name(errno));
    TRY(send(pair[1], BAD, 4, 0));
    TRY(recv(pair[0], BAD, 4, 0));
}
