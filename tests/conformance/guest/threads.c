/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Threads: clone(2) with CLONE_THREAD, futex(2), exit of one and of all, per-thread state.
 * build: static dynamic
 */
#include "check.h"
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/prctl.h>

static long futex(int *word, int operation, int value, const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static void *add(void *counter) {
    for (int i = 0; i < 10000; i++)
        __atomic_add_fetch((int *)counter, 1, __ATOMIC_RELAXED);
    return counter;
}

CASE(threads_share_memory_and_are_joined) {
    pthread_t threads[8];
    int counter = 0;
    void *result;
    for (int i = 0; i < 8; i++)
        MUST(-pthread_create(&threads[i], NULL, add, &counter));
    for (int i = 0; i < 8; i++) {
        MUST(-pthread_join(threads[i], &result));
        if (result != &counter)
            say("wrong result");
    }
    say("counter %d", counter);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *argument) {
    int me = *(int *)argument;
    for (int i = 0; i < 100; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != me)
            pthread_cond_wait(&condition, &mutex);
        turn++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

CASE(conditions_hand_over) {
    pthread_t threads[2];
    int names[2] = {0, 1};
    for (int i = 0; i < 2; i++)
        MUST(-pthread_create(&threads[i], NULL, take_turns, &names[i]));
    for (int i = 0; i < 2; i++)
        MUST(-pthread_join(threads[i], NULL));
    say("turn %d", turn);
}

CASE(futex_calls) {
    int word = 5;
    struct timespec none = {0, 0}, bad = {0, -1}, short_time = {0, 5000000};
    TRY(futex(&word, FUTEX_WAIT, 4, NULL));
    TRY(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &none));
    TRY(futex(&word, FUTEX_WAIT, 5, &short_time));
    TRY(futex(&word, FUTEX_WAIT, 5, &bad));
    TRY(futex(&word, FUTEX_WAKE, 1, NULL));
    TRY(futex(BAD, FUTEX_WAIT, 5, &none));
    TRY(futex((int *)((char *)&word + 1), FUTEX_WAIT, 5, &none));
    TRY(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &none, NULL, 0));
    TRY(syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &word, 4));
    TRY(futex(&word, 127, 0, NULL));
}

CASE(futexes_reach_across_processes) {
    int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = CHILD({
        long result = 0;
        while (*(volatile int *)word == 0)
            result = futex(word, FUTEX_WAIT, 0, NULL);
        say("woken %d", result == 0 || errno == EAGAIN || errno == EINTR);
    });
    UNTIL(asleep(child));
    __atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
    MUST(futex(word, FUTEX_WAKE, INT_MAX, NULL));
    JOIN(child);
    sem_t *semaphore = (sem_t *)(word + 16);
    MUST(sem_init(semaphore, 1, 0));
    child = CHILD(MUST(sem_wait(semaphore)));
    MUST(sem_post(semaphore));
    JOIN(child);
}

static void *tell_ids(void *argument) {
    (void)argument;
    say("same pid %d, same tid %d, group %d", getpid() == *(pid_t *)argument, gettid() == getpid(),
        getpgrp() == *(pid_t *)argument);
    return NULL;
}

CASE(threads_have_one_pid_and_their_own_tids) {
    pthread_t thread;
    pid_t pid = getpid();
    MUST(-pthread_create(&thread, NULL, tell_ids, &pid));
    MUST(-pthread_join(thread, NULL));
}

static void *leave_alone(void *argument) {
    (void)argument;
    syscall(SYS_exit, 3);
    return NULL;
}

static void *leave_together(void *argument) {
    (void)argument;
    exit(4);
}

static void *wait_forever(void *argument) {
    (void)argument;
    for (;;)
        pause();
    return NULL;
}

