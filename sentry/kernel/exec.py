# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""execve: checked and prepared before the host replaces the image, committed when the new stub asks for its plan.

Source: execve(2), fs/exec.c, security/commoncap.c (capabilities).
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.kernel import exit as exits
from sentry.kernel.answers import DEFERRED, Answer
from sentry.kernel.credentials import Credentials
from sentry.mm import loader
from sentry.platform.base import kill_process
from sentry.platform.stub import abi
from sentry.vfs import namei, permission, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile
    from sentry.vfs.path import Path

_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW, _AT_EMPTY_PATH = 0x100, 0x1000
_MS_NOSUID, _MS_NOEXEC = 2, 8
_MAY_EXEC = 1
_PROT_READ_EXEC = 5
_STARTSTACK = 28  # field of /proc/PID/stat, proc_pid_stat(5)


class PendingExec:
    """An exec that was allowed and has not arrived yet."""

    __slots__ = ("credentials", "executable", "image", "old_stack", "secure", "task")

    def __init__(
        self, task: Task, image: loader.Image, executable: Path | None, credentials: Credentials, secure: bool
    ) -> None:
        self.task = task
        self.image = image
        self.executable = executable
        self.credentials = credentials
        self.secure = secure
        self.old_stack: bytes | None = None  # of the old image, where the credentials change


class _Opener(loader.Opener):
    def __init__(self, task: Task) -> None:
        self._task = task

    def open(self, path: bytes) -> OpenFile:
        return namei.open_executable(self._task, walk.resolve(self._task, self._task.fs.cwd, path))


def open_program(task: Task, dirfd: int, name: bytes, flags: int) -> OpenFile:
    """The file that execveat's arguments name, open for reading. Raises: as execve(2)."""
    if flags & ~(_AT_SYMLINK_NOFOLLOW | _AT_EMPTY_PATH):
        raise LinuxError(errno.EINVAL)
    if not name and not flags & _AT_EMPTY_PATH:
        raise LinuxError(errno.ENOENT)
    base = task.fs.cwd
    if dirfd != _AT_FDCWD and not name.startswith(b"/"):
        file = task.files.get(dirfd)
        if not name and file.path is None:  # memfd_create: nothing but the descriptor leads there
            if not stat.S_ISREG(file.attributes().mode):
                raise LinuxError(errno.EACCES)
            permission.check(task.credentials, file.inode, permission.MAY_EXEC)
            return file.acquire()
        if file.path is None:
            raise LinuxError(errno.ENOTDIR)
        base = file.path
        if not name:
            return namei.open_executable(task, base)
        if not base.inode.is_directory:
            raise LinuxError(errno.ENOTDIR)
    return namei.open_executable(task, walk.resolve(task, base, name, follow_last=not flags & _AT_SYMLINK_NOFOLLOW))


def prepare(task: Task, dirfd: int, name: bytes, flags: int) -> None:
    """STUB_EXEC: everything that can fail. Sets process.exec_pending."""
    file = open_program(task, dirfd, name, flags)
    shown = name
    if dirfd != _AT_FDCWD and not name.startswith(b"/"):
        shown = b"/dev/fd/%d" % dirfd + (b"/" + name if name else b"")
    reachable = name.startswith(b"/") or dirfd not in task.files.close_on_exec
    image = loader.prepare(file, shown, _Opener(task), reachable)
    try:
        program = image.elf.file
        executable = program.path
        before = task.credentials
        credentials = credentials_after(before, program, executable)
    except BaseException:
        image.release()
        raise
    secure = credentials.euid != credentials.uid or credentials.egid != credentials.gid
    previous = task.process.exec_pending
    if previous is not None:
        previous.image.release()
    pending = PendingExec(task, image, executable, credentials, secure)
    if credentials != before:
        pending.old_stack = _stack_start(task)
    task.process.exec_pending = pending


def _stack_start(task: Task) -> bytes:
    """Where the host put the stack of the task's image: a random number of each execve's own, which no task can change
    (PR_SET_MM is not delegated). b"" where the host does not say."""
    fields = task.kernel.read_host_proc(task.host_tid, "stat").rpartition(b")")[2].split()
    return fields[_STARTSTACK - 3] if len(fields) > _STARTSTACK - 3 else b""


