# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Who may do what to an inode: mode bits, capabilities, and the rules of chmod, chown, utimensat and truncate.

Owns the checks and the calls that change attributes. Not here: POSIX ACLs (no file system of ours has them).
Source: man-pages path_resolution(7), chmod(2), chown(2), utimensat(2), capabilities(7); fs/namei.c, fs/attr.c.
"""

from __future__ import annotations

import errno
import os
import stat
from time import time_ns

from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGXFSZ
from sentry.kernel.credentials import CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID
from sentry.vfs import events
from sentry.vfs.attributes import AttributeChange, Attributes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Mount, Path

MAY_EXEC, MAY_WRITE, MAY_READ = 1, 2, 4

# sys/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8

_OVERRIDE = 1 << CAP_DAC_OVERRIDE
_READ_SEARCH = 1 << CAP_DAC_READ_SEARCH
SEARCH_ANY = _OVERRIDE | _READ_SEARCH
"""Either of these in the effective set searches every directory."""

RLIMIT_FSIZE = 1


def allows(credentials: Credentials, attributes: Attributes, mask: int) -> bool:
    """generic_permission(): may these credentials do all of mask (MAY_*) to such a file?"""
    mode = attributes.mode
    if credentials.fsuid == attributes.uid:
        granted = mode >> 6
    elif (mode >> 3 ^ mode) & 7 & mask and credentials.in_group(attributes.gid):
        granted = mode >> 3
    else:
        # Where group and others agree on what is asked, the membership does not matter.
        granted = mode
    if not mask & ~granted & 7:
        return True
    effective = credentials.effective
    if mode & 0o170000 == stat.S_IFDIR:
        return bool(effective & _OVERRIDE or (effective & _READ_SEARCH and not mask & MAY_WRITE))
    if mask == MAY_READ and effective & _READ_SEARCH:
        return True
    # Root may execute only what somebody may execute.
    return bool(effective & _OVERRIDE) and (not mask & MAY_EXEC or bool(mode & 0o111))


def check(credentials: Credentials, target: Inode | Attributes, mask: int) -> None:
    """Raises: EACCES unless the credentials may do all of mask to target, an inode or its attributes."""
    if not allows(credentials, target if isinstance(target, Attributes) else target.attributes(), mask):
        raise LinuxError(errno.EACCES)


def check_writable_mount(mount: Mount) -> None:
    """mnt_want_write(). Raises: EROFS."""
    if mount.flags & MS_RDONLY:
        raise LinuxError(errno.EROFS)


def access(credentials: Credentials, path: Path, mask: int) -> None:
    """What access(2) checks at the file, in its order. Raises: EACCES, EROFS (writing to a read-only mount)."""
    kind = path.dentry.kind
    if mask & MAY_EXEC and kind == stat.S_IFREG and path.mount.flags & MS_NOEXEC:
        raise LinuxError(errno.EACCES)
    check(credentials, path.inode, mask)
    if mask & MAY_WRITE and path.mount.flags & MS_RDONLY and kind in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise LinuxError(errno.EROFS)


def owner_or_capable(credentials: Credentials, attributes: Attributes) -> bool:
    """inode_owner_or_capable(): owner of the file, or CAP_FOWNER."""
    return credentials.fsuid == attributes.uid or credentials.has(CAP_FOWNER)


def check_delete(credentials: Credentials, directory: Inode, child: Attributes) -> None:
    """may_delete()'s permission part: write and search the directory, and its sticky bit. Raises: EACCES, EPERM."""
    attributes = directory.attributes()
    if not allows(credentials, attributes, MAY_WRITE | MAY_EXEC):
        raise LinuxError(errno.EACCES)
    if (
        attributes.mode & stat.S_ISVTX
        and credentials.fsuid not in (child.uid, attributes.uid)
        and not credentials.has(CAP_FOWNER)
    ):
        raise LinuxError(errno.EPERM)


# -- changing attributes --
def change_mode(task: Task, path: Path, mode: int) -> None:
    """chmod(2). Raises: EROFS, EPERM, EOPNOTSUPP (a symbolic link)."""
    check_writable_mount(path.mount)
    inode = path.inode
    attributes = inode.attributes()
    credentials = task.credentials
    if path.dentry.kind == stat.S_IFLNK:
        raise LinuxError(errno.EOPNOTSUPP)
    if not owner_or_capable(credentials, attributes):
        raise LinuxError(errno.EPERM)
    mode &= 0o7777
    if mode & stat.S_ISGID and not credentials.in_group(attributes.gid) and not credentials.has(CAP_FSETID):
        mode &= ~stat.S_ISGID
    inode.set_attributes(AttributeChange(mode=mode))
    events.notify_path(path, events.IN_ATTRIB)


