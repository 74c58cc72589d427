# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What the kernel asks of a platform: traps come in as events, answers go out. Implementations: notify, ptrace."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Platform(ABC):
    """Runs tasks and traps their system calls. Descriptors and tids are the host's (the sentry's pid namespace)."""

    name: str

    @abstractmethod
    def read_memory(self, host_tid: int, address: int, size: int) -> bytes:
        """Copies from a task: shorter than size where its memory ends, b"" if nothing could be read."""

    @abstractmethod
    def write_memory(self, host_tid: int, address: int, data: bytes | bytearray | memoryview) -> int:
        """Copies into a task: bytes written."""

    @abstractmethod
    def read_string(self, host_tid: int, address: int, limit: int) -> bytes | None:
        """The bytes before a NUL, limit bytes if there is none so early, None for a bad address."""

    @abstractmethod
    def copy_in_to_file(self, host_tid: int, address: int, size: int, fd: int, offset: int) -> int:
        """pwrite(fd, task memory): bytes written, or a negative errno (-EFAULT only if nothing was copied)."""

    @abstractmethod
    def copy_out_of_file(self, host_tid: int, address: int, size: int, fd: int, offset: int) -> int:
        """pread(fd) into task memory: bytes read, or a negative errno."""

    @abstractmethod
    def answer(self, call: int, value: int) -> bool:
        """Ends a trapped call with value (or a negative errno). False: the task is gone."""

    @abstractmethod
    def proceed(self, call: int) -> bool:
        """Lets the host run a trapped call: only for calls whose meaning lies in registers alone."""

    @abstractmethod
    def install(self, call: int, fd: int) -> int:
        """Puts a copy of fd (close-on-exec) into the calling task's real descriptor table: its number, or a negative
        errno."""

    def install_all(self, call: int, fds: Sequence[int]) -> list[int]:
        """install() for a call that needs one or two descriptors: their numbers, or [a negative errno]."""
        numbers = [self.install(call, fd) for fd in fds]
        return [min(numbers)] if min(numbers) < 0 else numbers

    @abstractmethod
    def send_signal(self, host_tgid: int, host_tid: int | None, signal: int, info: bytes | None) -> None:
        """Sends to a process, or to one of its threads; info is a siginfo_t to queue (None: as kill(2)).

        Raises: LinuxError(ESRCH, EAGAIN).
        """
