# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""timerfd_create(2): timers that are read.

A timer fires once at the kernel's loop and then counts by arithmetic when it is read, so that a tiny interval costs
nothing. Jumps of the real-time clock are not seen: an absolute real-time deadline is turned into a monotonic one when
it is set. Source: fs/timerfd.c; compared with native runs.
"""

from __future__ import annotations

import errno
import os
import time

from sentry.abi.errors import LinuxError
from sentry.vfs.anonymous import AnonymousFile
from sentry.vfs.file import POLLIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel, Timer

CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM = 0, 1, 7, 8, 9
TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET = 1, 2

_HOST_CLOCKS = {
    CLOCK_REALTIME: CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM: CLOCK_REALTIME,
    CLOCK_BOOTTIME: CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM: CLOCK_BOOTTIME,
}
CLOCKS = frozenset((*_HOST_CLOCKS, CLOCK_MONOTONIC))
_FOREVER = 1 << 62


class TimerFile(AnonymousFile):
    """deadline: of the next expiration, CLOCK_MONOTONIC ns, None while disarmed. interval: ns, 0 for one shot."""

    __slots__ = ("_timer", "clock", "deadline", "fired", "interval", "kernel")
    label = b"anon_inode:[timerfd]"

    def __init__(self, kernel: Kernel, clock: int, flags: int = 0) -> None:
        super().__init__(os.O_RDWR | flags & os.O_NONBLOCK)
        self.kernel = kernel
        self.clock = clock
        self.deadline: int | None = None
        self.interval = 0
        self.fired = False
        self._timer: Timer | None = None

    def set(self, value: int, interval: int, absolute: bool) -> None:
        """timerfd_settime(2); value 0 disarms. All in ns."""
        self._cancel()
        self.fired = False
        self.interval = interval
        self.deadline = None
        if value:
            now = self.kernel.now()
            if not absolute:
                self.deadline = min(now + value, _FOREVER)
            elif self.clock in _HOST_CLOCKS:
                self.deadline = min(now + value - time.clock_gettime_ns(_HOST_CLOCKS[self.clock]), _FOREVER)
            else:
                self.deadline = min(value, _FOREVER)
            self._arm()

    def get(self) -> tuple[int, int]:
        """(ns to the next expiration, interval), as timerfd_gettime."""
        if self.deadline is None or (self.fired and not self.interval):
            return 0, self.interval
        left = self.deadline - self.kernel.now()
        if left <= 0:
            left = left % self.interval or self.interval if self.interval else 1
        return left, self.interval

    def _arm(self) -> None:
        assert self.deadline is not None
        self._timer = self.kernel.call_at(self.deadline, self._fire)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self.fired = True
        self.queue.wake()

    def _expired(self) -> bool:
        # The deadline may have passed before the loop ran the timer.
        return self.fired or (self.deadline is not None and self.deadline <= self.kernel.now())

    def read(self, size: int) -> bytes:
        """How often it expired since the last read. Raises: EINVAL (under eight bytes), EAGAIN (not yet)."""
        if size < 8:
            raise LinuxError(errno.EINVAL)
        if self.deadline is None or not self._expired():
            raise LinuxError(errno.EAGAIN)
        self._cancel()
        self.fired = False
        ticks = 1
        if self.interval:
            ticks += max(0, self.kernel.now() - self.deadline) // self.interval
            self.deadline += ticks * self.interval
            self._arm()
        else:
            self.deadline = None
        return ticks.to_bytes(8, "little")

    def poll(self) -> int:
        return POLLIN if self._expired() else 0

    def release(self) -> None:
        self._cancel()
