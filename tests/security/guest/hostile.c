/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a program that wants out tries: calls that no kernel has, foreign architectures, the stub's own system call
 * instruction with registers of its choice, floods. Each case runs the attack in a child and then sees whether the
 * sandbox still works. A line that begins with BREACH means that something got through.
 */
#include "../../conformance/guest/check.h"

#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <ucontext.h>

#define STUB 0x200000000000ul
#define STUB_END (STUB + 0x10000)
#define MARK (0x50595343l << 32) /* how the stub tells the filters that a descriptor is a real one */

static sigjmp_buf back;
static void leave(int number) { siglongjmp(back, number); }

/* Files, processes and pipes still work. */
static void still_works(void) {
    char text[8] = "";
    int pipes[2], status = 0;
    put("works", "yes");
    MUST(pipe(pipes));
    pid_t child = CHILD(_exit(write(pipes[1], "x", 1) == 1 ? 5 : 6));
    MUST(waitpid(child, &status, 0));
    MUST(read(pipes[0], text, 1));
    say("the sandbox works: %d", !strcmp(get("works"), "yes") && text[0] == 'x' && WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

/* Runs an attack in a child that is killed after two seconds, and says how it ended. */
#define ATTACK(name, ...)                                                                                            \
    do {                                                                                                             \
        pid_t attacker_ = CHILD({                                                                                    \
            setpgid(0, 0);                                                                                           \
            __VA_ARGS__;                                                                                             \
        });                                                                                                          \
        setpgid(attacker_, attacker_);                                                                               \
        end(name, attacker_);                                                                                        \
    } while (0)

static void end(const char *name, pid_t attacker) {
    int status = 0, tries = 0;
    while (waitpid(attacker, &status, WNOHANG) == 0 && tries++ < 2000)
        check_pause();
    if (tries >= 2000) {
        kill(-attacker, SIGKILL);
        kill(attacker, SIGKILL);
        waitpid(attacker, &status, 0);
        say("%s: had to be killed", name);
    } else {
        say_status(name, status);
    }
    kill(-attacker, SIGKILL);
}

/* --- one call through the stub's own instruction: single-stepped, so that control comes back after it --- */

static unsigned long site, result;
static volatile bool came_back;

/* A trap comes before the instruction (after the jump to it), and one after the instruction that follows it, or a
 * fault if that one goes astray. The result is still in rax then. */
static void step(int number, siginfo_t *info, void *context) {
    (void)info;
    ucontext_t *frame = context;
    if (number == SIGTRAP && (unsigned long)frame->uc_mcontext.gregs[REG_RIP] == site)
        return;
    result = (unsigned long)frame->uc_mcontext.gregs[REG_RAX];
    came_back = true;
    siglongjmp(back, 1);
}

/* The addresses of the stub's system call instructions. */
static int find_sites(unsigned long *sites, int room) {
    int count = 0;
    handle(SIGSEGV, leave, 0);
    handle(SIGBUS, leave, 0);
    for (volatile unsigned long address = STUB; address < STUB_END && count < room; address++) {
        if (sigsetjmp(back, 1)) {
            address |= 4095;
            continue;
        }
        if (*(volatile unsigned char *)address == 0x0f && *(volatile unsigned char *)(address + 1) == 0x05)
            sites[count++] = address;
    }
    return count;
}

/* -4096 if the call never came back. */
static long at_stub(long number, long a, long b, long c, long d, long e, long f) {
    struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO | SA_NODEFER};
    static const int numbers[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    came_back = false;
    if (sigsetjmp(back, 1) == 0) {
        register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
        unsigned long target = site;
        __asm__ volatile("sub $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tjmp *%[target]"
                         :
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), [target] "r"(target)
                         : "rcx", "r11", "memory");
    }
    return came_back ? (long)result : -4096;
}

/* The sites whose result can be seen, which are tried with calls of a known one. (What follows elsewhere changes rax.) */
static int usable_sites(unsigned long *sites, int room) {
    int found = find_sites(sites, room), count = 0;
    for (int i = 0; i < found; i++) {
        int status = 0;
        site = sites[i];
        pid_t parent = getpid(), child = CHILD({
            alarm(2);
            long good = at_stub(SYS_getppid, 0, 0, 0, 0, 0, 0) == parent && at_stub(SYS_uname, 16, 0, 0, 0, 0, 0) == -EFAULT;
            _exit(good ? 0 : 1);
        });
        MUST(waitpid(child, &status, 0));
        if (status == 0)
            sites[count++] = site;
    }
    return count;
}

#define EACH_SITE(...)                                                                                               \
    do {                                                                                                             \
        unsigned long sites_[64];                                                                                    \
        int count_ = usable_sites(sites_, 64);                                                                       \
        if (!count_)                                                                                                 \
            say("no stub was found");                                                                                \
        /* The filters look at the address' range only: three of them stand for all. */                              \
        for (int i_ = 0; i_ < 3 && i_ < count_; i_++) {                                                              \
            site = sites_[i_ * (count_ - 1) / 2];                                                                    \
            __VA_ARGS__;                                                                                             \
        }                                                                                                            \
    } while (0)

CASE(the_stub_is_where_the_attacks_look_for_it) {
    unsigned long sites[64];
    say("found: %d", find_sites(sites, 64) > 0);
    say("usable: %d", usable_sites(sites, 64) >= 3);
    still_works();
}

CASE(namespaces_through_the_stub) {
    static const unsigned long flags[] = {CLONE_NEWNS,  CLONE_NEWUTS,    CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
                                          CLONE_NEWNET, CLONE_NEWCGROUP, 0x80,         CLONE_NEWUSER | CLONE_VM};
    EACH_SITE({
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
            ATTACK("clone", {
                long pid = at_stub(SYS_clone, (long)(flags[i] | SIGCHLD), 0, 0, 0, 0, 0);
                if (pid >= 0)
                    say("BREACH: clone with %#lx gave %s", flags[i], pid ? "a child" : "a life as one");
                _exit(0);
            });
            ATTACK("unshare", {
                if (at_stub(SYS_unshare, (long)flags[i], 0, 0, 0, 0, 0) == 0 && flags[i] & CLONE_NEWUSER)
                    say("unshare said yes");
                _exit(0);
            });
        }
    });
    still_works();
}

