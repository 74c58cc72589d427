# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The mount tree: mount(2), umount2(2), pivot_root(2), and the texts of /proc/PID/mounts and mountinfo.

Owns MountNamespace and the mount points that a read-only file system lacks (synthetic directories). There is one
namespace a sandbox; propagation (shared, private, slave) has nobody to propagate to and is accepted without effect by
the handlers. Permission (CAP_SYS_ADMIN) is the handlers' to check.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import Credentials
from sentry.vfs.attributes import Attributes, DirectoryEntry
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.file import OpenFile
from sentry.vfs.fs_context import FsContext
from sentry.vfs.inode import Inode
from sentry.vfs.path import Dentry, Mount, Path, pin, purge
from sentry.vfs.walk import look_up, resolve, step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry.kernel.task import Task
    from sentry.vfs.filesystem import Filesystem

# sys/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_SYNCHRONOUS, MS_REMOUNT, MS_MANDLOCK, MS_DIRSYNC = 16, 32, 64, 128
MS_NOSYMFOLLOW, MS_NOATIME, MS_NODIRATIME = 256, 1024, 2048
MS_BIND, MS_MOVE, MS_REC, MS_SILENT = 4096, 8192, 16384, 32768
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_RELATIME = 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21
MS_STRICTATIME, MS_LAZYTIME = 1 << 24, 1 << 25
MNT_FORCE, MNT_DETACH, MNT_EXPIRE, UMOUNT_NOFOLLOW = 1, 2, 4, 8

KEPT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME
"""The flags that belong to a mount; the rest say what mount(2) does."""

MAX_MOUNTS = 10_000  # bounds what a guest with CAP_SYS_ADMIN can make us keep

_OPTIONS = (
    (MS_NOSUID, b"nosuid"), (MS_NODEV, b"nodev"), (MS_NOEXEC, b"noexec"), (MS_NOATIME, b"noatime"),
    (MS_NODIRATIME, b"nodiratime"),
)  # fmt: skip


