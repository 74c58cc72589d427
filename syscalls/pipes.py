# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""pipe and pipe2. Reading, writing, splicing and fcntl of pipes are calls on descriptors, in their modules."""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.fs.pipes import PIPE_FLAGS, make_pipe
from sentry.vfs.anonymous import install_pair
from syscalls.table import Address, Flags, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task


@syscall(22)
def pipe(task: Task, ends: Address) -> int:
    """pipe(2): writes the read and the write descriptor to ends.

    Raises: EFAULT, EMFILE.
    """
    return _pipe(task, ends, 0)


@syscall(293)
def pipe2(task: Task, ends: Address, flags: Flags) -> int:
    """pipe2(2). flags: O_CLOEXEC, O_NONBLOCK, O_DIRECT (packets).

    Raises: EFAULT, EINVAL, EMFILE.
    """
    if flags & ~PIPE_FLAGS:
        raise LinuxError(errno.EINVAL)
    return _pipe(task, ends, flags)


def _pipe(task: Task, ends: int, flags: int) -> int:
    credentials = task.credentials
    reader, writer = make_pipe(credentials.fsuid, credentials.fsgid, flags)
    install_pair(task, reader, writer, flags, ends)
    return 0
