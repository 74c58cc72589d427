# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the stub and the sentry both read, from the sentry's side; the unit tests hold it against stub_abi.h."""

from __future__ import annotations

import struct

BASE = 0x200000000000
SIZE = 0x10000
LOADER_FD = 63
SOCKET_FD = 62
MARK = 0x50595343

LOAD = 0x30000001
EXEC = 0x30000002
CLONE = 0x30000003
MAP = 0x30000004
CHILD = 0x30000005
CLONED = 0x30000006
EXEC_FAILED = 0x30000007
SIGSYS = 0x30000008
PIDFD = 0x30000009
SHMAT = 0x3000000A
ATTACHED = 0x3000000B
SHMDT = 0x3000000C

# si_code inside the sentry of what kill and tgkill send; signals.py gives them the form in which they travel.
SENT_BY_KILL = -0x100
SENT_BY_TKILL = -0x101
SENT = 0x50595300
KICK = 0x504B4943

ANONYMOUS = 0x7FFFFFFF
PLAN_SIZE = 32768

PLAN_HEAD = struct.Struct("<QIIIIII")  # entry, maps, zeros, auxiliary, drop, add, string bytes
PLAN_MAP = struct.Struct("<QQQIIiI")  # address, length, offset, protection, flags, fd, last
PLAN_PAIR = struct.Struct("<QQ")


def marked(fd: int) -> int:
    """A register value that names a real descriptor of the task, as the filters know it."""
    return MARK << 32 | fd
