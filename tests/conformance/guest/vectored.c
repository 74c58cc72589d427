/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * readv(2), writev(2), preadv(2), pwritev(2), preadv2(2), pwritev2(2).
 */
#include "check.h"
#include <linux/fs.h>

static struct iovec part(void *base, size_t length) { return (struct iovec){base, length}; }

CASE(parts_are_filled_in_order) {
    char one[4] = "", two[8] = "", three[4] = "";
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    struct iovec parts[] = {part(one, 2), part(NULL, 0), part(two, 5), part(three, 4)};
    TRY(readv(fd, parts, 4));
    say_bytes("one", one, 2);
    say_bytes("two", two, 5);
    say_bytes("three", three, 3);
    TRY(readv(fd, parts, 4));
    TRY(preadv(fd, parts, 3, 5));
    say_bytes("two", two, 3);
    TRY(lseek(fd, 0, SEEK_SET));
    struct iovec words[] = {part("ab", 2), part("", 0), part("cdefg", 5)};
    TRY(writev(fd, words, 3));
    TRY(pwritev(fd, words, 1, 9));
    TRY(lseek(fd, 0, SEEK_CUR));
    show("a");
}

CASE(counts_and_their_limits) {
    static struct iovec parts[1025];
    char byte = 'x';
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    for (int i = 0; i < 1025; i++)
        parts[i] = part(&byte, 1);
    TRY(readv(fd, parts, 0));
    TRY(writev(fd, parts, 0));
    TRY(readv(fd, BAD, 0));
    TRY(syscall(SYS_readv, fd, parts, -1));
    TRY(syscall(SYS_readv, fd, parts, 1025));
    TRY(syscall(SYS_readv, fd, parts, 1024));
    TRY(syscall(SYS_writev, fd, parts, 1024));
    TRY(syscall(SYS_writev, fd, parts, 1025));
    TRY(syscall(SYS_writev, fd, parts, 1ul << 40));
}

CASE(lengths_that_overflow_give_EINVAL) {
    static char byte = 'x'; /* not on the stack: the end of the address space is too near for what follows */
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    struct iovec negative[] = {part(&byte, 1), part(&byte, (size_t)-1)};
    TRY(readv(fd, negative, 2));
    TRY(writev(fd, negative, 2));
    struct iovec sum[] = {part(&byte, INT64_MAX), part(&byte, INT64_MAX)};
    TRY(readv(fd, sum, 2));
    int null = (int)TRY(open("/dev/null", O_RDWR));
    struct iovec large[] = {part(&byte, 0x7ffff000), part(&byte, 0x7ffff000)};
    TRY(writev(null, large, 2));
}

CASE(bad_parts) {
    char text[8] = "";
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(readv(fd, BAD, 1));
    TRY(writev(fd, BAD, 1));
    struct iovec first[] = {part(BAD, 2), part(text, 2)};
    TRY(readv(fd, first, 2));
    TRY(writev(fd, first, 2));
    struct iovec second[] = {part(text, 2), part(BAD, 2)};
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(readv(fd, second, 2));
    say_bytes("text", text, 2);
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(readv(9, BAD, 1));
    TRY(readv(9, second, 2000));
    struct iovec *vector = edge(sizeof(struct iovec));
    vector[0] = part(text, 1);
    TRY(readv(fd, vector, 1));
    TRY(readv(fd, vector, 2));
}

CASE(descriptors_that_do_not_fit) {
    char byte;
    int pipes[2];
    struct iovec one = part(&byte, 1);
    put("a", "a");
    MUST(pipe(pipes));
    int in = (int)TRY(open("a", O_RDONLY));
    int out = (int)TRY(open("a", O_WRONLY));
    int dir = (int)TRY(open(".", O_RDONLY));
    TRY(readv(out, &one, 1));
    TRY(writev(in, &one, 1));
    TRY(readv(dir, &one, 1));
    TRY(preadv(pipes[0], &one, 1, 0));
    TRY(pwritev(pipes[1], &one, 1, 0));
    TRY(pread(pipes[0], &byte, 1, 0));
    TRY(pwrite(pipes[1], &byte, 1, 0));
    TRY(preadv(in, &one, 1, -1));
    TRY(preadv(in, &one, 1, -2));
}

CASE(preadv2_and_its_flags) {
    char text[8] = "";
    put("a", "0123456789");
    struct iovec one = part(text, 4);
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(preadv2(fd, &one, 1, 2, 0));
    say_bytes("text", text, 4);
    TRY(preadv2(fd, &one, 1, -1, 0));
    say_bytes("text", text, 4);
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(preadv2(fd, &one, 1, -2, 0));
    TRY(preadv2(fd, &one, 1, 0, 0x40000000));
    TRY(pwritev2(fd, &one, 1, 0, RWF_DSYNC));
    TRY(pwritev2(fd, &one, 1, 0, RWF_APPEND));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(pwritev2(fd, &one, 1, -1, RWF_APPEND));
    TRY(lseek(fd, 0, SEEK_CUR));
    show("a");
    int pipes[2];
    MUST(pipe(pipes));
    TRY(preadv2(pipes[0], &one, 1, -1, RWF_NOWAIT));
    TRY(pwritev2(pipes[1], &one, 1, -1, 0));
    TRY(preadv2(pipes[0], &one, 1, -1, 0));
    TRY(preadv2(pipes[0], &one, 1, 0, 0));
}

CASE(writev_to_a_pipe_is_one_message) {
    int pipes[2];
    char text[16];
    MUST(pipe(pipes));
    struct iovec words[] = {part("one", 3), part("two", 3), part("three", 5)};
    TRY(writev(pipes[1], words, 3));
    long count = TRY(read(pipes[0], text, sizeof text));
    say_bytes("text", text, count);
}