class MountNamespace:
    """All mounts of the sandbox. root: the mount that everything hangs on. version: changes with every change, for
    poll(2) of /proc/mounts."""

    def __init__(self, filesystem: Filesystem, flags: int = 0) -> None:
        self._next_id = 20
        self.version = 0
        self.mounts: dict[int, Mount] = {}
        # Detached while somebody was inside (MNT_DETACH): their dentries are forgotten when he is gone.
        self._lingering: list[tuple[Mount, Dentry]] = []
        self.root = self._make(filesystem, _root_dentry(filesystem), None, None, flags)

    @property
    def root_path(self) -> Path:
        """The place of "/", on top of what may be mounted there."""
        return step(self.root, self.root.root)

    def _make(
        self, filesystem: Filesystem, root: Dentry, parent: Mount | None, point: Dentry | None, flags: int
    ) -> Mount:
        if len(self.mounts) >= MAX_MOUNTS:
            raise LinuxError(errno.ENOSPC)
        mount = Mount(self._next_id, filesystem, root, parent, point, flags & KEPT_FLAGS)
        self._next_id += 1
        self.mounts[mount.id] = mount
        self.version += 1
        return mount

    # -- mounting --
    def mount(self, filesystem: Filesystem, point: Path, flags: int = 0, source: bytes | None = None) -> Mount:
        """Attaches filesystem at point (a resolved place, so on top of what is mounted there).

        Raises: ENOTDIR (a directory on a file or the other way round), ENOENT (point was removed), ENOSPC.
        """
        root = _root_dentry(filesystem)
        self._check_point(root, point)
        mount = self._make(filesystem, root, None, None, flags)
        if source is not None:
            mount.source = source
        self._attach(mount, point)
        return mount

    def bind(self, source: Path, point: Path, recursive: bool = False, flags: int | None = None) -> Mount:
        """Makes the tree at source visible at point too; flags None: those of source's mount.

        Raises: as mount().
        """
        self._check_point(source.dentry, point)
        inside = self._below(source.mount, source.dentry) if recursive else []
        kept = source.mount.flags if flags is None else flags
        mount = self._make(source.mount.filesystem, source.dentry, None, None, kept)
        mount.source = source.mount.source
        self._attach(mount, point)
        if recursive:
            self._copy_children(source.mount, mount, inside)
        return mount

    def _copy_children(self, original: Mount, copy: Mount, children: list[Mount]) -> None:
        for child in children:
            assert child.point is not None
            twin = self._make(child.filesystem, child.root, None, None, child.flags)
            twin.source = child.source
            self._attach(twin, Path(copy, child.point))
            self._copy_children(child, twin, list(child.children.values()))

    def _below(self, mount: Mount, dentry: Dentry) -> list[Mount]:
        """The mounts directly on mount that lie at or below dentry."""
        found = []
        for point, child in mount.children.items():
            above: Dentry | None = point
            while above is not None and above is not dentry:
                above = above.parent
            if above is dentry:
                found.append(child)
        return found

    def _check_point(self, root: Dentry, point: Path) -> None:
        if point.dentry.deleted:
            raise LinuxError(errno.ENOENT)
        if root.is_directory != point.dentry.is_directory:
            raise LinuxError(errno.ENOTDIR)

    def _attach(self, mount: Mount, point: Path) -> None:
        parent, dentry = point
        while (top := parent.children.get(dentry)) is not None:
            parent, dentry = top, top.root
        mount.parent = parent
        mount.point = dentry
        parent.children[dentry] = mount
        dentry.mounts += 1
        pin(dentry)
        self.version += 1

    def _detach(self, mount: Mount) -> None:
        parent, point = mount.parent, mount.point
        if parent is not None and point is not None and parent.children.get(point) is mount:
            del parent.children[point]
            point.mounts -= 1
        mount.parent = None
        mount.point = None
        self.version += 1

    def remount(self, path: Path, flags: int) -> None:
        """MS_REMOUNT, with or without MS_BIND: sets the flags of the mount whose root is at path. Raises: EINVAL."""
        if path.dentry is not path.mount.root:
            raise LinuxError(errno.EINVAL)
        path.mount.flags = flags & KEPT_FLAGS
        self.version += 1

    def move(self, source: Path, point: Path) -> None:
        """MS_MOVE. Raises: EINVAL (source is no mount point), ELOOP (into itself), ENOTDIR."""
        mount = source.mount
        if source.dentry is not mount.root or mount.parent is None:
            raise LinuxError(errno.EINVAL)
        self._check_point(mount.root, point)
        above: Mount | None = point.mount
        while above is not None:
            if above is mount:
                raise LinuxError(errno.ELOOP)
            above = above.parent
        self._detach(mount)
        self._attach(mount, point)

    # -- unmounting --
    def umount(self, task: Task, path: Path, flags: int = 0) -> None:
        """umount2(2). Raises: EINVAL (no mount point, the root, bad flags), EBUSY, EAGAIN (MNT_EXPIRE, first call)."""
        if flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW):
            raise LinuxError(errno.EINVAL)
        mount = path.mount
        if path.dentry is not mount.root:
            raise LinuxError(errno.EINVAL)
        if flags & MNT_EXPIRE:
            raise LinuxError(errno.EINVAL if flags & (MNT_FORCE | MNT_DETACH) else errno.EAGAIN)
        if mount.parent is None:
            raise LinuxError(errno.EINVAL)
        if not flags & MNT_DETACH and (mount.children or self._in_use(task, mount)):
            raise LinuxError(errno.EBUSY)
        self._detach(mount)
        self._forget(task, mount)

    def _forget(self, task: Task, mount: Mount) -> None:
        self.mounts.pop(mount.id, None)
        for child in list(mount.children.values()):
            self._detach(child)
            self._forget(task, child)
        filesystem = mount.filesystem
        if not any(other.filesystem is filesystem for other in self.mounts.values()):
            self._lingering.append((mount, filesystem.root_dentry or mount.root))
            filesystem.unmounted()
        for lingering in self._lingering.copy():
            if not self._in_use(task, lingering[0]):
                self._lingering.remove(lingering)
                purge(lingering[1])

    def _in_use(self, task: Task, mount: Mount) -> bool:
        seen: set[int] = set()
        for other in task.kernel.tasks.values():
            fs = other.fs
            if fs.root.mount is mount or fs.cwd.mount is mount:
                return True
            files = other.files
            if id(files) not in seen:
                seen.add(id(files))
                if any(file.path is not None and file.path.mount is mount for _, file in files.items()):
                    return True
        return False

    def pivot_root(self, task: Task, new_root: Path, put_old: Path) -> None:
        """pivot_root(2). Raises: ENOTDIR, EBUSY (one of them is on the current root's mount), EINVAL."""
        old = task.fs.root
        old_mount, new_mount = old.mount, new_root.mount
        if not (new_root.dentry.is_directory and put_old.dentry.is_directory):
            raise LinuxError(errno.ENOTDIR)
        if new_mount is old_mount or put_old.mount is old_mount:
            raise LinuxError(errno.EBUSY)
        if (
            old.dentry is not old_mount.root
            or new_root.dentry is not new_mount.root
            or new_mount.parent is None
            or not put_old.is_below(new_root)
            or not new_root.is_below(old)
        ):
            raise LinuxError(errno.EINVAL)
        above, point = old_mount.parent, old_mount.point
        self._detach(new_mount)
        if above is not None and point is not None:
            self._detach(old_mount)
            self._attach(new_mount, Path(above, point))
        else:
            self.root = new_mount
        self._attach(old_mount, put_old)
        for other in task.kernel.tasks.values():
            fs = other.fs
            if fs.root == old:
                fs.root = new_root
            if fs.cwd == old:
                fs.cwd = new_root

    # -- mount points at start-up --
    def mount_point(self, path: bytes, directory: bool = True) -> Path:
        """The place at path (absolute, from the root of the namespace), made if it is missing: in its file system if
        that takes it, else as a synthetic one that only the dentry cache knows.

        Raises: ENOTDIR, ELOOP and what else resolution raises.
        """
        from sentry.vfs import namei

        start = self.start_task()
        root = start.fs.root
        parts = [part for part in path.split(b"/") if part]
        built = b""
        for number, part in enumerate(parts):
            built += b"/" + part
            wanted = directory or number < len(parts) - 1
            try:
                resolve(start, root, built)
                continue
            except LinuxError as error:
                if error.errno != errno.ENOENT:
                    raise
            try:
                if wanted:
                    namei.mkdir(start, root, built, 0o755)
                else:
                    namei.mknod(start, root, built, stat.S_IFREG | 0o644)
            except LinuxError:
                self._make_synthetic(start, built, wanted)
        return resolve(start, root, path)

    def _make_synthetic(self, task: Task, path: bytes, directory: bool) -> None:
        head, _, name = path.rpartition(b"/")
        above = resolve(task, task.fs.root, head or b"/")
        dentry = look_up(above, name)
        if dentry.kind:  # a dangling link: nothing can be mounted there
            raise LinuxError(errno.ENOENT)
        dentry.fill(_MountPoint(above.mount.filesystem, directory))
        dentry.synthetic = True
        pin(dentry)

    def start_task(self) -> Task:
        """A stand-in for a task, with root's credentials and "/" as its root: for resolving before there are tasks."""
        return _StartTask(self)  # type: ignore[return-value] # has what path resolution and namei use

    # -- texts --
    def visible(self, task: Task) -> Iterator[tuple[Mount, bytes]]:
        """The mounts that task can reach from its root, with their mount points as it sees them, parents first."""
        root = task.fs.root
        for mount in sorted(self.mounts.values(), key=lambda mount: mount.id):
            name, reachable = Path(mount, mount.root).relative_to(root)
            if reachable:
                yield mount, name

    def mounts_text(self, task: Task) -> bytes:
        """/proc/PID/mounts."""
        return b"".join(
            b" ".join(
                (
                    escape(mount.source),
                    escape(point),
                    escape(mount.filesystem.type),
                    _mount_options(mount) + _more(mount.filesystem.options),
                    b"0 0\n",
                )
            )
            for mount, point in self.visible(task)
        )

    def mountinfo_text(self, task: Task) -> bytes:
        """/proc/PID/mountinfo."""
        lines = []
        for mount, point in self.visible(task):
            filesystem = mount.filesystem
            parent = mount.parent.id if mount.parent is not None else mount.id
            lines.append(
                b"%d %d %d:%d %s %s %s - %s %s %s\n"
                % (
                    mount.id,
                    parent,
                    os.major(filesystem.dev),
                    os.minor(filesystem.dev),
                    escape(mount.root.name_in_filesystem()),
                    escape(point),
                    _mount_options(mount),
                    escape(filesystem.type),
                    escape(mount.source),
                    (b"ro" if mount.flags & MS_RDONLY else b"rw") + _more(filesystem.options),
                )
            )
        return b"".join(lines)


