# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Files in memory: tmpfs(5), memfd_create(2), and the writable layer of sentry/fs/overlay.py.

Owns Budget (what all of it may take), Content (the bytes of a regular file), the nodes (file, directory, link, special)
and the file system. A small file is a bytearray of the sentry; one that grew or that somebody maps is a memfd, which
the tasks map themselves, so that shared mappings and read(2)/write(2) see the same pages.

A node dies with its last reference (name, description, dentry): there are no reference cycles among nodes, so CPython
frees it at once, and __del__ gives back what it took. Source: mm/shmem.c, tmpfs(5), compared with native runs.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
from time import time_ns

from sentry.abi.errors import LinuxError
from sentry.lean import OrderedDict
from sentry.vfs.attributes import AttributeChange, Attributes, DirectoryEntry
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus, allocate_dev
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

PAGE = 4096
TMPFS_MAGIC = 0x01021994
SMALL = 64 * 1024  # bytes; files above are memfds
MAX_SIZE = 2**63 - 1  # MAX_LFS_FILESIZE
MAX_TARGET = 4095

FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2
XATTR_CREATE, XATTR_REPLACE = 1, 2
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE, F_SEAL_EXEC = 1, 2, 4, 8, 0x10, 0x20
_ALL_SEALS = 0x3F
_MFD_CLOEXEC, _MFD_ALLOW_SEALING = 1, 2
_PROT_WRITE = 2
_MAX_INODES = 1 << 20
_NR_FALLOCATE = 285
_MAX_XATTR = 65536
_O_APPEND = os.O_APPEND

# How many memfds files may use; above it they stay in bytearrays unless mapped. The sentry needs descriptors for much
# else; whoever raises the limit later sets this too.
max_memfds = min(8000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)
_memfds = 0
# Without a memfd, this is the most that a hole may add to a file.
_MAX_HELD_HOLE = 16 << 20


def _reopen_through_proc(fd: int) -> int:
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)


reopen_read_only: Callable[[int], int] = _reopen_through_proc
"""Gives a new host descriptor of the same file, open for reading only, or -1 (or OSError). A memfd is always born
writable, and a mapping of it could be made writable (mprotect(2)) by a task that may only read the file. The jailed
sentry has no /proc of its own: boot.py puts the kernel's method here."""


