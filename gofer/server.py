# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer's loop: one request after the other, each resolved afresh below its export.

Owns the export directories and nothing that lasts longer than a request. The sentry is taken to be hostile: every
request is checked by protocol.check_request, every path is resolved by openat2 beneath its export with no link
followed, only regular files are ever opened. Whatever is not an OSError of a checked request ends the process, and with
it the sandbox.
"""

from __future__ import annotations

import errno
import os
import stat

from gofer.channel import Channel, close_all
from gofer.protocol import (
    ATTRIBUTES,
    CREATE,
    GETATTR,
    GETXATTR,
    LINK,
    LISTXATTR,
    MKDIR,
    MKNOD,
    OPEN,
    READDIR,
    READLINK,
    REMOVEXATTR,
    RENAME,
    RENAME_EXCHANGE,
    RMDIR,
    SETATTR,
    SETXATTR,
    STATFS,
    SYMLINK,
    SYNC,
    TEMPORARY,
    UNLINK,
    WALK,
    ChannelClosed,
    ProtocolError,
    check_request,
    is_write,
)
from gofer.syscalls import RawSyscall, Syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_PATH_CHUNK = 4000  # bytes handed to one openat2, below PATH_MAX
_CHUNK_ENTRIES = 2000  # of a READDIR reply; at about 400 bytes at the most they stay far below the message limit
_MODE_OFFSET = 16  # of the mode in ATTRIBUTES


class ServedExport:
    """A directory (descriptor of it, name b"") or a single file (descriptor of the directory that holds name)."""

    __slots__ = ("descriptor", "name", "readonly")

    def __init__(self, descriptor: int, readonly: bool, name: bytes = b"") -> None:
        self.descriptor = descriptor
        self.readonly = readonly
        self.name = name


def file_type(attributes: bytes) -> int:
    """S_IFMT of packed attributes."""
    return stat.S_IFMT(int.from_bytes(attributes[_MODE_OFFSET : _MODE_OFFSET + 4], "little"))


def _fail(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


def _mode_and_owner(attributes: bytes) -> tuple[int, int, int]:
    """(mode, uid, gid) of packed attributes."""
    fields = ATTRIBUTES.unpack(attributes)
    return fields[2], fields[4], fields[5]


class _Place:
    """A directory and a name in it, for one with block, which closes the directory if it is the block's own."""

    __slots__ = ("_directory", "_name", "_owned")

    def __init__(self, directory: int, name: bytes, owned: bool) -> None:
        self._directory = directory
        self._name = name
        self._owned = owned

    def __enter__(self) -> tuple[int, bytes]:
        return self._directory, self._name

    def __exit__(self, *_: object) -> None:
        if self._owned:
            os.close(self._directory)


