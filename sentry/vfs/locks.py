# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Advisory locks: flock(2), POSIX record locks and open file description locks (fcntl(2)).

Owns who holds what, and the waiting. Locks are keyed by inode identity: all descriptions of a file must share its
inode object. An owner is a description (flock and OFD locks, gone with its last reference) or a descriptor table (POSIX
locks, gone when any descriptor of the file is closed in it). Source: man-pages flock(2), fcntl(2); fs/locks.c.
"""

from __future__ import annotations

import errno
import fcntl
import os

from sentry.abi.errors import LinuxError
from sentry.kernel.blocking import WaitQueue, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry.vfs.fd_table import FdTable
    from sentry.vfs.file import OpenFile
    from sentry.vfs.inode import Inode

OFFSET_MAX = 2**63 - 1
MAX_LOCKS = 100_000  # record locks of the whole sandbox: they are memory of ours. More gives ENOLCK

LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB, fcntl.LOCK_UN
F_RDLCK, F_WRLCK, F_UNLCK = 0, 1, 2


class RecordLock:
    """One held range: first to last byte, both included. kind: F_RDLCK or F_WRLCK. pid: -1 for OFD locks."""

    __slots__ = ("first", "kind", "last", "owner", "pid")

    def __init__(self, owner: FdTable | OpenFile, kind: int, first: int, last: int, pid: int) -> None:
        self.owner = owner
        self.kind = kind
        self.first = first
        self.last = last
        self.pid = pid

    @property
    def length(self) -> int:
        """l_len: 0 for "to the end of the file"."""
        return 0 if self.last == OFFSET_MAX else self.last - self.first + 1


class _InodeLocks:
    __slots__ = ("flocks", "queue", "records")

    def __init__(self) -> None:
        self.flocks: dict[OpenFile, int] = {}
        self.records: list[RecordLock] = []
        self.queue = WaitQueue()


_locks: dict[Inode, _InodeLocks] = {}

posix_locked: set[Inode] = set()
"""The inodes with POSIX record locks: tested at every close, so usually empty."""

locked_files: set[OpenFile] = set()
"""The descriptions that hold flock or OFD locks: tested at every last drop."""

# For EDEADLK: which table waits for which.
_waiting: dict[object, object] = {}
_count = 0


def _of(inode: Inode) -> _InodeLocks:
    locks = _locks.get(inode)
    if locks is None:
        locks = _locks[inode] = _InodeLocks()
    return locks


def _changed(inode: Inode, locks: _InodeLocks) -> None:
    """Something was given back: those who wait try again."""
    locks.queue.wake()
    if not locks.flocks and not locks.records and not locks.queue:
        _locks.pop(inode, None)


# -- flock --
async def flock(file: OpenFile, operation: int) -> int:
    """flock(2) on a description: 0.

    Raises: EINVAL, EWOULDBLOCK (LOCK_NB); Interrupted while it waits.
    """
    kind = operation & ~LOCK_NB
    if kind not in (LOCK_SH, LOCK_EX, LOCK_UN):
        raise LinuxError(errno.EINVAL)
    inode = file.inode
    locks = _of(inode)
    held = locks.flocks.get(file)
    if kind == LOCK_UN or (held is not None and held != kind):
        # A conversion first gives up the old lock (flock(2), "not atomic").
        _release_flock(file, inode, locks)
    if kind == LOCK_UN or held == kind:
        _tidy(inode)
        return 0
    while True:
        locks = _of(inode)
        if not any(kind == LOCK_EX or other == LOCK_EX for holder, other in locks.flocks.items() if holder is not file):
            locks.flocks[file] = kind
            locked_files.add(file)
            return 0
        if operation & LOCK_NB:
            raise LinuxError(errno.EWOULDBLOCK)
        try:
            await wait_for(locks.queue)
        finally:
            _tidy(inode)


def _tidy(inode: Inode) -> None:
    locks = _locks.get(inode)
    if locks is not None and not locks.flocks and not locks.records and not locks.queue:
        del _locks[inode]


def _release_flock(file: OpenFile, inode: Inode, locks: _InodeLocks) -> None:
    if locks.flocks.pop(file, None) is not None:
        if not any(record.owner is file for record in locks.records):
            locked_files.discard(file)
        _changed(inode, locks)


# -- record locks --
def lock_range(file: OpenFile, whence: int, start: int, length: int) -> tuple[int, int]:
    """The first and last byte of a struct flock's fields (flock_to_posix_lock). Raises: EINVAL, EOVERFLOW."""
    if whence == os.SEEK_CUR:
        start += file.offset
    elif whence == os.SEEK_END:
        start += file.attributes().size
    elif whence != os.SEEK_SET:
        raise LinuxError(errno.EINVAL)
    if start > OFFSET_MAX:
        raise LinuxError(errno.EOVERFLOW)
    if start < 0:
        raise LinuxError(errno.EINVAL)
    if length > 0:
        last = start + length - 1
        if last > OFFSET_MAX:
            raise LinuxError(errno.EOVERFLOW)
        return start, last
    if length < 0:
        if start + length < 0:
            raise LinuxError(errno.EINVAL)
        return start + length, start - 1
    return start, OFFSET_MAX


