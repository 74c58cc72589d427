/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How paths are resolved: links, dots, slashes, lengths, search permission. Source: path_resolution(7).
 */
#include "check.h"

CASE(dots_and_slashes) {
    struct stat status;
    MUST(mkdir("dir", 0755));
    put("dir/a", "a");
    TRY(access("dir//a", F_OK));
    TRY(access("./dir/./a", F_OK));
    TRY(access("dir/../dir/a", F_OK));
    TRY(access("dir/a/.", F_OK));
    TRY(access("dir/a/..", F_OK));
    TRY(access("dir/a/", F_OK));
    TRY(access("dir/", F_OK));
    TRY(access("dir/missing/..", F_OK));
    TRY(access("/..", F_OK));
    TRY(access("//tmp", F_OK));
    TRY(stat("/../../..", &status));
}

CASE(not_a_directory) {
    struct stat status;
    put("a", "a");
    MUST(symlink("a", "link"));
    TRY(stat("a/b", &status));
    TRY(stat("link/b", &status));
    TRY(stat("a/", &status));
    TRY(stat("link/", &status));
    TRY(lstat("link/", &status));
    TRY(mkdir("a/b", 0755));
    TRY(mkdir("a/", 0755));
    TRY(unlink("a/"));
    TRY(rmdir("a/"));
    TRY(chdir("a"));
    TRY(rename("a/", "b"));
    TRY(link("a/", "b"));
    TRY(symlink("x", "new/"));
    TRY(truncate("a/b", 0));
}

CASE(link_chains_of_forty_are_followed_and_of_forty_one_give_ELOOP) {
    struct stat status;
    char name[16], previous[16] = "target";
    put("target", "t");
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "l%d", i);
        MUST(symlink(previous, name));
        strcpy(previous, name);
    }
    TRY(stat("l39", &status));
    TRY(stat("l40", &status));
    TRY(stat("l41", &status));
    TRY(lstat("l41", &status));
    TRY(open("l41", O_RDONLY));
    TRY(open("l41", O_RDONLY | O_NOFOLLOW));
}

CASE(loops_give_ELOOP) {
    struct stat status;
    MUST(symlink("loop", "loop"));
    MUST(symlink("two", "one"));
    MUST(symlink("one", "two"));
    TRY(stat("loop", &status));
    TRY(lstat("loop", &status));
    TRY(stat("loop/x", &status));
    TRY(stat("one", &status));
    TRY(open("one", O_RDWR | O_CREAT, 0644));
    TRY(chdir("one"));
    TRY(truncate("loop", 0));
    TRY(unlink("loop/"));
    TRY(unlink("loop"));
    TRY(rename("one", "three"));
    TRY(mkdir("two", 0755));
}

CASE(long_names_give_ENAMETOOLONG) {
    struct stat status;
    char name[300], path[5000];
    memset(name, 'n', sizeof name);
    name[255] = 0;
    TRY(mkdir(name, 0755));
    TRY(stat(name, &status));
    name[255] = 'n';
    name[256] = 0;
    TRY(mkdir(name, 0755));
    TRY(stat(name, &status));
    TRY(open(name, O_RDWR | O_CREAT, 0644));
    TRY(symlink("x", name));
    TRY(rename(".", name));
    snprintf(path, sizeof path, "missing/%s", name);
    TRY(stat(path, &status));
    for (size_t i = 0; i < sizeof path; i += 2)
        memcpy(path + i, "./", 2);
    path[4095] = 0;
    TRY(stat(path, &status));
    path[4095] = '/';
    path[4096] = 0;
    TRY(stat(path, &status));
    path[4096] = '.';
    path[4999] = 0;
    TRY(stat(path, &status));
}

CASE(long_link_targets) {
    char target[5000];
    memset(target, 't', sizeof target);
    target[4095] = 0;
    TRY(symlink(target, "long"));
    target[4095] = 't';
    target[4096] = 0;
    TRY(symlink(target, "longer"));
    TRY(symlink("", "empty"));
    struct stat status;
    TRY(lstat("long", &status));
    say("size %ld", (long)status.st_size);
    TRY(stat("long", &status));
}

CASE(links_in_the_middle_and_at_the_end) {
    char text[64] = "";
    MUST(mkdir("dir", 0755));
    MUST(mkdir("dir/sub", 0755));
    put("dir/a", "a");
    MUST(symlink("dir/sub", "s"));
    MUST(symlink("../a", "dir/sub/up"));
    MUST(symlink("dir/", "slashed"));
    MUST(symlink("dir/a/", "fileslash"));
    TRY(access("s/../a", F_OK));
    TRY(access("s/up", F_OK));
    show("s/up");
    TRY(access("slashed/a", F_OK));
    TRY(access("fileslash", F_OK));
    TRY(readlink("slashed", text, sizeof text));
    TRY(readlink("slashed/", text, sizeof text));
    TRY(readlink("s/up", text, sizeof text));
    TRY(rmdir("s"));
    TRY(rmdir("s/"));
    TRY(unlink("s/"));
    TRY(mkdir("s", 0755));
    TRY(mkdir("slashed/new", 0755));
    list("dir");
}

CASE(mkdir_through_a_dangling_link) {
    MUST(symlink("target", "dangling"));
    TRY(mkdir("dangling", 0755));
    TRY(mkdir("dangling/", 0755));
    TRY(mknod("dangling", S_IFREG | 0644, 0));
    TRY(link("/proc/self/exe", "dangling"));
    list(".");
}

CASE(search_permission) {
    MUST(mkdir("closed", 0700));
    MUST(mkdir("closed/sub", 0755));
    put("closed/a", "a");
    MUST(mkdir("listed", 0744));
    put("listed/a", "a");
    MUST(mkdir("passed", 0711));
    put("passed/a", "a");
    MUST(chmod("passed/a", 0644));
    int inside = (int)MUST(open("closed/sub", O_RDONLY));
    become_nobody();
    TRY(access("closed/a", F_OK));
    TRY(access("closed/missing", F_OK));
    TRY(access("closed/..", F_OK));
    TRY(access("closed/", F_OK));
    TRY(access("listed/a", F_OK));
    list("listed");
    list("passed");
    list("closed");
    TRY(access("passed/a", R_OK));
    TRY(chdir("closed"));
    TRY(chdir("passed"));
    TRY(fchdir(inside));
    TRY(access("..", F_OK));
    TRY(access("../a", F_OK));
    TRY(access("../..", F_OK));
}

CASE(nothing_can_be_made_in_a_removed_working_directory) {
    char text[64];
    MUST(mkdir("gone", 0755));
    MUST(chdir("gone"));
    MUST(rmdir("../gone"));
    TRY(open("a", O_RDWR | O_CREAT, 0644));
    TRY(mkdir("b", 0755));
    TRY(access(".", F_OK));
    TRY(access("a", F_OK));
    IS(getcwd(text, sizeof text) == NULL && errno == ENOENT);
    TRY(chdir("."));
    TRY(chdir(".."));
    list(".");
}
