/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * stat(2) and its family, statx(2).
 */
#include "check.h"
#include <linux/stat.h>
#include <sys/sysmacros.h>

static void tell(const char *label, const struct stat *status) {
    say("%s: %s links %ld size %ld owner %d:%d", label, mode_text(status->st_mode), (long)status->st_nlink,
        S_ISDIR(status->st_mode) ? -1 : (long)status->st_size, status->st_uid, status->st_gid);
}

CASE(kinds_of_files) {
    struct stat status;
    put("file", "12345");
    MUST(mkdir("dir", 0750));
    MUST(mkdir("dir/sub", 0750));
    MUST(symlink("file", "link"));
    MUST(mkfifo("fifo", 0600));
    MUST(link("file", "second"));
    TRY(stat("file", &status));
    tell("file", &status);
    TRY(stat("dir", &status));
    tell("dir", &status);
    TRY(stat("link", &status));
    tell("link", &status);
    TRY(lstat("link", &status));
    tell("link itself", &status);
    TRY(stat("fifo", &status));
    tell("fifo", &status);
    TRY(stat("/dev/null", &status));
    tell("null", &status);
    say("device %u:%u", major(status.st_rdev), minor(status.st_rdev));
    TRY(stat("/dev/zero", &status));
    say("device %u:%u", major(status.st_rdev), minor(status.st_rdev));
}

CASE(names_of_one_file_have_one_inode_number) {
    struct stat one, two, open_one;
    put("a", "a");
    put("c", "c");
    MUST(link("a", "b"));
    MUST(symlink("a", "l"));
    int fd = (int)MUST(open("a", O_RDONLY));
    MUST(stat("a", &one));
    MUST(stat("b", &two));
    MUST(fstat(fd, &open_one));
    IS(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    IS(one.st_ino == open_one.st_ino && one.st_dev == open_one.st_dev);
    MUST(stat("l", &two));
    IS(one.st_ino == two.st_ino);
    MUST(lstat("l", &two));
    IS(one.st_ino == two.st_ino);
    MUST(stat("c", &two));
    IS(one.st_ino == two.st_ino);
    MUST(rename("a", "d"));
    MUST(stat("d", &two));
    IS(one.st_ino == two.st_ino);
    MUST(stat(".", &one));
    MUST(mkdir("dir", 0755));
    MUST(stat("dir/..", &two));
    IS(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
    MUST(stat("/", &one));
    MUST(stat("/..", &two));
    IS(one.st_ino == two.st_ino && one.st_dev == two.st_dev);
}

CASE(errors) {
    struct stat status;
    put("a", "a");
    TRY(stat("missing", &status));
    TRY(stat("", &status));
    TRY(lstat("", &status));
    TRY(stat("a/", &status));
    TRY(stat(BAD, &status));
    TRY(stat("a", BAD));
    TRY(stat("missing", BAD));
    TRY(lstat("a", BAD));
    TRY(fstat(0, BAD));
    TRY(fstat(66, &status));
    TRY(fstat(66, BAD));
    TRY(fstat(-1, &status));
}

CASE(fstatat_and_its_flags) {
    struct stat status;
    put("a", "12345");
    MUST(symlink("a", "link"));
    int fd = (int)TRY(open("a", O_RDONLY));
    TRY(fstatat(AT_FDCWD, "link", &status, 0));
    tell("followed", &status);
    TRY(fstatat(AT_FDCWD, "link", &status, AT_SYMLINK_NOFOLLOW));
    tell("not followed", &status);
    TRY(fstatat(fd, "", &status, AT_EMPTY_PATH));
    tell("empty", &status);
    TRY(fstatat(fd, "", &status, 0));
    TRY(fstatat(fd, "a", &status, 0));
    TRY(fstatat(fd, "a", &status, AT_EMPTY_PATH));
    TRY(fstatat(AT_FDCWD, "", &status, AT_EMPTY_PATH));
    tell("here", &status);
    TRY(fstatat(77, "", &status, AT_EMPTY_PATH));
    TRY(fstatat(77, "a", &status, 0));
    TRY(syscall(SYS_newfstatat, AT_FDCWD, "a", &status, 0x2));
    TRY(syscall(SYS_newfstatat, AT_FDCWD, "a", &status, AT_SYMLINK_FOLLOW));
    TRY(syscall(SYS_newfstatat, AT_FDCWD, "a", &status, AT_NO_AUTOMOUNT));
    TRY(syscall(SYS_newfstatat, AT_FDCWD, "missing", &status, 0x10000000));
    TRY(syscall(SYS_newfstatat, fd, NULL, &status, AT_EMPTY_PATH));
    TRY(syscall(SYS_newfstatat, fd, NULL, &status, 0));
}

CASE(statx_tells_what_stat_tells) {
    struct statx large;
    struct stat status;
    put("a", "12345");
    MUST(symlink("a", "link"));
    memset(&large, 0xff, sizeof large);
    TRY(statx(AT_FDCWD, "a", 0, STATX_BASIC_STATS, &large));
    MUST(stat("a", &status));
    IS((large.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    IS(large.stx_ino == status.st_ino && large.stx_mode == status.st_mode && large.stx_nlink == status.st_nlink);
    IS(large.stx_size == 5 && large.stx_uid == status.st_uid && large.stx_blocks == (uint64_t)status.st_blocks);
    IS(large.stx_mtime.tv_sec == status.st_mtim.tv_sec && large.stx_mtime.tv_nsec == status.st_mtim.tv_nsec);
    IS(makedev(large.stx_dev_major, large.stx_dev_minor) == status.st_dev);
    IS(large.stx_blksize == (uint32_t)status.st_blksize);
    TRY(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &large));
    say("%s", mode_text(large.stx_mode & S_IFMT));
    TRY(statx(AT_FDCWD, "a", AT_STATX_DONT_SYNC, STATX_SIZE, &large));
    TRY(statx(AT_FDCWD, "a", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_SIZE, &large));
    TRY(syscall(SYS_statx, AT_FDCWD, "a", 0x10000000, STATX_SIZE, &large));
    TRY(syscall(SYS_statx, AT_FDCWD, "a", 0, 0x80000000, &large));
    TRY(syscall(SYS_statx, AT_FDCWD, "a", 0, STATX_SIZE, BAD));
    TRY(syscall(SYS_statx, AT_FDCWD, BAD, 0, STATX_SIZE, &large));
    TRY(syscall(SYS_statx, 1, "", AT_EMPTY_PATH, STATX_TYPE, &large));
    TRY(syscall(SYS_statx, 77, "", AT_EMPTY_PATH, STATX_TYPE, &large));
    TRY(syscall(SYS_statx, AT_FDCWD, "", 0, STATX_TYPE, &large));
    TRY(syscall(SYS_statx, AT_FDCWD, "missing", 0, STATX_TYPE, &large));
}

CASE(pipes_have_a_stat_too) {
    int pipes[2];
    struct stat one, two;
    MUST(pipe(pipes));
    TRY(fstat(pipes[0], &one));
    TRY(fstat(pipes[1], &two));
    tell("pipe", &one);
    IS(one.st_ino == two.st_ino);
    IS(one.st_blksize == 4096);
}

CASE(sizes_of_links_are_the_lengths_of_their_targets) {
    struct stat status;
    MUST(symlink("0123456789", "ten"));
    TRY(lstat("ten", &status));
    tell("ten", &status);
    TRY(chmod("ten", 0600));
    TRY(stat("ten", &status));
}
