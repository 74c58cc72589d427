# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""From a program's file to a load plan: #! lines and ELF headers, parsed with suspicion.

prepare() is execve(2)'s point of no side effects: it resolves, checks and parses, or raises the errno with which the
old image goes on. Image.plan() is what the stub then maps. Source: fs/binfmt_script.c, fs/binfmt_elf.c, elf(5).
"""

from __future__ import annotations

import errno
import os
import struct

from sentry.abi.errors import LinuxError
from sentry.platform.stub import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.vfs.file import OpenFile

PAGE = 4096
_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_ET_EXEC, _ET_DYN, _EM_X86_64 = 2, 3, 62
_PT_LOAD, _PT_INTERP, _PT_GNU_STACK = 1, 3, 0x6474E551
_PF_X, _PF_W, _PF_R = 1, 2, 4
_MAX_PHDRS = 65536 // 56
_TOP = 0x7FFFFFFFF000
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4
_MAP_PRIVATE, _MAP_FIXED, _MAP_ANONYMOUS = 2, 0x10, 0x20
_BSS = _MAP_PRIVATE | _MAP_FIXED | _MAP_ANONYMOUS
_BINPRM_BUF = 256
_BLANK = b" \t"
_ENDS = (b" ", b"\t", b"\0")
_MAX_OFFSET = (1 << 63) - 1

# Where position-independent programs and interpreters go: far from the stack, the host's mmap area and the stub.
_PIE_BASE, _INTERPRETER_BASE = 0x555555554000, 0x7D0000000000

AT_PHDR, AT_PHENT, AT_PHNUM, AT_BASE, AT_ENTRY = 3, 4, 5, 7, 9
AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE = 11, 12, 13, 14, 23


class Segment:
    """One PT_LOAD."""

    __slots__ = ("address", "file_size", "flags", "memory_size", "offset")

    def __init__(self, flags: int, offset: int, address: int, file_size: int, memory_size: int) -> None:
        self.flags = flags
        self.offset = offset
        self.address = address
        self.file_size = file_size
        self.memory_size = memory_size


class Elf:
    """A checked ELF file. load_bias is chosen at once: 0 for ET_EXEC."""

    def __init__(self, file: OpenFile, interpreter: bool) -> None:
        self.file = file
        header = _read(file, _EHDR.size, 0)
        if len(header) < _EHDR.size or header[:4] != b"\x7fELF":
            raise LinuxError(errno.ENOEXEC)
        ident, kind, machine, _, entry, phoff, _, _, _, phentsize, phnum, *_ = _EHDR.unpack(header)
        bad = errno.ELIBBAD if interpreter else errno.ENOEXEC
        if ident[4] != 2 or ident[5] != 1 or machine != _EM_X86_64 or kind not in (_ET_EXEC, _ET_DYN):
            raise LinuxError(bad)
        if phentsize != _PHDR.size or not 1 <= phnum <= _MAX_PHDRS:
            raise LinuxError(bad)
        table = _read(file, _PHDR.size * phnum, phoff)
        if len(table) < _PHDR.size * phnum:
            raise LinuxError(bad)
        self.segments: list[Segment] = []
        self.interpreter: bytes | None = None
        self.phnum = phnum
        alignment = PAGE
        for kind_, flags, offset, address, _, file_size, memory_size, align in _PHDR.iter_unpack(table):
            if kind_ == _PT_LOAD:
                self._add(Segment(flags, offset, address, file_size, memory_size), bad)
                if align & (align - 1) == 0 and align > alignment:
                    alignment = min(align, 1 << 30)
            elif kind_ == _PT_INTERP and self.interpreter is None and not interpreter:
                if not 2 <= file_size <= 4096:
                    raise LinuxError(errno.ENOEXEC)
                name = _read(file, file_size, offset)
                if len(name) < file_size:
                    raise LinuxError(errno.EIO)
                if name[-1:] != b"\0":
                    raise LinuxError(errno.ENOEXEC)
                self.interpreter = name.split(b"\0", 1)[0]
        if not self.segments:
            raise LinuxError(bad)
        low = _page_down(self.segments[0].address)
        high = max(segment.address + segment.memory_size for segment in self.segments)
        if kind == _ET_EXEC:
            self.bias = 0
            if low < 65536 or _overlaps_stub(low, high):
                raise LinuxError(errno.EPERM if low < 4096 else errno.ENOEXEC)
        else:
            base = _INTERPRETER_BASE if interpreter else _PIE_BASE
            base += int.from_bytes(os.urandom(3), "little") * PAGE
            base -= base % alignment
            self.bias = base - low
        if high + self.bias > _TOP:
            raise LinuxError(errno.ENOMEM)
        self.entry = (entry + self.bias) & 0xFFFFFFFFFFFFFFFF
        self.base = low + self.bias
        self.end = high + self.bias
        self.phdr = 0
        for segment in self.segments:
            if segment.offset <= phoff < segment.offset + segment.file_size:
                self.phdr = phoff - segment.offset + segment.address + self.bias
                break

    def _add(self, segment: Segment, bad: int) -> None:
        if segment.file_size > segment.memory_size or segment.memory_size > _TOP or segment.address > _TOP:
            raise LinuxError(errno.EINVAL if bad == errno.ENOEXEC else bad)
        if segment.address % PAGE != segment.offset % PAGE or segment.offset >= 1 << 62:
            raise LinuxError(errno.EINVAL if bad == errno.ENOEXEC else bad)
        if self.segments and segment.address < self.segments[-1].address:
            raise LinuxError(bad)
        self.segments.append(segment)

    def maps(self, fd: int, maps: list[tuple[int, ...]], zeros: list[tuple[int, int]]) -> None:
        """Adds what the stub has to map (fd: the number installed in the task) and to clear."""
        covered = 0
        for segment in self.segments:
            protection = (
                (_PROT_READ if segment.flags & _PF_R else 0)
                | (_PROT_WRITE if segment.flags & _PF_W else 0)
                | (_PROT_EXEC if segment.flags & _PF_X else 0)
            )
            start = segment.address + self.bias
            low = _page_down(start)
            file_end = start + segment.file_size
            if segment.file_size:
                length = _page_up(file_end) - low
                offset = segment.offset - (start - low)
                maps.append((low, length, offset, protection, _MAP_PRIVATE | _MAP_FIXED, fd, 0))
                mapped = low + length
            else:
                mapped = max(low, covered)
            end = _page_up(start + segment.memory_size)
            if segment.memory_size > segment.file_size:
                if segment.file_size and protection & _PROT_WRITE and file_end % PAGE:
                    zeros.append((file_end, mapped - file_end))
                if end > mapped:
                    maps.append((mapped, end - mapped, 0, protection, _BSS, -1, 0))
            covered = max(covered, mapped, end)
        # A program of nothing but zeros maps no file: its descriptor goes with the next exec.
        last = max((index for index, entry in enumerate(maps) if entry[5] == fd), default=-1)
        if last >= 0:
            maps[last] = (*maps[last][:6], 1)


class Image:
    """A program ready to be loaded: the ELF, its interpreter, and what becomes of argv."""

    __slots__ = ("drop", "elf", "filename", "interpreter", "prefix")

    def __init__(self, elf: Elf, interpreter: Elf | None, filename: bytes, drop: int, prefix: list[bytes]) -> None:
        self.elf = elf
        self.interpreter = interpreter
        self.filename = filename
        self.drop = drop
        self.prefix = prefix

    def release(self) -> None:
        """Drops the open files."""
        self.elf.file.drop()
        if self.interpreter is not None:
            self.interpreter.file.drop()

    def plan(self, elf_fd: int, interpreter_fd: int, auxiliary: dict[int, int]) -> bytes:
        """The load plan of stub_abi.h for descriptors installed at these numbers."""
        maps: list[tuple[int, ...]] = []
        zeros: list[tuple[int, int]] = []
        self.elf.maps(elf_fd, maps, zeros)
        entry = self.elf.entry
        values = dict(auxiliary)
        values.update({AT_PHDR: self.elf.phdr, AT_PHENT: _PHDR.size, AT_PHNUM: self.elf.phnum})
        values.update({AT_ENTRY: self.elf.entry, AT_BASE: 0})
        if self.interpreter is not None:
            self.interpreter.maps(interpreter_fd, maps, zeros)
            entry = self.interpreter.entry
            values[AT_BASE] = self.interpreter.base
        strings = b"".join(text + b"\0" for text in [self.filename, *self.prefix])
        head = abi.PLAN_HEAD.pack(entry, len(maps), len(zeros), len(values), self.drop, len(self.prefix), len(strings))
        parts = [head]
        parts += [abi.PLAN_MAP.pack(*entry_) for entry_ in maps]
        parts += [abi.PLAN_PAIR.pack(*pair) for pair in zeros]
        parts += [abi.PLAN_PAIR.pack(*pair) for pair in values.items()]
        plan = b"".join([*parts, strings])
        if len(plan) > abi.PLAN_SIZE:
            raise LinuxError(errno.ENOEXEC)
        return plan


class Opener:
    """How the loader opens files; sentry/kernel/exec.py implements it with the caller's credentials."""

    def open(self, path: bytes) -> OpenFile:
        """A regular file with execute permission, open for reading. Raises: as execve(2)."""
        raise NotImplementedError


