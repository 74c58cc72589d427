# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The writable layer: what it hides, what it copies, what stays below. Random steps are in test_against_linux.py."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from sentry.fs.overlay import LowerFile, OverlayFilesystem
from sentry.fs.tmpfs import Budget, make_tmpfs
from sentry.vfs import namei, permission, walk
from tests.unit.vfs import Ours, error_of, names, new_task, opened, read_file, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sentry.kernel.task import Task
    from sentry.vfs.attributes import Attributes
    from sentry.vfs.inode import Inode


class Tree:
    """A lower tree, an overlay on it, and a task that sees each."""

    def __init__(self) -> None:
        self.below = new_task(make_tmpfs({"mode": "755"}))
        start = self.below.fs.cwd
        for directory in (b"/dir", b"/dir/sub", b"/empty"):
            namei.mkdir(self.below, start, directory, 0o755)
        write_file(self.below, b"/file", b"lower data", 0o640)
        write_file(self.below, b"/dir/a", b"a")
        write_file(self.below, b"/dir/sub/b", b"b")
        write_file(self.below, b"/big", b"x" * 200_000)
        namei.symlink(self.below, b"dir/a", start, b"/link")
        namei.link(self.below, walk.resolve(self.below, start, b"/dir/a"), start, b"/hard")
        namei.mknod(self.below, start, b"/fifo", stat.S_IFIFO | 0o600)
        self.before = Ours(self.below).tree()
        self.budget = Budget(1 << 30)
        self.filesystem = OverlayFilesystem(self.below.kernel.mounts.root.filesystem.root, self.budget)
        self.task = new_task(self.filesystem)


@pytest.fixture
def tree() -> Iterator[Tree]:
    tree = Tree()
    yield tree
    assert Ours(tree.below).tree() == tree.before, "the lower layer changed"


@pytest.fixture
def task(tree: Tree) -> Task:
    return tree.task


def inode_at(task: Task, path: bytes) -> Inode:
    return walk.resolve(task, task.fs.cwd, path, False).inode


def attributes_at(task: Task, path: bytes) -> Attributes:
    return inode_at(task, path).attributes()


def test_looking_takes_nothing(tree: Tree, task: Task) -> None:
    assert names(task, b"/dir") == [b"a", b"sub"]
    assert read_file(task, b"/link") == b"a"
    assert isinstance(opened(task, b"/file"), LowerFile)
    assert attributes_at(task, b"/file") == attributes_at(tree.below, b"/file")
    assert (tree.budget.used, tree.budget.inodes) == (0, 0)


def test_writing_copies_up_and_keeps_the_identity(task: Task) -> None:
    before = attributes_at(task, b"/file")
    number, device, mode = before.ino, before.dev, before.mode
    file = opened(task, b"/file", os.O_WRONLY | os.O_APPEND)
    file.write(b"!")
    after = attributes_at(task, b"/file")
    assert (after.ino, after.dev, after.mode) == (number, device, mode)
    assert read_file(task, b"/file") == b"lower data!"
    assert {entry.ino for entry in inode_at(task, b"/").entries(task) if entry.name == b"file"} == {number}


def test_a_reader_sees_what_is_written_later(task: Task) -> None:
    reader = opened(task, b"/file")
    assert reader.read(5) == b"lower"
    write_file(task, b"/file", b"UPPER DATA THAT IS LONGER")
    assert reader.read(100) == b" DATA THAT IS LONGER"
    assert reader.seek(0, os.SEEK_END) == 25
    assert reader.attributes().size == 25


def test_metadata_changes_copy_no_data(tree: Tree, task: Task) -> None:
    place = walk.resolve(task, task.fs.cwd, b"/big")
    permission.change_mode(task, place, 0o700)
    permission.change_owner(task, place, 5, 6)
    assert tree.budget.used == 0
    assert attributes_at(task, b"/big").size == 200_000
    assert isinstance(opened(task, b"/big"), LowerFile)
    file = opened(task, b"/big", os.O_RDWR)
    assert tree.budget.used >= 200_000
    assert file.pread(10, 199_995) == b"xxxxx"
    attributes = file.attributes()
    assert (attributes.mode & 0o7777, attributes.uid, attributes.gid) == (0o700, 5, 6)


