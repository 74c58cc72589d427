# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A file's size and position, and how it reaches the disk: lseek, truncate, fallocate, fsync, and advice about reading.

Source: fs/read_write.c, fs/open.c, fs/sync.c, mm/fadvise.c; checks compared with native runs.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi import fcntl as abi
from sentry.abi.errors import LinuxError
from sentry.vfs import events, permission
from sentry.vfs.walk import resolve
from syscalls.helpers import base_of
from syscalls.table import PARTIAL, Fd, Flags, Int, Offset, PathAddress, Size, Whence, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

_SEEK_MAX = 4


@syscall(8)
def lseek(task: Task, fd: Fd, offset: Offset, whence: Whence) -> int:
    """lseek(2): the new offset in bytes. Raises: EBADF, EINVAL, ESPIPE, ENXIO, EOVERFLOW."""
    file = task.files.opened(fd)
    if whence > _SEEK_MAX:
        raise LinuxError(errno.EINVAL)
    return file.seek(offset, whence)


# -- size --
@syscall(76)
def truncate(task: Task, path: PathAddress, size: Offset) -> int:
    """truncate(2). Raises: EINVAL, EISDIR, EACCES, EROFS, EFBIG, and as path resolution."""
    if size < 0:
        raise LinuxError(errno.EINVAL)
    name = task.memory.path(path)
    permission.truncate(task, resolve(task, base_of(task, abi.AT_FDCWD, name), name), size)
    return 0


@syscall(77)
def ftruncate(task: Task, fd: Fd, size: Offset) -> int:
    """ftruncate(2). Raises: EINVAL, EBADF, EFBIG, EPERM (seals)."""
    if size < 0:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if not stat.S_ISREG(file.attributes().mode) or not file.writable:
        raise LinuxError(errno.EINVAL)
    permission.check_size(task, size)
    permission.remove_privileges(task, file.inode)
    file.truncate(size)
    _modified(file)
    return 0


def _modified(file: OpenFile) -> None:
    if events.hooks and file.path is not None:
        events.notify_path(file.path, events.IN_MODIFY)


_FALLOCATE = (
    abi.FALLOC_FL_KEEP_SIZE | abi.FALLOC_FL_PUNCH_HOLE | abi.FALLOC_FL_COLLAPSE_RANGE | abi.FALLOC_FL_ZERO_RANGE
    | abi.FALLOC_FL_INSERT_RANGE | abi.FALLOC_FL_UNSHARE_RANGE
)  # fmt: skip
_KEEPS = abi.FALLOC_FL_KEEP_SIZE
_MODES = frozenset(
    (
        0, _KEEPS, abi.FALLOC_FL_UNSHARE_RANGE, abi.FALLOC_FL_UNSHARE_RANGE | _KEEPS, abi.FALLOC_FL_ZERO_RANGE,
        abi.FALLOC_FL_ZERO_RANGE | _KEEPS, abi.FALLOC_FL_PUNCH_HOLE | _KEEPS, abi.FALLOC_FL_COLLAPSE_RANGE,
        abi.FALLOC_FL_INSERT_RANGE,
    )
)  # fmt: skip
"""Which flags of fallocate(2) go together."""


@syscall(285)
def fallocate(task: Task, fd: Fd, mode: Int, offset: Offset, size: Offset) -> int:
    """fallocate(2). Raises: EBADF, EINVAL, EOPNOTSUPP, ESPIPE, EISDIR, ENODEV, EFBIG, ENOSPC, EPERM (seals)."""
    file = task.files.opened(fd)
    if offset < 0 or size <= 0:
        raise LinuxError(errno.EINVAL)
    if mode & ~_FALLOCATE or mode not in _MODES:
        raise LinuxError(errno.EOPNOTSUPP)
    if not file.writable:
        raise LinuxError(errno.EBADF)
    kind = stat.S_IFMT(file.attributes().mode)
    if kind != stat.S_IFREG:
        raise LinuxError({stat.S_IFIFO: errno.ESPIPE, stat.S_IFDIR: errno.EISDIR}.get(kind, errno.ENODEV))
    if offset + size > abi.MAX_OFFSET:
        raise LinuxError(errno.EFBIG)
    if not mode & _KEEPS and offset + size > file.attributes().size:
        permission.check_size(task, offset + size)
    file.allocate(mode, offset, size)
    _modified(file)
    return 0


# -- to the disk --
@syscall(74)
def fsync(task: Task, fd: Fd) -> int:
    """fsync(2). Raises: EBADF, EINVAL, EIO, ENOSPC."""
    task.files.opened(fd).sync()
    return 0


@syscall(75)
def fdatasync(task: Task, fd: Fd) -> int:
    """fdatasync(2). Raises: as fsync."""
    task.files.opened(fd).sync()
    return 0


@syscall(162)
def sync(task: Task) -> int:
    """sync(2)."""
    for filesystem in {mount.filesystem for mount in task.kernel.mounts.mounts.values()}:
        filesystem.sync()
    return 0


@syscall(306)
def syncfs(task: Task, fd: Fd) -> int:
    """syncfs(2). Raises: EBADF."""
    task.files.opened(fd).inode.filesystem.sync()
    return 0


@syscall(277, support=PARTIAL, note="writes all of the file, not the range")
def sync_file_range(task: Task, fd: Fd, offset: Offset, size: Offset, flags: Flags) -> int:
    """sync_file_range(2). Raises: EBADF, EINVAL, ESPIPE."""
    file = task.files.opened(fd)
    if flags & ~abi.SYNC_FILE_RANGE_VALID or offset < 0 or size < 0 or offset + size > abi.MAX_OFFSET:
        raise LinuxError(errno.EINVAL)
    if stat.S_IFMT(file.attributes().mode) not in (stat.S_IFREG, stat.S_IFBLK, stat.S_IFDIR, stat.S_IFLNK):
        raise LinuxError(errno.ESPIPE)
    if flags:
        file.sync()
    return 0


# -- advice --
@syscall(221, support=PARTIAL, note="checked, then without effect: the host reads ahead as it likes")
def fadvise64(task: Task, fd: Fd, offset: Offset, size: Offset, advice: Int) -> int:
    """posix_fadvise(2). Raises: EBADF, ESPIPE, EINVAL."""
    file = task.files.opened(fd)
    if stat.S_ISFIFO(file.attributes().mode):
        raise LinuxError(errno.ESPIPE)
    if size < 0 or not 0 <= advice <= 5:
        raise LinuxError(errno.EINVAL)
    return 0


@syscall(187, support=PARTIAL, note="checked, then without effect")
def readahead(task: Task, fd: Fd, offset: Offset, count: Size) -> int:
    """readahead(2). Raises: EBADF, EINVAL."""
    file = task.files.opened(fd)
    if not file.readable:
        raise LinuxError(errno.EBADF)
    if not stat.S_ISREG(file.attributes().mode):
        raise LinuxError(errno.EINVAL)
    return 0
