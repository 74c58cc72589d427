# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Priorities, scheduling policies and processor affinity: recorded for the guest, not applied to the host.

Source: man-pages sched(7), setpriority(2), sched_setaffinity(2), sched_setattr(2), ioprio_set(2);
kernel/sched/syscalls.c.
"""

from __future__ import annotations

import errno
import struct

from sentry.abi.errors import LinuxError
from sentry.fs import host_facts
from sentry.kernel.credentials import CAP_SYS_NICE
from sentry.kernel.scheduling import (
    SCHED_BATCH,
    SCHED_FIFO,
    SCHED_IDLE,
    SCHED_OTHER,
    SCHED_RR,
    change_scheduling,
    scheduling_of,
)
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Address, Int, Pid, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTE = "kept for the guest, without effect on the host's scheduler"
_RLIMIT_NICE, _RLIMIT_RTPRIO = 13, 14
_PRIO_PROCESS, _PRIO_PGRP, _PRIO_USER = 0, 1, 2
_RESET_ON_FORK = 0x40000000
_REAL_TIME = (SCHED_FIFO, SCHED_RR)
_NORMAL = (SCHED_OTHER, SCHED_BATCH, SCHED_IDLE)
_TIMESPEC = struct.Struct("<qq")
_ATTRIBUTES = struct.Struct("<IIQiIQQQ")  # struct sched_attr, version 0
_FLAG_RESET_ON_FORK, _FLAG_KEEP_POLICY, _FLAG_KEEP_PARAMS = 1, 8, 0x10
_SLICE, _RR_SLICE = 3_000_000, 100_000_000  # ns
_CAP_SYS_ADMIN = 21


def _find(task: Task, pid: int) -> Task:
    if pid < 0:
        raise LinuxError(errno.EINVAL)
    return _find_any(task, pid)


def _find_any(task: Task, pid: int) -> Task:
    """For the calls that do not look at the sign."""
    found = task.kernel.tasks.get(pid) if pid else task
    if found is None:
        raise LinuxError(errno.ESRCH)
    return found


def _owns(task: Task, target: Task) -> bool:
    return task.credentials.euid in (target.credentials.uid, target.credentials.euid)


# -- nice values --
def _selected(task: Task, which: int, who: int) -> list[Task]:
    """The threads that which and who mean. Raises: EINVAL, ESRCH."""
    kernel = task.kernel
    if which == _PRIO_PROCESS:
        found = [kernel.tasks[who]] if who in kernel.tasks else [task] if who == 0 else []
    elif which == _PRIO_PGRP:
        group = who or kernel.process_group(task.process)
        members: Iterable[Task] = (
            thread
            for process in kernel.processes.values()
            if kernel.process_group(process) == group
            for thread in process.threads.values()
        )
        found = list(members)
    elif which == _PRIO_USER:
        user = who or task.credentials.uid
        found = [other for other in kernel.tasks.values() if other.credentials.uid == user]
    else:
        raise LinuxError(errno.EINVAL)
    if not found:
        raise LinuxError(errno.ESRCH)
    return found


@syscall(140)
def getpriority(task: Task, which: Int, who: Int) -> int:
    """getpriority(2): 20 minus the lowest nice value, 1 to 40. Raises: EINVAL, ESRCH."""
    return max(20 - scheduling_of(found).nice for found in _selected(task, which, who))


@syscall(141, support=PARTIAL, note=_NOTE)
def setpriority(task: Task, which: Int, who: Int, nice: Int) -> int:
    """setpriority(2). Raises: EINVAL, ESRCH, EPERM (another user's), EACCES (a lower value without the right)."""
    nice = min(max(nice, -20), 19)
    privileged = task.credentials.has(CAP_SYS_NICE)
    failure = 0
    for target in _selected(task, which, who):
        if not privileged and not _owns(task, target):
            failure = errno.EPERM
            continue
        limit = target.process.limits.get(_RLIMIT_NICE, (0, 0))[0]
        if nice < scheduling_of(target).nice and not privileged and 20 - nice > limit:
            failure = errno.EACCES
            continue
        change_scheduling(target).nice = nice
    if failure:
        raise LinuxError(failure)
    return 0


# -- processors --
def _allowed(task: Task) -> int:
    """The mask of processors that there are for the guest."""
    return sum(1 << number for number in host_facts.cpus(task.kernel.host_facts, "cpu_allowed"))


@syscall(204)
def sched_getaffinity(task: Task, pid: Pid, size: UInt, address: Address) -> int:
    """sched_getaffinity(2): bytes written. Raises: EINVAL (size too small or odd), ESRCH, EFAULT."""
    count = max(host_facts.cpus(task.kernel.host_facts, "cpu_possible")) + 1
    if size * 8 < count or size & 7:
        raise LinuxError(errno.EINVAL)
    target = _find_any(task, pid)
    mask = scheduling_of(target).affinity or _allowed(task)
    size = min(size, (count + 63) // 64 * 8)
    task.memory.write(address, mask.to_bytes(size, "little"))
    return size


@syscall(203, support=PARTIAL, note=_NOTE)
def sched_setaffinity(task: Task, pid: Pid, size: UInt, address: Address) -> int:
    """sched_setaffinity(2). Raises: EINVAL (no processor left), ESRCH, EPERM, EFAULT."""
    size = min(size, 1024)
    mask = int.from_bytes(task.memory.read(address, size), "little") if size else 0
    target = _find_any(task, pid)
    if not _owns(task, target) and not task.credentials.has(CAP_SYS_NICE):
        raise LinuxError(errno.EPERM)
    mask &= _allowed(task)
    if not mask:
        raise LinuxError(errno.EINVAL)
    change_scheduling(target).affinity = mask
    return 0


@syscall(309)
def getcpu(task: Task, cpu: Address, node: Address, cache: Address) -> int:
    """getcpu(2), of which the vDSO knows more: the first processor that the thread may use. Raises: EFAULT."""
    mask = scheduling_of(task).affinity or _allowed(task)
    if cpu:
        task.memory.write(cpu, ((mask & -mask).bit_length() - 1).to_bytes(4, "little"))
    if node:
        task.memory.write(node, bytes(4))
    return 0


# -- policies --
def _set_policy(task: Task, target: Task, policy: int, priority: int, nice: int | None, reset: bool) -> None:
    """__sched_setscheduler(): policy -1 keeps it. Raises: EINVAL, EPERM."""
    now = scheduling_of(target)
    if policy < 0:
        policy = now.policy
        reset = now.reset_on_fork
    if policy in _REAL_TIME:
        if not 1 <= priority <= 99:
            raise LinuxError(errno.EINVAL)
    elif policy not in _NORMAL or priority:
        raise LinuxError(errno.EINVAL)
    if not task.credentials.has(CAP_SYS_NICE):
        limits = target.process.limits
        if policy in _REAL_TIME:
            limit = limits.get(_RLIMIT_RTPRIO, (0, 0))[0]
            if (policy != now.policy and not limit) or (priority > now.priority and priority > limit):
                raise LinuxError(errno.EPERM)
        if nice is not None and nice < now.nice and 20 - nice > limits.get(_RLIMIT_NICE, (0, 0))[0]:
            raise LinuxError(errno.EPERM)
        if now.policy == SCHED_IDLE and policy != SCHED_IDLE and 20 - now.nice > limits.get(_RLIMIT_NICE, (0, 0))[0]:
            raise LinuxError(errno.EPERM)
        if not _owns(task, target) or (now.reset_on_fork and not reset):
            raise LinuxError(errno.EPERM)
    changed = change_scheduling(target)
    changed.policy, changed.priority, changed.reset_on_fork = policy, priority, reset
    if nice is not None:
        changed.nice = nice


@syscall(142, support=PARTIAL, note=_NOTE)
def sched_setparam(task: Task, pid: Pid, address: Address) -> int:
    """sched_setparam(2). Raises: EINVAL, ESRCH, EPERM, EFAULT."""
    if not address or pid < 0:
        raise LinuxError(errno.EINVAL)
    priority = int.from_bytes(task.memory.read(address, 4), "little", signed=True)
    _set_policy(task, _find(task, pid), -1, priority, None, False)
    return 0


@syscall(143)
def sched_getparam(task: Task, pid: Pid, address: Address) -> int:
    """sched_getparam(2). Raises: EINVAL, ESRCH, EFAULT."""
    if not address:
        raise LinuxError(errno.EINVAL)
    task.memory.write(address, scheduling_of(_find(task, pid)).priority.to_bytes(4, "little"))
    return 0


@syscall(144, support=PARTIAL, note=_NOTE)
def sched_setscheduler(task: Task, pid: Pid, policy: Int, address: Address) -> int:
    """sched_setscheduler(2). Raises: EINVAL, ESRCH, EPERM, EFAULT."""
    if policy < 0 or not address or pid < 0:
        raise LinuxError(errno.EINVAL)
    priority = int.from_bytes(task.memory.read(address, 4), "little", signed=True)
    reset = bool(policy & _RESET_ON_FORK)
    _set_policy(task, _find(task, pid), policy & ~_RESET_ON_FORK, priority, None, reset)
    return 0


@syscall(145)
def sched_getscheduler(task: Task, pid: Pid) -> int:
    """sched_getscheduler(2). Raises: EINVAL, ESRCH."""
    found = scheduling_of(_find(task, pid))
    return found.policy | (_RESET_ON_FORK if found.reset_on_fork else 0)


@syscall(146)
def sched_get_priority_max(task: Task, policy: Int) -> int:
    """sched_get_priority_max(2). Raises: EINVAL."""
    if policy in _REAL_TIME:
        return 99
    if policy in (*_NORMAL, 6):
        return 0
    raise LinuxError(errno.EINVAL)


@syscall(147)
def sched_get_priority_min(task: Task, policy: Int) -> int:
    """sched_get_priority_min(2). Raises: EINVAL."""
    return min(sched_get_priority_max(task, policy), 1)


@syscall(148)
def sched_rr_get_interval(task: Task, pid: Pid, address: Address) -> int:
    """sched_rr_get_interval(2). Raises: EINVAL, ESRCH, EFAULT."""
    policy = scheduling_of(_find(task, pid)).policy
    task.memory.pack(_TIMESPEC, address, 0, {SCHED_RR: _RR_SLICE, SCHED_FIFO: 0}.get(policy, _SLICE))
    return 0


@syscall(314, support=PARTIAL, note=_NOTE + "; no deadlines")
def sched_setattr(task: Task, pid: Pid, address: Address, flags: UInt) -> int:
    """sched_setattr(2). Raises: EINVAL, ESRCH, EPERM, E2BIG, EFAULT."""
    if not address or pid < 0 or flags:
        raise LinuxError(errno.EINVAL)
    size = int.from_bytes(task.memory.read(address, 4), "little") or _ATTRIBUTES.size
    if not _ATTRIBUTES.size <= size <= 4096 or (size > 56 and any(task.memory.read(address + 56, size - 56))):
        raise LinuxError(errno.E2BIG)
    _, policy, options, nice, priority, *_ = task.memory.unpack(_ATTRIBUTES, address)
    if options & ~0x7F or policy > 7:
        raise LinuxError(errno.EINVAL)
    target = _find(task, pid)
    now = scheduling_of(target)
    if options & _FLAG_KEEP_POLICY:
        policy = now.policy
    if options & _FLAG_KEEP_PARAMS:
        nice, priority = now.nice, now.priority
    nice = min(max(nice, -20), 19)
    _set_policy(
        task, target, policy, priority, None if policy in _REAL_TIME else nice, bool(options & _FLAG_RESET_ON_FORK)
    )
    return 0


@syscall(315)
def sched_getattr(task: Task, pid: Pid, address: Address, size: UInt, flags: UInt) -> int:
    """sched_getattr(2). Raises: EINVAL, ESRCH, EFAULT."""
    if not address or not _ATTRIBUTES.size <= size <= 4096 or flags or pid < 0:
        raise LinuxError(errno.EINVAL)
    found = scheduling_of(_find(task, pid))
    normal = found.policy in _NORMAL
    task.memory.pack(
        _ATTRIBUTES, address, _ATTRIBUTES.size, found.policy, int(found.reset_on_fork), found.nice if normal else 0,
        found.priority, _SLICE if normal else 0, 0, 0,
    )  # fmt: skip
    return 0


# -- input and output --
@syscall(251, support=PARTIAL, note=_NOTE)
def ioprio_set(task: Task, which: Int, who: Int, priority: Int) -> int:
    """ioprio_set(2). Raises: EINVAL, EPERM, ESRCH."""
    level, kind = priority & 0x1FFF, priority >> 13
    if kind == 1 and not (task.credentials.has(_CAP_SYS_ADMIN) or task.credentials.has(CAP_SYS_NICE)):
        raise LinuxError(errno.EPERM)
    if not 0 <= kind <= 3 or level & 7 != level or (kind == 0 and level):
        raise LinuxError(errno.EINVAL)
    for target in _selected(task, which - 1, who):
        if not _owns(task, target) and not task.credentials.has(CAP_SYS_NICE):
            raise LinuxError(errno.EPERM)
        change_scheduling(target).io_priority = priority
    return 0


@syscall(252)
def ioprio_get(task: Task, which: Int, who: Int) -> int:
    """ioprio_get(2): the highest of them. Raises: EINVAL, ESRCH."""
    values = [scheduling_of(found).io_priority for found in _selected(task, which - 1, who)]
    return min((value for value in values if value), default=0)