class Budget:
    """How many bytes and inodes may be in use; a mount's own budget also draws on its parent, the sandbox's total.

    limit, used: bytes (whole pages of data, targets and attributes as they are). inode_limit, inodes: names and
    nameless files; each takes 1 to 2 KB of our own memory, so by default there is a bound on them too.
    """

    __slots__ = ("inode_limit", "inodes", "limit", "parent", "used")

    def __init__(self, limit: int, inode_limit: int = 0, parent: Budget | None = None) -> None:
        self.limit = limit
        self.inode_limit = inode_limit or min(_MAX_INODES, max(1024, limit // 8192))
        self.parent = parent
        self.used = 0
        self.inodes = 0

    def reserve(self, size: int) -> None:
        """Raises: ENOSPC."""
        if self.used + size > self.limit:
            raise LinuxError(errno.ENOSPC)
        if self.parent is not None:
            self.parent.reserve(size)
        self.used += size

    def release(self, size: int) -> None:
        self.used -= size
        if self.parent is not None:
            self.parent.release(size)

    def add_inode(self, count: int = 1) -> None:
        """Raises: ENOSPC."""
        if self.inodes + count > self.inode_limit:
            raise LinuxError(errno.ENOSPC)
        if self.parent is not None:
            self.parent.add_inode(count)
        self.inodes += count

    def drop_inodes(self, count: int = 1) -> None:
        self.inodes -= count
        if self.parent is not None:
            self.parent.drop_inodes(count)

    def status(self, magic: int) -> FilesystemStatus:
        """statfs(2) of a file system that draws on this: what is free here and in every budget above."""
        budget: Budget | None = self
        free = free_inodes = 2**62
        while budget is not None:
            free = min(free, budget.limit - budget.used)
            free_inodes = min(free_inodes, budget.inode_limit - budget.inodes)
            budget = budget.parent
        return FilesystemStatus(
            magic=magic,
            blocks=self.limit // PAGE,
            blocks_free=max(0, free) // PAGE,
            files=self.inode_limit,
            files_free=max(0, free_inodes),
        )


def _half_of_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


total = Budget(_half_of_memory())
"""What all memory file systems of the sandbox may take together; boot.py sets its limit."""


# -- the bytes of a file --
# Read-only descriptors of memfds, made when a file is mapped by somebody who may only read it; few are kept.
_read_only: OrderedDict[int, int] = OrderedDict()  # by the memfd's number
_MAX_READ_ONLY = 256


def _forget_read_only(fd: int) -> None:
    if _read_only:
        read_only = _read_only.pop(fd, -1)
        if read_only >= 0:
            os.close(read_only)


class Content:
    """The bytes of a regular file: data (fd -1) or a memfd.

    size: bytes. charged: bytes taken from the budget, never less than the pages that are allocated. mapped: somebody
    mapped it once, so all of its size counts, since holes can be filled without our knowledge.
    """

    __slots__ = ("budget", "charged", "data", "fd", "mapped", "seals", "size")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.data = bytearray()
        self.fd = -1
        self.size = 0
        self.charged = 0
        self.mapped = False
        self.seals = F_SEAL_SEAL

    def __del__(self) -> None:
        if self.charged:
            self.budget.release(self.charged)
        if self.fd >= 0:
            global _memfds
            _memfds -= 1
            _forget_read_only(self.fd)
            os.close(self.fd)

    def _charge(self, charged: int) -> None:
        change = charged - self.charged
        if change > 0:
            self.budget.reserve(change)
        elif change:
            self.budget.release(-change)
        self.charged = charged

    def _recount(self) -> None:
        """Charges what is allocated now, where we can know it."""
        if self.fd >= 0 and not self.mapped:
            self._charge(os.fstat(self.fd).st_blocks * 512)

    @property
    def blocks(self) -> int:
        """The st_blocks of it: allocated bytes in units of 512."""
        if self.fd >= 0 and (self.mapped or self.charged < self.size):
            return os.fstat(self.fd).st_blocks
        return self.charged >> 9

    def to_memfd(self) -> None:
        """Moves the bytes to a memfd. Raises: ENFILE."""
        global _memfds
        if self.fd >= 0:
            return
        try:
            fd = os.memfd_create("tmpfs", _MFD_CLOEXEC | _MFD_ALLOW_SEALING)
        except OSError:
            raise LinuxError(errno.ENFILE) from None
        _memfds += 1
        self.fd = fd
        if self.size:
            os.ftruncate(fd, self.size)
            os.pwrite(fd, self.data, 0)
        self.data = bytearray()

    def _outgrow(self) -> None:
        if _memfds < max_memfds:
            try:
                self.to_memfd()
            except LinuxError:
                pass  # it stays where it is

    def read(self, size: int, offset: int) -> bytes:
        available = self.size - offset
        if available <= 0:
            return b""
        if size > available:
            size = available
        if self.fd >= 0:
            return os.pread(self.fd, size, offset)
        if size == self.size:
            return bytes(self.data)
        return bytes(memoryview(self.data)[offset : offset + size])

    def prepare(self, offset: int, size: int) -> int:
        """Makes room for a write: the memfd to write to, or -1 (write to data). Raises: ENOSPC, EFBIG, EPERM."""
        end = offset + size
        if end > MAX_SIZE or offset < 0:
            raise LinuxError(errno.EFBIG)
        if self.seals > F_SEAL_SEAL:
            self._check_seals(end)
        if self.fd < 0:
            if end <= SMALL:
                return -1
            self._outgrow()
            if self.fd < 0:
                return -1
        logical = (max(self.size, end) + PAGE - 1) & -PAGE
        if self.charged < logical:
            pages = ((end + PAGE - 1) & -PAGE) - (offset & -PAGE)
            self._charge(min(self.charged + pages, logical))
        return self.fd

    def wrote(self, offset: int, size: int, expected: int) -> None:
        """Size bytes of expected ones were written to the memfd after prepare()."""
        end = offset + size
        if size and end > self.size:
            self.size = end
        if size < expected or self.charged < self.size:
            self._recount()

    def write(self, data: bytes | memoryview, offset: int) -> int:
        """Raises: ENOSPC, EFBIG, EPERM."""
        size = len(data)
        if not size:
            return 0
        fd = self.prepare(offset, size)
        if fd >= 0:
            try:
                count = os.pwrite(fd, data, offset)
            except OSError as error:
                self._recount()
                raise LinuxError.from_host(error) from None
            self.wrote(offset, count, size)
            return count
        held = self.data
        end = offset + size
        if end > self.size:
            pages = (end + PAGE - 1) & -PAGE
            if pages != self.charged:
                self._charge(pages)
            if offset > self.size:
                self._check_held_hole(offset)
                held.extend(bytes(offset - self.size))
            self.size = end
        held[offset:end] = data
        return size

    def _check_held_hole(self, size: int) -> None:
        if size - self.size > _MAX_HELD_HOLE:
            raise LinuxError(errno.ENOSPC)

    def _check_seals(self, end: int) -> None:
        if self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) or (self.seals & F_SEAL_GROW and end > self.size):
            raise LinuxError(errno.EPERM)

    def resize(self, size: int) -> None:
        """Raises: EFBIG, ENOSPC, EPERM (seals)."""
        if size > MAX_SIZE:
            raise LinuxError(errno.EFBIG)
        old = self.size
        if (self.seals & F_SEAL_SHRINK and size < old) or (self.seals & F_SEAL_GROW and size > old):
            raise LinuxError(errno.EPERM)
        if size == old:
            return
        if self.fd < 0 and size > SMALL:
            self._outgrow()
        pages = (size + PAGE - 1) & -PAGE
        if self.fd >= 0:
            if self.mapped:
                self._charge(pages)
            try:
                os.ftruncate(self.fd, size)
            except OSError as error:
                raise LinuxError.from_host(error) from None
            self.size = size
            if size < old:
                self._recount()
            return
        if size > old:
            self._check_held_hole(size)
            self._charge(pages)
            self.data.extend(bytes(size - old))
        else:
            del self.data[size:]
            self._charge(pages)
        self.size = size

    def allocate(self, mode: int, offset: int, size: int) -> None:
        """fallocate(2) as tmpfs has it. Raises: EOPNOTSUPP, EINVAL, EFBIG, ENOSPC, EPERM."""
        if mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) or mode == FALLOC_FL_PUNCH_HOLE:
            raise LinuxError(errno.EOPNOTSUPP)
        if offset < 0 or size <= 0:
            raise LinuxError(errno.EINVAL)
        end = offset + size
        if end > MAX_SIZE:
            raise LinuxError(errno.EFBIG)
        if mode & FALLOC_FL_PUNCH_HOLE:
            if self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
                raise LinuxError(errno.EPERM)
            if self.fd < 0:
                end = min(end, self.size)
                if end > offset:
                    self.data[offset:end] = bytes(end - offset)
            else:
                self._host_allocate(mode, offset, size)
                self._recount()
            return
        if self.seals & F_SEAL_GROW and end > self.size:
            raise LinuxError(errno.EPERM)
        if self.fd < 0:
            if mode & FALLOC_FL_KEEP_SIZE or end <= self.size:
                return  # pages that nobody can tell from those that a write takes later
            if end <= SMALL:
                self.resize(end)
                return
            # Data that is in the sentry already must not be: the room is to be there.
            self.to_memfd()
        limit = max(self.size, end) if not mode & FALLOC_FL_KEEP_SIZE else end
        logical = (max(self.size, limit) + PAGE - 1) & -PAGE
        if self.charged < logical:
            pages = ((end + PAGE - 1) & -PAGE) - (offset & -PAGE)
            self._charge(min(self.charged + pages, logical))
        try:
            self._host_allocate(mode, offset, size)
        finally:
            self._recount()
        if not mode & FALLOC_FL_KEEP_SIZE and end > self.size:
            self.size = end

    def _host_allocate(self, mode: int, offset: int, size: int) -> None:
        # Not at the top: all but this works without the native core (unit tests, tools).
        from sentry.core import native

        result = native.syscall(_NR_FALLOCATE, self.fd, mode, offset, size)
        if result < 0:
            raise LinuxError(-result)

    def seek(self, offset: int, whence: int) -> int:
        """SEEK_DATA, SEEK_HOLE. Raises: ENXIO."""
        if offset < 0 or offset >= self.size:
            raise LinuxError(errno.ENXIO)
        if self.fd < 0:
            # A page of zeros passes for a hole.
            wanted = whence == os.SEEK_DATA
            while offset < self.size:
                following = (offset | PAGE - 1) + 1
                if bool(self.data[offset & -PAGE : following].strip(b"\0")) == wanted:
                    return offset
                offset = following
            if wanted:
                raise LinuxError(errno.ENXIO)
            return self.size
        try:
            return os.lseek(self.fd, offset, whence)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def mappable(self, writable: bool) -> int:
        """The memfd, or a descriptor of it that can only be read. Raises: ENOMEM (over the budget), ENFILE."""
        self.to_memfd()
        if not self.mapped:
            pages = (self.size + PAGE - 1) & -PAGE
            try:
                self._charge(max(pages, self.charged))
            except LinuxError:
                raise LinuxError(errno.ENOMEM) from None
            self.mapped = True
        fd = self.fd
        if writable:
            return fd
        read_only = _read_only.get(fd, -1)
        if read_only < 0:
            try:
                read_only = reopen_read_only(fd)
            except OSError:
                read_only = -1
            if read_only < 0:
                raise LinuxError(errno.ENFILE)
            _read_only[fd] = read_only
            if len(_read_only) > _MAX_READ_ONLY:
                os.close(_read_only.popitem(last=False)[1])
        return read_only

    def add_seals(self, seals: int) -> None:
        """F_ADD_SEALS. Raises: EINVAL, EPERM (sealed against it), EBUSY (F_SEAL_WRITE while mapped writable)."""
        if seals & ~_ALL_SEALS:
            raise LinuxError(errno.EINVAL)
        if self.seals & F_SEAL_SEAL:
            raise LinuxError(errno.EPERM)
        self.to_memfd()
        try:
            # The host counts the writable mappings, and keeps later ones away.
            fcntl.fcntl(self.fd, F_ADD_SEALS, seals & ~(F_SEAL_SEAL | F_SEAL_EXEC))
        except OSError as error:
            raise LinuxError.from_host(error) from None
        self.seals |= seals


