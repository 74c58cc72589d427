# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to files, for those who watch (inotify(7)).

Owns the list of listeners and the way from a place in the tree to the inodes that are told: the file itself, and its
directory with the file's name. Costs one test of an empty list while nobody watches: callers on hot paths test `hooks`
themselves.
"""

from __future__ import annotations

import itertools
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Dentry, Path

# linux/inotify.h
IN_ACCESS, IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE, IN_CLOSE_NOWRITE, IN_OPEN = 1, 2, 4, 8, 0x10, 0x20
IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
IN_ISDIR = 0x40000000

Hook: TypeAlias = "Callable[[Inode, int, bytes, int], None]"
"""hook(inode, mask, name, cookie): inode is what a watch may sit on. name b"": the event is inode's own; else it
happened to the entry called name of the directory inode. cookie pairs IN_MOVED_FROM and IN_MOVED_TO, else 0."""

hooks: list[Hook] = []

_cookies = itertools.count(1)


def notify(inode: Inode, mask: int, name: bytes = b"", cookie: int = 0) -> None:
    """Tells the listeners of one event at one inode; hooks must not block and must not raise."""
    for hook in hooks:
        hook(inode, mask, name, cookie)


def notify_dentry(dentry: Dentry, mask: int) -> None:
    """An event that both the file's own watchers and its directory's hear (open, close, read, write, attributes)."""
    if not hooks:
        return
    inode = dentry.inode
    if inode is None:
        return
    if dentry.kind == stat.S_IFDIR:
        mask |= IN_ISDIR
    parent = dentry.parent
    if parent is not None and parent.inode is not None and not dentry.deleted:
        notify(parent.inode, mask, dentry.name)
    notify(inode, mask)


def notify_path(path: Path, mask: int) -> None:
    """notify_dentry() of the place's dentry."""
    if hooks:
        notify_dentry(path.dentry, mask)


def new_cookie() -> int:
    """A number that pairs the two events of a rename."""
    return next(_cookies) & 0xFFFFFFFF
