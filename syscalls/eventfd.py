# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""eventfd and eventfd2."""

from __future__ import annotations

import errno
import os

from sentry.abi.errors import LinuxError
from sentry.fs.eventfd import EFD_SEMAPHORE, EventFile
from sentry.vfs.anonymous import install
from syscalls.table import Flags, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task


@syscall(284)
def eventfd(task: Task, count: UInt) -> int:
    """eventfd(2): a descriptor whose counter starts at count.

    Raises: EMFILE.
    """
    return install(task, EventFile(count, False), 0)


@syscall(290)
def eventfd2(task: Task, count: UInt, flags: Flags) -> int:
    """eventfd2: as eventfd. flags: EFD_SEMAPHORE, EFD_CLOEXEC, EFD_NONBLOCK.

    Raises: EINVAL, EMFILE.
    """
    if flags & ~(EFD_SEMAPHORE | os.O_CLOEXEC | os.O_NONBLOCK):
        raise LinuxError(errno.EINVAL)
    return install(task, EventFile(count, bool(flags & EFD_SEMAPHORE), flags), flags)
