# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Advisory locks: who gets in whose way, compared with the host's own where one process can ask it."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import struct
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from sentry.abi.errors import LinuxError
from sentry.fs.tmpfs import make_memfd
from sentry.kernel.blocking import READY, Block
from sentry.vfs import locks
from sentry.vfs.fd_table import FdTable
from sentry.vfs.locks import F_RDLCK, F_UNLCK, F_WRLCK, OFFSET_MAX

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from sentry.vfs.file import OpenFile

F_OFD_GETLK, F_OFD_SETLK = 36, 37
FLOCK = struct.Struct("<hhxxxxqqixxxx")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert not list(locks.held())
    assert not locks._locks
    assert not locks.posix_locked
    assert not locks.locked_files
    assert not locks._waiting
    assert locks._count == 0


def two_files() -> tuple[OpenFile, OpenFile]:
    """Two descriptions of one file."""
    first = make_memfd(b"x", False, 0, 0)
    second = first.inode.open(os.O_RDWR, None, None)  # type: ignore[arg-type] # a memfd has neither
    return first, second


def at_once(call: Coroutine[Block, Any, int]) -> int:
    """The call's errno, 0 if it succeeded without waiting."""
    try:
        call.send(None)
    except StopIteration:
        return 0
    except LinuxError as error:
        return error.errno
    call.close()
    return -1


def record(file: OpenFile, owner: Any, kind: int, first: int, last: int, wait: bool = False) -> Any:
    return locks.set_record(file.inode, owner, kind, first, last, 1 if isinstance(owner, FdTable) else -1, wait)


def test_flock_is_of_the_description() -> None:
    first, second = two_files()
    assert at_once(locks.flock(first, locks.LOCK_SH)) == 0
    assert at_once(locks.flock(second, locks.LOCK_SH)) == 0
    assert at_once(locks.flock(first, locks.LOCK_EX | locks.LOCK_NB)) == errno.EWOULDBLOCK
    # The failed conversion lost the lock: flock(2).
    assert at_once(locks.flock(second, locks.LOCK_EX | locks.LOCK_NB)) == 0
    assert at_once(locks.flock(first, locks.LOCK_SH | locks.LOCK_NB)) == errno.EWOULDBLOCK
    assert at_once(locks.flock(second, locks.LOCK_EX)) == 0
    assert at_once(locks.flock(first, 0)) == errno.EINVAL
    second.drop()
    assert at_once(locks.flock(first, locks.LOCK_EX | locks.LOCK_NB)) == 0
    assert at_once(locks.flock(first, locks.LOCK_UN)) == 0
    assert at_once(locks.flock(first, locks.LOCK_UN)) == 0


def test_flock_waits_until_the_other_is_gone() -> None:
    first, second = two_files()
    assert at_once(locks.flock(first, locks.LOCK_EX)) == 0
    waiting = locks.flock(second, locks.LOCK_EX)
    block = waiting.send(None)
    woken: list[int] = []
    block.queues[0].add("test", lambda: woken.append(1))
    first.drop()
    assert woken == [1]
    block.queues[0].remove("test")
    with pytest.raises(StopIteration):
        waiting.send(READY)
    second.drop()


def test_posix_locks_go_with_any_descriptor_of_the_table() -> None:
    table, other = FdTable(), FdTable()
    first, second = two_files()
    table.allocate(first, 10)
    table.allocate(second, 10)
    assert at_once(record(first, table, F_WRLCK, 0, 99)) == 0
    assert at_once(record(first, other, F_RDLCK, 50, 60)) == errno.EAGAIN
    assert at_once(record(first, other, F_RDLCK, 100, 160)) == 0
    blocker = locks.conflict(first.inode, other, F_RDLCK, 0, OFFSET_MAX)
    assert blocker is not None
    assert (blocker.kind, blocker.first, blocker.last, blocker.pid) == (F_WRLCK, 0, 99, 1)
    table.close(1)
    assert locks.conflict(first.inode, other, F_WRLCK, 0, OFFSET_MAX) is None
    locks.release_posix(other, first.inode)
    table.close_all()


def test_duplicating_onto_a_descriptor_drops_its_locks() -> None:
    table = FdTable()
    first, second = two_files()
    table.place(5, first)
    assert at_once(record(first, table, F_WRLCK, 0, 9)) == 0
    table.place(5, second)
    assert not list(locks.held())
    table.close_all()