CASE(children_that_the_sentry_was_not_asked_for) {
    EACH_SITE({
        ATTACK("clone", {
            long pid = at_stub(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
            if (pid == 0 || pid == -4096) {
                int fd = open("/etc/hostname", O_RDONLY);
                (void)fd;
                _exit(0);
            }
            if (pid > 0)
                waitpid((pid_t)pid, NULL, 0);
            _exit(0);
        });
        ATTACK("thread", {
            static char stack[4096];
            at_stub(SYS_clone, CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD, (long)(stack + 4000), 0, 0, 0, 0);
            _exit(0);
        });
        ATTACK("vfork", at_stub(SYS_vfork, 0, 0, 0, 0, 0, 0));
        ATTACK("fork", at_stub(SYS_fork, 0, 0, 0, 0, 0, 0));
        ATTACK("clone3", {
            static long arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
            long pid = at_stub(SYS_clone3, (long)arguments, sizeof arguments, 0, 0, 0, 0);
            if (pid >= 0)
                say("BREACH: clone3 gave %ld", pid);
            _exit(0);
        });
    });
    still_works();
}

CASE(programs_that_the_sentry_was_not_asked_for) {
    char *arguments[] = {"sh", "-c", "echo BREACH: a shell ran", NULL}, *environment[] = {NULL};
    EACH_SITE({
        ATTACK("execve", at_stub(SYS_execve, (long)"/bin/sh", (long)arguments, (long)environment, 0, 0, 0); _exit(0));
        for (long fd = 0; fd < 70; fd += fd < 3 || fd > 40 ? 1 : 19)
            for (long mark = 0; mark < 2; mark++)
                ATTACK("execveat", {
                    at_stub(SYS_execveat, mark ? MARK | fd : fd, (long)"", (long)arguments, (long)environment, AT_EMPTY_PATH, 0);
                    _exit(0);
                });
        ATTACK("execveat path",
               at_stub(SYS_execveat, AT_FDCWD, (long)"/bin/sh", (long)arguments, (long)environment, 0, 0); _exit(0));
        ATTACK("execveat proc",
               at_stub(SYS_execveat, 63, (long)"/proc/self/exe", (long)arguments, (long)environment, 0, 0); _exit(0));
    });
    still_works();
}

CASE(real_descriptors_through_the_stub) {
    EACH_SITE({
        ATTACK("mmap", {
            for (long fd = 0; fd < 256; fd++)
                for (int marked = 0; marked < 2; marked++) {
                    long address = at_stub(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, marked ? MARK | fd : fd, 0);
                    if (address > 0)
                        say("BREACH: descriptor %ld can be mapped for writing", fd);
                }
            _exit(0);
        });
        ATTACK("close", {
            for (long fd = 0; fd < 256; fd++)
                at_stub(SYS_close, MARK | fd, 0, 0, 0, 0, 0);
            fork();
            _exit(0);
        });
        ATTACK("dup", at_stub(SYS_dup2, 63, 5, 0, 0, 0, 0); _exit(0));
    });
    still_works();
}

CASE(forbidden_calls_through_the_stub) {
    static const long numbers[] = {SYS_ptrace,     SYS_mount,    SYS_umount2,      SYS_pivot_root, SYS_chroot,      SYS_bpf,
                                   SYS_keyctl,     SYS_add_key,  SYS_request_key,  SYS_setns,      SYS_init_module, SYS_kexec_load,
                                   SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_open_by_handle_at, SYS_reboot,
                                   SYS_swapon,     SYS_iopl,     SYS_ioperm,       SYS_modify_ldt, SYS_process_vm_writev};
    EACH_SITE({
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            ATTACK("call", {
                long value = at_stub(numbers[i], 0x7fffffff, 0, 0, 0, 0, 0);
                if (value >= 0)
                    say("BREACH: call %ld gave %ld", numbers[i], value);
                _exit(0);
            });
        ATTACK("socket", {
            /* The sentry's own sockets are no breach; a packet socket of the host would be. */
            if (at_stub(SYS_socket, AF_NETLINK, SOCK_RAW, 16, 0, 0, 0) >= 0 && at_stub(SYS_socket, 16, 3, 9, 0, 0, 0) >= 0)
                say("BREACH: an audit socket");
            _exit(0);
        });
    });
    still_works();
}

CASE(private_calls_of_the_stub) {
    static const long values[][6] = {
        {0, 0, 0, 0, 0, 0}, {-1, -1, -1, -1, -1, -1}, {16, 16, 16, 16, 16, 16}, {3, 32768, 5, 1, 0, 0}, {63, 4096, 1, 2, 0, 0}};
    for (long number = 0x30000000; number < 0x30000010; number++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            ATTACK("private", {
                const long *v = values[i];
                syscall(number, v[0], v[1], v[2], v[3], v[4], v[5]);
                getppid();
                _exit(0);
            });
    static char plan[32768];
    EACH_SITE({
        ATTACK("load", at_stub(0x30000001, (long)plan, sizeof plan, 0, 0, 0, 0); _exit(0));
        ATTACK("map", at_stub(0x30000004, 0, 1 << 30, 7, 2, 0, 0); _exit(0));
        ATTACK("child", at_stub(0x30000005, 1, 1, 0, 0, 0, 0); _exit(0));
        ATTACK("cloned", at_stub(0x30000006, 1, 1, 0, 0, 0, 0); _exit(0));
    });
    still_works();
}

CASE(asking_to_load_without_exec_is_fatal) {
    static char plan[32768];
    ATTACK("load", syscall(0x30000001, plan, sizeof plan); say("BREACH: came back"));
    still_works();
}

/* A set-user-ID program is asked for, but never executed: the plan must not come with its credentials. */
CASE(credentials_without_exec_are_not_given) {
    static char plan[32768];
    char *arguments[] = {"x", NULL};
    MUST(system("cp /bin/true own && chmod 4755 own && chmod 755 ."));
    ATTACK("rise", {
        MUST(setresgid(1000, 1000, 1000));
        MUST(setresuid(1000, 1000, 1000));
        syscall(0x30000002, AT_FDCWD, "own", arguments, NULL, 0);
        syscall(0x30000001, plan, sizeof plan);
        if (geteuid() == 0)
            say("BREACH: became root");
        say("BREACH: came back");
    });
    still_works();
}

/* Children made behind the sentry's back, which claim to be those that somebody else's clone will make. */
CASE(the_place_of_anothers_child_is_not_to_be_had) {
    ATTACK("claim", {
        for (long cookie = 1; cookie < 64; cookie++)
            syscall(0x30000005, cookie, 2);
    });
    still_works();
}

CASE(the_stub_removed_or_changed) {
    ATTACK("unmapped", munmap((void *)STUB, 0x10000); fork(); _exit(0));
    ATTACK("unreadable", mprotect((void *)STUB, 0x10000, PROT_NONE); fork(); _exit(0));
    ATTACK("changed", {
        if (mprotect((void *)STUB, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC) == 0) {
            unsigned char code[] = {0x0f, 0x05, 0xc3};
            memcpy((void *)(STUB + 0x800), code, sizeof code);
            long (*call)(long, long, long) = (void *)(STUB + 0x800);
            (void)call;
            register long number __asm__("rax") = SYS_unshare;
            __asm__ volatile("call *%[site]" : "+r"(number) : [site] "r"(STUB + 0x800), "D"(CLONE_NEWUSER) : "rcx", "r11", "memory");
            if (number == 0)
                say("unshare said yes");
        }
        fork();
        _exit(0);
    });
    ATTACK("replaced", {
        mmap((void *)STUB, 0x10000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        fork();
        _exit(0);
    });
    ATTACK("moved", mremap((void *)STUB, 0x1000, 0x1000, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000); fork(); _exit(0));
    still_works();
}

CASE(SIGSYS_taken_or_blocked) {
    ATTACK("handled", handle(SIGSYS, SIG_IGN, 0); fork(); _exit(0));
    EACH_SITE({
        ATTACK("taken", {
            static long action[4] = {0, 0x04000000, 0, 0};
            action[0] = (long)leave;
            at_stub(SYS_rt_sigaction, SIGSYS, (long)action, 0, 8, 0, 0);
            fork();
            _exit(0);
        });
        ATTACK("blocked", {
            static long mask = -1;
            at_stub(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8, 0, 0);
            fork();
            _exit(0);
        });
    });
    ATTACK("sent", kill(getpid(), SIGSYS); _exit(0));
    ATTACK("no stack", {
        stack_t stack = {.ss_sp = BAD, .ss_size = 65536};
        sigaltstack(&stack, NULL);
        handle(SIGUSR1, SIG_DFL, 0);
        fork();
        _exit(0);
    });
    ATTACK("bad stack pointer", __asm__ volatile("xor %%esp, %%esp; mov $57, %%eax; syscall" ::: "rax", "rcx", "r11", "memory"));
    ATTACK("returned from no signal", syscall(SYS_rt_sigreturn); _exit(0));
    still_works();
}

CASE(foreign_architectures_are_killed) {
    ATTACK("int 0x80", {
        long value;
        __asm__ volatile("int $0x80" : "=a"(value) : "a"(20l) : "memory");
        say("BREACH: int 0x80 gave %ld", value);
    });
    /* Killed, or a number that no kernel has. */
    static const long numbers[] = {SYS_getpid, SYS_open, SYS_execve, 512, 520, 547};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ATTACK("x32", {
            if (syscall(0x40000000 | numbers[i], "/etc/passwd", 0, 0) != -1 || errno != ENOSYS)
                say("BREACH: x32 number %ld is known", numbers[i]);
        });
    ATTACK("sysenter", __asm__ volatile("sysenter" ::: "memory"); say("BREACH: sysenter came back"));
    ATTACK("32-bit code", {
        unsigned char code[] = {0xb8, 0x14, 0, 0, 0, 0xcd, 0x80, 0xf4};
        char *low = mmap((void *)0x20000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memcpy(low, code, sizeof code);
        __asm__ volatile("pushq $0x23; pushq $0x20000; lretq" ::: "memory");
    });
    still_works();
}

static const long skipped[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_kill, SYS_tgkill, SYS_tkill, SYS_setpgid, SYS_setsid,
                               SYS_alarm, SYS_setitimer, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_munmap, SYS_mprotect, SYS_mmap,
                               SYS_mremap, SYS_brk, SYS_arch_prctl, SYS_close_range, SYS_vfork, SYS_fork, SYS_clone, SYS_setrlimit,
                               SYS_prlimit64, SYS_shmat, SYS_execve, SYS_execveat, SYS_reboot, SYS_pkey_mprotect, SYS_sync,
                               SYS_sigaltstack, SYS_vhangup, SYS_set_robust_list, SYS_rseq,
                               /* uretprobe and uprobe: seccomp lets them pass; they raise SIGILL outside a probe */
                               335, 336};

static bool skip(long number) {
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        if (skipped[i] == number)
            return true;
    return false;
}

static void nothing(int number) { (void)number; }

static void all_numbers(long first, long last, unsigned long seed) {
    static char area[65536];
    handle(SIGALRM, nothing, 0);
    tick(5);
    dup2(open("/dev/null", O_RDWR), 9);
    for (long number = first; number < last; number++) {
        if (skip(number))
            continue;
        long values[6];
        for (int i = 0; i < 6; i++) {
            seed = seed * 6364136223846793005ul + 1442695040888963407ul;
            static const long kinds[] = {0, 1, -1, 9, 16, 4096, 1l << 31, 1l << 47, INT64_MIN, 0xffff888000000000};
            unsigned choice = (unsigned)(seed >> 33) % 12;
            values[i] = choice < 10 ? kinds[choice] : choice == 10 ? (long)area : (long)(seed >> 20);
        }
        syscall(number, values[0], values[1], values[2], values[3], values[4], values[5]);
    }
    _exit(0);
}

CASE(every_number_with_random_arguments) {
    MUST(dup2((int)MUST(open("/dev/null", O_RDWR)), 0));
    for (unsigned long seed = 1; seed <= 6; seed++)
        ATTACK("numbers", int out = open("/dev/null", O_WRONLY); dup2(out, 1); dup2(out, 2); all_numbers(0, 470, seed * 7919));
    still_works();
}

CASE(numbers_that_no_kernel_has) {
    ATTACK("numbers", {
        static const long numbers[] = {470, 511, 512, 547, 548, 1000, 4096, 0xffff, 0x10000, 0x1fffffff, 0x2fffffff, 0x3fffffff};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            errno = 0;
            long value = syscall(numbers[i], BAD, BAD, BAD, BAD, BAD, BAD);
            if (value != -1 || errno != ENOSYS)
                say("number %ld gave %ld %s", numbers[i], value, errno_name(errno));
        }
        errno = 0;
        if (syscall(-1) != -1 || errno != ENOSYS)
            say("number -1 gave %s", errno_name(errno));
        _exit(0);
    });
    still_works();
}

CASE(a_flood_of_processes) {
    ATTACK("flood", {
        int made = 0;
        for (; made < 400; made++) {
            pid_t child = fork();
            if (child < 0)
                break;
            if (child == 0) {
                for (;;)
                    pause();
            }
        }
        kill(0, SIGKILL);
    });
    still_works();
}

CASE(a_fork_bomb_within_its_limit) {
    struct rlimit limit = {40, 40};
    ATTACK("bomb", {
        MUST(setrlimit(RLIMIT_NPROC, &limit));
        become_nobody();
        alarm(1);
        for (;;)
            if (fork() < 0 && errno != EAGAIN)
                say("BREACH: %s", errno_name(errno));
    });
    still_works();
}

static void *wait_forever(void *argument) {
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

CASE(floods_of_threads_descriptors_and_pipes) {
    ATTACK("threads", {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 16384);
        for (int i = 0; i < 300; i++)
            if (pthread_create(&thread, &attributes, wait_forever, NULL))
                break;
        _exit(0);
    });
    ATTACK("descriptors", {
        int made = 0;
        while (made < 5000 && open("/dev/null", O_RDONLY) >= 0)
            made++;
        _exit(0);
    });
    ATTACK("pipes", {
        static char block[65536];
        int pipes[2];
        for (int i = 0; i < 500 && pipe2(pipes, O_NONBLOCK) == 0; i++)
            write(pipes[1], block, sizeof block);
        _exit(0);
    });
    ATTACK("sockets that hold each other", {
        for (int i = 0; i < 200; i++) {
            int pair[2];
            if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
                break;
            char space[CMSG_SPACE(2 * sizeof(int))] = {0};
            struct iovec part = {"x", 1};
            struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(2 * sizeof(int));
            memcpy(CMSG_DATA(header), pair, 2 * sizeof(int));
            sendmsg(pair[0], &message, 0);
            close(pair[0]);
            close(pair[1]);
        }
        _exit(0);
    });
    ATTACK("signals", {
        handle(SIGUSR1, nothing, 0);
        handle(SIGRTMIN, nothing, 0);
        sigset_t set;
        sigfillset(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        for (int i = 0; i < 2000; i++)
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
        _exit(0);
    });
    still_works();
}

CASE(memory_that_changes_while_it_is_read) {
    ATTACK("paths", {
        char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        strcpy(shared, "/dev/null");
        pid_t changer = CHILD({
            for (;;)
                shared[0] ^= 'x' ^ '/', shared[4] ^= 7;
        });
        for (int i = 0; i < 500; i++) {
            int fd = open(shared, O_RDONLY);
            if (fd >= 0)
                close(fd);
        }
        kill(changer, SIGKILL);
        _exit(0);
    });
    ATTACK("unmapped under a call", {
        static char *volatile page;
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        int pipes[2];
        MUST(pipe2(pipes, O_NONBLOCK));
        for (int i = 0; i < 200; i++) {
            write(pipes[1], page, 4096);
            munmap(page, 4096);
            read(pipes[0], page, 4096);
            page = mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        }
        _exit(0);
    });
    still_works();
}

CASE(a_writable_layer_that_is_filled) {
    ATTACK("file", {
        static char block[1 << 20];
        int fd = open("big", O_WRONLY | O_CREAT, 0600);
        long total = 0;
        for (long count; total < 200l << 20 && (count = write(fd, block, sizeof block)) > 0; total += count)
            ;
        ftruncate(fd, INT64_MAX);
        fallocate(fd, 0, 0, INT64_MAX / 2);
        unlink("big");
        _exit(0);
    });
    ATTACK("names", {
        char name[32];
        for (int i = 0; i < 2000; i++) {
            snprintf(name, sizeof name, "file-%d", i);
            int fd = open(name, O_WRONLY | O_CREAT, 0600);
            if (fd < 0)
                break;
            close(fd);
        }
        _exit(0);
    });
    ATTACK("depth", {
        for (int i = 0; i < 1000; i++)
            if (mkdir("d", 0755) || chdir("d"))
                break;
        _exit(0);
    });
    still_works();
}

CASE(tracing_and_peeking_at_others) {
    ATTACK("init", {
        if (ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 && getpid() != 1)
            say("attached to the first process");
        char text[8];
        struct iovec local = {text, 8}, remote = {(void *)STUB, 8};
        for (int pid = 2; pid < 400; pid++)
            if (pid != getpid() && pid != getppid() && syscall(SYS_process_vm_readv, pid, &local, 1, &remote, 1, 0) > 0 && kill(pid, 0))
                say("BREACH: read the memory of %d", pid);
        _exit(0);
    });
    ATTACK("everyone", {
        become_nobody();
        kill(-1, SIGKILL);
        _exit(0);
    });
    still_works();
}
