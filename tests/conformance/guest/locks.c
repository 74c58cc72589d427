/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * flock(2), and the record locks of fcntl(2): of processes and of open file descriptions.
 */
#include "check.h"
#include <sys/file.h>

static struct flock range(short type, long start, long length) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static void ask(int fd, int command, short type, long start, long length) {
    struct flock lock = range(type, start, length);
    if (fcntl(fd, command, &lock))
        say("%ld+%ld: %s", start, length, errno_name(errno));
    else if (lock.l_type == F_UNLCK)
        say("%ld+%ld: free", start, length);
    else
        say("%ld+%ld: %s lock %ld+%ld by %s", start, length, lock.l_type == F_RDLCK ? "read" : "write",
            (long)lock.l_start, (long)lock.l_len,
            lock.l_pid == getppid() ? "the parent" : lock.l_pid == -1 ? "a description" : "another");
}

static long lock(int fd, int command, short type, long start, long length) {
    struct flock wanted = range(type, start, length);
    return fcntl(fd, command, &wanted);
}

CASE(flock_between_descriptions) {
    put("a", "a");
    int one = (int)TRY(open("a", O_RDONLY));
    int two = (int)TRY(open("a", O_RDONLY));
    int copy = (int)TRY(dup(one));
    TRY(flock(one, LOCK_SH));
    TRY(flock(two, LOCK_SH | LOCK_NB));
    TRY(flock(one, LOCK_EX | LOCK_NB));
    TRY(flock(two, LOCK_UN));
    TRY(flock(one, LOCK_EX | LOCK_NB));
    TRY(flock(two, LOCK_SH | LOCK_NB));
    TRY(flock(copy, LOCK_EX | LOCK_NB));
    TRY(close(one));
    TRY(flock(two, LOCK_SH | LOCK_NB));
    TRY(close(copy));
    TRY(flock(two, LOCK_EX | LOCK_NB));
    TRY(flock(two, 0));
    TRY(flock(two, LOCK_SH | LOCK_EX));
    TRY(flock(77, LOCK_SH));
    TRY(flock(77, 0));
    TRY(flock(open("a", O_PATH), LOCK_SH));
}

CASE(flock_is_inherited_and_waits) {
    int pipes[2];
    char byte;
    put("a", "a");
    MUST(pipe(pipes));
    int one = (int)TRY(open("a", O_RDONLY));
    TRY(flock(one, LOCK_EX));
    pid_t child = CHILD({
        int two = (int)MUST(open("a", O_RDONLY));
        TRY(flock(two, LOCK_EX | LOCK_NB));
        TRY(flock(one, LOCK_EX | LOCK_NB));
        MUST(write(pipes[1], "x", 1));
        close(one);
        if (flock(two, LOCK_EX) == 0)
            MUST(write(pipes[1], "y", 1));
    });
    MUST(read(pipes[0], &byte, 1));
    UNTIL(asleep(child));
    MUST(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    TRY(read(pipes[0], &byte, 1));
    TRY(flock(one, LOCK_UN));
    JOIN(child);
    TRY(read(pipes[0], &byte, 1));
}

static void nothing(int number) { (void)number; }

CASE(waiting_for_flock_is_interrupted) {
    put("a", "a");
    int one = (int)MUST(open("a", O_RDONLY));
    int two = (int)MUST(open("a", O_RDWR));
    MUST(flock(one, LOCK_EX));
    handle(SIGALRM, nothing, 0);
    tick(20);
    TRY(flock(two, LOCK_EX));
    tick(0);
}

CASE(record_locks_of_processes) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(lock(fd, F_SETLK, F_WRLCK, 0, 4));
    TRY(lock(fd, F_SETLK, F_RDLCK, 6, 2));
    TRY(lock(fd, F_SETLK, F_WRLCK, 2, 4));
    IN_CHILD({
        ask(fd, F_GETLK, F_WRLCK, 0, 0);
        ask(fd, F_GETLK, F_RDLCK, 6, 1);
        ask(fd, F_GETLK, F_WRLCK, 6, 1);
        ask(fd, F_GETLK, F_WRLCK, 8, 0);
        TRY(lock(fd, F_SETLK, F_RDLCK, 0, 1));
        TRY(lock(fd, F_SETLK, F_WRLCK, 7, 1));
        TRY(lock(fd, F_SETLK, F_RDLCK, 7, 1));
        TRY(lock(fd, F_SETLK, F_WRLCK, 100, 1));
    });
    TRY(lock(fd, F_SETLK, F_UNLCK, 1, 2));
    IN_CHILD({
        ask(fd, F_GETLK, F_WRLCK, 0, 0);
        ask(fd, F_GETLK, F_WRLCK, 1, 2);
        ask(fd, F_GETLK, F_WRLCK, 3, 1);
    });
    TRY(lock(fd, F_SETLK, F_UNLCK, 0, 0));
    IN_CHILD(ask(fd, F_GETLK, F_WRLCK, 0, 0));
}

