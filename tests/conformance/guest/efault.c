/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wild pointers in every call that takes one: EFAULT, or what the call checks before it.
 */
#include "check.h"
#include <sys/socket.h>

static int file, directory, pair[2], epoll, pipes[2];

enum { NONE = -1000, PATH, FILE_, DIRECTORY, SOCKET, EPOLL, PIPE_IN, PIPE_OUT, WILD, HERE };

/* A name, a number and its arguments: plain numbers, or one of the words above. */
static const struct {
    const char *name;
    long number;
    long arguments[6];
} calls[] = {
    {"read", SYS_read, {FILE_, WILD, 8}},
    {"write", SYS_write, {PIPE_OUT, WILD, 8}},
    {"write to a file", SYS_write, {FILE_, WILD, 8}},
    {"open", SYS_open, {WILD, 0}},
    {"openat", SYS_openat, {DIRECTORY, WILD, 0}},
    {"stat", SYS_stat, {WILD, HERE}},
    {"stat to", SYS_stat, {PATH, WILD}},
    {"lstat to", SYS_lstat, {PATH, WILD}},
    {"fstat to", SYS_fstat, {FILE_, WILD}},
    {"newfstatat", SYS_newfstatat, {DIRECTORY, WILD, HERE, 0}},
    {"newfstatat to", SYS_newfstatat, {AT_FDCWD, PATH, WILD, 0}},
    {"poll", SYS_poll, {WILD, 1, 0}},
    {"rt_sigaction", SYS_rt_sigaction, {SIGUSR1, WILD, 0, 8}},
    {"rt_sigaction to", SYS_rt_sigaction, {SIGUSR1, 0, WILD, 8}},
    {"rt_sigprocmask", SYS_rt_sigprocmask, {SIG_BLOCK, WILD, 0, 8}},
    {"rt_sigprocmask to", SYS_rt_sigprocmask, {SIG_BLOCK, 0, WILD, 8}},
    {"ioctl", SYS_ioctl, {PIPE_IN, 0x541b, WILD}},
    {"pread64", SYS_pread64, {FILE_, WILD, 8, 0}},
    {"pwrite64", SYS_pwrite64, {FILE_, WILD, 8, 0}},
    {"readv", SYS_readv, {FILE_, WILD, 1}},
    {"writev", SYS_writev, {FILE_, WILD, 1}},
    {"access", SYS_access, {WILD, 0}},
    {"pipe", SYS_pipe, {WILD}},
    {"pipe2", SYS_pipe2, {WILD, 0}},
    {"select", SYS_select, {1, WILD, 0, 0, 0}},
    {"select time", SYS_select, {0, 0, 0, 0, WILD}},
    {"pselect6", SYS_pselect6, {1, WILD, 0, 0, 0, 0}},
    {"nanosleep", SYS_nanosleep, {WILD, 0}},
    {"getitimer", SYS_getitimer, {0, WILD}},
    {"setitimer", SYS_setitimer, {0, WILD, 0}},
    {"sendfile", SYS_sendfile, {PIPE_OUT, FILE_, WILD, 1}},
    {"connect", SYS_connect, {SOCKET, WILD, 16}},
    {"bind", SYS_bind, {SOCKET, WILD, 16}},
    {"sendto", SYS_sendto, {SOCKET, WILD, 8, 0, 0, 0}},
    {"sendmsg", SYS_sendmsg, {SOCKET, WILD, 0}},
    {"recvmsg", SYS_recvmsg, {SOCKET, WILD, MSG_DONTWAIT}},
    {"getsockname", SYS_getsockname, {SOCKET, WILD, WILD}},
    {"getpeername", SYS_getpeername, {SOCKET, WILD, WILD}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, WILD}},
    {"setsockopt", SYS_setsockopt, {SOCKET, SOL_SOCKET, SO_PASSCRED, WILD, 4}},
    {"getsockopt", SYS_getsockopt, {SOCKET, SOL_SOCKET, SO_TYPE, WILD, WILD}},
    {"execve", SYS_execve, {WILD, 0, 0}},
    {"execve arguments", SYS_execve, {PATH, WILD, 0}},
    {"uname", SYS_uname, {WILD}},
    {"fcntl lock", SYS_fcntl, {FILE_, F_SETLK, WILD}},
    {"truncate", SYS_truncate, {WILD, 0}},
    {"getdents64", SYS_getdents64, {DIRECTORY, WILD, 1000}},
    {"getcwd", SYS_getcwd, {WILD, 1000}},
    {"chdir", SYS_chdir, {WILD}},
    {"rename", SYS_rename, {WILD, PATH}},
    {"rename to", SYS_rename, {PATH, WILD}},
    {"renameat2", SYS_renameat2, {AT_FDCWD, WILD, AT_FDCWD, PATH, 0}},
    {"mkdir", SYS_mkdir, {WILD, 0755}},
    {"rmdir", SYS_rmdir, {WILD}},
    {"link", SYS_link, {WILD, PATH}},
    {"link to", SYS_link, {PATH, WILD}},
    {"unlink", SYS_unlink, {WILD}},
    {"unlinkat", SYS_unlinkat, {DIRECTORY, WILD, 0}},
    {"symlink", SYS_symlink, {WILD, PATH}},
    {"symlink to", SYS_symlink, {PATH, WILD}},
    {"readlink", SYS_readlink, {WILD, HERE, 10}},
    {"chmod", SYS_chmod, {WILD, 0644}},
    {"chown", SYS_chown, {WILD, 0, 0}},
    {"lchown", SYS_lchown, {WILD, 0, 0}},
    {"mknod", SYS_mknod, {WILD, S_IFREG | 0644, 0}},
    {"utimensat", SYS_utimensat, {AT_FDCWD, PATH, WILD, 0}},
    {"gettimeofday", SYS_gettimeofday, {WILD, 0}},
    {"clock_gettime", SYS_clock_gettime, {CLOCK_REALTIME, WILD}},
    {"getrlimit", SYS_getrlimit, {RLIMIT_NOFILE, WILD}},
    {"setrlimit", SYS_setrlimit, {RLIMIT_NOFILE, WILD}},
    {"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE, WILD, 0}},
    {"prlimit64 to", SYS_prlimit64, {0, RLIMIT_NOFILE, 0, WILD}},
    {"getrusage", SYS_getrusage, {RUSAGE_SELF, WILD}},
    {"sysinfo", SYS_sysinfo, {WILD}},
    {"times", SYS_times, {WILD}},
    {"getgroups", SYS_getgroups, {0, WILD}},
    {"setgroups", SYS_setgroups, {1, WILD}},
    {"getresuid", SYS_getresuid, {WILD, WILD, WILD}},
    {"capget", SYS_capget, {WILD, 0}},
    {"rt_sigpending", SYS_rt_sigpending, {WILD, 8}},
    {"rt_sigtimedwait", SYS_rt_sigtimedwait, {WILD, 0, 0, 8}},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, SIGUSR1, WILD}},
    {"rt_sigsuspend", SYS_rt_sigsuspend, {WILD, 8}},
    {"sigaltstack", SYS_sigaltstack, {WILD, 0}},
    {"statfs", SYS_statfs, {PATH, WILD}},
    {"fstatfs", SYS_fstatfs, {FILE_, WILD}},
    {"statx", SYS_statx, {AT_FDCWD, WILD, 0, 0, HERE}},
    {"statx to", SYS_statx, {AT_FDCWD, PATH, 0, STATX_TYPE, WILD}},
    {"setxattr", SYS_setxattr, {PATH, WILD, HERE, 1, 0}},
    {"getxattr", SYS_getxattr, {PATH, WILD, HERE, 1}},
    {"listxattr", SYS_listxattr, {WILD, HERE, 1}},
    {"futex", SYS_futex, {WILD, 0, 0, 0, 0, 0}},
    {"epoll_ctl", SYS_epoll_ctl, {EPOLL, 1, PIPE_OUT, WILD}},
    {"signalfd4", SYS_signalfd4, {-1, WILD, 8, 0}},
    {"timer_create", SYS_timer_create, {CLOCK_REALTIME, WILD, HERE}},
    {"timerfd_settime", SYS_timerfd_settime, {FILE_, 0, WILD, 0}},
    {"inotify_add_watch", SYS_inotify_add_watch, {FILE_, WILD, 1}},
    {"memfd_create", SYS_memfd_create, {WILD, 0}},
    {"getrandom", SYS_getrandom, {WILD, 8, 0}},
    {"sched_getaffinity", SYS_sched_getaffinity, {0, 128, WILD}},
    {"sched_setaffinity", SYS_sched_setaffinity, {0, 128, WILD}},
    {"sched_getparam", SYS_sched_getparam, {0, WILD}},
    {"copy_file_range", SYS_copy_file_range, {FILE_, WILD, FILE_, 0, 1, 0}},
    {"splice", SYS_splice, {FILE_, WILD, PIPE_OUT, 0, 1, 0}},
    {"openat2", SYS_openat2, {DIRECTORY, PATH, WILD, 24}},
    {"prctl name", SYS_prctl, {15, WILD}},
    {"wait4", SYS_wait4, {-1, WILD, WNOHANG, 0}},
    {"waitid", SYS_waitid, {0, 0, WILD, WEXITED | WNOHANG, 0}},
    {"mincore", SYS_mincore, {HERE, 4096, WILD}},
    {"sethostname", SYS_sethostname, {WILD, 3}},
    {"chroot", SYS_chroot, {WILD}},
};

