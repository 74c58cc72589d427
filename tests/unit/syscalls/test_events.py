# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""eventfd, timerfd, signalfd, inotify, pidfd and epoll as calls."""

from __future__ import annotations

import errno
import os
import struct
import time
from typing import Any

import pytest

from sentry.abi.errors import LinuxError
from sentry.fs import inotify as watching
from sentry.fs import signalfd as mailboxes
from sentry.fs.inotify import InotifyFile
from sentry.kernel.blocking import WaitQueue
from sentry.vfs import events
from sentry.vfs.anonymous import AnonymousInode, pipefs
from syscalls.epoll import epoll_create, epoll_create1, epoll_ctl, epoll_pwait2, epoll_wait
from syscalls.eventfd import eventfd, eventfd2
from syscalls.inotify import inotify_init1, inotify_rm_watch
from syscalls.pidfd import pidfd_getfd, pidfd_open, pidfd_send_signal
from syscalls.pipes import pipe2
from syscalls.signalfd import signalfd, signalfd4
from syscalls.timerfd import timerfd_create, timerfd_gettime, timerfd_settime
from tests.unit.ipc import FakeProcess, FakeTask, do, start

MS = 1_000_000


@pytest.fixture
def task() -> Any:
    return FakeTask()


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


def number(call: Any) -> int:
    """The errno of a call on a file."""
    with pytest.raises(LinuxError) as caught:
        call()
    return caught.value.errno


# -- eventfd --
def test_an_eventfd_counts(task: Any) -> None:
    file = task.files.get(do(task, eventfd2, 3, os.O_NONBLOCK))
    assert file.poll() == 5
    assert file.read(8) == u64(3)
    assert file.poll() == 4
    assert number(lambda: file.read(8)) == errno.EAGAIN
    assert number(lambda: file.read(7)) == errno.EINVAL
    assert file.write(u64(2**64 - 2)) == 8
    assert file.poll() == 1
    assert number(lambda: file.write(u64(1))) == errno.EAGAIN
    assert number(lambda: file.write(u64(2**64 - 1))) == errno.EINVAL
    assert file.name(task) == b"anon_inode:[eventfd]"


def test_a_semaphore_gives_one_at_a_time(task: Any) -> None:
    file = task.files.get(do(task, eventfd2, 2, 1))
    assert [file.read(8), file.read(8)] == [u64(1), u64(1)]
    assert file.poll() == 4
    assert do(task, eventfd2, 0, 2) == -errno.EINVAL
    assert do(task, eventfd, 0) == 1


# -- epoll --
def test_epoll_wait_blocks_until_an_event_or_its_time(task: Any) -> None:
    ep, event = do(task, epoll_create1, 0), do(task, eventfd2, 0, 0)
    out = task.room(36)
    assert do(task, epoll_ctl, ep, 1, event, task.place(struct.pack("<IQ", 1, 77))) == 0
    call = start(task, epoll_wait, ep, out, 3, 50)
    assert call.blocked
    task.kernel.advance(20 * MS)
    task.files.get(event).write(u64(1))
    assert call.run().result == 1
    assert struct.unpack("<IQ", task.memory.read(out, 12)) == (1, 77)
    task.files.get(event).read(8)
    call = start(task, epoll_wait, ep, out, 3, 50)
    task.kernel.advance(50 * MS)
    assert call.run().result == 0
    timeout = task.place(struct.pack("<qq", 0, 5))
    call = start(task, epoll_pwait2, ep, out, 3, timeout, 0, 8)
    task.kernel.advance(5)
    assert call.run().result == 0


