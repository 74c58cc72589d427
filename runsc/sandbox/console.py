# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Terminals of containers (process.terminal): a pty of the host whose slave is the guest's 0, 1 and 2.

The slave is the controlling terminal of the monitor, which leads a session for it: what the terminal raises (SIGINT
for Ctrl-C, SIGWINCH for a new size, SIGHUP when the master closes) reaches the monitor and goes from there to the
guest's foreground processes. The master goes to --console-socket (the protocol of runc's docs/terminals.md: one
message, the slave's name, with the master in SCM_RIGHTS), or to the pysc in the foreground, which copies.
"""

from __future__ import annotations

import array
import fcntl
import os
import select
import socket
import struct
import termios

from runsc.sandbox.descriptors import FIRST_FREE
from sentry.control.errors import ControlError, os_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self


def open_terminal(size: tuple[int, int] | None) -> tuple[int, list[int]]:
    """(master, three descriptors of the slave). This process must lead a session without a terminal: the slave
    becomes its terminal. size: rows, columns. Raises: ControlError."""
    try:
        master, slave = os.openpty()
        if size is not None:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[0], size[1], 0, 0))
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        name = os.ttyname(slave)
        stdio = []
        for _ in range(3):
            # One open file each, non-blocking: the flag must not travel to whoever holds the first.
            fd = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            stdio.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE))
            os.close(fd)
        os.close(slave)
    except OSError as error:
        raise ControlError(f"no terminal can be made for process.terminal: {os_words(error)}") from None
    return master, stdio


def check_socket(path: str) -> None:
    """Raises: ControlError if --console-socket names no socket."""
    import stat

    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise ControlError(f"--console-socket {path}: {os_words(error)}") from None
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"--console-socket {path}: not a socket")


def send_master(master: int, path: str) -> None:
    """Gives the master to who listens on a socket. Raises: ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        folder = -1
        try:
            # By descriptor: the path may be longer than a socket's name can be.
            folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            connection.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
            _send(connection, master)
        except OSError as error:
            raise ControlError(f"--console-socket {path}: {os_words(error)}") from None
        finally:
            if folder >= 0:
                os.close(folder)


def _send(connection: socket.socket, master: int) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))]
    connection.sendmsg([b"/dev/ptmx"], rights)


class Relay:
    """The pysc in the foreground, between its own terminal and the container's master (-1: somebody else has it)."""

    __slots__ = ("_master", "_old")

    def __init__(self, master: int) -> None:
        self._master = master
        self._old: list[int | list[bytes | int]] | None = None
        if master >= 0:
            os.set_blocking(master, False)

    def __enter__(self) -> Self:
        if self._master >= 0 and os.isatty(0):
            import tty

            self._old = termios.tcgetattr(0)
            tty.setraw(0)
            self.resize()
        return self

    def __exit__(self, *_: object) -> None:
        if self._old is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, self._old)

    def resize(self) -> None:
        """Gives our terminal's size to the container's."""
        try:
            size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        except OSError:
            pass

    def copy(self, ended: int, signals: int, on_signal: Callable[[], None]) -> None:
        """Copies until the descriptor `ended` is readable (a pidfd) and the master is empty. on_signal() is called when
        `signals` is readable."""
        poller = select.poll()
        for fd in (ended, signals):
            poller.register(fd, select.POLLIN)
        if self._master >= 0:
            poller.register(self._master, select.POLLIN)
            poller.register(0, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poller.poll()}
            if signals in ready:
                on_signal()
            if 0 in ready:
                self._feed(poller)
            if self._master in ready and not self._drain():
                poller.unregister(self._master)
            if ended in ready:
                if self._master >= 0:
                    self._drain()
                return

    def _feed(self, poller: select.poll) -> None:
        try:
            data = os.read(0, 4096)
        except OSError:
            data = b""
        if not data:
            poller.unregister(0)
            return
        _write(self._master, data)

    def _drain(self) -> bool:
        """Copies what there is; False at the end: nobody holds the slave any more (EIO)."""
        while True:
            try:
                data = os.read(self._master, 65536)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            _write(1, data)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poller = select.poll()
            poller.register(fd, select.POLLOUT)
            poller.poll()
        except OSError:
            return
