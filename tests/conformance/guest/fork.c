/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * fork(2), vfork(2), clone(2): what a child shares, what it inherits, what the flags require.
 */
#include "check.h"

#include <spawn.h>
#include <sys/prctl.h>

static int global = 1;

CASE(memory_is_copied) {
    int local = 1;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    IN_CHILD({
        global = local = 2;
        *shared = 3;
        say("child %d %d %d", global, local, *shared);
    });
    say("parent %d %d %d", global, local, *shared);
}

CASE(pids) {
    pid_t parent = getpid();
    pid_t child = CHILD({
        say("ppid %d, own pid differs %d, tid is pid %d", getppid() == parent, getpid() != parent, gettid() == getpid());
        say("group %d session %d", getpgrp() == parent, getsid(0) == parent);
    });
    JOIN(child);
    IS(child > 0 && child != parent);
}

CASE(vfork_waits_for_the_child) {
    static volatile int order;
    pid_t child = vfork();
    if (child == 0) {
        order = order * 10 + 1;
        _exit(7);
    }
    order = order * 10 + 2;
    say("order %d", order);
    JOIN(child);
}

CASE(vfork_and_exec) {
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(9);
    }
    JOIN(child);
    child = vfork();
    if (child == 0) {
        execl("/missing", "missing", NULL);
        _exit(errno == ENOENT ? 3 : 4);
    }
    JOIN(child);
}

CASE(many_children_at_once) {
    int sum = 0, status;
    for (int i = 0; i < 30; i++)
        CHILD(_exit(i));
    for (int i = 0; i < 30; i++) {
        MUST(waitpid(-1, &status, 0));
        sum += WEXITSTATUS(status);
    }
    say("sum %d", sum);
    TRY(waitpid(-1, &status, 0));
}

CASE(generations) {
    IN_CHILD({
        IN_CHILD({
            IN_CHILD({
                say("great-grandchild");
                _exit(3);
            });
            _exit(2);
        });
        _exit(1);
    });
}

CASE(an_orphan_gets_a_new_parent) {
    int pipes[2], done[2];
    char byte;
    MUST(pipe(pipes));
    MUST(pipe(done));
    MUST(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t me = getpid();
    pid_t child = CHILD({
        CHILD({
            close(pipes[1]);
            MUST(read(pipes[0], &byte, 1));
            say("parent is the reaper %d", getppid() == me);
            _exit(5);
        });
    });
    JOIN(child);
    MUST(write(pipes[1], "x", 1));
    int status;
    OK(waitpid(-1, &status, 0));
    say_status("orphan", status);
}

static int run(void *argument) {
    *(int *)argument = 42;
    return 7;
}

static long raw_clone(unsigned long flags) { return syscall(SYS_clone, flags, NULL, NULL, NULL, NULL); }

CASE(clone_with_shared_memory_and_a_stack) {
    static char stack[65536] __attribute__((aligned(16)));
    int value = 1;
    pid_t child = (pid_t)MUST(clone(run, stack + sizeof stack, CLONE_VM | SIGCHLD, &value));
    JOIN(child);
    say("value %d", value);
    value = 1;
    child = (pid_t)MUST(clone(run, stack + sizeof stack, SIGCHLD, &value));
    JOIN(child);
    say("value %d", value);
}

static int change_directory_and_files(void *argument) {
    (void)argument;
    return chdir("/") || close(5) || dup2(1, 9) != 9;
}

CASE(clone_shares_files_and_directory_when_asked) {
    static char stack[65536] __attribute__((aligned(16)));
    char text[PATH_MAX];
    MUST(dup2(0, 5));
    JOIN((pid_t)MUST(clone(change_directory_and_files, stack + sizeof stack, SIGCHLD, NULL)));
    IS(getcwd(text, sizeof text) && !strcmp(text, "/"));
    say("%ld %ld", (long)fcntl(5, F_GETFD), (long)fcntl(9, F_GETFD));
    JOIN((pid_t)MUST(clone(change_directory_and_files, stack + sizeof stack, CLONE_FS | CLONE_FILES | SIGCHLD, NULL)));
    IS(getcwd(text, sizeof text) && !strcmp(text, "/"));
    say("%ld %ld", (long)fcntl(5, F_GETFD), (long)fcntl(9, F_GETFD));
}

/* The parent's alternate stack must survive what its child does in shared memory. */
CASE(posix_spawn_and_vfork_beside_an_alternate_stack) {
    stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
    MUST(sigaltstack(&alternate, NULL));
    pid_t child = 0;
    char *argv[] = {"true", NULL}, *nothing[] = {NULL};
    for (int i = 0; i < 3; i++) {
        TRY_CODE(posix_spawn(&child, "/bin/true", NULL, NULL, argv, nothing));
        JOIN(child);
        TRY_CODE(posix_spawn(&child, "/missing", NULL, NULL, argv, nothing));
    }
    child = vfork();
    if (child == 0) {
        execv("/missing", argv);
        execv("/bin/true", argv);
        _exit(9);
    }
    JOIN(child);
    stack_t now;
    MUST(sigaltstack(NULL, &now));
    IS(now.ss_sp == alternate.ss_sp && now.ss_size == alternate.ss_size && now.ss_flags == 0);
}

CASE(clone_flags_that_contradict) {
    TRY(raw_clone(CLONE_SIGHAND));
    TRY(raw_clone(CLONE_THREAD | CLONE_SIGHAND));
    TRY(raw_clone(CLONE_THREAD));
    TRY(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID));
    TRY(raw_clone(CLONE_FS | CLONE_NEWNS));
}

CASE(child_and_parent_tid_words) {
    pid_t words[2] = {0, 0};
    long child = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, &words[0], &words[1], NULL);
    if (child == 0) {
        say("child sees itself %d", words[1] == getpid());
        _exit(0);
    }
    JOIN((pid_t)child);
    say("parent word %d, child word %d", words[0] == child, words[1]);
}

CASE(another_exit_signal_or_none) {
    int status;
    pid_t child = (pid_t)raw_clone(0);
    if (child == 0)
        _exit(3);
    TRY(waitpid(child, &status, 0));
    OK(waitpid(child, &status, __WCLONE));
    say_status("child", status);
    child = (pid_t)raw_clone(SIGUSR1);
    if (child == 0)
        _exit(4);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(waitpid(child, &status, __WALL));
    say_status("child", status);
}

CASE(descriptors_and_offsets_are_shared_with_a_forked_child) {
    char text[8] = "";
    put("a", "0123456789");
    int fd = (int)MUST(open("a", O_RDWR));
    IN_CHILD({
        MUST(lseek(fd, 4, SEEK_SET));
        MUST(fcntl(fd, F_SETFL, O_APPEND));
        MUST(fcntl(fd, F_SETFD, FD_CLOEXEC));
    });
    TRY(read(fd, text, 2));
    say("%s flags %#o fd %d", text, fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
}

static volatile int at_exit_calls;
static void at_exit(void) { say("exit handler %d", ++at_exit_calls); }

CASE(exit_handlers_run_in_exit_and_not_in__exit) {
    IN_CHILD({
        atexit(at_exit);
        exit(3);
    });
    IN_CHILD({
        atexit(at_exit);
        _exit(4);
    });
    IN_CHILD(exit(256 + 5));
    IN_CHILD(syscall(SYS_exit_group, -1));
}
