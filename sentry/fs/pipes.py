# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Pipes and FIFOs.

Owns Pipe (the buffer), the open ends, and which FIFO inode has which pipe while it is open. Does not own blocking: ends
raise EAGAIN (see sentry/vfs/file.py); only the opening of a FIFO waits here, since it is one protocol of both ends.

Pages are counted as Linux counts them, so that a pipe is full, writable and mergeable at the same byte: a write's odd
tail may join the last page if it fits whole, anything else starts a page, and a page is free when its last byte was
read. The data itself is kept as it was written, in as few objects as possible, and never copied to be moved.
Source: fs/pipe.c, pipe(7), fifo(7); compared with native runs.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue, wait_for
from sentry.kernel.credentials import CAP_SYS_RESOURCE
from sentry.lean import deque
from sentry.vfs.anonymous import AnonymousInode, pipefs
from sentry.vfs.file import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

PAGE = 4096
PIPE_BUF = 4096
DEFAULT_PAGES = 16
MAX_SIZE = 1048576  # /proc/sys/fs/pipe-max-size
PIPE_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_DIRECT
"""What pipe2 takes."""

_SOFT_PAGES = 16384  # /proc/sys/fs/pipe-user-pages-soft: above it a new pipe gets two pages
_FIONREAD = 0x541B
_IN = POLLIN | POLLRDNORM
_OUT = POLLOUT | POLLWRNORM


class _Packet(bytes):
    """One write through an O_DIRECT end: read alone, the rest of it is dropped."""

    __slots__ = ()


class _Usage:
    """How many pages all pipes of the sandbox may fill: they are memory of the sentry, whoever made them."""

    __slots__ = ("pages",)

    def __init__(self) -> None:
        self.pages = 0


_usage = _Usage()


class _Both(WaitQueue):
    """Both queues of a pipe, for descriptions that read and write."""

    __slots__ = ("_pipe",)

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def add(self, key: object, callback: Callable[[], None]) -> None:
        self._pipe.data_queue.add(key, callback)
        self._pipe.room_queue.add(key, callback)

    def remove(self, key: object) -> None:
        self._pipe.data_queue.remove(key)
        self._pipe.room_queue.remove(key)


