# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What system calls do to names: open, create, link, remove, rename.

Each function checks in Linux's order, changes the file system, keeps the dentry cache right and tells the watchers. All
take the caller's task, `base` (where a relative path begins) and the path's bytes. Source: fs/namei.c, and the man page
named at each.
"""

from __future__ import annotations

import errno
import os
import stat
from time import time_ns

from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import CAP_FSETID, CAP_MKNOD
from sentry.vfs import events, permission, special, walk
from sentry.vfs.attributes import AttributeChange
from sentry.vfs.file import OpenFile
from sentry.vfs.path import Dentry, Path, attach, detach, move
from sentry.vfs.permission import MAY_EXEC, MAY_READ, MAY_WRITE, MS_NODEV, MS_NOEXEC, MS_RDONLY
from sentry.vfs.walk import Last, resolve, resolve_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeAlias

    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.inode import Inode

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4

_O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_WRITES = os.O_WRONLY | os.O_RDWR
_PATH_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_KEPT = os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC | os.O_CLOEXEC
"""Flags that act at open(2) only (F_GETFL does not show them)."""

Opened: TypeAlias = "OpenFile | Coroutine[Any, Any, OpenFile]"


class PathFile(OpenFile):
    """A description that only names a place (O_PATH, open(2)). All data calls fail: FdTable keeps them away."""

    __slots__ = ()

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(errno.EBADF)


# -- open --
def open_path(task: Task, base: Path, path: bytes, flags: int, mode: int = 0, resolve_flags: int = 0) -> Opened:
    """open(2), openat(2), openat2(2): a new description, or (a FIFO) a coroutine that gives one and may wait.

    flags: O_*, with the O_LARGEFILE and so on of the guest; mode: permission bits for a new file, the umask is applied
    here. Raises: what the manual page lists, with ETXTBSY for running programs.
    """
    if flags & os.O_PATH:
        return _open_place(task, base, path, flags & _PATH_FLAGS, resolve_flags)
    if flags & (os.O_CREAT | _O_TMPFILE):
        if flags & _O_TMPFILE:
            return _open_temporary(task, base, path, flags, mode, resolve_flags)
        if flags & os.O_DIRECTORY:
            raise LinuxError(errno.EINVAL)
        return _open_or_create(task, base, path, flags, mode, resolve_flags)
    place = resolve(task, base, path, not flags & os.O_NOFOLLOW, resolve_flags)
    return open_found(task, place, flags)


def open_found(task: Task, path: Path, flags: int) -> Opened:
    """do_open() for a file that exists: the checks of may_open(), then the file system's open and O_TRUNC."""
    kind = path.dentry.kind
    mount = path.mount
    inode = path.inode
    if flags & os.O_DIRECTORY and kind != stat.S_IFDIR:
        raise LinuxError(errno.ENOTDIR)
    if kind == stat.S_IFREG:
        if flags & os.O_TRUNC:
            permission.check_writable_mount(mount)
    elif kind == stat.S_IFLNK:
        raise LinuxError(errno.ELOOP)
    elif kind == stat.S_IFDIR:
        if flags & (_WRITES | os.O_TRUNC):
            raise LinuxError(errno.EISDIR)
    elif kind != stat.S_IFIFO and kind != stat.S_IFSOCK and mount.flags & MS_NODEV:
        raise LinuxError(errno.EACCES)
    attributes = inode.attributes()
    credentials = task.credentials
    if not permission.allows(credentials, attributes, permission.open_mask(flags)):
        raise LinuxError(errno.EACCES)
    if flags & os.O_NOATIME and not permission.owner_or_capable(credentials, attributes):
        raise LinuxError(errno.EPERM)
    if kind == stat.S_IFREG:
        if flags & _WRITES:
            permission.check_writable_mount(mount)
            if attributes.mode & 0o111 and _is_running(task, inode):
                raise LinuxError(errno.ETXTBSY)
    elif kind != stat.S_IFDIR:
        return _notified(special.open_special(task, path, flags), path)
    file = inode.open(flags, path, task)
    if flags & os.O_TRUNC and kind == stat.S_IFREG:
        _truncate(task, inode, attributes)
    file.flags &= ~_NOT_KEPT
    if events.hooks:
        events.notify_path(path, events.IN_OPEN)
    return file


