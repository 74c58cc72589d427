# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V shared memory. shmat and shmdt are the stub's, which asks here for what to map and to unmap.

Source: shmget(2), shmop(2), shmctl(2), ipc/shm.c.
"""

from __future__ import annotations

import errno
import time

from sentry.abi import ipc as abi
from sentry.abi.errors import LinuxError
from sentry.kernel import shared_memory
from sentry.kernel.credentials import CAP_IPC_LOCK
from sentry.kernel.shared_memory import Segment, segments
from sentry.platform.stub import abi as stub
from syscalls.table import PARTIAL, Address, Flags, Int, Size, ULong, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

_PAGE = 4096
_MAX_SIZE = 1 << 46
_MAX_FD = 0xFFFF


@syscall(29, support=PARTIAL, note="no huge pages")
def shmget(task: Task, key: Int, size: Size, flags: Flags) -> int:
    """shmget(2): an identifier. Raises: EINVAL, ENOENT, EEXIST, EACCES, ENOSPC, ENOMEM."""
    credentials = task.credentials

    def check(found: Segment) -> None:
        if size > found.size:
            raise LinuxError(errno.EINVAL)
        if flags & 0o777:
            found.check(credentials, flags >> 6 | flags >> 3 | flags)

    def make() -> Segment:
        if not 1 <= size <= abi.SHMMAX:
            raise LinuxError(errno.EINVAL)
        if flags & abi.SHM_HUGETLB or size > _MAX_SIZE:
            raise LinuxError(errno.ENOMEM)
        return Segment(key, flags, credentials, size, task.process.pid)

    return segments.find_or_make(key, flags, check, make).id


@syscall(stub.SHMAT, name="attach_segment")
def attach_segment(task: Task, identifier: Int, address: Address, flags: Int) -> int:
    """The first half of shmat(2), asked by the stub: a real descriptor to map, and above bit 16 how many pages.

    Raises: EINVAL, EACCES, ENOMEM, ENFILE.
    """
    if address & _PAGE - 1 and not flags & abi.SHM_RND:
        raise LinuxError(errno.EINVAL)
    if address < _PAGE and flags & abi.SHM_REMAP:
        raise LinuxError(errno.EINVAL)
    segment = segments.get(identifier)
    wanted = 0o444 if flags & abi.SHM_RDONLY else 0o666
    segment.check(task.credentials, wanted | (0o111 if flags & abi.SHM_EXEC else 0))
    host = segment.file.content.mappable(not flags & abi.SHM_RDONLY)
    task.kernel.note_mapping(task, host, segment.file)
    number = task.kernel.platform.install(task.call, host)
    if number < 0:
        raise LinuxError(-number)
    if number > _MAX_FD:
        raise LinuxError(errno.ENFILE)
    return segment.pages << 16 | number


@syscall(stub.ATTACHED, name="segment_attached")
def segment_attached(task: Task, identifier: Int, address: Address) -> int:
    """The second half of shmat(2): where the stub has mapped it. Raises: EINVAL, ENOMEM."""
    shared_memory.attach(task.process, segments.get(identifier), address)
    return 0


@syscall(stub.SHMDT, name="detach_segment")
def detach_segment(task: Task, address: Address) -> int:
    """shmdt(2), asked by the stub: how many bytes to unmap. Raises: EINVAL."""
    return shared_memory.detach(task.process, address).pages * _PAGE


@syscall(31)
def shmctl(task: Task, identifier: Int, command: Int, argument: ULong) -> int:
    """shmctl(2). Raises: EINVAL, EACCES, EPERM, EFAULT."""
    command &= ~abi.IPC_64
    if identifier < 0:
        raise LinuxError(errno.EINVAL)
    if command == abi.IPC_INFO:
        task.memory.pack(abi.SHMINFO, argument, abi.SHMMAX, 1, abi.SHMMNI, abi.SHMMNI, abi.SHMMAX)
        return segments.highest_index
    if command == abi.SHM_INFO:
        total = sum(found.pages for found in segments.all())
        resident = sum(found.file.content.blocks for found in segments.all()) // 8
        task.memory.pack(abi.SHM_INFO_STATE, argument, len(segments), total, resident, 0, 0, 0)
        return segments.highest_index
    by_index = command in (abi.SHM_STAT, abi.SHM_STAT_ANY)
    segment = segments.at(identifier) if by_index else segments.get(identifier)
    credentials = task.credentials
    if by_index or command == abi.IPC_STAT:
        if command != abi.SHM_STAT_ANY:
            segment.check(credentials, 0o444)
        task.memory.write(argument, segment.permissions() + _status(segment))
        return segment.id if by_index else 0
    if command in (abi.SHM_LOCK, abi.SHM_UNLOCK):
        if not credentials.has(CAP_IPC_LOCK):
            if credentials.euid not in (segment.uid, segment.creator_uid):
                raise LinuxError(errno.EPERM)
            if command == abi.SHM_LOCK and not task.process.limits[8][0]:  # RLIMIT_MEMLOCK
                raise LinuxError(errno.EPERM)
        segment.mode = segment.mode & ~abi.SHM_LOCKED | (abi.SHM_LOCKED if command == abi.SHM_LOCK else 0)
        return 0
    if command not in (abi.IPC_SET, abi.IPC_RMID):
        raise LinuxError(errno.EINVAL)
    segment.check_owner(credentials)
    if command == abi.IPC_RMID:
        shared_memory.remove(segment)
        return 0
    _, segment.uid, segment.gid, _, _, mode, _ = task.memory.unpack(abi.PERMISSIONS, argument)
    segment.mode = segment.mode & ~0o777 | mode & 0o777
    segment.changed = int(time.time())
    return 0


def _status(segment: Segment) -> bytes:
    return abi.SHMID.pack(
        segment.size, segment.attach_time, segment.detach_time, segment.changed, segment.creator, segment.last,
        segment.attached,
    )  # fmt: skip
