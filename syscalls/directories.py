# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Directories: making, removing and listing them, and where paths begin (getcwd, chdir, chroot, umask).

Source: fs/readdir.c, fs/d_path.c, fs/open.c and the man page named at each.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import AT_FDCWD
from sentry.abi.stat import DIRENT, DIRENT64
from sentry.kernel.credentials import CAP_SYS_CHROOT
from sentry.vfs import namei, permission
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.permission import MAY_EXEC
from sentry.vfs.walk import resolve
from syscalls.helpers import base_of
from syscalls.table import Address, Fd, Mode, PathAddress, Size, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.path import Path


@syscall(83)
def mkdir(task: Task, path: PathAddress, mode: Mode) -> int:
    """mkdir(2). Raises: EEXIST, EACCES, EROFS, ENOSPC, and as path resolution."""
    return mkdirat(task, AT_FDCWD, path, mode)


@syscall(258)
def mkdirat(task: Task, dirfd: Fd, path: PathAddress, mode: Mode) -> int:
    """mkdirat(2). Raises: as mkdir, EBADF, ENOTDIR."""
    name = task.memory.path(path)
    namei.mkdir(task, base_of(task, dirfd, name), name, mode)
    return 0


@syscall(84)
def rmdir(task: Task, path: PathAddress) -> int:
    """rmdir(2). Raises: ENOTEMPTY, ENOTDIR, EBUSY, EINVAL, EACCES, EPERM, EROFS, and as path resolution."""
    name = task.memory.path(path)
    namei.rmdir(task, base_of(task, AT_FDCWD, name), name)
    return 0


# -- listing --
def _directory(task: Task, fd: int) -> DirectoryFile:
    file = task.files.opened(fd)
    if not isinstance(file, DirectoryFile):
        raise LinuxError(errno.ENOTDIR)
    return file


@syscall(217)
def getdents64(task: Task, fd: Fd, buffer: Address, size: UInt) -> int:
    """getdents64(2): bytes of records. Raises: EBADF, ENOTDIR, ENOENT, EINVAL (no room for one record), EFAULT."""
    file = _directory(task, fd)
    entries = file.listing(task)
    index = file.offset
    pack = DIRENT64.pack
    parts: list[bytes] = []
    used = 0
    for entry in entries[index:]:
        name = entry.name
        length = (20 + len(name) + 7) & ~7
        if used + length > size:
            if not parts:
                raise LinuxError(errno.EINVAL)
            break
        index += 1
        used += length
        parts.append(pack(entry.ino, index, length, entry.type))
        parts.append(name.ljust(length - 19, b"\0"))
    if parts:
        task.memory.write(buffer, b"".join(parts))
        file.offset = index
    return used


@syscall(78)
def getdents(task: Task, fd: Fd, buffer: Address, size: UInt) -> int:
    """getdents(2): bytes of old records. Raises: as getdents64."""
    file = _directory(task, fd)
    entries = file.listing(task)
    index = file.offset
    data = bytearray()
    for entry in entries[index:]:
        length = (20 + len(entry.name) + 7) & ~7
        if len(data) + length > size:
            if not data:
                raise LinuxError(errno.EINVAL)
            break
        index += 1
        data += DIRENT.pack(entry.ino, index, length)
        data += entry.name.ljust(length - 19, b"\0")
        data.append(entry.type)
    if data:
        task.memory.write(buffer, data)
        file.offset = index
    return len(data)


# -- where paths begin --
@syscall(79)
def getcwd(task: Task, buffer: Address, size: Size) -> int:
    """getcwd(2): bytes with the NUL. Raises: ENOENT (removed), ERANGE, EFAULT, ENAMETOOLONG."""
    name = task.fs.cwd.working_directory_name(task)
    if not name:
        raise LinuxError(errno.ENOENT)
    if len(name) >= 4096:
        raise LinuxError(errno.ENAMETOOLONG)
    if len(name) + 1 > size:
        raise LinuxError(errno.ERANGE)
    task.memory.write(buffer, name + b"\0")
    return len(name) + 1


def _enter(task: Task, place: Path) -> Path:
    if place.dentry.kind != stat.S_IFDIR:
        raise LinuxError(errno.ENOTDIR)
    permission.check(task.credentials, place.inode, MAY_EXEC)
    return place


@syscall(80)
def chdir(task: Task, path: PathAddress) -> int:
    """chdir(2). Raises: ENOTDIR, EACCES, and as path resolution."""
    task.fs.cwd = _enter(task, resolve(task, task.fs.cwd, task.memory.path(path)))
    return 0


@syscall(81)
def fchdir(task: Task, fd: Fd) -> int:
    """fchdir(2). Raises: EBADF, ENOTDIR, EACCES."""
    place = task.files.get(fd).path
    if place is None:
        raise LinuxError(errno.ENOTDIR)
    task.fs.cwd = _enter(task, place)
    return 0


@syscall(161)
def chroot(task: Task, path: PathAddress) -> int:
    """chroot(2). Raises: ENOTDIR, EACCES, EPERM, and as path resolution."""
    place = _enter(task, resolve(task, task.fs.cwd, task.memory.path(path)))
    if not task.credentials.has(CAP_SYS_CHROOT):
        raise LinuxError(errno.EPERM)
    task.fs.root = place
    return 0


@syscall(95)
def umask(task: Task, mask: Mode) -> int:
    """umask(2): the old one."""
    fs = task.fs
    old = fs.umask
    fs.umask = mask & 0o777
    return old