def _is_running(task: Task, inode: Inode) -> bool:
    """Is it the program of a process? Linux then denies writing; a program that is open for writing can be executed
    here all the same."""
    for process in task.kernel.processes.values():
        executable = process.executable
        if executable is not None and executable.inode is inode:
            return True
    return False


def open_executable(task: Task, path: Path) -> OpenFile:
    """What execve(2) opens: a regular file that the caller may execute. Raises: EACCES, ELOOP (a link)."""
    kind = path.dentry.kind
    if kind == stat.S_IFLNK:
        raise LinuxError(errno.ELOOP)
    if kind != stat.S_IFREG or path.mount.flags & MS_NOEXEC:
        raise LinuxError(errno.EACCES)
    inode = path.inode
    permission.check(task.credentials, inode, MAY_EXEC)
    return inode.open(os.O_RDONLY, path, task)


def _notified(opened: Opened, path: Path) -> Opened:
    if isinstance(opened, OpenFile):
        opened.flags &= ~_NOT_KEPT
        events.notify_path(path, events.IN_OPEN)
        return opened
    return _notified_later(opened, path)


async def _notified_later(opened: Coroutine[Any, Any, OpenFile], path: Path) -> OpenFile:
    file = await opened
    file.flags &= ~_NOT_KEPT
    events.notify_path(path, events.IN_OPEN)
    return file


def _truncate(task: Task, inode: Inode, attributes: Attributes) -> None:
    change = AttributeChange(size=0) if attributes.size else AttributeChange(mtime=time_ns())
    if attributes.mode & 0o6000:
        permission.remove_privileges(task, inode)
    inode.set_attributes(change)


def _open_place(task: Task, base: Path, path: bytes, flags: int, resolve_flags: int) -> OpenFile:
    place = resolve(task, base, path, not flags & os.O_NOFOLLOW, resolve_flags)
    if flags & os.O_DIRECTORY and place.dentry.kind != stat.S_IFDIR:
        raise LinuxError(errno.ENOTDIR)
    return PathFile(flags & ~os.O_CLOEXEC, place.inode, place)


def _open_temporary(task: Task, base: Path, path: bytes, flags: int, mode: int, resolve_flags: int) -> OpenFile:
    if flags & os.O_TMPFILE != os.O_TMPFILE or flags & os.O_CREAT or not flags & _WRITES:
        raise LinuxError(errno.EINVAL)
    place = resolve(task, base, path, not flags & os.O_NOFOLLOW, resolve_flags)
    if place.dentry.kind != stat.S_IFDIR:
        raise LinuxError(errno.ENOTDIR)
    permission.check_writable_mount(place.mount)
    directory = place.inode
    permission.check(task.credentials, directory, MAY_WRITE | MAY_EXEC)
    mode = stat.S_IFREG | (mode & 0o7777 & ~task.fs.umask)
    mode, gid = _ownership(task.credentials, directory.attributes(), mode)
    inode = directory.temporary(mode, task.credentials.fsuid, gid)
    dentry = Dentry(b"#%d" % inode.attributes().ino, place.dentry, inode)
    dentry.deleted = True
    dentry.linkable = not flags & os.O_EXCL
    file = inode.open(flags & ~(os.O_TMPFILE | os.O_EXCL), Path(place.mount, dentry), task)
    file.flags = (flags & ~_NOT_KEPT) | _O_TMPFILE | os.O_DIRECTORY
    return file


def _open_or_create(task: Task, base: Path, path: bytes, flags: int, mode: int, resolve_flags: int) -> Opened:
    links = 0
    top = base
    exclusive = flags & os.O_EXCL
    while True:
        last = resolve_parent(task, base, path, resolve_flags, top=top, links=links)
        directory = last.directory
        if not last.is_name:
            raise LinuxError(errno.EEXIST if exclusive else errno.EISDIR)
        if last.must_be_directory:
            raise LinuxError(errno.EISDIR)
        dentry = walk.look_up(directory, last.name)
        kind = dentry.kind
        if not kind:
            return _create_and_open(task, last, dentry, flags, mode)
        if kind == stat.S_IFLNK and not (exclusive or flags & os.O_NOFOLLOW):
            links += 1
            if links > walk.MAX_LINKS:
                raise LinuxError(errno.ELOOP)
            target = walk.link_target(task, dentry, resolve_flags, directory.mount)
            if isinstance(target, Path):
                return _open_existing(task, target, flags)
            base, path = directory, target
            continue
        if exclusive:
            raise LinuxError(errno.EEXIST)
        place = walk.step(directory.mount, dentry)
        if place.mount is not directory.mount and resolve_flags & walk.RESOLVE_NO_XDEV:
            raise LinuxError(errno.EXDEV)
        return _open_existing(task, place, flags)


