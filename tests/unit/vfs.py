# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Fakes and an oracle for file system tests: a task, and the same operations on our tree and on the host's tmpfs."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import stat
import zlib
from typing import TYPE_CHECKING, Any, cast

from sentry.abi.errors import LinuxError
from sentry.fs.overlay import OverlayFilesystem
from sentry.fs.tmpfs import Budget
from sentry.kernel.credentials import ALL_CAPABILITIES, Credentials
from sentry.vfs import namei, permission, walk
from sentry.vfs.fd_table import FdTable
from sentry.vfs.file import OpenFile
from sentry.vfs.fs_context import FsContext
from sentry.vfs.mounts import MountNamespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.filesystem import Filesystem
    from sentry.vfs.path import Path

INFINITY = 2**64 - 1


class FakeKernel:
    """Knows the tasks, and which signals were sent."""

    def __init__(self, namespace: MountNamespace) -> None:
        self.processes: dict[int, Any] = {}
        self.mounts = namespace
        self.tasks: dict[int, FakeTask] = {}
        self.signals: list[int] = []

    def send_thread_signal(self, task: object, signo: int) -> None:
        self.signals.append(signo)


class FakeProcess:
    def __init__(self) -> None:
        self.limits = dict.fromkeys(range(16), (INFINITY, INFINITY))


class FakeTask:
    """What path resolution and namei use of a task."""

    def __init__(self, namespace: MountNamespace) -> None:
        root = namespace.root_path
        self.credentials = Credentials()
        self.fs = FsContext(root, root, 0o022)
        self.files = FdTable()
        self.process = FakeProcess()
        self.kernel = FakeKernel(namespace)
        self.kernel.tasks[1] = self


def new_task(filesystem: Filesystem) -> Task:
    """A task of root whose root file system this is."""
    return cast("Task", FakeTask(MountNamespace(filesystem)))


def error_of(action: Callable[..., object], *arguments: object) -> int:
    """The errno that action ends with, 0 if it succeeds."""
    try:
        action(*arguments)
    except LinuxError as error:
        return error.errno
    return 0


def opened(task: Task, path: bytes, flags: int = os.O_RDONLY, mode: int = 0o644) -> OpenFile:
    """open(2) of what needs no waiting."""
    file = namei.open_path(task, task.fs.cwd, path, flags, mode)
    assert isinstance(file, OpenFile)
    return file


