# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Names, limits, capabilities, prctl, scheduling, random numbers."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from sentry.abi import security, timers
from sentry.abi.system import SYSINFO
from sentry.kernel.answers import PROCEED
from sentry.kernel.scheduling import inherit
from syscalls import capabilities, limits, prctl, sched, system, time
from syscalls.table import TABLE
from tests.unit.machine import BASE, SIZE, Machine, errno_of, put, user


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_uname_tells_the_guests_names(machine: Machine) -> None:
    system.uname(machine.task, BASE)
    fields = [field.rstrip(b"\0") for field in struct.unpack("65s" * 6, machine.task.memory.read(BASE, 390))]
    assert fields[:2] == [b"Linux", b"box"]
    assert fields[4:] == [b"x86_64", b"(none)"]
    system.sethostname(machine.task, put(machine.task, b"other"), 5)
    assert machine.hostname == b"other"
    plain = machine.process(2, machine.init, user(1)).leader
    assert errno_of(lambda: system.sethostname(plain, BASE, 5)) == errno.EPERM


def test_random_bytes_stop_where_memory_ends(machine: Machine) -> None:
    end = BASE + SIZE
    assert system.getrandom(machine.task, end - 10, 100, 0) == 10
    assert system.getrandom(machine.task, end - 100_000, 200_000, 0) == 100_000
    assert errno_of(lambda: system.getrandom(machine.task, end, 1, 0)) == errno.EFAULT
    assert errno_of(lambda: system.getrandom(machine.task, BASE, 1, 6)) == errno.EINVAL


def test_limits_can_be_lowered_by_everybody_and_raised_by_few(machine: Machine) -> None:
    plain = machine.process(2, machine.init, user(1)).leader
    limits.set_limit(plain, plain.process, 7, 10, 20)
    assert errno_of(lambda: limits.set_limit(plain, plain.process, 7, 10, 21)) == errno.EPERM
    assert errno_of(lambda: limits.set_limit(machine.task, plain.process, 7, 30, 21)) == errno.EINVAL
    limits.set_limit(machine.task, plain.process, 7, 10, 21)
    assert limits.get_limit(plain.process, 7) == (10, 21)
    assert errno_of(lambda: limits.set_limit(machine.task, plain.process, 7, 1, 2**40)) == errno.EPERM
    stranger = machine.process(3, machine.init, user(9)).leader
    assert errno_of(lambda: limits.prlimit64(stranger, 2, 7, 0, BASE)) == errno.EPERM
    assert limits.prlimit64(machine.task, 2, 7, 0, BASE) == 0
    assert machine.task.memory.read(BASE, 16) == struct.pack("<2Q", 10, 21)


def test_capset_only_takes_away(machine: Machine) -> None:
    old = user(5).with_(permitted=0b111, effective=0b1, inheritable=0, bounding=0b111)
    assert capabilities.change_capabilities(old, 0b11, 0b11, 0b10).permitted == 0b11
    assert errno_of(lambda: capabilities.change_capabilities(old, 0, 0b1000, 0)) == errno.EPERM
    assert errno_of(lambda: capabilities.change_capabilities(old, 0b100, 0b11, 0)) == errno.EPERM
    assert errno_of(lambda: capabilities.change_capabilities(old, 0, 0, 0b1000)) == errno.EPERM
    raised = old.with_(ambient=0b10, inheritable=0b10)
    assert capabilities.change_capabilities(raised, 0, 0b1, 0b10).ambient == 0


def test_securebits_that_are_locked_stay(machine: Machine) -> None:
    task = machine.task
    assert prctl.prctl(task, security.PR_SET_SECUREBITS, 0b11, 0, 0, 0) == 0
    assert errno_of(lambda: prctl.prctl(task, security.PR_SET_SECUREBITS, 0b10, 0, 0, 0)) == errno.EPERM
    assert errno_of(lambda: prctl.prctl(task, security.PR_SET_SECUREBITS, 0b01, 0, 0, 0)) == errno.EPERM
    assert prctl.prctl(task, security.PR_GET_SECUREBITS, 0, 0, 0, 0) == 0b11


