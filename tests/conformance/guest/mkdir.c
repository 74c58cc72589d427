/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * mkdir(2), rmdir(2), mknod(2).
 */
#include "check.h"
#include <sys/sysmacros.h>

static void tell(const char *path) {
    struct stat status;
    if (lstat(path, &status))
        say("%s <%s>", path, errno_name(errno));
    else
        say("%s: %s", path, mode_text(status.st_mode));
}

CASE(modes_of_new_directories) {
    TRY(mkdir("a", 0777));
    tell("a");
    TRY(mkdir("b", 01777));
    tell("b");
    TRY(mkdir("c", 06777));
    tell("c");
    TRY(mkdir("d/", 0));
    tell("d");
    TRY(mkdir("a/.", 0755));
    TRY(mkdir("e/.", 0755));
}

CASE(mkdir_errors) {
    put("file", "f");
    TRY(mkdir("file", 0755));
    TRY(mkdir("missing/dir", 0755));
    TRY(mkdir("file/dir", 0755));
    TRY(mkdir(".", 0755));
    TRY(mkdir("..", 0755));
    TRY(mkdir("/", 0755));
    TRY(mkdir("", 0755));
    TRY(mkdir(BAD, 0755));
}

CASE(rmdir_errors) {
    struct stat status;
    MUST(mkdir("dir", 0755));
    MUST(mkdir("full", 0755));
    put("full/a", "a");
    put("file", "f");
    MUST(symlink("dir", "link"));
    TRY(rmdir("full"));
    TRY(rmdir("file"));
    TRY(rmdir("missing"));
    TRY(rmdir("link"));
    TRY(rmdir("dir/."));
    TRY(rmdir("dir/.."));
    TRY(rmdir("full/a/.."));
    TRY(rmdir("."));
    TRY(rmdir(".."));
    TRY(rmdir("/"));
    TRY(rmdir(""));
    TRY(rmdir(BAD));
    int fd = (int)MUST(open("dir", O_RDONLY));
    TRY(rmdir("dir"));
    TRY(rmdir("dir"));
    TRY(fstat(fd, &status));
    say("links %ld", (long)status.st_nlink);
    list(".");
}

CASE(link_counts_of_directories) {
    struct stat status;
    MUST(mkdir("dir", 0755));
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "dir/%d", i);
        MUST(mkdir(name, 0755));
    }
    MUST(stat("dir", &status));
    say("links %ld", (long)status.st_nlink);
    MUST(rmdir("dir/1"));
    MUST(rename("dir/2", "two"));
    MUST(stat("dir", &status));
    say("links %ld", (long)status.st_nlink);
}

CASE(mknod_kinds) {
    TRY(mknod("file", S_IFREG | 0666, 0));
    tell("file");
    TRY(mknod("plain", 0666, 0));
    tell("plain");
    TRY(mknod("fifo", S_IFIFO | 0666, 0));
    tell("fifo");
    TRY(mknod("socket", S_IFSOCK | 0666, 0));
    tell("socket");
    TRY(mknod("dir", S_IFDIR | 0666, 0));
    TRY(mknod("link", S_IFLNK | 0666, 0));
    TRY(mknod("what", 0050666, 0));
    TRY(mknod("file", S_IFREG | 0666, 0));
    TRY(mknod("missing/file", S_IFREG | 0666, 0));
    TRY(mknod("slash/", S_IFREG | 0666, 0));
    TRY(mknod(BAD, S_IFREG | 0666, 0));
    become_nobody();
    TRY(mknod("/tmp/pysc-never", S_IFCHR | 0666, makedev(1, 3)));
    TRY(mknod("/tmp/pysc-never", S_IFBLK | 0666, makedev(7, 0)));
}

CASE(permission_to_make_and_remove) {
    MUST(mkdir("closed", 0755));
    MUST(mkdir("closed/dir", 0755));
    become_nobody();
    TRY(mkdir("closed/new", 0755));
    TRY(mkdir("closed/dir", 0755));
    TRY(rmdir("closed/dir"));
    TRY(rmdir("closed/missing"));
    TRY(mknod("closed/file", S_IFREG | 0644, 0));
}

CASE(deep_trees) {
    char path[2048] = "";
    for (int i = 0; i < 100; i++) {
        strcat(path, i ? "/d" : "d");
        MUST(mkdir(path, 0755));
    }
    TRY(access(path, F_OK));
    for (int i = 0; i < 100; i++) {
        MUST(rmdir(path));
        if (strrchr(path, '/'))
            *strrchr(path, '/') = 0;
    }
    list(".");
}
