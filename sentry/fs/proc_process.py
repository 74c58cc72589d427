# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""/proc/PID and /proc/PID/task/TID.

Owns the directories of processes and threads and what may be looked at by whom; the texts of the single files are in
proc_text.py and proc_maps.py. Everything is made when it is looked at: nothing here outlives its process but an open
file, whose reads give ESRCH. Source: man-pages proc(5), fs/proc/base.c.
"""

from __future__ import annotations

import errno
import stat

from sentry.abi.errors import LinuxError
from sentry.fs import proc_maps, proc_text
from sentry.fs.synthetic import DynamicDirectory, MagicLink, SyntheticFile, SyntheticInode
from sentry.kernel.credentials import CAP_AUDIT_CONTROL, CAP_SYS_PTRACE, CAP_SYS_RESOURCE
from sentry.kernel.exit import zombie as is_zombie
from sentry.kernel.task import LOGINUID, Process
from sentry.lean import fields
from sentry.vfs.attributes import DirectoryEntry
from sentry.vfs.file import OpenFile
from sentry.vfs.path import Dentry, Mount, Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import NamedTuple, TypeAlias

    from sentry.fs.proc import ProcFilesystem
    from sentry.kernel.kernel import Kernel
    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.inode import Inode

_DIRECTORY, _FILE, _LINK = stat.S_IFDIR >> 12, stat.S_IFREG >> 12, stat.S_IFLNK >> 12

# Inode numbers: process directories use 2**16 numbers each, those of threads lie above all of them.
_NO_LOGINUID = 0xFFFFFFFF
_PER_TASK = 16
_THREADS = 1 << 48
_FDS = 0x4000  # offset of fd/N, which wraps around at 0x4000 descriptors: numbers need not be unique there
_FDINFOS = 0x8000

# include/linux/proc_ns.h and the numbers that the first namespaces of a running kernel commonly get.
NAMESPACES: dict[bytes, int] = {
    b"cgroup": 4026531835,
    b"ipc": 4026531839,
    b"mnt": 4026531841,
    b"net": 4026531840,
    b"pid": 4026531836,
    b"pid_for_children": 4026531836,
    b"time": 4026531834,
    b"time_for_children": 4026531834,
    b"user": 4026531837,
    b"uts": 4026531838,
}


# -- who may look --
def may_inspect(viewer: Task, process: Process) -> bool:
    """ptrace_may_access(PTRACE_MODE_READ_FSCREDS) of kernel/ptrace.c."""
    if viewer.process is process:
        return True
    if not process.threads:
        return False
    mine, theirs = viewer.credentials, process.leader.credentials
    if mine.has(CAP_SYS_PTRACE):
        return True
    return (
        mine.fsuid == theirs.uid == theirs.euid == theirs.suid
        and mine.fsgid == theirs.gid == theirs.egid == theirs.sgid
        and process.dumpable == 1
        and not theirs.permitted & ~mine.effective
    )


def _inspector(process: Process) -> Callable[[Task], None]:
    def check(viewer: Task) -> None:
        if not may_inspect(viewer, process):
            raise LinuxError(errno.EACCES)

    return check


def alive(kernel: Kernel, process: Process) -> bool:
    """Is the process still in the guest's process table (perhaps as a zombie)?"""
    return kernel.processes.get(process.pid) is process or kernel.zombies.get(process.pid) == process.host_pid


def zombie_process(kernel: Kernel, pid: int) -> Process | None:
    """What is left of a process that has ended and was not waited for: a stand-in without threads."""
    host_pid = kernel.zombies.get(pid)
    if host_pid is None or not is_zombie(kernel, pid):
        return None
    parent = kernel.by_host.get(int(kernel.host_status(host_pid).get(b"PPid", b"0")))
    process = Process(kernel, pid, host_pid, parent.process if parent is not None else kernel.init)
    process.exit_status = 0
    return process


def zombies(kernel: Kernel) -> list[int]:
    """The guest pids of all of them."""
    return [pid for pid in list(kernel.zombies) if is_zombie(kernel, pid)]


if TYPE_CHECKING:

    class _SubjectFields(NamedTuple):
        filesystem: ProcFilesystem
        process: Process
        thread: Task | None
        base: int  # inode numbers

else:
    _SubjectFields = fields("filesystem", "process", "thread", "base")


