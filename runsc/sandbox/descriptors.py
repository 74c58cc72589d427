# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The descriptors that the guest begins with, and what becomes of our own."""

from __future__ import annotations

import fcntl
import os

from sentry.control.errors import ControlError

FIRST_FREE = 10
"""Numbers below this stay for 0, 1, 2 of each process."""


def fill_standard() -> None:
    """Opens /dev/null in place of a closed 0, 1 or 2, so that nothing else ever gets these numbers."""
    for fd in range(3):
        try:
            fcntl.fcntl(fd, fcntl.F_GETFD)
        except OSError:
            os.open("/dev/null", os.O_RDWR)


def guest_descriptors(extra: int) -> list[int]:
    """Copies of our 0, 1, 2 and of `extra` more from 3 on (--preserve-fds), as the guest shall have them.

    Raises: ControlError for a missing one.
    """
    result = []
    for fd in range(3 + extra):
        try:
            result.append(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE))
        except OSError:
            raise ControlError(f"--preserve-fds={extra}: descriptor {fd} is not open") from None
    return result


def let_go_of_standard(*, also_errors: bool) -> None:
    """Puts /dev/null at our own 0 and 1 (and 2): whoever reads the program's output must see its end when the program
    closes it, not when we end."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for fd in (0, 1, 2) if also_errors else (0, 1):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def close_extra(extra: int) -> None:
    """Closes the originals of --preserve-fds."""
    for fd in range(3, 3 + extra):
        try:
            os.close(fd)
        except OSError:
            pass