def test_truncation_copies_only_what_is_kept(tree: Tree, task: Task) -> None:
    file = opened(task, b"/big", os.O_WRONLY | os.O_TRUNC)
    assert tree.budget.used == 0
    assert file.attributes().size == 0
    file.drop()
    other = Tree()
    permission.truncate(other.task, walk.resolve(other.task, other.task.fs.cwd, b"/big"), 10)
    assert other.budget.used == 4096
    assert read_file(other.task, b"/big") == b"x" * 10
    permission.truncate(other.task, walk.resolve(other.task, other.task.fs.cwd, b"/file"), 100)
    assert read_file(other.task, b"/file") == b"lower data" + bytes(90)


def test_holes_stay_holes(tree: Tree) -> None:
    file = opened(tree.below, b"/sparse", os.O_CREAT | os.O_RDWR)
    file.pwrite(b"start", 0)
    file.pwrite(b"middle", 100 << 20)
    file.truncate(200 << 20)
    tree.before = Ours(tree.below).tree()
    copy = opened(tree.task, b"/sparse", os.O_RDWR)
    assert copy.attributes().size == 200 << 20
    assert tree.budget.used < 1 << 20
    assert copy.pread(6, 100 << 20) == b"middle"
    assert copy.pread(5, 0) == b"start"


def test_removed_names_are_gone_and_may_come_back(tree: Tree, task: Task) -> None:
    root = task.fs.cwd
    namei.unlink(task, root, b"/file")
    assert b"file" not in names(task, b"/")
    assert error_of(lambda: read_file(task, b"/file")) == errno.ENOENT
    write_file(task, b"/file", b"new")
    assert read_file(task, b"/file") == b"new"
    namei.unlink(task, root, b"/file")
    assert error_of(lambda: read_file(task, b"/file")) == errno.ENOENT
    again = new_task(tree.filesystem)  # without what the dentries know
    assert error_of(lambda: read_file(again, b"/file")) == errno.ENOENT


def test_a_new_directory_in_place_of_a_removed_one_is_empty(task: Task) -> None:
    root = task.fs.cwd
    assert error_of(lambda: namei.rmdir(task, root, b"/dir")) == errno.ENOTEMPTY
    namei.unlink(task, root, b"/dir/a")
    namei.unlink(task, root, b"/dir/sub/b")
    namei.rmdir(task, root, b"/dir/sub")
    namei.rmdir(task, root, b"/dir")
    namei.mkdir(task, root, b"/dir", 0o700)
    assert names(task, b"/dir") == []
    assert error_of(lambda: read_file(task, b"/dir/a")) == errno.ENOENT


def test_a_renamed_lower_directory_keeps_its_tree(tree: Tree, task: Task) -> None:
    root = task.fs.cwd
    write_file(task, b"/dir/new", b"new")
    number = attributes_at(task, b"/dir/sub").ino
    namei.rename(task, root, b"/dir", root, b"/moved")
    assert names(task, b"/moved") == [b"a", b"new", b"sub"]
    assert attributes_at(task, b"/moved/sub").ino == number
    assert read_file(task, b"/moved/sub/b") == b"b"
    assert error_of(lambda: read_file(task, b"/dir/a")) == errno.ENOENT
    namei.mkdir(task, root, b"/dir", 0o755)
    assert names(task, b"/dir") == []
    namei.rename(task, root, b"/moved/sub", root, b"/dir/sub")
    write_file(task, b"/dir/sub/b", b"changed")
    again = new_task(tree.filesystem)
    assert read_file(again, b"/dir/sub/b") == b"changed"
    assert names(again, b"/moved") == [b"a", b"new"]


def test_an_exchange(task: Task) -> None:
    root = task.fs.cwd
    namei.rename(task, root, b"/dir", root, b"/file", namei.RENAME_EXCHANGE)
    assert read_file(task, b"/dir") == b"lower data"
    assert names(task, b"/file") == [b"a", b"sub"]


