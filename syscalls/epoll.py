# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The epoll calls. Masks are the stub's (see syscalls/poll.py).

Linux gives EINTR from epoll_wait even when no handler ran (signal(7)); here such a wait goes on with its deadline,
since the sentry is woken by more than a program's signals.
"""

from __future__ import annotations

import errno
import os

from sentry.abi import epoll as abi
from sentry.abi.errors import LinuxError
from sentry.abi.poll import TIMESPEC
from sentry.fs.epoll import EpollFile
from sentry.kernel.blocking import READY, wait_for
from sentry.vfs.anonymous import install
from syscalls.deadlines import FOREVER, restartable
from syscalls.table import Address, Fd, Flags, Int, Size, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_SECOND = 1_000_000_000


@syscall(213)
def epoll_create(task: Task, size: Int) -> int:
    """epoll_create(2): a descriptor.

    Raises: EINVAL (size not positive), EMFILE.
    """
    if size <= 0:
        raise LinuxError(errno.EINVAL)
    return install(task, EpollFile(), 0)


@syscall(291)
def epoll_create1(task: Task, flags: Flags) -> int:
    """epoll_create1(2): a descriptor. flags: EPOLL_CLOEXEC.

    Raises: EINVAL, EMFILE.
    """
    if flags & ~abi.EPOLL_CLOEXEC:
        raise LinuxError(errno.EINVAL)
    return install(task, EpollFile(), flags & os.O_CLOEXEC)


@syscall(233)
def epoll_ctl(task: Task, epfd: Fd, operation: Int, fd: Fd, event: Address) -> int:
    """epoll_ctl(2).

    Raises: EFAULT, EBADF, EPERM (a file that cannot be waited for), EINVAL, EEXIST, ENOENT, ELOOP.
    """
    events = data = 0
    if operation != abi.EPOLL_CTL_DEL:
        events, data = task.memory.unpack(abi.EVENT, event)
    files = task.files
    epoll = files.opened(epfd)
    file = files.opened(fd)
    if not isinstance(epoll, EpollFile):
        EpollFile().control(operation, fd, file, 0, 0)  # EPERM comes before the EINVAL
        raise LinuxError(errno.EINVAL)
    epoll.control(operation, fd, file, events, data)
    return 0


async def _wait(task: Task, epfd: int, events: int, most: int, timeout: int | None) -> int:
    """timeout in ns, None for ever."""
    if not 0 < most <= abi.MAX_EVENTS:
        raise LinuxError(errno.EINVAL)
    epoll = task.files.opened(epfd)
    if not isinstance(epoll, EpollFile):
        raise LinuxError(errno.EINVAL)
    found = epoll.take(most)
    if not found and timeout != 0:
        deadline = restartable(task, timeout) if timeout is not None else None
        epoll.acquire()
        try:
            while not found:
                outcome = await wait_for(epoll.queue, deadline=deadline, no_hand=True)
                found = epoll.take(most)
                if outcome != READY:
                    break
        finally:
            epoll.drop()
        task.restart_deadline = None
    if found:
        pack = abi.EVENT.pack
        task.memory.write(events, b"".join([pack(mask, data) for mask, data in found]))
    return len(found)


def _milliseconds(timeout: int) -> int | None:
    return timeout * 1_000_000 if timeout >= 0 else None


@syscall(232)
async def epoll_wait(task: Task, epfd: Fd, events: Address, most: Int, timeout: Int) -> int:
    """epoll_wait(2): how many events were written. timeout in ms, negative: for ever.

    Raises: EBADF, EFAULT, EINVAL; Interrupted.
    """
    return await _wait(task, epfd, events, most, _milliseconds(timeout))


@syscall(281)
async def epoll_pwait(task: Task, epfd: Fd, events: Address, most: Int, timeout: Int, mask: Address, size: Size) -> int:
    """epoll_pwait(2): as epoll_wait; the mask is the stub's.

    Raises: as epoll_wait.
    """
    return await _wait(task, epfd, events, most, _milliseconds(timeout))


@syscall(441)
async def epoll_pwait2(
    task: Task, epfd: Fd, events: Address, most: Int, timeout: Address, mask: Address, size: Size
) -> int:
    """epoll_pwait2(2): as epoll_pwait, timeout a timespec (null: for ever), which is not written back.

    Raises: as epoll_wait.
    """
    limit = None
    if timeout:
        seconds, nanoseconds = task.memory.unpack(TIMESPEC, timeout)
        if seconds < 0 or not 0 <= nanoseconds < _SECOND:
            raise LinuxError(errno.EINVAL)
        limit = min(seconds * _SECOND + nanoseconds, FOREVER)
    return await _wait(task, epfd, events, most, limit)
