# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Programs to load: made up field by field, in real files."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, cast

from sentry.abi.errors import LinuxError
from sentry.mm import loader

if TYPE_CHECKING:
    from sentry.vfs.file import OpenFile

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
IDENTITY = b"\x7fELF\x02\x01\x01" + bytes(9)


class File:
    """An open file with bytes in it; counts what is left open."""

    open_files = 0

    def __init__(self, data: bytes) -> None:
        self.fd = os.memfd_create("elf")
        os.write(self.fd, data)
        File.open_files += 1

    def pread(self, size: int, offset: int) -> bytes:
        return os.pread(self.fd, size, offset)

    def drop(self) -> None:
        os.close(self.fd)
        File.open_files -= 1

    @property
    def file(self) -> OpenFile:
        return cast("OpenFile", self)


class Opener(loader.Opener):
    """Opens what is in a dictionary."""

    def __init__(self, files: dict[bytes, bytes]) -> None:
        self.files = files
        self.opened: list[bytes] = []

    def open(self, path: bytes) -> OpenFile:
        self.opened.append(path)
        if path not in self.files:
            raise LinuxError(2)
        return File(self.files[path]).file


def segment(
    flags: int = 5, offset: int = 0, address: int = 0x400000, file_size: int = 0x200, memory_size: int | None = None,
    kind: int = 1, align: int = 0x1000,
) -> bytes:  # fmt: skip
    """One row of the program headers, PT_LOAD by default."""
    size = file_size if memory_size is None else memory_size
    return PROGRAM.pack(kind, flags, offset, address, address, file_size, size, align)


def elf(
    *rows: bytes, identity: bytes = IDENTITY, kind: int = 2, machine: int = 62, entry: int = 0x400100, phoff: int = 64,
    phentsize: int = 56, phnum: int | None = None, tail: bytes = b"",
) -> bytes:  # fmt: skip
    """A file with these program headers."""
    rows = rows or (segment(),)
    count = len(rows) if phnum is None else phnum
    head = HEADER.pack(identity, kind, machine, 1, entry, phoff, 0, 0, 64, phentsize, count, 0, 0, 0)
    return (head + b"".join(rows)).ljust(0x200, b"\0") + tail


def prepare(data: bytes, files: dict[bytes, bytes] | None = None, name: bytes = b"/prog") -> loader.Image:
    return loader.prepare(File(data).file, name, Opener(files or {}))
