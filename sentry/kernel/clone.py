# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""clone, in three messages of the stub: the parent asks (a cookie), the child names itself, the parent says it is done.

The child's numbers are read from the host's procfs, not taken from the child. Source: clone(2), kernel/fork.c.
"""

from __future__ import annotations

import errno
import os

from sentry.abi.clone import (
    CLONE_DETACHED,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_REFUSED,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VM,
    NAMESPACES,
)
from sentry.abi.errors import LinuxError
from sentry.kernel import scheduling, shared_memory
from sentry.kernel.answers import DEFERRED, Answer
from sentry.kernel.task import LOGINUID, Process, Task
from sentry.mm.memory import UserMemory
from sentry.platform.base import kill_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.kernel import Kernel, Timer
    from sentry.vfs.fd_table import FdTable
    from sentry.vfs.fs_context import FsContext

_RLIMIT_NPROC = 6
PROCESS_LIMIT = 4096
"""Tasks of a sandbox, unless its configuration says otherwise."""
_NAME_TIMEOUT = 2_000_000_000


class Pending:
    """A clone under way: what the child will inherit. waiting: the parent's last message came before the child's."""

    __slots__ = ("child", "files", "flags", "fs", "name", "on_child", "parent", "timer", "waiting")

    def __init__(self, parent: Task, flags: int, files: FdTable, fs: FsContext) -> None:
        self.on_child: Callable[[Process], None] | None = None
        self.parent = parent
        self.flags = flags
        self.files = files
        self.fs = fs
        self.name = parent.name
        self.child: Task | None = None
        self.waiting: int | None = None
        self.timer: Timer | None = None


def ask(task: Task, flags: int, on_child: Callable[[Process], None] | None = None) -> int:
    """STUB_CLONE: the cookie. on_child is told of the child before the parent goes on (CLONE_PIDFD).

    Raises: EPERM (namespaces), EINVAL, EAGAIN (limits).
    """
    kernel = task.kernel
    if flags & CLONE_FS and flags & (CLONE_NEWNS | CLONE_NEWUSER):
        raise LinuxError(errno.EINVAL)
    if flags & CLONE_PIDFD and flags & (CLONE_PARENT_SETTID | CLONE_DETACHED):
        raise LinuxError(errno.EINVAL)
    if flags & CLONE_REFUSED & ~CLONE_PIDFD:
        raise LinuxError(errno.EPERM if flags & NAMESPACES else errno.EINVAL)
    if (flags & CLONE_THREAD and not flags & CLONE_SIGHAND) or (flags & CLONE_SIGHAND and not flags & CLONE_VM):
        raise LinuxError(errno.EINVAL)
    if len(kernel.tasks) + len(kernel.pending_clones) >= (kernel.config.process_limit or PROCESS_LIMIT):
        raise LinuxError(errno.EAGAIN)
    soft = task.process.limits.get(_RLIMIT_NPROC, (1 << 64, 0))[0]
    if len(kernel.tasks) >= soft and task.credentials.uid != 0:
        raise LinuxError(errno.EAGAIN)
    forget_asked(task)
    if flags & CLONE_FILES:
        files = task.files
        files.users += 1
    else:
        files = task.files.copy()
    if flags & CLONE_FS:
        fs = task.fs
        fs.users += 1
    else:
        fs = task.fs.copy()
    cookie = int.from_bytes(os.urandom(8), "little") >> 2 or 1  # not to be guessed by other tasks
    pending = kernel.pending_clones[cookie] = Pending(task, flags, files, fs)
    pending.on_child = on_child
    return cookie


def name_child(kernel: Kernel, cookie: int, claimed_tid: int, host_tid: int, call: int) -> bool:
    """STUB_CHILD, from a thread that nobody knows yet: True if it may be the child of that clone; it is answered then.

    Parent and child go on at once with the number that the child claims; what the host says of it is read while they
    run, and whoever lied is killed before any call of theirs is looked at.
    """
    pending = kernel.pending_clones.get(cookie)
    tid = claimed_tid & 0x7FFFFFFF
    if pending is None or pending.child is not None or tid in kernel.tasks or not tid:
        return False
    parent = pending.parent
    thread = bool(pending.flags & CLONE_THREAD)
    if not thread and tid in kernel.processes:  # the leader may be gone, its process not
        return False
    if thread:
        process = parent.process
    else:
        origin = parent.process
        process = Process(kernel, tid, host_tid, origin.parent if pending.flags & CLONE_PARENT else origin)
        process.exit_signal = pending.flags & 0xFF
        process.executable = origin.executable
        process.argument_prefix = origin.argument_prefix
        process.controlling_tty = origin.controlling_tty
        process.limits = dict(origin.limits)
        process.oom_score_adj = origin.oom_score_adj
        process.dumpable = origin.dumpable
        if not pending.flags & CLONE_VM:
            shared_memory.inherit(origin, process)
        if LOGINUID in origin.extra:
            process.extra[LOGINUID] = origin.extra[LOGINUID]
        kernel.processes[tid] = process
        kernel.zombies.pop(tid, None)
        if process.parent is not None:
            process.parent.children.add(process)
    child = Task(
        process,
        tid,
        host_tid,
        name=pending.name,
        credentials=parent.credentials,
        memory=UserMemory(kernel.platform, host_tid),
        files=pending.files,
        fs=pending.fs,
    )
    scheduling.inherit(parent, child)
    kernel.add_task(child)
    if pending.on_child is not None:
        pending.on_child(process)
    pending.child = child
    kernel.platform.answer(call, 0)
    if pending.waiting is not None:
        _finish(kernel, cookie, pending)
    if not thread:
        kernel.watch_process(process)
    if not _is_what_it_says(kernel, child, thread):
        kernel.log(f"killed: host thread {host_tid} named itself {tid}, which it is not")
        refuse(host_tid)
        kernel.forget_task(child)
    return True


_NUMBERS = (b"\nTgid:\t", b"\nNStgid:\t", b"\nNSpid:\t", b"\nPPid:\t")


def _is_what_it_says(kernel: Kernel, child: Task, thread: bool) -> bool:
    """Compares the numbers of a new task with the host's."""
    status = kernel.read_host_proc(child.host_tid, "status")
    if not status:
        return True  # gone already, or a host without procfs: then there is only its word
    words = []
    for field in _NUMBERS:
        start = status.find(field) + len(field)
        words.append(int(status[start : status.find(b"\n", start)].rsplit(b"\t", 1)[-1]))
    process = child.process
    # The parent as well: another process could make a child natively and let it take this one's place, and credentials.
    known = [process.host_pid, process.pid, child.tid]
    if not thread and process.parent is not None:
        known.append(process.parent.host_pid)
    return words[: len(known)] == known