class Pipe:
    """A pipe's buffer. size: bytes in it. readers, writers: open ends; the *_opened counters tell a FIFO's opener that
    somebody came, even if that one has left again. data_queue wakes readers, room_queue writers, open_queue openers."""

    __slots__ = (
        "_chunks", "_head", "_pages", "_tail", "data_queue", "inode", "open_queue", "pages", "readers",
        "readers_opened", "room_queue", "size", "writers", "writers_opened",
    )  # fmt: skip

    def __init__(self, inode: Inode) -> None:
        self.inode = inode
        self.pages = DEFAULT_PAGES if _usage.pages < _SOFT_PAGES else 2
        _usage.pages += self.pages
        self.size = 0
        self._chunks: deque[bytes] = deque()
        self._head = 0  # bytes of _chunks[0] that were read
        self._pages: deque[int] = deque()  # unread bytes of each page in use
        self._tail = PAGE  # where the last page's bytes end: PAGE means nothing can join
        self.readers = 0
        self.writers = 0
        self.readers_opened = 0
        self.writers_opened = 0
        self.data_queue = WaitQueue()
        self.room_queue = WaitQueue()
        self.open_queue = WaitQueue()

    # -- state --
    @property
    def full(self) -> bool:
        return len(self._pages) >= self.pages

    @property
    def room(self) -> int:
        """Bytes that a write takes for sure."""
        return (self.pages - len(self._pages)) * PAGE if self.readers else 0

    def resize(self, task: Task, size: int) -> int:
        """F_SETPIPE_SZ: the new capacity in bytes. Raises: EINVAL, EPERM (over the limits), EBUSY (holds more)."""
        if size < 0 or size > 1 << 31:
            raise LinuxError(errno.EINVAL)
        pages = max(1, 1 << (max(size, PAGE) - 1).bit_length() - 12) if size > PAGE else 1
        grows = pages > self.pages
        if grows and pages * PAGE > MAX_SIZE:
            # Linux lets CAP_SYS_RESOURCE pass; here the memory is the sentry's, which no guest owns.
            raise LinuxError(errno.EPERM)
        if (
            grows
            and _usage.pages + pages - self.pages > _SOFT_PAGES
            and (pages > DEFAULT_PAGES or not task.credentials.has(CAP_SYS_RESOURCE))
        ):
            raise LinuxError(errno.EPERM)
        if pages < len(self._pages):
            raise LinuxError(errno.EBUSY)
        was_full = self.full
        _usage.pages += pages - self.pages
        self.pages = pages
        if was_full and not self.full:
            self.room_queue.wake()
        return pages * PAGE

    # -- data --
    def write(self, data: bytes | memoryview, packets: bool = False) -> int:
        """Appends what fits: bytes taken; up to PIPE_BUF all or nothing. Raises: EAGAIN, EPIPE."""
        total = len(data)
        if not total:
            return 0
        if not self.readers:
            raise LinuxError(errno.EPIPE)
        pages = self._pages
        if packets:
            count = self._write_packets(data)
        else:
            odd = total & PAGE - 1
            count = 0
            if odd and pages and self._tail + odd <= PAGE:
                pages[-1] += odd
                self._tail += odd
                count = odd
            left = total - count
            free = self.pages - len(pages)
            if left and free > 0:
                whole = min(left >> 12, free)
                if whole:
                    pages.extend((PAGE,) * whole)
                    self._tail = PAGE
                    count += whole * PAGE
                    left -= whole * PAGE
                if left and whole < free:
                    pages.append(left)
                    self._tail = left
                    count += left
            if not count:
                raise LinuxError(errno.EAGAIN)
            chunks = self._chunks
            if count < total:
                chunks.append(bytes(memoryview(data)[:count]))
            elif count == odd and chunks and len(chunks[-1]) < PAGE and type(chunks[-1]) is bytes:
                chunks[-1] += data  # tiny writes must not cost an object each
            else:
                chunks.append(data if type(data) is bytes else bytes(data))
            self.size += count
        if self.data_queue:
            # Every write tells, not only the first into an empty pipe: an edge-triggered epoll wants to hear of each,
            # and blocked readers wait only while the pipe is empty.
            self.data_queue.wake()
        return count

    def _write_packets(self, data: bytes | memoryview) -> int:
        view = memoryview(data)
        count = 0
        while count < len(view) and not self.full:
            packet = _Packet(view[count : count + PAGE])
            self._chunks.append(packet)
            self._pages.append(len(packet))
            count += len(packet)
        if not count:
            raise LinuxError(errno.EAGAIN)
        self._tail = PAGE
        self.size += count
        return count

    def read(self, size: int) -> bytes:
        """Takes up to size bytes; b"" at the end of file. Raises: EAGAIN while a writer may still come."""
        if size <= 0:
            return b""
        have = self.size
        if not have:
            if self.writers:
                raise LinuxError(errno.EAGAIN)
            return b""
        chunks = self._chunks
        if len(chunks) == 1 and size >= have and type(chunks[0]) is bytes:
            # The usual case: one write, one read; nothing is copied.
            data = chunks.popleft()
            if self._head:
                data = data[self._head :]
                self._head = 0
            self.size = 0
            was_full = len(self._pages) >= self.pages
            self._pages.clear()
        else:
            pieces, packet = self._look(size)
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            was_full = len(self._pages) >= self.pages
            self._consume(len(data), packet)
        if was_full and self.room_queue and len(self._pages) < self.pages:
            self.room_queue.wake()
        return data

    def peek(self, size: int) -> bytes:
        """What read(size) would give, left in the pipe (tee, splice). Raises: EAGAIN as read."""
        if not self.size:
            if self.writers and size > 0:
                raise LinuxError(errno.EAGAIN)
            return b""
        pieces, _ = self._look(size)
        return b"".join(pieces)

    def discard(self, count: int) -> None:
        """Takes out the first count bytes, which peek() gave."""
        was_full = self.full
        self._consume(count, None)
        if was_full and not self.full:
            self.room_queue.wake()

    def _look(self, size: int) -> tuple[list[bytes], _Packet | None]:
        """The first bytes, at most size, and the packet that ends them, if one does."""
        pieces: list[bytes] = []
        start = self._head
        for chunk in self._chunks:
            length = len(chunk) - start
            if length > size:
                piece = chunk[start : start + size]
            else:
                piece = chunk[start:] if start else chunk
            if type(chunk) is not bytes:
                pieces.append(bytes(piece))
                return pieces, chunk  # type: ignore[return-value] # the only other type is _Packet
            pieces.append(piece)
            size -= length
            if size <= 0:
                break
            start = 0
        return pieces, None

    def _consume(self, count: int, packet: _Packet | None) -> None:
        """Drops count bytes from the front, and all of the packet that they end in."""
        chunks = self._chunks
        pages = self._pages
        self.size -= count
        if not self.size:
            chunks.clear()
            pages.clear()
            self._head = 0
            return
        head = self._head + count
        while chunks and head >= len(chunks[0]) and chunks[0] is not packet:
            head -= len(chunks.popleft())
        if packet is not None:
            rest = len(packet) - head
            self.size -= rest
            count += rest
            chunks.popleft()
            head = 0
        self._head = head
        while pages and count >= pages[0]:
            count -= pages.popleft()
        if count:
            pages[0] -= count

    # -- ends --
    def add(self, reads: bool, writes: bool) -> None:
        """An end was opened."""
        if reads:
            self.readers += 1
            self.readers_opened += 1
        if writes:
            self.writers += 1
            self.writers_opened += 1
        self.open_queue.wake()

    def remove(self, reads: bool, writes: bool) -> None:
        """An end was closed: the other side may now see end of file or EPIPE; the last one frees the data."""
        if reads:
            self.readers -= 1
        if writes:
            self.writers -= 1
        if self.readers or self.writers:
            if not self.writers or not self.readers:
                self.data_queue.wake()
                self.room_queue.wake()
            return
        _usage.pages -= self.pages
        self._chunks.clear()
        self._pages.clear()
        self.size = self._head = 0
        _fifos.pop(self.inode, None)