def test_what_concerns_parents_is_the_hosts(machine: Machine) -> None:
    assert prctl.prctl(machine.task, security.PR_SET_PDEATHSIG, 9, 0, 0, 0) is PROCEED


def test_ambient_capabilities_need_permitted_and_inheritable(machine: Machine) -> None:
    task = machine.task
    raise_ = (security.PR_CAP_AMBIENT, security.PR_CAP_AMBIENT_RAISE, 5, 0, 0)
    assert errno_of(lambda: prctl.prctl(task, *raise_)) == errno.EPERM
    task.credentials = task.credentials.with_(inheritable=1 << 5)
    assert prctl.prctl(task, *raise_) == 0
    assert prctl.prctl(task, security.PR_CAP_AMBIENT, security.PR_CAP_AMBIENT_IS_SET, 5, 0, 0) == 1


def test_affinity_is_kept_and_inherited(machine: Machine) -> None:
    task = machine.task
    machine.host_facts.update(cpu_allowed=b"0,1", cpu_possible=b"0-1")
    assert sched.sched_setaffinity(task, 0, 8, put(task, b"\2" + bytes(7))) == 0
    assert sched.sched_getaffinity(task, 0, 128, BASE) == 8
    assert task.memory.read(BASE, 8) == b"\2" + bytes(7)
    child = machine.process(2, machine.init).leader
    inherit(task, child)
    sched.sched_getaffinity(child, 0, 8, BASE)
    assert task.memory.read(BASE, 1) == b"\2"
    assert errno_of(lambda: sched.sched_setaffinity(task, 0, 8, put(task, b"\4" + bytes(7)))) == errno.EINVAL
    assert errno_of(lambda: sched.sched_getaffinity(task, 0, 4, BASE)) == errno.EINVAL


def test_nice_values_fall_only_with_the_right(machine: Machine) -> None:
    plain = machine.process(2, machine.init, user(1)).leader
    assert sched.setpriority(plain, 0, 0, 5) == 0
    assert errno_of(lambda: sched.setpriority(plain, 0, 0, 4)) == errno.EACCES
    assert sched.getpriority(plain, 0, 2) == 15
    assert errno_of(lambda: sched.setpriority(plain, 0, 1, 5)) == errno.EPERM
    assert errno_of(lambda: sched.getpriority(plain, 0, 99)) == errno.ESRCH


def test_clocks_cannot_be_set(machine: Machine) -> None:
    task = machine.task
    put(task, struct.pack("<2q", 1, 1))
    assert errno_of(lambda: time.clock_settime(task, 0, BASE)) == errno.EPERM
    assert errno_of(lambda: time.clock_settime(task, timers.CLOCK_MONOTONIC, BASE)) == errno.EINVAL
    put(task, bytes(208))
    assert time.adjtimex(task, BASE) == 5
    put(task, b"\1")
    assert errno_of(lambda: time.adjtimex(task, BASE)) == errno.EPERM


def test_refused_calls_say_why(machine: Machine) -> None:
    from syscalls import refused

    for name in (*refused.ABSENT, *refused.FORBIDDEN):
        entry = next(row for row in TABLE.values() if row.name == name)
        wanted = errno.ENOSYS if name in refused.ABSENT else errno.EPERM
        assert errno_of(lambda entry=entry: entry.call(machine.task, 0, 0, 0, 0, 0, 0)) == wanted  # type: ignore[misc]
        assert entry.note


def test_sysinfo_counts_the_sandboxes_tasks(machine: Machine) -> None:
    machine.process(2, machine.init)
    system.sysinfo(machine.task, BASE)
    fields = machine.task.memory.unpack(SYSINFO, BASE)
    assert (fields[4], fields[10], fields[-1]) == (os.sysconf("SC_PHYS_PAGES") * 4096, 2, 1)
