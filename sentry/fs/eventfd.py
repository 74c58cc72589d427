# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""eventfd(2): a counter that can be waited for. Source: fs/eventfd.c; compared with native runs."""

from __future__ import annotations

import errno
import os

from sentry.abi.errors import LinuxError
from sentry.vfs.anonymous import AnonymousFile
from sentry.vfs.file import POLLERR, POLLIN, POLLOUT

EFD_SEMAPHORE = 1
_MAX = 0xFFFFFFFFFFFFFFFF
_INVALID, _AGAIN = errno.EINVAL, errno.EAGAIN


class EventFile(AnonymousFile):
    """count: what is read next; semaphore: one by one."""

    __slots__ = ("count", "semaphore")
    label = b"anon_inode:[eventfd]"

    def __init__(self, count: int, semaphore: bool, flags: int = 0) -> None:
        super().__init__(os.O_RDWR | flags & os.O_NONBLOCK)
        self.count = count
        self.semaphore = semaphore

    def read(self, size: int) -> bytes:
        """Eight bytes. Raises: EINVAL (fewer wanted), EAGAIN (0)."""
        if size < 8:
            raise LinuxError(_INVALID)
        value = self.count
        if not value:
            raise LinuxError(_AGAIN)
        if self.semaphore:
            value = 1
        self.count -= value
        self.queue.wake()
        return value.to_bytes(8, "little")

    def write(self, data: bytes | memoryview) -> int:
        """Adds a number of eight bytes. Raises: EINVAL (fewer, or 2**64-1), EAGAIN (the sum would be too high)."""
        if len(data) < 8:
            raise LinuxError(_INVALID)
        value = int.from_bytes(data[:8], "little")
        if value == _MAX:
            raise LinuxError(_INVALID)
        if self.count + value >= _MAX:
            raise LinuxError(_AGAIN)
        self.count += value
        if value:
            self.queue.wake()
        return 8

    def signal(self, value: int) -> None:
        """Adds without ever waiting, as kernel events do: stops at the highest number."""
        self.count = min(self.count + value, _MAX)
        self.queue.wake()

    def poll(self) -> int:
        count = self.count
        events = POLLIN if count else 0
        if count < _MAX - 1:
            events |= POLLOUT
        elif count == _MAX:
            events |= POLLERR
        return events
