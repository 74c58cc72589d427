/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cost of processes and threads: forks TRUE, where TRUE is the program to execute (/bin/true).
 */
#define _GNU_SOURCE
#include "bench.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for(pid_t child)
{
	int status;
	if (child < 0)
		failed("fork");
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "child: status %#x\n", (unsigned)status);
		exit(1);
	}
}

static void *nothing(void *argument)
{
	return argument;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: forks TRUE\n");
		return 2;
	}
	BENCH("fork+wait", 4, {
		pid_t child = fork();
		if (child == 0)
			_exit(0);
		wait_for(child);
	});
	BENCH("fork+exec+wait", 4, {
		pid_t child = fork();
		if (child == 0) {
			execl(argv[1], argv[1], (char *)NULL);
			_exit(127);
		}
		wait_for(child);
	});
	BENCH("vfork+exec+wait", 4, {
		pid_t child = vfork();
		if (child == 0) {
			execl(argv[1], argv[1], (char *)NULL);
			_exit(127);
		}
		wait_for(child);
	});
	BENCH("thread-create+join", 4, {
		pthread_t thread;
		if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
			failed("thread");
	});
	return 0;
}
