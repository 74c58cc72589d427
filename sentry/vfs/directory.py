# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""An open directory.

Owns the list of names that getdents(2) pages through. The list is taken when a reader is at the beginning, and kept
until it comes back there, so that removing entries while reading (rm -r) neither skips nor repeats others: POSIX leaves
open only whether entries that come or go meanwhile are seen.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.vfs.attributes import DirectoryEntry
from sentry.vfs.file import OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path


class DirectoryFile(OpenFile):
    """A description of a directory. offset: the index of the next entry in listing()."""

    __slots__ = ("_listing",)

    def __init__(self, flags: int, inode: Inode, path: Path | None) -> None:
        super().__init__(flags, inode, path)
        self._listing: list[DirectoryEntry] | None = None

    def listing(self, task: Task) -> list[DirectoryEntry]:
        """The entries, "." and ".." first; taken anew while offset is 0. Raises: ENOENT for a removed directory."""
        listing = self._listing
        if listing is None or self.offset == 0:
            listing = self._listing = self._take(task)
        return listing

    def _take(self, task: Task) -> list[DirectoryEntry]:
        path = self.path
        inode = self.inode
        number = inode.attributes().ino
        above = number
        synthetic: list[DirectoryEntry] = []
        if path is not None:
            dentry = path.dentry
            if dentry.deleted:
                raise LinuxError(errno.ENOENT)
            parent = dentry.parent
            if dentry is path.mount.root and path.mount.point is not None:
                parent = path.mount.point.parent or path.mount.point
            if parent is not None and parent.inode is not None:
                above = parent.inode.attributes().ino
            # Mount points that the file system does not have.
            synthetic = [
                DirectoryEntry(name, child.inode.attributes().ino, child.kind >> 12)
                for name, child in dentry.children.items()
                if child.synthetic and child.inode is not None
            ]
        kind = stat.S_IFDIR >> 12
        dots = [DirectoryEntry(b".", number, kind), DirectoryEntry(b"..", above, kind)]
        return dots + inode.entries(task) + synthetic

    def seek(self, offset: int, whence: int) -> int:
        """Offsets are indexes into the listing. Raises: EINVAL."""
        if whence == os.SEEK_CUR:
            offset += self.offset
        elif whence == os.SEEK_END:
            # As large directories of Linux's file systems do: behind every entry.
            offset += len(self._listing) if self._listing is not None else 0x7FFFFFFF
        elif whence != os.SEEK_SET:
            raise LinuxError(errno.EINVAL)
        if offset < 0:
            raise LinuxError(errno.EINVAL)
        self.offset = offset
        if offset == 0:
            self._listing = None
        return offset

    def read(self, size: int) -> bytes:
        raise LinuxError(errno.EISDIR)

    def pread(self, size: int, offset: int) -> bytes:
        raise LinuxError(errno.EISDIR)

    def sync(self) -> None:
        """Nothing to do."""


__all__ = ["DirectoryFile"]