def _root_dentry(filesystem: Filesystem) -> Dentry:
    dentry = filesystem.root_dentry
    if dentry is None:
        dentry = filesystem.root_dentry = Dentry(b"/", None, filesystem.root)
    return dentry


def mount_options(mount: Mount) -> bytes:
    """The mount's own options, such as b"rw,nosuid,relatime"."""
    words = [b"ro" if mount.flags & MS_RDONLY else b"rw"]
    words += [word for flag, word in _OPTIONS if mount.flags & flag]
    if not mount.flags & MS_NOATIME:
        words.append(b"relatime")
    return b",".join(words)


_mount_options = mount_options


def _more(options: bytes) -> bytes:
    return b"," + options if options else b""


def escape(text: bytes) -> bytes:
    """Octal escapes of the characters that would break a line of /proc/mounts (mangle of fs/proc_namespace.c)."""
    if not any(byte in text for byte in b" \t\n\\#"):
        return text or b"none"
    return b"".join(b"\\%03o" % byte if byte in b" \t\n\\#" else bytes((byte,)) for byte in text)


class _StartTask:
    """What resolve() and namei need of a task, before there is one."""

    def __init__(self, namespace: MountNamespace) -> None:
        root = namespace.root_path
        self.credentials = Credentials()
        self.fs = FsContext(root, root, 0)
        self.process = self
        self.kernel = self
        self.tasks: dict[int, object] = {}