# -- nodes --
class Node(Inode):
    """An inode in memory. stat: the live attributes, handed out as they are; size and blocks may lag (attributes()).

    extra: bytes of the budget that targets and extended attributes take.
    """

    __slots__ = ("budget", "extra", "stat", "xattrs")

    def __init__(
        self,
        filesystem: Filesystem,
        budget: Budget,
        ino: int,
        mode: int,
        uid: int,
        gid: int,
        rdev: int = 0,
        nlink: int = 1,
    ) -> None:
        self.extra = -1
        budget.add_inode()
        self.extra = 0
        self.filesystem = filesystem
        self.budget = budget
        now = time_ns()
        self.stat = Attributes(
            ino, mode, nlink, uid, gid, 0, 0, PAGE, rdev, filesystem.dev, now, now, now, now
        )  # fmt: skip
        self.xattrs: dict[bytes, bytes] | None = None

    def __del__(self) -> None:
        if self.extra < 0:
            return  # there was no room for it
        if self.extra:
            self.budget.release(self.extra)
        nlink = self.stat.nlink
        self.budget.drop_inodes(nlink if nlink > 1 and not stat.S_ISDIR(self.stat.mode) else 1)

    def attributes(self) -> Attributes:
        return self.stat

    def set_attributes(self, change: AttributeChange) -> None:
        attributes = self.stat
        now = time_ns()
        if change.size is not None:
            self._resize(change.size, now)
        if change.mode is not None:
            attributes.mode = attributes.mode & 0o170000 | change.mode & 0o7777
        if change.uid is not None:
            attributes.uid = change.uid
        if change.gid is not None:
            attributes.gid = change.gid
        if change.atime is not None:
            attributes.atime = change.atime
        if change.mtime is not None:
            attributes.mtime = change.mtime
        attributes.ctime = now

    def _resize(self, size: int, now: int) -> None:
        raise LinuxError(errno.EINVAL)

    # -- links, for directories --
    def add_link(self) -> None:
        """One name more. Raises: ENOSPC."""
        attributes = self.stat
        if attributes.nlink:
            self.budget.add_inode()
        attributes.nlink += 1
        attributes.ctime = time_ns()

    def drop_link(self) -> None:
        """One name less."""
        attributes = self.stat
        attributes.nlink -= 1
        if attributes.nlink:
            self.budget.drop_inodes()
        attributes.ctime = time_ns()

    # -- extended attributes --
    def get_xattr(self, name: bytes) -> bytes:
        self._check_xattr(name, False)
        if self.xattrs is None or name not in self.xattrs:
            raise LinuxError(errno.ENODATA)
        return self.xattrs[name]

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        self._check_xattr(name, True)
        if len(value) > _MAX_XATTR:
            raise LinuxError(errno.E2BIG)
        if self.xattrs is None:
            self.xattrs = {}
        old = self.xattrs.get(name)
        if flags & XATTR_CREATE and old is not None:
            raise LinuxError(errno.EEXIST)
        if flags & XATTR_REPLACE and old is None:
            raise LinuxError(errno.ENODATA)
        if old is None:
            self._take(len(name) + len(value) + 100)
        else:
            self._take(len(value) - len(old))
        self.xattrs[name] = bytes(value)
        self.stat.ctime = time_ns()

    def list_xattr(self) -> list[bytes]:
        return list(self.xattrs or ())

    def remove_xattr(self, name: bytes) -> None:
        self._check_xattr(name, True)
        if self.xattrs is None or name not in self.xattrs:
            raise LinuxError(errno.ENODATA)
        self._take(-(len(name) + len(self.xattrs.pop(name)) + 100))
        self.stat.ctime = time_ns()

    def adopt_xattrs(self, found: dict[bytes, bytes]) -> None:
        """Takes over the extended attributes of a file that this node replaces. Raises: ENOSPC."""
        self._take(sum(len(name) + len(value) + 100 for name, value in found.items()))
        self.xattrs = found

    def _check_xattr(self, name: bytes, change: bool) -> None:
        if name.startswith(b"user."):
            if not stat.S_ISREG(self.stat.mode) and not stat.S_ISDIR(self.stat.mode):
                raise LinuxError(errno.EPERM if change else errno.ENODATA)
        elif not name.startswith((b"trusted.", b"security.")):
            raise LinuxError(errno.EOPNOTSUPP)

    def _take(self, size: int) -> None:
        if size > 0:
            self.budget.reserve(size)
        else:
            self.budget.release(-size)
        self.extra += size


