/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * sigaction(2), sigprocmask(2), kill(2), sigqueue(3), sigsuspend(2), sigtimedwait(2), sigaltstack(2): dispositions,
 * masks, queues and what a handler is told.
 */
#include "check.h"
#include <ucontext.h>

static volatile sig_atomic_t calls, last, order[16];
static void count(int number) { order[calls % 16] = number, last = number, calls++; }

static siginfo_t told;
static void tell(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    told = *info;
    calls++;
}

static void handle_info(int number, int flags) {
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | flags};
    MUST(sigaction(number, &action, NULL));
}

static sigset_t only(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

CASE(default_actions) {
    static const int fatal[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
                                SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO,
                                SIGPWR, SIGSTKFLT};
    struct rlimit none = {0, 0};
    MUST(setrlimit(RLIMIT_CORE, &none));
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        IN_CHILD(kill(getpid(), fatal[i]));
    IN_CHILD({
        kill(getpid(), SIGCHLD);
        kill(getpid(), SIGURG);
        kill(getpid(), SIGWINCH);
        kill(getpid(), SIGCONT);
        say("still here");
    });
    IN_CHILD(kill(getpid(), SIGRTMIN + 3));
}

CASE(SIGSYS_that_no_filter_raised) {
    IN_CHILD(kill(getpid(), SIGSYS));
    IN_CHILD({
        handle(SIGSYS, count, 0);
        MUST(raise(SIGSYS));
        say("handled %d", calls);
    });
    IN_CHILD({
        handle(SIGSYS, SIG_IGN, 0);
        MUST(raise(SIGSYS));
        say("ignored");
    });
}

CASE(SIGSYS_in_the_mask) {
    sigset_t set = only(SIGSYS), old;
    TRY(sigprocmask(SIG_BLOCK, &set, NULL));
    TRY(sigprocmask(SIG_BLOCK, NULL, &old));
    say("%d", sigismember(&old, SIGSYS));
}

CASE(dispositions) {
    struct sigaction old, action = {.sa_handler = count, .sa_flags = SA_RESTART | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaddset(&action.sa_mask, SIGKILL);
    TRY(sigaction(SIGUSR1, &action, &old));
    IS(old.sa_handler == SIG_DFL);
    TRY(sigaction(SIGUSR1, NULL, &old));
    IS(old.sa_handler == count && (old.sa_flags & ~0x04000000) == (SA_RESTART | SA_NODEFER));
    say("%d%d", sigismember(&old.sa_mask, SIGUSR2), sigismember(&old.sa_mask, SIGKILL));
    TRY(sigaction(SIGKILL, &action, NULL));
    TRY(sigaction(SIGSTOP, &action, NULL));
    TRY(sigaction(SIGKILL, NULL, &old));
    TRY(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
    TRY(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    TRY(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 7));
    TRY(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8));
    TRY(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8));
    TRY(syscall(SYS_rt_sigaction, 64, NULL, NULL, 8));
}

CASE(SIG_IGN_and_SIG_DFL) {
    handle(SIGUSR1, SIG_IGN, 0);
    TRY(raise(SIGUSR1));
    handle(SIGUSR1, count, 0);
    TRY(raise(SIGUSR1));
    say("calls %d", calls);
    sigset_t set = only(SIGUSR1), pending;
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    MUST(raise(SIGUSR1));
    MUST(sigpending(&pending));
    say("pending %d", sigismember(&pending, SIGUSR1));
    handle(SIGUSR1, SIG_IGN, 0);
    MUST(sigpending(&pending));
    say("pending %d", sigismember(&pending, SIGUSR1));
    handle(SIGUSR1, count, 0);
    MUST(sigprocmask(SIG_UNBLOCK, &set, NULL));
    say("calls %d", calls);
}

CASE(masks) {
    sigset_t set, old;
    sigfillset(&set);
    TRY(sigprocmask(SIG_SETMASK, &set, NULL));
    TRY(sigprocmask(SIG_SETMASK, NULL, &old));
    say("KILL %d STOP %d USR1 %d SEGV %d", sigismember(&old, SIGKILL), sigismember(&old, SIGSTOP),
        sigismember(&old, SIGUSR1), sigismember(&old, SIGSEGV));
    sigemptyset(&set);
    TRY(sigprocmask(SIG_BLOCK, &set, &old));
    set = only(SIGUSR1);
    TRY(sigprocmask(SIG_UNBLOCK, &set, NULL));
    TRY(sigprocmask(SIG_BLOCK, NULL, &old));
    say("USR1 %d USR2 %d", sigismember(&old, SIGUSR1), sigismember(&old, SIGUSR2));
    TRY(sigprocmask(77, &set, NULL));
    TRY(sigprocmask(77, NULL, &old));
    TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 7));
    TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8));
    TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD, 8));
    TRY(syscall(SYS_rt_sigpending, BAD, 8));
    IN_CHILD({
        MUST(sigprocmask(SIG_BLOCK, NULL, &old));
        say("child USR1 %d USR2 %d", sigismember(&old, SIGUSR1), sigismember(&old, SIGUSR2));
    });
}

