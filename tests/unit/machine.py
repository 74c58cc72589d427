# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A fake kernel with real processes and tasks: time stands still, memory is a byte array, signals are written down.

The host's procfs is that of the test itself, so texts made from it are made from real ones.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from sentry.abi.errors import LinuxError
from sentry.control.config import ProcessConfig, SandboxConfig
from sentry.fs import host_facts
from sentry.fs.tmpfs import Budget, TmpfsFilesystem
from sentry.kernel.credentials import ALL_CAPABILITIES, Credentials
from sentry.kernel.kernel import Timer
from sentry.kernel.task import Process, Task
from sentry.mm.memory import UserMemory
from sentry.vfs import namei
from sentry.vfs.fd_table import FdTable
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import allocate_dev
from sentry.vfs.fs_context import FsContext
from sentry.vfs.mounts import MountNamespace

if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.platform.interface import Platform
    from sentry.vfs.filesystem import Filesystem

BASE = 0x10000
SIZE = 1 << 20


class FakePlatform:
    """One address space of SIZE bytes at BASE, the same for every task."""

    def __init__(self) -> None:
        self.bytes = bytearray(SIZE)

    def read_memory(self, host_tid: int, address: int, size: int) -> bytes:
        start = address - BASE
        return bytes(self.bytes[start : start + size]) if 0 <= start < SIZE else b""

    def write_memory(self, host_tid: int, address: int, data: bytes | bytearray | memoryview) -> int:
        start = address - BASE
        count = min(len(data), SIZE - start) if 0 <= start < SIZE else 0
        self.bytes[start : start + count] = data[:count]
        return count

    def read_string(self, host_tid: int, address: int, limit: int) -> bytes | None:
        found = self.read_memory(host_tid, address, limit)
        return found.split(b"\0", 1)[0] if found else None


