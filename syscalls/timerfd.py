# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""timerfd_create, timerfd_settime, timerfd_gettime."""

from __future__ import annotations

import errno
import os
import struct

from sentry.abi.errors import LinuxError
from sentry.fs.timerfd import (
    CLOCK_BOOTTIME_ALARM,
    CLOCK_REALTIME_ALARM,
    CLOCKS,
    TFD_TIMER_ABSTIME,
    TFD_TIMER_CANCEL_ON_SET,
    TimerFile,
)
from sentry.vfs.anonymous import install
from syscalls.table import PARTIAL, Address, Fd, Flags, Int, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_ITIMERSPEC = struct.Struct("<qqqq")  # interval s, ns; value s, ns
_SECOND = 1_000_000_000
_CAP_WAKE_ALARM = 35


def _timer(task: Task, fd: int) -> TimerFile:
    file = task.files.opened(fd)
    if not isinstance(file, TimerFile):
        raise LinuxError(errno.EINVAL)
    return file


@syscall(283)
def timerfd_create(task: Task, clock: Int, flags: Flags) -> int:
    """timerfd_create(2): a descriptor. flags: TFD_CLOEXEC, TFD_NONBLOCK.

    Raises: EINVAL, EPERM (alarm clocks without CAP_WAKE_ALARM), EMFILE.
    """
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK) or clock not in CLOCKS:
        raise LinuxError(errno.EINVAL)
    if clock in (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM) and not task.credentials.has(_CAP_WAKE_ALARM):
        raise LinuxError(errno.EPERM)
    return install(task, TimerFile(task.kernel, clock, flags), flags)


@syscall(286, support=PARTIAL, note="TFD_TIMER_CANCEL_ON_SET never cancels: clock jumps are not seen")
def timerfd_settime(task: Task, fd: Fd, flags: Flags, new: Address, old: Address) -> int:
    """timerfd_settime(2).

    Raises: EFAULT, EINVAL, EBADF.
    """
    interval_s, interval_ns, value_s, value_ns = task.memory.unpack(_ITIMERSPEC, new)
    if flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET):
        raise LinuxError(errno.EINVAL)
    for seconds, nanoseconds in ((value_s, value_ns), (interval_s, interval_ns)):
        if seconds < 0 or not 0 <= nanoseconds < _SECOND:
            raise LinuxError(errno.EINVAL)
    timer = _timer(task, fd)
    before = timer.get()
    timer.set(value_s * _SECOND + value_ns, interval_s * _SECOND + interval_ns, bool(flags & TFD_TIMER_ABSTIME))
    if old:
        _write(task, old, before)
    return 0


@syscall(287)
def timerfd_gettime(task: Task, fd: Fd, current: Address) -> int:
    """timerfd_gettime(2).

    Raises: EBADF, EINVAL, EFAULT.
    """
    _write(task, current, _timer(task, fd).get())
    return 0


def _write(task: Task, address: int, setting: tuple[int, int]) -> None:
    value, interval = setting
    task.memory.pack(_ITIMERSPEC, address, interval // _SECOND, interval % _SECOND, value // _SECOND, value % _SECOND)
