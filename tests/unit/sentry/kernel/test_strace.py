# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of --strace."""

from __future__ import annotations

from sentry.abi.errors import ERESTARTNOINTR
from sentry.kernel import strace
from syscalls.table import TABLE, Address, Entry, Fd, Mode, OpenFlags, PathAddress, Size, syscall
from tests.unit.machine import BASE, Machine, put


def rows() -> dict[int, Entry]:
    """A table of our own, made with the real decorator."""
    saved = dict(TABLE)
    TABLE.clear()

    @syscall(257)
    def openat(task: object, fd: Fd, path: PathAddress, flags: OpenFlags, mode: Mode) -> int:
        return 0

    @syscall(1)
    def write(task: object, fd: Fd, buffer: Address, count: Size) -> int:
        return 0

    @syscall(20)
    def writev(task: object, fd: Fd, vector: Address, count: Size) -> int:
        return 0

    @syscall(0)
    def read(task: object, fd: Fd, buffer: Address, count: Size) -> int:
        return 0

    made = dict(TABLE)
    TABLE.clear()
    TABLE.update(saved)
    return made


def line(machine: Machine, number: int, arguments: tuple[int, ...], value: int | None) -> str:
    registers = (*arguments, *(0,) * (6 - len(arguments)))
    trace = strace.tracer(machine.kernel, rows(), {"open flags": lambda flags: "O_RDONLY|O_CLOEXEC"})
    trace(machine.task, (0, 0, 0, number, 0, 0, *registers), value, 12_345)
    return machine.logged[-1]


def test_paths_flags_and_results_are_spelt() -> None:
    machine = Machine()
    put(machine.task, b"/etc/pass\nwd\0")
    prefix = "[    1     1] test "
    assert line(machine, 257, (-100 & 0xFFFFFFFF, BASE, 0x80000, 0o644), 3) == (
        prefix + 'openat(AT_FDCWD, "/etc/pass\\nwd", O_RDONLY|O_CLOEXEC, 0644) = 3 <0.000012>'
    )
    assert "= -1 ENOENT (No such file or directory)" in line(machine, 257, (3, 8, 0, 0), -2)
    assert "openat(3, 0x8, " in machine.logged[-1]
    assert "= ? ERESTARTNOINTR" in line(machine, 257, (3, 8, 0, 0), -ERESTARTNOINTR)
    assert "= ? (answered by the host)" in line(machine, 257, (3, 8, 0, 0), None)


def test_buffers_are_shown_as_far_as_they_were_used() -> None:
    machine = Machine()
    put(machine.task, b"abc\0" + b"x" * 60)
    assert 'write(1, "abc\\0' in line(machine, 1, (1, BASE, 64), 64)
    assert '"...' in machine.logged[-1]
    assert 'read(1, "abc", 64) = 3' in line(machine, 0, (1, BASE, 64), 3)
    put(machine.task, (BASE).to_bytes(8, "little") + (3).to_bytes(8, "little"), BASE + 512)
    assert 'writev(1, [{iov_base="abc", iov_len=3}], 1)' in line(machine, 20, (1, BASE + 512, 1), 3)


def test_unknown_calls_show_their_registers() -> None:
    assert "syscall_0x1f3(0x1, 0x2, 0x0, 0x0, 0x0, 0x0) = -1 ENOSYS" in line(Machine(), 499, (1, 2), -38)
