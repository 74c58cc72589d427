# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""read, write and their variants with offsets and vectors.

The busiest calls there are. A file whose content lies in a host descriptor (host_fd) is copied between that and the
task's memory by native code, without Python objects; any other file is asked for bytes. A coroutine is made only for
who has to wait. Checks come in the order of fs/read_write.c (compared with native runs).
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import Interrupted, LinuxError
from sentry.abi.fcntl import (
    MAX_OFFSET,
    MAX_RW_COUNT,
    RWF_APPEND,
    RWF_ATOMIC,
    RWF_DONTCACHE,
    RWF_DSYNC,
    RWF_HIPRI,
    RWF_NOAPPEND,
    RWF_NOSIGNAL,
    RWF_NOWAIT,
    RWF_SYNC,
    USER_END,
)
from sentry.abi.signals import SIGPIPE
from sentry.fs.pipes import PipeFile
from sentry.kernel.blocking import TIMED_OUT, wait_for
from sentry.kernel.credentials import CAP_FSETID
from sentry.net.socket import Socket
from sentry.vfs import events
from sentry.vfs.permission import remove_privileges
from syscalls.helpers import RLIMIT_FSIZE, check_writes
from syscalls.table import Address, Fd, Flags, Offset, Result, Size, UInt, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.mm.memory import UserMemory
    from sentry.vfs.file import OpenFile

Pairs = list[tuple[int, int]]
"""Pieces of a task's memory: address and length in bytes."""

STREAM_CHUNK = 256 * 1024
FILE_CHUNK = 1024 * 1024
_MESSAGE_CHUNK = 16 << 20
"""The most that is held in the sentry's memory at a time for one call."""

_EAGAIN, _EFAULT, _EPIPE = errno.EAGAIN, errno.EFAULT, errno.EPIPE
_NONBLOCK = os.O_NONBLOCK
_APPEND = os.O_APPEND
_SETS_ID = 1 << CAP_FSETID
_NOWHERE = -1  # as an offset: the description's own


# -- the calls --
@syscall(0)
def read(task: Task, fd: Fd, buffer: Address, count: Size) -> Result:
    """read(2): bytes read, 0 at the end.

    Raises: EBADF, EFAULT, EISDIR, EINVAL, EAGAIN, EIO.
    """
    file = task.files.readable(fd)
    if buffer + count > USER_END:
        raise LinuxError(_EFAULT)
    host = file.host_fd
    if host >= 0:
        got = task.kernel.platform.copy_out_of_file(
            task.memory.host_tid, buffer, count if count < MAX_RW_COUNT else MAX_RW_COUNT, host, file.offset
        )
        if got < 0:
            raise LinuxError(-got)
        file.offset += got
        if events.hooks and got:
            _accessed(file)
        return got
    if not 0 < count <= STREAM_CHUNK:
        return _read(task, file, [(buffer, min(count, MAX_RW_COUNT))], not file.flags & _NONBLOCK)
    # What _read() does, without its detours: this is every read of a pipe, a socket or a terminal.
    try:
        data = file.read(count)
    except LinuxError as error:
        if error.errno != _EAGAIN or file.flags & _NONBLOCK:
            raise
        return _read_later(task, file, [(buffer, count)], count, _NOWHERE)
    if not data:
        return 0
    done = _deliver(task, file, [(buffer, count)], 0, data, _NOWHERE)
    if events.hooks and done:
        _accessed(file)
    return done


