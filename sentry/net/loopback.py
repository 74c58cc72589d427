# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""TCP and UDP over the loopback device, short-cut in memory: no packets, no checksums, no timers.

What a program sees is that of the real protocols: handshakes that a listener's backlog completes, refused connections,
orderly ends, resets, half-closed states, ICMP's "connection refused" for datagrams. A stack behind a network device can
stand beside this one: it is chosen by destination (sentry/net/inet.py).
Source: net/ipv4/tcp.c, udp.c, tcp(7), udp(7); compared with native runs.
"""

from __future__ import annotations

import errno
import os
import struct

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.net.buffers import ByteQueue, Message, MessageQueue, Ucred, capacity, message_charge
from sentry.net.connected import CLOSED, CONNECTED, FRESH, LISTENING, ConnectedSocket
from sentry.net.inet import (
    ANY4,
    ANY6,
    LOCAL4,
    LOCAL6,
    InetSocket,
    PortTable,
    best_match,
    destination,
    is_multicast,
    parse,
    unparse,
)
from sentry.net.socket import ERR, HUP, IN, OUT, POLLWRBAND, RDHUP, read_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.credentials import Credentials
    from sentry.kernel.task import Task
    from sentry.net.inet import Endpoint
    from sentry.net.rights import Rights

_TCP_CAPACITY = 1 << 20
"""Bytes in flight one way, unless SO_SNDBUF says else: Linux grows its own to a few megabytes."""
_UDP_MAX = 65507

tcp_ports = PortTable(shares_by_address=False)
udp_ports = PortTable(shares_by_address=True)

_TCP_OPTIONS = {
    abi.TCP_NODELAY: 0, abi.TCP_MAXSEG: 536, abi.TCP_CORK: 0, abi.TCP_KEEPIDLE: 7200, abi.TCP_KEEPINTVL: 75,
    abi.TCP_KEEPCNT: 9, abi.TCP_SYNCNT: 6, abi.TCP_LINGER2: 60, abi.TCP_DEFER_ACCEPT: 0, abi.TCP_WINDOW_CLAMP: 0,
    abi.TCP_QUICKACK: 1, abi.TCP_USER_TIMEOUT: 0, abi.TCP_FASTOPEN: 0, abi.TCP_NOTSENT_LOWAT: 0,
    abi.TCP_FASTOPEN_CONNECT: 0, abi.TCP_INQ: 0,
}  # fmt: skip
_TCP_POSITIVE = {abi.TCP_KEEPIDLE: 32767, abi.TCP_KEEPINTVL: 32767, abi.TCP_KEEPCNT: 127, abi.TCP_SYNCNT: 127}


class TcpSocket(ConnectedSocket, InetSocket):
    """finished: the peer's FIN arrived. connecting: where a connect without waiting goes while the backlog is full.
    announced: False between such a connect's success and the call that tells of it. maker: whose socket it is."""

    __slots__ = ("announced", "connecting", "finished", "maker")

    def __init__(self, family: int, credentials: Credentials, flags: int = 0) -> None:
        super().__init__(family, abi.SOCK_STREAM, abi.IPPROTO_TCP, credentials, flags)
        self.send_buffer, self.receive_buffer = 16384, 131072
        self.start(credentials.euid)
        self.maker = credentials
        self.finished = False
        self.announced = True
        self.connecting: Endpoint | None = None

    @property
    def ports(self) -> PortTable:
        return tcp_ports

    def check_unbound(self) -> None:
        if self.local is not None or self.state != FRESH:
            raise LinuxError(errno.EINVAL)

    # -- connections --
    def listen(self, task: Task, backlog: int) -> None:
        if self.state not in (FRESH, LISTENING) or self.connecting is not None:
            raise LinuxError(errno.EINVAL)
        self.backlog = min(backlog & 0xFFFFFFFF, abi.SOMAXCONN)
        if self.state == FRESH:
            self.user = task.credentials.euid
            if self.local is None:
                self.bind_any_port(self.any)
            elif any(
                other.listening
                and other.local == self.local
                and not (other.options.get((1, abi.SO_REUSEPORT)) and self.options.get((1, abi.SO_REUSEPORT)))
                for other in tcp_ports.at(self.local[1])
            ):
                raise LinuxError(errno.EADDRINUSE)
        self.state = LISTENING

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        if len(address) < 2:
            raise LinuxError(errno.EINVAL)
        if address[:2] == b"\0\0":
            self._disconnect()
            return
        if self.state == CONNECTED:
            if not self.announced:
                self.announced = True
                return
            raise LinuxError(errno.EISCONN)
        if self.state == LISTENING:
            raise LinuxError(errno.EISCONN)
        if self.connecting is not None:
            raise LinuxError(errno.EALREADY if nonblocking else errno.EAGAIN)
        if self.state == CLOSED:
            number = self.error
            self._disconnect()
            if number:
                raise LinuxError(number)
        if self.family == abi.AF_INET6 and address[:2] == abi.AF_INET.to_bytes(2, "little"):
            raise LinuxError(errno.EAFNOSUPPORT if len(address) >= 24 else errno.EINVAL)
        host, port = parse(self.family, address)
        if len(host) == 4 and self.only_v6:
            raise LinuxError(errno.ENETUNREACH)
        host = destination(host)
        listener = _listener(host, port)
        self.user = task.credentials.euid
        if listener is None:
            if not nonblocking:
                raise LinuxError(errno.ECONNREFUSED)
            self._refused(host)
        elif listener.backlog_full:
            # Natively the handshake is tried again and again; here the listener says when.
            if self not in listener.waiting:
                listener.waiting.append(self)
            if not nonblocking:
                raise LinuxError(errno.EAGAIN)
            self.bind_any_port(LOCAL4 if len(host) == 4 else LOCAL6)
            self.connecting = (host, port)
        else:
            self._establish(listener, host, port)
            if not nonblocking:
                return
            self.announced = False
        raise LinuxError(errno.EINPROGRESS)

    def _establish(self, listener: TcpSocket, host: bytes, port: int) -> None:
        self.bind_any_port(LOCAL4 if len(host) == 4 else LOCAL6)
        self.remote = (host, port)
        child = TcpSocket(listener.family, listener.maker)
        child.options.update(listener.options)
        child.send_buffer, child.receive_buffer = listener.send_buffer, listener.receive_buffer
        child.user = listener.user
        child.local = (host, port)
        child.remote = self.local
        tcp_ports.add(child, port)
        self.join(child)
        listener.enqueue(child)

    def backlog_changed(self) -> None:
        if self.connecting is not None:
            host, port = self.connecting
            listener = _listener(host, port)
            if listener is not None and listener.backlog_full:
                listener.waiting.append(self)
                return
            self.connecting = None
            if listener is None:
                self._refused(host)
            else:
                self._establish(listener, host, port)
                self.announced = False
        self.queue.wake()

    def _refused(self, host: bytes) -> None:
        """The answer to a connect that nobody waits in is a reset."""
        self.bind_any_port(LOCAL4 if len(host) == 4 else LOCAL6)
        self._broken(errno.ECONNREFUSED)

    def _disconnect(self) -> None:
        """Makes a socket that can connect again (connect to AF_UNSPEC, or after a failure)."""
        if self.state == CONNECTED:
            self._reset_peer(errno.ECONNRESET)
        elif self.state == LISTENING:
            self._stop_listening()
        self.received.clear()
        self.peer = None
        self.connecting = None
        self.undo_connect()
        self.state = FRESH
        self.error = 0
        self.finished = self.read_shut = self.write_shut = False
        self.announced = True

    def _stop_listening(self) -> None:
        pending = list(self.pending)
        self.pending.clear()
        self.state = FRESH
        for child in pending:
            child.abandon()
        self._wake_waiting()
        self.queue.wake()

    def abandon(self) -> None:
        self._reset_peer(errno.ECONNRESET)
        self.drop()

    # -- data --
    @property
    def send_limit(self) -> int:
        wanted = self.options.get((abi.SOL_SOCKET, abi.SO_SNDBUF))
        return capacity(_TCP_CAPACITY if wanted is None else max(wanted, 65536))

    def has_room(self, charge: int, limit: int) -> bool:
        return charge * 3 <= limit * 2

    @property
    def ended(self) -> bool:
        return self.finished

    def send(
        self,
        data: bytes | memoryview,
        flags: int = 0,
        address: bytes = b"",
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        task: Task | None = None,
    ) -> int:
        self.raise_error()
        peer = self.peer
        if self.state != CONNECTED or self.write_shut or peer is None:
            raise LinuxError(errno.EPIPE)
        if peer.dead or (peer.read_shut and peer.write_shut and not peer.received):
            # Nobody is there any more: what we send is answered with a reset.
            self._broken(errno.EPIPE if self.finished else errno.ECONNRESET)
            if not peer.dead:
                assert isinstance(peer, TcpSocket)
                peer._broken(errno.EPIPE if peer.finished else errno.ECONNRESET)
            return len(data)
        if not data:
            return 0
        received = peer.received
        assert isinstance(received, ByteQueue)
        count = received.write(data, self.send_limit)
        if not count:
            raise LinuxError(errno.EAGAIN)
        if peer.queue:
            peer.queue.wake_for(IN)
        return count

    def _broken(self, number: int) -> None:
        """A reset arrived."""
        self.state = CLOSED
        self.error = number
        self.remote = None
        self.read_shut = self.write_shut = True
        self.queue.wake()

    def _reset_peer(self, number: int) -> None:
        peer = self.peer
        if peer is not None and not peer.dead and peer.state == CONNECTED:
            assert isinstance(peer, TcpSocket)
            peer._broken(errno.EPIPE if peer.finished else number)

    def shutdown(self, how: int) -> None:
        if self.state == LISTENING:
            if how != abi.SHUT_WR:
                self._stop_listening()
            return
        if how in (abi.SHUT_RD, abi.SHUT_RDWR):
            self.read_shut = True
        if how in (abi.SHUT_WR, abi.SHUT_RDWR):
            self.write_shut = True
        if self.state != CONNECTED:
            self.queue.wake()
            raise LinuxError(errno.ENOTCONN)
        peer = self.peer
        if peer is not None and self.write_shut and not peer.dead:
            assert isinstance(peer, TcpSocket)
            peer.finished = peer.read_shut = True
            peer.queue.wake()
        self.queue.wake()

    def poll(self) -> int:
        if self.state == LISTENING:
            return IN if self.pending else 0
        if self.connecting is not None:
            return 0
        events = 0
        if self.error:
            events |= ERR
        if (self.read_shut and self.write_shut) or self.state in (FRESH, CLOSED):
            events |= HUP
        if self.read_shut:
            events |= IN | RDHUP
        if self.received:
            events |= IN
        if self.write_shut or self.room:
            events |= OUT
        return events

    def peer_address(self) -> bytes:
        if self.state != CONNECTED:
            raise LinuxError(errno.ENOTCONN)
        return super().peer_address()

    def close_connection(self) -> None:
        self.unbind()
        peer = self.peer
        if peer is None or peer.dead or CLOSED in (self.state, peer.state):
            return
        assert isinstance(peer, TcpSocket)
        if self.received or self.options.get((abi.SOL_SOCKET, abi.SO_LINGER)) == 1:
            # Unread data, or SO_LINGER of 0 s: the connection is reset.
            self._reset_peer(errno.ECONNRESET)
        else:
            peer.finished = peer.read_shut = True
            peer.queue.wake()

    # -- options --
    def set_protocol_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        if level != abi.IPPROTO_TCP:
            super().set_protocol_option(task, level, name, value)
            return
        if name == abi.TCP_CONGESTION:
            if value.split(b"\0")[0] not in (b"cubic", b"reno"):
                raise LinuxError(errno.ENOENT)
            self.options[level, name] = int(value[:4] == b"reno")
            return
        if name not in _TCP_OPTIONS:
            raise LinuxError(errno.ENOPROTOOPT)
        number = read_int(value)
        if name in _TCP_POSITIVE and not 1 <= number <= _TCP_POSITIVE[name]:
            raise LinuxError(errno.EINVAL)
        if name == abi.TCP_MAXSEG and number and not 88 <= number <= 32767:
            raise LinuxError(errno.EINVAL)
        if name in (abi.TCP_NODELAY, abi.TCP_CORK):
            number = int(number != 0)
        self.options[level, name] = number

    def get_protocol_option(self, task: Task, level: int, name: int, size: int) -> bytes:
        if level != abi.IPPROTO_TCP:
            return super().get_protocol_option(task, level, name, size)
        if name == abi.TCP_CONGESTION:
            return (b"reno" if self.options.get((level, name)) else b"cubic").ljust(16, b"\0")
        if name == abi.TCP_INFO:
            # tcpi_state first (TCP_ESTABLISHED 1, CLOSE 7, CLOSE_WAIT 8, LISTEN 10); the rest has no meaning here.
            state = {CONNECTED: 8 if self.finished else 1, LISTENING: 10}.get(self.state, 7)
            return struct.pack("<B", state) + bytes(231)
        if name not in _TCP_OPTIONS:
            raise LinuxError(errno.ENOPROTOOPT)
        default = 65483 if name == abi.TCP_MAXSEG and self.state == CONNECTED else _TCP_OPTIONS[name]
        return abi.INT.pack(self.options.get((level, name), default))