CASE(blocked_signals_wait_once_and_real_time_ones_queue) {
    sigset_t set, pending;
    sigfillset(&set);
    MUST(sigprocmask(SIG_SETMASK, &set, NULL));
    handle(SIGUSR1, count, 0);
    handle(SIGUSR2, count, 0);
    handle(SIGRTMIN, count, 0);
    handle(SIGRTMIN + 1, count, 0);
    for (int i = 0; i < 3; i++) {
        MUST(kill(getpid(), SIGUSR2));
        MUST(kill(getpid(), SIGUSR1));
        MUST(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}));
        MUST(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}));
    }
    MUST(sigpending(&pending));
    say("calls %d, pending USR1 %d RTMIN %d", calls, sigismember(&pending, SIGUSR1), sigismember(&pending, SIGRTMIN));
    siginfo_t info;
    for (int i = 0; i < 8; i++) {
        struct timespec none = {0, 0};
        int number = sigtimedwait(&set, &info, &none);
        say("%s value %d", number < 0 ? errno_name(errno) : signal_name(number), number > 31 ? info.si_value.sival_int : 0);
    }
}

CASE(siginfo_of_kill_tgkill_and_sigqueue) {
    handle_info(SIGUSR1, 0);
    MUST(kill(getpid(), SIGUSR1));
    say("code %d pid %d uid %d", told.si_code, told.si_pid == getpid(), told.si_uid);
    MUST(raise(SIGUSR1));
    say("code %d pid %d uid %d", told.si_code, told.si_pid == getpid(), told.si_uid);
    MUST(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 12345}));
    say("code %d pid %d uid %d value %d", told.si_code, told.si_pid == getpid(), told.si_uid, told.si_value.sival_int);
    pid_t parent = getpid();
    pid_t child = CHILD({
        become_nobody();
        TRY(kill(parent, SIGUSR1));
    });
    JOIN(child);
    say("calls %d", calls);
    child = CHILD(MUST(kill(parent, SIGUSR1)));
    UNTIL(calls == 4);
    say("code %d pid %d uid %d", told.si_code, told.si_pid == child, told.si_uid);
    JOIN(child);
}

CASE(siginfo_of_a_child) {
    handle_info(SIGCHLD, 0);
    pid_t child = CHILD(_exit(42));
    UNTIL(calls == 1);
    say("code %d status %d pid %d uid %d", told.si_code, told.si_status, told.si_pid == child, told.si_uid);
    JOIN(child);
    child = CHILD(pause());
    MUST(kill(child, SIGSTOP));
    UNTIL(calls == 2);
    say("code %d status %d", told.si_code, told.si_status);
    MUST(kill(child, SIGCONT));
    UNTIL(calls == 3);
    say("code %d status %d", told.si_code, told.si_status);
    MUST(kill(child, SIGTERM));
    UNTIL(calls == 4);
    say("code %d status %d", told.si_code, told.si_status);
    JOIN(child);
    handle_info(SIGCHLD, SA_NOCLDSTOP);
    child = CHILD(pause());
    MUST(kill(child, SIGSTOP));
    int status;
    MUST(waitpid(child, &status, WUNTRACED));
    say("calls %d", calls);
    MUST(kill(child, SIGKILL));
    JOIN(child);
}

