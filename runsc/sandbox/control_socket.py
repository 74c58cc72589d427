# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""How the other verbs talk to a container's monitor: a Unix socket in the container's folder, which only its owner can
reach.

A request is a map with "verb"; the answer a map with "ok" or "error":

    {"verb": "start"}                               lets a created container run
    {"verb": "kill", "signal": n, "all": bool}      sends a signal
    {"verb": "processes"}                           "ok": a list of [guest pid, host pid, parent, command]
    {"verb": "destroy"}                             ends everything; the answer is the end of the connection
"""

from __future__ import annotations

import os
import select
import socket
import time

from gofer.channel import Channel
from gofer.protocol import ProtocolError
from runsc.sandbox.monitor import Monitor
from runsc.state import Folder
from sentry.control.errors import ControlError, os_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTION_LIMIT = 64
ANSWER_SECONDS = 10.0
_NAME = "control"


class Server:
    """The monitor's side. on_start is called when the container is told to run."""

    __slots__ = ("_monitor", "_socket", "_connections", "_on_start", "_folder")

    def __init__(self, folder: Folder, monitor: Monitor, on_start: Callable[[], None]) -> None:
        self._monitor = monitor
        self._on_start = on_start
        self._folder = folder
        self._connections: dict[int, Channel] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            # By descriptor: the folder's path may be longer than the 107 bytes of a socket's name.
            self._socket.bind(f"/proc/self/fd/{folder.fd}/{_NAME}")
            os.chmod(_NAME, 0o600, dir_fd=folder.fd)
            self._socket.listen(16)
        except OSError as error:
            raise ControlError(f"{folder.path}/{_NAME}: {os_words(error)}") from None
        monitor.watch(self._socket.fileno(), self._accept)

    def close(self) -> None:
        """Ends all connections and removes the socket's name."""
        for channel in list(self._connections.values()):
            self._drop(channel)
        self._monitor.unwatch(self._socket.fileno())
        self._socket.close()
        try:
            os.unlink(_NAME, dir_fd=self._folder.fd)
        except OSError:
            pass

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        if len(self._connections) >= CONNECTION_LIMIT:
            connection.close()
            return
        connection.settimeout(None)
        channel = Channel(connection)
        fd = channel.fileno()
        self._connections[fd] = channel
        self._monitor.watch(fd, lambda: self._serve(channel))

    def _drop(self, channel: Channel) -> None:
        fd = channel.fileno()
        if self._connections.pop(fd, None) is not None:
            self._monitor.unwatch(fd)
            channel.close()

    def _serve(self, channel: Channel) -> None:
        try:
            while (got := channel.receive_nowait()) is not None:
                message, descriptors = got
                for fd in descriptors:
                    os.close(fd)
                self._handle(channel, message if isinstance(message, dict) else {})
                if channel.fileno() not in self._connections:
                    return
        except ProtocolError:
            self._drop(channel)

    def _handle(self, channel: Channel, message: dict[object, object]) -> None:
        monitor = self._monitor
        verb = message.get("verb")

        def answer(reply: dict[str, object]) -> None:
            reply.pop("reply", None)
            try:
                channel.send(reply)
            except (ProtocolError, OSError):
                self._drop(channel)

        if verb == "start":
            if monitor.started:
                answer({"error": "cannot start an already running container"})
                return
            monitor.start()
            self._on_start()
            answer({"ok": True})
        elif verb == "kill":
            number = message.get("signal")
            if not isinstance(number, int) or not 0 < number < 65:
                answer({"error": "no such signal"})
                return
            monitor.signal(number, answer, everyone=message.get("all") is True)
        elif verb == "processes":
            monitor.request({"op": "ps"}, answer)
        elif verb == "destroy":
            monitor.destroy()
        else:
            answer({"error": "unknown request"})


def ask(folder: Folder, message: dict[str, object]) -> dict[str, object]:
    """Asks a container's monitor and waits for the answer.

    Raises: ControlError with the monitor's words; "container not running" if there is no monitor.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    channel = Channel(connection)
    try:
        connection.connect(f"/proc/self/fd/{folder.fd}/{_NAME}")
        channel.send(message)
        answer = _wait(channel)
    except (OSError, ProtocolError):
        raise ControlError(f'container not running: "{folder.identifier}" has no monitor') from None
    finally:
        channel.close()
    if answer is None:
        raise ControlError(
            f'the monitor of "{folder.identifier}" does not answer; "pysc delete --force {folder.identifier}" ends it'
        )
    if "error" in answer:
        error = str(answer["error"])
        raise ControlError(error if folder.identifier in error else f'{error}: "{folder.identifier}"')
    return answer


def _wait(channel: Channel) -> dict[str, object] | None:
    deadline = time.monotonic() + ANSWER_SECONDS
    poller = select.poll()
    poller.register(channel.fileno(), select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        if poller.poll(int(left * 1000) + 1):
            got = channel.receive_nowait()
            if got is not None:
                for fd in got[1]:
                    os.close(fd)
                return got[0] if isinstance(got[0], dict) else {"error": "the monitor's answer is malformed"}
    return None


def destroy(folder: Folder, pid: int) -> None:
    """Ends a container's processes: by its monitor, or by killing that (SIGKILL) if it does not listen.

    pid: the monitor's, known to be alive and its own. Raises: ControlError if it outlives even that.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with Channel(connection) as channel:
            try:
                connection.connect(f"/proc/self/fd/{folder.fd}/{_NAME}")
                channel.send({"verb": "destroy"})
            except (OSError, ProtocolError):
                pass
            poller = select.poll()
            poller.register(pidfd, select.POLLIN)
            if poller.poll(3000):
                return
        import signal

        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return
        if not poller.poll(10000):
            raise ControlError(f"the monitor (pid {pid}) of {folder.identifier} cannot be killed")
    finally:
        os.close(pidfd)
