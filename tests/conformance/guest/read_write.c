/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * read(2), write(2), pread(2), pwrite(2).
 */
#include "check.h"

CASE(read_on_a_closed_descriptor_gives_EBADF) {
    char byte;
    TRY(read(50, &byte, 1));
    TRY(read(-1, &byte, 1));
    TRY(write(50, &byte, 1));
    TRY(read(50, BAD, 1));
    TRY(read(50, &byte, 0));
    TRY(write(-1, BAD, 0));
    TRY(pread(50, &byte, 1, 0));
    TRY(pread(50, &byte, 1, -1));
    TRY(pwrite(50, &byte, 1, -1));
    TRY(close(50));
    TRY(close(-1));
}

CASE(the_wrong_access_mode_gives_EBADF) {
    char byte = 'x';
    put("a", "content");
    int in = (int)TRY(open("a", O_RDONLY));
    int out = (int)TRY(open("a", O_WRONLY));
    TRY(write(in, &byte, 1));
    TRY(read(out, &byte, 1));
    TRY(write(in, BAD, 1));
    TRY(read(out, BAD, 1));
    TRY(write(in, &byte, 0));
    TRY(read(out, &byte, 0));
    TRY(pwrite(in, &byte, 1, 0));
    TRY(pread(out, &byte, 1, 0));
}

CASE(reads_advance_and_end_with_zero) {
    char text[16] = "";
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(read(fd, text, 4));
    say_bytes("text", text, 4);
    TRY(read(fd, text, 16));
    say_bytes("text", text, 6);
    TRY(read(fd, text, 16));
    TRY(read(fd, text, 0));
    TRY(pread(fd, text, 4, 8));
    TRY(pread(fd, text, 4, 10));
    TRY(pread(fd, text, 4, 100));
    TRY(pread(fd, text, 4, -1));
    TRY(pread(fd, text, 3, 2));
    say_bytes("text", text, 3);
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(fd, 100, SEEK_SET));
    TRY(read(fd, text, 4));
}

CASE(writes_extend_and_leave_holes_of_zeros) {
    char text[32];
    struct stat status;
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(write(fd, "abc", 3));
    TRY(pwrite(fd, "xyz", 3, 10));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(write(fd, "d", 1));
    TRY(lseek(fd, 20, SEEK_SET));
    TRY(write(fd, "", 0));
    TRY(fstat(fd, &status));
    say("size %ld", (long)status.st_size);
    TRY(write(fd, "!", 1));
    TRY(pread(fd, text, sizeof text, 0));
    say_bytes("text", text, 21);
    TRY(pwrite(fd, "x", 1, -1));
    TRY(pwrite(fd, "x", 0, 1000));
    TRY(fstat(fd, &status));
    say("size %ld", (long)status.st_size);
}

CASE(offsets_at_the_end_of_the_world) {
    char byte = 'x';
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(pwrite(fd, &byte, 1, INT64_MAX));
    TRY(pread(fd, &byte, 1, INT64_MAX));
    TRY(pread(fd, &byte, 1, INT64_MAX - 1));
    TRY(pwrite(fd, &byte, 0, INT64_MAX));
    TRY(pread(fd, &byte, 2, INT64_MAX - 1));
}

CASE(descriptors_of_one_open_share_the_offset) {
    char text[8];
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    int copy = (int)TRY(dup(fd));
    int other = (int)TRY(open("a", O_RDWR));
    TRY(read(fd, text, 3));
    TRY(read(copy, text, 3));
    say_bytes("text", text, 3);
    TRY(read(other, text, 3));
    say_bytes("text", text, 3);
    IN_CHILD({
        TRY(read(fd, text, 2));
        say_bytes("text", text, 2);
    });
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(lseek(other, 0, SEEK_CUR));
}

