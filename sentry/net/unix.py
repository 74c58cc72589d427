# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""AF_UNIX: streams, sequenced packets and datagrams, their names, credentials and descriptors in messages.

Owns the registry of names: abstract ones by type and bytes, path-bound ones by the inode of the socket file. Sockets of
the host are not reachable: a socket file that nobody bound in here gives ECONNREFUSED.
Source: net/unix/af_unix.c, unix(7); compared with native runs.
"""

from __future__ import annotations

import errno
import os
import stat

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.net import rights as scm
from sentry.net.buffers import PIECE, ByteQueue, Message, MessageQueue, Ucred, capacity, message_charge
from sentry.net.connected import CONNECTED, FRESH, LISTENING, ConnectedSocket
from sentry.net.socket import ERR, HUP, IN, OUT, POLLWRBAND, RDHUP, Socket
from sentry.vfs import namei, permission, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.net.rights import Rights
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

UNIX_OUT = OUT | POLLWRBAND

_FAMILY = abi.AF_UNIX.to_bytes(2, "little")
_MAX_DGRAM_QUEUE = 10  # /proc/sys/net/unix/max_dgram_qlen
_NOBODY: Ucred = (0, 65534, 65534)

abstract: dict[tuple[int, bytes], UnixName] = {}
"""Sockets by type and abstract name (without the leading NUL)."""

bound_files: dict[Inode, UnixName] = {}
"""Sockets by the inode of their file."""


class UnixName:
    """The place a socket is bound to. address: struct sockaddr_un as getsockname gives it."""

    __slots__ = ("address", "key", "path", "socket")

    def __init__(self, address: bytes, socket: UnixSocket, key: bytes | None, path: Path | None) -> None:
        self.address = address
        self.socket = socket
        self.key = key
        self.path = path  # keeps the dentry, and with it the inode, as the key it is

    def forget(self) -> None:
        """The socket is closed."""
        if self.path is not None:
            bound_files.pop(self.path.inode, None)
        elif self.key is not None:
            abstract.pop((self.socket.type, self.key), None)


def _name_of(address: bytes) -> bytes:
    """What follows the family. Raises: EINVAL (length or family)."""
    if len(address) < 2 or len(address) > 2 + abi.UNIX_PATH_MAX or address[:2] != _FAMILY:
        raise LinuxError(errno.EINVAL)
    return address[2:]


def ucred(task: Task) -> Ucred:
    """What SCM_CREDENTIALS and SO_PEERCRED say of a task."""
    credentials = task.credentials
    return task.process.pid, credentials.euid, credentials.egid


class UnixSocket(Socket):
    """Names and credentials. bound: the name, if there is one. creator: who made the socket."""

    # No __slots__: a class with slots of its own could not be a second base of UnixConnected.
    bound: UnixName | None
    creator: Ucred
    peer_ucred: Ucred | None

    def bind(self, task: Task, address: bytes) -> None:
        name = _name_of(address)
        if self.bound is not None:
            raise LinuxError(errno.EINVAL)
        if not name:
            self.autobind()
        elif name[0] == 0:
            if (self.type, name[1:]) in abstract:
                raise LinuxError(errno.EADDRINUSE)
            self.bound = abstract[self.type, name[1:]] = UnixName(address, self, name[1:], None)
        else:
            path = name.split(b"\0")[0]
            place = _make_file(task, path)
            self.bound = bound_files[place.inode] = UnixName(_FAMILY + path + b"\0", self, None, place)

    def autobind(self) -> None:
        """Binds to an unused abstract name of five hexadecimal digits."""
        start = int.from_bytes(os.urandom(3), "little") & 0xFFFFF
        for offset in range(1 << 20):
            key = b"%05x" % (start + offset & 0xFFFFF)
            if (self.type, key) not in abstract:
                self.bound = abstract[self.type, key] = UnixName(_FAMILY + b"\0" + key, self, key, None)
                return
        raise LinuxError(errno.ENOSPC)

    def local_address(self) -> bytes:
        return self.bound.address if self.bound is not None else _FAMILY

    def sender_address(self) -> bytes:
        """What receivers see as the sender: nothing of a socket without a name."""
        return self.bound.address if self.bound is not None else b""

    def find(self, task: Task, address: bytes) -> UnixSocket:
        """The socket at a name. Raises: ECONNREFUSED, EPROTOTYPE, EINVAL, and as path resolution."""
        name = _name_of(address)
        if not name:
            raise LinuxError(errno.EINVAL)
        if name[0] == 0:
            found = abstract.get((self.type, name[1:]))
            if found is None:
                raise LinuxError(errno.ECONNREFUSED)
            return found.socket
        place = walk.resolve(task, task.fs.cwd, name.split(b"\0")[0])
        inode = place.inode
        permission.check(task.credentials, inode, permission.MAY_WRITE)
        if not stat.S_ISSOCK(inode.attributes().mode):
            raise LinuxError(errno.ECONNREFUSED)
        found = bound_files.get(inode)
        if found is None:
            raise LinuxError(errno.ECONNREFUSED)
        if found.socket.type != self.type:
            raise LinuxError(errno.EPROTOTYPE)
        return found.socket

    def drop(self) -> None:
        super().drop()
        if self.references > 0 and scm.only_in_flight(self):
            scm.collect()

    def forget_name(self) -> None:
        """Gives the name back; a socket file stays, as natively."""
        if self.bound is not None:
            self.bound.forget()

    def peer_credentials(self) -> tuple[int, int, int]:
        return self.peer_ucred or (0, 0xFFFFFFFF, 0xFFFFFFFF)

    def stamp(self, other: UnixSocket, given: Ucred | None, task: Task | None) -> Ucred | None:
        """The credentials to send along: those given, or the sender's if either side wants to see them."""
        if given is not None:
            return given
        if self.pass_credentials or other.pass_credentials:
            sender = task if task is not None else current_task()  # write(2) knows the file only
            return ucred(sender) if sender is not None else self.creator
        return None


