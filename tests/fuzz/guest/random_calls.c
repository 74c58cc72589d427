/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Random system calls with arguments that are half right: random_calls SEED MILLISECONDS [NUMBER]. Each batch of calls
 * runs in a child, which may do to itself whatever the calls do; the parent makes no emulated calls between batches but
 * fork, kill and wait. With NUMBER, every call has that number. calls.h (made by test_random_calls.py from the table of
 * system calls) says of which kind the arguments of each call are.
 *
 * Only to be run in a sandbox, as its first process: between batches everything else in it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

struct call { unsigned number; const char *kinds; };
#include "calls.h" /* static const struct call calls[]; */

enum { BATCH = 400, PAGE = 4096, AREA = 16 * PAGE };

static uint64_t state;
static long only = -1;
static unsigned char *area, *edge, *constant;
static volatile uint64_t *made;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
static unsigned below(unsigned limit) { return (unsigned)(draw() % limit); }

static const char *const names[] = {
    "a", "b", "d", "d/x", "link", "dangling", "loop", "fifo", "socket", "new", "new2", "d/new", ".", "..", "/", "",
    "/proc/self", "/proc/self/fd/3", "/proc/self/exe", "/proc/self/maps", "/proc/self/status", "/proc/1/stat",
    "/proc/self/task", "/proc/mounts", "/proc/sys/kernel/hostname", "/proc/self/mem", "/proc/self/oom_score_adj",
    "/proc/self/cwd/a", "/proc/self/root", "/proc/self/comm", "/proc/meminfo", "/proc/self/ns/pid", "/proc", "/sys",
    "/dev", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/pts/0",
    "/dev/shm", "/dev/shm/s", "/tmp", "/etc/passwd", "/bin/true", "/bin/sh", "/usr", "/nowhere/x", "a/", "a/b", "d/..",
    "//", "./././a", "\xff\xfe", "tmpfs", "proc", "user.x", "security.capability", "trusted.y", "mount", "/etc",
};
enum { NAMES = sizeof names / sizeof *names };

static uint64_t magic(void) {
    switch (below(9)) {
    case 0: return below(4);
    case 1: return below(64);
    case 2: return 1ul << below(64);
    case 3: return (1ul << below(64)) - 1;
    case 4: return -(uint64_t)below(200);
    case 5: return 1ul << below(32) | 1ul << below(32);
    case 6: return draw() >> below(64);
    case 7: return 0x50595343ul << 32 | below(70); /* how the stub marks descriptors */
    default: return draw();
    }
}
static uint64_t descriptor(void) { return below(12) ? below(34) : below(2) ? (uint64_t)AT_FDCWD : magic(); }
static uint64_t path(void) {
    if (!below(40))
        return (uint64_t)edge - below(20);
    return (uint64_t)names[below(NAMES)];
}
static uint64_t address(void) {
    switch (below(24)) {
    case 0: return 0;
    case 1: return (uint64_t)edge - below(300);
    case 2: return (uint64_t)constant + below(PAGE);
    case 3: return magic();
    case 4: return 0xffffffff80000000u + below(PAGE);
    case 5: return 0x7ffffffff000u - below(64);
    case 6: return path();
    default: return (uint64_t)area + (below(4) ? below(AREA / 64) * 64 : below(AREA));
    }
}
static uint64_t size(void) {
    static const uint64_t sizes[] = {0, 1, 2, 4, 8, 12, 16, 24, 28, 32, 64, 88, 110, 128, 144, 256, 1024, 4095, 4096, 4097, 65536};
    return below(10) ? sizes[below(sizeof sizes / sizeof *sizes)] : magic();
}
static uint64_t pid(void) {
    switch (below(6)) {
    case 0: return 0;
    case 1: return (uint64_t)syscall(SYS_getpid);
    case 2: return (uint64_t)syscall(SYS_gettid);
    case 3: return 2 + below(30);
    case 4: return -(uint64_t)(2 + below(30));
    default: return magic();
    }
}

