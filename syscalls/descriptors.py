# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""dup, fcntl and ioctl: what can be done to any descriptor.

Source: fs/file.c, fs/fcntl.c, fs/ioctl.c; fcntl(2), ioctl(2).
"""

from __future__ import annotations

import errno
import fcntl as _fcntl
import os
import stat

from sentry.abi import fcntl as abi
from sentry.abi.errors import LinuxError
from sentry.fs.pipes import PAGE, PipeFile
from sentry.fs.tmpfs import MemoryFile, TmpfsFilesystem
from sentry.kernel.credentials import CAP_SYS_ADMIN
from sentry.vfs.permission import owner_or_capable
from syscalls import locks
from syscalls.helpers import descriptor_limit
from syscalls.table import PARTIAL, Address, FcntlCommand, Fd, Flags, IoctlRequest, Result, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

_O_PATH = os.O_PATH
_SETTABLE = os.O_APPEND | os.O_NONBLOCK | os.O_DIRECT | os.O_NOATIME | abi.FASYNC
_PATH_COMMANDS = frozenset(
    (
        _fcntl.F_DUPFD, _fcntl.F_DUPFD_CLOEXEC, _fcntl.F_GETFD, _fcntl.F_SETFD, _fcntl.F_GETFL, abi.F_DUPFD_QUERY,
        abi.F_CREATED_QUERY,
    )
)  # fmt: skip
"""What fcntl(2) allows on O_PATH descriptors."""


# -- dup --
def _duplicate(task: Task, file: OpenFile, minimum: int, close_on_exec: bool) -> int:
    fd = task.files.allocate(file, descriptor_limit(task), minimum, close_on_exec)
    file.references += 1
    return fd


@syscall(32)
def dup(task: Task, fd: Fd) -> int:
    """dup(2). Raises: EBADF, EMFILE."""
    return _duplicate(task, task.files.get(fd), 0, False)


@syscall(33)
def dup2(task: Task, old: Fd, new: Fd) -> int:
    """dup2(2). Raises: EBADF."""
    if old == new:
        task.files.get(old)
        return new
    return _replace(task, old, new, False)


@syscall(292)
def dup3(task: Task, old: Fd, new: Fd, flags: Flags) -> int:
    """dup3(2). Raises: EINVAL, EBADF."""
    if flags & ~os.O_CLOEXEC or old == new:
        raise LinuxError(errno.EINVAL)
    return _replace(task, old, new, bool(flags))


def _replace(task: Task, old: int, new: int, close_on_exec: bool) -> int:
    if not 0 <= new < descriptor_limit(task):
        raise LinuxError(errno.EBADF)
    task.files.place(new, task.files.get(old).acquire(), close_on_exec)
    return new


# -- fcntl --
@syscall(72, support=PARTIAL, note="no SIGIO (F_SETSIG, O_ASYNC are kept without effect), no leases, no F_NOTIFY")
def fcntl(task: Task, fd: Fd, command: FcntlCommand, argument: ULong) -> Result:
    """fcntl(2). Raises: EBADF, EINVAL, EFAULT, and by command EAGAIN, EDEADLK, EMFILE, EPERM, EBUSY."""
    file = task.files.get(fd)
    if file.flags & _O_PATH and command not in _PATH_COMMANDS:
        raise LinuxError(errno.EBADF)
    action = _COMMANDS.get(command)
    if action is None:
        raise LinuxError(errno.EINVAL)
    return action(task, fd, file, command, argument)


def _int(argument: int) -> int:
    """An int argument: the register's low half, signed."""
    return (argument & 0x7FFFFFFF) - (argument & 0x80000000)


