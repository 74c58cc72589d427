# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Timers that send signals. Source: man-pages getitimer(2), alarm(2), timer_create(2); kernel/time/posix-timers.c."""

from __future__ import annotations

import errno

from sentry.abi import timers as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.answers import PROCEED, Answer
from sentry.kernel.posix_timers import monotonic_offset, timers_of
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Address, Int, UInt, syscall

_MICROSECOND = 1000
# What a timer may count by, and the clock to read for it. Alarm clocks need CAP_WAKE_ALARM, which nobody has here.
_CLOCKS = {
    abi.CLOCK_REALTIME: abi.CLOCK_REALTIME,
    abi.CLOCK_MONOTONIC: abi.CLOCK_MONOTONIC,
    abi.CLOCK_BOOTTIME: abi.CLOCK_BOOTTIME,
    abi.CLOCK_TAI: abi.CLOCK_TAI,
}


def _timeval(ns: int) -> tuple[int, int]:
    return ns // abi.NSEC, ns % abi.NSEC // _MICROSECOND


def _from_timeval(seconds: int, microseconds: int) -> int:
    if not 0 <= microseconds < 1_000_000 or seconds < 0:
        raise LinuxError(errno.EINVAL)
    return min(seconds * abi.NSEC + microseconds * _MICROSECOND, 2**63 - 1)


def _from_timespec(seconds: int, nanoseconds: int) -> int:
    if not 0 <= nanoseconds < abi.NSEC or seconds < 0:
        raise LinuxError(errno.EINVAL)
    return min(seconds * abi.NSEC + nanoseconds, 2**63 - 1)


@syscall(37)
def alarm(task: Task, seconds: UInt) -> int:
    """alarm(2): seconds that were left of the timer before, rounded to the nearest, but never from some to 0."""
    timer = timers_of(task.process).real
    left = timer.remaining()
    timer.arm(task.kernel.now() + seconds * abi.NSEC if seconds else 0, 0)
    whole, rest = divmod(left, abi.NSEC)
    if (whole == 0 and rest) or rest >= abi.NSEC // 2:
        whole += 1
    return whole


@syscall(36, support=PARTIAL, note="ITIMER_VIRTUAL and ITIMER_PROF are the host's")
def getitimer(task: Task, which: Int, address: Address) -> int | Answer:
    """getitimer(2). Raises: EINVAL, EFAULT."""
    if which != abi.ITIMER_REAL:
        return _cpu_timer(task, which)
    timer = timers_of(task.process).real
    task.memory.pack(abi.ITIMERVAL, address, *_timeval(timer.interval), *_timeval(timer.remaining()))
    return 0


@syscall(38, support=PARTIAL, note="ITIMER_VIRTUAL and ITIMER_PROF are the host's")
def setitimer(task: Task, which: Int, new: Address, old: Address) -> int | Answer:
    """setitimer(2). Raises: EINVAL, EFAULT."""
    if which != abi.ITIMER_REAL:
        return _cpu_timer(task, which)
    interval = value = 0
    if new:
        fields = task.memory.unpack(abi.ITIMERVAL, new)
        value = _from_timeval(*fields[2:])
        interval = _from_timeval(*fields[:2])
    timer = timers_of(task.process).real
    before = (*_timeval(timer.interval), *_timeval(timer.remaining()))
    timer.arm(task.kernel.now() + value if value else 0, interval)
    if old:
        task.memory.pack(abi.ITIMERVAL, old, *before)
    return 0


def _cpu_timer(task: Task, which: int) -> Answer:
    """CPU time is counted by the host; a task that uses it is not blocked, so its signals need no help of ours."""
    if which not in (abi.ITIMER_VIRTUAL, abi.ITIMER_PROF):
        raise LinuxError(errno.EINVAL)
    return PROCEED


@syscall(222, support=PARTIAL, note="no CPU-time and alarm clocks")
def timer_create(task: Task, clock: Int, event: Address, id_address: Address) -> int:
    """timer_create(2). Raises: EINVAL, EOPNOTSUPP (a clock we have no timers for), EAGAIN, EFAULT."""
    if clock not in _CLOCKS:
        cpu = clock < 0 or clock in (abi.CLOCK_PROCESS_CPUTIME_ID, abi.CLOCK_THREAD_CPUTIME_ID)
        known = cpu or clock in (abi.CLOCK_REALTIME_ALARM, abi.CLOCK_BOOTTIME_ALARM)
        raise LinuxError(errno.EOPNOTSUPP if known else errno.EINVAL)
    thread = None
    if event:
        value, signo, notify, tid = task.memory.unpack(abi.SIGEVENT, event)
        if notify & ~(abi.SIGEV_THREAD | abi.SIGEV_THREAD_ID | abi.SIGEV_NONE) or notify in (3, 5, 6, 7):
            raise LinuxError(errno.EINVAL)
        if notify & abi.SIGEV_THREAD_ID:
            thread = task.process.threads.get(tid)
            if thread is None:
                raise LinuxError(errno.EINVAL)
        if notify != abi.SIGEV_NONE and not 1 <= signo <= 64:
            raise LinuxError(errno.EINVAL)
    else:
        value, signo, notify = -1, 14, abi.SIGEV_SIGNAL
    timers = timers_of(task.process)
    timer = timers.create(task.process, clock, notify, signo, value, thread)
    if value == -1:
        timer.value = timer.id
    try:
        task.memory.write(id_address, timer.id.to_bytes(4, "little"))
    except LinuxError:
        del timers.by_id[timer.id]
        raise
    return 0


@syscall(223)
def timer_settime(task: Task, timer_id: Int, flags: Int, new: Address, old: Address) -> int:
    """timer_settime(2). Raises: EINVAL, EFAULT."""
    if not new:
        raise LinuxError(errno.EINVAL)
    fields = task.memory.unpack(abi.ITIMERSPEC, new)
    interval = _from_timespec(*fields[:2])
    value = _from_timespec(*fields[2:])
    timer = timers_of(task.process).get(timer_id)
    before = (*divmod(timer.interval, abi.NSEC), *divmod(timer.remaining(), abi.NSEC))
    timer.overrun = 0
    if not value:
        timer.arm(0, 0)
    elif flags & abi.TIMER_ABSTIME:
        timer.arm(max(value + monotonic_offset(_CLOCKS[timer.clock]), 1), interval)
    else:
        timer.arm(task.kernel.now() + value, interval)
    if old:
        task.memory.pack(abi.ITIMERSPEC, old, *before)
    return 0


@syscall(224)
def timer_gettime(task: Task, timer_id: Int, address: Address) -> int:
    """timer_gettime(2). Raises: EINVAL, EFAULT."""
    timer = timers_of(task.process).get(timer_id)
    task.memory.pack(abi.ITIMERSPEC, address, *divmod(timer.interval, abi.NSEC), *divmod(timer.remaining(), abi.NSEC))
    return 0


@syscall(225)
def timer_getoverrun(task: Task, timer_id: Int) -> int:
    """timer_getoverrun(2): expiries for which no signal was queued since the last one that was. Raises: EINVAL."""
    return timers_of(task.process).get(timer_id).overrun


@syscall(226)
def timer_delete(task: Task, timer_id: Int) -> int:
    """timer_delete(2). Raises: EINVAL."""
    timers = timers_of(task.process)
    timers.get(timer_id).arm(0, 0)
    del timers.by_id[timer_id]
    return 0
