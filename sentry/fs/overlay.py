# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A throw-away writable layer in memory over a read-only tree of another file system (usually the gofer's).

Owns what differs from the lower tree, and nothing else: a directory knows which of its names were made, changed or
removed (`changes`), an inode knows its own new metadata (`node`) and, once written to, its data. All that did not
change is passed through, so a lookup costs little more than the lower's own. Differences from Linux's overlayfs:

- whiteouts and opaque directories are entries in Python dictionaries, not files;
- a directory holds its lower inode itself, so renaming a lower directory is cheap and needs no EXDEV;
- chmod, chown, utimes, link and rename copy metadata up; the data follows at the first write (as with metacopy=on);
- the inode number of a file stays what it was below, and hard links stay links, if the lower file system gives one
  inode object to all names of a file;
- a description opened for reading before the first write reads what was written since (its mappings do not).

The invariant on life: whatever was changed is strongly held by its parent's `changes`, up to the root (pin()). An
unchanged inode holds its parent, a changed one is held by it: never both, so there are no cycles.
Source: Documentation/filesystems/overlayfs.rst of Linux.
"""

from __future__ import annotations

import errno
import os
import stat
from time import time_ns
from weakref import WeakValueDictionary

from sentry.abi.errors import LinuxError
from sentry.fs.tmpfs import MAX_SIZE, PAGE, Budget, Content, FileNode, LinkNode, MemoryFile, Node, SpecialNode
from sentry.vfs.attributes import AttributeChange, Attributes, DirectoryEntry
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

OVERLAYFS_MAGIC = 0x794C7630
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_TRUNC
_CHUNK = 1 << 20  # bytes copied up at once
# New inodes are numbered from here: lower file systems number theirs from below.
_FIRST_INO = 1 << 46


class OverlayInode(Inode):
    """An inode of the merged tree. lower: what is below, None for a new one. node: its own metadata, None while all is
    as below. parent, name: where it was found, while nothing holds it there (see the module)."""

    __slots__ = ("lower", "name", "node", "parent")

    filesystem: OverlayFilesystem

    def __init__(self, filesystem: OverlayFilesystem, lower: Inode | None, node: Node | None) -> None:
        self.filesystem = filesystem
        self.lower = lower
        self.node = node
        self.parent: OverlayDirectory | None = None
        self.name = b""

    def attributes(self) -> Attributes:
        node = self.node
        if node is not None:
            return node.attributes()
        lower = self.lower
        assert lower is not None
        return lower.attributes()

    # -- copying up --
    def pin(self) -> None:
        """Makes the parents hold what changed."""
        inode: OverlayInode = self
        while (parent := inode.parent) is not None:
            parent.hold(inode.name, inode)
            inode.parent = None
            inode = parent

    def copy_up(self) -> Node:
        """Gives the inode metadata of its own. Raises: ENOSPC."""
        node = self.node
        if node is None:
            lower = self.lower
            assert lower is not None
            below = lower.attributes()
            node = self._make_node(below)
            if below.nlink > 1 and not stat.S_ISDIR(below.mode):
                # Its other names lead here through the file system's table, as long as it lives.
                node.budget.add_inode(below.nlink - 1)
                self.filesystem.changed_links[lower] = self
            own = node.stat
            own.nlink = 1 if stat.S_ISDIR(below.mode) else below.nlink
            own.dev = below.dev
            own.size, own.blocks, own.blksize = below.size, below.blocks, below.blksize
            own.atime, own.mtime, own.ctime, own.btime = below.atime, below.mtime, below.ctime, below.btime
            self.node = node
            self.pin()
        return node

    def _make_node(self, below: Attributes) -> Node:
        filesystem = self.filesystem
        return Node(filesystem, filesystem.budget, below.ino, below.mode, below.uid, below.gid, below.rdev)

    def set_attributes(self, change: AttributeChange) -> None:
        self.copy_up().set_attributes(change)

    # -- extended attributes --
    def get_xattr(self, name: bytes) -> bytes:
        node = self.node
        if self.lower is None or (node is not None and node.xattrs is not None):
            assert node is not None
            return node.get_xattr(name)
        try:
            return self.lower.get_xattr(name)
        except LinuxError as error:
            # What the lower file system cannot keep may be set here, so it is only missing.
            if error.errno == errno.EOPNOTSUPP and name.startswith((b"user.", b"trusted.", b"security.")):
                raise LinuxError(errno.ENODATA) from None
            raise

    def list_xattr(self) -> list[bytes]:
        node = self.node
        if self.lower is None or (node is not None and node.xattrs is not None):
            assert node is not None
            return node.list_xattr()
        try:
            return self.lower.list_xattr()
        except LinuxError as error:
            if error.errno == errno.EOPNOTSUPP:
                return []
            raise

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        self._own_xattrs().set_xattr(name, value, flags)

    def remove_xattr(self, name: bytes) -> None:
        self._own_xattrs().remove_xattr(name)

    def _own_xattrs(self) -> Node:
        node = self.copy_up()
        if node.xattrs is None and self.lower is not None:
            try:
                found = {name: self.lower.get_xattr(name) for name in self.lower.list_xattr()}
            except LinuxError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                found = {}
            node.adopt_xattrs(found)
        return node


class OverlayFile(OverlayInode):
    """A regular file. below: its data is still the lower file's."""

    __slots__ = ("below",)

    node: FileNode | None

    def __init__(self, filesystem: OverlayFilesystem, lower: Inode | None, node: FileNode | None) -> None:
        super().__init__(filesystem, lower, node)
        self.below = lower is not None

    def attributes(self) -> Attributes:
        node = self.node
        if node is None:
            assert self.lower is not None
            return self.lower.attributes()
        return node.stat if self.below else node.attributes()

    def _make_node(self, below: Attributes) -> Node:
        filesystem = self.filesystem
        return FileNode(filesystem, filesystem.budget, below.ino, below.mode, below.uid, below.gid)

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        if self.below:
            if not flags & _WRITES:
                return LowerFile(flags, self, path, self._open_below())
            self.copy_up_data(0 if flags & os.O_TRUNC else None)
        assert self.node is not None
        return MemoryFile(flags, self, path, self.node)

    def set_attributes(self, change: AttributeChange) -> None:
        if change.size is not None and self.below:
            self.copy_up_data(change.size)
        self.copy_up().set_attributes(change)

    def copy_up_data(self, limit: int | None = None) -> FileNode:
        """Gives the file data of its own, copied from below (at most limit bytes). Raises: ENOSPC, EIO."""
        node = self.copy_up()
        assert isinstance(node, FileNode)
        if self.below:
            content = node.content
            size = node.stat.size if limit is None else min(limit, node.stat.size)
            if size:
                try:
                    self._copy(node, size)
                except BaseException:
                    content.resize(0)
                    raise
            if size != node.stat.size:
                node.stat.mtime = node.stat.ctime = time_ns()
            self.below = False
        return node

    def _open_below(self) -> OpenFile:
        assert self.lower is not None
        # The description is ours alone: it has no place in the tree, so closing it is nobody's event.
        return self.lower.open(os.O_RDONLY, None, None)  # type: ignore[arg-type] # a data file needs neither

    def _copy(self, node: FileNode, size: int) -> None:
        content = node.content
        source = self._open_below()
        try:
            offset = 0
            end = 0
            while offset < size:
                if offset >= end:
                    offset, end = _extent(source, offset, size)
                    if offset >= size:
                        break
                data = source.pread(min(_CHUNK, end - offset), offset)
                if not data:
                    break  # it became shorter
                content.write(data, offset)
                offset += len(data)
            content.resize(size)
        finally:
            source.drop()


