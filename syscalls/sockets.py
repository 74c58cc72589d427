# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The socket calls: arguments, messages with control data, and waiting. What sockets do is in sentry/net.

Source: net/socket.c, net/core/scm.c; sendmsg(2), recvmsg(2), cmsg(3), unix(7); compared with native runs.
"""

from __future__ import annotations

import errno
import os
import resource
import struct

from sentry.abi import socket as abi
from sentry.abi.errors import Interrupted, LinuxError
from sentry.abi.signals import SIGPIPE
from sentry.kernel.blocking import READY, wait_for
from sentry.kernel.credentials import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from sentry.net import families
from sentry.net import rights as scm
from sentry.net.rights import Rights
from sentry.net.socket import Socket
from sentry.vfs.anonymous import install, install_pair
from syscalls.deadlines import restartable
from syscalls.table import PARTIAL, Address, Fd, Flags, Int, Size, UInt, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from sentry.kernel.task import Task
    from sentry.mm.memory import UserMemory
    from sentry.net.buffers import Message, Ucred

_CHUNK = 1 << 20
"""The most that is copied at once for a stream, however much is sent."""
_MAX_COUNT = 0x7FFFF000
_MAX_VECTOR = 1024
_MAX_IN_FLIGHT = 16384
_EAGAIN = errno.EAGAIN
_TYPE_FLAGS = abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC
_TIMESPEC = struct.Struct("<qq")


def socket_of(task: Task, fd: int) -> Socket:
    """The socket of a descriptor. Raises: EBADF, ENOTSOCK."""
    file = task.files.opened(fd)
    if not isinstance(file, Socket):
        raise LinuxError(errno.ENOTSOCK)
    return file


# -- addresses --
def _read_address(task: Task, address: int, length: int) -> bytes:
    """A struct sockaddr argument (move_addr_to_kernel). Raises: EINVAL, EFAULT."""
    if not 0 <= length <= abi.SOCKADDR_MAX:
        raise LinuxError(errno.EINVAL)
    return task.memory.read(address, length) if length else b""


def _write_address(task: Task, raw: bytes, address: int, length_address: int) -> None:
    """Gives an address back, cut to the room there is, and its full length (move_addr_to_user)."""
    memory = task.memory
    (room,) = memory.unpack(abi.INT, length_address)
    if room < 0:
        raise LinuxError(errno.EINVAL)
    if room and raw:
        memory.write(address, raw[:room])
    memory.pack(abi.INT, length_address, len(raw))


# -- making sockets --
@syscall(41, support=PARTIAL, note="AF_UNIX, AF_INET and AF_INET6 (TCP, UDP over loopback), AF_NETLINK (route dumps)")
def socket(task: Task, family: Int, type: Int, protocol: Int) -> int:  # noqa: A002 - the argument's name
    """socket(2): a descriptor.

    Raises: EAFNOSUPPORT, EINVAL, EMFILE, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM, EACCES.
    """
    flags = type & ~abi.SOCK_TYPE_MASK
    if flags & ~_TYPE_FLAGS:
        raise LinuxError(errno.EINVAL)
    made = families.create(task, family, type & abi.SOCK_TYPE_MASK, protocol, flags & os.O_NONBLOCK)
    return install(task, made, flags)


@syscall(53)
def socketpair(task: Task, family: Int, type: Int, protocol: Int, ends: Address) -> int:  # noqa: A002
    """socketpair(2): writes two connected descriptors to ends.

    Raises: as socket, EOPNOTSUPP, EFAULT.
    """
    flags = type & ~abi.SOCK_TYPE_MASK
    if flags & ~_TYPE_FLAGS:
        raise LinuxError(errno.EINVAL)
    first, second = families.create_pair(task, family, type & abi.SOCK_TYPE_MASK, protocol, flags & os.O_NONBLOCK)
    install_pair(task, first, second, flags, ends)
    return 0


# -- names and connections --
@syscall(49)
def bind(task: Task, fd: Fd, address: Address, length: Int) -> int:
    """bind(2).

    Raises: EBADF, ENOTSOCK, EINVAL, EADDRINUSE, EADDRNOTAVAIL, EACCES, EAFNOSUPPORT, and as path resolution.
    """
    sock = socket_of(task, fd)
    sock.bind(task, _read_address(task, address, length))
    return 0


@syscall(50)
def listen(task: Task, fd: Fd, backlog: Int) -> int:
    """listen(2).

    Raises: EBADF, ENOTSOCK, EINVAL, EADDRINUSE, EOPNOTSUPP.
    """
    socket_of(task, fd).listen(task, backlog)
    return 0


async def _wait(task: Task, sock: Socket, deadline: int | None, timed: bool) -> bool:
    """Waits until the socket changes; False at the deadline. Raises: Interrupted; a call with a time-out of its own is
    not restarted after a handler (socket(7))."""
    sock.acquire()
    try:
        return await wait_for(sock.queue, deadline=deadline, no_hand=timed) == READY
    finally:
        sock.drop()


async def _until_possible(task: Task, sock: Socket, timeout: int | None) -> None:
    """One wait of a call that may be tried again. Raises: EAGAIN (timed out), Interrupted."""
    deadline = restartable(task, timeout) if timeout is not None else None
    if timeout == 0 or not await _wait(task, sock, deadline, timeout is not None):
        task.restart_deadline = None
        raise LinuxError(_EAGAIN)


@syscall(43)
async def accept(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """accept(2): the descriptor of the next connection; its peer's address is written if address is given.

    Raises: EBADF, ENOTSOCK, EINVAL (not listening), EOPNOTSUPP, EAGAIN, EMFILE, EFAULT; Interrupted.
    """
    return await _accept(task, fd, address, length, 0)


@syscall(288)
async def accept4(task: Task, fd: Fd, address: Address, length: Address, flags: Flags) -> int:
    """accept4(2): as accept, with SOCK_NONBLOCK and SOCK_CLOEXEC.

    Raises: as accept.
    """
    if flags & ~_TYPE_FLAGS:
        raise LinuxError(errno.EINVAL)
    return await _accept(task, fd, address, length, flags)


async def _accept(task: Task, fd: int, address: int, length: int, flags: int) -> int:
    sock = socket_of(task, fd)
    child: Socket | None = None
    while child is None:
        try:
            child = sock.accept()
        except LinuxError as error:
            if error.errno != _EAGAIN or sock.flags & os.O_NONBLOCK:
                raise
            await _until_possible(task, sock, sock.receive_timeout)
    task.restart_deadline = None
    child.flags = os.O_RDWR | flags & os.O_NONBLOCK
    if address:
        try:
            try:
                peer = child.peer_address()
            except LinuxError:
                raise LinuxError(errno.ECONNABORTED) from None
            _write_address(task, peer, address, length)
        except LinuxError:
            child.drop()
            raise
    return install(task, child, flags)


@syscall(42)
async def connect(task: Task, fd: Fd, address: Address, length: Int) -> int:
    """connect(2).

    Raises: EBADF, ENOTSOCK, EINVAL, ECONNREFUSED, EISCONN, EALREADY, EINPROGRESS, EAGAIN, ENETUNREACH, EPROTOTYPE,
    EAFNOSUPPORT, and as path resolution; Interrupted.
    """
    sock = socket_of(task, fd)
    raw = _read_address(task, address, length)
    nonblocking = bool(sock.flags & os.O_NONBLOCK)
    while True:
        try:
            sock.connect(task, raw, nonblocking)
            task.restart_deadline = None
            return 0
        except LinuxError as error:
            if error.errno != _EAGAIN or nonblocking:
                raise
        await _until_possible(task, sock, sock.send_timeout)


@syscall(48)
def shutdown(task: Task, fd: Fd, how: Int) -> int:
    """shutdown(2).

    Raises: EBADF, ENOTSOCK, EINVAL, ENOTCONN.
    """
    sock = socket_of(task, fd)
    if how not in (abi.SHUT_RD, abi.SHUT_WR, abi.SHUT_RDWR):
        raise LinuxError(errno.EINVAL)
    sock.shutdown(how)
    return 0


@syscall(51)
def getsockname(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """getsockname(2).

    Raises: EBADF, ENOTSOCK, EINVAL, EFAULT.
    """
    _write_address(task, socket_of(task, fd).local_address(), address, length)
    return 0


@syscall(52)
def getpeername(task: Task, fd: Fd, address: Address, length: Address) -> int:
    """getpeername(2).

    Raises: EBADF, ENOTSOCK, ENOTCONN, EINVAL, EFAULT.
    """
    _write_address(task, socket_of(task, fd).peer_address(), address, length)
    return 0


# -- options --
@syscall(54, support=PARTIAL, note="options without a meaning on loopback are remembered, not acted upon")
def setsockopt(task: Task, fd: Fd, level: Int, name: Int, value: Address, length: Int) -> int:
    """setsockopt(2).

    Raises: EBADF, ENOTSOCK, EINVAL, EFAULT, ENOPROTOOPT, EOPNOTSUPP, EDOM, EPERM, ENODEV.
    """
    if length < 0:
        raise LinuxError(errno.EINVAL)
    sock = socket_of(task, fd)
    # The longest option is a group request of 264 bytes.
    sock.set_option(task, level, name, task.memory.read(value, min(length, 1024)) if length else b"")
    return 0


@syscall(55)
def getsockopt(task: Task, fd: Fd, level: Int, name: Int, value: Address, length: Address) -> int:
    """getsockopt(2): writes the value, cut to the room there is, and its length.

    Raises: EBADF, ENOTSOCK, EINVAL, EFAULT, ENOPROTOOPT, EOPNOTSUPP, ENOTCONN.
    """
    sock = socket_of(task, fd)
    (room,) = task.memory.unpack(abi.INT, length)
    if room < 0:
        raise LinuxError(errno.EINVAL)
    answer = sock.get_option(task, level, name, room)[:room]
    if answer:
        task.memory.write(value, answer)
    task.memory.pack(abi.INT, length, len(answer))
    return 0


# -- sending --
class _Source:
    """The bytes of a vector, in order."""

    __slots__ = ("_index", "_memory", "_offset", "_vector", "total")

    def __init__(self, memory: UserMemory, vector: Sequence[tuple[int, int]]) -> None:
        self._memory = memory
        self._vector = vector
        self._index = 0
        self._offset = 0
        self.total = min(sum([size for _, size in vector]), _MAX_COUNT)

    def take(self, size: int) -> bytes:
        """The next size bytes. Raises: EFAULT."""
        parts: list[bytes] = []
        while size > 0 and self._index < len(self._vector):
            base, length = self._vector[self._index]
            count = min(size, length - self._offset)
            if count:
                parts.append(self._memory.read(base + self._offset, count))
                size -= count
                self._offset += count
            if self._offset == length:
                self._index += 1
                self._offset = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send_bytes(
    task: Task, sock: Socket, data: bytes, flags: int, address: bytes, rights: Rights | None, sender: Ucred | None
) -> int:
    """Sends one message, or a part of a stream: bytes taken; the rights are gone in any case."""
    rest: bytes | memoryview = data
    sent = 0
    nonblocking = bool(flags & abi.MSG_DONTWAIT or sock.flags & os.O_NONBLOCK)
    timeout = sock.send_timeout
    try:
        while True:
            try:
                count = sock.send(rest, flags, address, rights, sender, task)
                rights = None
                sent += count
                if sent >= len(data) or nonblocking:
                    return sent
                rest = memoryview(data)[sent:]
            except LinuxError as error:
                if error.errno != _EAGAIN or nonblocking:
                    if sent:
                        return sent
                    if error.errno == errno.EPIPE and sock.stream and not flags & abi.MSG_NOSIGNAL:
                        task.kernel.send_thread_signal(task, SIGPIPE, task)
                    raise
            try:
                await _until_possible(task, sock, timeout)
            except (LinuxError, Interrupted):
                if sent:
                    task.restart_deadline = None
                    return sent
                raise
    finally:
        if rights is not None:
            rights.drop()


async def _send(
    task: Task,
    sock: Socket,
    vector: Sequence[tuple[int, int]],
    flags: int,
    address: bytes,
    rights: Rights | None = None,
    sender: Ucred | None = None,
) -> int:
    source = _Source(task.memory, vector)
    total = source.total
    try:
        if total > _CHUNK and not sock.stream:
            raise LinuxError(errno.EMSGSIZE)
        first = source.take(min(total, _CHUNK))
    except LinuxError:
        if rights is not None:
            rights.drop()
        raise
    sent = await _send_bytes(task, sock, first, flags, address, rights, sender)
    while sent < total and not sent % _CHUNK and sent:
        try:
            piece = source.take(min(total - sent, _CHUNK))
            count = await _send_bytes(task, sock, piece, flags, address, None, sender)
        except (LinuxError, Interrupted):
            break
        sent += count
    task.restart_deadline = None
    return sent


@syscall(44)
async def sendto(task: Task, fd: Fd, data: Address, size: Size, flags: Flags, address: Address, length: Int) -> int:
    """sendto(2): bytes sent.

    Raises: EBADF, ENOTSOCK, EAGAIN, EPIPE (and SIGPIPE), ENOTCONN, EISCONN, EDESTADDRREQ, EMSGSIZE, ECONNREFUSED,
    EOPNOTSUPP, EINVAL, EFAULT; Interrupted.
    """
    sock = socket_of(task, fd)
    raw = _read_address(task, address, length) if address else b""
    return await _send(task, sock, ((data, min(size, _MAX_COUNT)),), flags, raw)


def _read_control(task: Task, sock: Socket, address: int, length: int) -> tuple[Rights | None, Ucred | None]:
    """SCM_RIGHTS and SCM_CREDENTIALS of a message. Raises: EINVAL, EBADF, EPERM, ETOOMANYREFS, ENOBUFS."""
    if not length:
        return None, None
    if length > 0x10000:
        raise LinuxError(errno.ENOBUFS)
    data = task.memory.read(address, length)
    unix = sock.family == abi.AF_UNIX
    numbers: list[int] = []
    sender: Ucred | None = None
    header = abi.CMSGHDR.size
    offset = 0
    while length - offset >= header:
        size, level, kind = abi.CMSGHDR.unpack_from(data, offset)
        if size < header or size > length - offset:
            raise LinuxError(errno.EINVAL)
        body = data[offset + header : offset + size]
        offset += abi.cmsg_align(size)
        if level != abi.SOL_SOCKET or sock.family in (abi.AF_INET, abi.AF_INET6):
            continue
        if kind == abi.SCM_RIGHTS:
            count = len(body) // 4
            if not unix or len(numbers) + count > abi.SCM_MAX_FD:
                raise LinuxError(errno.EINVAL)
            numbers += struct.unpack_from(f"<{count}i", body)
        elif kind == abi.SCM_CREDENTIALS:
            if len(body) != abi.UCRED.size:
                raise LinuxError(errno.EINVAL)
            sender = abi.UCRED.unpack(body)
            _check_credentials(task, sender)
        else:
            raise LinuxError(errno.EINVAL)
    if not numbers:
        return None, sender
    files = [task.files.get(number) for number in numbers]
    under_way = scm.count_in_flight() + len(files)
    credentials = task.credentials
    limit = task.process.limits[resource.RLIMIT_NOFILE][0]
    if credentials.has(CAP_SYS_RESOURCE) or credentials.has(CAP_SYS_ADMIN):
        limit = _MAX_IN_FLIGHT
    if under_way > min(limit, _MAX_IN_FLIGHT):
        raise LinuxError(errno.ETOOMANYREFS)
    return Rights(files), sender


def _check_credentials(task: Task, sender: Ucred) -> None:
    """scm_check_creds(): a task may only say what is true of it, or has the capability to lie. Raises: EPERM."""
    pid, uid, gid = sender
    credentials = task.credentials
    if pid != task.process.pid and not credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EPERM)
    if uid not in (credentials.uid, credentials.euid, credentials.suid) and not credentials.has(CAP_SETUID):
        raise LinuxError(errno.EPERM)
    if gid not in (credentials.gid, credentials.egid, credentials.sgid) and not credentials.has(CAP_SETGID):
        raise LinuxError(errno.EPERM)


async def _send_message(task: Task, sock: Socket, message: int, flags: int) -> int:
    memory = task.memory
    name, name_length, vector, count, control, control_length, _ = memory.unpack(abi.MSGHDR, message)
    if count > _MAX_VECTOR:
        raise LinuxError(errno.EMSGSIZE)
    if name_length & 0x80000000:
        raise LinuxError(errno.EINVAL)
    address = memory.read(name, min(name_length, abi.SOCKADDR_MAX)) if name and name_length else b""
    pieces = memory.vector(vector, count)
    rights, sender = _read_control(task, sock, control, control_length) if control_length else (None, None)
    return await _send(task, sock, pieces, flags, address, rights, sender)


@syscall(46, support=PARTIAL, note="control data of IP sockets is checked, not acted upon")
async def sendmsg(task: Task, fd: Fd, message: Address, flags: Flags) -> int:
    """sendmsg(2): bytes sent.

    Raises: as sendto, ETOOMANYREFS.
    """
    return await _send_message(task, socket_of(task, fd), message, flags)


@syscall(307)
async def sendmmsg(task: Task, fd: Fd, messages: Address, count: UInt, flags: Flags) -> int:
    """sendmmsg(2): how many messages were sent.

    Raises: as sendmsg, if the first fails.
    """
    sock = socket_of(task, fd)
    sent = 0
    for index in range(min(count, _MAX_VECTOR)):
        at = messages + index * abi.MMSGHDR_SIZE
        try:
            size = await _send_message(task, sock, at, flags)
            task.memory.write(at + abi.MSGHDR.size, struct.pack("<I", size))
        except (LinuxError, Interrupted):
            if sent:
                break
            raise
        sent += 1
    return sent


# -- receiving --
class _Sink:
    """Where received bytes go: the parts of a vector, in order."""

    __slots__ = ("_index", "_memory", "_offset", "_vector", "left")

    def __init__(self, memory: UserMemory, vector: Sequence[tuple[int, int]]) -> None:
        self._memory = memory
        self._vector = vector
        self._index = 0
        self._offset = 0
        self.left = min(sum([size for _, size in vector]), _MAX_COUNT)

    def put(self, data: bytes) -> None:
        """Writes data, which fits. Raises: EFAULT."""
        self.left -= len(data)
        base, length = self._vector[self._index] if self._vector else (0, 0)
        if not self._offset and len(data) <= length:
            self._offset = len(data)
            if data:
                self._memory.write(base, data)
            return
        view = memoryview(data)
        while view:
            base, length = self._vector[self._index]
            count = min(len(view), length - self._offset)
            if count:
                self._memory.write(base + self._offset, view[:count])
                view = view[count:]
                self._offset += count
            if self._offset == length:
                self._index += 1
                self._offset = 0


async def _receive(task: Task, sock: Socket, sink: _Sink, flags: int) -> tuple[int, Message]:
    """Fills the sink: the call's result, and the message (of a stream: its last part) without its data."""
    nonblocking = bool(flags & abi.MSG_DONTWAIT or sock.flags & os.O_NONBLOCK)
    timeout = sock.receive_timeout
    stream = sock.stream
    wants_all = stream and bool(flags & abi.MSG_WAITALL) and not flags & abi.MSG_PEEK
    discard = stream and bool(flags & abi.MSG_TRUNC) and sock.family != abi.AF_UNIX
    if nonblocking:
        flags |= abi.MSG_DONTWAIT
    got = 0
    last: Message | None = None
    while True:
        try:
            message = sock.receive(min(sink.left, _CHUNK), flags)
        except LinuxError as error:
            if error.errno != _EAGAIN or nonblocking:
                if last is not None:
                    return got, last
                raise
        else:
            data = message.data
            if discard:
                sink.left -= len(data)
            else:
                sink.put(data)
            got += len(data)
            if not wants_all or not data or message.rights is not None or not sink.left:
                task.restart_deadline = None
                return message.length if flags & abi.MSG_TRUNC and not stream else got, message
            last = message
            continue
        try:
            await _until_possible(task, sock, timeout)
        except (LinuxError, Interrupted):
            if last is not None:
                task.restart_deadline = None
                return got, last
            raise


