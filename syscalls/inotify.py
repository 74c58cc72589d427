# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch."""

from __future__ import annotations

import errno
import os

from sentry.abi import inotify as abi
from sentry.abi.errors import LinuxError
from sentry.fs.inotify import InotifyFile
from sentry.vfs import permission
from sentry.vfs.anonymous import install
from sentry.vfs.walk import resolve
from syscalls.table import Fd, Flags, Int, PathAddress, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task


def _instance(task: Task, fd: int) -> InotifyFile:
    file = task.files.opened(fd)
    if not isinstance(file, InotifyFile):
        raise LinuxError(errno.EINVAL)
    return file


@syscall(253)
def inotify_init(task: Task) -> int:
    """inotify_init(2): a descriptor.

    Raises: EMFILE.
    """
    return install(task, InotifyFile(), 0)


@syscall(294)
def inotify_init1(task: Task, flags: Flags) -> int:
    """inotify_init1(2): a descriptor. flags: IN_CLOEXEC, IN_NONBLOCK.

    Raises: EINVAL, EMFILE.
    """
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise LinuxError(errno.EINVAL)
    return install(task, InotifyFile(flags), flags)


@syscall(254)
def inotify_add_watch(task: Task, fd: Fd, path: PathAddress, mask: Flags) -> int:
    """inotify_add_watch(2): the watch's number.

    Raises: EINVAL, EBADF, EACCES, EEXIST, ENOSPC, ENOTDIR (IN_ONLYDIR), and as path resolution.
    """
    if not mask & abi.ALL_BITS:
        raise LinuxError(errno.EINVAL)
    if mask & abi.IN_MASK_ADD and mask & abi.IN_MASK_CREATE:
        raise LinuxError(errno.EINVAL)
    instance = _instance(task, fd)
    place = resolve(task, task.fs.cwd, task.memory.path(path), not mask & abi.IN_DONT_FOLLOW)
    inode = place.inode
    if mask & abi.IN_ONLYDIR and not place.dentry.is_directory:
        raise LinuxError(errno.ENOTDIR)
    permission.check(task.credentials, inode, permission.MAY_READ)
    return instance.add(inode, mask)


@syscall(255)
def inotify_rm_watch(task: Task, fd: Fd, wd: Int) -> int:
    """inotify_rm_watch(2).

    Raises: EBADF, EINVAL.
    """
    _instance(task, fd).remove(wd)
    return 0
