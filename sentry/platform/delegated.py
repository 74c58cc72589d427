# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The system calls of a task that the host kernel answers: the whole reach of a guest into the host.

This list makes the filter (filters.py), the rows "delegated" of docs/syscalls.md and the list in docs/security.md.
Each entry says under which conditions, on registers only, and why it is safe. Whatever is not here goes to the sentry.
"""

from __future__ import annotations

from sentry.abi.clone import CLONE_REFUSED
from sentry.lean import Record
from sentry.platform.stub import abi

_HIGH = 0xFFFFFFFF00000000
_MARKED = abi.MARK << 32


class Condition(Record):
    """register value & mask == value."""

    __slots__ = ("argument", "mask", "value")

    def __init__(self, argument: int, mask: int, value: int) -> None:
        self.argument = argument
        self.mask = mask
        self.value = value


class Delegated(Record):
    """One way in which a call reaches the host; several entries of one name are alternatives."""

    __slots__ = ("name", "reason", "conditions")

    def __init__(self, name: str, reason: str, conditions: tuple[Condition, ...] = ()) -> None:
        self.name = name
        self.reason = reason
        self.conditions = conditions


def _low(argument: int, value: int) -> Condition:
    return Condition(argument, 0xFFFFFFFF, value)


_MEMORY = "touches the task's own address space only"
_OWN_PIDS = "acts inside the task's own pid namespace, whose numbers are the guest's"
_WAITS = "waits; reads and writes the task's own memory and signals only"
_CLOCK = "reads a clock"

DELEGATED: tuple[Delegated, ...] = (
    # memory
    Delegated("brk", _MEMORY),
    Delegated("mmap", "anonymous memory", (Condition(3, 0x20, 0x20),)),
    Delegated("mmap", "maps a descriptor that the sentry installed; made by the stub", (Condition(4, _HIGH, _MARKED),)),
    Delegated("close", "a descriptor that the sentry installed; made by the stub", (Condition(0, _HIGH, _MARKED),)),
    Delegated("munmap", _MEMORY),
    Delegated("mprotect", _MEMORY),
    Delegated("mremap", _MEMORY),
    Delegated("msync", "writes back the task's own shared mappings"),
    *(
        Delegated("madvise", _MEMORY, (_low(2, advice),))
        for advice in (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
    ),
    # threads
    *(
        Delegated("futex", "waits and wakes on the task's own memory; no priority inheritance", (_low(1, operation),))
        for command in (0, 1, 3, 4, 5, 9, 10)  # WAIT WAKE REQUEUE CMP_REQUEUE WAKE_OP WAIT_BITSET WAKE_BITSET
        for operation in (command, command | 128, command | 256, command | 128 | 256)
        if not (operation & 256 and command not in (0, 9))
    ),
    Delegated("sched_yield", "gives up the processor"),
    Delegated("set_tid_address", _MEMORY),
    Delegated("set_robust_list", _MEMORY),
    Delegated("get_robust_list", "the caller's own list", (_low(0, 0),)),
    Delegated("rseq", _MEMORY),
    Delegated("membarrier", "orders memory between the task's own threads"),
    *(
        Delegated("arch_prctl", "the FS and GS bases of the calling thread", (_low(0, code),))
        for code in (0x1001, 0x1002, 0x1003, 0x1004)
    ),
    Delegated(
        "clone",
        "a thread or process with the same filters; no new namespaces; trapped unless made by the stub",
        (Condition(0, CLONE_REFUSED, 0),),
    ),
    Delegated(
        "execveat",
        "executes the stub; trapped unless made by the stub",
        (Condition(0, (1 << 64) - 1, abi.marked(abi.LOADER_FD)), _low(4, 0x1000)),
    ),
    # waiting
    Delegated("wait4", _OWN_PIDS),
    *(Delegated("waitid", _OWN_PIDS, (_low(0, kind),)) for kind in (0, 1, 2)),  # P_ALL, P_PID, P_PGID; not P_PIDFD
    Delegated("nanosleep", _WAITS),
    Delegated("clock_nanosleep", _WAITS),
    Delegated("restart_syscall", _WAITS),
    # signals of the task itself
    Delegated("rt_sigaction", "trapped unless made by the stub, which keeps SIGSYS"),
    Delegated("rt_sigprocmask", "trapped unless made by the stub, which keeps SIGSYS"),
    Delegated("rt_sigsuspend", "trapped unless made by the stub, which keeps SIGSYS"),
    Delegated("rt_sigtimedwait", _WAITS),
    Delegated("rt_sigpending", _WAITS),
    Delegated("rt_sigreturn", "returns from a signal handler"),
    Delegated("sigaltstack", _MEMORY),
    # pids of its own namespace
    Delegated("getpid", _OWN_PIDS),
    Delegated("gettid", _OWN_PIDS),
    Delegated("getppid", _OWN_PIDS),
    Delegated("setpgid", _OWN_PIDS),
    Delegated("getpgid", _OWN_PIDS),
    Delegated("getpgrp", _OWN_PIDS),
    Delegated("setsid", _OWN_PIDS),
    Delegated("getsid", _OWN_PIDS),
    # clocks and accounts of the task itself
    Delegated("clock_gettime", _CLOCK, (Condition(0, 0xFFFFFFF0, 0),)),
    Delegated("clock_gettime", "processor time in the caller's own pid namespace", (Condition(0, 1 << 31, 1 << 31),)),
    Delegated("clock_getres", _CLOCK, (Condition(0, 0xFFFFFFF0, 0),)),
    Delegated("gettimeofday", _CLOCK),
    Delegated("time", _CLOCK),
    Delegated("times", "the task's own processor time"),
    Delegated("getrusage", "the task's own accounts"),
    *(Delegated("setitimer", "timers that run only while the task does", (_low(0, which),)) for which in (1, 2)),
    *(Delegated("getitimer", "timers that run only while the task does", (_low(0, which),)) for which in (1, 2)),
    *(
        Delegated("prctl", "parent death signal and reaping inside the pid namespace", (_low(0, option),))
        for option in (1, 2, 36, 37)  # PR_SET_PDEATHSIG PR_GET_PDEATHSIG PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER
    ),
)

CONDITIONAL = frozenset(entry.name for entry in DELEGATED if entry.conditions)
UNCONDITIONAL = frozenset(entry.name for entry in DELEGATED if not entry.conditions)
