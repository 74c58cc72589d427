# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A task's memory as seen by the sentry: copies in and out, nothing else.

Everything read here is hostile and may change at once: copy once, check the copy.
"""

from __future__ import annotations

import errno
import struct

from sentry.abi.errors import LinuxError
from sentry.platform.interface import Platform

PATH_MAX = 4096


class UserMemory:
    """The address space that thread host_tid runs in. All methods raise LinuxError(EFAULT) for a bad address."""

    __slots__ = ("_platform", "host_tid")

    def __init__(self, platform: Platform, host_tid: int) -> None:
        self._platform = platform
        self.host_tid = host_tid

    def read(self, address: int, size: int) -> bytes:
        """Exactly size bytes."""
        data = self._platform.read_memory(self.host_tid, address, size)
        if len(data) != size:
            raise LinuxError(errno.EFAULT)
        return data

    def read_some(self, address: int, size: int) -> bytes:
        """Up to size bytes, at least one (if size > 0): stops where the memory ends."""
        data = self._platform.read_memory(self.host_tid, address, size)
        if not data and size:
            raise LinuxError(errno.EFAULT)
        return data

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """All of data; what fits is written before EFAULT."""
        if self._platform.write_memory(self.host_tid, address, data) != len(data):
            raise LinuxError(errno.EFAULT)

    def write_some(self, address: int, data: bytes | bytearray | memoryview) -> int:
        """As much as fits: bytes written, at least one (if there are any)."""
        count = self._platform.write_memory(self.host_tid, address, data)
        if not count and len(data):
            raise LinuxError(errno.EFAULT)
        return count

    def string(self, address: int, limit: int) -> bytes:
        """The bytes before a NUL. Raises: ENAMETOOLONG if there is none within limit bytes."""
        data = self._platform.read_string(self.host_tid, address, limit)
        if data is None:
            raise LinuxError(errno.EFAULT)
        if len(data) >= limit:
            raise LinuxError(errno.ENAMETOOLONG)
        return data

    def path(self, address: int) -> bytes:
        """A path argument (getname of fs/namei.c): may be empty, the caller decides. Raises: ENAMETOOLONG, EFAULT."""
        return self.string(address, PATH_MAX)

    def unpack(self, layout: struct.Struct, address: int) -> tuple[int, ...]:
        """The fields of a C structure."""
        return layout.unpack(self.read(address, layout.size))

    def pack(self, layout: struct.Struct, address: int, *values: object) -> None:
        """Writes a C structure."""
        self.write(address, layout.pack(*values))

    def vector(self, address: int, count: int) -> list[tuple[int, int]]:
        """A struct iovec array: (base, length) pairs. Raises: EINVAL (count over 1024, sizes over SSIZE_MAX)."""
        if count > 1024 or count < 0:
            raise LinuxError(errno.EINVAL)
        words = struct.unpack(f"<{2 * count}Q", self.read(address, 16 * count)) if count else ()
        pairs = list(zip(words[::2], words[1::2], strict=True))
        if any(length > 0x7FFFFFFFFFFFFFFF for _, length in pairs):
            raise LinuxError(errno.EINVAL)
        return pairs
