# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V semaphores and message queues: the objects, their names and permissions.

One IPC namespace a sandbox. Bounded by the kernel's usual limits and by a total of bytes, since all of it is the
sentry's memory. Blocking is the handlers' (syscalls/sysv.py). Source: sysvipc(7), ipc/{util,sem,msg}.c.
"""

from __future__ import annotations

import errno
import time

from sentry.abi import ipc as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue
from sentry.lean import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sentry.kernel.credentials import Credentials
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process

_INDEX_BITS = 15
_MAX_VALUES = 1 << 18  # semaphores of all sets together
_MAX_BYTES = 16 << 20  # bytes of all messages together
_UNDO = "semaphore undo"
_CAP_SYS_ADMIN = 21


class IpcObject:
    """What both kinds have. removed: IPC_RMID; whoever waits finds out through queue."""

    __slots__ = ("changed", "creator_gid", "creator_uid", "gid", "id", "key", "mode", "queue", "removed", "uid")

    def __init__(self, key: int, mode: int, credentials: Credentials) -> None:
        self.key = key
        self.id = 0
        self.mode = mode & 0o777
        self.uid = self.creator_uid = credentials.euid
        self.gid = self.creator_gid = credentials.egid
        self.changed = int(time.time())
        self.removed = False
        self.queue = WaitQueue()

    def check(self, credentials: Credentials, wanted: int) -> None:
        """ipcperms(): wanted has the bits of a mode (0o444 to read, 0o222 to change). Raises: EACCES."""
        if credentials.euid in (self.uid, self.creator_uid):
            granted = self.mode >> 6
        elif {self.gid, self.creator_gid} & {credentials.egid, *credentials.groups}:
            granted = self.mode >> 3
        else:
            granted = self.mode
        if wanted & 7 & ~granted and not credentials.has(abi.CAP_IPC_OWNER):
            raise LinuxError(errno.EACCES)

    def check_owner(self, credentials: Credentials) -> None:
        """Who may set and remove. Raises: EPERM."""
        if credentials.euid not in (self.uid, self.creator_uid) and not credentials.has(_CAP_SYS_ADMIN):
            raise LinuxError(errno.EPERM)

    def permissions(self) -> bytes:
        """struct ipc64_perm."""
        return abi.PERMISSIONS.pack(
            self.key, self.uid, self.gid, self.creator_uid, self.creator_gid, self.mode, self.id >> _INDEX_BITS
        )


class SemaphoreSet(IpcObject):
    """values, pids: by number, pid being who changed it last. waits: what blocked operations wait for, by number:
    [for an increase, for zero]. operated: time of the last semop."""

    __slots__ = ("operated", "pids", "values", "waits")

    def __init__(self, key: int, mode: int, credentials: Credentials, count: int) -> None:
        super().__init__(key, mode, credentials)
        self.values = [0] * count
        self.pids = [0] * count
        self.waits: dict[int, list[int]] = {}
        self.operated = 0

    def attempt(self, operations: list[tuple[int, int, int]], pid: int) -> tuple[int, int, int] | None:
        """All operations (number, change, flags) at once: None if they are done, else the first that has to wait.

        Raises: ERANGE.
        """
        values = self.values
        after: dict[int, int] = {}
        for operation in operations:
            number, change, _ = operation
            value = after.get(number, values[number])
            if change == 0:
                if value:
                    return operation
                continue
            value += change
            if value < 0:
                return operation
            if value > abi.SEMVMX:
                raise LinuxError(errno.ERANGE)
            after[number] = value
        for number, value in after.items():
            values[number] = value
        for number, _, _ in operations:
            self.pids[number] = pid
        self.operated = int(time.time())
        if after:
            self.queue.wake()
        return None


class MessageQueue(IpcObject):
    """messages: (type, text). size: bytes in it; limit: bytes it takes (msg_qbytes)."""

    __slots__ = ("last_receiver", "last_sender", "limit", "messages", "received", "sent", "size")

    def __init__(self, key: int, mode: int, credentials: Credentials) -> None:
        super().__init__(key, mode, credentials)
        self.messages: deque[tuple[int, bytes]] = deque()
        self.size = 0
        self.limit = abi.MSGMNB
        self.sent = self.received = 0
        self.last_sender = self.last_receiver = 0

    def find(self, wanted: int, except_type: bool) -> int:
        """The index of the message that msgrcv(2) with type wanted takes, -1 if there is none."""
        messages = self.messages
        if wanted == 0:
            return 0 if messages else -1
        if wanted > 0:
            for index, (kind, _) in enumerate(messages):
                if (kind == wanted) != except_type:
                    return index
            return -1
        lowest = min((kind for kind, _ in messages if kind <= -wanted), default=0)
        return next((index for index, (kind, _) in enumerate(messages) if kind == lowest), -1) if lowest else -1


if TYPE_CHECKING:
    from typing import Generic, TypeVar

    Kind = TypeVar("Kind", bound=IpcObject)

else:
    Kind = IpcObject

    class Generic:
        """typing.Generic without its module."""

        __slots__ = ()

        def __class_getitem__(cls, _kind: object) -> type:
            return cls


class Registry(Generic[Kind]):
    """The objects of one kind by identifier and key."""

    __slots__ = ("_by_index", "_by_key", "_maximum", "_sequence")

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._by_index: dict[int, Kind] = {}
        self._by_key: dict[int, Kind] = {}
        self._sequence = 0

    def all(self) -> Iterable[Kind]:
        """Every object, by index."""
        return [found for _, found in sorted(self._by_index.items())]

    @property
    def highest_index(self) -> int:
        return max(self._by_index, default=0)

    def __len__(self) -> int:
        return len(self._by_index)

    def get(self, identifier: int) -> Kind:
        """Raises: EINVAL."""
        found = self._by_index.get(identifier & (1 << _INDEX_BITS) - 1) if identifier >= 0 else None
        if found is None or found.id != identifier:
            raise LinuxError(errno.EINVAL)
        return found

    def at(self, index: int) -> Kind:
        """By index, as the *_STAT commands. Raises: EINVAL."""
        found = self._by_index.get(index)
        if found is None:
            raise LinuxError(errno.EINVAL)
        return found

    def find_or_make(self, key: int, flags: int, check: Callable[[Kind], None], make: Callable[[], Kind]) -> Kind:
        """ipcget(). Raises: ENOENT, EEXIST, ENOSPC, and what check and make raise."""
        found = self._by_key.get(key) if key != abi.IPC_PRIVATE else None
        if found is not None:
            if flags & abi.IPC_CREAT and flags & abi.IPC_EXCL:
                raise LinuxError(errno.EEXIST)
            check(found)
            return found
        if key != abi.IPC_PRIVATE and not flags & abi.IPC_CREAT:
            raise LinuxError(errno.ENOENT)
        if len(self._by_index) >= self._maximum:
            raise LinuxError(errno.ENOSPC)
        made = make()
        index = next(number for number in range(len(self._by_index) + 1) if number not in self._by_index)
        made.id = self._sequence << _INDEX_BITS | index
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._by_index[index] = made
        if key != abi.IPC_PRIVATE:
            self._by_key[key] = made
        return made

    def hide(self, found: Kind) -> None:
        """Its key leads to it no more; its identifier does."""
        if self._by_key.get(found.key) is found:
            del self._by_key[found.key]
        found.key = abi.IPC_PRIVATE

    def remove(self, found: Kind) -> None:
        """IPC_RMID."""
        del self._by_index[found.id & (1 << _INDEX_BITS) - 1]
        if self._by_key.get(found.key) is found:
            del self._by_key[found.key]
        found.removed = True
        found.queue.wake()


semaphores: Registry[SemaphoreSet] = Registry(abi.SEMMNI)
queues: Registry[MessageQueue] = Registry(abi.MSGMNI)


def check_semaphore_room(count: int) -> None:
    """Raises: ENOSPC."""
    if sum(len(found.values) for found in semaphores.all()) + count > _MAX_VALUES:
        raise LinuxError(errno.ENOSPC)


def message_bytes() -> int:
    """Bytes of all messages of all queues."""
    return sum(queue.size for queue in queues.all())


def message_room(queue: MessageQueue, size: int) -> bool:
    """May a message of size bytes go into queue now? Empty ones are counted too, so that they cannot be without end."""
    if queue.size + size > queue.limit or len(queue.messages) >= queue.limit:
        return False
    return message_bytes() + size <= _MAX_BYTES


# -- SEM_UNDO --
def remember_undo(process: Process, found: SemaphoreSet, operations: list[tuple[int, int, int]]) -> None:
    """Notes what to give back when the process ends."""
    for number, change, flags in operations:
        if flags & abi.SEM_UNDO and change:
            undo = process.extra.get(_UNDO)
            if not isinstance(undo, dict):
                undo = process.extra[_UNDO] = {}
            key = (found.id, number)
            undo[key] = undo.get(key, 0) - change


def forget_undo(kernel: Kernel, found: SemaphoreSet, number: int | None = None) -> None:
    """SETVAL and SETALL cancel what processes would give back."""
    for process in kernel.processes.values():
        undo = process.extra.get(_UNDO)
        if isinstance(undo, dict):
            for key in list(undo):
                if key[0] == found.id and number in (None, key[1]):
                    del undo[key]


def apply_undo(process: Process) -> None:
    """exit_sem(). For Kernel.exit_hooks."""
    undo = process.extra.pop(_UNDO, None)
    if not isinstance(undo, dict):
        return
    for (identifier, number), change in undo.items():
        try:
            found = semaphores.get(identifier)
        except LinuxError:
            continue
        if number < len(found.values):
            found.values[number] = min(max(found.values[number] + change, 0), abi.SEMVMX)
            found.pids[number] = process.pid
            found.queue.wake()


def register(kernel: Kernel) -> None:
    """Follows the ends of processes; called once at start-up."""
    kernel.exit_hooks.append(apply_undo)
