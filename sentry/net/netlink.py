# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""AF_NETLINK: what libc and ip(8) ask of NETLINK_ROUTE to list devices, addresses and routes.

Requests are answered at once into the asking socket's queue. Nothing can be changed (EPERM), and nothing changes by
itself, so the multicast groups that a socket joins stay silent.
Source: netlink(7), rtnetlink(7), net/netlink/af_netlink.c, net/core/rtnetlink.c; compared with native dumps.
"""

from __future__ import annotations

import errno
import itertools
import struct

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.net import interfaces
from sentry.net.buffers import Message, MessageQueue, message_charge
from sentry.net.socket import IN, OUT, RDHUP, Socket, read_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.net.buffers import Ucred
    from sentry.net.rights import Rights

NETLINK_ROUTE, NETLINK_KOBJECT_UEVENT = 0, 15
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_F_REQUEST, _F_MULTI, _F_ACK, _F_DUMP = 1, 2, 4, 0x300
_RTM_GETLINK, _RTM_GETADDR, _RTM_GETROUTE = 18, 22, 26
_RTM_FIRST, _RTM_LAST = 16, 123
_HEADER = struct.Struct("<IHHII")  # length, type, flags, sequence, port id

_ids: dict[int, NetlinkSocket] = {}
_spare_ids = itertools.count(0xFFFFF000, -1)


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("<HH", length, kind) + value + bytes(-length & 3)


def _u32(kind: int, value: int) -> bytes:
    return _attribute(kind, value.to_bytes(4, "little"))


def _link() -> bytes:
    """An RTM_NEWLINK payload of the loopback device."""
    flags = interfaces.LOOPBACK_FLAGS | interfaces.IFF_LOWER_UP
    return b"".join((
        struct.pack("<BxHiII", 0, interfaces.ARPHRD_LOOPBACK, interfaces.LOOPBACK_INDEX, flags, 0),
        _attribute(3, interfaces.LOOPBACK_NAME + b"\0"),  # IFLA_IFNAME
        _u32(13, interfaces.TX_QUEUE_LENGTH),  # IFLA_TXQLEN
        _attribute(16, b"\0"),  # IFLA_OPERSTATE: unknown, as Linux says of lo
        _attribute(17, b"\0"),  # IFLA_LINKMODE
        _u32(4, interfaces.LOOPBACK_MTU),  # IFLA_MTU
        _u32(27, 0),  # IFLA_GROUP
        _u32(30, 0),  # IFLA_PROMISCUITY
        _u32(31, 1),  # IFLA_NUM_TX_QUEUES
        _u32(32, 1),  # IFLA_NUM_RX_QUEUES
        _attribute(33, b"\1"),  # IFLA_CARRIER
        _attribute(6, b"noqueue\0"),  # IFLA_QDISC
        _attribute(1, bytes(6)),  # IFLA_ADDRESS
        _attribute(2, bytes(6)),  # IFLA_BROADCAST
        _attribute(23, bytes(200)),  # IFLA_STATS64
        _attribute(7, bytes(100)),  # IFLA_STATS
    ))  # fmt: skip


_FOREVER = struct.pack("<4I", 0xFFFFFFFF, 0xFFFFFFFF, 0, 0)
_ADDRESSES = {abi.AF_INET: (b"\x7f\0\0\1", 8), abi.AF_INET6: (bytes(15) + b"\1", 128)}


def _address(family: int) -> bytes:
    """An RTM_NEWADDR payload of the loopback device's address."""
    host, prefix = _ADDRESSES[family]
    parts = [struct.pack("<BBBBI", family, prefix, 0x80, 254, interfaces.LOOPBACK_INDEX), _attribute(1, host)]
    if family == abi.AF_INET:
        parts += [_attribute(2, host), _attribute(3, interfaces.LOOPBACK_NAME + b"\0")]
    parts += [_attribute(6, _FOREVER), _u32(8, 0x80)]
    return b"".join(parts)


_ROUTES = (
    # family, destination, prefix, type (2 local, 3 broadcast), scope (254 host, 253 link)
    (abi.AF_INET, b"\x7f\0\0\0", 8, 2, 254),
    (abi.AF_INET, b"\x7f\0\0\1", 32, 2, 254),
    (abi.AF_INET, b"\x7f\xff\xff\xff", 32, 3, 253),
    (abi.AF_INET6, bytes(15) + b"\1", 128, 2, 0),
)


