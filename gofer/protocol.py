# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the sentry may ask of the gofer, and the checks that both sides make.

A request is an array [operation, arguments...]; a reply is [0, result] or [errno, None]. Both sides check every message
against the tables below; whoever gets one that does not fit drops its peer (ProtocolError).

The protocol is stateless by path: a request names an export (its index in the sandbox's list) and a path of bytes
relative to it (b"" is the export itself, "/" separates, no ".", "..", empty parts or NULs), which the gofer resolves
afresh without ever following a symbolic link. So there is no table of handles that could run full or go stale; a
hard link or an open file outlives its path through the descriptors that were donated.

Requests (E: export, P: path; times in ns since the epoch; ids, modes and devices as the host sees them):

    operation   arguments                              result
    WALK        E P names follow-up                    [attributes of each found, errno that ended it or 0, target]
    OPEN        E P access                             attributes; donates the descriptor (access: O_ACCMODE, O_APPEND)
    CREATE      E P mode uid gid                       [attributes, parent's]; donates it (O_RDWR), always O_EXCL
    TEMPORARY   E P mode uid gid                       attributes; donates it (O_RDWR), unnamed file in directory P
    MKDIR       E P mode uid gid                       [attributes, parent's]
    MKNOD       E P mode rdev uid gid                  [attributes, parent's]
    SYMLINK     E P target uid gid                     [attributes, parent's]
    LINK        E P new-P                              [attributes, new parent's]
    UNLINK      E P                                    parent's attributes
    RMDIR       E P                                    parent's attributes
    RENAME      E P new-P flags                        [moved file's, parent's, new parent's, exchanged file's or nil]
    READLINK    E P                                    target
    READDIR     E P cookie                             [[name, attributes, ...], next cookie or 0 at the end]
    SETATTR     E P mode uid gid size atime mtime      attributes; nil leaves a field as it is
    GETATTR     E P                                    attributes
    STATFS      E P                                    [type, bsize, blocks, bfree, bavail, files, ffree, namelen]
    GETXATTR    E P name                               value
    SETXATTR    E P name value flags                   nil
    LISTXATTR   E P                                    names
    REMOVEXATTR E P name                               nil
    SYNC        E P whole                              nil; fsync of P, or with whole: syncfs of its file system

WALK goes through names, one component each, as far as it can: it ends at a symbolic link (target is what it says) or at
something that is no directory, with 0; at an error (ENOENT, EACCES) with that. Follow-up: if the last name was found
to be a regular file, donate a read-only descriptor of it too, if that can be had.

Attributes travel as ATTRIBUTES, a packed structure: one object for the decoder, and cheap to keep. In READDIR an nlink
of 0 says that only the type and the inode number are known (the directory may be listed but not searched).
"""

from __future__ import annotations

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

# dev ino mode nlink uid gid rdev size blksize blocks atime mtime ctime btime; signed, since times before 1970 are.
ATTRIBUTES = struct.Struct("<QQIIIIQqIqqqqq")
ATTRIBUTES_SIZE = ATTRIBUTES.size

MESSAGE_LIMIT = 8 << 20  # bytes of one message
DESCRIPTOR_LIMIT = 16  # descriptors of one message
PATH_LIMIT = 1 << 16  # bytes: more than PATH_MAX, as a guest may climb down step by step
NAMES_LIMIT = 256
TARGET_LIMIT = 4096  # bytes of a link's target (PATH_MAX)
XATTR_LIMIT = 1 << 16  # XATTR_SIZE_MAX
EXPORT_LIMIT = 1 << 12

(
    WALK, OPEN, CREATE, TEMPORARY, MKDIR, MKNOD, SYMLINK, LINK, UNLINK, RMDIR, RENAME, READLINK, READDIR, SETATTR,
    GETATTR, STATFS, GETXATTR, SETXATTR, LISTXATTR, REMOVEXATTR, SYNC,
) = range(1, 22)  # fmt: skip

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2


class ProtocolError(Exception):
    """The peer broke the protocol, or is gone: drop it."""


class ChannelClosed(ProtocolError):
    """The peer closed its end between two messages."""


Check: TypeAlias = "Callable[[object], bool]"

_U32 = 1 << 32
_U64 = 1 << 64
_ACCESS = frozenset((os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_APPEND))
_BAD_PARTS = frozenset((b"", b".", b".."))


def _integer(low: int, high: int) -> Check:
    """From low to high - 1; True and False are no integers here."""
    return lambda value: type(value) is int and low <= value < high


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_path(value: object) -> bool:
    if type(value) is not bytes or len(value) > PATH_LIMIT or b"\0" in value:
        return False
    return not value or _BAD_PARTS.isdisjoint(value.split(b"/"))


def _is_child_path(value: object) -> bool:
    """A path that names something in a directory, so not the export itself."""
    return bool(value) and _is_path(value)


def _is_name(value: object) -> bool:
    return type(value) is bytes and 0 < len(value) <= PATH_LIMIT and b"/" not in value and b"\0" not in value and (
        value not in _BAD_PARTS
    )  # fmt: skip


def _is_names(value: object) -> bool:
    return type(value) is list and 0 < len(value) <= NAMES_LIMIT and all(map(_is_name, value))


def _is_target(value: object) -> bool:
    return type(value) is bytes and 0 < len(value) <= TARGET_LIMIT and b"\0" not in value


def _is_xattr_name(value: object) -> bool:
    return type(value) is bytes and 0 < len(value) <= 255 and b"\0" not in value


def _is_xattr_value(value: object) -> bool:
    return type(value) is bytes and len(value) <= XATTR_LIMIT


def _is_xattr_names(value: object) -> bool:
    return type(value) is list and all(map(_is_xattr_name, value))


def _is_attributes(value: object) -> bool:
    return type(value) is bytes and len(value) == ATTRIBUTES_SIZE


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_access(value: object) -> bool:
    return type(value) is int and value in _ACCESS


def _is_none(value: object) -> bool:
    return value is None


def _sequence(*checks: Check) -> Check:
    def check(value: object) -> bool:
        return type(value) is list and len(value) == len(checks) and all(
            test(part) for test, part in zip(checks, value, strict=True)
        )  # fmt: skip

    return check


def _is_attributes_list(value: object) -> bool:
    return type(value) is list and len(value) <= NAMES_LIMIT and all(map(_is_attributes, value))


def _is_entries(value: object) -> bool:
    return (
        type(value) is list
        and len(value) % 2 == 0
        and all(map(_is_name, value[::2]))
        and all(map(_is_attributes, value[1::2]))
    )


_export = _integer(0, EXPORT_LIMIT)
_mode = _integer(0, 0o10000)
_mode_with_type = _integer(0, 1 << 16)
_id = _integer(0, _U32 - 1)  # not -1, which would mean "leave it"
_errno = _integer(0, 4096)
_u32 = _integer(0, _U32)
_u63 = _integer(0, _U64 >> 1)
_u64 = _integer(0, _U64)
_s64 = _integer(-(_U64 >> 1), _U64 >> 1)
_flags2 = _integer(0, 3)
_pair = _sequence(_is_attributes, _is_attributes)

ARGUMENTS: dict[int, tuple[Check, ...]] = {
    WALK: (_export, _is_path, _is_names, _is_bool),
    OPEN: (_export, _is_path, _is_access),
    CREATE: (_export, _is_child_path, _mode, _id, _id),
    TEMPORARY: (_export, _is_path, _mode, _id, _id),
    MKDIR: (_export, _is_child_path, _mode, _id, _id),
    MKNOD: (_export, _is_child_path, _mode_with_type, _u32, _id, _id),
    SYMLINK: (_export, _is_child_path, _is_target, _id, _id),
    LINK: (_export, _is_child_path, _is_child_path),
    UNLINK: (_export, _is_child_path),
    RMDIR: (_export, _is_child_path),
    RENAME: (_export, _is_child_path, _is_child_path, _flags2),
    READLINK: (_export, _is_path),
    READDIR: (_export, _is_path, _u63),
    SETATTR: (_export, _is_path, _maybe(_mode), _maybe(_id), _maybe(_id), _maybe(_u63), _maybe(_s64), _maybe(_s64)),
    GETATTR: (_export, _is_path),
    STATFS: (_export, _is_path),
    GETXATTR: (_export, _is_path, _is_xattr_name),
    SETXATTR: (_export, _is_path, _is_xattr_name, _is_xattr_value, _flags2),
    LISTXATTR: (_export, _is_path),
    REMOVEXATTR: (_export, _is_path, _is_xattr_name),
    SYNC: (_export, _is_path, _is_bool),
}

RESULTS: dict[int, Check] = {
    WALK: _sequence(_is_attributes_list, _errno, _maybe(_is_target)),
    OPEN: _is_attributes,
    CREATE: _pair,
    TEMPORARY: _is_attributes,
    MKDIR: _pair,
    MKNOD: _pair,
    SYMLINK: _pair,
    LINK: _pair,
    UNLINK: _is_attributes,
    RMDIR: _is_attributes,
    RENAME: _sequence(_is_attributes, _is_attributes, _is_attributes, _maybe(_is_attributes)),
    READLINK: _is_target,
    READDIR: _sequence(_is_entries, _u63),
    SETATTR: _is_attributes,
    GETATTR: _is_attributes,
    STATFS: _sequence(*[_u64] * 8),
    GETXATTR: _is_xattr_value,
    SETXATTR: _is_none,
    LISTXATTR: _is_xattr_names,
    REMOVEXATTR: _is_none,
    SYNC: _is_none,
}

# How many descriptors a successful reply may carry.
DONATES: dict[int, tuple[int, int]] = {WALK: (0, 1), OPEN: (1, 1), CREATE: (1, 1), TEMPORARY: (1, 1)}

# What changes a file system, and so is refused on a read-only export; OPEN is one if it asks for writing.
WRITES = frozenset(
    (CREATE, TEMPORARY, MKDIR, MKNOD, SYMLINK, LINK, UNLINK, RMDIR, RENAME, SETATTR, SETXATTR, REMOVEXATTR)
)


def check_request(message: object) -> list[object]:
    """The request, known to be well-formed (gofer's side). Raises: ProtocolError."""
    if type(message) is not list or not message:
        raise ProtocolError("a request is a list")
    operation = message[0]
    checks = ARGUMENTS.get(operation) if type(operation) is int else None
    if checks is None:
        raise ProtocolError("no such operation")
    if len(message) != len(checks) + 1:
        raise ProtocolError(f"operation {operation} takes {len(checks)} arguments")
    for index, check in enumerate(checks, 1):
        if not check(message[index]):
            raise ProtocolError(f"operation {operation}: bad argument {index}")
    return message


def check_reply(operation: int, message: object) -> tuple[int, object]:
    """(errno, result) of a well-formed reply to operation (sentry's side). Raises: ProtocolError."""
    if type(message) is not list or len(message) != 2 or not _errno(message[0]):
        raise ProtocolError("a reply is [errno, result]")
    number, result = message
    if number:
        if result is not None:
            raise ProtocolError("an error has no result")
    elif not RESULTS[operation](result):
        raise ProtocolError(f"bad result of operation {operation}")
    return number, result


def is_write(request: list[object]) -> bool:
    """Does a checked request change the export, or ask for the means to?"""
    return request[0] in WRITES or (request[0] == OPEN and request[3] != os.O_RDONLY)
