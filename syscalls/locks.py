# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""flock, and the lock commands of fcntl, over sentry/vfs/locks.py. Source: fs/locks.c, flock(2), fcntl(2)."""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import FLOCK
from sentry.vfs import locks
from sentry.vfs.locks import F_RDLCK, F_UNLCK, F_WRLCK
from syscalls.table import Fd, Int, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from sentry.kernel.task import Task
    from sentry.vfs.fd_table import FdTable
    from sentry.vfs.file import OpenFile

_LOCK_MAND = 32


@syscall(73)
async def flock(task: Task, fd: Fd, operation: Int) -> int:
    """flock(2). Raises: EBADF, EINVAL, EWOULDBLOCK."""
    if operation & _LOCK_MAND:
        return 0  # gone from Linux, which says so by doing nothing
    if operation & ~locks.LOCK_NB not in (locks.LOCK_SH, locks.LOCK_EX, locks.LOCK_UN):
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if operation & ~locks.LOCK_NB != locks.LOCK_UN and not (file.readable or file.writable):
        raise LinuxError(errno.EBADF)
    file.acquire()
    try:
        return await locks.flock(file, operation)
    finally:
        file.drop()


def get_record(task: Task, file: OpenFile, address: int, description: bool) -> int:
    """F_GETLK and F_OFD_GETLK (description): writes what stands in the way. Raises: EFAULT, EINVAL, EOVERFLOW."""
    kind, whence, start, length, pid = FLOCK.unpack(task.memory.read(address, FLOCK.size))
    if description and pid:
        raise LinuxError(errno.EINVAL)
    if kind not in (F_RDLCK, F_WRLCK) and not (description and kind == F_UNLCK):
        raise LinuxError(errno.EINVAL)
    first, last = locks.lock_range(file, whence, start, length)
    owner: FdTable | OpenFile = file if description else task.files
    if kind == F_UNLCK:
        # Since Linux 6.13: the caller's own locks of the range.
        return 0
    found = locks.conflict(file.inode, owner, kind, first, last)
    if found is None:
        record = FLOCK.pack(F_UNLCK, whence, start, length, pid)
    else:
        record = FLOCK.pack(found.kind, 0, found.first, found.length, found.pid)
    task.memory.write(address, record)
    return 0


def set_record(
    task: Task, fd: int, file: OpenFile, address: int, description: bool, wait: bool
) -> Coroutine[Any, Any, int]:
    """F_SETLK, F_SETLKW (wait) and their open file description twins.

    Raises: EFAULT, EINVAL, EBADF (the access mode), EAGAIN, EDEADLK, ENOLCK.
    """
    kind, whence, start, length, pid = FLOCK.unpack(task.memory.read(address, FLOCK.size))
    first, last = locks.lock_range(file, whence, start, length)
    if kind not in (F_RDLCK, F_WRLCK, F_UNLCK):
        raise LinuxError(errno.EINVAL)
    if (kind == F_RDLCK and not file.readable) or (kind == F_WRLCK and not file.writable):
        raise LinuxError(errno.EBADF)
    if description and pid:
        raise LinuxError(errno.EINVAL)
    return _set_record(task, fd, file, kind, first, last, description, wait)


async def _set_record(
    task: Task, fd: int, file: OpenFile, kind: int, first: int, last: int, description: bool, wait: bool
) -> int:
    owner: FdTable | OpenFile = file if description else task.files
    table = task.files
    file.acquire()
    try:
        await locks.set_record(file.inode, owner, kind, first, last, -1 if description else task.process.pid, wait)
        if not description and kind != F_UNLCK and (fd not in table or table.get(fd) is not file):
            # Closed while it waited: nobody would ever give the lock back (fcntl_setlk's race check).
            await locks.set_record(file.inode, owner, F_UNLCK, first, last, task.process.pid, False)
            raise LinuxError(errno.EBADF)
    finally:
        file.drop()
    return 0
