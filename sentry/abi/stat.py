# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""struct stat, statx, statfs and dirent of x86-64 (arch/x86/include/uapi/asm/stat.h, include/uapi/linux/stat.h)."""

import struct

STAT = struct.Struct("<QQQIIIIQqqqqqqqqq24x")
"""dev, ino, nlink, mode, uid, gid, pad, rdev, size, blksize, blocks, atime, mtime, ctime (each s and ns)."""

STATX = struct.Struct("<IIQIIIHHQQQQ" + "qI4x" * 4 + "IIIIQ104x")
"""mask, blksize, attributes, nlink, uid, gid, mode, pad, ino, size, blocks, attributes_mask, atime, btime, ctime, mtime
(each s and ns), rdev major and minor, dev major and minor, mnt_id."""

STATX_BASIC_STATS = 0x7FF
STATX_BTIME = 0x800
STATX_MNT_ID = 0x1000
STATX_RESERVED = 0x80000000
STATX_ATTR_MOUNT_ROOT = 0x2000

STATFS = struct.Struct("<qqQQQQQiiqqq32x")
"""type, bsize, blocks, bfree, bavail, files, ffree, fsid (2), namelen, frsize, flags."""

ST_VALID = 0x20

DIRENT64 = struct.Struct("<QqHB")
"""ino, off, reclen, type; the name and a NUL follow."""
DIRENT = struct.Struct("<QQH")
"""ino, off, reclen; the name, a NUL and (in the last byte of the record) the type follow."""

TIMESPEC_PAIR = struct.Struct("<qqqq")
TIMEVAL_PAIR = TIMESPEC_PAIR
UTIMBUF = struct.Struct("<qq")
UTIME_NOW = 0x3FFFFFFF
UTIME_OMIT = 0x3FFFFFFE

NS = 1_000_000_000
