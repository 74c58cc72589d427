# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""pidfd_open, pidfd_send_signal, pidfd_getfd."""

from __future__ import annotations

import errno
import os

from sentry.abi.errors import LinuxError
from sentry.fs.pidfd import PidFile
from sentry.kernel import signals
from sentry.kernel.exit import zombie
from sentry.kernel.task import Process
from sentry.platform.stub.abi import SENT_BY_KILL, SENT_BY_TKILL
from sentry.vfs.anonymous import install
from syscalls.table import PARTIAL, STUB, Address, Fd, Flags, Int, Pid, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

_SI_TKILL = -6


@syscall(434, support=PARTIAL, note="no PIDFD_THREAD")
def pidfd_open(task: Task, pid: Pid, flags: Flags) -> int:
    """pidfd_open(2): a close-on-exec descriptor. flags: PIDFD_NONBLOCK.

    Raises: EINVAL, ESRCH, ENOENT (a thread that is no leader), EMFILE.
    """
    if flags & ~os.O_NONBLOCK or pid <= 0:
        raise LinuxError(errno.EINVAL)
    kernel = task.kernel
    process = kernel.processes.get(pid)
    if process is None:
        if pid in kernel.tasks:
            raise LinuxError(errno.ENOENT)
        if not zombie(kernel, pid):
            raise LinuxError(errno.ESRCH)
        # It has ended, but nobody waited for it yet: all that is left of it is its number.
        process = Process(kernel, pid, kernel.zombies.get(pid, 0), None)
        process.exit_status = 0
    return install(task, PidFile(process, flags), os.O_CLOEXEC)


@syscall(424)
def pidfd_send_signal(task: Task, pidfd: Fd, number: Int, info: Address, flags: Flags) -> int:
    """pidfd_send_signal(2).

    Raises: EBADF, EINVAL, EFAULT, EPERM, ESRCH.
    """
    if flags:
        raise LinuxError(errno.EINVAL)
    process = _process_of(task.files.opened(pidfd))
    data = _information(task, process, number, info) if info else None
    if not 0 <= number <= 64:
        raise LinuxError(errno.EINVAL)
    if process.exit_status is not None:
        raise LinuxError(errno.ESRCH)
    if not signals.may_send(task, process, number):
        raise LinuxError(errno.EPERM)
    if number:
        task.kernel.send_signal(process, number, task, data)
    return 0


def _process_of(file: OpenFile) -> Process:
    """The process that a pidfd, or an open /proc/PID, names. Raises: EBADF."""
    if isinstance(file, PidFile):
        return file.process
    from sentry.fs.proc_process import ProcessDirectory

    inode = file.inode
    if not isinstance(inode, ProcessDirectory) or inode.subject.thread is not None:
        raise LinuxError(errno.EBADF)
    return inode.subject.process


def _information(task: Task, process: Process, number: int, address: int) -> bytes:
    """The siginfo_t that the program gives. Raises: EINVAL (of another signal), EPERM (it says that others sent it)."""
    info = bytearray(task.memory.read(address, signals.INFO_SIZE))
    if int.from_bytes(info[0:4], "little", signed=True) != number:
        raise LinuxError(errno.EINVAL)
    code = int.from_bytes(info[8:12], "little", signed=True)
    if code >= 0 or code == _SI_TKILL:
        if process is not task.process:
            raise LinuxError(errno.EPERM)
        sent = SENT_BY_TKILL if code == _SI_TKILL else SENT_BY_KILL
        info[8:12] = sent.to_bytes(4, "little", signed=True)
    return bytes(info)


@syscall(438, support=STUB, note="always EPERM: no process may take another's descriptors")
def pidfd_getfd(task: Task, pidfd: Fd, target: Fd, flags: Flags) -> int:
    """pidfd_getfd(2).

    Raises: EINVAL, EBADF, EPERM.
    """
    if flags:
        raise LinuxError(errno.EINVAL)
    if not isinstance(task.files.opened(pidfd), PidFile):
        raise LinuxError(errno.EBADF)
    raise LinuxError(errno.EPERM)
