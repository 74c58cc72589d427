# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""access, chmod, chown, utime and their families. The rules are in sentry/vfs/permission.py.

Source: fs/open.c, fs/utimes.c; access(2), chmod(2), chown(2), utimensat(2).
"""

from __future__ import annotations

import errno
import time

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW
from sentry.abi.stat import NS, TIMESPEC_PAIR, TIMEVAL_PAIR, UTIMBUF, UTIME_NOW, UTIME_OMIT
from sentry.vfs import permission
from syscalls.helpers import find, place_of
from syscalls.table import AccessMode, Address, AtFlags, Fd, Mode, PathAddress, Uid, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

_SECBIT_NO_SETUID_FIXUP = 4
_LINK_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH


# -- access --
@syscall(21)
def access(task: Task, path: PathAddress, mode: AccessMode) -> int:
    """access(2): with the real ids. Raises: EINVAL, EACCES, EROFS, and as path resolution."""
    return _access(task, AT_FDCWD, path, mode, 0)


@syscall(269)
def faccessat(task: Task, dirfd: Fd, path: PathAddress, mode: AccessMode) -> int:
    """faccessat(2) without flags. Raises: as access, EBADF, ENOTDIR."""
    return _access(task, dirfd, path, mode, 0)


@syscall(439)
def faccessat2(task: Task, dirfd: Fd, path: PathAddress, mode: AccessMode, flags: AtFlags) -> int:
    """faccessat2(2). Raises: as faccessat."""
    return _access(task, dirfd, path, mode, flags)


def _access(task: Task, dirfd: int, address: int, mode: int, flags: int) -> int:
    if mode & ~7 or flags & ~(AT_EACCESS | _LINK_FLAGS):
        raise LinuxError(errno.EINVAL)
    effective = task.credentials
    tested = effective
    if not flags & AT_EACCESS:
        capabilities = effective.effective
        if not effective.securebits & _SECBIT_NO_SETUID_FIXUP:
            capabilities = effective.permitted if effective.uid == 0 else 0
        if (effective.uid, effective.gid, effective.effective) != (effective.fsuid, effective.fsgid, capabilities):
            tested = effective.with_(fsuid=effective.uid, fsgid=effective.gid, effective=capabilities)
    name = task.memory.path(address)
    # Path resolution too is done with the real ids (access_override_creds of fs/open.c).
    task.credentials = tested
    try:
        place = find(task, dirfd, name, not flags & AT_SYMLINK_NOFOLLOW, flags)
        permission.access(tested, place, mode)
    finally:
        task.credentials = effective
    return 0


# -- chmod --
@syscall(90)
def chmod(task: Task, path: PathAddress, mode: Mode) -> int:
    """chmod(2). Raises: EPERM, EROFS, and as path resolution."""
    permission.change_mode(task, find(task, AT_FDCWD, task.memory.path(path)), mode)
    return 0


@syscall(91)
def fchmod(task: Task, fd: Fd, mode: Mode) -> int:
    """fchmod(2). Raises: EBADF, EPERM, EROFS."""
    permission.change_mode(task, place_of(task.files.opened(fd)), mode)
    return 0


@syscall(268)
def fchmodat(task: Task, dirfd: Fd, path: PathAddress, mode: Mode) -> int:
    """fchmodat(2) without flags. Raises: as chmod, EBADF, ENOTDIR."""
    permission.change_mode(task, find(task, dirfd, task.memory.path(path)), mode)
    return 0


@syscall(452)
def fchmodat2(task: Task, dirfd: Fd, path: PathAddress, mode: Mode, flags: AtFlags) -> int:
    """fchmodat2(2). Raises: as fchmodat, EINVAL, EOPNOTSUPP (a symbolic link)."""
    permission.change_mode(task, _find_flagged(task, dirfd, path, flags), mode)
    return 0


def _find_flagged(task: Task, dirfd: int, address: int, flags: int) -> Path:
    if flags & ~_LINK_FLAGS:
        raise LinuxError(errno.EINVAL)
    return find(task, dirfd, task.memory.path(address), not flags & AT_SYMLINK_NOFOLLOW, flags)


# -- chown --
@syscall(92)
def chown(task: Task, path: PathAddress, uid: Uid, gid: Uid) -> int:
    """chown(2). Raises: EPERM, EROFS, and as path resolution."""
    permission.change_owner(task, find(task, AT_FDCWD, task.memory.path(path)), uid, gid)
    return 0


@syscall(93)
def fchown(task: Task, fd: Fd, uid: Uid, gid: Uid) -> int:
    """fchown(2). Raises: EBADF, EPERM, EROFS."""
    permission.change_owner(task, place_of(task.files.opened(fd)), uid, gid)
    return 0


@syscall(94)
def lchown(task: Task, path: PathAddress, uid: Uid, gid: Uid) -> int:
    """lchown(2). Raises: as chown."""
    permission.change_owner(task, find(task, AT_FDCWD, task.memory.path(path), False), uid, gid)
    return 0


@syscall(260)
def fchownat(task: Task, dirfd: Fd, path: PathAddress, uid: Uid, gid: Uid, flags: AtFlags) -> int:
    """fchownat(2). Raises: as chown, EBADF, ENOTDIR, EINVAL."""
    permission.change_owner(task, _find_flagged(task, dirfd, path, flags), uid, gid)
    return 0


# -- times --
Times = tuple[int | None, int | None] | None


@syscall(132)
def utime(task: Task, path: PathAddress, times: Address) -> int:
    """utime(2): seconds. Raises: EFAULT, EACCES, EPERM, EROFS, and as path resolution."""
    wanted: Times = None
    if times:
        accessed, modified = task.memory.unpack(UTIMBUF, times)
        wanted = (accessed * NS, modified * NS)
    permission.set_times(task, find(task, AT_FDCWD, task.memory.path(path)), wanted)
    return 0


@syscall(235)
def utimes(task: Task, path: PathAddress, times: Address) -> int:
    """utimes(2): microseconds. Raises: as utime, EINVAL."""
    return _futimesat(task, AT_FDCWD, path, times)


@syscall(261)
def futimesat(task: Task, dirfd: Fd, path: PathAddress, times: Address) -> int:
    """futimesat(2): microseconds; a null path is dirfd itself. Raises: as utimes, EBADF."""
    return _futimesat(task, dirfd, path, times)


def _futimesat(task: Task, dirfd: int, path: int, times: int) -> int:
    wanted: Times = None
    if times:
        seconds, micros, seconds2, micros2 = task.memory.unpack(TIMEVAL_PAIR, times)
        if not (0 <= micros < 1_000_000 and 0 <= micros2 < 1_000_000):
            raise LinuxError(errno.EINVAL)
        wanted = (seconds * NS + micros * 1000, seconds2 * NS + micros2 * 1000)
    permission.set_times(task, _timed(task, dirfd, path, 0), wanted)
    return 0


@syscall(280)
def utimensat(task: Task, dirfd: Fd, path: PathAddress, times: Address, flags: AtFlags) -> int:
    """utimensat(2): nanoseconds, UTIME_NOW, UTIME_OMIT; a null path is dirfd itself.

    Raises: EFAULT, EINVAL, EBADF, EACCES, EPERM, EROFS, and as path resolution.
    """
    wanted: Times = None
    if times:
        seconds, nanos, seconds2, nanos2 = task.memory.unpack(TIMESPEC_PAIR, times)
        if nanos == UTIME_OMIT and nanos2 == UTIME_OMIT:
            return 0
        if nanos == UTIME_NOW and nanos2 == UTIME_NOW:
            wanted = None
        else:
            now = time.time_ns()
            wanted = (_time(seconds, nanos, now), _time(seconds2, nanos2, now))
    permission.set_times(task, _timed(task, dirfd, path, flags), wanted)
    return 0


def _time(seconds: int, nanos: int, now: int) -> int | None:
    if nanos == UTIME_OMIT:
        return None
    if nanos == UTIME_NOW:
        return now
    if not 0 <= nanos < NS:
        raise LinuxError(errno.EINVAL)
    return seconds * NS + nanos


def _timed(task: Task, dirfd: int, address: int, flags: int) -> Path:
    if not address and dirfd != AT_FDCWD:
        if flags & ~AT_EMPTY_PATH:
            raise LinuxError(errno.EINVAL)
        return place_of(task.files.opened(dirfd))
    return _find_flagged(task, dirfd, address, flags)