@syscall(45)
async def recvfrom(
    task: Task, fd: Fd, buffer: Address, size: Size, flags: Flags, address: Address, length: Address
) -> int:
    """recvfrom(2): bytes received, 0 at the end of a stream; the sender's address is written if address is given.

    Raises: EBADF, ENOTSOCK, EAGAIN, ECONNREFUSED, ECONNRESET, ENOTCONN, EINVAL, EFAULT; Interrupted.
    """
    sock = socket_of(task, fd)
    result, message = await _receive(task, sock, _Sink(task.memory, ((buffer, min(size, _MAX_COUNT)),)), flags)
    if message.rights is not None:
        message.rights.drop()
    if address:
        _write_address(task, message.address, address, length)
    return result


class _Control:
    """Control data on its way to a buffer of the program (put_cmsg of net/core/scm.c)."""

    __slots__ = ("_address", "_memory", "_room", "flags", "used")

    def __init__(self, memory: UserMemory, address: int, room: int) -> None:
        self._memory = memory
        self._address = address
        self._room = room if address else 0
        self.used = 0
        self.flags = 0

    @property
    def room(self) -> int:
        return self._room - self.used

    def put(self, level: int, kind: int, data: bytes) -> None:
        """Writes one piece of control data, cut where the room ends."""
        room = self.room
        header = abi.CMSGHDR.size
        if room < header:
            self.flags |= abi.MSG_CTRUNC
            return
        length = header + len(data)
        if length > room:
            self.flags |= abi.MSG_CTRUNC
            length = room
        self._memory.write(self._address + self.used, (abi.CMSGHDR.pack(length, level, kind) + data)[:length])
        self.used += min(abi.cmsg_align(header + len(data)), room)

    def put_rights(self, task: Task, rights: Rights, flags: int) -> None:
        """Gives as many of the descriptors as there is room for, and drops the others."""
        files = rights.take()
        fits = max(0, self.room - abi.CMSGHDR.size) // 4
        numbers: list[int] = []
        install_flags = os.O_CLOEXEC if flags & abi.MSG_CMSG_CLOEXEC else 0
        for index, file in enumerate(files):
            if index >= fits:
                file.drop()
                continue
            try:
                numbers.append(install(task, file, install_flags))
            except LinuxError:
                fits = 0  # no more descriptors: those that follow are dropped too
        if len(numbers) < len(files):
            self.flags |= abi.MSG_CTRUNC
        if numbers:
            self.put(abi.SOL_SOCKET, abi.SCM_RIGHTS, struct.pack(f"<{len(numbers)}i", *numbers))


