# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The seccomp-notify platform: trapped calls arrive at a listener, answers go back through it.

Owns the listener. Source: seccomp_unotify(2).
"""

from __future__ import annotations

import os

from sentry.core import native
from sentry.platform.base import NOTIFICATION, READY, HostPlatform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYNC_WAKE_UP = 1
_SET_FLAGS = 1 << 30 | 8 << 16 | 0x21 << 8 | 4  # SECCOMP_IOCTL_NOTIF_SET_FLAGS, Linux 6.6
_IOCTL = 16


class NotifyPlatform(HostPlatform):
    """See Platform. Everything runs on the loop's thread."""

    name = "notify"

    def __init__(self, listener: int) -> None:
        super().__init__()
        self.listener = listener
        # Before 6.6: answers wake the task on whatever processor, which is slower and right all the same.
        native.syscall(_IOCTL, listener, _SET_FLAGS, SYNC_WAKE_UP)

    # -- the loop --
    def step(self, reply: int, value: int, flags: int, timeout_ns: int) -> tuple[tuple[int, ...] | None, int]:
        return self.receiver()(reply, value, flags, timeout_ns)

    def receiver(self) -> Callable[[int, int, int, int], tuple[tuple[int, ...] | None, int]]:
        # A closure: every call of every task goes through here, and attributes cost a tenth of an answer.
        step, received, unpack = native.step, native.RECEIVED, NOTIFICATION.unpack
        epoll, listener, call, view, ready = self.epoll_fd, self.listener, self._call, self._call_view, self._ready

        def receive(reply: int, value: int, flags: int, timeout_ns: int) -> tuple[tuple[int, ...] | None, int]:
            result = step(epoll, listener, reply, value, flags, timeout_ns, call, ready, READY)
            if result >= received:
                return unpack(view), result - received
            if result < 0:
                raise OSError(-result, os.strerror(-result))
            return None, result

        return receive

    # -- Platform --
    def answer(self, call: int, value: int) -> bool:
        return int(native.answer(self.listener, call, value, 0)) == 0

    def proceed(self, call: int) -> bool:
        return int(native.answer(self.listener, call, 0, native.CONTINUE)) == 0

    def install(self, call: int, fd: int) -> int:
        return int(native.install(self.listener, call, fd, 0))