class PipeInode(AnonymousInode):
    """The inode of a pipe made by pipe(2)."""

    __slots__ = ("pipe",)

    def __init__(self, uid: int, gid: int) -> None:
        super().__init__(pipefs, stat.S_IFIFO | 0o600, uid, gid)
        self.pipe = Pipe(self)


_fifos: dict[Inode, Pipe] = {}
"""The pipes of FIFO inodes, as long as anybody has one open or waits to."""


def pipe_of(inode: Inode) -> Pipe:
    """The pipe behind a FIFO inode, whatever file system it is of; made when there is none."""
    if isinstance(inode, PipeInode):
        return inode.pipe
    pipe = _fifos.get(inode)
    if pipe is None:
        pipe = _fifos[inode] = Pipe(inode)
    return pipe


class PipeFile(OpenFile):
    """An end of a pipe, or both (a FIFO opened O_RDWR). Its Pipe counts it from construction to release."""

    __slots__ = ("_reads", "_seen", "_writes", "pipe")

    def __init__(self, pipe: Pipe, flags: int, path: Path | None = None) -> None:
        super().__init__(flags, pipe.inode, path)
        self.pipe = pipe
        mode = flags & os.O_ACCMODE
        self._reads = mode != os.O_WRONLY
        self._writes = mode != os.O_RDONLY
        self._seen = -1  # writers_opened of a reader that came before any writer: no POLLHUP until one was there
        if not self._writes:
            self.queue = pipe.data_queue
        elif not self._reads:
            self.queue = pipe.room_queue
        else:
            self.queue = _Both(pipe)
        pipe.add(self._reads, self._writes)

    def release(self) -> None:
        self.pipe.remove(self._reads, self._writes)

    @property
    def seekable(self) -> bool:
        return False

    def name(self, task: Task) -> bytes:
        if self.path is not None:
            return self.path.name(task)
        return b"pipe:[%d]" % self.inode.attributes().ino

    def poll(self) -> int:
        pipe = self.pipe
        events = 0
        if self._reads:
            if pipe.size:
                events = _IN
            if not pipe.writers and self._seen != pipe.writers_opened:
                events |= POLLHUP
        if self._writes:
            if len(pipe._pages) < pipe.pages:
                events |= _OUT
            # Reached only through the write end: POLLERR is how a writer hears that nobody will read.
            if not pipe.readers:
                events |= POLLERR
        return events

    def read(self, size: int) -> bytes:
        return self.pipe.read(size)

    def write(self, data: bytes | memoryview) -> int:
        return self.pipe.write(data, bool(self.flags & os.O_DIRECT))

    def pread(self, size: int, offset: int) -> bytes:
        raise LinuxError(errno.ESPIPE)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.ESPIPE)

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        if request == _FIONREAD:
            task.memory.write(argument, struct.pack("<i", self.pipe.size))
            return 0
        raise LinuxError(errno.ENOTTY)