/* Makes what structures are likely to hold: small numbers, descriptors, lengths, pointers, times, addresses. */
static void season(void) {
    for (int n = 0; n < 40; n++) {
        unsigned char *at = area + below(AREA - 256) / 8 * 8;
        uint64_t *words = (uint64_t *)at;
        switch (below(9)) {
        case 0: words[0] = address(), words[1] = size(), words[2] = address(), words[3] = size(); break; /* iovec */
        case 1: words[0] = below(2), words[1] = below(2000000); break;                                   /* timespec */
        case 2: words[0] = (uint64_t)below(34) | magic() << 32, words[1] = below(34) | magic() << 32; break; /* pollfd */
        case 3: { /* msghdr */
            words[0] = below(2) ? 0 : address(), words[1] = size(), words[2] = (uint64_t)area + below(AREA - 64) / 8 * 8;
            words[3] = below(4), words[4] = address(), words[5] = size(), words[6] = 0;
            break;
        }
        case 4: { /* cmsghdr: SCM_RIGHTS */
            words[0] = 16 + 4 * below(5), words[1] = SOL_SOCKET | (1ul + below(3)) << 32;
            words[2] = (uint64_t)below(34) | (uint64_t)below(40) << 32;
            break;
        }
        case 5: { /* an address of a socket */
            struct sockaddr_un *un = (void *)at;
            un->sun_family = (unsigned short)(below(3) ? AF_UNIX : below(20));
            strcpy(un->sun_path + below(2), names[below(NAMES)]);
            break;
        }
        case 6: words[0] = magic(), words[1] = magic(), words[2] = magic(), words[3] = magic(); break;
        case 7: strcpy((char *)at, names[below(NAMES)]); break;
        default: *(uint32_t *)at = (uint32_t)magic(); break;
        }
    }
}

static const uint64_t requests[] = {
    TCGETS, TCSETS, TCSETSW, TCSETSF, TCSBRK, TCXONC, TCFLSH, TIOCEXCL, TIOCSCTTY, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ, TIOCSTI,
    TIOCGWINSZ, TIOCSWINSZ, FIONREAD, TIOCPKT, FIONBIO, TIOCNOTTY, TIOCSETD, TIOCGETD, TIOCGSID, TIOCGPTN, TIOCSPTLCK,
    TIOCGPTPEER, FIONCLEX, FIOCLEX, FIOASYNC, SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFNAME, SIOCATMARK, SIOCOUTQ,
};

static uint64_t argument(char kind) {
    if (!below(30))
        return below(2) ? magic() : address();
    switch (kind) {
    case 'f': return descriptor();
    case 'p': return path();
    case 'a': return address();
    case 'n': return size();
    case 'i': return pid();
    case 'o': return below(3) ? below(10000) : magic();
    case 'x': return below(5) ? (below(2) ? 0 : 1ul << below(22)) : magic();
    case 's': return below(8) ? below(below(3) ? 8 : 64) : magic();
    case 'r': return below(8) ? requests[below(sizeof requests / sizeof *requests)] : magic();
    default: return below(2) ? magic() : below(2) ? address() : descriptor();
    }
}

