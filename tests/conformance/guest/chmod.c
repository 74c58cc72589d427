/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * chmod(2), chown(2) and their families, umask(2).
 */
#include "check.h"

static void tell(const char *path) {
    struct stat status;
    if (lstat(path, &status))
        say("%s <%s>", path, errno_name(errno));
    else
        say("%s: %s %d:%d", path, mode_text(status.st_mode), status.st_uid, status.st_gid);
}

CASE(chmod_sets_all_twelve_bits) {
    put("a", "a");
    TRY(chmod("a", 07777));
    tell("a");
    TRY(chmod("a", 0));
    tell("a");
    TRY(chmod("a", 0170644));
    tell("a");
    MUST(mkdir("dir", 0700));
    TRY(chmod("dir", 01777));
    tell("dir");
    int fd = (int)MUST(open("dir", O_RDONLY));
    TRY(fchmod(fd, 02750));
    tell("dir");
}

CASE(chmod_follows_links) {
    put("a", "a");
    MUST(symlink("a", "link"));
    MUST(symlink("missing", "dangling"));
    TRY(chmod("link", 0600));
    tell("a");
    tell("link");
    TRY(chmod("dangling", 0600));
    TRY(chmod("missing", 0600));
    TRY(chmod("a/x", 0600));
    TRY(chmod("", 0600));
    TRY(chmod(BAD, 0600));
    TRY(fchmod(77, 0600));
    TRY(syscall(SYS_fchmodat, 77, "a", 0600));
}

CASE(only_the_owner_may_chmod) {
    put("mine", "m");
    put("theirs", "t");
    MUST(chown("mine", 1234, 0));
    int fd = (int)MUST(open("theirs", O_RDWR));
    become_nobody();
    TRY(chmod("mine", 0711));
    TRY(chmod("theirs", 0711));
    TRY(fchmod(fd, 0711));
    TRY(chmod("mine", 02777));
    tell("mine");
    TRY(chmod("mine", 04777));
    tell("mine");
}

CASE(chown_sets_owner_and_group_and_minus_one_keeps_them) {
    put("a", "a");
    TRY(chown("a", 5, 6));
    tell("a");
    TRY(chown("a", (uid_t)-1, 7));
    tell("a");
    TRY(chown("a", 8, (gid_t)-1));
    tell("a");
    TRY(chown("a", (uid_t)-1, (gid_t)-1));
    tell("a");
    TRY(chown("a", 4000000000u, 4000000001u));
    struct stat status;
    MUST(stat("a", &status));
    say("%u:%u", status.st_uid, status.st_gid);
}

CASE(chown_and_links) {
    put("a", "a");
    MUST(symlink("a", "link"));
    TRY(chown("link", 5, 6));
    tell("a");
    tell("link");
    TRY(lchown("link", 7, 8));
    tell("a");
    tell("link");
    TRY(fchownat(AT_FDCWD, "link", 9, 10, AT_SYMLINK_NOFOLLOW));
    tell("link");
    TRY(fchownat(AT_FDCWD, "link", 9, 10, 1));
    int fd = (int)MUST(open("a", O_RDONLY));
    TRY(fchown(fd, 11, 12));
    TRY(fchownat(fd, "", 13, 14, AT_EMPTY_PATH));
    tell("a");
    TRY(fchownat(fd, "", 13, 14, 0));
    TRY(chown("missing", 1, 1));
    TRY(chown(BAD, 1, 1));
    TRY(fchown(77, 1, 1));
}

CASE(chown_clears_the_set_id_bits) {
    put("a", "a");
    MUST(chmod("a", 06755));
    TRY(chown("a", 5, 6));
    tell("a");
    MUST(chmod("a", 06745));
    TRY(chown("a", 5, 6));
    tell("a");
    MUST(mkdir("dir", 0755));
    MUST(chmod("dir", 06755));
    TRY(chown("dir", 5, 6));
    tell("dir");
    MUST(chmod("a", 06755));
    TRY(chown("a", (uid_t)-1, (gid_t)-1));
    tell("a");
}

CASE(who_may_chown) {
    put("mine", "m");
    put("theirs", "t");
    MUST(chown("mine", 1234, 1235));
    gid_t groups[] = {500};
    MUST(syscall(SYS_setgroups, 1, groups));
    MUST(setresgid(1235, 1235, 1235));
    MUST(setresuid(1234, 1234, 1234));
    TRY(chown("mine", 1234, 1235));
    TRY(chown("mine", (uid_t)-1, 500));
    TRY(chown("mine", (uid_t)-1, 501));
    TRY(chown("mine", 0, (gid_t)-1));
    TRY(chown("mine", (uid_t)-1, (gid_t)-1));
    TRY(chown("theirs", (uid_t)-1, (gid_t)-1));
    TRY(chown("theirs", 1234, (gid_t)-1));
    TRY(chown("theirs", (uid_t)-1, 0));
    tell("mine");
}

CASE(the_umask_is_kept_per_process_and_inherited) {
    say("%04o", umask(0123));
    say("%04o", umask(0777777));
    say("%04o", umask(0027));
    IN_CHILD({
        say("child %04o", umask(0));
        say("child %04o", umask(0));
    });
    say("%04o", umask(0022));
    umask(0777);
    MUST(mkdir("dir", 0777));
    tell("dir");
    MUST(mkfifo("fifo", 0666));
    tell("fifo");
    MUST(symlink("x", "link"));
    tell("link");
    MUST(mknod("file", S_IFREG | 0666, 0));
    tell("file");
    chmod("file", 0644);
    tell("file");
}

CASE(a_sticky_directory_protects_the_files_of_others) {
    MUST(mkdir("sticky", 0777));
    MUST(chmod("sticky", 01777));
    MUST(mkdir("open", 0777));
    MUST(chmod("open", 0777));
    put("sticky/theirs", "t");
    MUST(chmod("sticky/theirs", 0666));
    put("open/theirs", "t");
    put("sticky/mine", "m");
    MUST(chown("sticky/mine", 1234, 1235));
    MUST(mkdir("sticky/dir", 0777));
    become_nobody();
    TRY(unlink("sticky/theirs"));
    TRY(rename("sticky/theirs", "sticky/x"));
    TRY(rename("sticky/mine", "sticky/theirs"));
    TRY(rmdir("sticky/dir"));
    TRY(unlink("sticky/mine"));
    TRY(unlink("open/theirs"));
    TRY(link("sticky/theirs", "open/linked"));
}
