# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Inherited descriptors: they never block, wake those who wait, and look inside as they do outside."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import socket
import stat
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sentry.abi.errors import LinuxError
from sentry.fs.host import HostFile, HostFilesystem, HostQueue, reopen_nonblocking
from sentry.vfs.attributes import AttributeChange
from sentry.vfs.file import NEVER, POLLHUP, POLLIN, POLLOUT
from tests.unit.ipc import BASE, FakePlatform

FS = HostFilesystem(7)


class Loop:
    """The kernel's loop, a step at a time."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.callbacks: dict[int, Callable[[int], None]] = {}

    def watch(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        self.epoll.register(fd, events)
        self.callbacks[fd] = callback

    def unwatch(self, fd: int) -> None:
        del self.callbacks[fd]
        if not self.epoll.closed:  # the test is over
            self.epoll.unregister(fd)

    def step(self, timeout: float = 0) -> int:
        ready = self.epoll.poll(timeout)
        for fd, events in ready:
            self.callbacks[fd](events)
        return len(ready)


class Task:
    """Memory alone."""

    def __init__(self) -> None:
        from sentry.mm.memory import UserMemory

        self.memory = UserMemory(FakePlatform(), 1)  # type: ignore[arg-type] # it has what memory needs


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.epoll.close()


def inherit(loop: Loop, fd: int, **options: Any) -> HostFile:
    return HostFile.inherit(loop, FS, fd, **options)


def code(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(LinuxError) as caught:
        call(*arguments)
    return errno.errorcode[caught.value.errno]


def fill(file: HostFile) -> int:
    """Writes until there is no room: how much that was."""
    total = 0
    while True:
        try:
            total += file.write(b"x" * 100_000)
        except LinuxError as error:
            if error.errno != errno.EAGAIN:
                raise
            return total


@pytest.fixture(params=["reopened", "blocking"])
def pipe_ends(request: pytest.FixtureRequest, loop: Loop) -> Iterator[tuple[HostFile, HostFile, int, int]]:
    """(reader, writer) for the guest, and the descriptors of the same pipe that the test keeps."""
    reading, writing = os.pipe()
    if request.param == "reopened":
        reader, writer = inherit(loop, reopen_nonblocking(reading)), inherit(loop, reopen_nonblocking(writing))
    else:
        reader, writer = inherit(loop, os.dup(reading)), inherit(loop, os.dup(writing))
    yield reader, writer, reading, writing
    for fd in (reading, writing):
        try:
            os.close(fd)
        except OSError:
            pass


def test_reading_an_empty_pipe_does_not_block(pipe_ends: tuple[HostFile, HostFile, int, int]) -> None:
    reader, _, _, writing = pipe_ends
    assert code(reader.read, 100) == "EAGAIN"
    assert not reader.poll() & POLLIN
    os.write(writing, b"data")
    assert reader.poll() & POLLIN
    assert reader.read(2) == b"da"
    assert reader.read(100) == b"ta"
    assert code(reader.read, 100) == "EAGAIN"


def test_writing_a_full_pipe_does_not_block(pipe_ends: tuple[HostFile, HostFile, int, int]) -> None:
    _, writer, reading, _ = pipe_ends
    assert fill(writer) >= 65536
    assert not writer.poll() & POLLOUT
    assert len(os.read(reading, 8192)) == 8192
    assert writer.poll() & POLLOUT
    assert writer.write(b"y" * 4096) == 4096


def test_the_ends_of_a_pipe_are_told(loop: Loop) -> None:
    reading, writing = os.pipe()
    reader = inherit(loop, reopen_nonblocking(reading))
    os.close(reading)
    os.close(writing)
    assert reader.poll() & POLLHUP
    assert reader.read(1) == b""
    reading, writing = os.pipe()
    writer = inherit(loop, reopen_nonblocking(writing))
    os.close(reading)
    assert code(writer.write, b"x") == "EPIPE"
    os.close(writing)


def test_a_pipe_without_a_reader_cannot_be_reopened_but_is_usable(loop: Loop) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = inherit(loop, reopen_nonblocking(writing))
    assert code(writer.write, b"x") == "EPIPE"
    os.close(writing)


def test_reopening_leaves_the_given_descriptor_as_it_was() -> None:
    reading, writing = os.pipe()
    again = reopen_nonblocking(reading)
    assert not fcntl.fcntl(reading, fcntl.F_GETFL) & os.O_NONBLOCK
    assert fcntl.fcntl(again, fcntl.F_GETFL) & os.O_NONBLOCK
    assert not os.get_inheritable(again)
    for fd in (reading, writing, again):
        os.close(fd)


def test_a_waiter_is_woken_once_for_each_arrival(loop: Loop) -> None:
    reading, writing = os.pipe()
    reader = inherit(loop, reopen_nonblocking(reading))
    woken: list[int] = []
    reader.queue.add("key", lambda: woken.append(1))
    loop.step()
    assert woken == []
    os.write(writing, b"1")
    assert loop.step() == 1
    assert woken == [1]
    assert loop.step() == 0  # nobody reads, and the loop is not kept busy
    os.write(writing, b"2")
    loop.step()
    assert woken == [1, 1]
    reader.queue.remove("key")
    os.write(writing, b"3")
    loop.step()
    assert woken == [1, 1]
    assert not loop.callbacks  # nobody waits: not watched any more
    reader.queue.add("again", lambda: woken.append(2))
    loop.step()
    assert woken == [1, 1, 2]  # what came meanwhile is not lost
    os.close(reading)
    os.close(writing)


def test_a_terminal_that_takes_output_does_not_keep_the_loop_busy(loop: Loop) -> None:
    master, slave = pty.openpty()
    file = inherit(loop, reopen_nonblocking(slave))
    file.queue.add("key", lambda: None)
    loop.step()  # ready for output
    assert loop.step() == 0
    os.write(master, b"line\n")
    assert loop.step(1) == 1
    assert file.read(100) == b"line\n"
    assert code(file.read, 100) == "EAGAIN"
    for fd in (master, slave):
        os.close(fd)


def test_a_closed_description_is_not_watched(loop: Loop) -> None:
    reading, writing = os.pipe()
    reader = inherit(loop, reopen_nonblocking(reading))
    reader.queue.add("key", lambda: None)
    reader.queue.remove("key")
    assert loop.callbacks
    reader.drop()
    assert not loop.callbacks
    os.close(reading)
    os.close(writing)


def test_descriptions_of_one_descriptor_share_its_queue(loop: Loop) -> None:
    reading, writing = os.pipe()
    first = inherit(loop, reopen_nonblocking(reading))
    none: Any = None
    second = first.inode.open(os.O_RDONLY, none, none)
    woken: list[int] = []
    first.queue.add(1, lambda: woken.append(1))
    second.queue.add(2, lambda: woken.append(2))
    os.write(writing, b"x")
    loop.step()
    assert sorted(woken) == [1, 2]
    assert code(first.inode.open, os.O_WRONLY, None, None) == "EACCES"
    os.close(reading)
    os.close(writing)


def test_a_gigabyte_s_worth_of_pieces_is_bounded(loop: Loop) -> None:
    reading, writing = os.pipe()
    reader = inherit(loop, reopen_nonblocking(reading))

    def produce() -> None:
        os.write(writing, bytes(1 << 20))
        os.close(writing)

    thread = threading.Thread(target=produce)
    thread.start()
    total = 0
    while True:
        try:
            data = reader.read(1 << 40)
        except LinuxError:
            select.select([reading], [], [])
            continue
        if not data:
            break
        assert len(data) <= 1 << 20
        total += len(data)
    thread.join()
    assert total == 1 << 20
    os.close(reading)


def test_sockets_do_not_block_and_are_left_blocking_for_others(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    file = inherit(loop, reopen_nonblocking(ours.fileno()))
    assert not fcntl.fcntl(ours, fcntl.F_GETFL) & os.O_NONBLOCK
    assert code(file.read, 10) == "EAGAIN"
    theirs.send(b"hello")
    assert file.read(10) == b"hello"
    assert file.write(b"back") == 4
    assert theirs.recv(10) == b"back"
    assert fill(file) > 0
    theirs.close()
    assert code(file.write, b"x") in ("EPIPE", "ECONNRESET")
    assert stat.S_ISSOCK(file.attributes().mode)
    task: Any = None
    assert file.name(task).startswith(b"socket:[")
    ours.close()


def test_a_regular_file_keeps_the_offset_it_shares(loop: Loop, tmp_path: Path) -> None:
    path = tmp_path / "out"
    outside = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    os.write(outside, b"before ")
    file = inherit(loop, reopen_nonblocking(outside), uid=33, gid=44)
    assert file.queue is NEVER
    assert file.write(b"inside ") == 7
    os.write(outside, b"after")
    assert path.read_bytes() == b"before inside after"
    got = file.attributes()
    assert (got.size, got.uid, got.gid, got.dev) == (19, 33, 44, 7)
    assert stat.S_ISREG(got.mode)
    assert file.seek(0, os.SEEK_SET) == 0
    assert file.read(6) == b"before"
    assert file.pread(6, 7) == b"inside"
    assert file.seek(0, os.SEEK_CUR) == 6
    assert code(file.seek, -1, os.SEEK_SET) == "EINVAL"
    assert code(file.seek, 1 << 64, os.SEEK_SET) == "EINVAL"
    file.inode.set_attributes(AttributeChange(size=3))
    assert path.read_bytes() == b"bef"
    assert code(file.inode.set_attributes, AttributeChange(uid=0)) == "EPERM"
    assert file.host_fd == -1
    assert file.mappable(1, False) >= 0
    task: Any = None
    assert str(tmp_path).encode() not in file.name(task)
    os.close(outside)


def test_an_appending_file_goes_on_appending(loop: Loop, tmp_path: Path) -> None:
    outside = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    file = inherit(loop, os.dup(outside))
    assert file.flags == os.O_WRONLY | os.O_APPEND
    os.write(outside, b"1")
    file.write(b"2")
    os.write(outside, b"3")
    assert (tmp_path / "log").read_bytes() == b"123"
    os.close(outside)


def test_dev_null(loop: Loop) -> None:
    file = inherit(loop, os.open("/dev/null", os.O_RDWR))
    assert file.read(10) == b""
    assert file.write(b"gone") == 4
    file.queue.add("key", lambda: None)  # it has no poll: no error, and nothing to wait for
    assert file.poll() & POLLIN
    assert file.attributes().rdev == os.makedev(1, 3)
    task: Any = None
    assert file.name(task) == b"/dev/null"
    assert code(file.ioctl, Task(), termios.TCGETS, BASE) == "ENOTTY"


def test_streams_cannot_be_positioned_or_mapped(pipe_ends: tuple[HostFile, HostFile, int, int]) -> None:
    reader = pipe_ends[0]
    assert not reader.seekable
    assert code(reader.seek, 0, 0) == "ESPIPE"
    assert code(reader.pread, 1, 0) == "ESPIPE"
    assert code(reader.pwrite, b"", 0) == "ESPIPE"
    assert code(reader.mappable, 1, True) == "ENODEV"
    assert code(reader.sync) == "EINVAL"
    assert code(reader.truncate, 0) == "EINVAL"


def test_fionread(loop: Loop, tmp_path: Path) -> None:
    task: Any = Task()
    reading, writing = os.pipe()
    os.write(writing, b"12345")
    reader = inherit(loop, reopen_nonblocking(reading))
    assert reader.ioctl(task, termios.FIONREAD, BASE) == 0
    assert struct.unpack("<i", task.memory.read(BASE, 4)) == (5,)
    assert code(reader.ioctl, task, termios.TCGETS, BASE) == "ENOTTY"
    (tmp_path / "f").write_bytes(b"123")
    file = inherit(loop, os.open(tmp_path / "f", os.O_RDONLY))
    file.read(1)
    file.ioctl(task, termios.FIONREAD, BASE)
    assert struct.unpack("<i", task.memory.read(BASE, 4)) == (2,)
    os.close(reading)
    os.close(writing)


def test_a_terminal_is_one_inside(loop: Loop) -> None:
    task: Any = Task()
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("<4H", 24, 80, 0, 0))
    file = inherit(loop, reopen_nonblocking(slave))
    assert file.is_terminal
    got = file.attributes()
    assert stat.S_ISCHR(got.mode)
    assert got.rdev == os.fstat(slave).st_rdev
    assert file.ioctl(task, termios.TIOCGWINSZ, BASE) == 0
    assert struct.unpack("<4H", task.memory.read(BASE, 8)) == (24, 80, 0, 0)
    task.memory.write(BASE, struct.pack("<4H", 50, 132, 0, 0))
    assert file.ioctl(task, termios.TIOCSWINSZ, BASE) == 0
    assert struct.unpack("<4H", fcntl.ioctl(master, termios.TIOCGWINSZ, bytes(8)))[:2] == (50, 132)
    assert file.ioctl(task, termios.TCGETS, BASE) == 0
    settings = bytearray(task.memory.read(BASE, 36))
    local = struct.unpack_from("<I", settings, 12)[0]
    struct.pack_into("<I", settings, 12, local & ~termios.ECHO)
    task.memory.write(BASE, bytes(settings))
    assert file.ioctl(task, termios.TCSETSW if hasattr(termios, "TCSETSW") else 0x5403, BASE) == 0
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    for request in (termios.TIOCSTI, termios.TIOCSCTTY, termios.TIOCNOTTY, termios.TIOCGPGRP, 0x541C, 0xDEAD):
        assert code(file.ioctl, task, request, BASE) == "ENOTTY"
    assert code(file.ioctl, task, termios.TIOCGWINSZ, 0) == "EFAULT"
    os.close(master)
    os.close(slave)


def test_the_guest_s_own_side_of_a_terminal_is_asked_first(loop: Loop) -> None:
    class Terminal:
        def ioctl(self, task: object, file: object, request: int, argument: int) -> int | None:
            return 7 if request == termios.TIOCGPGRP else None

        def name(self, task: object) -> bytes:
            return b"/dev/pts/0"

    task: Any = Task()
    master, slave = pty.openpty()
    file = inherit(loop, reopen_nonblocking(slave), terminal=Terminal())
    assert file.ioctl(task, termios.TIOCGPGRP, BASE) == 7
    assert file.ioctl(task, termios.TIOCGWINSZ, BASE) == 0
    assert file.name(task) == b"/dev/pts/0"
    os.close(master)
    os.close(slave)


def test_descriptors_are_closed_with_their_last_description(loop: Loop) -> None:
    reading, writing = os.pipe()
    again = reopen_nonblocking(reading)
    file = inherit(loop, again)
    assert isinstance(file.queue, HostQueue)
    file.drop()
    del file
    with pytest.raises(OSError):
        os.fstat(again)
    os.close(reading)
    os.close(writing)
