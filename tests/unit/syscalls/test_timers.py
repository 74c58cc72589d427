# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Timers that send signals, in a world where time passes at once."""

from __future__ import annotations

import errno
import signal
import struct

import pytest

from sentry.abi import timers as abi
from sentry.kernel import posix_timers
from sentry.kernel.answers import PROCEED
from syscalls import timers
from tests.unit.machine import BASE, Machine, errno_of, put

MS = 1_000_000
SIGALRM, SIGUSR1 = int(signal.SIGALRM), int(signal.SIGUSR1)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    posix_timers.register(machine.kernel)
    machine.host_files[machine.task.host_tid, "status"] = b"SigPnd:\t0\nShdPnd:\t0\n"
    return machine


def test_an_alarm_rings_once(machine: Machine) -> None:
    task = machine.task
    assert timers.alarm(task, 2) == 0
    machine.pass_time(600 * MS)
    assert timers.alarm(task, 1) == 1
    machine.pass_time(999 * MS)
    assert machine.sent == []
    machine.pass_time(5000 * MS)
    assert machine.sent == [("process", 1, SIGALRM)]
    assert timers.alarm(task, 0) == 0


def test_an_interval_timer_repeats_until_it_is_stopped(machine: Machine) -> None:
    task = machine.task
    timers.setitimer(task, 0, put(task, struct.pack("<4q", 0, 10_000, 0, 5_000)), 0)
    machine.pass_time(5 * MS)
    machine.pass_time(10 * MS)
    assert len(machine.sent) == 2
    timers.getitimer(task, 0, BASE)
    assert task.memory.unpack(abi.ITIMERVAL, BASE) == (0, 10_000, 0, 10_000)
    timers.setitimer(task, 0, 0, BASE)
    machine.pass_time(100 * MS)
    assert len(machine.sent) == 2


def test_a_timer_of_processor_time_is_the_hosts(machine: Machine) -> None:
    assert timers.setitimer(machine.task, 1, 0, 0) is PROCEED
    assert errno_of(lambda: timers.getitimer(machine.task, 3, 0)) == errno.EINVAL
    put(machine.task, struct.pack("<4q", 0, 0, 0, 1_000_000))
    assert errno_of(lambda: timers.setitimer(machine.task, 0, BASE, 0)) == errno.EINVAL


def create(machine: Machine, notify: int = abi.SIGEV_SIGNAL, tid: int = 0) -> int:
    task = machine.task
    put(task, abi.SIGEVENT.pack(0x1234, SIGUSR1, notify, tid))
    timers.timer_create(task, abi.CLOCK_MONOTONIC, BASE, BASE + 256)
    return int.from_bytes(task.memory.read(BASE + 256, 4), "little")


def set_time(machine: Machine, timer: int, value: int, interval: int = 0, flags: int = 0) -> int:
    spec = abi.ITIMERSPEC.pack(*divmod(interval, abi.NSEC), *divmod(value, abi.NSEC))
    return timers.timer_settime(machine.task, timer, flags, put(machine.task, spec), 0)


def test_a_signal_carries_the_timer_and_its_value(machine: Machine) -> None:
    timer = create(machine)
    set_time(machine, timer, 10 * MS)
    machine.pass_time(10 * MS)
    assert machine.sent == [("process", 1, SIGUSR1)]
    assert machine.infos == [abi.SIGINFO_TIMER.pack(SIGUSR1, 0, abi.SI_TIMER, timer, 0, 0x1234)]


def test_missed_periods_are_overruns_not_signals(machine: Machine) -> None:
    timer = create(machine)
    set_time(machine, timer, 10 * MS, 10 * MS)
    machine.pass_time(35 * MS)
    assert len(machine.sent) == 1
    assert timers.timer_getoverrun(machine.task, timer) == 2
    machine.host_files[machine.task.host_tid, "status"] = b"SigPnd:\t0\nShdPnd:\t%x\n" % (1 << (SIGUSR1 - 1))
    machine.pass_time(20 * MS)
    assert len(machine.sent) == 1
    assert timers.timer_getoverrun(machine.task, timer) == 4


def test_a_thread_can_be_the_one_that_is_told(machine: Machine) -> None:
    machine.thread(machine.init, 5)
    set_time(machine, create(machine, abi.SIGEV_THREAD_ID, 5), MS)
    machine.pass_time(MS)
    assert machine.sent == [("thread", 5, SIGUSR1)]
    assert errno_of(lambda: create(machine, abi.SIGEV_THREAD_ID, 6)) == errno.EINVAL


def test_an_absolute_time_in_the_past_rings_at_once(machine: Machine) -> None:
    set_time(machine, create(machine), 1, flags=abi.TIMER_ABSTIME)
    machine.pass_time(0)
    assert len(machine.sent) == 1


def test_exec_deletes_timers_and_the_end_of_the_process_stops_all(machine: Machine) -> None:
    timer = create(machine)
    timers.alarm(machine.task, 1)
    for exec_hook in machine.exec_hooks:
        exec_hook(machine.task)
    assert errno_of(lambda: timers.timer_delete(machine.task, timer)) == errno.EINVAL
    assert timers.alarm(machine.task, 1) == 1
    for exit_hook in machine.exit_hooks:
        exit_hook(machine.init)
    machine.pass_time(5000 * MS)
    assert machine.sent == []


def test_clocks_without_timers_are_refused(machine: Machine) -> None:
    assert errno_of(lambda: timers.timer_create(machine.task, 2, 0, BASE)) == errno.EOPNOTSUPP
    assert errno_of(lambda: timers.timer_create(machine.task, 77, 0, BASE)) == errno.EINVAL
    assert errno_of(lambda: timers.timer_create(machine.task, 1, 0, 8)) == errno.EFAULT
