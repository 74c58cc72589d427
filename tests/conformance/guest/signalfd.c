/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * signalfd4(2).
 */
#include "check.h"
#include <poll.h>
#include <sys/signalfd.h>

static sigset_t set_of(int one, int two) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, one);
    if (two)
        sigaddset(&set, two);
    return set;
}

static void take(int fd) {
    struct signalfd_siginfo infos[4];
    ssize_t count = read(fd, infos, sizeof infos);
    if (count < 0) {
        say("read: %s", errno_name(errno));
        return;
    }
    say("read: %zd", count / (ssize_t)sizeof *infos);
    for (ssize_t i = 0; i < count / (ssize_t)sizeof *infos; i++)
        say("  %s code %d from %s uid %u value %d", signal_name((int)infos[i].ssi_signo), infos[i].ssi_code,
            infos[i].ssi_pid == (uint32_t)getpid() ? "me" : "another", infos[i].ssi_uid, infos[i].ssi_int);
}

CASE(pending_signals_are_read) {
    sigset_t set = set_of(SIGUSR1, SIGUSR2);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = (int)TRY(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    say("%d", fcntl(fd, F_GETFD));
    take(fd);
    MUST(kill(getpid(), SIGUSR1));
    MUST(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 42}));
    struct pollfd entry = {fd, POLLIN, 0};
    TRY(poll(&entry, 1, 0));
    take(fd);
    take(fd);
    MUST(kill(getpid(), SIGUSR1));
    MUST(kill(getpid(), SIGUSR1));
    take(fd);
    sigset_t pending;
    MUST(sigpending(&pending));
    IS(sigismember(&pending, SIGUSR1));
}

CASE(the_set_can_be_changed) {
    sigset_t both = set_of(SIGUSR1, SIGUSR2), one = set_of(SIGUSR1, 0), two = set_of(SIGUSR2, 0);
    MUST(sigprocmask(SIG_BLOCK, &both, NULL));
    int fd = (int)TRY(signalfd(-1, &one, SFD_NONBLOCK));
    MUST(raise(SIGUSR2));
    take(fd);
    TRY(signalfd(fd, &two, 0));
    take(fd);
}

CASE(a_child_that_ends_is_told) {
    sigset_t set = set_of(SIGCHLD, 0);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = (int)TRY(signalfd(-1, &set, 0));
    pid_t child = CHILD(_exit(7));
    struct signalfd_siginfo info;
    TRY(read(fd, &info, sizeof info));
    say("%s code %d status %d", signal_name((int)info.ssi_signo), info.ssi_code, info.ssi_status);
    IS(info.ssi_pid == (uint32_t)child);
    JOIN(child);
}

CASE(a_blocked_read_waits_for_a_signal) {
    sigset_t set = set_of(SIGUSR1, 0);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = (int)TRY(signalfd(-1, &set, 0));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR1));
    });
    take(fd);
    JOIN(child);
    struct pollfd entry = {fd, POLLIN, 0};
    child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR1));
    });
    TRY(poll(&entry, 1, -1));
    take(fd);
    JOIN(child);
}

CASE(errors) {
    sigset_t set = set_of(SIGUSR1, 0);
    struct signalfd_siginfo info;
    TRY(signalfd(-1, &set, 1));
    TRY(signalfd(0, &set, 0));
    TRY(signalfd(77, &set, 0));
    TRY(syscall(SYS_signalfd4, -1, &set, 7, 0));
    TRY(syscall(SYS_signalfd4, -1, BAD, 8, 0));
    int fd = (int)TRY(signalfd(-1, &set, SFD_NONBLOCK));
    TRY(read(fd, &info, 10));
    TRY(write(fd, &info, sizeof info));
}