def test_epoll_call_errors_are_linuxs(task: Any) -> None:
    ep, event = do(task, epoll_create, 1), do(task, eventfd2, 1, 0)
    item = task.place(struct.pack("<IQ", 1, 7))
    assert do(task, epoll_create, 0) == -errno.EINVAL
    assert do(task, epoll_create1, 1) == -errno.EINVAL
    assert do(task, epoll_ctl, ep, 1, 99, item) == -errno.EBADF
    assert do(task, epoll_ctl, 99, 1, event, item) == -errno.EBADF
    assert do(task, epoll_ctl, event, 1, ep, item) == -errno.EINVAL
    assert do(task, epoll_ctl, ep, 1, ep, item) == -errno.EINVAL
    assert do(task, epoll_ctl, ep, 1, event, 0) == -errno.EFAULT
    assert do(task, epoll_ctl, ep, 3, event, item) == -errno.ENOENT
    assert do(task, epoll_ctl, ep, 2, event, 0) == -errno.ENOENT
    assert do(task, epoll_ctl, ep, 9, event, item) == -errno.EINVAL
    assert do(task, epoll_ctl, ep, 1, event, item) == 0
    assert do(task, epoll_ctl, ep, 1, event, item) == -errno.EEXIST
    assert do(task, epoll_wait, ep, item, 0, 0) == -errno.EINVAL
    assert do(task, epoll_wait, ep, 0, 1, 0) == -errno.EFAULT
    assert do(task, epoll_wait, event, item, 1, 0) == -errno.EINVAL
    assert do(task, epoll_wait, 99, item, 1, 0) == -errno.EBADF


