# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""open and its family, close, memfd_create: calls that make and end descriptors.

Source: fs/open.c, mm/memfd.c and the man page named at each.
"""

from __future__ import annotations

import errno
import os

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    O_LARGEFILE,
    O_TMPFILE_ONLY,
    OPEN_HOW,
    RESOLVE_BENEATH,
    RESOLVE_CACHED,
    RESOLVE_IN_ROOT,
    RESOLVE_VALID,
    VALID_OPEN_FLAGS,
)
from sentry.fs.tmpfs import F_SEAL_EXEC, make_memfd
from sentry.vfs.file import OpenFile
from sentry.vfs.namei import open_path
from syscalls.helpers import base_of, check_descriptor_left, install
from syscalls.table import (
    PARTIAL,
    STUB,
    Address,
    Fd,
    Flags,
    Int,
    Mode,
    OpenFlags,
    PathAddress,
    Result,
    Size,
    UInt,
    syscall,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from sentry.kernel.task import Task

_CREATES = os.O_CREAT | O_TMPFILE_ONLY
_SCOPED = RESOLVE_BENEATH | RESOLVE_IN_ROOT
_CLOEXEC = os.O_CLOEXEC
_AT_FDCWD = -100


@syscall(2)
def open(task: Task, path: PathAddress, flags: OpenFlags, mode: Mode) -> Result:  # noqa: A001
    """open(2): a descriptor; waits where a FIFO's other end is missing. Raises: see open_path()."""
    return _open(task, _AT_FDCWD, task.memory.path(path), flags & VALID_OPEN_FLAGS | O_LARGEFILE, mode, 0)


@syscall(257)
def openat(task: Task, dirfd: Fd, path: PathAddress, flags: OpenFlags, mode: Mode) -> Result:
    """openat(2): a descriptor. Raises: see open_path(), EBADF, ENOTDIR."""
    return _open(task, dirfd, task.memory.path(path), flags & VALID_OPEN_FLAGS | O_LARGEFILE, mode, 0)


@syscall(85)
def creat(task: Task, path: PathAddress, mode: Mode) -> Result:
    """creat(2)."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | O_LARGEFILE
    return _open(task, _AT_FDCWD, task.memory.path(path), flags, mode, 0)


@syscall(437)
def openat2(task: Task, dirfd: Fd, path: PathAddress, how: Address, size: Size) -> Result:
    """openat2(2). Raises: EINVAL (what open would ignore), E2BIG (a field we do not know), EXDEV, ELOOP, EAGAIN
    (RESOLVE_CACHED: always, which is allowed)."""
    if size < OPEN_HOW.size:
        raise LinuxError(errno.EINVAL)
    if size > 4096:
        raise LinuxError(errno.E2BIG)
    raw = task.memory.read(how, size)
    if any(raw[OPEN_HOW.size :]):
        raise LinuxError(errno.E2BIG)
    flags, mode, resolve = OPEN_HOW.unpack_from(raw)
    if flags & ~VALID_OPEN_FLAGS or resolve & ~RESOLVE_VALID:
        raise LinuxError(errno.EINVAL)
    if resolve & RESOLVE_BENEATH and resolve & RESOLVE_IN_ROOT:
        raise LinuxError(errno.EINVAL)
    if flags & _CREATES:
        if mode & ~0o7777:
            raise LinuxError(errno.EINVAL)
    elif mode:
        raise LinuxError(errno.EINVAL)
    if flags & os.O_PATH and flags & ~(os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | _CLOEXEC):
        raise LinuxError(errno.EINVAL)
    if resolve & RESOLVE_CACHED:
        raise LinuxError(errno.EAGAIN)
    return _open(task, dirfd, task.memory.path(path), flags | O_LARGEFILE, mode, resolve)


def _open(task: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve_flags: int) -> Result:
    # Linux takes the descriptor's number first: a full table must not create files.
    check_descriptor_left(task)
    # A scope is what dirfd names, even for an absolute path.
    base = base_of(task, dirfd, b"." if path and resolve_flags & _SCOPED else path)
    opened = open_path(task, base, path, flags, mode & 0o7777, resolve_flags)
    if isinstance(opened, OpenFile):
        return install(task, opened, flags & _CLOEXEC != 0)
    return _open_later(task, opened, flags)


async def _open_later(task: Task, opened: Coroutine[Any, Any, OpenFile], flags: int) -> int:
    return install(task, await opened, flags & _CLOEXEC != 0)


@syscall(3)
def close(task: Task, fd: Fd) -> int:
    """close(2). Raises: EBADF."""
    task.files.remove(fd).drop()
    return 0


@syscall(436)
def close_range(task: Task, first: UInt, last: UInt, flags: Flags) -> int:
    """close_range(2), with CLOSE_RANGE_UNSHARE and CLOSE_RANGE_CLOEXEC. Raises: EINVAL."""
    if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) or first > last:
        raise LinuxError(errno.EINVAL)
    files = task.files
    if flags & CLOSE_RANGE_UNSHARE and files.users > 1:
        files.users -= 1
        files = task.files = files.copy()
    if flags & CLOSE_RANGE_CLOEXEC:
        files.close_on_exec.update([fd for fd, _ in files.items() if first <= fd <= last])
    else:
        files.close_range(first, last)
    return 0


@syscall(319, support=PARTIAL, note="no huge pages (MFD_HUGETLB)")
def memfd_create(task: Task, name: PathAddress, flags: Flags) -> int:
    """memfd_create(2): a descriptor of a nameless file in memory. Raises: EINVAL, EFAULT, EMFILE, ENOSPC."""
    if flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) or (
        flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL
    ):
        raise LinuxError(errno.EINVAL)
    try:
        text = task.memory.string(name, 250)
    except LinuxError as error:
        raise LinuxError(errno.EINVAL if error.errno == errno.ENAMETOOLONG else error.errno) from None
    check_descriptor_left(task)
    credentials = task.credentials
    sealing = bool(flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL))
    mode = 0o666 if flags & MFD_NOEXEC_SEAL else 0o777
    file = make_memfd(text, sealing, credentials.fsuid, credentials.fsgid, mode)
    if flags & MFD_NOEXEC_SEAL:
        file.content.seals |= F_SEAL_EXEC
    file.flags |= O_LARGEFILE
    return install(task, file, bool(flags & MFD_CLOEXEC))


@syscall(303, support=STUB, note="EOPNOTSUPP: no file system gives handles")
def name_to_handle_at(task: Task, dirfd: Fd, path: PathAddress, handle: Address, mount_id: Address, flags: Int) -> int:
    """name_to_handle_at(2)."""
    raise LinuxError(errno.EOPNOTSUPP)
