/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pseudo terminals (pty(7)): what a flush and a typed signal leave to be read.
 */
#include "check.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void make(void) {
    master = (int)MUST(posix_openpt(O_RDWR | O_NOCTTY));
    MUST(grantpt(master));
    MUST(unlockpt(master));
    slave = (int)MUST(open(ptsname(master), O_RDWR | O_NOCTTY));
}

static void waiting(const char *label, int fd) {
    char text[256];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, 100) == 1 && ready.revents & POLLIN)
        say_bytes(label, text, read(fd, text, sizeof text));
    else
        say("%s: nothing", label);
}

CASE(output_that_has_arrived_survives_a_flush) {
    make();
    MUST(write(slave, "hello\n", 6));
    usleep(50000);
    TRY(tcflush(slave, TCOFLUSH));
    waiting("master", master);
    MUST(write(slave, "again\n", 6));
    usleep(50000);
    TRY(tcflush(master, TCIFLUSH));
    waiting("master", master);
    MUST(write(master, "typed\n", 6));
    usleep(50000);
    TRY(tcflush(master, TCOFLUSH));
    waiting("slave", slave);
    waiting("master", master);
    MUST(write(master, "typed\n", 6));
    usleep(50000);
    TRY(tcflush(slave, TCIFLUSH));
    waiting("slave", slave);
}

CASE(a_typed_interrupt_takes_the_input_only) {
    make();
    MUST(write(slave, "output\n", 7));
    MUST(write(master, "half a line", 11));
    usleep(50000);
    MUST(write(master, "\003", 1));
    usleep(50000);
    waiting("master", master);
    MUST(write(master, "new\n", 4));
    waiting("slave", slave);
}

CASE(nothing_is_locked) {
    make();
    struct termios locked;
    memset(&locked, 0xee, sizeof locked);
    TRY(ioctl(slave, TIOCGLCKTRMIOS, &locked));
    say("%x %x %x %x", locked.c_iflag, locked.c_oflag, locked.c_cflag, locked.c_lflag);
}
