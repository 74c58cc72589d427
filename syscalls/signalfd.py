# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""signalfd and signalfd4."""

from __future__ import annotations

import errno
import os

from sentry.abi.errors import LinuxError
from sentry.fs.signalfd import SignalFile
from sentry.vfs.anonymous import install
from syscalls.table import PARTIAL, Address, Fd, Flags, Size, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_NOTE = "sees signals sent by the sandbox's programs and timers, and SIGCHLD, not those pending already"


@syscall(282, support=PARTIAL, note=_NOTE)
def signalfd(task: Task, fd: Fd, mask: Address, size: Size) -> int:
    """signalfd(2): the descriptor, a new one if fd is -1.

    Raises: EINVAL, EFAULT, EBADF, EMFILE.
    """
    return _signalfd(task, fd, mask, size, 0)


@syscall(289, support=PARTIAL, note=_NOTE)
def signalfd4(task: Task, fd: Fd, mask: Address, size: Size, flags: Flags) -> int:
    """signalfd4: as signalfd. flags: SFD_CLOEXEC, SFD_NONBLOCK.

    Raises: as signalfd.
    """
    return _signalfd(task, fd, mask, size, flags)


def _signalfd(task: Task, fd: int, mask: int, size: int, flags: int) -> int:
    if size != 8:
        raise LinuxError(errno.EINVAL)
    wanted = int.from_bytes(task.memory.read(mask, 8), "little")
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise LinuxError(errno.EINVAL)
    if fd == -1:
        return install(task, SignalFile(task.process, wanted, flags), flags)
    file = task.files.opened(fd)
    if not isinstance(file, SignalFile):
        raise LinuxError(errno.EINVAL)
    file.set_mask(wanted)
    return fd
