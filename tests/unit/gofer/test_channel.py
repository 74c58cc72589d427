# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Framing, descriptors and hostile peers of gofer/channel.py."""

from __future__ import annotations

import array
import gc
import os
import socket
import threading
from collections.abc import Iterator

import msgpack
import pytest

from gofer.channel import Channel
from gofer.protocol import DESCRIPTOR_LIMIT, MESSAGE_LIMIT, ChannelClosed, ProtocolError


@pytest.fixture
def raw() -> Iterator[tuple[Channel, socket.socket]]:
    one, other = socket.socketpair()
    channel = Channel(one)
    yield channel, other
    channel.close()
    other.close()


def framed(message: object) -> bytes:
    body: bytes = msgpack.packb(message)
    return len(body).to_bytes(4, "little") + body


def send_with(peer: socket.socket, data: bytes, descriptors: list[int]) -> None:
    peer.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


def open_count() -> int:
    gc.collect()  # what other tests left behind must not go away between two counts
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("message", [0, -1, 1 << 63, b"", b"\0\xff", "text", None, True, [], [[1], [b"a"]], {"a": [1]}])
def test_a_message_arrives_as_it_was_sent(message: object) -> None:
    one, other = Channel.pair()
    with one, other:
        one.send(message)
        assert other.receive() == (message, [])


def test_descriptors_arrive_with_their_message_and_close_on_exec() -> None:
    one, other = Channel.pair()
    with one, other:
        reading, writing = os.pipe()
        one.send("plain")
        one.send("with", [reading, writing])
        one.send("plain again")
        assert other.receive() == ("plain", [])
        message, (first, second) = other.receive()
        assert message == "with"
        assert not os.get_inheritable(first)
        assert other.receive() == ("plain again", [])
        os.write(second, b"x")
        assert os.read(first, 2) == b"x"
        for descriptor in (reading, writing, first, second):
            os.close(descriptor)


def test_two_messages_with_descriptors_keep_them_apart() -> None:
    one, other = Channel.pair()
    with one, other:
        reading, writing = os.pipe()
        one.send(1, [reading])
        one.send(2, [writing, writing])
        received = [other.receive(), other.receive()]
        assert [(message, len(descriptors)) for message, descriptors in received] == [(1, 1), (2, 2)]
        for descriptor in (reading, writing, *received[0][1], *received[1][1]):
            os.close(descriptor)


def test_a_message_may_arrive_byte_by_byte(raw: tuple[Channel, socket.socket]) -> None:
    channel, peer = raw
    for byte in framed([1, b"two", "three"]):
        assert channel.receive_nowait() is None
        peer.send(bytes([byte]))
    assert channel.receive_nowait() == ([1, b"two", "three"], [])
    assert channel.receive_nowait() is None


def test_descriptors_of_a_message_in_pieces_wait_for_its_end(raw: tuple[Channel, socket.socket]) -> None:
    channel, peer = raw
    data = framed("late")
    send_with(peer, framed("early") + data[:3], [peer.fileno()])
    peer.send(data[3:])
    assert channel.receive() == ("early", [])
    message, descriptors = channel.receive()
    assert (message, len(descriptors)) == ("late", 1)
    os.close(descriptors[0])


def test_many_messages_in_one_piece(raw: tuple[Channel, socket.socket]) -> None:
    channel, peer = raw
    peer.sendall(b"".join(map(framed, range(1000))))
    assert [channel.receive()[0] for _ in range(1000)] == list(range(1000))


def test_a_large_message_passes_both_ways() -> None:
    one, other = Channel.pair()
    with one, other:
        body = bytes(range(256)) * (4 << 12)
        sender = threading.Thread(target=one.send, args=([body],))
        sender.start()
        assert other.receive() == ([body], [])
        sender.join()


def test_too_large_a_message_is_not_sent() -> None:
    one, other = Channel.pair()
    with one, other, pytest.raises(ValueError):
        one.send(bytes(MESSAGE_LIMIT + 1))


def test_the_end_of_the_peer_is_told() -> None:
    one, other = Channel.pair()
    with one:
        other.close()
        with pytest.raises(ChannelClosed):
            one.receive()
        with pytest.raises(ChannelClosed):
            one.send(1)


@pytest.mark.parametrize(
    "data",
    [
        (MESSAGE_LIMIT + 1).to_bytes(4, "little"),
        b"\xff\xff\xff\xff",
        b"\1\0\0\0\xc1",  # no such type
        b"\0\0\0\0",  # nothing at all
        b"\2\0\0\0\1\1",  # two objects
        b"\2\0\0\0\x92\1",  # an array cut short
        b"\5\0\0\0\xdd\xff\xff\xff\xff",  # an array of 2**32-1
        b"\3\0\0\0\x81\1\1",  # a map whose key is a number
        b"\3\0\0\0\x81\x90\1",  # a map whose key is a list
        b"\2\0\0\0\xa1\xff",  # a text that is not UTF-8
        (5000).to_bytes(4, "little") + b"\x91" * 5000,  # very deep
    ],
)
def test_malformed_messages_are_refused_and_their_descriptors_closed(
    raw: tuple[Channel, socket.socket], data: bytes
) -> None:
    channel, peer = raw
    before = open_count()
    send_with(peer, data, [peer.fileno()] * 3)
    with pytest.raises(ProtocolError):
        channel.receive()
    assert open_count() == before


def test_a_message_cut_short_by_the_end_is_refused(raw: tuple[Channel, socket.socket]) -> None:
    channel, peer = raw
    before = open_count()
    send_with(peer, framed("whole")[:-1], [peer.fileno()])
    peer.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ProtocolError, match="inside"):
        channel.receive()
    assert open_count() == before


def test_more_descriptors_than_a_message_may_have_are_refused(raw: tuple[Channel, socket.socket]) -> None:
    channel, peer = raw
    before = open_count()
    data = framed("x" * 100)
    send_with(peer, data[:50], [peer.fileno()] * DESCRIPTOR_LIMIT)
    send_with(peer, data[50:60], [peer.fileno()])
    with pytest.raises(ProtocolError):
        channel.receive()
    assert open_count() == before


def test_closing_closes_what_nobody_received() -> None:
    before = open_count()
    one, other = Channel.pair()
    one.send(1)
    one.send(2, [one.fileno()])
    assert other.receive() == (1, [])
    one.close()
    other.close()
    assert open_count() == before
