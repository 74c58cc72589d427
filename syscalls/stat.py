# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""stat and statfs in all their forms. Source: fs/stat.c, fs/statfs.c; stat(2), statx(2), statfs(2)."""

from __future__ import annotations

import errno
import os

from sentry.abi import stat as abi
from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
)
from sentry.vfs.mounts import MS_NOATIME, MS_NODEV, MS_NODIRATIME, MS_NOEXEC, MS_NOSUID, MS_RDONLY
from sentry.vfs.walk import resolve
from syscalls.helpers import find, place_of
from syscalls.table import STUB, Address, AtFlags, Fd, Flags, PathAddress, Size, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.filesystem import Filesystem
    from sentry.vfs.path import Path

_NS = abi.NS
_pack = abi.STAT.pack


def pack_stat(a: Attributes) -> bytes:
    """struct stat."""
    atime, mtime, ctime = a.atime, a.mtime, a.ctime
    return _pack(
        a.dev, a.ino, a.nlink, a.mode, a.uid, a.gid, 0, a.rdev, a.size, a.blksize, a.blocks,
        atime // _NS, atime % _NS, mtime // _NS, mtime % _NS, ctime // _NS, ctime % _NS,
    )  # fmt: skip


@syscall(4)
def stat(task: Task, path: PathAddress, buffer: Address) -> int:
    """stat(2). Raises: as path resolution, EFAULT."""
    memory = task.memory
    place = resolve(task, task.fs.cwd, memory.path(path))
    memory.write(buffer, pack_stat(place.inode.attributes()))
    return 0


@syscall(6)
def lstat(task: Task, path: PathAddress, buffer: Address) -> int:
    """lstat(2). Raises: as path resolution, EFAULT."""
    memory = task.memory
    place = resolve(task, task.fs.cwd, memory.path(path), False)
    memory.write(buffer, pack_stat(place.inode.attributes()))
    return 0


@syscall(5)
def fstat(task: Task, fd: Fd, buffer: Address) -> int:
    """fstat(2). Raises: EBADF, EFAULT."""
    task.memory.write(buffer, pack_stat(task.files.get(fd).attributes()))
    return 0


@syscall(262)
def newfstatat(task: Task, dirfd: Fd, path: PathAddress, buffer: Address, flags: AtFlags) -> int:
    """fstatat(2). Raises: EINVAL, EBADF, ENOTDIR, EFAULT, and as path resolution."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH):
        raise LinuxError(errno.EINVAL)
    attributes, _ = _attributes(task, dirfd, path, flags)
    task.memory.write(buffer, pack_stat(attributes))
    return 0


def _attributes(task: Task, dirfd: int, address: int, flags: int) -> tuple[Attributes, Path | None]:
    """What dirfd and the path at address name; a null path is an empty one with AT_EMPTY_PATH (since Linux 6.11)."""
    name = b"" if not address and flags & AT_EMPTY_PATH else task.memory.path(address)
    if not name and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD:
        file = task.files.get(dirfd)
        return file.attributes(), file.path
    place = find(task, dirfd, name, not flags & AT_SYMLINK_NOFOLLOW, flags)
    return place.inode.attributes(), place


@syscall(332)
def statx(task: Task, dirfd: Fd, path: PathAddress, flags: AtFlags, mask: Flags, buffer: Address) -> int:
    """statx(2): the basic fields, the birth time and the mount's id. Raises: EINVAL, and as newfstatat."""
    if mask & abi.STATX_RESERVED or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE:
        raise LinuxError(errno.EINVAL)
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE):
        raise LinuxError(errno.EINVAL)
    a, place = _attributes(task, dirfd, path, flags)
    filled = abi.STATX_BASIC_STATS
    if a.btime:
        filled |= abi.STATX_BTIME
    mount_id = marks = 0
    if place is not None:
        filled |= abi.STATX_MNT_ID
        mount_id = place.mount.id
        if place.dentry is place.mount.root:
            marks = abi.STATX_ATTR_MOUNT_ROOT
    times = [part for time in (a.atime, a.btime, a.ctime, a.mtime) for part in (time // _NS, time % _NS)]
    task.memory.write(
        buffer,
        abi.STATX.pack(
            filled, a.blksize, marks, a.nlink, a.uid, a.gid, a.mode, 0, a.ino, a.size, a.blocks,
            abi.STATX_ATTR_MOUNT_ROOT, *times,
            os.major(a.rdev), os.minor(a.rdev), os.major(a.dev), os.minor(a.dev), mount_id,
        ),
    )  # fmt: skip
    return 0


# -- statfs --
# The flags of a mount as statfs(2) shows them (calculate_f_flags of fs/statfs.c).
_SHOWN = (
    (MS_RDONLY, 1), (MS_NOSUID, 2), (MS_NODEV, 4), (MS_NOEXEC, 8), (MS_NOATIME, 0x400), (MS_NODIRATIME, 0x800),
)  # fmt: skip
_ST_RELATIME = 0x1000


def _pack_statfs(filesystem: Filesystem, flags: int) -> bytes:
    status = filesystem.status()
    shown = abi.ST_VALID
    for flag, seen in _SHOWN:
        if flags & flag:
            shown |= seen
    if not flags & MS_NOATIME:
        shown |= _ST_RELATIME
    return abi.STATFS.pack(
        status.magic, status.block_size, status.blocks, status.blocks_free, status.blocks_free, status.files,
        status.files_free, filesystem.dev & 0x7FFFFFFF, 0, status.name_max, status.block_size, shown,
    )  # fmt: skip


@syscall(137)
def statfs(task: Task, path: PathAddress, buffer: Address) -> int:
    """statfs(2). Raises: as path resolution, EFAULT."""
    place = resolve(task, task.fs.cwd, task.memory.path(path))
    task.memory.write(buffer, _pack_statfs(place.mount.filesystem, place.mount.flags))
    return 0


@syscall(138)
def fstatfs(task: Task, fd: Fd, buffer: Address) -> int:
    """fstatfs(2). Raises: EBADF, EFAULT."""
    place = place_of(task.files.get(fd))
    task.memory.write(buffer, _pack_statfs(place.mount.filesystem, place.mount.flags))
    return 0


@syscall(136, support=STUB, note="ENOSYS: statfs(2) does it")
def ustat(task: Task, device: UInt, buffer: Address) -> int:
    """ustat(2)."""
    raise LinuxError(errno.ENOSYS)


@syscall(468, support=STUB, note="ENOSYS: no file system has these attributes")
def file_getattr(task: Task, dirfd: Fd, path: PathAddress, buffer: Address, size: Size, flags: AtFlags) -> int:
    """file_getattr(2)."""
    raise LinuxError(errno.ENOSYS)


@syscall(469, support=STUB, note="ENOSYS: no file system has these attributes")
def file_setattr(task: Task, dirfd: Fd, path: PathAddress, buffer: Address, size: Size, flags: AtFlags) -> int:
    """file_setattr(2)."""
    raise LinuxError(errno.ENOSYS)