class _Subject(_SubjectFields):
    """What a directory is about. thread None: /proc/PID. base: inode numbers."""

    __slots__ = ()

    @property
    def task(self) -> Task:
        """The thread itself, or one that stands for the process. Raises: ESRCH if there is none any more."""
        if self.thread is not None:
            if self.process.threads.get(self.thread.tid) is not self.thread:
                raise LinuxError(errno.ESRCH)
            return self.thread
        if not self.process.threads:
            raise LinuxError(errno.ESRCH)
        return self.process.leader

    def owner(self, public: bool = False) -> tuple[int, int]:
        """task_dump_owner(): whose the files are. public: the directories that everybody may list."""
        if not self.process.threads or (not public and self.process.dumpable != 1):
            return 0, 0
        credentials = self.process.leader.credentials
        return credentials.euid, credentials.egid


# -- the files --
Make: TypeAlias = "Callable[[_Subject, int], Inode]"


def _file(
    text: Callable[[Task], bytes], mode: int = 0o444, write: Callable[[Task, Task, bytes], None] | None = None
) -> tuple[int, Make]:
    """A file whose text is about one task; write(subject's task, writer, data)."""

    def make(subject: _Subject, ino: int) -> Inode:
        uid, gid = subject.owner()
        store = None
        if write is not None:
            write_to = write

            def store_it(writer: Task, data: bytes) -> None:
                write_to(subject.task, writer, data)

            store = store_it
        check = None if mode & 0o044 else _inspector(subject.process)
        return SyntheticFile(
            subject.filesystem,
            lambda viewer: text(subject.task),
            mode,
            write=store,
            check=check,
            ino=ino,
            uid=uid,
            gid=gid,
        )

    return _FILE, make


def _inspected(text: Callable[[Kernel, Process], bytes], mode: int = 0o444) -> tuple[int, Make]:
    """A file about the process that only those who may inspect it can open, whatever its mode says."""

    def make(subject: _Subject, ino: int) -> Inode:
        uid, gid = subject.owner()
        kernel = subject.filesystem.kernel
        return SyntheticFile(
            subject.filesystem, lambda viewer: text(kernel, subject.process), mode,
            check=_inspector(subject.process), ino=ino, uid=uid, gid=gid,
        )  # fmt: skip

    return _FILE, make


def _process_text(text: Callable[[Kernel, Process, Task], bytes], mode: int = 0o444) -> tuple[int, Make]:
    """A file about the process, zombies included; text is told who looks."""

    def make(subject: _Subject, ino: int) -> Inode:
        uid, gid = subject.owner()
        kernel, process = subject.filesystem.kernel, subject.process

        def render(viewer: Task) -> bytes:
            if not alive(kernel, process):
                raise LinuxError(errno.ESRCH)
            return text(kernel, process, viewer)

        return SyntheticFile(subject.filesystem, render, mode, ino=ino, uid=uid, gid=gid)

    return _FILE, make


def _stat(subject: _Subject, ino: int) -> Inode:
    uid, gid = subject.owner()

    def render(viewer: Task) -> bytes:
        if not alive(subject.filesystem.kernel, subject.process):
            raise LinuxError(errno.ESRCH)
        return proc_text.stat(
            subject.filesystem.kernel, subject.process, subject.thread, viewer, may_inspect(viewer, subject.process)
        )

    return SyntheticFile(subject.filesystem, render, ino=ino, uid=uid, gid=gid)


def _status(subject: _Subject, ino: int) -> Inode:
    uid, gid = subject.owner()

    def render(viewer: Task) -> bytes:
        if not alive(subject.filesystem.kernel, subject.process):
            raise LinuxError(errno.ESRCH)
        return proc_text.status(subject.filesystem.kernel, subject.process, subject.thread, viewer)

    return SyntheticFile(subject.filesystem, render, ino=ino, uid=uid, gid=gid)


def _magic(resolve: Callable[[Task], Path]) -> tuple[int, Make]:
    """exe, cwd, root: a link to a place of the subject's task."""

    def make(subject: _Subject, ino: int) -> Inode:
        uid, gid = subject.owner()

        def place(viewer: Task) -> Path:
            try:
                return resolve(subject.task)
            except LinuxError as error:
                raise LinuxError(errno.ENOENT) from error  # a zombie has no such place

        return MagicLink(
            subject.filesystem, place, lambda viewer: place(viewer).name(viewer),
            check=_inspector(subject.process), ino=ino, uid=uid, gid=gid,
        )  # fmt: skip

    return _LINK, make


def _executable(task: Task) -> Path:
    path = task.process.executable
    if path is None:
        raise LinuxError(errno.ENOENT)
    return path


