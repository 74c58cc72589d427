/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2) on anonymous memory.
 * build: static dynamic
 */
#include "check.h"
#include <setjmp.h>

static sigjmp_buf back;
static void leave(int number) { siglongjmp(back, number); }

/* "ok", or the signal that a read (or a write) of this byte raises. */
static const char *touch(volatile char *byte, bool write) {
    handle(SIGSEGV, leave, 0);
    handle(SIGBUS, leave, 0);
    int number = sigsetjmp(back, 1);
    if (number)
        return signal_name(number);
    if (write)
        *byte = 1;
    else
        (void)*byte;
    return "ok";
}

static char *map(size_t length, int protection) {
    return mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void outcome(const char *label, void *result) { say("%s: %s", label, result == MAP_FAILED ? errno_name(errno) : "ok"); }

CASE(anonymous_memory_is_zero_and_page_aligned) {
    unsigned char *area = (void *)map(100000, PROT_READ | PROT_WRITE);
    int sum = 0;
    for (int i = 0; i < 100000; i++)
        sum |= area[i];
    say("sum %d aligned %d", sum, (uintptr_t)area % 4096 == 0);
    TRY(munmap(area, 100000));
    say("%s", touch((char *)area, false));
}

CASE(arguments_of_mmap) {
    outcome("length 0", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    outcome("no kind", mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0));
    outcome("both kinds", mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    outcome("huge", mmap(NULL, (size_t)1 << 60, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    outcome("wrapping", mmap(NULL, (size_t)-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    outcome("fixed unaligned", mmap((void *)0x10001, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    outcome("fixed in the kernel", mmap((void *)0xffff800000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    outcome("fixed at the end",
            mmap((void *)0x7ffffffff000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    outcome("unaligned offset", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 100));
    outcome("bad descriptor", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 77, 0));
    outcome("anonymous with a bad descriptor", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 77, 0));
    outcome("low 32 bits", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    outcome("populated", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0));
    outcome("stack", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_GROWSDOWN, -1, 0));
}

CASE(fixed_places) {
    char *area = map(3 * 4096, PROT_READ | PROT_WRITE);
    memset(area, 'x', 3 * 4096);
    void *middle = mmap(area + 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    IS(middle == area + 4096);
    say("%d %d %d", area[0], area[4096], area[8192]);
    outcome("noreplace", mmap(area, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    MUST(munmap(area + 4096, 4096));
    IS(mmap(area + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == area + 4096);
    MUST(munmap(area + 4096, 4096));
    IS(mmap(area + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == area + 4096);
    IS(mmap(area, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == area);
}

CASE(munmap_and_its_errors) {
    char *area = map(4 * 4096, PROT_READ | PROT_WRITE);
    TRY(munmap(area + 4096, 4096));
    say("%s %s %s", touch(area, false), touch(area + 4096, false), touch(area + 8192, false));
    TRY(munmap(area, 4 * 4096));
    TRY(munmap(area, 4 * 4096));
    TRY(munmap(area + 1, 4096));
    TRY(munmap(area, 0));
    TRY(munmap((void *)0xffff800000000000, 4096));
    TRY(munmap(area, (size_t)-1));
}

CASE(protections) {
    char *area = map(3 * 4096, PROT_READ | PROT_WRITE);
    static const int kinds[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        MUST(mprotect(area + 4096, 4096, kinds[i]));
        say("%d: read %s", kinds[i], touch(area + 4096, false));
        say("%d: write %s", kinds[i], touch(area + 4096, true));
    }
    say("neighbours %s %s", touch(area, true), touch(area + 8192, true));
    TRY(mprotect(area + 1, 4096, PROT_READ));
    TRY(mprotect(area, 0, PROT_READ));
    TRY(mprotect(area, 4096, 0x100));
    MUST(munmap(area + 4096, 4096));
    TRY(mprotect(area, 3 * 4096, PROT_READ));
    TRY(mprotect((void *)0x10000, 4096, PROT_READ));
    say("first page %s", touch(area, true));
}

CASE(code_can_be_written_and_run) {
    unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
    char *area = map(4096, PROT_READ | PROT_WRITE);
    memcpy(area, code, sizeof code);
    MUST(mprotect(area, 4096, PROT_READ | PROT_EXEC));
    say("%d", ((int (*)(void))area)());
    area = map(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(area, code, sizeof code);
    say("%d", ((int (*)(void))area)());
}

CASE(system_calls_made_from_written_code) {
    unsigned char code[] = {0xb8, SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0xc3};
    char *area = map(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(area, code, sizeof code);
    int wrong = 0;
    for (int i = 0; i < 50; i++)
        wrong += ((int (*)(void))area)() != getppid();
    area[1] = SYS_getuid;
    wrong += ((unsigned (*)(void))area)() != getuid();
    say("wrong %d", wrong);
}

CASE(mremap_grows_moves_and_shrinks) {
    char *area = map(2 * 4096, PROT_READ | PROT_WRITE);
    memset(area, 'x', 2 * 4096);
    char *grown = mremap(area, 2 * 4096, 8 * 4096, MREMAP_MAYMOVE);
    outcome("grow", grown);
    say("%d %d %d", grown[0], grown[8191], grown[8192]);
    char *shrunk = mremap(grown, 8 * 4096, 4096, 0);
    IS(shrunk == grown);
    say("%s", touch(grown + 4096, false));
    char *target = map(4096, PROT_READ);
    char *moved = mremap(shrunk, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    IS(moved == target);
    say("%d %s", moved[0], touch(shrunk, false));
    outcome("unaligned", mremap(moved + 1, 4096, 4096, MREMAP_MAYMOVE));
    outcome("size 0", mremap(moved, 4096, 0, MREMAP_MAYMOVE));
    outcome("flags", mremap(moved, 4096, 4096, 0x80));
    outcome("fixed alone", mremap(moved, 4096, 4096, MREMAP_FIXED, target));
    outcome("not mapped", mremap((void *)0x10000, 4096, 8192, MREMAP_MAYMOVE));
    outcome("beyond", mremap(moved, 1 << 30, 1 << 30, MREMAP_MAYMOVE));
}

CASE(brk) {
    char *start = sbrk(0);
    IS(sbrk(100000) == start);
    memset(start, 'x', 100000);
    IS(sbrk(0) == start + 100000);
    IS(brk(start) == 0 && sbrk(0) == start);
    IS(sbrk(100000) == start && start[50000] == 0);
    IS((char *)syscall(SYS_brk, 0) == sbrk(0));
    IS((char *)syscall(SYS_brk, (void *)0xffff800000000000) == sbrk(0));
    IN_CHILD(IS(sbrk(0) == start + 100000 && sbrk(4096) != (void *)-1));
    IS(sbrk(0) == start + 100000);
}

CASE(madvise) {
    char *area = map(4 * 4096, PROT_READ | PROT_WRITE);
    memset(area, 'x', 4 * 4096);
    TRY(madvise(area + 4096, 4096, MADV_DONTNEED));
    say("%d %d %d", area[0], area[4096], area[8192]);
    TRY(madvise(area, 4 * 4096, MADV_NORMAL));
    TRY(madvise(area, 4 * 4096, MADV_WILLNEED));
    TRY(madvise(area, 4 * 4096, MADV_FREE));
    TRY(madvise(area, 4 * 4096, MADV_DONTFORK));
    IN_CHILD(say("%s", touch(area, false)));
    TRY(madvise(area, 4 * 4096, MADV_DOFORK));
    TRY(madvise(area, 4096, MADV_WIPEONFORK));
    area[0] = 'y';
    area[4096] = 'z';
    IN_CHILD(say("%d %d", area[0], area[4096]));
    TRY(madvise(area + 1, 4096, MADV_NORMAL));
    TRY(madvise(area, 4096, 9999));
    TRY(madvise((void *)0x10000, 4096, MADV_DONTNEED));
    TRY(madvise(area, 0, MADV_DONTNEED));
}

CASE(private_and_shared_memory_across_fork) {
    char *own = map(4096, PROT_READ | PROT_WRITE);
    char *common = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    own[0] = common[0] = 1;
    IN_CHILD({
        own[0] = common[0] = common[5000] = 2;
        IN_CHILD(common[1] = 3);
    });
    say("own %d common %d %d %d", own[0], common[0], common[1], common[5000]);
}

CASE(locking_and_residence) {
    unsigned char pages[4] = {0};
    char *area = map(2 * 4096, PROT_READ | PROT_WRITE);
    area[0] = 1;
    TRY(mincore(area, 4096, pages));
    say("%d", pages[0] & 1);
    TRY(mincore(area + 1, 4096, pages));
    TRY(mincore(area, 4096, BAD));
    TRY(mincore((void *)0x10000, 4096, pages));
    TRY(mlock(area, 4096));
    TRY(munlock(area, 4096));
    TRY(mlockall(0));
    TRY(munlockall());
    TRY(msync(area, 4096, MS_SYNC));
    TRY(msync(area, 4096, MS_SYNC | MS_ASYNC));
    TRY(msync(area + 1, 4096, MS_SYNC));
    TRY(msync(area, 4096, 0x80));
    TRY(msync((void *)0x10000, 4096, MS_SYNC));
}

CASE(memory_of_another_process_of_ours) {
    char text[8] = "";
    static char secret[8] = "secret";
    struct iovec local = {text, 7}, remote = {secret, 7}, bad = {BAD, 7};
    TRY(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0));
    say("%s", text);
    TRY(syscall(SYS_process_vm_readv, getpid(), &local, 1, &bad, 1, 0));
    TRY(syscall(SYS_process_vm_readv, 0x7fffffff, &local, 1, &remote, 1, 0));
    TRY(syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 7));
}