def test_hard_links_stay_links(tree: Tree, task: Task) -> None:
    first, second = inode_at(task, b"/hard"), inode_at(task, b"/dir/a")
    assert first is second
    write_file(task, b"/hard", b"both")
    assert read_file(task, b"/dir/a") == b"both"
    assert attributes_at(task, b"/dir/a").nlink == 2
    del first, second
    again = new_task(tree.filesystem)
    assert read_file(again, b"/dir/a") == b"both"
    namei.unlink(task, task.fs.cwd, b"/hard")
    assert attributes_at(task, b"/dir/a").nlink == 1
    namei.link(task, walk.resolve(task, task.fs.cwd, b"/dir/a"), task.fs.cwd, b"/third")
    assert attributes_at(task, b"/third").nlink == 2
    for name in (b"/dir/a", b"/third"):
        namei.unlink(task, task.fs.cwd, name)
    assert not tree.filesystem.changed_links


def test_an_unlinked_lower_file_can_still_be_read(task: Task) -> None:
    file = opened(task, b"/file")
    namei.unlink(task, task.fs.cwd, b"/file")
    assert file.read(100) == b"lower data"
    assert file.attributes().nlink == 0
    assert file.name(task) == b"/file (deleted)"


def test_what_changed_survives_a_forgotten_cache(tree: Tree, task: Task) -> None:
    permission.change_mode(task, walk.resolve(task, task.fs.cwd, b"/dir/sub"), 0o711)
    write_file(task, b"/dir/sub/deep", b"deep")
    again = new_task(tree.filesystem)
    assert attributes_at(again, b"/dir/sub").mode & 0o777 == 0o711
    assert names(again, b"/dir/sub") == [b"b", b"deep"]
    assert attributes_at(again, b"/dir").mode & 0o777 == 0o755


def test_extended_attributes_are_copied_at_the_first_change(tree: Tree, task: Task) -> None:
    inode_at(tree.below, b"/file").set_xattr(b"user.old", b"1", 0)
    inode = inode_at(task, b"/file")
    assert inode.get_xattr(b"user.old") == b"1"
    inode.set_xattr(b"user.new", b"2", 0)
    assert sorted(inode.list_xattr()) == [b"user.new", b"user.old"]
    inode.remove_xattr(b"user.old")
    assert inode_at(tree.below, b"/file").get_xattr(b"user.old") == b"1"
    assert error_of(lambda: inode.get_xattr(b"user.old")) == errno.ENODATA


def test_special_files_and_links_pass_through(task: Task) -> None:
    assert attributes_at(task, b"/fifo").mode == stat.S_IFIFO | 0o600
    assert inode_at(task, b"/link").readlink(task) == b"dir/a"
    permission.change_owner(task, walk.resolve(task, task.fs.cwd, b"/link", False), 7, 7)
    assert inode_at(task, b"/link").readlink(task) == b"dir/a"
    assert attributes_at(task, b"/link").uid == 7


def test_a_full_layer_gives_enospc_and_leaves_the_file(tree: Tree) -> None:
    small = new_task(OverlayFilesystem(tree.below.kernel.mounts.root.filesystem.root, Budget(100_000, 4)))
    assert error_of(lambda: opened(small, b"/big", os.O_RDWR)) == errno.ENOSPC
    assert read_file(small, b"/big") == b"x" * 200_000
    write_file(small, b"/file", b"fits")
    write_file(small, b"/new", b"")
    assert error_of(lambda: write_file(small, b"/more", b"")) == errno.ENOSPC
    assert error_of(lambda: namei.unlink(small, small.fs.cwd, b"/dir/a")) == errno.ENOSPC
    assert b"more" not in names(small, b"/")
    assert read_file(small, b"/dir/a") == b"a"


def test_removed_files_free_the_layer(tree: Tree, task: Task) -> None:
    for _ in range(3):
        write_file(task, b"/big", b"y" * 300_000)
        write_file(task, b"/new", b"z" * 300_000)
        for name in (b"/big", b"/new"):
            namei.unlink(task, task.fs.cwd, name)
        assert tree.budget.used == 0
        assert tree.budget.inodes == 1  # the root, whose times changed
