# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Pipes, compared with the host's own at every step."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentry.abi.errors import Interrupted, LinuxError
from sentry.fs import pipes
from sentry.fs.pipes import PipeFile, PipeReader, PipeWriter, make_pipe, open_fifo_blocking, splice_pipes, tee_pipes
from sentry.vfs.anonymous import AnonymousInode, pipefs
from sentry.vfs.file import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from tests.unit.ipc import FakeTask

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

ALL = 0xFFFF
ROOT: Any = FakeTask()


def code(call: Callable[[], object]) -> object:
    """The call's result, or its errno."""
    try:
        return call()
    except LinuxError as error:
        return -error.errno
    except OSError as error:
        return -(error.errno or 0)


def host_poll(fd: int) -> int:
    poller = select.poll()
    poller.register(fd, ALL)
    return dict(poller.poll(0)).get(fd, 0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.one_of(st.integers(0, 5000), st.integers(0, 80000))),
        st.tuples(st.just("read"), st.one_of(st.integers(1, 5000), st.integers(1, 80000))),
        st.tuples(st.just("size"), st.sampled_from([0, 1, 4096, 5000, 65536, 100000, 1048576, 1048577])),
        st.tuples(st.just("close"), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_a_pipe_behaves_as_the_hosts_at_every_step(steps: list[tuple[str, int]], packets: bool) -> None:
    flags = os.O_NONBLOCK | (os.O_DIRECT if packets else 0)
    host: list[int] = list(os.pipe2(flags))
    reader, writer = make_pipe(0, 0, flags)
    ours: list[PipeFile | None] = [reader, writer]
    counter = 0
    try:
        for step, size in steps:
            if step == "write" and ours[1] is not None:
                counter += 1
                data = bytes((counter + i) & 0xFF for i in range(min(size, 251))) * (size // 251 + 1)
                data = data[:size]
                assert code(lambda d=data: writer.write(d)) == code(lambda d=data: os.write(host[1], d))  # type: ignore[misc]
            elif step == "read" and ours[0] is not None:
                assert code(lambda n=size: reader.read(n)) == code(lambda n=size: os.read(host[0], n))  # type: ignore[misc]
            elif step == "size" and ours[0] is not None:
                if size <= pipes.MAX_SIZE:  # the host's root may pass it
                    theirs = code(lambda n=size: fcntl.fcntl(host[0], fcntl.F_SETPIPE_SZ, n))  # type: ignore[misc]
                    assert code(lambda n=size: reader.pipe.resize(ROOT, n)) == theirs  # type: ignore[misc]
            elif step == "close":
                end = ours[size]
                if end is not None and ours[1 - size] is not None:
                    end.drop()
                    os.close(host[size])
                    ours[size] = None
            for end, fd in zip(ours, host, strict=True):
                if end is not None:
                    assert end.poll() == host_poll(fd)
            assert sum(reader.pipe._pages) == reader.pipe.size
    finally:
        for end, fd in zip(ours, host, strict=True):
            if end is not None:
                end.drop()
                os.close(fd)


def test_closing_every_end_gives_the_pages_back() -> None:
    before = pipes._usage.pages
    reader, writer = make_pipe(0, 0)
    assert pipes._usage.pages == before + 16
    reader.drop()
    writer.drop()
    assert pipes._usage.pages == before


def test_writing_wakes_the_readers_and_reading_a_full_pipe_wakes_the_writers() -> None:
    reader, writer = make_pipe(0, 0)
    woken: list[str] = []
    reader.queue.add("r", lambda: woken.append("r"))
    writer.queue.add("w", lambda: woken.append("w"))
    writer.write(b"x" * 4096)
    assert woken == ["r"]
    reader.read(10)
    assert woken == ["r"]
    writer.write(b"x" * 65536)
    woken.clear()
    reader.read(10)
    assert woken == []
    reader.read(4086)
    assert woken == ["w"]
    woken.clear()
    writer.drop()
    assert "r" in woken


def test_tiny_writes_do_not_cost_an_object_each() -> None:
    reader, writer = make_pipe(0, 0)
    for _ in range(4096):
        writer.write(b"ab")
    assert len(reader.pipe._chunks) <= 4
    assert reader.read(10000) == b"ab" * 4096


def test_tee_keeps_and_splice_moves() -> None:
    r1, w1 = make_pipe(0, 0)
    r2, w2 = make_pipe(0, 0)
    assert code(lambda: tee_pipes(r1.pipe, w2.pipe, 10)) == -errno.EAGAIN
    w1.write(b"hello world")
    assert tee_pipes(r1.pipe, w2.pipe, 5) == 5
    assert splice_pipes(r1.pipe, w2.pipe, 100) == 11
    assert r2.read(100) == b"hellohello world"
    w1.drop()
    assert splice_pipes(r1.pipe, w2.pipe, 100) == 0
    r2.drop()
    assert code(lambda: tee_pipes(r1.pipe, w2.pipe, 10)) == -errno.EPIPE
    assert code(lambda: tee_pipes(w2.pipe, w2.pipe, 10)) == -errno.EINVAL


def fifo() -> AnonymousInode:
    return AnonymousInode(pipefs, stat.S_IFIFO | 0o600)


class Opening:
    """One call of open_fifo_blocking, driven as the kernel's loop would."""

    def __init__(self, inode: AnonymousInode, flags: int) -> None:
        self.coroutine: Coroutine[Any, Any, PipeFile] = open_fifo_blocking(inode, flags, None)
        self.file: PipeFile | None = None
        self.blocked: Any = None
        self.step()

    def step(self) -> None:
        try:
            self.blocked = self.coroutine.send(None)
            for queue in self.blocked.queues:
                queue.add(self, lambda: None)
        except StopIteration as stop:
            self.file, self.blocked = stop.value, None

    def interrupt(self) -> None:
        with pytest.raises(Interrupted):
            self.coroutine.throw(Interrupted())


def test_a_fifo_open_waits_for_the_other_end() -> None:
    inode = fifo()
    opening = Opening(inode, os.O_RDONLY)
    assert opening.blocked
    writer = Opening(inode, os.O_WRONLY).file
    assert isinstance(writer, PipeWriter)
    opening.step()
    reader = opening.file
    assert isinstance(reader, PipeReader)
    writer.write(b"x")
    assert reader.read(5) == b"x"
    writer.drop()
    assert reader.poll() == POLLHUP
    reader.drop()
    assert inode not in pipes._fifos


def test_a_fifo_opener_that_gives_up_leaves_nothing_behind() -> None:
    inode = fifo()
    before = pipes._usage.pages
    writer = Opening(inode, os.O_WRONLY)
    assert writer.file is None
    writer.interrupt()
    assert inode not in pipes._fifos
    assert pipes._usage.pages == before


def test_nonblocking_fifo_opens() -> None:
    inode = fifo()
    assert code(lambda: Opening(inode, os.O_WRONLY | os.O_NONBLOCK)) == -errno.ENXIO
    assert inode not in pipes._fifos
    reader = Opening(inode, os.O_RDONLY | os.O_NONBLOCK).file
    assert reader is not None
    assert reader.poll() == 0
    assert reader.read(1) == b""
    writer = Opening(inode, os.O_WRONLY | os.O_NONBLOCK).file
    assert writer is not None
    writer.drop()
    assert reader.poll() == POLLHUP
    both = Opening(inode, os.O_RDWR).file
    assert both is not None
    assert both.poll() == POLLOUT | POLLWRNORM
    both.write(b"abc")
    assert both.poll() == POLLOUT | POLLWRNORM | POLLIN | POLLRDNORM
    reader.drop()
    both.drop()


def test_the_write_end_of_a_pipe_without_reader_polls_an_error() -> None:
    reader, writer = make_pipe(0, 0)
    reader.drop()
    assert writer.poll() == POLLOUT | POLLWRNORM | POLLERR
    assert code(lambda: writer.write(b"x")) == -errno.EPIPE
    assert writer.write(b"") == 0
    writer.drop()
