/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * mmap(2) of files: sharing, coherence with read and write, ends of files, rights; msync(2).
 */
#include "check.h"
#include <linux/falloc.h>
#include <setjmp.h>

static sigjmp_buf back;
static void leave(int number) { siglongjmp(back, number); }

static const char *touch(volatile char *byte, bool write) {
    handle(SIGSEGV, leave, 0);
    handle(SIGBUS, leave, 0);
    int number = sigsetjmp(back, 1);
    if (number)
        return signal_name(number);
    if (write)
        *byte = 'w';
    else
        (void)*byte;
    return "ok";
}

static void outcome(const char *label, void *result) { say("%s: %s", label, result == MAP_FAILED ? errno_name(errno) : "ok"); }

static char *map(int fd, size_t length, int protection, int flags, off_t offset) {
    char *result = mmap(NULL, length, protection, flags, fd, offset);
    MUST(result == MAP_FAILED ? -1 : 0);
    return result;
}

CASE(shared_mappings_and_files_agree) {
    char text[16] = "";
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    char *area = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    say_bytes("mapped", area, 12);
    memcpy(area, "AB", 2);
    TRY(pread(fd, text, 10, 0));
    say("%s", text);
    show("a");
    TRY(pwrite(fd, "YZ", 2, 8));
    say_bytes("mapped", area, 12);
    area[11] = 'x';
    TRY(pread(fd, text, 16, 0));
    TRY(msync(area, 4096, MS_SYNC));
    TRY(munmap(area, 4096));
    show("a");
}

CASE(private_mappings_keep_their_writes) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDONLY));
    char *area = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    memcpy(area, "AB", 2);
    say_bytes("mapped", area, 10);
    show("a");
    IN_CHILD({
        area[2] = 'C';
        say_bytes("child", area, 10);
    });
    say_bytes("parent", area, 10);
}

CASE(two_mappings_and_two_processes_see_the_same) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    char *one = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0), *two = map(fd, 4096, PROT_READ, MAP_SHARED, 0);
    one[0] = 'x';
    say("%c", two[0]);
    IN_CHILD(one[1] = 'y');
    say("%c", two[1]);
    IN_CHILD({
        int other = (int)MUST(open("a", O_RDWR));
        char *third = map(other, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
        third[2] = 'z';
    });
    say("%c", two[2]);
    show("a");
}

CASE(offsets) {
    static char block[4096];
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 4; i++) {
        memset(block, '0' + i, sizeof block);
        MUST(write(fd, block, sizeof block));
    }
    char *area = map(fd, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, 8192);
    say("%c %c", area[0], area[4096]);
    area[0] = 'x';
    char byte;
    TRY(pread(fd, &byte, 1, 8192));
    say("%c", byte);
    outcome("unaligned", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 100));
    outcome("beyond the end", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1 << 20));
    outcome("overflowing", mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, INT64_MAX & ~4095l));
    outcome("negative", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, -4096));
    char *fixed = map(-1, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
    IS(mmap(fixed + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 4096) == fixed + 4096);
    say("%c %s", fixed[4096], touch(fixed, false));
}

