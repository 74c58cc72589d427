# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors of the host that the guest was given: its standard input, output and error.

Owns HostFile, an open file description over one inherited descriptor: a pipe, a terminal, a socket, a regular file or a
device such as /dev/null. Nothing here blocks: pipes and terminals are reopened without blocking where that can be done
(reopen_nonblocking, before the sentry's jail), sockets are asked with MSG_DONTWAIT, and the rest is polled first.

A regular file keeps the offset that it shares with whoever gave it to us (`{ a; pysc do b; c; } > file`), so read and
write use the host's, and there is no host_fd to copy through. What the guest sees of the file is its type, its device
number and its size; never a name of the host.

HostFiles are made before the sentry's filter is installed: socket objects ask the kernel about their descriptor.
"""

from __future__ import annotations

import _socket as socket  # the module around it builds enumerations for 2 ms
import errno
import fcntl
import os
import select
import stat
import struct

from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue
from sentry.vfs.attributes import AttributeChange, Attributes
from sentry.vfs.file import NEVER, POLLERR, POLLHUP, POLLIN, POLLOUT, OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

    class Watcher(Protocol):
        """What is needed of the kernel's loop (Kernel.watch)."""

        def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None: ...

        def unwatch(self, fd: int) -> None: ...

    class Terminal(Protocol):
        """What the guest's side of a terminal decides for itself: job control, and its name."""

        def ioctl(self, task: Task, file: OpenFile, request: int, argument: int) -> int | None:
            """The result, or None where the host's terminal has to answer. Raises: LinuxError."""

        def before_read(self) -> None:
            """Raises: Interrupted or LinuxError where a background process may not read."""

        def name(self, task: Task) -> bytes: ...


_READ_LIMIT = 1 << 20  # bytes of one read
_PIPE_ROOM = 4096  # bytes that a pipe which is ready for writing takes without blocking (pipe(7): a free page)
_TERMINAL_ROOM = 256  # as many for a terminal (WAKEUP_CHARS of drivers/tty/n_tty.c)
_POLL_ALL = 0x1 | 0x2 | 0x4 | 0x40 | 0x100 | 0x2000  # POLLIN PRI OUT RDNORM WRNORM RDHUP
_NR_FALLOCATE = 285

# asm-generic/ioctls.h: request -> size of what it reads or writes, bytes. Nothing that types for the user (TIOCSTI),
# takes the terminal away (TIOCSCTTY, TIOCNOTTY) or asks about the host's processes (TIOCGPGRP) goes through.
_TCGETS, _TCGETS2 = 0x5401, 0x802C542A
_FIONREAD, _TIOCOUTQ, _TIOCGWINSZ = 0x541B, 0x5411, 0x5413
_READS = {_TCGETS: 36, _TCGETS2: 44, _TIOCGWINSZ: 8, _FIONREAD: 4, _TIOCOUTQ: 4}
_WRITES = {0x5402: 36, 0x5403: 36, 0x5404: 36, 0x402C542B: 44, 0x402C542C: 44, 0x402C542D: 44, 0x5414: 8}
_VALUES = frozenset((0x5409, 0x540A, 0x540B, 0x5425))  # TCSBRK TCXONC TCFLSH TCSBRKP
_TERMINAL_MAJORS = frozenset((4, 136, 137, 138, 139, 140, 141, 142, 143, 204, 229))
_REOPENED_DEVICES = frozenset((os.makedev(5, 0), os.makedev(5, 1)))  # /dev/tty, /dev/console; never 5:2, /dev/ptmx


def reopen_nonblocking(fd: int) -> int:
    """A new descriptor of the same pipe or terminal that does not block, without touching what others share.

    A duplicate of fd itself where there is none (sockets, regular files, a pipe whose other end is gone). The caller
    owns the result and fd. Needs /proc, so it comes before any jail.
    """
    found = os.fstat(fd)
    if stat.S_ISFIFO(found.st_mode) or (
        stat.S_ISCHR(found.st_mode)
        and (os.major(found.st_rdev) in _TERMINAL_MAJORS or found.st_rdev in _REOPENED_DEVICES)
    ):
        flags = fcntl.fcntl(fd, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_APPEND)
        try:
            return os.open(f"/proc/self/fd/{fd}", flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            pass  # not ours to open, or nobody is at the other end: it works without, more slowly
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 0)


class HostFilesystem(Filesystem):
    """The mount that no path leads to, where inherited files lie. opens_special: its inodes open pipes themselves."""

    opens_special = True

    def __init__(self, dev: int) -> None:
        super().__init__(dev)
        self.type = self.source = b"hostfs"

    def status(self) -> FilesystemStatus:
        return FilesystemStatus(magic=0x50495045)  # as a pipe's


class HostQueue(WaitQueue):
    """Watches the host's descriptor while somebody waits for it.

    Edge-triggered: one queue serves readers and writers, and a terminal that nobody types at is always ready for
    output, which must not keep the loop busy. An edge that comes while nobody waits ends the watch; beginning it anew
    reports whatever is ready by then, so nothing is lost.
    """

    __slots__ = ("_fd", "_kernel", "_pollable", "_watched")

    def __init__(self, kernel: Watcher, fd: int) -> None:
        super().__init__()
        self._kernel = kernel
        self._fd = fd
        self._watched = False
        self._pollable = True

    def add(self, key: object, callback: Callable[[], None]) -> None:
        super().add(key, callback)
        if not self._watched and self._pollable:
            events = select.EPOLLIN | select.EPOLLOUT | select.EPOLLPRI | select.EPOLLRDHUP | select.EPOLLET
            try:
                self._kernel.watch(self._fd, events, self._edge)
            except OSError as error:
                if error.errno != errno.EPERM:
                    raise
                self._pollable = False  # a device without poll, such as /dev/null: always ready
            else:
                self._watched = True

    def _edge(self, events: int) -> None:
        if self:
            self.wake()
        else:
            self.end()

    def end(self) -> None:
        """Stops watching."""
        if self._watched:
            self._watched = False
            self._kernel.unwatch(self._fd)


class HostInode(Inode):
    """What an inherited descriptor refers to. uid and gid are the guest's owner of it. Owns the descriptor."""

    __slots__ = ("_attributes", "fd", "flags", "gid", "kind", "nonblocking", "queue", "socket", "terminal", "uid")

    def __init__(
        self, filesystem: HostFilesystem, kernel: Watcher, fd: int, uid: int, gid: int, terminal: Terminal | None
    ) -> None:
        super().__init__(filesystem)
        self.fd = fd
        self.uid = uid
        self.gid = gid
        self.terminal = terminal
        self.flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        self.nonblocking = bool(self.flags & os.O_NONBLOCK)
        found = os.fstat(fd)
        self.kind = stat.S_IFMT(found.st_mode)
        self.socket = socket.socket(fileno=fd) if self.kind == stat.S_IFSOCK else None
        # epoll knows a descriptor once, so all descriptions of it share this.
        self.queue: WaitQueue = NEVER if self.kind in (stat.S_IFREG, stat.S_IFDIR) else HostQueue(kernel, fd)
        self._attributes = self._read(found)

    def __del__(self) -> None:
        if hasattr(self, "queue"):  # else __init__ failed, and the descriptor is still the caller's
            self.close()

    def close(self) -> None:
        """Lets go of the host's file; nothing may use it afterwards."""
        if self.fd >= 0:
            if isinstance(self.queue, HostQueue):
                self.queue.end()
            if self.socket is not None:
                self.socket.close()
            else:
                os.close(self.fd)
            self.fd = -1

    def _read(self, found: os.stat_result) -> Attributes:
        return Attributes(
            found.st_ino, found.st_mode, 1, self.uid, self.gid, found.st_size, found.st_blocks, found.st_blksize,
            found.st_rdev, self.filesystem.dev, found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns,
        )  # fmt: skip

    def attributes(self) -> Attributes:
        if self.kind == stat.S_IFREG:  # the others have nothing that changes
            self._attributes = self._read(os.fstat(self.fd))
        return self._attributes

    def set_attributes(self, change: AttributeChange) -> None:
        """The size of a regular file, if it can be written. Owner and mode are the host's business: EPERM."""
        if change.size is not None and self.kind == stat.S_IFREG:
            try:
                os.ftruncate(self.fd, change.size)
            except OSError as error:
                raise LinuxError.from_host(error) from None
        if change.mode is not None or change.uid is not None or change.gid is not None:
            raise LinuxError(errno.EPERM)

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        """Opens it again (through /proc/PID/fd or /dev/stdout): the same host descriptor, so no more rights than that.

        Raises: EACCES.
        """
        held = self.flags & os.O_ACCMODE
        wanted = flags & os.O_ACCMODE
        if held not in (os.O_RDWR, wanted) and not flags & os.O_PATH:
            raise LinuxError(errno.EACCES)
        return HostFile(self, flags, path)


class HostFile(OpenFile):
    """An open file description over an inherited descriptor."""

    __slots__ = ("_moves", "_poller")

    inode: HostInode

    def __init__(self, inode: HostInode, flags: int, path: Path | None) -> None:
        self._moves = False
        super().__init__(flags, inode, path)
        self._moves = inode.kind == stat.S_IFREG
        self._poller: select.poll | None = None
        self.queue = inode.queue

    @classmethod
    def inherit(
        cls,
        kernel: Watcher,
        filesystem: HostFilesystem,
        fd: int,
        *,
        uid: int = 0,
        gid: int = 0,
        terminal: Terminal | None = None,
    ) -> HostFile:
        """The description for a descriptor, which it then owns; O_NONBLOCK is not the guest's until it asks for it."""
        inode = HostInode(filesystem, kernel, fd, uid, gid, terminal)
        return cls(inode, inode.flags & (os.O_ACCMODE | os.O_APPEND), None)

    def release(self) -> None:
        queue = self.queue
        if isinstance(queue, HostQueue) and not queue:
            queue.end()

    @property
    def offset(self) -> int:
        """The host's own, which others may share and move."""
        return os.lseek(self.inode.fd, 0, os.SEEK_CUR) if self._moves else 0

    @offset.setter
    def offset(self, value: int) -> None:
        if self._moves:
            os.lseek(self.inode.fd, value, os.SEEK_SET)

    @property
    def seekable(self) -> bool:
        return self.inode.kind == stat.S_IFREG

    @property
    def is_terminal(self) -> bool:
        """Does the guest have a terminal here?"""
        return self.inode.kind == stat.S_IFCHR and os.isatty(self.inode.fd)

    def name(self, task: Task) -> bytes:
        inode = self.inode
        if inode.terminal is not None:
            return inode.terminal.name(task)
        found = inode.attributes()
        if inode.kind == stat.S_IFIFO:
            return b"pipe:[%d]" % found.ino
        if inode.kind == stat.S_IFSOCK:
            return b"socket:[%d]" % found.ino
        if inode.kind == stat.S_IFCHR:
            if found.rdev == os.makedev(1, 3):
                return b"/dev/null"
            return b"/dev/char/%d:%d" % (os.major(found.rdev), os.minor(found.rdev))
        return b"host:[%d]" % found.ino  # a path of the host would mean nothing here, and tell too much

    def poll(self) -> int:
        if self.queue is NEVER:
            return super().poll()
        poller = self._poller
        if poller is None:
            poller = self._poller = select.poll()
            poller.register(self.inode.fd, _POLL_ALL)
        ready = poller.poll(0)
        return ready[0][1] if ready else 0

    def read(self, size: int) -> bytes:
        inode = self.inode
        if inode.terminal is not None:
            inode.terminal.before_read()
        size = min(size, _READ_LIMIT)
        try:
            if inode.socket is not None:
                return inode.socket.recv(size, socket.MSG_DONTWAIT)
            if not inode.nonblocking and self.queue is not NEVER and not self.poll() & (POLLIN | POLLHUP | POLLERR):
                raise LinuxError(errno.EAGAIN)
            return os.read(inode.fd, size)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def write(self, data: bytes | memoryview) -> int:
        inode = self.inode
        try:
            if inode.socket is not None:
                return inode.socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            if not inode.nonblocking and self.queue is not NEVER:
                if not self.poll() & (POLLOUT | POLLHUP | POLLERR):
                    raise LinuxError(errno.EAGAIN)
                data = memoryview(data)[: _PIPE_ROOM if inode.kind == stat.S_IFIFO else _TERMINAL_ROOM]
            return os.write(inode.fd, data)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def pread(self, size: int, offset: int) -> bytes:
        if not self.seekable:
            raise LinuxError(errno.ESPIPE)
        try:
            return os.pread(self.inode.fd, min(size, _READ_LIMIT), offset)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        if not self.seekable:
            raise LinuxError(errno.ESPIPE)
        try:
            return os.pwrite(self.inode.fd, data, offset)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def seek(self, offset: int, whence: int) -> int:
        if not self.seekable:
            raise LinuxError(errno.ESPIPE)
        try:
            return os.lseek(self.inode.fd, offset, whence)
        except (OSError, OverflowError) as error:
            raise LinuxError(getattr(error, "errno", None) or errno.EINVAL) from None

    def truncate(self, size: int) -> None:
        if not self.seekable:
            raise LinuxError(errno.EINVAL)
        try:
            os.ftruncate(self.inode.fd, size)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def sync(self) -> None:
        if not self.seekable:
            raise LinuxError(errno.EINVAL)
        try:
            os.fsync(self.inode.fd)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def mappable(self, protection: int, shared: bool) -> int:
        if not self.seekable:
            raise LinuxError(errno.ENODEV)
        return self.inode.fd

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        inode = self.inode
        if inode.terminal is not None:
            result = inode.terminal.ioctl(task, self, request, argument)
            if result is not None:
                return result
        if request in _READS:
            return self._ioctl_read(task, request, argument)
        if inode.kind != stat.S_IFCHR:
            raise LinuxError(errno.ENOTTY)
        try:
            if request in _WRITES:
                fcntl.ioctl(inode.fd, request, task.memory.read(argument, _WRITES[request]))
            elif request in _VALUES:
                fcntl.ioctl(inode.fd, request, argument & 0x7FFFFFFF)
            else:
                raise LinuxError(errno.ENOTTY)
        except OSError as error:
            raise LinuxError.from_host(error) from None
        return 0

    def _ioctl_read(self, task: Task, request: int, argument: int) -> int:
        inode = self.inode
        if inode.kind == stat.S_IFREG and request == _FIONREAD:
            left = max(os.fstat(inode.fd).st_size - os.lseek(inode.fd, 0, os.SEEK_CUR), 0)
            answer = struct.pack("<i", min(left, 0x7FFFFFFF))
        else:
            try:
                answer = fcntl.ioctl(inode.fd, request, bytes(_READS[request]))
            except OSError as error:
                raise LinuxError.from_host(error) from None
        task.memory.write(argument, answer)
        return 0
