/* SPDX-FileCopyrightText: 2026 The pysc authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * An idle program: idle FILE writes "ready" to FILE and sleeps until a signal ends it.
 */
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	FILE *out = argc == 2 ? fopen(argv[1], "w") : NULL;
	if (!out || fputs("ready\n", out) < 0 || fclose(out) != 0) {
		perror("idle");
		return 1;
	}
	for (;;)
		pause();
}
