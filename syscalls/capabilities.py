# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""capget and capset. Source: man-pages capget(2), kernel/capability.c, security/commoncap.c (cap_capset)."""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.security import (
    CAP_DATA_1,
    CAP_DATA_3,
    CAP_HEADER,
    CAP_VERSION_1,
    CAP_VERSION_2,
    CAP_VERSION_3,
)
from sentry.kernel.credentials import ALL_CAPABILITIES, CAP_SETPCAP, Credentials
from sentry.kernel.task import Task
from syscalls.table import Address, syscall

_LOW = 0xFFFFFFFF


def _header(task: Task, address: int) -> tuple[int, int] | None:
    """(version, pid), or None for a version we do not know, after writing the preferred one back."""
    version, pid = task.memory.unpack(CAP_HEADER, address)
    if version in (CAP_VERSION_3, CAP_VERSION_2, CAP_VERSION_1):
        return version, pid
    task.memory.write(address, CAP_VERSION_3.to_bytes(4, "little"))
    return None


@syscall(125)
def capget(task: Task, header: Address, data: Address) -> int:
    """capget(2); data NULL only asks for the version. Raises: EINVAL, ESRCH, EFAULT."""
    known = _header(task, header)
    if known is None:
        if data:
            raise LinuxError(errno.EINVAL)
        return 0
    version, pid = known
    if not data:
        return 0
    if pid < 0:
        raise LinuxError(errno.EINVAL)
    target = task.kernel.tasks.get(pid) if pid else task
    if target is None:
        raise LinuxError(errno.ESRCH)
    found = target.credentials
    sets = (found.effective, found.permitted, found.inheritable)
    low = [value & _LOW for value in sets]
    if version == CAP_VERSION_1:
        task.memory.pack(CAP_DATA_1, data, *low)
    else:
        task.memory.pack(CAP_DATA_3, data, *low, *(value >> 32 for value in sets))
    return 0


@syscall(126)
def capset(task: Task, header: Address, data: Address) -> int:
    """capset(2), of the calling thread only. Raises: EINVAL, EPERM, EFAULT."""
    known = _header(task, header)
    if known is None:
        raise LinuxError(errno.EINVAL)
    version, pid = known
    if pid not in (0, task.tid):
        raise LinuxError(errno.EPERM)
    if version == CAP_VERSION_1:
        effective, permitted, inheritable = task.memory.unpack(CAP_DATA_1, data)
    else:
        words = task.memory.unpack(CAP_DATA_3, data)
        effective, permitted, inheritable = (words[i] | words[i + 3] << 32 for i in range(3))
    task.credentials = change_capabilities(
        task.credentials, effective & ALL_CAPABILITIES, permitted & ALL_CAPABILITIES, inheritable & ALL_CAPABILITIES
    )
    return 0


def change_capabilities(old: Credentials, effective: int, permitted: int, inheritable: int) -> Credentials:
    """cap_capset(): the new credentials. Raises: EPERM."""
    if not old.has(CAP_SETPCAP) and inheritable & ~(old.inheritable | old.permitted):
        raise LinuxError(errno.EPERM)
    if inheritable & ~(old.inheritable | old.bounding) or permitted & ~old.permitted or effective & ~permitted:
        raise LinuxError(errno.EPERM)
    return old.with_(
        effective=effective,
        permitted=permitted,
        inheritable=inheritable,
        ambient=old.ambient & permitted & inheritable,
    )
