# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Internet addresses and what TCP and UDP share: endpoints, ports, the options of IP and IPv6.

An endpoint is (address, port) with 4 or 16 bytes of address; v4-mapped IPv6 addresses are kept as their 4 bytes, so
that both families meet. Owns the port tables and the rules of who may share a port. Who carries the packets is not
known here: routes() says which addresses are ours, today those of the loopback device only.
Source: net/ipv4/af_inet.c, inet_connection_sock.c, ip(7), ipv6(7); compared with native runs.
"""

from __future__ import annotations

import errno
import os

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.kernel.credentials import CAP_NET_ADMIN, CAP_NET_BIND_SERVICE
from sentry.net.socket import Socket, read_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.task import Task

Endpoint = tuple[bytes, int]

ANY4, ANY6 = bytes(4), bytes(16)
LOCAL4, LOCAL6 = b"\x7f\0\0\1", bytes(15) + b"\1"
_MAPPED = bytes(10) + b"\xff\xff"
EPHEMERAL = (32768, 60999)
"""/proc/sys/net/ipv4/ip_local_port_range."""
_FIRST_UNPRIVILEGED = 1024


def parse(family: int, address: bytes) -> Endpoint:
    """The endpoint of a struct sockaddr for a socket of family. Raises: EINVAL (too short), EAFNOSUPPORT."""
    if len(address) < 2:
        raise LinuxError(errno.EINVAL)
    given = int.from_bytes(address[:2], "little")
    if family == abi.AF_INET:
        if len(address) < 16:
            raise LinuxError(errno.EINVAL)
        if given != abi.AF_INET:
            raise LinuxError(errno.EAFNOSUPPORT)
        return address[4:8], int.from_bytes(address[2:4], "big")
    if given == abi.AF_INET and len(address) >= 16:
        # Datagram sockets of IPv6 take IPv4 addresses; connect and bind refuse them before.
        return address[4:8], int.from_bytes(address[2:4], "big")
    if len(address) < 24:
        raise LinuxError(errno.EINVAL)
    if given != abi.AF_INET6:
        raise LinuxError(errno.EAFNOSUPPORT)
    host = address[8:24]
    if host[:12] == _MAPPED:
        host = host[12:]
    return host, int.from_bytes(address[2:4], "big")


def unparse(family: int, endpoint: Endpoint) -> bytes:
    """The struct sockaddr of an endpoint, as a socket of family shows it."""
    host, port = endpoint
    if family == abi.AF_INET:
        return abi.AF_INET.to_bytes(2, "little") + port.to_bytes(2, "big") + host[-4:] + bytes(8)
    if len(host) == 4:
        host = _MAPPED + host if host != ANY4 else ANY6
    return abi.SOCKADDR_IN6.pack(abi.AF_INET6, port.to_bytes(2, "big"), 0, host, 0)


def is_loopback(host: bytes) -> bool:
    """Is it an address of the loopback device (127/8 or ::1)?"""
    return host[0] == 127 if len(host) == 4 else host == LOCAL6


def is_multicast(host: bytes) -> bool:
    return host[0] & 0xF0 == 0xE0 if len(host) == 4 else host[0] == 0xFF


def destination(host: bytes) -> bytes:
    """Where packets to host go: the "any" addresses mean this machine. Raises: ENETUNREACH (there is no route)."""
    if host == ANY4:
        return LOCAL4
    if host == ANY6:
        return LOCAL6
    if not is_loopback(host):
        raise LinuxError(errno.ENETUNREACH)
    return host


class InetSocket(Socket):
    """local, remote: endpoints, None before bind or connect. fixed: the endpoint that bind() gave. user: the euid that
    bound it."""

    # No __slots__: a class with slots of its own could not be a second base of TcpSocket.
    def start(self, user: int) -> None:
        """The state of a new socket."""
        self.local: Endpoint | None = None
        self.remote: Endpoint | None = None
        self.fixed: Endpoint | None = None
        self.user = user

    @property
    def only_v6(self) -> bool:
        """IPV6_V6ONLY: no v4-mapped addresses."""
        return bool(self.options.get((abi.IPPROTO_IPV6, abi.IPV6_V6ONLY)))

    @property
    def ports(self) -> PortTable:
        raise NotImplementedError

    @property
    def any(self) -> bytes:
        """The family's wildcard address."""
        return ANY4 if self.family == abi.AF_INET else ANY6

    def bind(self, task: Task, address: bytes) -> None:
        if self.family == abi.AF_INET6 and address[:2] != abi.AF_INET6.to_bytes(2, "little") and len(address) >= 24:
            raise LinuxError(errno.EAFNOSUPPORT)
        if self.family == abi.AF_INET and len(address) >= 16 and address[:2] == b"\0\0" and address[4:8] == ANY4:
            address = abi.AF_INET.to_bytes(2, "little") + address[2:]  # an old habit of programs that Linux bears with
        if self.family == abi.AF_INET6 and len(address) < 24:
            raise LinuxError(errno.EINVAL)
        host, port = parse(self.family, address)
        if len(host) == 4 and self.only_v6:
            raise LinuxError(errno.EINVAL)
        if host not in (ANY4, ANY6) and not is_loopback(host) and not self.may_bind_elsewhere(host):
            raise LinuxError(errno.EADDRNOTAVAIL)
        if 0 < port < _FIRST_UNPRIVILEGED and not task.credentials.has(CAP_NET_BIND_SERVICE):
            raise LinuxError(errno.EACCES)
        self.check_unbound()
        self.user = task.credentials.euid
        self.local = self.fixed = self.ports.claim(self, host, port)

    def may_bind_elsewhere(self, host: bytes) -> bool:
        """May a socket be bound to an address that is not ours (multicast groups of datagram sockets)?"""
        return False

    def check_unbound(self) -> None:
        """Raises: EINVAL if the socket has a port or a connection already."""
        if self.local is not None:
            raise LinuxError(errno.EINVAL)

    def bind_any_port(self, host: bytes) -> None:
        """Gives an unbound socket a port at host."""
        if self.local is None:
            self.local = self.ports.claim(self, host, 0)
        elif self.local[0] in (ANY4, ANY6):
            self.local = (host, self.local[1])

    def undo_connect(self) -> None:
        """Back to what bind() said, or to no port at all."""
        self.remote = None
        if self.fixed is None:
            self.unbind()
        else:
            self.local = self.fixed

    def unbind(self) -> None:
        """Gives the port back."""
        if self.local is not None:
            self.ports.release(self, self.local[1])
            self.local = None

    def local_address(self) -> bytes:
        return unparse(self.family, self.local or (self.any, 0))

    def peer_address(self) -> bytes:
        if self.remote is None:
            raise LinuxError(errno.ENOTCONN)
        return unparse(self.family, self.remote)

    # -- options --
    def set_protocol_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        if level == abi.IPPROTO_IP:
            if name in _IP_GROUPS:
                if len(value) < 8:
                    raise LinuxError(errno.EINVAL)
                return
            if name == _IP_OPTIONS and not value:
                return
            if name not in _IP:
                raise LinuxError(errno.ENOPROTOOPT)
            # One byte is enough for these.
            number = value[0] if 0 < len(value) < 4 else read_int(value)
            if name == _IP_MULTICAST_TTL and self.stream:
                raise LinuxError(errno.EINVAL)
            if name == abi.IP_TTL and not 1 <= number <= 255 and number != -1:
                raise LinuxError(errno.EINVAL)
            if name == abi.IP_TOS:
                number &= 0xFF
            if name == _IP_TRANSPARENT and number and not task.credentials.has(CAP_NET_ADMIN):
                raise LinuxError(errno.EPERM)
        elif level == abi.IPPROTO_IPV6 and self.family == abi.AF_INET6:
            if name in _IPV6_GROUPS:
                if len(value) < 20:
                    raise LinuxError(errno.EINVAL)
                return
            if name == abi.IPV6_MTU:
                raise LinuxError(errno.EINVAL)
            if name not in _IPV6 or (name == _IPV6_MULTICAST_HOPS and self.stream):
                raise LinuxError(errno.ENOPROTOOPT)
            number = read_int(value)
            if name == abi.IPV6_V6ONLY:
                if self.local is not None:
                    raise LinuxError(errno.EINVAL)
                number = int(number != 0)
        else:
            raise LinuxError(errno.ENOPROTOOPT)
        self.options[level, name] = number

    def get_protocol_option(self, task: Task, level: int, name: int, size: int) -> bytes:
        if level == abi.IPPROTO_IP and name in _IP_NOTHING:
            return b""
        if level == abi.IPPROTO_IP and name in _IP:
            default = _IP[name]
        elif level == abi.IPPROTO_IPV6 and self.family == abi.AF_INET6 and name in _IPV6:
            default = _IPV6[name]
        elif self.family == abi.AF_INET and level != abi.IPPROTO_IP:
            raise LinuxError(errno.EOPNOTSUPP)
        elif (level == abi.IPPROTO_IP and name == abi.IP_MTU) or (level == abi.IPPROTO_IPV6 and name == abi.IPV6_MTU):
            if self.remote is None:
                raise LinuxError(errno.ENOTCONN)
            default = 65536
        else:
            raise LinuxError(errno.ENOPROTOOPT)
        number = self.options.get((level, name), default)
        if level == abi.IPPROTO_IP and size < 4 and 0 <= number <= 255:
            return bytes((number,))
        return abi.INT.pack(number)


