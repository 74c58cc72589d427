/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * poll(2), ppoll(2), select(2), pselect6(2).
 */
#include "check.h"
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>

static volatile int count_of_signals;
static void count(int number) { (void)number, count_of_signals++; }

static const char *events(int bits) {
    static char text[128];
    text[0] = 0;
    static const struct {
        int bit;
        const char *name;
    } names[] = {{POLLIN, "IN"},   {POLLPRI, "PRI"},   {POLLOUT, "OUT"},       {POLLERR, "ERR"},       {POLLHUP, "HUP"},
                 {POLLNVAL, "NVAL"}, {POLLRDHUP, "RDHUP"}, {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bits & names[i].bit)
            strcat(strcat(text, " "), names[i].name);
    return text;
}

static void look(const char *label, int fd) {
    struct pollfd entry = {fd, POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0};
    int ready = poll(&entry, 1, 0);
    say("%s: %d%s", label, ready, events(entry.revents));
}

CASE(what_is_ready) {
    int pipes[2];
    char byte;
    static char block[65536];
    put("a", "a");
    MUST(pipe2(pipes, O_NONBLOCK));
    look("empty pipe in", pipes[0]);
    look("empty pipe out", pipes[1]);
    MUST(write(pipes[1], "x", 1));
    look("filled pipe in", pipes[0]);
    while (write(pipes[1], block, sizeof block) > 0)
        ;
    look("full pipe out", pipes[1]);
    while (read(pipes[0], block, sizeof block) > 0)
        ;
    look("emptied pipe out", pipes[1]);
    int copy = (int)MUST(dup(pipes[0]));
    MUST(close(pipes[0]));
    look("out, one reader left", pipes[1]);
    MUST(close(copy));
    look("out without readers", pipes[1]);
    MUST(pipe(pipes));
    MUST(write(pipes[1], "x", 1));
    MUST(close(pipes[1]));
    look("in without writers, filled", pipes[0]);
    MUST(read(pipes[0], &byte, 1));
    look("in without writers, empty", pipes[0]);
    look("file", (int)MUST(open("a", O_RDONLY)));
    look("directory", (int)MUST(open(".", O_RDONLY)));
    look("null", (int)MUST(open("/dev/null", O_RDWR)));
    look("closed", 77);
    look("path", (int)MUST(open("a", O_PATH)));
    look("negative", -1);
}

CASE(sockets) {
    int pair[2];
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    look("idle", pair[0]);
    MUST(write(pair[1], "x", 1));
    look("filled", pair[0]);
    MUST(shutdown(pair[1], SHUT_WR));
    look("half shut, filled", pair[0]);
    MUST(read(pair[0], &byte, 1));
    look("half shut", pair[0]);
    look("the one who shut", pair[1]);
    MUST(close(pair[1]));
    look("peer closed", pair[0]);
    MUST(close(pair[0]));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(write(pair[0], "x", 1));
    MUST(close(pair[1]));
    look("closed with unread data", pair[0]);
    look("unconnected", (int)MUST(socket(AF_UNIX, SOCK_STREAM, 0)));
    look("unconnected datagram", (int)MUST(socket(AF_UNIX, SOCK_DGRAM, 0)));
}

CASE(only_what_was_asked_for_and_the_always_told) {
    int pipes[2];
    MUST(pipe(pipes));
    MUST(write(pipes[1], "x", 1));
    struct pollfd entries[] = {{pipes[0], 0, 7}, {pipes[1], POLLIN, 7}, {pipes[0], POLLOUT, 7}, {-5, POLLIN, 7},
                               {77, 0, 7},       {pipes[1], POLLOUT, 7}};
    TRY(poll(entries, 6, 0));
    for (int i = 0; i < 6; i++)
        say("%d:%s", i, events(entries[i].revents));
    MUST(close(pipes[1]));
    MUST(read(pipes[0], entries, 1));
    struct pollfd hup = {pipes[0], 0, 0};
    TRY(poll(&hup, 1, -1));
    say("%s", events(hup.revents));
}

CASE(errors) {
    struct pollfd entry = {0, POLLIN, 0};
    struct rlimit limit = {100, 100};
    struct timespec bad = {0, 1000000000}, negative = {-1, 0}, none = {0, 0};
    TRY(poll(BAD, 1, 0));
    TRY(poll(BAD, 0, 0));
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    struct pollfd many[101] = {{0}};
    for (int i = 0; i < 101; i++)
        many[i].fd = -1;
    TRY(poll(many, 100, 0));
    TRY(poll(many, 101, 0));
    TRY(syscall(SYS_ppoll, &entry, 0, &bad, NULL, 8));
    TRY(syscall(SYS_ppoll, &entry, 0, &negative, NULL, 8));
    TRY(syscall(SYS_ppoll, &entry, 0, &none, NULL, 8));
    TRY(syscall(SYS_ppoll, &entry, 0, BAD, NULL, 8));
    TRY(syscall(SYS_ppoll, &entry, 0, &none, BAD, 8));
    TRY(syscall(SYS_ppoll, &entry, 0, &none, &bad, 7));
    TRY(poll(NULL, 0, 1));
    TRY(poll(&entry, (nfds_t)-1, 0));
}

CASE(a_sleeper_is_woken_by_the_event) {
    int pipes[2];
    char byte;
    MUST(pipe(pipes));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(write(pipes[1], "x", 1));
    });
    struct pollfd entry = {pipes[0], POLLIN, 0};
    TRY(poll(&entry, 1, 10000));
    say("%s", events(entry.revents));
    TRY(read(pipes[0], &byte, 1));
    JOIN(child);
    MUST(close(pipes[1]));
    TRY(poll(&entry, 1, 10000));
    say("%s", events(entry.revents));
}

