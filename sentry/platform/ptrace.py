# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The ptrace platform: the sentry traces every task, and the filters stop a call (RET_TRACE) until it is answered.

Owns the tracing, the stops that are answers to be given, and the socket through which descriptors reach tasks. Slower
than notify; for kernels and containers without the notifier, and for debugging. docs/decisions/0011-ptrace.md says
why it is as it is. The bindings are python-ptrace's; they are loaded here, before the sentry is jailed.

Rules: a stopped task's registers cannot change, its memory can. A task may vanish at any moment (SIGKILL), so ESRCH is
never an error. Nothing waits for one task alone: a thread that execs only gets on when its dead siblings are reaped.

Source: ptrace(2), seccomp(2), kernel/signal.c, kernel/seccomp.c.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct

from ptrace import PtraceError
from ptrace.binding import (
    ptrace_cont,
    ptrace_getregs,
    ptrace_getsiginfo,
    ptrace_registers_t,
    ptrace_setregs,
    ptrace_syscall,
)
from ptrace.binding.func import ptrace as ptrace_request

from sentry.abi.errors import ERESTARTNOINTR
from sentry.abi.signals import SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV, SIGSTOP, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU
from sentry.control.errors import ControlError
from sentry.core import native
from sentry.platform.base import READY, HostPlatform
from sentry.platform.stub import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONT, GETREGS, SETREGS, SYSCALL, GETSIGINFO, LISTEN, _SEIZE = 7, 12, 13, 24, 0x4202, 0x4208, 0x4206
REQUESTS = (CONT, GETREGS, SETREGS, SYSCALL, GETSIGINFO, LISTEN)
"""What the sentry asks of ptrace once it is jailed."""

_EVENT_EXEC, _EVENT_SECCOMP, _EVENT_STOP = 4, 7, 128
# TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, TRACEEXEC, TRACESECCOMP, EXITKILL
_OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x80 | 0x100000
_STOPPING = frozenset((SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU))
_FAULTS = frozenset((SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV))
_SYSCALL_STOP = SIGTRAP | 0x80
_WALL, _WNOHANG = 0x40000000, 1
_AUDIT_ARCH_X86_64 = 0xC000003E
_WORD = (1 << 64) - 1
_RT_SIGPROCMASK, _SIGNALFD4, _RECVMSG = 14, 289, 47
_SIGINFO = 128
_STOPS = 64  # how many stops one step looks at, so that a busy task does not keep timers and descriptors waiting

# What recvmsg needs in the task's memory: msghdr, iovec, the byte, and room for two descriptors.
_MESSAGE = struct.Struct("<QI4xQQQQI4xQQ8xQIiii")
_MESSAGE_CONTROL = 80
_CONTROL_SIZE = 24
_RED_ZONE = 128
_RECEIVE_FLAGS = 0x40000000 | 0x40  # MSG_CMSG_CLOEXEC, MSG_DONTWAIT
MOST_INSTALLED = 2


class _Stop:
    """A task that is stopped in a system call and waits for its answer."""

    __slots__ = ("identity", "injected", "number", "registers", "tid")

    def __init__(self, identity: int, tid: int, registers: ptrace_registers_t) -> None:
        self.identity = identity
        self.tid = tid
        self.registers = registers
        self.number = int(registers.orig_rax)
        self.injected = False  # the call itself was replaced by one of ours, which has ended


def _go_on(tid: int, registers: ptrace_registers_t | None = None) -> bool:
    """Lets a stopped thread run, with new registers if there are any. False: it is gone."""
    try:
        if registers is not None:
            ptrace_setregs(tid, registers)
        ptrace_cont(tid)
    except PtraceError as error:
        if error.errno != errno.ESRCH:
            raise
        return False
    return True


