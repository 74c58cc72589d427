# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The mount tree: attaching, detaching, binding, flags, and what /proc shows of it."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from sentry.fs.tmpfs import make_tmpfs
from sentry.vfs import mounts, namei, permission, walk
from sentry.vfs import path as paths
from sentry.vfs.directory import DirectoryFile
from tests.unit.vfs import error_of, names, new_task, opened, read_file, write_file

if TYPE_CHECKING:
    from sentry.kernel.task import Task
    from sentry.vfs.mounts import MountNamespace
    from sentry.vfs.path import Path


@pytest.fixture
def task() -> Task:
    task = new_task(make_tmpfs({"mode": "755"}))
    for directory in (b"/a", b"/a/b", b"/c", b"/old"):
        namei.mkdir(task, task.fs.cwd, directory, 0o755)
    write_file(task, b"/a/file", b"below")
    return task


@pytest.fixture
def namespace(task: Task) -> MountNamespace:
    return task.kernel.mounts


def at(task: Task, path: bytes, follow: bool = True) -> Path:
    return walk.resolve(task, task.fs.cwd, path, follow)


def test_a_mount_hides_what_is_below_it(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    assert names(task, b"/a") == []
    write_file(task, b"/a/above", b"")
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    assert names(task, b"/a") == []
    namespace.umount(task, at(task, b"/a"))
    assert names(task, b"/a") == [b"above"]
    namespace.umount(task, at(task, b"/a"))
    assert names(task, b"/a") == [b"b", b"file"]
    assert error_of(lambda: namespace.umount(task, at(task, b"/a"))) == errno.EINVAL


def test_a_mount_in_use_is_busy_unless_detached(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    write_file(task, b"/a/x", b"data")
    file = opened(task, b"/a/x")
    task.files.place(3, file)
    assert error_of(lambda: namespace.umount(task, at(task, b"/a"))) == errno.EBUSY
    namespace.umount(task, at(task, b"/a"), mounts.MNT_DETACH)
    assert file.read(10) == b"data"
    assert names(task, b"/a") == [b"b", b"file"]
    task.files.close(3)
    task.fs.cwd = at(task, b"/c")
    namespace.mount(make_tmpfs({}), task.fs.cwd)
    task.fs.cwd = at(task, b"/c")
    assert error_of(lambda: namespace.umount(task, at(task, b"/c"))) == errno.EBUSY


def test_a_mount_with_mounts_inside_is_busy(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    namei.mkdir(task, task.fs.cwd, b"/a/in", 0o755)
    namespace.mount(make_tmpfs({}), at(task, b"/a/in"))
    assert error_of(lambda: namespace.umount(task, at(task, b"/a"))) == errno.EBUSY
    namespace.umount(task, at(task, b"/a"), mounts.MNT_DETACH)
    assert len(namespace.mounts) == 1


def test_unmounting_forgets_the_files(task: Task, namespace: MountNamespace) -> None:
    filesystem = make_tmpfs({})
    before = paths.cached_count()
    namespace.mount(filesystem, at(task, b"/a"))
    write_file(task, b"/a/x", bytes(10000))
    budget = filesystem.budget
    namespace.umount(task, at(task, b"/a"))
    assert paths.cached_count() <= before + 1
    del filesystem
    assert budget.used == 0


def test_a_detached_mount_is_forgotten_when_it_is_left(task: Task, namespace: MountNamespace) -> None:
    filesystem = make_tmpfs({})
    budget = filesystem.budget
    namespace.mount(filesystem, at(task, b"/a"))
    del filesystem
    task.fs.cwd = at(task, b"/a")
    write_file(task, b"big", bytes(100_000))
    namespace.umount(task, task.fs.cwd, mounts.MNT_DETACH)
    assert names(task, b".") == [b"big"]
    task.fs.cwd = task.fs.root
    assert budget.used >= 100_000
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    namespace.umount(task, at(task, b"/a"))
    assert budget.used == 0


def test_a_bound_directory_is_the_same_tree(task: Task, namespace: MountNamespace) -> None:
    namespace.bind(at(task, b"/a"), at(task, b"/c"))
    write_file(task, b"/c/new", b"1")
    assert read_file(task, b"/a/new") == b"1"
    namei.unlink(task, task.fs.cwd, b"/a/file")
    assert names(task, b"/c") == [b"b", b"new"]
    assert error_of(lambda: namei.rename(task, at(task, b"/"), b"/a/new", at(task, b"/"), b"/c/x")) == errno.EXDEV
    assert error_of(lambda: namei.link(task, at(task, b"/a/new"), at(task, b"/"), b"/c/x")) == errno.EXDEV
    assert at(task, b"/c/b/..").name(task) == b"/c"
    assert at(task, b"/c/..").name(task) == b"/"


def test_a_recursive_bind_takes_the_mounts_along(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a/b"))
    write_file(task, b"/a/b/deep", b"")
    namespace.bind(at(task, b"/a"), at(task, b"/c"))
    assert names(task, b"/c/b") == []
    namespace.umount(task, at(task, b"/c"))
    namespace.bind(at(task, b"/a"), at(task, b"/c"), recursive=True)
    assert names(task, b"/c/b") == [b"deep"]


def test_files_are_bound_on_files_only(task: Task, namespace: MountNamespace) -> None:
    write_file(task, b"/other", b"other")
    namespace.bind(at(task, b"/other"), at(task, b"/a/file"))
    assert read_file(task, b"/a/file") == b"other"
    assert error_of(lambda: namespace.bind(at(task, b"/other"), at(task, b"/c"))) == errno.ENOTDIR
    assert error_of(lambda: namespace.bind(at(task, b"/c"), at(task, b"/other"))) == errno.ENOTDIR
    assert error_of(lambda: namei.unlink(task, task.fs.cwd, b"/a/file")) == errno.EBUSY


def test_a_mount_point_stays_where_it_is(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a/b"))
    root = task.fs.cwd
    assert error_of(lambda: namei.rmdir(task, root, b"/a/b")) == errno.EBUSY
    assert error_of(lambda: namei.rename(task, root, b"/a/b", root, b"/x")) == errno.EBUSY
    assert error_of(lambda: namei.rename(task, root, b"/c", root, b"/a/b")) == errno.EBUSY
    namei.rename(task, root, b"/a", root, b"/moved")
    assert at(task, b"/moved/b").mount.root is at(task, b"/moved/b").dentry
    assert at(task, b"/moved/b").name(task) == b"/moved/b"


def test_a_read_only_mount_refuses_changes(task: Task, namespace: MountNamespace) -> None:
    namespace.bind(at(task, b"/a"), at(task, b"/c"))
    place = at(task, b"/c")
    namespace.remount(place, mounts.MS_RDONLY | mounts.MS_NODEV)
    root = task.fs.cwd
    for action in (
        lambda: opened(task, b"/c/file", os.O_WRONLY),
        lambda: opened(task, b"/c/file", os.O_TRUNC),
        lambda: opened(task, b"/c/new", os.O_CREAT),
        lambda: opened(task, b"/c", os.O_TMPFILE | os.O_RDWR),
        lambda: namei.mkdir(task, root, b"/c/new", 0o755),
        lambda: namei.unlink(task, root, b"/c/file"),
        lambda: namei.rmdir(task, root, b"/c/b"),
        lambda: namei.rename(task, root, b"/c/file", root, b"/c/x"),
        lambda: namei.symlink(task, b"x", root, b"/c/x"),
        lambda: permission.change_mode(task, at(task, b"/c/file"), 0o600),
        lambda: permission.change_owner(task, at(task, b"/c/file"), 1, 1),
        lambda: permission.set_times(task, at(task, b"/c/file"), None),
        lambda: permission.truncate(task, at(task, b"/c/file"), 0),
        lambda: permission.access(task.credentials, at(task, b"/c/file"), permission.MAY_WRITE),
    ):
        assert error_of(action) == errno.EROFS
    assert error_of(lambda: namei.mkdir(task, root, b"/c/b", 0o755)) == errno.EEXIST
    opened(task, b"/c/file").drop()
    write_file(task, b"/a/file", b"through the other mount")


def test_no_devices_on_a_nodev_mount(task: Task, namespace: MountNamespace) -> None:
    namei.mknod(task, task.fs.cwd, b"/a/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    namespace.bind(at(task, b"/a"), at(task, b"/c"))
    namespace.remount(at(task, b"/c"), mounts.MS_NODEV | mounts.MS_NOEXEC)
    assert error_of(lambda: opened(task, b"/c/null")) == errno.EACCES
    permission.change_mode(task, at(task, b"/a/file"), 0o755)
    assert error_of(lambda: namei.open_executable(task, at(task, b"/c/file"))) == errno.EACCES
    namei.open_executable(task, at(task, b"/a/file")).drop()


def test_pivot_root(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    namei.mkdir(task, task.fs.cwd, b"/a/old", 0o755)
    assert error_of(lambda: namespace.pivot_root(task, at(task, b"/c"), at(task, b"/old"))) == errno.EBUSY
    namespace.pivot_root(task, at(task, b"/a"), at(task, b"/a/old"))
    assert names(task, b"/") == [b"old"]
    assert b"file" in names(task, b"/old/a")
    assert task.fs.cwd == task.fs.root
    namespace.umount(task, at(task, b"/old"), mounts.MNT_DETACH)
    assert names(task, b"/old") == []


def test_pivot_root_onto_itself(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    new = at(task, b"/a")
    namespace.pivot_root(task, new, new)
    task.fs.cwd = task.fs.root
    top = walk.step(new.mount, new.dentry)
    assert b"old" in [entry.name for entry in top.inode.entries(task)]
    namespace.umount(task, top, mounts.MNT_DETACH)
    assert names(task, b"/") == []


def test_moving_a_mount(task: Task, namespace: MountNamespace) -> None:
    namespace.mount(make_tmpfs({}), at(task, b"/a"))
    write_file(task, b"/a/x", b"")
    namei.mkdir(task, task.fs.cwd, b"/a/in", 0o755)
    assert error_of(lambda: namespace.move(at(task, b"/a"), at(task, b"/a/in"))) == errno.ELOOP
    assert error_of(lambda: namespace.move(at(task, b"/a/in"), at(task, b"/c"))) == errno.EINVAL
    namespace.move(at(task, b"/a"), at(task, b"/c"))
    assert names(task, b"/c") == [b"in", b"x"]
    assert names(task, b"/a") == [b"b", b"file"]


def test_missing_mount_points_are_made_or_pretended(task: Task, namespace: MountNamespace) -> None:
    place = namespace.mount_point(b"/new/deep/point")
    assert place.name(task) == b"/new/deep/point"
    assert names(task, b"/new/deep") == [b"point"]
    namespace.remount(at(task, b"/"), mounts.MS_RDONLY)
    place = namespace.mount_point(b"/proc")
    assert names(task, b"/") == [b"a", b"c", b"new", b"old"]
    namespace.mount(make_tmpfs({}), place)
    write_file(task, b"/proc/x", b"1")
    listing = opened(task, b"/", os.O_DIRECTORY)
    assert isinstance(listing, DirectoryFile)
    assert [entry.name for entry in listing.listing(task)][:2] == [b".", b".."]
    assert b"proc" in [entry.name for entry in listing.listing(task)]
    file = namespace.mount_point(b"/etc/hosts", directory=False)
    assert file.kind == stat.S_IFREG
    namespace.bind(at(task, b"/a/file"), file)
    assert read_file(task, b"/etc/hosts") == b"below"
    namespace.remount(at(task, b"/"), 0)
    assert error_of(lambda: namei.rmdir(task, task.fs.cwd, b"/etc")) == errno.EBUSY


def test_texts_of_proc(task: Task, namespace: MountNamespace) -> None:
    namei.mkdir(task, task.fs.cwd, b"/with space", 0o755)
    namespace.mount(make_tmpfs({"size": "1m", "mode": "700"}), at(task, b"/with space"), mounts.MS_NOSUID, b"a\tb")
    namespace.bind(at(task, b"/a"), at(task, b"/c"), flags=mounts.MS_RDONLY)
    lines = namespace.mounts_text(task).decode().splitlines()
    assert lines == [
        "tmpfs / tmpfs rw,relatime,mode=755 0 0",
        "a\\011b /with\\040space tmpfs rw,nosuid,relatime,size=1024k,mode=700 0 0",
        "tmpfs /c tmpfs ro,relatime,mode=755 0 0",
    ]
    fields = [line.split() for line in namespace.mountinfo_text(task).decode().splitlines()]
    assert [line[3:5] for line in fields] == [["/", "/"], ["/", "/with\\040space"], ["/a", "/c"]]
    assert fields[2][1] == fields[0][0]
    task.fs.root = at(task, b"/c")
    assert namespace.mounts_text(task).startswith(b"tmpfs / tmpfs ro")
