# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Names of numbers and bits, for --strace: the tables that Kind.show of syscalls/table.py refers to.

Loaded only by who prints. Bits are listed with their mask, widest first, so that O_SYNC is not taken for O_DSYNC.
"""

from __future__ import annotations

import fcntl
import os
import signal

from sentry.abi import fcntl as abi
from sentry.abi import mman
from sentry.vfs import mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def _constants(module: object, prefix: str, but: tuple[str, ...] = ()) -> dict[int, str]:
    """The integer constants of a module by their values; the first name in the alphabet wins."""
    found: dict[int, str] = {}
    for name in sorted(dir(module), reverse=True):
        value = getattr(module, name)
        if name.startswith(prefix) and isinstance(value, int) and name not in but:
            found[int(value)] = name
    return found


def _bits(module: object, *prefixes: str, but: tuple[str, ...] = ()) -> list[tuple[int, str]]:
    found = [row for prefix in prefixes for row in _constants(module, prefix, but).items() if row[0] > 0]
    return sorted(found, key=lambda row: (-row[0].bit_count(), row[0]))


NUMBERS: dict[str, dict[int, str]] = {
    "fcntl command": {
        **_constants(fcntl, "F_", ("F_RDLCK", "F_WRLCK", "F_UNLCK", "F_EXLCK", "F_SHLCK")),
        **_constants(abi, "F_", ("F_OWNER_TID", "F_OWNER_PID", "F_OWNER_PGRP", "F_SEAL_FUTURE_WRITE", "F_SEAL_EXEC")),
        0: "F_DUPFD", 1: "F_GETFD", 2: "F_SETFD", 3: "F_GETFL", 4: "F_SETFL", 5: "F_GETLK", 6: "F_SETLK", 7: "F_SETLKW",
        8: "F_SETOWN", 9: "F_GETOWN",
    },
    "ioctl request": {
        abi.FIONREAD: "FIONREAD", abi.FIONBIO: "FIONBIO", abi.FIONCLEX: "FIONCLEX", abi.FIOCLEX: "FIOCLEX",
        abi.FIOASYNC: "FIOASYNC", abi.FIOQSIZE: "FIOQSIZE", abi.FICLONE: "FICLONE", abi.FICLONERANGE: "FICLONERANGE",
        abi.FS_IOC_GETFLAGS: "FS_IOC_GETFLAGS", abi.FS_IOC_SETFLAGS: "FS_IOC_SETFLAGS", 0x5401: "TCGETS",
        0x5402: "TCSETS", 0x5403: "TCSETSW", 0x5404: "TCSETSF", 0x5409: "TCSBRK", 0x540B: "TCFLSH", 0x540E: "TIOCSCTTY",
        0x540F: "TIOCGPGRP", 0x5410: "TIOCSPGRP", 0x5411: "TIOCOUTQ", 0x5413: "TIOCGWINSZ", 0x5414: "TIOCSWINSZ",
        0x5422: "TIOCNOTTY", 0x5429: "TIOCGSID", 0x80045430: "TIOCGPTN", 0x40045431: "TIOCSPTLCK",
        0x5441: "TIOCGPTPEER",
    },
    "signal": {int(number): number.name for number in signal.Signals},
    "whence": {0: "SEEK_SET", 1: "SEEK_CUR", 2: "SEEK_END", 3: "SEEK_DATA", 4: "SEEK_HOLE"},
}  # fmt: skip

_OPEN_BITS = [
    (os.O_TMPFILE, "O_TMPFILE"), (os.O_SYNC, "O_SYNC"), (os.O_CREAT, "O_CREAT"), (os.O_EXCL, "O_EXCL"),
    (os.O_NOCTTY, "O_NOCTTY"), (os.O_TRUNC, "O_TRUNC"), (os.O_APPEND, "O_APPEND"), (os.O_NONBLOCK, "O_NONBLOCK"),
    (os.O_DSYNC, "O_DSYNC"), (abi.FASYNC, "O_ASYNC"), (os.O_DIRECT, "O_DIRECT"), (abi.O_LARGEFILE, "O_LARGEFILE"),
    (os.O_DIRECTORY, "O_DIRECTORY"), (os.O_NOFOLLOW, "O_NOFOLLOW"), (os.O_NOATIME, "O_NOATIME"),
    (os.O_CLOEXEC, "O_CLOEXEC"), (os.O_PATH, "O_PATH"),
]  # fmt: skip

# The mask of an enumeration in the low bits with its names, and the bits that may join it.
BITS: dict[str, tuple[int, dict[int, str], list[tuple[int, str]]]] = {
    "access mode": (7, {0: "F_OK"}, [(4, "R_OK"), (2, "W_OK"), (1, "X_OK")]),
    "at flags": (
        0, {},
        [
            (abi.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"), (abi.AT_REMOVEDIR, "AT_REMOVEDIR"),
            (abi.AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"), (abi.AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"),
            (abi.AT_EMPTY_PATH, "AT_EMPTY_PATH"), (abi.AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC"),
            (abi.AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC"),
        ],
    ),
    "map flags": (
        mman.MAP_TYPE, {1: "MAP_SHARED", 2: "MAP_PRIVATE", 3: "MAP_SHARED_VALIDATE"},
        [
            (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"), (0x40, "MAP_32BIT"), (0x100, "MAP_GROWSDOWN"),
            (0x800, "MAP_DENYWRITE"), (0x1000, "MAP_EXECUTABLE"), (0x2000, "MAP_LOCKED"), (0x4000, "MAP_NORESERVE"),
            (0x8000, "MAP_POPULATE"), (0x10000, "MAP_NONBLOCK"), (0x20000, "MAP_STACK"), (0x40000, "MAP_HUGETLB"),
            (0x80000, "MAP_SYNC"), (0x100000, "MAP_FIXED_NOREPLACE"),
        ],
    ),
    "mount flags": (0, {}, _bits(mounts, "MS_")),
    "open flags": (3, {0: "O_RDONLY", 1: "O_WRONLY", 2: "O_RDWR", 3: "O_ACCMODE"}, _OPEN_BITS),
    "protection": (7, {0: "PROT_NONE"}, [(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC")]),
}  # fmt: skip


def _number(names: dict[int, str]) -> Callable[[int], str]:
    return lambda value: names.get(value) or (hex(value) if value > 9 else str(value))


def _flags(mask: int, enumeration: dict[int, str], bits: list[tuple[int, str]]) -> Callable[[int], str]:
    def spell(value: int) -> str:
        words = []
        rest = value
        name = enumeration.get(value & mask)
        if name is not None:
            words.append(name)
            rest &= ~mask
        for bit, word in bits:
            if rest & bit == bit:
                words.append(word)
                rest &= ~bit
        if rest or not words:
            words.append(hex(rest) if rest else "0")
        return "|".join(words)

    return spell


SPELLERS: dict[str, Callable[[int], str]] = {
    **{show: _number(names) for show, names in NUMBERS.items()},
    **{show: _flags(*table) for show, table in BITS.items()},
}
"""By Kind.show: what prints a decoded value."""
