# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The proc file system: its root. What is in a process's directory is proc_process.py's, about the machine
proc_system.py's, settings proc_sys.py's, networks proc_net.py's.

Only the sandbox's own processes are here. Source: man-pages proc(5), fs/proc/root.c.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi import system as abi
from sentry.abi.errors import LinuxError
from sentry.fs import proc_system
from sentry.fs.proc_process import process_directory, process_ino, zombie_process, zombies
from sentry.fs.synthetic import (
    DynamicDirectory,
    Render,
    SyntheticDirectory,
    SyntheticFile,
    SyntheticFilesystem,
    SyntheticInode,
    SyntheticLink,
    constant,
)
from sentry.vfs.attributes import DirectoryEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.inode import Inode

PROC_SUPER_MAGIC = 0x9FA0

_COMMAND_LINE = b"quiet\n"

_FILES: dict[bytes, Render | bytes] = {
    b"cgroups": b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n",
    b"cmdline": _COMMAND_LINE,
    b"consoles": b"",
    b"cpuinfo": proc_system.cpuinfo,
    b"devices": proc_system.DEVICES,
    b"diskstats": b"",
    b"execdomains": b"0-0\tLinux           \t[kernel]\n",
    b"filesystems": proc_system.FILESYSTEMS,
    b"interrupts": proc_system.interrupts,
    b"loadavg": proc_system.loadavg,
    b"locks": b"",
    b"meminfo": proc_system.meminfo,
    b"misc": b"",
    b"modules": b"",
    b"partitions": b"major minor  #blocks  name\n\n",
    b"stat": proc_system.stat,
    b"swaps": b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    b"uptime": proc_system.uptime,
    b"version": abi.BANNER,
    b"vmstat": proc_system.vmstat,
}


class ProcFilesystem(SyntheticFilesystem):
    """A proc mount. All instances of a sandbox show the same; sys and net are made when first looked at."""

    def __init__(self, dev: int, kernel: Kernel) -> None:
        super().__init__(dev, b"proc", PROC_SUPER_MAGIC)
        self.kernel = kernel
        self.cached = False
        self._net: SyntheticDirectory | None = None
        self._sys: SyntheticDirectory | None = None
        self.root = ProcRoot(self)

    @property
    def net(self) -> SyntheticDirectory:
        """/proc/PID/net, the same for every process."""
        if self._net is None:
            from sentry.fs import proc_net

            self._net = proc_net.build(self)
        return self._net

    @property
    def sys(self) -> SyntheticDirectory:
        """/proc/sys."""
        if self._sys is None:
            from sentry.fs import proc_sys

            self._sys = proc_sys.build(self, self.kernel)
        return self._sys


def _sysvipc(filesystem: ProcFilesystem) -> SyntheticDirectory:
    directory = SyntheticDirectory(filesystem)
    directory.add(b"msg", SyntheticFile(filesystem, proc_system.messages))
    directory.add(b"sem", SyntheticFile(filesystem, proc_system.semaphores))
    directory.add(b"shm", SyntheticFile(filesystem, proc_system.shared_memory))
    return directory


def _terminals(filesystem: ProcFilesystem) -> SyntheticDirectory:
    directory = SyntheticDirectory(filesystem)
    drivers = (
        b"/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
        b"/dev/ptmx            /dev/ptmx       5       2 system\n"
        b"pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
        b"pty_master           /dev/ptm      128 0-1048575 pty:master\n"
    )
    directory.add(b"drivers", constant(filesystem, drivers))
    directory.add(b"ldiscs", constant(filesystem, b"n_tty       0\n"))
    return directory


def _self(task: Task) -> bytes:
    return b"%d" % task.process.pid


def _thread_self(task: Task) -> bytes:
    return b"%d/task/%d" % (task.process.pid, task.tid)


class ProcRoot(DynamicDirectory):
    """The root: fixed names, and a directory for each process."""

    __slots__ = ("_makers", "kernel")

    def __init__(self, filesystem: ProcFilesystem) -> None:
        super().__init__(filesystem, None, 0o555)
        self.kernel = filesystem.kernel
        self._makers: dict[bytes, tuple[int, int, Callable[[int], Inode]]] = {}
        regular, directory, link = stat.S_IFREG >> 12, stat.S_IFDIR >> 12, stat.S_IFLNK >> 12
        for name, content in _FILES.items():
            self._add(name, regular, self._file_maker(content))
        self._add(b"mounts", link, lambda ino: SyntheticLink(filesystem, b"self/mounts", ino=ino))
        self._add(b"net", link, lambda ino: SyntheticLink(filesystem, b"self/net", ino=ino))
        self._add(b"self", link, lambda ino: SyntheticLink(filesystem, _self, ino=ino))
        self._add(b"thread-self", link, lambda ino: SyntheticLink(filesystem, _thread_self, ino=ino))
        self._add(b"sys", directory, lambda ino: filesystem.sys)
        self._add(b"sysvipc", directory, lambda ino: self._keep(b"sysvipc", _sysvipc(filesystem)))
        self._add(b"tty", directory, lambda ino: self._keep(b"tty", _terminals(filesystem)))

    def _add(self, name: bytes, kind: int, make: Callable[[int], Inode]) -> None:
        filesystem = self.filesystem
        assert isinstance(filesystem, ProcFilesystem)
        self._makers[name] = filesystem.next_ino(), kind, make

    def _keep(self, name: bytes, directory: SyntheticDirectory) -> SyntheticDirectory:
        ino, kind, _ = self._makers[name]
        self._makers[name] = ino, kind, lambda number: directory
        return directory

    def _file_maker(self, content: Render | bytes) -> Callable[[int], SyntheticInode]:
        filesystem = self.filesystem
        assert isinstance(filesystem, ProcFilesystem)

        def text(task: Task) -> bytes:
            return content if isinstance(content, bytes) else content(task)

        return lambda ino: SyntheticFile(filesystem, text, ino=ino)

    def attributes(self) -> Attributes:
        found = super().attributes()
        found.nlink = 2 + len(self.kernel.processes)
        return found

    def find(self, name: bytes) -> Inode | None:
        maker = self._makers.get(name)
        if maker is not None:
            return maker[2](maker[0])
        if name.isdigit() and len(name) <= 10 and (name[:1] != b"0" or name == b"0"):
            number = int(name)
            process = self.kernel.processes.get(number)
            if process is None:
                process = zombie_process(self.kernel, number)
            if process is None:
                # A thread's number opens its process's directory, though it is not listed.
                thread = self.kernel.tasks.get(number)
                process = thread.process if thread is not None else None
            if process is not None:
                filesystem = self.filesystem
                assert isinstance(filesystem, ProcFilesystem)
                return process_directory(filesystem, process)
        return None

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        directory = stat.S_IFDIR >> 12
        names = [DirectoryEntry(name, ino, kind) for name, (ino, kind, _) in self._makers.items()]
        pids = sorted([*self.kernel.processes, *zombies(self.kernel)])
        names += [DirectoryEntry(b"%d" % pid, process_ino(pid), directory) for pid in pids]
        return names

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        raise LinuxError(errno.ENOENT)