def _open_existing(task: Task, place: Path, flags: int) -> Opened:
    if place.dentry.kind == stat.S_IFDIR:
        raise LinuxError(errno.EISDIR)
    return open_found(task, place, flags)


def _create_and_open(task: Task, last: Last, dentry: Dentry, flags: int, mode: int) -> OpenFile:
    directory = last.directory
    mode = stat.S_IFREG | (mode & 0o7777 & ~task.fs.umask)
    gid, mode = _check_create(task, directory, mode)
    inode = directory.inode.create(last.name, mode, task.credentials.fsuid, gid)
    _filled(directory, dentry, inode)
    place = Path(directory.mount, dentry)
    if events.hooks:
        events.notify(directory.inode, events.IN_CREATE, last.name)
    # The new file's own mode does not matter to its creator.
    file = inode.open(flags & ~os.O_TRUNC, place, task)
    file.flags &= ~_NOT_KEPT
    if events.hooks:
        events.notify_path(place, events.IN_OPEN)
    return file


# -- create --
def _ownership(credentials: Credentials, directory: Attributes, mode: int) -> tuple[int, int]:
    """inode_init_owner(): (mode, gid) of a new file in a directory, by the directory's set-group-ID bit."""
    gid = credentials.fsgid
    if directory.mode & stat.S_ISGID:
        gid = directory.gid
        if stat.S_ISDIR(mode):
            mode |= stat.S_ISGID
        elif mode & (stat.S_ISGID | stat.S_IXGRP) == (stat.S_ISGID | stat.S_IXGRP) and not (
            credentials.in_group(gid) or credentials.has(CAP_FSETID)
        ):
            mode &= ~stat.S_ISGID
    return mode, gid


def _check_create(task: Task, directory: Path, mode: int) -> tuple[int, int]:
    """(gid, mode) for a new entry. Raises: EROFS, EACCES, ENOENT (the directory was removed)."""
    if directory.mount.flags & MS_RDONLY:
        raise LinuxError(errno.EROFS)
    if directory.dentry.deleted:
        raise LinuxError(errno.ENOENT)
    attributes = directory.inode.attributes()
    if not permission.allows(task.credentials, attributes, MAY_WRITE | MAY_EXEC):
        raise LinuxError(errno.EACCES)
    mode, gid = _ownership(task.credentials, attributes, mode)
    return gid, mode


def _filled(directory: Path, dentry: Dentry, inode: Inode) -> None:
    dentry.fill(inode)
    if directory.mount.filesystem.cached and directory.dentry.children.get(dentry.name) is not dentry:
        # The negative dentry was evicted meanwhile, or the parent is one that had no place for it.
        parent = directory.dentry
        if dentry.name not in parent.children:
            fresh = attach(parent, dentry.name, inode)
            assert fresh.inode is inode


def _new_name(task: Task, base: Path, path: bytes, directory_wanted: bool) -> tuple[Last, Dentry]:
    """filename_create(): a name that does not exist yet. Raises: EEXIST, ENOENT (a trailing slash), EROFS."""
    last = resolve_parent(task, base, path)
    if not last.is_name:
        raise LinuxError(errno.EEXIST)
    dentry = walk.look_up(last.directory, last.name)
    if dentry.kind:
        raise LinuxError(errno.EEXIST)
    if last.directory.dentry.deleted:
        raise LinuxError(errno.ENOENT)
    if last.must_be_directory and not directory_wanted:
        raise LinuxError(errno.ENOENT)
    permission.check_writable_mount(last.directory.mount)
    return last, dentry


