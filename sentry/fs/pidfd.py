# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""pidfd_open(2): a process as a file, readable (for poll) once it has ended. Source: fs/pidfs.c, kernel/pid.c."""

from __future__ import annotations

import os
import stat

from sentry.kernel.exit import zombie
from sentry.vfs.anonymous import AnonymousFile, AnonymousInode, pidfs
from sentry.vfs.file import POLLHUP, POLLIN, POLLRDNORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Process

_INODE = AnonymousInode(pidfs, stat.S_IRWXU)


class PidFile(AnonymousFile):
    """process: kept as long as the file, so that its number can never mean another one."""

    __slots__ = ("process",)
    label = b"anon_inode:[pidfd]"

    def __init__(self, process: Process, flags: int = 0) -> None:
        super().__init__(os.O_RDWR | flags & os.O_NONBLOCK)
        self.inode = _INODE
        self.process = process
        self.queue = process.pidfd_queue

    def poll(self) -> int:
        process = self.process
        if process.exit_status is None:
            return 0
        # POLLHUP once somebody has waited for it.
        return POLLIN | POLLRDNORM if zombie(process.kernel, process.pid) else POLLIN | POLLRDNORM | POLLHUP
