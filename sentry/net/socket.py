# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a socket, and what all of them share: options, time-outs, pending errors, shutdown state.

A socket is an open file description. No method blocks: LinuxError(EAGAIN) says "not now, wait for .queue", whatever
O_NONBLOCK says; connect() says so with EAGAIN too (EINPROGRESS: it goes on by itself). Addresses are the raw bytes of
struct sockaddr, both ways.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import CAP_NET_ADMIN
from sentry.vfs.anonymous import AnonymousInode, sockfs
from sentry.vfs.event_queue import EventQueue
from sentry.vfs.file import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM, OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.net.buffers import Message, Ucred
    from sentry.net.rights import Rights

IN = POLLIN | POLLRDNORM
OUT = POLLOUT | POLLWRNORM
ERR, HUP, RDHUP, POLLWRBAND = POLLERR, POLLHUP, POLLRDHUP, 0x200

DEFAULT_BUFFER = 212992  # /proc/sys/net/core/{r,w}mem_default and _max
_MIN_SEND, _MIN_RECEIVE = 4608, 2304

_BOOLEANS = frozenset((
    abi.SO_DEBUG, abi.SO_REUSEADDR, abi.SO_DONTROUTE, abi.SO_BROADCAST, abi.SO_KEEPALIVE, abi.SO_OOBINLINE,
    abi.SO_NO_CHECK, abi.SO_REUSEPORT, abi.SO_PASSCRED, abi.SO_TIMESTAMP, abi.SO_PASSSEC, abi.SO_TIMESTAMPNS,
    abi.SO_RXQ_OVFL, abi.SO_ZEROCOPY,
))  # fmt: skip
_INTEGERS = {
    abi.SO_PRIORITY: 0, abi.SO_RCVLOWAT: 1, abi.SO_MARK: 0, abi.SO_TIMESTAMPING: 0, abi.SO_PEEK_OFF: -1,
    abi.SO_BUSY_POLL: 0, abi.SO_INCOMING_CPU: -1, abi.SO_PREFER_BUSY_POLL: 0,
}  # fmt: skip
_PRIVILEGED = (abi.SO_DEBUG, abi.SO_MARK, abi.SO_SNDBUFFORCE, abi.SO_RCVBUFFORCE)


def read_int(value: bytes) -> int:
    """An int option. Raises: EINVAL if it is shorter."""
    if len(value) < 4:
        raise LinuxError(errno.EINVAL)
    return int(abi.INT.unpack_from(value)[0])