_IP_TRANSPARENT, _IP_MULTICAST_TTL, _IPV6_MULTICAST_HOPS = 19, 33, 18
_IP = {
    abi.IP_TOS: 0, abi.IP_TTL: 64, abi.IP_PKTINFO: 0, abi.IP_MTU_DISCOVER: 1, abi.IP_RECVERR: 0, 6: 0, 7: 0, 12: 0,
    13: 0, 15: 0, 18: 0, _IP_TRANSPARENT: 0, 20: 0, 21: 0, 22: 0, 23: 0, 24: 0, 25: 0, 26: 0, 32: 0, 33: 1, 34: 1,
    49: 1, 50: 0,
}  # fmt: skip
"""Options of IPPROTO_IP that are remembered, with their defaults: RECVTTL 12, RECVTOS 13, FREEBIND 15,
BIND_ADDRESS_NO_PORT 24, MULTICAST_* 32..34, MULTICAST_ALL 49, UNICAST_IF 50."""
_IP_OPTIONS, _IP_PKTOPTIONS = 4, 9
_IP_NOTHING = (_IP_OPTIONS, _IP_PKTOPTIONS)
"""Answered with no bytes at all: packets have no options here. sshd hangs up on a connection that has some."""
_IP_GROUPS = (35, 36, 37, 38, 39, 40)
_IPV6 = {
    abi.IPV6_UNICAST_HOPS: 64, abi.IPV6_RECVERR: 0, abi.IPV6_V6ONLY: 0, abi.IPV6_RECVPKTINFO: 0, 17: 0, 18: 1, 19: 1,
    23: 1, 29: 1, 33: 0, 51: 0, 53: 0, 56: 0, 58: 0, 60: 0, 62: 0, 66: 0, 67: 0, 70: 1, 72: 0, 73: 0, 74: 0, 76: 0,
    78: 0,
}  # fmt: skip
_IPV6_GROUPS = (20, 21, 27, 28)


