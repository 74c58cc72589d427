/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Unix sockets of type SOCK_DGRAM; sendmsg(2), recvmsg(2), sendmmsg(2), recvmmsg(2); descriptors and
 * credentials that travel with a message (SCM_RIGHTS, SCM_CREDENTIALS).
 */
#include "check.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un result = {.sun_family = AF_UNIX};
    strcpy(result.sun_path, path);
    return result;
}

static int bound(const char *path) {
    struct sockaddr_un name = address(path);
    int fd = (int)MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    MUST(bind(fd, (struct sockaddr *)&name, sizeof name));
    return fd;
}

static long send_fds(int socket, const int *fds, int count, const char *text) {
    char space[CMSG_SPACE(300 * sizeof(int))] = {0};
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space,
                             .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, (size_t)count * sizeof(int));
    return sendmsg(socket, &message, 0);
}

static int receive_fds(int socket, int *fds, size_t room, int flags) {
    char space[256] = {0}, text[32] = "";
    struct iovec part = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = room};
    long count = TRY(recvmsg(socket, &message, flags));
    if (count < 0)
        return 0;
    say("\"%s\" flags %#x", text, message.msg_flags & ~MSG_CMSG_CLOEXEC);
    int given = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        given = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        say("level %d type %d, %d descriptors", header->cmsg_level, header->cmsg_type, given);
        memcpy(fds, CMSG_DATA(header), (size_t)given * sizeof(int));
        for (int i = 0; i < given; i++)
            say("  %d", fds[i]);
    }
    return given;
}

