# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A descriptor table (struct files_struct): small integers to open file descriptions.

It is also the owner of POSIX record locks (fcntl(2) F_SETLK), as in Linux's fs/locks.c: closing any descriptor of a
file drops the table's locks on that file.
"""

from __future__ import annotations

import errno
import os
from _heapq import heappop, heappush

from sentry.abi.errors import LinuxError
from sentry.vfs import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import ItemsView

    from sentry.vfs.file import OpenFile

_NOT_READABLE = os.O_PATH | os.O_WRONLY  # access mode 3 (ioctl only) has the O_WRONLY bit too
_O_PATH = os.O_PATH


class FdTable:
    """Descriptors of the tasks that share it (CLONE_FILES). limit: RLIMIT_NOFILE's soft value, passed by callers that
    allocate. users counts the tasks."""

    # Every free number below _next is in the heap _free (and in the set _freed, so that it is there once); a number in
    # the heap may be in use again. At or above _next numbers may be in use too, put there by place().
    __slots__ = ("_files", "_free", "_freed", "_next", "close_on_exec", "users")

    def __init__(self) -> None:
        self._files: dict[int, OpenFile] = {}
        self._free: list[int] = []
        self._freed: set[int] = set()
        self._next = 0
        self.close_on_exec: set[int] = set()
        self.users = 1

    # -- finding --
    def get(self, fd: int) -> OpenFile:
        """The description, of any kind (O_PATH too). Raises: EBADF."""
        try:
            return self._files[fd]
        except KeyError:
            raise LinuxError(errno.EBADF) from None

    def opened(self, fd: int) -> OpenFile:
        """The description of a descriptor that is no O_PATH one. Raises: EBADF."""
        file = self._files.get(fd)
        if file is None or file.flags & _O_PATH:
            raise LinuxError(errno.EBADF)
        return file

    def readable(self, fd: int) -> OpenFile:
        """The description, if it was opened for reading. Raises: EBADF."""
        file = self._files.get(fd)
        if file is None or file.flags & _NOT_READABLE:
            raise LinuxError(errno.EBADF)
        return file

    def writable(self, fd: int) -> OpenFile:
        """The description, if it was opened for writing. Raises: EBADF."""
        file = self._files.get(fd)
        # O_WRONLY (1) and O_RDWR (2) are those whose successor has bit 1.
        if file is None or not (file.flags + 1) & 2 or file.flags & _O_PATH:
            raise LinuxError(errno.EBADF)
        return file

    def __contains__(self, fd: int) -> bool:
        return fd in self._files

    def __len__(self) -> int:
        return len(self._files)

    def items(self) -> ItemsView[int, OpenFile]:
        """Descriptor and description, in no particular order; copy before you change the table."""
        return self._files.items()

    @property
    def highest(self) -> int:
        """The highest descriptor in use, -1 if there is none."""
        return max(self._files, default=-1)

    # -- adding --
    def allocate(self, file: OpenFile, limit: int, minimum: int = 0, close_on_exec: bool = False) -> int:
        """Puts file (whose reference it takes) at the lowest free number from minimum on.

        Raises: EMFILE if that is not below limit; the reference stays the caller's then.
        """
        files = self._files
        if minimum:
            fd = minimum
            while fd in files:
                fd += 1
        else:
            free = self._free
            fd = -1
            while free:
                if free[0] not in files:
                    fd = free[0]
                    break
                self._freed.discard(heappop(free))
            if fd < 0:
                fd = self._next
                while fd in files:
                    fd += 1
        if fd >= limit:
            raise LinuxError(errno.EMFILE)
        if not minimum:
            if fd >= self._next:
                self._next = fd + 1
            else:
                self._freed.discard(heappop(self._free))
        files[fd] = file
        if close_on_exec:
            self.close_on_exec.add(fd)
        else:
            self.close_on_exec.discard(fd)
        return fd

    def place(self, fd: int, file: OpenFile, close_on_exec: bool = False) -> None:
        """Puts file (whose reference it takes) at fd, as dup2(2): what was there is dropped. The caller checked fd
        against the limit."""
        old = self._files.get(fd)
        self._files[fd] = file
        if close_on_exec:
            self.close_on_exec.add(fd)
        else:
            self.close_on_exec.discard(fd)
        if old is not None:
            self._drop(old)

    # -- removing --
    def remove(self, fd: int) -> OpenFile:
        """Takes the description out of the table: its reference is the caller's to drop. Raises: EBADF."""
        try:
            file = self._files.pop(fd)
        except KeyError:
            raise LinuxError(errno.EBADF) from None
        if self.close_on_exec:
            self.close_on_exec.discard(fd)
        if fd < self._next and fd not in self._freed:
            self._freed.add(fd)
            heappush(self._free, fd)
        if locks.posix_locked:
            locks.release_posix(self, file.inode)
        return file

    def close(self, fd: int) -> None:
        """close(2). Raises: EBADF."""
        self.remove(fd).drop()

    def close_range(self, first: int, last: int) -> None:
        """Closes every descriptor from first to last, both included."""
        for fd in [fd for fd in self._files if first <= fd <= last]:
            self.remove(fd).drop()

    def close_for_exec(self) -> None:
        """What execve(2) does: closes the descriptors that are close-on-exec."""
        for fd in sorted(self.close_on_exec):
            self.close(fd)

    def close_all(self) -> None:
        """The last task of the table is gone."""
        files = list(self._files.values())
        self._files.clear()
        self.close_on_exec.clear()
        self._free.clear()
        self._freed.clear()
        self._next = 0
        for file in files:
            self._drop(file)

    def _drop(self, file: OpenFile) -> None:
        if locks.posix_locked:
            locks.release_posix(self, file.inode)
        file.drop()

    # -- fork --
    def copy(self) -> FdTable:
        """A child's table: the same descriptions, each with one reference more."""
        table = FdTable()
        table._files = self._files.copy()
        table._free = self._free.copy()
        table._freed = self._freed.copy()
        table._next = self._next
        table.close_on_exec = self.close_on_exec.copy()
        for file in table._files.values():
            file.references += 1
        return table
