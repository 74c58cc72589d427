# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Files of the host, by way of the gofer (gofer/protocol.py).

Owns the sentry's end of the protocol, the caches that keep round trips rare, and the descriptors the gofer donated.
Round trips are what costs (60-100 µs each), so:

- A walk asks for all its names at once, and brings along a descriptor of the regular file it ends at.
- In an exclusive file system (the sandbox owns the tree) nothing is asked twice: names, missing names and attributes
  are kept and changed by our own operations, whose replies bring the new attributes of everything they touched.
- A directory that was listed answers for all its names.
- A file that is open for writing is asked through its descriptor (fstat), which costs no round trip.

A shared file system keeps none of this: every name and attribute is asked for again (attributes hold for
_FRESH ns, so that one system call does not ask twice).

An inode is found again by (host device, host inode number), so that hard links share their attributes. It has no
handle at the gofer: its path is made of the names that lead to it. One without a name left lives on in its descriptors
only; its owner, mode and times can then be seen by nobody else and are changed here alone.

Every byte from the gofer is checked by protocol.check_reply; a gofer that lies or dies ends the sandbox (SentryDown).
"""

from __future__ import annotations

import errno
import os
import resource
import stat
import struct
import time
from weakref import WeakValueDictionary

from gofer import protocol
from gofer.protocol import ATTRIBUTES, ATTRIBUTES_SIZE, DONATES, ProtocolError, check_reply
from sentry.abi.errors import LinuxError, SentryDown
from sentry.vfs.attributes import AttributeChange, Attributes, DirectoryEntry
from sentry.vfs.directory import DirectoryFile
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import Filesystem, FilesystemStatus
from sentry.vfs.inode import Inode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol, cast

    from sentry.kernel.task import Task
    from sentry.vfs.path import Path

    class Transport(Protocol):
        """What is needed of gofer.channel.Channel."""

        def send(self, message: object, descriptors: Sequence[int] = ()) -> None: ...

        def receive(self) -> tuple[object, list[int]]: ...

else:

    def cast(_kind: object, value: object) -> object:
        """typing.cast, without its module."""
        return value


_HEAD = struct.Struct("<QQI")  # dev ino mode: how ATTRIBUTES begins
_HEAD_SIZE = _HEAD.size
_BIRTH = ATTRIBUTES_SIZE - 8  # where btime, the last field, begins
_MODE_AND_LINKS = struct.Struct("<II")  # at offset 16
_FRESH = 1_000_000  # ns
_DIRECTORY_TRUST = 20_000_000  # ns
_READ_LIMIT = 16 << 20  # bytes of one read into a Python object
_ENTRY_LIMIT = 1 << 16  # cached names of one file system
_LISTING_LIMIT = 1 << 14  # a larger directory is not cached
_UNKNOWN = b""  # a cached name: of its attributes nothing is known
_NR_FALLOCATE = 285
_SYNC_FLAGS = os.O_SYNC | os.O_DSYNC


class Donated:
    """A descriptor from the gofer; closed when the last of its users drops it."""

    __slots__ = ("_client", "descriptor", "references")

    def __init__(self, client: GoferClient, descriptor: int) -> None:
        self._client = client
        self.descriptor = descriptor
        self.references = 1
        client.donated += 1

    def drop(self) -> None:
        """One user less."""
        self.references -= 1
        if self.references == 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self._client.donated -= 1


class GoferClient:
    """The connection that all gofer file systems of a sandbox share.

    donated: open descriptors from the gofer, at most limit (ENFILE beyond; 0: a part of what this process may have);
    cache_limit: how many of them are read-only ones kept for the next open. Synchronous: the sentry waits for each
    answer.
    """

    __slots__ = ("_cache", "_cache_limit", "_limit", "_pending", "_transport", "donated", "round_trips")

    def __init__(self, transport: Transport, limit: int = 0, cache_limit: int = 2000) -> None:
        self._transport = transport
        if not limit:
            # The rest is for memfds, the guest's sockets and our own channels.
            limit = min(max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 2 // 5, 16), 8000)
        self._limit = limit
        self._cache_limit = min(cache_limit, limit // 2)
        self._cache: dict[tuple[int, int, int], Donated] = {}  # (export, dev, ino), the least recently used first
        self._pending: tuple[GoferInode, Donated] | None = None
        self.donated = 0
        self.round_trips = 0

    def call(self, operation: int, *arguments: object) -> object:
        """The result of an operation that donates nothing. Raises: LinuxError, SentryDown."""
        return self._exchange(operation, arguments)[0]

    def call_donating(self, operation: int, *arguments: object) -> tuple[object, Donated | None]:
        """The result, and the descriptor where there has to be or may be one. Raises: LinuxError, SentryDown."""
        if self.donated >= self._limit and not self._evict():
            raise LinuxError(errno.ENFILE)
        result, descriptors = self._exchange(operation, arguments)
        return result, Donated(self, descriptors[0]) if descriptors else None

    def _exchange(self, operation: int, arguments: tuple[object, ...]) -> tuple[object, list[int]]:
        self.round_trips += 1
        descriptors: list[int] = []
        try:
            self._transport.send([operation, *arguments])
            reply, descriptors = self._transport.receive()
            number, result = check_reply(operation, reply)
            least, most = (0, 0) if number else DONATES.get(operation, (0, 0))
            if len(descriptors) > most:
                raise ProtocolError("unexpected descriptors")
        except ProtocolError as error:
            for descriptor in descriptors:
                os.close(descriptor)
            raise SentryDown(f"the gofer is gone or broken: {error}") from error
        if number:
            raise LinuxError(number)
        if len(descriptors) < least:  # it was sent, but this process had no number free
            self._evict()
            raise LinuxError(errno.ENFILE)
        return result, descriptors

    # -- read-only descriptors for the next open --
    @property
    def has_room(self) -> bool:
        """Is there room for descriptors that nobody has asked for yet?"""
        return self.donated < self._limit // 2

    def cached(self, key: tuple[int, int, int]) -> Donated | None:
        """A read-only descriptor of the file, for one more user."""
        found = self._cache.pop(key, None)
        if found is not None:
            self._cache[key] = found  # now the most recently used
            found.references += 1
        return found

    def keep(self, key: tuple[int, int, int], donated: Donated) -> None:
        """Caches a descriptor; takes over the caller's use of it."""
        self.forget(key)
        self._cache[key] = donated
        if len(self._cache) > self._cache_limit:
            self._evict()

    def forget(self, key: tuple[int, int, int]) -> None:
        """The file has no name any more: let the host free it."""
        found = self._cache.pop(key, None)
        if found is not None:
            found.drop()

    def _evict(self) -> bool:
        """Drops the pending descriptor and a part of the cache: was there anything?"""
        self.take_pending(None)
        keys = list(self._cache)[: max(1, len(self._cache) // 8)]
        for key in keys:
            self._cache.pop(key).drop()
        return bool(keys)

    # -- the descriptor of a file that was just made, for the open that follows --
    def set_pending(self, inode: GoferInode, donated: Donated) -> None:
        """Keeps the one descriptor until it is taken, or the next file is made."""
        self.take_pending(None)
        self._pending = (inode, donated)

    def take_pending(self, inode: GoferInode | None) -> Donated | None:
        """The descriptor, if it is inode's; None drops it."""
        pending = self._pending
        if pending is None or (inode is not None and pending[0] is not inode):
            return None
        self._pending = None
        if inode is None:
            pending[1].drop()
            return None
        return pending[1]


class GoferFilesystem(Filesystem):
    """One export of the gofer, mounted.

    allocate_dev gives the guest's device number for each further host file system below the export. host_syscall:
    Kernel.host_syscall. Raises: LinuxError if the export's root cannot be had.
    """

    def __init__(
        self,
        client: GoferClient,
        export: int,
        dev: int,
        *,
        allocate_dev: Callable[[], int],
        host_syscall: Callable[..., int],
        shared: bool = False,
        kind: bytes = b"9p",
        source: bytes = b"none",
    ) -> None:
        super().__init__(dev)
        self.client = client
        self.export = export
        self.shared = shared
        self.type = kind
        self.source = source
        self.host_syscall = host_syscall
        self.entries = 0  # cached names
        self._inodes: WeakValueDictionary[tuple[int, int], GoferInode] = WeakValueDictionary()
        self._allocate_dev = allocate_dev
        packed = cast(bytes, client.call(protocol.GETATTR, export, b""))
        self._devices = {_HEAD.unpack_from(packed)[0]: dev}
        self.root: GoferInode = GoferInode(self, packed)
        self._inodes[self.root.key] = self.root

    def guest_dev(self, host_dev: int) -> int:
        """The guest's st_dev for a host file system below the export."""
        dev = self._devices.get(host_dev)
        if dev is None:
            dev = self._devices[host_dev] = self._allocate_dev()
        return dev

    def inode(self, parent: GoferInode, name: bytes, packed: bytes, fresh: bool) -> GoferInode:
        """The inode that parent/name was found to be. fresh: the attributes have just been asked for."""
        dev, ino, mode = _HEAD.unpack_from(packed)
        inode = self._inodes.get((dev, ino))
        if inode is None or inode.kind != stat.S_IFMT(mode) or (self.shared and inode.born != packed[_BIRTH:]):
            inode = self._inodes[dev, ino] = GoferInode(self, packed)
            inode.links.append((parent, name))
            return inode
        inode.add_link(parent, name)
        if fresh:
            inode.store(packed)
        return inode

    def forget(self, inode: GoferInode) -> None:
        """The inode's number may be used for another file from now on."""
        if self._inodes.get(inode.key) is inode:
            del self._inodes[inode.key]
        self.client.forget((self.export, *inode.key))

    def count_entry(self, amount: int = 1) -> None:
        """More names are cached; forgets all of them when there are too many."""
        self.entries += amount
        if self.entries > _ENTRY_LIMIT:
            self.entries = 0
            for inode in list(self._inodes.values()):
                inode.forget_children()

    def revalidate(self, parent: Inode, name: bytes, child: Inode | None) -> bool:
        if not self.shared:
            return True
        assert isinstance(parent, GoferInode)
        if isinstance(child, GoferInode) and child.trusted_directory:
            return True
        try:
            found = parent.ask(name)
        except LinuxError:
            return False  # the walk asks again, and reports it
        return found is child

    def status(self) -> FilesystemStatus:
        result = cast("list[int]", self.client.call(protocol.STATFS, self.export, b""))
        magic, block_size, blocks, _, available, files, files_free, name_max = result
        return FilesystemStatus(magic, block_size, blocks, available, files, files_free, name_max)

    def sync(self) -> None:
        try:
            self.client.call(protocol.SYNC, self.export, b"", True)
        except LinuxError as error:
            if error.errno != errno.ENXIO:  # an export that is a socket or a device has nothing to write back
                raise


class GoferInode(Inode):
    """A file of an export. Identity: key, its (host device, host inode number). links: the (directory, name) pairs by
    which it can be reached, as far as they are known; the root has none and needs none."""

    __slots__ = (
        "_attributes",
        "_checked",
        "_children",
        "_complete",
        "_open",
        "_stat_fd",
        "_target",
        "key",
        "kind",
        "links",
    )

    filesystem: GoferFilesystem

    def __init__(self, filesystem: GoferFilesystem, packed: bytes) -> None:
        super().__init__(filesystem)
        dev, ino, mode = _HEAD.unpack_from(packed)
        self.key: tuple[int, int] = (dev, ino)
        self.kind = stat.S_IFMT(mode)
        self.links: list[tuple[GoferInode, bytes]] = []
        self._attributes = _unpack(filesystem, packed)
        self._checked = time.monotonic_ns() if filesystem.shared else 0
        # Of a directory, unless shared: a name's packed attributes, their head alone where they may change behind its
        # back (hard links), or None if there is no such name. _complete: names not in here do not exist.
        self._children: dict[bytes, bytes | None] = {}
        self._complete = False
        self._open: dict[int, Donated] = {}  # by access: for writing, or any if shared; not counted as users
        self._stat_fd = -1  # one of them
        self._target: bytes | None = None  # of a link

    # -- where it is --
    def path(self) -> bytes:
        """The path below the export. Raises: ENOENT if it has no name any more."""
        parts: list[bytes] = []
        inode = self
        while inode.links:
            inode, name = inode.links[0]
            parts.append(name)
        if inode is not inode.filesystem.root:
            raise LinuxError(errno.ENOENT)
        parts.reverse()
        path = b"/".join(parts)
        if len(path) > protocol.PATH_LIMIT:
            raise LinuxError(errno.ENAMETOOLONG)
        return path

    def _child_path(self, name: bytes) -> bytes:
        path = self.path()
        path = path + b"/" + name if path else name
        if len(path) > protocol.PATH_LIMIT:
            raise LinuxError(errno.ENAMETOOLONG)
        return path

    def add_link(self, parent: GoferInode, name: bytes) -> None:
        """It was found at parent/name. In a shared tree the newest place is tried first: older ones may be gone."""
        place = (parent, name)
        if not self.links or self.links[0] != place:
            if place in self.links:
                self.links.remove(place)
            elif self is self.filesystem.root:
                return  # bound below itself
            if self.filesystem.shared:
                self.links.insert(0, place)
                del self.links[16:]
            else:
                self.links.append(place)

    def _remove_link(self, parent: GoferInode, name: bytes) -> None:
        place = (parent, name)
        if place in self.links:
            self.links.remove(place)

    @property
    def born(self) -> bytes:
        """The file's time of birth, packed: tells it from another that got its number later."""
        return struct.pack("<q", self._attributes.btime)

    @property
    def removed(self) -> bool:
        """It has no name any more that we know of."""
        return not self.links and self is not self.filesystem.root

    # -- attributes --
    def store(self, packed: bytes) -> None:
        """The gofer has just said that these are its attributes."""
        _unpack_into(self._attributes, self.filesystem, packed)
        if self.filesystem.shared:
            self._checked = time.monotonic_ns()
        else:
            self._tell_parents(packed)

    def _tell_parents(self, packed: bytes) -> None:
        kept = _keepable(packed)
        for parent, name in self.links:
            if name in parent._children:
                parent._children[name] = kept

    def _packed(self) -> bytes:
        now = self._attributes
        return ATTRIBUTES.pack(
            *self.key, now.mode, now.nlink, now.uid, now.gid, now.rdev, now.size, now.blksize, now.blocks, now.atime,
            now.mtime, now.ctime, now.btime,
        )  # fmt: skip

    def _refresh(self) -> None:
        """Attributes from a descriptor of ours, which costs no round trip.

        Not the owner: the sentry's user namespace has no names for the ids that the gofer sees.
        """
        found = os.fstat(self._stat_fd)
        now = self._attributes
        now.size = found.st_size
        now.blocks = found.st_blocks
        if not self.removed:  # else the rest is known here only
            now.mode = found.st_mode
            now.atime = found.st_atime_ns
            now.nlink = found.st_nlink
        now.mtime = found.st_mtime_ns
        now.ctime = found.st_ctime_ns

    def attributes(self) -> Attributes:
        if self._stat_fd >= 0:
            self._refresh()
        elif self.filesystem.shared and time.monotonic_ns() - self._checked > _FRESH and not self.removed:
            self._ask_attributes()
        return self._attributes

    @property
    def trusted_directory(self) -> bool:
        """A directory of which the host has told lately: that it was replaced may be noticed a little later, which
        saves a round trip for every component of every path. Files are asked for each time."""
        return self.kind == stat.S_IFDIR and time.monotonic_ns() - self._checked < _DIRECTORY_TRUST

    def _ask_attributes(self) -> None:
        filesystem = self.filesystem
        try:
            packed = cast(bytes, filesystem.client.call(protocol.GETATTR, filesystem.export, self.path()))
        except LinuxError as error:
            raise LinuxError(errno.ESTALE if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.errno) from None
        self._check_identity(packed)
        self.store(packed)

    def _check_identity(self, packed: bytes) -> None:
        """Raises: ESTALE if the host has put something else at this path."""
        dev, ino, mode = _HEAD.unpack_from(packed)
        if (dev, ino) != self.key or stat.S_IFMT(mode) != self.kind or packed[_BIRTH:] != self.born:
            raise LinuxError(errno.ESTALE)

    @property
    def is_directory(self) -> bool:
        return self.kind == stat.S_IFDIR

    def set_attributes(self, change: AttributeChange) -> None:
        size = change.size
        mode, uid, gid, atime, mtime = change.mode, change.uid, change.gid, change.atime, change.mtime
        if size is not None and self.kind == stat.S_IFREG:
            writer = next((donated for access, donated in self._open.items() if access & os.O_ACCMODE), None)
            if writer is not None:
                try:
                    os.ftruncate(writer.descriptor, size)
                except OSError as error:
                    raise LinuxError.from_host(error) from None
                size = None
        if size is None and mode is None and uid is None and gid is None and atime is None and mtime is None:
            return
        if self.removed:
            self._set_virtually(change)
            return
        filesystem = self.filesystem
        packed = filesystem.client.call(
            protocol.SETATTR, filesystem.export, self.path(), mode, uid, gid, size, atime, mtime
        )
        self.store(cast(bytes, packed))

    def _set_virtually(self, change: AttributeChange) -> None:
        now = self._attributes
        if change.mode is not None:
            now.mode = stat.S_IFMT(now.mode) | change.mode
        if change.uid is not None:
            now.uid = change.uid
        if change.gid is not None:
            now.gid = change.gid
        if change.atime is not None:
            now.atime = change.atime
        if change.mtime is not None:
            now.mtime = change.mtime
        now.ctime = time.time_ns()

    # -- extended attributes --
    def get_xattr(self, name: bytes) -> bytes:
        if not name.startswith(b"user."):
            raise LinuxError(errno.EOPNOTSUPP)
        filesystem = self.filesystem
        return cast(bytes, filesystem.client.call(protocol.GETXATTR, filesystem.export, self.path(), name))

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        if not name.startswith(b"user."):
            raise LinuxError(errno.EOPNOTSUPP)
        filesystem = self.filesystem
        filesystem.client.call(protocol.SETXATTR, filesystem.export, self.path(), name, value, flags)
        self._changed_elsewhere()

    def list_xattr(self) -> list[bytes]:
        filesystem = self.filesystem
        return cast("list[bytes]", filesystem.client.call(protocol.LISTXATTR, filesystem.export, self.path()))

    def remove_xattr(self, name: bytes) -> None:
        if not name.startswith(b"user."):
            raise LinuxError(errno.EOPNOTSUPP)
        filesystem = self.filesystem
        filesystem.client.call(protocol.REMOVEXATTR, filesystem.export, self.path(), name)
        self._changed_elsewhere()

    def _changed_elsewhere(self) -> None:
        """An operation whose reply has no attributes changed ctime."""
        self._attributes.ctime = time.time_ns()

    # -- links --
    def readlink(self, task: Task) -> bytes:
        if self.kind != stat.S_IFLNK:
            raise LinuxError(errno.EINVAL)
        if self._target is None:  # it never changes while the inode lives
            filesystem = self.filesystem
            self._target = cast(bytes, filesystem.client.call(protocol.READLINK, filesystem.export, self.path()))
        return self._target

    # -- looking names up --
    def lookup(self, name: bytes) -> GoferInode:
        found = self.lookup_many([name])
        if not found:
            raise LinuxError(errno.ENOENT)
        return cast("GoferInode", found[0])

    def lookup_many(self, names: list[bytes]) -> list[Inode]:
        if self.kind != stat.S_IFDIR:
            raise LinuxError(errno.ENOTDIR)
        result: list[GoferInode] = []
        directory = self
        shared = self.filesystem.shared
        if not shared:
            for name in names:
                known = directory._children.get(name, _UNKNOWN)
                if known is None or (known is _UNKNOWN and directory._complete):
                    return cast("list[Inode]", result)
                if len(known) != ATTRIBUTES_SIZE:
                    break
                inode = self.filesystem.inode(directory, name, known, False)
                result.append(inode)
                if inode.kind != stat.S_IFDIR:
                    return cast("list[Inode]", result)
                directory = inode
        names = names[len(result) :]
        if names:
            directory._walk(names[: protocol.NAMES_LIMIT], result)
        return cast("list[Inode]", result)

    def ask(self, name: bytes) -> GoferInode | None:
        """The child as the host has it now. Raises: LinuxError."""
        result: list[GoferInode] = []
        self._walk([name], result)
        return result[0] if result else None

    def _walk(self, names: list[bytes], result: list[GoferInode]) -> None:
        """Appends what the gofer finds. Raises: LinuxError if that is an error, and nothing was found before."""
        filesystem = self.filesystem
        client = filesystem.client
        shared = filesystem.shared
        walked, donated = client.call_donating(
            protocol.WALK, filesystem.export, self.path(), names, not shared and client.has_room
        )
        found, failure, target = cast("tuple[list[bytes], int, bytes | None]", walked)
        if len(found) > len(names):
            raise SentryDown("the gofer found more than it was asked for")
        directory = self
        for name, packed in zip(names, found, strict=False):
            inode = filesystem.inode(directory, name, packed, True)
            if not shared:
                directory._remember(name, packed)
            result.append(inode)
            directory = inode
        if donated is not None:
            if found and directory.kind == stat.S_IFREG:
                client.keep((filesystem.export, *directory.key), donated)
            else:
                donated.drop()
        if target is not None and found and directory.kind == stat.S_IFLNK:
            directory._target = target
        if failure and len(found) < len(names):
            if failure == errno.ENOENT:
                if not shared:
                    directory._remember(names[len(found)], None)
            elif not result:
                raise LinuxError(failure)

    def _remember(self, name: bytes, packed: bytes | None) -> None:
        children = self._children
        if name not in children:
            self.filesystem.count_entry()
        children[name] = None if packed is None else _keepable(packed)

    def forget_children(self) -> None:
        """Drops the cached names."""
        self._children = {}
        self._complete = False

    def entries(self, task: Task) -> list[DirectoryEntry]:
        if self.kind != stat.S_IFDIR:
            raise LinuxError(errno.ENOTDIR)
        if self.removed:
            return []
        filesystem = self.filesystem
        if not self._complete:
            listing = self._read_names()
            if filesystem.shared or len(listing) > _LISTING_LIMIT:
                return _entries(listing)
            filesystem.count_entry(len(listing) - len(self._children))
            self._children = listing
            self._complete = True
        return _entries(self._children)

    def _read_names(self) -> dict[bytes, bytes | None]:
        filesystem = self.filesystem
        path = self.path()
        listing: dict[bytes, bytes | None] = {}
        cookie = 0
        while True:
            chunk = filesystem.client.call(protocol.READDIR, filesystem.export, path, cookie)
            entries, following = cast("tuple[list[bytes], int]", chunk)
            for index in range(0, len(entries), 2):
                packed = entries[index + 1]
                listing[entries[index]] = packed if filesystem.shared else _keepable(packed)
            if not following:
                return listing
            if following == cookie and not entries:
                raise SentryDown("the gofer lists a directory without end")
            cookie = following

    # -- making names --
    def create(self, name: bytes, mode: int, uid: int, gid: int, rdev: int = 0) -> GoferInode:
        kind = stat.S_IFMT(mode)
        if kind not in (0, stat.S_IFREG):
            return self._make(protocol.MKNOD, name, mode & 0xFFFF, rdev, uid, gid)
        path = self._child_path(name)
        filesystem = self.filesystem
        client = filesystem.client
        try:
            result, donated = client.call_donating(protocol.CREATE, filesystem.export, path, mode & 0o7777, uid, gid)
        except LinuxError:
            self._distrust(name)
            raise
        inode = self._made(name, result)
        assert donated is not None  # check_reply
        client.set_pending(inode, donated)
        return inode

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> GoferInode:
        inode = self._make(protocol.MKDIR, name, mode & 0o7777, uid, gid)
        if not self.filesystem.shared:
            inode._complete = True  # empty, and ours alone
        return inode

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> GoferInode:
        inode = self._make(protocol.SYMLINK, name, target, uid, gid)
        inode._target = target
        return inode

    def temporary(self, mode: int, uid: int, gid: int) -> GoferInode:
        filesystem = self.filesystem
        path = self.path()
        packed, donated = filesystem.client.call_donating(
            protocol.TEMPORARY, filesystem.export, path, mode & 0o7777, uid, gid
        )
        assert donated is not None  # check_reply
        inode = GoferInode(filesystem, cast(bytes, packed))
        filesystem.client.set_pending(inode, donated)
        return inode

    def _make(self, operation: int, name: bytes, *arguments: object) -> GoferInode:
        filesystem = self.filesystem
        try:
            return self._made(
                name, filesystem.client.call(operation, filesystem.export, self._child_path(name), *arguments)
            )
        except LinuxError:
            self._distrust(name)
            raise

    def _distrust(self, name: bytes) -> None:
        """Something is not as expected: the name is asked for again."""
        if self._children.pop(name, None) is not None or self._complete:
            self._complete = False

    def _made(self, name: bytes, result: object) -> GoferInode:
        """The inode of a name that was just made, from [attributes, parent's]."""
        packed, parent_packed = cast("tuple[bytes, bytes]", result)
        self.store(parent_packed)
        inode = self.filesystem.inode(self, name, packed, True)
        if not self.filesystem.shared:
            self._remember(name, packed)
        return inode

    def link(self, name: bytes, target: Inode) -> None:
        assert isinstance(target, GoferInode)
        filesystem = self.filesystem
        result = filesystem.client.call(protocol.LINK, filesystem.export, target.path(), self._child_path(name))
        self._made(name, result)

    # -- removing and moving names --
    def unlink(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, GoferInode)
        filesystem = self.filesystem
        packed = filesystem.client.call(protocol.UNLINK, filesystem.export, self._child_path(name))
        self._unnamed(name, child, cast(bytes, packed))

    def rmdir(self, name: bytes, child: Inode) -> None:
        assert isinstance(child, GoferInode)
        filesystem = self.filesystem
        packed = filesystem.client.call(protocol.RMDIR, filesystem.export, self._child_path(name))
        self._unnamed(name, child, cast(bytes, packed))

    def _unnamed(self, name: bytes, child: GoferInode, packed: bytes) -> None:
        self.store(packed)
        if not self.filesystem.shared:
            self._remember(name, None)
        child._lost_name(self, name)

    def _lost_name(self, parent: GoferInode, name: bytes) -> None:
        """parent/name does not lead here any more: the last name, or one of several."""
        self._remove_link(parent, name)
        now = self._attributes
        now.nlink = 0 if self.kind == stat.S_IFDIR else max(now.nlink - 1, 0)
        now.ctime = time.time_ns()
        filesystem = self.filesystem
        if now.nlink == 0:
            self.links.clear()
            filesystem.forget(self)
            self.forget_children()
        elif not filesystem.shared:
            self._tell_parents(self._packed())

    def rename(
        self, name: bytes, child: Inode, directory: Inode, new_name: bytes, replaced: Inode | None, exchange: bool
    ) -> None:
        assert isinstance(child, GoferInode)
        assert isinstance(directory, GoferInode)
        filesystem = self.filesystem
        result = filesystem.client.call(
            protocol.RENAME, filesystem.export, self._child_path(name), directory._child_path(new_name),
            protocol.RENAME_EXCHANGE if exchange else 0,
        )  # fmt: skip
        packed, parent, new_parent, exchanged = cast("tuple[bytes, bytes, bytes, bytes | None]", result)
        if child is replaced and not exchange:
            return  # two names of one file: rename(2) leaves both
        child._remove_link(self, name)
        if replaced is not None:
            assert isinstance(replaced, GoferInode)
            if exchange:
                replaced._remove_link(directory, new_name)
            else:
                replaced._lost_name(directory, new_name)
        child._remove_link(directory, new_name)
        child.links.insert(0, (directory, new_name))
        self.store(parent)
        directory.store(new_parent)
        if not filesystem.shared:
            self._remember(name, exchanged)
            directory._remember(new_name, packed)
        child.store(packed)
        if exchange and exchanged is not None and isinstance(replaced, GoferInode):
            replaced.links.insert(0, (self, name))
            replaced.store(exchanged)

    # -- opening --
    def open(self, flags: int, path: Path, task: Task) -> OpenFile:
        if self.kind == stat.S_IFDIR:
            return GoferDirectory(flags, self, path)
        if flags & os.O_PATH:
            return GoferFile(flags, self, path, None)
        if self.kind != stat.S_IFREG:
            raise LinuxError(errno.ELOOP if self.kind == stat.S_IFLNK else errno.ENXIO)
        access = min(flags & os.O_ACCMODE, os.O_RDWR)
        if access == os.O_RDONLY:
            return GoferFile(flags, self, path, self._reader())
        if flags & os.O_APPEND and self.filesystem.shared:
            # The host may append, too: its kernel has to find the end, as pwrite(2) does with such a descriptor.
            return GoferFile(flags, self, path, self.writer(access | os.O_APPEND), appends=True)
        return GoferFile(flags, self, path, self.writer(access))

    def _reader(self) -> Donated:
        filesystem = self.filesystem
        client = filesystem.client
        pending = client.take_pending(self)
        if pending is not None:
            pending.drop()  # it has more rights than were asked for
        if filesystem.shared:
            return self._asked(os.O_RDONLY)
        key = (filesystem.export, *self.key)
        donated = client.cached(key)
        if donated is None:
            donated = self._ask_open(os.O_RDONLY)
            donated.references += 1
            client.keep(key, donated)
        return donated

    def writer(self, access: int) -> Donated:
        """A descriptor to write through, for O_WRONLY or O_RDWR and perhaps O_APPEND, for one more user."""
        pending = self.filesystem.client.take_pending(self)
        if pending is not None and access & os.O_APPEND:
            pending.drop()
        elif pending is not None:
            self._open[os.O_RDWR] = pending
            self._stat_fd = pending.descriptor
            return pending
        # More rights than asked for do no harm to O_WRONLY: what cannot be read cannot be mapped.
        donated = self._open.get(os.O_RDWR)
        if donated is None or access & os.O_APPEND:
            return self._asked(access)
        donated.references += 1
        return donated

    def _asked(self, access: int) -> Donated:
        """A descriptor for just this access, which serves attributes() as long as it is open."""
        donated = self._open.get(access)
        if donated is not None:
            donated.references += 1
            return donated
        donated = self._open[access] = self._ask_open(access)
        self._stat_fd = donated.descriptor
        return donated

    def _ask_open(self, access: int) -> Donated:
        filesystem = self.filesystem
        packed, donated = filesystem.client.call_donating(protocol.OPEN, filesystem.export, self.path(), access)
        assert donated is not None  # check_reply
        try:
            self._check_identity(cast(bytes, packed))
        except LinuxError:
            donated.drop()
            raise
        self.store(cast(bytes, packed))
        return donated

    def closed(self, donated: Donated) -> None:
        """An open file description gives its descriptor back."""
        if donated.references == 1:
            for access, mine in self._open.items():
                if mine is donated:
                    # Its last user wrote: what it left behind must be known before the descriptor goes.
                    self._stat_fd = donated.descriptor
                    self._refresh()
                    del self._open[access]
                    self._stat_fd = next(iter(self._open.values())).descriptor if self._open else -1
                    if self.filesystem.shared:
                        self._checked = time.monotonic_ns()
                    else:
                        self._tell_parents(self._packed())
                    break
        donated.drop()


class GoferDirectory(DirectoryFile):
    """An open directory of an export: it has no descriptor."""

    __slots__ = ()

    def sync(self) -> None:
        inode = self.inode
        assert isinstance(inode, GoferInode)
        if not inode.removed:
            filesystem = inode.filesystem
            filesystem.client.call(protocol.SYNC, filesystem.export, inode.path(), False)


class GoferFile(OpenFile):
    """An open file of an export. Reads and writes go to the donated descriptor, never to the gofer."""

    __slots__ = ("_appends", "_donated")

    inode: GoferInode

    def __init__(
        self, flags: int, inode: GoferInode, path: Path | None, donated: Donated | None, appends: bool = False
    ) -> None:
        super().__init__(flags, inode, path)
        self._donated = donated
        self._appends = appends  # writes to the descriptor go to the end, whatever the offset

    def release(self) -> None:
        donated = self._donated
        if donated is not None:
            self._donated = None
            self.inode.closed(donated)

    def _descriptor(self) -> int:
        if self._donated is None:
            raise LinuxError(errno.EBADF)  # O_PATH
        return self._donated.descriptor

    @property
    def host_fd(self) -> int:
        return -1 if self._donated is None else self._donated.descriptor

    def prepare_write(self, offset: int, size: int) -> int:
        return -1 if self._donated is None else self._written()

    def _written(self) -> int:
        """The descriptor to write to. Raises: LinuxError."""
        if self._appends and not self.flags & os.O_APPEND:  # taken back with fcntl(2)
            plain = self.inode.writer(self.flags & os.O_ACCMODE)
            self.release()
            self._donated = plain
            self._appends = False
        return self._descriptor()

    def wrote(self, offset: int, count: int) -> None:
        if self.flags & _SYNC_FLAGS:
            self.sync()

    def pread(self, size: int, offset: int) -> bytes:
        descriptor = self._descriptor()
        try:
            return os.pread(descriptor, min(size, _READ_LIMIT), offset)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        descriptor = self._written()
        try:
            count = os.pwrite(descriptor, data, offset)
        except OSError as error:
            raise LinuxError.from_host(error) from None
        if self.flags & _SYNC_FLAGS:
            self.sync()
        return count

    def write(self, data: bytes | memoryview) -> int:
        if not self.flags & os.O_APPEND:
            count = self.pwrite(data, self.offset)
            self.offset += count
            return count
        end = os.fstat(self._descriptor()).st_size
        count = self.pwrite(data, end)
        self.offset = os.fstat(self._descriptor()).st_size if self._appends else end + count
        return count

    def seek(self, offset: int, whence: int) -> int:
        if whence == os.SEEK_SET:
            target = offset
        elif whence == os.SEEK_CUR:
            target = self.offset + offset
        elif self._donated is None:
            raise LinuxError(errno.EINVAL)
        elif whence == os.SEEK_END:
            target = os.fstat(self._donated.descriptor).st_size + offset
        elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
            try:
                target = os.lseek(self._donated.descriptor, offset, whence)
            except OSError as error:
                raise LinuxError.from_host(error) from None
        else:
            raise LinuxError(errno.EINVAL)
        if not 0 <= target < 1 << 63:
            raise LinuxError(errno.EINVAL)
        self.offset = target
        return target

    def truncate(self, size: int) -> None:
        descriptor = self._descriptor()
        try:
            os.ftruncate(descriptor, size)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def allocate(self, mode: int, offset: int, size: int) -> None:
        result = self.inode.filesystem.host_syscall(_NR_FALLOCATE, self._descriptor(), mode, offset, size)
        if result < 0:
            raise LinuxError(-result)

    def sync(self) -> None:
        descriptor = self._descriptor()
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise LinuxError.from_host(error) from None

    def mappable(self, protection: int, shared: bool) -> int:
        if self._donated is None:
            raise LinuxError(errno.ENODEV)
        return self._donated.descriptor


def _keepable(packed: bytes) -> bytes:
    """What may be kept of a child's attributes: the head alone if another name may change them, or they are unknown."""
    mode, nlink = _MODE_AND_LINKS.unpack_from(packed, 16)
    if nlink == 0 or (nlink > 1 and not stat.S_ISDIR(mode)):
        return packed[:_HEAD_SIZE]
    return packed


def _entries(listing: dict[bytes, bytes | None]) -> list[DirectoryEntry]:
    result = []
    for name, packed in listing.items():
        if packed is not None:
            _, ino, mode = _HEAD.unpack_from(packed)
            result.append(DirectoryEntry(name, ino, mode >> 12))
    return result


def _unpack(filesystem: GoferFilesystem, packed: bytes) -> Attributes:
    dev, ino, mode, nlink, uid, gid, rdev, size, blksize, blocks, atime, mtime, ctime, btime = ATTRIBUTES.unpack(packed)
    if size < 0:
        raise SentryDown("the gofer sent a negative size")
    return Attributes(
        ino, mode, nlink, uid, gid, size, blocks, blksize, rdev, filesystem.guest_dev(dev), atime, mtime, ctime, btime
    )


def _unpack_into(now: Attributes, filesystem: GoferFilesystem, packed: bytes) -> None:
    """Changes shared attributes; what identifies the inode stays."""
    (
        _, _, now.mode, now.nlink, now.uid, now.gid, now.rdev, size, now.blksize, now.blocks, now.atime, now.mtime,
        now.ctime, now.btime,
    ) = ATTRIBUTES.unpack(packed)  # fmt: skip
    if size < 0:
        raise SentryDown("the gofer sent a negative size")
    now.size = size
