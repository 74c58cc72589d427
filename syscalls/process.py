# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Processes and threads: the stub's private calls, and the calls that it makes for the guest."""

from __future__ import annotations

import errno
import os

from sentry.abi import clone as clone_flags
from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGSYS
from sentry.fs.pidfd import PidFile
from sentry.kernel import clone as clones
from sentry.kernel import exec as execs
from sentry.kernel import exit as exits
from sentry.kernel import signals
from sentry.kernel.answers import Answer
from sentry.kernel.task import Process, Task
from sentry.platform.stub import abi
from syscalls.helpers import install
from syscalls.table import PARTIAL, Address, Fd, Flags, Int, Long, PathAddress, Size, ULong, syscall


@syscall(abi.LOAD, name="stub_load")
def stub_load(task: Task, plan: Address, size: Size) -> int | Answer:
    """The new image's stub asks what to map: bytes of the plan."""
    return execs.load(task, plan, size)


@syscall(abi.EXEC, name="stub_exec")
def stub_exec(task: Task, dirfd: Fd, path: PathAddress, argv: Address, envp: Address, flags: Flags) -> int:
    """execve(2), execveat(2): 0 if the host may go on.

    Raises: E2BIG and EFAULT of argv and envp come from the host; all others as execve(2).
    """
    execs.prepare(task, dirfd, task.memory.path(path), flags)
    return 0


@syscall(abi.EXEC_FAILED, name="stub_exec_failed")
def stub_exec_failed(task: Task, error: Int) -> int:
    """The host refused after stub_exec had agreed."""
    execs.failed(task)
    return 0


@syscall(abi.CLONE, name="stub_clone")
def stub_clone(task: Task, flags: ULong, stack: Address, parent_tid: Address) -> int:
    """clone(2), fork(2), vfork(2): the cookie by which the child will name itself."""
    if not flags & clone_flags.CLONE_PIDFD:
        return clones.ask(task, flags)

    def give_pidfd(child: Process) -> None:
        try:
            number = install(task, PidFile(child), True)
            task.memory.write(parent_tid, number.to_bytes(4, "little"))
        except LinuxError:
            pass  # Linux would have failed the clone; the child lives already

    return clones.ask(task, flags, give_pidfd)


@syscall(abi.CHILD, name="stub_child")
def stub_child(task: Task, cookie: ULong, tid: Int) -> int:
    """Only a thread that is not known yet may name itself. Raises: EINVAL."""
    raise LinuxError(errno.EINVAL)


@syscall(abi.CLONED, name="stub_cloned")
def stub_cloned(task: Task, cookie: ULong, result: Long) -> int | Answer:
    """The parent's clone returned; answered once the child has named itself."""
    return clones.done(task, cookie, result)


@syscall(abi.SIGSYS, name="stub_sigsys")
def stub_sigsys(task: Task, code: Int) -> int:
    """A SIGSYS that somebody sent and nobody handles; the stub has reset it to its default, which ends the process."""
    signals.send_thread(task.kernel, task, SIGSYS)
    return 0


@syscall(abi.PIDFD, name="stub_pidfd")
def stub_pidfd(task: Task, fd: Fd) -> int:
    """waitid(2) with P_PIDFD: the pid; bit 32 is set if the descriptor does not block. Raises: EBADF."""
    file = task.files.get(fd)
    if not isinstance(file, PidFile):
        raise LinuxError(errno.EBADF)
    return file.process.pid | (1 << 32 if file.flags & os.O_NONBLOCK else 0)


@syscall(60, name="exit")
def exit_(task: Task, status: Int) -> Answer:
    """exit(2): the thread's end."""
    return exits.exit_thread(task, status)


@syscall(231)
def exit_group(task: Task, status: Int) -> Answer:
    """exit_group(2): the process's end."""
    return exits.exit_group(task, status)


@syscall(62)
def kill(task: Task, pid: Int, sig: Int) -> int:
    """kill(2)."""
    return signals.kill(task, pid, sig)


@syscall(200)
def tkill(task: Task, tid: Int, sig: Int) -> int:
    """tkill(2)."""
    return signals.thread_kill(task, None, tid, sig)


@syscall(234)
def tgkill(task: Task, tgid: Int, tid: Int, sig: Int) -> int:
    """tgkill(2)."""
    return signals.thread_kill(task, tgid, tid, sig)


def _queued(task: Task, address: int, sig: int, own: bool) -> bytes:
    """A siginfo_t of the guest's, with the number set right. Raises: EPERM for a code that only the kernel may send."""
    info = bytearray(task.memory.read(address, signals.INFO_SIZE))
    info[0:4] = (sig & 0xFFFFFFFF).to_bytes(4, "little")
    code = int.from_bytes(info[8:12], "little", signed=True)
    if code >= 0 or code == -6:
        if not own:
            raise LinuxError(errno.EPERM)
        info[8:12] = (abi.SENT_BY_TKILL if code == -6 else abi.SENT_BY_KILL).to_bytes(4, "little", signed=True)
    return bytes(info)


@syscall(129)
def rt_sigqueueinfo(task: Task, pid: Int, sig: Int, info: Address) -> int:
    """rt_sigqueueinfo(2)."""
    data = _queued(task, info, sig, pid == task.process.pid)
    if pid <= 0:
        raise LinuxError(errno.ESRCH)
    return signals.kill(task, pid, sig, data)


@syscall(297)
def rt_tgsigqueueinfo(task: Task, tgid: Int, tid: Int, sig: Int, info: Address) -> int:
    """rt_tgsigqueueinfo(2)."""
    data = _queued(task, info, sig, tgid == task.process.pid)
    return signals.thread_kill(task, tgid, tid, sig, data)


@syscall(34)
async def pause(task: Task) -> int:
    """pause(2): ends by a signal only."""
    from sentry.kernel.blocking import wait_for

    while True:
        await wait_for(no_hand=True)


@syscall(435)
def clone3(task: Task, arguments: Address, size: Size) -> int:
    """clone3(2) passes its flags in memory, where no filter can check them: libraries fall back to clone.

    Raises: ENOSYS.
    """
    raise LinuxError(errno.ENOSYS)


@syscall(272, support=PARTIAL, note="no new namespaces; CLONE_FILES, CLONE_FS and CLONE_SYSVSEM only")
def unshare(task: Task, flags: ULong) -> int:
    """unshare(2). Raises: EPERM for namespaces, EINVAL."""
    own_memory = clone_flags.CLONE_THREAD | clone_flags.CLONE_SIGHAND | clone_flags.CLONE_VM
    known = clone_flags.CLONE_FILES | clone_flags.CLONE_FS | clone_flags.CLONE_SYSVSEM | own_memory
    if flags & ~(known | clone_flags.NAMESPACES):
        raise LinuxError(errno.EINVAL)
    if flags & clone_flags.NAMESPACES:
        raise LinuxError(errno.EPERM)
    if flags & own_memory and len(task.process.threads) > 1:
        raise LinuxError(errno.EINVAL)
    if flags & clone_flags.CLONE_FILES and task.files.users > 1:
        task.files.users -= 1
        task.files = task.files.copy()
    if flags & clone_flags.CLONE_FS and task.fs.users > 1:
        task.fs.users -= 1
        task.fs = task.fs.copy()
    return 0


@syscall(308, support=PARTIAL, note="there are no other namespaces to join")
def setns(task: Task, fd: Fd, kind: Flags) -> int:
    """setns(2). Raises: EBADF, EINVAL."""
    task.files.get(fd)
    raise LinuxError(errno.EINVAL)