def test_a_circle_of_waiters_is_a_deadlock() -> None:
    file, _ = two_files()
    tables = [FdTable() for _ in range(3)]
    for index, table in enumerate(tables):
        assert at_once(record(file, table, F_WRLCK, index, index)) == 0
    first = record(file, tables[0], F_WRLCK, 1, 1, True)
    second = record(file, tables[1], F_WRLCK, 2, 2, True)
    first.send(None)
    second.send(None)
    assert at_once(record(file, tables[2], F_WRLCK, 0, 0, True)) == errno.EDEADLK
    first.close()
    second.close()
    for table in tables:
        locks.release_posix(table, file.inode)


def test_a_waiter_gets_the_range_when_it_is_free() -> None:
    file, _ = two_files()
    holder, waiter = FdTable(), FdTable()
    assert at_once(record(file, holder, F_WRLCK, 0, 9)) == 0
    call = record(file, waiter, F_WRLCK, 5, 15, True)
    call.send(None)
    assert at_once(record(file, holder, F_UNLCK, 0, 7)) == 0
    call.send(READY)
    assert at_once(record(file, holder, F_UNLCK, 8, 9)) == 0
    with pytest.raises(StopIteration):
        call.send(READY)
    assert [(kind, first, last) for _, _, kind, _, first, last in locks.held()] == [(F_WRLCK, 5, 15)]
    locks.release_posix(waiter, file.inode)


def test_too_many_locks_give_enolck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "MAX_LOCKS", 3)
    file, _ = two_files()
    table = FdTable()
    for number in range(3):
        assert at_once(record(file, table, F_WRLCK, 2 * number, 2 * number)) == 0
    assert at_once(record(file, table, F_WRLCK, 100, 100)) == errno.ENOLCK
    assert at_once(record(file, table, F_WRLCK, 0, 50)) == 0
    locks.release_posix(table, file.inode)


def test_ranges_of_a_struct_flock() -> None:
    file, _ = two_files()
    file.write(b"0123456789")
    assert locks.lock_range(file, os.SEEK_SET, 3, 4) == (3, 6)
    assert locks.lock_range(file, os.SEEK_CUR, -3, 0) == (7, OFFSET_MAX)
    assert locks.lock_range(file, os.SEEK_END, 0, -2) == (8, 9)
    for whence, start, length, expected in (
        (os.SEEK_SET, -1, 0, errno.EINVAL), (os.SEEK_SET, 1, -2, errno.EINVAL), (7, 0, 0, errno.EINVAL),
        (os.SEEK_SET, OFFSET_MAX, 2, errno.EOVERFLOW), (os.SEEK_CUR, OFFSET_MAX, 0, errno.EOVERFLOW),
    ):  # fmt: skip
        with pytest.raises(LinuxError) as caught:
            locks.lock_range(file, whence, start, length)
        assert caught.value.errno == expected


@pytest.mark.parametrize("seed", range(5))
def test_open_file_description_locks_are_as_on_linux(seed: int) -> None:
    rng = random.Random(seed)
    first, second = two_files()
    third = first.inode.open(os.O_RDWR, None, None)  # type: ignore[arg-type] # as above
    ours = [first, second, third]
    with tempfile.NamedTemporaryFile() as host:
        native = [os.open(host.name, os.O_RDWR) for _ in ours]
        for _ in range(500):
            who = rng.randrange(3)
            kind = rng.choice((F_RDLCK, F_WRLCK, F_UNLCK))
            start = rng.randrange(30)
            length = rng.choice((0, 1, 2, 3, 5, 10, 30))
            packed = FLOCK.pack(kind, 0, start, length, 0)
            begin, end = locks.lock_range(ours[who], 0, start, length)
            if rng.random() < 0.3 and kind != F_UNLCK:
                found = FLOCK.unpack(fcntl.fcntl(native[who], F_OFD_GETLK, packed))
                blocker = locks.conflict(ours[who].inode, ours[who], kind, begin, end)
                assert (blocker is None) == (found[0] == F_UNLCK)
                continue
            try:
                fcntl.fcntl(native[who], F_OFD_SETLK, packed)
                expected = 0
            except OSError as error:
                expected = error.errno or 0
            assert at_once(record(ours[who], ours[who], kind, begin, end)) == expected
        for fd in native:
            os.close(fd)
    for file in ours:
        file.drop()
