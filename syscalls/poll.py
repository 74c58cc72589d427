# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""poll, ppoll, select, pselect6, over one core: poll_files().

The signal masks of ppoll and pselect6 are applied by the stub, which makes the very same call inside of them: they are
ignored here. A wait that is broken off ends with -ERESTARTNOHAND: EINTR if a handler ran, else the host's kernel makes
the call again. The calls that write the remaining time back are then right by themselves; poll, which does not, keeps
its deadline in task.restart_deadline.
Source: fs/select.c, poll(2), select(2); compared with native runs.
"""

from __future__ import annotations

import errno
import resource
import struct

from sentry.abi.errors import Interrupted, LinuxError
from sentry.abi.poll import (
    POLL_EX_SET,
    POLL_IN_SET,
    POLL_OUT_SET,
    POLLERR,
    POLLFD,
    POLLHUP,
    POLLNVAL,
    TIMESPEC,
    TIMEVAL,
)
from sentry.kernel.blocking import wait_for
from sentry.vfs.file import NEVER
from syscalls.deadlines import FOREVER, restartable
from syscalls.table import Address, Int, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile

_SECOND = 1_000_000_000


async def poll_files(task: Task, wanted: Sequence[tuple[OpenFile | None, int]], deadline: int | None) -> list[int]:
    """Waits until a file has one of the events wanted of it, or until deadline (CLOCK_MONOTONIC ns; 0: do not wait;
    None: for ever). The answer has what is true of each file then; None as a file is never ready.

    Raises: Interrupted(no_hand).
    """
    found = [file.poll() & mask if file is not None else 0 for file, mask in wanted]
    if deadline == 0 or any(found):
        return found
    held = [file.acquire() for file, _ in wanted if file is not None]
    try:
        queues = {file.queue for file in held if file.queue is not NEVER}
        while True:
            if await wait_for(*queues, deadline=deadline, no_hand=True) != 1:
                return [file.poll() & mask if file is not None else 0 for file, mask in wanted]
            found = [file.poll() & mask if file is not None else 0 for file, mask in wanted]
            if any(found):
                return found
    finally:
        for file in held:
            file.drop()


def absolute(task: Task, timeout: int | None) -> int | None:
    """The deadline of a wait of timeout ns, as poll_files takes it."""
    if timeout is None:
        return None
    return min(task.kernel.now() + timeout, FOREVER) if timeout > 0 else 0


def _lookup(task: Task, fd: int) -> OpenFile | None:
    """The file to poll, or None for a descriptor that is closed or O_PATH."""
    try:
        return task.files.opened(fd)
    except LinuxError:
        return None


async def _poll(task: Task, fds: int, nfds: int, deadline: int | None) -> int:
    if nfds > task.process.limits[resource.RLIMIT_NOFILE][0]:
        raise LinuxError(errno.EINVAL)
    memory = task.memory
    block = memory.read(fds, nfds * 8) if nfds else b""
    wanted: list[tuple[OpenFile | None, int]] = []
    invalid: list[int] = []
    old: list[int] = []
    for index, (fd, events, revents) in enumerate(POLLFD.iter_unpack(block)):
        file = None
        if fd >= 0:
            file = _lookup(task, fd)
            if file is None:
                invalid.append(index)
        old.append(revents)
        wanted.append((file, events & 0xFFFF | POLLERR | POLLHUP))
    if invalid:
        deadline = 0
    found = await poll_files(task, wanted, deadline)
    for index in invalid:
        found[index] = POLLNVAL
    changed = [index for index, (was, now) in enumerate(zip(old, found, strict=True)) if was != now]
    if len(changed) <= 4:
        for index in changed:
            memory.write(fds + index * 8 + 6, struct.pack("<H", found[index]))
    else:
        # In one piece: fd and events of each are written as they were read.
        memory.write(fds, b"".join([block[i * 8 : i * 8 + 6] + struct.pack("<H", now) for i, now in enumerate(found)]))
    return len(found) - found.count(0)


@syscall(7)
async def poll(task: Task, fds: Address, nfds: UInt, timeout: Int) -> int:
    """poll(2): how many descriptors have events. timeout in ms, negative: for ever.

    Raises: EFAULT, EINVAL (nfds over RLIMIT_NOFILE); Interrupted.
    """
    if timeout <= 0:
        deadline = None if timeout else 0
    else:
        deadline = restartable(task, timeout * 1_000_000)
    try:
        result = await _poll(task, fds, nfds, deadline)
    except LinuxError:
        task.restart_deadline = None
        raise
    if timeout > 0:
        task.restart_deadline = None
    return result


def _timespec(task: Task, address: int) -> int | None:
    """ns of a timespec argument; None for a null pointer. Raises: EFAULT, EINVAL."""
    if not address:
        return None
    seconds, nanoseconds = task.memory.unpack(TIMESPEC, address)
    if seconds < 0 or not 0 <= nanoseconds < _SECOND:
        raise LinuxError(errno.EINVAL)
    return min(seconds * _SECOND + nanoseconds, FOREVER)


def _write_remaining(task: Task, address: int, deadline: int | None, unit: int) -> bool:
    """Writes back what is left of a time-out as (s, unit ns). False where the memory is read-only, which is no error:
    the call then only must not be restarted."""
    if not address or deadline is None:
        return True
    left = max(0, deadline - task.kernel.now()) if deadline else 0
    try:
        task.memory.pack(TIMESPEC, address, left // _SECOND, left % _SECOND // unit)
    except LinuxError:
        return False
    return True


@syscall(271)
async def ppoll(task: Task, fds: Address, nfds: UInt, timeout: Address, mask: Address, size: UInt) -> int:
    """ppoll(2): as poll, timeout a timespec which gets what is left of it.

    Raises: EFAULT, EINVAL; Interrupted.
    """
    deadline = absolute(task, _timespec(task, timeout))
    try:
        result = await _poll(task, fds, nfds, deadline)
    except Interrupted:
        if not _write_remaining(task, timeout, deadline, 1):
            raise LinuxError(errno.EINTR) from None
        raise
    _write_remaining(task, timeout, deadline, 1)
    return result


def _set_size(task: Task, count: int) -> int:
    """How many descriptors select looks at: not above the size that Linux's descriptor table would have, so that the
    program's sets may be shorter than its first argument says."""
    top = task.files.highest + 1
    size = 64
    if top > size:
        size = max(256, 1 << (top - 1).bit_length())  # as alloc_fdtable of fs/file.c grows
    return min(count, size)