class Socket(OpenFile):
    """A socket of any family. error: the pending errno (SO_ERROR). *_timeout: ns, None for ever. *_shut: shutdown(2),
    ours or learned from the peer."""

    __slots__ = (
        "error", "family", "options", "pass_credentials", "protocol", "read_shut", "receive_buffer", "receive_timeout",
        "send_buffer", "send_timeout", "type", "write_shut",
    )  # fmt: skip

    def __init__(self, family: int, kind: int, protocol: int, credentials: Credentials, flags: int = 0) -> None:
        super().__init__(
            os.O_RDWR | flags & os.O_NONBLOCK,
            AnonymousInode(sockfs, stat.S_IFSOCK | 0o777, credentials.fsuid, credentials.fsgid),
            None,
        )
        self.queue: EventQueue = EventQueue()
        self.family = family
        self.type = kind
        self.protocol = protocol
        self.error = 0
        self.read_shut = False
        self.write_shut = False
        self.pass_credentials = False
        self.receive_timeout: int | None = None
        self.send_timeout: int | None = None
        self.send_buffer = DEFAULT_BUFFER
        self.receive_buffer = DEFAULT_BUFFER
        self.options: dict[tuple[int, int], int] = {}

    # -- the contract --
    def bind(self, task: Task, address: bytes) -> None:
        raise LinuxError(errno.EOPNOTSUPP)

    def listen(self, task: Task, backlog: int) -> None:
        raise LinuxError(errno.EOPNOTSUPP)

    def accept(self) -> Socket:
        """The next connection, a new description (reference 1). Raises: EAGAIN, EINVAL (not listening)."""
        raise LinuxError(errno.EOPNOTSUPP)

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        """Raises: EAGAIN (try again when woken), EINPROGRESS, EALREADY, and what the family says."""
        raise LinuxError(errno.EOPNOTSUPP)

    def send(
        self,
        data: bytes | memoryview,
        flags: int = 0,
        address: bytes = b"",
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        task: Task | None = None,
    ) -> int:
        """Bytes taken; a datagram whole or not at all. Takes the rights over if it succeeds. task is None for write(2)
        of a description, which then sends in its creator's name. Raises: EAGAIN, EPIPE (the caller sends SIGPIPE)."""
        raise LinuxError(errno.EOPNOTSUPP)

    def receive(self, size: int, flags: int = 0) -> Message:
        """The next bytes or the next message. flags: MSG_PEEK, MSG_OOB, MSG_ERRQUEUE matter here. Raises: EAGAIN."""
        raise LinuxError(errno.EOPNOTSUPP)

    def shutdown(self, how: int) -> None:
        raise LinuxError(errno.EOPNOTSUPP)

    def local_address(self) -> bytes:
        """getsockname(2)."""
        raise LinuxError(errno.EOPNOTSUPP)

    def peer_address(self) -> bytes:
        """getpeername(2). Raises: ENOTCONN."""
        raise LinuxError(errno.EOPNOTSUPP)

    @property
    def listening(self) -> bool:
        return False

    @property
    def stream(self) -> bool:
        """Does it carry bytes (else messages)? Then a blocking send goes on until all is sent."""
        return self.type == abi.SOCK_STREAM

    # -- errors --
    def raise_error(self) -> None:
        """Raises: the pending error, if there is one, and forgets it."""
        if self.error:
            number, self.error = self.error, 0
            raise LinuxError(number)

    # -- as a file --
    @property
    def seekable(self) -> bool:
        return False

    def name(self, task: Task) -> bytes:
        return b"socket:[%d]" % self.inode.attributes().ino

    def read(self, size: int) -> bytes:
        message = self.receive(size)
        if message.rights is not None:
            message.rights.drop()
        return message.data

    def write(self, data: bytes | memoryview) -> int:
        return self.send(data)

    def pread(self, size: int, offset: int) -> bytes:
        raise LinuxError(errno.ESPIPE)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.ESPIPE)

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        if request == abi.SIOCINQ:
            task.memory.write(argument, abi.INT.pack(self.unread()))
            return 0
        if request == abi.SIOCOUTQ:
            task.memory.write(argument, abi.INT.pack(self.unsent()))
            return 0
        if request >> 8 == 0x89:
            from sentry.net.interfaces import interface_ioctl

            return interface_ioctl(task, request, argument)
        raise LinuxError(errno.ENOTTY)

    def unread(self) -> int:
        """SIOCINQ in bytes."""
        raise LinuxError(errno.ENOTTY)

    def unsent(self) -> int:
        """SIOCOUTQ in bytes."""
        return 0

    # -- options --
    def set_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        """setsockopt(2). Raises: ENOPROTOOPT, EINVAL, EDOM, EPERM."""
        if level != abi.SOL_SOCKET:
            self.set_protocol_option(task, level, name, value)
            return
        if name in (abi.SO_RCVTIMEO, abi.SO_SNDTIMEO, abi.SO_RCVTIMEO_NEW, abi.SO_SNDTIMEO_NEW):
            if len(value) < abi.TIMEVAL.size:
                raise LinuxError(errno.EINVAL)
            seconds, microseconds = abi.TIMEVAL.unpack_from(value)
            if not 0 <= microseconds < 1_000_000:
                raise LinuxError(errno.EDOM)
            timeout: int | None = seconds * 1_000_000_000 + microseconds * 1000
            if seconds < 0:
                timeout = 0
            elif not timeout:
                timeout = None
            if name in (abi.SO_RCVTIMEO, abi.SO_RCVTIMEO_NEW):
                self.receive_timeout = timeout
            else:
                self.send_timeout = timeout
            return
        if name == abi.SO_BINDTODEVICE:
            device = value.split(b"\0")[0]
            if device not in (b"", b"lo"):
                raise LinuxError(errno.ENODEV)
            return
        number = read_int(value)
        if name in _PRIVILEGED and not task.credentials.has(CAP_NET_ADMIN) and (name != abi.SO_DEBUG or number):
            raise LinuxError(errno.EPERM)
        if name == abi.SO_PASSCRED and self.family not in (abi.AF_UNIX, abi.AF_NETLINK):
            raise LinuxError(errno.EOPNOTSUPP)
        if name in _BOOLEANS:
            self.options[level, name] = int(number != 0)
            if name == abi.SO_PASSCRED:
                self.pass_credentials = number != 0
        elif name == abi.SO_LINGER:
            if len(value) < abi.LINGER.size:
                raise LinuxError(errno.EINVAL)
            on, seconds = abi.LINGER.unpack_from(value)
            # Kept as one number: seconds + 1 while it is on.
            self.options[level, name] = (seconds & 0xFFFF) + 1 if on else 0
        elif name in (abi.SO_SNDBUF, abi.SO_SNDBUFFORCE):
            self.send_buffer = max(min(number & 0xFFFFFFFF, DEFAULT_BUFFER) * 2, _MIN_SEND)
            self.options[level, abi.SO_SNDBUF] = self.send_buffer
            self.queue.wake()
        elif name in (abi.SO_RCVBUF, abi.SO_RCVBUFFORCE):
            self.receive_buffer = max(min(number & 0xFFFFFFFF, DEFAULT_BUFFER) * 2, _MIN_RECEIVE)
            self.options[level, abi.SO_RCVBUF] = self.receive_buffer
        elif name in _INTEGERS:
            if name == abi.SO_RCVLOWAT:
                number = number if number > 0 else 1
            self.options[level, name] = number
        else:
            raise LinuxError(errno.ENOPROTOOPT)

    def set_protocol_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        """An option below SOL_SOCKET."""
        raise LinuxError(errno.EOPNOTSUPP)

    def get_option(self, task: Task, level: int, name: int, size: int) -> bytes:
        """getsockopt(2): the value; the caller cuts it to size, which is not negative. Raises: ENOPROTOOPT."""
        if level != abi.SOL_SOCKET:
            return self.get_protocol_option(task, level, name, size)
        options = self.options
        if name == abi.SO_PASSCRED and self.family not in (abi.AF_UNIX, abi.AF_NETLINK):
            raise LinuxError(errno.EOPNOTSUPP)
        if name in _BOOLEANS:
            number = options.get((level, name), 0)
        elif name == abi.SO_ERROR:
            number, self.error = self.error, 0
        elif name == abi.SO_TYPE:
            number = self.type
        elif name == abi.SO_PROTOCOL:
            number = self.protocol
        elif name == abi.SO_DOMAIN:
            number = self.family
        elif name == abi.SO_ACCEPTCONN:
            number = int(self.listening)
        elif name == abi.SO_SNDBUF:
            number = self.send_buffer
        elif name == abi.SO_RCVBUF:
            number = self.receive_buffer
        elif name == abi.SO_SNDLOWAT:
            number = 1
        elif name in _INTEGERS:
            number = options.get((level, name), _INTEGERS[name])
        elif name == abi.SO_LINGER:
            linger = options.get((level, name), 0)
            return abi.LINGER.pack(int(linger > 0), max(0, linger - 1))
        elif name in (abi.SO_RCVTIMEO, abi.SO_RCVTIMEO_NEW):
            return _timeval(self.receive_timeout)
        elif name in (abi.SO_SNDTIMEO, abi.SO_SNDTIMEO_NEW):
            return _timeval(self.send_timeout)
        elif name == abi.SO_PEERGROUPS:
            raise LinuxError(errno.ENODATA)
        elif name == abi.SO_COOKIE:
            if size < 8:
                raise LinuxError(errno.EINVAL)
            return struct.pack("<Q", self.inode.attributes().ino)
        elif name == abi.SO_BINDTODEVICE:
            return b""
        elif name == abi.SO_PEERCRED:
            return abi.UCRED.pack(*self.peer_credentials())
        elif name == abi.SO_PEERNAME:
            return self.peer_address()
        else:
            raise LinuxError(errno.ENOPROTOOPT)
        return abi.INT.pack(number)

    def get_protocol_option(self, task: Task, level: int, name: int, size: int) -> bytes:
        """An option below SOL_SOCKET."""
        raise LinuxError(errno.EOPNOTSUPP)

    def peer_credentials(self) -> tuple[int, int, int]:
        """SO_PEERCRED: pid, uid, gid of the peer; what Linux gives where there is none."""
        return 0, 0xFFFFFFFF, 0xFFFFFFFF


def _timeval(timeout: int | None) -> bytes:
    timeout = timeout or 0
    return abi.TIMEVAL.pack(timeout // 1_000_000_000, timeout % 1_000_000_000 // 1000)