async def _receive_message(task: Task, sock: Socket, header: int, flags: int) -> int:
    memory = task.memory
    name, name_length, vector, count, control, control_length, _ = memory.unpack(abi.MSGHDR, header)
    if count > _MAX_VECTOR:
        raise LinuxError(errno.EMSGSIZE)
    if name_length & 0x80000000:
        raise LinuxError(errno.EINVAL)
    sink = _Sink(memory, memory.vector(vector, count))
    result, message = await _receive(task, sock, sink, flags)
    out = _Control(memory, control, control_length)
    out.flags = message.flags | flags & abi.MSG_CMSG_CLOEXEC
    if message.length > len(message.data) and not sock.stream:
        out.flags |= abi.MSG_TRUNC
    rights = message.rights
    try:
        if sock.pass_credentials:
            out.put(abi.SOL_SOCKET, abi.SCM_CREDENTIALS, abi.UCRED.pack(*(message.credentials or (0, 65534, 65534))))
        if rights is not None:
            out.put_rights(task, rights, flags)
            rights = None
        if name:
            address = message.address
            if address:
                memory.write(name, address[:name_length])
            memory.write(header + 8, struct.pack("<I", len(address)))
        memory.write(header + 40, struct.pack("<QI", out.used, out.flags))
    finally:
        if rights is not None:
            rights.drop()
    return result


