/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What handlers are told about faults, jumping out of handlers, registers across handlers.
 */
#include "check.h"
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static siginfo_t told;
static void leave(int number, siginfo_t *info, void *context) {
    (void)context;
    told = *info;
    siglongjmp(back, number);
}

#define FAULT(...)                                                                                                   \
    do {                                                                                                             \
        int number_ = sigsetjmp(back, 1);                                                                            \
        if (number_ == 0) {                                                                                          \
            __VA_ARGS__;                                                                                             \
            say("%s: no fault", #__VA_ARGS__);                                                                       \
        } else                                                                                                       \
            say("%s: %s code %d", #__VA_ARGS__, signal_name(number_), told.si_code);                                 \
    } while (0)

static void install(void) {
    struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGSEGV, &action, NULL));
    MUST(sigaction(SIGBUS, &action, NULL));
    MUST(sigaction(SIGILL, &action, NULL));
    MUST(sigaction(SIGFPE, &action, NULL));
    MUST(sigaction(SIGTRAP, &action, NULL));
    MUST(sigaction(SIGSYS, &action, NULL));
}

CASE(codes_and_addresses) {
    install();
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FAULT(*(volatile char *)BAD);
    IS(told.si_addr == BAD);
    FAULT(*(volatile char *)page = 1);
    IS(told.si_addr == page);
    FAULT(((void (*)(void))page)());
    IS(told.si_addr == page);
    FAULT(*(volatile char *)0x8000000000000000);
    IS(told.si_addr == NULL);
    volatile int zero = 0;
    FAULT(say("%d", 100 / zero));
    FAULT(__builtin_trap());
    FAULT(__asm__ volatile("int3"));
    FAULT(__asm__ volatile("hlt"));
    FAULT(*(volatile char *)BAD);
}

CASE(beyond_the_end_of_a_mapped_file) {
    install();
    put("a", "abc");
    int fd = (int)MUST(open("a", O_RDWR));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    say_bytes("first page", map, 5);
    FAULT(*(volatile char *)(map + 4096));
    IS(told.si_addr == map + 4096);
    FAULT(*(volatile char *)(map + 5000) = 1);
    IS(told.si_addr == map + 5000);
    MUST(ftruncate(fd, 6000));
    FAULT(*(volatile char *)(map + 5000) = 'x');
    MUST(ftruncate(fd, 0));
    FAULT(*(volatile char *)map);
}

__attribute__((noinline)) static int deepen(volatile char *above) {
    volatile char here[4096];
    if (above == BAD)
        return 0;
    here[0] = above ? above[0] : 1;
    return deepen(here) + here[0];
}

CASE(a_stack_overflow_is_caught_on_an_alternate_stack) {
    static char area[65536];
    stack_t stack = {.ss_sp = area, .ss_size = sizeof area};
    struct sigaction action = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct rlimit limit;
    MUST(sigaltstack(&stack, NULL));
    MUST(sigaction(SIGSEGV, &action, NULL));
    MUST(getrlimit(RLIMIT_STACK, &limit));
    limit.rlim_cur = 1 << 20;
    MUST(setrlimit(RLIMIT_STACK, &limit));
    FAULT(deepen(NULL));
    struct sigaction plain = {.sa_sigaction = leave, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGSEGV, &plain, NULL));
    IN_CHILD(deepen(NULL));
}

static volatile int calls;
static void clobber(int number) {
    (void)number;
    calls++;
    __asm__ volatile("pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15; fninit" ::: "xmm7", "xmm15", "memory");
    errno = 77;
}

CASE(vector_registers_survive_a_handler) {
    handle(SIGUSR1, clobber, 0);
    double in[2] = {1.5, -2.25}, out[2] = {0, 0};
    long number = SYS_tgkill, pid = getpid(), tid = gettid(), signo = SIGUSR1, result;
    __asm__ volatile("movupd %[in], %%xmm7\n\tmovupd %[in], %%xmm15\n\tsyscall\n\tmovupd %%xmm7, %[out]"
                     : "=a"(result), [out] "=m"(out)
                     : "a"(number), "D"(pid), "S"(tid), "d"(signo), [in] "m"(in)
                     : "rcx", "r11", "xmm7", "xmm15", "memory");
    say("result %ld, calls %d, %g %g", result, calls, out[0], out[1]);
}

CASE(registers_survive_system_calls) {
    long kept[6] = {0}, result, flags;
    register long r10 __asm__("r10") = 0x1010, r8 __asm__("r8") = 0x808, r9 __asm__("r9") = 0x909;
    __asm__ volatile("mov $0x1212, %%r12\n\tmov $0x1313, %%r13\n\tmov $0x1b1b, %%rbx\n\tstd\n\tsyscall\n\tpushfq\n\tcld\n\t"
                     "pop %[flags]\n\tmov %%r12, %[a]\n\tmov %%r13, %[b]\n\tmov %%rbx, %[c]"
                     : "=a"(result), [a] "=m"(kept[0]), [b] "=m"(kept[1]), [c] "=m"(kept[2]), [flags] "=&r"(flags),
                       "+r"(r10), "+r"(r8), "+r"(r9)
                     : "a"((long)SYS_close), "D"(-1l), "S"(0x5151l), "d"(0xd1d1l)
                     : "rcx", "r11", "r12", "r13", "rbx", "memory");
    say("result %s, r12 %lx r13 %lx rbx %lx r10 %lx r8 %lx r9 %lx direction %d", errno_name((int)-result), kept[0], kept[1],
        kept[2], r10, r8, r9, !!(flags & 0x400));
}

CASE(a_clone_keeps_vector_registers_too) {
    double in[2] = {3.5, 4.25}, out[2] = {0, 0};
    long result;
    fflush(stdout);
    register long r10 __asm__("r10") = 0, r8 __asm__("r8") = 0;
    __asm__ volatile("movupd %[in], %%xmm9\n\tsyscall\n\tmovupd %%xmm9, %[out]"
                     : "=a"(result), [out] "=m"(out)
                     : "a"((long)SYS_clone), "D"((long)SIGCHLD), "S"(0l), "d"(0l), "r"(r10), "r"(r8), [in] "m"(in)
                     : "rcx", "r11", "xmm9", "memory");
    if (result == 0) {
        say("child %g %g", out[0], out[1]);
        _exit(0);
    }
    JOIN((pid_t)result);
    say("parent %g %g", out[0], out[1]);
}

CASE(an_unknown_call_number_gives_ENOSYS) {
    TRY(syscall(99999));
    TRY(syscall(0x1fff));
    TRY(syscall(600, BAD, BAD, BAD));
    TRY(syscall(SYS_uselib, BAD));
    TRY(syscall(SYS_create_module));
    TRY(syscall(SYS_get_kernel_syms));
    TRY(syscall(183));
}

CASE(longjmp_out_of_a_handler_in_a_loop) {
    install();
    static volatile int rounds;
    for (rounds = 0; rounds < 200; rounds++)
        if (sigsetjmp(back, 1) == 0)
            *(volatile char *)BAD = 1;
    say("rounds %d", rounds);
}
