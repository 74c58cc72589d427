# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""devpts: the tree of pseudo-terminals, one file a terminal, and ptmx, whose opening makes a new one.

Each mount is an instance of its own. A ptmx node elsewhere (/dev/ptmx) belongs, on Linux, to the instance mounted at
"pts" beside it; here to the last one that was mounted. Source: pts(4), fs/devpts/inode.c.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.fs import tty
from sentry.fs.synthetic import DynamicDirectory, SyntheticFilesystem, SyntheticInode
from sentry.vfs import special
from sentry.vfs.anonymous import install
from sentry.vfs.attributes import AttributeChange, DirectoryEntry
from sentry.vfs.path import Dentry, Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.file import OpenFile
    from sentry.vfs.inode import Inode

DEVPTS_SUPER_MAGIC = 0x1CD1
MAX_TERMINALS = 4096  # kernel.pty.max

_instances: list[DevptsFilesystem] = []


class DevptsFilesystem(SyntheticFilesystem):
    """An instance. data: mount options (mode, ptmxmode, gid, uid, max)."""

    def __init__(self, dev: int, kernel: Kernel, data: Mapping[str, str] | None = None) -> None:
        super().__init__(dev, b"devpts", DEVPTS_SUPER_MAGIC)
        self.cached = False
        self.kernel = kernel
        options = data or {}
        try:
            self.mode = int(options.get("mode", "600"), 8) & 0o777
            ptmx_mode = int(options.get("ptmxmode", "666"), 8) & 0o777
            self.uid = int(options["uid"]) if "uid" in options else None
            self.gid = int(options["gid"]) if "gid" in options else None
            self.maximum = min(int(options.get("max", MAX_TERMINALS)), MAX_TERMINALS)
        except ValueError:
            raise LinuxError(errno.EINVAL) from None
        gid = b"gid=%d," % self.gid if self.gid is not None else b""
        self.options = gid + b"mode=%o,ptmxmode=%o" % (self.mode, ptmx_mode)
        self.terminals: dict[int, tty.Terminal] = {}
        self.host_terminals: dict[int, Inode] = {}  # inherited from the host, shown under their own numbers
        root = DevptsRoot(self)
        self.root = root
        number = os.makedev(tty.TTY_MAJOR, tty.PTMX_MINOR)
        root.children[b"ptmx"] = DeviceInode(self, stat.S_IFCHR | ptmx_mode, number, ino=2)
        _instances.append(self)

    def open_master(self, task: Task, inode: Inode, flags: int, path: Path | None) -> tty.MasterFile:
        """A new terminal. Raises: ENOSPC."""
        taken = self.terminals.keys() | self.host_terminals.keys()
        index = next(number for number in range(len(taken) + 1) if number not in taken)
        if index >= self.maximum:
            raise LinuxError(errno.ENOSPC)
        terminal = tty.Terminal(self.kernel, index)
        credentials = task.credentials
        terminal.inode = DeviceInode(
            self,
            stat.S_IFCHR | self.mode,
            terminal.device_number,
            ino=index + 3,
            uid=credentials.fsuid if self.uid is None else self.uid,
            gid=credentials.fsgid if self.gid is None else self.gid,
        )
        self.terminals[index] = terminal

        def open_peer(opener: Task, peer_flags: int) -> int:
            return self._open_peer(opener, terminal, peer_flags)

        return tty.MasterFile(flags, inode, path, terminal, self._closed, open_peer)

    def _closed(self, index: int) -> None:
        del self.terminals[index]

    def _open_peer(self, task: Task, terminal: tty.Terminal, flags: int) -> int:
        """TIOCGPTPEER: a descriptor of the slave end. Raises: EIO, EMFILE."""
        inode = terminal.inode
        assert inode is not None
        path = None
        for mount in self.kernel.mounts.mounts.values():
            if mount.filesystem is self:
                path = Path(mount, Dentry(b"%d" % terminal.index, mount.root, inode))
        kept = flags & (os.O_ACCMODE | os.O_NONBLOCK | os.O_NOCTTY)
        return install(task, tty.open_slave(task, terminal, inode, kept, path), flags)