async def _select(task: Task, count: int, sets: tuple[int, int, int], deadline: int | None) -> int:
    if count < 0:
        raise LinuxError(errno.EINVAL)
    count = _set_size(task, count)
    size = (count + 63) // 64 * 8
    memory = task.memory
    below = (1 << count) - 1
    bits = [int.from_bytes(memory.read(address, size), "little") & below if address and size else 0 for address in sets]
    kinds = (POLL_IN_SET, POLL_OUT_SET, POLL_EX_SET)
    wanted: list[tuple[OpenFile | None, int]] = []
    numbers: list[int] = []
    left = bits[0] | bits[1] | bits[2]
    while left:
        lowest = left & -left
        left ^= lowest
        fd = lowest.bit_length() - 1
        file = _lookup(task, fd)
        if file is None:
            raise LinuxError(errno.EBADF)
        mask = 0
        for index in range(3):
            if bits[index] & lowest:
                mask |= kinds[index]
        numbers.append(fd)
        wanted.append((file, mask))
    found = await poll_files(task, wanted, deadline)
    results = [0, 0, 0]
    total = 0
    for fd, events in zip(numbers, found, strict=True):
        if events:
            bit = 1 << fd
            for index in range(3):
                if bits[index] & bit and events & kinds[index]:
                    results[index] |= bit
                    total += 1
    for address, result in zip(sets, results, strict=True):
        if address and size:
            memory.write(address, result.to_bytes(size, "little"))
    return total


async def _select_until(
    task: Task, count: int, sets: tuple[int, int, int], timeout: int | None, address: int, unit: int
) -> int:
    deadline = absolute(task, timeout)
    try:
        result = await _select(task, count, sets, deadline)
    except Interrupted:
        if not _write_remaining(task, address, deadline, unit):
            raise LinuxError(errno.EINTR) from None
        raise
    except LinuxError:
        _write_remaining(task, address, deadline, unit)
        raise
    _write_remaining(task, address, deadline, unit)
    return result


@syscall(23)
async def select(task: Task, count: Int, reads: Address, writes: Address, others: Address, timeout: Address) -> int:
    """select(2): how many bits are set in the three sets. timeout, a timeval, gets what is left of it.

    Raises: EBADF, EFAULT, EINVAL (count or timeout negative); Interrupted.
    """
    limit = None
    if timeout:
        seconds, microseconds = task.memory.unpack(TIMEVAL, timeout)
        if seconds < 0 or microseconds < 0:
            raise LinuxError(errno.EINVAL)
        limit = min(seconds * _SECOND + microseconds * 1000, FOREVER)
    return await _select_until(task, count, (reads, writes, others), limit, timeout, 1000)


@syscall(270)
async def pselect6(
    task: Task, count: Int, reads: Address, writes: Address, others: Address, timeout: Address, mask: Address
) -> int:
    """pselect(2): as select, timeout a timespec. The mask argument is the stub's.

    Raises: as select.
    """
    return await _select_until(task, count, (reads, writes, others), _timespec(task, timeout), timeout, 1)
