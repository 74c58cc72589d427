# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Clocks. Reading them is the host's (mostly in the vDSO, without any call); setting them is nobody's.

Source: man-pages clock_gettime(2), settimeofday(2), adjtimex(2); kernel/time/{time,ntp}.c.
"""

from __future__ import annotations

import errno

from sentry.abi import timers as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Address, Int, syscall

_TIME_ERROR = 5  # TIME_ERROR: the clock is not synchronised
_STA_UNSYNC = 0x40
_TIMEX_STATUS_OFFSET = 40
_TIMEX_TICK_OFFSET = 88
_NOTE = "clocks cannot be set"


@syscall(164, support=PARTIAL, note=_NOTE)
def settimeofday(task: Task, timeval: Address, timezone: Address) -> int:
    """settimeofday(2). Raises: EFAULT, EINVAL, EPERM."""
    if timeval:
        seconds, microseconds = task.memory.unpack(abi.ITIMERVAL, timeval)[:2]
        if not 0 <= microseconds <= 1_000_000 or seconds < 0:
            raise LinuxError(errno.EINVAL)
    raise LinuxError(errno.EPERM)


@syscall(227, support=PARTIAL, note=_NOTE)
def clock_settime(task: Task, clock: Int, timespec: Address) -> int:
    """clock_settime(2). Raises: EINVAL (a clock that nobody can set), EFAULT, EPERM."""
    if clock != abi.CLOCK_REALTIME:
        raise LinuxError(errno.EINVAL)
    seconds, nanoseconds = task.memory.unpack(abi.ITIMERSPEC, timespec)[:2]
    if not 0 <= nanoseconds < abi.NSEC or seconds < 0:
        raise LinuxError(errno.EINVAL)
    raise LinuxError(errno.EPERM)


def _adjust(task: Task, address: int) -> int:
    modes = int.from_bytes(task.memory.read(address, 4), "little")
    if modes and modes != 0xA001:  # ADJ_OFFSET_SS_READ reads only
        raise LinuxError(errno.EPERM)
    answer = bytearray(abi.TIMEX_SIZE)
    answer[_TIMEX_STATUS_OFFSET] = _STA_UNSYNC
    abi.TIMEX_CONSTANTS.pack_into(answer, _TIMEX_TICK_OFFSET, 10_000)  # µs a tick
    task.memory.write(address, answer)
    return _TIME_ERROR


@syscall(159, support=PARTIAL, note="reads an unsynchronised clock; cannot adjust it")
def adjtimex(task: Task, address: Address) -> int:
    """adjtimex(2): TIME_ERROR. Raises: EFAULT, EPERM."""
    return _adjust(task, address)


@syscall(305, support=PARTIAL, note="reads an unsynchronised clock; cannot adjust it")
def clock_adjtime(task: Task, clock: Int, address: Address) -> int:
    """clock_adjtime(2): TIME_ERROR. Raises: EFAULT, EPERM, EINVAL, EOPNOTSUPP."""
    if clock != abi.CLOCK_REALTIME:
        raise LinuxError(errno.EOPNOTSUPP if 0 <= clock <= abi.CLOCK_TAI else errno.EINVAL)
    return _adjust(task, address)


@syscall(228, support=PARTIAL, note="no clocks of descriptors (PTP)")
def clock_gettime(task: Task, clock: Int, timespec: Address) -> int:
    """clock_gettime(2) of the clocks that the filter does not pass to the host: there are none. Raises: EINVAL."""
    raise LinuxError(errno.EINVAL)


@syscall(229, support=PARTIAL, note="no clocks of descriptors (PTP)")
def clock_getres(task: Task, clock: Int, timespec: Address) -> int:
    """clock_getres(2) of the clocks that the filter does not pass to the host: those of CPU time. Raises: EINVAL."""
    if clock >= 0 or clock & 7 == 3:  # CLOCKFD
        raise LinuxError(errno.EINVAL)
    if timespec:
        task.memory.write(timespec, (0).to_bytes(8, "little") + (1).to_bytes(8, "little"))
    return 0
