# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Fakes for the calls of pipes, sockets, polling and events: a task with memory, descriptors, a clock and timers."""

from __future__ import annotations

import heapq
import resource
from typing import TYPE_CHECKING, Any, cast

from sentry.abi.errors import Interrupted, LinuxError
from sentry.kernel.blocking import READY, TIMED_OUT, Block
from sentry.kernel.credentials import Credentials
from sentry.mm.memory import UserMemory
from sentry.vfs.fd_table import FdTable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

BASE = 0x10000
SIZE = 0x100000


class FakePlatform:
    """One megabyte of memory at BASE."""

    def __init__(self) -> None:
        self.bytes = bytearray(SIZE)

    def read_memory(self, tid: int, address: int, size: int) -> bytes:
        if not BASE <= address < BASE + SIZE:
            return b""
        return bytes(self.bytes[address - BASE : address - BASE + size])

    def write_memory(self, tid: int, address: int, data: bytes | bytearray | memoryview) -> int:
        if not BASE <= address < BASE + SIZE:
            return 0
        data = data[: BASE + SIZE - address]
        self.bytes[address - BASE : address - BASE + len(data)] = data
        return len(data)

    def read_string(self, tid: int, address: int, limit: int) -> bytes | None:
        if not BASE <= address < BASE + SIZE:
            return None
        return bytes(self.bytes[address - BASE : address - BASE + limit]).split(b"\0")[0]


class FakeTimer:
    def __init__(self, deadline: int, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: FakeTimer) -> bool:
        return self.deadline < other.deadline


class FakeKernel:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.clock = 1_000_000_000
        self.timers: list[FakeTimer] = []
        self.signals: list[tuple[Any, int]] = []
        self.processes: dict[int, Any] = {}
        self.tasks: dict[int, Any] = {}
        self.signal_hooks: list[Any] = []
        self.child_exit_hooks: list[Any] = []
        self.hostname = b"pysc"

    def now(self) -> int:
        return self.clock

    def call_at(self, deadline: int, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(deadline, callback)
        heapq.heappush(self.timers, timer)
        return timer

    def advance(self, ns: int) -> None:
        end = self.clock + ns
        while self.timers and self.timers[0].deadline <= end:
            timer = heapq.heappop(self.timers)
            self.clock = max(self.clock, timer.deadline)
            if timer.callback is not None:
                timer.callback()
        self.clock = end

    def send_signal(self, process: Any, signo: int, sender: Any = None, info: bytes | None = None) -> None:
        self.signals.append((process, signo))

    def send_thread_signal(self, task: Any, signo: int, sender: Any = None, info: bytes | None = None) -> None:
        self.signals.append((task, signo))


class FakeProcess:
    def __init__(self, kernel: FakeKernel, pid: int) -> None:
        self.kernel = kernel
        self.pid = pid
        self.limits = {resource.RLIMIT_NOFILE: (1024, 4096)}
        self.exit_status: int | None = None
        self.threads: dict[int, Any] = {}


class FakeTask:
    """Duck-types sentry.kernel.task.Task."""

    def __init__(self, kernel: FakeKernel | None = None, pid: int = 1) -> None:
        self.kernel = kernel or FakeKernel()
        self.process = FakeProcess(self.kernel, pid)
        self.tid = pid
        self.process.threads[pid] = self
        self.kernel.processes[pid] = self.process
        self.kernel.tasks[pid] = self
        self.credentials = Credentials()
        self.files = FdTable()
        self.platform = FakePlatform()
        self.memory = UserMemory(cast("Any", self.platform), pid)
        self.restart_deadline: int | None = None
        self._next = BASE

    def mount_tmpfs(self) -> None:
        """Gives the task a root file system."""
        from sentry.fs.tmpfs import Budget, TmpfsFilesystem
        from sentry.vfs.fs_context import FsContext
        from sentry.vfs.mounts import MountNamespace

        root = MountNamespace(TmpfsFilesystem(77, Budget(1 << 20))).root_path
        self.fs = FsContext(root, root, 0o022)

    def place(self, data: bytes) -> int:
        """Puts data somewhere in the memory: its address."""
        address = self._next
        self._next += len(data) + 15 & ~15
        assert self._next < BASE + SIZE
        self.memory.write(address, data)
        return address

    def room(self, size: int) -> int:
        return self.place(bytes(size))


class Call:
    """A call on its way: done (result, or errno), or blocked."""

    def __init__(self, kernel: FakeKernel, value: Any) -> None:
        self.kernel = kernel
        self.result: Any = None
        self.errno = 0
        self.interrupted: Interrupted | None = None
        self.block: Block | None = None
        self.woken = False
        self.coroutine: Coroutine[Block, int, Any] | None = None
        if hasattr(value, "send"):
            self.coroutine = value
            self._resume(lambda: value.send(None))
        else:
            self.result = value

    @property
    def blocked(self) -> bool:
        return self.block is not None

    def _resume(self, step: Callable[[], Block]) -> None:
        if self.block is not None:
            for queue in self.block.queues:
                queue.remove(self)
        self.block = None
        try:
            self.block = step()
        except StopIteration as stop:
            self.result = stop.value
            return
        except LinuxError as error:
            self.errno = error.errno
            return
        except Interrupted as interrupted:
            self.interrupted = interrupted
            return
        self.woken = False
        for queue in self.block.queues:
            queue.add(self, self._wake)

    def _wake(self) -> None:
        self.woken = True

    def run(self) -> Call:
        """Resumes the call as long as somebody woke it or its deadline passed."""
        coroutine = self.coroutine
        while self.block is not None:
            assert coroutine is not None
            if self.woken:
                self._resume(lambda: coroutine.send(READY))
            elif self.block.deadline is not None and self.block.deadline <= self.kernel.now():
                self._resume(lambda: coroutine.send(TIMED_OUT))
            else:
                break
        return self

    def kick(self) -> Call:
        assert self.block is not None
        assert self.coroutine is not None
        coroutine, no_hand = self.coroutine, self.block.no_hand
        self._resume(lambda: coroutine.throw(Interrupted(no_hand)))
        return self


def start(task: Any, call: Callable[..., Any], *arguments: Any) -> Call:
    """Makes a system call for the task."""
    try:
        return Call(task.kernel, call(task, *arguments))
    except LinuxError as error:
        done = Call(task.kernel, None)
        done.errno = error.errno
        return done


def do(task: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call that must not block, or its negative errno."""
    made = start(task, call, *arguments).run()
    assert not made.blocked, "the call blocks"
    return -made.errno if made.errno else made.result
