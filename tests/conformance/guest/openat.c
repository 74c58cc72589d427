/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * openat(2), openat2(2) and the other …at calls: what the directory descriptor means.
 */
#include "check.h"
#include <linux/openat2.h>

static long open_how(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, dir, path, &how, sizeof how);
}

CASE(a_relative_path_starts_at_the_descriptor) {
    MUST(mkdir("dir", 0755));
    put("dir/a", "inside");
    put("a", "outside");
    char text[16] = "";
    int dir = (int)TRY(open("dir", O_RDONLY | O_DIRECTORY));
    int fd = (int)TRY(openat(dir, "a", O_RDONLY));
    TRY(read(fd, text, sizeof text));
    say("%s", text);
    fd = (int)TRY(openat(dir, "../a", O_RDONLY));
    TRY(read(fd, text, sizeof text));
    say("%.7s", text);
    fd = (int)TRY(openat(AT_FDCWD, "a", O_RDONLY));
    TRY(openat(dir, "missing", O_RDONLY));
    TRY(openat(dir, "", O_RDONLY));
    TRY(openat(dir, "new", O_RDWR | O_CREAT, 0644));
    list("dir");
}

CASE(a_bad_descriptor_matters_only_for_relative_paths) {
    put("a", "a");
    int fd = (int)TRY(open("a", O_RDONLY));
    TRY(openat(-1, "a", O_RDONLY));
    TRY(openat(-1, "/", O_RDONLY));
    TRY(openat(99, "a", O_RDONLY));
    TRY(openat(99, "", O_RDONLY));
    TRY(openat(fd, "a", O_RDONLY));
    TRY(openat(fd, "", O_RDONLY));
    TRY(openat(fd, "..", O_RDONLY));
    TRY(openat(fd, "/", O_RDONLY));
}

CASE(the_directory_may_be_renamed_or_removed_under_the_descriptor) {
    MUST(mkdir("dir", 0755));
    put("dir/a", "a");
    int dir = (int)TRY(open("dir", O_RDONLY | O_DIRECTORY));
    TRY(rename("dir", "moved"));
    TRY(openat(dir, "a", O_RDONLY));
    TRY(openat(dir, "b", O_WRONLY | O_CREAT, 0644));
    list("moved");
    MUST(unlink("moved/a"));
    MUST(unlink("moved/b"));
    TRY(rmdir("moved"));
    TRY(openat(dir, "a", O_RDONLY));
    TRY(openat(dir, "a", O_RDWR | O_CREAT, 0644));
    TRY(openat(dir, ".", O_RDONLY));
    TRY(mkdirat(dir, "x", 0755));
    TRY(symlinkat("x", dir, "y"));
    TRY(faccessat(dir, ".", F_OK, 0));
}

CASE(the_other_at_calls) {
    struct stat status;
    char text[16] = "";
    MUST(mkdir("dir", 0755));
    int dir = (int)TRY(open("dir", O_PATH));
    TRY(mkdirat(dir, "sub", 0700));
    TRY(mknodat(dir, "file", S_IFREG | 0600, 0));
    TRY(symlinkat("file", dir, "link"));
    TRY(readlinkat(dir, "link", text, sizeof text));
    TRY(linkat(dir, "file", dir, "second", 0));
    TRY(renameat(dir, "second", AT_FDCWD, "third"));
    TRY(fchmodat(dir, "file", 0640, 0));
    TRY(fchownat(dir, "link", 5, 6, AT_SYMLINK_NOFOLLOW));
    TRY(fstatat(dir, "link", &status, AT_SYMLINK_NOFOLLOW));
    say("%s %d:%d", mode_text(status.st_mode & S_IFMT), status.st_uid, status.st_gid);
    TRY(fstatat(dir, "file", &status, 0));
    say("%s links %ld", mode_text(status.st_mode), (long)status.st_nlink);
    TRY(unlinkat(dir, "sub", 0));
    TRY(unlinkat(dir, "file", AT_REMOVEDIR));
    TRY(unlinkat(dir, "sub", AT_REMOVEDIR));
    TRY(unlinkat(dir, "file", 0x4000));
    list("dir");
    list(".");
}

CASE(openat2_checks_its_structure) {
    struct open_how how = {.flags = O_RDONLY};
    char large[64] = {0};
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how));
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", &how, 0));
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", &how, 23));
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", large, sizeof large));
    large[40] = 1;
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", large, sizeof large));
    TRY(syscall(SYS_openat2, AT_FDCWD, ".", BAD, sizeof how));
    TRY(open_how(AT_FDCWD, ".", O_RDONLY, 0644, 0));
    TRY(open_how(AT_FDCWD, ".", 1ull << 40, 0, 0));
    TRY(open_how(AT_FDCWD, ".", O_RDONLY, 0, 1 << 20));
    TRY(open_how(AT_FDCWD, "a", O_RDWR | O_CREAT, 0644, 0));
    TRY(open_how(AT_FDCWD, "b", O_RDWR | O_CREAT, 0170644, 0));
    TRY(open_how(AT_FDCWD, "b", O_PATH | O_RDWR, 0, 0));
}

CASE(openat2_resolve_flags) {
    MUST(mkdir("dir", 0755));
    put("dir/a", "a");
    put("out", "out");
    MUST(symlink("a", "dir/link"));
    MUST(symlink("../out", "dir/escape"));
    MUST(symlink("/", "dir/root"));
    int dir = (int)TRY(open("dir", O_PATH));
    TRY(open_how(dir, "a", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "link", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "escape", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "../out", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "/", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "root", O_RDONLY, 0, RESOLVE_BENEATH));
    TRY(open_how(dir, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    TRY(open_how(dir, "link", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
    TRY(open_how(dir, "escape", O_RDONLY, 0, RESOLVE_IN_ROOT));
    TRY(open_how(dir, "/a", O_RDONLY, 0, RESOLVE_IN_ROOT));
    TRY(open_how(dir, "../../a", O_RDONLY, 0, RESOLVE_IN_ROOT));
    TRY(open_how(dir, "root/a", O_RDONLY, 0, RESOLVE_IN_ROOT));
    TRY(open_how(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    TRY(open_how(AT_FDCWD, "/proc/self", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    TRY(open_how(dir, "a", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
}