class FileNode(Node):
    """A regular file."""

    __slots__ = ("content",)

    def __init__(
        self, filesystem: Filesystem, budget: Budget, ino: int, mode: int, uid: int, gid: int, nlink: int = 1
    ) -> None:
        super().__init__(filesystem, budget, ino, mode, uid, gid, 0, nlink)
        self.content = Content(budget)

    def attributes(self) -> Attributes:
        attributes = self.stat
        content = self.content
        attributes.size = content.size
        attributes.blocks = content.blocks
        return attributes

    def open(self, flags: int, path: Path | None, task: Task | None) -> OpenFile:
        return MemoryFile(flags, self, path, self)

    def _resize(self, size: int, now: int) -> None:
        if size != self.content.size:
            self.content.resize(size)
            self.stat.mtime = now


class LinkNode(Node):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, filesystem: Filesystem, budget: Budget, ino: int, target: bytes, uid: int, gid: int) -> None:
        if len(target) > MAX_TARGET:
            self.extra = -1
            raise LinuxError(errno.ENAMETOOLONG)
        super().__init__(filesystem, budget, ino, stat.S_IFLNK | 0o777, uid, gid)
        self._take(len(target))
        self.target = target
        self.stat.size = len(target)

    def readlink(self, task: Task) -> bytes:
        return self.target


