# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Messages with descriptors over a Unix stream socket.

Owns framing and nothing else: a message is a 4-byte little-endian length and that many bytes of MessagePack, with up to
16 descriptors in the SCM_RIGHTS of its first byte. What a message means is its reader's business, and so is checking
how many descriptors came with it. The usual round trip costs one sendmsg and one recvmsg a side.

Source: unix(7) "SCM_RIGHTS": one recvmsg never returns the descriptors of two sendmsgs, and returns no data beyond
the part that carried descriptors, so that they belong to the last message that began in what was read.
"""

from __future__ import annotations

import _socket as socket  # the module around it builds enumerations for 2 ms
import os
import select
import struct

import msgpack

from gofer.protocol import DESCRIPTOR_LIMIT, MESSAGE_LIMIT, ChannelClosed, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

_CHUNK = 1 << 16
_ANCILLARY = socket.CMSG_SPACE(4 * DESCRIPTOR_LIMIT)
_RECEIVE_FLAGS = socket.MSG_CMSG_CLOEXEC


def close_all(descriptors: Iterable[int]) -> None:
    """Closes descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)


class Channel:
    """One end of a connection. Owns the socket, and the descriptors received until receive() hands them on.

    Not thread-safe. send() blocks until the peer takes the message; receive() until one is complete;
    receive_nowait() never does, so that it can be driven by epoll on fileno().
    """

    __slots__ = ("_buffer", "_descriptors", "_missing", "_pack", "_ready", "_socket")

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._pack = msgpack.Packer().pack
        self._buffer = bytearray()  # the beginning of a message
        self._missing = 0  # bytes without which it is not worth looking at again
        self._descriptors: list[int] = []  # of that message
        self._ready: list[tuple[object, list[int]]] = []  # complete ones, last first

    @classmethod
    def from_descriptor(cls, descriptor: int) -> Channel:
        """A channel over an inherited socket, which it then owns."""
        return cls(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=descriptor))

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two connected ends."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(one), cls(other)

    def fileno(self) -> int:
        """The socket, still owned by the channel."""
        return self._socket.fileno()

    def close(self) -> None:
        """Closes the socket and whatever nobody received."""
        self._socket.close()
        self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Sends a message with copies of descriptors (the caller's own stay open).

        Raises: ProtocolError if the peer is gone; ValueError for what cannot be sent.
        """
        body = self._pack(message)
        if len(body) > MESSAGE_LIMIT or len(descriptors) > DESCRIPTOR_LIMIT:
            raise ValueError("message too large")
        data = len(body).to_bytes(4, "little") + body
        ancillary = []
        if descriptors:
            ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(descriptors)}i", *descriptors)))
        connection = self._socket
        try:
            sent = self._sendmsg(data, ancillary)
            if sent < len(data):
                view = memoryview(data)
                while sent < len(data):
                    sent += self._sendmsg(view[sent:], [])
        except OSError as error:
            raise ChannelClosed(f"cannot send on descriptor {connection.fileno()}: {error}") from error

    def _sendmsg(self, data: bytes | memoryview, ancillary: list[tuple[int, int, bytes]]) -> int:
        while True:
            try:
                return self._socket.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
            except BlockingIOError:  # only where the owner made the socket non-blocking
                self._wait(select.POLLOUT)

    def _wait(self, event: int) -> None:
        poller = select.poll()
        poller.register(self._socket, event)
        poller.poll()

    def receive(self) -> tuple[object, list[int]]:
        """The next message and its descriptors, which the caller then owns.

        Fewer descriptors than were sent arrive when this process has no free numbers for them.
        Raises: ChannelClosed at the end, ProtocolError for anything malformed (its descriptors are closed).
        """
        while not self._ready:
            self._fill(_RECEIVE_FLAGS)
        return self._ready.pop()

    def receive_nowait(self) -> tuple[object, list[int]] | None:
        """As receive(), or None if no complete message has come yet. Call it until it says None."""
        while not self._ready:
            try:
                self._fill(_RECEIVE_FLAGS | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
        return self._ready.pop()

    def _fill(self, flags: int) -> None:
        """One recvmsg, and what it completes. Raises: BlockingIOError, ProtocolError."""
        try:
            data, ancillary, _, _ = self._socket.recvmsg(_CHUNK, _ANCILLARY, flags)
        except BlockingIOError:
            if not flags & socket.MSG_DONTWAIT:  # the owner made the socket non-blocking
                self._wait(select.POLLIN)
                return
            raise
        except OSError as error:
            self._drop()
            raise ChannelClosed(str(error)) from error
        received: list[int] = []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received += struct.unpack_from(f"{len(payload) // 4}i", payload)
        if not data:
            close_all(received)
            partial = bool(self._buffer)
            self._drop()
            raise ProtocolError("end of file inside a message") if partial else ChannelClosed("end of file")
        try:
            self._split(data, received)
        except ProtocolError:
            close_all(received)
            self._drop()
            raise

    def _split(self, data: bytes, received: list[int]) -> None:
        """Cuts what has come into messages. On success received is empty: each number has an owner."""
        if self._buffer:
            self._buffer += data
            self._missing -= len(data)
            if self._missing > 0:
                self._own(received)
                return
            data = bytes(self._buffer)
        done: list[tuple[object, list[int]]] = []
        start, end = 0, len(data)
        try:
            while True:
                size = int.from_bytes(data[start : start + 4], "little") if end - start >= 4 else 0
                if size > MESSAGE_LIMIT:
                    raise ProtocolError("message too large")
                stop = start + 4 + size
                complete = end - start >= 4 and stop <= end
                last = not complete or stop == end
                if last:
                    self._own(received)
                if not complete:
                    self._missing = (stop if end - start >= 4 else start + 4) - end
                    break
                message = _decode(data[start + 4 : stop])
                done.append((message, self._descriptors))
                self._descriptors = []
                start = stop
                if start == end:
                    break
        except ProtocolError:
            for _, owned in done:
                close_all(owned)
            raise
        self._buffer = bytearray(data[start:])
        done.reverse()
        self._ready = done

    def _own(self, received: list[int]) -> None:
        """The descriptors belong to the message that is being read."""
        if received:
            self._descriptors += received
            received.clear()
            if len(self._descriptors) > DESCRIPTOR_LIMIT:
                raise ProtocolError("too many descriptors")

    def _drop(self) -> None:
        close_all(self._descriptors)
        for _, owned in self._ready:
            close_all(owned)
        self._descriptors = []
        self._ready = []
        self._buffer = bytearray()
        self._missing = 0


def _decode(body: bytes) -> object:
    try:
        return msgpack.unpackb(body, raw=False, strict_map_key=True)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise ProtocolError(f"not MessagePack: {type(error).__name__}") from error
