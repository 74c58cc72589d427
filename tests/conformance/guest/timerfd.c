/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * timerfd_create(2), timerfd_settime(2), timerfd_gettime(2).
 */
#include "check.h"
#include <poll.h>
#include <sys/timerfd.h>

static volatile int count_of_signals;
static void count(int number) { (void)number, count_of_signals++; }

static struct itimerspec after(long first, long interval) {
    return (struct itimerspec){.it_value = {first / 1000, first % 1000 * 1000000},
                               .it_interval = {interval / 1000, interval % 1000 * 1000000}};
}

CASE(one_expiration) {
    uint64_t ticks = 0;
    struct itimerspec left, when = after(20, 0);
    int fd = (int)TRY(timerfd_create(CLOCK_MONOTONIC, 0));
    TRY(timerfd_gettime(fd, &left));
    say("%ld.%ld", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
    TRY(timerfd_settime(fd, 0, &when, NULL));
    TRY(read(fd, &ticks, 8));
    say("ticks %lu", (unsigned long)ticks);
    TRY(timerfd_gettime(fd, &left));
    say("%ld.%ld", (long)left.it_value.tv_sec, left.it_value.tv_nsec);
}

CASE(repeating_ones_are_counted) {
    uint64_t ticks = 0, total = 0;
    struct itimerspec when = after(5, 5), off = after(0, 0), old;
    int fd = (int)TRY(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    TRY(timerfd_settime(fd, 0, &when, NULL));
    struct pollfd entry = {fd, POLLIN, 0};
    while (total < 4) {
        MUST(poll(&entry, 1, -1));
        MUST(read(fd, &ticks, 8));
        total += ticks;
    }
    IS(total >= 4);
    TRY(timerfd_settime(fd, 0, &off, &old));
    say("old interval %ld", old.it_interval.tv_nsec);
    IS(old.it_value.tv_nsec <= 5000000);
    TRY(read(fd, &ticks, 8));
}

CASE(absolute_times) {
    uint64_t ticks = 0;
    struct itimerspec when = {.it_value = {1, 0}};
    int fd = (int)TRY(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC));
    TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL));
    TRY(read(fd, &ticks, 8));
    say("ticks %lu", (unsigned long)ticks);
    struct timespec now;
    MUST(clock_gettime(CLOCK_REALTIME, &now));
    when.it_value = (struct timespec){now.tv_sec + 100, 0};
    TRY(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL));
    struct itimerspec left;
    TRY(timerfd_gettime(fd, &left));
    IS(left.it_value.tv_sec >= 90 && left.it_value.tv_sec <= 100);
}

CASE(setting_again_forgets_what_expired) {
    uint64_t ticks;
    struct itimerspec soon = after(1, 0), late = after(100000, 0);
    int fd = (int)TRY(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    MUST(timerfd_settime(fd, 0, &soon, NULL));
    struct pollfd entry = {fd, POLLIN, 0};
    TRY(poll(&entry, 1, -1));
    TRY(timerfd_settime(fd, 0, &late, NULL));
    TRY(poll(&entry, 1, 0));
    TRY(read(fd, &ticks, 8));
}

CASE(errors) {
    uint64_t ticks;
    struct itimerspec when = after(1000, 0), bad = {.it_value = {0, 1000000000}};
    TRY(timerfd_create(77, 0));
    TRY(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
    TRY(timerfd_create(CLOCK_MONOTONIC, 1));
    int fd = (int)TRY(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK));
    TRY(timerfd_settime(fd, 0, &bad, NULL));
    TRY(timerfd_settime(fd, 8, &when, NULL));
    TRY(timerfd_settime(fd, 0, BAD, NULL));
    TRY(timerfd_settime(1, 0, &when, NULL));
    TRY(timerfd_settime(77, 0, &when, NULL));
    TRY(timerfd_gettime(fd, BAD));
    TRY(timerfd_gettime(0, &when));
    TRY(read(fd, &ticks, 4));
    TRY(read(fd, &ticks, 8));
    TRY(write(fd, &ticks, 8));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(timerfd_settime(fd, 0, &when, BAD));
}

CASE(a_blocked_read_is_interrupted) {
    uint64_t ticks;
    int fd = (int)TRY(timerfd_create(CLOCK_MONOTONIC, 0));
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(read(fd, &ticks, 8));
}