@syscall(1)
def write(task: Task, fd: Fd, buffer: Address, count: Size) -> Result:
    """write(2): bytes written.

    Raises: EBADF, EFAULT, EINVAL, EAGAIN, EPIPE (with SIGPIPE), EFBIG (with SIGXFSZ at the limit), ENOSPC, EIO.
    """
    file = task.files.writable(fd)
    if buffer + count > USER_END:
        raise LinuxError(_EFAULT)
    if count > MAX_RW_COUNT:
        count = MAX_RW_COUNT
    if file.host_fd >= 0:
        if not count:
            return 0
        offset = file.attributes().size if file.flags & _APPEND else file.offset
        done = _write_host(task, file, buffer, count, offset)
        file.offset = offset + done
        return done
    if file.seekable or not 0 < count <= STREAM_CHUNK:
        return _write(task, file, [(buffer, count)], not file.flags & _NONBLOCK)
    # What _write() does, without its detours: this is every write to a pipe, a socket or a terminal.
    try:
        data = task.memory.read_some(buffer, count)
    except LinuxError:
        return _write(task, file, [(buffer, count)], not file.flags & _NONBLOCK)
    done = 0
    try:
        done = file.write(data)
        if done == count:
            if events.hooks and file.path is not None:
                events.notify_path(file.path, events.IN_MODIFY)
            return done
    except LinuxError as error:
        if error.errno == _EPIPE:
            broken_pipe(task, file)
        if error.errno != _EAGAIN or file.flags & _NONBLOCK:
            raise
    if done and (file.flags & _NONBLOCK or not _goes_on(file)):
        return done
    return _write_later(task, file, [(buffer, count)], count, data, done, _NOWHERE, False)


@syscall(17)
def pread64(task: Task, fd: Fd, buffer: Address, count: Size, offset: Offset) -> Result:
    """pread(2): bytes read. Raises: EINVAL (a negative offset), EBADF, ESPIPE, and as read."""
    if offset < 0:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    host = file.host_fd
    if host < 0 and not file.seekable:
        raise LinuxError(errno.ESPIPE)
    if file.flags & 1:
        raise LinuxError(errno.EBADF)
    if buffer + count > USER_END:
        raise LinuxError(_EFAULT)
    if offset + count > MAX_OFFSET:
        raise LinuxError(errno.EINVAL)
    if host >= 0:
        got = task.kernel.platform.copy_out_of_file(
            task.memory.host_tid, buffer, count if count < MAX_RW_COUNT else MAX_RW_COUNT, host, offset
        )
        if got < 0:
            raise LinuxError(-got)
        if events.hooks and got:
            _accessed(file)
        return got
    return _read(task, file, [(buffer, min(count, MAX_RW_COUNT))], not file.flags & _NONBLOCK, offset)


@syscall(18)
def pwrite64(task: Task, fd: Fd, buffer: Address, count: Size, offset: Offset) -> Result:
    """pwrite(2): bytes written; with O_APPEND at the end, as Linux does. Raises: EINVAL, EBADF, ESPIPE, as write."""
    if offset < 0:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    host = file.host_fd
    if host < 0 and not file.seekable:
        raise LinuxError(errno.ESPIPE)
    if not (file.flags + 1) & 2:
        raise LinuxError(errno.EBADF)
    if buffer + count > USER_END:
        raise LinuxError(_EFAULT)
    if offset + count > MAX_OFFSET:
        raise LinuxError(errno.EINVAL)
    if count > MAX_RW_COUNT:
        count = MAX_RW_COUNT
    if file.flags & _APPEND:
        offset = file.attributes().size
    if host >= 0:
        return _write_host(task, file, buffer, count, offset) if count else 0
    return _write(task, file, [(buffer, count)], not file.flags & _NONBLOCK, offset)


@syscall(19)
def readv(task: Task, fd: Fd, vector: Address, count: UInt) -> Result:
    """readv(2). Raises: as read, and EINVAL for a vector that is too long."""
    file = task.files.opened(fd)
    pairs = import_vector(task.memory, vector, count)
    if file.flags & 1:
        raise LinuxError(errno.EBADF)
    return read_pairs(task, file, pairs, not file.flags & _NONBLOCK)


@syscall(20)
def writev(task: Task, fd: Fd, vector: Address, count: UInt) -> Result:
    """writev(2). Raises: as write, and EINVAL for a vector that is too long."""
    file = task.files.opened(fd)
    pairs = import_vector(task.memory, vector, count)
    if not (file.flags + 1) & 2:
        raise LinuxError(errno.EBADF)
    return write_pairs(task, file, pairs, not file.flags & _NONBLOCK)