def _dupfd(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    minimum = _int(argument)
    if not 0 <= minimum < descriptor_limit(task):
        raise LinuxError(errno.EINVAL)
    return _duplicate(task, file, minimum, command == _fcntl.F_DUPFD_CLOEXEC)


def _dupfd_query(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return int(task.files.get(_int(argument)) is file)


def _getfd(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return int(fd in task.files.close_on_exec)


def _setfd(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    if argument & _fcntl.FD_CLOEXEC:
        task.files.close_on_exec.add(fd)
    else:
        task.files.close_on_exec.discard(fd)
    return 0


def _getfl(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return file.flags & ~os.O_CLOEXEC


def _setfl(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    wanted = argument & _SETTABLE
    added = wanted & ~file.flags
    if added & os.O_NOATIME and not owner_or_capable(task.credentials, file.attributes()):
        raise LinuxError(errno.EPERM)
    if added & os.O_DIRECT and stat.S_IFMT(file.attributes().mode) not in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFBLK):
        raise LinuxError(errno.EINVAL)
    if added & abi.FASYNC and stat.S_IFMT(file.attributes().mode) in (stat.S_IFREG, stat.S_IFDIR):
        wanted &= ~abi.FASYNC  # always ready: nothing to tell
    file.flags = file.flags & ~_SETTABLE | wanted
    return 0


def _getlk(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return locks.get_record(task, file, argument, command == _fcntl.F_OFD_GETLK)


def _setlk(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> Result:
    return locks.set_record(
        task, fd, file, argument, command in _OFD_COMMANDS, command in (_fcntl.F_SETLKW, _fcntl.F_OFD_SETLKW)
    )


_OFD_COMMANDS = (_fcntl.F_OFD_SETLK, _fcntl.F_OFD_SETLKW)


def _getown(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return file.owner


def _setown(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    owner = _int(argument)
    if owner == -0x80000000:
        raise LinuxError(errno.EINVAL)
    _check_owner(task, owner)
    file.owner = owner
    return 0


def _check_owner(task: Task, owner: int) -> None:
    # A process group cannot be looked up cheaply, and nothing is sent to it: it is taken as it is.
    if owner > 0 and owner not in task.kernel.tasks and owner not in task.kernel.processes:
        raise LinuxError(errno.ESRCH)


def _getown_ex(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    owner = file.owner
    kind = abi.F_OWNER_PGRP if owner < 0 else abi.F_OWNER_PID
    task.memory.write(argument, abi.F_OWNER_EX.pack(kind, abs(owner)))
    return 0


def _setown_ex(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    kind, owner = abi.F_OWNER_EX.unpack(task.memory.read(argument, abi.F_OWNER_EX.size))
    if kind not in (abi.F_OWNER_TID, abi.F_OWNER_PID, abi.F_OWNER_PGRP):
        raise LinuxError(errno.EINVAL)
    if owner < 0:
        raise LinuxError(errno.ESRCH)
    if kind == abi.F_OWNER_PGRP:
        owner = -owner
    _check_owner(task, owner)
    file.owner = owner
    return 0


def _getowner_uids(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    credentials = task.credentials
    task.memory.write(argument, abi.F_OWNER_EX.pack(*(_int(uid) for uid in (credentials.uid, credentials.euid))))
    return 0


def _getsig(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return 0


def _setsig(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    if argument:
        raise LinuxError(errno.EINVAL)
    return 0


def _pipe_size(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    if not isinstance(file, PipeFile):
        raise LinuxError(errno.EBADF)
    if command == _fcntl.F_GETPIPE_SZ:
        return file.pipe.pages * PAGE
    return file.pipe.resize(task, _int(argument))


def _seals(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    # Not in the writable layer of an overlay: file systems on disks have no seals.
    if not isinstance(file, MemoryFile) or not isinstance(file.inode.filesystem, TmpfsFilesystem):
        raise LinuxError(errno.EINVAL)
    if command == _fcntl.F_GET_SEALS:
        return file.content.seals
    if not file.writable:
        raise LinuxError(errno.EPERM)
    file.content.add_seals(argument & 0xFFFFFFFF)
    return 0


def _getlease(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    return _fcntl.F_UNLCK


def _setlease(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    # Unlocking where there is no lease is EAGAIN; a new one is refused as a file system without leases does.
    raise LinuxError(errno.EAGAIN if _int(argument) == _fcntl.F_UNLCK else errno.EINVAL)


def _get_hint(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    task.memory.write(argument, abi.U64.pack(0))
    return 0


def _set_hint(task: Task, fd: int, file: OpenFile, command: int, argument: int) -> int:
    if abi.U64.unpack(task.memory.read(argument, 8))[0] > abi.RWH_WRITE_LIFE_EXTREME:
        raise LinuxError(errno.EINVAL)
    return 0


_COMMANDS: dict[int, Callable[[Task, int, OpenFile, int, int], Result]] = {
    _fcntl.F_DUPFD: _dupfd,
    _fcntl.F_DUPFD_CLOEXEC: _dupfd,
    abi.F_DUPFD_QUERY: _dupfd_query,
    _fcntl.F_GETFD: _getfd,
    _fcntl.F_SETFD: _setfd,
    _fcntl.F_GETFL: _getfl,
    _fcntl.F_SETFL: _setfl,
    _fcntl.F_GETLK: _getlk,
    _fcntl.F_SETLK: _setlk,
    _fcntl.F_SETLKW: _setlk,
    _fcntl.F_OFD_GETLK: _getlk,
    _fcntl.F_OFD_SETLK: _setlk,
    _fcntl.F_OFD_SETLKW: _setlk,
    _fcntl.F_GETOWN: _getown,
    _fcntl.F_SETOWN: _setown,
    abi.F_GETOWN_EX: _getown_ex,
    abi.F_SETOWN_EX: _setown_ex,
    abi.F_GETOWNER_UIDS: _getowner_uids,
    _fcntl.F_GETSIG: _getsig,
    _fcntl.F_SETSIG: _setsig,
    _fcntl.F_GETPIPE_SZ: _pipe_size,
    _fcntl.F_SETPIPE_SZ: _pipe_size,
    _fcntl.F_ADD_SEALS: _seals,
    _fcntl.F_GET_SEALS: _seals,
    _fcntl.F_GETLEASE: _getlease,
    _fcntl.F_SETLEASE: _setlease,
    abi.F_GET_RW_HINT: _get_hint,
    abi.F_SET_RW_HINT: _set_hint,
}


# -- ioctl --
@syscall(16, support=PARTIAL, note="what each kind of file has; FIOASYNC is kept without effect")
def ioctl(task: Task, fd: Fd, request: IoctlRequest, argument: Address) -> int:
    """ioctl(2). Raises: EBADF, EFAULT, ENOTTY (not for this file), and by request."""
    file = task.files.opened(fd)
    action = _REQUESTS.get(request)
    if action is not None:
        return action(task, fd, file, argument)
    return file.ioctl(task, request, argument)


def _cloexec(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    task.files.close_on_exec.add(fd)
    return 0


def _keep_on_exec(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    task.files.close_on_exec.discard(fd)
    return 0


def _set_flag(task: Task, file: OpenFile, argument: int, flag: int) -> int:
    if any(task.memory.read(argument, 4)):
        file.flags |= flag
    else:
        file.flags &= ~flag
    return 0


def _nonblocking(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    return _set_flag(task, file, argument, os.O_NONBLOCK)


def _asynchronous(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    if stat.S_IFMT(file.attributes().mode) in (stat.S_IFREG, stat.S_IFDIR):
        # Only a change asks the file, which has no answer.
        if any(task.memory.read(argument, 4)):
            raise LinuxError(errno.ENOTTY)
        return 0
    return _set_flag(task, file, argument, abi.FASYNC)


def _size(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    attributes = file.attributes()
    if stat.S_IFMT(attributes.mode) not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise LinuxError(errno.ENOTTY)
    task.memory.write(argument, abi.U64.pack(attributes.size))
    return 0


def _unread(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    attributes = file.attributes()
    if not stat.S_ISREG(attributes.mode):
        return file.ioctl(task, abi.FIONREAD, argument)
    left = attributes.size - file.offset
    task.memory.write(argument, (left & 0xFFFFFFFF).to_bytes(4, "little"))
    return 0


def _block_size(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    task.memory.write(argument, file.inode.filesystem.status().block_size.to_bytes(4, "little"))
    return 0


def _no_clones(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    raise LinuxError(errno.EOPNOTSUPP)


def _freeze(task: Task, fd: int, file: OpenFile, argument: int) -> int:
    raise LinuxError(errno.EOPNOTSUPP if task.credentials.has(CAP_SYS_ADMIN) else errno.EPERM)


_REQUESTS: dict[int, Callable[[Task, int, OpenFile, int], int]] = {
    abi.FIOCLEX: _cloexec,
    abi.FIONCLEX: _keep_on_exec,
    abi.FIONBIO: _nonblocking,
    abi.FIOASYNC: _asynchronous,
    abi.FIOQSIZE: _size,
    abi.FIONREAD: _unread,
    abi.FIGETBSZ: _block_size,
    abi.FS_IOC_FIEMAP: _no_clones,
    abi.FICLONE: _no_clones,
    abi.FICLONERANGE: _no_clones,
    abi.FIDEDUPERANGE: _no_clones,
    abi.FIFREEZE: _freeze,
    abi.FITHAW: _freeze,
}
