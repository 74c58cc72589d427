# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Sending signals. Handlers, masks and queues are the host's; who may send to whom, and the siginfo, is decided here.

After a signal was sent, the blocked calls of its target are kicked: the host then runs a handler or restarts them.
Source: kill(2), signal(7), kernel/signal.c.
"""

from __future__ import annotations

import errno
import struct

from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGSYS, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH
from sentry.core import native
from sentry.kernel import exit as exits
from sentry.kernel.credentials import CAP_KILL
from sentry.platform.stub import abi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process, Task

_INFO = struct.Struct("<iiiiiIQ")
INFO_SIZE = 128
_IGNORED_BY_DEFAULT = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH}
_STOPPING = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}


def information(number: int, code: int, pid: int, uid: int, value: int = 0) -> bytes:
    """A siginfo_t. code: negative; abi.SENT_BY_KILL and SENT_BY_TKILL stand for SI_USER and SI_TKILL."""
    return _INFO.pack(number, 0, code, 0, pid, uid, value).ljust(INFO_SIZE, b"\0")


def may_send(sender: Task, target: Process, number: int) -> bool:
    """kill_ok_by_cred() of kernel/signal.c."""
    ours = sender.credentials
    if ours.has(CAP_KILL) or sender.process is target:
        return True
    try:
        theirs = target.leader.credentials
    except StopIteration:
        return True
    if ours.euid in (theirs.suid, theirs.uid) or ours.uid in (theirs.suid, theirs.uid):
        return True
    return number == SIGCONT and session(sender.kernel, sender.process) == session(sender.kernel, target)


def send_process(
    kernel: Kernel, process: Process, number: int, sender: Task | None = None, info: bytes | None = None
) -> None:
    """Sends to a process. info: a siginfo_t with a negative code; default: as kill(2) by sender (None: the kernel)."""
    if process.exit_status is not None:
        return
    if process is kernel.init and not _reaches_init(kernel, number, sender):
        return
    if info is None:
        info = _plain(number, sender, abi.SENT_BY_KILL)
    for hook in kernel.signal_hooks:
        if hook(process, None, number, info):
            return
    if kernel.platform.queues_ignored and _thrown_away(kernel, process.host_pid, number):
        return
    kernel.platform.send_signal(process.host_pid, None, number, _travelling(number, info))
    kernel.kick_process(process)
    _tell_parent(kernel, process, number)


def send_thread(kernel: Kernel, task: Task, number: int, sender: Task | None = None, info: bytes | None = None) -> None:
    """Sends to one thread, as tgkill(2)."""
    process = task.process
    if process is kernel.init and not _reaches_init(kernel, number, sender):
        return
    if info is None:
        info = _plain(number, sender, abi.SENT_BY_TKILL)
    for hook in kernel.signal_hooks:
        if hook(process, task, number, info):
            return
    if kernel.platform.queues_ignored and _thrown_away(kernel, task.host_tid, number):
        return
    kernel.platform.send_signal(process.host_pid, task.host_tid, number, _travelling(number, info))
    if number == SIGCONT or number in _STOPPING:
        kernel.kick_process(process)
        _tell_parent(kernel, process, number)
    else:
        process.signals_sent += 1
        kernel.kick(task)


def _tell_parent(kernel: Kernel, process: Process, number: int) -> None:
    """Stopping and going on raise SIGCHLD at the parent, once the host has done it."""
    if (number == SIGCONT or number in _STOPPING) and process.parent is not None:
        kernel.kick_process_soon(process.parent)


_TRUE_CODES = {abi.SENT_BY_KILL: 0, abi.SENT_BY_TKILL: -6}
_SI_TIMER, _SI_SIGIO = -2, -5
_STUB_TIME = 1_000_000  # ns


def _travelling(number: int, info: bytes) -> bytes | None:
    """The form of a siginfo_t that reaches the stub unspoilt (stub_abi.h, STUB_SENT)."""
    if number in (SIGKILL, SIGSTOP):
        return None
    code = int.from_bytes(info[8:12], "little", signed=True)
    if code == _SI_TIMER or (code < -128 and code not in _TRUE_CODES):
        return info
    mark = abi.SENT | _TRUE_CODES.get(code, code) & 0xFF
    return b"%b%b%b%b" % (info[:4], mark.to_bytes(4, "little"), _SI_SIGIO.to_bytes(4, "little", signed=True), info[12:])


def kick_information(never_restarts: bool) -> bytes:
    """The siginfo_t of the SIGSYS that interrupts a blocked call."""
    return _INFO.pack(SIGSYS, abi.KICK, _SI_SIGIO, 0, 0, 0, int(never_restarts)).ljust(INFO_SIZE, b"\0")


def _plain(number: int, sender: Task | None, code: int) -> bytes:
    if sender is None:
        return information(number, abi.SENT_BY_KILL, 0, 0)
    return information(number, code, sender.process.pid, sender.credentials.uid)


def faulted(kernel: Kernel, host_tid: int, number: int) -> None:
    """A traced task gets a signal for what it did itself. The host spares a traced PID 1 even that (force_sig_info() in
    kernel/signal.c), so that it would fault for ever: we end it."""
    task = kernel.by_host.get(host_tid)
    if task is None or task.process is not kernel.init:
        return
    if not int(kernel.host_status(host_tid).get(b"SigCgt", b"0"), 16) >> (number - 1) & 1:
        kernel.init_killed_by = number
        native.syscall(62, kernel.init.host_pid, SIGKILL)


def _thrown_away(kernel: Kernel, host_tid: int, number: int) -> bool:
    """sig_ignored() of kernel/signal.c, which a traced task is exempt from."""
    if number in (SIGKILL, SIGSTOP, SIGCONT):
        return False
    status = kernel.host_status(host_tid)
    ignored, caught, blocked = (int(status.get(name, b"0"), 16) for name in (b"SigIgn", b"SigCgt", b"SigBlk"))
    if not (ignored if number not in _IGNORED_BY_DEFAULT else ignored | ~caught) >> (number - 1) & 1:
        return False
    # While a task waits in rt_sigtimedwait the host does not say what it had blocked.
    return not blocked >> (number - 1) & 1 and not kernel.read_host_proc(host_tid, "syscall").startswith(b"128 ")


def _reaches_init(kernel: Kernel, number: int, sender: Task | None) -> bool:
    """PID 1 is spared what it has no handler for (the host sees to that, except for SIGKILL and SIGSTOP from us).
    With init_killable such a signal ends it instead."""
    if kernel.config.init_killable:
        if number == 0 or number in _IGNORED_BY_DEFAULT or number in _STOPPING:
            return number != SIGSTOP or sender is None
        status = kernel.host_status(kernel.init.host_pid)
        caught = int(status.get(b"SigCgt", b"0"), 16) | int(status.get(b"SigIgn", b"0"), 16)
        blocked = int(status.get(b"SigBlk", b"0"), 16) if number != SIGKILL else 0
        if blocked >> (SIGSYS - 1) & 1:
            # In the stub, which blocks everything for a moment (and may be about to exec): we see what the guest blocks
            # when it is out of it.
            kernel.call_at(kernel.now() + _STUB_TIME, lambda: kernel.send_signal(kernel.init, number, sender))
            return False
        if number == SIGKILL or not (caught | blocked) >> (number - 1) & 1:
            kernel.init_killed_by = number
            native.syscall(62, kernel.init.host_pid, SIGKILL)
            return False
        return True
    return sender is None or number not in (SIGKILL, SIGSTOP)


def find(kernel: Kernel, pid: int) -> Process | None:
    """The process of a guest pid (or of a thread's number, which kill accepts); None: a zombie. Raises: ESRCH."""
    process = kernel.processes.get(pid)
    if process is not None:
        return process
    task = kernel.tasks.get(pid)
    if task is not None:
        return task.process
    if exits.zombie(kernel, pid):
        return None
    raise LinuxError(errno.ESRCH)


def kill(task: Task, pid: int, number: int, info: bytes | None = None) -> int:
    """kill(2). Raises: EINVAL, ESRCH, EPERM."""
    if not 0 <= number <= 64:
        raise LinuxError(errno.EINVAL)
    kernel = task.kernel
    if pid > 0:
        target = find(kernel, pid)
        if target is None:
            return 0
        targets = [target]
    elif pid == -1:
        targets = [process for process in kernel.processes.values() if process.pid != 1 and process is not task.process]
    elif pid == -0x80000000:
        raise LinuxError(errno.ESRCH)
    else:
        group = process_group(kernel, task.process) if pid == 0 else -pid
        targets = group_members(kernel, group)
    if not targets:
        raise LinuxError(errno.ESRCH)
    allowed = [target for target in targets if may_send(task, target, number)]
    if not allowed:
        raise LinuxError(errno.EPERM)
    if number:
        # The sender last: it may not survive.
        for target in sorted(allowed, key=lambda process: process is task.process):
            try:
                send_process(kernel, target, number, task, info)
            except LinuxError as error:
                if error.errno != errno.ESRCH:
                    raise
    return 0


def thread_kill(task: Task, tgid: int | None, tid: int, number: int, info: bytes | None = None) -> int:
    """tkill(2) and tgkill(2). Raises: EINVAL, ESRCH, EPERM."""
    if tid <= 0 or (tgid is not None and tgid <= 0) or not 0 <= number <= 64:
        raise LinuxError(errno.EINVAL)
    kernel = task.kernel
    target = kernel.tasks.get(tid)
    if target is None or (tgid is not None and target.process.pid != tgid):
        raise LinuxError(errno.ESRCH)
    if not may_send(task, target.process, number):
        raise LinuxError(errno.EPERM)
    if number:
        send_thread(kernel, target, number, task, info)
    return 0


def _namespaced(kernel: Kernel, process: Process, field: bytes) -> int:
    words = kernel.host_status(process.host_pid).get(field, b"").split()
    return int(words[-1]) if words else 0


def process_group(kernel: Kernel, process: Process) -> int:
    """The guest's number of the process's group, 0 if it is gone."""
    return _namespaced(kernel, process, b"NSpgid")


def session(kernel: Kernel, process: Process) -> int:
    """The guest's number of the process's session, 0 if it is gone."""
    return _namespaced(kernel, process, b"NSsid")


def group_members(kernel: Kernel, group: int) -> list[Process]:
    """The living processes of a process group."""
    return [process for process in kernel.processes.values() if process_group(kernel, process) == group]