@syscall(295)
def preadv(task: Task, fd: Fd, vector: Address, count: UInt, offset: Offset, high: ULong) -> Result:
    """preadv(2); on x86-64 the offset is whole and its "high half" ignored. Raises: as pread64 and readv."""
    return _preadv(task, fd, vector, count, offset, 0)


@syscall(296)
def pwritev(task: Task, fd: Fd, vector: Address, count: UInt, offset: Offset, high: ULong) -> Result:
    """pwritev(2). Raises: as pwrite64 and writev."""
    return _pwritev(task, fd, vector, count, offset, 0)


@syscall(327)
def preadv2(task: Task, fd: Fd, vector: Address, count: UInt, offset: Offset, high: ULong, flags: Flags) -> Result:
    """preadv2(2); offset -1: the description's own. Raises: as preadv, EOPNOTSUPP (flags)."""
    if offset == -1:
        file = task.files.opened(fd)
        pairs = import_vector(task.memory, vector, count)
        if file.flags & 1:
            raise LinuxError(errno.EBADF)
        _check_read_flags(flags)
        return read_pairs(task, file, pairs, not (file.flags & _NONBLOCK or flags & RWF_NOWAIT))
    return _preadv(task, fd, vector, count, offset, flags)


@syscall(328)
def pwritev2(task: Task, fd: Fd, vector: Address, count: UInt, offset: Offset, high: ULong, flags: Flags) -> Result:
    """pwritev2(2); offset -1: the description's own. Raises: as pwritev, EOPNOTSUPP (flags, RWF_ATOMIC), EINVAL."""
    if offset == -1:
        file = task.files.opened(fd)
        pairs = import_vector(task.memory, vector, count)
        if not (file.flags + 1) & 2:
            raise LinuxError(errno.EBADF)
        return _write_flagged(task, file, pairs, _NOWHERE, flags)
    return _pwritev(task, fd, vector, count, offset, flags)


def _preadv(task: Task, fd: int, vector: int, count: int, offset: int, flags: int) -> Result:
    if offset < 0:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if not file.seekable:
        raise LinuxError(errno.ESPIPE)
    pairs = import_vector(task.memory, vector, count)
    if file.flags & 1:
        raise LinuxError(errno.EBADF)
    if flags:
        _check_read_flags(flags)
    return read_pairs(task, file, pairs, not (file.flags & _NONBLOCK or flags & RWF_NOWAIT), offset)


def _pwritev(task: Task, fd: int, vector: int, count: int, offset: int, flags: int) -> Result:
    if offset < 0:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if not file.seekable:
        raise LinuxError(errno.ESPIPE)
    pairs = import_vector(task.memory, vector, count)
    if not (file.flags + 1) & 2:
        raise LinuxError(errno.EBADF)
    if flags:
        return _write_flagged(task, file, pairs, offset, flags)
    if file.flags & _APPEND:
        offset = file.attributes().size
    return write_pairs(task, file, pairs, not file.flags & _NONBLOCK, offset)


_READ_FLAGS = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND | RWF_DONTCACHE | RWF_NOSIGNAL
_WRITE_FLAGS = _READ_FLAGS | RWF_ATOMIC


def _check_read_flags(flags: int) -> None:
    if flags & ~_READ_FLAGS:
        raise LinuxError(errno.EOPNOTSUPP)
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        raise LinuxError(errno.EINVAL)


def _write_flagged(task: Task, file: OpenFile, pairs: Pairs, offset: int, flags: int) -> Result:
    _check_read_flags(flags)
    waits = not (file.flags & _NONBLOCK or flags & RWF_NOWAIT)
    appends = flags & RWF_APPEND or (file.flags & _APPEND and not flags & RWF_NOAPPEND)
    silent = bool(flags & RWF_NOSIGNAL)
    if offset != _NOWHERE:
        result = write_pairs(task, file, pairs, waits, file.attributes().size if appends else offset, silent)
    elif appends and file.seekable:
        # The position moves to where the write ended.
        file.offset = file.attributes().size
        result = write_pairs(task, file, pairs, waits, _NOWHERE, silent)
    else:
        result = write_pairs(task, file, pairs, waits, _NOWHERE, silent)
    if isinstance(result, int) and result > 0 and flags & (RWF_DSYNC | RWF_SYNC):
        file.sync()
    return result


