# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""signalfd(2), as far as it can be had while the host's kernel owns signals.

A blocked signal is pending in the host, where the sentry cannot take it out again. So a signal that the sentry itself
is about to send (kill and friends, timers) is kept here instead if the process has a signalfd for it and blocks it at
that moment; SIGCHLD, which the host raises by itself, is announced here besides. What differs from Linux: a signalfd
shows the signals of the process that made it, whoever reads; signals that were sent before the signalfd was made, or
that the host raises (SIGSEGV and the like), are not seen; a signal taken here does not show in sigpending(2), and is
sent to the process when its last signalfd is closed. Source: fs/signalfd.c.
"""

from __future__ import annotations

import errno
import os
import struct

from sentry.abi.errors import LinuxError
from sentry.abi.signals import SIGCHLD, SIGKILL, SIGSTOP
from sentry.lean import deque
from sentry.platform.stub.abi import SENT_BY_KILL, SENT_BY_TKILL
from sentry.vfs.anonymous import AnonymousFile
from sentry.vfs.file import POLLIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Process, Task

INFO_SIZE = 128
_MAX_QUEUED = 1024
_FIRST_REALTIME = 32
_SI_TIMER, _SI_TKILL, _CLD_EXITED = -2, -6, 1
_CODES = {SENT_BY_KILL: 0, SENT_BY_TKILL: _SI_TKILL}
_HEAD = struct.Struct("<iii")
_CHILD = struct.Struct("<iii4xiIi")
_OUT = struct.Struct("<IiiIIiIIIIiiQQQQ")  # struct signalfd_siginfo up to ssi_addr
NEVER_TAKEN = 1 << SIGKILL - 1 | 1 << SIGSTOP - 1


class _Mailbox:
    """The signals kept for one process."""

    __slots__ = ("files", "process", "queue")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.files: list[SignalFile] = []
        self.queue: deque[tuple[int, bytes]] = deque()

    def put(self, number: int, info: bytes) -> None:
        """Keeps a signal; of the classic ones one each, as pending signals are."""
        if number < _FIRST_REALTIME and any(number == other for other, _ in self.queue):
            return
        if len(self.queue) < _MAX_QUEUED:
            self.queue.append((number, info))
        for file in self.files:
            if file.mask >> (number - 1) & 1:
                file.queue.wake()


_mailboxes: dict[Process, _Mailbox] = {}


def _wanted(process: Process, task: Task | None, number: int) -> _Mailbox | None:
    """The mailbox for a signal that a signalfd waits for and that nobody would handle."""
    mailbox = _mailboxes.get(process)
    if mailbox is None or number <= 0 or not any(file.mask >> (number - 1) & 1 for file in mailbox.files):
        return None
    for thread in [task] if task is not None else list(process.threads.values()):
        blocked = process.kernel.host_status(thread.host_tid).get(b"SigBlk", b"0")
        if not int(blocked, 16) >> (number - 1) & 1:
            return None
    return mailbox


def take_signal(process: Process, task: Task | None, number: int, info: bytes) -> bool:
    """For Kernel.signal_hooks: keeps a signal that is about to be sent; False: send it."""
    mailbox = _wanted(process, task, number)
    if mailbox is None:
        return False
    mailbox.put(number, info)
    return True


def announce_child(parent: Process, child: Process) -> None:
    """For Kernel.child_exit_hooks: tells the parent's signalfds of the SIGCHLD that the host raised."""
    mailbox = _wanted(parent, None, SIGCHLD)
    if mailbox is not None:
        info = _CHILD.pack(SIGCHLD, 0, _CLD_EXITED, child.pid, 0, (child.exit_status or 0) >> 8)
        mailbox.put(SIGCHLD, info.ljust(INFO_SIZE, b"\0"))


def _converted(number: int, info: bytes) -> bytes:
    """A struct signalfd_siginfo of a siginfo_t."""
    _, error, code = _HEAD.unpack_from(info)
    code = _CODES.get(code, code)
    pid = uid = tid = overrun = status = value_int = 0
    pointer = user_time = system_time = 0
    if code == _SI_TIMER:
        tid, overrun, value_int, pointer = struct.unpack_from("<IIixxxx", info, 16) + struct.unpack_from("<Q", info, 24)
    else:
        pid, uid = struct.unpack_from("<II", info, 16)
        if number == SIGCHLD and code > 0:
            (status,) = struct.unpack_from("<i", info, 24)
            user_time, system_time = struct.unpack_from("<QQ", info, 32)
        elif code < 0 and code != _SI_TKILL:
            (value_int,) = struct.unpack_from("<i", info, 24)
            (pointer,) = struct.unpack_from("<Q", info, 24)
    out = _OUT.pack(
        number, error, code, pid, uid, 0, tid, 0, overrun, 0, status, value_int, pointer, user_time, system_time, 0
    )
    return out.ljust(INFO_SIZE, b"\0")


class SignalFile(AnonymousFile):
    """mask: signals wanted, bit n-1 for signal n."""

    __slots__ = ("_mailbox", "mask")
    label = b"anon_inode:[signalfd]"

    def __init__(self, process: Process, mask: int, flags: int = 0) -> None:
        super().__init__(os.O_RDWR | flags & os.O_NONBLOCK)
        self.mask = mask & ~NEVER_TAKEN
        mailbox = _mailboxes.get(process)
        if mailbox is None:
            mailbox = _mailboxes[process] = _Mailbox(process)
            kernel = process.kernel
            if take_signal not in kernel.signal_hooks:
                kernel.signal_hooks.append(take_signal)
                kernel.child_exit_hooks.append(announce_child)
        self._mailbox = mailbox
        mailbox.files.append(self)

    def set_mask(self, mask: int) -> None:
        """signalfd(2) on an existing descriptor."""
        self.mask = mask & ~NEVER_TAKEN
        self.queue.wake()

    def _matching(self) -> bool:
        return any(self.mask >> (number - 1) & 1 for number, _ in self._mailbox.queue)

    def read(self, size: int) -> bytes:
        """As many struct signalfd_siginfo as fit and there are. Raises: EINVAL (none fits), EAGAIN."""
        most = size // INFO_SIZE
        if not most:
            raise LinuxError(errno.EINVAL)
        taken: list[bytes] = []
        kept: deque[tuple[int, bytes]] = deque()
        queue = self._mailbox.queue
        while queue:
            number, info = queue.popleft()
            if len(taken) < most and self.mask >> (number - 1) & 1:
                taken.append(_converted(number, info))
            else:
                kept.append((number, info))
        self._mailbox.queue = kept
        if not taken:
            raise LinuxError(errno.EAGAIN)
        return b"".join(taken)

    def poll(self) -> int:
        return POLLIN if self._matching() else 0

    def release(self) -> None:
        mailbox = self._mailbox
        mailbox.files.remove(self)
        if mailbox.files:
            return
        del _mailboxes[mailbox.process]
        kernel = mailbox.process.kernel
        if not _mailboxes and take_signal in kernel.signal_hooks:
            kernel.signal_hooks.remove(take_signal)
            kernel.child_exit_hooks.remove(announce_child)
        # Nobody reads them any more: they become what they would have been, pending signals.
        for number, info in mailbox.queue:
            if number != SIGCHLD and mailbox.process.exit_status is None:
                kernel.send_signal(mailbox.process, number, None, info)
