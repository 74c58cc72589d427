# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Generated trees: what proc, sysfs and cgroupfs are made of.

Owns inodes whose content, names or targets are computed when somebody looks. Nothing here is ever changed by a guest
but through the write callbacks of single files. Content follows the kernel's seq_file (fs/seq_file.c): it is made at
the first read and again whenever a read starts at offset 0, so that one reader sees one consistent text.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from sentry.abi.errors import LinuxError
from sentry.vfs.attributes import AttributeChange, Attributes, DirectoryEntry
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

MAX_WRITE = 4096 * 16  # bytes of one write to a generated file; more is EINVAL

Render: TypeAlias = "Callable[[Task], bytes]"
Write: TypeAlias = "Callable[[Task, bytes], None]"


class SyntheticFilesystem(Filesystem):
    """A super block of generated inodes. magic: statfs(2)'s f_type."""

    takes_names = False

    def __init__(self, dev: int, kind: bytes, magic: int) -> None:
        super().__init__(dev)
        self.type = kind
        self.source = kind
        self.magic = magic
        self.created = time.time_ns()
        self._last_ino = 0

    def next_ino(self) -> int:
        """A fresh inode number for an inode that lives as long as the file system."""
        self._last_ino += 1
        return self._last_ino

    def status(self) -> FilesystemStatus:
        """No blocks, no files: as statfs(2) of proc and sysfs."""
        return FilesystemStatus(magic=self.magic)


class SyntheticInode(Inode):
    """The attributes that all generated inodes share. mode has the type bits; size in bytes is only shown."""

    __slots__ = ("gid", "ino", "mode", "size", "uid")

    def __init__(
        self, filesystem: SyntheticFilesystem, mode: int, *, ino: int = 0, uid: int = 0, gid: int = 0, size: int = 0
    ) -> None:
        super().__init__(filesystem)
        self.mode = mode
        self.ino = ino or filesystem.next_ino()
        self.uid = uid
        self.gid = gid
        self.size = size

    def attributes(self) -> Attributes:
        filesystem = self.filesystem
        created = filesystem.created if isinstance(filesystem, SyntheticFilesystem) else 0
        return Attributes(
            ino=self.ino, mode=self.mode, uid=self.uid, gid=self.gid, size=self.size, dev=filesystem.dev,
            atime=created, mtime=created, ctime=created, btime=created,
        )  # fmt: skip

    def set_attributes(self, change: AttributeChange) -> None:
        """O_TRUNC of a generated file is accepted and means nothing; modes and owners are not the guest's to change."""
        if change.mode is not None or change.uid is not None or change.gid is not None:
            raise LinuxError(errno.EPERM)


