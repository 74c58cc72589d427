# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The kernel: its loop, the tasks it knows, timers and host descriptors.

One thread. A step answers the last call, waits, and receives the next; then come host descriptors, timers and the
blocked calls that were woken. Calls whose handler blocks are coroutines, parked in Task.coroutine until one of their
queues wakes, their deadline passes or they are kicked.

An exception that is neither LinuxError nor Interrupted is a bug of ours: it ends the sandbox (fail closed).
"""

from __future__ import annotations

import os
import select
import time
from _heapq import heappop, heappush

from sentry.abi.errors import ERESTARTNOINTR, Interrupted, LinuxError
from sentry.abi.signals import SIGSYS
from sentry.core import native
from sentry.kernel import clone, signals, strangers
from sentry.kernel import exit as exits
from sentry.kernel.answers import DEFERRED, PROCEED
from sentry.kernel.blocking import READY, TIMED_OUT, Block
from sentry.lean import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from sentry.control.config import SandboxConfig
    from sentry.kernel.task import Process, Task
    from sentry.platform.base import HostPlatform
    from sentry.vfs.file import OpenFile
    from sentry.vfs.mounts import MountNamespace

_monotonic = time.monotonic_ns


class Timer:
    """A callback at a time; cancel() is harmless at any time."""

    __slots__ = ("callback", "deadline")

    def __init__(self, deadline: int, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Kernel:
    """The state of one sandbox. See the module for who may touch it."""

    def __init__(self, config: SandboxConfig, platform: HostPlatform, proc_fd: int) -> None:
        self.config = config
        self.platform = platform
        self.proc_fd = proc_fd  # the host's procfs of the sentry's own pid namespace, -1: none
        self.mounts: MountNamespace
        self.hostname = config.hostname
        self.domainname = config.domainname
        self.boot_time_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.processes: dict[int, Process] = {}
        self.tasks: dict[int, Task] = {}
        self.by_host: dict[int, Task] = {}
        self.zombies: dict[int, int] = {}  # guest pid -> host pid of processes that ended and may be unreaped
        self.init: Process
        self.init_killed_by = 0  # the signal that init_killable turned into SIGKILL
        self.pending_clones: dict[int, clone.Pending] = {}
        self.config_held = False  # create without start: the first program waits in its LOAD call
        self.held_start: Callable[[], None] | None = None
        self.host_facts: dict[str, bytes] = {}
        self.current: Task | None = None  # whose call runs, for files that mind who reads (terminals)
        self.mapped_files: dict[tuple[int, int], tuple[bytes, int, int]] = {}  # host dev, ino -> name, guest dev, ino
        self.signal_hooks: list[Callable[[Process, Task | None, int, bytes], bool]] = []
        self.child_exit_hooks: list[Callable[[Process, Process], None]] = []
        self.exit_hooks: list[Callable[[Process], None]] = []
        self.exec_hooks: list[Callable[[Task], None]] = []
        self.calls: dict[int, Callable[..., Any]] = {}
        self.unknown_calls: dict[int, int] = {}
        self.on_exit: Callable[[int], None] = lambda _status: None
        self.log: Callable[[str], None] = lambda _line: None
        self.trace: Callable[[Task, tuple[int, ...], int | None, int], None] | None = None
        self.stopped = False
        self._timers: list[tuple[int, int, Timer]] = []
        self._timer_serial = 0
        self._ready: deque[tuple[Task, Block, int]] = deque()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._call_started = 0

    # -- services --
    @staticmethod
    def now() -> int:
        """CLOCK_MONOTONIC, ns."""
        return _monotonic()

    def call_at(self, deadline: int, callback: Callable[[], None]) -> Timer:
        """Runs callback at deadline (CLOCK_MONOTONIC, ns), once."""
        timer = Timer(deadline, callback)
        self._timer_serial += 1
        heappush(self._timers, (deadline, self._timer_serial, timer))
        return timer

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Calls callback(EPOLL* events) whenever host descriptor fd is ready, until unwatch(). Raises: OSError."""
        if fd in self._watched:
            self.platform.epoll.modify(fd, events)
        else:
            self.platform.epoll.register(fd, events)
        self._watched[fd] = callback

    def unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            try:
                self.platform.epoll.unregister(fd)
            except OSError:
                pass  # closed already, which removed it

    host_syscall = staticmethod(native.syscall)

    def read_host_proc(self, host_tid: int, name: str) -> bytes:
        """A file of the host's /proc/TID, b"" where there is none."""
        if self.proc_fd < 0:
            return b""
        try:
            fd = os.open(f"{host_tid}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=self.proc_fd)
        except OSError:
            return b""
        try:
            parts = []
            while part := os.read(fd, 65536):
                parts.append(part)
            return b"".join(parts)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def host_status(self, host_tid: int) -> dict[bytes, bytes]:
        """/proc/TID/status of the host as fields."""
        lines = self.read_host_proc(host_tid, "status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}

    def reopen_read_only(self, fd: int) -> int:
        """A new read-only description of a memfd of ours, or -1 where there is no procfs."""
        if self.proc_fd < 0:
            return -1
        try:
            return os.open(f"self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self.proc_fd)
        except OSError:
            return -1

    # -- the loop --
    def run(self) -> None:
        """Serves until stopped is set."""
        reply = value = flags = 0
        step = self.platform.receiver()
        timers = self._timers
        ready = self._ready
        while not self.stopped:
            timeout = -1
            if ready:
                timeout = 0
            elif timers:
                timeout = max(timers[0][0] - _monotonic(), 0)
            call, count = step(reply, value, flags, timeout)
            reply = 0
            if count:
                for fd, events in self.platform.ready_events(count):
                    callback = self._watched.get(fd)
                    if callback is not None:
                        callback(events)
            if call is not None:
                reply, value, flags = self._call(call)
            if timers and timers[0][0] <= _monotonic():
                self._run_timers()
            while ready:
                task, block, outcome = ready.popleft()
                if task.waiting is block:
                    if outcome == _KICKED:
                        task.kicked = block.no_hand
                    self._resume(task, outcome)

    def _run_timers(self) -> None:
        now = _monotonic()
        while self._timers and self._timers[0][0] <= now:
            callback = heappop(self._timers)[2].callback
            if callback is not None:
                callback()

    def _call(self, call: tuple[int, ...]) -> tuple[int, int, int]:
        """Handles one trapped call: (call to answer now or 0, value, flags)."""
        identity, host_tid, _, number, _, _, a0, a1, a2, a3, a4, a5 = call
        task = self.by_host.get(host_tid)
        if task is None:
            return strangers.handle(self, call)
        self.current = task
        task.call = identity
        if task.restart_deadline is not None and number != task.syscall_number:
            task.restart_deadline = None
        task.syscall_number = number
        handler = self.calls.get(number)
        if handler is None:
            self._count_unknown(task, number)
            return identity, -38, 0
        try:
            result = handler(task, a0, a1, a2, a3, a4, a5)
        except LinuxError as error:
            return identity, -error.errno, 0
        except Interrupted as error:
            return identity, self._interrupt(task, error.no_hand), 0
        if type(result) is int:
            return identity, result, 0
        if result is PROCEED:
            return identity, 0, native.CONTINUE
        if result is DEFERRED:
            return 0, 0, 0
        return self._start(task, result)

    def _count_unknown(self, task: Task, number: int) -> None:
        """One line for each call that is not there; a guest must not fill the log."""
        known = self.unknown_calls
        if number not in known and len(known) < _MAX_UNKNOWN:
            known[number] = 0
            self.log(f"process {task.process.pid} ({task.name!r}): call {number} is not there (ENOSYS)")
        if number in known:
            known[number] += 1

    def traced_call(self, call: tuple[int, ...]) -> tuple[int, int, int]:
        """_call with --strace: the line is written when the answer is known."""
        task = self.by_host.get(call[1])
        trace = self.trace
        if task is None or trace is None:
            return Kernel._call(self, call)
        started = _monotonic()
        task.traced = (call, started)
        reply, value, flags = Kernel._call(self, call)
        if reply:
            task.traced = None
            trace(task, call, None if flags else value, _monotonic() - started)
        return reply, value, flags

    # -- blocked calls --
    def _start(self, task: Task, coroutine: Coroutine[Block, int, int]) -> tuple[int, int, int]:
        task.coroutine = coroutine
        result = self._advance(task, coroutine, None)
        if result is None:
            return 0, 0, 0
        return task.call, result, 0

    def _advance(self, task: Task, coroutine: Coroutine[Block, int, int], outcome: int | None) -> int | None:
        """Runs a blocked call up to its next wait (None) or its end (the answer)."""
        try:
            if outcome is None:
                block = coroutine.send(None)  # type: ignore[arg-type] # the first send starts it
            elif outcome == _KICKED:
                block = coroutine.throw(Interrupted(task.kicked))
            else:
                block = coroutine.send(outcome)
        except StopIteration as stop:
            task.coroutine = None
            return int(stop.value)
        except LinuxError as error:
            task.coroutine = None
            return -error.errno
        except Interrupted as error:
            task.coroutine = None
            return self._interrupt(task, error.no_hand)
        self._park(task, block)
        return None

    def _park(self, task: Task, block: Block) -> None:
        task.waiting = block

        def wake() -> None:
            if task.waiting is block:
                self._ready.append((task, block, READY))

        for queue in block.queues:
            queue.add(block, wake)
        if block.deadline is not None:
            block.timer = self.call_at(block.deadline, lambda: self._ready.append((task, block, TIMED_OUT)))
        if task.signals_seen != task.process.signals_sent:
            task.signals_seen = task.process.signals_sent
            if block.interruptible:
                self._ready.append((task, block, _KICKED))

    def _unpark(self, task: Task) -> None:
        block = task.waiting
        if block is not None:
            task.waiting = None
            for queue in block.queues:
                queue.remove(block)
            if block.timer is not None:
                block.timer.cancel()

    def _resume(self, task: Task, outcome: int) -> None:
        self._unpark(task)
        coroutine = task.coroutine
        assert coroutine is not None
        self.current = task
        result = self._advance(task, coroutine, outcome)
        if result is not None:
            self.answer(task, result)

    def _interrupt(self, task: Task, no_hand: bool) -> int:
        """The answer of a call that a kick has ended. The host only restarts a call, or runs a handler, where a signal
        is pending, which we cannot know: so we make one pending, whose handler in the stub decides."""
        try:
            self.platform.send_signal(task.process.host_pid, task.host_tid, SIGSYS, signals.kick_information(no_hand))
        except LinuxError:
            pass  # the thread is gone
        return -ERESTARTNOINTR

    def answer(self, task: Task, value: int) -> None:
        """Ends the call that task is blocked in."""
        traced = task.traced
        if traced is not None and self.trace is not None:
            task.traced = None
            self.trace(task, traced[0], value, _monotonic() - traced[1])
        self.platform.answer(task.call, value)

    def kick(self, task: Task) -> None:
        """Interrupts a blocked call, after a signal was sent: the host runs the handler, or restarts the call."""
        task.signals_seen = task.process.signals_sent
        block = task.waiting
        if block is not None and block.interruptible:
            task.kicked = block.no_hand
            self._resume(task, _KICKED)

    def kick_process(self, process: Process) -> None:
        """kick() for every thread: the host chooses which one a process's signal goes to. Threads that block later are
        kicked then: the host may have queued the signal when their call was on its way to us."""
        process.signals_sent += 1
        for task in list(process.threads.values()):
            if task.waiting is not None:
                self.kick(task)

    def kick_process_soon(self, process: Process) -> None:
        """kick_process() for a signal that the host itself is about to raise there, we do not know when."""
        for delay in _SOON:
            self.call_at(_monotonic() + delay, lambda: self.kick_process(process))

    def abandon(self, task: Task) -> None:
        """The thread is gone: closes its blocked call without an answer."""
        self._unpark(task)
        coroutine, task.coroutine = task.coroutine, None
        if coroutine is not None:
            coroutine.close()

    # -- signals --
    def send_signal(self, process: Process, number: int, sender: Task | None = None, info: bytes | None = None) -> None:
        """See signals.send_process; a process that is gone is no error."""
        try:
            signals.send_process(self, process, number, sender, info)
        except LinuxError:
            pass

    def send_thread_signal(
        self, task: Task, number: int, sender: Task | None = None, info: bytes | None = None
    ) -> None:
        """See signals.send_thread; a thread that is gone is no error."""
        try:
            signals.send_thread(self, task, number, sender, info)
        except LinuxError:
            pass

    def send_group_signal(self, group: int, number: int, sender: Task | None = None) -> None:
        """To every process of a process group."""
        for process in signals.group_members(self, group):
            self.send_signal(process, number, sender)

    def process_group(self, process: Process) -> int:
        """The guest's number of a process's group."""
        return signals.process_group(self, process)

    def session(self, process: Process) -> int:
        """The guest's number of a process's session."""
        return signals.session(self, process)

    def note_mapping(self, task: Task, fd: int, file: OpenFile) -> None:
        """Remembers what /proc/PID/maps shows for the host file behind fd, of which the host tells its own name."""
        status = os.fstat(fd)
        seen = file.attributes()
        if len(self.mapped_files) >= _MAX_MAPPED:
            self.mapped_files.clear()
        self.mapped_files[status.st_dev, status.st_ino] = (file.name(task), seen.dev, seen.ino)

    # -- tasks --
    def add_task(self, task: Task) -> None:
        self.tasks[task.tid] = task
        self.by_host[task.host_tid] = task
        task.process.threads[task.tid] = task

    def forget_task(self, task: Task) -> None:
        """Takes a thread that ended out of every table."""
        self.abandon(task)
        task.process.threads.pop(task.tid, None)
        if self.tasks.get(task.tid) is task:
            del self.tasks[task.tid]
        if self.by_host.get(task.host_tid) is task:
            del self.by_host[task.host_tid]

    def watch_process(self, process: Process) -> None:
        """Notices the end of a process through a pidfd."""
        process.pidfd = native.syscall(434, process.host_pid, 0)  # pidfd_open
        if process.pidfd < 0:
            process.pidfd = -1
            exits.process_gone(self, process)
            return
        self.watch(process.pidfd, select.EPOLLIN, lambda _events: exits.process_gone(self, process))


_KICKED = 3
_MAX_MAPPED = 10_000
_MAX_UNKNOWN = 1000
_SOON = (1_000_000, 10_000_000, 100_000_000)  # ns
