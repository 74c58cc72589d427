# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""POSIX message queues. Source: mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_getattr(3), ipc/mqueue.c."""

from __future__ import annotations

import errno
import os
import struct
import time

from sentry.abi import timers as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import TIMED_OUT, wait_for
from sentry.kernel.credentials import CAP_FOWNER, CAP_SYS_RESOURCE
from sentry.vfs import permission
from sentry.vfs.anonymous import install
from syscalls.table import PARTIAL, Address, Fd, Mode, OpenFlags, PathAddress, Size, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeAlias

    from sentry.fs.mqueue import Queue, QueueFile
    from sentry.kernel.task import Task

Result: TypeAlias = "int | Coroutine[Any, Any, int]"

_ATTRIBUTES = struct.Struct("<4q32x")  # flags, maxmsg, msgsize, curmsgs
_TIMESPEC = struct.Struct("<qq")
_MAX_PRIORITY = 32768
_RLIMIT_MSGQUEUE = 12
_MAY_READ, _MAY_WRITE = 4, 2


@syscall(240, note="without the file system /dev/mqueue", support=PARTIAL)
def mq_open(task: Task, name: PathAddress, flags: OpenFlags, mode: Mode, attributes: Address) -> int:
    """mq_open(2): a close-on-exec descriptor. name: without the slash that the library takes off.

    Raises: EINVAL, ENOENT, EEXIST, EACCES, EMFILE, ENOSPC, ENAMETOOLONG, EFAULT.
    """
    from sentry.fs import mqueue  # not before it is needed: most programs never come here

    asked = task.memory.unpack(_ATTRIBUTES, attributes) if attributes and flags & os.O_CREAT else None
    key = _name(task, name)
    found = mqueue.queues.get(key)
    access = flags & os.O_ACCMODE
    if found is None:
        if not flags & os.O_CREAT:
            raise LinuxError(errno.ENOENT)
        found = _make(task, key, mode, asked)
        mqueue.queues[key] = found
    elif flags & os.O_CREAT and flags & os.O_EXCL:
        raise LinuxError(errno.EEXIST)
    else:
        if access == os.O_ACCMODE:
            raise LinuxError(errno.EINVAL)
        wanted = {os.O_RDONLY: _MAY_READ, os.O_WRONLY: _MAY_WRITE}.get(access, _MAY_READ | _MAY_WRITE)
        permission.check(task.credentials, found.inode, wanted)
    return install(task, mqueue.QueueFile(found, flags), os.O_CLOEXEC)


def _name(task: Task, address: int) -> bytes:
    name = task.memory.path(address)
    if b"/" in name or name in (b".", b".."):
        raise LinuxError(errno.EACCES)
    if len(name) > 255:
        raise LinuxError(errno.ENAMETOOLONG)
    return name


def _make(task: Task, name: bytes, mode: int, asked: tuple[int, ...] | None) -> Queue:
    from sentry.fs import mqueue

    credentials = task.credentials
    count, size = mqueue.MESSAGES, mqueue.MESSAGE_SIZE
    if asked is not None:
        _, count, size, _ = asked
        most = (mqueue.MESSAGES, mqueue.MESSAGE_SIZE)
        if credentials.has(CAP_SYS_RESOURCE):
            most = (mqueue.HARD_MESSAGES, mqueue.HARD_MESSAGE_SIZE)
        if not 0 < count <= most[0] or not 0 < size <= most[1]:
            raise LinuxError(errno.EINVAL)
    limit = task.process.limits.get(_RLIMIT_MSGQUEUE, (819200, 0))[0]
    allowed = mode & 0o777 & ~task.fs.umask
    return mqueue.Queue(name, allowed, credentials.fsuid, credentials.fsgid, count, size, limit)


@syscall(241)
def mq_unlink(task: Task, name: PathAddress) -> int:
    """mq_unlink(2). Raises: ENOENT, EACCES, EPERM, ENAMETOOLONG, EFAULT."""
    from sentry.fs import mqueue

    key = _name(task, name)
    found = mqueue.queues.get(key)
    if found is None:
        raise LinuxError(errno.ENOENT)
    credentials = task.credentials
    if credentials.fsuid not in (0, found.inode.uid) and not credentials.has(CAP_FOWNER):
        raise LinuxError(errno.EPERM)
    del mqueue.queues[key]
    return 0


def _opened(task: Task, fd: int) -> QueueFile:
    from sentry.fs.mqueue import QueueFile

    file = task.files.opened(fd)
    if not isinstance(file, QueueFile):
        raise LinuxError(errno.EBADF)
    return file