def _listener(host: bytes, port: int) -> TcpSocket | None:
    """Who listens for connections to host and port; one of several at random (SO_REUSEPORT)."""
    found = best_match([socket for socket in tcp_ports.at(port) if socket.listening], host)
    if not found:
        return None
    choice = found[0] if len(found) == 1 else found[os.urandom(1)[0] % len(found)]
    assert isinstance(choice, TcpSocket)
    return choice


class UdpSocket(InetSocket):
    """local is None until bind, connect or the first send; with a remote, others' datagrams are not ours."""

    __slots__ = ("received",)

    def __init__(self, family: int, credentials: Credentials, flags: int = 0) -> None:
        super().__init__(family, abi.SOCK_DGRAM, abi.IPPROTO_UDP, credentials, flags)
        self.start(credentials.euid)
        self.received = MessageQueue()

    @property
    def ports(self) -> PortTable:
        return udp_ports

    def may_bind_elsewhere(self, host: bytes) -> bool:
        return is_multicast(host)

    def connect(self, task: Task, address: bytes, nonblocking: bool) -> None:
        if len(address) < 2:
            raise LinuxError(errno.EINVAL)
        if address[:2] == b"\0\0":
            self.undo_connect()
            self.read_shut = self.write_shut = False
            return
        host, port = parse(self.family, address)
        if len(host) == 4 and self.only_v6:
            raise LinuxError(errno.ENETUNREACH)
        host = destination(host)
        self.bind_any_port(LOCAL4 if len(host) == 4 else LOCAL6)
        self.remote = (host, port)

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
        if len(data) > 0xFFFF:
            raise LinuxError(errno.EMSGSIZE)
        if address and address[:2] != b"\0\0":
            host, port = parse(self.family, address)
            if not port:
                raise LinuxError(errno.EINVAL)
            if len(host) == 4 and self.only_v6:
                raise LinuxError(errno.ENETUNREACH)
            if host == b"\xff\xff\xff\xff" and not self.options.get((abi.SOL_SOCKET, abi.SO_BROADCAST)):
                raise LinuxError(errno.ENETUNREACH)
        elif self.remote is not None:
            host, port = self.remote
        else:
            raise LinuxError(errno.EDESTADDRREQ)
        self.raise_error()
        host = destination(host)
        if len(data) > _UDP_MAX:
            raise LinuxError(errno.EMSGSIZE)
        if self.write_shut:
            raise LinuxError(errno.EPIPE)
        if self.local is None:
            self.local = self.ports.claim(self, self.any, 0)
        source_host = self.local[0]
        if source_host in (ANY4, ANY6) or len(source_host) != len(host):
            source_host = LOCAL4 if len(host) == 4 else LOCAL6
        source = (source_host, self.local[1])
        target = _receiver((host, port), source)
        if target is None:
            if self.remote == (host, port):
                # The ICMP "port unreachable" of a connected socket is told by its next call.
                self.error = errno.ECONNREFUSED
                self.queue.wake()
            return len(data)
        charge = 832 if len(data) <= 192 else message_charge(len(data))
        if target.received.charge + charge <= capacity(target.receive_buffer):
            target.received.put(Message(bytes(data), unparse(target.family, source), charge=charge))
            if target.queue:
                target.queue.wake_for(IN)
        return len(data)

    def receive(self, size: int, flags: int = 0) -> Message:
        if flags & abi.MSG_ERRQUEUE:
            raise LinuxError(errno.EAGAIN)
        if flags & abi.MSG_OOB:
            raise LinuxError(errno.EOPNOTSUPP)
        self.raise_error()
        if self.received:
            return self.received.take(size, bool(flags & abi.MSG_PEEK))
        if self.read_shut and not (flags & abi.MSG_DONTWAIT or self.flags & abi.SOCK_NONBLOCK):
            return Message(b"")
        raise LinuxError(errno.EAGAIN)

    def shutdown(self, how: int) -> None:
        if how in (abi.SHUT_RD, abi.SHUT_RDWR):
            self.read_shut = True
        if how in (abi.SHUT_WR, abi.SHUT_RDWR):
            self.write_shut = True
        self.queue.wake()
        if self.remote is None:
            raise LinuxError(errno.ENOTCONN)

    def poll(self) -> int:
        events = OUT | POLLWRBAND
        if self.error:
            events |= ERR
        if self.read_shut:
            events |= IN | RDHUP
            if self.write_shut:
                events |= HUP
        if self.received:
            events |= IN
        return events

    def unread(self) -> int:
        return self.received.size

    def release(self) -> None:
        self.unbind()
        self.received.clear()

    def set_protocol_option(self, task: Task, level: int, name: int, value: bytes) -> None:
        if level == abi.IPPROTO_UDP and name in (1, 100, 101, 102, 103, 104):
            # UDP_CORK would change what is sent; segmentation offloads are for devices.
            if name == 1 and read_int(value):
                raise LinuxError(errno.ENOPROTOOPT)
            self.options[level, name] = read_int(value)
            return
        super().set_protocol_option(task, level, name, value)


def _receiver(target: Endpoint, source: Endpoint) -> UdpSocket | None:
    """Who gets a datagram: a socket connected to its sender before one that hears everybody."""
    candidates: list[UdpSocket] = []
    for socket in best_match(udp_ports.at(target[1]), target[0]):
        assert isinstance(socket, UdpSocket)
        if socket.remote == source:
            return socket
        if socket.remote is None:
            candidates.append(socket)
    # Of several that share the port the last one bound gets it, as natively (SO_REUSEPORT spreads; so may we).
    return candidates[-1] if candidates else None