# -- timerfd --
def setting(value: int, interval: int = 0) -> bytes:
    return struct.pack("<qqqq", interval // 10**9, interval % 10**9, value // 10**9, value % 10**9)


def test_a_timer_expires_once_and_counts_its_intervals(task: Any) -> None:
    fd = do(task, timerfd_create, 1, os.O_NONBLOCK)
    file = task.files.get(fd)
    old = task.room(32)
    assert do(task, timerfd_settime, fd, 0, task.place(setting(10 * MS, 3 * MS)), old) == 0
    assert task.memory.read(old, 32) == bytes(32)
    assert file.poll() == 0
    assert number(lambda: file.read(8)) == errno.EAGAIN
    woken: list[int] = []
    file.queue.add("test", lambda: woken.append(1))
    task.kernel.advance(17 * MS)
    assert woken == [1]
    assert file.poll() == 1
    assert file.read(8) == u64(3)
    now = task.room(32)
    assert do(task, timerfd_gettime, fd, now) == 0
    assert struct.unpack("<qqqq", task.memory.read(now, 32)) == (0, 3 * MS, 0, 2 * MS)
    assert number(lambda: file.read(4)) == errno.EINVAL
    file.drop()
    assert all(timer.callback is None for timer in task.kernel.timers)


def test_a_timer_is_disarmed_by_zero_and_absolute_by_flag(task: Any) -> None:
    fd = do(task, timerfd_create, 1, 0)
    file = task.files.get(fd)
    at = task.kernel.now() + 5 * MS
    assert do(task, timerfd_settime, fd, 1, task.place(setting(at)), 0) == 0
    assert do(task, timerfd_settime, fd, 0, task.place(setting(0)), 0) == 0
    task.kernel.advance(10 * MS)
    assert file.poll() == 0
    assert do(task, timerfd_settime, fd, 1, task.place(setting(at)), 0) == 0
    assert file.poll() == 1
    assert file.read(8) == u64(1)
    real = do(task, timerfd_create, 0, 0)
    assert do(task, timerfd_settime, real, 1, task.place(setting(time.time_ns() + 10**12)), 0) == 0
    assert task.files.get(real).poll() == 0


def test_timer_errors(task: Any) -> None:
    assert do(task, timerfd_create, 77, 0) == -errno.EINVAL
    assert do(task, timerfd_create, 1, 1) == -errno.EINVAL
    fd, other = do(task, timerfd_create, 1, 0), do(task, eventfd2, 0, 0)
    assert do(task, timerfd_settime, fd, 4, task.place(setting(1)), 0) == -errno.EINVAL
    assert do(task, timerfd_settime, fd, 0, task.place(struct.pack("<qqqq", 0, 0, 0, 10**9)), 0) == -errno.EINVAL
    assert do(task, timerfd_settime, other, 0, task.place(setting(1)), 0) == -errno.EINVAL
    assert do(task, timerfd_settime, fd, 0, 0, 0) == -errno.EFAULT


# -- signalfd --
@pytest.fixture
def blocked(task: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The task blocks signals 10 and 17."""
    mask = 1 << 9 | 1 << 16
    monkeypatch.setattr(task.kernel, "host_status", lambda tid: {b"SigBlk": b"%016x" % mask}, raising=False)
    task.host_tid = 1
    return task


def information(signo: int, code: int = -0x100, pid: int = 7, uid: int = 8) -> bytes:
    return struct.pack("<iiiiII", signo, 0, code, 0, pid, uid).ljust(128, b"\0")


def test_a_blocked_signal_goes_to_the_signalfd(blocked: Any) -> None:
    fd = do(blocked, signalfd4, -1, blocked.place(u64(1 << 9 | 1 << 11)), 8, os.O_NONBLOCK)
    file = blocked.files.get(fd)
    assert file.poll() == 0
    hook = blocked.kernel.signal_hooks[0]
    assert not hook(blocked.process, None, 12, information(12))  # not blocked
    assert not hook(blocked.process, None, 17, information(17))  # not wanted
    assert hook(blocked.process, None, 10, information(10))
    assert hook(blocked.process, None, 10, information(10))
    assert file.poll() == 1
    data = file.read(1000)
    assert len(data) == 128
    assert struct.unpack_from("<IiiII", data) == (10, 0, 0, 7, 8)
    assert number(lambda: file.read(128)) == errno.EAGAIN
    assert number(lambda: file.read(127)) == errno.EINVAL
    blocked.files.close(fd)
    assert blocked.kernel.signal_hooks == []
    assert not mailboxes._mailboxes


def test_a_childs_end_is_announced(blocked: Any) -> None:
    fd = do(blocked, signalfd, -1, blocked.place(u64(1 << 16)), 8)
    child = FakeProcess(blocked.kernel, 55)
    blocked.kernel.child_exit_hooks[0](blocked.process, child)
    data = blocked.files.get(fd).read(128)
    assert struct.unpack_from("<IiiI", data) == (17, 0, 1, 55)
    blocked.files.close(fd)


def test_signals_nobody_read_are_sent_when_the_signalfd_closes(blocked: Any) -> None:
    fd = do(blocked, signalfd, -1, blocked.place(u64(1 << 9)), 8)
    assert blocked.kernel.signal_hooks[0](blocked.process, None, 10, information(10))
    blocked.files.close(fd)
    assert blocked.kernel.signals == [(blocked.process, 10)]


def test_signalfd_errors(task: Any) -> None:
    mask = task.place(u64(1))
    assert do(task, signalfd4, -1, mask, 4, 0) == -errno.EINVAL
    assert do(task, signalfd4, -1, mask, 8, 1) == -errno.EINVAL
    assert do(task, signalfd4, 50, mask, 8, 0) == -errno.EBADF
    assert do(task, signalfd4, do(task, eventfd2, 0, 0), mask, 8, 0) == -errno.EINVAL
    assert do(task, signalfd4, -1, 0, 8, 0) == -errno.EFAULT


# -- inotify --
def inode() -> AnonymousInode:
    return AnonymousInode(pipefs, 0o100644)


def parse(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found = []
    while data:
        wd, mask, cookie, length = struct.unpack_from("<iIII", data)
        found.append((wd, mask, cookie, data[16 : 16 + length].rstrip(b"\0")))
        assert length % 16 == 0
        data = data[16 + length :]
    return found


def test_inotify_tells_what_happened() -> None:
    file, directory, other = InotifyFile(), inode(), inode()
    wd = file.add(directory, 0x100 | 0xC0)
    assert file.poll() == 0
    events.notify(directory, events.IN_CREATE, b"name")
    events.notify(directory, events.IN_CREATE, b"name")  # repeats the last: once
    events.notify(directory, events.IN_DELETE, b"name")  # not wanted
    events.notify(other, events.IN_CREATE, b"x")
    events.notify(directory, events.IN_MOVED_FROM, b"old", 5)
    events.notify(directory, events.IN_MOVED_TO | events.IN_ISDIR, b"0123456789abcdef", 5)
    assert file.poll() == 0x41
    assert number(lambda: file.read(31)) == errno.EINVAL
    assert parse(file.read(32)) == [(wd, 0x100, 0, b"name")]
    assert parse(file.read(1000)) == [(wd, 0x40, 5, b"old"), (wd, 0x40000080, 5, b"0123456789abcdef")]
    assert number(lambda: file.read(100)) == errno.EAGAIN
    file.drop()
    assert not watching._watches
    assert watching._happened not in events.hooks


def test_watches_are_replaced_added_to_and_removed() -> None:
    file, target = InotifyFile(), inode()
    wd = file.add(target, 1)
    assert file.add(target, 2 | 0x20000000) == wd  # IN_MASK_ADD
    events.notify(target, 1)
    events.notify(target, 2)
    assert file.add(target, 4) == wd
    events.notify(target, 1)
    assert [mask for _, mask, _, _ in parse(file.read(100))] == [1, 2]
    assert number(lambda: file.add(target, 0x10000001)) == errno.EEXIST
    file.remove(wd)
    assert parse(file.read(100)) == [(wd, 0x8000, 0, b"")]
    assert number(lambda: file.remove(wd)) == errno.EINVAL
    assert file.add(target, 1) == wd + 1
    file.drop()


def test_a_one_shot_watch_and_a_deleted_file_end() -> None:
    file, target = InotifyFile(), inode()
    file.add(target, 1 | 0x80000000)
    events.notify(target, 1)
    events.notify(target, 1)
    assert [mask for _, mask, _, _ in parse(file.read(100))] == [1, 0x8000]
    file.add(target, 0x400)
    events.notify(target, events.IN_DELETE_SELF)
    assert [mask for _, mask, _, _ in parse(file.read(100))] == [0x400, 0x8000]
    assert not watching._watches
    file.drop()


def test_too_many_events_overflow_once() -> None:
    file, target = InotifyFile(), inode()
    file.add(target, 3)
    for turn in range(watching.MAX_QUEUED + 10):
        events.notify(target, 1 + turn % 2)
    found = parse(file.read(1 << 20))
    assert len(found) == watching.MAX_QUEUED + 1
    assert found[-1] == (-1, 0x4000, 0, b"")
    file.drop()


def test_inotify_call_errors(task: Any) -> None:
    assert do(task, inotify_init1, 1) == -errno.EINVAL
    fd = do(task, inotify_init1, os.O_CLOEXEC)
    assert fd in task.files.close_on_exec
    assert do(task, inotify_rm_watch, fd, 1) == -errno.EINVAL
    assert do(task, inotify_rm_watch, do(task, eventfd2, 0, 0), 1) == -errno.EINVAL
    assert do(task, inotify_rm_watch, 99, 1) == -errno.EBADF


# -- pidfd --
def test_a_pidfd_becomes_readable_when_its_process_ends(task: Any) -> None:
    process: Any = FakeProcess(task.kernel, 9)
    process.pidfd_queue = WaitQueue()
    task.kernel.processes[9] = process
    task.kernel.zombies = {}
    fd = do(task, pidfd_open, 9, 0)
    assert fd in task.files.close_on_exec
    file = task.files.get(fd)
    ep, item = do(task, epoll_create1, 0), task.place(struct.pack("<IQ", 1, 3))
    assert do(task, epoll_ctl, ep, 1, fd, item) == 0
    call = start(task, epoll_wait, ep, item, 1, -1)
    assert call.blocked
    assert do(task, pidfd_send_signal, fd, 15, 0, 0) == 0
    assert task.kernel.signals == [(process, 15)]
    process.exit_status = 0
    process.pidfd_queue.wake()
    assert call.run().result == 1
    assert file.poll() == 0x51  # nobody has to wait for it here
    assert do(task, pidfd_send_signal, fd, 15, 0, 0) == -errno.ESRCH


def test_pidfd_errors(task: Any) -> None:
    task.process.pidfd_queue = WaitQueue()
    task.kernel.zombies = {}
    assert do(task, pidfd_open, 0, 0) == -errno.EINVAL
    assert do(task, pidfd_open, 1, 1) == -errno.EINVAL
    assert do(task, pidfd_open, 777, 0) == -errno.ESRCH
    fd = do(task, pidfd_open, 1, 0)
    assert do(task, pidfd_send_signal, fd, 0, 0, 1) == -errno.EINVAL
    assert do(task, pidfd_send_signal, fd, 65, 0, 0) == -errno.EINVAL
    assert do(task, pidfd_send_signal, fd, 10, task.place(information(11)), 0) == -errno.EINVAL
    assert do(task, pidfd_getfd, fd, 0, 0) == -errno.EPERM
    assert do(task, pipe2, task.room(8), 0) == 0
    assert do(task, pidfd_send_signal, 2, 0, 0, 0) == -errno.EBADF
