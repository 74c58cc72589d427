/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * open(2), creat(2): flags, modes, the order of checks.
 */
#include "check.h"

CASE(open_of_a_missing_file_gives_ENOENT) {
    TRY(open("missing", O_RDONLY));
    TRY(open("missing/below", O_RDONLY));
    TRY(open("missing/below", O_RDWR | O_CREAT, 0644));
    TRY(open("", O_RDONLY));
    TRY(open("", O_RDWR | O_CREAT, 0644));
}

CASE(open_returns_the_lowest_free_descriptor) {
    put("a", "a");
    TRY(open("a", O_RDONLY));
    TRY(open("a", O_RDONLY));
    TRY(open("a", O_RDONLY));
    TRY(close(4));
    TRY(open("a", O_RDONLY));
    TRY(open("a", O_RDONLY));
    TRY(close(0));
    TRY(open("a", O_RDONLY));
}

CASE(O_CREAT_applies_the_umask_and_returns_a_file_of_the_asked_mode) {
    struct stat status;
    umask(027);
    TRY(open("a", O_RDWR | O_CREAT, 0777));
    TRY(stat("a", &status));
    say("%s, size %ld, links %ld", mode_text(status.st_mode), (long)status.st_size, (long)status.st_nlink);
    umask(0);
    TRY(open("b", O_RDWR | O_CREAT, 06777));
    TRY(stat("b", &status));
    say("%s", mode_text(status.st_mode));
    TRY(open("c", O_RDWR | O_CREAT, 0170000 | 01644));
    TRY(stat("c", &status));
    say("%s", mode_text(status.st_mode));
    TRY(open("a", O_RDWR | O_CREAT, 0));
    TRY(stat("a", &status));
    say("%s", mode_text(status.st_mode));
}

CASE(O_CREAT_of_mode_zero_still_gives_a_writable_descriptor) {
    become_nobody();
    TRY(chdir("/tmp"));
    char name[] = "/tmp/pysc-zero-XXXXXX";
    MUST(mkdtemp(name) ? 0 : -1);
    MUST(chdir(name));
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0));
    TRY(write(fd, "abc", 3));
    TRY(open("a", O_RDONLY));
    TRY(open("a", O_WRONLY));
    TRY(open("a", O_PATH));
    MUST(unlink("a"));
    MUST(rmdir(name));
}

