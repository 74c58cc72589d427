# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Path resolution where test_against_linux.py cannot look: the cache, mounts, confinement, other file systems."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from sentry.abi.errors import LinuxError
from sentry.fs.tmpfs import make_tmpfs
from sentry.kernel.credentials import Credentials
from sentry.vfs import namei, walk
from sentry.vfs import path as paths
from sentry.vfs.path import Path
from tests.unit.vfs import error_of, new_task, opened, read_file, write_file

if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.inode import Inode


@pytest.fixture
def task() -> Task:
    task = new_task(make_tmpfs({"mode": "755"}))
    for directory in (b"/usr", b"/usr/lib", b"/home", b"/home/me"):
        namei.mkdir(task, task.fs.cwd, directory, 0o755)
    write_file(task, b"/usr/lib/code", b"code")
    namei.symlink(task, b"usr/lib", task.fs.cwd, b"/lib")
    return task


def name_of(task: Task, path: bytes, **options: int) -> bytes:
    return walk.resolve(task, task.fs.cwd, path, **options).name(task)  # type: ignore[arg-type] # flags only


def flags_error(task: Task, base: bytes, path: bytes, flags: int) -> int:
    start = walk.resolve(task, task.fs.cwd, base)
    return error_of(lambda: walk.resolve(task, start, path, True, flags))


def test_links_are_followed_or_not(task: Task) -> None:
    assert name_of(task, b"/lib/code") == b"/usr/lib/code"
    assert walk.resolve(task, task.fs.cwd, b"/lib", False).name(task) == b"/lib"
    assert walk.resolve(task, task.fs.cwd, b"/lib/", False).name(task) == b"/usr/lib"
    assert name_of(task, b"lib/../..///usr/./lib/") == b"/usr/lib"


def test_forty_links_are_followed_and_one_more_is_a_loop(task: Task) -> None:
    namei.mkdir(task, task.fs.cwd, b"/l0", 0o755)
    for number in range(1, 42):
        namei.symlink(task, b"l%d" % (number - 1), task.fs.cwd, b"/l%d" % number)
    assert name_of(task, b"/l40") == b"/l0"
    assert error_of(lambda: name_of(task, b"/l41")) == errno.ELOOP
    opened(task, b"/l40/new", os.O_CREAT | os.O_WRONLY).drop()
    namei.symlink(task, b"self", task.fs.cwd, b"/self")
    assert error_of(lambda: opened(task, b"/self", os.O_CREAT)) == errno.ELOOP


def test_a_component_may_have_255_bytes(task: Task) -> None:
    write_file(task, b"/" + b"n" * 255, b"")
    assert error_of(lambda: name_of(task, b"/" + b"n" * 255)) == 0
    assert error_of(lambda: name_of(task, b"/" + b"n" * 256)) == errno.ENAMETOOLONG
    assert error_of(lambda: opened(task, b"/" + b"n" * 256, os.O_CREAT)) == errno.ENAMETOOLONG


def test_a_changed_root_confines(task: Task) -> None:
    task.fs.root = task.fs.cwd = walk.resolve(task, task.fs.cwd, b"/usr")
    assert name_of(task, b"/../../lib") == b"/lib"
    namei.symlink(task, b"/lib/code", task.fs.cwd, b"/lib/absolute")
    assert name_of(task, b"lib/absolute") == b"/lib/code"
    assert error_of(lambda: name_of(task, b"/home")) == errno.ENOENT


def test_a_working_directory_outside_of_the_root_says_so(task: Task) -> None:
    task.fs.root = walk.resolve(task, task.fs.cwd, b"/usr")
    assert task.fs.cwd.working_directory_name(task) == b"(unreachable)/"
    namei.rmdir(task, task.fs.cwd, b"home/me")
    assert name_of(task, b"home/..") == b"/"


def test_restrictions_of_openat2(task: Task) -> None:
    namei.symlink(task, b"../home", task.fs.cwd, b"/usr/out")
    namei.symlink(task, b"/home", task.fs.cwd, b"/usr/absolute")
    assert flags_error(task, b"/usr", b"lib/code", walk.RESOLVE_BENEATH) == 0
    assert flags_error(task, b"/usr", b"lib/../lib/code", walk.RESOLVE_BENEATH) == 0
    for path in (b"..", b"../usr", b"out", b"absolute", b"/usr/lib"):
        assert flags_error(task, b"/usr", path, walk.RESOLVE_BENEATH) == errno.EXDEV
    assert flags_error(task, b"/usr", b"out", walk.RESOLVE_IN_ROOT) == errno.ENOENT
    assert flags_error(task, b"/usr", b"/../../lib", walk.RESOLVE_IN_ROOT) == 0
    assert flags_error(task, b"/usr", b"out", walk.RESOLVE_NO_SYMLINKS) == errno.ELOOP
    assert flags_error(task, b"/usr", b"/lib/code", walk.RESOLVE_NO_SYMLINKS) == errno.ELOOP


def test_mounts_are_crossed_both_ways(task: Task) -> None:
    namespace = task.kernel.mounts
    point = walk.resolve(task, task.fs.cwd, b"/home/me")
    other = make_tmpfs({})
    namespace.mount(other, point)
    write_file(task, b"/home/me/file", b"inside")
    assert name_of(task, b"/home/me/file") == b"/home/me/file"
    assert walk.resolve(task, task.fs.cwd, b"/home/me/file").inode.filesystem is other
    inside = walk.resolve(task, task.fs.cwd, b"/home/me")
    assert walk.resolve(task, inside, b"..").name(task) == b"/home"
    assert walk.resolve(task, inside, b"../me").mount is inside.mount
    assert flags_error(task, b"/home", b"me", walk.RESOLVE_NO_XDEV) == errno.EXDEV
    assert flags_error(task, b"/home/me", b"..", walk.RESOLVE_NO_XDEV) == errno.EXDEV
    namespace.umount(task, inside)
    assert error_of(lambda: name_of(task, b"/home/me/file")) == errno.ENOENT


