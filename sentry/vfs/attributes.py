# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What stat(2) knows of a file, and a change to it."""

from __future__ import annotations

import stat
from dataclasses import dataclass


@dataclass(slots=True)
class Attributes:
    """The fields of struct stat. size in bytes, blocks in 512 bytes, times in ns since the epoch, guest ids."""

    ino: int
    mode: int
    nlink: int = 1
    uid: int = 0
    gid: int = 0
    size: int = 0
    blocks: int = 0
    blksize: int = 4096
    rdev: int = 0
    dev: int = 0
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    btime: int = 0

    @property
    def file_type(self) -> int:
        """S_IFMT of the mode."""
        return stat.S_IFMT(self.mode)


@dataclass(slots=True)
class AttributeChange:
    """What chmod, chown, utimensat or truncate ask for; None leaves a field as it is."""

    mode: int | None = None  # permission bits only
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    atime: int | None = None
    mtime: int | None = None


@dataclass(slots=True)
class DirectoryEntry:
    """A name in a directory. type is DT_* of readdir(3) (S_IFMT >> 12)."""

    name: bytes
    ino: int
    type: int
