/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * alarm(2), setitimer(2), timer_create(2), nanosleep(2), clock_nanosleep(2).
 */
#include "check.h"
#include <sys/times.h>

static volatile sig_atomic_t calls;
static void count(int number) { (void)number, calls++; }
static siginfo_t told;
static void tell(int number, siginfo_t *info, void *context) { (void)number, (void)context, told = *info, calls++; }

CASE(alarm_rings_once_and_tells_what_was_left) {
    handle(SIGALRM, count, 0);
    TRY(alarm(0));
    TRY(alarm(100));
    unsigned left = alarm(1000);
    IS(left >= 99 && left <= 100);
    left = alarm(0);
    IS(left >= 999 && left <= 1000);
    TRY(alarm(0));
    TRY(ualarm(10000, 0));
    TRY(pause());
    say("calls %d", calls);
    IN_CHILD({
        ualarm(1000, 0);
        signal(SIGALRM, SIG_DFL);
        for (;;)
            pause();
    });
}

CASE(alarms_are_not_inherited_but_kept_by_exec) {
    alarm(1000);
    IN_CHILD(TRY(alarm(0)));
    IS(alarm(0) > 0);
}

CASE(interval_timers) {
    struct itimerval now, timer = {.it_interval = {0, 5000}, .it_value = {0, 5000}}, off = {0};
    TRY(getitimer(ITIMER_REAL, &now));
    say("%ld.%ld", (long)now.it_value.tv_sec, (long)now.it_value.tv_usec);
    handle(SIGALRM, count, 0);
    TRY(setitimer(ITIMER_REAL, &timer, NULL));
    while (calls < 3)
        pause();
    TRY(setitimer(ITIMER_REAL, &off, &now));
    say("interval %ld", (long)now.it_interval.tv_usec);
    IS(now.it_value.tv_sec == 0 && now.it_value.tv_usec <= 5000);
    TRY(setitimer(9, &timer, NULL));
    TRY(getitimer(9, &now));
    TRY(getitimer(ITIMER_REAL, BAD));
    TRY(setitimer(ITIMER_REAL, BAD, NULL));
    timer.it_value.tv_usec = 1000000;
    TRY(setitimer(ITIMER_REAL, &timer, NULL));
    handle(SIGVTALRM, count, 0);
    handle(SIGPROF, count, 0);
    calls = 0;
    timer = (struct itimerval){.it_value = {0, 5000}};
    TRY(setitimer(ITIMER_VIRTUAL, &timer, NULL));
    while (calls < 1)
        ;
    TRY(setitimer(ITIMER_PROF, &timer, NULL));
    while (calls < 2)
        ;
    say("calls %d", calls);
}

CASE(timer_create_signals_with_a_value) {
    timer_t timer;
    struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value = {.sival_int = 77}};
    struct itimerspec when = {.it_value = {0, 5000000}}, left;
    MUST(sigaction(SIGUSR1, &action, NULL));
    TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
    TRY(timer_gettime(timer, &left));
    say("%ld.%ld", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
    TRY(timer_settime(timer, 0, &when, NULL));
    UNTIL(calls == 1);
    say("%s code %d value %d overrun %d", signal_name(told.si_signo), told.si_code, told.si_value.sival_int, told.si_overrun);
    TRY(timer_getoverrun(timer));
    when.it_value.tv_sec = 1000;
    TRY(timer_settime(timer, 0, &when, NULL));
    TRY(timer_gettime(timer, &left));
    IS(left.it_value.tv_sec >= 990);
    TRY(timer_delete(timer));
    TRY(syscall(SYS_timer_gettime, 12345, &left));
    TRY(syscall(SYS_timer_delete, 12345));
}

CASE(timer_create_errors_and_other_notifications) {
    int id;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    TRY(syscall(SYS_timer_create, 77, NULL, &id));
    TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, BAD, &id));
    TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, BAD));
    event.sigev_notify = 99;
    TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 99;
    TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    event.sigev_notify = SIGEV_NONE;
    TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    struct itimerspec when = {.it_value = {0, 1000000000}};
    TRY(syscall(SYS_timer_settime, id, 0, &when, NULL));
    TRY(syscall(SYS_timer_settime, id, 0, BAD, NULL));
    handle(SIGALRM, count, 0);
    when.it_value.tv_nsec = 1000000;
    MUST(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
    TRY(syscall(SYS_timer_settime, id, 0, &when, NULL));
    UNTIL(calls == 1);
    say("calls %d", calls);
}

CASE(sleeping) {
    struct timespec pause = {0, 5000000}, left = {9, 9}, bad = {0, 1000000000}, negative = {-1, 0}, before, after;
    MUST(clock_gettime(CLOCK_MONOTONIC, &before));
    TRY(nanosleep(&pause, NULL));
    MUST(clock_gettime(CLOCK_MONOTONIC, &after));
    IS((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >= 5000000);
    TRY(nanosleep(&bad, NULL));
    TRY(nanosleep(&negative, NULL));
    TRY(syscall(SYS_nanosleep, BAD, NULL));
    handle(SIGALRM, count, SA_RESTART);
    tick(10);
    struct timespec long_time = {100, 0};
    TRY(nanosleep(&long_time, &left));
    IS(left.tv_sec >= 90 && left.tv_sec <= 100);
    tick(0);
    TRY(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &pause, NULL));
    TRY(syscall(SYS_clock_nanosleep, 77, 0, &pause, NULL));
    TRY(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL));
    after.tv_sec -= 10;
    TRY(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &after, NULL));
    TRY(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &pause, NULL));
}

CASE(clocks) {
    struct timespec now, again, resolution;
    static const clockid_t clocks[] = {CLOCK_REALTIME,  CLOCK_MONOTONIC,        CLOCK_PROCESS_CPUTIME_ID,
                                       CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                       CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        long first = clock_gettime(clocks[i], &now), second = syscall(SYS_clock_gettime, clocks[i], &again);
        say("clock %d: %ld %ld, forward %d", clocks[i], first, second,
            again.tv_sec > now.tv_sec || (again.tv_sec == now.tv_sec && again.tv_nsec >= now.tv_nsec));
    }
    TRY(clock_getres(CLOCK_MONOTONIC, &resolution));
    say("%ld.%ld", (long)resolution.tv_sec, resolution.tv_nsec);
    TRY(clock_getres(CLOCK_MONOTONIC, NULL));
    TRY(clock_gettime(77, &now));
    TRY(syscall(SYS_clock_gettime, CLOCK_REALTIME, BAD));
    TRY(clock_getres(77, &now));
    struct timeval day;
    struct timezone zone;
    TRY(syscall(SYS_gettimeofday, &day, &zone));
    MUST(clock_gettime(CLOCK_REALTIME, &now));
    IS(now.tv_sec - day.tv_sec <= 1 && now.tv_sec > 1600000000);
    TRY(syscall(SYS_gettimeofday, BAD, NULL));
    IS(time(NULL) - now.tv_sec <= 1);
    TRY(syscall(SYS_time, BAD));
    struct tms spent;
    IS(times(&spent) > 0);
    TRY(syscall(SYS_times, BAD));
    become_nobody();
    TRY(clock_settime(CLOCK_REALTIME, &now));
    TRY(syscall(SYS_settimeofday, &day, NULL));
}