CASE(bad_buffers_give_EFAULT_or_a_short_count) {
    char *end = edge(5);
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(read(fd, BAD, 4));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(read(fd, read_only_page(), 4));
    TRY(read(fd, NULL, 1));
    TRY(read(fd, (void *)-1, 1));
    TRY(pread(fd, BAD, 4, 0));
    TRY(read(fd, BAD, 0));
    TRY(lseek(fd, 10, SEEK_SET));
    TRY(read(fd, BAD, 4));
    TRY(write(fd, BAD, 4));
    TRY(write(fd, BAD, 0));
    TRY(write(fd, (void *)-4096, 4));
    TRY(lseek(fd, 0, SEEK_SET));
    long count = TRY(read(fd, end, 10));
    say_bytes("end", end, count > 0 ? count : 0);
    show("a");
}

CASE(huge_counts) {
    static char text[16]; /* not on the stack: the end of the address space is too near for what follows */
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(read(fd, text, (size_t)-1));
    TRY(write(fd, text, (size_t)-1));
    TRY(read(fd, text, (size_t)1 << 63));
    TRY(pread(fd, text, (size_t)-1, 0));
    int null = (int)TRY(open("/dev/null", O_RDWR));
    TRY(write(null, text, 0x7fffffff));
    TRY(write(null, text, 0x7ffff000));
    TRY(write(null, text, 0x100000000));
}

CASE(a_buffer_that_wraps_round_the_address_space) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(read(fd, (void *)-100, 200));
    TRY(write(fd, (void *)0x7ffffffff000, 4096));
    TRY(read(fd, (void *)0x7ffffffff000, 4096));
    TRY(read(fd, (void *)0xffff800000000000, 1));
    TRY(read(fd, (void *)0x8000000000000000, 1));
}

CASE(large_files_come_back_as_written) {
    enum { size = 3 << 20 };
    unsigned char *data = malloc(size), *back = malloc(size);
    for (int i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 7 + (i >> 12));
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    long total = 0;
    while (total < size)
        total += MUST(write(fd, data + total, (size_t)(size - total)));
    TRY(lseek(fd, 0, SEEK_SET));
    total = 0;
    for (long count; (count = MUST(read(fd, back + total, 100003 < size - total ? 100003 : (size_t)(size - total)))) > 0;)
        total += count;
    say("read %ld", total);
    IS(memcmp(data, back, size) == 0);
    TRY(pread(fd, back, 8192, 12345));
    IS(memcmp(data + 12345, back, 8192) == 0);
}

CASE(writing_clears_the_set_user_bit) {
    struct stat status;
    chmod(".", 0777);
    put("a", "a");
    MUST(chown("a", 1234, 1235));
    MUST(chmod("a", 06777));
    int fd = (int)TRY(open("a", O_WRONLY));
    TRY(write(fd, "b", 1));
    TRY(fstat(fd, &status));
    say("root: %s", mode_text(status.st_mode));
    MUST(chmod("a", 06777));
    become_nobody();
    fd = (int)TRY(open("a", O_WRONLY));
    TRY(write(fd, "", 0));
    TRY(fstat(fd, &status));
    say("nothing: %s", mode_text(status.st_mode));
    TRY(write(fd, "b", 1));
    TRY(fstat(fd, &status));
    say("owner: %s", mode_text(status.st_mode));
    TRY(chmod("a", 02666));
    TRY(write(fd, "b", 1));
    TRY(fstat(fd, &status));
    say("without group x: %s", mode_text(status.st_mode));
    TRY(chmod("a", 04755));
    TRY(ftruncate(fd, 0));
    TRY(fstat(fd, &status));
    say("truncated: %s", mode_text(status.st_mode));
}

CASE(times_change_by_reading_and_writing) {
    struct timespec old[2] = {{1000, 0}, {1000, 0}};
    struct stat status;
    put("a", "abc");
    int fd = (int)TRY(open("a", O_RDWR));
    MUST(futimens(fd, old));
    TRY(write(fd, "", 0));
    TRY(fstat(fd, &status));
    IS(status.st_mtime == 1000);
    TRY(write(fd, "x", 1));
    TRY(fstat(fd, &status));
    IS(status.st_mtime > 1000);
    IS(status.st_atime == 1000);
    IS(status.st_ctim.tv_sec == status.st_mtim.tv_sec || status.st_ctime >= status.st_mtime);
}