CASE(SIGCHLD_ignored_means_no_zombies) {
    handle(SIGCHLD, SIG_IGN, 0);
    pid_t child = CHILD(_exit(1));
    TRY(waitpid(child, NULL, 0));
    TRY(kill(child, 0));
    handle(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    child = CHILD(_exit(1));
    TRY(waitpid(child, NULL, 0));
}

static volatile int depth, deepest;
static void nest(int number) {
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (calls++ < 3)
        raise(number);
    depth--;
}

CASE(SA_NODEFER_SA_RESETHAND_and_the_mask_of_a_handler) {
    handle(SIGUSR1, nest, 0);
    MUST(raise(SIGUSR1));
    say("calls %d deepest %d", calls, deepest);
    calls = deepest = 0;
    handle(SIGUSR1, nest, SA_NODEFER);
    MUST(raise(SIGUSR1));
    say("calls %d deepest %d", calls, deepest);
    handle(SIGUSR1, count, (int)SA_RESETHAND);
    MUST(raise(SIGUSR1));
    struct sigaction now;
    MUST(sigaction(SIGUSR1, NULL, &now));
    IS(now.sa_handler == SIG_DFL);
    sigset_t mask;
    MUST(sigprocmask(SIG_BLOCK, NULL, &mask));
    IS(sigismember(&mask, SIGUSR1));
}

static void change_return_mask(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    ucontext_t *frame = context;
    sigaddset(&frame->uc_sigmask, SIGUSR2);
    frame->uc_mcontext.gregs[REG_RAX] = 4242;
}

CASE(the_frame_holds_the_mask_that_comes_back) {
    struct sigaction action = {.sa_sigaction = change_return_mask, .sa_flags = SA_SIGINFO};
    sigset_t mask;
    MUST(sigaction(SIGUSR1, &action, NULL));
    long value = syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    say("value %ld", value);
    MUST(sigprocmask(SIG_BLOCK, NULL, &mask));
    say("USR1 %d USR2 %d", sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2));
}

CASE(sigsuspend_swaps_the_mask_and_returns_EINTR) {
    sigset_t set = only(SIGUSR1), none;
    sigemptyset(&none);
    handle(SIGUSR1, count, SA_RESTART);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    MUST(raise(SIGUSR1));
    say("calls %d", calls);
    TRY(sigsuspend(&none));
    say("calls %d", calls);
    MUST(sigprocmask(SIG_BLOCK, NULL, &none));
    IS(sigismember(&none, SIGUSR1));
    sigemptyset(&none);
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR1));
    });
    TRY(sigsuspend(&none));
    say("calls %d", calls);
    JOIN(child);
    TRY(syscall(SYS_rt_sigsuspend, &none, 7));
    TRY(syscall(SYS_rt_sigsuspend, BAD, 8));
}

CASE(pause_ends_by_a_handler_only) {
    handle(SIGALRM, count, SA_RESTART);
    handle(SIGUSR1, SIG_IGN, 0);
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR1));
        MUST(kill(parent, SIGWINCH));
        MUST(kill(parent, SIGALRM));
    });
    TRY(pause());
    say("calls %d", calls);
    JOIN(child);
}

CASE(sigtimedwait_and_sigwaitinfo) {
    sigset_t set = only(SIGUSR1), others = only(SIGUSR2);
    struct timespec none = {0, 0}, bad = {0, -1}, short_time = {0, 10000000};
    siginfo_t info;
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    TRY(sigtimedwait(&set, &info, &none));
    TRY(sigtimedwait(&set, &info, &short_time));
    TRY(sigtimedwait(&set, &info, &bad));
    MUST(kill(getpid(), SIGUSR1));
    TRY(sigtimedwait(&set, &info, &none));
    say("%s code %d", signal_name(info.si_signo), info.si_code);
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(sigqueue(parent, SIGUSR1, (union sigval){.sival_int = 7}));
    });
    TRY(sigwaitinfo(&set, &info));
    say("value %d from child %d", info.si_value.sival_int, info.si_pid == child);
    JOIN(child);
    handle(SIGUSR2, count, SA_RESTART);
    child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR2));
    });
    TRY(sigwaitinfo(&set, &info));
    JOIN(child);
    TRY(syscall(SYS_rt_sigtimedwait, &others, NULL, &none, 7));
    TRY(syscall(SYS_rt_sigtimedwait, BAD, NULL, &none, 8));
    TRY(syscall(SYS_rt_sigtimedwait, &others, NULL, BAD, 8));
}

