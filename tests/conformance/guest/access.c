/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * access(2), faccessat(2), faccessat2(2).
 */
#include "check.h"

static long raw(int dir, const char *path, int mode, int flags) { return syscall(SYS_faccessat2, dir, path, mode, flags); }

CASE(root_may_do_all_but_execute_what_nobody_may) {
    put("a", "a");
    MUST(chmod("a", 0));
    MUST(mkdir("dir", 0));
    TRY(access("a", F_OK));
    TRY(access("a", R_OK | W_OK));
    TRY(access("a", X_OK));
    TRY(access("dir", R_OK | W_OK | X_OK));
    MUST(chmod("a", 0001));
    TRY(access("a", X_OK));
}

CASE(others_are_held_to_the_mode) {
    static const mode_t modes[] = {0777, 0700, 0070, 0007, 0444, 0222, 0111, 0640};
    char name[16];
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        snprintf(name, sizeof name, "%04o", modes[i]);
        put(name, "x");
        MUST(chmod(name, modes[i]));
        if (i % 2)
            MUST(chown(name, 1234, 1235));
    }
    become_nobody();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        snprintf(name, sizeof name, "%04o", modes[i]);
        say("%s %s r %d w %d x %d", name, i % 2 ? "mine" : "theirs", access(name, R_OK), access(name, W_OK),
            access(name, X_OK));
    }
}

CASE(groups_count_before_others) {
    put("a", "a");
    MUST(chown("a", 0, 500));
    MUST(chmod("a", 0604));
    gid_t groups[] = {400, 500};
    MUST(syscall(SYS_setgroups, 2, groups));
    MUST(setresgid(1235, 1235, 1235));
    MUST(setresuid(1234, 1234, 1234));
    TRY(access("a", R_OK));
    TRY(open("a", O_RDONLY));
}

CASE(access_asks_for_the_real_user_and_AT_EACCESS_for_the_effective) {
    put("a", "a");
    MUST(chmod("a", 0600));
    MUST(setresuid(1234, 0, 0));
    TRY(access("a", R_OK));
    TRY(raw(AT_FDCWD, "a", R_OK, AT_EACCESS));
    TRY(open("a", O_RDONLY));
    MUST(setresuid(0, 1234, 0));
    TRY(access("a", R_OK));
    TRY(raw(AT_FDCWD, "a", R_OK, AT_EACCESS));
}

CASE(errors) {
    put("a", "a");
    MUST(symlink("missing", "dangling"));
    int fd = (int)TRY(open("a", O_RDONLY));
    TRY(access("a", 8));
    TRY(access("a", -1));
    TRY(access("missing", 8));
    TRY(access("missing", F_OK));
    TRY(access("a/x", F_OK));
    TRY(access("", F_OK));
    TRY(access(BAD, F_OK));
    TRY(access(BAD, 8));
    TRY(access("dangling", F_OK));
    TRY(raw(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    TRY(raw(AT_FDCWD, "a", F_OK, 1));
    TRY(raw(fd, "", R_OK, AT_EMPTY_PATH));
    TRY(raw(fd, "a", R_OK, 0));
    TRY(raw(99, "a", R_OK, 0));
    TRY(syscall(SYS_faccessat, 99, "/", R_OK));
    TRY(syscall(SYS_faccessat, AT_FDCWD, "a", R_OK, 12345));
}

CASE(a_program_that_may_be_executed) {
    put("a", "#!/bin/sh\n");
    TRY(access("a", X_OK));
    MUST(chmod("a", 0755));
    TRY(access("a", X_OK));
    TRY(access(".", X_OK));
}
