# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V semaphores and message queues.

Source: man-pages semop(2), semctl(2), msgop(2), msgctl(2); ipc/{sem,msg}.c.
"""

from __future__ import annotations

import errno
import struct
import time

from sentry.abi import ipc as abi
from sentry.abi.errors import LinuxError
from sentry.kernel import sysv_ipc
from sentry.kernel.blocking import TIMED_OUT, wait_for
from sentry.kernel.sysv_ipc import MessageQueue, SemaphoreSet, queues, semaphores
from sentry.kernel.task import Task
from syscalls.table import Address, Flags, Int, Long, Size, UInt, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeAlias

_TIMESPEC = struct.Struct("<qq")

Result: TypeAlias = "int | Coroutine[Any, Any, int]"


# -- semaphores --
@syscall(64)
def semget(task: Task, key: Int, count: Int, flags: Flags) -> int:
    """semget(2): an identifier. Raises: EINVAL, ENOENT, EEXIST, EACCES, ENOSPC."""
    if not 0 <= count <= abi.SEMMSL:
        raise LinuxError(errno.EINVAL)
    credentials = task.credentials

    def check(found: SemaphoreSet) -> None:
        if flags & 0o777:
            found.check(credentials, flags >> 6 | flags >> 3 | flags)
        if count > len(found.values):
            raise LinuxError(errno.EINVAL)

    def make() -> SemaphoreSet:
        if not count:
            raise LinuxError(errno.EINVAL)
        sysv_ipc.check_semaphore_room(count)
        return SemaphoreSet(key, flags, credentials, count)

    return semaphores.find_or_make(key, flags, check, make).id


@syscall(65)
def semop(task: Task, identifier: Int, address: Address, count: UInt) -> Result:
    """semop(2). Raises: EINVAL, E2BIG, EFBIG, EACCES, EAGAIN, EIDRM, EINTR, ERANGE, EFAULT."""
    return _operate(task, identifier, address, count, None)


@syscall(220)
def semtimedop(task: Task, identifier: Int, address: Address, count: UInt, timeout: Address) -> Result:
    """semtimedop(2). Raises: as semop, EAGAIN after the timeout."""
    deadline = None
    if timeout:
        seconds, nanoseconds = task.memory.unpack(_TIMESPEC, timeout)
        if seconds < 0 or not 0 <= nanoseconds < 1_000_000_000:
            raise LinuxError(errno.EINVAL)
        deadline = task.kernel.now() + min(seconds * 1_000_000_000 + nanoseconds, 1 << 62)
    return _operate(task, identifier, address, count, deadline)


def _operate(task: Task, identifier: int, address: int, count: int, deadline: int | None) -> Result:
    if count < 1 or identifier < 0:
        raise LinuxError(errno.EINVAL)
    if count > abi.SEMOPM:
        raise LinuxError(errno.E2BIG)
    data = task.memory.read(address, count * abi.SEMBUF.size)
    operations = list(abi.SEMBUF.iter_unpack(data))
    found = semaphores.get(identifier)
    if any(number >= len(found.values) for number, _, _ in operations):
        raise LinuxError(errno.EFBIG)
    found.check(task.credentials, 0o222 if any(change for _, change, _ in operations) else 0o444)
    blocked = found.attempt(operations, task.process.pid)
    if blocked is None:
        sysv_ipc.remember_undo(task.process, found, operations)
        return 0
    if blocked[2] & abi.IPC_NOWAIT:
        raise LinuxError(errno.EAGAIN)
    return _operate_later(task, found, operations, blocked, deadline)


async def _operate_later(
    task: Task, found: SemaphoreSet, operations: list[tuple[int, int, int]], blocked: tuple[int, int, int] | None,
    deadline: int | None,
) -> int:  # fmt: skip
    while blocked is not None:
        waits = found.waits.setdefault(blocked[0], [0, 0])
        for_zero = blocked[1] == 0
        waits[for_zero] += 1
        try:
            outcome = await wait_for(found.queue, deadline=deadline, no_hand=True)
        finally:
            waits[for_zero] -= 1
        if found.removed:
            raise LinuxError(errno.EIDRM)
        blocked = found.attempt(operations, task.process.pid)
        if blocked is not None and (outcome == TIMED_OUT or blocked[2] & abi.IPC_NOWAIT):
            raise LinuxError(errno.EAGAIN)
    sysv_ipc.remember_undo(task.process, found, operations)
    return 0


@syscall(66)
def semctl(task: Task, identifier: Int, number: Int, command: Int, argument: ULong) -> int:
    """semctl(2). Raises: EINVAL, EACCES, EPERM, ERANGE, EFAULT."""
    command &= ~abi.IPC_64
    if identifier < 0:
        raise LinuxError(errno.EINVAL)
    if command in (abi.IPC_INFO, abi.SEM_INFO):
        return _semaphore_info(task, command, argument)
    by_index = command in (abi.SEM_STAT, abi.SEM_STAT_ANY)
    found = semaphores.at(identifier) if by_index else semaphores.get(identifier)
    credentials = task.credentials
    if command in (abi.IPC_STAT, abi.SEM_STAT, abi.SEM_STAT_ANY):
        if command != abi.SEM_STAT_ANY:
            found.check(credentials, 0o444)
        status = abi.SEMID.pack(found.operated, found.changed, len(found.values))
        task.memory.write(argument, found.permissions() + status)
        return found.id if by_index else 0
    if command in (abi.IPC_SET, abi.IPC_RMID):
        found.check_owner(credentials)
        if command == abi.IPC_RMID:
            semaphores.remove(found)
        else:
            _, found.uid, found.gid, _, _, mode, _ = task.memory.unpack(abi.PERMISSIONS, argument)
            found.mode = mode & 0o777
            found.changed = int(time.time())
        return 0
    found.check(credentials, 0o222 if command in (abi.SETVAL, abi.SETALL) else 0o444)
    if command == abi.SETVAL:
        return _set_value(task, found, number, argument)
    if command in (abi.GETALL, abi.SETALL):
        return _all_values(task, found, command, argument)
    return _value(found, number, command)


def _value(found: SemaphoreSet, number: int, command: int) -> int:
    if not 0 <= number < len(found.values):
        raise LinuxError(errno.EINVAL)
    if command == abi.GETVAL:
        return found.values[number]
    if command == abi.GETPID:
        return found.pids[number]
    waits = found.waits.get(number, [0, 0])
    if command == abi.GETNCNT:
        return waits[0]
    if command == abi.GETZCNT:
        return waits[1]
    raise LinuxError(errno.EINVAL)


def _all_values(task: Task, found: SemaphoreSet, command: int, argument: int) -> int:
    count = len(found.values)
    layout = f"<{count}H"
    if command == abi.GETALL:
        task.memory.write(argument, struct.pack(layout, *found.values))
        return 0
    values = list(struct.unpack(layout, task.memory.read(argument, 2 * count)))
    if any(value > abi.SEMVMX for value in values):
        raise LinuxError(errno.ERANGE)
    found.values[:] = values
    found.pids[:] = [task.process.pid] * count
    sysv_ipc.forget_undo(task.kernel, found)
    _changed(found)
    return 0


def _set_value(task: Task, found: SemaphoreSet, number: int, argument: int) -> int:
    value = (argument & 0x7FFFFFFF) - (argument & 0x80000000)
    if not 0 <= number < len(found.values):
        raise LinuxError(errno.EINVAL)
    if not 0 <= value <= abi.SEMVMX:
        raise LinuxError(errno.ERANGE)
    found.values[number] = value
    found.pids[number] = task.process.pid
    sysv_ipc.forget_undo(task.kernel, found, number)
    _changed(found)
    return 0


def _changed(found: SemaphoreSet) -> None:
    found.changed = int(time.time())
    found.queue.wake()


def _semaphore_info(task: Task, command: int, argument: int) -> int:
    used, total = 20, abi.SEMVMX
    if command == abi.SEM_INFO:
        used, total = len(semaphores), sum(len(found.values) for found in semaphores.all())
    task.memory.pack(
        abi.SEMINFO, argument, abi.SEMMNS, abi.SEMMNI, abi.SEMMNS, abi.SEMMNS, abi.SEMMSL, abi.SEMOPM, abi.SEMOPM, used,
        abi.SEMVMX, total,
    )  # fmt: skip
    return semaphores.highest_index


# -- message queues --
@syscall(68)
def msgget(task: Task, key: Int, flags: Flags) -> int:
    """msgget(2): an identifier. Raises: ENOENT, EEXIST, EACCES, ENOSPC."""
    credentials = task.credentials

    def check(found: MessageQueue) -> None:
        if flags & 0o777:
            found.check(credentials, flags >> 6 | flags >> 3 | flags)

    return queues.find_or_make(key, flags, check, lambda: MessageQueue(key, flags, credentials)).id


@syscall(69)
def msgsnd(task: Task, identifier: Int, address: Address, size: Size, flags: Int) -> Result:
    """msgsnd(2). Raises: EINVAL, EACCES, EAGAIN, EIDRM, EINTR, EFAULT."""
    if size > abi.MSGMAX or identifier < 0:
        raise LinuxError(errno.EINVAL)
    kind = int.from_bytes(task.memory.read(address, 8), "little", signed=True)
    if kind < 1:
        raise LinuxError(errno.EINVAL)
    text = task.memory.read(address + 8, size) if size else b""
    queue = queues.get(identifier)
    queue.check(task.credentials, 0o222)
    if sysv_ipc.message_room(queue, size):
        return _send(task, queue, kind, text)
    if flags & abi.IPC_NOWAIT:
        raise LinuxError(errno.EAGAIN)
    return _send_later(task, queue, kind, text)


def _send(task: Task, queue: MessageQueue, kind: int, text: bytes) -> int:
    queue.messages.append((kind, text))
    queue.size += len(text)
    queue.sent = int(time.time())
    queue.last_sender = task.process.pid
    queue.queue.wake()
    return 0


async def _send_later(task: Task, queue: MessageQueue, kind: int, text: bytes) -> int:
    while not sysv_ipc.message_room(queue, len(text)):
        await wait_for(queue.queue, no_hand=True)
        if queue.removed:
            raise LinuxError(errno.EIDRM)
    return _send(task, queue, kind, text)


@syscall(70)
def msgrcv(task: Task, identifier: Int, address: Address, size: Size, kind: Long, flags: Int) -> Result:
    """msgrcv(2): bytes of text. Raises: EINVAL, EACCES, E2BIG, ENOMSG, EIDRM, EINTR, EFAULT, ENOSYS (MSG_COPY)."""
    if identifier < 0 or size >> 63:
        raise LinuxError(errno.EINVAL)
    if flags & abi.MSG_COPY:
        raise LinuxError(errno.ENOSYS)
    queue = queues.get(identifier)
    queue.check(task.credentials, 0o444)
    index = queue.find(kind, bool(flags & abi.MSG_EXCEPT))
    if index >= 0:
        return _receive(task, queue, index, address, size, flags)
    if flags & abi.IPC_NOWAIT:
        raise LinuxError(errno.ENOMSG)
    return _receive_later(task, queue, kind, address, size, flags)


def _receive(task: Task, queue: MessageQueue, index: int, address: int, size: int, flags: int) -> int:
    kind, text = queue.messages[index]
    if len(text) > size and not flags & abi.MSG_NOERROR:
        raise LinuxError(errno.E2BIG)
    del queue.messages[index]
    queue.size -= len(text)
    queue.received = int(time.time())
    queue.last_receiver = task.process.pid
    queue.queue.wake()
    text = text[:size]
    task.memory.write(address, kind.to_bytes(8, "little", signed=True) + text)
    return len(text)


async def _receive_later(task: Task, queue: MessageQueue, kind: int, address: int, size: int, flags: int) -> int:
    while (index := queue.find(kind, bool(flags & abi.MSG_EXCEPT))) < 0:
        await wait_for(queue.queue, no_hand=True)
        if queue.removed:
            raise LinuxError(errno.EIDRM)
    return _receive(task, queue, index, address, size, flags)


@syscall(71)
def msgctl(task: Task, identifier: Int, command: Int, argument: Address) -> int:
    """msgctl(2). Raises: EINVAL, EACCES, EPERM, EFAULT."""
    command &= ~abi.IPC_64
    if identifier < 0:
        raise LinuxError(errno.EINVAL)
    if command in (abi.IPC_INFO, abi.MSG_INFO):
        pool, mapped, total = 65535, abi.MSGMNB, abi.MSGMNB
        if command == abi.MSG_INFO:
            pool, mapped = len(queues), sum(len(queue.messages) for queue in queues.all())
            total = sysv_ipc.message_bytes()
        task.memory.pack(abi.MSGINFO, argument, pool, mapped, abi.MSGMAX, abi.MSGMNB, abi.MSGMNI, 16, total, 0xFFFF)
        return queues.highest_index
    by_index = command in (abi.MSG_STAT, abi.MSG_STAT_ANY)
    queue = queues.at(identifier) if by_index else queues.get(identifier)
    credentials = task.credentials
    if by_index or command == abi.IPC_STAT:
        if command != abi.MSG_STAT_ANY:
            queue.check(credentials, 0o444)
        task.memory.write(argument, queue.permissions() + _queue_status(queue))
        return queue.id if by_index else 0
    if command not in (abi.IPC_SET, abi.IPC_RMID):
        raise LinuxError(errno.EINVAL)
    queue.check_owner(credentials)
    if command == abi.IPC_RMID:
        queues.remove(queue)
        return 0
    data = task.memory.read(argument, abi.PERMISSIONS.size + abi.MSQID.size)
    _, uid, gid, _, _, mode, _ = abi.PERMISSIONS.unpack_from(data)
    limit = abi.MSQID.unpack_from(data, abi.PERMISSIONS.size)[5]
    if limit > abi.MSGMNB and not credentials.has(24):  # CAP_SYS_RESOURCE; even so, the memory is the sentry's
        raise LinuxError(errno.EPERM)
    queue.uid, queue.gid, queue.mode = uid, gid, mode & 0o777
    queue.limit = min(limit, 1 << 20)
    queue.changed = int(time.time())
    queue.queue.wake()
    return 0


def _queue_status(queue: MessageQueue) -> bytes:
    return abi.MSQID.pack(
        queue.sent, queue.received, queue.changed, queue.size, len(queue.messages), queue.limit, queue.last_sender,
        queue.last_receiver,
    )  # fmt: skip