class PtracePlatform(HostPlatform):
    """See Platform. Everything runs on the loop's thread."""

    name = "ptrace"
    queues_ignored = True

    def __init__(self) -> None:
        super().__init__()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        theirs.setblocking(False)
        self._sending, self._receiving = ours, theirs
        task_side, own_side = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.gate, self._gate = task_side.detach(), own_side.detach()
        mask = (1 << (SIGCHLD - 1)).to_bytes(8, "little")
        native.syscall(_RT_SIGPROCMASK, 0, mask, 0, 8)
        self._signals = native.syscall(_SIGNALFD4, -1, mask, 8, os.O_CLOEXEC | os.O_NONBLOCK)
        self.epoll.register(self._signals, 1)
        self._init = 0
        self._init_status = 0
        self._serial = 0
        self._stops: dict[int, _Stop] = {}  # by tid
        self._calls: list[tuple[int, ...]] = []  # not yet handed out, last first
        self._new_calls: list[tuple[int, ...]] = []
        self._events: list[tuple[int, int]] = []
        self._more = False
        self.on_fault: Callable[[int, int], None] = lambda _tid, _number: None
        self._resting: set[int] = set()  # tids that a signal has stopped

    # -- the first task --
    def lend_socket(self) -> None:
        """Puts the tasks' end of the socket where the first task inherits it."""
        os.dup2(self._receiving.fileno(), abi.SOCKET_FD, inheritable=True)

    def trace_init(self, pid: int) -> None:
        """Becomes the tracer of the first task, which waits at the gate, and lets it execute the stub.

        Raises: ControlError.
        """
        os.close(abi.SOCKET_FD)
        os.close(self.gate)
        self._init = pid
        os.read(self._gate, 1)  # not dumpable before, and what is not dumpable may not be traced
        try:
            ptrace_request(_SEIZE, pid, 0, _OPTIONS)
        except PtraceError as error:
            raise ControlError(f"platform ptrace cannot run here: {os.strerror(error.errno).lower()}") from None
        os.write(self._gate, b"x")
        os.close(self._gate)
        while True:
            _, status = os.waitpid(pid, _WALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                raise ControlError("the first task cannot be started on platform ptrace")
            self._stopped(pid, status)
            if status >> 16 == _EVENT_EXEC:
                return

    # -- the loop --
    def step(self, reply: int, value: int, flags: int, timeout_ns: int) -> tuple[tuple[int, ...] | None, int]:
        if reply:
            if flags:
                self.proceed(reply)
            else:
                self.answer(reply, value)
        if self._calls or self._new_calls or self._more:
            timeout_ns = 0
        count = int(native.step(self.epoll_fd, -1, 0, 0, 0, timeout_ns, self._call, self._ready, READY))
        if count < 0:
            raise OSError(-count, os.strerror(-count))
        events: list[tuple[int, int]] = []
        if count or self._more:
            for event in super().ready_events(count):
                if event[0] == self._signals:
                    # Before the stops are looked at: a signal that comes later is a new one.
                    try:
                        os.read(self._signals, _SIGINFO)
                    except BlockingIOError:
                        pass
                else:
                    events.append(event)
            self._look()
        self._events = events
        if not self._calls and self._new_calls:
            self._calls, self._new_calls = self._new_calls[::-1], []
        return self._calls.pop() if self._calls else None, len(events)

    def ready_events(self, count: int) -> list[tuple[int, int]]:
        return self._events

    def _look(self) -> None:
        """Sees to the tasks that have stopped or ended."""
        self._more = False
        for _ in range(_STOPS):
            try:
                tid, status = os.waitpid(-1, _WNOHANG | _WALL)
            except ChildProcessError:
                return
            if not tid:
                return
            self._stopped(tid, status)
        self._more = True

    def _stopped(self, tid: int, status: int) -> None:
        """One report of wait4(2)."""
        self._resting.discard(tid)
        if status & 0xFF != 0x7F:
            self._stops.pop(tid, None)
            if tid == self._init:
                self._init_status = status
            return
        event, number = status >> 16, status >> 8 & 0xFF
        try:
            if event == _EVENT_SECCOMP:
                self._trapped(tid)
            elif event == _EVENT_STOP:
                self._rest(tid, number)
            elif event or number == _SYSCALL_STOP:
                ptrace_cont(tid)
            else:
                if number in _FAULTS and ptrace_getsiginfo(tid).si_code > 0:
                    self.on_fault(tid, number)
                ptrace_cont(tid, number)  # a signal on its way: delivered as it is
        except PtraceError as error:
            if error.errno != errno.ESRCH:
                raise

    def _rest(self, tid: int, number: int) -> None:
        """A stop of the whole group, which lasts until SIGCONT; or a new thread, or the end of such a stop."""
        if number in _STOPPING:
            try:
                ptrace_request(LISTEN, tid)
                self._resting.add(tid)
                return
            except PtraceError as error:
                if error.errno != errno.EIO:
                    raise
        ptrace_cont(tid)

    def _trapped(self, tid: int) -> None:
        registers = ptrace_getregs(tid)
        self._serial += 1
        stop = self._stops[tid] = _Stop(self._serial << 32 | tid, tid, registers)
        number = stop.number & 0xFFFFFFFF
        self._new_calls.append((
            stop.identity, tid, 0, number - (number >> 31 << 32), _AUDIT_ARCH_X86_64, registers.rip,
            registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9,
        ))  # fmt: skip

    def _take(self, call: int) -> _Stop | None:
        """The stop of that call, which ends with it."""
        tid = call & 0xFFFFFFFF
        stop = self._stops.get(tid)
        if stop is None or stop.identity != call:
            return None
        del self._stops[tid]
        return stop

    # -- Platform --
    def answer(self, call: int, value: int) -> bool:
        stop = self._take(call)
        if stop is None:
            return False
        registers = stop.registers
        registers.orig_rax = _WORD  # the kernel runs no call, and restarts none
        if value == -ERESTARTNOINTR:
            # What the kernel does before it runs a handler: the call will be made again.
            registers.rip -= 2
            registers.rax = stop.number
        else:
            registers.rax = value & _WORD
        return _go_on(stop.tid, registers)

    def proceed(self, call: int) -> bool:
        stop = self._take(call)
        if stop is None:
            return False
        return _go_on(stop.tid)

    def install(self, call: int, fd: int) -> int:
        return self.install_all(call, [fd])[0]

    def install_all(self, call: int, fds: Sequence[int]) -> list[int]:
        """Has the stopped task receive the descriptors from the socket, in place of the call that it wanted to make."""
        stop = self._stops.get(call & 0xFFFFFFFF)
        if stop is None or stop.identity != call:
            return [-errno.ESRCH]
        if stop.injected or not 0 < len(fds) <= MOST_INSTALLED:
            return [-errno.EINVAL]
        place = self._place_message(stop)
        if place is None:
            return [-errno.EFAULT]
        address, covered = place
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
        try:
            self._sending.sendmsg([b"x"], rights)
            result = self._inject(stop, _RECVMSG, abi.SOCKET_FD, address, _RECEIVE_FLAGS)
        except OSError as error:
            result = -(error.errno or errno.EIO)
        if result is None:
            self._discard_message()
            return [-errno.ESRCH]
        message = self.read_memory(stop.tid, address, _MESSAGE.size)
        self.write_memory(stop.tid, address, covered)
        if result != 1:
            self._discard_message()
            return [result if result < 0 else -errno.EBADF]
        if len(message) != _MESSAGE.size:
            return [-errno.EFAULT]
        # Of what the task's memory says only the task itself can be harmed.
        fields = _MESSAGE.unpack(message)
        numbers = list(fields[-2:])[: len(fds)]
        if fields[9] < 16 + 4 * len(fds) or min(numbers) < 0:
            return [-errno.EMFILE]
        return numbers

    def _place_message(self, stop: _Stop) -> tuple[int, bytes] | None:
        """Writes what recvmsg(2) needs near the task's stack pointer: (address, what was there, to be put back)."""
        stack = int(stop.registers.rsp)
        size = _MESSAGE.size
        # Below the stack is free; where there is nothing, the thread's own frame, which it cannot look at meanwhile.
        for address in ((stack - _RED_ZONE - size) & ~15, stack & ~15):
            covered = self.read_memory(stop.tid, address & _WORD, size)
            message = _MESSAGE.pack(
                0, 0, (address + 56) & _WORD, 1, (address + _MESSAGE_CONTROL) & _WORD, _CONTROL_SIZE, 0,
                (address + 72) & _WORD, 1, 0, 0, 0, 0, 0,
            )  # fmt: skip
            if len(covered) == size and self.write_memory(stop.tid, address, message) == size:
                return address, covered
        return None

    def _inject(self, stop: _Stop, number: int, *arguments: int) -> int | None:
        """Has a task that is about to make a call make another one: its result, None if the task is gone."""
        registers = ptrace_registers_t.from_buffer_copy(stop.registers)
        registers.orig_rax = number
        registers.rdi, registers.rsi, registers.rdx = arguments
        stop.injected = True
        try:
            ptrace_setregs(stop.tid, registers)
            ptrace_syscall(stop.tid)
            while True:
                tid, status = os.waitpid(-1, _WALL)
                if tid == stop.tid and status >> 8 == _SYSCALL_STOP:
                    result = int(ptrace_getregs(tid).rax)
                    return result - (result >> 63 << 64)
                self._stopped(tid, status)
                if tid == stop.tid:
                    return None  # it has died; or one of its siblings has executed something and goes by its number
        except ChildProcessError:
            return None
        except PtraceError as error:
            if error.errno != errno.ESRCH:
                raise
            return None

    def _discard_message(self) -> None:
        """Takes back what a task did not receive: the next one must not find it."""
        while True:
            try:
                _, control, _, _ = self._receiving.recvmsg(1, _CONTROL_SIZE)
            except BlockingIOError:
                return
            for _, _, data in control:
                left = array.array("i")
                left.frombytes(data[: len(data) // 4 * 4])
                for fd in left:
                    os.close(fd)

    def stopped(self, host_tid: int) -> bool:
        return host_tid in self._resting

    # -- the end of processes --
    def reap(self, host_pid: int) -> None:
        """Only when its tracer has waited for it does the parent get its SIGCHLD."""
        try:
            while True:
                tid, status = os.waitpid(host_pid, _WNOHANG | _WALL)
                if not tid:
                    return
                self._stopped(tid, status)
        except ChildProcessError:
            pass  # that was done

    def exit_status(self, host_pid: int) -> int:
        return self._init_status
