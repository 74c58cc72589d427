# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""From file to file without the task's memory: sendfile, copy_file_range, splice, tee, vmsplice.

Data goes in pieces of at most FILE_CHUNK, so that a copy of gigabytes holds no more than that; a call copies at most
_MOST, so that the sentry serves others in between (callers go on, as these calls may always stop early).
Source: fs/read_write.c, fs/splice.c; checks compared with native runs.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import Interrupted, LinuxError
from sentry.abi.fcntl import MAX_OFFSET, SPLICE_F_NONBLOCK, SPLICE_F_VALID
from sentry.fs.pipes import PipeFile, splice_pipes, tee_pipes
from sentry.kernel.blocking import wait_for
from syscalls.helpers import check_writes
from syscalls.read_write import STREAM_CHUNK, broken_pipe, import_vector, read_pairs, write_pairs
from syscalls.table import Address, Fd, Flags, Result, Size, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

_MOST = 16 << 20
_NONBLOCK = os.O_NONBLOCK


def _kind(file: OpenFile) -> int:
    return stat.S_IFMT(file.attributes().mode)


def _offset(task: Task, address: int) -> int:
    return int.from_bytes(task.memory.read(address, 8), "little", signed=True)


def _put_offset(task: Task, address: int, offset: int) -> None:
    task.memory.write(address, offset.to_bytes(8, "little", signed=True))


def _write_at(task: Task, file: OpenFile, data: bytes, offset: int | None) -> int:
    """One write, at offset or the description's own. Raises: EAGAIN, EPIPE (with SIGPIPE), EFBIG, ENOSPC, ..."""
    if file.seekable and _kind(file) == stat.S_IFREG:
        place = file.offset if offset is None else offset
        data = data[: check_writes(task, place, len(data))]
    try:
        return file.write(data) if offset is None else file.pwrite(data, offset)
    except LinuxError as error:
        if error.errno == errno.EPIPE:
            broken_pipe(task, file)
        raise


# -- sendfile --
@syscall(40)
async def sendfile(task: Task, out_fd: Fd, in_fd: Fd, offset: Address, count: Size) -> int:
    """sendfile(2): bytes copied. Raises: EFAULT, EBADF, EINVAL, ESPIPE, EAGAIN, EPIPE, and as write."""
    start = _offset(task, offset) if offset else 0
    source = task.files.readable(in_fd)
    if offset and not source.seekable:
        raise LinuxError(errno.ESPIPE)
    if offset and start < 0:
        raise LinuxError(errno.EINVAL)
    target = task.files.writable(out_fd)
    if _kind(source) not in (stat.S_IFREG, stat.S_IFBLK, stat.S_IFCHR) or not source.seekable:
        raise LinuxError(errno.EINVAL)
    if target.flags & os.O_APPEND:
        raise LinuxError(errno.EINVAL)
    position = start if offset else source.offset
    source.acquire()
    target.acquire()
    try:
        done = await _send(task, source, position, target, min(count, _MOST))
    finally:
        target.drop()
        source.drop()
    if offset:
        _put_offset(task, offset, position + done)
    else:
        source.offset = position + done
    return done


async def _send(task: Task, source: OpenFile, position: int, target: OpenFile, count: int) -> int:
    """Copies from position on, waiting for room where the target blocks; neither position of the source moves."""
    done = 0
    try:
        while done < count:
            data = source.pread(min(count - done, STREAM_CHUNK), position + done)
            if not data:
                break
            left = memoryview(data)
            while left:
                try:
                    written = _write_at(task, target, bytes(left), None)
                except LinuxError as error:
                    if error.errno != errno.EAGAIN or target.flags & _NONBLOCK:
                        raise
                    await wait_for(target.queue)
                    continue
                done += written
                left = left[written:]
    except (LinuxError, Interrupted):
        if not done:
            raise
    return done


# -- copy_file_range --
@syscall(326)
def copy_file_range(
    task: Task, in_fd: Fd, in_offset: Address, out_fd: Fd, out_offset: Address, count: Size, flags: Flags
) -> int:
    """copy_file_range(2): bytes copied. Raises: EBADF, EISDIR, EINVAL, EXDEV, EFBIG, ENOSPC, EFAULT."""
    source = task.files.opened(in_fd)
    target = task.files.opened(out_fd)
    read_from = _offset(task, in_offset) if in_offset else source.offset
    write_to = _offset(task, out_offset) if out_offset else target.offset
    if flags:
        raise LinuxError(errno.EINVAL)
    kinds = (_kind(source), _kind(target))
    if stat.S_IFDIR in kinds:
        raise LinuxError(errno.EISDIR)
    if kinds != (stat.S_IFREG, stat.S_IFREG):
        raise LinuxError(errno.EINVAL)
    if not source.readable or not target.writable or target.flags & os.O_APPEND:
        raise LinuxError(errno.EBADF)
    if source.inode.filesystem is not target.inode.filesystem:
        raise LinuxError(errno.EXDEV)
    if read_from < 0 or write_to < 0 or read_from + count > 1 << 64 or write_to + count > 1 << 64:
        raise LinuxError(errno.EINVAL)
    count = max(0, min(count, source.attributes().size - read_from, MAX_OFFSET - write_to))
    if count and source.inode is target.inode and read_from < write_to + count and write_to < read_from + count:
        raise LinuxError(errno.EINVAL)
    done = 0
    wanted = min(count, _MOST)
    try:
        while done < wanted:
            data = source.pread(min(wanted - done, 1 << 20), read_from + done)
            if not data:
                break
            done += _write_at(task, target, data, write_to + done)
    except LinuxError:
        if not done:
            raise
    if in_offset:
        _put_offset(task, in_offset, read_from + done)
    else:
        source.offset = read_from + done
    if out_offset:
        _put_offset(task, out_offset, write_to + done)
    else:
        target.offset = write_to + done
    return done


