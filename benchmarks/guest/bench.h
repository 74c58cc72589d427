/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Timing for guest programs. Output is one line per row, "NAME MICROSECONDS", which benchmarks/rows.py reads.
 * Single-threaded; only the monotonic clock (the vDSO, so that reading it is no system call) is used.
 */
#ifndef PYSC_BENCH_H
#define PYSC_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 5
#define BATCH_NS 20000000ULL /* one batch takes at least 20 ms, so that clock and loop do not show */

static inline unsigned long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static inline void failed(const char *what)
{
	perror(what);
	exit(1);
}

/* Repeats the statements, at least `least` times a batch, and prints the median batch's time per repetition. */
#define BENCH(name, least, ...)                                                         \
	do {                                                                            \
		double us_[BATCHES];                                                    \
		unsigned long long n_ = (least);                                        \
		for (int batch_ = -1; batch_ < BATCHES;) {                              \
			unsigned long long start_ = now_ns(), spent_;                   \
			for (unsigned long long i_ = 0; i_ < n_; i_++) {                \
				__VA_ARGS__;                                            \
			}                                                               \
			spent_ = now_ns() - start_;                                     \
			if (batch_ < 0 && spent_ < BATCH_NS && n_ < (1ULL << 30)) {     \
				n_ *= 2; /* still finding the size of a batch */        \
				continue;                                               \
			}                                                               \
			if (batch_ >= 0)                                                \
				us_[batch_] = (double)spent_ / (double)n_ / 1000.0;     \
			batch_++;                                                       \
		}                                                                       \
		qsort(us_, BATCHES, sizeof us_[0], compare_doubles);                    \
		printf("%s %.4f\n", name, us_[BATCHES / 2]);                            \
		fflush(stdout);                                                         \
	} while (0)

#endif