def _was_executed(pending: PendingExec, caller: Task) -> bool:
    """Has the host really replaced the image since? A program may ask for the plan without it, and would then run on
    with the new credentials; where they stay as they are it only harms itself."""
    if pending.old_stack is None:
        return True
    new_stack = _stack_start(caller)
    return new_stack not in (b"", b"0", pending.old_stack)


def failed(task: Task) -> None:
    """STUB_EXEC_FAILED: the host refused (E2BIG, ENOMEM); the old image goes on."""
    pending, task.process.exec_pending = task.process.exec_pending, None
    if pending is not None:
        pending.image.release()


def load(task: Task, address: int, size: int) -> int | Answer:
    """STUB_LOAD: commits the exec and writes the plan. Whoever loads without an exec is killed."""
    kernel, process = task.kernel, task.process
    pending = process.exec_pending
    if pending is None or size < abi.PLAN_SIZE or not _was_executed(pending, task):
        kernel.log(f"killed: process {process.pid} asked for an image without execve")
        kill_process(process.host_pid)
        return DEFERRED
    if kernel.config_held:
        kernel.held_start = lambda: kernel.answer(task, _load(kernel, task, address, pending))
        return DEFERRED
    return _load(kernel, task, address, pending)


def _load(kernel: Kernel, caller: Task, address: int, pending: PendingExec) -> int:
    process = caller.process
    task = pending.task
    call = caller.call
    process.exec_pending = None
    if task is not caller or len(process.threads) > 1:
        exits.leave_others(task)
        task.call = call
    if task.files.users > 1:
        task.files.users -= 1
        task.files = task.files.copy()
    task.files.close_for_exec()
    image = pending.image
    task.credentials = pending.credentials
    task.name = os.path.basename(image.filename)[:15]
    process.executable = pending.executable
    process.argument_prefix = (image.drop, image.prefix)
    process.dumpable = 0 if pending.secure else 1
    for hook in kernel.exec_hooks:
        hook(task)
    credentials = task.credentials
    auxiliary = {
        loader.AT_UID: credentials.uid,
        loader.AT_EUID: credentials.euid,
        loader.AT_GID: credentials.gid,
        loader.AT_EGID: credentials.egid,
        loader.AT_SECURE: int(pending.secure),
    }
    try:
        files = [image.elf.file] if image.interpreter is None else [image.elf.file, image.interpreter.file]
        numbers = _install(task, call, files)
        plan = image.plan(numbers[0], numbers[-1], auxiliary)
        task.memory.write(address, plan)
    except LinuxError as error:
        kernel.log(f"killed: process {process.pid} could not be loaded: {error}")
        kill_process(process.host_pid)
        return -errno.ENOEXEC
    finally:
        image.release()
    return len(plan)


def _install(task: Task, call: int, files: list[OpenFile]) -> list[int]:
    fds = [file.mappable(_PROT_READ_EXEC, False) for file in files]
    numbers = task.kernel.platform.install_all(call, fds)
    if numbers[0] < 0:
        raise LinuxError(-numbers[0])
    for fd, file in zip(fds, files, strict=True):
        task.kernel.note_mapping(task, fd, file)
    return numbers


def credentials_after(before: Credentials, file: OpenFile, path: Path | None) -> Credentials:
    """capabilities(7), "Transformation of capabilities during execve", and set-user-ID bits. File capabilities are
    not read: they count as none."""
    attributes = file.attributes()
    euid, egid = before.euid, before.egid
    privileged_file = path is not None and not path.mount.flags & _MS_NOSUID and not before.no_new_privs
    if privileged_file and attributes.mode & stat.S_ISUID:
        euid = attributes.uid
    if privileged_file and attributes.mode & (stat.S_ISGID | stat.S_IXGRP) == stat.S_ISGID | stat.S_IXGRP:
        egid = attributes.gid
    noroot = before.securebits & 1
    changed = euid != before.euid or egid != before.egid
    ambient = 0 if changed else before.ambient
    if not noroot and (before.uid == 0 or euid == 0):
        permitted = before.bounding | before.inheritable
        effective = permitted if euid == 0 else 0
    else:
        permitted = effective = ambient
    return before.with_(
        euid=euid, suid=euid, fsuid=euid, egid=egid, sgid=egid, fsgid=egid,
        permitted=permitted, effective=effective, ambient=ambient, securebits=before.securebits & ~0x10,
    )  # fmt: skip