class PortTable:
    """Who is bound where, of one protocol."""

    __slots__ = ("_bound", "shares_by_address")

    def __init__(self, shares_by_address: bool) -> None:
        self._bound: dict[int, list[InetSocket]] = {}
        self.shares_by_address = shares_by_address
        """Do sockets with SO_REUSEADDR share a port even while one listens (UDP)?"""

    def at(self, port: int) -> list[InetSocket]:
        """The sockets bound to port."""
        return self._bound.get(port, [])

    def claim(self, socket: InetSocket, host: bytes, port: int) -> Endpoint:
        """Binds socket to host and port (0: any that is free). Raises: EADDRINUSE."""
        if port:
            if any(self._conflict(socket, host, other) for other in self.at(port)):
                raise LinuxError(errno.EADDRINUSE)
        else:
            port = self._free_port(socket, host)
        self.add(socket, port)
        return host, port

    def add(self, socket: InetSocket, port: int) -> None:
        """Notes a socket at a port without asking anybody (accepted connections)."""
        self._bound.setdefault(port, []).append(socket)

    def release(self, socket: InetSocket, port: int) -> None:
        """Forgets a socket."""
        bound = self._bound.get(port)
        if bound is not None and socket in bound:
            bound.remove(socket)
            if not bound:
                del self._bound[port]

    def _free_port(self, socket: InetSocket, host: bytes) -> int:
        first, last = EPHEMERAL
        count = last - first + 1
        start = int.from_bytes(os.urandom(4), "little") % count
        for offset in range(count):
            port = first + (start + offset) % count
            if port not in self._bound:
                return port
        raise LinuxError(errno.EADDRINUSE)

    def _conflict(self, socket: InetSocket, host: bytes, other: InetSocket) -> bool:
        assert other.local is not None
        if not _overlap(socket, host, other, other.local[0]):
            return False
        level = abi.SOL_SOCKET
        if (
            socket.options.get((level, abi.SO_REUSEPORT))
            and other.options.get((level, abi.SO_REUSEPORT))
            and socket.user == other.user
        ):
            return False
        both = socket.options.get((level, abi.SO_REUSEADDR)) and other.options.get((level, abi.SO_REUSEADDR))
        return not both or (other.listening and not self.shares_by_address)


def _overlap(socket: InetSocket, host: bytes, other: InetSocket, other_host: bytes) -> bool:
    """Could a packet be for both addresses?"""
    wide = host in (ANY4, ANY6)
    other_wide = other_host in (ANY4, ANY6)
    if wide and other_wide:
        if len(host) == len(other_host):
            return True
        six = socket if len(host) == 16 else other
        return not six.only_v6
    if wide:
        return len(host) == len(other_host) or (len(host) == 16 and not socket.only_v6)
    if other_wide:
        return len(host) == len(other_host) or (len(other_host) == 16 and not other.only_v6)
    return host == other_host


def best_match(sockets: list[InetSocket], host: bytes) -> list[InetSocket]:
    """Those of the sockets of a port that packets to host are for: bound to host itself, else to the wildcard."""
    exact = [socket for socket in sockets if socket.local is not None and socket.local[0] == host]
    if exact:
        return exact
    wildcard = ANY4 if len(host) == 4 else ANY6
    wide = [socket for socket in sockets if socket.local is not None and socket.local[0] == wildcard]
    if wide or len(host) == 16:
        return wide
    return [s for s in sockets if s.local is not None and s.local[0] == ANY6 and not s.only_v6]
