# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V semaphores and message queues."""

from __future__ import annotations

import errno
import struct

import pytest

from sentry.abi import ipc as abi
from sentry.kernel import sysv_ipc
from sentry.kernel.blocking import READY, TIMED_OUT
from sentry.kernel.task import Task
from syscalls import sysv
from tests.unit.machine import BASE, Machine, errno_of, finish, put, start, user

OPERATIONS = BASE + 0x1000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    semaphores: sysv_ipc.Registry[sysv_ipc.SemaphoreSet] = sysv_ipc.Registry(abi.SEMMNI)
    queues: sysv_ipc.Registry[sysv_ipc.MessageQueue] = sysv_ipc.Registry(abi.MSGMNI)
    for module in (sysv_ipc, sysv):
        monkeypatch.setattr(module, "semaphores", semaphores)
        monkeypatch.setattr(module, "queues", queues)
    machine = Machine()
    sysv_ipc.register(machine.kernel)
    return machine


def semop(task: Task, identifier: int, *operations: tuple[int, int, int]) -> object:
    data = b"".join(abi.SEMBUF.pack(*operation) for operation in operations)
    return sysv.semop(task, identifier, put(task, data, OPERATIONS), len(operations))


def value(task: Task, identifier: int, number: int = 0) -> int:
    return sysv.semctl(task, identifier, number, abi.GETVAL, 0)


def test_operations_happen_all_or_not_at_all(machine: Machine) -> None:
    task = machine.task
    found = sysv.semget(task, 0, 2, 0o600)
    assert semop(task, found, (0, 3, 0), (1, 1, 0)) == 0
    assert errno_of(lambda: semop(task, found, (0, -1, 0), (1, -2, abi.IPC_NOWAIT))) == errno.EAGAIN
    assert (value(task, found), value(task, found, 1)) == (3, 1)


def test_a_decrease_waits_for_an_increase(machine: Machine) -> None:
    task = machine.task
    found = sysv.semget(task, 0, 1, 0o600)
    waiting = start(semop(task, found, (0, -2, 0)))  # type: ignore[arg-type] # a coroutine
    assert sysv.semctl(task, found, 0, abi.GETNCNT, 0) == 1
    semop(task, found, (0, 1, 0))
    assert finish(waiting, READY) is None
    semop(task, found, (0, 1, 0))
    assert finish(waiting, READY) == 0
    assert value(task, found) == 0


def test_a_removed_set_ends_the_waiting(machine: Machine) -> None:
    task = machine.task
    found = sysv.semget(task, 0, 1, 0o600)
    waiting = start(semop(task, found, (0, -1, 0)))  # type: ignore[arg-type] # a coroutine
    sysv.semctl(task, found, 0, abi.IPC_RMID, 0)
    assert errno_of(lambda: finish(waiting, READY)) == errno.EIDRM
    assert errno_of(lambda: value(task, found)) == errno.EINVAL


def test_a_timeout_gives_EAGAIN(machine: Machine) -> None:
    task = machine.task
    found = sysv.semget(task, 0, 1, 0o600)
    put(task, abi.SEMBUF.pack(0, -1, 0), OPERATIONS)
    put(task, struct.pack("<qq", 0, 5))
    waiting = start(sysv.semtimedop(task, found, OPERATIONS, 1, BASE))
    assert errno_of(lambda: finish(waiting, TIMED_OUT)) == errno.EAGAIN


def test_undo_gives_back_at_the_end(machine: Machine) -> None:
    task = machine.task
    child = machine.process(2, machine.init)
    found = sysv.semget(task, 0, 1, 0o600)
    semop(task, found, (0, 1, 0))
    semop(child.leader, found, (0, -1, abi.SEM_UNDO))
    assert value(task, found) == 0
    for hook in machine.exit_hooks:
        hook(child)
    assert value(task, found) == 1


def test_keys_find_the_same_set_and_modes_are_checked(machine: Machine) -> None:
    task = machine.task
    found = sysv.semget(task, 99, 1, abi.IPC_CREAT | 0o600)
    assert sysv.semget(task, 99, 0, 0) == found
    assert errno_of(lambda: sysv.semget(task, 99, 1, abi.IPC_CREAT | abi.IPC_EXCL)) == errno.EEXIST
    assert errno_of(lambda: sysv.semget(task, 98, 1, 0)) == errno.ENOENT
    assert errno_of(lambda: sysv.semget(task, 99, 5, 0)) == errno.EINVAL
    stranger = machine.process(2, machine.init, user(1000)).leader
    assert errno_of(lambda: sysv.semget(stranger, 99, 1, 0o600)) == errno.EACCES
    assert errno_of(lambda: value(stranger, found)) == errno.EACCES
    assert errno_of(lambda: sysv.semctl(stranger, found, 0, abi.IPC_RMID, 0)) == errno.EPERM


def send(task: Task, queue: int, kind: int, text: bytes, flags: int = abi.IPC_NOWAIT) -> object:
    return sysv.msgsnd(task, queue, put(task, struct.pack("<q", kind) + text), len(text), flags)


def receive(task: Task, queue: int, kind: int, flags: int = abi.IPC_NOWAIT) -> tuple[int, bytes]:
    count = sysv.msgrcv(task, queue, BASE, 100, kind, flags)
    assert isinstance(count, int)
    return int.from_bytes(task.memory.read(BASE, 8), "little"), task.memory.read(BASE + 8, count) if count else b""


def test_messages_are_taken_by_type(machine: Machine) -> None:
    task = machine.task
    queue = sysv.msgget(task, 0, 0o600)
    for kind, text in ((3, b"three"), (1, b"one"), (2, b"two"), (3, b"more")):
        send(task, queue, kind, text)
    assert receive(task, queue, -2) == (1, b"one")
    assert receive(task, queue, 3) == (3, b"three")
    assert receive(task, queue, 3, abi.IPC_NOWAIT | abi.MSG_EXCEPT) == (2, b"two")
    assert receive(task, queue, 0) == (3, b"more")
    assert errno_of(lambda: receive(task, queue, 0)) == errno.ENOMSG


def test_a_full_queue_makes_senders_wait(machine: Machine) -> None:
    task = machine.task
    queue = sysv.msgget(task, 0, 0o600)
    send(task, queue, 1, b"x" * 8000)
    send(task, queue, 1, b"x" * 8000)
    assert errno_of(lambda: send(task, queue, 1, b"x" * 800)) == errno.EAGAIN
    waiting = start(send(task, queue, 1, b"y" * 800, 0))  # type: ignore[arg-type] # a coroutine
    assert sysv.msgrcv(task, queue, BASE, 8000, 0, 0) == 8000
    assert finish(waiting, READY) == 0


def test_empty_messages_do_not_fill_the_memory_of_the_sentry(machine: Machine) -> None:
    task = machine.task
    queue = sysv.msgget(task, 0, 0o600)
    for _ in range(abi.MSGMNB):
        send(task, queue, 1, b"")
    assert errno_of(lambda: send(task, queue, 1, b"")) == errno.EAGAIN


def test_a_message_that_is_too_long_stays(machine: Machine) -> None:
    task = machine.task
    queue = sysv.msgget(task, 0, 0o600)
    send(task, queue, 1, b"long")
    assert errno_of(lambda: sysv.msgrcv(task, queue, BASE, 2, 0, 0)) == errno.E2BIG
    assert sysv.msgrcv(task, queue, BASE, 2, 0, abi.MSG_NOERROR) == 2
