/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * getrlimit(2), setrlimit(2), prlimit64(2), and what the limits do.
 */
#include "check.h"

static void tell(int resource) {
    struct rlimit limit;
    MUST(getrlimit(resource, &limit));
    say("%d: %ld %ld", resource, (long)limit.rlim_cur, (long)limit.rlim_max);
}

CASE(limits_are_set_inherited_and_kept_by_exec) {
    struct rlimit limit = {100, 200}, old;
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    tell(RLIMIT_NOFILE);
    limit = (struct rlimit){50, 150};
    TRY(prlimit(0, RLIMIT_NOFILE, &limit, &old));
    say("old %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    IN_CHILD(tell(RLIMIT_NOFILE));
    TRY(prlimit(getpid(), RLIMIT_NOFILE, NULL, &old));
    say("now %ld %ld", (long)old.rlim_cur, (long)old.rlim_max);
    IN_CHILD(execl("/bin/sh", "sh", "-c", "ulimit -Sn; ulimit -Hn", NULL));
}

CASE(errors) {
    struct rlimit limit = {200, 100};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    TRY(setrlimit(99, &limit));
    TRY(getrlimit(99, &limit));
    TRY(syscall(SYS_getrlimit, RLIMIT_NOFILE, BAD));
    TRY(syscall(SYS_setrlimit, RLIMIT_NOFILE, BAD));
    TRY(prlimit(0x7fffffff, RLIMIT_NOFILE, NULL, &limit));
    limit = (struct rlimit){1ul << 40, 1ul << 40};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    become_nobody();
    MUST(getrlimit(RLIMIT_CPU, &limit));
    limit = (struct rlimit){1000, 1000};
    TRY(setrlimit(RLIMIT_CPU, &limit));
    limit.rlim_cur = 500;
    TRY(setrlimit(RLIMIT_CPU, &limit));
    limit.rlim_cur = limit.rlim_max = 2000;
    TRY(setrlimit(RLIMIT_CPU, &limit));
    TRY(prlimit(1, RLIMIT_CPU, NULL, &limit));
}

CASE(RLIMIT_NOFILE_keeps_what_is_open) {
    for (int i = 3; i < 20; i++)
        MUST(dup2(0, i));
    struct rlimit limit = {5, 20};
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    TRY(fcntl(19, F_GETFD));
    TRY(dup(0));
    TRY(close(4));
    TRY(dup(0));
    TRY(dup2(0, 10));
    TRY(close(10));
    TRY(dup(0));
}

CASE(RLIMIT_AS_gives_ENOMEM) {
    struct rlimit limit = {256 << 20, 256 << 20};
    TRY(setrlimit(RLIMIT_AS, &limit));
    void *area = mmap(NULL, 512 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("%s", area == MAP_FAILED ? errno_name(errno) : "mapped");
    area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("%s", area == MAP_FAILED ? errno_name(errno) : "mapped");
}

CASE(RLIMIT_CPU_kills) {
    IN_CHILD({
        struct rlimit limit = {1, 2};
        handle(SIGXCPU, _exit, 0);
        MUST(setrlimit(RLIMIT_CPU, &limit));
        for (;;)
            ;
    });
}

CASE(RLIMIT_DATA_stops_brk) {
    struct rlimit limit = {16 << 20, 16 << 20};
    TRY(setrlimit(RLIMIT_DATA, &limit));
    IS(sbrk(64 << 20) == (void *)-1 && errno == ENOMEM);
    IS(sbrk(65536) != (void *)-1);
}
