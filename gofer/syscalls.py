# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The system calls of the gofer that Python's os module lacks, over a raw one that is handed in.

Owns numbers (x86-64) and structure layouts; no policy. Errors are OSError, as those of the os module.
Source: the manual pages of section 2 and the headers named beside the constants.
"""

from __future__ import annotations

import errno
import os
import struct

from gofer.protocol import ATTRIBUTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

RawSyscall: TypeAlias = "Callable[..., int]"
"""raw(number, *arguments) -> result or -errno; arguments are integers, bytes (read only) or bytearrays."""

# arch/x86/entry/syscalls/syscall_64.tbl
NR_CAPSET = 126
NR_STATFS_OF_FD = 138  # fstatfs
NR_PIVOT_ROOT = 155
NR_PRCTL = 157
NR_MOUNT = 165
NR_UMOUNT2 = 166
NR_GETDENTS64 = 217
NR_UNSHARE = 272
NR_UTIMENSAT = 280
NR_PRLIMIT64 = 302
NR_SYNCFS = 306
NR_RENAMEAT2 = 316
NR_SECCOMP = 317
NR_STATX = 332
NR_OPEN_TREE = 428
NR_MOVE_MOUNT = 429
NR_CLOSE_RANGE = 436
NR_OPENAT2 = 437
NR_MOUNT_SETATTR = 442
NR_FCHMODAT2 = 452

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
AT_RECURSIVE = 0x8000

# linux/openat2.h
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS
_OPEN_HOW = struct.Struct("<QQQ")

# linux/stat.h: mask blksize attributes nlink uid gid mode - ino size blocks mask, four times of (s, ns, -), rdev, dev
_STATX = struct.Struct("<IIQIIIH2xQQQQqI4xqI4xqI4xqI4xIIII")
_STATX_SIZE = 256
_STATX_BASIC_AND_BIRTH = 0xFFF
_AT_STATX_SYNC_AS_STAT = 0

_STATFS = struct.Struct("<qqQQQQQ8xqqq32x")  # asm-generic/statfs.h, 64 bits
_TIMESPECS = struct.Struct("<qqqq")
_UTIME_OMIT = (1 << 30) - 2
_DIRENT = struct.Struct("<QqHB")
_NANO = 1_000_000_000

_RETRIES = 16  # RESOLVE_BENEATH says EAGAIN when somebody renames meanwhile


class Syscalls:
    """The calls, bound to a raw one. Not thread-safe: it reuses its buffers."""

    __slots__ = ("_dents", "_statx", "raw")

    def __init__(self, raw: RawSyscall) -> None:
        self.raw = raw
        self._statx = bytearray(_STATX_SIZE)
        self._dents = bytearray(1 << 16)

    def call(self, number: int, *arguments: int | bytes | bytearray) -> int:
        """The result. Raises: OSError."""
        result = self.raw(number, *arguments)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def openat2(self, directory: int, path: bytes, flags: int, mode: int = 0, resolve: int = RESOLVE) -> int:
        """A close-on-exec descriptor of path below directory, no link followed. Raises: OSError."""
        how = _OPEN_HOW.pack(flags | os.O_CLOEXEC, mode, resolve)
        result = -errno.EAGAIN
        for _ in range(_RETRIES):
            result = self.raw(NR_OPENAT2, directory, path, how, _OPEN_HOW.size)
            if result != -errno.EAGAIN:
                break
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def attributes(self, directory: int, name: bytes = b"") -> bytes:
        """protocol.ATTRIBUTES of a name in directory, not following it, or of directory itself. Raises: OSError."""
        buffer = self._statx
        flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | _AT_STATX_SYNC_AS_STAT
        result = self.raw(NR_STATX, directory, name, flags, _STATX_BASIC_AND_BIRTH, buffer)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        (
            _, blksize, _, nlink, uid, gid, mode, ino, size, blocks, _, atime, atime_ns, btime, btime_ns, ctime,
            ctime_ns, mtime, mtime_ns, rdev_major, rdev_minor, dev_major, dev_minor,
        ) = _STATX.unpack_from(buffer)  # fmt: skip
        return ATTRIBUTES.pack(
            os.makedev(dev_major, dev_minor), ino, mode, nlink, uid, gid, os.makedev(rdev_major, rdev_minor), size,
            blksize, blocks, atime * _NANO + atime_ns, mtime * _NANO + mtime_ns, ctime * _NANO + ctime_ns,
            btime * _NANO + btime_ns,
        )  # fmt: skip

    def directory_entries(self, directory: int) -> list[tuple[bytes, int, int, int]]:
        """What comes next in an open directory without . and .. : (name, d_off, d_ino, d_type) each.

        d_off is the place after the entry. Empty at the end: . and .. alone are read over. Raises: OSError.
        """
        buffer = self._dents
        while True:
            size = self.call(NR_GETDENTS64, directory, buffer, len(buffer))
            if not size:
                return []
            data = bytes(memoryview(buffer)[:size])
            entries = []
            start = 0
            while start < size:
                ino, cookie, length, kind = _DIRENT.unpack_from(data, start)
                name = data[start + 19 : data.index(b"\0", start + 19)]
                if name not in (b".", b".."):
                    entries.append((name, cookie, ino, kind))
                start += length
            if entries:
                return entries

    def utimens(self, directory: int, name: bytes, atime: int | None, mtime: int | None) -> None:
        """utimensat(2) of the name itself, ns; None leaves a time as it is. Raises: OSError."""
        words: list[int] = []
        for value in (atime, mtime):
            words += (0, _UTIME_OMIT) if value is None else divmod(value, _NANO)
        self.call(NR_UTIMENSAT, directory, name, _TIMESPECS.pack(*words), AT_SYMLINK_NOFOLLOW)

    def chmod(self, directory: int, name: bytes, mode: int) -> None:
        """fchmodat2(2) of the name itself (ENOSYS before Linux 6.6). Raises: OSError."""
        self.call(NR_FCHMODAT2, directory, name, mode, AT_SYMLINK_NOFOLLOW)

    def rename(self, directory: int, name: bytes, new_directory: int, new_name: bytes, flags: int) -> None:
        """renameat2(2). Raises: OSError."""
        self.call(NR_RENAMEAT2, directory, name, new_directory, new_name, flags)

    def statfs(self, descriptor: int) -> list[int]:
        """type, bsize, blocks, bfree, bavail, files, ffree, namelen. Raises: OSError."""
        buffer = bytearray(_STATFS.size)
        self.call(NR_STATFS_OF_FD, descriptor, buffer)
        values = _STATFS.unpack(buffer)
        return [value & (1 << 64) - 1 for value in values[:8]]

    def syncfs(self, descriptor: int) -> None:
        """Writes back the file system of descriptor. Raises: OSError."""
        self.call(NR_SYNCFS, descriptor)

    def unshare(self, flags: int) -> None:
        """Leaves the namespaces of the CLONE_NEW* flags. Raises: OSError."""
        self.call(NR_UNSHARE, flags)

    def prctl(self, option: int, *arguments: int) -> int:
        """What the option asks for. Raises: OSError."""
        return self.call(NR_PRCTL, option, *arguments, *(0,) * (4 - len(arguments)))
