/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * truncate(2), ftruncate(2), fallocate(2), fsync(2) and what goes with the size of a file.
 */
#include "check.h"
#include <linux/falloc.h>

static long size(const char *path) {
    struct stat status;
    return stat(path, &status) ? -errno : (long)status.st_size;
}

CASE(truncate_shrinks_and_grows_with_zeros) {
    put("a", "0123456789");
    TRY(truncate("a", 4));
    TRY(truncate("a", 8));
    say_bytes("a", get("a"), 8);
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(lseek(fd, 6, SEEK_SET));
    TRY(ftruncate(fd, 2));
    TRY(lseek(fd, 0, SEEK_CUR));
    TRY(write(fd, "x", 1));
    say_bytes("a", get("a"), 7);
    TRY(ftruncate(fd, 5000));
    say("size %ld", size("a"));
}

CASE(truncate_errors) {
    put("a", "0123456789");
    int pipes[2];
    MUST(pipe(pipes));
    MUST(mkfifo("fifo", 0644));
    MUST(mkdir("dir", 0755));
    int in = (int)TRY(open("a", O_RDONLY));
    int out = (int)TRY(open("a", O_RDWR));
    TRY(truncate("a", -1));
    TRY(truncate("missing", -1));
    TRY(truncate("missing", 0));
    TRY(truncate("dir", 0));
    TRY(truncate("fifo", 0));
    TRY(truncate("/dev/null", 0));
    TRY(truncate("a/b", 0));
    TRY(truncate("", 0));
    TRY(truncate(BAD, 0));
    TRY(ftruncate(in, 0));
    TRY(ftruncate(out, -1));
    TRY(ftruncate(pipes[1], 0));
    TRY(ftruncate(77, 0));
    TRY(ftruncate(77, -1));
    TRY(ftruncate(open(".", O_RDONLY), 0));
    become_nobody();
    TRY(truncate("a", 0));
    TRY(ftruncate(out, 3));
    say("size %ld", size("a"));
}

CASE(RLIMIT_FSIZE_gives_SIGXFSZ_or_EFBIG) {
    char block[100] = "";
    put("a", "0123456789");
    struct rlimit limit = {50, 50};
    MUST(setrlimit(RLIMIT_FSIZE, &limit));
    IN_CHILD({
        int fd = (int)MUST(open("a", O_RDWR));
        MUST(pwrite(fd, block, 1, 60));
        say("not reached");
    });
    IN_CHILD(truncate("a", 60));
    handle(SIGXFSZ, SIG_IGN, 0);
    int fd = (int)MUST(open("a", O_RDWR));
    TRY(write(fd, block, 100));
    TRY(write(fd, block, 1));
    TRY(pwrite(fd, block, 1, 50));
    TRY(pwrite(fd, block, 2, 49));
    TRY(truncate("a", 60));
    TRY(ftruncate(fd, 51));
    TRY(ftruncate(fd, 50));
    TRY(fallocate(fd, 0, 0, 60));
    say("size %ld", size("a"));
}

CASE(fallocate_grows_keeps_and_punches) {
    char text[16];
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(fallocate(fd, 0, 0, 10));
    say("size %ld", size("a"));
    TRY(fallocate(fd, 0, 5, 2));
    say("size %ld", size("a"));
    TRY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100));
    say("size %ld", size("a"));
    TRY(pwrite(fd, "0123456789", 10, 0));
    TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
    TRY(pread(fd, text, 10, 0));
    say_bytes("a", text, 10);
    TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 2, 3));
    TRY(posix_fallocate(fd, 0, 20));
    say("size %ld", size("a"));
}

CASE(fallocate_errors) {
    put("a", "a");
    int pipes[2];
    MUST(pipe(pipes));
    int in = (int)TRY(open("a", O_RDONLY));
    int out = (int)TRY(open("a", O_RDWR));
    TRY(fallocate(in, 0, 0, 10));
    TRY(fallocate(out, 0, -1, 10));
    TRY(fallocate(out, 0, 0, 0));
    TRY(fallocate(out, 0, 0, -1));
    TRY(fallocate(out, 0, INT64_MAX, 10));
    TRY(fallocate(out, 0x4000, 0, 10));
    TRY(fallocate(pipes[1], 0, 0, 10));
    TRY(fallocate(pipes[0], 0, 0, 10));
    TRY(fallocate(77, 0, 0, 10));
    TRY(fallocate(77, 0, -1, 10));
    TRY(fallocate(open(".", O_RDONLY), 0, 0, 10));
}

CASE(fsync_and_its_kin) {
    int pipes[2];
    put("a", "a");
    MUST(pipe(pipes));
    int fd = (int)TRY(open("a", O_RDWR));
    int dir = (int)TRY(open(".", O_RDONLY));
    TRY(fsync(fd));
    TRY(fdatasync(fd));
    TRY(fsync(dir));
    TRY(fsync(pipes[0]));
    TRY(fdatasync(pipes[1]));
    TRY(fsync(77));
    TRY(fsync(open("a", O_PATH)));
    TRY(sync_file_range(fd, 0, 0, 0));
    TRY(sync_file_range(fd, -1, 0, 0));
    TRY(sync_file_range(fd, 0, 0, 99));
    TRY(sync_file_range(pipes[0], 0, 0, 0));
    TRY(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    TRY(posix_fadvise(fd, 0, 0, 99));
    TRY(posix_fadvise(pipes[0], 0, 0, POSIX_FADV_NORMAL));
    TRY(posix_fadvise(77, 0, 0, POSIX_FADV_NORMAL));
    TRY(readahead(fd, 0, 10));
    TRY(readahead(77, 0, 10));
    TRY(syncfs(fd));
    TRY(syncfs(77));
}

CASE(a_file_opened_twice_agrees_on_its_size) {
    char text[16] = "";
    put("a", "0123456789");
    int one = (int)TRY(open("a", O_RDWR));
    int two = (int)TRY(open("a", O_RDWR));
    TRY(ftruncate(one, 3));
    TRY(read(two, text, 16));
    TRY(pwrite(one, "xyz", 3, 3));
    TRY(read(two, text, 16));
    say("%s", text);
    TRY(lseek(two, 0, SEEK_END));
}
