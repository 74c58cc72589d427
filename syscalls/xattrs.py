# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Extended attributes, the sixteen calls. Names and permissions are checked here, values are the file systems'.

Source: fs/xattr.c, xattr(7); checks compared with native runs.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    XATTR_ARGS,
    XATTR_CREATE,
    XATTR_LIST_MAX,
    XATTR_NAME_MAX,
    XATTR_REPLACE,
    XATTR_SIZE_MAX,
)
from sentry.kernel.credentials import CAP_SYS_ADMIN
from sentry.vfs import events, permission
from sentry.vfs.permission import MAY_READ, MAY_WRITE
from syscalls.helpers import find, place_of
from syscalls.table import Address, AtFlags, Fd, Flags, PathAddress, Size, StringAddress, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.path import Path


# -- rules --
def _name(task: Task, address: int) -> bytes:
    try:
        name = task.memory.string(address, XATTR_NAME_MAX + 1)
    except LinuxError as error:
        raise LinuxError(errno.ERANGE if error.errno == errno.ENAMETOOLONG else error.errno) from None
    if not name:
        raise LinuxError(errno.ERANGE)
    return name


def _check(task: Task, place: Path, name: bytes, mask: int) -> None:
    """xattr_permission(). Raises: EROFS, EPERM, ENODATA (reading what may not be seen), EACCES, EOPNOTSUPP."""
    credentials = task.credentials
    if mask & MAY_WRITE:
        permission.check_writable_mount(place.mount)
    if name.startswith((b"security.", b"system.")):
        return
    if name.startswith(b"trusted."):
        if not credentials.has(CAP_SYS_ADMIN):
            raise LinuxError(errno.EPERM if mask & MAY_WRITE else errno.ENODATA)
        return
    if not name.startswith(b"user."):
        raise LinuxError(errno.EOPNOTSUPP)
    attributes = place.inode.attributes()
    kind = stat.S_IFMT(attributes.mode)
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise LinuxError(errno.EPERM if mask & MAY_WRITE else errno.ENODATA)
    if name == b"user.":
        raise LinuxError(errno.EINVAL)
    if (
        kind == stat.S_IFDIR
        and attributes.mode & stat.S_ISVTX
        and mask & MAY_WRITE
        and not permission.owner_or_capable(credentials, attributes)
    ):
        raise LinuxError(errno.EPERM)
    permission.check(credentials, place.inode, mask)


def _set(task: Task, locate: Callable[[], Path], name_at: int, value_at: int, size: int, flags: int) -> int:
    if flags & ~(XATTR_CREATE | XATTR_REPLACE):
        raise LinuxError(errno.EINVAL)
    name = _name(task, name_at)
    if size > XATTR_SIZE_MAX:
        raise LinuxError(errno.E2BIG)
    value = task.memory.read(value_at, size) if size else b""
    place = locate()
    _check(task, place, name, MAY_WRITE)
    place.inode.set_xattr(name, value, flags)
    events.notify_path(place, events.IN_ATTRIB)
    return 0


def _get(task: Task, locate: Callable[[], Path], name_at: int, value_at: int, size: int) -> int:
    name = _name(task, name_at)
    place = locate()
    _check(task, place, name, MAY_READ)
    value = place.inode.get_xattr(name)
    if size:
        if len(value) > size:
            raise LinuxError(errno.ERANGE)
        task.memory.write(value_at, value)
    return len(value)


def _list(task: Task, locate: Callable[[], Path], list_at: int, size: int) -> int:
    place = locate()
    names = place.inode.list_xattr()
    if not task.credentials.has(CAP_SYS_ADMIN):
        names = [name for name in names if not name.startswith(b"trusted.")]
    data = b"".join([name + b"\0" for name in names])
    if size:
        if len(data) > min(size, XATTR_LIST_MAX):
            raise LinuxError(errno.ERANGE if size < XATTR_LIST_MAX else errno.E2BIG)
        task.memory.write(list_at, data)
    return len(data)


def _remove(task: Task, locate: Callable[[], Path], name_at: int) -> int:
    name = _name(task, name_at)
    place = locate()
    _check(task, place, name, MAY_WRITE)
    place.inode.remove_xattr(name)
    events.notify_path(place, events.IN_ATTRIB)
    return 0


# -- ways to name the file --
def _by_path(task: Task, path: int, follow: bool) -> Callable[[], Path]:
    return lambda: find(task, AT_FDCWD, task.memory.path(path), follow)


def _by_fd(task: Task, fd: int) -> Callable[[], Path]:
    # The descriptor is looked up first, the other arguments after it.
    place = place_of(task.files.opened(fd))
    return lambda: place


def _at(task: Task, dirfd: int, path: int, flags: int) -> Callable[[], Path]:
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(errno.EINVAL)

    def locate() -> Path:
        name = b"" if not path and flags & AT_EMPTY_PATH else task.memory.path(path)
        return find(task, dirfd, name, not flags & AT_SYMLINK_NOFOLLOW, flags)

    return locate