class PipeReader(PipeFile):
    """The read end."""

    __slots__ = ()

    def __init__(self, pipe: Pipe, flags: int = 0, path: Path | None = None) -> None:
        super().__init__(pipe, flags & ~os.O_ACCMODE | os.O_RDONLY, path)


class PipeWriter(PipeFile):
    """The write end."""

    __slots__ = ()

    def __init__(self, pipe: Pipe, flags: int = 0, path: Path | None = None) -> None:
        super().__init__(pipe, flags & ~os.O_ACCMODE | os.O_WRONLY, path)


def make_pipe(uid: int, gid: int, flags: int = 0) -> tuple[PipeReader, PipeWriter]:
    """Both ends of a new pipe. flags: O_NONBLOCK and O_DIRECT."""
    pipe = PipeInode(uid, gid).pipe
    return PipeReader(pipe, flags & os.O_NONBLOCK), PipeWriter(pipe, flags & (os.O_NONBLOCK | os.O_DIRECT))


async def open_fifo_blocking(inode: Inode, flags: int, path: Path | None) -> PipeFile:
    """Opens a FIFO (or reopens a pipe through /proc/PID/fd): waits for the other end as fifo(7) says.

    The caller checked permissions. Raises: ENXIO (O_WRONLY | O_NONBLOCK without a reader), EINVAL; Interrupted.
    """
    mode = flags & os.O_ACCMODE
    if mode == os.O_ACCMODE:
        raise LinuxError(errno.EINVAL)
    pipe = pipe_of(inode)
    waits = not isinstance(inode, PipeInode)  # a pipe of pipe(2) is there whoever else has it open
    kept = flags & ~(os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_NOCTTY | os.O_CLOEXEC)
    if mode == os.O_WRONLY and flags & os.O_NONBLOCK and not pipe.readers and waits:
        if not pipe.writers and _fifos.pop(inode, None) is not None:
            _usage.pages -= pipe.pages
        raise LinuxError(errno.ENXIO)
    if mode == os.O_RDONLY:
        file: PipeFile = PipeReader(pipe, kept, path)
        if waits and not pipe.writers:
            file._seen = pipe.writers_opened
            if not flags & os.O_NONBLOCK:
                await _partner(file, "writers_opened")
                file._seen = -1
    elif mode == os.O_WRONLY:
        file = PipeWriter(pipe, kept, path)
        if waits and not pipe.readers:
            await _partner(file, "readers_opened")
    else:
        file = PipeFile(pipe, kept, path)
    return file


async def _partner(file: PipeFile, counter: str) -> None:
    """Waits until the other side was opened at least once; gives the end back if the wait is broken off."""
    pipe = file.pipe
    before = getattr(pipe, counter)
    try:
        while getattr(pipe, counter) == before:
            await wait_for(pipe.open_queue)
    except BaseException:  # Interrupted, or the coroutine of a killed task being closed
        file.path = None  # the opener still holds the place, so dropping this file must not
        file.drop()
        raise


def splice_pipes(source: Pipe, target: Pipe, size: int) -> int:
    """splice(2) between pipes: bytes moved, 0 at the source's end. Raises: EAGAIN (either side), EPIPE, EINVAL."""
    if source is target:
        raise LinuxError(errno.EINVAL)
    count = tee_pipes(source, target, size)
    if count:
        source.discard(count)
    return count


def tee_pipes(source: Pipe, target: Pipe, size: int) -> int:
    """tee(2): bytes copied; the source keeps them. Raises: as splice_pipes."""
    if source is target:
        raise LinuxError(errno.EINVAL)
    if not target.readers:
        raise LinuxError(errno.EPIPE)
    room = target.room
    if not room:
        raise LinuxError(errno.EAGAIN)
    data = source.peek(min(size, room))
    return target.write(data) if data else 0
