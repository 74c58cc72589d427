# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""From a path to a place in the tree.

Owns path resolution: cached and cold components, links, mounts, "..", and the search permission of directories. What
is then done to the place is sentry/vfs/namei.py. Source: man-pages path_resolution(7), openat2(2); fs/namei.c.

The loop of resolve() is hot (every system call with a path): one dictionary hit a component while everything is cached.
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.lean import fields
from sentry.vfs import permission
from sentry.vfs.path import Dentry, Path, attach, invalidate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.vfs.path import Mount

NAME_MAX = 255
MAX_LINKS = 40  # MAXSYMLINKS of linux/namei.h

# linux/openat2.h
RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT = 1, 2, 4, 8, 0x10
RESOLVE_CACHED = 0x20

_SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT
_DIRECTORY = 0o040000
_LINK = 0o120000
_MAX_BATCH = 32  # components asked of a file system at once
_ENOENT, _ENOTDIR, _ELOOP, _EXDEV = errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV


if TYPE_CHECKING:

    class _LastFields(NamedTuple):
        directory: Path
        name: bytes
        must_be_directory: bool

else:
    _LastFields = fields("directory", "name", "must_be_directory")


class Last(_LastFields):
    """A path up to its last component, for calls that create or remove a name.

    directory: a directory that the caller may search. name: b"", b"." or b".." where the path ends in no name ("/",
    "a/.", "a/.."). must_be_directory: it ended in a slash.
    """

    __slots__ = ()

    @property
    def is_name(self) -> bool:
        """Is it a real name (LAST_NORM)?"""
        return self.name not in (b"", b".", b"..")


def resolve(
    task: Task,
    base: Path,
    path: bytes,
    follow_last: bool = True,
    flags: int = 0,
    *,
    top: Path | None = None,
    links: int = 0,
) -> Path:
    """The existing file that path names.

    base: where a relative path begins (the working directory's or a descriptor's place). follow_last: follow a symbolic
    link at the end (a trailing slash follows anyway). flags: RESOLVE_* of openat2(2). top: what RESOLVE_BENEATH and
    RESOLVE_IN_ROOT confine to (base by default). links: how many links led here already.

    Raises: ENOENT (also for an empty path: AT_EMPTY_PATH is the caller's), ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV
    (RESOLVE_*), and what the file systems raise.
    """
    root = task.fs.root
    if flags & _SCOPED:
        root = top or base
    if path[:1] == b"/":
        if flags & RESOLVE_BENEATH:
            raise LinuxError(_EXDEV)
        mount, dentry = root
        if flags & RESOLVE_NO_XDEV and mount is not base.mount:
            raise LinuxError(_EXDEV)
    elif path:
        mount, dentry = base
    else:
        raise LinuxError(_ENOENT)
    credentials = task.credentials
    searches_all = credentials.effective & permission.SEARCH_ANY
    parts = path.split(b"/")
    count = len(parts)
    index = 0
    while index < count:
        name = parts[index]
        index += 1
        if not name:
            continue
        if dentry.kind != _DIRECTORY:
            raise LinuxError(_ENOTDIR)
        if not searches_all:
            _check_search(credentials, dentry)
        child = dentry.children.get(name)
        if child is None:
            if name == b".":
                continue
            if name == b"..":
                mount, dentry = _up(mount, dentry, root, flags)
                continue
            child = _look_up(mount, dentry, name, parts, index)
        elif mount.filesystem.shared:
            child = _checked(mount, dentry, name, child)
        kind = child.kind
        child.recent = True
        if kind == _LINK and (index < count or follow_last):
            links += 1
            if links > MAX_LINKS or flags & RESOLVE_NO_SYMLINKS:
                raise LinuxError(_ELOOP)
            inode = child.inode
            assert inode is not None
            place = inode.follow(task)
            if place is not None:
                if flags:
                    _check_jump(flags, mount, place)
                mount, dentry = place
                continue
            target = inode.readlink(task)
            if not target:
                raise LinuxError(_ENOENT)
            if target[:1] == b"/":
                if flags & RESOLVE_BENEATH or (flags & RESOLVE_NO_XDEV and root.mount is not mount):
                    raise LinuxError(_EXDEV)
                mount, dentry = root
            parts = target.split(b"/") + parts[index:]
            count = len(parts)
            index = 0
            continue
        if not kind:
            raise LinuxError(_ENOENT)
        dentry = child
        if child.mounts:
            while (mounted := mount.children.get(dentry)) is not None:
                mount = mounted
                dentry = mounted.root
                if flags & RESOLVE_NO_XDEV:
                    raise LinuxError(_EXDEV)
    if not parts[-1] and dentry.kind != _DIRECTORY:
        raise LinuxError(_ENOTDIR)
    return Path(mount, dentry)


