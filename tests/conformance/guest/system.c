/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * uname(2), sysinfo(2), getrandom(2), prctl(2), getcwd(2), chdir(2), chroot(2), hostnames and the calls that
 * only an administrator may make.
 */
#include "check.h"
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

CASE(names_of_the_system) {
    struct utsname names;
    TRY(uname(&names));
    say("%s %s", names.sysname, names.machine);
    IS(names.nodename[0] && names.release[0] >= '3' && strchr(names.release, '.') && names.version[0] == '#');
    char host[65];
    TRY(gethostname(host, sizeof host));
    IS(!strcmp(host, names.nodename));
    TRY(uname(BAD));
    become_nobody();
    TRY(sethostname("x", 1));
    TRY(setdomainname("x", 1));
}

CASE(numbers_of_the_system) {
    struct sysinfo info;
    memset(&info, 0xff, sizeof info);
    TRY(sysinfo(&info));
    IS(info.uptime > 0 && info.totalram > 0 && info.freeram > 0 && info.procs > 0 && info.mem_unit > 0);
    IS(info.freeram <= info.totalram);
    TRY(sysinfo(BAD));
    IS(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    IS(sysconf(_SC_PAGESIZE) == 4096);
    double load[3];
    IS(getloadavg(load, 3) == 3);
}

CASE(random_bytes) {
    unsigned char one[256], two[256], *pages = edge(10);
    TRY(getrandom(one, 256, 0));
    TRY(getrandom(two, 256, GRND_NONBLOCK));
    IS(memcmp(one, two, 256));
    TRY(getrandom(one, 0, 0));
    TRY(getrandom(one, 16, GRND_RANDOM));
    TRY(getrandom(one, 16, 0x80));
    TRY(getrandom(BAD, 16, 0));
    TRY(getrandom(pages, 20, 0));
    TRY(getrandom(one, 16, GRND_RANDOM | 4));
}

CASE(prctl_values) {
    char name[16] = "", other[16] = "";
    int number = -1;
    TRY(prctl(PR_SET_NAME, "a name that is far too long"));
    TRY(prctl(PR_GET_NAME, name));
    say("%s", name);
    FILE *file = fopen("/proc/self/comm", "r");
    say("%s", fgets(other, sizeof other, file) ? strtok(other, "\n") : "none");
    TRY(prctl(PR_SET_NAME, BAD));
    TRY(prctl(PR_GET_NAME, BAD));
    TRY(prctl(PR_GET_DUMPABLE));
    TRY(prctl(PR_SET_DUMPABLE, 0));
    TRY(prctl(PR_GET_DUMPABLE));
    TRY(prctl(PR_SET_DUMPABLE, 1));
    TRY(prctl(PR_SET_DUMPABLE, 7));
    TRY(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    TRY(prctl(PR_GET_PDEATHSIG, &number));
    say("%d", number);
    IN_CHILD({
        MUST(prctl(PR_GET_PDEATHSIG, &number));
        say("child %d", number);
    });
    TRY(prctl(PR_SET_PDEATHSIG, 99));
    TRY(prctl(PR_GET_KEEPCAPS));
    TRY(prctl(PR_SET_KEEPCAPS, 2));
    TRY(prctl(PR_SET_CHILD_SUBREAPER, 1));
    TRY(prctl(PR_GET_CHILD_SUBREAPER, &number));
    say("%d", number);
    TRY(prctl(PR_GET_TIMERSLACK));
    TRY(prctl(PR_SET_TIMERSLACK, 1000));
    TRY(prctl(PR_GET_TIMERSLACK));
    TRY(prctl(PR_GET_SECCOMP) >= 0);
    TRY(prctl(123456, 0, 0, 0, 0));
}

CASE(a_child_is_told_of_its_parent_s_death) {
    int pipes[2], ready[2];
    char byte = 0;
    MUST(pipe(pipes));
    MUST(pipe(ready));
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t middle = CHILD({
        CHILD({
            MUST(prctl(PR_SET_PDEATHSIG, SIGTERM));
            MUST(write(ready[1], "r", 1));
            for (;;)
                pause();
        });
        MUST(read(ready[0], &byte, 1));
    });
    JOIN(middle);
    int status;
    OK(waitpid(-1, &status, 0));
    say_status("grandchild", status);
}

CASE(the_working_directory) {
    char text[PATH_MAX];
    MUST(mkdir("dir", 0755));
    MUST(symlink("dir", "link"));
    put("file", "f");
    TRY(chdir("link"));
    IS(getcwd(text, sizeof text) && !strcmp(strrchr(text, '/'), "/dir"));
    TRY(chdir(".."));
    TRY(chdir("file"));
    TRY(chdir("missing"));
    TRY(chdir(""));
    TRY(chdir(BAD));
    TRY(fchdir(0));
    TRY(fchdir(77));
    int fd = (int)TRY(open("dir", O_RDONLY));
    TRY(fchdir(fd));
    IS(getcwd(text, sizeof text) && !strcmp(strrchr(text, '/'), "/dir"));
    TRY(syscall(SYS_getcwd, text, 3));
    TRY(syscall(SYS_getcwd, text, 0));
    TRY(syscall(SYS_getcwd, BAD, 100));
    TRY(chdir("/"));
    TRY(syscall(SYS_getcwd, text, 100));
    TRY(syscall(SYS_getcwd, text, 2));
    TRY(syscall(SYS_getcwd, text, 1));
    IN_CHILD(MUST(chdir("/tmp")));
    IS(getcwd(text, sizeof text) && !strcmp(text, "/"));
}

CASE(chroot) {
    char text[PATH_MAX];
    MUST(mkdir("root", 0755));
    MUST(mkdir("root/inner", 0755));
    put("root/inner/a", "inside");
    put("b", "outside");
    MUST(symlink("/inner/a", "root/absolute"));
    MUST(symlink("../../../../b", "root/climbing"));
    int outside = (int)MUST(open(".", O_RDONLY));
    TRY(chroot("missing"));
    TRY(chroot("b"));
    TRY(chroot(BAD));
    IN_CHILD({
        TRY(chroot("root"));
        TRY(chdir("/"));
        list("/");
        TRY(access("/inner/a", F_OK));
        TRY(access("/../b", F_OK));
        TRY(access("/tmp", F_OK));
        show("/absolute");
        show("/climbing");
        TRY(chdir("inner"));
        say("%s", getcwd(text, sizeof text));
        TRY(fchdir(outside));
        TRY(access("b", F_OK));
        TRY(syscall(SYS_getcwd, text, sizeof text) > 0);
        say("%.13s", text);
        TRY(openat(outside, "b", O_RDONLY));
        IN_CHILD(TRY(access("/inner", F_OK)));
    });
    become_nobody();
    TRY(chroot("root"));
}

CASE(only_an_administrator_may) {
    become_nobody();
    TRY(mount("none", "/tmp", "tmpfs", 0, ""));
    TRY(umount2("/tmp", 0));
    TRY(reboot(RB_AUTOBOOT));
    TRY(swapon("/dev/null", 0));
    TRY(syscall(SYS_pivot_root, "/", "/"));
    TRY(syscall(SYS_setns, 0, 0));
    TRY(unshare(CLONE_NEWUTS));
    TRY(syscall(SYS_vhangup));
}

CASE(file_systems) {
    struct statfs status;
    TRY(statfs(".", &status));
    IS(status.f_bsize > 0 && status.f_namelen == 255 && status.f_blocks >= status.f_bfree);
    TRY(statfs("/proc", &status));
    say("%#lx", (long)status.f_type);
    TRY(statfs("missing", &status));
    TRY(statfs(BAD, &status));
    TRY(statfs(".", BAD));
    TRY(fstatfs(77, &status));
    int pipes[2];
    MUST(pipe(pipes));
    TRY(fstatfs(pipes[0], &status));
    say("%#lx", (long)status.f_type);
    TRY(fstatfs((int)MUST(open("/proc/self/stat", O_RDONLY)), &status));
    say("%#lx", (long)status.f_type);
}

CASE(odds_and_ends) {
    TRY(syscall(SYS_membarrier, 0, 0, 0) >= 0);
    TRY(syscall(SYS_membarrier, 1 << 30, 0, 0));
    TRY(syscall(SYS_personality, 0xffffffff));
    TRY(syscall(SYS_get_robust_list, 0, BAD, BAD));
    TRY(syscall(SYS_set_robust_list, NULL, 1));
    OK(syscall(SYS_set_tid_address, NULL));
    TRY(syscall(SYS_arch_prctl, 0x1234, 0));
    TRY(sync(), 0);
    TRY(ptrace(PTRACE_PEEKTEXT, 0x7fffffff, NULL, NULL));
    unsigned lo;
    TRY(syscall(SYS_getcpu, &lo, BAD, NULL));
    char processors[128];
    TRY(syscall(SYS_sched_getaffinity, -1, sizeof processors, processors));
    TRY(syscall(SYS_sched_setaffinity, -1, sizeof processors, processors));
}
