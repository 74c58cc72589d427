# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The table: decoding, registration, completeness, and the freshness of what is made from it."""

from __future__ import annotations

import pytest

from scripts import generate_syscall_numbers
from syscalls import decisions, document, flag_names, load_table
from syscalls.numbers_x86_64 import NUMBERS
from syscalls.table import (
    FULL,
    PARTIAL,
    PRIVATE,
    TABLE,
    Fd,
    Int,
    Mode,
    Offset,
    Size,
    Uid,
    UInt,
    dispatch_table,
    syscall,
)

TOP = (1 << 64) - 1


def test_registers_become_arguments_of_the_right_width_and_sign() -> None:
    number = PRIVATE + 0x1000

    @syscall(number, name="probe")
    def probe(task: object, fd: Fd, value: UInt, mode: Mode, offset: Offset, size: Size, uid: Uid) -> tuple[int, ...]:
        return (fd, value, mode, offset, size, uid)

    calls = dispatch_table()
    entry = TABLE.pop(number)
    for _ in range(2):  # the first call compiles
        assert calls[number](None, TOP, TOP, TOP, TOP, TOP, TOP) == (-1, 2**32 - 1, 0xFFFF, -1, TOP, 2**32 - 1)
    assert calls[number](None, 1 << 32, 5, 0o644, 1 << 63, 0, 0) == (0, 5, 0o644, -(1 << 63), 0, 0)
    assert entry.decode((TOP, 0, 0, 0, 0, 0)) == (-1, 0, 0, 0, 0, 0)


def test_a_number_is_registered_once_and_partial_support_says_what_is_missing() -> None:
    load_table()

    def handler(task: object, value: Int) -> int:
        return value

    with pytest.raises(ValueError):
        syscall(0)(handler)
    with pytest.raises(ValueError):
        syscall(PRIVATE + 0x1001, support=PARTIAL)(handler)
    assert PRIVATE + 0x1001 not in TABLE

    def untyped(task: object, value: int) -> int:
        return value

    with pytest.raises(TypeError):
        syscall(PRIVATE + 0x1001, support=FULL)(untyped)


def test_every_call_of_linux_is_decided() -> None:
    undecided = [decision.name for decision in decisions.decide() if decision.by == decisions.UNDECIDED]
    assert not undecided


def test_names_are_those_of_linux() -> None:
    assert not decisions.wrongly_named()


def test_every_kind_that_needs_names_has_them() -> None:
    load_table()
    plain = {"fd", "int", "uint", "hex", "octal", "id", "pointer", "path"}
    used = {kind.show for entry in TABLE.values() for _, kind in entry.parameters}
    assert used <= plain | set(flag_names.SPELLERS)


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        ("open flags", 0o2000101, "O_WRONLY|O_CREAT|O_CLOEXEC"),
        ("open flags", 0, "O_RDONLY"),
        ("protection", 0, "PROT_NONE"),
        ("protection", 5, "PROT_READ|PROT_EXEC"),
        ("map flags", 0x100022, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE"),
        ("at flags", 0, "0"),
        ("at flags", 0x80001000, "AT_EMPTY_PATH|0x80000000"),
        ("access mode", 0, "F_OK"),
        ("access mode", 6, "R_OK|W_OK"),
        ("fcntl command", 1030, "F_DUPFD_CLOEXEC"),
        ("fcntl command", 99, "0x63"),
        ("signal", 9, "SIGKILL"),
        ("whence", 2, "SEEK_END"),
    ],
)
def test_flags_are_spelled(show: str, value: int, text: str) -> None:
    assert flag_names.SPELLERS[show](value) == text


def test_the_list_of_numbers_is_fresh() -> None:
    header = generate_syscall_numbers.HEADER
    if header.exists():
        assert generate_syscall_numbers.read_header(header.read_text()).items() <= NUMBERS.items()
    assert generate_syscall_numbers.NEWER.items() <= NUMBERS.items()
    assert generate_syscall_numbers.module(NUMBERS) == generate_syscall_numbers.OUTPUT.read_text()


def test_the_documentation_is_fresh() -> None:
    assert document.OUTPUT.read_text() == document.text(), "run python -m syscalls.document"
