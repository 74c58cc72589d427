# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of an open file description (struct file).

Never blocks: where Linux would wait, read/write/... raise LinuxError(EAGAIN) whatever O_NONBLOCK says, and the handler
waits on .queue and tries again unless O_NONBLOCK is set. Short counts are allowed as on Linux.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue
from sentry.vfs import events, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

# Of poll(2).
POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDHUP = 1, 2, 4, 8, 0x10, 0x20, 0x2000
POLLRDNORM, POLLWRNORM = 0x40, 0x100


class OpenFile:
    """One open file description, shared by duplicated descriptors and across fork.

    flags: the O_* status flags and access mode. offset: bytes. path: what was opened, None for anonymous files (pipes,
    sockets), whose name is what /proc/PID/fd shows, such as "pipe:[12]". references: how many descriptors, mappings in
    flight and queued SCM_RIGHTS hold it; release() runs when it falls to 0 (see acquire/drop).
    """

    __slots__ = ("__weakref__", "flags", "inode", "offset", "owner", "path", "queue", "references")

    discards: bool = False
    """Writes are thrown away unseen (/dev/null): the caller need not even copy the data."""

    def __init__(self, flags: int, inode: Inode, path: Path | None) -> None:
        self.flags = flags
        self.inode = inode
        self.path = path
        self.offset = 0
        self.references = 1
        self.owner = 0  # F_SETOWN
        self.queue: WaitQueue = NEVER

    # -- life --
    def acquire(self) -> OpenFile:
        self.references += 1
        return self

    def drop(self) -> None:
        self.references -= 1
        if self.references == 0:
            if locks.locked_files and self in locks.locked_files:
                locks.release_file(self)
            if events.hooks and self.path is not None and not self.flags & os.O_PATH:
                events.notify_path(self.path, events.IN_CLOSE_WRITE if self.writable else events.IN_CLOSE_NOWRITE)
            self.release()

    def release(self) -> None:
        """The last reference is gone."""

    # -- state --
    @property
    def readable(self) -> bool:
        return self.flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR) and not self.flags & os.O_PATH

    @property
    def writable(self) -> bool:
        return self.flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR) and not self.flags & os.O_PATH

    def attributes(self) -> Attributes:
        return self.inode.attributes()

    def poll(self) -> int:
        """The POLL* events that are true now (all of them, the caller masks). Regular files are always ready."""
        return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM

    def name(self, task: Task) -> bytes:
        """What readlink of /proc/self/fd/N gives."""
        if self.path is not None:
            return self.path.name(task)
        return b"anon_inode:[unknown]"

    # -- data; the access mode is checked by the caller --
    def read(self, size: int) -> bytes:
        """At the description's own offset (which moves), or the stream's next bytes; b"" at the end of file."""
        data = self.pread(size, self.offset)
        self.offset += len(data)
        return data

    def write(self, data: bytes | memoryview) -> int:
        """At the offset (O_APPEND: at the end), or into the stream: bytes taken."""
        if self.flags & os.O_APPEND:
            self.offset = self.attributes().size
        count = self.pwrite(data, self.offset)
        self.offset += count
        return count

    def pread(self, size: int, offset: int) -> bytes:
        """ESPIPE for streams, EISDIR for directories."""
        raise LinuxError(errno.EISDIR if stat.S_ISDIR(self.attributes().mode) else errno.EINVAL)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.EINVAL)

    @property
    def seekable(self) -> bool:
        """False for pipes, sockets and terminals: lseek and pread give ESPIPE."""
        return True

    def seek(self, offset: int, whence: int) -> int:
        """lseek(2) with SEEK_SET, CUR, END, DATA, HOLE: the new offset."""
        raise LinuxError(errno.ESPIPE)

    def truncate(self, size: int) -> None:
        raise LinuxError(errno.EINVAL)

    def allocate(self, mode: int, offset: int, size: int) -> None:
        """fallocate(2)."""
        raise LinuxError(errno.EOPNOTSUPP)

    def sync(self) -> None:
        """fsync(2)."""
        raise LinuxError(errno.EINVAL)

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        """ioctl(2); argument is a number or an address in the task's memory."""
        raise LinuxError(errno.ENOTTY)

    def mappable(self, protection: int, shared: bool) -> int:
        """The host descriptor (owned by this file, dup it to keep it) that backs a mmap of this file, opened with no
        more rights than the description's own; -1: anonymous memory instead (/dev/zero). ENODEV where mmap has no
        meaning. The caller checked the access mode."""
        raise LinuxError(errno.ENODEV)

    @property
    def host_fd(self) -> int:
        """A host descriptor with the very content of this regular file, for copies without Python objects, or -1.
        Reading through it is free; writing only as prepare_write() says."""
        return -1

    def prepare_write(self, offset: int, size: int) -> int:
        """Before size bytes are written at offset through a host descriptor: that descriptor, or -1 (use write() or
        pwrite()). Makes the room that the write may need; wrote() must follow. Raises: ENOSPC, EPERM (seals)."""
        return -1

    def wrote(self, offset: int, count: int) -> None:
        """count bytes (perhaps 0) were written at offset after prepare_write(): the file's size and times follow."""


class _Never(WaitQueue):
    """The queue of files that are always ready: nobody is ever woken."""

    __slots__ = ()

    def add(self, key: object, callback: object) -> None:
        """Keeps nothing."""


NEVER = _Never()
