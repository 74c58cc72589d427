# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The real kernel on a fake platform: calls come from a script, answers are written down, the host is a dictionary."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from sentry.abi.errors import LinuxError
from sentry.control.config import ProcessConfig, SandboxConfig
from sentry.kernel.credentials import Credentials
from sentry.kernel.kernel import Kernel
from sentry.kernel.task import Process, Task
from sentry.mm.memory import UserMemory
from sentry.vfs.fd_table import FdTable
from sentry.vfs.fs_context import FsContext

if TYPE_CHECKING:
    from sentry.platform.base import HostPlatform
    from sentry.vfs.path import Path

Step = Callable[[], tuple[int, ...] | None]
"""One step of the loop: what happens during it; a call that arrives, or None."""


class FakePlatform:
    """answers: (call, value), flags too for those of the loop. sent: (tgid, tid, signal, siginfo)."""

    queues_ignored = False

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.replies: list[tuple[int, int, int]] = []
        self.answers: list[tuple[int, int]] = []
        self.sent: list[tuple[int, int | None, int, bytes | None]] = []
        self.gone: set[int] = set()
        self.timeouts: list[int] = []
        self.kernel: Kernel

    def receiver(self) -> Callable[..., tuple[tuple[int, ...] | None, int]]:
        return self.step

    def step(self, reply: int, value: int, flags: int, timeout_ns: int) -> tuple[tuple[int, ...] | None, int]:
        self.timeouts.append(timeout_ns)
        if reply:
            self.replies.append((reply, value, flags))
        if not self.script:
            self.kernel.stopped = True
            return None, 0
        return self.script.pop(0)(), 0

    def answer(self, call: int, value: int) -> bool:
        self.answers.append((call, value))
        return True

    def send_signal(self, host_tgid: int, host_tid: int | None, number: int, info: bytes | None) -> None:
        if host_tgid in self.gone:
            raise LinuxError(errno.ESRCH)
        self.sent.append((host_tgid, host_tid, number, info))

    def reap(self, host_pid: int) -> None:
        pass

    def exit_status(self, host_pid: int) -> int:
        return 9


class TestKernel(Kernel):
    """host_files: what the host's procfs says, by (tid, name). Host numbers are 1000 + the guest's."""

    __test__ = False

    def __init__(self, **config: object) -> None:
        self.fake = FakePlatform()
        self.fake.kernel = self
        self.host_files: dict[tuple[int, str], bytes] = {}
        sandbox = SandboxConfig("test", ProcessConfig([b"sh"], []), [])
        for name, value in config.items():
            setattr(sandbox, name, value)
        super().__init__(sandbox, cast("HostPlatform", self.fake), -1)
        self.logged: list[str] = []
        self.log = self.logged.append
        self.init = self.process(1)

    def read_host_proc(self, host_tid: int, name: str) -> bytes:
        return self.host_files.get((host_tid, name), b"")

    def watch_process(self, process: Process) -> None:
        """No pidfd: the processes are made up."""

    def process(self, pid: int, parent: Process | None = None, credentials: Credentials | None = None) -> Process:
        process = Process(self, pid, 1000 + pid, parent)
        if parent is not None:
            parent.children.add(process)
        self.processes[pid] = process
        self.thread(process, pid, credentials)
        return process

    def thread(self, process: Process, tid: int, credentials: Credentials | None = None) -> Task:
        nowhere = cast("Path", None)
        task = Task(
            process, tid, 1000 + tid, name=b"test", credentials=credentials or Credentials(),
            memory=UserMemory(self.platform, 1000 + tid), files=FdTable(), fs=FsContext(nowhere, nowhere, 0o022),
        )  # fmt: skip
        self.add_task(task)
        return task

    def serve(self, *script: Step) -> None:
        """Runs the loop through these steps."""
        self.fake.script = list(script)
        self.stopped = False
        self.run()

    def host_status_of(self, task: Task, **fields: object) -> None:
        """What the host says of a task; more fields as text."""
        process = task.process
        words: dict[str, object] = {
            "Name": "test",
            "Tgid": process.host_pid,
            "PPid": process.parent.host_pid if process.parent else 0,
            "NStgid": f"{process.host_pid}\t{process.pid}",
            "NSpid": f"{task.host_tid}\t{task.tid}",
            "NSpgid": f"{task.host_tid}\t{process.pid}",
            "NSsid": f"{task.host_tid}\t1",
            **dict.fromkeys(("SigCgt", "SigIgn", "SigBlk"), "0" * 16),
            **fields,
        }
        text = "".join(f"{name}:\t{value}\n" for name, value in words.items())
        self.host_files[task.host_tid, "status"] = text.encode()


def call(task_or_tid: Task | int, number: int, *arguments: int, identity: int = 77) -> Step:
    """A step in which a call arrives."""
    tid = task_or_tid if isinstance(task_or_tid, int) else task_or_tid.host_tid
    words = (identity, tid, 0, number, 0xC000003E, 0, *(*arguments, *[0] * 6)[:6])
    return lambda: words


def happens(*actions: Callable[[], object]) -> Step:
    """A step without a call."""

    def step() -> None:
        for action in actions:
            action()

    return step


def code_of(info: bytes | None) -> int:
    """si_code of a travelling siginfo_t, as the stub sets it right."""
    assert info is not None
    assert info[8:12] == (-5).to_bytes(4, "little", signed=True)
    return int.from_bytes(info[4:5], "little", signed=True)
