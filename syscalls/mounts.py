# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""mount, umount2 and pivot_root, for guests with CAP_SYS_ADMIN in their sandbox; and the calls of the newer mount API.

A guest mounts file systems of the sentry only (tmpfs, proc, sysfs, devpts) and binds what it has; it never reaches more
of the host. The flags that a mount was configured with (read-only, nosuid, nodev, noexec) are locked, as they are in a
user namespace: a bind or a remount by the guest may add to them, not take away. Source: fs/namespace.c, mount(2).
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import AT_FDCWD
from sentry.fs import devpts, proc, sysfs, tmpfs
from sentry.kernel.credentials import CAP_SYS_ADMIN
from sentry.vfs.filesystem import allocate_dev
from sentry.vfs.mounts import (
    KEPT_FLAGS,
    MS_BIND,
    MS_MOVE,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SILENT,
    MS_SLAVE,
    MS_UNBINDABLE,
    UMOUNT_NOFOLLOW,
)
from syscalls.helpers import find
from syscalls.table import PARTIAL, STUB, Address, Fd, Flags, Int, MountFlags, PathAddress, StringAddress, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.filesystem import Filesystem
    from sentry.vfs.path import Mount, Path

_MAGIC, _MAGIC_MASK = 0xC0ED0000, 0xFFFF0000
_MS_NOUSER = 1 << 31
_PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE
_LOCKED = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
_UMOUNT_FLAGS = 15

_made: set[int] = set()
"""The ids of mounts that the guest made itself: their flags are its own."""


def _tmpfs(task: Task, options: dict[str, str]) -> Filesystem:
    return tmpfs.make_tmpfs(options)


def _ramfs(task: Task, options: dict[str, str]) -> Filesystem:
    return tmpfs.make_tmpfs({key: value for key, value in options.items() if key == "mode"})


def _proc(task: Task, options: dict[str, str]) -> Filesystem:
    return proc.ProcFilesystem(allocate_dev(), task.kernel)


def _sysfs(task: Task, options: dict[str, str]) -> Filesystem:
    return sysfs.SysFilesystem(allocate_dev(), task.kernel)


def _devpts(task: Task, options: dict[str, str]) -> Filesystem:
    return devpts.DevptsFilesystem(allocate_dev(), task.kernel)


_TYPES: dict[bytes, Callable[[Task, dict[str, str]], Filesystem]] = {
    b"tmpfs": _tmpfs,
    b"ramfs": _ramfs,
    b"proc": _proc,
    b"sysfs": _sysfs,
    b"devpts": _devpts,
}


def _may_mount(task: Task) -> None:
    if not task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EPERM)


def _string(task: Task, address: int) -> bytes:
    return task.memory.path(address) if address else b""


@syscall(165, support=PARTIAL, note="tmpfs, ramfs, proc, sysfs, devpts, bind, move, remount; propagation has no effect")
def mount(
    task: Task, source: PathAddress, target: PathAddress, kind: StringAddress, flags: MountFlags, data: Address
) -> int:
    """mount(2). Raises: EPERM, EINVAL, ENODEV, ENOTDIR, EBUSY, ELOOP, EFAULT, and as path resolution."""
    type_name = _string(task, kind)
    source_name = _string(task, source)
    options = task.memory.read_some(data, 4096 - (data & 4095)).partition(b"\0")[0] if data else b""
    place = find(task, AT_FDCWD, task.memory.path(target))
    if flags & _MAGIC_MASK == _MAGIC:
        flags &= ~_MAGIC_MASK
    if flags & _MS_NOUSER:
        raise LinuxError(errno.EINVAL)
    _may_mount(task)
    if flags & MS_REMOUNT:
        _remount(task, place, flags)
    elif flags & MS_BIND:
        _bind(task, source_name, place, bool(flags & MS_REC))
    elif flags & _PROPAGATION:
        _check_propagation(place, flags)
    elif flags & MS_MOVE:
        if not source_name:
            raise LinuxError(errno.EINVAL)
        task.kernel.mounts.move(find(task, AT_FDCWD, source_name), place)
    else:
        _mount_new(task, type_name, source_name, place, flags, options)
    return 0


def _mount_new(task: Task, type_name: bytes, source: bytes, place: Path, flags: int, options: bytes) -> None:
    if not type_name:
        raise LinuxError(errno.EINVAL)
    maker = _TYPES.get(type_name)
    if maker is None:
        raise LinuxError(errno.ENODEV)
    parsed: dict[str, str] = {}
    for word in options.decode("latin-1").split(","):
        key, _, value = word.partition("=")
        if key:
            parsed[key] = value
    made = task.kernel.mounts.mount(maker(task, parsed), place, flags & KEPT_FLAGS, source or None)
    _made.add(made.id)


