# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V shared memory: the segments, and which process has attached what where.

A segment is a nameless file of tmpfs, so its bytes are a memfd and count against the sandbox's memory. The mapping
itself is made and undone by the stub; a segment ends when it was removed and nobody has it attached any more. What a
process unmaps with munmap(2) counts as attached until it ends. Source: shmop(2), shmctl(2), ipc/shm.c.
"""

from __future__ import annotations

import errno
import time

from sentry.abi import ipc as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.sysv_ipc import IpcObject, Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sentry.kernel.credentials import Credentials
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Process, Task

_ATTACHED = "shared memory"
_MAX_ATTACHED = 65530  # of a process: the usual limit of mappings


def _no_files(*_: object) -> Any:
    raise LinuxError(errno.ENOSYS)


make_file: Callable[..., Any] = _no_files
"""sentry.fs.tmpfs.make_memfd, given at boot: file systems lie above this layer."""


class Segment(IpcObject):
    """size: bytes asked for. attached: how many attachments there are. creator, last: pids."""

    __slots__ = ("attach_time", "attached", "creator", "detach_time", "file", "last", "size")

    def __init__(self, key: int, flags: int, credentials: Credentials, size: int, pid: int) -> None:
        """Raises: ENOMEM."""
        super().__init__(key, flags, credentials)
        self.size = size
        self.attached = 0
        self.creator = pid
        self.last = 0
        self.attach_time = self.detach_time = 0
        try:
            self.file = make_file(b"SYSV%08x" % (key & 0xFFFFFFFF), False, self.uid, self.gid, self.mode)
            self.file.truncate(size)
        except LinuxError:
            raise LinuxError(errno.ENOMEM) from None

    @property
    def pages(self) -> int:
        return (self.size + 4095) >> 12


segments: Registry[Segment] = Registry(abi.SHMMNI)


def attachments(process: Process) -> dict[int, Segment]:
    """What the process has attached, by address."""
    found = process.extra.get(_ATTACHED)
    if not isinstance(found, dict):
        found = process.extra[_ATTACHED] = {}
    return found


def attach(process: Process, segment: Segment, address: int) -> None:
    """The stub has mapped it. Raises: ENOMEM."""
    known = attachments(process)
    if len(known) >= _MAX_ATTACHED:
        raise LinuxError(errno.ENOMEM)
    before = known.get(address)
    if before is not None:  # SHM_REMAP
        _detached(process, before)
    known[address] = segment
    segment.attached += 1
    segment.attach_time = int(time.time())
    segment.last = process.pid


def detach(process: Process, address: int) -> Segment:
    """shmdt(2). Raises: EINVAL."""
    known = process.extra.get(_ATTACHED)
    segment: Segment | None = known.pop(address, None) if isinstance(known, dict) else None
    if segment is None:
        raise LinuxError(errno.EINVAL)
    _detached(process, segment)
    return segment


def remove(segment: Segment) -> None:
    """IPC_RMID: at once, or when the last one lets go."""
    if segment.attached:
        segment.mode |= abi.SHM_DEST
        segments.hide(segment)
    else:
        segments.remove(segment)


def _detached(process: Process, segment: Segment) -> None:
    segment.attached -= 1
    segment.detach_time = int(time.time())
    segment.last = process.pid
    if not segment.attached and segment.mode & abi.SHM_DEST and not segment.removed:
        segments.remove(segment)


def inherit(parent: Process, child: Process) -> None:
    """fork(2): the child's copy of the address space has everything attached too."""
    known = parent.extra.get(_ATTACHED)
    if isinstance(known, dict) and known:
        child.extra[_ATTACHED] = dict(known)
        for segment in known.values():
            segment.attached += 1


def leave(process: Process) -> None:
    """The address space is gone. For Kernel.exit_hooks."""
    known = process.extra.pop(_ATTACHED, None)
    if isinstance(known, dict):
        for segment in known.values():
            _detached(process, segment)


def _leave_for_exec(task: Task) -> None:
    leave(task.process)


def register(kernel: Kernel) -> None:
    """Follows the ends of address spaces; called once at start-up."""
    kernel.exit_hooks.append(leave)
    kernel.exec_hooks.append(_leave_for_exec)