class Machine:
    """The kernel. groups, sessions: by pid; a process is in its parent's unless put elsewhere. host_files replaces
    single files of the host's procfs."""

    def __init__(self) -> None:
        self.config = SandboxConfig("test", ProcessConfig([b"sh"], []), [])
        self.platform = FakePlatform()
        self.time = 1_000_000_000
        self.hostname, self.domainname = b"box", b""
        self.processes: dict[int, Process] = {}
        self.tasks: dict[int, Task] = {}
        self.by_host: dict[int, Task] = {}
        self.zombies: dict[int, int] = {}
        self.host_facts = host_facts.collect()
        self.mapped_files: dict[tuple[int, int], tuple[bytes, int, int]] = {}
        self.exit_hooks: list[Callable[[Process], None]] = []
        self.exec_hooks: list[Callable[[Task], None]] = []
        self.groups: dict[int, int] = {}
        self.sessions: dict[int, int] = {}
        self.sent: list[tuple[str, int, int]] = []  # (kind, whom, signal)
        self.infos: list[bytes | None] = []
        self.host_files: dict[tuple[int, str], bytes] = {}
        self.logged: list[str] = []
        self.current: Task | None = None
        self._timers: list[tuple[int, int, Timer]] = []
        self.mounts = MountNamespace(TmpfsFilesystem(allocate_dev(), Budget(1 << 20), 0o755))
        self.init = self.process(1)

    @property
    def kernel(self) -> Kernel:
        """Itself, as what the code under test takes it for."""
        return cast("Kernel", self)

    # -- making things --
    def process(self, pid: int, parent: Process | None = None, credentials: Credentials | None = None) -> Process:
        """A process of one thread; its host side is the test itself."""
        process = Process(self.kernel, pid, os.getpid(), parent)
        if parent is not None:
            parent.children.add(process)
            self.groups[pid] = self.groups[parent.pid]
            self.sessions[pid] = self.sessions[parent.pid]
        else:
            self.groups[pid] = self.sessions[pid] = pid
        self.processes[pid] = process
        self.thread(process, pid, credentials)
        return process

    def thread(self, process: Process, tid: int, credentials: Credentials | None = None) -> Task:
        root = self.mounts.root_path
        task = Task(
            process, tid, os.getpid(), name=b"test", credentials=credentials or Credentials(groups=(7, 8)),
            memory=UserMemory(cast("Platform", self.platform), os.getpid()), files=FdTable(),
            fs=FsContext(root, root, 0o022),
        )  # fmt: skip
        process.threads[tid] = task
        self.tasks[tid] = task
        return task

    def mount(self, path: bytes, filesystem: Filesystem) -> None:
        self.mounts.mount(filesystem, self.mounts.mount_point(path))

    @property
    def task(self) -> Task:
        """The first process's thread."""
        return self.init.leader

    # -- what the kernel offers --
    def now(self) -> int:
        return self.time

    def call_at(self, deadline: int, callback: Callable[[], None]) -> Timer:
        timer = Timer(deadline, callback)
        heapq.heappush(self._timers, (deadline, len(self._timers), timer))
        return timer

    def pass_time(self, ns: int) -> None:
        """Lets ns go by, at once: what is due runs late."""
        self.time += ns
        while self._timers and self._timers[0][0] <= self.time:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()

    def read_host_proc(self, host_tid: int, name: str) -> bytes:
        replaced = self.host_files.get((host_tid, name))
        if replaced is not None:
            return replaced
        try:
            with open(f"/proc/{host_tid}/{name}", "rb") as file:
                return file.read()
        except OSError:
            return b""

    def host_status(self, host_tid: int) -> dict[bytes, bytes]:
        lines = self.read_host_proc(host_tid, "status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}

    def process_group(self, process: Process) -> int:
        return self.groups[process.pid]

    def session(self, process: Process) -> int:
        return self.sessions[process.pid]

    def send_signal(self, process: Process, number: int, sender: Task | None = None, info: bytes | None = None) -> None:
        self.sent.append(("process", process.pid, number))
        self.infos.append(info)

    def send_thread_signal(
        self, task: Task, number: int, sender: Task | None = None, info: bytes | None = None
    ) -> None:
        self.sent.append(("thread", task.tid, number))
        self.infos.append(info)

    def send_group_signal(self, group: int, number: int, sender: Task | None = None) -> None:
        self.sent.append(("group", group, number))

    def log(self, line: str) -> None:
        self.logged.append(line)


def user(uid: int, **changes: object) -> Credentials:
    """Somebody without capabilities."""
    nobody = Credentials(uid, uid, uid, uid, uid, uid, uid, uid, (), 0, 0, 0, 0, ALL_CAPABILITIES)
    return nobody.with_(**changes)


def put(task: Task, data: bytes, address: int = BASE) -> int:
    """Writes data into the task's memory: its address."""
    task.memory.write(address, data)
    return address


def read_file(task: Task, path: bytes) -> bytes:
    """The content of a file, in small pieces."""
    file = namei.open_path(task, task.fs.cwd, path, os.O_RDONLY, 0)
    assert isinstance(file, OpenFile)
    pieces = []
    while piece := file.read(4096):
        pieces.append(piece)
    file.drop()
    return b"".join(pieces)


def write_file(task: Task, path: bytes, data: bytes) -> int:
    file = namei.open_path(task, task.fs.cwd, path, os.O_WRONLY | os.O_TRUNC, 0)
    assert isinstance(file, OpenFile)
    try:
        return file.write(data)
    finally:
        file.drop()


def errno_of(action: Callable[[], object]) -> int:
    """The errno that action ends with, 0 if it succeeds."""
    try:
        action()
    except LinuxError as error:
        return error.errno
    return 0


def start(result: int | Coroutine[Any, Any, int]) -> Coroutine[Any, Any, int]:
    """A call that has to wait, at its first wait."""
    assert not isinstance(result, int)
    result.send(None)
    return result


def finish(coroutine: Coroutine[Any, Any, int], outcome: int) -> int | None:
    """Resumes a blocked call: its result, None if it waits again."""
    try:
        coroutine.send(outcome)
    except StopIteration as stop:
        return int(stop.value)
    return None
