# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Opening what is not a regular file or directory: FIFOs and device nodes, whatever file system they lie on.

Owns the registry from device numbers to their drivers. A device node is a number only: where no driver of ours is
registered for it, opening gives ENXIO, so no node of a host's tree reaches a host's device. The drivers register at
start-up (sentry/fs/devices.py, tty, pipes; called by sentry/boot.py), since vfs may not import file systems.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias

    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

Driver: TypeAlias = "Callable[[Task, Inode, int, Path], OpenFile]"
"""driver(task, inode, flags, path): a new description of a character device; O_* flags as in Inode.open()."""

FifoOpener: TypeAlias = "Callable[[Inode, int, Path], Coroutine[Any, Any, OpenFile]]"
"""Opens a FIFO; a coroutine, since it may wait for the other end."""

_character: dict[int, Driver] = {}
_majors: dict[int, Driver] = {}
_fifo: list[FifoOpener] = []


def register_character(major: int, minor: int | None, driver: Driver) -> None:
    """Sets the driver of a character device; minor None: of all minors that have none of their own."""
    if minor is None:
        _majors[major] = driver
    else:
        _character[os.makedev(major, minor)] = driver


def register_fifo(opener: FifoOpener) -> None:
    """Sets what opens FIFOs (sentry/fs/pipes.py)."""
    _fifo[:] = [opener]


def open_special(task: Task, path: Path, flags: int) -> OpenFile | Coroutine[Any, Any, OpenFile]:
    """Opens a FIFO (a coroutine), a device or a socket at path; the caller checked permissions.

    Raises: ENXIO (no such driver, or a socket), and what the driver raises.
    """
    kind = path.dentry.kind
    inode = path.inode
    if inode.filesystem.opens_special:
        return inode.open(flags, path, task)
    if kind == stat.S_IFIFO and _fifo:
        return _fifo[0](inode, flags, path)
    if kind == stat.S_IFCHR:
        rdev = inode.attributes().rdev
        driver = _character.get(rdev) or _majors.get(os.major(rdev))
        if driver is not None:
            return driver(task, inode, flags, path)
    raise LinuxError(errno.ENXIO)
