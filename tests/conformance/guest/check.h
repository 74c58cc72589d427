/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What every guest program includes. A program is a set of CASE(name) { … } bodies. Each runs in a child
 * process of its own, in a session of its own, in a fresh directory, and prints lines that depend on nothing but
 * what the kernel did: values, errno names, contents; never pids, addresses, times or inode numbers.
 *
 *     program              runs every case       program NAME…   runs these
 *     program -1 NAME      runs one in the first process itself, for a debugger
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct check_case {
    const char *name;
    void (*run)(void);
};

#define CASE(case_name)                                                                                              \
    static void case_##case_name(void);                                                                              \
    __attribute__((section("check_cases"), used, aligned(8))) static const struct check_case entry_##case_name = {   \
        #case_name, case_##case_name};                                                                               \
    static void case_##case_name(void)

/* One line on standard output, in one write. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Like say, with bytes: printable ones as they are, the others as \xNN. */
void say_bytes(const char *label, const void *bytes, ssize_t count);
const char *errno_name(int number);
const char *signal_name(int number);
long check_report(const char *text, long value, int error, bool show);
long check_must(const char *text, long value, int error);
void say_status(const char *label, int status);

/* Evaluates a call once; prints "text = value" or "text = -1 ENAME"; its value is the call's. */
#define TRY(...)                                                                                                     \
    ({                                                                                                               \
        errno = 0;                                                                                                   \
        long value_ = (long)(__VA_ARGS__);                                                                           \
        check_report(#__VA_ARGS__, value_, errno, true);                                                             \
    })
/* The same for values that differ from run to run (pids, addresses): "text = ok". */
#define OK(...)                                                                                                      \
    ({                                                                                                               \
        errno = 0;                                                                                                   \
        long value_ = (long)(__VA_ARGS__);                                                                           \
        check_report(#__VA_ARGS__, value_, errno, false);                                                            \
    })
/* What a case needs before it can begin: prints nothing; a failure ends the case with exit code 99. */
#define MUST(...)                                                                                                    \
    ({                                                                                                               \
        errno = 0;                                                                                                   \
        long value_ = (long)(__VA_ARGS__);                                                                           \
        check_must(#__VA_ARGS__, value_, errno);                                                                     \
    })
/* Functions that return the error (pthread_…, posix_spawn). */
#define TRY_CODE(...)                                                                                                \
    ({                                                                                                               \
        int code_ = (__VA_ARGS__);                                                                                   \
        check_report(#__VA_ARGS__, code_ ? -1 : 0, code_, true);                                                     \
    })
#define IS(...) say("%s: %s", #__VA_ARGS__, (__VA_ARGS__) ? "yes" : "no")

/* Runs a block in a child process, which exits 0 at its end; the value is its pid. */
#define CHILD(...)                                                                                                   \
    ({                                                                                                               \
        pid_t child_ = (pid_t)MUST(fork());                                                                          \
        if (child_ == 0) {                                                                                           \
            __VA_ARGS__;                                                                                             \
            _exit(0);                                                                                                \
        }                                                                                                            \
        child_;                                                                                                      \
    })
/* Waits for it and prints how it ended. */
#define JOIN(pid)                                                                                                    \
    do {                                                                                                             \
        int status_ = 0;                                                                                             \
        MUST(waitpid((pid), &status_, 0));                                                                           \
        say_status("child", status_);                                                                                \
    } while (0)
#define IN_CHILD(...) JOIN(CHILD(__VA_ARGS__))
/* Retries until the condition holds; gives up, with a line, after five seconds. */
#define UNTIL(...)                                                                                                   \
    do {                                                                                                             \
        int tries_ = 0;                                                                                              \
        while (!(__VA_ARGS__) && tries_++ < 5000)                                                                    \
            check_pause();                                                                                           \
        if (tries_ >= 5000)                                                                                          \
            say("never came true: %s", #__VA_ARGS__);                                                                \
    } while (0)
void check_pause(void);

/* A pointer that no process has mapped. */
#define BAD ((void *)16)
/* The last `count` bytes before a page that is not mapped. */
void *edge(size_t count);
/* A page that may only be read. */
void *read_only_page(void);

void put(const char *path, const char *content);
/* The content of a file (at most 64 KiB), as a string that lives until the next call; "<ENAME>" if it cannot be read. */
const char *get(const char *path);
void show(const char *path);
/* The names in a directory, sorted, in one line. */
void list(const char *path);
const char *mode_text(mode_t mode);
/* Gives up root, as far as file permissions go: uid 1234, gid 1235, no groups. */
void become_nobody(void);
/* `handler` for a signal with these flags and an empty mask. */
void handle(int number, void (*handler)(int), int flags);
/* SIGALRM every `milliseconds`, so that a tick that comes too early does no harm. 0 stops it. */
void tick(int milliseconds);
/* Whether the thread is asleep in the kernel, by its own /proc stat file. */
bool asleep(pid_t pid);

#endif
