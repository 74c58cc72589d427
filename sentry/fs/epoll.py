# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""epoll(7).

An item is either armed (it sits in its file's wait queue) or in the ready list, never both: a wake-up moves it to the
ready list, and looking at it there, finding nothing, arms it again. So a file that stays ready costs nothing between
two calls of epoll_wait, and a wait costs by the number of items that may be ready, not of all.

An item holds its file weakly: the last reference to a description ends its items, as on Linux; a released description
that somebody in the sentry still holds is told by its reference count.
Source: fs/eventpoll.c; compared with native runs.
"""

from __future__ import annotations

import errno
import os
import weakref

from sentry.abi.epoll import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLL_MAX_NESTS,
    EPOLL_PRIVATE_BITS,
    EPOLLERR,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLEXCLUSIVE_OK_BITS,
    EPOLLHUP,
    EPOLLONESHOT,
    EPOLLWAKEUP,
)
from sentry.abi.errors import LinuxError
from sentry.vfs.anonymous import AnonymousFile
from sentry.vfs.event_queue import EventQueue
from sentry.vfs.file import NEVER, POLLIN, POLLRDNORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.blocking import WaitQueue
    from sentry.vfs.file import OpenFile

_ALWAYS = EPOLLERR | EPOLLHUP


class _Item:
    """A watched file. mask: the events wanted, 0 while a one-shot item is spent (it is then neither armed nor ready);
    events: as the program gave them."""

    __slots__ = ("data", "epoll", "events", "file", "key", "mask", "queue")

    def __init__(self, epoll: EpollFile, key: tuple[int, int], file: OpenFile, events: int, data: int) -> None:
        self.epoll = epoll
        self.key = key
        self.file = weakref.ref(file, self._gone)
        self.queue: WaitQueue = file.queue
        self.set(events, data)

    def set(self, events: int, data: int) -> None:
        self.events = events
        self.data = data
        self.mask = events & ~EPOLL_PRIVATE_BITS | _ALWAYS

    def wake(self) -> None:
        """The file's wait queue calls."""
        queue = self.queue
        if isinstance(queue, EventQueue) and not queue.events & self.mask:
            return
        queue.remove(self)
        self.epoll.make_ready(self)

    def _gone(self, reference: object) -> None:
        self.epoll.forget(self)


class EpollFile(AnonymousFile):
    """items: by descriptor number and description. ready: items that may have events, in the order they came."""

    __slots__ = ("_items", "_parents", "_ready")
    label = b"anon_inode:[eventpoll]"

    def __init__(self) -> None:
        super().__init__(os.O_RDWR)
        self._items: dict[tuple[int, int], _Item] = {}
        self._ready: dict[_Item, None] = {}
        self._parents: list[_Item] = []  # items of other epolls that watch this one

    def control(self, operation: int, fd: int, file: OpenFile, events: int, data: int) -> None:
        """epoll_ctl(2) without the looking up. Raises: EPERM, EINVAL, EEXIST, ENOENT, ELOOP."""
        if file.queue is NEVER:
            raise LinuxError(errno.EPERM)
        if file is self:
            raise LinuxError(errno.EINVAL)
        if events & EPOLLEXCLUSIVE and operation != EPOLL_CTL_DEL:
            if operation == EPOLL_CTL_MOD:
                raise LinuxError(errno.EINVAL)
            if operation == EPOLL_CTL_ADD and (isinstance(file, EpollFile) or events & ~EPOLLEXCLUSIVE_OK_BITS):
                raise LinuxError(errno.EINVAL)
        events &= ~EPOLLWAKEUP
        key = (fd, id(file))
        item = self._items.get(key)
        if operation == EPOLL_CTL_ADD:
            if isinstance(file, EpollFile) and self._nests_too_deep(file):
                raise LinuxError(errno.ELOOP)
            if item is not None:
                raise LinuxError(errno.EEXIST)
            item = self._items[key] = _Item(self, key, file, events, data)
            if isinstance(file, EpollFile):
                file._parents.append(item)
            self._arm(item, file)
        elif operation == EPOLL_CTL_DEL:
            if item is None:
                raise LinuxError(errno.ENOENT)
            self.forget(item)
            if isinstance(file, EpollFile):
                file._parents.remove(item)
        elif operation == EPOLL_CTL_MOD:
            if item is None:
                raise LinuxError(errno.ENOENT)
            if item.events & EPOLLEXCLUSIVE:
                raise LinuxError(errno.EINVAL)
            item.set(events, data)
            item.queue.remove(item)
            self._ready.pop(item, None)
            self._arm(item, file)
        else:
            raise LinuxError(errno.EINVAL)

    def _nests_too_deep(self, file: EpollFile) -> bool:
        if file is self or file._contains(self):
            return True
        return self._height(up=True) + 1 + file._height(up=False) > EPOLL_MAX_NESTS

    def _inside(self) -> list[EpollFile]:
        found = []
        for item in self._items.values():
            file = item.file()
            if isinstance(file, EpollFile):
                found.append(file)
        return found

    def _contains(self, wanted: EpollFile) -> bool:
        return any(file is wanted or file._contains(wanted) for file in self._inside())

    def _height(self, up: bool) -> int:
        others = [item.epoll for item in self._parents] if up else self._inside()
        return max([other._height(up) + 1 for other in others], default=0)

    # -- readiness --
    def _arm(self, item: _Item, file: OpenFile) -> None:
        """Waits for the file, unless it has events already."""
        if file.poll() & item.mask:
            self.make_ready(item)
        else:
            item.queue.add(item, item.wake)

    def make_ready(self, item: _Item) -> None:
        """An item's file may have events."""
        self._ready[item] = None
        self.queue.wake()

    def forget(self, item: _Item) -> None:
        """Ends an item."""
        item.queue.remove(item)
        self._ready.pop(item, None)
        if self._items.get(item.key) is item:
            del self._items[item.key]

    def _look(self, item: _Item) -> int:
        """The events of a ready item; one without any is armed again, or ended if its file is closed."""
        file = item.file()
        if file is None or file.references <= 0:
            self.forget(item)
            return 0
        events = file.poll() & item.mask
        if not events:
            del self._ready[item]
            item.queue.add(item, item.wake)
        return events

    def take(self, most: int) -> list[tuple[int, int]]:
        """Up to `most` (events, data) pairs that are true now, in epoll_wait's sense: level-triggered items stay."""
        found: list[tuple[int, int]] = []
        ready = self._ready
        for item in list(ready):
            if len(found) >= most:
                break
            if item not in ready:
                continue
            events = self._look(item)
            if not events:
                continue
            found.append((events, item.data))
            del ready[item]
            if item.events & EPOLLONESHOT:
                item.mask = 0
            elif item.events & EPOLLET:
                item.queue.add(item, item.wake)
            else:
                ready[item] = None  # behind the others: everybody gets a turn
        return found

    def poll(self) -> int:
        for item in list(self._ready):
            if item in self._ready and self._look(item):
                return POLLIN | POLLRDNORM
        return 0

    def release(self) -> None:
        for item in list(self._items.values()):
            file = item.file()
            if isinstance(file, EpollFile) and item in file._parents:
                file._parents.remove(item)
            self.forget(item)
