/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * POSIX message queues: mq_open(3) and its family.
 */
#include "check.h"

#include <mqueue.h>
#include <poll.h>

static volatile sig_atomic_t code, value;
static void on_message(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    code = info->si_code;
    value = info->si_value.sival_int;
}

static const char *name(void) {
    static char text[64];
    snprintf(text, sizeof text, "/pysc-test-%d", getpid());
    return text;
}

static void attributes(mqd_t queue) {
    struct mq_attr found;
    TRY(mq_getattr(queue, &found));
    say("flags %lo max %ld size %ld now %ld", found.mq_flags, found.mq_maxmsg, found.mq_msgsize, found.mq_curmsgs);
}

static void receive(mqd_t queue) {
    char text[64] = "";
    unsigned priority = 99;
    ssize_t got = TRY(mq_receive(queue, text, sizeof text, &priority));
    if (got >= 0)
        say("%.*s priority %u", (int)got, text, priority);
}

CASE(messages_come_by_priority) {
    struct mq_attr wanted = {.mq_maxmsg = 4, .mq_msgsize = 64};
    const char *here = name();
    TRY(mq_open(here, O_RDWR));
    mqd_t queue = (mqd_t)MUST(mq_open(here, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &wanted));
    TRY(mq_open(here, O_RDWR | O_CREAT | O_EXCL, 0600, &wanted));
    attributes(queue);
    TRY(mq_send(queue, "low", 3, 1));
    TRY(mq_send(queue, "high", 4, 9));
    TRY(mq_send(queue, "low2", 4, 1));
    TRY(mq_send(queue, "", 0, 0));
    TRY(mq_send(queue, "full", 4, 0));
    char long_text[65] = "";
    TRY(mq_send(queue, long_text, sizeof long_text, 0));
    TRY(mq_send(queue, "x", 1, 32768));
    attributes(queue);
    struct pollfd ready = {.fd = queue, .events = POLLIN | POLLOUT};
    TRY(poll(&ready, 1, 0));
    say("events %x", ready.revents);
    for (int i = 0; i < 5; i++)
        receive(queue);
    char small[10];
    TRY(mq_receive(queue, small, sizeof small, NULL));
    TRY(poll(&ready, 1, 0));
    say("events %x", ready.revents);
    TRY(fcntl(queue, F_GETFD));
    TRY(mq_unlink(here));
    TRY(mq_unlink(here));
    TRY(mq_send(queue, "still", 5, 0));
    receive(queue);
    TRY(mq_close(queue));
}

CASE(waiting_and_time_limits) {
    struct mq_attr wanted = {.mq_maxmsg = 1, .mq_msgsize = 64};
    mqd_t queue = (mqd_t)MUST(mq_open(name(), O_RDWR | O_CREAT, 0600, &wanted));
    MUST(mq_unlink(name()));
    struct timespec limit;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &limit);
    TRY(mq_timedreceive(queue, text, sizeof text, NULL, &limit));
    limit.tv_nsec = 1000000000;
    TRY(mq_timedreceive(queue, text, sizeof text, NULL, &limit));
    pid_t child = CHILD({
        usleep(20000);
        MUST(mq_send(queue, "first", 5, 0));
        MUST(mq_send(queue, "second", 6, 0));
    });
    usleep(60000);
    MUST(waitpid(child, NULL, WNOHANG) == 0 ? 0 : -1);
    int got = (int)mq_receive(queue, text, sizeof text, NULL);
    say("%d %.*s", got, got, text);
    JOIN(child);
    got = (int)mq_receive(queue, text, sizeof text, NULL);
    say("%d %.*s", got, got, text);
}

CASE(notification) {
    struct mq_attr wanted = {.mq_maxmsg = 2, .mq_msgsize = 64};
    mqd_t queue = (mqd_t)MUST(mq_open(name(), O_RDWR | O_CREAT, 0600, &wanted));
    MUST(mq_unlink(name()));
    struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGUSR1, &action, NULL));
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    TRY(mq_notify(queue, &event));
    TRY(mq_notify(queue, &event));
    TRY(mq_send(queue, "a", 1, 0));
    UNTIL(code);
    say("code %d value %d", (int)code, (int)value);
    code = 0;
    TRY(mq_send(queue, "b", 1, 0));
    say("code %d", (int)code);
    TRY(mq_notify(queue, NULL));
    event.sigev_notify = 77;
    TRY(mq_notify(queue, &event));
}

CASE(names_rights_and_bad_descriptors) {
    struct mq_attr wanted = {.mq_maxmsg = 1, .mq_msgsize = 64};
    TRY(mq_open("/", O_RDWR));
    TRY(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
    TRY(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL));
    wanted.mq_maxmsg = 0;
    TRY(mq_open(name(), O_RDWR | O_CREAT, 0600, &wanted));
    wanted.mq_maxmsg = 1;
    const char *here = name();
    mqd_t queue = (mqd_t)MUST(mq_open(here, O_RDONLY | O_CREAT, 0644, &wanted));
    TRY(mq_send(queue, "x", 1, 0));
    IN_CHILD({
        become_nobody();
        TRY(mq_open(here, O_WRONLY));
        TRY(mq_open(here, O_RDONLY) >= 0);
        struct mq_attr large = {.mq_maxmsg = 11, .mq_msgsize = 64};
        TRY(mq_open("/pysc-large", O_RDWR | O_CREAT, 0600, &large));
    });
    char text[64];
    TRY(mq_receive(0, text, sizeof text, NULL));
    TRY(mq_receive(-1, text, sizeof text, NULL));
    TRY(mq_unlink(here));
}