def _deadline(task: Task, address: int) -> int | None:
    """CLOCK_MONOTONIC ns of a CLOCK_REALTIME timespec. Raises: EINVAL, EFAULT."""
    if not address:
        return None
    seconds, nanoseconds = task.memory.unpack(_TIMESPEC, address)
    if seconds < 0 or not 0 <= nanoseconds < abi.NSEC:
        raise LinuxError(errno.EINVAL)
    return task.kernel.now() + min(seconds * abi.NSEC + nanoseconds - time.time_ns(), 1 << 62)


@syscall(242)
def mq_timedsend(task: Task, fd: Fd, address: Address, size: Size, priority: UInt, timeout: Address) -> Result:
    """mq_timedsend(2). Raises: EINVAL, EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EINTR, EFAULT."""
    if priority >= _MAX_PRIORITY:
        raise LinuxError(errno.EINVAL)
    deadline = _deadline(task, timeout)
    file = _opened(task, fd)
    if not file.writable:
        raise LinuxError(errno.EBADF)
    found = file.messages
    if size > found.text_size:
        raise LinuxError(errno.EMSGSIZE)
    text = task.memory.read(address, size) if size else b""
    if not found.full:
        found.put(task, priority, text)
        return 0
    if file.flags & os.O_NONBLOCK:
        raise LinuxError(errno.EAGAIN)
    return _send_later(task, found, priority, text, deadline)


async def _send_later(task: Task, found: Queue, priority: int, text: bytes, deadline: int | None) -> int:
    outcome = 0
    while found.full:
        if outcome == TIMED_OUT:
            raise LinuxError(errno.ETIMEDOUT)
        outcome = await wait_for(found.queue, deadline=deadline)
    found.put(task, priority, text)
    return 0


@syscall(243)
def mq_timedreceive(task: Task, fd: Fd, address: Address, size: Size, priority: Address, timeout: Address) -> Result:
    """mq_timedreceive(2): bytes. Raises: EINVAL, EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EINTR, EFAULT."""
    deadline = _deadline(task, timeout)
    file = _opened(task, fd)
    if not file.readable:
        raise LinuxError(errno.EBADF)
    found = file.messages
    if size < found.text_size:
        raise LinuxError(errno.EMSGSIZE)
    if found.messages:
        return _receive(task, found, address, priority)
    if file.flags & os.O_NONBLOCK:
        raise LinuxError(errno.EAGAIN)
    return _receive_later(task, found, address, priority, deadline)


def _receive(task: Task, found: Queue, address: int, priority: int) -> int:
    number, text = found.take()
    if priority:
        task.memory.write(priority, number.to_bytes(4, "little"))
    task.memory.write(address, text)
    return len(text)


async def _receive_later(task: Task, found: Queue, address: int, priority: int, deadline: int | None) -> int:
    outcome = 0
    while not found.messages:
        if outcome == TIMED_OUT:
            raise LinuxError(errno.ETIMEDOUT)
        found.receivers += 1
        try:
            outcome = await wait_for(found.queue, deadline=deadline)
        finally:
            found.receivers -= 1
    return _receive(task, found, address, priority)


@syscall(244, support=PARTIAL, note="no SIGEV_THREAD: ENOSYS")
def mq_notify(task: Task, fd: Fd, event: Address) -> int:
    """mq_notify(2). Raises: EINVAL, EBADF, EBUSY, EFAULT, ENOSYS."""
    value = number = how = 0
    if event:
        value, number, how, _ = task.memory.unpack(abi.SIGEVENT, event)
        if how == abi.SIGEV_THREAD:
            raise LinuxError(errno.ENOSYS)
        if how not in (abi.SIGEV_NONE, abi.SIGEV_SIGNAL) or (how == abi.SIGEV_SIGNAL and not 0 <= number <= 64):
            raise LinuxError(errno.EINVAL)
    found = _opened(task, fd).messages
    current = found.notified
    if not event:
        if current is not None and current[0] is task.process:
            found.notified = None
        return 0
    if current is not None and current[0].exit_status is None:
        raise LinuxError(errno.EBUSY)
    found.notified = (task.process, number if how == abi.SIGEV_SIGNAL else 0, value)
    return 0


@syscall(245)
def mq_getsetattr(task: Task, fd: Fd, new: Address, old: Address) -> int:
    """mq_getattr(3), mq_setattr(3). Raises: EINVAL, EBADF, EFAULT."""
    flags = -1
    if new:
        flags = task.memory.unpack(_ATTRIBUTES, new)[0]
        if flags & ~os.O_NONBLOCK:
            raise LinuxError(errno.EINVAL)
    file = _opened(task, fd)
    found = file.messages
    before = file.flags & os.O_NONBLOCK
    if new:
        file.flags = file.flags & ~os.O_NONBLOCK | flags
    if old:
        task.memory.pack(_ATTRIBUTES, old, before, found.maximum, found.text_size, len(found.messages))
    return 0