def done(task: Task, cookie: int, result: int) -> int | Answer:
    """STUB_CLONED: the parent goes on once the child is known, so that it can name it in its next call."""
    kernel = task.kernel
    pending = kernel.pending_clones.get(cookie)
    if pending is None or pending.parent is not task:
        raise LinuxError(errno.EINVAL)
    if result < 0:
        del kernel.pending_clones[cookie]
        release(pending.files, pending.fs)
        return 0
    if pending.child is not None:
        del kernel.pending_clones[cookie]
        return 0
    pending.waiting = task.call
    # A child that was killed before it could speak is not waited for.
    pending.timer = kernel.call_at(kernel.now() + _NAME_TIMEOUT, lambda: _give_up(kernel, cookie))
    return DEFERRED


def forget_asked(task: Task) -> None:
    """Drops clones that task asked for and did not bring to an end: a thread has one under way at most."""
    pending_clones = task.kernel.pending_clones
    for cookie, pending in list(pending_clones.items()):
        if pending.parent is task:
            del pending_clones[cookie]
            if pending.child is None:
                release(pending.files, pending.fs)


def parent_gone(task: Task) -> None:
    """task has ended, maybe in the middle of a clone: its child gets some time to name itself."""
    kernel = task.kernel
    if any(pending.parent is task for pending in kernel.pending_clones.values()):
        kernel.call_at(kernel.now() + _NAME_TIMEOUT, lambda: forget_asked(task))


def release(files: FdTable, fs: FsContext) -> None:
    """One task less uses them."""
    files.users -= 1
    if files.users == 0:
        files.close_all()
    fs.users -= 1


def _finish(kernel: Kernel, cookie: int, pending: Pending) -> None:
    del kernel.pending_clones[cookie]
    if pending.timer is not None:
        pending.timer.cancel()
    assert pending.waiting is not None
    kernel.platform.answer(pending.waiting, 0)


def _give_up(kernel: Kernel, cookie: int) -> None:
    pending = kernel.pending_clones.get(cookie)
    if pending is not None:
        release(pending.files, pending.fs)
        _finish(kernel, cookie, pending)


def refuse(host_tid: int) -> None:
    """Ends a thread that is not what it says."""
    kill_process(host_tid)