def _route(family: int, host: bytes, prefix: int, kind: int, scope: int) -> bytes:
    """An RTM_NEWROUTE payload of a route in the table "local"."""
    parts = [struct.pack("<8BI", family, prefix, 0, 0, 255, 2, scope, kind, 0), _u32(15, 255), _attribute(1, host)]
    if family == abi.AF_INET:
        parts.append(_attribute(7, b"\x7f\0\0\1"))
    parts.append(_u32(4, interfaces.LOOPBACK_INDEX))
    return b"".join(parts)


class NetlinkSocket(Socket):
    """port: the address of the socket, 0 until it has one. connected: to the kernel, the only peer there is."""

    __slots__ = ("connected", "groups", "port", "received")

    def __init__(self, kind: int, protocol: int, credentials: Credentials, flags: int = 0) -> None:
        super().__init__(abi.AF_NETLINK, kind, protocol, credentials, flags)
        self.port = 0
        self.groups = 0
        self.connected = False
        self.received = MessageQueue()

    def bind(self, task: Task, address: bytes) -> None:
        if len(address) < abi.SOCKADDR_NL.size:
            raise LinuxError(errno.EINVAL)
        family, _, port, groups = abi.SOCKADDR_NL.unpack_from(address)
        if family != abi.AF_NETLINK:
            raise LinuxError(errno.EINVAL)
        if self.port and port != self.port:
            raise LinuxError(errno.EINVAL)
        if not self.port:
            if port:
                if port in _ids:
                    raise LinuxError(errno.EADDRINUSE)
                self._take(port)
            else:
                self._autobind(task)
        self.groups = groups

    def _take(self, port: int) -> None:
        self.port = port
        _ids[port] = self

    def _autobind(self, task: Task) -> None:
        port: int = task.process.pid
        while port in _ids:
            port = next(_spare_ids)
        self._take(port)

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        if len(address) < 2:
            raise LinuxError(errno.EINVAL)
        if address[:2] == b"\0\0":
            self.connected = False
            return
        self._check_target(address)
        if not self.port:
            self._autobind(task)
        self.connected = True

    @staticmethod
    def _check_target(address: bytes) -> None:
        if len(address) < abi.SOCKADDR_NL.size:
            raise LinuxError(errno.EINVAL)
        family, _, port, groups = abi.SOCKADDR_NL.unpack_from(address)
        if family != abi.AF_NETLINK:
            raise LinuxError(errno.EINVAL)
        if groups:
            raise LinuxError(errno.EPERM)
        if port:
            # Messages between programs are not needed by anybody we know.
            raise LinuxError(errno.ECONNREFUSED)

    def local_address(self) -> bytes:
        return abi.SOCKADDR_NL.pack(abi.AF_NETLINK, 0, self.port, self.groups)

    def peer_address(self) -> bytes:
        return abi.SOCKADDR_NL.pack(abi.AF_NETLINK, 0, 0, 0)

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
        if address:
            self._check_target(address)
        if not self.port and task is not None:
            self._autobind(task)
        if len(data) > self.send_buffer - 32:
            raise LinuxError(errno.EMSGSIZE)
        if self.protocol != NETLINK_ROUTE:
            raise LinuxError(errno.ECONNREFUSED)
        view = bytes(data)
        while len(view) >= _HEADER.size:
            length, kind, request_flags, sequence, _ = _HEADER.unpack_from(view)
            if length < _HEADER.size or length > len(view):
                break
            self._request(view[:length], kind, request_flags, sequence)
            view = view[length + 3 & ~3 :]
        self.queue.wake()
        return len(data)

    def _request(self, message: bytes, kind: int, flags: int, sequence: int) -> None:
        if not flags & _F_REQUEST or kind < _RTM_FIRST:
            # Control messages and answers ask for nothing.
            if flags & _F_ACK:
                self._error(message, sequence, 0)
            return
        payload = message[_HEADER.size :]
        family = payload[0] if payload else 0
        if kind > _RTM_LAST:
            self._error(message, sequence, errno.EOPNOTSUPP)
        elif kind & 3 != 2:  # RTM_NEW..., RTM_DEL..., RTM_SET...
            self._error(message, sequence, errno.EPERM)
        elif flags & _F_DUMP:
            self._multipart(sequence, kind - 2, self._dump(kind, family))
        else:
            answer = self._find(kind, family, payload)
            if isinstance(answer, int):
                self._error(message, sequence, answer)
            else:
                self._put(self._pack(kind - 2, 0, sequence, answer))
                if flags & _F_ACK:
                    self._error(message, sequence, 0)

    @staticmethod
    def _dump(kind: int, family: int) -> list[bytes]:
        if kind == _RTM_GETLINK:
            return [_link()]
        if kind == _RTM_GETADDR:
            return [_address(each) for each in _ADDRESSES if family in (0, each)]
        if kind == _RTM_GETROUTE:
            return [_route(*each) for each in _ROUTES if family in (0, each[0])]
        return []  # neighbours, rules, queueing disciplines: there are none

    @staticmethod
    def _find(kind: int, family: int, payload: bytes) -> bytes | int:
        """What one asked for alone, or an errno."""
        if kind == _RTM_GETLINK:
            if len(payload) < 16:
                return errno.EINVAL
            (index,) = struct.unpack_from("<i", payload, 4)
            names = [value for number, value in _attributes(payload[16:]) if number == 3]
            if index == interfaces.LOOPBACK_INDEX or (
                not index and names and names[0].split(b"\0")[0] == interfaces.LOOPBACK_NAME
            ):
                return _link()
            return errno.ENODEV if index or names else errno.EINVAL
        if kind == _RTM_GETADDR:
            return _address(family) if family in _ADDRESSES else errno.EINVAL
        if kind == _RTM_GETROUTE:
            wanted = [value for number, value in _attributes(payload[12:]) if number == 1]
            if family == abi.AF_INET and wanted and wanted[0][:1] == b"\x7f":
                return _route(abi.AF_INET, wanted[0][:4], 32, 2, 0)
            if family == abi.AF_INET6 and wanted and wanted[0] == bytes(15) + b"\1":
                return _route(abi.AF_INET6, wanted[0], 128, 2, 0)
            return errno.ENETUNREACH
        return errno.EOPNOTSUPP

    def _pack(self, kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
        length = _HEADER.size + len(payload)
        return _HEADER.pack(length, kind, flags, sequence, self.port) + payload + bytes(-length & 3)

    def _multipart(self, sequence: int, kind: int, payloads: list[bytes]) -> None:
        if payloads:
            self._put(b"".join([self._pack(kind, _F_MULTI, sequence, payload) for payload in payloads]))
        self._put(self._pack(_NLMSG_DONE, _F_MULTI, sequence, bytes(4)))

    def _error(self, request: bytes, sequence: int, number: int) -> None:
        """NLMSG_ERROR; number 0 is an acknowledgement."""
        quoted = request if number else request[: _HEADER.size]
        self._put(self._pack(_NLMSG_ERROR, 0 if number else 0x100, sequence, struct.pack("<i", -number) + quoted))

    def _put(self, data: bytes) -> None:
        charge = message_charge(len(data))
        if self.received.charge + charge > self.receive_buffer:
            self.error = errno.ENOBUFS
            return
        self.received.put(Message(data, self.peer_address(), credentials=(0, 0, 0), charge=charge))

    def receive(self, size: int, flags: int = 0) -> Message:
        if flags & abi.MSG_OOB:
            raise LinuxError(errno.EOPNOTSUPP)
        self.raise_error()
        if not self.received:
            raise LinuxError(errno.EAGAIN)
        return self.received.take(size, bool(flags & abi.MSG_PEEK))

    def poll(self) -> int:
        events = OUT | 0x200
        if self.error:
            events |= 8
        if self.read_shut:
            events |= IN | RDHUP
        return events | IN if self.received else events

    def unread(self) -> int:
        raise LinuxError(errno.EOPNOTSUPP)

    def release(self) -> None:
        if self.port:
            _ids.pop(self.port, None)
        self.received.clear()

    def set_protocol_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        if level != abi.SOL_NETLINK:
            raise LinuxError(errno.ENOPROTOOPT)
        number = read_int(value)
        if name not in (1, 2, 3, 4, 5, 8, 10, 11, 12):
            raise LinuxError(errno.ENOPROTOOPT)
        self.options[level, name] = number

    def get_protocol_option(self, task: Task, level: int, name: int, size: int) -> bytes:
        if level != abi.SOL_NETLINK or name not in (3, 4, 5, 8, 10, 11, 12):
            raise LinuxError(errno.ENOPROTOOPT)
        return abi.INT.pack(self.options.get((level, name), 0))


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    """The (type, value) pairs of a request, as far as they are well formed."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= 4:
        length, kind = struct.unpack_from("<HH", data)
        if length < 4 or length > len(data):
            break
        found.append((kind & 0x3FFF, data[4:length]))
        data = data[length + 3 & ~3 :]
    return found
