# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""prctl(2). Source: man-pages prctl(2), kernel/sys.c, security/commoncap.c (cap_task_prctl).

Options about signals of the parent and about orphans are the host's (they need its pid namespace); the filter lets them
pass, and here they are handed back to it. Options that this architecture or this kernel does not have give EINVAL.
"""

from __future__ import annotations

import errno

from sentry.abi import security as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.answers import PROCEED, Answer
from sentry.kernel.credentials import CAP_LAST, CAP_SETPCAP, CAP_SYS_RESOURCE
from sentry.kernel.task import Task
from syscalls.table import PARTIAL, Int, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

NAME_SIZE = 16  # TASK_COMM_LEN
DEFAULT_TIMER_SLACK = 50_000  # ns

Option: TypeAlias = "Callable[[Task, int, int, int, int], int | Answer]"


@syscall(157, support=PARTIAL, note="no options for seccomp, PR_SET_MM, speculation control and IO flushers")
def prctl(task: Task, option: Int, arg2: ULong, arg3: ULong, arg4: ULong, arg5: ULong) -> int | Answer:
    """prctl(2). Raises: EINVAL for an unknown option or argument, EPERM, EFAULT."""
    handler = _OPTIONS.get(option)
    if handler is None:
        raise LinuxError(errno.EINVAL)
    return handler(task, arg2, arg3, arg4, arg5)


def _unused(*arguments: int) -> None:
    if any(arguments):
        raise LinuxError(errno.EINVAL)


def _host(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> Answer:
    return PROCEED


def _set_name(task: Task, address: int, arg3: int, arg4: int, arg5: int) -> int:
    task.name = task.memory.read_some(address, NAME_SIZE - 1).split(b"\0", 1)[0]
    return 0


def _get_name(task: Task, address: int, arg3: int, arg4: int, arg5: int) -> int:
    task.memory.write(address, task.name.ljust(NAME_SIZE, b"\0"))
    return 0


def _set_dumpable(task: Task, value: int, arg3: int, arg4: int, arg5: int) -> int:
    if value not in (0, 1):
        raise LinuxError(errno.EINVAL)
    task.process.dumpable = value
    return 0


def _get_dumpable(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    return task.process.dumpable


def _set_keep_capabilities(task: Task, value: int, arg3: int, arg4: int, arg5: int) -> int:
    credentials = task.credentials
    if value > 1:
        raise LinuxError(errno.EINVAL)
    if credentials.securebits & abi.SECBIT_KEEP_CAPS << 1:
        raise LinuxError(errno.EPERM)
    kept = credentials.securebits & ~abi.SECBIT_KEEP_CAPS
    task.credentials = credentials.with_(securebits=kept | (abi.SECBIT_KEEP_CAPS if value else 0))
    return 0


def _get_keep_capabilities(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    return int(bool(task.credentials.securebits & abi.SECBIT_KEEP_CAPS))


def _set_no_new_privileges(task: Task, value: int, arg3: int, arg4: int, arg5: int) -> int:
    _unused(value != 1, arg3, arg4, arg5)
    task.credentials = task.credentials.with_(no_new_privs=True)
    return 0


def _get_no_new_privileges(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    _unused(arg2, arg3, arg4, arg5)
    return int(task.credentials.no_new_privs)


def _read_bounding(task: Task, capability: int, arg3: int, arg4: int, arg5: int) -> int:
    if capability > CAP_LAST:
        raise LinuxError(errno.EINVAL)
    return task.credentials.bounding >> capability & 1


def _drop_bounding(task: Task, capability: int, arg3: int, arg4: int, arg5: int) -> int:
    if not task.credentials.has(CAP_SETPCAP):
        raise LinuxError(errno.EPERM)
    if capability > CAP_LAST:
        raise LinuxError(errno.EINVAL)
    task.credentials = task.credentials.with_(bounding=task.credentials.bounding & ~(1 << capability))
    return 0


def _ambient(task: Task, operation: int, capability: int, arg4: int, arg5: int) -> int:
    old = task.credentials
    if operation == abi.PR_CAP_AMBIENT_CLEAR_ALL:
        _unused(capability, arg4, arg5)
        task.credentials = old.with_(ambient=0)
        return 0
    _unused(arg4, arg5, capability > CAP_LAST)
    bit = 1 << capability
    if operation == abi.PR_CAP_AMBIENT_IS_SET:
        return int(bool(old.ambient & bit))
    if operation == abi.PR_CAP_AMBIENT_RAISE:
        if not old.permitted & old.inheritable & bit or old.securebits & abi.SECBIT_NO_CAP_AMBIENT_RAISE:
            raise LinuxError(errno.EPERM)
        task.credentials = old.with_(ambient=old.ambient | bit)
    elif operation == abi.PR_CAP_AMBIENT_LOWER:
        task.credentials = old.with_(ambient=old.ambient & ~bit)
    else:
        raise LinuxError(errno.EINVAL)
    return 0


def _set_securebits(task: Task, bits: int, arg3: int, arg4: int, arg5: int) -> int:
    old = task.credentials.securebits
    locked = old & abi.SECURE_ALL_LOCKS
    if (
        locked >> 1 & (old ^ bits)
        or locked & ~bits
        or bits & ~(abi.SECURE_ALL_LOCKS | abi.SECURE_ALL_BITS)
        or not task.credentials.has(CAP_SETPCAP)
    ):
        raise LinuxError(errno.EPERM)
    task.credentials = task.credentials.with_(securebits=bits)
    return 0


def _get_securebits(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    return task.credentials.securebits


def _get_tsc(task: Task, address: int, arg3: int, arg4: int, arg5: int) -> int:
    task.memory.write(address, abi.PR_TSC_ENABLE.to_bytes(4, "little"))
    return 0


def _set_tsc(task: Task, value: int, arg3: int, arg4: int, arg5: int) -> int:
    # Making rdtsc fault is a switch of the host's thread, which the guest must not turn.
    _unused(value != abi.PR_TSC_ENABLE)
    return 0


def _get_timer_slack(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    slack = task.extra.get("timer slack", DEFAULT_TIMER_SLACK)
    assert isinstance(slack, int)
    return slack


def _set_timer_slack(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    """Kept and told: the host's timers have the host's slack."""
    task.extra["timer slack"] = arg2 if 0 < arg2 < 1 << 63 else DEFAULT_TIMER_SLACK
    return 0


def _zero(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    """For questions whose answer is 0 here, and for hints that may be ignored."""
    return 0


def _set_timing(task: Task, value: int, arg3: int, arg4: int, arg5: int) -> int:
    _unused(value)  # only PR_TIMING_STATISTICAL
    return 0


def _huge_pages(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    _unused(arg3, arg4, arg5)
    return 0


def _machine_check_get(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    _unused(arg2, arg3, arg4, arg5)
    return abi.PR_MCE_KILL_DEFAULT


def _set_memory_map(task: Task, arg2: int, arg3: int, arg4: int, arg5: int) -> int:
    raise LinuxError(errno.EINVAL if task.credentials.has(CAP_SYS_RESOURCE) else errno.EPERM)


_OPTIONS: dict[int, Option] = {
    abi.PR_SET_PDEATHSIG: _host,
    abi.PR_GET_PDEATHSIG: _host,
    abi.PR_SET_CHILD_SUBREAPER: _host,
    abi.PR_GET_CHILD_SUBREAPER: _host,
    abi.PR_SET_NAME: _set_name,
    abi.PR_GET_NAME: _get_name,
    abi.PR_SET_DUMPABLE: _set_dumpable,
    abi.PR_GET_DUMPABLE: _get_dumpable,
    abi.PR_SET_KEEPCAPS: _set_keep_capabilities,
    abi.PR_GET_KEEPCAPS: _get_keep_capabilities,
    abi.PR_SET_NO_NEW_PRIVS: _set_no_new_privileges,
    abi.PR_GET_NO_NEW_PRIVS: _get_no_new_privileges,
    abi.PR_CAPBSET_READ: _read_bounding,
    abi.PR_CAPBSET_DROP: _drop_bounding,
    abi.PR_CAP_AMBIENT: _ambient,
    abi.PR_SET_SECUREBITS: _set_securebits,
    abi.PR_GET_SECUREBITS: _get_securebits,
    abi.PR_GET_SECCOMP: _zero,  # no filter of the guest's own is ever in force
    abi.PR_GET_TSC: _get_tsc,
    abi.PR_SET_TSC: _set_tsc,
    abi.PR_GET_TIMERSLACK: _get_timer_slack,
    abi.PR_SET_TIMERSLACK: _set_timer_slack,
    abi.PR_GET_TIMING: _zero,  # PR_TIMING_STATISTICAL
    abi.PR_SET_TIMING: _set_timing,
    abi.PR_TASK_PERF_EVENTS_DISABLE: _zero,
    abi.PR_TASK_PERF_EVENTS_ENABLE: _zero,
    abi.PR_GET_THP_DISABLE: _huge_pages,
    abi.PR_SET_THP_DISABLE: _huge_pages,
    abi.PR_MCE_KILL_GET: _machine_check_get,
    abi.PR_SET_MM: _set_memory_map,
}
