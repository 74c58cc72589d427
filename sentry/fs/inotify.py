# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""inotify(7): watches on inodes, and the queue of events that is read.

Owns the map from inodes to watches; what happens to files is told by sentry/vfs/events.py, whose list of hooks has ours
only while there is a watch. Changes made on the host's side of a mount are not seen.
Source: fs/notify/inotify; compared with native runs.
"""

from __future__ import annotations

import errno
import os
import struct

from sentry.abi import inotify as abi
from sentry.abi.errors import LinuxError
from sentry.lean import deque
from sentry.vfs import events
from sentry.vfs.anonymous import AnonymousFile
from sentry.vfs.file import POLLIN, POLLRDNORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode

MAX_QUEUED = 16384  # /proc/sys/fs/inotify/max_queued_events
MAX_WATCHES = 65536
_FIONREAD = 0x541B
_NAME_UNIT = 16

_Event = tuple[int, int, int, bytes]
"""wd, mask, cookie, name."""


class _Watch:
    __slots__ = ("file", "inode", "mask", "wd")

    def __init__(self, file: InotifyFile, wd: int, inode: Inode, mask: int) -> None:
        self.file = file
        self.wd = wd
        self.inode = inode
        self.mask = mask


_watches: dict[Inode, list[_Watch]] = {}


def _happened(inode: Inode, mask: int, name: bytes, cookie: int) -> None:
    """The hook of sentry/vfs/events.py."""
    watches = _watches.get(inode)
    if watches is None:
        return
    kind = mask & abi.IN_ALL_EVENTS
    if kind & (abi.IN_DELETE_SELF | abi.IN_MOVE_SELF):
        mask &= ~abi.IN_ISDIR  # Linux does not say it there
    for watch in list(watches):
        if watch.mask & kind:
            watch.file.queue_event(watch.wd, mask, cookie, name)
            if watch.mask & abi.IN_ONESHOT:
                watch.file.remove(watch.wd)
                continue
        if kind & abi.IN_DELETE_SELF and not name:
            watch.file.remove(watch.wd)


class InotifyFile(AnonymousFile):
    """An inotify instance."""

    __slots__ = ("_events", "_last_wd", "_watches")
    label = b"anon_inode:inotify"

    def __init__(self, flags: int = 0) -> None:
        super().__init__(os.O_RDONLY | flags & os.O_NONBLOCK)
        self._events: deque[_Event] = deque()
        self._watches: dict[int, _Watch] = {}
        self._last_wd = 0

    # -- watches --
    def add(self, inode: Inode, mask: int) -> int:
        """inotify_add_watch(2) on an inode: the watch's number. Raises: EEXIST (IN_MASK_CREATE), ENOSPC."""
        wanted = mask & (abi.IN_ALL_EVENTS | abi.IN_ONESHOT | abi.IN_EXCL_UNLINK)
        for watch in _watches.get(inode, ()):
            if watch.file is self:
                if mask & abi.IN_MASK_CREATE:
                    raise LinuxError(errno.EEXIST)
                watch.mask = watch.mask | wanted if mask & abi.IN_MASK_ADD else wanted
                return watch.wd
        if len(self._watches) >= MAX_WATCHES:
            raise LinuxError(errno.ENOSPC)
        self._last_wd += 1
        watch = _Watch(self, self._last_wd, inode, wanted)
        self._watches[watch.wd] = watch
        if not _watches:
            events.hooks.append(_happened)
        _watches.setdefault(inode, []).append(watch)
        return watch.wd

    def remove(self, wd: int) -> None:
        """Ends a watch and says so (IN_IGNORED). Raises: EINVAL (there is none)."""
        watch = self._watches.pop(wd, None)
        if watch is None:
            raise LinuxError(errno.EINVAL)
        self._forget(watch)
        self.queue_event(wd, abi.IN_IGNORED, 0, b"")

    @staticmethod
    def _forget(watch: _Watch) -> None:
        others = _watches[watch.inode]
        others.remove(watch)
        if not others:
            del _watches[watch.inode]
            if not _watches:
                events.hooks.remove(_happened)

    # -- events --
    def queue_event(self, wd: int, mask: int, cookie: int, name: bytes) -> None:
        """Appends an event, unless it repeats the last one; one overflow event when the queue is full."""
        event = (wd, mask, cookie, name)
        queue = self._events
        if queue and queue[-1] == event:
            return
        if len(queue) >= MAX_QUEUED:
            if queue[-1][1] == abi.IN_Q_OVERFLOW:
                return
            event = (-1, abi.IN_Q_OVERFLOW, 0, b"")
        queue.append(event)
        self.queue.wake()

    @staticmethod
    def _size(event: _Event) -> int:
        name = event[3]
        return abi.EVENT.size + ((len(name) + _NAME_UNIT) // _NAME_UNIT * _NAME_UNIT if name else 0)

    def read(self, size: int) -> bytes:
        """The events that fit. Raises: EINVAL (not even one), EAGAIN."""
        queue = self._events
        if not queue:
            raise LinuxError(errno.EAGAIN)
        parts: list[bytes] = []
        while queue:
            event = queue[0]
            needed = self._size(event)
            if needed > size:
                break
            wd, mask, cookie, name = queue.popleft()
            length = needed - abi.EVENT.size
            parts.append(abi.EVENT.pack(wd, mask, cookie, length) + name.ljust(length, b"\0"))
            size -= needed
        if not parts:
            raise LinuxError(errno.EINVAL)
        return b"".join(parts)

    def poll(self) -> int:
        return POLLIN | POLLRDNORM if self._events else 0

    def write(self, data: bytes | memoryview) -> int:
        raise LinuxError(errno.EBADF)

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        if request == _FIONREAD:
            task.memory.write(argument, struct.pack("<i", sum([self._size(event) for event in self._events])))
            return 0
        raise LinuxError(errno.ENOTTY)

    def release(self) -> None:
        watches = list(self._watches.values())
        self._watches.clear()
        for watch in watches:
            self._forget(watch)
        self._events.clear()
