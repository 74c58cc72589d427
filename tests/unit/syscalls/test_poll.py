# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""poll, ppoll, select and pselect6 over pipes."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from syscalls.pipes import pipe2
from syscalls.poll import poll, ppoll, pselect6, select
from tests.unit.ipc import FakeTask, do, start

MS = 1_000_000


@pytest.fixture
def task() -> Any:
    task = FakeTask()
    assert do(task, pipe2, task.room(8), 0) == 0  # 0 reads, 1 writes
    return task


def pollfds(*entries: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("<ihH", fd, events, 0x1234) for fd, events in entries)


def revents(task: Any, address: int, count: int) -> list[int]:
    return [struct.unpack_from("<H", task.memory.read(address, 8 * count), 8 * i + 6)[0] for i in range(count)]


def test_poll_reports_what_is_ready_and_clears_the_rest(task: Any) -> None:
    at = task.place(pollfds((0, 1), (1, 4), (-1, 7), (99, 1)))
    assert do(task, poll, at, 4, -1) == 2
    assert revents(task, at, 4) == [0, 4, 0, 0x20]


def test_poll_waits_until_somebody_writes(task: Any) -> None:
    at = task.place(pollfds((0, 1)))
    call = start(task, poll, at, 1, -1)
    assert call.blocked
    task.files.get(1).write(b"x")
    assert call.run().result == 1
    assert revents(task, at, 1) == [1]
    assert task.files.get(0).references == 1


def test_poll_hears_of_a_hang_up_that_it_did_not_ask_for(task: Any) -> None:
    at = task.place(pollfds((0, 0)))
    call = start(task, poll, at, 1, -1)
    task.files.close(1)
    assert call.run().result == 1
    assert revents(task, at, 1) == [0x10]


def test_poll_times_out_and_a_restarted_poll_keeps_its_deadline(task: Any) -> None:
    at = task.place(pollfds((0, 1)))
    call = start(task, poll, at, 1, 100)
    task.kernel.advance(60 * MS)
    assert call.run().blocked
    interrupted = call.kick().interrupted
    assert interrupted is not None
    assert interrupted.no_hand
    again = start(task, poll, at, 1, 100)
    task.kernel.advance(40 * MS)
    assert again.run().result == 0
    assert revents(task, at, 1) == [0]
    assert task.restart_deadline is None


def test_poll_errors(task: Any) -> None:
    assert do(task, poll, 8, 1, 0) == -errno.EFAULT
    assert do(task, poll, 0, 1025, 0) == -errno.EINVAL
    assert do(task, poll, 0, 0, 0) == 0


def test_a_file_that_is_closed_while_polled_lives_on(task: Any) -> None:
    at = task.place(pollfds((0, 1)))
    call = start(task, poll, at, 1, -1)
    reader = task.files.get(0)
    task.files.close(0)
    assert reader.references == 1
    task.files.get(1).write(b"x")
    assert call.run().result == 1
    assert reader.references == 0


def test_ppoll_writes_back_what_is_left(task: Any) -> None:
    at = task.place(pollfds((0, 1)))
    timeout = task.place(struct.pack("<qq", 1, 5))
    call = start(task, ppoll, at, 1, timeout, 0, 8)
    task.kernel.advance(400 * MS)
    task.files.get(1).write(b"x")
    assert call.run().result == 1
    assert struct.unpack("<qq", task.memory.read(timeout, 16)) == (0, 600 * MS + 5)
    bad = task.place(struct.pack("<qq", 0, 10**9))
    assert do(task, ppoll, at, 1, bad, 0, 8) == -errno.EINVAL


def test_an_interrupted_ppoll_leaves_the_rest_for_its_restart(task: Any) -> None:
    at = task.place(pollfds((0, 1)))
    timeout = task.place(struct.pack("<qq", 1, 0))
    call = start(task, ppoll, at, 1, timeout, 0, 8)
    task.kernel.advance(400 * MS)
    assert call.kick().interrupted is not None
    assert struct.unpack("<qq", task.memory.read(timeout, 16)) == (0, 600 * MS)


def test_select_sets_bits_and_the_time_left(task: Any) -> None:
    reads, writes = task.place(struct.pack("<Q", 1)), task.place(struct.pack("<Q", 2))
    timeout = task.place(struct.pack("<qq", 2, 0))
    assert do(task, select, 2, reads, writes, 0, timeout) == 1
    assert task.memory.read(reads, 8) == bytes(8)
    assert task.memory.read(writes, 8) == struct.pack("<Q", 2)
    task.memory.write(reads, struct.pack("<Q", 1))
    call = start(task, select, 1, reads, 0, 0, timeout)
    task.kernel.advance(500 * MS)
    task.files.get(1).write(b"x")
    assert call.run().result == 1
    assert struct.unpack("<qq", task.memory.read(timeout, 16)) == (1, 500_000)


def test_select_as_a_sleep(task: Any) -> None:
    timeout = task.place(struct.pack("<qq", 0, 1_500_000))
    call = start(task, select, 0, 0, 0, 0, timeout)
    task.kernel.advance(1499 * MS)
    assert call.run().blocked
    task.kernel.advance(1 * MS)
    assert call.run().result == 0
    assert struct.unpack("<qq", task.memory.read(timeout, 16)) == (0, 0)


def test_select_errors(task: Any) -> None:
    zero = task.place(bytes(16))
    assert do(task, select, -1, 0, 0, 0, zero) == -errno.EINVAL
    negative = task.place(struct.pack("<qq", -1, 0))
    assert do(task, select, 0, 0, 0, 0, negative) == -errno.EINVAL
    closed = task.place(struct.pack("<Q", 1 << 40))
    assert do(task, select, 64, closed, 0, 0, zero) == -errno.EBADF
    assert do(task, select, 64, 8, 0, 0, zero) == -errno.EFAULT
    assert do(task, pselect6, 0, 0, 0, 0, task.place(struct.pack("<qq", 0, 10**9)), 0) == -errno.EINVAL


def test_select_ignores_descriptors_above_the_tables_size(task: Any) -> None:
    high = task.place(bytes(64) + struct.pack("<Q", 1) + bytes(56))
    assert do(task, select, 1024, high, 0, 0, task.place(bytes(16))) == 0
