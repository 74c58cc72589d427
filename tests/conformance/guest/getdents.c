/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * getdents64(2).
 */
#include "check.h"

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static long entries(int fd, void *buffer, size_t size) { return syscall(SYS_getdents64, fd, buffer, size); }

CASE(kinds_are_told) {
    char buffer[4096];
    put("file", "f");
    MUST(mkdir("dir", 0755));
    MUST(symlink("x", "link"));
    MUST(mkfifo("fifo", 0600));
    int fd = (int)TRY(open(".", O_RDONLY | O_DIRECTORY));
    static const char *const names[] = {".", "..", "file", "dir", "link", "fifo"};
    int types[6] = {-1, -1, -1, -1, -1, -1}, others = 0, same = 0;
    for (long count; (count = MUST(entries(fd, buffer, sizeof buffer))) > 0;)
        for (long at = 0; at < count;) {
            struct entry *entry = (void *)(buffer + at);
            struct stat status;
            int known = 0;
            for (int i = 0; i < 6; i++)
                if (!strcmp(entry->name, names[i]))
                    types[i] = entry->type, known = 1;
            others += !known;
            if (known && strcmp(entry->name, "..") && !lstat(entry->name, &status))
                same += status.st_ino == entry->inode;
            if (entry->length % 8)
                say("a record of %d bytes", entry->length);
            at += entry->length;
        }
    for (int i = 0; i < 6; i++)
        say("%s: type %d", names[i], types[i]);
    say("others %d, right inode numbers %d", others, same);
}

CASE(errors) {
    char buffer[1024];
    put("file", "f");
    int fd = (int)TRY(open(".", O_RDONLY | O_DIRECTORY));
    int file = (int)TRY(open("file", O_RDONLY));
    TRY(entries(file, buffer, sizeof buffer));
    TRY(entries(77, buffer, sizeof buffer));
    TRY(entries(fd, buffer, 1));
    TRY(entries(fd, buffer, 23));
    TRY(entries(fd, buffer, 0));
    TRY(entries(fd, BAD, sizeof buffer));
    TRY(entries(open(".", O_PATH), buffer, sizeof buffer));
}

CASE(many_entries_come_once_each_in_small_buffers) {
    char name[32], buffer[300], seen[1000] = "";
    MUST(mkdir("dir", 0755));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "dir/entry-%04d", i);
        MUST(mknod(name, S_IFREG | 0644, 0));
    }
    int fd = (int)TRY(open("dir", O_RDONLY | O_DIRECTORY));
    int total = 0, twice = 0;
    for (long count; (count = MUST(entries(fd, buffer, sizeof buffer))) > 0;)
        for (long at = 0; at < count;) {
            struct entry *entry = (void *)(buffer + at);
            if (entry->name[0] == 'e') {
                total++;
                twice += seen[atoi(entry->name + 6)]++;
            }
            at += entry->length;
        }
    say("total %d, twice %d", total, twice);
    TRY(entries(fd, buffer, sizeof buffer));
    TRY(lseek(fd, 0, SEEK_SET));
    IS(entries(fd, buffer, sizeof buffer) > 0);
}

CASE(reading_goes_on_from_a_remembered_place) {
    char name[32];
    MUST(mkdir("dir", 0755));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "dir/%d", i);
        MUST(mknod(name, S_IFREG | 0644, 0));
    }
    DIR *directory = opendir("dir");
    for (int i = 0; i < 10; i++)
        readdir(directory);
    long place = telldir(directory);
    strcpy(name, readdir(directory)->d_name);
    while (readdir(directory))
        ;
    seekdir(directory, place);
    IS(!strcmp(name, readdir(directory)->d_name));
    rewinddir(directory);
    int total = 0;
    while (readdir(directory))
        total++;
    say("total %d", total);
}

CASE(removing_while_reading_misses_none) {
    char name[32];
    MUST(mkdir("dir", 0755));
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "dir/%d", i);
        MUST(mknod(name, S_IFREG | 0644, 0));
    }
    DIR *directory = opendir("dir");
    struct dirent *entry;
    int removed = 0;
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
    say("removed %d", removed);
    TRY(rmdir("dir"));
}

CASE(a_removed_directory_reads_as_empty) {
    char buffer[1024];
    MUST(mkdir("dir", 0755));
    int fd = (int)TRY(open("dir", O_RDONLY | O_DIRECTORY));
    TRY(rmdir("dir"));
    TRY(entries(fd, buffer, sizeof buffer));
}

CASE(the_old_call) {
    char buffer[1024];
    MUST(mkdir("dir", 0755));
    put("dir/name", "x");
    int fd = (int)TRY(open("dir", O_RDONLY | O_DIRECTORY));
    IS(syscall(SYS_getdents, fd, buffer, sizeof buffer) == 24 * 3 || errno == ENOSYS);
    TRY(syscall(SYS_getdents, fd, buffer, sizeof buffer));
}
