/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The cost of single system calls: calls FILE TMPDIR ROOTDIR
 *   FILE     a readable file of 4 KiB or more, on a read-only bind mount
 *   TMPDIR   a writable directory on tmpfs
 *   ROOTDIR  a writable directory on the root file system
 * Plain calls go through libc's syscall(), so that no library caches an answer.
 */
#define _GNU_SOURCE
#include "bench.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char buffer[65536];

#define MUST(expression)                     \
	do {                                 \
		if ((long)(expression) < 0)  \
			failed(#expression); \
	} while (0)

static void create_unlink(const char *row, const char *directory)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/bench-file", directory);
	BENCH(row, 16, {
		int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		MUST(fd);
		MUST(close(fd));
		MUST(unlink(path));
	});
}

int main(int argc, char **argv)
{
	struct stat st;
	int fd, ends[2], event, sockets[2];
	char missing[4096], data[4096];

	if (argc != 4) {
		fprintf(stderr, "usage: calls FILE TMPDIR ROOTDIR\n");
		return 2;
	}
	MUST(fd = open(argv[1], O_RDONLY));
	MUST(pipe(ends));
	MUST(event = eventfd(1, 0));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	snprintf(missing, sizeof missing, "%s-missing", argv[1]);

	BENCH("getpid", 64, MUST(syscall(SYS_getpid)));
	BENCH("getuid", 64, MUST(syscall(SYS_getuid)));
	BENCH("sched_yield", 64, MUST(syscall(SYS_sched_yield)));
	BENCH("lseek", 64, MUST(syscall(SYS_lseek, fd, 0, SEEK_SET)));
	BENCH("fstat", 64, MUST(fstat(fd, &st)));
	BENCH("pread-1", 64, MUST(pread(fd, buffer, 1, 0)));
	BENCH("pread-4K", 64, MUST(pread(fd, buffer, 4096, 0)));
	BENCH("pread-64K", 64, MUST(pread(fd, buffer, 65536, 0)));
	BENCH("stat", 64, MUST(stat(argv[1], &st)));
	BENCH("stat-missing", 64, {
		if (stat(missing, &st) == 0)
			failed("stat-missing");
	});
	BENCH("access", 64, MUST(access(argv[1], R_OK)));
	BENCH("open+close", 64, {
		int other = open(argv[1], O_RDONLY);
		MUST(other);
		MUST(close(other));
	});
	BENCH("dup+close", 64, {
		int other = dup(fd);
		MUST(other);
		MUST(close(other));
	});
	BENCH("pipe-write+read", 64, {
		MUST(write(ends[1], buffer, 1));
		MUST(read(ends[0], buffer, 1));
	});
	BENCH("pipe-write+read-4K", 64, {
		MUST(write(ends[1], buffer, 4096));
		MUST(read(ends[0], buffer, 4096));
	});
	BENCH("socketpair-write+read", 64, {
		MUST(write(sockets[1], buffer, 1));
		MUST(read(sockets[0], buffer, 1));
	});
	BENCH("poll", 64, {
		struct pollfd one = {.fd = event, .events = POLLIN};
		MUST(poll(&one, 1, 0));
	});
	{
		char path[4096];
		int out;
		snprintf(path, sizeof path, "%s/bench-out", argv[2]);
		MUST(out = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600));
		BENCH("pwrite-4K", 64, MUST(pwrite(out, data, sizeof data, 0)));
		MUST(close(out));
		MUST(unlink(path));
	}
	create_unlink("create+unlink-tmpfs", argv[2]);
	create_unlink("create+unlink-root", argv[3]);
	BENCH("mmap+touch+munmap-64K", 16, {
		char *at = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			failed("mmap");
		for (int page = 0; page < 16; page++)
			at[page * 4096] = 1;
		MUST(munmap(at, 65536));
	});
	BENCH("mmap-file+touch+munmap", 16, {
		volatile char *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		if (at == MAP_FAILED)
			failed("mmap of a file");
		(void)at[0];
		MUST(munmap((void *)at, 4096));
	});
	return 0;
}