CASE(O_EXCL) {
    put("a", "a");
    MUST(symlink("a", "link"));
    MUST(symlink("nowhere", "dangling"));
    MUST(mkdir("dir", 0755));
    TRY(open("a", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("link", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("dir", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("new", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("new", O_RDWR | O_EXCL, 0644));
    TRY(open(".", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("..", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("/", O_RDWR | O_CREAT | O_EXCL, 0644));
}

CASE(O_CREAT_through_a_dangling_link_creates_its_target) {
    MUST(symlink("target", "dangling"));
    MUST(symlink("missing/target", "astray"));
    TRY(open("dangling", O_RDWR | O_CREAT, 0644));
    TRY(open("astray", O_RDWR | O_CREAT, 0644));
    list(".");
}

CASE(O_CREAT_with_a_trailing_slash_gives_EISDIR) {
    MUST(mkdir("dir", 0755));
    put("a", "a");
    TRY(open("new/", O_RDWR | O_CREAT, 0644));
    TRY(open("dir/", O_RDWR | O_CREAT, 0644));
    TRY(open("a/", O_RDWR | O_CREAT, 0644));
    TRY(open("a/", O_RDONLY));
    TRY(open("missing/", O_RDONLY));
    TRY(open("dir/", O_RDONLY));
    TRY(open("new/.", O_RDWR | O_CREAT, 0644));
    TRY(open("dir/.", O_RDONLY | O_CREAT, 0644));
    TRY(open("dir/..", O_RDONLY | O_CREAT, 0644));
}

CASE(open_of_a_directory) {
    char byte;
    MUST(mkdir("dir", 0755));
    TRY(open("dir", O_WRONLY));
    TRY(open("dir", O_RDWR));
    TRY(open("dir", O_RDONLY | O_CREAT, 0644));
    TRY(open("dir", O_RDONLY | O_TRUNC));
    TRY(open("dir", O_RDWR | O_DIRECTORY));
    int fd = (int)TRY(open("dir", O_RDONLY));
    TRY(read(fd, &byte, 1));
    TRY(write(fd, &byte, 1));
    TRY(pread(fd, &byte, 1, 0));
    TRY(ftruncate(fd, 0));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(fsync(fd));
    TRY(read(fd, &byte, 0));
}

CASE(O_DIRECTORY) {
    put("a", "a");
    MUST(mkdir("dir", 0755));
    MUST(symlink("dir", "link"));
    MUST(symlink("a", "filelink"));
    TRY(open("a", O_RDONLY | O_DIRECTORY));
    TRY(open("filelink", O_RDONLY | O_DIRECTORY));
    TRY(open("missing", O_RDONLY | O_DIRECTORY));
    TRY(open("link", O_RDONLY | O_DIRECTORY));
    TRY(open("link", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(open("dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(open("link/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    TRY(open("dir", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
    TRY(open("new", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
    list(".");
}

CASE(O_NOFOLLOW) {
    put("a", "content");
    MUST(symlink("a", "link"));
    MUST(symlink("link", "again"));
    MUST(symlink("missing", "dangling"));
    TRY(open("a", O_RDONLY | O_NOFOLLOW));
    TRY(open("link", O_RDONLY | O_NOFOLLOW));
    TRY(open("again", O_RDONLY | O_NOFOLLOW));
    TRY(open("dangling", O_RDONLY | O_NOFOLLOW));
    TRY(open("dangling", O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
    TRY(open("link", O_WRONLY | O_TRUNC | O_NOFOLLOW));
    show("a");
}

CASE(O_TRUNC) {
    put("a", "content");
    struct stat status;
    TRY(open("a", O_RDONLY));
    show("a");
    TRY(open("a", O_WRONLY | O_TRUNC));
    show("a");
    put("a", "content");
    TRY(open("a", O_RDONLY | O_TRUNC));
    show("a");
    put("a", "content");
    TRY(creat("a", 0600));
    show("a");
    TRY(stat("a", &status));
    say("%s", mode_text(status.st_mode));
}

CASE(O_APPEND_writes_at_the_end_wherever_the_offset_is) {
    put("a", "12345");
    int one = (int)TRY(open("a", O_RDWR | O_APPEND));
    int two = (int)TRY(open("a", O_RDWR | O_APPEND));
    char text[8] = "";
    TRY(lseek(one, 0, SEEK_CUR));
    TRY(write(one, "67", 2));
    TRY(write(two, "89", 2));
    TRY(lseek(one, 0, SEEK_CUR));
    TRY(lseek(two, 0, SEEK_CUR));
    TRY(lseek(one, 1, SEEK_SET));
    TRY(read(one, text, 3));
    say("%s", text);
    TRY(write(one, "x", 1));
    TRY(lseek(one, 0, SEEK_CUR));
    TRY(pwrite(one, "y", 1, 0));
    TRY(lseek(one, 0, SEEK_CUR));
    show("a");
    TRY(fcntl(one, F_SETFL, 0));
    TRY(pwrite(one, "Z", 1, 0));
    show("a");
    TRY(fcntl(one, F_SETFL, O_APPEND));
    TRY(write(one, "!", 1));
    show("a");
}

CASE(the_access_mode_3_needs_both_rights_and_gives_neither) {
    put("a", "a");
    char byte;
    int fd = (int)TRY(open("a", O_ACCMODE));
    TRY(read(fd, &byte, 1));
    TRY(write(fd, "b", 1));
    say("mode %o", fcntl(fd, F_GETFL) & O_ACCMODE);
}

CASE(F_GETFL_tells_the_flags_that_stay) {
    put("a", "a");
    static const int flags[] = {O_RDONLY, O_WRONLY | O_APPEND, O_RDWR | O_NONBLOCK, O_RDWR | O_CREAT | O_TRUNC,
                                O_RDONLY | O_CLOEXEC, O_RDWR | O_SYNC, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_NOATIME,
                                O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_NOCTTY, O_RDWR | O_DSYNC};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        int fd = (int)MUST(open("a", flags[i], 0644));
        say("%#o -> getfl %#o, getfd %d", flags[i], fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
    }
    int fd = (int)MUST(open(".", O_RDONLY | O_DIRECTORY));
    say("directory -> getfl %#o", fcntl(fd, F_GETFL));
}

CASE(O_PATH_descriptors_refuse_what_needs_an_open_file) {
    put("a", "a");
    char byte;
    struct stat status;
    int fd = (int)TRY(open("a", O_PATH));
    TRY(read(fd, &byte, 1));
    TRY(write(fd, "b", 1));
    TRY(pread(fd, &byte, 1, 0));
    TRY(lseek(fd, 0, SEEK_SET));
    TRY(ftruncate(fd, 0));
    TRY(fchmod(fd, 0600));
    TRY(fchown(fd, 0, 0));
    TRY(fsync(fd));
    TRY(fstat(fd, &status));
    TRY(fcntl(fd, F_SETFL, O_APPEND));
    TRY(fcntl(fd, F_SETFD, FD_CLOEXEC));
    TRY(fcntl(fd, F_DUPFD, 10));
    TRY(dup(fd));
    IS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
    TRY(fcntl(fd, F_GETLK, &(struct flock){.l_type = F_RDLCK}));
}

CASE(O_PATH_of_links_and_unreadable_things) {
    put("a", "a");
    char text[16] = "";
    struct stat status;
    MUST(symlink("a", "link"));
    int fd = (int)TRY(open("link", O_PATH | O_NOFOLLOW));
    TRY(fstat(fd, &status));
    say("%s", mode_text(status.st_mode));
    TRY(readlinkat(fd, "", text, sizeof text));
    TRY(open("missing", O_PATH));
    TRY(open("missing", O_PATH | O_CREAT, 0644));
    TRY(open("a", O_PATH | O_DIRECTORY));
    int dir = (int)TRY(open(".", O_PATH));
    TRY(openat(dir, "a", O_RDONLY));
    TRY(fchdir(dir));
    TRY(fstatat(dir, "", &status, AT_EMPTY_PATH));
    chmod("a", 0);
    become_nobody();
    TRY(open("a", O_RDONLY));
    TRY(open("a", O_PATH));
}

CASE(O_TMPFILE) {
    struct stat status;
    char text[8] = "", path[64];
    int fd = (int)TRY(open(".", O_TMPFILE | O_RDWR, 0640));
    TRY(write(fd, "hidden", 6));
    TRY(fstat(fd, &status));
    say("%s, size %ld, links %ld", mode_text(status.st_mode), (long)status.st_size, (long)status.st_nlink);
    list(".");
    TRY(pread(fd, text, 6, 0));
    say("%s", text);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    TRY(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    show("named");
    TRY(open(".", O_TMPFILE | O_RDONLY, 0600));
    TRY(open("named", O_TMPFILE | O_RDWR, 0600));
    TRY(open("missing", O_TMPFILE | O_RDWR, 0600));
    int locked = (int)TRY(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    snprintf(path, sizeof path, "/proc/self/fd/%d", locked);
    TRY(linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
}

CASE(permission_checks_of_open) {
    put("readable", "r");
    put("writable", "w");
    put("nothing", "n");
    chmod("readable", 0444);
    chmod("writable", 0222);
    chmod("nothing", 0);
    mkdir("closed", 0700);
    put("closed/inside", "i");
    mkdir("dir", 0755);
    TRY(open("nothing", O_RDWR));
    become_nobody();
    TRY(open("readable", O_RDONLY));
    TRY(open("readable", O_WRONLY));
    TRY(open("readable", O_RDONLY | O_TRUNC));
    TRY(open("writable", O_WRONLY));
    TRY(open("writable", O_RDWR));
    TRY(open("nothing", O_RDONLY));
    TRY(open("closed/inside", O_RDONLY));
    TRY(open("closed/missing", O_RDONLY));
    TRY(open("closed", O_RDONLY));
    TRY(open("dir/new", O_RDWR | O_CREAT, 0644));
    TRY(open("nothing", O_RDWR | O_CREAT, 0644));
    TRY(open("nothing", O_RDWR | O_CREAT | O_EXCL, 0644));
    TRY(open("dir", O_WRONLY));
    TRY(open("readable", O_RDONLY | O_NOATIME));
}

CASE(a_new_file_belongs_to_who_made_it) {
    struct stat status;
    chmod(".", 0777);
    mkdir("grouped", 0777);
    chown("grouped", 0, 4321);
    chmod("grouped", 02777);
    become_nobody();
    TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(stat("a", &status));
    say("%d:%d %s", status.st_uid, status.st_gid, mode_text(status.st_mode));
    TRY(open("grouped/a", O_RDWR | O_CREAT, 02755));
    TRY(stat("grouped/a", &status));
    say("%d:%d %s", status.st_uid, status.st_gid, mode_text(status.st_mode));
    TRY(mkdir("grouped/dir", 0755));
    TRY(stat("grouped/dir", &status));
    say("%d:%d %s", status.st_uid, status.st_gid, mode_text(status.st_mode));
}

CASE(open_of_special_things) {
    struct stat status;
    MUST(mkfifo("fifo", 0644));
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
    TRY(open("fifo", O_RDONLY | O_NONBLOCK));
    TRY(open("fifo", O_WRONLY | O_NONBLOCK));
    TRY(open("/dev/null", O_RDWR | O_CREAT | O_TRUNC, 0644));
    TRY(stat("/dev/null", &status));
    say("%s", mode_text(status.st_mode));
    TRY(open("/dev/null", O_RDONLY | O_DIRECTORY));
    TRY(open("/dev/null/x", O_RDONLY));
    TRY(open("/dev/missing", O_RDONLY));
}

CASE(unknown_flags_are_ignored_by_open) {
    put("a", "a");
    TRY(open("a", O_RDONLY | 0x40000000));
    TRY(open("a", O_RDONLY | O_LARGEFILE));
    TRY(open("a", O_PATH | O_TRUNC | O_RDWR));
    show("a");
}

CASE(writing_a_running_program_gives_ETXTBSY) {
    TRY(open("/proc/self/exe", O_WRONLY));
    TRY(open("/proc/self/exe", O_RDONLY));
}

CASE(open_with_bad_pointers_gives_EFAULT) {
    TRY(open(BAD, O_RDONLY));
    TRY(open(BAD, O_RDWR | O_CREAT, 0644));
    TRY(open(NULL, O_RDONLY));
    TRY(openat(-5, BAD, O_RDONLY));
    char *end = edge(3);
    memcpy(end, "abc", 3);
    TRY(open(end, O_RDONLY));
    end = edge(2);
    memcpy(end, ".", 2);
    TRY(open(end, O_RDONLY));
}
