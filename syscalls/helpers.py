# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What many file calls do first: find where a path begins, the file that is named, a free descriptor."""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import AT_EMPTY_PATH, AT_FDCWD, MAX_OFFSET
from sentry.abi.signals import SIGXFSZ
from sentry.vfs.path import Dentry, Mount, Path
from sentry.vfs.walk import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

RLIMIT_FSIZE = 1
RLIMIT_NOFILE = 7


def base_of(task: Task, dirfd: int, path: bytes) -> Path:
    """Where path begins: the working directory, or what a descriptor (any kind, O_PATH too) was opened at.

    Raises: ENOENT (an empty path, before the descriptor is looked at), EBADF, ENOTDIR (a descriptor without a place;
    a place that is no directory is found by path resolution).
    """
    if dirfd == AT_FDCWD or path[:1] == b"/":
        return task.fs.cwd
    if not path:
        raise LinuxError(errno.ENOENT)
    place = task.files.get(dirfd).path
    if place is None:
        raise LinuxError(errno.ENOTDIR)
    return place


def find(task: Task, dirfd: int, path: bytes, follow: bool = True, at_flags: int = 0) -> Path:
    """The existing file that dirfd and path name; an empty path is dirfd itself if at_flags have AT_EMPTY_PATH.

    Raises: as base_of() and resolve().
    """
    if path or not at_flags & AT_EMPTY_PATH:
        return resolve(task, base_of(task, dirfd, path), path, follow)
    if dirfd == AT_FDCWD:
        return task.fs.cwd
    return place_of(task.files.get(dirfd))


def place_of(file: OpenFile) -> Path:
    """Where file was opened. For a file without a name (a pipe, a socket) a place outside of every tree, so that the
    calls on attributes need not tell them apart."""
    place = file.path
    if place is None:
        inode = file.inode
        dentry = Dentry(b"", None, inode)
        place = Path(Mount(0, inode.filesystem, dentry, None, None, 0), dentry)
    return place


def descriptor_limit(task: Task) -> int:
    """RLIMIT_NOFILE: descriptors must be below it."""
    return task.process.limits[RLIMIT_NOFILE][0]


def check_descriptor_left(task: Task) -> None:
    """Is a number free for one more descriptor? For calls that must know before they change things. Raises: EMFILE."""
    limit = task.process.limits[RLIMIT_NOFILE][0]
    files = task.files
    # Descriptors beyond the limit (it was lowered) leave a free number below it: only then it is worth a search.
    if len(files) >= limit and all(fd in files for fd in range(limit)):
        raise LinuxError(errno.EMFILE)


def install(task: Task, file: OpenFile, close_on_exec: bool) -> int:
    """The lowest free descriptor for a new file, whose reference it takes. Raises: EMFILE; the file is dropped then."""
    try:
        return task.files.allocate(file, task.process.limits[RLIMIT_NOFILE][0], 0, close_on_exec)
    except LinuxError:
        file.drop()
        raise


def check_writes(task: Task, offset: int, count: int) -> int:
    """How much of a write to a regular file RLIMIT_FSIZE and the largest offset allow (generic_write_checks).

    Raises: EFBIG if nothing, with SIGXFSZ for the limit.
    """
    limit = task.process.limits[RLIMIT_FSIZE][0]
    if offset + count > limit:
        if offset >= limit:
            task.kernel.send_thread_signal(task, SIGXFSZ)
            raise LinuxError(errno.EFBIG)
        count = limit - offset
    if offset + count > MAX_OFFSET:
        if offset >= MAX_OFFSET:
            raise LinuxError(errno.EFBIG)
        count = MAX_OFFSET - offset
    return count