static long run(size_t index, void *wild) {
    static char here[4096] __attribute__((aligned(4096)));
    long values[6] = {0};
    for (int i = 0; i < 6; i++) {
        long argument = calls[index].arguments[i];
        values[i] = argument == PATH        ? (long)"file"
                    : argument == FILE_     ? file
                    : argument == DIRECTORY ? directory
                    : argument == SOCKET    ? pair[0]
                    : argument == EPOLL     ? epoll
                    : argument == PIPE_IN   ? pipes[0]
                    : argument == PIPE_OUT  ? pipes[1]
                    : argument == WILD      ? (long)wild
                    : argument == HERE      ? (long)here
                                            : argument;
    }
    return syscall(calls[index].number, values[0], values[1], values[2], values[3], values[4], values[5]);
}

static void prepare(void) {
    put("file", "0123456789abcdef");
    file = (int)MUST(open("file", O_RDWR));
    directory = (int)MUST(open(".", O_RDONLY));
    epoll = (int)MUST(syscall(SYS_epoll_create1, 0));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    MUST(pipe(pipes));
}

static void all(void *wild) {
    prepare();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        errno = 0;
        long result = run(i, wild);
        say("%s: %s", calls[i].name, result < 0 ? errno_name(errno) : "ok");
    }
}

CASE(a_low_address) { all(BAD); }
CASE(an_address_of_the_kernel) { all((void *)0xffffffff81000000); }
CASE(an_address_that_is_none) { all((void *)0x8000000000000000); }
CASE(the_last_byte) { all((void *)-1); }