def _set_comm(subject: Task, writer: Task, data: bytes) -> None:
    if writer.process is not subject.process:
        raise LinuxError(errno.EINVAL)
    subject.name = data.split(b"\0", 1)[0].rstrip(b"\n")[:15]


def _number(data: bytes) -> int:
    try:
        return int(data.strip(b" \t\n\0"))
    except ValueError:
        raise LinuxError(errno.EINVAL) from None


def _set_oom_score_adj(subject: Task, writer: Task, data: bytes) -> None:
    value = _number(data)
    if not -1000 <= value <= 1000:
        raise LinuxError(errno.EINVAL)
    if value < subject.process.oom_score_adj and not writer.credentials.has(CAP_SYS_RESOURCE):
        raise LinuxError(errno.EACCES)
    subject.process.oom_score_adj = value


def _show_loginuid(task: Task) -> bytes:
    value = task.process.extra.get(LOGINUID)
    return b"%d" % (value if isinstance(value, int) else _NO_LOGINUID)


def _set_loginuid(subject: Task, writer: Task, data: bytes) -> None:
    """Who has logged in is set once, by sshd or login (pam_loginuid), and inherited. Source: kernel/audit.c."""
    if writer.process is not subject.process:
        raise LinuxError(errno.EPERM)
    value = _number(data)
    if not 0 <= value <= _NO_LOGINUID:
        raise LinuxError(errno.EINVAL)
    extra = writer.process.extra
    if extra.get(LOGINUID, _NO_LOGINUID) != _NO_LOGINUID and not writer.credentials.has(CAP_AUDIT_CONTROL):
        raise LinuxError(errno.EPERM)
    extra[LOGINUID] = value


def _refuse_write(subject: Task, writer: Task, data: bytes) -> None:
    """uid_map, gid_map and setgroups: the guest has one user namespace, whose maps are written."""
    raise LinuxError(errno.EPERM)


def _directory(kind: type[_TaskDirectory], offset: int = 0) -> tuple[int, Make]:
    def make(subject: _Subject, ino: int) -> Inode:
        return kind(subject, ino)

    return _DIRECTORY, make


class _TaskDirectory(DynamicDirectory):
    """A directory about one process or thread."""

    __slots__ = ("subject",)

    mode_bits = 0o555
    follows_dumpable = True

    def __init__(self, subject: _Subject, ino: int) -> None:
        uid, gid = subject.owner(public=not self.follows_dumpable or self.mode_bits == 0o555)
        super().__init__(subject.filesystem, None, self.mode_bits, ino=ino, uid=uid, gid=gid)
        self.subject = subject


class FdDirectory(_TaskDirectory):
    """/proc/PID/fd: a link for each descriptor."""

    __slots__ = ()
    # Only the owner may list; a process that is not dumpable must still see its own descriptors, and the walk knows the
    # mode bits alone: so it stays the owner's. The links themselves are checked in full.
    mode_bits = 0o500
    follows_dumpable = False

    def find(self, name: bytes) -> Inode | None:
        fd = _decimal(name)
        file = self._file(fd)
        if file is None:
            return None
        subject = self.subject
        # A link's mode says how the descriptor was opened.
        mode = 0o100 | (0o400 if file.readable else 0) | (0o200 if file.writable else 0)

        def resolve(viewer: Task) -> Path:
            now = self._file(fd)
            if now is None:
                raise LinuxError(errno.ENOENT)
            return place_of(now, viewer)

        def text(viewer: Task) -> bytes:
            now = self._file(fd)
            if now is None:
                raise LinuxError(errno.ENOENT)
            return now.name(viewer)

        return MagicLink(
            subject.filesystem, resolve, text, check=_inspector(subject.process), mode=mode,
            ino=subject.base + _FDS + (fd & 0x3FFF), uid=self.uid, gid=self.gid,
        )  # fmt: skip

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        subject = self.subject
        if not may_inspect(task, subject.process):
            raise LinuxError(errno.EACCES)
        base = subject.base + _FDS
        files = subject.task.files
        return [DirectoryEntry(b"%d" % fd, base + (fd & 0x3FFF), _LINK) for fd in sorted(fd for fd, _ in files.items())]

    def _file(self, fd: int) -> OpenFile | None:
        if fd < 0:
            return None
        try:
            return self.subject.task.files.get(fd)
        except LinuxError:
            return None


