/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The floor under every call that a sentry answers: a seccomp user-notification round trip between two processes,
 * answered in C. Run natively, never inside a sandbox. Prints
 *   notify-c-sync    with SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (Linux 6.6), waiting in the receive call itself
 *   notify-c-epoll   the same, waiting in epoll first, as a server that has other descriptors must
 *   notify-c-async   without the synchronous wake-up
 *
 * The child (clone with CLONE_FILES, so that the listener needs no passing) filters its own getuid and times it; the
 * parent answers until the child is gone.
 */
#define _GNU_SOURCE
#include "bench.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* linux/seccomp.h of Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static int install_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getuid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		failed("no_new_privs");
	int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (listener < 0)
		failed("seccomp");
	return listener;
}

static void answer_until_gone(int listener, int with_epoll)
{
	struct seccomp_notif request;
	struct seccomp_notif_resp response;
	struct pollfd one = {.fd = listener, .events = POLLIN};
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		failed("epoll");
	for (;;) {
		if (with_epoll && epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			failed("epoll_wait");
		memset(&request, 0, sizeof request);
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) {
			/* ENOENT: the caller went away; with nobody left the descriptor hangs up */
			if (poll(&one, 1, 0) == 1 && (one.revents & POLLHUP)) {
				close(epoll);
				return;
			}
			if (errno == EINTR || errno == ENOENT)
				continue;
			failed("receive");
		}
		memset(&response, 0, sizeof response);
		response.id = request.id;
		response.val = 4711;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0 && errno != ENOENT)
			failed("send");
	}
}

static void measure(const char *name, int sync_wake_up, int with_epoll)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		failed("mmap");
	shared[0] = -1; /* the listener, once there */
	shared[1] = 0;  /* set when the parent is ready to answer */

	fflush(stdout);
	pid_t child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0UL);
	if (child < 0)
		failed("clone");
	if (child == 0) {
		shared[0] = install_filter();
		while (!shared[1])
			sched_yield();
		if (syscall(SYS_getuid) != 4711)
			failed("answer");
		BENCH(name, 64, syscall(SYS_getuid));
		_exit(0);
	}
	while (shared[0] < 0)
		if (waitpid(child, NULL, WNOHANG) == child)
			exit(1);
	int listener = shared[0];
	int settled = !sync_wake_up ||
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
	if (!settled) {
		fprintf(stderr, "%s: this kernel has no synchronous wake-up\n", name);
		kill(child, SIGKILL);
	} else {
		shared[1] = 1;
		answer_until_gone(listener, with_epoll);
	}
	waitpid(child, NULL, 0);
	close(listener);
}

int main(void)
{
	measure("notify-c-sync", 1, 0);
	measure("notify-c-epoll", 1, 1);
	measure("notify-c-async", 0, 0);
	return 0;
}
