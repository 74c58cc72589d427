# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the platforms share whose tasks are processes of the host: the loop's epoll instance, memory, signals."""

from __future__ import annotations

import errno
import os
import select
import struct
from abc import abstractmethod

from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGKILL
from sentry.core import native
from sentry.platform.interface import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SMALL = 64 * 1024
READY = 32
"""Descriptors that one step reports at most."""

NOTIFICATION = struct.Struct("<QIIiIQ6Q")
"""A trapped call as step() gives it: identity, host tid, flags, number, architecture, address, arguments."""


class HostPlatform(Platform):
    """Everything runs on the loop's thread. queues_ignored: the host keeps even those signals that a task ignores."""

    queues_ignored = False

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.epoll_fd = self.epoll.fileno()
        self._call, self._call_view = native.new_notification()
        self._ready, self._ready_view = native.new_ready(READY)
        self._buffer, self._view = native.new_buffer(_SMALL)

    # -- the loop --
    @abstractmethod
    def step(self, reply: int, value: int, flags: int, timeout_ns: int) -> tuple[tuple[int, ...] | None, int]:
        """Answers reply (0: nothing), waits, receives: (the call's fields as NOTIFICATION, or None; how many
        descriptors of ready_events() are ready)."""

    def ready_events(self, count: int) -> list[tuple[int, int]]:
        """(descriptor, EPOLL* events) of the last step. Python's epoll fills the lower half of the token only."""
        return [struct.unpack_from("=I4xI", self._ready_view, 16 * index) for index in range(count)]

    def receiver(self) -> Callable[..., tuple[tuple[int, ...] | None, int]]:
        """step(), bound once for the loop."""
        return self.step

    # -- Platform --
    def read_memory(self, host_tid: int, address: int, size: int) -> bytes:
        if size <= _SMALL:
            got = native.raw_read_memory(host_tid, address, self._buffer, size)
            return self._view[:got].tobytes() if got > 0 else b""
        buffer, view = native.new_buffer(size)
        got = native.raw_read_memory(host_tid, address, buffer, size)
        return view[:got].tobytes() if got > 0 else b""

    def write_memory(self, host_tid: int, address: int, data: bytes | bytearray | memoryview) -> int:
        if not len(data):
            return 0
        source = data if type(data) is bytes else native.pointer_to(data)  # cffi passes bytes as they are
        got = native.raw_write_memory(host_tid, address, source, len(data))
        return int(got) if got > 0 else 0

    def read_string(self, host_tid: int, address: int, limit: int) -> bytes | None:
        if limit > _SMALL:
            buffer, view = native.new_buffer(limit)
        else:
            buffer, view = self._buffer, self._view
        got = native.raw_read_string(host_tid, address, buffer, limit)
        return view[:got].tobytes() if got >= 0 else None

    def copy_in_to_file(self, host_tid: int, address: int, size: int, fd: int, offset: int) -> int:
        return int(native.copy_in(host_tid, address, size, fd, offset))

    def copy_out_of_file(self, host_tid: int, address: int, size: int, fd: int, offset: int) -> int:
        return int(native.copy_out(host_tid, address, size, fd, offset))

    def send_signal(self, host_tgid: int, host_tid: int | None, signal_number: int, info: bytes | None) -> None:
        if host_tid is not None:
            if info is None:
                result = native.syscall(234, host_tgid, host_tid, signal_number)  # tgkill
            else:
                result = native.syscall(297, host_tgid, host_tid, signal_number, info)  # rt_tgsigqueueinfo
        elif info is None:
            result = native.syscall(62, host_tgid, signal_number)  # kill
        else:
            result = native.syscall(129, host_tgid, signal_number, info)  # rt_sigqueueinfo
        if result < 0:
            raise LinuxError(errno.ESRCH if result == -errno.EPERM else -result)

    def stopped(self, host_tid: int) -> bool:
        """Has a signal stopped this task, of which the host says only that it is being traced?"""
        return False

    # -- the end of processes --
    def reap(self, host_pid: int) -> None:
        """Its pidfd says that a process has ended: its parent may learn of it now."""

    def exit_status(self, host_pid: int) -> int:
        """The wait status of the first task, which has ended."""
        return os.waitpid(host_pid, 0)[1]


def kill_process(host_pid: int) -> None:
    """Ends a process of the sandbox that broke the rules; harmless if it is gone."""
    native.syscall(62, host_pid, SIGKILL)