static char *volatile where;
static void on_stack(int number) {
    char here;
    (void)number;
    where = &here;
    stack_t now;
    sigaltstack(NULL, &now);
    last = now.ss_flags;
    calls++;
}

CASE(alternate_stacks) {
    static char area[65536];
    stack_t stack = {.ss_sp = area, .ss_size = sizeof area}, old;
    TRY(sigaltstack(NULL, &old));
    say("flags %d", old.ss_flags);
    TRY(sigaltstack(&stack, &old));
    handle(SIGUSR1, on_stack, SA_ONSTACK);
    MUST(raise(SIGUSR1));
    IS(where >= area && where < area + sizeof area);
    say("flags inside %d", last);
    handle(SIGUSR1, on_stack, 0);
    MUST(raise(SIGUSR1));
    IS(where >= area && where < area + sizeof area);
    TRY(sigaltstack(NULL, &old));
    say("flags %d same %d", old.ss_flags, old.ss_sp == area);
    stack.ss_size = 1000;
    TRY(sigaltstack(&stack, NULL));
    stack.ss_flags = 77;
    TRY(sigaltstack(&stack, NULL));
    TRY(sigaltstack(BAD, NULL));
    TRY(sigaltstack(NULL, BAD));
    stack.ss_flags = SS_DISABLE;
    TRY(sigaltstack(&stack, NULL));
    TRY(sigaltstack(NULL, &old));
    say("flags %d", old.ss_flags);
}

CASE(kill_targets_and_errors) {
    handle(SIGUSR1, count, 0);
    TRY(kill(getpid(), 0));
    TRY(kill(getpid(), 65));
    TRY(kill(getpid(), -1));
    TRY(kill(0x7fffffff, 0));
    TRY(kill(0, 0));
    TRY(kill(0, SIGUSR1));
    TRY(kill(-getpid(), SIGUSR1));
    say("calls %d", calls);
    TRY(kill(-0x7fffffff, SIGUSR1));
    TRY(kill(INT_MIN, SIGUSR1));
    TRY(syscall(SYS_tgkill, getpid(), getpid(), 0));
    TRY(syscall(SYS_tgkill, getpid(), 0x7fffffff, 0));
    TRY(syscall(SYS_tgkill, 0x7fffffff, getpid(), 0));
    TRY(syscall(SYS_tgkill, 0, getpid(), 0));
    TRY(syscall(SYS_tkill, getpid(), 0));
    TRY(syscall(SYS_tkill, -1, 0));
    siginfo_t info = {.si_code = 0, .si_signo = SIGUSR1};
    TRY(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info));
    info.si_code = SI_USER;
    TRY(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
    TRY(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, BAD));
    pid_t child = CHILD(_exit(0));
    siginfo_t state;
    MUST(waitid(P_PID, (id_t)child, &state, WEXITED | WNOWAIT));
    TRY(kill(child, SIGUSR1));
    JOIN(child);
    TRY(kill(child, SIGUSR1));
}

CASE(who_may_signal_whom) {
    pid_t victim = CHILD(pause());
    pid_t same = CHILD({
        become_nobody();
        pause();
    });
    UNTIL(asleep(same));
    IN_CHILD({
        become_nobody();
        TRY(kill(victim, 0));
        TRY(kill(victim, SIGTERM));
        TRY(kill(victim, SIGCONT));
        TRY(kill(same, 0));
        TRY(kill(same, SIGUSR1));
        TRY(kill(1, SIGTERM));
    });
    JOIN(same);
    MUST(kill(victim, SIGTERM));
    JOIN(victim);
}

CASE(faults_are_told_to_handlers) {
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};
    IN_CHILD(*(volatile int *)BAD = 1);
    IN_CHILD(__builtin_trap());
    IN_CHILD({
        MUST(sigaction(SIGSEGV, &action, NULL));
        *(volatile int *)BAD = 1;
    });
    IN_CHILD({
        sigset_t set = only(SIGSEGV);
        MUST(sigprocmask(SIG_BLOCK, &set, NULL));
        handle(SIGSEGV, count, 0);
        *(volatile int *)BAD = 1;
    });
    IN_CHILD({
        handle(SIGSEGV, SIG_IGN, 0);
        *(volatile int *)BAD = 1;
    });
    IN_CHILD({
        handle(SIGSEGV, count, 0);
        MUST(raise(SIGSEGV));
        say("handled %d", calls);
    });
}
