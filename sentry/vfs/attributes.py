# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What stat(2) knows of a file, and a change to it."""

from __future__ import annotations

import stat

from sentry.lean import Record


class Attributes(Record):
    """The fields of struct stat. size in bytes, blocks in 512 bytes, times in ns since the epoch, guest ids."""

    __slots__ = (
        "ino", "mode", "nlink", "uid", "gid", "size", "blocks", "blksize", "rdev", "dev", "atime", "mtime", "ctime",
        "btime",
    )  # fmt: skip

    def __init__(
        self,
        ino: int,
        mode: int,
        nlink: int = 1,
        uid: int = 0,
        gid: int = 0,
        size: int = 0,
        blocks: int = 0,
        blksize: int = 4096,
        rdev: int = 0,
        dev: int = 0,
        atime: int = 0,
        mtime: int = 0,
        ctime: int = 0,
        btime: int = 0,
    ) -> None:
        self.ino = ino
        self.mode = mode
        self.nlink = nlink
        self.uid = uid
        self.gid = gid
        self.size = size
        self.blocks = blocks
        self.blksize = blksize
        self.rdev = rdev
        self.dev = dev
        self.atime = atime
        self.mtime = mtime
        self.ctime = ctime
        self.btime = btime

    @property
    def file_type(self) -> int:
        """S_IFMT of the mode."""
        return stat.S_IFMT(self.mode)


class AttributeChange(Record):
    """What chmod, chown, utimensat or truncate ask for; None leaves a field as it is. mode: permission bits only."""

    __slots__ = ("mode", "uid", "gid", "size", "atime", "mtime")

    def __init__(
        self,
        mode: int | None = None,
        uid: int | None = None,
        gid: int | None = None,
        size: int | None = None,
        atime: int | None = None,
        mtime: int | None = None,
    ) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.atime = atime
        self.mtime = mtime


class DirectoryEntry(Record):
    """A name in a directory. type is DT_* of readdir(3) (S_IFMT >> 12)."""

    __slots__ = ("name", "ino", "type")

    def __init__(self, name: bytes, ino: int, type: int) -> None:  # noqa: A002 - the field is named as in readdir(3)
        self.name = name
        self.ino = ino
        self.type = type
