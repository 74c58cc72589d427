/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * lseek(2), with SEEK_DATA and SEEK_HOLE.
 */
#include "check.h"

CASE(offsets_and_whences) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(lseek(fd, 3, SEEK_SET));
    TRY(lseek(fd, 2, SEEK_CUR));
    TRY(lseek(fd, -5, SEEK_CUR));
    TRY(lseek(fd, -1, SEEK_CUR));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(fd, -1, SEEK_SET));
    TRY(lseek(fd, 0, SEEK_END));
    TRY(lseek(fd, 100, SEEK_END));
    TRY(lseek(fd, -10, SEEK_END));
    TRY(lseek(fd, -11, SEEK_END));
    TRY(lseek(fd, 0, 5));
    TRY(lseek(fd, 0, -1));
    TRY(lseek(fd, 1, SEEK_SET));
    TRY(lseek(fd, INT64_MAX, SEEK_CUR));
    TRY(lseek(fd, INT64_MIN, SEEK_SET));
    TRY(lseek(77, 0, SEEK_SET));
    TRY(lseek(77, 0, 99));
}

CASE(things_without_an_offset_give_ESPIPE) {
    int pipes[2];
    MUST(pipe(pipes));
    TRY(lseek(pipes[0], 0, SEEK_SET));
    TRY(lseek(pipes[1], 0, SEEK_CUR));
    TRY(lseek(pipes[0], 0, 99));
    MUST(mkfifo("fifo", 0644));
    TRY(lseek(open("fifo", O_RDONLY | O_NONBLOCK), 0, SEEK_SET));
}

CASE(devices) {
    int null = (int)TRY(open("/dev/null", O_RDWR));
    TRY(lseek(null, 5, SEEK_SET));
    TRY(lseek(null, 0, SEEK_CUR));
    TRY(lseek(null, 0, SEEK_END));
    int zero = (int)TRY(open("/dev/zero", O_RDWR));
    TRY(lseek(zero, 5, SEEK_SET));
}

CASE(data_and_holes) {
    struct stat status;
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(lseek(fd, 0, SEEK_DATA));
    TRY(lseek(fd, 0, SEEK_HOLE));
    put("b", "0123456789");
    int full = (int)TRY(open("b", O_RDWR));
    TRY(lseek(full, 0, SEEK_DATA));
    TRY(lseek(full, 3, SEEK_DATA));
    TRY(lseek(full, 3, SEEK_HOLE));
    TRY(lseek(full, 9, SEEK_HOLE));
    TRY(lseek(full, 10, SEEK_DATA));
    TRY(lseek(full, 10, SEEK_HOLE));
    TRY(lseek(full, -1, SEEK_DATA));
    TRY(lseek(full, -1, SEEK_HOLE));
    TRY(lseek(full, 0, SEEK_CUR));
    MUST(ftruncate(fd, 1 << 20));
    TRY(lseek(fd, 0, SEEK_DATA));
    TRY(lseek(fd, 0, SEEK_HOLE));
    char block[65536];
    memset(block, 'x', sizeof block);
    MUST(pwrite(fd, block, sizeof block, 262144));
    TRY(lseek(fd, 0, SEEK_DATA));
    TRY(lseek(fd, 262144, SEEK_DATA));
    TRY(lseek(fd, 300000, SEEK_DATA));
    TRY(lseek(fd, 262144, SEEK_HOLE));
    TRY(lseek(fd, 0, SEEK_HOLE));
    TRY(lseek(fd, 1 << 19, SEEK_DATA));
    TRY(lseek(fd, 1 << 19, SEEK_HOLE));
    TRY(fstat(fd, &status));
    IS(status.st_blocks * 512 < 1 << 20);
    IS(status.st_blocks * 512 >= 65536);
}

CASE(directories) {
    MUST(mkdir("dir", 0755));
    int fd = (int)TRY(open("dir", O_RDONLY));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(fd, -1, SEEK_SET));
}