def prepare(file: OpenFile, filename: bytes, opener: Opener, reachable: bool = True) -> Image:
    """The image for an opened program; takes over file's reference, also on failure. reachable: False if an interpreter
    could not open filename (a descriptor that exec closes).

    Raises: LinuxError(ENOEXEC, ELOOP, ELIBBAD, EINVAL, ENOENT, EACCES, ...).
    """
    prefix: list[bytes] = []
    drop, name = 0, filename
    try:
        for _ in range(6):
            start = _read(file, _BINPRM_BUF, 0)
            if start[:2] != b"#!":
                break
            interpreter, argument = parse_script(start)
            if not reachable:
                raise LinuxError(errno.ENOENT)
            # argv[0] is replaced by: interpreter [argument] script
            prefix = [interpreter, *([argument] if argument else []), name, *prefix[1:]]
            drop = 1
            name = interpreter
            replacement = opener.open(interpreter)
            file.drop()
            file = replacement
        else:
            raise LinuxError(errno.ELOOP)
        elf = Elf(file, interpreter=False)
        loader = None
        if elf.interpreter is not None:
            loader_file = opener.open(elf.interpreter)
            try:
                loader = Elf(loader_file, interpreter=True)
            except LinuxError as error:
                loader_file.drop()
                if error.errno == errno.ENOEXEC:
                    raise LinuxError(errno.ELIBBAD) from None
                raise
    except BaseException:
        file.drop()
        raise
    return Image(elf, loader, filename, drop, prefix)


