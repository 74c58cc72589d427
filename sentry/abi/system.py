# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the guest's kernel calls itself, and the structures of uname(2), sysinfo(2), getrandom(2).

Source: include/uapi/linux/{utsname,sysinfo,random}.h.
"""

import struct

SYSNAME = b"Linux"
# Programs compare the release with what they need; it tells which interfaces we mean to have, not the host's version.
RELEASE = b"6.6.0-pysc"
VERSION = b"#1 SMP PREEMPT_DYNAMIC pysc"
MACHINE = b"x86_64"
BANNER = SYSNAME + b" version " + RELEASE + b" (pysc@pysc) (python) " + VERSION + b"\n"

UTSNAME_FIELD = 65  # bytes, the NUL included
HOST_NAME_MAX = 64

# struct sysinfo: uptime (s), loads (16-bit fixed point) x3, then total, free, shared, buffers, swap total, swap free in
# units of mem_unit bytes, processes, high memory total and free, mem_unit.
SYSINFO = struct.Struct("<q3Q6QHH4xQQI4x")

GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE = 1, 2, 4

CLOCK_TICKS = 100  # USER_HZ: ticks a second in /proc and times(2)
PAGE_SIZE = 4096

# syslog(2)
SYSLOG_READ_ALL, SYSLOG_READ_CLEAR, SYSLOG_SIZE_UNREAD, SYSLOG_SIZE_BUFFER = 3, 4, 9, 10
CAP_SYSLOG = 34
LOG_BUFFER_SIZE = 1 << 17