def _bind(task: Task, source: bytes, place: Path, recursive: bool) -> None:
    if not source:
        raise LinuxError(errno.EINVAL)
    origin = find(task, AT_FDCWD, source)
    made = task.kernel.mounts.bind(origin, place, recursive)
    if origin.mount.id in _made:
        _made.add(made.id)


def _remount(task: Task, place: Path, flags: int) -> None:
    mount_ = place.mount
    wanted = flags & KEPT_FLAGS
    if mount_.id not in _made and mount_.flags & _LOCKED & ~wanted:
        raise LinuxError(errno.EPERM)
    task.kernel.mounts.remount(place, wanted)


def _check_propagation(place: Path, flags: int) -> None:
    """do_change_type(): one kind, at a mount point."""
    kind = flags & ~(MS_REC | MS_SILENT)
    if kind & ~_PROPAGATION or kind & kind - 1 or place.dentry is not place.mount.root:
        raise LinuxError(errno.EINVAL)


@syscall(166)
def umount2(task: Task, target: PathAddress, flags: Flags) -> int:
    """umount2(2). Raises: EINVAL, EPERM, EBUSY, EAGAIN (MNT_EXPIRE), and as path resolution."""
    if flags & ~_UMOUNT_FLAGS:
        raise LinuxError(errno.EINVAL)
    place = find(task, AT_FDCWD, task.memory.path(target), not flags & UMOUNT_NOFOLLOW)
    _may_mount(task)
    mounts = task.kernel.mounts
    gone: Mount = place.mount
    mounts.umount(task, place, flags)
    _made.discard(gone.id)
    return 0


@syscall(155)
def pivot_root(task: Task, new_root: PathAddress, put_old: PathAddress) -> int:
    """pivot_root(2). Raises: EPERM, EINVAL, EBUSY, ENOTDIR, and as path resolution."""
    _may_mount(task)
    memory = task.memory
    new = find(task, AT_FDCWD, memory.path(new_root))
    task.kernel.mounts.pivot_root(task, new, find(task, AT_FDCWD, memory.path(put_old)))
    return 0


# -- the newer mount API: programs fall back to mount(2) --
_NOTE = "ENOSYS: mount(2) does it"


def _absent() -> int:
    raise LinuxError(errno.ENOSYS)


@syscall(428, support=STUB, note=_NOTE)
def open_tree(task: Task, dirfd: Fd, path: PathAddress, flags: Flags) -> int:
    """open_tree(2)."""
    return _absent()


@syscall(429, support=STUB, note=_NOTE)
def move_mount(
    task: Task, from_dirfd: Fd, from_path: PathAddress, to_dirfd: Fd, to_path: PathAddress, flags: Flags
) -> int:
    """move_mount(2)."""
    return _absent()


@syscall(430, support=STUB, note=_NOTE)
def fsopen(task: Task, name: StringAddress, flags: Flags) -> int:
    """fsopen(2)."""
    return _absent()


@syscall(431, support=STUB, note=_NOTE)
def fsconfig(task: Task, fd: Fd, command: UInt, key: StringAddress, value: Address, auxiliary: Int) -> int:
    """fsconfig(2)."""
    return _absent()


@syscall(432, support=STUB, note=_NOTE)
def fsmount(task: Task, fd: Fd, flags: Flags, attributes: Flags) -> int:
    """fsmount(2)."""
    return _absent()


@syscall(433, support=STUB, note=_NOTE)
def fspick(task: Task, dirfd: Fd, path: PathAddress, flags: Flags) -> int:
    """fspick(2)."""
    return _absent()


@syscall(442, support=STUB, note=_NOTE)
def mount_setattr(task: Task, dirfd: Fd, path: PathAddress, flags: Flags, attributes: Address, size: UInt) -> int:
    """mount_setattr(2)."""
    return _absent()


@syscall(457, support=STUB, note="ENOSYS: /proc/self/mountinfo says it")
def statmount(task: Task, request: Address, buffer: Address, size: UInt, flags: Flags) -> int:
    """statmount(2)."""
    return _absent()


@syscall(458, support=STUB, note="ENOSYS: /proc/self/mountinfo says it")
def listmount(task: Task, request: Address, ids: Address, count: UInt, flags: Flags) -> int:
    """listmount(2)."""
    return _absent()


@syscall(467, support=STUB, note=_NOTE)
def open_tree_attr(task: Task, dirfd: Fd, path: PathAddress, flags: Flags, attributes: Address, size: UInt) -> int:
    """open_tree_attr(2)."""
    return _absent()


@syscall(139, name="sysfs", support=STUB, note="ENOSYS: /proc/filesystems says it")
def sysfs_(task: Task, option: Int, first: Address, second: Address) -> int:
    """sysfs(2)."""
    return _absent()