def mkdir(task: Task, base: Path, path: bytes, mode: int) -> Path:
    """mkdir(2): the new directory's place."""
    last, dentry = _new_name(task, base, path, True)
    directory = last.directory
    gid, full = _check_create(task, directory, stat.S_IFDIR | (mode & 0o1777 & ~task.fs.umask))
    inode = directory.inode.mkdir(last.name, full, task.credentials.fsuid, gid)
    return _created(directory, dentry, inode, events.IN_CREATE | events.IN_ISDIR)


def mknod(task: Task, base: Path, path: bytes, mode: int, rdev: int = 0) -> Path:
    """mknod(2), and bind(2) of Unix sockets: mode's type bits say what (0: a regular file).

    Raises: EPERM (a directory, or a device without CAP_MKNOD), EINVAL (a type there is not), and more.
    """
    kind = stat.S_IFMT(mode) or stat.S_IFREG
    if kind == stat.S_IFDIR:
        raise LinuxError(errno.EPERM)
    if kind not in (stat.S_IFREG, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK):
        raise LinuxError(errno.EINVAL)
    last, dentry = _new_name(task, base, path, False)
    directory = last.directory
    gid, full = _check_create(task, directory, kind | (mode & 0o7777 & ~task.fs.umask))
    device = kind in (stat.S_IFCHR, stat.S_IFBLK)
    if device and not task.credentials.has(CAP_MKNOD) and not (kind == stat.S_IFCHR and rdev == 0):
        raise LinuxError(errno.EPERM)
    inode = directory.inode.create(last.name, full, task.credentials.fsuid, gid, rdev if device else 0)
    return _created(directory, dentry, inode, events.IN_CREATE)


def symlink(task: Task, target: bytes, base: Path, path: bytes) -> Path:
    """symlink(2). Raises: ENOENT (an empty target), and more."""
    if not target:
        raise LinuxError(errno.ENOENT)
    last, dentry = _new_name(task, base, path, False)
    directory = last.directory
    gid, _ = _check_create(task, directory, stat.S_IFLNK | 0o777)
    inode = directory.inode.symlink(last.name, target, task.credentials.fsuid, gid)
    return _created(directory, dentry, inode, events.IN_CREATE)


def link(task: Task, old: Path, base: Path, path: bytes) -> Path:
    """link(2) of the file at old (which the caller resolved by AT_SYMLINK_FOLLOW or AT_EMPTY_PATH).

    Raises: EXDEV, EPERM (a directory), ENOENT (the last name is gone, or O_TMPFILE | O_EXCL never gave one), and more.
    """
    last, dentry = _new_name(task, base, path, False)
    directory = last.directory
    if old.mount is not directory.mount:
        raise LinuxError(errno.EXDEV)
    inode = old.inode
    _may_link(task.credentials, old)
    _check_create(task, directory, stat.S_IFREG)
    if inode.filesystem is not directory.inode.filesystem:
        raise LinuxError(errno.EXDEV)
    if old.dentry.kind == stat.S_IFDIR:
        raise LinuxError(errno.EPERM)
    if not inode.attributes().nlink and not old.dentry.linkable:
        raise LinuxError(errno.ENOENT)
    directory.inode.link(last.name, inode)
    if events.hooks:
        events.notify(inode, events.IN_ATTRIB)
    return _created(directory, dentry, inode, events.IN_CREATE)


def _may_link(credentials: Credentials, old: Path) -> None:
    """may_linkat() with fs.protected_hardlinks=1, as distributions set it. Raises: EPERM."""
    attributes = old.inode.attributes()
    mode = attributes.mode
    if permission.owner_or_capable(credentials, attributes):
        return
    if (
        old.dentry.kind != stat.S_IFREG
        or mode & stat.S_ISUID
        or mode & (stat.S_ISGID | stat.S_IXGRP) == (stat.S_ISGID | stat.S_IXGRP)
        or not permission.allows(credentials, attributes, MAY_READ | MAY_WRITE)
    ):
        raise LinuxError(errno.EPERM)


def _created(directory: Path, dentry: Dentry, inode: Inode, mask: int) -> Path:
    _filled(directory, dentry, inode)
    if events.hooks:
        events.notify(directory.inode, mask, dentry.name)
    return Path(directory.mount, dentry)