class DeviceInode(SyntheticInode):
    """A character device of an instance. Whoever owns it may change its mode and owner."""

    __slots__ = ("changed", "rdev")

    def __init__(
        self, filesystem: SyntheticFilesystem, mode: int, rdev: int, *, ino: int, uid: int = 0, gid: int = 0
    ) -> None:
        super().__init__(filesystem, mode, ino=ino, uid=uid, gid=gid)
        self.rdev = rdev
        self.changed: tuple[int, int] | None = None  # atime and mtime that were set

    def attributes(self) -> Attributes:
        found = super().attributes()
        found.rdev = self.rdev
        found.blksize = 1024
        if self.changed is not None:
            found.atime, found.mtime = self.changed
        return found

    def set_attributes(self, change: AttributeChange) -> None:
        if change.mode is not None:
            self.mode = stat.S_IFMT(self.mode) | change.mode
        if change.uid is not None:
            self.uid = change.uid
        if change.gid is not None:
            self.gid = change.gid
        if change.atime is not None or change.mtime is not None:
            now = self.attributes()
            self.changed = (
                now.atime if change.atime is None else change.atime,
                now.mtime if change.mtime is None else change.mtime,
            )


class DevptsRoot(DynamicDirectory):
    """The root: ptmx and the terminals."""

    __slots__ = ()

    def __init__(self, filesystem: DevptsFilesystem) -> None:
        super().__init__(filesystem, None, 0o755, ino=1)

    @property
    def _instance(self) -> DevptsFilesystem:
        filesystem = self.filesystem
        assert isinstance(filesystem, DevptsFilesystem)
        return filesystem

    def find(self, name: bytes) -> Inode | None:
        if not name.isdigit() or (name[:1] == b"0" and name != b"0") or len(name) > 9:
            return None
        index = int(name)
        terminal = self._instance.terminals.get(index)
        return terminal.inode if terminal is not None else self._instance.host_terminals.get(index)

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        kind = stat.S_IFCHR >> 12
        instance = self._instance
        indexes = sorted(instance.terminals.keys() | instance.host_terminals.keys())
        return [DirectoryEntry(b"%d" % index, index + 3, kind) for index in indexes]


def _open_ptmx(task: Task, inode: Inode, flags: int, path: Path) -> OpenFile:
    """Raises: ENODEV (no devpts is mounted), ENOSPC."""
    filesystem = inode.filesystem
    if not isinstance(filesystem, DevptsFilesystem):
        if not _instances:
            raise LinuxError(errno.ENODEV)
        filesystem = _instances[-1]
    return filesystem.open_master(task, inode, flags, path)


def _open_pts(task: Task, inode: Inode, flags: int, path: Path) -> OpenFile:
    """Raises: ENXIO (a node that is none of an instance's), EIO."""
    filesystem = inode.filesystem
    if isinstance(filesystem, DevptsFilesystem):
        for terminal in filesystem.terminals.values():
            if terminal.inode is inode:
                return tty.open_slave(task, terminal, inode, flags, path)
        raise LinuxError(errno.EIO)
    raise LinuxError(errno.ENXIO)


def show_host_terminal(terminal: tty.HostTerminal, inode: Inode) -> None:
    """Shows an inherited terminal (inode: of one of its descriptors) in /dev/pts: so it has a name in the guest."""
    terminal.inode = inode
    index = os.minor(terminal.device_number)
    if _instances and os.major(terminal.device_number) == tty.PTS_MAJOR and index not in _instances[-1].terminals:
        _instances[-1].host_terminals[index] = inode
        terminal.shown_as = b"/dev/pts/%d" % index


def register(kernel: Kernel) -> None:
    """Makes the device nodes of terminals work; called once at start-up."""
    tty.register(kernel)
    special.register_character(tty.TTY_MAJOR, tty.PTMX_MINOR, _open_ptmx)
    special.register_character(tty.PTS_MAJOR, None, _open_pts)
