/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * wait4(2), waitid(2): options, statuses, whom to wait for.
 */
#include "check.h"

CASE(statuses) {
    int status;
    struct rlimit none = {0, 0};
    MUST(setrlimit(RLIMIT_CORE, &none));
    static const int codes[] = {0, 1, 127, 128, 255, 256, 257, -1};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        pid_t child = CHILD(_exit(codes[i]));
        MUST(waitpid(child, &status, 0));
        say("%d -> %#x", codes[i], (unsigned)status);
    }
    static const int signals[] = {SIGTERM, SIGKILL, SIGSEGV, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        pid_t child = CHILD(kill(getpid(), signals[i]));
        MUST(waitpid(child, &status, 0));
        say("%s -> %#x", signal_name(signals[i]), (unsigned)status & ~0x80u);
    }
}

CASE(WNOHANG) {
    int status = 77, pipes[2];
    char byte;
    MUST(pipe(pipes));
    pid_t child = CHILD({
        close(pipes[1]);
        MUST(read(pipes[0], &byte, 1));
    });
    TRY(waitpid(child, &status, WNOHANG));
    say("status %d", status);
    MUST(close(pipes[1]));
    UNTIL(waitpid(child, &status, WNOHANG) == child);
    say_status("child", status);
    TRY(waitpid(child, &status, WNOHANG));
    TRY(waitpid(-1, &status, WNOHANG));
}

CASE(errors) {
    int status;
    TRY(waitpid(-1, &status, 0));
    TRY(waitpid(1, &status, 0));
    TRY(waitpid(getpid(), &status, 0));
    TRY(waitpid(0, &status, 0));
    TRY(waitpid(-77777, &status, 0));
    TRY(waitpid(INT_MIN, &status, 0));
    TRY(waitpid(-1, &status, 0x100));
    TRY(syscall(SYS_wait4, -1, BAD, 0, NULL));
    pid_t child = CHILD(_exit(3));
    siginfo_t info;
    MUST(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    TRY(syscall(SYS_wait4, child, BAD, 0, NULL));
    TRY(waitpid(child, &status, 0));
    child = CHILD(_exit(3));
    OK(waitpid(child, NULL, 0));
}

CASE(stopped_and_continued_children) {
    int status;
    pid_t child = CHILD({
        setpgid(0, 0);
        for (;;)
            pause();
    });
    setpgid(child, child);
    MUST(kill(child, SIGSTOP));
    OK(waitpid(child, &status, WUNTRACED));
    say("%#x", (unsigned)status);
    TRY(waitpid(child, &status, WUNTRACED | WNOHANG));
    MUST(kill(child, SIGCONT));
    OK(waitpid(child, &status, WCONTINUED));
    say("%#x", (unsigned)status);
    TRY(waitpid(child, &status, WCONTINUED | WNOHANG));
    MUST(kill(child, SIGTSTP));
    OK(waitpid(child, &status, WUNTRACED));
    say_status("child", status);
    MUST(kill(child, SIGKILL));
    OK(waitpid(child, &status, 0));
    say_status("child", status);
}

CASE(groups_to_wait_for) {
    int status;
    pid_t one = CHILD({
        setpgid(0, 0);
        _exit(1);
    });
    setpgid(one, one);
    pid_t two = CHILD(_exit(2));
    IS(waitpid(-one, &status, 0) == one);
    say_status("first", status);
    TRY(waitpid(-one, &status, 0));
    IS(waitpid(0, &status, 0) == two);
    say_status("second", status);
}

static void tell(const char *label, long result, const siginfo_t *info, pid_t child) {
    if (result)
        say("%s: %s", label, errno_name(errno));
    else
        say("%s: signo %d code %d status %d pid %s uid %d", label, info->si_signo, info->si_code, info->si_status,
            info->si_pid == child ? "child" : info->si_pid ? "another" : "none", info->si_uid);
}

CASE(waitid_tells_what_and_may_leave_it) {
    siginfo_t info;
    pid_t child = CHILD(_exit(9));
#define WAIT(...)                                                                                                    \
    do {                                                                                                             \
        memset(&info, 0, sizeof info);                                                                               \
        tell(#__VA_ARGS__, waitid(__VA_ARGS__), &info, child);                                                       \
    } while (0)
    WAIT(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    WAIT(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    WAIT(P_ALL, 0, &info, WEXITED);
    WAIT(P_ALL, 0, &info, WEXITED);
    WAIT(P_ALL, 0, &info, WEXITED | WNOHANG);
    child = CHILD(pause());
    WAIT(P_PID, (id_t)child, &info, WEXITED | WNOHANG);
    MUST(kill(child, SIGSTOP));
    WAIT(P_PID, (id_t)child, &info, WSTOPPED);
    MUST(kill(child, SIGCONT));
    WAIT(P_PID, (id_t)child, &info, WCONTINUED);
    MUST(kill(child, SIGKILL));
    WAIT(P_PGID, (id_t)getpgrp(), &info, WEXITED);
    WAIT(P_PID, 1, &info, 0);
    WAIT(P_PID, 1, &info, WEXITED);
    WAIT(P_PID, 0, &info, WEXITED);
    WAIT(9, 0, &info, WEXITED);
    WAIT(P_ALL, 0, &info, WEXITED | 0x100);
    WAIT(P_PIDFD, 77, &info, WEXITED);
}

CASE(resources_of_children) {
    struct rusage usage, total;
    int status;
    pid_t child = CHILD({
        for (volatile int i = 0; i < 30000000; i++)
            ;
    });
    OK(wait4(child, &status, 0, &usage));
    IS(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    IS(usage.ru_maxrss > 0);
    TRY(getrusage(RUSAGE_CHILDREN, &total));
    IS(total.ru_utime.tv_sec * 1000000 + total.ru_utime.tv_usec > 0);
    TRY(getrusage(RUSAGE_SELF, &total));
    TRY(getrusage(RUSAGE_THREAD, &total));
    TRY(getrusage(77, &total));
    TRY(getrusage(RUSAGE_SELF, BAD));
}

static volatile int calls;
static void count(int number) { (void)number, calls++; }

CASE(waiting_is_interrupted_and_restarted) {
    int status;
    pid_t child = CHILD(pause());
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(waitpid(child, &status, 0));
    tick(0);
    handle(SIGUSR1, count, SA_RESTART);
    calls = 0;
    pid_t parent = getpid();
    pid_t second = CHILD({
        UNTIL(asleep(parent));
        kill(parent, SIGUSR1);
        UNTIL(asleep(parent));
        kill(child, SIGTERM);
    });
    IS(waitpid(child, &status, 0) == child);
    say_status("child", status);
    JOIN(second);
    say("calls %d", calls);
}

static void *wait_in_thread(void *argument) {
    int status;
    IS(waitpid(*(pid_t *)argument, &status, 0) == *(pid_t *)argument);
    say_status("child", status);
    return NULL;
}

CASE(any_thread_may_wait) {
    pthread_t thread;
    pid_t child = CHILD(_exit(6));
    MUST(-pthread_create(&thread, NULL, wait_in_thread, &child));
    MUST(-pthread_join(thread, NULL));
    child = CHILD(_exit(6));
    MUST(-pthread_create(&thread, NULL, wait_in_thread, &child));
    MUST(-pthread_join(thread, NULL));
}