class SyntheticDirectory(SyntheticInode):
    """A directory of fixed children, which may be added while the tree is built."""

    __slots__ = ("children",)

    def __init__(
        self, filesystem: SyntheticFilesystem, children: dict[bytes, Inode] | None = None, mode: int = 0o555, *,
        ino: int = 0, uid: int = 0, gid: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(filesystem, stat.S_IFDIR | mode, ino=ino, uid=uid, gid=gid)
        self.children: dict[bytes, Inode] = children if children is not None else {}

    def attributes(self) -> Attributes:
        found = super().attributes()
        found.nlink = 2 + sum(isinstance(child, SyntheticDirectory) for child in self.children.values())
        return found

    def add(self, name: bytes, child: Inode) -> None:
        """Puts child in the directory; only while the tree is built."""
        self.children[name] = child

    def lookup(self, name: bytes) -> Inode:
        try:
            return self.children[name]
        except KeyError:
            raise LinuxError(errno.ENOENT) from None

    def entries(self, task: Task) -> list[DirectoryEntry]:
        return [_entry(name, child) for name, child in self.children.items()]

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        return DirectoryFile(flags, self, path)

    def create(self, name: bytes, mode: int, uid: int, gid: int, rdev: int = 0) -> Inode:
        raise LinuxError(errno.ENOENT)  # as proc and sysfs, which have no create operation at all

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        raise LinuxError(errno.EPERM)


def _entry(name: bytes, child: Inode) -> DirectoryEntry:
    if isinstance(child, SyntheticInode):
        return DirectoryEntry(name, child.ino, child.mode >> 12)
    found = child.attributes()
    return DirectoryEntry(name, found.ino, found.mode >> 12)


class DynamicDirectory(SyntheticDirectory):
    """A directory whose names come and go: subclasses answer find() and list_names(); fixed children come first."""

    __slots__ = ()

    def find(self, name: bytes) -> Inode | None:
        """The child of that name, a fresh object with a stable inode number, or None."""
        raise NotImplementedError

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        """The changing names now."""
        raise NotImplementedError

    def lookup(self, name: bytes) -> Inode:
        child = self.children.get(name) or self.find(name)
        if child is None:
            raise LinuxError(errno.ENOENT)
        return child

    def entries(self, task: Task) -> list[DirectoryEntry]:
        return [*super().entries(task), *self.list_names(task)]


class SyntheticFile(SyntheticInode):
    """A regular file: render(task) gives its content, write(task, data) takes one write(2) (None: EACCES by its mode).

    task is the one that opened the file: its credentials and root count, as for the kernel's seq files.
    check(task), if given, runs at open and raises LinuxError.
    """

    __slots__ = ("check", "render", "store")

    def __init__(
        self, filesystem: SyntheticFilesystem, render: Render, mode: int = 0o444, *, write: Write | None = None,
        check: Callable[[Task], None] | None = None, ino: int = 0, uid: int = 0, gid: int = 0, size: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(filesystem, stat.S_IFREG | mode, ino=ino, uid=uid, gid=gid, size=size)
        self.render = render
        self.store = write
        self.check = check

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        # An override of the modes (CAP_DAC_OVERRIDE) does not make a file writable that has no write operation: Linux
        # lets the open pass and fails each write with EIO (proc) or EINVAL.
        if self.check is not None:
            self.check(task)
        return SyntheticOpenFile(flags, self, path, task)


def constant(filesystem: SyntheticFilesystem, content: bytes, mode: int = 0o444) -> SyntheticFile:
    """A file whose content never changes."""
    return SyntheticFile(filesystem, lambda task: content, mode)


class SyntheticLink(SyntheticInode):
    """A symbolic link: target is fixed or computed for the task that reads it."""

    __slots__ = ("target",)

    def __init__(
        self, filesystem: SyntheticFilesystem, target: bytes | Render, *, ino: int = 0, uid: int = 0, gid: int = 0
    ) -> None:
        super().__init__(filesystem, stat.S_IFLNK | 0o777, ino=ino, uid=uid, gid=gid)
        self.target = target

    def readlink(self, task: Task) -> bytes:
        target = self.target
        return target if isinstance(target, bytes) else target(task)


class MagicLink(SyntheticInode):
    """A link that leads to an object, not to a name: resolve(task) is where it goes, text(task) what readlink shows.

    check(task), if given, is asked first for both and raises LinuxError (EACCES).
    """

    __slots__ = ("check", "resolve", "text")

    def __init__(
        self, filesystem: SyntheticFilesystem, resolve: Callable[[Task], Path], text: Render, *,
        check: Callable[[Task], None] | None = None, mode: int = 0o777, ino: int = 0, uid: int = 0, gid: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(filesystem, stat.S_IFLNK | mode, ino=ino, uid=uid, gid=gid, size=64)
        self.resolve = resolve
        self.text = text
        self.check = check

    def readlink(self, task: Task) -> bytes:
        if self.check is not None:
            self.check(task)
        return self.text(task)

    def follow(self, task: Task) -> Path:
        if self.check is not None:
            self.check(task)
        return self.resolve(task)


class SyntheticOpenFile(OpenFile):
    """An open generated file."""

    __slots__ = ("_content", "_inode", "_task")

    def __init__(self, flags: int, inode: SyntheticFile, path: Path | None, task: Task) -> None:
        super().__init__(flags, inode, path)
        self._inode = inode
        self._task = task
        self._content: bytes | None = None

    def pread(self, size: int, offset: int) -> bytes:
        content = self._content
        if content is None or offset == 0:
            content = self._content = self._inode.render(self._task)
        return content[offset : offset + size]

    def write(self, data: bytes | memoryview) -> int:
        return self.pwrite(data, 0)  # every write is a whole message, wherever the offset is

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        store = self._inode.store
        if store is None:
            raise LinuxError(errno.EIO)
        if len(data) > MAX_WRITE:
            raise LinuxError(errno.EINVAL)
        store(self._task, bytes(data))
        self._content = None
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        """seq_lseek of fs/seq_file.c: SEEK_SET and SEEK_CUR only."""
        if whence == os.SEEK_CUR:
            offset += self.offset
        elif whence != os.SEEK_SET:
            raise LinuxError(errno.EINVAL)
        if offset < 0:
            raise LinuxError(errno.EINVAL)
        self.offset = offset
        return offset

    def truncate(self, size: int) -> None:
        """Accepted and without meaning, as O_TRUNC is (the shell's `echo 1 > /proc/...`)."""
