# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Threads and processes as the sentry knows them.

Owned by the kernel's loop alone (one Python thread). Memory, threads, waiting and signal handlers are the host's; this
is the rest: descriptors, credentials, file system context, names, limits.
"""

from __future__ import annotations

import time

from sentry.kernel.blocking import WaitQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sentry.kernel.blocking import Block
    from sentry.kernel.credentials import Credentials
    from sentry.kernel.exec import PendingExec
    from sentry.kernel.kernel import Kernel
    from sentry.mm.memory import UserMemory
    from sentry.vfs.fd_table import FdTable
    from sentry.vfs.fs_context import FsContext
    from sentry.vfs.path import Path

LOGINUID = "loginuid"
"""The key in Process.extra of /proc/PID/loginuid, an int; a forked child inherits it."""


class Process:
    """A thread group. pid is the guest's number; host_pid the sentry's own pid namespace's.

    executable: Path of /proc/PID/exe. limits: RLIMIT_* -> (soft, hard), RLIM_INFINITY = 2**64-1. start_time:
    CLOCK_BOOTTIME ns. argument_prefix: how many of the host's arguments /proc/PID/cmdline drops, and what it shows
    instead (a #! line). pidfd_queue wakes when exit_status is set.
    """

    __slots__ = (
        "__weakref__", "argument_prefix", "children", "controlling_tty", "dumpable", "executable", "exec_pending",
        "exit_code", "exit_signal", "exit_status", "exiting", "extra", "host_pid", "kernel", "limits",
        "oom_score_adj", "parent", "pid", "pidfd", "pidfd_queue", "signals_sent", "start_time", "threads", "timers",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, pid: int, host_pid: int, parent: Process | None) -> None:
        self.kernel = kernel
        self.pid = pid
        self.host_pid = host_pid
        self.parent = parent
        self.children: set[Process] = set()
        self.threads: dict[int, Task] = {}  # by guest tid
        self.exit_status: int | None = None  # a wait status, set when it has ended; 0 if a signal did it
        self.exit_code = 0
        self.exiting = False  # exit_group was called: its descriptors are closed
        self.exit_signal = 17
        self.signals_sent = 0  # how many signals its threads may have to look at
        self.executable: Path | None = None
        self.exec_pending: PendingExec | None = None
        self.argument_prefix: tuple[int, list[bytes]] = (0, [])
        self.controlling_tty: object | None = None
        self.dumpable = 1
        self.limits: dict[int, tuple[int, int]] = {}
        self.oom_score_adj = 0
        self.pidfd = -1
        self.pidfd_queue = WaitQueue()
        self.start_time = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.timers: dict[int, object] = {}
        self.extra: dict[str, object] = {}  # what single areas keep per process, by their name

    @property
    def leader(self) -> Task:
        """A live thread of the process, the leader if it lives. Raises: StopIteration if there is none."""
        return self.threads.get(self.pid) or next(iter(self.threads.values()))


class Task:
    """A thread: what a system call handler gets as its first argument.

    tid is the guest's, host_tid the sentry's pid namespace's number. call: the identity of the system call being
    handled, for the platform.
    """

    __slots__ = (
        "__weakref__", "call", "coroutine", "credentials", "extra", "files", "fs", "host_tid", "kernel", "kicked",
        "memory", "name", "process", "restart_deadline", "signals_seen", "syscall_number", "tid", "traced", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        process: Process,
        tid: int,
        host_tid: int,
        *,
        name: bytes,
        credentials: Credentials,
        memory: UserMemory,
        files: FdTable,
        fs: FsContext,
    ) -> None:
        self.process = process
        self.kernel = process.kernel
        self.tid = tid
        self.host_tid = host_tid
        self.name = name  # comm, at most 15 bytes
        self.credentials = credentials
        self.memory = memory
        self.files = files
        self.fs = fs
        self.call = 0
        self.syscall_number = -1
        self.coroutine: Coroutine[Block, int, int] | None = None
        self.waiting: Block | None = None
        self.kicked = False
        self.signals_seen = process.signals_sent
        self.restart_deadline: int | None = None
        self.traced: tuple[tuple[int, ...], int] | None = None
        self.extra: dict[str, object] = {}