def parse_script(start: bytes) -> tuple[bytes, bytes]:
    """(interpreter, its one argument or b"") of a #! line in the first 256 bytes, as load_script() of
    fs/binfmt_script.c reads them. Raises: ENOEXEC; EACCES for an empty name, which is the working directory there."""
    last = _BINPRM_BUF - 1
    buffer = start[:_BINPRM_BUF].ljust(_BINPRM_BUF, b"\0")
    end = buffer.split(b"\0", 1)[0].find(b"\n")
    if end < 0:
        # No end of the line: only the argument may be cut off, not the interpreter's name.
        rest = buffer[2:].lstrip(_BLANK)
        if not rest or not any(byte in rest for byte in _ENDS):
            raise LinuxError(errno.ENOEXEC)
        end = last
    line = buffer[2:end].strip(_BLANK)
    if not line:
        raise LinuxError(errno.ENOEXEC)
    cut = min((at for at in map(line.find, _ENDS) if at >= 0), default=len(line))
    if not cut:
        raise LinuxError(errno.EACCES)
    if line[cut : cut + 1] == b"\0":
        return line[:cut], b""
    return line[:cut], line[cut:].lstrip(_BLANK).split(b"\0", 1)[0]


def _read(file: OpenFile, size: int, offset: int) -> bytes:
    data = b""
    if offset + size > _MAX_OFFSET:
        return data
    while len(data) < size:
        more = file.pread(size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _overlaps_stub(low: int, high: int) -> bool:
    return low < abi.BASE + abi.SIZE and high > abi.BASE


def _page_down(address: int) -> int:
    return address & ~(PAGE - 1)


def _page_up(address: int) -> int:
    return (address + PAGE - 1) & ~(PAGE - 1)
