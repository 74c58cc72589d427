/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * epoll_create1(2), epoll_ctl(2), epoll_wait(2), epoll_pwait(2).
 */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static volatile int count_of_signals;
static void count(int number) { (void)number, count_of_signals++; }

static long control(int set, int operation, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

static void wait_for(int set, int timeout) {
    struct epoll_event events[8];
    int ready = epoll_wait(set, events, 8, timeout);
    if (ready < 0)
        say("wait: %s", errno_name(errno));
    else
        say("wait: %d", ready);
    for (int i = 0; i < ready; i++)
        say("  data %lu events %#x", (unsigned long)events[i].data.u64, events[i].events);
}

CASE(making_a_set) {
    TRY(epoll_create1(EPOLL_CLOEXEC));
    TRY(fcntl(3, F_GETFD));
    TRY(epoll_create1(0));
    TRY(epoll_create(1));
    TRY(epoll_create(0));
    TRY(epoll_create(-1));
    TRY(epoll_create1(2));
}

CASE(level_triggered) {
    int pipes[2];
    char byte;
    MUST(pipe(pipes));
    int set = (int)MUST(epoll_create1(0));
    TRY(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, pipes[1], EPOLLIN, 2));
    wait_for(set, 0);
    MUST(write(pipes[1], "xy", 2));
    wait_for(set, -1);
    wait_for(set, -1);
    MUST(read(pipes[0], &byte, 1));
    wait_for(set, 0);
    MUST(read(pipes[0], &byte, 1));
    wait_for(set, 0);
    TRY(control(set, EPOLL_CTL_MOD, pipes[1], EPOLLOUT, 3));
    wait_for(set, 0);
    TRY(control(set, EPOLL_CTL_DEL, pipes[1], 0, 0));
    wait_for(set, 0);
    MUST(close(pipes[1]));
    wait_for(set, 0);
}

CASE(edge_triggered) {
    int pipes[2];
    char bytes[8];
    MUST(pipe(pipes));
    int set = (int)MUST(epoll_create1(0));
    TRY(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN | EPOLLET, 1));
    wait_for(set, 0);
    MUST(write(pipes[1], "x", 1));
    wait_for(set, 0);
    wait_for(set, 0);
    MUST(write(pipes[1], "y", 1));
    wait_for(set, 0);
    MUST(read(pipes[0], bytes, 1));
    wait_for(set, 0);
    TRY(control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN | EPOLLET, 2));
    wait_for(set, 0);
    wait_for(set, 0);
}

CASE(one_shot) {
    int event = (int)MUST(eventfd(1, 0));
    int set = (int)MUST(epoll_create1(0));
    TRY(control(set, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLONESHOT, 1));
    wait_for(set, 0);
    wait_for(set, 0);
    TRY(control(set, EPOLL_CTL_MOD, event, EPOLLIN | EPOLLONESHOT, 2));
    wait_for(set, 0);
    wait_for(set, 0);
    TRY(control(set, EPOLL_CTL_ADD, event, EPOLLIN, 2));
}