CASE(closing_any_descriptor_drops_a_process_s_locks) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    int other = (int)TRY(open("a", O_RDONLY));
    TRY(lock(fd, F_SETLK, F_WRLCK, 0, 4));
    IN_CHILD(ask(fd, F_GETLK, F_WRLCK, 0, 0));
    TRY(close(other));
    IN_CHILD(ask(fd, F_GETLK, F_WRLCK, 0, 0));
}

CASE(record_lock_errors) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    int in = (int)TRY(open("a", O_RDONLY));
    int out = (int)TRY(open("a", O_WRONLY));
    TRY(lock(in, F_SETLK, F_WRLCK, 0, 1));
    TRY(lock(out, F_SETLK, F_RDLCK, 0, 1));
    TRY(lock(fd, F_SETLK, 7, 0, 1));
    TRY(lock(fd, F_GETLK, F_UNLCK, 0, 1));
    TRY(lock(fd, F_SETLK, F_WRLCK, -1, 1));
    TRY(lock(fd, F_SETLK, F_WRLCK, 5, -2));
    TRY(lock(fd, F_SETLK, F_WRLCK, 1, -2));
    TRY(lock(fd, F_SETLK, F_WRLCK, 1, INT64_MAX));
    TRY(fcntl(fd, F_SETLK, BAD));
    TRY(fcntl(fd, F_GETLK, BAD));
    TRY(lock(77, F_SETLK, F_WRLCK, 0, 1));
    struct flock whence = {.l_type = F_WRLCK, .l_whence = 9};
    TRY(fcntl(fd, F_SETLK, &whence));
    whence.l_whence = SEEK_END;
    whence.l_start = -3;
    whence.l_len = 2;
    TRY(fcntl(fd, F_SETLK, &whence));
    IN_CHILD(ask(fd, F_GETLK, F_WRLCK, 6, 4));
}

CASE(locks_of_descriptions) {
    put("a", "0123456789");
    int one = (int)TRY(open("a", O_RDWR));
    int two = (int)TRY(open("a", O_RDWR));
    TRY(lock(one, F_OFD_SETLK, F_WRLCK, 0, 4));
    TRY(lock(two, F_OFD_SETLK, F_WRLCK, 2, 4));
    TRY(lock(two, F_OFD_SETLK, F_WRLCK, 4, 4));
    ask(two, F_OFD_GETLK, F_WRLCK, 0, 0);
    ask(two, F_GETLK, F_WRLCK, 0, 0);
    TRY(lock(one, F_SETLK, F_WRLCK, 0, 4));
    IN_CHILD(TRY(lock(one, F_OFD_SETLK, F_WRLCK, 1, 1)));
    int third = (int)TRY(open("a", O_RDWR));
    TRY(close(third));
    ask(two, F_OFD_GETLK, F_WRLCK, 0, 0);
    TRY(close(one));
    ask(two, F_OFD_GETLK, F_WRLCK, 0, 0);
    struct flock with_pid = range(F_WRLCK, 0, 1);
    with_pid.l_pid = 1;
    TRY(fcntl(two, F_OFD_SETLK, &with_pid));
}

CASE(F_SETLKW_waits_and_deadlock_is_seen) {
    int pipes[2];
    char byte;
    put("a", "0123456789");
    MUST(pipe(pipes));
    int fd = (int)MUST(open("a", O_RDWR));
    MUST(lock(fd, F_SETLK, F_WRLCK, 0, 1));
    pid_t child = CHILD({
        MUST(lock(fd, F_SETLK, F_WRLCK, 1, 1));
        MUST(write(pipes[1], "x", 1));
        TRY(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
    });
    MUST(read(pipes[0], &byte, 1));
    UNTIL(asleep(child));
    TRY(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
    MUST(lock(fd, F_SETLK, F_UNLCK, 0, 1));
    JOIN(child);
}

CASE(locks_end_with_the_process) {
    put("a", "0123456789");
    int fd = (int)MUST(open("a", O_RDWR));
    IN_CHILD(TRY(lock(fd, F_SETLK, F_WRLCK, 0, 4)));
    TRY(lock(fd, F_SETLK, F_WRLCK, 0, 4));
}
