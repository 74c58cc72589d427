/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * rename(2), renameat2(2).
 */
#include "check.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

CASE(files_replace_files) {
    put("a", "a");
    put("b", "b");
    TRY(rename("a", "b"));
    list(".");
    show("b");
    TRY(rename("b", "b"));
    TRY(rename("b", "./b"));
    TRY(rename("missing", "b"));
    TRY(rename("b", "missing/b"));
    TRY(rename("b", "b/c"));
    show("b");
}

CASE(names_of_one_file_are_left_alone) {
    put("a", "a");
    MUST(link("a", "b"));
    TRY(rename("a", "b"));
    list(".");
}

CASE(directories) {
    MUST(mkdir("dir", 0755));
    MUST(mkdir("empty", 0755));
    MUST(mkdir("full", 0755));
    put("full/x", "x");
    put("dir/y", "y");
    put("a", "a");
    TRY(rename("dir", "a"));
    TRY(rename("a", "dir"));
    TRY(rename("a", "empty"));
    TRY(rename("dir", "full"));
    TRY(rename("dir", "dir/sub"));
    TRY(rename("dir", "dir/sub/deeper"));
    TRY(rename("dir", "dir"));
    TRY(rename("dir", "empty"));
    list(".");
    list("empty");
    TRY(rename("empty", "new/"));
    TRY(rename("a", "other/"));
    TRY(rename("new/", "back"));
    list(".");
    TRY(rename("full/x", "full"));
    TRY(rename("back/y", "back/../back/z"));
    list("back");
}

CASE(dots_and_roots) {
    MUST(mkdir("dir", 0755));
    TRY(rename(".", "x"));
    TRY(rename("dir", "."));
    TRY(rename("dir/.", "x"));
    TRY(rename("dir/..", "x"));
    TRY(rename("dir", ".."));
    TRY(rename("/", "x"));
    TRY(rename("dir", "/"));
    TRY(rename("", "x"));
    TRY(rename("dir", ""));
    TRY(rename(BAD, "x"));
    TRY(rename("dir", BAD));
}

CASE(links_are_renamed_themselves) {
    char text[8] = "";
    put("a", "a");
    put("b", "b");
    MUST(symlink("a", "link"));
    TRY(rename("link", "moved"));
    TRY(readlink("moved", text, sizeof text));
    TRY(rename("b", "moved"));
    show("a");
    show("moved");
    list(".");
}

CASE(RENAME_NOREPLACE_and_RENAME_EXCHANGE) {
    put("a", "a");
    put("b", "b");
    MUST(mkdir("dir", 0755));
    put("dir/x", "x");
    TRY(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "b", RENAME_EXCHANGE));
    show("b");
    show("c");
    TRY(renameat2(AT_FDCWD, "b", AT_FDCWD, "dir", RENAME_EXCHANGE));
    list("b");
    show("dir");
    TRY(renameat2(AT_FDCWD, "b", AT_FDCWD, "missing", RENAME_EXCHANGE));
    TRY(renameat2(AT_FDCWD, "b", AT_FDCWD, "b/x", RENAME_EXCHANGE));
    TRY(renameat2(AT_FDCWD, "b/x", AT_FDCWD, "b", RENAME_EXCHANGE));
    TRY(renameat2(AT_FDCWD, "b", AT_FDCWD, "c", RENAME_EXCHANGE | RENAME_NOREPLACE));
    TRY(renameat2(AT_FDCWD, "b", AT_FDCWD, "c", 8));
    TRY(renameat2(AT_FDCWD, "c", AT_FDCWD, "c", RENAME_NOREPLACE));
    list(".");
}

CASE(permission_to_rename) {
    MUST(mkdir("closed", 0755));
    put("closed/a", "a");
    MUST(mkdir("open", 0777));
    MUST(chmod("open", 0777));
    put("open/a", "a");
    MUST(mkdir("open/dir", 0755));
    MUST(mkdir("open/target", 0777));
    MUST(chmod("open/target", 0777));
    become_nobody();
    TRY(rename("closed/a", "open/b"));
    TRY(rename("open/a", "closed/b"));
    TRY(rename("open/a", "open/b"));
    TRY(rename("open/dir", "open/moved"));
    TRY(rename("open/moved", "open/target/moved"));
    TRY(rename("closed/missing", "open/x"));
}

CASE(open_descriptors_follow_a_renamed_file) {
    char text[8] = "";
    put("a", "first");
    put("b", "second");
    int first = (int)TRY(open("a", O_RDONLY));
    int second = (int)TRY(open("b", O_RDWR));
    TRY(rename("a", "b"));
    TRY(read(first, text, 5));
    say("%s", text);
    TRY(read(second, text, 6));
    say("%s", text);
    TRY(write(second, "!", 1));
    show("b");
    struct stat status;
    TRY(fstat(second, &status));
    say("links %ld", (long)status.st_nlink);
}

CASE(the_working_directory_follows_its_directory) {
    char text[PATH_MAX];
    MUST(mkdir("one", 0755));
    MUST(mkdir("two", 0755));
    MUST(chdir("one"));
    TRY(rename("../one", "../two/three"));
    IS(getcwd(text, sizeof text) && !strcmp(strrchr(text, '/'), "/three"));
    TRY(chdir(".."));
    IS(getcwd(text, sizeof text) && !strcmp(strrchr(text, '/'), "/two"));
    list(".");
}