class FdinfoDirectory(_TaskDirectory):
    """/proc/PID/fdinfo: a text for each descriptor."""

    __slots__ = ()

    def find(self, name: bytes) -> Inode | None:
        fd = _decimal(name)
        subject = self.subject
        try:
            subject.task.files.get(fd)
        except LinuxError:
            return None

        def render(viewer: Task) -> bytes:
            return proc_text.fdinfo(subject.task, fd)

        return SyntheticFile(
            subject.filesystem, render, 0o444, check=_inspector(subject.process),
            ino=subject.base + _FDINFOS + (fd & 0x3FFF), uid=self.uid, gid=self.gid,
        )  # fmt: skip

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        if not may_inspect(task, self.subject.process):
            raise LinuxError(errno.EACCES)
        base = self.subject.base + _FDINFOS
        files = self.subject.task.files
        return [DirectoryEntry(b"%d" % fd, base + (fd & 0x3FFF), _FILE) for fd in sorted(fd for fd, _ in files.items())]


class NamespaceDirectory(_TaskDirectory):
    """/proc/PID/ns: every process is in the same namespaces."""

    __slots__ = ()
    mode_bits = 0o511

    def find(self, name: bytes) -> Inode | None:
        number = NAMESPACES.get(name)
        if number is None:
            return None
        filesystem = self.subject.filesystem
        text = b"%s:[%d]" % (name.removesuffix(b"_for_children"), number)
        target = _NamespaceInode(filesystem, stat.S_IFREG | 0o444, ino=number)
        return MagicLink(
            filesystem, lambda viewer: pseudo_path(target, text), lambda viewer: text,
            check=_inspector(self.subject.process), ino=self.subject.base + 0x200 + list(NAMESPACES).index(name),
            uid=self.uid, gid=self.gid,
        )  # fmt: skip

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        base = self.subject.base + 0x200
        return [DirectoryEntry(name, base + index, _LINK) for index, name in enumerate(NAMESPACES)]


class _NamespaceInode(SyntheticInode):
    """What a link of ns/ leads to: it can be opened and compared, nothing else."""

    __slots__ = ()

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        return OpenFile(flags, self, path)


class AttrDirectory(_TaskDirectory):
    """/proc/PID/attr: no security module."""

    __slots__ = ()

    _NAMES = (b"current", b"exec", b"fscreate", b"keycreate", b"prev", b"sockcreate")

    def find(self, name: bytes) -> Inode | None:
        if name not in self._NAMES:
            return None

        def render(viewer: Task) -> bytes:
            raise LinuxError(errno.EINVAL)

        return SyntheticFile(
            self.subject.filesystem, render, 0o666, ino=self.subject.base + 0x300 + self._NAMES.index(name)
        )

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        base = self.subject.base + 0x300
        return [DirectoryEntry(name, base + index, _FILE) for index, name in enumerate(self._NAMES)]


class ThreadsDirectory(_TaskDirectory):
    """/proc/PID/task."""

    __slots__ = ()

    def find(self, name: bytes) -> Inode | None:
        thread = self.subject.process.threads.get(_decimal(name))
        return thread_directory(self.subject.filesystem, thread) if thread is not None else None

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        return [
            DirectoryEntry(b"%d" % tid, _THREADS + (tid << _PER_TASK), _DIRECTORY)
            for tid in sorted(self.subject.process.threads)
        ]

    def attributes(self) -> Attributes:
        found = super().attributes()
        found.nlink = 2 + len(self.subject.process.threads)
        return found


class ProcessDirectory(_TaskDirectory):
    """/proc/PID, or /proc/PID/task/TID if the subject has a thread."""

    __slots__ = ()

    def find(self, name: bytes) -> Inode | None:
        subject = self.subject
        if not alive(subject.filesystem.kernel, subject.process):
            return None
        table = _PROCESS_FILES if subject.thread is None else _THREAD_FILES
        found = table.get(name)
        if found is None:
            return None
        index, _, make = found
        return make(subject, subject.base + index)

    def list_names(self, task: Task) -> Iterable[DirectoryEntry]:
        subject = self.subject
        if not alive(subject.filesystem.kernel, subject.process):
            raise LinuxError(errno.ENOENT)
        table = _PROCESS_FILES if subject.thread is None else _THREAD_FILES
        base = subject.base
        return [DirectoryEntry(name, base + index, kind) for name, (index, kind, _) in table.items()]


def process_directory(filesystem: ProcFilesystem, process: Process) -> ProcessDirectory:
    """The inode of /proc/PID."""
    base = process_ino(process.pid)
    return ProcessDirectory(_Subject(filesystem, process, None, base), base)


def thread_directory(filesystem: ProcFilesystem, thread: Task) -> ProcessDirectory:
    """The inode of /proc/PID/task/TID."""
    base = _THREADS + (thread.tid << _PER_TASK)
    return ProcessDirectory(_Subject(filesystem, thread.process, thread, base), base)


