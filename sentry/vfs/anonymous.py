# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Inodes without a name in any tree: pipefs, sockfs and the anonymous inodes of eventfd, epoll and friends.

Owns their numbers and attributes, and how a file without a name gets its descriptor. The device numbers are fixed and
below those that mounts get.
Source: fs/pipe.c, net/socket.c and fs/anon_inodes.c for modes and magics.
"""

from __future__ import annotations

import errno
import itertools
import os
import resource
import stat
import time

from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue
from sentry.vfs.attributes import AttributeChange, Attributes
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

SOCK_DEV, PIPE_DEV, ANON_DEV, PID_DEV = 8, 13, 14, 15

_numbers = itertools.count(1)


class AnonymousFilesystem(Filesystem):
    """A kernel-internal mount that no path leads to."""

    def __init__(self, dev: int, name: bytes, magic: int) -> None:
        super().__init__(dev)
        self.type = self.source = name
        self._magic = magic

    def status(self) -> FilesystemStatus:
        return FilesystemStatus(magic=self._magic)


class AnonymousInode(Inode):
    """An inode that lives as long as the descriptions of it. mode has the type bits; uid and gid are the creator's."""

    __slots__ = ("_attributes", "gid", "ino", "mode", "uid")

    def __init__(self, filesystem: Filesystem, mode: int, uid: int = 0, gid: int = 0) -> None:
        self.filesystem = filesystem
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.ino = next(_numbers)
        self._attributes: Attributes | None = None

    def attributes(self) -> Attributes:
        attributes = self._attributes
        if attributes is None:
            # Made at the first question only: most pipes and sockets are never looked at.
            now = time.time_ns()
            attributes = self._attributes = Attributes(
                self.ino, self.mode, 1, self.uid, self.gid, dev=self.filesystem.dev, atime=now, mtime=now, ctime=now
            )
        return attributes

    def set_attributes(self, change: AttributeChange) -> None:
        """fchmod, fchown and futimens work on pipes and sockets; a size has no meaning (the caller gave EINVAL)."""
        attributes = self.attributes()
        if change.mode is not None:
            attributes.mode = stat.S_IFMT(attributes.mode) | change.mode & 0o7777
        for name in ("uid", "gid", "atime", "mtime"):
            value = getattr(change, name)
            if value is not None:
                setattr(attributes, name, value)
        attributes.ctime = time.time_ns()


pipefs = AnonymousFilesystem(PIPE_DEV, b"pipefs", 0x50495045)
sockfs = AnonymousFilesystem(SOCK_DEV, b"sockfs", 0x534F434B)
anonfs = AnonymousFilesystem(ANON_DEV, b"anon_inodefs", 0x09041934)
pidfs = AnonymousFilesystem(PID_DEV, b"pidfs", 0x50494446)


class _SharedInode(AnonymousInode):
    """Nobody's, so nothing of it can be changed."""

    __slots__ = ()

    def set_attributes(self, change: AttributeChange) -> None:
        raise LinuxError(errno.EOPNOTSUPP)


ANON_INODE = _SharedInode(anonfs, 0o600)
"""The one inode that eventfds, epolls, timers, signal and inotify descriptors share, as on Linux."""


def install(task: Task, file: OpenFile, flags: int) -> int:
    """The lowest free descriptor for a new file, close-on-exec if flags have O_CLOEXEC. Takes the file's reference.

    Raises: EMFILE; the file is dropped then.
    """
    try:
        return task.files.allocate(
            file, task.process.limits[resource.RLIMIT_NOFILE][0], close_on_exec=bool(flags & os.O_CLOEXEC)
        )
    except LinuxError:
        file.drop()
        raise


def install_pair(task: Task, first: OpenFile, second: OpenFile, flags: int, address: int) -> None:
    """Descriptors for both of two new files, written as two ints to address of the task's memory.

    Raises: EMFILE, EFAULT; both files are dropped then.
    """
    limit = task.process.limits[resource.RLIMIT_NOFILE][0]
    close_on_exec = bool(flags & os.O_CLOEXEC)
    files = task.files
    numbers: list[int] = []
    try:
        for file in (first, second):
            numbers.append(files.allocate(file, limit, close_on_exec=close_on_exec))
        task.memory.write(address, b"".join([number.to_bytes(4, "little") for number in numbers]))
    except LinuxError:
        for number in numbers:
            files.remove(number)
        first.drop()
        second.drop()
        raise


class AnonymousFile(OpenFile):
    """A description of ANON_INODE. Subclasses say what can be read, written and polled."""

    __slots__ = ()
    label = b"anon_inode:[unknown]"

    def __init__(self, flags: int) -> None:
        super().__init__(flags, ANON_INODE, None)
        self.queue = WaitQueue()

    def name(self, task: Task) -> bytes:
        return self.label

    @property
    def seekable(self) -> bool:
        return False

    def read(self, size: int) -> bytes:
        raise LinuxError(errno.EINVAL)

    def write(self, data: bytes | memoryview) -> int:
        raise LinuxError(errno.EINVAL)

    def pread(self, size: int, offset: int) -> bytes:
        raise LinuxError(errno.ESPIPE)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        """These take any seek and do nothing (noop_llseek)."""
        return 0