class LowerFile(OpenFile):
    """A description of a file that was opened for reading while its data was below. After the first write to the file
    it reads the new data, which overlayfs does not; what is mapped stays mapped."""

    __slots__ = ("_file", "_host_fd")

    inode: OverlayFile

    def __init__(self, flags: int, inode: OverlayFile, path: Path | None, file: OpenFile) -> None:
        super().__init__(flags, inode, path)
        self._file = file
        self._host_fd = file.host_fd  # read all the time, and the same as long as file lives

    def release(self) -> None:
        self._file.drop()

    def _content(self) -> Content:
        node = self.inode.node
        assert node is not None
        return node.content

    @property
    def host_fd(self) -> int:
        return self._host_fd if self.inode.below else self._content().fd

    def read(self, size: int) -> bytes:
        data = self.pread(size, self.offset)
        self.offset += len(data)
        return data

    def pread(self, size: int, offset: int) -> bytes:
        return self._file.pread(size, offset) if self.inode.below else self._content().read(size, offset)

    def seek(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_CUR:
            offset += self.offset
        elif whence == os.SEEK_END:
            offset += self.inode.attributes().size
        elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
            offset = (self._file if self.inode.below else self._content()).seek(offset, whence)
        elif whence != os.SEEK_SET:
            raise LinuxError(errno.EINVAL)
        if not 0 <= offset <= MAX_SIZE:
            raise LinuxError(errno.EINVAL)
        self.offset = offset
        return offset

    def sync(self) -> None:
        """Nothing was written."""

    def mappable(self, protection: int, shared: bool) -> int:
        return self._file.mappable(protection, shared) if self.inode.below else self._content().mappable(False)


def _extent(source: OpenFile, offset: int, size: int) -> tuple[int, int]:
    """The next bytes from offset on that are no hole."""
    if size <= _CHUNK:
        return offset, size
    try:
        start = source.seek(offset, os.SEEK_DATA)
        return start, min(size, source.seek(start, os.SEEK_HOLE))
    except LinuxError as error:
        return (size, size) if error.errno == errno.ENXIO else (offset, size)


class OverlayLink(OverlayInode):
    """A symbolic link."""

    __slots__ = ()

    def readlink(self, task: Task) -> bytes:
        if self.lower is not None:
            return self.lower.readlink(task)
        assert self.node is not None
        return self.node.readlink(task)


class OverlayDirectory(OverlayInode):
    """A directory: the lower one's names, but for `changes`.

    changes: name -> inode, or None for a name that was removed (a whiteout). covered: the names in changes that the
    lower directory has too. A directory made here has no lower, so it is opaque.
    """

    __slots__ = ("changes", "covered")

    def __init__(self, filesystem: OverlayFilesystem, lower: Inode | None, node: Node | None) -> None:
        super().__init__(filesystem, lower, node)
        self.changes: dict[bytes, OverlayInode | None] | None = None
        self.covered: set[bytes] | None = None

    def hold(self, name: bytes, inode: OverlayInode) -> None:
        """Keeps an inode that was found below under name, since it changed."""
        if self.changes is None:
            self.changes = {}
        self.changes[name] = inode
        self._cover(name)

    def _cover(self, name: bytes) -> None:
        if self.covered is None:
            self.covered = set()
        self.covered.add(name)

    # -- looking --
    def lookup(self, name: bytes) -> Inode:
        changes = self.changes
        if changes is not None and name in changes:
            child = changes[name]
            if child is None:
                raise LinuxError(errno.ENOENT)
            return child
        if self.lower is None:
            raise LinuxError(errno.ENOENT)
        return self._wrap(name, self.lower.lookup(name))

    def lookup_many(self, names: list[bytes]) -> list[Inode]:
        changes = self.changes
        name = names[0]
        if changes is not None and name in changes:
            child = changes[name]
            if child is None:
                return []
            if len(names) > 1 and isinstance(child, OverlayDirectory):
                return [child, *child.lookup_many(names[1:])]
            return [child]
        if self.lower is None:
            return []
        found: list[Inode] = []
        above: OverlayInode = self
        for name, lower in zip(names, self.lower.lookup_many(names), strict=False):
            if not isinstance(above, OverlayDirectory):
                break
            above = above._wrap(name, lower)
            found.append(above)
        return found

    def _wrap(self, name: bytes, lower: Inode) -> OverlayInode:
        attributes = lower.attributes()
        kind = attributes.mode & 0o170000
        filesystem = self.filesystem
        inode: OverlayInode | None
        if kind == stat.S_IFDIR:
            inode = OverlayDirectory(filesystem, lower, None)
        else:
            if attributes.nlink > 1:
                inode = filesystem.links.get(lower)
                if inode is not None:
                    return inode
            if kind == stat.S_IFREG:
                inode = OverlayFile(filesystem, lower, None)
            elif kind == stat.S_IFLNK:
                inode = OverlayLink(filesystem, lower, None)
            else:
                inode = OverlayInode(filesystem, lower, None)
            if attributes.nlink > 1:
                filesystem.links[lower] = inode
        inode.parent = self
        inode.name = name
        return inode

    def entries(self, task: Task) -> list[DirectoryEntry]:
        changes = self.changes
        if self.lower is None:
            merged = []
        else:
            merged = self.lower.entries(task)
            if not changes:
                return merged
            merged = [entry for entry in merged if entry.name not in changes]
        for name, child in (changes or {}).items():
            if child is not None:
                attributes = child.attributes()
                merged.append(DirectoryEntry(name, attributes.ino, attributes.mode >> 12 & 15))
        return merged

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        return DirectoryFile(flags, self, path)

    def _is_empty(self) -> bool:
        changes = self.changes
        if changes is not None and any(child is not None for child in changes.values()):
            return False
        if self.lower is None:
            return True
        # The lower file system reads directories for nobody in particular.
        below = self.lower.entries(None)  # type: ignore[arg-type] # see above
        return all(changes is not None and entry.name in changes for entry in below)

    # -- changing --
    def _touch(self) -> None:
        own = self.copy_up().stat
        own.mtime = own.ctime = time_ns()

    def _add(self, name: bytes, child: OverlayInode) -> OverlayInode:
        self._touch()
        if self.changes is None:
            self.changes = {}
        self.changes[name] = child
        if self.lower is None and isinstance(child, OverlayDirectory):
            assert self.node is not None
            self.node.stat.nlink += 1
        return child

    def _hide(self, name: bytes, child: OverlayInode) -> None:
        self._touch()
        if self.changes is None:
            self.changes = {}
        if name not in self.changes:
            self._cover(name)
        if self.covered is not None and name in self.covered:
            self.changes[name] = None
        else:
            del self.changes[name]
        if self.lower is None and isinstance(child, OverlayDirectory):
            assert self.node is not None
            self.node.stat.nlink -= 1

    def create(self, name: bytes, mode: int, uid: int, gid: int, rdev: int = 0) -> Inode:
        filesystem = self.filesystem
        ino = filesystem.next_ino()
        if stat.S_ISREG(mode):
            node = FileNode(filesystem, filesystem.budget, ino, mode, uid, gid)
            return self._add(name, OverlayFile(filesystem, None, node))
        special = SpecialNode(filesystem, filesystem.budget, ino, mode, uid, gid, rdev)
        return self._add(name, OverlayInode(filesystem, None, special))

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        filesystem = self.filesystem
        node = Node(filesystem, filesystem.budget, filesystem.next_ino(), mode, uid, gid, 0, 2)
        node.stat.size = PAGE
        return self._add(name, OverlayDirectory(filesystem, None, node))

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        filesystem = self.filesystem
        node = LinkNode(filesystem, filesystem.budget, filesystem.next_ino(), target, uid, gid)
        return self._add(name, OverlayLink(filesystem, None, node))

    def temporary(self, mode: int, uid: int, gid: int) -> Inode:
        filesystem = self.filesystem
        node = FileNode(filesystem, filesystem.budget, filesystem.next_ino(), mode, uid, gid, nlink=0)
        return OverlayFile(filesystem, None, node)

    def link(self, name: bytes, target: Inode) -> None:
        assert isinstance(target, OverlayInode)
        self._touch()
        target.copy_up().add_link()
        self._add(name, target)

    def unlink(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, OverlayInode)
        node = child.copy_up()
        self._hide(name, child)
        node.drop_link()
        if not node.stat.nlink and child.lower is not None:
            self.filesystem.changed_links.pop(child.lower, None)

    def rmdir(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, OverlayDirectory)
        if not child._is_empty():
            raise LinuxError(errno.ENOTEMPTY)
        node = child.copy_up()
        self._hide(name, child)
        node.stat.nlink = 0
        node.stat.ctime = time_ns()

    def rename(
        self, name: bytes, child: Inode, directory: Inode, new_name: bytes, replaced: Inode | None, exchange: bool
    ) -> None:
        assert isinstance(child, OverlayInode)
        assert isinstance(directory, OverlayDirectory)
        # Whatever may fail for want of room comes first.
        own = child.copy_up().stat
        self._touch()
        directory._touch()
        if exchange:
            assert isinstance(replaced, OverlayInode)
            replaced.copy_up().stat.ctime = time_ns()
            self._hide(name, child)
            directory._hide(new_name, replaced)
            self._add(name, replaced)
        else:
            if isinstance(replaced, OverlayDirectory):
                directory.rmdir(new_name, replaced)
            elif replaced is not None:
                directory.unlink(new_name, replaced)
            self._hide(name, child)
        directory._add(new_name, child)
        own.ctime = time_ns()


class OverlayFilesystem(Filesystem):
    """lower: the root inode of the tree below; budget: what the writable layer may take.

    links: inodes of lower files with several names, while somebody uses them; changed_links: those that changed.
    """

    type = b"overlay"
    source = b"overlay"

    def __init__(self, lower: Inode, budget: Budget) -> None:
        below = lower.filesystem
        super().__init__(below.dev)
        self._below = below
        self.budget = budget
        self.shared = below.shared
        self._ino = _FIRST_INO
        self.links: WeakValueDictionary[Inode, OverlayInode] = WeakValueDictionary()
        self.changed_links: dict[Inode, OverlayInode] = {}
        self.root = OverlayDirectory(self, lower, None)

    def next_ino(self) -> int:
        """A new inode number."""
        self._ino += 1
        return self._ino

    def unmounted(self) -> None:
        super().unmounted()
        self.changed_links.clear()

    def revalidate(self, parent: Inode, name: bytes, child: Inode | None) -> bool:
        assert isinstance(parent, OverlayDirectory)
        if parent.lower is None or (parent.changes is not None and name in parent.changes):
            return True
        if child is None:
            return self._below.revalidate(parent.lower, name, None)
        assert isinstance(child, OverlayInode)
        return child.node is not None or self._below.revalidate(parent.lower, name, child.lower)

    def status(self) -> FilesystemStatus:
        return self.budget.status(OVERLAYFS_MAGIC)
