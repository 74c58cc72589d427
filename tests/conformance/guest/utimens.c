/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * utimensat(2), futimens(3), utime(2), utimes(2).
 */
#include "check.h"
#include <utime.h>

static void tell(const char *path) {
    struct stat status;
    MUST(lstat(path, &status));
    say("%s: atime %ld.%09ld mtime %ld.%09ld", path, (long)status.st_atim.tv_sec, status.st_atim.tv_nsec,
        (long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

CASE(times_are_kept_to_the_nanosecond) {
    put("a", "a");
    struct timespec times[2] = {{1234567890, 123456789}, {987654321, 999999999}};
    TRY(utimensat(AT_FDCWD, "a", times, 0));
    tell("a");
    struct timespec early[2] = {{0, 0}, {1, 1}};
    TRY(utimensat(AT_FDCWD, "a", early, 0));
    tell("a");
    struct timespec late[2] = {{4000000000, 5}, {5000000000, 6}};
    TRY(utimensat(AT_FDCWD, "a", late, 0));
    tell("a");
}

CASE(UTIME_NOW_and_UTIME_OMIT) {
    struct stat status;
    struct timespec base[2] = {{1000, 1}, {2000, 2}};
    put("a", "a");
    TRY(utimensat(AT_FDCWD, "a", base, 0));
    struct timespec omit[2] = {{5, UTIME_OMIT}, {6, UTIME_OMIT}};
    TRY(utimensat(AT_FDCWD, "a", omit, 0));
    tell("a");
    struct timespec half[2] = {{5, UTIME_OMIT}, {6, 7}};
    TRY(utimensat(AT_FDCWD, "a", half, 0));
    tell("a");
    struct timespec now[2] = {{5, 8}, {6, UTIME_NOW}};
    TRY(utimensat(AT_FDCWD, "a", now, 0));
    MUST(stat("a", &status));
    say("atime %ld", (long)status.st_atime);
    IS(status.st_mtime > 1600000000);
    TRY(utimensat(AT_FDCWD, "a", NULL, 0));
    MUST(stat("a", &status));
    IS(status.st_atime > 1600000000 && status.st_mtime > 1600000000);
    struct timespec wrong[2] = {{5, 1000000000}, {6, 0}};
    TRY(utimensat(AT_FDCWD, "a", wrong, 0));
    struct timespec negative[2] = {{5, -1}, {6, 0}};
    TRY(utimensat(AT_FDCWD, "a", negative, 0));
}

CASE(links_descriptors_and_errors) {
    struct timespec times[2] = {{1000, 1}, {2000, 2}}, other[2] = {{3000, 3}, {4000, 4}};
    struct timespec omit[2] = {{5, UTIME_OMIT}, {6, UTIME_OMIT}};
    put("a", "a");
    MUST(symlink("a", "link"));
    TRY(utimensat(AT_FDCWD, "link", times, 0));
    tell("a");
    TRY(utimensat(AT_FDCWD, "link", other, AT_SYMLINK_NOFOLLOW));
    tell("a");
    tell("link");
    int fd = (int)MUST(open("a", O_RDONLY));
    TRY(futimens(fd, other));
    tell("a");
    TRY(syscall(SYS_utimensat, fd, NULL, times, 0));
    tell("a");
    TRY(syscall(SYS_utimensat, fd, NULL, times, AT_SYMLINK_NOFOLLOW));
    TRY(syscall(SYS_utimensat, AT_FDCWD, NULL, times, 0));
    TRY(syscall(SYS_utimensat, 77, NULL, times, 0));
    TRY(utimensat(fd, "", times, AT_EMPTY_PATH));
    TRY(utimensat(AT_FDCWD, "missing", times, 0));
    TRY(utimensat(AT_FDCWD, "missing", omit, 0));
    TRY(utimensat(AT_FDCWD, "", times, 0));
    TRY(utimensat(AT_FDCWD, "a", times, 1));
    TRY(utimensat(AT_FDCWD, "a", BAD, 0));
    TRY(utimensat(AT_FDCWD, BAD, times, 0));
}

CASE(who_may_set_times) {
    struct timespec times[2] = {{1000, 1}, {2000, 2}};
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    put("mine", "m");
    MUST(chown("mine", 1234, 0));
    MUST(chmod("mine", 0));
    put("writable", "w");
    MUST(chmod("writable", 0666));
    put("theirs", "t");
    become_nobody();
    TRY(utimensat(AT_FDCWD, "mine", times, 0));
    TRY(utimensat(AT_FDCWD, "mine", NULL, 0));
    TRY(utimensat(AT_FDCWD, "writable", times, 0));
    TRY(utimensat(AT_FDCWD, "writable", NULL, 0));
    TRY(utimensat(AT_FDCWD, "writable", now, 0));
    TRY(utimensat(AT_FDCWD, "writable", half, 0));
    TRY(utimensat(AT_FDCWD, "theirs", times, 0));
    TRY(utimensat(AT_FDCWD, "theirs", NULL, 0));
    TRY(utimensat(AT_FDCWD, "theirs", omit, 0));
}

CASE(the_older_calls) {
    put("a", "a");
    struct utimbuf seconds = {100, 200};
    TRY(syscall(SYS_utime, "a", &seconds));
    tell("a");
    struct timeval times[2] = {{300, 400}, {500, 600}};
    TRY(syscall(SYS_utimes, "a", times));
    tell("a");
    times[0].tv_usec = 1000000;
    TRY(syscall(SYS_utimes, "a", times));
    TRY(syscall(SYS_futimesat, AT_FDCWD, "a", BAD));
    TRY(syscall(SYS_utime, "a", NULL));
    TRY(syscall(SYS_utime, "missing", NULL));
}

CASE(directory_times_change_with_their_entries) {
    struct timespec old[2] = {{1000, 0}, {1000, 0}};
    struct stat status;
    MUST(mkdir("dir", 0755));
    put("a", "a");
#define CHANGES(...)                                                                                                 \
    do {                                                                                                             \
        MUST(utimensat(AT_FDCWD, "dir", old, 0));                                                                    \
        MUST(__VA_ARGS__);                                                                                           \
        MUST(stat("dir", &status));                                                                                  \
        say("%s: %s", #__VA_ARGS__, status.st_mtime == 1000 ? "same" : "new");                                       \
    } while (0)
    CHANGES(open("dir/a", O_CREAT | O_RDWR, 0644));
    CHANGES(open("dir/a", O_CREAT | O_RDWR, 0644));
    CHANGES(link("a", "dir/b"));
    CHANGES(symlink("a", "dir/c"));
    CHANGES(mkdir("dir/d", 0755));
    CHANGES(chmod("dir/a", 0600));
    CHANGES(rename("dir/a", "dir/e"));
    CHANGES(rename("dir/e", "moved"));
    CHANGES(unlink("dir/b"));
    CHANGES(rmdir("dir/d"));
    CHANGES(mkfifo("dir/f", 0600));
    CHANGES(access("dir/f", F_OK));
}