# -- vectors --
def import_vector(memory: UserMemory, address: int, count: int) -> Pairs:
    """import_iovec(): the pieces, cut to what one call transfers. Raises: EINVAL, EFAULT (beyond user space)."""
    if count > 1024:
        raise LinuxError(errno.EINVAL)
    pairs = memory.vector(address, count)
    left = MAX_RW_COUNT
    for index, (base, length) in enumerate(pairs):
        if base + length > USER_END:
            raise LinuxError(_EFAULT)
        if length > left:
            pairs[index] = (base, left)
            left = 0
        else:
            left -= length
    return pairs


def gather(memory: UserMemory, pairs: Pairs, skip: int, limit: int) -> bytes:
    """At most limit bytes of the pieces, from byte skip on; less where a piece cannot be read. Raises: EFAULT if
    nothing can."""
    if len(pairs) == 1:
        address, length = pairs[0]
        return memory.read_some(address + skip, min(length - skip, limit))
    parts: list[bytes] = []
    for address, length in pairs:
        if skip >= length:
            skip -= length
            continue
        wanted = min(length - skip, limit)
        if not wanted:
            break
        try:
            part = memory.read_some(address + skip, wanted)
        except LinuxError:
            if parts:
                break
            raise
        parts.append(part)
        limit -= len(part)
        skip = 0
        if len(part) < wanted:
            break
    return b"".join(parts)


def scatter(memory: UserMemory, pairs: Pairs, skip: int, data: bytes) -> int:
    """Puts data into the pieces, from their byte skip on: bytes that could be written, 0 for a bad address."""
    done = 0
    view = memoryview(data)
    for address, length in pairs:
        if skip >= length:
            skip -= length
            continue
        part = view[done : done + length - skip]
        if not part:
            break
        try:
            written = memory.write_some(address + skip, part)
        except LinuxError:
            break
        done += written
        skip = 0
        if written < len(part):
            break
    return done


# -- reading --
def read_pairs(task: Task, file: OpenFile, pairs: Pairs, waits: bool, offset: int = _NOWHERE) -> Result:
    """Reads into the pieces at offset, or at the description's own; the access mode was checked."""
    host = file.host_fd
    if host < 0:
        return _read(task, file, pairs, waits, offset)
    place = file.offset if offset == _NOWHERE else offset
    copy = task.kernel.platform.copy_out_of_file
    done = 0
    for address, length in pairs:
        if length:
            got = copy(task.memory.host_tid, address, length, host, place + done)
            if got < 0:
                if done:
                    break
                raise LinuxError(-got)
            done += got
            if got < length:
                break
    if offset == _NOWHERE:
        file.offset += done
    if events.hooks and done:
        _accessed(file)
    return done


def _read(task: Task, file: OpenFile, pairs: Pairs, waits: bool, offset: int = _NOWHERE) -> Result:
    """Reads a file that has no host descriptor; hands back a coroutine if that has to wait."""
    total = sum([length for _, length in pairs])
    if not total and isinstance(file, Socket):
        return 0  # takes no message
    try:
        if total <= STREAM_CHUNK:
            data = file.read(total) if offset == _NOWHERE else file.pread(total, offset)
            done = _deliver(task, file, pairs, 0, data, offset)
        else:
            done = _read_much(task, file, pairs, total, offset)
    except LinuxError as error:
        if error.errno != _EAGAIN or not waits:
            raise
        return _read_later(task, file, pairs, min(total, STREAM_CHUNK), offset)
    if events.hooks and done:
        _accessed(file)
    return done


