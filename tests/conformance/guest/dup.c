/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * dup(2), dup2(2), dup3(2), fcntl(2) on descriptors, close_range(2).
 */
#include "check.h"
#include <linux/close_range.h>

CASE(dup_takes_the_lowest_number) {
    int fd = (int)TRY(open("/dev/null", O_RDWR | O_CLOEXEC));
    TRY(dup(fd));
    TRY(dup(fd));
    TRY(close(4));
    TRY(dup(fd));
    TRY(fcntl(4, F_GETFD));
    TRY(dup(77));
    TRY(dup(-1));
}

CASE(dup2_replaces) {
    put("a", "a");
    put("b", "b");
    char text[4] = "";
    int a = (int)TRY(open("a", O_RDONLY));
    int b = (int)TRY(open("b", O_RDONLY | O_CLOEXEC));
    TRY(dup2(b, a));
    TRY(read(a, text, 1));
    say("%s", text);
    TRY(fcntl(a, F_GETFD));
    TRY(dup2(a, a));
    TRY(dup2(a, 20));
    TRY(dup2(77, 20));
    TRY(fcntl(20, F_GETFD));
    TRY(dup2(77, 77));
    TRY(dup2(a, -1));
    TRY(dup2(a, 100000000));
    TRY(dup2(b, b));
    TRY(fcntl(b, F_GETFD));
}

CASE(dup3_and_its_flags) {
    int fd = (int)TRY(open("/dev/null", O_RDWR));
    TRY(dup3(fd, 10, O_CLOEXEC));
    TRY(fcntl(10, F_GETFD));
    TRY(dup3(fd, 10, 0));
    TRY(fcntl(10, F_GETFD));
    TRY(dup3(fd, fd, 0));
    TRY(dup3(77, 77, 0));
    TRY(dup3(fd, 10, O_NONBLOCK));
    TRY(dup3(77, 10, 0));
    TRY(dup3(fd, -1, 0));
    TRY(dup3(77, 77, O_APPEND));
}

CASE(F_DUPFD_and_F_DUPFD_CLOEXEC) {
    struct rlimit limit;
    int fd = (int)TRY(open("/dev/null", O_RDWR | O_CLOEXEC));
    TRY(fcntl(fd, F_DUPFD, 0));
    TRY(fcntl(fd, F_DUPFD, 10));
    TRY(fcntl(fd, F_DUPFD, 10));
    TRY(fcntl(fd, F_DUPFD_CLOEXEC, 30));
    TRY(fcntl(30, F_GETFD));
    TRY(fcntl(11, F_GETFD));
    TRY(fcntl(fd, F_DUPFD, -1));
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    IS(fcntl(fd, F_DUPFD, (int)limit.rlim_cur) == -1 && errno == EINVAL);
    TRY(fcntl(77, F_DUPFD, 0));
    TRY(fcntl(77, F_DUPFD, -1));
}

CASE(fcntl_flags) {
    put("a", "a");
    int fd = (int)TRY(open("a", O_RDWR));
    int copy = (int)TRY(dup(fd));
    TRY(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND | O_RDONLY | O_CREAT | O_TRUNC));
    say("%#o %#o", fcntl(fd, F_GETFL), fcntl(copy, F_GETFL));
    TRY(fcntl(fd, F_SETFD, FD_CLOEXEC));
    say("%d %d", fcntl(fd, F_GETFD), fcntl(copy, F_GETFD));
    TRY(fcntl(fd, F_SETFD, 0xfe));
    TRY(fcntl(fd, F_GETFD));
    TRY(fcntl(fd, 12345, 0));
    TRY(fcntl(77, 12345, 0));
    TRY(fcntl(77, F_GETFD));
    TRY(fcntl(fd, F_GETOWN));
    TRY(fcntl(fd, F_GETSIG));
    TRY(fcntl(fd, F_GETPIPE_SZ));
    show("a");
}

CASE(a_limit_on_descriptors_gives_EMFILE) {
    int pipes[2];
    struct rlimit limit = {10, 10};
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    for (int i = 3; i < 9; i++)
        MUST(open("/dev/null", O_RDWR));
    TRY(pipe(pipes));
    TRY(open("/dev/null", O_RDWR));
    TRY(open("/dev/null", O_RDWR));
    TRY(open("missing", O_RDWR));
    TRY(dup(0));
    TRY(dup2(0, 10));
    TRY(dup2(0, 9));
    TRY(fcntl(0, F_DUPFD, 9));
    TRY(fcntl(0, F_DUPFD, 10));
    TRY(pipe(pipes));
    TRY(close(5));
    TRY(dup(0));
}

CASE(close_range_closes_and_marks) {
    for (int i = 3; i < 20; i++)
        MUST(dup2(0, i));
    TRY(close_range(5, 7, 0));
    TRY(fcntl(4, F_GETFD));
    TRY(fcntl(5, F_GETFD));
    TRY(fcntl(7, F_GETFD));
    TRY(fcntl(8, F_GETFD));
    TRY(close_range(10, 12, CLOSE_RANGE_CLOEXEC));
    TRY(fcntl(10, F_GETFD));
    TRY(fcntl(13, F_GETFD));
    TRY(close_range(15, ~0u, 0));
    TRY(fcntl(15, F_GETFD));
    TRY(fcntl(19, F_GETFD));
    TRY(close_range(9, 8, 0));
    TRY(close_range(3, 4, 8));
    TRY(close_range(100, 200, 0));
    TRY(close_range(3, 3, CLOSE_RANGE_UNSHARE));
    TRY(fcntl(3, F_GETFD));
}

static void *open_one(void *result) {
    *(int *)result = open("/dev/null", O_RDONLY);
    return NULL;
}

CASE(threads_share_the_table_and_forked_children_do_not) {
    int fd = -1;
    pthread_t thread;
    TRY_CODE(pthread_create(&thread, NULL, open_one, &fd));
    TRY_CODE(pthread_join(thread, NULL));
    TRY(fcntl(fd, F_GETFD));
    IN_CHILD({
        TRY(close(fd));
        TRY(open("/dev/null", O_RDONLY));
        TRY(open("/dev/null", O_RDONLY));
    });
    TRY(fcntl(fd, F_GETFD));
    TRY(fcntl(fd + 1, F_GETFD));
}
