/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * pipe(2), pipe2(2) and FIFOs.
 */
#include "check.h"
#include <poll.h>
#include <sys/ioctl.h>

static char block[1 << 20];
static volatile int count_of_signals;
static void count(int number) { (void)number, count_of_signals++; }

CASE(bytes_come_out_in_order) {
    int pipes[2];
    char text[16] = "";
    TRY(pipe(pipes));
    say("%d %d", pipes[0], pipes[1]);
    TRY(write(pipes[1], "abc", 3));
    TRY(write(pipes[1], "def", 3));
    TRY(read(pipes[0], text, 2));
    TRY(read(pipes[0], text + 2, 10));
    say("%s", text);
    TRY(read(pipes[1], text, 1));
    TRY(write(pipes[0], text, 1));
    TRY(write(pipes[1], text, 0));
    TRY(read(pipes[0], text, 0));
    TRY(close(pipes[1]));
    TRY(read(pipes[0], text, 1));
    TRY(read(pipes[0], text, 1));
}

CASE(flags_and_errors) {
    int pipes[2];
    TRY(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
    say("%d %#o %d %#o", fcntl(pipes[0], F_GETFD), fcntl(pipes[0], F_GETFL), fcntl(pipes[1], F_GETFD),
        fcntl(pipes[1], F_GETFL));
    TRY(pipe2(pipes, O_APPEND));
    TRY(pipe2(pipes, 12345));
    TRY(pipe(BAD));
    TRY(pipe2(BAD, O_APPEND));
    TRY(pipe(edge(4)));
    TRY(pipe(pipes));
    say("%d %d", pipes[0], pipes[1]);
}

CASE(writing_without_readers_gives_SIGPIPE_and_EPIPE) {
    int pipes[2];
    MUST(pipe(pipes));
    MUST(close(pipes[0]));
    IN_CHILD(write(pipes[1], "x", 1));
    IN_CHILD({
        handle(SIGPIPE, SIG_IGN, 0);
        TRY(write(pipes[1], "x", 1));
        TRY(write(pipes[1], "x", 0));
        TRY(write(pipes[1], BAD, 1));
    });
    handle(SIGPIPE, count, 0);
    TRY(write(pipes[1], "x", 1));
    say("signals %d", count_of_signals);
}

CASE(O_NONBLOCK_gives_EAGAIN) {
    int pipes[2];
    char byte;
    MUST(pipe2(pipes, O_NONBLOCK));
    TRY(read(pipes[0], &byte, 1));
    long total = 0, got;
    while ((got = write(pipes[1], block, 4096)) > 0)
        total += got;
    say("%ld bytes, then %s", total, errno_name(errno));
    TRY(write(pipes[1], "x", 1));
    TRY(read(pipes[0], block, 4096));
    TRY(write(pipes[1], block, 4096));
    TRY(write(pipes[1], block, 8192));
    TRY(read(pipes[0], block, sizeof block));
    TRY(read(pipes[0], block, sizeof block));
    TRY(write(pipes[1], block, sizeof block));
}

CASE(up_to_PIPE_BUF_bytes_are_all_or_nothing) {
    int pipes[2];
    MUST(pipe2(pipes, O_NONBLOCK));
    TRY(write(pipes[1], block, 61440 + 4000));
    TRY(write(pipes[1], block, 4096));
    TRY(read(pipes[0], block, 8192));
    TRY(write(pipes[1], block, 4096));
}

CASE(blocked_writers_go_on_when_there_is_room) {
    int pipes[2];
    MUST(pipe(pipes));
    pid_t child = CHILD({
        close(pipes[0]);
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (char)(i * 31 + (i >> 10));
        TRY(write(pipes[1], block, 300000));
    });
    MUST(close(pipes[1]));
    static char back[300001];
    long total = 0, got;
    while ((got = MUST(read(pipes[0], back + total, 7001 < sizeof back - total ? 7001 : sizeof back - total))) > 0)
        total += got;
    say("%ld", total);
    int wrong = 0;
    for (long i = 0; i < total; i++)
        wrong += back[i] != (char)(i * 31 + (i >> 10));
    say("wrong %d", wrong);
    JOIN(child);
}

CASE(the_size_of_the_buffer) {
    int pipes[2];
    put("a", "a");
    MUST(pipe2(pipes, O_NONBLOCK));
    TRY(fcntl(pipes[0], F_GETPIPE_SZ));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, 4096));
    TRY(fcntl(pipes[1], F_GETPIPE_SZ));
    TRY(write(pipes[1], block, 10000));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, 10000));
    TRY(write(pipes[1], block, 20000));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, 4096));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, 1 << 20));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, 0));
    TRY(fcntl(pipes[0], F_SETPIPE_SZ, -1));
    TRY(fcntl(open("a", O_RDWR), F_SETPIPE_SZ, 4096));
}