CASE(rights_follow_the_way_it_was_opened) {
    put("a", "0123456789");
    static const struct {
        const char *name;
        int flags;
    } ways[] = {{"read", O_RDONLY}, {"write", O_WRONLY}, {"both", O_RDWR}, {"append", O_RDWR | O_APPEND}, {"path", O_PATH}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int fd = (int)MUST(open("a", ways[i].flags));
        say("%s", ways[i].name);
        outcome("  shared read", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
        outcome("  shared write", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        outcome("  shared write only", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0));
        outcome("  shared nothing", mmap(NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0));
        outcome("  private write", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
        outcome("  private exec", mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
    }
    int fd = (int)MUST(open("a", O_RDONLY));
    char *area = map(fd, 4096, PROT_READ, MAP_SHARED, 0);
    TRY(mprotect(area, 4096, PROT_READ | PROT_WRITE));
    char *own = map(fd, 4096, PROT_READ, MAP_PRIVATE, 0);
    TRY(mprotect(own, 4096, PROT_READ | PROT_WRITE));
    own[0] = 'x';
    show("a");
}

CASE(things_that_cannot_be_mapped) {
    int pipes[2];
    MUST(pipe(pipes));
    outcome("pipe", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, pipes[0], 0));
    outcome("directory", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, (int)MUST(open(".", O_RDONLY)), 0));
    outcome("null", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, (int)MUST(open("/dev/null", O_RDWR)), 0));
    put("a", "abc");
    outcome("length 0", mmap(NULL, 0, PROT_READ, MAP_PRIVATE, (int)MUST(open("a", O_RDONLY)), 0));
    outcome("bad kind", mmap(NULL, 4096, PROT_READ, 0, (int)MUST(open("a", O_RDONLY)), 0));
    outcome("validated", mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE, (int)MUST(open("a", O_RDONLY)), 0));
    int zero = (int)MUST(open("/dev/zero", O_RDWR));
    char *area = map(zero, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
    say("zero: %d", area[100]);
    area = map(zero, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    IN_CHILD(area[0] = 5);
    say("shared zero: %d", area[0]);
}

CASE(the_end_of_the_file) {
    put("a", "abc");
    int fd = (int)TRY(open("a", O_RDWR));
    char *area = map(fd, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    say("%s %s", touch(area + 4095, false), touch(area + 4096, false));
    MUST(ftruncate(fd, 5000));
    say("%s %s", touch(area + 4096, true), touch(area + 8192, true));
    char byte = 0;
    TRY(pread(fd, &byte, 1, 4096));
    say("%c", byte);
    MUST(ftruncate(fd, 2));
    say("%s %s", touch(area, false), touch(area + 4096, false));
    MUST(ftruncate(fd, 4096));
    say_bytes("after", area, 4);
    char *empty = map((int)MUST(open("b", O_RDWR | O_CREAT, 0644)), 4096, PROT_READ, MAP_PRIVATE, 0);
    say("%s", touch(empty, false));
}

CASE(a_mapping_outlives_its_descriptor_and_its_name) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    char *area = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    TRY(close(fd));
    area[0] = 'x';
    show("a");
    TRY(unlink("a"));
    area[1] = 'y';
    say_bytes("mapped", area, 10);
}

CASE(read_into_and_write_from_a_mapping_of_the_same_file) {
    put("a", "0123456789");
    int fd = (int)TRY(open("a", O_RDWR));
    char *area = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    TRY(pread(fd, area + 5, 3, 0));
    show("a");
    TRY(pwrite(fd, area, 3, 7));
    show("a");
    TRY(pwrite(fd, area, 4, 10));
    show("a");
    TRY(pread(fd, area + 4096 - 2, 4, 0));
}

CASE(writing_times_and_the_program_itself) {
    extern char etext;
    (void)etext;
    int fd = (int)TRY(open("/proc/self/exe", O_RDONLY));
    char *area = map(fd, 4096, PROT_READ, MAP_PRIVATE, 0);
    say_bytes("magic", area, 4);
    outcome("shared write", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
}

CASE(mremap_and_madvise_of_a_file) {
    static char block[4096];
    int fd = (int)TRY(open("a", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 3; i++) {
        memset(block, '0' + i, sizeof block);
        MUST(write(fd, block, sizeof block));
    }
    char *area = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
    area = mremap(area, 4096, 3 * 4096, MREMAP_MAYMOVE);
    outcome("grow", area);
    say("%c %c %c", area[0], area[4096], area[8192]);
    area[8192] = 'x';
    char *own = map(fd, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, 8192);
    own[0] = 'y';
    TRY(madvise(own, 4096, MADV_DONTNEED));
    say("%c", own[0]);
    TRY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
    say("%d %c", area[0], area[4096]);
}
