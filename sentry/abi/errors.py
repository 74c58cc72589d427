# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The one exception that a guest sees.

Constants that the standard library has (errno, stat, os.O_*, fcntl.F_*, signal) are used from there: the guest's
architecture is the host's. sentry/abi holds the rest.
"""

import errno as _errno


class LinuxError(Exception):
    """Ends a system call with an errno; it is not an OSError, so that a host errno cannot leak to a guest unseen.

    Attributes: errno, a positive number of errno(3).
    """

    __slots__ = ("errno",)

    def __init__(self, errno: int) -> None:
        self.errno = errno

    def __str__(self) -> str:
        return _errno.errorcode.get(self.errno, str(self.errno))

    @classmethod
    def from_host(cls, error: OSError) -> "LinuxError":
        """Translates a host's error at an edge; an error without a number becomes EIO."""
        return cls(error.errno or _errno.EIO)


# An answer that only the kernel sees (include/linux/errno.h): with a signal pending, it makes the call again.
ERESTARTNOINTR = 513


class Interrupted(Exception):
    """A blocked call was kicked: it is restarted, or ends with EINTR if a handler runs that does not restart calls
    (no_hand: if any handler runs)."""

    __slots__ = ("no_hand",)

    def __init__(self, no_hand: bool = False) -> None:
        self.no_hand = no_hand


class SentryDown(Exception):
    """The sandbox cannot go on (the gofer died or lied): ends the sentry, and with it the sandbox.

    Never caught by handlers. The message is one line for the log.
    """