CASE(FIONREAD_counts_the_bytes) {
    int pipes[2], waiting = -1;
    MUST(pipe(pipes));
    TRY(ioctl(pipes[0], FIONREAD, &waiting));
    say("%d", waiting);
    MUST(write(pipes[1], "abcde", 5));
    TRY(ioctl(pipes[0], FIONREAD, &waiting));
    say("%d", waiting);
    TRY(ioctl(pipes[1], FIONREAD, &waiting));
    say("%d", waiting);
    TRY(ioctl(pipes[0], FIONREAD, BAD));
    TRY(ioctl(pipes[0], 0x12345678, &waiting));
    TRY(ioctl(77, FIONREAD, &waiting));
    int on = 1;
    TRY(ioctl(pipes[0], FIONBIO, &on));
    say("%#o", fcntl(pipes[0], F_GETFL));
    TRY(ioctl(pipes[0], FIOCLEX));
    TRY(fcntl(pipes[0], F_GETFD));
    TRY(ioctl(pipes[0], FIONCLEX));
    TRY(fcntl(pipes[0], F_GETFD));
}

CASE(EINTR_and_SA_RESTART) {
    int pipes[2];
    char byte;
    MUST(pipe(pipes));
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(read(pipes[0], &byte, 1));
    tick(0);
    handle(SIGALRM, SIG_IGN, 0);
    count_of_signals = 0;
    handle(SIGUSR1, count, SA_RESTART);
    pid_t parent = getpid();
    pid_t child = CHILD({
        UNTIL(asleep(parent));
        MUST(kill(parent, SIGUSR1));
        UNTIL(asleep(parent));
        MUST(write(pipes[1], "x", 1));
    });
    TRY(read(pipes[0], &byte, 1));
    say("signals %d", count_of_signals);
    JOIN(child);
}

CASE(a_signal_after_part_of_a_write_gives_the_short_count) {
    int pipes[2];
    MUST(pipe(pipes));
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(write(pipes[1], block, 100000));
    tick(0);
    MUST(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    TRY(read(pipes[0], block, sizeof block));
}

CASE(fifos_meet_by_name) {
    char text[8] = "";
    MUST(mkfifo("fifo", 0644));
    pid_t child = CHILD({
        int out = (int)TRY(open("fifo", O_WRONLY));
        MUST(write(out, "hello", 5));
    });
    int in = (int)MUST(open("fifo", O_RDONLY));
    TRY(read(in, text, 8));
    say("%s", text);
    TRY(read(in, text, 8));
    JOIN(child);
    MUST(fcntl(in, F_SETFL, O_NONBLOCK));
    TRY(read(in, text, 8));
    int again = (int)TRY(open("fifo", O_WRONLY));
    TRY(read(in, text, 8));
    TRY(write(again, "x", 1));
    TRY(close(again));
    TRY(read(in, text, 8));
    int both = (int)TRY(open("fifo", O_RDWR));
    TRY(write(both, "y", 1));
    TRY(read(both, text, 8));
    TRY(unlink("fifo"));
    TRY(write(both, "z", 1));
    TRY(read(in, text, 8));
}

CASE(opening_a_fifo_waits_and_is_interrupted) {
    MUST(mkfifo("fifo", 0644));
    handle(SIGALRM, count, 0);
    tick(20);
    TRY(open("fifo", O_RDONLY));
    TRY(open("fifo", O_WRONLY));
    tick(0);
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
}

CASE(proc_reopens_an_end_of_a_pipe) {
    int pipes[2];
    char path[64], text[8] = "";
    MUST(pipe(pipes));
    snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[0]);
    int out = (int)TRY(open(path, O_WRONLY));
    TRY(write(out, "x", 1));
    TRY(read(pipes[0], text, 8));
    ssize_t length = readlink(path, text, 6);
    say_bytes("target", text, length);
}

CASE(proc_reopens_a_pipe_without_waiting_for_its_other_end) {
    int pipes[2];
    char path[64], text[8] = "";
    MUST(pipe(pipes));
    MUST(write(pipes[1], "left", 4));
    MUST(close(pipes[1]));
    snprintf(path, sizeof path, "/dev/fd/%d", pipes[0]);
    int in = (int)TRY(open(path, O_RDONLY));
    TRY(read(in, text, 8));
    TRY(read(in, text, 8));
    int out = (int)TRY(open(path, O_WRONLY | O_NONBLOCK));
    TRY(write(out, "more", 4));
    TRY(read(pipes[0], text, 8));
}