@syscall(47, support=PARTIAL, note="IP sockets give no control data")
async def recvmsg(task: Task, fd: Fd, message: Address, flags: Flags) -> int:
    """recvmsg(2): bytes received, 0 at the end of a stream.

    Raises: as recvfrom, EMSGSIZE (too many parts).
    """
    return await _receive_message(task, socket_of(task, fd), message, flags)


@syscall(299)
async def recvmmsg(task: Task, fd: Fd, messages: Address, count: UInt, flags: Flags, timeout: Address) -> int:
    """recvmmsg(2): how many messages were received. timeout is looked at between messages only, and written back.

    Raises: as recvmsg, if the first fails.
    """
    deadline = None
    if timeout:
        seconds, nanoseconds = task.memory.unpack(_TIMESPEC, timeout)
        if seconds < 0 or not 0 <= nanoseconds < 1_000_000_000:
            raise LinuxError(errno.EINVAL)
        deadline = task.kernel.now() + seconds * 1_000_000_000 + nanoseconds
    sock = socket_of(task, fd)
    sock.raise_error()
    received = 0
    for index in range(min(count, _MAX_VECTOR)):
        at = messages + index * abi.MMSGHDR_SIZE
        try:
            size = await _receive_message(task, sock, at, flags & ~abi.MSG_WAITFORONE)
            task.memory.write(at + abi.MSGHDR.size, struct.pack("<I", size))
        except (LinuxError, Interrupted) as error:
            if received:
                if isinstance(error, LinuxError) and error.errno != _EAGAIN:
                    sock.error = error.errno
                break
            raise
        received += 1
        if flags & abi.MSG_WAITFORONE:
            flags |= abi.MSG_DONTWAIT
        if deadline is not None:
            left = max(0, deadline - task.kernel.now())
            task.memory.pack(_TIMESPEC, timeout, left // 1_000_000_000, left % 1_000_000_000)
            if not left:
                break
    return received
