/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * eventfd2(2).
 */
#include "check.h"
#include <poll.h>
#include <sys/eventfd.h>

static void look(int fd) {
    struct pollfd entry = {fd, POLLIN | POLLOUT, 0};
    poll(&entry, 1, 0);
    say("in %d out %d err %d", !!(entry.revents & POLLIN), !!(entry.revents & POLLOUT), !!(entry.revents & POLLERR));
}

CASE(a_counter) {
    uint64_t value = 0;
    int fd = (int)TRY(eventfd(3, EFD_NONBLOCK));
    look(fd);
    TRY(read(fd, &value, 8));
    say("%lu", (unsigned long)value);
    look(fd);
    TRY(read(fd, &value, 8));
    value = 5;
    TRY(write(fd, &value, 8));
    TRY(write(fd, &value, 8));
    TRY(read(fd, &value, 16));
    say("%lu", (unsigned long)value);
    value = 0;
    TRY(write(fd, &value, 8));
    look(fd);
}

CASE(a_semaphore) {
    uint64_t value = 0;
    int fd = (int)TRY(eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC));
    say("%d %#o", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
    TRY(read(fd, &value, 8));
    say("%lu", (unsigned long)value);
    TRY(read(fd, &value, 8));
    TRY(read(fd, &value, 8));
}

CASE(the_limit) {
    uint64_t value = UINT64_MAX;
    int fd = (int)TRY(eventfd(0, EFD_NONBLOCK));
    TRY(write(fd, &value, 8));
    value = UINT64_MAX - 1;
    TRY(write(fd, &value, 8));
    look(fd);
    value = 1;
    TRY(write(fd, &value, 8));
    TRY(read(fd, &value, 8));
    say("%lx", (unsigned long)value);
}

CASE(errors) {
    uint64_t value = 1;
    TRY(eventfd(0, 12345));
    TRY(syscall(SYS_eventfd2, 0, 2));
    int fd = (int)TRY(eventfd(1, 0));
    TRY(read(fd, &value, 7));
    TRY(write(fd, &value, 7));
    TRY(write(fd, &value, 0));
    TRY(read(fd, BAD, 8));
    TRY(write(fd, BAD, 8));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(pread(fd, &value, 8, 0));
    TRY(ftruncate(fd, 0));
}

CASE(a_blocked_reader_is_woken) {
    uint64_t value = 0;
    int fd = (int)TRY(eventfd(0, 0));
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(eventfd_write(fd, 7));
    });
    TRY(read(fd, &value, 8));
    say("%lu", (unsigned long)value);
    JOIN(child);
}