def change_owner(task: Task, path: Path, uid: int, gid: int) -> None:
    """chown(2); -1 (or 2**32-1) leaves an id. Raises: EROFS, EPERM."""
    check_writable_mount(path.mount)
    new_uid = None if uid in (-1, 0xFFFFFFFF) else uid
    new_gid = None if gid in (-1, 0xFFFFFFFF) else gid
    inode = path.inode
    attributes = inode.attributes()
    credentials = task.credentials
    if not credentials.has(CAP_CHOWN):
        mine = credentials.fsuid == attributes.uid
        if new_uid is not None and not (mine and new_uid == attributes.uid):
            raise LinuxError(errno.EPERM)
        if new_gid is not None and not (mine and (new_gid == attributes.gid or credentials.in_group(new_gid))):
            raise LinuxError(errno.EPERM)
    mode = None
    if path.dentry.kind != stat.S_IFDIR:
        # Any chown call, even one that changes nothing, takes the bits away (chown_common of fs/open.c).
        mode = _without_privileges(credentials, attributes, always=True)
        if mode is not None and not owner_or_capable(credentials, attributes):
            raise LinuxError(errno.EPERM)
    inode.set_attributes(AttributeChange(mode=mode, uid=new_uid, gid=new_gid))
    events.notify_path(path, events.IN_ATTRIB)


def set_times(task: Task, path: Path, times: tuple[int | None, int | None] | None) -> None:
    """utimensat(2). times: ns since the epoch for atime and mtime, None (in the pair) for UTIME_OMIT; times None: both
    now, which needs less rights. A pair with UTIME_NOW for both is the same as None; the caller turns a single
    UTIME_NOW into the time of now.

    Raises: EROFS, EACCES (both now, neither owner nor allowed to write), EPERM.
    """
    check_writable_mount(path.mount)
    inode = path.inode
    if times == (None, None):
        return
    attributes = inode.attributes()
    if not owner_or_capable(task.credentials, attributes):
        if times is not None:
            raise LinuxError(errno.EPERM)
        if not allows(task.credentials, attributes, MAY_WRITE):
            raise LinuxError(errno.EACCES)
    if times is None:
        now = time_ns()
        times = (now, now)
    inode.set_attributes(AttributeChange(atime=times[0], mtime=times[1]))
    events.notify_path(path, events.IN_ATTRIB)


def truncate(task: Task, path: Path, size: int) -> None:
    """truncate(2) by path. Raises: EISDIR, EINVAL (neither file nor directory), EACCES, EROFS, EFBIG."""
    kind = path.dentry.kind
    if kind == stat.S_IFDIR:
        raise LinuxError(errno.EISDIR)
    if kind != stat.S_IFREG:
        raise LinuxError(errno.EINVAL)
    check_writable_mount(path.mount)
    inode = path.inode
    check(task.credentials, inode, MAY_WRITE)
    attributes = inode.attributes()
    check_size(task, size, attributes.size)
    inode.set_attributes(AttributeChange(size=size, mode=_without_privileges(task.credentials, attributes)))
    events.notify_path(path, events.IN_MODIFY)


def check_size(task: Task, size: int, current: int = 0) -> None:
    """RLIMIT_FSIZE for a file of current bytes that is made size bytes long: SIGXFSZ and EFBIG. Raises: EFBIG."""
    if size <= current:
        return
    limits = getattr(task.process, "limits", None)
    if limits is not None:
        limit = limits.get(RLIMIT_FSIZE)
        if limit is not None and size > limit[0]:
            task.kernel.send_thread_signal(task, SIGXFSZ)
            raise LinuxError(errno.EFBIG)


def remove_privileges(task: Task, inode: Inode) -> None:
    """file_remove_privs(): a write by somebody without CAP_FSETID clears set-user-ID and set-group-ID. Cheap to call
    once per write, but once per description that writes is enough for callers in a hurry."""
    attributes = inode.attributes()
    if attributes.mode & 0o6000:
        mode = _without_privileges(task.credentials, attributes)
        if mode is not None:
            inode.set_attributes(AttributeChange(mode=mode))


def _without_privileges(credentials: Credentials, attributes: Attributes, always: bool = False) -> int | None:
    # setattr_should_drop_suidgid(): set-group-ID without group execute is a mark for mandatory locks, not a privilege,
    # but falls too if the caller is no member of the group.
    mode = attributes.mode
    if not mode & 0o6000:
        return None
    if not always and (mode & 0o170000 != stat.S_IFREG or credentials.has(CAP_FSETID)):
        return None
    kept = mode & 0o7777
    if mode & stat.S_ISUID:
        kept &= ~stat.S_ISUID
    if mode & stat.S_ISGID and (
        mode & stat.S_IXGRP or not (credentials.in_group(attributes.gid) or credentials.has(CAP_FSETID))
    ):
        kept &= ~stat.S_ISGID
    return kept if kept != mode & 0o7777 else None


def open_mask(flags: int) -> int:
    """The MAY_* bits that open(2) needs for its O_* flags (access mode 3 needs both)."""
    mode = flags & os.O_ACCMODE
    mask = MAY_READ if mode == os.O_RDONLY else MAY_WRITE if mode == os.O_WRONLY else MAY_READ | MAY_WRITE
    return mask | MAY_WRITE if flags & os.O_TRUNC else mask