CASE(errors) {
    int pipes[2];
    struct epoll_event event = {.events = EPOLLIN};
    MUST(pipe(pipes));
    put("a", "a");
    int file = (int)MUST(open("a", O_RDONLY));
    int set = (int)MUST(epoll_create1(0));
    TRY(control(set, EPOLL_CTL_MOD, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_DEL, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, 77, EPOLLIN, 1));
    TRY(control(77, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    TRY(control(pipes[1], EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, set, EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, file, EPOLLIN, 1));
    TRY(control(set, EPOLL_CTL_ADD, (int)MUST(open(".", O_RDONLY)), EPOLLIN, 1));
    TRY(control(set, 9, pipes[1], EPOLLIN, 1));
    TRY(epoll_ctl(set, EPOLL_CTL_ADD, pipes[1], BAD));
    TRY(epoll_ctl(set, EPOLL_CTL_DEL, pipes[0], BAD));
    TRY(epoll_ctl(77, EPOLL_CTL_ADD, pipes[1], BAD));
    TRY(epoll_wait(set, &event, 0, 0));
    TRY(epoll_wait(set, &event, -1, 0));
    TRY(epoll_wait(77, &event, 1, 0));
    TRY(epoll_wait(pipes[0], &event, 1, 0));
    TRY(epoll_wait(set, &event, INT_MAX, 0));
    MUST(control(set, EPOLL_CTL_ADD, pipes[1], EPOLLOUT, 1));
    TRY(epoll_wait(set, BAD, 1, 0));
    TRY(syscall(SYS_epoll_pwait, set, &event, 1, 0, &event, 7));
    TRY(syscall(SYS_epoll_pwait, set, &event, 1, 0, BAD, 8));
    TRY(read(set, &event, 1));
    TRY(write(set, &event, 1));
}

CASE(closing_removes_when_the_last_copy_goes) {
    int pipes[2];
    MUST(pipe(pipes));
    int set = (int)MUST(epoll_create1(0));
    MUST(write(pipes[1], "x", 1));
    MUST(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 1));
    int copy = (int)MUST(dup(pipes[0]));
    MUST(control(set, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
    wait_for(set, 0);
    MUST(close(pipes[0]));
    wait_for(set, 0);
    MUST(close(copy));
    wait_for(set, 0);
}

CASE(hang_ups) {
    int pair[2], pipes[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(pipe(pipes));
    int set = (int)MUST(epoll_create1(0));
    MUST(control(set, EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLRDHUP, 1));
    MUST(control(set, EPOLL_CTL_ADD, pipes[1], 0, 2));
    wait_for(set, 0);
    MUST(shutdown(pair[1], SHUT_WR));
    wait_for(set, 0);
    MUST(close(pair[1]));
    wait_for(set, 0);
    MUST(control(set, EPOLL_CTL_DEL, pair[0], 0, 0));
    MUST(close(pipes[0]));
    wait_for(set, 0);
}

CASE(sets_within_sets) {
    int event = (int)MUST(eventfd(0, 0));
    int inner = (int)MUST(epoll_create1(0)), outer = (int)MUST(epoll_create1(0));
    TRY(control(inner, EPOLL_CTL_ADD, event, EPOLLIN, 1));
    TRY(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 2));
    wait_for(outer, 0);
    MUST(eventfd_write(event, 1));
    wait_for(outer, 0);
    wait_for(inner, 0);
    TRY(control(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 3));
}

CASE(a_sleeper_is_woken) {
    int pipes[2];
    MUST(pipe(pipes));
    int set = (int)MUST(epoll_create1(0));
    MUST(control(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 5));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(write(pipes[1], "x", 1));
    });
    wait_for(set, 10000);
    JOIN(child);
    char byte;
    MUST(read(pipes[0], &byte, 1));
    wait_for(set, 10);
    handle(SIGALRM, count, SA_RESTART);
    tick(20);
    wait_for(set, -1);
}

CASE(epoll_pwait_swaps_the_mask) {
    sigset_t blocked, none;
    struct epoll_event event;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    MUST(sigprocmask(SIG_BLOCK, &blocked, NULL));
    handle(SIGUSR1, count, 0);
    int set = (int)MUST(epoll_create1(0));
    raise(SIGUSR1);
    TRY(epoll_wait(set, &event, 1, 0));
    say("signals %d", count_of_signals);
    TRY(epoll_pwait(set, &event, 1, 10000, &none));
    say("signals %d", count_of_signals);
    struct timespec none_left = {0, 0};
    TRY(syscall(SYS_epoll_pwait2, set, &event, 1, &none_left, NULL, 8));
}

CASE(a_limited_answer_goes_round) {
    int events[4], seen[4] = {0};
    int set = (int)MUST(epoll_create1(0));
    for (int i = 0; i < 4; i++) {
        events[i] = (int)MUST(eventfd(1, 0));
        MUST(control(set, EPOLL_CTL_ADD, events[i], EPOLLIN, (uint64_t)i));
    }
    for (int i = 0; i < 8; i++) {
        struct epoll_event event;
        MUST(epoll_wait(set, &event, 1, 0));
        seen[event.data.u64]++;
    }
    say("%d %d %d %d", seen[0], seen[1], seen[2], seen[3]);
}