class SpecialNode(Node):
    """A FIFO, a socket or a device node: sentry/vfs/special.py opens it."""

    __slots__ = ()


class DirectoryNode(Node):
    """A directory."""

    __slots__ = ("children",)

    def __init__(self, filesystem: Filesystem, budget: Budget, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(filesystem, budget, ino, mode, uid, gid, 0, 2)
        self.children: dict[bytes, Node] = {}
        self.stat.size = 40

    def lookup(self, name: bytes) -> Inode:
        child = self.children.get(name)
        if child is None:
            raise LinuxError(errno.ENOENT)
        return child

    def lookup_many(self, names: list[bytes]) -> list[Inode]:
        found: list[Inode] = []
        directory: Node = self
        for name in names:
            if not isinstance(directory, DirectoryNode):
                break
            child = directory.children.get(name)
            if child is None:
                break
            found.append(child)
            directory = child
        return found

    def entries(self, task: Task) -> list[DirectoryEntry]:
        return [DirectoryEntry(name, node.stat.ino, node.stat.mode >> 12 & 15) for name, node in self.children.items()]

    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        return DirectoryFile(flags, self, path)

    def _add(self, name: bytes, node: Node) -> Node:
        self.children[name] = node
        attributes = self.stat
        attributes.size += 20
        if isinstance(node, DirectoryNode):
            attributes.nlink += 1
        attributes.mtime = attributes.ctime = time_ns()
        return node

    def _remove(self, name: bytes) -> None:
        node = self.children.pop(name)
        attributes = self.stat
        attributes.size -= 20
        if isinstance(node, DirectoryNode):
            attributes.nlink -= 1
        attributes.mtime = attributes.ctime = time_ns()

    @property
    def _tmpfs(self) -> TmpfsFilesystem:
        filesystem = self.filesystem
        assert isinstance(filesystem, TmpfsFilesystem)
        return filesystem

    def create(self, name: bytes, mode: int, uid: int, gid: int, rdev: int = 0) -> Inode:
        tmpfs = self._tmpfs
        if stat.S_ISREG(mode):
            return self._add(name, FileNode(tmpfs, self.budget, tmpfs.next_ino(), mode, uid, gid))
        return self._add(name, SpecialNode(tmpfs, self.budget, tmpfs.next_ino(), mode, uid, gid, rdev))

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        tmpfs = self._tmpfs
        return self._add(name, DirectoryNode(tmpfs, self.budget, tmpfs.next_ino(), mode, uid, gid))

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        tmpfs = self._tmpfs
        return self._add(name, LinkNode(tmpfs, self.budget, tmpfs.next_ino(), target, uid, gid))

    def temporary(self, mode: int, uid: int, gid: int) -> Inode:
        tmpfs = self._tmpfs
        return FileNode(tmpfs, self.budget, tmpfs.next_ino(), mode, uid, gid, nlink=0)

    def link(self, name: bytes, target: Inode) -> None:
        assert isinstance(target, Node)
        target.add_link()
        self._add(name, target)

    def unlink(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, Node)
        self._remove(name)
        child.drop_link()

    def rmdir(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, DirectoryNode)
        if child.children:
            raise LinuxError(errno.ENOTEMPTY)
        self._remove(name)
        child.stat.nlink = 0
        child.stat.ctime = time_ns()

    def rename(
        self, name: bytes, child: Inode, directory: Inode, new_name: bytes, replaced: Inode | None, exchange: bool
    ) -> None:
        assert isinstance(child, Node)
        assert isinstance(directory, DirectoryNode)
        if exchange:
            assert isinstance(replaced, Node)
            self._remove(name)
            directory._remove(new_name)
            self._add(name, replaced)
            replaced.stat.ctime = time_ns()
        else:
            if replaced is not None:
                if isinstance(replaced, DirectoryNode):
                    directory.rmdir(new_name, replaced)
                else:
                    directory.unlink(new_name, replaced)
            self._remove(name)
        directory._add(new_name, child)
        child.stat.ctime = time_ns()


class TmpfsFilesystem(Filesystem):
    """A mounted tmpfs. size: bytes, inodes: how many; 0: as the parent budget allows."""

    type = b"tmpfs"
    source = b"tmpfs"

    def __init__(
        self, dev: int, parent: Budget, mode: int = 0o1777, uid: int = 0, gid: int = 0, size: int = 0, inodes: int = 0
    ) -> None:
        super().__init__(dev)
        self._ino = 0
        self.budget = Budget(size or parent.limit, inodes or parent.inode_limit, parent)
        self.root = DirectoryNode(self, self.budget, self.next_ino(), stat.S_IFDIR | mode & 0o7777, uid, gid)

    def next_ino(self) -> int:
        """A new inode number."""
        self._ino += 1
        return self._ino

    def status(self) -> FilesystemStatus:
        return self.budget.status(TMPFS_MAGIC)


_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def _size_option(text: str, whole: int) -> int:
    unit = text[-1:].lower()
    try:
        if unit == "%":
            return whole * int(text[:-1]) // 100
        if unit in _UNITS:
            return int(text[:-1], 0) * _UNITS[unit]
        return int(text, 0)
    except ValueError:
        raise LinuxError(errno.EINVAL) from None


def make_tmpfs(data: dict[str, str], parent: Budget | None = None) -> TmpfsFilesystem:
    """A tmpfs with the options of tmpfs(5): size, nr_blocks, nr_inodes, mode, uid, gid; others are EINVAL, but for
    those that only tune (huge, mpol, inode32, inode64, noswap). Raises: EINVAL."""
    parent = parent or total
    size = inodes = uid = gid = 0
    mode = 0o1777
    shown = []
    for key, text in data.items():
        if key in ("size", "nr_blocks"):
            size = _size_option(text, parent.limit * 2) * (PAGE if key == "nr_blocks" else 1)
            shown.append(f"size={size // 1024}k")
        elif key == "nr_inodes":
            inodes = _size_option(text, parent.inode_limit)
            shown.append(f"nr_inodes={inodes}")
        elif key in ("mode", "uid", "gid"):
            try:
                number = int(text, 8 if key == "mode" else 10)
            except ValueError:
                raise LinuxError(errno.EINVAL) from None
            if not 0 <= number <= 0xFFFFFFFF:
                raise LinuxError(errno.EINVAL)
            if key == "mode":
                mode = number & 0o7777
                shown.append(f"mode={mode:o}")
            elif key == "uid":
                uid = number
                shown.append(f"uid={uid}")
            else:
                gid = number
                shown.append(f"gid={gid}")
        elif key not in ("huge", "mpol", "inode32", "inode64", "noswap"):
            raise LinuxError(errno.EINVAL)
    filesystem = TmpfsFilesystem(allocate_dev(), parent, mode, uid, gid, max(0, size), max(0, inodes))
    filesystem.options = ",".join(shown).encode()
    return filesystem


# -- open files --
class MemoryFile(OpenFile):
    """A description of a regular file in memory. node: whose content it is (inode may be one that wraps the node)."""

    __slots__ = ("_expected", "content", "node")

    def __init__(self, flags: int, inode: Inode, path: Path | None, node: FileNode) -> None:
        super().__init__(flags, inode, path)
        self.node = node
        self.content = node.content
        self._expected = 0

    def read(self, size: int) -> bytes:
        offset = self.offset
        data = self.content.read(size, offset)
        self.offset = offset + len(data)
        self._accessed()
        return data

    def pread(self, size: int, offset: int) -> bytes:
        self._accessed()
        return self.content.read(size, offset)

    def _accessed(self) -> None:
        # relatime: a read is noted if the file was changed since the last one.
        attributes = self.node.stat
        if attributes.atime <= attributes.mtime and not self.flags & os.O_NOATIME:
            attributes.atime = time_ns()

    def write(self, data: bytes | memoryview) -> int:
        if not data:
            return 0
        offset = self.content.size if self.flags & _O_APPEND else self.offset
        count = self.content.write(data, offset)
        self.offset = offset + count
        attributes = self.node.stat
        attributes.mtime = attributes.ctime = time_ns()
        return count

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        if not data:
            return 0
        # Linux appends here too (pwrite(2), bugs).
        count = self.content.write(data, self.content.size if self.flags & _O_APPEND else offset)
        attributes = self.node.stat
        attributes.mtime = attributes.ctime = time_ns()
        return count

    def prepare_write(self, offset: int, size: int) -> int:
        self._expected = size
        return self.content.prepare(offset, size)

    def wrote(self, offset: int, count: int) -> None:
        self.content.wrote(offset, count, self._expected)
        attributes = self.node.stat
        attributes.mtime = attributes.ctime = time_ns()

    def seek(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_CUR:
            offset += self.offset
        elif whence == os.SEEK_END:
            offset += self.content.size
        elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
            offset = self.content.seek(offset, whence)
        elif whence != os.SEEK_SET:
            raise LinuxError(errno.EINVAL)
        if offset < 0 or offset > MAX_SIZE:
            raise LinuxError(errno.EINVAL)
        self.offset = offset
        return offset

    def truncate(self, size: int) -> None:
        self.node.set_attributes(AttributeChange(size=size))

    def allocate(self, mode: int, offset: int, size: int) -> None:
        self.content.allocate(mode, offset, size)
        attributes = self.node.stat
        attributes.mtime = attributes.ctime = time_ns()

    def sync(self) -> None:
        """Memory is as safe as it gets."""

    def mappable(self, protection: int, shared: bool) -> int:
        content = self.content
        writable = self.writable
        if shared and protection & _PROT_WRITE and content.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
            raise LinuxError(errno.EPERM)
        return content.mappable(writable)

    @property
    def host_fd(self) -> int:
        return self.content.fd


class MemfdFile(MemoryFile):
    """What memfd_create(2) gives."""

    __slots__ = ("_name",)

    def __init__(self, node: FileNode, name: bytes) -> None:
        super().__init__(os.O_RDWR, node, None, node)
        self._name = name

    def name(self, task: Task) -> bytes:
        return b"/memfd:" + self._name + b" (deleted)"


_memfd_filesystem: list[TmpfsFilesystem] = []


def make_memfd(name: bytes, allow_sealing: bool, uid: int, gid: int, mode: int = 0o777) -> MemfdFile:
    """memfd_create(2): a nameless file; name is only shown. Raises: ENOSPC."""
    if not _memfd_filesystem:
        _memfd_filesystem.append(TmpfsFilesystem(allocate_dev(), total))
    filesystem = _memfd_filesystem[0]
    node = FileNode(filesystem, filesystem.budget, filesystem.next_ino(), stat.S_IFREG | mode, uid, gid, nlink=0)
    if allow_sealing:
        node.content.seals = 0
    return MemfdFile(node, name)
