# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A fake task with memory, descriptors and a tmpfs as its tree: for the file calls."""

from __future__ import annotations

import errno
import os
from typing import Any, cast

from sentry.fs.tmpfs import Budget, TmpfsFilesystem
from sentry.vfs.fs_context import FsContext
from sentry.vfs.mounts import MountNamespace
from tests.unit.ipc import BASE, SIZE, FakePlatform, FakeTask, do

BAD = 8
"""An address where nothing is."""
AT_FDCWD = -100


class FilePlatform(FakePlatform):
    """Also copies between the memory and host descriptors, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0
        self.installed: list[int] = []

    def copy_in_to_file(self, tid: int, address: int, size: int, fd: int, offset: int) -> int:
        self.copies += 1
        data = self.read_memory(tid, address, size)
        return os.pwrite(fd, data, offset) if data else -errno.EFAULT

    def copy_out_of_file(self, tid: int, address: int, size: int, fd: int, offset: int) -> int:
        self.copies += 1
        data = os.pread(fd, min(size, SIZE), offset)
        if data and not BASE <= address < BASE + SIZE:
            return -errno.EFAULT
        return self.write_memory(tid, address, data)

    def install(self, call: int, fd: int) -> int:
        self.installed.append(fd)
        return 900


class Guest(FakeTask):
    """Makes calls by the table's own decoding: numbers are what the registers hold, bytes are put into memory."""

    def __init__(self) -> None:
        super().__init__()
        self.files_platform = FilePlatform()
        self.platform = self.files_platform
        self.memory._platform = cast("Any", self.platform)
        self.mounts = MountNamespace(TmpfsFilesystem(50, Budget(64 << 20), 0o755))
        self.mapped: list[bytes] = []
        kernel = cast("Any", self.kernel)
        kernel.platform = self.platform
        kernel.mounts = self.mounts
        kernel.note_mapping = lambda task, _fd, file: self.mapped.append(file.name(task))
        root = self.mounts.root_path
        self.fs = FsContext(root, root, 0o022)
        self.call = 77
        self.process.limits.update({number: (2**64 - 1, 2**64 - 1) for number in range(16) if number != 7})

    def sys(self, handler: Any, *arguments: Any) -> Any:
        """The result of a call that must not block, or -errno. bytes stand for their address (a NUL is added)."""
        return do(self, handler, *self.given(arguments))

    def given(self, arguments: tuple[Any, ...]) -> list[Any]:
        return [self.place(value + b"\0") if isinstance(value, bytes) else value for value in arguments]

    def buffer(self, size: int = 4096) -> int:
        return self.room(size)

    def peek(self, address: int, size: int) -> bytes:
        return self.memory.read(address, size)

    @property
    def signals(self) -> list[int]:
        return [number for _, number in self.kernel.signals]