class Server:
    """Answers requests.

    devices: may device nodes be made? xattr_prefixes: which extended attributes exist; system.* never does.
    """

    __slots__ = ("_devices", "_donated", "_exports", "_handlers", "_syscalls", "_xattr_prefixes")

    def __init__(
        self,
        exports: Sequence[ServedExport],
        raw_syscall: RawSyscall,
        *,
        devices: bool = False,
        xattr_prefixes: tuple[bytes, ...] = (b"user.",),
    ) -> None:
        self._exports = list(exports)
        self._syscalls = Syscalls(raw_syscall)
        self._devices = devices
        self._xattr_prefixes = xattr_prefixes
        self._donated: list[int] = []  # of the request at hand
        self._handlers: dict[int, Callable[..., Any]] = {
            WALK: self._walk,
            OPEN: self._open,
            CREATE: self._create,
            TEMPORARY: self._temporary,
            MKDIR: self._mkdir,
            MKNOD: self._mknod,
            SYMLINK: self._symlink,
            LINK: self._link,
            UNLINK: self._unlink,
            RMDIR: self._rmdir,
            RENAME: self._rename,
            READLINK: self._readlink,
            READDIR: self._readdir,
            SETATTR: self._setattr,
            GETATTR: self._getattr,
            STATFS: self._statfs,
            GETXATTR: self._getxattr,
            SETXATTR: self._setxattr,
            LISTXATTR: self._listxattr,
            REMOVEXATTR: self._removexattr,
            SYNC: self._sync,
        }

    def serve(self, channel: Channel) -> None:
        """Until the sentry closes its end. Raises: ProtocolError, and whatever a bug of ours raises."""
        while True:
            try:
                message, descriptors = channel.receive()
            except ChannelClosed:
                return
            if descriptors:
                close_all(descriptors)
                raise ProtocolError("a request brings no descriptors")
            reply, donated = self.handle(message)
            try:
                channel.send(reply, donated)
            except ChannelClosed:
                return
            finally:
                close_all(donated)

    def handle(self, message: object) -> tuple[list[object], list[int]]:
        """The reply to a request, and the descriptors that go with it (the caller's to close).

        Raises: ProtocolError for a malformed request.
        """
        request = check_request(message)
        index = request[1]
        assert isinstance(index, int)
        if index >= len(self._exports):
            raise ProtocolError("no such export")
        export = self._exports[index]
        self._donated = []
        try:
            if export.readonly and is_write(request):
                _fail(errno.EROFS)
            result = self._handlers[request[0]](export, *request[2:])  # type: ignore[index] # checked: an operation
        except OSError as error:
            close_all(self._donated)
            return [error.errno or errno.EIO, None], []
        except BaseException:
            close_all(self._donated)
            raise
        return [0, result], self._donated

    # -- places --
    def _directory(self, export: ServedExport, path: bytes) -> int:
        """An O_PATH descriptor of the directory at path, the caller's to close. Raises: OSError."""
        if export.name:
            _fail(errno.ENOTDIR)
        openat2 = self._syscalls.openat2
        if len(path) <= _PATH_CHUNK:
            return openat2(export.descriptor, path or b".", _DIRECTORY)
        directory = -1
        try:
            while path:
                cut = len(path) if len(path) <= _PATH_CHUNK else path.rfind(b"/", 0, _PATH_CHUNK)
                if cut < 0:
                    _fail(errno.ENAMETOOLONG)
                following = openat2(export.descriptor if directory < 0 else directory, path[:cut], _DIRECTORY)
                if directory >= 0:
                    os.close(directory)
                directory = following
                path = path[cut + 1 :]
        except BaseException:
            if directory >= 0:
                os.close(directory)
            raise
        return directory

    def _place(self, export: ServedExport, path: bytes) -> _Place:
        """The directory that holds path, and its name there. Raises: OSError."""
        if export.name:
            if path:
                _fail(errno.ENOTDIR)
            return _Place(export.descriptor, export.name, False)
        parent, _, name = path.rpartition(b"/")
        if not parent:
            return _Place(export.descriptor, name or b".", False)
        return _Place(self._directory(export, parent), name, True)

    # -- looking --
    def _walk(self, export: ServedExport, path: bytes, names: list[bytes], follow_up: bool) -> list[object]:
        syscalls = self._syscalls
        found: list[bytes] = []
        target = None
        failure = 0
        directory = self._directory(export, path)
        try:
            for index, name in enumerate(names):
                attributes = syscalls.attributes(directory, name)
                found.append(attributes)
                kind = file_type(attributes)
                if kind == stat.S_IFDIR:
                    if index + 1 < len(names):
                        following = syscalls.openat2(directory, name, _DIRECTORY)
                        os.close(directory)
                        directory = following
                    continue
                if kind == stat.S_IFLNK:
                    target = os.readlink(name, dir_fd=directory) or None
                elif kind == stat.S_IFREG and follow_up and index + 1 == len(names):
                    self._donate_if_possible(directory, name, attributes)
                break
        except OSError as error:
            failure = error.errno or errno.EIO
        finally:
            os.close(directory)
        return [found, failure, target]

    def _donate_if_possible(self, directory: int, name: bytes, attributes: bytes) -> None:
        try:
            descriptor, now = self._open_regular(directory, name, os.O_RDONLY)
        except OSError:
            return
        if now[:16] == attributes[:16]:  # still the same device and inode
            self._donated.append(descriptor)
        else:
            os.close(descriptor)

    def _getattr(self, export: ServedExport, path: bytes) -> bytes:
        with self._place(export, path) as (directory, name):
            return self._syscalls.attributes(directory, name)

    def _readlink(self, export: ServedExport, path: bytes) -> bytes:
        with self._place(export, path) as (directory, name):
            target = os.readlink(name, dir_fd=directory)
        return target or _fail(errno.ENOENT)

    def _readdir(self, export: ServedExport, path: bytes, cookie: int) -> list[object]:
        syscalls = self._syscalls
        result: list[bytes] = []
        with self._place(export, path) as (parent, own_name):
            directory = syscalls.openat2(parent, own_name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if cookie:
                os.lseek(directory, cookie, os.SEEK_SET)
            while len(result) < 2 * _CHUNK_ENTRIES:
                entries = syscalls.directory_entries(directory)
                if not entries:
                    return [result, 0]
                cookie = entries[-1][1]
                for name, _, ino, kind in entries:
                    try:
                        attributes = syscalls.attributes(directory, name)
                    except FileNotFoundError:
                        continue
                    except OSError:
                        attributes = ATTRIBUTES.pack(0, ino, kind << 12, *(0,) * 11)
                    result += (name, attributes)
        finally:
            os.close(directory)
        return [result, cookie]

    def _statfs(self, export: ServedExport, path: bytes) -> list[int]:
        with self._place(export, path) as (directory, name):
            descriptor = self._syscalls.openat2(directory, name, os.O_PATH | os.O_NOFOLLOW)
        try:
            return self._syscalls.statfs(descriptor)
        finally:
            os.close(descriptor)

    # -- opening --
    def _open_regular(self, directory: int, name: bytes, access: int) -> tuple[int, bytes]:
        """A descriptor of a regular file and its attributes; nothing else is opened, as that could have effects."""
        kind = file_type(self._syscalls.attributes(directory, name))
        if kind != stat.S_IFREG:
            _fail(errno.EISDIR if kind == stat.S_IFDIR else errno.ELOOP if kind == stat.S_IFLNK else errno.ENXIO)
        descriptor = self._syscalls.openat2(directory, name, access | _FILE)
        try:
            attributes = self._syscalls.attributes(descriptor)
            if file_type(attributes) != stat.S_IFREG:
                _fail(errno.ENXIO)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, attributes

    def _open(self, export: ServedExport, path: bytes, access: int) -> bytes:
        with self._place(export, path) as (directory, name):
            descriptor, attributes = self._open_regular(directory, name, access)
        self._donated.append(descriptor)
        return attributes

    def _create(self, export: ServedExport, path: bytes, mode: int, uid: int, gid: int) -> list[bytes]:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE
        with self._place(export, path) as (directory, name):
            descriptor = self._syscalls.openat2(directory, name, flags, mode)
            self._donated.append(descriptor)
            try:
                self._adopt_open(descriptor, mode, uid, gid)
            except OSError:
                os.unlink(name, dir_fd=directory)
                raise
            return [self._syscalls.attributes(descriptor), self._syscalls.attributes(directory)]

    def _temporary(self, export: ServedExport, path: bytes, mode: int, uid: int, gid: int) -> bytes:
        with self._place(export, path) as (directory, name):
            descriptor = self._syscalls.openat2(
                directory, name, os.O_TMPFILE | os.O_RDWR | os.O_EXCL | os.O_NOFOLLOW, mode
            )
        self._donated.append(descriptor)
        self._adopt_open(descriptor, mode, uid, gid)
        return self._syscalls.attributes(descriptor)

    def _adopt_open(self, descriptor: int, mode: int, uid: int, gid: int) -> None:
        """Gives a file that was just made its owner and the mode bits that making or giving it away cost it."""
        is_mode, is_uid, is_gid = _mode_and_owner(self._syscalls.attributes(descriptor))
        if (is_uid, is_gid) != (uid, gid):
            os.fchown(descriptor, uid, gid)
            is_mode &= ~0o6000
        if mode & ~is_mode:
            os.fchmod(descriptor, mode)

    def _adopt(self, directory: int, name: bytes, mode: int, uid: int, gid: int) -> list[bytes]:
        """As _adopt_open, by name: [attributes, directory's attributes]."""
        attributes = self._syscalls.attributes(directory, name)
        is_mode, is_uid, is_gid = _mode_and_owner(attributes)
        changed = False
        if (is_uid, is_gid) != (uid, gid):
            os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
            changed = True
            if not stat.S_ISDIR(is_mode):
                is_mode &= ~0o6000
        if mode & ~is_mode and not stat.S_ISLNK(is_mode):
            self._chmod(directory, name, is_mode & 0o7000 | mode)
            changed = True
        if changed:
            attributes = self._syscalls.attributes(directory, name)
        return [attributes, self._syscalls.attributes(directory)]

    # -- making, moving and removing names --
    def _mkdir(self, export: ServedExport, path: bytes, mode: int, uid: int, gid: int) -> list[bytes]:
        with self._place(export, path) as (directory, name):
            os.mkdir(name, mode, dir_fd=directory)
            try:
                return self._adopt(directory, name, mode, uid, gid)
            except OSError:
                os.rmdir(name, dir_fd=directory)
                raise

    def _mknod(self, export: ServedExport, path: bytes, mode: int, rdev: int, uid: int, gid: int) -> list[bytes]:
        kind = stat.S_IFMT(mode)
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            if not self._devices:
                _fail(errno.EPERM)
        elif kind not in (stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK):
            _fail(errno.EINVAL)
        else:
            rdev = 0
        with self._place(export, path) as (directory, name):
            os.mknod(name, mode, rdev, dir_fd=directory)
            return self._adopt_or_unlink(directory, name, mode & 0o7777, uid, gid)

    def _symlink(self, export: ServedExport, path: bytes, target: bytes, uid: int, gid: int) -> list[bytes]:
        with self._place(export, path) as (directory, name):
            os.symlink(target, name, dir_fd=directory)
            return self._adopt_or_unlink(directory, name, 0, uid, gid)

    def _adopt_or_unlink(self, directory: int, name: bytes, mode: int, uid: int, gid: int) -> list[bytes]:
        try:
            return self._adopt(directory, name, mode, uid, gid)
        except OSError:
            os.unlink(name, dir_fd=directory)
            raise

    def _link(self, export: ServedExport, path: bytes, new_path: bytes) -> list[bytes]:
        with self._place(export, path) as (directory, name), self._place(export, new_path) as (new_directory, new_name):
            os.link(name, new_name, src_dir_fd=directory, dst_dir_fd=new_directory, follow_symlinks=False)
            attributes = self._syscalls.attributes
            return [attributes(new_directory, new_name), attributes(new_directory)]

    def _unlink(self, export: ServedExport, path: bytes) -> bytes:
        with self._place(export, path) as (directory, name):
            os.unlink(name, dir_fd=directory)
            return self._syscalls.attributes(directory)

    def _rmdir(self, export: ServedExport, path: bytes) -> bytes:
        with self._place(export, path) as (directory, name):
            os.rmdir(name, dir_fd=directory)
            return self._syscalls.attributes(directory)

    def _rename(self, export: ServedExport, path: bytes, new_path: bytes, flags: int) -> list[bytes | None]:
        with self._place(export, path) as (directory, name), self._place(export, new_path) as (new_directory, new_name):
            self._syscalls.rename(directory, name, new_directory, new_name, flags)
            attributes = self._syscalls.attributes
            return [
                attributes(new_directory, new_name),
                attributes(directory),
                attributes(new_directory),
                attributes(directory, name) if flags & RENAME_EXCHANGE else None,
            ]

    # -- attributes --
    def _setattr(
        self,
        export: ServedExport,
        path: bytes,
        mode: int | None,
        uid: int | None,
        gid: int | None,
        size: int | None,
        atime: int | None,
        mtime: int | None,
    ) -> bytes:
        with self._place(export, path) as (directory, name):
            if size is not None:
                descriptor, _ = self._open_regular(directory, name, os.O_WRONLY)
                try:
                    os.ftruncate(descriptor, size)
                finally:
                    os.close(descriptor)
            if uid is not None or gid is not None:
                owner = -1 if uid is None else uid
                group = -1 if gid is None else gid
                os.chown(name, owner, group, dir_fd=directory, follow_symlinks=False)
            if mode is not None:
                self._chmod(directory, name, mode)
            if atime is not None or mtime is not None:
                self._syscalls.utimens(directory, name, atime, mtime)
            return self._syscalls.attributes(directory, name)

    def _chmod(self, directory: int, name: bytes, mode: int) -> None:
        try:
            self._syscalls.chmod(directory, name, mode)
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
        else:
            return
        # Before Linux 6.6 only fchmodat(2) without flags is there, which follows a link. If somebody outside puts one
        # here between the two calls it leads to a file of this sandbox's exports at the most: the root is our own.
        if file_type(self._syscalls.attributes(directory, name)) == stat.S_IFLNK:
            _fail(errno.EOPNOTSUPP)
        os.chmod(name, mode, dir_fd=directory)

    def _xattr_allowed(self, name: bytes) -> None:
        if not name.startswith(self._xattr_prefixes) or name.startswith(b"system."):
            _fail(errno.EOPNOTSUPP)

    def _getxattr(self, export: ServedExport, path: bytes, name: bytes) -> bytes:
        self._xattr_allowed(name)
        with self._place(export, path) as (directory, own_name):
            os.fchdir(directory)  # l*xattr(2) take no directory, but are safe for one name in the current one
            return os.getxattr(own_name, name, follow_symlinks=False)

    def _setxattr(self, export: ServedExport, path: bytes, name: bytes, value: bytes, flags: int) -> None:
        self._xattr_allowed(name)
        with self._place(export, path) as (directory, own_name):
            os.fchdir(directory)  # l*xattr(2) take no directory, but are safe for one name in the current one
            os.setxattr(own_name, name, value, flags, follow_symlinks=False)

    def _listxattr(self, export: ServedExport, path: bytes) -> list[bytes]:
        with self._place(export, path) as (directory, own_name):
            os.fchdir(directory)  # l*xattr(2) take no directory, but are safe for one name in the current one
            names = [os.fsencode(name) for name in os.listxattr(own_name, follow_symlinks=False)]
        return [name for name in names if name.startswith(self._xattr_prefixes) and not name.startswith(b"system.")]

    def _removexattr(self, export: ServedExport, path: bytes, name: bytes) -> None:
        self._xattr_allowed(name)
        with self._place(export, path) as (directory, own_name):
            os.fchdir(directory)  # l*xattr(2) take no directory, but are safe for one name in the current one
            os.removexattr(own_name, name, follow_symlinks=False)

    def _sync(self, export: ServedExport, path: bytes, whole: bool) -> None:
        if export.readonly:
            return  # nothing of this sandbox to write back, and no business of its to make the host do it
        with self._place(export, path) as (directory, name):
            if file_type(self._syscalls.attributes(directory, name)) == stat.S_IFDIR:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                descriptor = self._syscalls.openat2(directory, name, flags)
            else:
                descriptor, _ = self._open_regular(directory, name, os.O_RDONLY)
        try:
            if whole:
                self._syscalls.syncfs(descriptor)
            else:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
