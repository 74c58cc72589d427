# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Mapping files, and the memory calls that reach the sentry.

mmap of anonymous memory is the host's business and never comes here. mmap of a file is done by the stub: it asks with
map_file for a real descriptor of the file's content, maps it, and closes it. What is checked here is all there is
between a task and the content, so a descriptor is given only with the rights that the mapping could later be raised to
(mprotect(2) is delegated): that is mappable()'s contract. Source: mm/mmap.c, mmap(2); compared with native runs.
"""

from __future__ import annotations

import errno

from sentry.abi.errors import LinuxError
from sentry.abi.fcntl import MAX_OFFSET
from sentry.abi.mman import (
    MADV_HWPOISON,
    MADV_SOFT_OFFLINE,
    MAP_HUGETLB,
    MAP_LEGACY,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    MCL_VALID,
    MLOCK_ONFAULT,
    PROT_EXEC,
    PROT_WRITE,
)
from sentry.kernel.answers import PROCEED, Answer
from sentry.kernel.credentials import CAP_IPC_LOCK, CAP_SYS_ADMIN
from sentry.platform.stub import abi as stub
from sentry.vfs.permission import MS_NOEXEC
from syscalls.table import PARTIAL, STUB, Address, Fd, Flags, Int, MapFlags, Offset, Protection, Size, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_PAGE = 4096


@syscall(stub.MAP, name="map_file")
def map_file(
    task: Task, fd: Fd, length: Size, protection: Protection, flags: MapFlags, offset: ULong, address: Address
) -> int:
    """The file part of mmap(2), asked by the stub: a real descriptor of the task's, or ANONYMOUS.

    Raises: EBADF, EACCES, EINVAL, ENODEV, ENOMEM, EOVERFLOW, EPERM (seals, noexec), EOPNOTSUPP.
    """
    if offset & _PAGE - 1:
        raise LinuxError(errno.EINVAL)
    file = task.files.opened(fd)
    if not length or flags & MAP_HUGETLB:
        raise LinuxError(errno.EINVAL)
    pages = (length + _PAGE - 1) & ~(_PAGE - 1)
    if pages >= 1 << 64:
        raise LinuxError(errno.ENOMEM)
    if offset + pages > 1 << 64 or offset + pages - 1 > MAX_OFFSET:
        raise LinuxError(errno.EOVERFLOW)
    kind = flags & MAP_TYPE
    if kind == MAP_SHARED_VALIDATE and flags & ~MAP_LEGACY:
        raise LinuxError(errno.EOPNOTSUPP)
    shared = kind in (MAP_SHARED, MAP_SHARED_VALIDATE)
    if not shared and kind != MAP_PRIVATE:
        raise LinuxError(errno.EINVAL)
    if not file.readable or (shared and protection & PROT_WRITE and not file.writable):
        raise LinuxError(errno.EACCES)
    if protection & PROT_EXEC and file.path is not None and file.path.mount.flags & MS_NOEXEC:
        raise LinuxError(errno.EPERM)
    host = file.mappable(protection, shared)
    if host < 0:
        return stub.ANONYMOUS
    task.kernel.note_mapping(task, host, file)
    installed = task.kernel.platform.install(task.call, host)
    if installed < 0:
        raise LinuxError(-installed)
    return installed


@syscall(9)
def mmap(
    task: Task, address: Address, length: Size, protection: Protection, flags: MapFlags, fd: Fd, offset: Offset
) -> int:
    """mmap(2): done by the host (anonymous memory) or by the stub with map_file(); what comes here is neither.

    Raises: ENOSYS.
    """
    raise LinuxError(errno.ENOSYS)


# -- advice and locking --
@syscall(28, support=PARTIAL, note="useful advice is the host's business; no poisoning of pages")
def madvise(task: Task, address: Address, length: Size, advice: Int) -> int:
    """madvise(2): only advice that the host does not get comes here. Raises: EINVAL, EPERM."""
    if advice in (MADV_HWPOISON, MADV_SOFT_OFFLINE) and not task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EPERM)
    raise LinuxError(errno.EINVAL)


@syscall(27, support=PARTIAL, note="every page of user space counts as resident")
def mincore(task: Task, address: Address, length: Size, vector: Address) -> int:
    """mincore(2). Raises: EINVAL, ENOMEM, EFAULT."""
    if address & _PAGE - 1:
        raise LinuxError(errno.EINVAL)
    pages = (length + _PAGE - 1) // _PAGE
    if address + length > 0x7FFFFFFFF000:
        raise LinuxError(errno.ENOMEM)
    memory = task.memory
    done = 0
    while done < pages:
        count = min(pages - done, 65536)
        # Each page of a small range, the ends of a large one.
        for page in range(done, done + count, 1 if pages <= 1024 else max(1, count - 1)):
            _probe(task, address + page * _PAGE)
        memory.write(vector + done, b"\1" * count)
        done += count
    return 0


def _probe(task: Task, address: int) -> None:
    try:
        task.memory.read(address, 1)
    except LinuxError:
        raise LinuxError(errno.ENOMEM) from None


_LOCK_NOTE = "checked, then without effect: the host may swap"


def _check_lock(task: Task, length: int) -> None:
    """can_do_mlock() and the limit. Raises: EPERM, ENOMEM."""
    if task.credentials.has(CAP_IPC_LOCK):
        return
    limit = task.process.limits[8][0]  # RLIMIT_MEMLOCK
    if not limit:
        raise LinuxError(errno.EPERM)
    if length > limit:
        raise LinuxError(errno.ENOMEM)


def _lock(task: Task, address: int, length: int) -> int:
    start = address & ~(_PAGE - 1)
    length = (length + address - start + _PAGE - 1) & ~(_PAGE - 1)
    _check_lock(task, length)
    if start + length > 0x7FFFFFFFF000:
        raise LinuxError(errno.EINVAL if start + length >= 1 << 64 else errno.ENOMEM)
    if length:
        _probe(task, start)
        _probe(task, start + length - 1)
    return 0


@syscall(149, support=PARTIAL, note=_LOCK_NOTE)
def mlock(task: Task, address: Address, length: Size) -> int:
    """mlock(2). Raises: EPERM, ENOMEM, EINVAL."""
    return _lock(task, address, length)


@syscall(325, support=PARTIAL, note=_LOCK_NOTE)
def mlock2(task: Task, address: Address, length: Size, flags: Flags) -> int:
    """mlock2(2). Raises: as mlock."""
    if flags & ~MLOCK_ONFAULT:
        raise LinuxError(errno.EINVAL)
    return _lock(task, address, length)


@syscall(150, support=PARTIAL, note=_LOCK_NOTE)
def munlock(task: Task, address: Address, length: Size) -> int:
    """munlock(2). Raises: ENOMEM."""
    if length:
        _probe(task, address)
    return 0


@syscall(151, support=PARTIAL, note=_LOCK_NOTE)
def mlockall(task: Task, flags: Flags) -> int:
    """mlockall(2). Raises: EINVAL, EPERM."""
    if not flags or flags & ~MCL_VALID or flags == MLOCK_ONFAULT << 2:
        raise LinuxError(errno.EINVAL)
    _check_lock(task, 0)
    return 0


@syscall(152)
def munlockall(task: Task) -> int:
    """munlockall(2)."""
    return 0


# -- protection keys --
@syscall(329, support=PARTIAL, note="no protection keys: only as mprotect, with key -1")
def pkey_mprotect(task: Task, address: Address, length: Size, protection: Protection, key: Int) -> int | Answer:
    """pkey_mprotect(2). Raises: EINVAL, and what the host's mprotect does."""
    if key != -1:
        raise LinuxError(errno.EINVAL)
    return PROCEED


@syscall(330, support=STUB, note="ENOSPC: no protection keys, as on a processor without them")
def pkey_alloc(task: Task, flags: ULong, rights: ULong) -> int:
    """pkey_alloc(2)."""
    if flags or rights & ~3:
        raise LinuxError(errno.EINVAL)
    raise LinuxError(errno.ENOSPC)


@syscall(331, support=STUB, note="EINVAL: no key was ever given")
def pkey_free(task: Task, key: Int) -> int:
    """pkey_free(2)."""
    raise LinuxError(errno.EINVAL)
