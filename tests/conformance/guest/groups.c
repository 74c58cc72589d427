/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Process groups and sessions: setpgid(2), getpgid(2), setsid(2), getsid(2); pidfd_open(2), pidfd_send_signal(2).
 */
#include "check.h"
#include <poll.h>

static long pidfd(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }
static long pidfd_signal(int fd, int number, siginfo_t *info, unsigned flags) {
    return syscall(SYS_pidfd_send_signal, fd, number, info, flags);
}

CASE(groups) {
    IS(getpgrp() == getpid());
    IS(getpgid(0) == getpid() && getsid(0) == getpid());
    TRY(setpgid(0, 0));
    TRY(setsid());
    TRY(getpgid(-1));
    TRY(getpgid(0x7fffffff));
    TRY(getsid(0x7fffffff));
    TRY(setpgid(0, -1));
    TRY(setpgid(-1, 0));
    TRY(setpgid(0x7fffffff, 0));
    TRY(setpgid(1, 0));
    int pipes[2];
    char byte;
    MUST(pipe(pipes));
    pid_t child = CHILD({
        MUST(close(pipes[1]));
        MUST(read(pipes[0], &byte, 1));
        say("child: leader %d", getpgrp() == getpid());
        TRY(setpgid(0, getppid()));
        say("child: back %d", getpgrp() == getppid());
        IS(setsid() == getpid());
        say("child: leader %d session %d", getpgrp() == getpid(), getsid(0) == getpid());
        TRY(setpgid(0, 0));
        TRY(setsid());
    });
    TRY(setpgid(child, 0x7ffffff));
    TRY(setpgid(child, child));
    IS(getpgid(child) == child);
    MUST(close(pipes[1]));
    JOIN(child);
}

CASE(a_child_that_has_run_exec_cannot_be_moved) {
    int pipes[2];
    char byte;
    MUST(pipe2(pipes, O_CLOEXEC));
    pid_t child = CHILD(execl("/bin/sleep", "sleep", "100", NULL));
    MUST(close(pipes[1]));
    TRY(read(pipes[0], &byte, 1));
    TRY(setpgid(child, child));
    MUST(kill(child, SIGKILL));
    JOIN(child);
}

CASE(signals_to_a_group) {
    int status, killed = 0;
    pid_t leader = CHILD({
        setpgid(0, 0);
        for (;;)
            pause();
    });
    setpgid(leader, leader);
    for (int i = 0; i < 2; i++) {
        pid_t member = CHILD({
            setpgid(0, leader);
            for (;;)
                pause();
        });
        setpgid(member, leader);
    }
    TRY(kill(-leader, 0));
    TRY(killpg(leader, SIGTERM));
    while (waitpid(-leader, &status, 0) > 0)
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    say("killed %d", killed);
    TRY(kill(-leader, 0));
}

CASE(a_directory_of_proc_is_a_pidfd_for_signals) {
    pid_t child = CHILD(for (;;) pause());
    char path[64];
    snprintf(path, sizeof path, "/proc/%d", child);
    int fd = (int)MUST(open(path, O_RDONLY | O_DIRECTORY));
    TRY(pidfd_signal(fd, 0, NULL, 0));
    TRY(pidfd_signal(fd, SIGTERM, NULL, 0));
    JOIN(child);
    TRY(pidfd_signal(fd, SIGTERM, NULL, 0));
    TRY(pidfd_signal((int)MUST(open("/proc", O_RDONLY)), SIGTERM, NULL, 0));
}

CASE(pidfds) {
    siginfo_t info;
    pid_t child = CHILD({
        for (;;)
            pause();
    });
    int fd = (int)TRY(pidfd(child, 0));
    TRY(fcntl(fd, F_GETFD));
    struct pollfd entry = {fd, POLLIN, 0};
    TRY(poll(&entry, 1, 0));
    TRY(pidfd_signal(fd, 0, NULL, 0));
    TRY(pidfd_signal(fd, 99, NULL, 0));
    TRY(pidfd_signal(fd, SIGTERM, NULL, 77));
    TRY(pidfd_signal(1, SIGTERM, NULL, 0));
    TRY(pidfd_signal(77, SIGTERM, NULL, 0));
    TRY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG));
    TRY(pidfd_signal(fd, SIGTERM, NULL, 0));
    TRY(poll(&entry, 1, -1));
    say("in %d", !!(entry.revents & POLLIN));
    TRY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    say("code %d status %d", info.si_code, info.si_status);
    TRY(pidfd_signal(fd, SIGTERM, NULL, 0));
    TRY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
    TRY(pidfd(child, 0));
    TRY(pidfd(-1, 0));
    TRY(pidfd(0, 0));
    TRY(pidfd(getpid(), 0x10));
    int nonblocking = (int)TRY(pidfd(getpid(), O_NONBLOCK));
    say("%d", !!(fcntl(nonblocking, F_GETFL) & O_NONBLOCK));
    char byte;
    TRY(read(nonblocking, &byte, 1));
}

CASE(clone_gives_a_pidfd) {
    int fd = -1;
    long child = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
    if (child == 0)
        _exit(4);
    say("fd %d flags %d", fd, fcntl(fd, F_GETFD));
    struct pollfd entry = {fd, POLLIN, 0};
    TRY(poll(&entry, 1, -1));
    JOIN((pid_t)child);
}

CASE(who_may_send_through_a_pidfd) {
    pid_t victim = CHILD({
        for (;;)
            pause();
    });
    int fd = (int)TRY(pidfd(victim, 0));
    IN_CHILD({
        become_nobody();
        TRY(pidfd_signal(fd, SIGTERM, NULL, 0));
        TRY(pidfd_signal(fd, 0, NULL, 0));
    });
    MUST(kill(victim, SIGKILL));
    JOIN(victim);
}

CASE(priorities_and_scheduling) {
    TRY(getpriority(PRIO_PROCESS, 0));
    TRY(setpriority(PRIO_PROCESS, 0, 5));
    TRY(getpriority(PRIO_PROCESS, 0));
    TRY(nice(3));
    TRY(getpriority(PRIO_PROCESS, getpid()));
    TRY(getpriority(9, 0));
    TRY(getpriority(PRIO_PROCESS, 0x7fffffff));
    IN_CHILD(TRY(getpriority(PRIO_PROCESS, 0)));
    TRY(sched_yield());
    TRY(sched_getscheduler(0));
    TRY(sched_get_priority_max(SCHED_FIFO));
    TRY(sched_get_priority_min(SCHED_FIFO));
    TRY(sched_get_priority_max(99));
    cpu_set_t set;
    IS(sched_getaffinity(0, sizeof set, &set) >= 0 && CPU_COUNT(&set) >= 1);
    TRY(syscall(SYS_sched_getaffinity, 0, 1, &set));
    TRY(sched_setaffinity(0, sizeof set, &set));
    unsigned cpu = 99999;
    TRY(syscall(SYS_getcpu, &cpu, NULL, NULL));
    IS(cpu < 4096);
    become_nobody();
    TRY(setpriority(PRIO_PROCESS, 0, -5));
}
