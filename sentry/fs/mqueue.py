# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""POSIX message queues: the queues by name, and their descriptors. Blocking is the handlers' (syscalls/mqueue.py).

One IPC namespace a sandbox. What queues may hold is reserved when they are made, and bounded in total, since it is the
sentry's memory. Source: mq_overview(7), ipc/mqueue.c; compared with native runs.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.kernel import signals
from sentry.kernel.blocking import WaitQueue
from sentry.vfs.anonymous import AnonymousFile, AnonymousFilesystem, AnonymousInode
from sentry.vfs.attributes import Attributes
from sentry.vfs.file import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Process, Task

MAX_QUEUES = 256
MESSAGES, MESSAGE_SIZE = 10, 8192  # of a queue made without attributes, and the most without CAP_SYS_RESOURCE
HARD_MESSAGES, HARD_MESSAGE_SIZE = 65536, 16 << 20
_TOTAL = 64 << 20  # bytes of all queues
_OVERHEAD = 96  # bytes of a message
_STATUS_SIZE = 80
_SI_MESGQ = -3
MQUEUE_DEV = 12

mqueuefs = AnonymousFilesystem(MQUEUE_DEV, b"mqueue", 0x19800202)

queues: dict[bytes, Queue] = {}
_reserved = 0  # bytes


class Queue:
    """messages: a heap of (-priority, serial, text). receivers: how many wait for one. notified: (process, signal,
    value) of mq_notify, signal 0: registered for nothing (SIGEV_NONE)."""

    __slots__ = (
        "held",
        "inode",
        "maximum",
        "messages",
        "name",
        "notified",
        "queue",
        "receivers",
        "serial",
        "size",
        "text_size",
    )

    def __init__(self, name: bytes, mode: int, uid: int, gid: int, maximum: int, text_size: int, limit: int) -> None:
        """limit: RLIMIT_MSGQUEUE. Raises: EMFILE (over a limit), ENOSPC."""
        global _reserved
        self.held = 0
        held = maximum * (text_size + _OVERHEAD)
        if _reserved + held > min(limit, _TOTAL):
            raise LinuxError(errno.EMFILE)
        if len(queues) >= MAX_QUEUES:
            raise LinuxError(errno.ENOSPC)
        _reserved += held
        self.held = held
        self.name = name
        self.maximum = maximum
        self.text_size = text_size
        self.inode = _QueueInode(mqueuefs, stat.S_IFREG | mode, uid, gid)
        self.messages: list[tuple[int, int, bytes]] = []
        self.size = 0  # bytes in it
        self.serial = 0
        self.receivers = 0
        self.notified: tuple[Process, int, int] | None = None
        self.queue = WaitQueue()

    def __del__(self) -> None:
        global _reserved
        _reserved -= self.held

    @property
    def full(self) -> bool:
        return len(self.messages) >= self.maximum

    def put(self, task: Task, priority: int, text: bytes) -> None:
        """There is room."""
        first = not self.messages
        self.serial += 1
        heapq.heappush(self.messages, (-priority, self.serial, text))
        self.size += len(text)
        notified = self.notified
        if first and notified is not None and not self.receivers:
            self.notified = None
            process, number, value = notified
            if number:
                info = signals.information(number, _SI_MESGQ, task.process.pid, task.credentials.uid, value)
                task.kernel.send_signal(process, number, None, info)
        self.queue.wake()

    def take(self) -> tuple[int, bytes]:
        """The first of the highest priority: (priority, text). There is one."""
        priority, _, text = heapq.heappop(self.messages)
        self.size -= len(text)
        self.queue.wake()
        return -priority, text


class _QueueInode(AnonymousInode):
    __slots__ = ()

    def attributes(self) -> Attributes:
        found = super().attributes()
        found.size = _STATUS_SIZE
        return found


class QueueFile(AnonymousFile):
    """What mq_open(3) gives: mq_send and mq_receive work on it, poll too, and read shows its state."""

    __slots__ = ("messages",)

    def __init__(self, messages: Queue, flags: int) -> None:
        super().__init__(flags & (os.O_ACCMODE | os.O_NONBLOCK))
        self.inode = messages.inode
        self.messages = messages
        self.queue = messages.queue

    def name(self, task: Task) -> bytes:
        return b"/" + self.messages.name

    def poll(self) -> int:
        events = POLLIN | POLLRDNORM if self.messages.messages else 0
        return events if self.messages.full else events | POLLOUT | POLLWRNORM

    def read(self, size: int) -> bytes:
        data = self.pread(size, self.offset)
        self.offset += len(data)
        return data

    def pread(self, size: int, offset: int) -> bytes:
        found = self.messages
        process, number, _ = found.notified or (None, 0, 0)
        pid = process.pid if process is not None else 0
        text = b"QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n" % (
            found.size, int(process is not None and not number), number, pid,
        )  # fmt: skip
        return text[offset : offset + size]
