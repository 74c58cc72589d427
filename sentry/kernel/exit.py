# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The end of threads and processes.

Descriptors are closed when a task asks to exit, before the host lets it: whoever waits for it natively then finds its
pipes closed and its locks free. A process killed by a signal is noticed through its pidfd. Source: kernel/exit.c.
"""

from __future__ import annotations

import os

from sentry.core import native
from sentry.kernel.answers import PROCEED, Answer
from sentry.kernel.clone import parent_gone, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process, Task

_ZOMBIES_KEPT = 4096


def exit_thread(task: Task, code: int) -> Answer:
    """exit(2)."""
    process = task.process
    if len(process.threads) <= 1:
        return exit_group(task, code)
    _drop_thread(task)
    return PROCEED


def exit_group(task: Task, code: int) -> Answer:
    """exit_group(2): the host kills the other threads."""
    task.process.exit_code = code & 0xFF
    let_go(task.kernel, task.process)
    return PROCEED


def let_go(kernel: Kernel, process: Process) -> None:
    """Gives back what the process holds, once."""
    if process.exiting:
        return
    process.exiting = True
    for hook in kernel.exit_hooks:
        hook(process)
    pending = process.exec_pending
    if pending is not None:
        process.exec_pending = None
        pending.image.release()
    for task in list(process.threads.values()):
        kernel.abandon(task)
        parent_gone(task)
        release(task.files, task.fs)


def _drop_thread(task: Task) -> None:
    task.kernel.forget_task(task)
    parent_gone(task)
    release(task.files, task.fs)


def process_gone(kernel: Kernel, process: Process) -> None:
    """The host says that the process has ended (it may be a zombie still)."""
    kernel.platform.reap(process.host_pid)
    let_go(kernel, process)
    if process.pidfd >= 0:
        kernel.unwatch(process.pidfd)
        os.close(process.pidfd)
        process.pidfd = -1
    for task in list(process.threads.values()):
        kernel.forget_task(task)
    if kernel.processes.get(process.pid) is process:
        del kernel.processes[process.pid]
        kernel.zombies[process.pid] = process.host_pid
        if len(kernel.zombies) > _ZOMBIES_KEPT:
            forget_reaped(kernel)
    process.exit_status = process.exit_code << 8
    process.pidfd_queue.wake()
    parent = process.parent
    for child in process.children:
        child.parent = kernel.init
        kernel.kick_process(child)  # the host may have raised its parent death signal
        if process.pid != 1:
            kernel.init.children.add(child)
    process.children = set()
    if parent is not None:
        parent.children.discard(process)
        for hook in kernel.child_exit_hooks:
            hook(parent, process)
        # The host has raised SIGCHLD there: a blocked call has to see it.
        kernel.kick_process(parent)
    if process is kernel.init:
        status = kernel.platform.exit_status(process.host_pid)
        if kernel.init_killed_by:
            status = kernel.init_killed_by
        kernel.on_exit(status)


def zombie(kernel: Kernel, pid: int) -> bool:
    """Is pid a process that has ended but was not waited for?"""
    host_pid = kernel.zombies.get(pid)
    if host_pid is None:
        return False
    if native.syscall(62, host_pid, 0) == 0:
        return True
    del kernel.zombies[pid]
    return False


def forget_reaped(kernel: Kernel) -> None:
    """Drops the zombies that somebody has waited for."""
    for pid in list(kernel.zombies):
        zombie(kernel, pid)


def leave_others(task: Task) -> None:
    """exec: the host has ended the other threads; task is now the leader."""
    kernel, process = task.kernel, task.process
    for other in list(process.threads.values()):
        if other is not task:
            _drop_thread(other)
    kernel.forget_task(task)
    task.tid, task.host_tid = process.pid, process.host_pid
    task.memory.host_tid = process.host_pid
    kernel.add_task(task)