def process_ino(pid: int) -> int:
    """The inode number of /proc/PID."""
    return (1 << 40) + (pid << _PER_TASK)


def _decimal(name: bytes) -> int:
    """A name as a number without leading zeros, else -1."""
    if not name.isdigit() or (name[:1] == b"0" and len(name) > 1) or len(name) > 10:
        return -1
    return int(name)


def pseudo_path(inode: Inode, name: bytes) -> Path:
    """A place for an object that no path leads to (a pipe, a namespace), so that a magic link can lead to it."""
    # The empty parent makes Path.name() show "/" and the object's name.
    top = Dentry(b"", None, None)
    dentry = Dentry(name, top, inode)
    return Path(Mount(0, inode.filesystem, top, None, None, 0), dentry)


def place_of(file: OpenFile, viewer: Task) -> Path:
    """Where the link of a descriptor leads."""
    return file.path if file.path is not None else pseudo_path(file.inode, file.name(viewer))


# -- what there is --
_Made = tuple[int, Make]

_BOTH: dict[bytes, _Made] = {
    b"attr": _directory(AttrDirectory),
    b"auxv": _file(proc_text.auxv, 0o400),
    b"cgroup": _file(proc_text.cgroup),
    b"cmdline": _process_text(proc_text.cmdline),
    b"comm": _file(proc_text.comm, 0o644, _set_comm),
    b"cpuset": _file(lambda task: b"/\n"),
    b"cwd": _magic(lambda task: task.fs.cwd),
    b"environ": _inspected(proc_text.environ, 0o400),
    b"exe": _magic(_executable),
    b"fd": _directory(FdDirectory),
    b"fdinfo": _directory(FdinfoDirectory),
    b"gid_map": _file(proc_text.id_map, 0o644, _refuse_write),
    b"io": _inspected(proc_text.io, 0o400),
    b"limits": _file(proc_text.limits),
    b"loginuid": _file(_show_loginuid, 0o644, _set_loginuid),
    b"maps": _inspected(proc_maps.render),
    b"mountinfo": _file(lambda task: task.kernel.mounts.mountinfo_text(task)),
    b"mounts": _file(lambda task: task.kernel.mounts.mounts_text(task)),
    b"net": (_DIRECTORY, lambda subject, ino: subject.filesystem.net),
    b"ns": _directory(NamespaceDirectory),
    b"oom_adj": _file(lambda task: b"%d\n" % (task.process.oom_score_adj * 17 // 1000), 0o444),
    b"oom_score": _file(lambda task: b"%d\n" % max(0, 666 + task.process.oom_score_adj * 2 // 3)),
    b"oom_score_adj": _file(lambda task: b"%d\n" % task.process.oom_score_adj, 0o644, _set_oom_score_adj),
    b"personality": _inspected(lambda kernel, process: b"00000000\n", 0o400),
    b"projid_map": _file(proc_text.id_map, 0o644, _refuse_write),
    b"root": _magic(lambda task: task.fs.root),
    b"sched": _process_text(proc_text.sched),
    b"schedstat": _file(proc_text.schedstat),
    b"sessionid": _file(lambda task: b"4294967295"),
    b"setgroups": _file(lambda task: b"allow\n", 0o644, _refuse_write),
    b"smaps": _inspected(proc_maps.render_smaps),
    b"smaps_rollup": _inspected(proc_maps.render_rollup),
    b"stat": (_FILE, _stat),
    b"statm": _process_text(proc_text.statm),
    b"status": (_FILE, _status),
    b"timerslack_ns": _file(lambda task: b"50000\n"),
    b"uid_map": _file(proc_text.id_map, 0o644, _refuse_write),
    b"wchan": _file(lambda task: b"0"),
}


def _numbered(table: dict[bytes, _Made]) -> dict[bytes, tuple[int, int, Make]]:
    return {name: (index, kind, make) for index, (name, (kind, make)) in enumerate(sorted(table.items()), 1)}


_PROCESS_FILES = _numbered(
    {
        **_BOTH,
        b"autogroup": _file(lambda task: b"/autogroup-1 nice 0\n"),
        b"coredump_filter": _file(lambda task: b"00000033\n"),
        b"mountstats": _file(proc_text.mountstats, 0o400),
        b"task": _directory(ThreadsDirectory),
        b"timers": _file(proc_text.timers),
    }
)
_THREAD_FILES = _numbered({**_BOTH, b"children": _file(proc_text.children)})
