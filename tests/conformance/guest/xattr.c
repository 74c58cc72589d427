/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * setxattr(2), getxattr(2), listxattr(2), removexattr(2) and their l- and f- forms; the user. namespace.
 */
#include "check.h"
#include <sys/xattr.h>

static void names(const char *path) {
    char buffer[256];
    ssize_t count = listxattr(path, buffer, sizeof buffer);
    if (count < 0) {
        say("names <%s>", errno_name(errno));
        return;
    }
    int user = 0, size = 0;
    for (ssize_t at = 0; at < count; at += (ssize_t)strlen(buffer + at) + 1)
        if (!strncmp(buffer + at, "user.", 5))
            user++, size += (int)strlen(buffer + at);
    say("%d user names of %d characters", user, size);
}

CASE(values_are_set_read_and_removed) {
    char text[32] = "";
    put("a", "a");
    TRY(setxattr("a", "user.one", "value", 5, 0));
    TRY(getxattr("a", "user.one", text, sizeof text));
    say("%s", text);
    TRY(getxattr("a", "user.one", NULL, 0));
    TRY(getxattr("a", "user.one", text, 4));
    TRY(getxattr("a", "user.two", text, sizeof text));
    TRY(setxattr("a", "user.empty", "", 0, 0));
    TRY(getxattr("a", "user.empty", text, sizeof text));
    names("a");
    TRY(listxattr("a", text, 3));
    TRY(removexattr("a", "user.one"));
    TRY(removexattr("a", "user.one"));
    names("a");
}

CASE(XATTR_CREATE_and_XATTR_REPLACE) {
    put("a", "a");
    TRY(setxattr("a", "user.one", "1", 1, XATTR_REPLACE));
    TRY(setxattr("a", "user.one", "1", 1, XATTR_CREATE));
    TRY(setxattr("a", "user.one", "2", 1, XATTR_CREATE));
    TRY(setxattr("a", "user.one", "3", 1, XATTR_REPLACE));
    TRY(setxattr("a", "user.one", "3", 1, 4));
    TRY(setxattr("a", "user.one", "3", 1, XATTR_REPLACE | XATTR_CREATE));
}

CASE(errors) {
    char text[32], name[300] = "user.";
    put("a", "a");
    memset(name + 5, 'n', 251);
    TRY(setxattr("a", name, "x", 1, 0));
    name[255] = 0;
    TRY(setxattr("a", name, "x", 1, 0));
    TRY(setxattr("a", "", "x", 1, 0));
    TRY(setxattr("a", "user.", "x", 1, 0));
    TRY(setxattr("a", "plain", "x", 1, 0));
    TRY(setxattr("a", "unknown.one", "x", 1, 0));
    TRY(setxattr("missing", "user.one", "x", 1, 0));
    TRY(setxattr(BAD, "user.one", "x", 1, 0));
    TRY(setxattr("a", BAD, "x", 1, 0));
    TRY(setxattr("a", "user.one", BAD, 1, 0));
    TRY(setxattr("a", "user.one", "x", 65537, 0));
    TRY(getxattr("a", BAD, text, 10));
    TRY(getxattr("missing", "user.one", text, 10));
    TRY(getxattr("a", "plain", text, 10));
    TRY(listxattr("missing", text, 10));
    TRY(removexattr("missing", "user.one"));
    TRY(removexattr("a", "plain"));
    TRY(fgetxattr(77, "user.one", text, 10));
    TRY(flistxattr(77, text, 10));
    TRY(fsetxattr(77, "user.one", "x", 1, 0));
    TRY(fremovexattr(77, "user.one"));
}

CASE(links_and_descriptors) {
    char text[8] = "";
    put("a", "a");
    MUST(symlink("a", "link"));
    TRY(setxattr("link", "user.one", "x", 1, 0));
    TRY(getxattr("a", "user.one", text, 8));
    TRY(lgetxattr("link", "user.one", text, 8));
    TRY(lsetxattr("link", "user.one", "x", 1, 0));
    TRY(lremovexattr("link", "user.one"));
    int fd = (int)TRY(open("a", O_RDONLY));
    TRY(fgetxattr(fd, "user.one", text, 8));
    TRY(fsetxattr(fd, "user.two", "y", 1, 0));
    TRY(fgetxattr(fd, "user.two", text, 8));
    TRY(fremovexattr(fd, "user.one"));
    names("a");
    TRY(fgetxattr(open("a", O_PATH), "user.two", text, 8));
    MUST(mkfifo("fifo", 0644));
    TRY(setxattr("fifo", "user.one", "x", 1, 0));
    TRY(getxattr("fifo", "user.one", text, 8));
    TRY(setxattr(".", "user.one", "x", 1, 0));
}

CASE(permissions) {
    char text[8];
    put("a", "a");
    MUST(setxattr("a", "user.one", "x", 1, 0));
    MUST(setxattr("a", "trusted.one", "x", 1, 0) < 0 && errno != EPERM ? -1 : 0);
    become_nobody();
    TRY(getxattr("a", "user.one", text, 8));
    TRY(setxattr("a", "user.one", "y", 1, 0));
    TRY(removexattr("a", "user.one"));
    TRY(setxattr("a", "trusted.one", "y", 1, 0));
    TRY(getxattr("a", "trusted.one", text, 8));
}
