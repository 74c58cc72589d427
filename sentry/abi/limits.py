# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Resource limits. Source: include/uapi/asm-generic/resource.h, fs/proc/base.c (lnames)."""

import struct

RLIM_INFINITY = 2**64 - 1
RLIMIT = struct.Struct("<QQ")  # struct rlimit64: soft, hard
NR_OPEN = 1048576  # fs.nr_open

RLIMIT_NOFILE = 7

# By number: what /proc/PID/limits calls it, and its unit there.
NAMES = (
    (b"Max cpu time", b"seconds"),
    (b"Max file size", b"bytes"),
    (b"Max data size", b"bytes"),
    (b"Max stack size", b"bytes"),
    (b"Max core file size", b"bytes"),
    (b"Max resident set", b"bytes"),
    (b"Max processes", b"processes"),
    (b"Max open files", b"files"),
    (b"Max locked memory", b"bytes"),
    (b"Max address space", b"bytes"),
    (b"Max file locks", b"locks"),
    (b"Max pending signals", b"signals"),
    (b"Max msgqueue size", b"bytes"),
    (b"Max nice priority", b""),
    (b"Max realtime priority", b""),
    (b"Max realtime timeout", b"us"),
)
RLIM_NLIMITS = len(NAMES)

# INIT_RLIMITS: what a process has that nobody gave limits to (soft, hard).
DEFAULTS: dict[int, tuple[int, int]] = {
    **dict.fromkeys(range(RLIM_NLIMITS), (RLIM_INFINITY, RLIM_INFINITY)),
    3: (8 << 20, RLIM_INFINITY),
    4: (0, RLIM_INFINITY),
    7: (1024, 524288),
    8: (8 << 20, 8 << 20),
    12: (819200, 819200),
    13: (0, 0),
    14: (0, 0),
}
