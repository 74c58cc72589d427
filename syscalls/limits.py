# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Resource limits. They are ours, but for those of memory and processor time, which the host enforces for us.

Source: man-pages getrlimit(2), kernel/sys.c (do_prlimit, check_prlimit_permission).
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.limits import DEFAULTS, NR_OPEN, RLIM_NLIMITS, RLIMIT, RLIMIT_NOFILE
from sentry.kernel import host_limits
from sentry.kernel.credentials import CAP_SYS_RESOURCE
from sentry.kernel.task import Process, Task
from syscalls.table import PARTIAL, Address, Pid, UInt, syscall

_NOTE = "RSS, NICE, RTPRIO, RTTIME, SIGPENDING and MSGQUEUE are kept but not enforced"


def get_limit(process: Process, resource: int) -> tuple[int, int]:
    """(soft, hard) of a process. Raises: EINVAL for a resource that does not exist."""
    if resource >= RLIM_NLIMITS:
        raise LinuxError(errno.EINVAL)
    return process.limits.get(resource) or DEFAULTS[resource]


def set_limit(task: Task, process: Process, resource: int, soft: int, hard: int) -> None:
    """Changes a limit for task. Raises: EINVAL, EPERM (raising the hard limit, or more files than nr_open)."""
    _, old_hard = get_limit(process, resource)
    if soft > hard:
        raise LinuxError(errno.EINVAL)
    if resource == RLIMIT_NOFILE and hard > NR_OPEN:
        raise LinuxError(errno.EPERM)
    if hard > old_hard and not task.credentials.has(CAP_SYS_RESOURCE):
        raise LinuxError(errno.EPERM)
    process.limits[resource] = (soft, hard)
    host_limits.apply(process, resource, soft, hard)


@syscall(97)
def getrlimit(task: Task, resource: UInt, address: Address) -> int:
    """getrlimit(2). Raises: EINVAL, EFAULT."""
    task.memory.pack(RLIMIT, address, *get_limit(task.process, resource))
    return 0


@syscall(160, support=PARTIAL, note=_NOTE)
def setrlimit(task: Task, resource: UInt, address: Address) -> int:
    """setrlimit(2). Raises: EFAULT, EINVAL, EPERM."""
    soft, hard = task.memory.unpack(RLIMIT, address)
    set_limit(task, task.process, resource, soft, hard)
    return 0


@syscall(302, support=PARTIAL, note=_NOTE)
def prlimit64(task: Task, pid: Pid, resource: UInt, new: Address, old: Address) -> int:
    """prlimit(2): sets, then tells what was before. Raises: EFAULT, ESRCH, EPERM, EINVAL."""
    wanted = task.memory.unpack(RLIMIT, new) if new else None
    process = task.process
    if pid and pid != process.pid:
        target = task.kernel.tasks.get(pid)
        if target is None:
            raise LinuxError(errno.ESRCH)
        process = target.process
        mine, theirs = task.credentials, target.credentials
        same_user = mine.uid == theirs.uid == theirs.euid == theirs.suid
        same_group = mine.gid == theirs.gid == theirs.egid == theirs.sgid
        if process is not task.process and not (same_user and same_group) and not mine.has(CAP_SYS_RESOURCE):
            raise LinuxError(errno.EPERM)
    before = get_limit(process, resource)
    if wanted is not None:
        set_limit(task, process, resource, *wanted)
    if old:
        task.memory.pack(RLIMIT, old, *before)
    return 0