static long raw(long number, const uint64_t *a) {
    long result;
    register uint64_t r10 __asm__("r10") = a[3];
    register uint64_t r8 __asm__("r8") = a[4];
    register uint64_t r9 __asm__("r9") = a[5];
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* Calls that would end the run rather than test anything. */
static int senseless(long number, const uint64_t *a) {
    int first = (int)a[0];
    switch (number) {
    case SYS_exit: case SYS_exit_group: case SYS_rt_sigreturn: case SYS_pause:
        return below(40) != 0;
    case SYS_kill: case SYS_tkill: case SYS_tgkill: case SYS_rt_sigqueueinfo: case SYS_rt_tgsigqueueinfo:
    case SYS_pidfd_open: case SYS_prlimit64: case SYS_process_vm_writev: case SYS_setpriority: case SYS_ptrace:
    case SYS_sched_setaffinity: case SYS_sched_setscheduler: case SYS_setpgid:
        return first == 1 || first == -1 || (int)a[1] == 1;
    case SYS_alarm: case SYS_setitimer:
        return 1; /* the clock of the batch */
    case SYS_fork: case SYS_vfork: case SYS_clone:
        return below(8) != 0;
    case SYS_munmap: case SYS_mprotect: case SYS_brk: case SYS_mremap: case SYS_madvise: case SYS_arch_prctl:
        return below(20) != 0;
    }
    return 0;
}

static void one(void) {
    uint64_t a[6];
    long number;
    const char *kinds = "??????";
    if (below(20)) {
        const struct call *call = &calls[below(sizeof calls / sizeof *calls)];
        number = call->number, kinds = call->kinds;
    } else {
        number = below(3) ? below(600) : (long)(int)magic();
    }
    if (only >= 0) {
        number = only, kinds = "??????";
        for (size_t n = 0; n < sizeof calls / sizeof *calls; n++)
            if (calls[n].number == only)
                kinds = calls[n].kinds;
    }
    for (int n = 0; n < 6; n++)
        a[n] = argument(*kinds ? *kinds++ : '?');
    if (senseless(number, a))
        return;
    ++*made;
    long result = raw(number, a);
    if (result == 0 && (number == SYS_fork || number == SYS_vfork || number == SYS_clone))
        raw(SYS_exit_group, a);
}

static void nothing(int number) { (void)number; }

static void *second(void *unused) {
    for (int n = 0; n < BATCH / 2; n++)
        one();
    return unused;
}

static void fill(void) {
    int pair[2];
    unlink("new"), unlink("new2");
    int a = open("a", O_RDWR | O_CREAT, 0644), d;
    (void)!write(a, names, sizeof names);
    close(open("b", O_RDWR | O_CREAT | O_APPEND, 0600));
    mkdir("d", 0755);
    close(open("d/x", O_RDWR | O_CREAT, 0600));
    (void)!symlink("a", "link"), (void)!symlink("gone", "dangling"), (void)!symlink("loop", "loop");
    mkfifo("fifo", 0644);
    open("b", O_RDWR), open("d", O_RDONLY | O_DIRECTORY), open("a", O_PATH), open("fifo", O_RDWR | O_NONBLOCK);
    open("/proc/self/maps", O_RDONLY), open("/proc", O_RDONLY), open("/dev/null", O_RDWR), open("/dev/zero", O_RDWR);
    open("/dev/ptmx", O_RDWR), open("/etc/passwd", O_RDONLY);
    (void)!pipe2(pair, O_NONBLOCK), (void)!pipe(pair);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair), socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
    d = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {AF_UNIX, "socket"};
    unlink("socket"), bind(d, (void *)&name, sizeof name), listen(d, 3);
    socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_DGRAM, 0), socket(AF_NETLINK, SOCK_RAW, 0);
    eventfd(1, 0), timerfd_create(CLOCK_MONOTONIC, 0), epoll_create1(0), inotify_init1(IN_NONBLOCK);
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR1);
    signalfd(-1, &set, 0), memfd_create("m", MFD_ALLOW_SEALING);
    syscall(SYS_pidfd_open, getpid(), 0);
}

static void batch(void) {
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval clock = {{0, 3000}, {0, 3000}};
    sigset_t none;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int number = 1; number < 32; number++)
        if (number != SIGSEGV && number != SIGBUS && number != SIGILL)
            sigaction(number, &action, 0);
    sigemptyset(&none), sigprocmask(SIG_SETMASK, &none, 0);
    fill();
    if (dup2(open("/dev/null", O_RDWR), 1) < 0)
        close(1);
    close(2);
    if (!below(4))
        (void)!setresgid(1000, 1000, 1000), (void)!setresuid(1000, 1000, 1000);
    setitimer(ITIMER_REAL, &clock, 0);
    if (!below(3)) {
        pthread_t thread;
        pthread_create(&thread, 0, second, 0);
    }
    for (int n = 0; n < BATCH; n++) {
        if (n % 16 == 0)
            season();
        one();
    }
    _exit(0);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
    if (argc < 3 || getpid() != 1) {
        fprintf(stderr, "usage, in a sandbox: %s SEED MILLISECONDS [NUMBER]\n", argv[0]);
        return 2;
    }
    uint64_t seed = strtoull(argv[1], 0, 0), end = now() + strtoull(argv[2], 0, 0), batches = 0;
    if (argc > 3)
        only = strtol(argv[3], 0, 0);
    made = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    area = mmap(0, AREA + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    constant = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area + AREA, PAGE);
    edge = area + AREA;
    memset(area, 'x', AREA);
    if (mkdir("fuzz", 0777) | chmod("fuzz", 0777) | chdir("fuzz"))
        return 3;
    sigset_t all; /* what the calls send to the first process does not end the run */
    sigfillset(&all), sigprocmask(SIG_SETMASK, &all, 0);
    for (; now() < end; batches++) {
        state = seed * 1000003 + batches;
        pid_t worker = fork();
        if (worker == 0)
            batch();
        if (worker < 0)
            return 4;
        struct timespec moment = {0, 1000000};
        for (int tries = 0; tries < 300 && waitpid(worker, 0, WNOHANG) == 0; tries++)
            nanosleep(&moment, 0);
        kill(-1, SIGKILL);
        while (waitpid(-1, 0, 0) > 0)
            ;
    }
    /* What the calls did to the terminal, the descriptors or the mounts is no matter: the sandbox is there. */
    printf("\nsurvived: %llu batches, %llu calls\n", (unsigned long long)batches, (unsigned long long)*made);
    return 0;
}
