# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Dentries and their cache, mounts, and a place in the tree (Path = mount + dentry).

Invariants of the cache:

- a name has at most one dentry in its parent's `children`; it may be negative (inode None: no such name);
- a dentry that somebody uses (an open file, a working directory, a mount, a cached child) is never evicted, so there
  are no two live dentries of one directory. "Uses" is read off CPython's reference count, which is exact here;
- dentries of mount points and their ancestors are pinned: they stay even where the file system is not cached.
"""

from __future__ import annotations

from itertools import islice
from sys import getrefcount

from sentry.lean import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from sentry.kernel.task import Task
    from sentry.vfs.filesystem import Filesystem
    from sentry.vfs.inode import Inode

S_IFMT = 0o170000
S_IFDIR = 0o040000


class Dentry:
    """A name in a directory, as far as it is known.

    inode None: known to be missing (negative). kind: S_IFMT of the inode, 0 if negative; it never changes for an inode.
    children: what is cached of a directory. mounts: how many mounts sit here (of any mount namespace). deleted:
    unlinked, shown as "name (deleted)". recent: used since the last sweep of the cache.
    """

    __slots__ = (
        "__weakref__", "children", "deleted", "inode", "kind", "linkable", "mounts", "name", "parent", "recent",
        "synthetic",
    )  # fmt: skip

    def __init__(self, name: bytes, parent: Dentry | None, inode: Inode | None) -> None:
        self.name = name
        self.parent = parent
        self.inode = inode
        self.kind = 0 if inode is None else inode.attributes().mode & S_IFMT
        self.children: dict[bytes, Dentry] = {} if self.kind == S_IFDIR else _NO_CHILDREN
        self.mounts = 0
        self.deleted = False
        self.linkable = False  # an unnamed file (O_TMPFILE) that linkat may give a name
        self.recent = False
        self.synthetic = False  # a mount point that the file system itself does not have

    def fill(self, inode: Inode) -> None:
        """Turns a negative dentry into one of inode."""
        self.inode = inode
        self.kind = inode.attributes().mode & S_IFMT
        if self.kind == S_IFDIR:
            self.children = {}

    @property
    def is_directory(self) -> bool:
        return self.kind == S_IFDIR

    def name_in_filesystem(self) -> bytes:
        """The path from the file system's own root, with " (deleted)" (mountinfo's fourth field)."""
        names: list[bytes] = []
        dentry = self
        while dentry.parent is not None:
            names.append(dentry.name)
            dentry = dentry.parent
        path = b"/" + b"/".join(reversed(names))
        return path + b"//deleted" if self.deleted else path


# Of everything but directories: nothing is ever put in.
_NO_CHILDREN: dict[bytes, Dentry] = {}


class Mount:
    """A file system (or a part of it) attached to the tree. flags: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC ...

    children: what is mounted in it, by the dentry of the mount point. parent None: a root, or detached.
    """

    __slots__ = ("children", "filesystem", "flags", "id", "parent", "point", "root", "source")

    def __init__(
        self,
        mount_id: int,
        filesystem: Filesystem,
        root: Dentry,
        parent: Mount | None,
        point: Dentry | None,
        flags: int,
    ) -> None:
        self.id = mount_id
        self.filesystem = filesystem
        self.root = root
        self.parent = parent
        self.point = point
        self.flags = flags
        self.children: dict[Dentry, Mount] = {}
        self.source = filesystem.source


if TYPE_CHECKING:

    class _PathFields(NamedTuple):
        mount: Mount
        dentry: Dentry

else:
    _PathFields = fields("mount", "dentry")


class Path(_PathFields):
    """Where something is: the mount and the dentry in it."""

    __slots__ = ()

    @property
    def inode(self) -> Inode:
        """The inode; only for positive dentries."""
        inode = self.dentry.inode
        assert inode is not None
        return inode

    @property
    def kind(self) -> int:
        """S_IFMT of the file."""
        return self.dentry.kind

    def relative_to(self, root: Path) -> tuple[bytes, bool]:
        """The absolute path as seen from root, and whether root is an ancestor at all; without " (deleted)"."""
        mount, dentry = self
        root_mount, root_dentry = root
        names: list[bytes] = []
        while True:
            if dentry is root_dentry and mount is root_mount:
                return b"/" + b"/".join(reversed(names)), True
            if dentry is mount.root:
                if mount.parent is None or mount.point is None:
                    return b"/" + b"/".join(reversed(names)), False
                dentry = mount.point
                mount = mount.parent
                continue
            if dentry.parent is None:
                return b"/" + b"/".join(reversed(names)), False
            names.append(dentry.name)
            dentry = dentry.parent

    def name(self, task: Task) -> bytes:
        """The absolute path as the task sees it from its root, with " (deleted)" (d_path of fs/d_path.c)."""
        path, _ = self.relative_to(task.fs.root)
        return path + b" (deleted)" if self.dentry.deleted else path

    def working_directory_name(self, task: Task) -> bytes:
        """What getcwd(2) gives: as name(), but marked if it cannot be reached from the root. "" if it is deleted."""
        if self.dentry.deleted:
            return b""
        path, reachable = self.relative_to(task.fs.root)
        return path if reachable else b"(unreachable)" + path

    def is_below(self, ancestor: Path) -> bool:
        """Is ancestor this place or above it, mounts included?"""
        return self.relative_to(ancestor)[1]

    def drop_file(self) -> None:
        """An open file description at this place was released."""


# -- the cache --
BUDGET = 50_000
"""Dentries that may be cached; in-use ones may exceed it."""

_SWEEP = 2_000
# Every cached dentry that may be evicted, least recently added or spared first.
_evictable: dict[Dentry, None] = {}
# No sweep before there are that many: where most are in use, sweeping at every new one would be all we do.
_next_sweep = 0


def attach(parent: Dentry, name: bytes, inode: Inode | None) -> Dentry:
    """A new dentry in parent's cache; parent has none of that name."""
    dentry = Dentry(name, parent, inode)
    parent.children[name] = dentry
    _evictable[dentry] = None
    if len(_evictable) > BUDGET and len(_evictable) >= _next_sweep:
        _sweep()
    return dentry


