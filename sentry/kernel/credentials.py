# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Virtual credentials: what the guest believes to be, checked by nobody but us."""

from __future__ import annotations

from sentry.lean import Record

CAP_LAST = 40
ALL_CAPABILITIES = (1 << (CAP_LAST + 1)) - 1

CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL = 0, 1, 2, 3, 4, 5
CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE = 6, 7, 8, 9, 10
CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_SYS_CHROOT, CAP_SYS_PTRACE = 12, 13, 14, 18, 19
CAP_SYS_ADMIN, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD = 21, 23, 24, 25, 26, 27
CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_SETFCAP = 29, 30, 31


class Credentials(Record):
    """credentials(7). Never changed: a change is a new object (with_), so that tasks can share one."""

    __slots__ = (
        "uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid", "groups", "effective", "permitted",
        "inheritable", "ambient", "bounding", "securebits", "no_new_privs",
    )  # fmt: skip

    def __init__(
        self,
        uid: int = 0,
        euid: int = 0,
        suid: int = 0,
        fsuid: int = 0,
        gid: int = 0,
        egid: int = 0,
        sgid: int = 0,
        fsgid: int = 0,
        groups: tuple[int, ...] = (),
        effective: int = ALL_CAPABILITIES,
        permitted: int = ALL_CAPABILITIES,
        inheritable: int = 0,
        ambient: int = 0,
        bounding: int = ALL_CAPABILITIES,
        securebits: int = 0,
        no_new_privs: bool = False,
    ) -> None:
        self.uid = uid
        self.euid = euid
        self.suid = suid
        self.fsuid = fsuid
        self.gid = gid
        self.egid = egid
        self.sgid = sgid
        self.fsgid = fsgid
        self.groups = groups
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable
        self.ambient = ambient
        self.bounding = bounding
        self.securebits = securebits
        self.no_new_privs = no_new_privs

    def has(self, capability: int) -> bool:
        """capable(capability)."""
        return bool(self.effective >> capability & 1)

    def in_group(self, gid: int) -> bool:
        """Is gid the file system group or a supplementary one?"""
        return gid == self.fsgid or gid in self.groups

    def with_(self, **changes: object) -> Credentials:
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        values.update(changes)
        return Credentials(**values)  # type: ignore[arg-type] # the fields check themselves by their names
