# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Timers that send signals: ITIMER_REAL and timer_create(2).

They are ours, not the host's, because the signal of a host timer would not interrupt a call that waits in the sentry.
Owns ProcessTimers (kept in Process.extra, made when first needed). drop_timers and exec_timers
are hooks of the kernel; a forked child starts with none. Source: kernel/time/{itimer,posix-timers}.c.
"""

from __future__ import annotations

import errno
import time

from sentry.abi import timers as abi
from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGALRM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel, Timer
    from sentry.kernel.task import Process, Task

_KEY = "timers"
MAX_TIMERS = 4096  # of one process: Linux bounds them by RLIMIT_SIGPENDING


class Alarm:
    """A deadline that may repeat: all times in ns of CLOCK_MONOTONIC. expire(count) is told of count passed periods."""

    __slots__ = ("_kernel", "_timer", "deadline", "interval")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._timer: Timer | None = None
        self.deadline = 0  # 0: not armed
        self.interval = 0

    def remaining(self) -> int:
        """Ns to the next expiry, 0 if not armed; at least 1 while armed."""
        return max(self.deadline - self._kernel.now(), 1) if self.deadline else 0

    def arm(self, deadline: int, interval: int) -> None:
        """Starts anew; deadline 0 stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.deadline = deadline
        self.interval = interval
        if deadline:
            self._timer = self._kernel.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._kernel.now()
        if now < self.deadline:  # the loop was early by its own rounding
            self._timer = self._kernel.call_at(self.deadline, self._due)
            return
        count = 1
        if self.interval:
            count += (now - self.deadline) // self.interval
            self.deadline += count * self.interval
            self._timer = self._kernel.call_at(self.deadline, self._due)
        else:
            self.deadline = 0
        self.expire(count)

    def expire(self, count: int) -> None:
        raise NotImplementedError


class RealTimer(Alarm):
    """ITIMER_REAL and alarm(2): SIGALRM to the process."""

    __slots__ = ("_process",)

    def __init__(self, process: Process) -> None:
        super().__init__(process.kernel)
        self._process = process

    def expire(self, count: int) -> None:
        self._kernel.send_signal(self._process, SIGALRM, None)


class PosixTimer(Alarm):
    """A timer of timer_create(2). clock: its CLOCK_*. thread: the one to signal (SIGEV_THREAD_ID), else the process."""

    __slots__ = ("_process", "_sent", "clock", "id", "notify", "overrun", "signo", "thread", "value")

    def __init__(
        self, process: Process, timer_id: int, clock: int, notify: int, signo: int, value: int, thread: Task | None
    ) -> None:
        super().__init__(process.kernel)
        self._process = process
        self._sent = False
        self.id = timer_id
        self.clock = clock
        self.notify = notify
        self.signo = signo
        self.value = value
        self.thread = thread
        self.overrun = 0

    def expire(self, count: int) -> None:
        if self.notify == abi.SIGEV_NONE:
            return
        if self._sent and self._pending():
            self.overrun = min(self.overrun + count, abi.DELAYTIMER_MAX)
            return
        self._sent = True
        self.overrun = min(count - 1, abi.DELAYTIMER_MAX)
        info = abi.SIGINFO_TIMER.pack(self.signo, 0, abi.SI_TIMER, self.id, self.overrun, self.value)
        if self.thread is None:
            self._kernel.send_signal(self._process, self.signo, None, info)
        elif self._process.threads.get(self.thread.tid) is self.thread:
            self._kernel.send_thread_signal(self.thread, self.signo, None, info)

    def _pending(self) -> bool:
        """Has the last signal not been taken yet? A timer has one queued signal at most, the rest are overruns."""
        thread = self.thread
        host_tid, field = (self._process.host_pid, b"ShdPnd") if thread is None else (thread.host_tid, b"SigPnd")
        pending = self._kernel.host_status(host_tid).get(field, b"0")
        return bool(int(pending, 16) >> (self.signo - 1) & 1)


class ProcessTimers:
    """The timers of one process."""

    __slots__ = ("_last_id", "by_id", "real")

    def __init__(self, process: Process) -> None:
        self.real = RealTimer(process)
        self.by_id: dict[int, PosixTimer] = {}
        self._last_id = -1

    def create(
        self, process: Process, clock: int, notify: int, signo: int, value: int, thread: Task | None
    ) -> PosixTimer:
        """A new, unarmed timer. Raises: EAGAIN when there are too many."""
        if len(self.by_id) >= MAX_TIMERS:
            raise LinuxError(errno.EAGAIN)
        while True:
            self._last_id = (self._last_id + 1) & 0x7FFFFFFF
            if self._last_id not in self.by_id:
                break
        timer = PosixTimer(process, self._last_id, clock, notify, signo, value, thread)
        self.by_id[timer.id] = timer
        return timer

    def get(self, timer_id: int) -> PosixTimer:
        """Raises: EINVAL if there is no such timer."""
        timer = self.by_id.get(timer_id)
        if timer is None:
            raise LinuxError(errno.EINVAL)
        return timer

    def delete_all(self) -> None:
        """Deletes the timers of timer_create; ITIMER_REAL stays."""
        for timer in self.by_id.values():
            timer.arm(0, 0)
        self.by_id.clear()


def timers_of(process: Process) -> ProcessTimers:
    """The process's timers, made when first needed."""
    timers = process.extra.get(_KEY)
    if not isinstance(timers, ProcessTimers):
        timers = process.extra[_KEY] = ProcessTimers(process)
    return timers


def existing_timers(process: Process) -> ProcessTimers | None:
    """The process's timers, if it ever asked for one."""
    timers = process.extra.get(_KEY)
    return timers if isinstance(timers, ProcessTimers) else None


def exec_timers(task: Task) -> None:
    """execve(2): timers of timer_create are gone, ITIMER_REAL goes on. For Kernel.exec_hooks."""
    timers = existing_timers(task.process)
    if timers is not None:
        timers.delete_all()


def drop_timers(process: Process) -> None:
    """The process has ended. For Kernel.exit_hooks."""
    timers = existing_timers(process)
    if timers is not None:
        timers.delete_all()
        timers.real.arm(0, 0)
        del process.extra[_KEY]


def register(kernel: Kernel) -> None:
    """Follows exec and the ends of processes; called once at start-up."""
    kernel.exec_hooks.append(exec_timers)
    kernel.exit_hooks.append(drop_timers)


def monotonic_offset(clock: int) -> int:
    """Ns to add to a time of the clock to get CLOCK_MONOTONIC."""
    if clock == abi.CLOCK_MONOTONIC:
        return 0
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) - time.clock_gettime_ns(clock)
