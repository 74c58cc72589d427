# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""process_vm_readv and process_vm_writev: between tasks of one sandbox, checked as ptrace(2) would be.

Source: mm/process_vm_access.c, kernel/ptrace.c (__ptrace_may_access).
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import CAP_SYS_PTRACE
from syscalls.read_write import FILE_CHUNK, Pairs, gather, import_vector, scatter
from syscalls.table import Address, Pid, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.mm.memory import UserMemory


def may_access(task: Task, target: Task) -> bool:
    """May task read the memory of target (PTRACE_MODE_ATTACH_REALCREDS)?"""
    if target.process is task.process:
        return True
    mine, theirs = task.credentials, target.credentials
    if mine.has(CAP_SYS_PTRACE):
        return True
    same = (mine.uid,) * 3 == (theirs.uid, theirs.euid, theirs.suid) and (mine.gid,) * 3 == (
        theirs.gid, theirs.egid, theirs.sgid,
    )  # fmt: skip
    return same and target.process.dumpable == 1 and not theirs.permitted & ~mine.permitted


def _prepare(
    task: Task, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> tuple[Pairs, Pairs, Task]:
    """Raises: EINVAL, EFAULT, ESRCH, EPERM."""
    if flags:
        raise LinuxError(errno.EINVAL)
    memory = task.memory
    here = import_vector(memory, local, local_count)
    if remote_count > 1024:
        raise LinuxError(errno.EINVAL)
    there = memory.vector(remote, remote_count)
    target = task.kernel.tasks.get(pid)
    if target is None:
        raise LinuxError(errno.ESRCH)
    if not may_access(task, target):
        raise LinuxError(errno.EPERM)
    return here, there, target


def _copy(source: UserMemory, pieces: Pairs, target: UserMemory, into: Pairs) -> int:
    """Bytes copied, as far as both sides go. Raises: EFAULT if nothing could be."""
    total = min(sum([length for _, length in pieces]), sum([length for _, length in into]))
    done = 0
    while done < total:
        try:
            data = gather(source, pieces, done, min(total - done, FILE_CHUNK))
        except LinuxError:
            break
        written = scatter(target, into, done, data)
        done += written
        if written < len(data):
            break
    if total and not done:
        raise LinuxError(errno.EFAULT)
    return done


@syscall(310)
def process_vm_readv(
    task: Task, pid: Pid, local: Address, local_count: ULong, remote: Address, remote_count: ULong, flags: ULong
) -> int:
    """process_vm_readv(2): bytes read. Raises: EINVAL, EFAULT, ESRCH, EPERM."""
    here, there, target = _prepare(task, pid, local, local_count, remote, remote_count, flags)
    return _copy(target.memory, there, task.memory, here)


@syscall(311)
def process_vm_writev(
    task: Task, pid: Pid, local: Address, local_count: ULong, remote: Address, remote_count: ULong, flags: ULong
) -> int:
    """process_vm_writev(2): bytes written. Raises: EINVAL, EFAULT, ESRCH, EPERM."""
    here, there, target = _prepare(task, pid, local, local_count, remote, remote_count, flags)
    return _copy(task.memory, here, target.memory, there)