def conflict(inode: Inode, owner: FdTable | OpenFile, kind: int, first: int, last: int) -> RecordLock | None:
    """A lock of somebody else that stands in the way (F_GETLK), or None."""
    locks = _locks.get(inode)
    if locks is not None:
        for record in locks.records:
            if (
                record.first <= last
                and record.last >= first
                and (kind == F_WRLCK or record.kind == F_WRLCK)
                and record.owner is not owner
            ):
                return record
    return None


async def set_record(
    inode: Inode, owner: FdTable | OpenFile, kind: int, first: int, last: int, pid: int, wait: bool
) -> int:
    """F_SETLK, F_SETLKW (wait) of a POSIX lock (owner: the table, pid: the process) or an OFD lock (owner: the
    description, pid -1): 0. The caller checked the access mode.

    Raises: EAGAIN (not wait), EDEADLK, ENOLCK; Interrupted while it waits.
    """
    if kind == F_UNLCK:
        locks = _locks.get(inode)
        if locks is not None:
            _cut(inode, locks, owner, kind, first, last, pid)
        return 0
    while True:
        blocker = conflict(inode, owner, kind, first, last)
        if blocker is None:
            _cut(inode, _of(inode), owner, kind, first, last, pid)
            return 0
        if not wait:
            raise LinuxError(errno.EAGAIN)
        if pid != -1:
            if _would_deadlock(owner, blocker.owner):
                raise LinuxError(errno.EDEADLK)
            _waiting[owner] = blocker.owner
        try:
            await wait_for(_of(inode).queue)
        finally:
            _waiting.pop(owner, None)
            _tidy(inode)


def _would_deadlock(owner: object, blocker: object) -> bool:
    for _ in range(10):  # MAX_DEADLK_ITERATIONS of fs/locks.c
        if blocker is owner:
            return True
        following = _waiting.get(blocker)
        if following is None:
            return False
        blocker = following
    return False


def _cut(
    inode: Inode, locks: _InodeLocks, owner: FdTable | OpenFile, kind: int, first: int, last: int, pid: int
) -> None:
    """Sets owner's lock in the range to kind: splits what sticks out, merges with neighbours of the same kind."""
    global _count
    kept: list[RecordLock] = []
    start, end = first, last
    gave_up = False
    for record in locks.records:
        if record.owner is not owner or record.last < first - 1 or record.first > last + 1:
            kept.append(record)
        elif record.kind == kind:
            start = min(start, record.first)
            end = max(end, record.last)
        elif record.last < first or record.first > last:
            kept.append(record)  # a neighbour of another kind
        else:
            gave_up = True
            if record.first < first:
                kept.append(RecordLock(owner, record.kind, record.first, first - 1, record.pid))
            if record.last > last:
                kept.append(RecordLock(owner, record.kind, last + 1, record.last, record.pid))
    if kind != F_UNLCK:
        kept.append(RecordLock(owner, kind, start, end, pid))
    grown = len(kept) - len(locks.records)
    if grown > 0 and _count + grown > MAX_LOCKS:
        raise LinuxError(errno.ENOLCK)
    _count += grown
    kept.sort(key=lambda record: record.first)
    locks.records = kept
    _note_owners(inode, locks, owner, pid)
    if gave_up:
        _changed(inode, locks)


def _note_owners(inode: Inode, locks: _InodeLocks, owner: FdTable | OpenFile, pid: int) -> None:
    if any(record.pid != -1 for record in locks.records):
        posix_locked.add(inode)
    else:
        posix_locked.discard(inode)
    if pid == -1:
        file: OpenFile = owner  # type: ignore[assignment] # OFD locks are owned by descriptions
        if file in locks.flocks or any(record.owner is owner for record in locks.records):
            locked_files.add(file)
        else:
            locked_files.discard(file)


def release_posix(table: FdTable, inode: Inode) -> None:
    """A descriptor of inode was closed in table: its POSIX locks there are gone."""
    if inode in posix_locked:
        _drop_owner(inode, table)


def release_file(file: OpenFile) -> None:
    """The last reference to a description with locks is gone."""
    locked_files.discard(file)
    inode = file.inode
    locks = _locks.get(inode)
    if locks is not None:
        locks.flocks.pop(file, None)
        _drop_owner(inode, file)
        _changed(inode, locks)


def _drop_owner(inode: Inode, owner: object) -> None:
    global _count
    locks = _locks.get(inode)
    if locks is None:
        return
    kept = [record for record in locks.records if record.owner is not owner]
    if len(kept) != len(locks.records):
        _count -= len(locks.records) - len(kept)
        locks.records = kept
        if not any(record.pid != -1 for record in kept):
            posix_locked.discard(inode)
        _changed(inode, locks)


def held() -> Iterator[tuple[Inode, str, int, int, int, int]]:
    """Every lock, for /proc/locks: inode, "POSIX", "OFDLCK" or "FLOCK", kind (F_*), pid, first and last byte."""
    for inode, locks in list(_locks.items()):
        for record in locks.records:
            word = "OFDLCK" if record.pid == -1 else "POSIX"
            yield inode, word, record.kind, record.pid, record.first, record.last
        for operation in locks.flocks.values():
            yield inode, "FLOCK", F_WRLCK if operation == LOCK_EX else F_RDLCK, -1, 0, OFFSET_MAX