CASE(time_runs_out) {
    int pipes[2];
    struct timespec before, after;
    MUST(pipe(pipes));
    struct pollfd entry = {pipes[0], POLLIN, 9};
    MUST(clock_gettime(CLOCK_MONOTONIC, &before));
    TRY(poll(&entry, 1, 30));
    MUST(clock_gettime(CLOCK_MONOTONIC, &after));
    IS((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 29);
    say("revents %d", entry.revents);
    struct timespec left = {0, 20000000};
    TRY(syscall(SYS_ppoll, &entry, 1, &left, NULL, 8));
    say("left %ld.%ld", (long)left.tv_sec, left.tv_nsec);
}

CASE(poll_is_interrupted_even_with_SA_RESTART) {
    int pipes[2];
    MUST(pipe(pipes));
    struct pollfd entry = {pipes[0], POLLIN, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    handle(SIGALRM, count, SA_RESTART);
    tick(20);
    TRY(poll(&entry, 1, -1));
    TRY(select(pipes[0] + 1, &set, NULL, NULL, NULL));
    TRY(ppoll(&entry, 1, NULL, NULL));
    IS(count_of_signals >= 3);
}

CASE(ppoll_and_pselect_swap_the_mask) {
    int pipes[2];
    sigset_t blocked, none;
    MUST(pipe(pipes));
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    MUST(sigprocmask(SIG_BLOCK, &blocked, NULL));
    handle(SIGUSR1, count, 0);
    raise(SIGUSR1);
    struct pollfd entry = {pipes[0], POLLIN, 0};
    struct timespec none_left = {0, 0}, long_time = {10, 0};
    TRY(ppoll(&entry, 1, &none_left, NULL));
    say("signals %d", count_of_signals);
    TRY(ppoll(&entry, 1, &long_time, &none));
    say("signals %d", count_of_signals);
    raise(SIGUSR1);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    TRY(pselect(pipes[0] + 1, &set, NULL, NULL, &long_time, &none));
    say("signals %d", count_of_signals);
    sigset_t now;
    MUST(sigprocmask(SIG_BLOCK, NULL, &now));
    IS(sigismember(&now, SIGUSR1));
    raise(SIGUSR1);
    MUST(write(pipes[1], "x", 1));
    TRY(ppoll(&entry, 1, &none_left, &none));
    say("signals %d", count_of_signals);
}

CASE(select_reports_each_set) {
    int pipes[2];
    fd_set in, out, except;
    put("a", "a");
    MUST(pipe(pipes));
    int fd = (int)MUST(open("a", O_RDONLY));
#define SELECT()                                                                                                     \
    do {                                                                                                             \
        FD_ZERO(&in);                                                                                                \
        FD_ZERO(&out);                                                                                               \
        FD_ZERO(&except);                                                                                            \
        FD_SET(pipes[0], &in);                                                                                       \
        FD_SET(pipes[1], &in);                                                                                       \
        FD_SET(fd, &in);                                                                                             \
        FD_SET(pipes[0], &out);                                                                                      \
        FD_SET(pipes[1], &out);                                                                                      \
        FD_SET(pipes[0], &except);                                                                                   \
        TRY(select(fd + 1, &in, &out, &except, &(struct timeval){0, 0}));                                            \
        say("in %d%d%d out %d%d except %d", FD_ISSET(pipes[0], &in), FD_ISSET(pipes[1], &in), FD_ISSET(fd, &in),     \
            FD_ISSET(pipes[0], &out), FD_ISSET(pipes[1], &out), FD_ISSET(pipes[0], &except));                        \
    } while (0)
    SELECT();
    MUST(write(pipes[1], "x", 1));
    SELECT();
    MUST(close(pipes[0]));
    MUST(dup2(fd, pipes[0]));
    SELECT();
}

CASE(select_errors) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(77, &set);
    struct timeval none = {0, 0}, negative = {-1, 0};
    struct timespec bad = {0, -1};
    TRY(select(78, &set, NULL, NULL, &none));
    TRY(select(77, &set, NULL, NULL, &none));
    IS(FD_ISSET(77, &set));
    TRY(select(-1, NULL, NULL, NULL, &none));
    TRY(select(0, NULL, NULL, NULL, &negative));
    TRY(select(0, NULL, NULL, NULL, &none));
    TRY(syscall(SYS_select, 1, BAD, NULL, NULL, &none));
    TRY(syscall(SYS_select, 0, NULL, NULL, NULL, BAD));
    TRY(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &bad, NULL));
    TRY(syscall(SYS_pselect6, 0, NULL, NULL, NULL, BAD, NULL));
    TRY(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, BAD));
}

CASE(select_tells_the_time_that_is_left) {
    int pipes[2];
    fd_set set;
    MUST(pipe(pipes));
    MUST(write(pipes[1], "x", 1));
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    struct timeval left = {100, 0};
    TRY(select(pipes[0] + 1, &set, NULL, NULL, &left));
    IS(left.tv_sec >= 90 && left.tv_sec <= 100);
    MUST(read(pipes[0], &set, 1));
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    left = (struct timeval){0, 10000};
    TRY(select(pipes[0] + 1, &set, NULL, NULL, &left));
    say("left %ld.%ld, set %d", (long)left.tv_sec, (long)left.tv_usec, FD_ISSET(pipes[0], &set));
}
