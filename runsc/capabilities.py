# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Capability names in the order of their numbers (include/uapi/linux/capability.h)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
ALL = (1 << len(NAMES)) - 1
SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")

_BITS = {f"CAP_{name}": 1 << number for number, name in enumerate(NAMES)}


def mask(names: Iterable[str]) -> tuple[int, list[str]]:
    """The bit mask of names such as "CAP_KILL", and the names that nobody knows (newer kernels': harmless here)."""
    bits, unknown = 0, []
    for name in names:
        bit = _BITS.get(name.upper(), 0)
        bits |= bit
        if not bit:
            unknown.append(name)
    return bits, unknown