def _deliver(task: Task, file: OpenFile, pairs: Pairs, skip: int, data: bytes, offset: int) -> int:
    if not data:
        return 0
    if len(pairs) == 1 and not skip:
        try:
            done = task.memory.write_some(pairs[0][0], data)
        except LinuxError:
            done = 0
    else:
        done = scatter(task.memory, pairs, skip, data)
    if done < len(data):
        if offset == _NOWHERE and file.seekable:
            file.offset -= len(data) - done
        if not done and not skip:
            raise LinuxError(_EFAULT)
    return done


def _read_much(task: Task, file: OpenFile, pairs: Pairs, total: int, offset: int) -> int:
    """More than is held at a time: piece by piece as long as the file has it; a stream gives one piece."""
    if not file.seekable:
        data = file.read(STREAM_CHUNK)
        return _deliver(task, file, pairs, 0, data, offset)
    done = 0
    while done < total:
        wanted = min(total - done, FILE_CHUNK)
        try:
            data = file.read(wanted) if offset == _NOWHERE else file.pread(wanted, offset + done)
        except LinuxError:
            if done:
                break
            raise
        got = _deliver(task, file, pairs, done, data, offset)
        done += got
        if got < wanted:
            break
    return done


async def _until_ready(task: Task, file: OpenFile, timeout: int | None) -> None:
    """One wait of a call that tries again; timeout: ns in all, of a socket (SO_RCVTIMEO, SO_SNDTIMEO).

    A call with a time-out is not restarted after a handler ran (socket(7)); where none ran, the kernel makes the call
    again, which then keeps its deadline. Raises: EAGAIN (timed out), Interrupted.
    """
    if timeout is None:
        await wait_for(file.queue)
        return
    deadline = task.restart_deadline
    if deadline is None:
        deadline = task.restart_deadline = task.kernel.now() + timeout
    if await wait_for(file.queue, deadline=deadline, no_hand=True) == TIMED_OUT:
        raise LinuxError(_EAGAIN)


async def _read_later(task: Task, file: OpenFile, pairs: Pairs, total: int, offset: int) -> int:
    timeout = file.receive_timeout if isinstance(file, Socket) else None
    file.acquire()
    try:
        while True:
            try:
                await _until_ready(task, file, timeout)
            except LinuxError:
                task.restart_deadline = None
                raise
            try:
                data = file.read(total) if offset == _NOWHERE else file.pread(total, offset)
            except LinuxError as error:
                if error.errno == _EAGAIN:
                    continue
                raise
            if timeout is not None:
                task.restart_deadline = None
            done = _deliver(task, file, pairs, 0, data, offset)
            if events.hooks and done:
                _accessed(file)
            return done
    finally:
        file.drop()


# -- writing --
def _write_host(task: Task, file: OpenFile, address: int, count: int, offset: int) -> int:
    """Writes count > 0 bytes of memory into a file that has a host descriptor: bytes written."""
    if offset + count > task.process.limits[RLIMIT_FSIZE][0] or offset + count > MAX_OFFSET:
        count = check_writes(task, offset, count)
    if not task.credentials.effective & _SETS_ID:
        remove_privileges(task, file.inode)
    host = file.prepare_write(offset, count)
    if host < 0:
        return file.pwrite(task.memory.read_some(address, min(count, FILE_CHUNK)), offset)
    done = task.kernel.platform.copy_in_to_file(task.memory.host_tid, address, count, host, offset)
    if done < 0:
        file.wrote(offset, 0)
        raise LinuxError(-done)
    file.wrote(offset, done)
    if events.hooks and file.path is not None:
        events.notify_path(file.path, events.IN_MODIFY)
    return done


def write_pairs(
    task: Task, file: OpenFile, pairs: Pairs, waits: bool, offset: int = _NOWHERE, silent: bool = False
) -> Result:
    """Writes the pieces at offset, or at the description's own (O_APPEND: at the end); the access mode was checked.

    silent: EPIPE without SIGPIPE.
    """
    if file.host_fd < 0:
        return _write(task, file, pairs, waits, offset, silent)
    if offset != _NOWHERE:
        place = offset
    elif file.flags & _APPEND:
        place = file.attributes().size
    else:
        place = file.offset
    done = 0
    for address, length in pairs:
        if length:
            try:
                written = _write_host(task, file, address, length, place + done)
            except LinuxError:
                if done:
                    break
                raise
            done += written
            if written < length:
                break
    if offset == _NOWHERE and done:
        file.offset = place + done
    return done


