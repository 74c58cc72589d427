# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Sockets that have one peer at a time: Unix streams and packets, TCP over loopback.

Owns the pair (each end puts what it sends straight into the other's queue), the queue of connections that wait for
accept, and the end of both. Names, ports and the differences of the families are in the subclasses.
"""

from __future__ import annotations

import errno
import os

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.lean import deque
from sentry.net import rights as scm
from sentry.net.buffers import ByteQueue, Message, MessageQueue, capacity
from sentry.net.socket import OUT, POLLWRBAND, Socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.kernel.credentials import Credentials
    from sentry.net.rights import Rights

FRESH, LISTENING, CONNECTED, CLOSED = range(4)


class ConnectedSocket(Socket):
    """state: FRESH, LISTENING, CONNECTED, or CLOSED (was connected, broken off). peer: the other end, also after it is
    closed (dead). waiting: those whose connect found the backlog full."""

    __slots__ = ("backlog", "dead", "peer", "pending", "received", "state", "waiting")

    def __init__(self, family: int, kind: int, protocol: int, credentials: Credentials, flags: int = 0) -> None:
        super().__init__(family, kind, protocol, credentials, flags)
        self.received: ByteQueue | MessageQueue = ByteQueue() if kind == abi.SOCK_STREAM else MessageQueue()
        self.state = FRESH
        self.peer: ConnectedSocket | None = None
        self.dead = False
        self.backlog = 0
        self.pending: deque[ConnectedSocket] = deque()
        self.waiting: list[ConnectedSocket] = []

    # -- connections --
    @property
    def listening(self) -> bool:
        return self.state == LISTENING

    def join(self, other: ConnectedSocket) -> None:
        """Makes the two ends of one connection."""
        self.peer, other.peer = other, self
        self.state = other.state = CONNECTED

    def enqueue(self, child: ConnectedSocket) -> None:
        """A connection waits to be accepted at this listener."""
        self.pending.append(child)
        self.queue.wake()

    @property
    def backlog_full(self) -> bool:
        return len(self.pending) > self.backlog

    def accept(self) -> ConnectedSocket:
        if self.state != LISTENING or self.read_shut:
            raise LinuxError(errno.EINVAL)
        if not self.pending:
            raise LinuxError(errno.EAGAIN)
        child = self.pending.popleft()
        self._wake_waiting()
        return child

    def _wake_waiting(self) -> None:
        waiting, self.waiting = self.waiting, []
        for socket in waiting:
            socket.backlog_changed()

    def backlog_changed(self) -> None:
        """The listener whose backlog was full has room now, or is closed."""
        self.queue.wake()

    def queued_rights(self) -> list[Rights]:
        """The descriptors in our queue and in those of connections not yet accepted (for the collector)."""
        found = self.received.rights()
        for child in self.pending:
            found += child.received.rights()
        return found

    # -- data --
    @property
    def send_limit(self) -> int:
        """The charge at which the peer's queue takes no more."""
        return capacity(self.send_buffer)

    def has_room(self, charge: int, limit: int) -> bool:
        """Does poll call us writable when the peer's queue costs charge?"""
        return charge + 1 << 2 <= limit

    @property
    def room(self) -> bool:
        peer = self.peer
        return peer is None or self.has_room(peer.received.charge, self.send_limit)

    def after_taking(self, before: int) -> None:
        """Wakes the peer if our taking (the charge was before) made it writable. Costs nothing if nobody waits."""
        peer = self.peer
        if peer is not None and peer.queue:
            limit = peer.send_limit
            if not self.has_room(before, limit) and self.has_room(self.received.charge, limit):
                peer.queue.wake_for(OUT | POLLWRBAND)

    def receive(self, size: int, flags: int = 0) -> Message:
        if flags & (abi.MSG_OOB | abi.MSG_ERRQUEUE):
            raise LinuxError(errno.EINVAL if flags & abi.MSG_OOB else errno.EAGAIN)
        received = self.received
        if received:
            if not size and self.stream:
                return Message(b"")
            if flags & abi.MSG_PEEK:
                return received.take(size, True, self.pass_credentials)
            before = received.charge
            message = received.take(size, False, self.pass_credentials)
            self.after_taking(before)
            return message
        if self.state in (FRESH, LISTENING):
            self.not_connected()
        if self.ended:
            return Message(b"")
        self.raise_error()
        if self.read_shut or (not size and self.stream):
            return Message(b"")
        raise LinuxError(errno.EAGAIN)

    @property
    def ended(self) -> bool:
        """Did the peer end its stream in order, so that its end comes before any error?"""
        return False

    def not_connected(self) -> None:
        """Raises: what receive gives on a socket that never was connected."""
        self.raise_error()
        raise LinuxError(errno.ENOTCONN)

    def unread(self) -> int:
        if self.state == LISTENING:
            raise LinuxError(errno.EINVAL)
        return self.received.size

    def unsent(self) -> int:
        if self.state == LISTENING:
            raise LinuxError(errno.EINVAL)
        return self.peer.received.charge if self.peer is not None else 0

    @property
    def nonblocking(self) -> bool:
        return bool(self.flags & os.O_NONBLOCK)

    def release(self) -> None:
        if self.state == LISTENING:
            pending, self.pending = self.pending, deque()
            for child in pending:
                child.abandon()
            self._wake_waiting()
        self.dead = True
        self.close_connection()
        self.received.clear()
        self.peer = None
        scm.collect()

    def abandon(self) -> None:
        """The listener was closed before anybody accepted this connection."""
        self.drop()

    def close_connection(self) -> None:
        """Tells the peer that this end is gone."""
        raise NotImplementedError
