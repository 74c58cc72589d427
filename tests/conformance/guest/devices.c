/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * /dev: null, zero, full, random, urandom, tty, fd, stdin.
 */
#include "check.h"
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

static void tell(const char *path) {
    struct stat status;
    if (stat(path, &status))
        say("%s <%s>", path, errno_name(errno));
    else
        say("%s: %s %u:%u", path, mode_text(status.st_mode), major(status.st_rdev), minor(status.st_rdev));
}

CASE(what_is_there) {
    tell("/dev/null");
    tell("/dev/zero");
    tell("/dev/full");
    tell("/dev/random");
    tell("/dev/urandom");
    tell("/dev/tty");
    tell("/dev/missing");
    char link[64] = "";
    TRY(readlink("/dev/fd", link, 63));
    say("%s", link);
    TRY(access("/dev/shm", W_OK));
    TRY(access("/dev/pts", F_OK));
    TRY(access("/dev/ptmx", F_OK));
}

CASE(null) {
    char byte = 'x';
    int fd = (int)TRY(open("/dev/null", O_RDWR));
    TRY(read(fd, &byte, 1));
    TRY(write(fd, &byte, 1));
    TRY(write(fd, BAD, 100));
    TRY(read(fd, BAD, 100));
    TRY(pread(fd, &byte, 1, 100));
    TRY(pwrite(fd, &byte, 1, 100));
    TRY(ftruncate(fd, 0));
    TRY(fsync(fd));
    TRY(ioctl(fd, FIONREAD, &byte));
    TRY(isatty(fd));
    put("/dev/null", "gone");
    show("/dev/null");
}

CASE(zero_and_full) {
    char text[16];
    memset(text, 'x', 16);
    int zero = (int)TRY(open("/dev/zero", O_RDWR)), full = (int)TRY(open("/dev/full", O_RDWR));
    TRY(read(zero, text, 8));
    say_bytes("text", text, 10);
    TRY(write(zero, text, 8));
    TRY(read(zero, BAD, 8));
    TRY(read(full, text, 12));
    say_bytes("text", text, 13);
    TRY(write(full, text, 8));
    TRY(write(full, text, 0));
    TRY(pread(zero, text, 4, 5));
    TRY(read(zero, edge(5), 10));
}

CASE(random_and_urandom) {
    unsigned char one[64], two[64];
    int random = (int)TRY(open("/dev/random", O_RDONLY)), urandom = (int)TRY(open("/dev/urandom", O_RDWR));
    TRY(read(random, one, 64));
    TRY(read(urandom, two, 64));
    IS(memcmp(one, two, 64));
    TRY(read(urandom, two, 64));
    TRY(write(urandom, two, 4));
    TRY(read(urandom, BAD, 4));
}

CASE(no_terminal) {
    struct termios settings;
    struct winsize size;
    int pipes[2];
    MUST(pipe(pipes));
    TRY(open("/dev/tty", O_RDWR));
    TRY(tcgetattr(pipes[0], &settings));
    TRY(ioctl(pipes[0], TIOCGWINSZ, &size));
    TRY(tcgetattr(open("/dev/null", O_RDWR), &settings));
    put("a", "a");
    TRY(ioctl(open("a", O_RDWR), TCGETS, &settings));
    TRY(ioctl(77, TCGETS, &settings));
}

CASE(descriptors_by_name) {
    char text[8] = "";
    int pipes[2];
    MUST(pipe(pipes));
    MUST(dup2(pipes[0], 0));
    MUST(write(pipes[1], "abc", 3));
    int in = (int)TRY(open("/dev/stdin", O_RDONLY));
    TRY(read(in, text, 8));
    say("%s", text);
    char path[32];
    snprintf(path, sizeof path, "/dev/fd/%d", pipes[1]);
    int out = (int)TRY(open(path, O_WRONLY));
    TRY(write(out, "def", 3));
    TRY(read(0, text, 8));
    say("%s", text);
    TRY(open("/dev/fd/77", O_RDONLY));
}

CASE(shared_memory_objects) {
    char name[64];
    snprintf(name, sizeof name, "/pysc-check-%d", getpid());
    int fd = (int)TRY(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(ftruncate(fd, 4096));
    char *area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    IN_CHILD({
        int other = (int)MUST(shm_open(name, O_RDWR, 0));
        char *there = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
        there[0] = 'x';
    });
    say("%c", area[0]);
    TRY(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY(shm_unlink(name));
    TRY(shm_unlink(name));
}
