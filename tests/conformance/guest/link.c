/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * link(2), symlink(2), readlink(2), unlink(2).
 */
#include "check.h"

static void tell(const char *path) {
    struct stat status;
    if (lstat(path, &status))
        say("%s <%s>", path, errno_name(errno));
    else
        say("%s: %s links %ld", path, mode_text(status.st_mode), (long)status.st_nlink);
}

CASE(a_second_name_is_the_same_file) {
    put("a", "one");
    TRY(link("a", "b"));
    tell("a");
    put("b", "two");
    show("a");
    TRY(unlink("a"));
    tell("b");
    show("b");
    TRY(unlink("b"));
    tell("b");
    TRY(unlink("b"));
}

CASE(link_errors) {
    put("a", "a");
    MUST(mkdir("dir", 0755));
    MUST(symlink("a", "link"));
    MUST(symlink("missing", "dangling"));
    TRY(link("a", "a"));
    TRY(link("a", "link"));
    TRY(link("a", "dangling"));
    TRY(link("missing", "b"));
    TRY(link("dir", "b"));
    TRY(link("dir", "a"));
    TRY(link("a", "dir"));
    TRY(link("a", "missing/b"));
    TRY(link("a", "a/b"));
    TRY(link("", "b"));
    TRY(link("a", ""));
    TRY(link("a", "b/"));
    TRY(link(BAD, "b"));
    TRY(link("a", BAD));
    TRY(link("/proc/self/status", "b"));
    list(".");
}

CASE(linkat_and_links) {
    put("a", "a");
    MUST(symlink("a", "link"));
    TRY(link("link", "hard"));
    tell("hard");
    tell("link");
    TRY(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    tell("followed");
    tell("a");
    TRY(linkat(AT_FDCWD, "a", AT_FDCWD, "b", 1));
    int fd = (int)MUST(open("a", O_RDONLY));
    TRY(linkat(fd, "", AT_FDCWD, "empty", 0));
    TRY(linkat(fd, "", AT_FDCWD, "empty", AT_EMPTY_PATH));
    TRY(linkat(77, "a", AT_FDCWD, "b", 0));
    list(".");
}

CASE(symlink_and_readlink) {
    char text[16];
    memset(text, '#', sizeof text);
    TRY(symlink("anything at all", "link"));
    TRY(symlink("x", "link"));
    TRY(symlink("x", "missing/link"));
    TRY(symlink("x", ""));
    TRY(symlink("", "empty"));
    TRY(symlink(BAD, "bad"));
    TRY(symlink("x", BAD));
    TRY(readlink("link", text, 8));
    say_bytes("text", text, 10);
    TRY(readlink("link", text, sizeof text));
    say_bytes("text", text, 16);
    TRY(readlink("link", text, 0));
    TRY(syscall(SYS_readlink, "link", text, -1));
    TRY(readlink("link", BAD, 4));
    TRY(readlink(BAD, text, 4));
    TRY(readlink("missing", text, 4));
    put("a", "a");
    TRY(readlink("a", text, 4));
    TRY(readlink(".", text, 4));
    TRY(readlink("a/x", text, 4));
    TRY(readlink("", text, 4));
    int fd = (int)MUST(open("a", O_RDONLY));
    TRY(readlinkat(fd, "", text, 4));
    TRY(readlinkat(fd, "a", text, 4));
}

CASE(unlink_errors) {
    put("a", "a");
    MUST(mkdir("dir", 0755));
    MUST(symlink("dir", "link"));
    TRY(unlink("missing"));
    TRY(unlink("dir"));
    TRY(unlink("dir/"));
    TRY(unlink("dir/."));
    TRY(unlink("dir/.."));
    TRY(unlink("."));
    TRY(unlink(".."));
    TRY(unlink("/"));
    TRY(unlink(""));
    TRY(unlink("a/"));
    TRY(unlink("a/b"));
    TRY(unlink(BAD));
    TRY(unlink("link"));
    list(".");
}

CASE(permission_to_link_and_unlink) {
    MUST(mkdir("closed", 0755));
    put("closed/a", "a");
    MUST(mkdir("open", 0777));
    MUST(chmod("open", 0777));
    put("open/theirs", "t");
    MUST(chmod("open/theirs", 0666));
    become_nobody();
    TRY(unlink("closed/a"));
    TRY(unlink("closed/missing"));
    TRY(symlink("x", "closed/link"));
    TRY(symlink("x", "closed/a"));
    TRY(link("open/theirs", "closed/b"));
    TRY(unlink("open/theirs"));
    TRY(symlink("x", "open/link"));
}

CASE(an_unlinked_file_lives_while_it_is_open) {
    char text[16] = "";
    struct stat status;
    put("a", "content");
    int fd = (int)TRY(open("a", O_RDWR));
    TRY(unlink("a"));
    TRY(open("a", O_RDONLY));
    TRY(fstat(fd, &status));
    say("links %ld size %ld", (long)status.st_nlink, (long)status.st_size);
    TRY(write(fd, "CON", 3));
    TRY(pread(fd, text, 16, 0));
    say("%s", text);
    put("a", "another");
    TRY(pread(fd, text, 16, 0));
    say("%s", text);
    TRY(ftruncate(fd, 2));
    show("a");
    char path[64], target[256] = "";
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    IS(length > 10 && !strcmp(target + length - 10, " (deleted)"));
    int again = (int)TRY(open(path, O_RDWR));
    TRY(read(again, text, 16));
    TRY(linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
    TRY(fchmod(fd, 0600));
    TRY(close(fd));
}