def write_file(task: Task, path: bytes, data: bytes, mode: int = 0o644) -> None:
    file = opened(task, path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    while data:
        data = data[file.write(data) :]
    file.drop()


def read_file(task: Task, path: bytes) -> bytes:
    file = opened(task, path)
    parts = []
    while part := file.read(1 << 20):
        parts.append(part)
    file.drop()
    return b"".join(parts)


def names(task: Task, path: bytes) -> list[bytes]:
    """The sorted names in a directory."""
    return sorted(entry.name for entry in walk.resolve(task, task.fs.cwd, path).inode.entries(task))


def shorten(data: bytes) -> object:
    """A file's content in a form to compare and to print."""
    return data if len(data) < 40 else (len(data), data.rstrip(b"\0")[-20:], zlib.crc32(data))


# -- the oracle: one list of steps, done twice --
Step = tuple[Any, ...]
Result = object

USER = 12345


class Ours:
    """Does steps in the sentry's tree."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.files: dict[int, OpenFile] = {}
        self.layered = False

    def layer(self) -> None:
        """What there is becomes the lower layer of an overlay, whose directories count no links."""
        for slot in list(self.files):
            self.close(slot)
        self.layered = True
        lower = self.task.kernel.mounts.root.filesystem
        self.task = new_task(OverlayFilesystem(lower.root, Budget(1 << 30)))

    def run(self, step: Step) -> Result:
        try:
            return getattr(self, step[0])(*step[1:])
        except LinuxError as error:
            return -error.errno

    def _at(self) -> Path:
        return self.task.fs.cwd

    def user(self, uid: int) -> None:
        if uid:
            self.task.credentials = Credentials(uid, uid, uid, uid, uid, uid, uid, uid, (), 0, 0)
        else:
            self.task.credentials = Credentials(effective=ALL_CAPABILITIES)

    def open(self, slot: int, path: bytes, flags: int, mode: int) -> None:
        file = namei.open_path(self.task, self._at(), path, flags, mode)
        if not isinstance(file, OpenFile):
            try:
                file.send(None)
            except StopIteration as result:
                file = result.value
            assert isinstance(file, OpenFile)
        self.close(slot)
        self.files[slot] = file

    def close(self, slot: int) -> None:
        file = self.files.pop(slot, None)
        if file is not None:
            file.drop()

    def write(self, slot: int, data: bytes) -> Result:
        file = self.files.get(slot)
        if file is None or not file.writable:
            return -9
        if data:
            permission.remove_privileges(self.task, file.inode)
        return file.write(data)

    def pwrite(self, slot: int, data: bytes, offset: int) -> Result:
        file = self.files.get(slot)
        if file is not None and not file.seekable:
            return -29
        if file is None or not file.writable:
            return -9
        permission.remove_privileges(self.task, file.inode)
        return file.pwrite(data, offset)

    def read(self, slot: int, size: int) -> Result:
        file = self.files.get(slot)
        if file is None or not file.readable:
            return -9
        return shorten(file.read(size))

    def seek(self, slot: int, offset: int, whence: int) -> Result:
        file = self.files.get(slot)
        if file is None or file.inode.is_directory or file.flags & os.O_PATH:
            return -9
        return file.seek(offset, whence) if whence < 5 else -22

    def ftruncate(self, slot: int, size: int) -> Result:
        file = self.files.get(slot)
        if file is None or not file.writable:
            return -9 if file is not None and file.flags & os.O_PATH else -22
        permission.remove_privileges(self.task, file.inode)
        file.truncate(size)
        return None

    def allocate(self, slot: int, offset: int, size: int) -> Result:
        file = self.files.get(slot)
        if file is None or not file.writable:
            return -9
        if not file.seekable:
            return -29
        permission.remove_privileges(self.task, file.inode)
        file.allocate(0, offset, size)
        return None

    def truncate(self, path: bytes, size: int) -> None:
        permission.truncate(self.task, walk.resolve(self.task, self._at(), path), size)

    def mkdir(self, path: bytes, mode: int) -> None:
        namei.mkdir(self.task, self._at(), path, mode)

    def mknod(self, path: bytes, mode: int) -> None:
        namei.mknod(self.task, self._at(), path, mode)

    def rmdir(self, path: bytes) -> None:
        namei.rmdir(self.task, self._at(), path)

    def unlink(self, path: bytes) -> None:
        namei.unlink(self.task, self._at(), path)

    def symlink(self, target: bytes, path: bytes) -> None:
        namei.symlink(self.task, target, self._at(), path)

    def link(self, old: bytes, new: bytes) -> None:
        namei.link(self.task, walk.resolve(self.task, self._at(), old, False), self._at(), new)

    def rename(self, old: bytes, new: bytes, flags: int) -> None:
        namei.rename(self.task, self._at(), old, self._at(), new, flags)

    def chmod(self, path: bytes, mode: int) -> None:
        permission.change_mode(self.task, walk.resolve(self.task, self._at(), path), mode)

    def chown(self, path: bytes, uid: int, gid: int) -> None:
        permission.change_owner(self.task, walk.resolve(self.task, self._at(), path), uid, gid)

    def utime(self, path: bytes, times: tuple[int, int] | None) -> None:
        permission.set_times(self.task, walk.resolve(self.task, self._at(), path), times)

    def access(self, path: bytes, mask: int) -> None:
        permission.access(self.task.credentials, walk.resolve(self.task, self._at(), path), mask)

    def readlink(self, path: bytes) -> Result:
        place = walk.resolve(self.task, self._at(), path, False)
        return place.inode.readlink(self.task)

    def stat(self, path: bytes, follow: bool) -> Result:
        return self._shown(walk.resolve(self.task, self._at(), path, follow))

    def _shown(self, place: Path) -> Result:
        attributes = place.inode.attributes()
        kind = stat.S_IFMT(attributes.mode)
        size = 0 if kind == stat.S_IFDIR else attributes.size
        nlink = 0 if self.layered and kind == stat.S_IFDIR else attributes.nlink
        return (oct(attributes.mode), nlink, attributes.uid, attributes.gid, size)

    def chdir(self, path: bytes) -> Result:
        place = walk.resolve(self.task, self._at(), path)
        if place.kind != stat.S_IFDIR:
            return -20
        permission.check(self.task.credentials, place.inode, permission.MAY_EXEC)
        self.task.fs.cwd = place
        return None

    def getcwd(self) -> Result:
        return self.task.fs.cwd.working_directory_name(self.task) or -2

    def listing(self, path: bytes) -> Result:
        file = namei.open_path(self.task, self._at(), path, os.O_RDONLY | os.O_DIRECTORY)
        assert isinstance(file, OpenFile)
        try:
            if file.path is not None and file.path.dentry.deleted:
                return []
            return sorted(entry.name for entry in file.inode.entries(self.task))
        finally:
            file.drop()

    def tree(self) -> Result:
        """Everything there is, seen by root."""
        before = self.task.credentials
        self.task.credentials = Credentials()
        try:
            found: dict[bytes, object] = {}
            self._add_tree(b"/", found)
            return sorted(found.items())
        finally:
            self.task.credentials = before

    def _add_tree(self, path: bytes, found: dict[bytes, object]) -> None:
        place = walk.resolve(self.task, self.task.fs.root, path, False)
        kind = place.kind
        content: object = None
        if kind == stat.S_IFREG:
            content = shorten(read_file(self.task, path))
        elif kind == stat.S_IFLNK:
            content = place.inode.readlink(self.task)
        found[path] = (self._shown(place), content)
        if kind == stat.S_IFDIR:
            for entry in place.inode.entries(self.task):
                self._add_tree(path.rstrip(b"/") + b"/" + entry.name, found)


_libc = ctypes.CDLL(None, use_errno=True)


class Linux:
    """Does steps in the host's tree; run in a process of its own, which changed its root."""

    def __init__(self) -> None:
        self.files: dict[int, int] = {}
        self.layered = False

    def layer(self) -> None:
        for slot in list(self.files):
            self.close(slot)
        self.layered = True
        self.user(0)
        os.chdir("/")

    def run(self, step: Step) -> Result:
        try:
            return getattr(self, step[0])(*step[1:])
        except OSError as error:
            return -(error.errno or 5)

    def user(self, uid: int) -> None:
        if uid:
            os.setegid(uid)
            os.seteuid(uid)
        else:
            os.seteuid(0)
            os.setegid(0)

    def open(self, slot: int, path: bytes, flags: int, mode: int) -> None:
        fd = os.open(path, flags, mode)
        self.close(slot)
        self.files[slot] = fd

    def close(self, slot: int) -> None:
        fd = self.files.pop(slot, -1)
        if fd >= 0:
            os.close(fd)

    def write(self, slot: int, data: bytes) -> Result:
        return os.write(self.files.get(slot, -1), data)

    def pwrite(self, slot: int, data: bytes, offset: int) -> Result:
        return os.pwrite(self.files.get(slot, -1), data, offset)

    def read(self, slot: int, size: int) -> Result:
        return shorten(os.read(self.files.get(slot, -1), size))

    def seek(self, slot: int, offset: int, whence: int) -> Result:
        fd = self.files.get(slot, -1)
        if fd >= 0 and stat.S_ISDIR(os.fstat(fd).st_mode):
            return -9
        return os.lseek(fd, offset, whence)

    def ftruncate(self, slot: int, size: int) -> Result:
        if slot not in self.files:
            return -22
        os.ftruncate(self.files[slot], size)
        return None

    def allocate(self, slot: int, offset: int, size: int) -> Result:
        os.posix_fallocate(self.files.get(slot, -1), offset, size)
        return None

    def truncate(self, path: bytes, size: int) -> None:
        os.truncate(path, size)

    def mkdir(self, path: bytes, mode: int) -> None:
        os.mkdir(path, mode)

    def mknod(self, path: bytes, mode: int) -> None:
        os.mknod(path, mode)

    def rmdir(self, path: bytes) -> None:
        os.rmdir(path)

    def unlink(self, path: bytes) -> None:
        os.unlink(path)

    def symlink(self, target: bytes, path: bytes) -> None:
        os.symlink(target, path)

    def link(self, old: bytes, new: bytes) -> None:
        os.link(old, new, follow_symlinks=False)

    def rename(self, old: bytes, new: bytes, flags: int) -> None:
        if _libc.renameat2(-100, old, -100, new, flags):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def chmod(self, path: bytes, mode: int) -> None:
        os.chmod(path, mode)

    def chown(self, path: bytes, uid: int, gid: int) -> None:
        os.chown(path, uid, gid)

    def utime(self, path: bytes, times: tuple[int, int] | None) -> None:
        os.utime(path) if times is None else os.utime(path, ns=times)

    def access(self, path: bytes, mask: int) -> Result:
        if _libc.faccessat(-100, path, mask, 0x200):
            return -ctypes.get_errno()
        return None

    def readlink(self, path: bytes) -> Result:
        return os.readlink(path)

    def stat(self, path: bytes, follow: bool) -> Result:
        return self._shown(os.stat(path, follow_symlinks=follow))

    def _shown(self, found: os.stat_result) -> Result:
        size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
        nlink = 0 if self.layered and stat.S_ISDIR(found.st_mode) else found.st_nlink
        return (oct(found.st_mode), nlink, found.st_uid, found.st_gid, size)

    def chdir(self, path: bytes) -> Result:
        os.chdir(path)
        return None

    def getcwd(self) -> Result:
        return os.getcwdb()

    def listing(self, path: bytes) -> Result:
        return sorted(os.listdir(path))

    def tree(self) -> Result:
        uid = os.geteuid()
        self.user(0)
        try:
            found: dict[bytes, object] = {}
            self._add_tree(b"/", found)
            return sorted(found.items())
        finally:
            self.user(uid)

    def _add_tree(self, path: bytes, found: dict[bytes, object]) -> None:
        attributes = os.lstat(path)
        content: object = None
        if stat.S_ISREG(attributes.st_mode):
            with open(path, "rb") as file:
                content = shorten(file.read())
        elif stat.S_ISLNK(attributes.st_mode):
            content = os.readlink(path)
        found[path] = (self._shown(attributes), content)
        if stat.S_ISDIR(attributes.st_mode):
            for name in os.listdir(path):
                self._add_tree(path.rstrip(b"/") + b"/" + name, found)


def run_on_linux(directory: str, steps: list[Step]) -> list[Result]:
    """Does steps in directory as "/", in a child with root's rights: their results, as repr() makes them."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(60)
            os.close(reader)
            _enter(directory)
            os.umask(0o022)
            linux = Linux()
            output = "\n".join(repr(linux.run(step)) for step in steps).encode()
            with open(writer, "wb") as file:
                file.write(output)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        text = file.read()
    os.waitpid(pid, 0)
    return cast("list[Result]", text.decode().split("\n"))


def _enter(directory: str) -> None:
    """Makes directory the root; an ordinary user becomes the root of a user namespace for that."""
    uid, gid = os.getuid(), os.getgid()
    if uid:
        if _libc.unshare(_CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    else:
        os.setgroups([])
    os.chroot(directory)
    os.chdir("/")


_CLONE_NEWUSER = 0x10000000
_NAMES = (b"a", b"b", b"c", b"d")
_FLAGS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)
_MORE_FLAGS = (os.O_CREAT, os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_DIRECTORY, os.O_NOFOLLOW, os.O_PATH)


def random_steps(seed: int, count: int, users: bool = os.getuid() == 0) -> list[Step]:
    """Steps on few names, so that they meet, by root and (users) another user. None waits for a FIFO's other end."""
    rng = random.Random(seed)

    def path() -> bytes:
        parts = [rng.choice((*_NAMES, *_NAMES, b".", b"..", b"")) for _ in range(rng.choice((1, 1, 1, 2, 2, 3)))]
        text = b"/".join(parts)
        if rng.random() < 0.3:
            text = b"/" + text
        if rng.random() < 0.1:
            text += b"/"
        if rng.random() < 0.01:
            text += b"x" * 256
        return text

    def mode() -> int:
        chosen = rng.choice((0o777, 0o755, 0o700, 0o644, 0o600, 0o000, 0o1777, 0o2775, 0o4755, 0o2745, 0o666))
        # Root of a user namespace has not CAP_FSETID where a write looks for it.
        return chosen if users else chosen & ~0o6000

    def owner() -> int:
        return rng.choice((0, USER, USER + 1, -1)) if users else rng.choice((0, -1))

    def step() -> Step:
        kind = rng.choice(_KINDS)
        slot = rng.randrange(3)
        if kind == "open":
            flags = rng.choice(_FLAGS) | os.O_NONBLOCK
            for _ in range(rng.choice((0, 1, 1, 2, 3))):
                flags |= rng.choice(_MORE_FLAGS)
            if rng.random() < 0.05:
                flags |= os.O_TMPFILE
            return (kind, slot, path(), flags, mode())
        if kind == "write":
            return (kind, slot, rng.randbytes(rng.choice((0, 1, 10, 5000))))
        if kind == "pwrite":
            return (kind, slot, rng.randbytes(rng.choice((1, 10, 5000))), rng.choice((0, 3, 100, 70000)))
        if kind == "read":
            return (kind, slot, rng.choice((0, 1, 100, 10000)))
        if kind == "seek":
            return (kind, slot, rng.choice((-1, 0, 5, 66000)), rng.choice((0, 1, 2, 5)))
        if kind == "ftruncate":
            return (kind, slot, rng.choice((0, 10, 70000)))
        if kind == "allocate":
            return (kind, slot, rng.choice((0, 10, 70000)), rng.choice((1, 5000)))
        if kind == "truncate":
            return (kind, path(), rng.choice((0, 10, 70000)))
        if kind in ("mkdir", "chmod"):
            return (kind, path(), mode())
        if kind == "mknod":
            return (kind, path(), mode() | rng.choice((stat.S_IFREG, stat.S_IFSOCK, stat.S_IFIFO, stat.S_IFDIR)))
        if kind in ("rmdir", "unlink", "readlink", "chdir", "listing"):
            return (kind, path())
        if kind == "symlink":
            return (kind, path(), path())
        if kind == "link":
            return (kind, path(), path())
        if kind == "rename":
            return (kind, path(), path(), rng.choice((0, 0, 0, 1, 2, 3)))
        if kind == "chown":
            return (kind, path(), owner(), owner())
        if kind == "utime":
            return (kind, path(), rng.choice((None, (1, 2))))
        if kind == "access":
            return (kind, path(), rng.randrange(8))
        if kind == "stat":
            return (kind, path(), rng.random() < 0.5)
        if kind == "user":
            return (kind, rng.choice((0, USER)) if users else 0)
        return (kind,)

    steps: list[Step] = [("chmod", b"/", 0o777)]
    for number in range(count):
        steps.append(step())
        if number % 20 == 19:
            steps.append(("tree",))
    return steps


_KINDS = (
    "open", "open", "open", "write", "pwrite", "read", "seek", "ftruncate", "allocate", "truncate", "mkdir", "mkdir",
    "mkdir", "mknod", "rmdir", "unlink", "symlink", "link", "rename", "rename", "chmod", "chown", "utime", "access",
    "stat", "stat", "readlink", "chdir", "getcwd", "listing", "user", "user",
)  # fmt: skip


def compare(task: Task, directory: str, steps: list[Step]) -> None:
    """Does the steps both ways; the first difference fails, with what led to it."""
    native = run_on_linux(directory, steps)
    ours = Ours(task)
    for number, step in enumerate(steps):
        result = repr(ours.run(step))
        if result != native[number]:
            history = "\n".join(f"{before} -> {native[index]}"[:300] for index, before in enumerate(steps[:number]))
            raise AssertionError(f"{history}\n\n{step}\nLinux: {native[number]}\nours:  {result}")
    for slot in list(ours.files):
        ours.close(slot)
