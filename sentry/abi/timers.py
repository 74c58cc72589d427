# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Interval timers. Source: include/uapi/linux/time.h, include/uapi/asm-generic/siginfo.h."""

import struct

ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF = 0, 1, 2
ITIMERVAL = struct.Struct("<4q")  # interval s, µs; value s, µs
ITIMERSPEC = struct.Struct("<4q")  # interval s, ns; value s, ns
TIMEX_SIZE = 208  # struct timex
TIMEX_CONSTANTS = struct.Struct("<q")

CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID = 0, 1, 2, 3
CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM, CLOCK_TAI = 7, 8, 9, 11
TIMER_ABSTIME = 1

# struct sigevent: sigval, signo, notify, tid (64 bytes in all)
SIGEVENT = struct.Struct("<Qiii44x")
SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 0, 1, 2, 4

# siginfo_t of a timer: signo, errno, code, timer id, overrun, sigval (128 bytes in all)
SIGINFO_TIMER = struct.Struct("<iii4xiiQ96x")
SI_TIMER = -2
DELAYTIMER_MAX = 0x7FFFFFFF
NSEC = 1_000_000_000