# -- the calls --
@syscall(188)
def setxattr(task: Task, path: PathAddress, name: StringAddress, value: Address, size: Size, flags: Flags) -> int:
    """setxattr(2). Raises: EINVAL, ERANGE, E2BIG, EOPNOTSUPP, EPERM, EEXIST, ENODATA, ENOSPC, EROFS."""
    return _set(task, _by_path(task, path, True), name, value, size, flags)


@syscall(189)
def lsetxattr(task: Task, path: PathAddress, name: StringAddress, value: Address, size: Size, flags: Flags) -> int:
    """lsetxattr(2). Raises: as setxattr."""
    return _set(task, _by_path(task, path, False), name, value, size, flags)


@syscall(190)
def fsetxattr(task: Task, fd: Fd, name: StringAddress, value: Address, size: Size, flags: Flags) -> int:
    """fsetxattr(2). Raises: as setxattr, EBADF."""
    return _set(task, _by_fd(task, fd), name, value, size, flags)


@syscall(463)
def setxattrat(
    task: Task, dirfd: Fd, path: PathAddress, at_flags: AtFlags, name: StringAddress, arguments: Address, size: Size
) -> int:
    """setxattrat(2). Raises: as setxattr, EBADF, E2BIG."""
    value, length, flags = _arguments(task, arguments, size)
    return _set(task, _at(task, dirfd, path, at_flags), name, value, length, flags)


def _arguments(task: Task, address: int, size: int) -> tuple[int, int, int]:
    """struct xattr_args, perhaps longer than we know it (copy_struct_from_user). Raises: EINVAL, E2BIG."""
    if size < XATTR_ARGS.size:
        raise LinuxError(errno.EINVAL)
    if size > 4096:
        raise LinuxError(errno.E2BIG)
    raw = task.memory.read(address, size)
    if any(raw[XATTR_ARGS.size :]):
        raise LinuxError(errno.E2BIG)
    value, length, flags = XATTR_ARGS.unpack_from(raw)
    return value, length, flags


@syscall(191)
def getxattr(task: Task, path: PathAddress, name: StringAddress, value: Address, size: Size) -> int:
    """getxattr(2): bytes of the value. Raises: ERANGE, ENODATA, EOPNOTSUPP, EACCES, and as path resolution."""
    return _get(task, _by_path(task, path, True), name, value, size)


@syscall(192)
def lgetxattr(task: Task, path: PathAddress, name: StringAddress, value: Address, size: Size) -> int:
    """lgetxattr(2). Raises: as getxattr."""
    return _get(task, _by_path(task, path, False), name, value, size)


@syscall(193)
def fgetxattr(task: Task, fd: Fd, name: StringAddress, value: Address, size: Size) -> int:
    """fgetxattr(2). Raises: as getxattr, EBADF."""
    return _get(task, _by_fd(task, fd), name, value, size)


@syscall(464)
def getxattrat(
    task: Task, dirfd: Fd, path: PathAddress, at_flags: AtFlags, name: StringAddress, arguments: Address, size: Size
) -> int:
    """getxattrat(2). Raises: as getxattr, EBADF, EINVAL, E2BIG."""
    value, length, flags = _arguments(task, arguments, size)
    if flags:
        raise LinuxError(errno.EINVAL)
    return _get(task, _at(task, dirfd, path, at_flags), name, value, length)


@syscall(194)
def listxattr(task: Task, path: PathAddress, names: Address, size: Size) -> int:
    """listxattr(2): bytes of the NUL-terminated names. Raises: ERANGE, and as path resolution."""
    return _list(task, _by_path(task, path, True), names, size)


@syscall(195)
def llistxattr(task: Task, path: PathAddress, names: Address, size: Size) -> int:
    """llistxattr(2). Raises: as listxattr."""
    return _list(task, _by_path(task, path, False), names, size)


@syscall(196)
def flistxattr(task: Task, fd: Fd, names: Address, size: Size) -> int:
    """flistxattr(2). Raises: as listxattr, EBADF."""
    return _list(task, _by_fd(task, fd), names, size)


@syscall(465)
def listxattrat(task: Task, dirfd: Fd, path: PathAddress, at_flags: AtFlags, names: Address, size: Size) -> int:
    """listxattrat(2). Raises: as listxattr, EBADF, EINVAL."""
    return _list(task, _at(task, dirfd, path, at_flags), names, size)


@syscall(197)
def removexattr(task: Task, path: PathAddress, name: StringAddress) -> int:
    """removexattr(2). Raises: ENODATA, EPERM, EOPNOTSUPP, EROFS, and as path resolution."""
    return _remove(task, _by_path(task, path, True), name)


@syscall(198)
def lremovexattr(task: Task, path: PathAddress, name: StringAddress) -> int:
    """lremovexattr(2). Raises: as removexattr."""
    return _remove(task, _by_path(task, path, False), name)


@syscall(199)
def fremovexattr(task: Task, fd: Fd, name: StringAddress) -> int:
    """fremovexattr(2). Raises: as removexattr, EBADF."""
    return _remove(task, _by_fd(task, fd), name)


@syscall(466)
def removexattrat(task: Task, dirfd: Fd, path: PathAddress, at_flags: AtFlags, name: StringAddress) -> int:
    """removexattrat(2). Raises: as removexattr, EBADF, EINVAL."""
    return _remove(task, _at(task, dirfd, path, at_flags), name)
