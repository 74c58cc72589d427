# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Socket pairs, compared with the host's own at every step."""

from __future__ import annotations

import os
import select
import socket as host_socket
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentry.abi import socket as abi
from sentry.abi.errors import LinuxError
from sentry.net import buffers, families
from tests.unit.ipc import FakeTask

if TYPE_CHECKING:
    from collections.abc import Callable


def code(call: Callable[[], object]) -> object:
    """The call's result, or its errno."""
    try:
        return call()
    except LinuxError as error:
        return -error.errno
    except OSError as error:
        return -(error.errno or 0)


def host_poll(sock: host_socket.socket) -> int:
    poller = select.poll()
    poller.register(sock, 0xFFFF)
    return dict(poller.poll(0)).get(sock.fileno(), 0)


END = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), END, st.one_of(st.integers(0, 300), st.integers(0, 100000))),
        st.tuples(st.just("receive"), END, st.one_of(st.integers(1, 300), st.integers(1, 100000))),
        st.tuples(st.just("peek"), END, st.integers(1, 100)),
        st.tuples(st.just("shutdown"), END, st.integers(0, 2)),
        st.tuples(st.just("buffer"), END, st.sampled_from([1, 4096, 20000])),
        st.tuples(st.just("error"), END, st.just(0)),
        st.tuples(st.just("close"), END, st.just(0)),
    ),
    max_size=30,
)


@pytest.mark.parametrize("kind", [abi.SOCK_STREAM, abi.SOCK_DGRAM, abi.SOCK_SEQPACKET])
@settings(max_examples=120, deadline=None)
@given(steps=STEPS)
def test_a_pair_behaves_as_the_hosts_at_every_step(kind: int, steps: list[tuple[str, int, int]]) -> None:
    task: Any = FakeTask()
    host = host_socket.socketpair(host_socket.AF_UNIX, kind)
    ours: list[Any] = list(families.create_pair(task, abi.AF_UNIX, kind, 0, os.O_NONBLOCK))
    for sock in host:
        sock.setblocking(False)
    try:
        for counter, (step, end, size) in enumerate(steps):
            mine, theirs = ours[end], host[end]
            if mine is None:
                continue
            if step == "send":
                if kind == abi.SOCK_SEQPACKET:
                    # Kernels disagree on whether one empty packet counts as unread data when its receiver closes.
                    size = max(size, 1)
                data = (bytes((counter + i) & 0xFF for i in range(251)) * (size // 251 + 1))[:size]
                result = code(lambda s=theirs, d=data: s.send(d))  # type: ignore[misc]
                got = code(lambda s=mine, d=data: s.send(d, task=task))  # type: ignore[misc]
            elif step == "receive":
                result = code(lambda s=theirs, n=size: s.recv(n))  # type: ignore[misc]
                got = code(lambda s=mine, n=size: s.receive(n).data)  # type: ignore[misc]
            elif step == "peek":
                result = code(lambda s=theirs, n=size: s.recv(n, host_socket.MSG_PEEK))  # type: ignore[misc]
                got = code(lambda s=mine, n=size: s.receive(n, abi.MSG_PEEK).data)  # type: ignore[misc]
            elif step == "shutdown":
                result = code(lambda s=theirs, n=size: s.shutdown(n))  # type: ignore[misc]
                got = code(lambda s=mine, n=size: s.shutdown(n))  # type: ignore[misc]
            elif step == "buffer":
                result = code(lambda s=theirs, n=size: s.setsockopt(1, abi.SO_SNDBUF, n))  # type: ignore[misc]
                got = code(lambda s=mine, n=size: s.set_option(task, 1, abi.SO_SNDBUF, abi.INT.pack(n)))  # type: ignore[misc]
            elif step == "error":
                result = theirs.getsockopt(1, abi.SO_ERROR)
                got = abi.INT.unpack(mine.get_option(task, 1, abi.SO_ERROR, 4))[0]
            else:
                theirs.close()
                mine.drop()
                ours[end] = None
                result = got = None
            assert got == result, f"step {counter}: {step}"
            for sock, native in zip(ours, host, strict=True):
                if sock is not None:
                    assert sock.poll() == host_poll(native), f"after step {counter}: {step}"
    finally:
        for sock, native in zip(ours, host, strict=True):
            native.close()
            if sock is not None:
                sock.drop()
    assert buffers.memory.used == 0
