# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""/dev: what the memory devices answer, compared with the host's, and what the tree has."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from sentry.abi.errors import LinuxError
from sentry.fs.devices import build_dev
from sentry.fs.tmpfs import Budget, make_tmpfs
from sentry.vfs import namei, special, walk
from tests.unit.vfs import error_of, names, new_task, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.task import Task
    from sentry.vfs.file import OpenFile


@pytest.fixture
def task() -> Task:
    return new_task(build_dev(Budget(1 << 20)))


def outcome(action: Callable[[], object]) -> object:
    try:
        return action()
    except LinuxError as error:
        return -error.errno
    except OSError as error:
        return -(error.errno or 0)


@pytest.mark.parametrize("name", ["null", "zero", "full", "random", "urandom"])
def test_devices_answer_as_the_hosts(task: Task, name: str) -> None:
    file = opened(task, b"/" + name.encode(), os.O_RDWR)
    fd = os.open("/dev/" + name, os.O_RDWR)
    random = "random" in name

    def shape(data: object) -> object:
        return len(data) if random and isinstance(data, bytes) else data

    try:
        for ours, native in (
            (lambda: file.read(10), lambda: os.read(fd, 10)),
            (lambda: file.read(100_000), lambda: os.read(fd, 100_000)),
            (lambda: file.pread(10, 1 << 40), lambda: os.pread(fd, 10, 1 << 40)),
            (lambda: file.write(b"data"), lambda: os.write(fd, b"data")),
            (lambda: file.pwrite(b"data", 3), lambda: os.pwrite(fd, b"data", 3)),
            (lambda: file.seek(5, os.SEEK_SET), lambda: os.lseek(fd, 5, os.SEEK_SET)),
            (lambda: file.seek(5, os.SEEK_END), lambda: os.lseek(fd, 5, os.SEEK_END)),
            (lambda: file.truncate(0), lambda: os.ftruncate(fd, 0)),
            (lambda: file.sync(), lambda: os.fsync(fd)),
        ):
            assert shape(outcome(ours)) == shape(outcome(native))
    finally:
        os.close(fd)


def test_random_bytes_differ(task: Task) -> None:
    file = opened(task, b"/urandom")
    assert file.read(32) != file.read(32)
    assert 0 < len(file.read(1 << 30)) <= 1 << 20
    assert len(opened(task, b"/zero").read(1 << 40)) == 1 << 20


def test_zero_maps_as_anonymous_memory(task: Task) -> None:
    assert opened(task, b"/zero", os.O_RDWR).mappable(3, False) == -1
    for name in (b"/null", b"/full", b"/random"):
        assert error_of(opened(task, name).mappable, 1, False) == errno.ENODEV


def test_the_tree(task: Task) -> None:
    assert names(task, b"/") == [
        b"core", b"fd", b"full", b"mqueue", b"null", b"ptmx", b"pts", b"random", b"shm", b"stderr", b"stdin",
        b"stdout", b"tty", b"urandom", b"zero",
    ]  # fmt: skip
    attributes = walk.resolve(task, task.fs.cwd, b"/null").inode.attributes()
    assert (attributes.mode, attributes.rdev) == (stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert walk.resolve(task, task.fs.cwd, b"/shm").inode.attributes().mode == stat.S_IFDIR | 0o1777
    assert walk.resolve(task, task.fs.cwd, b"/fd", False).inode.readlink(task) == b"/proc/self/fd"


def test_a_node_without_a_driver_opens_nothing(task: Task) -> None:
    for number, (kind, major, minor) in enumerate(
        ((stat.S_IFBLK, 8, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFCHR, 10, 200), (stat.S_IFBLK, 1, 3))
    ):
        name = b"/n%d" % number
        namei.mknod(task, task.fs.cwd, name, kind | 0o666, os.makedev(major, minor))
        assert error_of(opened, task, name) == errno.ENXIO
    namei.mknod(task, task.fs.cwd, b"/socket", stat.S_IFSOCK | 0o666)
    assert error_of(lambda: opened(task, b"/socket")) == errno.ENXIO


def test_nodes_work_on_any_file_system() -> None:
    task = new_task(make_tmpfs({}))
    namei.mknod(task, task.fs.cwd, b"/mine", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    assert opened(task, b"/mine").read(3) == b"\0\0\0"


def test_a_driver_may_be_registered(task: Task) -> None:
    seen: list[int] = []
    null = opened(task, b"/null")

    def driver(task: object, inode: object, flags: int, path: object) -> OpenFile:
        seen.append(flags)
        return null

    special.register_character(240, None, driver)
    special.register_character(240, 7, lambda *_: null)
    namei.mknod(task, task.fs.cwd, b"/c", stat.S_IFCHR | 0o666, os.makedev(240, 3))
    namei.mknod(task, task.fs.cwd, b"/d", stat.S_IFCHR | 0o666, os.makedev(240, 7))
    opened(task, b"/c", os.O_RDWR)
    opened(task, b"/d", os.O_RDWR)
    assert seen == [os.O_RDWR]