def test_missing_names_are_asked_for_once(task: Task) -> None:
    asked: list[bytes] = []
    directory = walk.resolve(task, task.fs.cwd, b"/usr").inode
    real = type(directory).lookup

    class Counted(type(directory)):  # type: ignore[misc] # the concrete class is the file system's business
        __slots__ = ()

        def lookup(self, name: bytes) -> Inode:
            asked.append(name)
            return real(self, name)

    directory.__class__ = Counted
    for _ in range(3):
        assert error_of(lambda: name_of(task, b"/usr/none")) == errno.ENOENT
    assert asked == [b"none"]
    write_file(task, b"/usr/none", b"now")
    assert read_file(task, b"/usr/none") == b"now"
    namei.unlink(task, task.fs.cwd, b"/usr/none")
    assert error_of(lambda: name_of(task, b"/usr/none")) == errno.ENOENT
    assert asked == [b"none"]


def test_a_synthetic_file_system_is_never_cached(task: Task) -> None:
    filesystem = task.kernel.mounts.root.filesystem
    filesystem.cached = False
    before = paths.cached_count()
    first = walk.resolve(task, task.fs.cwd, b"/usr")
    namei.unlink(task, task.fs.cwd, b"/usr/lib/code")
    for directory in (b"/home/a", b"/home/b"):
        namei.mkdir(task, task.fs.cwd, directory, 0o755)
    namei.rename(task, task.fs.cwd, b"/home/a", task.fs.cwd, b"/home/c")
    assert error_of(lambda: name_of(task, b"/home/a")) == errno.ENOENT
    assert name_of(task, b"/home/c") == b"/home/c"
    assert first.name(task) == b"/usr"
    assert paths.cached_count() <= before


def test_a_shared_file_system_is_asked_again(task: Task) -> None:
    filesystem = task.kernel.mounts.root.filesystem
    filesystem.shared = True
    directory = walk.resolve(task, task.fs.cwd, b"/home").inode

    def revalidate(parent: Inode, name: bytes, child: Inode | None) -> bool:
        try:
            return parent.lookup(name) is child
        except LinuxError:
            return child is None

    filesystem.revalidate = revalidate  # type: ignore[method-assign] # somebody else changes this tree
    assert error_of(lambda: name_of(task, b"/home/new")) == errno.ENOENT
    directory.mkdir(b"new", 0o40755, 0, 0)
    assert name_of(task, b"/home/new") == b"/home/new"
    directory.rmdir(b"new", directory.lookup(b"new"))
    assert error_of(lambda: name_of(task, b"/home/new")) == errno.ENOENT


def test_the_cache_is_bounded_and_spares_what_is_used(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUDGET", 100)
    monkeypatch.setattr(paths, "_SWEEP", 10)
    held = [walk.resolve(task, task.fs.cwd, b"/usr/lib/code"), walk.resolve(task, task.fs.cwd, b"/home/me")]
    for number in range(1000):
        assert error_of(name_of, task, b"/usr/lib/missing%d" % number) == errno.ENOENT
    assert paths.cached_count() <= 110
    again = [walk.resolve(task, task.fs.cwd, b"/usr/lib/code"), walk.resolve(task, task.fs.cwd, b"/home/me")]
    assert [path.dentry for path in again] == [path.dentry for path in held]


def test_searching_needs_permission(task: Task) -> None:
    namei.mkdir(task, task.fs.cwd, b"/secret", 0o700)
    write_file(task, b"/secret/file", b"")
    task.credentials = Credentials(uid=5, euid=5, suid=5, fsuid=5, gid=5, egid=5, sgid=5, fsgid=5, effective=0)
    assert error_of(lambda: name_of(task, b"/secret")) == 0
    for path in (b"/secret/file", b"/secret/none", b"/secret/.", b"/secret/.."):
        assert error_of(name_of, task, path) == errno.EACCES
    secret = walk.resolve(task, task.fs.cwd, b"/secret")
    assert error_of(lambda: walk.resolve(task, secret, b"file")) == errno.EACCES
    assert error_of(lambda: walk.resolve_parent(task, secret, b"file")) == errno.EACCES


def test_a_magic_link_leads_anywhere(task: Task) -> None:
    file = opened(task, b"/usr/lib/code")
    namei.unlink(task, task.fs.cwd, b"/usr/lib/code")
    link = walk.resolve(task, task.fs.cwd, b"/lib", False)
    place = file.path
    assert place is not None

    class Magic(type(link.inode)):  # type: ignore[misc] # as above
        __slots__ = ()

        def follow(self, task: Task) -> Path | None:
            return place

    link.inode.__class__ = Magic
    assert walk.resolve(task, task.fs.cwd, b"/lib") == place
    assert place.name(task) == b"/usr/lib/code (deleted)"
    assert read_file(task, b"/lib") == b"code"
    assert error_of(lambda: walk.resolve(task, task.fs.cwd, b"/lib/x")) == errno.ENOTDIR
    for flags in (walk.RESOLVE_NO_MAGICLINKS, walk.RESOLVE_BENEATH):
        assert error_of(walk.resolve, task, task.fs.cwd, b"lib", True, flags) in (
            errno.ELOOP, errno.EXDEV,
        )  # fmt: skip
    again = opened(task, b"/lib", os.O_CREAT | os.O_RDWR)
    assert again.inode is file.inode