CASE(datagrams_keep_boundaries_and_addresses) {
    char text[16] = "";
    struct sockaddr_un from, to = address("one");
    socklen_t length = sizeof from;
    int one = bound("one"), two = bound("two");
    TRY(sendto(two, "hello", 5, 0, (struct sockaddr *)&to, sizeof to));
    TRY(sendto(two, "", 0, 0, (struct sockaddr *)&to, sizeof to));
    TRY(sendto(two, "truncated", 9, 0, (struct sockaddr *)&to, sizeof to));
    TRY(recvfrom(one, text, 16, 0, (struct sockaddr *)&from, &length));
    say("%s from %s length %d", text, from.sun_path, (int)length);
    TRY(recv(one, text, 16, 0));
    TRY(recv(one, text, 4, MSG_TRUNC));
    TRY(recv(one, text, 4, MSG_DONTWAIT));
    int nameless = (int)MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    TRY(sendto(nameless, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    length = sizeof from;
    TRY(recvfrom(one, text, 16, 0, (struct sockaddr *)&from, &length));
    say("length %d", (int)length);
}

CASE(connected_datagrams) {
    char text[16] = "";
    struct sockaddr_un to = address("one"), nothing = {.sun_family = AF_UNSPEC};
    int one = bound("one"), two = bound("two"), three = bound("three");
    TRY(send(two, "x", 1, 0));
    TRY(connect(two, (struct sockaddr *)&to, sizeof to));
    TRY(send(two, "x", 1, 0));
    TRY(recv(one, text, 16, 0));
    to = address("two");
    TRY(sendto(three, "y", 1, 0, (struct sockaddr *)&to, sizeof to));
    TRY(sendto(one, "z", 1, 0, (struct sockaddr *)&to, sizeof to));
    TRY(recv(two, text, 16, 0));
    say("%s", text);
    TRY(connect(two, (struct sockaddr *)&nothing, sizeof nothing));
    TRY(send(two, "x", 1, 0));
    to = address("one");
    MUST(connect(two, (struct sockaddr *)&to, sizeof to));
    MUST(close(one));
    TRY(send(two, "x", 1, 0));
    TRY(send(two, "x", 1, 0));
}

CASE(datagram_errors) {
    struct sockaddr_un to = address("missing");
    static char large[300000];
    int pair[2];
    int fd = bound("one");
    put("file", "f");
    TRY(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    to = address("file");
    TRY(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    TRY(sendto(fd, "x", 1, 0, BAD, sizeof to));
    TRY(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, 1000));
    TRY(sendto(fd, "x", 1, MSG_OOB, NULL, 0));
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    TRY(send(pair[0], large, sizeof large, 0));
    TRY(send(pair[0], BAD, 4, 0));
    TRY(close(pair[1]));
    TRY(send(pair[0], "x", 1, 0));
    TRY(recv(pair[0], large, 1, MSG_DONTWAIT));
}

CASE(descriptors_travel) {
    int pair[2], pipes[2], got[8];
    char text[8] = "";
    put("a", "content");
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(pipe(pipes));
    int file = (int)MUST(open("a", O_RDONLY));
    int sent[] = {file, pipes[0]};
    TRY(send_fds(pair[0], sent, 2, "two"));
    MUST(close(file));
    MUST(close(pipes[0]));
    MUST(write(pipes[1], "piped", 5));
    TRY(receive_fds(pair[1], got, 256, 0));
    TRY(read(got[0], text, 7));
    say("%s", text);
    TRY(read(got[1], text, 7));
    say("%.5s", text);
    TRY(fcntl(got[0], F_GETFD));
    TRY(send_fds(pair[0], sent + 0, 1, "closed"));
    sent[0] = got[0];
    TRY(send_fds(pair[0], sent, 1, "again"));
    TRY(receive_fds(pair[1], got, 256, MSG_CMSG_CLOEXEC));
    TRY(fcntl(got[0], F_GETFD));
    TRY(send_fds(pair[0], got, 1, ""));
}

CASE(a_descriptor_shares_its_offset_with_the_sender) {
    int pair[2], got[1];
    char text[8] = "";
    put("a", "0123456789");
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    int file = (int)MUST(open("a", O_RDONLY));
    MUST(read(file, text, 3));
    IN_CHILD(MUST(send_fds(pair[0], &file, 1, "x")));
    receive_fds(pair[1], got, 256, 0);
    TRY(read(got[0], text, 3));
    say("%s", text);
    TRY(lseek(file, 0, SEEK_CUR));
}

CASE(too_little_room_for_descriptors) {
    int pair[2], got[8];
    int sent[] = {0, 1, 2};
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    MUST(send_fds(pair[0], sent, 3, "a"));
    receive_fds(pair[1], got, CMSG_SPACE(sizeof(int)), 0);
    MUST(send_fds(pair[0], sent, 3, "b"));
    receive_fds(pair[1], got, 0, 0);
    MUST(send_fds(pair[0], sent, 3, "c"));
    char text[4];
    TRY(read(pair[1], text, 4));
    int many[260] = {0};
    TRY(send_fds(pair[0], many, 253, "d"));
    TRY(send_fds(pair[0], many, 254, "e"));
}

CASE(descriptors_stop_a_stream_read) {
    int pair[2], got[8];
    int sent[] = {0};
    char text[16] = "";
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(write(pair[0], "before", 6));
    MUST(send_fds(pair[0], sent, 1, "with"));
    MUST(write(pair[0], "after", 5));
    TRY(recv(pair[1], text, 16, MSG_PEEK));
    receive_fds(pair[1], got, 256, 0);
    receive_fds(pair[1], got, 256, 0);
    receive_fds(pair[1], got, 256, MSG_DONTWAIT);
}

CASE(credentials_travel) {
    int pair[2], on = 1;
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    MUST(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    pid_t child = CHILD({
        MUST(write(pair[0], "x", 1));
        become_nobody();
        MUST(write(pair[0], "y", 1));
    });
    JOIN(child);
    for (int i = 0; i < 2; i++) {
        char space[256], byte = 0;
        struct iovec part = {&byte, 1};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = 256};
        MUST(recvmsg(pair[1], &message, 0));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        struct ucred sender = {0};
        if (header && header->cmsg_type == SCM_CREDENTIALS)
            memcpy(&sender, CMSG_DATA(header), sizeof sender);
        say("%c from %s uid %d gid %d", byte, sender.pid == child ? "child" : "another", sender.uid, sender.gid);
    }
}

CASE(forged_credentials_are_refused) {
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    become_nobody();
    char space[CMSG_SPACE(sizeof(struct ucred))] = {0};
    struct iovec part = {"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(struct ucred));
    struct ucred claim = {getpid(), 1234, 1235};
    memcpy(CMSG_DATA(header), &claim, sizeof claim);
    TRY(sendmsg(pair[0], &message, 0));
    claim.uid = 0;
    memcpy(CMSG_DATA(header), &claim, sizeof claim);
    TRY(sendmsg(pair[0], &message, 0));
    claim = (struct ucred){1, 1234, 1235};
    memcpy(CMSG_DATA(header), &claim, sizeof claim);
    TRY(sendmsg(pair[0], &message, 0));
}

CASE(message_errors) {
    int pair[2];
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    TRY(sendmsg(pair[0], BAD, 0));
    TRY(recvmsg(pair[0], BAD, MSG_DONTWAIT));
    TRY(sendmsg(77, &message, 0));
    TRY(sendmsg(1, &message, 0));
    message.msg_iovlen = 1025;
    TRY(sendmsg(pair[0], &message, 0));
    message.msg_iovlen = 1;
    message.msg_iov = BAD;
    TRY(sendmsg(pair[0], &message, 0));
    message.msg_iov = &part;
    message.msg_control = BAD;
    message.msg_controllen = 24;
    TRY(sendmsg(pair[0], &message, 0));
    char space[64] = {0};
    message.msg_control = space;
    struct cmsghdr *header = (void *)space;
    header->cmsg_len = 8;
    TRY(sendmsg(pair[0], &message, 0));
    header->cmsg_len = 1000;
    TRY(sendmsg(pair[0], &message, 0));
    header->cmsg_len = CMSG_LEN(4);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = 77;
    TRY(sendmsg(pair[0], &message, 0));
    header->cmsg_type = SCM_RIGHTS;
    *(int *)CMSG_DATA(header) = 77;
    TRY(sendmsg(pair[0], &message, 0));
}

CASE(many_messages_in_one_call) {
    int pair[2];
    char texts[3][8] = {"", "", ""};
    struct iovec out[3] = {{"one", 3}, {"two", 3}, {"three", 5}}, in[3];
    struct mmsghdr messages[3];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < 3; i++)
        messages[i].msg_hdr.msg_iov = &out[i], messages[i].msg_hdr.msg_iovlen = 1;
    TRY(sendmmsg(pair[0], messages, 3, 0));
    say("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
    for (int i = 0; i < 3; i++)
        in[i] = (struct iovec){texts[i], 7}, messages[i].msg_hdr.msg_iov = &in[i];
    TRY(recvmmsg(pair[1], messages, 3, MSG_DONTWAIT, NULL));
    say("%s %s %s", texts[0], texts[1], texts[2]);
    TRY(recvmmsg(pair[1], messages, 3, MSG_DONTWAIT, NULL));
    MUST(sendmmsg(pair[0], messages, 1, 0));
    TRY(recvmmsg(pair[1], messages, 3, MSG_WAITFORONE, NULL));
}
