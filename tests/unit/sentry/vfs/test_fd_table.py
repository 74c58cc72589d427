# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptor tables: numbers, sharing, closing."""

from __future__ import annotations

import errno
import os
import random

from sentry.fs.tmpfs import make_memfd
from sentry.vfs.fd_table import FdTable
from sentry.vfs.file import OpenFile
from tests.unit.vfs import error_of

LIMIT = 1024


def new_file(flags: int = os.O_RDWR) -> OpenFile:
    file = make_memfd(b"x", False, 0, 0)
    file.flags = flags
    return file


def test_the_lowest_free_number_is_given() -> None:
    table = FdTable()
    assert [table.allocate(new_file(), LIMIT) for _ in range(4)] == [0, 1, 2, 3]
    table.close(2)
    table.close(1)
    assert [table.allocate(new_file(), LIMIT) for _ in range(3)] == [1, 2, 4]


def test_numbers_beyond_a_placed_one_and_minimum() -> None:
    table = FdTable()
    table.place(2, new_file())
    assert [table.allocate(new_file(), LIMIT) for _ in range(3)] == [0, 1, 3]
    assert table.allocate(new_file(), LIMIT, minimum=2) == 4
    assert table.allocate(new_file(), LIMIT, minimum=100) == 100
    assert table.allocate(new_file(), LIMIT) == 5
    assert table.highest == 100


def test_a_full_table_gives_emfile_and_keeps_the_reference() -> None:
    table = FdTable()
    for _ in range(3):
        table.allocate(new_file(), 3)
    file = new_file()
    assert error_of(lambda: table.allocate(file, 3)) == errno.EMFILE
    assert error_of(lambda: table.allocate(file, 3, minimum=3)) == errno.EMFILE
    assert file.references == 1
    table.close(1)
    assert table.allocate(file, 3) == 1


def test_access_modes() -> None:
    table = FdTable()
    numbers = {
        name: table.allocate(new_file(flags), LIMIT)
        for name, flags in (
            ("read", os.O_RDONLY),
            ("write", os.O_WRONLY),
            ("both", os.O_RDWR),
            ("none", 3),
            ("path", os.O_PATH),
        )  # fmt: skip
    }
    for name, number in numbers.items():
        assert error_of(table.readable, number) == (
            0 if name in ("read", "both") else errno.EBADF
        )  # fmt: skip
        assert error_of(table.writable, number) == (
            0 if name in ("write", "both") else errno.EBADF
        )  # fmt: skip
        assert error_of(table.opened, number) == (errno.EBADF if name == "path" else 0)
        assert table.get(number).references == 1
    for wrong in (-1, 99, -100):
        assert error_of(table.get, wrong) == errno.EBADF
        assert error_of(table.readable, wrong) == errno.EBADF
        assert error_of(table.remove, wrong) == errno.EBADF


def test_copies_share_the_descriptions() -> None:
    table = FdTable()
    file = new_file()
    table.allocate(file, LIMIT, close_on_exec=True)
    child = table.copy()
    assert file.references == 2
    child.close(0)
    assert table.get(0) is file
    assert file.references == 1
    assert 0 in table.close_on_exec
    assert not child.close_on_exec


def test_exec_closes_what_is_marked() -> None:
    table = FdTable()
    kept, closed = new_file(), new_file()
    table.allocate(kept, LIMIT)
    table.allocate(closed, LIMIT, close_on_exec=True)
    table.close_for_exec()
    assert [fd for fd, _ in table.items()] == [0]
    assert closed.references == 0


def test_placing_drops_what_was_there() -> None:
    table = FdTable()
    old, new = new_file(), new_file()
    table.allocate(old, LIMIT, close_on_exec=True)
    table.place(0, new)
    assert old.references == 0
    assert table.get(0) is new
    assert not table.close_on_exec


def test_close_range_and_close_all() -> None:
    table = FdTable()
    files = [new_file() for _ in range(6)]
    for file in files:
        table.allocate(file, LIMIT)
    table.close_range(2, 4)
    assert sorted(fd for fd, _ in table.items()) == [0, 1, 5]
    table.close_all()
    assert len(table) == 0
    assert [file.references for file in files] == [0] * 6
    assert table.allocate(new_file(), LIMIT) == 0


def test_any_order_of_calls_gives_the_lowest_number() -> None:
    rng = random.Random(1)
    table = FdTable()
    model: set[int] = set()
    for _ in range(5000):
        action = rng.randrange(4)
        number = rng.randrange(40)
        if action == 0:
            expected = min(set(range(50)) - model)
            assert table.allocate(new_file(), LIMIT) == expected
            model.add(expected)
        elif action == 1:
            expected = min(set(range(number, 90)) - model)
            assert table.allocate(new_file(), LIMIT, minimum=number) == expected
            model.add(expected)
        elif action == 2:
            table.place(number, new_file())
            model.add(number)
        else:
            for fd in (number, number + 1):
                assert error_of(table.close, fd) == (0 if fd in model else errno.EBADF)
                model.discard(fd)
        if len(model) > 40:
            table.close_all()
            model.clear()
        assert len(table._free) <= 100