class _MountPoint(Inode):
    """An empty directory or file that only serves to be mounted upon."""

    __slots__ = ("_attributes",)

    def __init__(self, filesystem: Filesystem, directory: bool) -> None:
        super().__init__(filesystem)
        mode = stat.S_IFDIR | 0o755 if directory else stat.S_IFREG | 0o644
        self._attributes = Attributes(
            ino=0x7FFFFFFF00000000 | (id(self) >> 4 & 0xFFFFFFFF), mode=mode, nlink=2 if directory else 1,
            dev=filesystem.dev,
        )  # fmt: skip

    def attributes(self) -> Attributes:
        return self._attributes

    def lookup(self, name: bytes) -> Inode:
        raise LinuxError(errno.ENOENT if stat.S_ISDIR(self._attributes.mode) else errno.ENOTDIR)

    def entries(self, task: Task) -> list[DirectoryEntry]:
        if stat.S_ISDIR(self._attributes.mode):
            return []
        raise LinuxError(errno.ENOTDIR)

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        if stat.S_ISDIR(self._attributes.mode):
            return DirectoryFile(flags, self, path)
        return _EmptyFile(flags, self, path)


class _EmptyFile(OpenFile):
    __slots__ = ()

    def pread(self, size: int, offset: int) -> bytes:
        return b""