def _nobody() -> Task | None:
    return None


current_task: Callable[[], Task | None] = _nobody
"""Whose call is handled; set at boot."""


def _make_file(task: Task, path: bytes) -> Path:
    """Creates the file of a path-bound socket. Raises: EADDRINUSE (it exists), and as mknod(2)."""
    try:
        return namei.mknod(task, task.fs.cwd, path, stat.S_IFSOCK | 0o777)
    except LinuxError as error:
        if error.errno == errno.EEXIST:
            raise LinuxError(errno.EADDRINUSE) from None
        raise


class UnixConnected(ConnectedSocket, UnixSocket):
    """SOCK_STREAM and SOCK_SEQPACKET."""

    __slots__ = ()

    def __init__(self, kind: int, credentials: Credentials, creator: Ucred, flags: int = 0) -> None:
        super().__init__(abi.AF_UNIX, kind, 0, credentials, flags)
        self.bound: UnixName | None = None
        self.creator = creator
        self.peer_ucred: Ucred | None = None

    def listen(self, task: Task, backlog: int) -> None:
        if self.bound is None or self.state not in (FRESH, LISTENING):
            raise LinuxError(errno.EINVAL)
        self.backlog = min(backlog & 0xFFFFFFFF, abi.SOMAXCONN)
        self.state = LISTENING
        self.peer_ucred = ucred(task)
        self._wake_waiting()

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        if len(address) >= 2 and address[:2] == b"\0\0":
            raise LinuxError(errno.EINVAL)
        listener = self.find(task, address)
        if not isinstance(listener, UnixConnected) or listener.state != LISTENING or listener.read_shut:
            raise LinuxError(errno.ECONNREFUSED)
        if listener.backlog_full:
            if self not in listener.waiting and not nonblocking:
                listener.waiting.append(self)
            raise LinuxError(errno.EAGAIN)
        if self.state != FRESH:
            raise LinuxError(errno.EISCONN if self.state != LISTENING else errno.EINVAL)
        if self.pass_credentials and self.bound is None:
            self.autobind()
        child = UnixConnected(self.type, task.credentials, listener.creator)
        child.bound = listener.bound and UnixName(listener.bound.address, child, None, None)
        child.pass_credentials = listener.pass_credentials
        child.peer_ucred = ucred(task)
        self.peer_ucred = listener.peer_ucred
        self.join(child)
        listener.enqueue(child)

    def pair(self, other: UnixConnected) -> None:
        """Connects both ends of a socketpair."""
        self.join(other)
        self.peer_ucred = other.peer_ucred = self.creator

    def peer_address(self) -> bytes:
        peer = self.peer
        if peer is None:
            raise LinuxError(errno.ENOTCONN)
        assert isinstance(peer, UnixConnected)
        return peer.local_address()

    def send(
        self,
        data: bytes | memoryview,
        flags: int = 0,
        address: bytes = b"",
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        task: Task | None = None,
    ) -> int:
        if flags & abi.MSG_OOB:
            raise LinuxError(errno.EOPNOTSUPP)
        peer = self.peer
        if self.type == abi.SOCK_STREAM:
            if address:
                raise LinuxError(errno.EISCONN if self.state == CONNECTED else errno.EOPNOTSUPP)
        elif self.state != CONNECTED:
            raise LinuxError(errno.ENOTCONN)
        if peer is None:
            raise LinuxError(errno.ENOTCONN)
        if self.type != abi.SOCK_STREAM:
            if len(data) > self.send_buffer - 32:
                raise LinuxError(errno.EMSGSIZE)
            self.raise_error()
        if self.write_shut or peer.read_shut or peer.dead:
            raise LinuxError(errno.EPIPE)
        assert isinstance(peer, UnixConnected)
        stamp = self.stamp(peer, credentials, task)
        received = peer.received
        if isinstance(received, ByteQueue):
            if not data:
                if rights is not None:
                    rights.drop()
                return 0
            most = min(PIECE, (self.send_buffer >> 1) - 64)
            count = received.write(data, self.send_limit, rights, stamp, most)
            if not count:
                raise LinuxError(errno.EAGAIN)
        else:
            count = len(data)
            if received.charge >= self.send_limit:
                raise LinuxError(errno.EAGAIN)
            received.put(Message(bytes(data), b"", rights, stamp, 0, self, message_charge(count)))
        if peer.queue:
            peer.queue.wake_for(IN)
        return count

    def not_connected(self) -> None:
        if self.type == abi.SOCK_STREAM:
            raise LinuxError(errno.EINVAL)
        raise LinuxError(errno.ENOTCONN)

    def receive(self, size: int, flags: int = 0) -> Message:
        if self.type != abi.SOCK_STREAM and self.state == CONNECTED:
            self.raise_error()  # before what is still queued, as datagrams do
        message = super().receive(size, flags)
        if not message.address and self.peer is not None:
            assert isinstance(self.peer, UnixConnected)
            message.address = self.peer.sender_address()
        return message

    def shutdown(self, how: int) -> None:
        if how in (abi.SHUT_RD, abi.SHUT_RDWR):
            self.read_shut = True
        if how in (abi.SHUT_WR, abi.SHUT_RDWR):
            self.write_shut = True
        peer = self.peer
        if peer is not None:
            # What one end will not do, the other cannot.
            if how in (abi.SHUT_RD, abi.SHUT_RDWR):
                peer.write_shut = True
            if how in (abi.SHUT_WR, abi.SHUT_RDWR):
                peer.read_shut = True
            peer.queue.wake()
        self.queue.wake()
        if self.state == LISTENING:
            self._wake_waiting()

    def poll(self) -> int:
        events = 0
        if self.error:
            events |= ERR
        if self.read_shut:
            events |= IN | RDHUP
            if self.write_shut:
                events |= HUP
        if self.state == LISTENING:
            return events | IN if self.pending else events
        if self.received:
            events |= IN
        if self.state == FRESH:
            events |= HUP
        if self.room:
            events |= UNIX_OUT
        return events

    def abandon(self) -> None:
        peer = self.peer
        if peer is not None:
            peer.error = errno.ECONNRESET
        self.drop()

    def close_connection(self) -> None:
        self.forget_name()
        peer = self.peer
        if peer is not None and not peer.dead:
            peer.read_shut = peer.write_shut = True
            if self.received:
                peer.error = errno.ECONNRESET
            peer.queue.wake()


