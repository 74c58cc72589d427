# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The native functions on memory, tried on this very process."""

from __future__ import annotations

import errno
import mmap
import os

import pytest

from sentry.core import native

PAGE = mmap.PAGESIZE


class Memory:
    """Two pages, of which the second cannot be touched."""

    def __init__(self) -> None:
        self.address = native.syscall(9, 0, 2 * PAGE, 3, 0x22, -1, 0)
        assert self.address > 0
        assert native.syscall(10, self.address + PAGE, PAGE, 0) == 0
        self.end = self.address + PAGE

    def close(self) -> None:
        native.syscall(11, self.address, 2 * PAGE)

    def write(self, address: int, data: bytes) -> int:
        return int(native.raw_write_memory(os.getpid(), address, native.pointer_to(data), len(data)))

    def read(self, address: int, size: int) -> bytes | int:
        buffer, view = native.new_buffer(size)
        got = int(native.raw_read_memory(os.getpid(), address, buffer, size))
        return bytes(view[:got]) if got >= 0 else got

    def string(self, address: int, limit: int) -> bytes | int:
        buffer, view = native.new_buffer(limit)
        got = int(native.raw_read_string(os.getpid(), address, buffer, limit))
        return bytes(view[:got]) if got >= 0 else got


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_what_is_written_is_read(memory: Memory) -> None:
    assert memory.write(memory.address, b"hello") == 5
    assert memory.read(memory.address, 5) == b"hello"
    memory.close()


def test_copies_stop_at_the_end_of_the_memory(memory: Memory) -> None:
    assert memory.write(memory.end - 3, b"abcdef") == 3
    assert memory.read(memory.end - 3, 6) == b"abc"
    assert memory.read(memory.end, 1) == -errno.EFAULT
    assert memory.write(memory.end, b"x") == -errno.EFAULT
    memory.close()


@pytest.mark.parametrize("address", [0, 8, 1 << 47, (1 << 64) - 1, 0xFFFFFFFF80000000])
def test_wild_addresses_are_faults(memory: Memory, address: int) -> None:
    assert memory.read(address, 16) == -errno.EFAULT
    assert memory.write(address, b"x" * 16) == -errno.EFAULT
    assert memory.string(address, 16) == -errno.EFAULT
    memory.close()


def test_strings_end_at_their_nul_at_the_limit_or_with_the_memory(memory: Memory) -> None:
    memory.write(memory.end - 4, b"abc\0")
    assert memory.string(memory.end - 4, 4096) == b"abc"
    assert memory.string(memory.end - 4, 2) == b"ab"
    memory.write(memory.end - 4, b"abcd")
    assert memory.string(memory.end - 4, 4) == b"abcd"
    assert memory.string(memory.end - 4, 4096) == -errno.EFAULT
    memory.write(memory.address, b"x" * 3000 + b"\0")
    assert memory.string(memory.address, 4096) == b"x" * 3000
    memory.close()


def test_a_thread_that_is_gone_is_an_error(memory: Memory) -> None:
    buffer, _ = native.new_buffer(8)
    assert native.raw_read_memory(0x7FFFFFFF, memory.address, buffer, 8) < 0
    memory.close()


def test_files_are_copied_straight_to_memory_and_back(memory: Memory) -> None:
    fd = os.memfd_create("test")
    os.write(fd, b"0123456789")
    assert native.copy_out(os.getpid(), memory.address, 4, fd, 3) == 4
    assert memory.read(memory.address, 4) == b"3456"
    assert native.copy_out(os.getpid(), memory.end - 2, 8, fd, 0) == 2
    assert native.copy_out(os.getpid(), memory.end, 8, fd, 0) == -errno.EFAULT
    assert native.copy_out(os.getpid(), memory.address, 8, fd, 100) == 0
    assert native.copy_in(os.getpid(), memory.address, 4, fd, 20) == 4
    assert os.pread(fd, 4, 20) == b"3456"
    assert native.copy_in(os.getpid(), memory.end, 4, fd, 0) == -errno.EFAULT
    assert native.copy_in(os.getpid(), memory.address, 4, 99, 0) == -errno.EBADF
    os.close(fd)
    memory.close()


def test_a_raw_call_gives_the_negated_errno_and_takes_buffers() -> None:
    assert native.syscall(3, -1) == -errno.EBADF
    assert native.syscall(39) == os.getpid()
    name = bytearray(390)
    assert native.syscall(63, name) == 0
    assert name.startswith(b"Linux\0")
    assert native.syscall(21, b"/nowhere/at/all", 0) == -errno.ENOENT
