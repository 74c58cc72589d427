# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The socket calls: Unix sockets with names, messages with control data, TCP and UDP over loopback, netlink.

The numbers were taken from native runs (Linux 6.18).
"""

from __future__ import annotations

import errno
import os
import struct
from typing import Any

import pytest

from sentry.net import buffers, loopback, rights, unix
from syscalls.sockets import (
    accept,
    accept4,
    bind,
    connect,
    getpeername,
    getsockname,
    getsockopt,
    listen,
    recvfrom,
    recvmmsg,
    recvmsg,
    sendmmsg,
    sendmsg,
    sendto,
    setsockopt,
    shutdown,
    socket,
    socketpair,
)
from tests.unit.ipc import FakeTask, do, start

UNIX, INET, INET6, NETLINK = 1, 2, 10, 16
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5
NONBLOCK, CLOEXEC = 0o4000, 0o2000000
IN, OUT, ERR, HUP, RDHUP = 0x41, 0x104, 8, 0x10, 0x2000
MS = 1_000_000


@pytest.fixture
def task() -> Any:
    task: Any = FakeTask()
    yield task
    task.files.close_all()
    assert not unix.abstract
    assert not unix.bound_files
    assert not rights.in_flight
    assert rights.count_in_flight() == 0
    assert buffers.memory.used == 0
    assert not loopback.tcp_ports._bound
    assert not loopback.udp_ports._bound


# -- helpers: calls with their memory --
def pair(task: Any, kind: int = STREAM | NONBLOCK) -> tuple[int, int]:
    ends = task.room(8)
    assert do(task, socketpair, UNIX, kind, 0, ends) == 0
    first, second = struct.unpack("<ii", task.memory.read(ends, 8))
    return first, second


def send(task: Any, fd: int, data: bytes, flags: int = 0, address: bytes = b"") -> int:
    at = task.place(address) if address else 0
    return int(do(task, sendto, fd, task.place(data), len(data), flags, at, len(address)))


def receive(task: Any, fd: int, size: int = 100, flags: int = 0) -> bytes | int:
    buffer = task.room(size)
    count = do(task, recvfrom, fd, buffer, size, flags, 0, 0)
    return count if count < 0 else bytes(task.memory.read(buffer, count)) if count else b""


def receive_from(task: Any, fd: int, size: int = 100) -> tuple[bytes, bytes]:
    buffer, name, length = task.room(size), task.room(128), task.place(struct.pack("<i", 128))
    count = do(task, recvfrom, fd, buffer, size, 0, name, length)
    assert count >= 0
    (used,) = struct.unpack("<i", task.memory.read(length, 4))
    return bytes(task.memory.read(buffer, count)), bytes(task.memory.read(name, used))


def call_name(task: Any, call: Any, fd: int) -> bytes | int:
    name, length = task.room(128), task.place(struct.pack("<i", 128))
    result = do(task, call, fd, name, length)
    return result if result < 0 else bytes(task.memory.read(name, *struct.unpack("<i", task.memory.read(length, 4))))


def call_at(task: Any, call: Any, fd: int, address: bytes) -> int:
    return int(do(task, call, fd, task.place(address), len(address)))


def option(task: Any, fd: int, level: int, name: int, size: int = 4) -> bytes | int:
    value, length = task.room(256), task.place(struct.pack("<i", size))
    result = do(task, getsockopt, fd, level, name, value, length)
    return result if result < 0 else bytes(task.memory.read(value, *struct.unpack("<i", task.memory.read(length, 4))))


def set_option(task: Any, fd: int, level: int, name: int, value: int | bytes) -> int:
    data = value if isinstance(value, bytes) else struct.pack("<i", value)
    return int(do(task, setsockopt, fd, level, name, task.place(data), len(data)))


def header(task: Any, data: list[bytes], control: bytes = b"", name: bytes = b"", extra: int = 0) -> int:
    vector = task.place(b"".join(struct.pack("<QQ", task.place(part), len(part)) for part in data))
    at_name = task.place(name) if name else 0
    at_control = task.place(control) if control else 0
    packed = struct.pack("<QI4xQQQQI4x", at_name, len(name), vector, len(data), at_control, len(control), 0)
    return int(task.place(packed + bytes(extra)))


def message(task: Any, fd: int, sizes: list[int], control: int = 0, flags: int = 0) -> tuple[int, bytes, bytes, int]:
    """recvmsg: result, data, control data, msg_flags."""
    at = header(task, [bytes(size) for size in sizes], bytes(control), bytes(110))
    result = do(task, recvmsg, fd, at, flags)
    _, _, vector, count, at_control, used, out = struct.unpack("<QI4xQQQQI4x", task.memory.read(at, 56))
    data = b""
    for index in range(count):
        base, size = struct.unpack("<QQ", task.memory.read(vector + index * 16, 16))
        data += task.memory.read(base, size)
    return result, data[: max(0, result)], task.memory.read(at_control, used) if used else b"", out


def cmsg(level: int, kind: int, data: bytes) -> bytes:
    return (struct.pack("<Qii", 16 + len(data), level, kind) + data).ljust(16 + (len(data) + 7 & ~7), b"\0")


def un(name: bytes) -> bytes:
    return struct.pack("<H", UNIX) + name


def inet(port: int, host: bytes = b"\x7f\0\0\1") -> bytes:
    return struct.pack("<H", INET) + struct.pack(">H", port) + host + bytes(8)


def inet6(port: int, host: bytes = bytes(15) + b"\1") -> bytes:
    return struct.pack("<H", INET6) + struct.pack(">HI", port, 0) + host + bytes(4)


def port_of(address: bytes | int) -> int:
    assert isinstance(address, bytes)
    return int(struct.unpack_from(">H", address, 2)[0])


# -- making --
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((99, 1, 0), errno.EAFNOSUPPORT), ((38, 5, 0), errno.EAFNOSUPPORT), ((UNIX, 15, 0), errno.EINVAL),
        ((UNIX, 9, 0), errno.ESOCKTNOSUPPORT), ((UNIX, 1, 9), errno.EPROTONOSUPPORT), ((UNIX, 0x11, 0), errno.EINVAL),
        ((INET, 5, 0), errno.ESOCKTNOSUPPORT), ((INET, 1, 17), errno.EPROTONOSUPPORT),
        ((INET, 3, 0), errno.EPROTONOSUPPORT), ((NETLINK, 1, 0), errno.ESOCKTNOSUPPORT),
        ((NETLINK, 3, 99), errno.EPROTONOSUPPORT), ((INET, 2, 6), errno.EPROTONOSUPPORT),
    ],
)  # fmt: skip
def test_sockets_that_there_are_not(task: Any, arguments: tuple[int, int, int], error: int) -> None:
    assert do(task, socket, *arguments) == -error


def test_flags_of_new_sockets(task: Any) -> None:
    fd = do(task, socket, UNIX, STREAM | NONBLOCK | CLOEXEC, 0)
    assert fd in task.files.close_on_exec
    assert task.files.get(fd).flags == os.O_RDWR | os.O_NONBLOCK
    assert do(task, socketpair, INET, STREAM, 0, task.room(8)) == -errno.EOPNOTSUPP
    assert do(task, socketpair, UNIX, STREAM, 0, 8) == -errno.EFAULT
    assert len(task.files) == 1


def test_calls_on_what_is_no_socket(task: Any) -> None:
    from syscalls.eventfd import eventfd2

    fd = do(task, eventfd2, 0, 0)
    assert do(task, listen, fd, 1) == -errno.ENOTSOCK
    assert do(task, listen, 99, 1) == -errno.EBADF
    assert send(task, fd, b"x") == -errno.ENOTSOCK


# -- unix names --
def test_an_abstract_listener_and_its_connections(task: Any) -> None:
    server = do(task, socket, UNIX, STREAM, 0)
    assert do(task, listen, server, 1) == -errno.EINVAL
    assert call_at(task, bind, server, un(b"\0name")) == 0
    assert call_at(task, bind, server, un(b"\0other")) == -errno.EINVAL
    second = do(task, socket, UNIX, STREAM, 0)
    assert call_at(task, bind, second, un(b"\0name")) == -errno.EADDRINUSE
    assert call_at(task, connect, second, un(b"\0name")) == -errno.ECONNREFUSED
    assert do(task, listen, server, 1) == 0
    assert task.files.get(server).poll() == 0
    assert call_at(task, connect, second, un(b"\0name")) == 0
    assert call_at(task, connect, second, un(b"\0name")) == -errno.EISCONN
    assert task.files.get(server).poll() == IN
    name, length = task.room(110), task.place(struct.pack("<i", 110))
    child = do(task, accept4, server, name, length, CLOEXEC | NONBLOCK)
    assert child in task.files.close_on_exec
    assert struct.unpack("<i", task.memory.read(length, 4)) == (2,)
    assert call_name(task, getsockname, child) == un(b"\0name")
    assert call_name(task, getpeername, child) == un(b"")
    assert call_name(task, getpeername, second) == un(b"\0name")
    assert send(task, second, b"hello") == 5
    assert receive(task, child) == b"hello"
    assert receive_from(task, second) if send(task, child, b"x") < 0 else receive(task, second) == b"x"
    assert option(task, child, 1, 17, 12) == struct.pack("<iII", 1, 0, 0)
    assert do(task, accept, second, 0, 0) == -errno.EINVAL


def test_accept_waits_and_a_full_backlog_makes_connect_wait(task: Any) -> None:
    server = do(task, socket, UNIX, STREAM, 0)
    assert call_at(task, bind, server, un(b"\0q")) == 0
    assert do(task, listen, server, 0) == 0
    waiting = start(task, accept, server, 0, 0)
    assert waiting.blocked
    clients = [do(task, socket, UNIX, STREAM, 0) for _ in range(3)]
    address = task.place(un(b"\0q"))
    assert do(task, connect, clients[0], address, 4) == 0
    assert do(task, setsockopt, clients[1], 1, 21, task.place(struct.pack("<qq", 0, 5000)), 16) == 0
    assert waiting.run().result >= 0
    assert do(task, connect, clients[1], address, 4) == 0
    blocked = start(task, connect, clients[2], address, 4)
    assert blocked.blocked
    assert do(task, accept, server, 0, 0) >= 0
    assert blocked.run().result == 0


def test_a_closed_listener_resets_who_was_not_accepted(task: Any) -> None:
    server, client = do(task, socket, UNIX, STREAM, 0), do(task, socket, UNIX, STREAM | NONBLOCK, 0)
    call_at(task, bind, server, un(b"\0q"))
    do(task, listen, server, 5)
    assert call_at(task, connect, client, un(b"\0q")) == 0
    task.files.close(server)
    assert task.files.get(client).poll() == IN | OUT | 0x200 | ERR | HUP | RDHUP
    assert receive(task, client) == -errno.ECONNRESET
    assert receive(task, client) == b""
    assert send(task, client, b"x") == -errno.EPIPE
    assert task.kernel.signals == [(task, 13)]
    assert send(task, client, b"x", 0x4000) == -errno.EPIPE
    assert len(task.kernel.signals) == 1


def test_a_path_bound_socket_has_a_file(task: Any) -> None:
    task.mount_tmpfs()
    server = do(task, socket, UNIX, STREAM, 0)
    assert call_at(task, bind, server, un(b"/s\0")) == 0
    assert call_name(task, getsockname, server) == un(b"/s\0")
    again = do(task, socket, UNIX, STREAM, 0)
    assert call_at(task, bind, again, un(b"/s")) == -errno.EADDRINUSE
    assert call_at(task, connect, again, un(b"/s")) == -errno.ECONNREFUSED
    do(task, listen, server, 1)
    assert call_at(task, connect, again, un(b"/none")) == -errno.ENOENT
    assert call_at(task, connect, again, un(b"/")) == -errno.ECONNREFUSED
    datagrams = do(task, socket, UNIX, DGRAM, 0)
    assert call_at(task, connect, datagrams, un(b"/s")) == -errno.EPROTOTYPE
    assert call_at(task, connect, again, un(b"/s")) == 0
    task.files.close(server)
    third = do(task, socket, UNIX, STREAM, 0)
    assert call_at(task, connect, third, un(b"/s")) == -errno.ECONNREFUSED


def test_autobind_and_bad_addresses(task: Any) -> None:
    fd = do(task, socket, UNIX, DGRAM, 0)
    assert call_at(task, bind, fd, un(b"")) == 0
    name = call_name(task, getsockname, fd)
    assert isinstance(name, bytes)
    assert len(name) == 8
    assert name[2] == 0
    other = do(task, socket, UNIX, DGRAM, 0)
    assert call_at(task, bind, other, struct.pack("<H", INET) + b"x") == -errno.EINVAL
    assert call_at(task, bind, other, un(b"x" * 109)) == -errno.EINVAL
    assert do(task, bind, other, task.place(b""), 200) == -errno.EINVAL
    assert do(task, bind, other, 8, 10) == -errno.EFAULT
    assert send(task, other, b"x", 0, un(b"\0nobody")) == -errno.ECONNREFUSED
    assert send(task, other, b"x", 0, name) == 1
    assert receive_from(task, fd) == (b"x", b"")


def test_datagrams_keep_their_bounds_and_tell_their_sender(task: Any) -> None:
    first, second = do(task, socket, UNIX, DGRAM, 0), do(task, socket, UNIX, DGRAM | NONBLOCK, 0)
    call_at(task, bind, first, un(b"\0a"))
    call_at(task, bind, second, un(b"\0b"))
    assert send(task, first, b"one", 0, un(b"\0b")) == 3
    assert send(task, first, b"", 0, un(b"\0b")) == 0
    assert send(task, first, b"three", 0, un(b"\0b")) == 5
    assert receive_from(task, second) == (b"one", un(b"\0a"))
    assert receive(task, second) == b""
    buffer = task.room(10)
    assert do(task, recvfrom, second, buffer, 2, 0x22, 0, 0) == 5  # MSG_PEEK | MSG_TRUNC: the real length
    result, data, _, flags = message(task, second, [2])
    assert (result, data, flags) == (2, b"th", 0x20)
    assert receive(task, second) == -errno.EAGAIN
    assert send(task, first, bytes(300000), 0, un(b"\0b")) == -errno.EMSGSIZE


def test_a_full_datagram_queue_blocks_its_sender(task: Any) -> None:
    sender, receiver = do(task, socket, UNIX, DGRAM, 0), do(task, socket, UNIX, DGRAM, 0)
    call_at(task, bind, receiver, un(b"\0full"))
    assert call_at(task, connect, sender, un(b"\0full")) == 0
    for _ in range(11):
        assert send(task, sender, b"x") == 1
    assert task.files.get(sender).poll() == 0
    assert send(task, sender, b"x", 0x40) == -errno.EAGAIN
    call = start(task, sendto, sender, task.place(b"y"), 1, 0, 0, 0)
    assert call.blocked
    assert receive(task, receiver) == b"x"
    assert call.run().result == 1
    stranger = do(task, socket, UNIX, DGRAM, 0)
    assert call_at(task, connect, receiver, un(b"\0full")) == 0  # to itself: others may not send now
    assert send(task, stranger, b"x", 0, un(b"\0full")) == -errno.EPERM


# -- streams --
def test_a_blocking_send_goes_on_until_all_is_sent(task: Any) -> None:
    first, second = pair(task, STREAM)
    data = bytes(range(256)) * 2000
    call = start(task, sendto, first, task.place(data), len(data), 0, 0, 0)
    assert call.blocked
    got = b""
    while len(got) < len(data):
        part = receive(task, second, 50000)
        assert isinstance(part, bytes)
        got += part
        call.run()
        task._next = 0x10000 + len(data) + 4096
    assert got == data
    assert call.result == len(data)


def test_an_interrupted_send_reports_what_was_sent(task: Any) -> None:
    first, _ = pair(task, STREAM)
    call = start(task, sendto, first, task.place(bytes(400000)), 400000, 0, 0, 0)
    assert call.blocked
    assert call.kick().result == 219264
    again = start(task, sendto, first, task.place(b"x"), 1, 0, 0, 0)
    assert again.kick().interrupted is not None


def test_waitall_and_peek(task: Any) -> None:
    first, second = pair(task, STREAM)
    buffer = task.room(10)
    call = start(task, recvfrom, second, buffer, 10, 0x100, 0, 0)
    send(task, first, b"hello")
    assert call.run().blocked
    send(task, first, b"world!")
    assert call.run().result == 10
    assert task.memory.read(buffer, 10) == b"helloworld"
    assert receive(task, second, 10, 2) == b"!"
    assert receive(task, second) == b"!"
    call = start(task, recvfrom, second, buffer, 10, 0x100, 0, 0)
    send(task, first, b"end")
    task.files.close(first)
    assert call.run().result == 3


def test_a_receive_time_out(task: Any) -> None:
    first, second = pair(task, STREAM)
    assert set_option(task, second, 1, 20, struct.pack("<qq", 0, 20000)) == 0
    assert option(task, second, 1, 20, 16) == struct.pack("<qq", 0, 20000)
    call = start(task, recvfrom, second, task.room(4), 4, 0, 0, 0)
    assert call.blocked
    assert call.block is not None
    assert call.block.no_hand
    task.kernel.advance(20 * MS)
    assert call.run().errno == errno.EAGAIN
    assert set_option(task, second, 1, 20, struct.pack("<qq", 0, 10**6)) == -errno.EDOM
    assert first >= 0


def test_vectors_are_gathered_and_scattered(task: Any) -> None:
    first, second = pair(task)
    assert do(task, sendmsg, first, header(task, [b"ab", b"", b"cdef"]), 0) == 6
    result, data, _, flags = message(task, second, [1, 0, 3, 10])
    assert (result, data, flags) == (6, b"abcdef"[:1] + b"bcd" + b"ef", 0)
    assert do(task, sendmsg, first, header(task, [b""] * 1025), 0) == -errno.EMSGSIZE


def test_several_messages_in_one_call(task: Any) -> None:
    first, second = pair(task, DGRAM | NONBLOCK)
    messages = b"".join(task.memory.read(header(task, [part]), 56) + bytes(8) for part in (b"a", b"bb", b"ccc"))
    at = task.place(messages)
    assert do(task, sendmmsg, first, at, 3, 0) == 3
    assert [struct.unpack("<I", task.memory.read(at + 64 * i + 56, 4))[0] for i in range(3)] == [1, 2, 3]
    assert do(task, recvmmsg, second, at, 2, 0, 0) == 2
    assert do(task, recvmmsg, second, at, 5, 0x10000, 0) == 1
    assert do(task, recvmmsg, second, at, 5, 0, 0) == -errno.EAGAIN


# -- control data --
def test_descriptors_travel_with_the_first_byte(task: Any) -> None:
    first, second = pair(task)
    sent = task.files.get(first)
    before = sent.references
    control = cmsg(1, 1, struct.pack("<ii", first, first))
    assert send(task, first, b"plain") == 5
    assert do(task, sendmsg, first, header(task, [b"with"], control), 0) == 4
    assert send(task, first, b"after") == 5
    assert sent.references == before + 2
    result, data, got, flags = message(task, second, [100], 64, 0x40000000)
    assert (result, data) == (9, b"plainwith")  # glued up to the descriptors, not beyond
    assert flags == 0x40000000
    length, level, kind = struct.unpack_from("<Qii", got)
    assert (length, level, kind) == (24, 1, 1)
    numbers = struct.unpack_from("<ii", got, 16)
    assert all(task.files.get(number) is sent and number in task.files.close_on_exec for number in numbers)
    assert receive(task, second) == b"after"


def test_descriptors_that_find_no_room_are_closed(task: Any) -> None:
    first, second = pair(task)
    sent = task.files.get(first)
    control = cmsg(1, 1, struct.pack("<iii", first, first, first))
    do(task, sendmsg, first, header(task, [b"x"], control), 0)
    before = sent.references
    _, _, got, flags = message(task, second, [10], 20)
    assert flags == 8  # MSG_CTRUNC
    assert struct.unpack_from("<Qii", got) == (20, 1, 1)
    assert sent.references == before - 2
    do(task, sendmsg, first, header(task, [b"x"], control), 0)
    assert receive(task, second) == b"x"
    assert sent.references == before - 2


def test_bad_control_data(task: Any) -> None:
    first, _ = pair(task)

    def attempt(control: bytes) -> int:
        return int(do(task, sendmsg, first, header(task, [b"x"], control), 0))

    assert attempt(struct.pack("<Qii", 15, 1, 1)) == -errno.EINVAL
    assert attempt(struct.pack("<Qii", 99, 1, 1)) == -errno.EINVAL
    assert attempt(cmsg(1, 1, struct.pack("<i", 99))) == -errno.EBADF
    assert attempt(cmsg(1, 1, struct.pack("<254i", *[first] * 254))) == -errno.EINVAL
    assert attempt(cmsg(1, 77, b"")) == -errno.EINVAL
    assert attempt(cmsg(1, 2, struct.pack("<i", 1))) == -errno.EINVAL
    assert attempt(cmsg(0, 8, bytes(12))) == 1
    task.credentials = task.credentials.with_(uid=5, euid=5, suid=5, effective=0)
    assert attempt(cmsg(1, 2, struct.pack("<iII", 1, 0, 0))) == -errno.EPERM
    assert attempt(cmsg(1, 2, struct.pack("<iII", 2, 5, 0))) == -errno.EPERM
    assert attempt(cmsg(1, 2, struct.pack("<iII", 1, 5, 0))) == 1


def test_credentials_come_where_they_are_wanted(task: Any) -> None:
    first, second = pair(task)
    send(task, first, b"old")
    assert set_option(task, second, 1, 16, 1) == 0
    task.credentials = task.credentials.with_(euid=7, egid=8)
    send(task, first, b"new")
    result, data, control, _ = message(task, second, [100], 64)
    assert (result, data) == (3, b"old")
    assert control == cmsg(1, 2, struct.pack("<iII", 0, 65534, 65534))[: len(control)]
    _, data, control, _ = message(task, second, [100], 64)
    assert data == b"new"
    assert control[:28] == cmsg(1, 2, struct.pack("<iII", 1, 7, 8))[:28]
    assert option(task, second, 1, 16) == struct.pack("<i", 1)


def test_a_socket_sent_through_itself_is_collected(task: Any) -> None:
    first, second = pair(task)
    for end in (first, second):
        assert do(task, sendmsg, end, header(task, [b"x"], cmsg(1, 1, struct.pack("<ii", first, second))), 0) == 1
    assert rights.count_in_flight() == 4
    task.files.close(first)
    assert rights.count_in_flight() == 4
    task.files.close(second)
    assert rights.count_in_flight() == 0


def test_a_deep_chain_of_sockets_in_sockets_is_no_recursion(task: Any) -> None:
    inner = pair(task)
    start_of_memory = task._next
    for _ in range(3000):
        outer = pair(task)
        task._next = start_of_memory
        for fd in inner:
            assert do(task, sendmsg, outer[0], header(task, [b"x"], cmsg(1, 1, struct.pack("<i", fd))), 0) == 1
            task.files.close(fd)
        inner = outer
    assert rights.count_in_flight() == 6000


def test_descriptors_in_flight_are_limited(task: Any) -> None:
    first, _ = pair(task)
    task.credentials = task.credentials.with_(effective=0)
    control = cmsg(1, 1, struct.pack("<253i", *[first] * 253))
    results = [do(task, sendmsg, first, header(task, [b"x"], control), 0) for _ in range(6)]
    assert results[:4] == [1, 1, 1, 1]
    assert results[4] == -errno.ETOOMANYREFS


# -- options --
def test_generic_options(task: Any) -> None:
    fd = do(task, socket, UNIX, SEQPACKET, 0)
    assert option(task, fd, 1, 3) == struct.pack("<i", 5)
    assert option(task, fd, 1, 39) == struct.pack("<i", 1)
    assert option(task, fd, 1, 7) == struct.pack("<i", 212992)
    assert set_option(task, fd, 1, 7, 1) == 0
    assert option(task, fd, 1, 7, 2) == struct.pack("<i", 4608)[:2]
    assert set_option(task, fd, 1, 13, struct.pack("<ii", 1, 30)) == 0
    assert option(task, fd, 1, 13, 8) == struct.pack("<ii", 1, 30)
    assert option(task, fd, 1, 999) == -errno.ENOPROTOOPT
    assert set_option(task, fd, 1, 2, b"xx") == -errno.EINVAL
    assert set_option(task, fd, 6, 1, 1) == -errno.EOPNOTSUPP
    assert option(task, fd, 1, 17, 12) == struct.pack("<iII", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    assert do(task, getsockopt, fd, 1, 3, task.room(4), task.place(struct.pack("<i", -1))) == -errno.EINVAL


def test_internet_options_are_remembered(task: Any) -> None:
    fd = do(task, socket, INET, STREAM, 0)
    assert option(task, fd, 6, 1) == bytes(4)
    assert set_option(task, fd, 6, 1, 5) == 0
    assert option(task, fd, 6, 1) == struct.pack("<i", 1)
    assert set_option(task, fd, 6, 4, 0) == -errno.EINVAL
    assert option(task, fd, 6, 13, 16) == b"cubic".ljust(16, b"\0")
    assert set_option(task, fd, 0, 2, 64) == 0
    assert set_option(task, fd, 0, 999, 1) == -errno.ENOPROTOOPT
    assert set_option(task, fd, 41, 26, 1) == -errno.ENOPROTOOPT
    six = do(task, socket, INET6, DGRAM, 0)
    assert set_option(task, six, 41, 26, 1) == 0
    assert option(task, six, 41, 26) == struct.pack("<i", 1)


# -- tcp --
def server_of(task: Any, family: int = INET, host: bytes = b"\x7f\0\0\1") -> tuple[int, int]:
    fd = do(task, socket, family, STREAM, 0)
    assert call_at(task, bind, fd, inet(0, host) if family == INET else inet6(0, host)) == 0
    assert do(task, listen, fd, 5) == 0
    return fd, port_of(call_name(task, getsockname, fd))


def tcp_pair(task: Any, server: int, port: int) -> tuple[int, int]:
    client = do(task, socket, INET, STREAM, 0)
    assert call_at(task, connect, client, inet(port)) == 0
    child = do(task, accept4, server, 0, 0, NONBLOCK)
    task.files.get(client).flags |= NONBLOCK
    return child, client


def test_a_tcp_connection(task: Any) -> None:
    fresh = do(task, socket, INET, STREAM, 0)
    file = task.files.get(fresh)
    assert file.poll() == OUT | HUP
    assert (receive(task, fresh), send(task, fresh, b"x", 0x4000)) == (-errno.ENOTCONN, -errno.EPIPE)
    assert call_name(task, getpeername, fresh) == -errno.ENOTCONN
    assert call_name(task, getsockname, fresh) == inet(0, bytes(4))
    server, port = server_of(task)
    assert 32768 <= port <= 60999
    assert call_at(task, connect, fresh, inet(port)) == 0
    assert call_at(task, connect, fresh, inet(port)) == -errno.EISCONN
    assert file.poll() == OUT
    name, length = task.room(16), task.place(struct.pack("<i", 16))
    child = do(task, accept4, server, name, length, NONBLOCK)
    assert task.memory.read(name, 16) == call_name(task, getsockname, fresh)
    assert call_name(task, getpeername, fresh) == inet(port)
    assert send(task, fresh, b"hello") == 5
    assert task.files.get(child).poll() == IN | OUT
    assert receive(task, child, 3) == b"hel"
    assert do(task, shutdown, fresh, 1) == 0
    assert task.files.get(child).poll() == IN | OUT | RDHUP
    assert file.poll() == OUT
    assert receive(task, child) == b"lo"
    assert receive(task, child) == b""
    assert send(task, fresh, b"x", 0x4000) == -errno.EPIPE
    assert send(task, child, b"bye") == 3
    task.files.close(child)
    assert file.poll() == IN | OUT | HUP | RDHUP
    assert (receive(task, fresh), receive(task, fresh)) == (b"bye", b"")


def test_connecting_without_waiting(task: Any) -> None:
    _, port = server_of(task)
    client = do(task, socket, INET, STREAM | NONBLOCK, 0)
    assert call_at(task, connect, client, inet(port)) == -errno.EINPROGRESS
    assert task.files.get(client).poll() == OUT
    assert option(task, client, 1, 4) == bytes(4)
    assert call_at(task, connect, client, inet(port)) == 0
    assert call_at(task, connect, client, inet(port)) == -errno.EISCONN
    refused = do(task, socket, INET, STREAM | NONBLOCK, 0)
    assert call_at(task, connect, refused, inet(1)) == -errno.EINPROGRESS
    assert task.files.get(refused).poll() == IN | OUT | ERR | HUP | RDHUP
    assert call_at(task, connect, refused, inet(1)) == -errno.ECONNREFUSED
    assert task.files.get(refused).poll() == OUT | HUP
    assert call_at(task, connect, refused, inet(1)) == -errno.EINPROGRESS
    assert option(task, refused, 1, 4) == struct.pack("<i", errno.ECONNREFUSED)
    assert option(task, refused, 1, 4) == bytes(4)
    assert receive(task, refused) == b""
    assert send(task, refused, b"x", 0x4000) == -errno.EPIPE
    waits = do(task, socket, INET, STREAM, 0)
    assert call_at(task, connect, waits, inet(1)) == -errno.ECONNREFUSED
    assert call_at(task, connect, waits, inet(1, b"\x08\x08\x08\x08")) == -errno.ENETUNREACH
    assert call_at(task, connect, waits, inet6(1)) == -errno.EAFNOSUPPORT
    assert do(task, connect, waits, task.place(inet(1)), 8) == -errno.EINVAL


def test_a_full_tcp_backlog_is_waited_for(task: Any) -> None:
    server, port = server_of(task)
    do(task, listen, server, 0)
    clients = [do(task, socket, INET, STREAM | NONBLOCK, 0) for _ in range(2)]
    assert [call_at(task, connect, client, inet(port)) for client in clients] == [-errno.EINPROGRESS] * 2
    assert [task.files.get(client).poll() for client in clients] == [OUT, 0]
    assert call_at(task, connect, clients[1], inet(port)) == -errno.EALREADY
    assert do(task, accept, server, 0, 0) >= 0
    assert task.files.get(clients[1]).poll() == OUT
    assert do(task, accept, server, 0, 0) >= 0


def test_closing_with_unread_data_resets(task: Any) -> None:
    server, port = server_of(task)
    child, client = tcp_pair(task, server, port)
    send(task, client, b"unread")
    task.files.close(child)
    assert task.files.get(client).poll() == IN | OUT | ERR | HUP | RDHUP
    assert receive(task, client) == -errno.ECONNRESET
    assert receive(task, client) == b""
    assert send(task, client, b"x", 0x4000) == -errno.EPIPE
    assert call_name(task, getpeername, client) == -errno.ENOTCONN
    child, client = tcp_pair(task, server, port)
    assert set_option(task, child, 1, 13, struct.pack("<ii", 1, 0)) == 0
    task.files.close(child)
    assert receive(task, client) == -errno.ECONNRESET


def test_sending_to_a_closed_peer_succeeds_once(task: Any) -> None:
    server, port = server_of(task)
    child, client = tcp_pair(task, server, port)
    task.files.close(child)
    assert task.files.get(client).poll() == IN | OUT | RDHUP
    assert receive(task, client) == b""
    assert send(task, client, b"x") == 1
    assert task.files.get(client).poll() == IN | OUT | ERR | HUP | RDHUP
    assert send(task, client, b"x", 0x4000) == -errno.EPIPE
    assert receive(task, client) == b""
    assert task.files.get(client).poll() == IN | OUT | HUP | RDHUP


def test_a_closed_listener_resets_tcp_clients(task: Any) -> None:
    server, port = server_of(task)
    client = do(task, socket, INET, STREAM, 0)
    assert call_at(task, connect, client, inet(port)) == 0
    task.files.close(server)
    assert receive(task, client) == -errno.ECONNRESET


def test_who_may_share_a_port(task: Any) -> None:
    server, port = server_of(task)
    other = do(task, socket, INET, STREAM, 0)
    assert call_at(task, bind, other, inet(port)) == -errno.EADDRINUSE
    assert call_at(task, bind, other, inet(port, bytes(4))) == -errno.EADDRINUSE
    assert set_option(task, other, 1, 2, 1) == 0
    assert call_at(task, bind, other, inet(port)) == -errno.EADDRINUSE
    assert call_at(task, bind, other, inet(1, b"\x09\x09\x09\x09")) == -errno.EADDRNOTAVAIL
    assert call_at(task, bind, other, inet(port, b"\x7f\0\0\2")) == 0
    six = do(task, socket, INET6, STREAM, 0)
    assert call_at(task, bind, six, inet6(port, bytes(16))) == -errno.EADDRINUSE
    assert set_option(task, six, 41, 26, 1) == 0
    assert call_at(task, bind, six, inet6(port, bytes(16))) == 0
    # A server that restarts: its connections keep the port unless SO_REUSEADDR says else.
    set_option(task, server, 1, 2, 1)
    child, _ = tcp_pair(task, server, port)
    task.files.close(server)
    new = do(task, socket, INET, STREAM, 0)
    assert call_at(task, bind, new, inet(port)) == -errno.EADDRINUSE
    set_option(task, new, 1, 2, 1)
    assert call_at(task, bind, new, inet(port)) == 0
    assert child >= 0
    task.credentials = task.credentials.with_(effective=0)
    low = do(task, socket, INET, STREAM, 0)
    assert call_at(task, bind, low, inet(80)) == -errno.EACCES


def test_both_families_meet_on_a_dual_socket(task: Any) -> None:
    server, port = server_of(task, INET6, bytes(16))
    client = do(task, socket, INET, STREAM, 0)
    assert call_at(task, connect, client, inet(port)) == 0
    child = do(task, accept, server, 0, 0)
    mapped = bytes(10) + b"\xff\xff\x7f\0\0\1"
    assert call_name(task, getsockname, child) == inet6(port, mapped)
    peer = call_name(task, getpeername, child)
    assert isinstance(peer, bytes)
    assert peer[8:24] == mapped
    six = do(task, socket, INET6, STREAM, 0)
    assert call_at(task, connect, six, inet6(port)) == 0
    assert call_name(task, getsockname, six) == inet6(port_of(call_name(task, getsockname, six)))
    four, port4 = server_of(task)
    through = do(task, socket, INET6, STREAM, 0)
    assert call_at(task, connect, through, inet6(port4, mapped)) == 0
    assert call_name(task, getpeername, through) == inet6(port4, mapped)
    only = do(task, socket, INET6, STREAM, 0)
    set_option(task, only, 41, 26, 1)
    assert call_at(task, connect, only, inet6(port4, mapped)) == -errno.ENETUNREACH
    assert four >= 0


def test_disconnecting_by_an_unspecified_address(task: Any) -> None:
    server, port = server_of(task)
    child, client = tcp_pair(task, server, port)
    assert call_at(task, connect, client, bytes(16)) == 0
    assert receive(task, child) == -errno.ECONNRESET
    assert call_name(task, getsockname, client) == inet(0, bytes(4))
    assert call_at(task, connect, client, inet(port)) == -errno.EINPROGRESS


# -- udp --
def test_udp(task: Any) -> None:
    first, second = do(task, socket, INET, DGRAM | NONBLOCK, 0), do(task, socket, INET, DGRAM | NONBLOCK, 0)
    assert task.files.get(first).poll() == OUT | 0x200
    assert (receive(task, first), send(task, first, b"")) == (-errno.EAGAIN, -errno.EDESTADDRREQ)
    assert call_at(task, bind, second, inet(0, bytes(4))) == 0
    port = port_of(call_name(task, getsockname, second))
    assert send(task, first, b"ping", 0, inet(port)) == 4
    assert send(task, first, b"", 0, inet(port)) == 0
    source = port_of(call_name(task, getsockname, first))
    assert receive_from(task, second) == (b"ping", inet(source))
    assert receive(task, second) == b""
    assert send(task, first, b"x", 0, inet(0)) == -errno.EINVAL
    assert send(task, first, bytes(65508), 0, inet(port)) == -errno.EMSGSIZE
    assert do(task, listen, first, 1) == -errno.EOPNOTSUPP
    assert do(task, accept, first, 0, 0) == -errno.EOPNOTSUPP
    assert do(task, shutdown, first, 2) == -errno.ENOTCONN


def test_a_connected_udp_socket_hears_its_peer_only(task: Any) -> None:
    server, client, stranger = (do(task, socket, INET, DGRAM | NONBLOCK, 0) for _ in range(3))
    call_at(task, bind, server, inet(0))
    port = port_of(call_name(task, getsockname, server))
    assert call_at(task, connect, client, inet(port)) == 0
    mine = call_name(task, getsockname, client)
    assert isinstance(mine, bytes)
    assert send(task, stranger, b"spam", 0, mine) == 4
    assert receive(task, client) == -errno.EAGAIN
    assert send(task, server, b"mail", 0, mine) == 4
    assert receive(task, client) == b"mail"
    task.files.close(server)
    assert send(task, client, b"x") == 1
    assert task.files.get(client).poll() == OUT | 0x200 | ERR
    assert send(task, client, b"x") == -errno.ECONNREFUSED
    assert send(task, client, b"x") == 1
    assert receive(task, client) == -errno.ECONNREFUSED
    assert receive(task, client) == -errno.EAGAIN
    assert call_at(task, connect, client, bytes(16)) == 0
    assert call_name(task, getsockname, client) == inet(0, bytes(4))
    assert call_name(task, getpeername, client) == -errno.ENOTCONN


def test_a_full_udp_receiver_drops(task: Any) -> None:
    receiver, sender = do(task, socket, INET, DGRAM | NONBLOCK, 0), do(task, socket, INET, DGRAM, 0)
    call_at(task, bind, receiver, inet(0))
    port = port_of(call_name(task, getsockname, receiver))
    address = task.place(inet(port))
    data = task.place(b"x")
    for _ in range(300):
        assert do(task, sendto, sender, data, 1, 0, address, 16) == 1
    count = 0
    while receive(task, receiver, 4) == b"x":
        count += 1
    assert 200 < count < 300


# -- netlink --
def ask(task: Any, fd: int, kind: int, payload: bytes, flags: int = 0x301) -> list[tuple[int, bytes]]:
    request = struct.pack("<IHHII", 16 + len(payload), kind, flags, 9, 0) + payload
    assert send(task, fd, request, 0, struct.pack("<HHII", NETLINK, 0, 0, 0)) == len(request)
    found: list[tuple[int, bytes]] = []
    while True:
        data = receive(task, fd, 4096)
        if isinstance(data, int):
            return found
        while data:
            length, got, _, sequence, _ = struct.unpack_from("<IHHII", data)
            assert sequence == 9
            found.append((got, data[16:length]))
            data = data[length + 3 & ~3 :]


def test_netlink_lists_the_loopback_device(task: Any) -> None:
    fd = do(task, socket, NETLINK, RAW | NONBLOCK, 0)
    assert call_at(task, bind, fd, struct.pack("<HHII", NETLINK, 0, 0, 0)) == 0
    assert call_name(task, getsockname, fd) == struct.pack("<HHII", NETLINK, 0, 1, 0)
    links = ask(task, fd, 18, bytes(16))
    assert [kind for kind, _ in links] == [16, 3]
    assert b"\x07\0\x03\0lo\0" in links[0][1]
    assert [kind for kind, _ in ask(task, fd, 22, bytes(8))] == [20, 20, 3]
    assert [kind for kind, _ in ask(task, fd, 22, struct.pack("<B7x", INET6))] == [20, 3]
    assert [kind for kind, _ in ask(task, fd, 26, bytes(12))] == [24, 24, 24, 24, 3]
    assert [kind for kind, _ in ask(task, fd, 30, bytes(12))] == [3]
    one = ask(task, fd, 18, struct.pack("<BxHiII", 0, 0, 1, 0, 0), 5)
    assert [kind for kind, _ in one] == [16, 2]
    refused = ask(task, fd, 16, bytes(16), 5)
    assert struct.unpack_from("<i", refused[0][1]) == (-errno.EPERM,)
    second = do(task, socket, NETLINK, RAW, 0)
    assert call_at(task, bind, second, struct.pack("<HHII", NETLINK, 0, 1, 0)) == -errno.EADDRINUSE


# -- ioctls --
def test_interface_ioctls(task: Any) -> None:
    file = task.files.get(do(task, socket, INET, DGRAM, 0))
    request = task.place(b"lo".ljust(40, b"\0"))
    assert file.ioctl(task, 0x8913, request) == 0
    assert struct.unpack("<H", task.memory.read(request + 16, 2)) == (0x49,)
    assert file.ioctl(task, 0x8915, request) == 0
    assert task.memory.read(request + 20, 4) == b"\x7f\0\0\1"
    assert file.ioctl(task, 0x8933, request) == 0
    assert task.memory.read(request + 16, 4) == struct.pack("<i", 1)
    buffer = task.room(80)
    conf = task.place(struct.pack("<i4xQ", 80, buffer))
    assert file.ioctl(task, 0x8912, conf) == 0
    assert struct.unpack("<i", task.memory.read(conf, 4)) == (40,)
    assert task.memory.read(buffer, 3) == b"lo\0"
    first, second = pair(task)
    send(task, first, b"12345")
    out = task.room(4)
    assert task.files.get(second).ioctl(task, 0x541B, out) == 0
    assert struct.unpack("<i", task.memory.read(out, 4)) == (5,)