# -- remove --
def _may_delete(task: Task, directory: Path, victim: Dentry, as_directory: bool) -> None:
    """may_delete(). Raises: ENOENT, EACCES, EPERM, ENOTDIR, EISDIR."""
    if victim.inode is None:
        raise LinuxError(errno.ENOENT)
    permission.check_delete(task.credentials, directory.inode, victim.inode.attributes())
    if as_directory:
        if victim.kind != stat.S_IFDIR:
            raise LinuxError(errno.ENOTDIR)
    elif victim.kind == stat.S_IFDIR:
        raise LinuxError(errno.EISDIR)
    if directory.dentry.deleted:
        raise LinuxError(errno.ENOENT)


def unlink(task: Task, base: Path, path: bytes) -> None:
    """unlink(2)."""
    last = resolve_parent(task, base, path)
    directory = last.directory
    if not last.is_name:
        raise LinuxError(errno.EISDIR)
    permission.check_writable_mount(directory.mount)
    dentry = walk.look_up(directory, last.name)
    if last.must_be_directory:
        kind = dentry.kind
        raise LinuxError(errno.ENOENT if not kind else errno.EISDIR if kind == stat.S_IFDIR else errno.ENOTDIR)
    _may_delete(task, directory, dentry, False)
    inode = dentry.inode
    assert inode is not None
    if dentry.mounts:
        raise LinuxError(errno.EBUSY)
    directory.inode.unlink(last.name, inode)
    _removed(directory, dentry)
    if events.hooks:
        events.notify(inode, events.IN_ATTRIB)
        if inode.attributes().nlink == 0:
            events.notify(inode, events.IN_DELETE_SELF)
        events.notify(directory.inode, events.IN_DELETE, last.name)


def rmdir(task: Task, base: Path, path: bytes) -> None:
    """rmdir(2)."""
    last = resolve_parent(task, base, path)
    directory = last.directory
    if not last.is_name:
        raise LinuxError({b"": errno.EBUSY, b".": errno.EINVAL, b"..": errno.ENOTEMPTY}[last.name])
    permission.check_writable_mount(directory.mount)
    dentry = walk.look_up(directory, last.name)
    _may_delete(task, directory, dentry, True)
    inode = dentry.inode
    assert inode is not None
    if dentry.mounts or _has_mount_points(dentry):
        raise LinuxError(errno.EBUSY)
    directory.inode.rmdir(last.name, inode)
    _removed(directory, dentry)
    if events.hooks:
        events.notify(inode, events.IN_DELETE_SELF | events.IN_ISDIR)
        events.notify(directory.inode, events.IN_DELETE | events.IN_ISDIR, last.name)


def _has_mount_points(dentry: Dentry) -> bool:
    # Only synthetic mount points can be in a directory that its file system thinks empty.
    return any(child.synthetic for child in dentry.children.values())


def _removed(directory: Path, dentry: Dentry) -> None:
    parent = directory.dentry
    detach(dentry, deleted=True)
    if directory.mount.filesystem.cached and dentry.name not in parent.children:
        attach(parent, dentry.name, None)


# -- rename --
def rename(task: Task, old_base: Path, old_path: bytes, new_base: Path, new_path: bytes, flags: int = 0) -> None:
    """rename(2), renameat2(2) with RENAME_NOREPLACE and RENAME_EXCHANGE. Raises: EINVAL for RENAME_WHITEOUT too."""
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) or flags == RENAME_NOREPLACE | RENAME_EXCHANGE:
        raise LinuxError(errno.EINVAL)
    old = resolve_parent(task, old_base, old_path)
    new = resolve_parent(task, new_base, new_path)
    exchange = bool(flags & RENAME_EXCHANGE)
    source_directory, target_directory = old.directory, new.directory
    if source_directory.mount is not target_directory.mount:
        raise LinuxError(errno.EXDEV)
    if not old.is_name:
        raise LinuxError(errno.EBUSY)
    if not new.is_name:
        raise LinuxError(errno.EEXIST if flags & RENAME_NOREPLACE else errno.EBUSY)
    permission.check_writable_mount(source_directory.mount)
    source = walk.look_up(source_directory, old.name)
    if not source.kind:
        raise LinuxError(errno.ENOENT)
    target = walk.look_up(target_directory, new.name)
    if not target.kind and not target_directory.mount.filesystem.takes_names:
        raise LinuxError(errno.ENOENT)  # proc says so of names that it does not have, whatever they are wanted for
    if flags & RENAME_NOREPLACE and target.kind:
        raise LinuxError(errno.EEXIST)
    if exchange:
        if not target.kind:
            raise LinuxError(errno.ENOENT)
        if target.kind != stat.S_IFDIR and new.must_be_directory:
            raise LinuxError(errno.ENOTDIR)
    if source.kind != stat.S_IFDIR and (old.must_be_directory or (not exchange and new.must_be_directory)):
        raise LinuxError(errno.ENOTDIR)
    if _is_ancestor(source, target_directory.dentry):
        raise LinuxError(errno.EINVAL)
    if target.kind and _is_ancestor(target, source_directory.dentry):
        raise LinuxError(errno.EINVAL if exchange else errno.ENOTEMPTY)
    _rename_found(task, source_directory, source, target_directory, target, exchange)


