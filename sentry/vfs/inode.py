# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a file system's inode.

An inode holds no path and no permission checks: sentry/vfs/walk.py and the syscall handlers check against the caller's
virtual credentials before they call here. Names are bytes, one component, never b"." or b"..". Every method raises
LinuxError with the errno that Linux gives.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi.errors import LinuxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import AttributeChange, Attributes, DirectoryEntry
    from sentry.vfs.file import OpenFile
    from sentry.vfs.filesystem import Filesystem
    from sentry.vfs.path import Path


class Inode:
    """A file, directory, link or special file of one file system."""

    __slots__ = ("__weakref__", "filesystem")

    def __init__(self, filesystem: Filesystem) -> None:
        self.filesystem = filesystem

    # -- every type --
    def attributes(self) -> Attributes:
        """The current attributes; a fresh or a shared object, the caller must not change it."""
        raise NotImplementedError

    def set_attributes(self, change: AttributeChange) -> None:
        """Applies the change and updates ctime. EPERM where the file system cannot, EROFS never (mounts check)."""
        raise LinuxError(errno.EPERM)

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        """A new open file description (refcount 1) for the O_* flags; path is what was opened. Truncation is done by
        the caller (set_attributes). FIFOs and devices are dealt with by sentry/vfs/special.py, not here."""
        raise LinuxError(errno.ENXIO)

    def get_xattr(self, name: bytes) -> bytes:
        raise LinuxError(errno.EOPNOTSUPP)

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        raise LinuxError(errno.EOPNOTSUPP)

    def list_xattr(self) -> list[bytes]:
        return []

    def remove_xattr(self, name: bytes) -> None:
        raise LinuxError(errno.EOPNOTSUPP)

    # -- symbolic links --
    def readlink(self, task: Task) -> bytes:
        raise LinuxError(errno.EINVAL)

    def follow(self, task: Task) -> Path | None:
        """Where a magic link (/proc/self/fd/3) leads, else None: the walk then uses readlink()."""
        return None

    # -- directories --
    def lookup(self, name: bytes) -> Inode:
        """The child's inode. ENOENT if there is none."""
        raise LinuxError(errno.ENOTDIR)

    def lookup_many(self, names: list[bytes]) -> list[Inode]:
        """The inodes below, one component each, as far as they can be found without following a link: a shorter list
        ends at a link, a non-directory or a missing name. A hint for file systems with a round trip a call; the
        default looks up one name and returns [] where it is missing."""
        try:
            return [self.lookup(names[0])]
        except LinuxError as error:
            if error.errno == errno.ENOENT:
                return []
            raise

    def entries(self, task: Task) -> list[DirectoryEntry]:
        """The names in the directory without . and .. ."""
        raise LinuxError(errno.ENOTDIR)

    def create(self, name: bytes, mode: int, uid: int, gid: int, rdev: int = 0) -> Inode:
        """A new file, FIFO, socket or device node by mode's type bits (mode has them; umask is already applied)."""
        raise LinuxError(errno.EPERM)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        raise LinuxError(errno.EPERM)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        raise LinuxError(errno.EPERM)

    def temporary(self, mode: int, uid: int, gid: int) -> Inode:
        """An unnamed regular file in this directory (O_TMPFILE)."""
        raise LinuxError(errno.EOPNOTSUPP)

    def link(self, name: bytes, target: Inode) -> None:
        """A hard link to target, of the same file system (the caller checked)."""
        raise LinuxError(errno.EPERM)

    def unlink(self, name: bytes, child: Inode) -> None:
        raise LinuxError(errno.EPERM)

    def rmdir(self, name: bytes, child: Inode) -> None:
        """ENOTEMPTY if it has entries."""
        raise LinuxError(errno.EPERM)

    def rename(
        self, name: bytes, child: Inode, directory: Inode, new_name: bytes, replaced: Inode | None, exchange: bool
    ) -> None:
        """Moves child to directory/new_name of the same file system, over replaced if there is one (types and
        emptiness of it are checked here: ENOTEMPTY); exchange swaps the two."""
        raise LinuxError(errno.EPERM)

    # -- helpers --
    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.attributes().mode)
