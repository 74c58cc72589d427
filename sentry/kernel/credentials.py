# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Virtual credentials: what the guest believes to be, checked by nobody but us."""

from __future__ import annotations

from dataclasses import dataclass, replace

CAP_LAST = 40
ALL_CAPABILITIES = (1 << (CAP_LAST + 1)) - 1

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL = 0, 1, 2, 3, 4, 5
CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE = 6, 7, 8, 9, 10
CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_SYS_CHROOT, CAP_SYS_PTRACE = 12, 13, 14, 18, 19
CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD = 21, 23, 24, 25, 26, 27
CAP_AUDIT_WRITE, CAP_SETFCAP = 29, 31


@dataclass(frozen=True, slots=True)
class Credentials:
    """credentials(7). Immutable: a change is a new object (with_), so that tasks can share one."""

    uid: int = 0
    euid: int = 0
    suid: int = 0
    fsuid: int = 0
    gid: int = 0
    egid: int = 0
    sgid: int = 0
    fsgid: int = 0
    groups: tuple[int, ...] = ()
    effective: int = ALL_CAPABILITIES
    permitted: int = ALL_CAPABILITIES
    inheritable: int = 0
    ambient: int = 0
    bounding: int = ALL_CAPABILITIES
    securebits: int = 0
    no_new_privs: bool = False

    def has(self, capability: int) -> bool:
        """capable(capability)."""
        return bool(self.effective >> capability & 1)

    def in_group(self, gid: int) -> bool:
        """Is gid the file system group or a supplementary one?"""
        return gid == self.fsgid or gid in self.groups

    def with_(self, **changes: object) -> Credentials:
        return replace(self, **changes)  # type: ignore[arg-type] # the fields check themselves by their names