def detach(dentry: Dentry, deleted: bool = False) -> None:
    """Takes a dentry out of the cache; those who hold it keep it. deleted: its file was unlinked there."""
    parent = dentry.parent
    if parent is not None and parent.children.get(dentry.name) is dentry:
        del parent.children[dentry.name]
    _evictable.pop(dentry, None)
    if deleted:
        dentry.deleted = True
        for child in dentry.children.values():
            # All negative: the directory was empty. They would keep it alive.
            _evictable.pop(child, None)
        dentry.children.clear()


def invalidate(dentry: Dentry) -> bool:
    """Forgets what a shared file system no longer has; False (and it stays) if something is mounted at or below it."""
    if dentry.mounts or dentry.synthetic:
        return False
    for child in list(dentry.children.values()):
        if not invalidate(child):
            return False
    detach(dentry)
    return True


def pin(dentry: Dentry) -> None:
    """Keeps dentry and its ancestors cached for ever: something is mounted there."""
    while dentry.parent is not None:
        dentry.parent.children.setdefault(dentry.name, dentry)
        _evictable.pop(dentry, None)
        dentry = dentry.parent


def move(dentry: Dentry, parent: Dentry, name: bytes) -> None:
    """Puts a dentry at another place (rename(2)); what was cached there is detached by the caller."""
    old = dentry.parent
    if old is not None and old.children.get(dentry.name) is dentry:
        del old.children[dentry.name]
    dentry.name = name
    dentry.parent = parent
    parent.children[name] = dentry


def purge(root: Dentry) -> None:
    """Forgets all dentries below root: its file system is no longer mounted, and nobody is inside."""
    dentries = [root]
    while dentries:
        dentry = dentries.pop()
        dentries.extend(dentry.children.values())
        dentry.children.clear()
        _evictable.pop(dentry, None)


def _sweep() -> None:
    global _next_sweep
    # Second chance: what was used since the last sweep is spared and goes to the end of the queue.
    for dentry in list(islice(_evictable, _SWEEP)):
        del _evictable[dentry]
        # Four references: the list above, the loop's variable, getrefcount's argument, the parent's children.
        if dentry.recent or dentry.children or dentry.mounts or getrefcount(dentry) > 4:
            dentry.recent = False
            _evictable[dentry] = None
        else:
            parent = dentry.parent
            if parent is not None:
                del parent.children[dentry.name]
    _next_sweep = len(_evictable) + _SWEEP // 4


def cached_count() -> int:
    """How many dentries could be evicted."""
    return len(_evictable)
