# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The sentry's end of the control channel (messages.py): what the monitor asks of the kernel.

The monitor is trusted, and yet a malformed message is answered with an error and harms nothing.
"""

from __future__ import annotations

import errno
import os
import select

from gofer.protocol import ChannelClosed
from sentry.abi.signals import SIGSTOP, SIGTSTP
from sentry.fs import tty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gofer.channel import Channel
    from sentry.kernel.kernel import Kernel


class Control:
    """Serves the monitor in the kernel's loop."""

    __slots__ = ("_channel", "_kernel")

    def __init__(self, kernel: Kernel, channel: Channel) -> None:
        self._kernel = kernel
        self._channel = channel
        kernel.watch(channel.fileno(), select.EPOLLIN, self._readable)

    def created(self, pid: int) -> None:
        """The first program is ready to be started."""
        self._channel.send({"event": "created", "init_pid": pid})

    def ended(self, status: int) -> None:
        """The container's init ended with this wait status."""
        self._channel.send({"event": "exit", "status": status})
        self._kernel.stopped = True

    def _readable(self, _events: int) -> None:
        try:
            while (received := self._channel.receive_nowait()) is not None:
                message, descriptors = received
                for fd in descriptors:
                    os.close(fd)
                self._handle(message)
        except ChannelClosed:
            # Without its monitor the sandbox ends.
            self._kernel.stopped = True

    def _handle(self, message: object) -> None:
        if not isinstance(message, dict):
            return
        request = message.get("request")
        try:
            reply: dict[str, object] = {"reply": request, "ok": self._perform(message)}
        except OSError as error:
            reply = {"reply": request, "error": os.strerror(error.errno or 0).lower(), "errno": error.errno or 0}
        self._channel.send(reply)

    def _perform(self, message: dict[object, object]) -> object:
        kernel = self._kernel
        operation = message.get("op")
        if operation == "start":
            kernel.config_held = False
            held, kernel.held_start = kernel.held_start, None
            if held is not None:
                held()
            return True
        if operation == "signal":
            number = message.get("signal")
            if not isinstance(number, int) or not 1 <= number <= 64:
                raise OSError(errno.EINVAL, "signal")
            return self._signal(number, bool(message.get("all")), bool(message.get("foreground")))
        if operation == "ps":
            return [
                [
                    process.pid,
                    process.host_pid,
                    process.parent.pid if process.parent else 0,
                    process.leader.name.decode("utf-8", "replace"),
                ]
                for process in list(kernel.processes.values())
                if process.threads
            ]
        raise OSError(errno.ENOSYS, "operation")

    def _signal(self, number: int, everybody: bool, foreground: bool) -> object:
        kernel = self._kernel
        suspends = foreground and number == SIGTSTP and tty.suspends_all(kernel)
        if suspends:
            number = SIGSTOP  # the first program's group has no parent in the sandbox: it is spared SIGTSTP
        if everybody:
            for process in list(kernel.processes.values()):
                kernel.send_signal(process, number)
        elif foreground:
            group = tty.foreground_group(kernel) or kernel.process_group(kernel.init)
            kernel.send_group_signal(group, number)
        else:
            kernel.send_signal(kernel.init, number)
        return "suspended" if suspends else True