CASE(exit_of_a_thread_and_of_the_process) {
    pthread_t thread;
    IN_CHILD({
        MUST(-pthread_create(&thread, NULL, leave_alone, NULL));
        UNTIL(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
        _exit(5);
    });
    IN_CHILD({
        MUST(-pthread_create(&thread, NULL, leave_together, NULL));
        pause();
    });
    IN_CHILD({
        MUST(-pthread_create(&thread, NULL, wait_forever, NULL));
        _exit(6);
    });
    IN_CHILD({
        MUST(-pthread_create(&thread, NULL, wait_forever, NULL));
        kill(getpid(), SIGTERM);
        pause();
    });
}

static void *last_one(void *argument) {
    (void)argument;
    say("the first thread is gone");
    return NULL;
}

CASE(the_first_thread_may_leave_first) {
    pthread_t thread;
    IN_CHILD({
        MUST(-pthread_create(&thread, NULL, last_one, NULL));
        pthread_exit(NULL);
    });
}

static volatile pid_t handled_in;
static void note(int number) { (void)number, handled_in = gettid(); }

static volatile pid_t thread_id;
static volatile bool stop;
static void *block_and_wait(void *argument) {
    (void)argument;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    thread_id = gettid();
    while (!stop)
        check_pause();
    sigpending(&set);
    say("pending here %d", sigismember(&set, SIGUSR1));
    return NULL;
}

CASE(signals_go_to_a_thread_that_takes_them) {
    pthread_t thread;
    handle(SIGUSR1, note, 0);
    handle(SIGUSR2, note, 0);
    MUST(-pthread_create(&thread, NULL, block_and_wait, NULL));
    UNTIL(thread_id);
    MUST(kill(getpid(), SIGUSR1));
    UNTIL(handled_in);
    say("process signal in the first thread %d", handled_in == getpid());
    handled_in = 0;
    MUST(-pthread_kill(thread, SIGUSR2));
    UNTIL(handled_in);
    say("thread signal in the other %d", handled_in == thread_id);
    MUST(-pthread_kill(thread, SIGUSR1));
    stop = true;
    MUST(-pthread_join(thread, NULL));
}

static void *read_one(void *argument) {
    char byte;
    long count = read(*(int *)argument, &byte, 1);
    say("read %s", count < 0 ? errno_name(errno) : "something");
    return NULL;
}

CASE(a_blocked_thread_is_interrupted_or_cancelled) {
    pthread_t thread;
    int pipes[2];
    void *result;
    MUST(pipe(pipes));
    handle(SIGUSR1, note, 0);
    MUST(-pthread_create(&thread, NULL, read_one, &pipes[0]));
    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        pthread_kill(thread, SIGUSR1);
        check_pause();
    }
    MUST(-pthread_create(&thread, NULL, read_one, &pipes[0]));
    check_pause();
    TRY_CODE(pthread_cancel(thread));
    TRY_CODE(pthread_join(thread, &result));
    IS(result == PTHREAD_CANCELED);
}

static _Thread_local int own = 1;
static void *change_own(void *argument) {
    char name[16] = "";
    own = 2;
    prctl(PR_SET_NAME, "renamed");
    prctl(PR_GET_NAME, name);
    *(int *)argument = own;
    say("%s", name);
    return NULL;
}

CASE(thread_local_state) {
    pthread_t thread;
    int seen = 0;
    char name[16] = "", first[16] = "";
    prctl(PR_GET_NAME, first);
    MUST(-pthread_create(&thread, NULL, change_own, &seen));
    MUST(-pthread_join(thread, NULL));
    prctl(PR_GET_NAME, name);
    say("own %d theirs %d name kept %d", own, seen, !strcmp(first, name));
}

static void *use_stack(void *argument) {
    volatile char area[100000];
    for (size_t i = 0; i < sizeof area; i += 1000)
        area[i] = 1;
    (void)argument;
    return NULL;
}

CASE(many_threads_one_after_another) {
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        MUST(-pthread_create(&thread, NULL, use_stack, NULL));
        MUST(-pthread_join(thread, NULL));
    }
    say("done");
}

static void *fork_here(void *argument) {
    (void)argument;
    pid_t child = CHILD({
        say("child of a thread: tid is pid %d", gettid() == getpid());
        _exit(8);
    });
    JOIN(child);
    return NULL;
}

CASE(fork_from_a_thread) {
    pthread_t thread;
    MUST(-pthread_create(&thread, NULL, fork_here, NULL));
    MUST(-pthread_join(thread, NULL));
}

static void *become(void *argument) {
    (void)argument;
    MUST(syscall(SYS_setresuid, -1, 1234, -1));
    say("thread euid %d", geteuid());
    return NULL;
}

CASE(the_raw_call_changes_one_thread_s_credentials) {
    pthread_t thread;
    MUST(-pthread_create(&thread, NULL, become, NULL));
    MUST(-pthread_join(thread, NULL));
    say("first euid %d", geteuid());
    TRY(setresuid(-1, 77, -1));
    say("first euid %d", geteuid());
}
