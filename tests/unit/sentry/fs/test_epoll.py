# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""epoll, compared with the host's own over pipes, sockets and eventfds."""

from __future__ import annotations

import errno
import itertools
import os
import select
import socket
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sentry.abi.epoll import EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLET, EPOLLONESHOT
from sentry.abi.errors import LinuxError
from sentry.fs.epoll import EpollFile
from sentry.fs.eventfd import EventFile
from sentry.fs.pipes import make_pipe
from sentry.net import families
from sentry.vfs.file import OpenFile
from tests.unit.ipc import FakeTask

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = 5  # pipe's read end, write end, eventfd, both ends of a socket pair
EVENTS = st.sampled_from([0, 1, 4, 5, 0x2001, 0x2005])
FLAGS = st.sampled_from([0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT])
FILE = st.integers(0, FILES - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "modify"]), FILE, st.tuples(EVENTS, FLAGS).map(sum)),
        st.tuples(st.just("delete"), FILE, st.just(0)),
        st.tuples(st.just("write"), st.sampled_from([1, 2, 3, 4]), st.sampled_from([8, 5000, 70000])),
        st.tuples(st.just("read"), st.sampled_from([0, 2, 3, 4]), st.sampled_from([8, 100000])),
        st.tuples(st.just("close"), FILE, st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([1, 10])),
        st.tuples(st.just("wait"), st.just(0), st.just(10)),
    ),
    max_size=40,
)


def code(call: Callable[[], object]) -> object:
    try:
        return call()
    except LinuxError as error:
        return -error.errno
    except OSError as error:
        return -(error.errno or 0)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_epoll_reports_what_the_host_reports(steps: list[tuple[str, int, int]]) -> None:
    task: Any = FakeTask()
    host_pipe = os.pipe2(os.O_NONBLOCK)
    pair = socket.socketpair()
    host = [*host_pipe, os.eventfd(0, os.EFD_NONBLOCK), *(os.dup(end.fileno()) for end in pair)]
    for end in pair:
        os.set_blocking(end.fileno(), False)
        end.close()
    ours: list[OpenFile | None] = [
        *make_pipe(0, 0, os.O_NONBLOCK), EventFile(0, False), *families.create_pair(task, 1, 1, 0, os.O_NONBLOCK),
    ]  # fmt: skip
    native, epoll = select.epoll(), EpollFile()
    try:
        for step, index, value in steps:
            if step == "wait":
                theirs: object = sorted((host.index(fd), events) for fd, events in native.poll(0, value))
                mine: object = sorted((data, events) for events, data in epoll.take(value))
                if value == 1 and theirs != mine:
                    # Which of several comes first is not promised; then all that is left must agree.
                    assert len(theirs) == len(mine)  # type: ignore[arg-type]
                    break
                assert mine == theirs
                continue
            file, fd = ours[index], host[index]
            if file is None:
                continue
            if step in ("add", "modify", "delete"):
                if step == "add":
                    theirs = code(lambda f=fd, v=value: native.register(f, v))  # type: ignore[misc]
                elif step == "modify":
                    theirs = code(lambda f=fd, v=value: native.modify(f, v))  # type: ignore[misc]
                else:
                    theirs = code(lambda f=fd: native.unregister(f))  # type: ignore[misc]
                number = {"add": EPOLL_CTL_ADD, "modify": EPOLL_CTL_MOD, "delete": EPOLL_CTL_DEL}[step]
                mine = code(lambda n=number, f=file, v=value, i=index: epoll.control(n, i, f, v, i))  # type: ignore[misc]
            elif step == "write":
                data = (1).to_bytes(8, "little") if index == 2 else bytes(value)
                theirs = code(lambda f=fd, d=data: os.write(f, d))  # type: ignore[misc]
                mine = code(lambda f=file, d=data: f.write(d))  # type: ignore[misc]
            elif step == "read":
                theirs = code(lambda f=fd, n=value: os.read(f, n))  # type: ignore[misc]
                mine = code(lambda f=file, n=value: f.read(n))  # type: ignore[misc]
            else:
                os.close(fd)
                file.drop()
                ours[index] = None
                host[index] = -1000 - index
                theirs = mine = None
            del file
            assert mine == theirs, step
    finally:
        native.close()
        epoll.drop()
        for file, fd in zip(ours, host, strict=True):
            if file is not None:
                file.drop()
                os.close(fd)


def test_files_that_are_always_ready_cannot_be_watched() -> None:
    task: Any = FakeTask()
    file = OpenFile(0, EpollFile().inode, None)
    assert code(lambda: EpollFile().control(EPOLL_CTL_ADD, 3, file, 1, 0)) == -errno.EPERM
    assert task is not None


def test_nested_epolls_report_and_cycles_are_refused() -> None:
    inner, outer = EpollFile(), EpollFile()
    event = EventFile(0, False)
    outer.control(EPOLL_CTL_ADD, 4, inner, 1, 44)
    inner.control(EPOLL_CTL_ADD, 5, event, 1, 55)
    assert outer.take(5) == []
    event.write((1).to_bytes(8, "little"))
    assert inner.poll() == 0x41
    assert outer.take(5) == [(1, 44)]
    assert code(lambda: inner.control(EPOLL_CTL_ADD, 6, outer, 1, 0)) == -errno.ELOOP
    assert code(lambda: inner.control(EPOLL_CTL_ADD, 6, inner, 1, 0)) == -errno.EINVAL
    event.read(8)
    assert outer.take(5) == []


def test_nesting_ends_where_linux_ends_it() -> None:
    chain = [EpollFile() for _ in range(9)]
    results = [
        code(lambda a=outer, b=inner: a.control(EPOLL_CTL_ADD, 3, b, 1, 0))  # type: ignore[misc]
        for inner, outer in itertools.pairwise(chain)
    ]
    assert results == [None, None, None, None, -errno.ELOOP, None, None, None]


def test_a_released_file_leaves_its_epoll() -> None:
    epoll = EpollFile()
    reader, writer = make_pipe(0, 0)
    epoll.control(EPOLL_CTL_ADD, 3, reader, 1, 7)
    pipe = reader.pipe
    reader.drop()
    del reader
    assert not epoll._items
    assert not pipe.data_queue
    writer.drop()


def test_a_released_file_that_somebody_still_holds_is_not_reported() -> None:
    epoll = EpollFile()
    reader, writer = make_pipe(0, 0)
    epoll.control(EPOLL_CTL_ADD, 3, reader, 1, 7)
    writer.write(b"x")
    reader.drop()
    assert epoll.take(5) == []
    assert not epoll._items


def test_a_spent_one_shot_item_is_not_woken() -> None:
    epoll = EpollFile()
    reader, writer = make_pipe(0, 0)
    epoll.control(EPOLL_CTL_ADD, 3, reader, 1 | EPOLLONESHOT, 7)
    writer.write(b"x")
    assert epoll.take(5) == [(1, 7)]
    assert not reader.queue
    epoll.control(EPOLL_CTL_MOD, 3, reader, 1 | EPOLLONESHOT, 8)
    assert epoll.take(5) == [(1, 8)]
