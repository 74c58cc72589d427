# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""/dev: the memory devices (null, zero, full, random, urandom) and the tree that they lie in.

Owns their drivers (register_devices() puts them where device nodes of any file system find them) and build_dev(), the
file system of /dev. Not here: tty, console and ptmx (sentry/fs/tty.py registers those). Source: man-pages null(4),
full(4), random(4); drivers/char/mem.c, drivers/char/random.c.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.fs.tmpfs import Budget, DirectoryNode, TmpfsFilesystem, total
from sentry.vfs import special
from sentry.vfs.file import POLLIN, POLLRDNORM, OpenFile
from sentry.vfs.filesystem import allocate_dev

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

_CHUNK = 1 << 20  # bytes one call gives
_RANDOM_CHUNK = 1 << 18
_ZEROS = bytes(_CHUNK)

# linux/random.h
_RNDGETENTCNT, _RNDADDTOENTCNT, _RNDADDENTROPY = 0x80045200, 0x40045201, 0x40085203
_RNDZAPENTCNT, _RNDCLEARPOOL, _RNDRESEEDCRNG = 0x5204, 0x5206, 0x5207
_ENTROPY = 256  # bits, as the kernel says since 5.18
_CAP_SYS_ADMIN = 21


class NullFile(OpenFile):
    """/dev/null."""

    __slots__ = ()
    discards = True

    def read(self, size: int) -> bytes:
        return b""

    def pread(self, size: int, offset: int) -> bytes:
        return b""

    def write(self, data: bytes | memoryview) -> int:
        return len(data)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        # null_lseek: the position is always 0, whatever is asked.
        self.offset = 0
        return 0


class ZeroFile(NullFile):
    """/dev/zero."""

    __slots__ = ()

    def read(self, size: int) -> bytes:
        return _ZEROS if size >= _CHUNK else _ZEROS[:size]

    def pread(self, size: int, offset: int) -> bytes:
        return self.read(size)

    def mappable(self, protection: int, shared: bool) -> int:
        return -1


class FullFile(ZeroFile):
    """/dev/full."""

    __slots__ = ()
    discards = False

    def write(self, data: bytes | memoryview) -> int:
        raise LinuxError(errno.ENOSPC)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.ENOSPC)

    def mappable(self, protection: int, shared: bool) -> int:
        raise LinuxError(errno.ENODEV)


class RandomFile(OpenFile):
    """/dev/random and /dev/urandom: the host's generator, which is ready long before we run. Writes are thrown away:
    entropy of a guest is nothing to trust, and the host is not ours to feed."""

    __slots__ = ()

    def read(self, size: int) -> bytes:
        return os.getrandom(min(size, _RANDOM_CHUNK))

    def pread(self, size: int, offset: int) -> bytes:
        return self.read(size)

    def write(self, data: bytes | memoryview) -> int:
        return len(data)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        self.offset = 0  # noop_llseek
        return 0

    def poll(self) -> int:
        return POLLIN | POLLRDNORM

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        if request == _RNDGETENTCNT:
            task.memory.write(argument, _ENTROPY.to_bytes(4, "little"))
            return 0
        if request in (_RNDADDTOENTCNT, _RNDADDENTROPY, _RNDZAPENTCNT, _RNDCLEARPOOL, _RNDRESEEDCRNG):
            if not task.credentials.has(_CAP_SYS_ADMIN):
                raise LinuxError(errno.EPERM)
            return 0
        raise LinuxError(errno.ENOTTY)


_MEMORY_DEVICES: dict[int, type[OpenFile]] = {3: NullFile, 5: ZeroFile, 7: FullFile, 8: RandomFile, 9: RandomFile}
"""By minor number; their major is 1."""


def _open_memory(task: Task, inode: Inode, flags: int, path: Path) -> OpenFile:
    kind = _MEMORY_DEVICES.get(os.minor(inode.attributes().rdev))
    if kind is None:
        raise LinuxError(errno.ENXIO)
    return kind(flags, inode, path)


def register_devices() -> None:
    """Makes device nodes with major 1 work, on whatever file system; build_dev() does it too."""
    special.register_character(1, None, _open_memory)


_NODES = (
    (b"null", 1, 3, 0o666), (b"zero", 1, 5, 0o666), (b"full", 1, 7, 0o666), (b"random", 1, 8, 0o666),
    (b"urandom", 1, 9, 0o666), (b"tty", 5, 0, 0o666),
)  # fmt: skip
_LINKS = (
    (b"fd", b"/proc/self/fd"), (b"stdin", b"/proc/self/fd/0"), (b"stdout", b"/proc/self/fd/1"),
    (b"stderr", b"/proc/self/fd/2"), (b"core", b"/proc/kcore"), (b"ptmx", b"pts/ptmx"),
)  # fmt: skip


def build_dev(budget: Budget | None = None, terminal: bool = False) -> TmpfsFilesystem:
    """The file system of /dev, as container runtimes fill it; pts, shm and mqueue are empty, to be mounted upon.

    terminal: with a console node (5, 1).
    """
    register_devices()
    filesystem = TmpfsFilesystem(allocate_dev(), budget or total, 0o755)
    root = filesystem.root
    assert isinstance(root, DirectoryNode)
    for name, major, minor, mode in _NODES:
        root.create(name, stat.S_IFCHR | mode, 0, 0, os.makedev(major, minor))
    if terminal:
        root.create(b"console", stat.S_IFCHR | 0o620, 0, 5, os.makedev(5, 1))
    for name, target in _LINKS:
        root.symlink(name, target, 0, 0)
    root.mkdir(b"pts", stat.S_IFDIR | 0o755, 0, 0)
    root.mkdir(b"shm", stat.S_IFDIR | 0o1777, 0, 0)
    root.mkdir(b"mqueue", stat.S_IFDIR | 0o1777, 0, 0)
    return filesystem