class UnixDatagram(UnixSocket):
    """SOCK_DGRAM. peer: where send() without an address goes. charge: what our messages cost in others' queues."""

    __slots__ = ("blocked", "charge", "dead", "peer", "received")

    def __init__(self, credentials: Credentials, creator: Ucred, flags: int = 0) -> None:
        super().__init__(abi.AF_UNIX, abi.SOCK_DGRAM, 0, credentials, flags)
        self.bound: UnixName | None = None
        self.creator = creator
        self.peer_ucred: Ucred | None = None
        self.peer: UnixDatagram | None = None
        self.received = MessageQueue()
        self.charge = 0
        self.dead = False
        self.blocked: set[UnixDatagram] = set()  # senders that found our queue full

    def pair(self, other: UnixDatagram) -> None:
        """Connects both ends of a socketpair."""
        self.peer, other.peer = other, self
        self.peer_ucred = other.peer_ucred = self.creator

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        if len(address) < 2:
            raise LinuxError(errno.EINVAL)
        if address[:2] == b"\0\0":
            self._set_peer(None)
            return
        if self.pass_credentials and self.bound is None:
            self.autobind()
        other = self.find(task, address)
        assert isinstance(other, UnixDatagram)
        self._check_may_send(other)
        self._set_peer(other)

    def _set_peer(self, other: UnixDatagram | None) -> None:
        old = self.peer
        self.peer = other
        if old is not None and old is not other and old.peer is self:
            # Our messages would now come from a stranger to it; what is queued is of the old connection.
            self._discard()
            old.error = errno.ECONNRESET
            old.queue.wake()

    def _check_may_send(self, other: UnixDatagram) -> None:
        if other.peer is not None and other.peer is not self:
            raise LinuxError(errno.EPERM)

    def peer_address(self) -> bytes:
        if self.peer is None:
            raise LinuxError(errno.ENOTCONN)
        return self.peer.local_address()

    @property
    def writable(self) -> bool:
        """unix_writable(): three quarters of the buffer are free."""
        return self.charge + 1 << 2 <= self.send_buffer

    @property
    def _full(self) -> bool:
        return len(self.received) > _MAX_DGRAM_QUEUE

    def send(
        self,
        data: bytes | memoryview,
        flags: int = 0,
        address: bytes = b"",
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        task: Task | None = None,
    ) -> int:
        if flags & abi.MSG_OOB:
            raise LinuxError(errno.EOPNOTSUPP)
        size = len(data)
        if address:
            name = _name_of(address)
            if not name:
                raise LinuxError(errno.EINVAL)
        if self.pass_credentials and self.bound is None:
            self.autobind()
        if size > self.send_buffer - 32:
            raise LinuxError(errno.EMSGSIZE)
        self.raise_error()
        if self.write_shut:
            raise LinuxError(errno.EPIPE)
        if self.charge >= capacity(self.send_buffer):
            raise LinuxError(errno.EAGAIN)
        if address:
            assert task is not None
            found = self.find(task, address)
            assert isinstance(found, UnixDatagram)
            other = found
        elif self.peer is None:
            raise LinuxError(errno.ENOTCONN)
        else:
            other = self.peer
        if other.dead:
            if other is self.peer:
                self.peer = None
                self._discard()
            raise LinuxError(errno.ECONNREFUSED)
        self._check_may_send(other)
        if other.read_shut:
            raise LinuxError(errno.EPIPE)
        if other.peer is not self and other._full:
            other.blocked.add(self)
            raise LinuxError(errno.EAGAIN)
        charge = message_charge(size)
        stamp = self.stamp(other, credentials, task)
        other.received.put(Message(bytes(data), self.sender_address(), rights, stamp, 0, self, charge))
        self.charge += charge
        if other.queue:
            other.queue.wake_for(IN)
        return size

    def receive(self, size: int, flags: int = 0) -> Message:
        if flags & abi.MSG_OOB:
            raise LinuxError(errno.EOPNOTSUPP)
        self.raise_error()
        received = self.received
        if not received:
            if self.read_shut and not self.nonblocking_receive(flags):
                return Message(b"")
            raise LinuxError(errno.EAGAIN)
        if flags & abi.MSG_PEEK:
            return received.take(size, True)
        was_full = self._full
        message = received.take(size)
        self._give_back(message)
        if was_full and not self._full and self.blocked:
            blocked, self.blocked = self.blocked, set()
            for sender in blocked:
                sender.queue.wake()
        return message

    def nonblocking_receive(self, flags: int) -> bool:
        """Would this receive not wait? Then even a shut down socket says EAGAIN, as natively."""
        return bool(flags & abi.MSG_DONTWAIT or self.flags & abi.SOCK_NONBLOCK)

    def _give_back(self, message: Message) -> None:
        sender = message.sender
        if isinstance(sender, UnixDatagram):
            was_writable = sender.writable
            sender.charge -= message.charge
            if not was_writable and sender.writable:
                sender.queue.wake_for(UNIX_OUT)
        message.sender = None

    def _discard(self) -> None:
        for message in self.received.clear():
            self._give_back(message)

    def unread(self) -> int:
        return self.received.size

    def unsent(self) -> int:
        return self.charge

    def shutdown(self, how: int) -> None:
        if how in (abi.SHUT_RD, abi.SHUT_RDWR):
            self.read_shut = True
        if how in (abi.SHUT_WR, abi.SHUT_RDWR):
            self.write_shut = True
        self.queue.wake()

    def poll(self) -> int:
        events = 0
        if self.error:
            events |= ERR
        if self.read_shut:
            events |= IN | RDHUP
            if self.write_shut:
                events |= HUP
        if self.received:
            events |= IN
        peer = self.peer
        if self.writable:
            if peer is not None and peer.peer is not self and peer._full:
                peer.blocked.add(self)
            else:
                events |= UNIX_OUT
        return events

    def queued_rights(self) -> list[Rights]:
        """The descriptors in our queue (for the collector)."""
        return self.received.rights()

    def release(self) -> None:
        self.forget_name()
        self.dead = True
        self._discard()
        peer, self.peer = self.peer, None
        for sender in self.blocked:
            sender.queue.wake()
        self.blocked.clear()
        if peer is not None:
            peer.blocked.discard(self)
            peer.queue.wake()
        scm.collect()


def make_pair(task: Task, kind: int, flags: int) -> tuple[UnixSocket, UnixSocket]:
    """socketpair(2) of a kind of AF_UNIX sockets."""
    who = ucred(task)
    if kind == abi.SOCK_DGRAM:
        left, right = UnixDatagram(task.credentials, who, flags), UnixDatagram(task.credentials, who, flags)
        left.pair(right)
        return left, right
    first, second = UnixConnected(kind, task.credentials, who, flags), UnixConnected(kind, task.credentials, who, flags)
    first.pair(second)
    return first, second