CASE(a_page_that_may_not_be_touched) {
    all(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

CASE(a_text_that_runs_into_nothing) {
    prepare();
    char *text = edge(4);
    memcpy(text, "file", 4);
    TRY(open(text, O_RDONLY));
    TRY(chmod(text, 0644));
    TRY(unlink(text));
    TRY(access(text, F_OK));
    struct stat status;
    TRY(stat(text, &status));
    TRY(symlink(text, "x"));
    TRY(mkdir(text, 0755));
    TRY(execve(text, NULL, NULL));
    TRY(memfd_create(text, 0));
    text = edge(5);
    memcpy(text, "file", 5);
    TRY(access(text, F_OK));
}

CASE(structures_that_run_into_nothing) {
    prepare();
    TRY(fstat(file, edge(sizeof(struct stat) - 1)));
    TRY(fstat(file, edge(sizeof(struct stat))));
    TRY(syscall(SYS_uname, edge(100)));
    TRY(pipe(edge(7)));
    TRY(pipe(edge(8)));
    TRY(syscall(SYS_clock_gettime, CLOCK_REALTIME, edge(15)));
    TRY(syscall(SYS_getrlimit, RLIMIT_NOFILE, edge(15)));
    TRY(syscall(SYS_getrlimit, RLIMIT_NOFILE, edge(16)) == 0);
    TRY(syscall(SYS_rt_sigprocmask, SIG_BLOCK, edge(7), NULL, 8));
    TRY(syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_TYPE, edge(255)));
}

CASE(results_are_not_written_to_read_only_memory) {
    prepare();
    char *page = read_only_page();
    TRY(read(file, page, 4));
    TRY(fstat(file, (void *)page));
    TRY(pipe((void *)page));
    TRY(syscall(SYS_getcwd, page, 4096));
    TRY(syscall(SYS_getdents64, directory, page, 4096));
    TRY(syscall(SYS_uname, page));
    TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)page));
    TRY(syscall(SYS_getrandom, page, 8, 0));
    TRY(write(pipes[1], page, 4));
}