def _is_ancestor(dentry: Dentry, below: Dentry | None) -> bool:
    while below is not None:
        if below is dentry:
            return True
        below = below.parent
    return False


def _rename_found(
    task: Task, source_directory: Path, source: Dentry, target_directory: Path, target: Dentry, exchange: bool
) -> None:
    """vfs_rename()."""
    moved, replaced = source.inode, target.inode
    assert moved is not None
    if moved is replaced:
        return
    is_directory = source.kind == stat.S_IFDIR
    target_is_directory = target.kind == stat.S_IFDIR
    _may_delete(task, source_directory, source, is_directory)
    if replaced is None:
        _check_create(task, target_directory, 0)
    else:
        _may_delete(task, target_directory, target, target_is_directory if exchange else is_directory)
    if source_directory.dentry is not target_directory.dentry:
        # Its ".." changes.
        if is_directory:
            permission.check(task.credentials, moved, MAY_WRITE)
        if exchange and target_is_directory and replaced is not None:
            permission.check(task.credentials, replaced, MAY_WRITE)
    if source.mounts or target.mounts:
        raise LinuxError(errno.EBUSY)
    if replaced is not None and not exchange and _has_mount_points(target):
        raise LinuxError(errno.EBUSY)
    directory, new_directory = source_directory.inode, target_directory.inode
    old_name, new_name = source.name, target.name
    directory.rename(old_name, moved, new_directory, new_name, replaced, exchange)
    if exchange:
        detach_parent, target_parent = source_directory.dentry, target_directory.dentry
        source.parent, target.parent = target_parent, detach_parent
        source.name, target.name = new_name, old_name
        if source_directory.mount.filesystem.cached:
            target_parent.children[new_name] = source
            detach_parent.children[old_name] = target
    else:
        detach(target, deleted=replaced is not None)
        move(source, target_directory.dentry, new_name)
        if source_directory.mount.filesystem.cached:
            attach(source_directory.dentry, old_name, None)
    if events.hooks:
        _tell_rename(directory, old_name, new_directory, new_name, moved, is_directory)
        if exchange and replaced is not None:
            _tell_rename(new_directory, new_name, directory, old_name, replaced, target_is_directory)
        elif replaced is not None:
            events.notify(replaced, events.IN_ATTRIB)
            if replaced.attributes().nlink == 0 or target_is_directory:
                events.notify(replaced, events.IN_DELETE_SELF)


def _tell_rename(
    directory: Inode, old_name: bytes, new_directory: Inode, new_name: bytes, moved: Inode, is_directory: bool
) -> None:
    cookie = events.new_cookie()
    flag = events.IN_ISDIR if is_directory else 0
    events.notify(directory, events.IN_MOVED_FROM | flag, old_name, cookie)
    events.notify(new_directory, events.IN_MOVED_TO | flag, new_name, cookie)
    events.notify(moved, events.IN_MOVE_SELF | flag)


__all__ = [
    "MAY_EXEC", "MAY_READ", "MAY_WRITE", "RENAME_EXCHANGE", "RENAME_NOREPLACE", "RENAME_WHITEOUT", "Opened", "PathFile",
    "link", "mkdir", "mknod", "open_executable", "open_found", "open_path", "rename", "rmdir", "symlink", "unlink",
]  # fmt: skip