def resolve_parent(
    task: Task, base: Path, path: bytes, flags: int = 0, *, top: Path | None = None, links: int = 0
) -> Last:
    """The directory that path's last component is in, which need not exist. Raises: as resolve()."""
    stripped = path.rstrip(b"/")
    if not stripped:
        return Last(resolve(task, base, path, True, flags, top=top, links=links), b"", True)
    head, slash, name = stripped.rpartition(b"/")
    if slash:
        directory = resolve(task, base, head + slash, True, flags, top=top, links=links)
    else:
        directory = base
        if base.dentry.kind != _DIRECTORY:
            raise LinuxError(_ENOTDIR)
    credentials = task.credentials
    if not credentials.effective & permission.SEARCH_ANY:
        _check_search(credentials, directory.dentry)
    return Last(directory, name, len(stripped) != len(path))


def look_up(directory: Path, name: bytes) -> Dentry:
    """The dentry of name in directory, negative if there is none; mounts on it are not followed, links neither.

    name is a real name (Last.is_name); the caller checked the search permission. Raises: ENAMETOOLONG and what the
    file system raises.
    """
    mount, parent = directory
    child = parent.children.get(name)
    if child is None:
        return _look_up(mount, parent, name, (), 0)
    if mount.filesystem.shared:
        child = _checked(mount, parent, name, child)
    child.recent = True
    return child


def step(mount: Mount, dentry: Dentry) -> Path:
    """dentry in mount, or the root of what is mounted on top of it."""
    if dentry.mounts:
        while (mounted := mount.children.get(dentry)) is not None:
            mount = mounted
            dentry = mounted.root
    return Path(mount, dentry)


def link_target(task: Task, dentry: Dentry, flags: int, mount: Mount) -> Path | bytes:
    """Where a symbolic link leads: a place (a magic link) or a path. Raises: ENOENT, ELOOP, EXDEV."""
    if flags & RESOLVE_NO_SYMLINKS:
        raise LinuxError(_ELOOP)
    inode = dentry.inode
    assert inode is not None
    place = inode.follow(task)
    if place is not None:
        if flags:
            _check_jump(flags, mount, place)
        return place
    target = inode.readlink(task)
    if not target:
        raise LinuxError(_ENOENT)
    return target


def _check_search(credentials: Credentials, dentry: Dentry) -> None:
    inode = dentry.inode
    assert inode is not None
    attributes = inode.attributes()
    # Most directories let everybody search them.
    if attributes.mode & 0o111 != 0o111 and not permission.allows(credentials, attributes, permission.MAY_EXEC):
        raise LinuxError(errno.EACCES)


def _check_jump(flags: int, mount: Mount, place: Path) -> None:
    if flags & RESOLVE_NO_MAGICLINKS:
        raise LinuxError(_ELOOP)
    if flags & _SCOPED or (flags & RESOLVE_NO_XDEV and place.mount is not mount):
        raise LinuxError(_EXDEV)


def _up(mount: Mount, dentry: Dentry, root: Path, flags: int) -> Path:
    """The directory above, never above root."""
    root_mount, root_dentry = root
    while True:
        if dentry is root_dentry and mount is root_mount:
            if flags & RESOLVE_BENEATH:
                raise LinuxError(_EXDEV)
            break
        if dentry is mount.root:
            if mount.parent is None or mount.point is None:
                break
            if flags & RESOLVE_NO_XDEV:
                raise LinuxError(_EXDEV)
            dentry = mount.point
            mount = mount.parent
            continue
        if dentry.parent is not None:
            dentry = dentry.parent
            if dentry.mounts:
                return step(mount, dentry)
        break
    return Path(mount, dentry)


def _checked(mount: Mount, parent: Dentry, name: bytes, child: Dentry) -> Dentry:
    """A cached child of a shared file system, if it is still right; else a fresh one."""
    directory = parent.inode
    assert directory is not None
    if child.synthetic or mount.filesystem.revalidate(directory, name, child.inode) or not invalidate(child):
        return child
    return _look_up(mount, parent, name, (), 0)


def _look_up(mount: Mount, parent: Dentry, name: bytes, parts: list[bytes] | tuple[()], index: int) -> Dentry:
    """Asks the file system for a name that is not cached, and at once for those that follow it in parts[index:]."""
    if len(name) > NAME_MAX:
        raise LinuxError(errno.ENAMETOOLONG)
    directory = parent.inode
    assert directory is not None
    if parent.deleted:
        return Dentry(name, parent, None)
    if not mount.filesystem.cached:
        try:
            return Dentry(name, parent, directory.lookup(name))
        except LinuxError as error:
            if error.errno != _ENOENT:
                raise
            return Dentry(name, parent, None)
    names = [name]
    for following in parts[index : index + _MAX_BATCH]:
        if following in (b"", b".", b"..") or len(following) > NAME_MAX:
            break
        names.append(following)
    if len(names) == 1:
        try:
            return attach(parent, name, directory.lookup(name))
        except LinuxError as error:
            if error.errno != _ENOENT:
                raise
            return attach(parent, name, None)
    inodes = directory.lookup_many(names)
    if not inodes:
        return attach(parent, name, None)
    first = above = attach(parent, name, inodes[0])
    for below, inode in zip(names[1:], inodes[1:], strict=False):
        if above.kind != _DIRECTORY:
            break
        above = attach(above, below, inode)
    return first
