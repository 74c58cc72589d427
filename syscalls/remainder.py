# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The forms of delegated calls that the filter keeps from the host: most are errors on Linux too.

sentry/platform/delegated.py says which forms pass; what is left comes here.
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from syscalls.table import PARTIAL, Address, Int, Pid, UInt, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_P_PIDFD = 3


@syscall(158, support=PARTIAL, note="the FS and GS bases only: no CPUID faulting, no shadow stacks")
def arch_prctl(task: Task, code: Int, address: ULong) -> int:
    """arch_prctl(2). Raises: EINVAL."""
    raise LinuxError(errno.EINVAL)


@syscall(202, support=PARTIAL, note="no priority inheritance (FUTEX_LOCK_PI and its family): ENOSYS")
def futex(
    task: Task, word: Address, operation: Int, value: UInt, timeout: Address, word2: Address, value3: UInt
) -> int:
    """futex(2). Raises: ENOSYS."""
    raise LinuxError(errno.ENOSYS)


@syscall(274, support=PARTIAL, note="the caller's own list only")
def get_robust_list(task: Task, tid: Pid, head: Address, length: Address) -> int:
    """get_robust_list(2). Raises: ESRCH, EPERM."""
    raise LinuxError(errno.EPERM if tid in task.kernel.tasks else errno.ESRCH)


@syscall(247, support=PARTIAL, note="P_PIDFD: EINVAL, as before Linux 5.4")
def waitid(task: Task, kind: Int, number: Pid, info: Address, options: Int, usage: Address) -> int:
    """waitid(2). Raises: EINVAL, EBADF."""
    if kind == _P_PIDFD:
        task.files.get(number)
    raise LinuxError(errno.EINVAL)