# -- splice --
@syscall(275)
async def splice(
    task: Task, in_fd: Fd, in_offset: Address, out_fd: Fd, out_offset: Address, size: Size, flags: Flags
) -> int:
    """splice(2): bytes moved, 0 at the end. Raises: EBADF, EINVAL, ESPIPE, EAGAIN, EPIPE, EFAULT."""
    if not size:
        return 0
    if flags & ~SPLICE_F_VALID:
        raise LinuxError(errno.EINVAL)
    source = task.files.opened(in_fd)
    target = task.files.opened(out_fd)
    if not source.readable or not target.writable:
        raise LinuxError(errno.EBADF)
    from_pipe, to_pipe = isinstance(source, PipeFile), isinstance(target, PipeFile)
    if (from_pipe and in_offset) or (to_pipe and out_offset):
        raise LinuxError(errno.ESPIPE)
    if not (from_pipe or to_pipe) or (not to_pipe and target.flags & os.O_APPEND):
        raise LinuxError(errno.EINVAL)
    for file, address in ((source, in_offset), (target, out_offset)):
        if address and not file.seekable:
            raise LinuxError(errno.EINVAL)
    if not from_pipe and _kind(source) == stat.S_IFDIR:
        raise LinuxError(errno.EINVAL)
    start = _offset(task, in_offset or out_offset) if in_offset or out_offset else None
    if start is not None and start < 0:
        raise LinuxError(errno.EINVAL)
    size = min(size, _MOST)
    done = 0
    source.acquire()
    target.acquire()
    try:
        while True:
            try:
                done = _splice_once(task, source, target, start, size)
                break
            except LinuxError as error:
                if error.errno == errno.EPIPE and to_pipe:
                    broken_pipe(task, target)
                if error.errno != errno.EAGAIN or flags & SPLICE_F_NONBLOCK or _either_nonblocking(source, target):
                    raise
            await wait_for(source.queue, target.queue)
    finally:
        target.drop()
        source.drop()
    if start is not None:
        _put_offset(task, in_offset or out_offset, start + done)
    return done


def _either_nonblocking(source: OpenFile, target: OpenFile) -> bool:
    return bool((source.flags | target.flags) & _NONBLOCK)


def _splice_once(task: Task, source: OpenFile, target: OpenFile, start: int | None, size: int) -> int:
    if isinstance(source, PipeFile) and isinstance(target, PipeFile):
        return splice_pipes(source.pipe, target.pipe, size)
    if isinstance(target, PipeFile):
        if not target.pipe.readers:
            raise LinuxError(errno.EPIPE)
        room = target.pipe.room
        if not room:
            raise LinuxError(errno.EAGAIN)
        wanted = min(size, room, STREAM_CHUNK)
        data = source.read(wanted) if start is None else source.pread(wanted, start)
        return target.write(data) if data else 0
    assert isinstance(source, PipeFile)
    data = source.pipe.peek(min(size, STREAM_CHUNK))
    if not data:
        return 0
    done = _write_at(task, target, data, start)
    source.pipe.discard(done)
    return done


@syscall(276)
async def tee(task: Task, in_fd: Fd, out_fd: Fd, size: Size, flags: Flags) -> int:
    """tee(2): bytes copied. Raises: EBADF, EINVAL, EAGAIN, EPIPE."""
    if flags & ~SPLICE_F_VALID:
        raise LinuxError(errno.EINVAL)
    if not size:
        return 0
    source = task.files.opened(in_fd)
    target = task.files.opened(out_fd)
    if not source.readable or not target.writable:
        raise LinuxError(errno.EBADF)
    if not (isinstance(source, PipeFile) and isinstance(target, PipeFile)):
        raise LinuxError(errno.EINVAL)
    source.acquire()
    target.acquire()
    try:
        while True:
            try:
                return tee_pipes(source.pipe, target.pipe, min(size, _MOST))
            except LinuxError as error:
                if error.errno == errno.EPIPE:
                    broken_pipe(task, target)
                if error.errno != errno.EAGAIN or flags & SPLICE_F_NONBLOCK or _either_nonblocking(source, target):
                    raise
            await wait_for(source.queue, target.queue)
    finally:
        target.drop()
        source.drop()


@syscall(278)
def vmsplice(task: Task, fd: Fd, vector: Address, count: UInt, flags: Flags) -> Result:
    """vmsplice(2): copies (SPLICE_F_GIFT allows it). Raises: EBADF, EINVAL, EAGAIN, EPIPE, EFAULT."""
    if flags & ~SPLICE_F_VALID:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if not isinstance(file, PipeFile):
        raise LinuxError(errno.EBADF)
    pairs = import_vector(task.memory, vector, count)
    if not any(length for _, length in pairs):
        return 0
    waits = not (file.flags & _NONBLOCK or flags & SPLICE_F_NONBLOCK)
    if file.writable:
        return write_pairs(task, file, pairs, waits)
    return read_pairs(task, file, pairs, waits)
