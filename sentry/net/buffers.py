# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What is on its way between two sockets: byte streams, queues of messages, and how much of the sentry's memory it is.

Charges imitate the sizes of Linux's socket buffers (a fixed cost for each piece besides its bytes), so that a sender
finds the socket full and writable again about where it would natively. Knows nothing of names, states or waiting.
"""

from __future__ import annotations

from sentry.lean import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sentry.net.rights import Rights

PIECE = 36544
"""The most that one buffer of a stream holds (net/unix/af_unix.c: SKB_MAX_HEAD(0) + UNIX_SKB_FRAGS_SZ)."""

_HEAD = 3776
"""The most that a buffer of a stream holds without extra pages (SKB_MAX_HEAD(0))."""

_SOFT_LIMIT = 256 << 20
_SMALL = 16384

Ucred = tuple[int, int, int]
"""pid, uid, gid."""


class _Memory:
    """Bytes in flight in all sockets of the sandbox."""

    __slots__ = ("used",)

    def __init__(self) -> None:
        self.used = 0


memory = _Memory()


def capacity(wanted: int) -> int:
    """How full a socket may get: as wanted, but little once the sandbox as a whole has much in flight."""
    return wanted if memory.used < _SOFT_LIMIT else min(wanted, _SMALL)


class Message:
    """What one receive gives. length: bytes of the whole message, more than len(data) if it was cut. address: the
    sender's struct sockaddr, b"" without one. rights: descriptors, which the receiver now owns."""

    __slots__ = ("address", "charge", "credentials", "data", "flags", "length", "rights", "sender")

    def __init__(
        self,
        data: bytes,
        address: bytes = b"",
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        flags: int = 0,
        sender: object = None,
        charge: int = 0,
    ) -> None:
        self.data = data
        self.length = len(data)
        self.address = address
        self.rights = rights
        self.credentials = credentials
        self.flags = flags
        self.sender = sender
        self.charge = charge


class _Piece:
    """A buffer of a stream. start: bytes of data that were read."""

    __slots__ = ("charge", "credentials", "data", "rights", "start")

    def __init__(self, data: bytes, charge: int, rights: Rights | None, credentials: Ucred | None) -> None:
        self.data = data
        self.charge = charge
        self.rights = rights
        self.credentials = credentials
        self.start = 0


class ByteQueue:
    """One direction of a stream. size: unread bytes. charge: what they cost."""

    __slots__ = ("_pieces", "charge", "size")

    def __init__(self) -> None:
        self._pieces: deque[_Piece] = deque()
        self.size = 0
        self.charge = 0

    def __bool__(self) -> bool:
        return self.size > 0

    def write(
        self,
        data: bytes | memoryview,
        limit: int,
        rights: Rights | None = None,
        credentials: Ucred | None = None,
        most: int = PIECE,
    ) -> int:
        """Appends pieces of at most `most` bytes as long as the charge is below limit: bytes taken. The rights go with
        the first byte."""
        total = len(data)
        if self.charge >= limit:
            return 0
        if total <= most:
            cost = piece_charge(total)
            self._pieces.append(_Piece(data if type(data) is bytes else bytes(data), cost, rights, credentials))
            self.size += total
            self.charge += cost
            memory.used += cost
            return total
        view = memoryview(data)
        taken = cost = 0
        while taken < total and self.charge + cost < limit:
            piece = bytes(view[taken : taken + most])
            charge = piece_charge(len(piece))
            self._pieces.append(_Piece(piece, charge, rights, credentials))
            rights = None
            taken += len(piece)
            cost += charge
        self.size += taken
        self.charge += cost
        memory.used += cost
        return taken

    def take(self, size: int, peek: bool = False, by_sender: bool = False) -> Message:
        """The next bytes, at most size: they end behind a piece with rights, and, by_sender, where the credentials
        change. peek leaves them; the rights are then copies. There is something to take."""
        pieces = self._pieces
        first = pieces[0]
        if not peek and len(first.data) - first.start <= size and (len(pieces) == 1 or first.rights is not None):
            # The usual case: one write, one read; nothing is copied.
            pieces.popleft()
            data = first.data[first.start :] if first.start else first.data
            self._release(len(data), first.charge)
            return Message(data, b"", first.rights, first.credentials)
        parts: list[bytes] = []
        rights = None
        left = size
        finished = 0
        for piece in pieces:
            if by_sender and parts and piece.credentials != first.credentials:
                break
            data = piece.data
            if piece.start or len(data) > left:
                data = data[piece.start : piece.start + left]
            parts.append(data)
            left -= len(data)
            if piece.rights is not None:
                rights = piece.rights.copy() if peek else piece.rights
                if not peek:
                    piece.rights = None
            if not peek:
                piece.start += len(data)
                if piece.start == len(piece.data):
                    finished += 1
            if rights is not None or left <= 0:
                break
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if not peek:
            cost = 0
            for _ in range(finished):
                cost += pieces.popleft().charge
            self._release(len(data), cost)
        return Message(data, b"", rights, first.credentials)

    def _release(self, size: int, charge: int) -> None:
        self.size -= size
        self.charge -= charge
        memory.used -= charge

    def rights(self) -> list[Rights]:
        """The descriptors in the queue."""
        return [piece.rights for piece in self._pieces if piece.rights is not None]

    def clear(self) -> None:
        """Throws everything away."""
        rights = self.rights()
        self._pieces.clear()
        self._release(self.size, self.charge)
        for right in rights:
            right.drop()


class MessageQueue:
    """Messages in the order they came. size: bytes of the first one (FIONREAD)."""

    __slots__ = ("_messages", "charge")

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self.charge = 0

    def __bool__(self) -> bool:
        return bool(self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def size(self) -> int:
        return self._messages[0].length if self._messages else 0

    def put(self, message: Message) -> None:
        """Appends a message that has its charge."""
        self._messages.append(message)
        self.charge += message.charge
        memory.used += message.charge

    def take(self, size: int, peek: bool = False, by_sender: bool = False) -> Message:
        """The next message with at most size bytes of its data. There is one."""
        if not peek:
            message = self._messages.popleft()
            self.charge -= message.charge
            memory.used -= message.charge
            if message.length > size:
                message.data = message.data[:size]
            return message
        first = self._messages[0]
        rights = first.rights.copy() if first.rights is not None else None
        message = Message(first.data[:size], first.address, rights, first.credentials, first.flags)
        message.length = first.length
        return message

    def rights(self) -> list[Rights]:
        """The descriptors in the queue."""
        return [message.rights for message in self._messages if message.rights is not None]

    def clear(self) -> list[Message]:
        """Throws everything away: what was in it, for those who count their senders."""
        messages = list(self._messages)
        self._messages.clear()
        memory.used -= self.charge
        self.charge = 0
        for message in messages:
            if message.rights is not None:
                message.rights.drop()
        return messages


def piece_charge(size: int) -> int:
    """What a buffer of a stream costs: its head comes in powers of two, the rest in pages."""
    if size <= 192:
        return 768
    if size <= _HEAD:
        return 256 + (1 << (size + 319).bit_length())
    in_pages = min(size, size - _HEAD + 4095 & ~4095)
    return 256 + max(512, 1 << (size - in_pages + 319).bit_length()) + (in_pages + 4095 & ~4095)


def message_charge(size: int) -> int:
    """What a datagram costs its sender: buffers of up to 16 KiB come in powers of two, the rest in pages."""
    linear = min(size, 16064) + 320
    pages = max(0, size - 16064) + 4095 & ~4095
    return 256 + max(512, 1 << (linear - 1).bit_length()) + pages
