# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Names of files: mknod, link, symlink, readlink, unlink, rename. The work is done by sentry/vfs/namei.py.

Paths are read before descriptors are looked at, and in the order of the arguments, as getname() of fs/namei.c does.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW
from sentry.kernel.credentials import CAP_DAC_READ_SEARCH
from sentry.vfs import namei
from syscalls.helpers import base_of, find
from syscalls.table import Address, AtFlags, Fd, Flags, Int, Mode, PathAddress, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task


# -- mknod --
@syscall(133)
def mknod(task: Task, path: PathAddress, mode: Mode, device: UInt) -> int:
    """mknod(2). Raises: EEXIST, EPERM, EINVAL, EACCES, EROFS, and as path resolution."""
    return mknodat(task, AT_FDCWD, path, mode, device)


@syscall(259)
def mknodat(task: Task, dirfd: Fd, path: PathAddress, mode: Mode, device: UInt) -> int:
    """mknodat(2). Raises: as mknod, EBADF, ENOTDIR."""
    # new_decode_dev(): twelve bits of major number between the minor's.
    rdev = os.makedev(device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00)
    name = task.memory.path(path)
    namei.mknod(task, base_of(task, dirfd, name), name, mode, rdev)
    return 0


# -- links --
@syscall(86)
def link(task: Task, old: PathAddress, new: PathAddress) -> int:
    """link(2). Raises: EEXIST, EXDEV, EPERM, EMLINK, EACCES, EROFS, and as path resolution."""
    return linkat(task, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall(265)
def linkat(task: Task, old_dirfd: Fd, old: PathAddress, new_dirfd: Fd, new: PathAddress, flags: AtFlags) -> int:
    """linkat(2). Raises: as link, EINVAL, EBADF, ENOTDIR, ENOENT (AT_EMPTY_PATH without CAP_DAC_READ_SEARCH)."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise LinuxError(errno.EINVAL)
    memory = task.memory
    old_name = memory.path(old)
    new_name = memory.path(new)
    if not old_name and flags & AT_EMPTY_PATH and not task.credentials.has(CAP_DAC_READ_SEARCH):
        raise LinuxError(errno.ENOENT)
    place = find(task, old_dirfd, old_name, bool(flags & AT_SYMLINK_FOLLOW), flags)
    namei.link(task, place, base_of(task, new_dirfd, new_name), new_name)
    return 0


@syscall(88)
def symlink(task: Task, target: PathAddress, path: PathAddress) -> int:
    """symlink(2). Raises: ENOENT (an empty target), EEXIST, EACCES, EROFS, and as path resolution."""
    return symlinkat(task, target, AT_FDCWD, path)


@syscall(266)
def symlinkat(task: Task, target: PathAddress, dirfd: Fd, path: PathAddress) -> int:
    """symlinkat(2). Raises: as symlink, EBADF, ENOTDIR."""
    memory = task.memory
    text = memory.path(target)
    if not text:
        raise LinuxError(errno.ENOENT)
    name = memory.path(path)
    namei.symlink(task, text, base_of(task, dirfd, name), name)
    return 0


@syscall(89)
def readlink(task: Task, path: PathAddress, buffer: Address, size: Int) -> int:
    """readlink(2): bytes, cut to size. Raises: EINVAL (no link, no room), EFAULT, and as path resolution."""
    return readlinkat(task, AT_FDCWD, path, buffer, size)


@syscall(267)
def readlinkat(task: Task, dirfd: Fd, path: PathAddress, buffer: Address, size: Int) -> int:
    """readlinkat(2); an empty path is dirfd itself. Raises: as readlink, EBADF, ENOTDIR, ENOENT."""
    if size <= 0:
        raise LinuxError(errno.EINVAL)
    name = task.memory.path(path)
    place = find(task, dirfd, name, False, 0 if name or dirfd == AT_FDCWD else AT_EMPTY_PATH)
    if place.dentry.kind != stat.S_IFLNK:
        raise LinuxError(errno.EINVAL if name else errno.ENOENT)
    target = place.inode.readlink(task)[:size]
    task.memory.write(buffer, target)
    return len(target)


# -- removing --
@syscall(87)
def unlink(task: Task, path: PathAddress) -> int:
    """unlink(2). Raises: EISDIR, EBUSY, EACCES, EPERM, EROFS, and as path resolution."""
    name = task.memory.path(path)
    namei.unlink(task, base_of(task, AT_FDCWD, name), name)
    return 0


@syscall(263)
def unlinkat(task: Task, dirfd: Fd, path: PathAddress, flags: AtFlags) -> int:
    """unlinkat(2), rmdir with AT_REMOVEDIR. Raises: as unlink and rmdir, EINVAL, EBADF, ENOTDIR."""
    if flags & ~AT_REMOVEDIR:
        raise LinuxError(errno.EINVAL)
    name = task.memory.path(path)
    remove = namei.rmdir if flags else namei.unlink
    remove(task, base_of(task, dirfd, name), name)
    return 0


# -- renaming --
@syscall(82)
def rename(task: Task, old: PathAddress, new: PathAddress) -> int:
    """rename(2). Raises: EXDEV, EINVAL, ENOTEMPTY, EISDIR, ENOTDIR, EBUSY, EACCES, EPERM, EROFS, and more."""
    return renameat2(task, AT_FDCWD, old, AT_FDCWD, new, 0)


@syscall(264)
def renameat(task: Task, old_dirfd: Fd, old: PathAddress, new_dirfd: Fd, new: PathAddress) -> int:
    """renameat(2). Raises: as rename, EBADF."""
    return renameat2(task, old_dirfd, old, new_dirfd, new, 0)


@syscall(316)
def renameat2(task: Task, old_dirfd: Fd, old: PathAddress, new_dirfd: Fd, new: PathAddress, flags: Flags) -> int:
    """renameat2(2), with RENAME_NOREPLACE and RENAME_EXCHANGE. Raises: as renameat, EEXIST, EINVAL (WHITEOUT)."""
    memory = task.memory
    old_name = memory.path(old)
    new_name = memory.path(new)
    namei.rename(
        task, base_of(task, old_dirfd, old_name), old_name, base_of(task, new_dirfd, new_name), new_name, flags
    )
    return 0