def _write(
    task: Task, file: OpenFile, pairs: Pairs, waits: bool, offset: int = _NOWHERE, silent: bool = False
) -> Result:
    """Writes to a file that has no host descriptor; hands back a coroutine if that has to wait or to go on."""
    total = sum([length for _, length in pairs])
    if file.discards:
        return total
    seekable = file.seekable
    if seekable and total:
        place = offset
        if offset == _NOWHERE:
            place = file.attributes().size if file.flags & _APPEND else file.offset
        if stat.S_ISREG(file.attributes().mode):
            total = check_writes(task, place, total)
            if not task.credentials.effective & _SETS_ID:
                remove_privileges(task, file.inode)
    done = 0
    try:
        data = gather(task.memory, pairs, 0, min(total, _chunk(file, seekable))) if total else b""
    except LinuxError:
        if not isinstance(file, PipeFile) or file.pipe.readers:
            raise
        data = b"\0"  # a pipe without readers is noticed before a bad address
    try:
        done = file.write(data) if offset == _NOWHERE else file.pwrite(data, offset)
    except LinuxError as error:
        if error.errno == _EPIPE and not silent:
            broken_pipe(task, file)
        if error.errno != _EAGAIN or not waits:
            raise
    if done and events.hooks and file.path is not None:
        events.notify_path(file.path, events.IN_MODIFY)
    if done == total or (done and (not waits or not _goes_on(file))):
        return done
    return _write_later(task, file, pairs, total, data, done, offset, silent)


def _chunk(file: OpenFile, seekable: bool) -> int:
    """How much is tried at a time: a message as a whole (more than any socket takes is EMSGSIZE), a stream in parts."""
    if isinstance(file, Socket) and not file.stream:
        return _MESSAGE_CHUNK
    return FILE_CHUNK if seekable else STREAM_CHUNK


def _goes_on(file: OpenFile) -> bool:
    """Does a blocking write of this file go on until all is written? An eventfd's or a directory's does not."""
    return stat.S_IFMT(file.attributes().mode) in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR)


async def _write_later(
    task: Task, file: OpenFile, pairs: Pairs, total: int, data: bytes, done: int, offset: int, silent: bool
) -> int:
    """The rest of a write, of which data is in hand and done bytes are written."""
    file.acquire()
    try:
        left = memoryview(data)[done:]
        limit = _chunk(file, file.seekable)
        timeout = file.send_timeout if isinstance(file, Socket) else None
        written = 0
        while True:
            if not left:
                if done >= total:
                    return done
                left = memoryview(gather(task.memory, pairs, done, min(total - done, limit)))
            try:
                written = file.write(left) if offset == _NOWHERE else file.pwrite(left, offset + done)
            except LinuxError as error:
                if error.errno != _EAGAIN:
                    raise
                await _until_ready(task, file, timeout)
                continue
            if timeout is not None:
                task.restart_deadline = None
            done += written
            left = left[written:]
            if events.hooks and file.path is not None:
                events.notify_path(file.path, events.IN_MODIFY)
            if left and not _goes_on(file):
                return done
    except LinuxError as error:
        task.restart_deadline = None
        if error.errno == _EPIPE and not silent:
            broken_pipe(task, file)
        if done:
            return done
        raise
    except Interrupted:
        if done:
            task.restart_deadline = None
            return done
        raise
    finally:
        file.drop()


def broken_pipe(task: Task, file: OpenFile) -> None:
    """SIGPIPE to the thread that wrote to a stream whose reader is gone."""
    if not isinstance(file, Socket) or file.stream:
        task.kernel.send_thread_signal(task, SIGPIPE)


def _accessed(file: OpenFile) -> None:
    if file.path is not None:
        events.notify_path(file.path, events.IN_ACCESS)
