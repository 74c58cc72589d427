# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer's client against a real gofer on a directory of the host: right answers, and few round trips."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import resource
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gofer import protocol
from gofer.protocol import ATTRIBUTES_SIZE, ChannelClosed
from sentry.abi.errors import LinuxError, SentryDown
from sentry.core import native
from sentry.fs.gofer import GoferClient, GoferFile, GoferFilesystem, GoferInode
from sentry.vfs.attributes import AttributeChange
from sentry.vfs.inode import Inode
from tests.unit.gofers import running

NO_PATH: Any = None
NO_TASK: Any = None
UID, GID = os.getuid(), os.getgid()


class Tree:
    """A mounted export, and the host's directory behind it."""

    def __init__(self, client: GoferClient, host: Path, shared: bool) -> None:
        self.client = client
        self.host = host
        numbers = itertools.count(100)
        self.fs = GoferFilesystem(
            client, 0, 99, allocate_dev=lambda: next(numbers), host_syscall=native.syscall, shared=shared
        )
        self.root = self.fs.root

    def find(self, path: bytes) -> GoferInode:
        inode: Inode = self.root
        for name in path.split(b"/"):
            inode = inode.lookup(name)
        assert isinstance(inode, GoferInode)
        return inode

    @contextmanager
    def trips(self, expected: int) -> Iterator[None]:
        """The block takes that many round trips."""
        before = self.client.round_trips
        yield
        assert self.client.round_trips - before == expected


def opened(inode: Inode, flags: int = os.O_RDONLY) -> GoferFile:
    return cast(GoferFile, inode.open(flags, NO_PATH, NO_TASK))


def code(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(LinuxError) as caught:
        call(*arguments)
    return errno.errorcode[caught.value.errno]


def open_many(directory: GoferInode) -> tuple[list[GoferFile], int]:
    """Opens n0, n1, ... until that fails: what is open, and the errno."""
    files: list[GoferFile] = []
    try:
        while True:
            files.append(opened(directory.lookup(b"n%d" % len(files)), os.O_RDWR))
    except LinuxError as error:
        return files, error.errno


def names(inode: Inode) -> list[bytes]:
    return sorted(entry.name for entry in inode.entries(NO_TASK))


def same_as_host(inode: Inode, path: Path) -> None:
    found = os.lstat(path)
    got = inode.attributes()
    for field in ("ino", "mode", "nlink", "uid", "gid", "size", "blocks", "rdev"):
        assert getattr(got, field) == getattr(found, f"st_{field}"), field
    assert abs(got.mtime - found.st_mtime_ns) < 1_000_000_000


def make_tree(tmp_path: Path) -> Path:
    host = tmp_path / "host"
    (host / "dir" / "sub").mkdir(parents=True)
    (host / "file").write_bytes(b"content")
    (host / "dir" / "sub" / "deep").write_bytes(b"deep")
    (host / "link").symlink_to("dir/sub")
    return host


def mounted(tmp_path: Path, shared: bool, **limits: int) -> Iterator[Tree]:
    host = make_tree(tmp_path)
    gc.collect()  # what other tests left behind must not go away between two counts
    before = len(os.listdir("/proc/self/fd"))
    with running([(host, False)]) as channel:
        client = GoferClient(channel, **limits)
        tree = Tree(client, host, shared)
        yield tree
        while client._evict():
            pass
    assert client.donated == 0
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    yield from mounted(tmp_path, shared=False)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Tree]:
    yield from mounted(tmp_path, shared=True)


# -- looking names up --


def test_a_cold_path_takes_one_round_trip_and_a_warm_one_none(tree: Tree) -> None:
    with tree.trips(1):
        found = tree.root.lookup_many([b"dir", b"sub", b"deep"])
    assert [cast(GoferInode, inode).path() for inode in found] == [b"dir", b"dir/sub", b"dir/sub/deep"]
    for inode, path in zip(found, ("dir", "dir/sub", "dir/sub/deep"), strict=True):
        same_as_host(inode, tree.host / path)
    with tree.trips(0):
        again = tree.root.lookup_many([b"dir", b"sub", b"deep"])
        assert again == found  # the very same objects
        [inode.attributes() for inode in again]


def test_opening_what_was_just_found_takes_no_round_trip(tree: Tree) -> None:
    inode = tree.root.lookup_many([b"dir", b"sub", b"deep"])[-1]
    with tree.trips(0):
        for _ in range(3):
            file = opened(inode)
            assert file.pread(10, 1) == b"eep"
            file.drop()


def test_missing_names_are_remembered(tree: Tree) -> None:
    with tree.trips(1):
        found = tree.root.lookup_many([b"dir", b"none", b"x"])
        assert found == [tree.find(b"dir")]
    with tree.trips(0):
        assert code(tree.find, b"dir/none") == "ENOENT"
        assert tree.find(b"dir").lookup_many([b"none", b"x"]) == []


def test_a_walk_ends_at_a_link_and_brings_its_target(tree: Tree) -> None:
    with tree.trips(1):
        found = tree.root.lookup_many([b"link", b"deep"])
        assert len(found) == 1
        assert found[0].readlink(NO_TASK) == b"dir/sub"
    assert code(tree.find(b"file").readlink, NO_TASK) == "EINVAL"
    assert code(tree.find(b"file").lookup, b"x") == "ENOTDIR"
    assert code(tree.find(b"link").open, os.O_RDONLY, None, None) == "ELOOP"


def test_a_listing_answers_for_all_its_names(tree: Tree) -> None:
    for number in range(300):
        (tree.host / "dir" / f"n{number}").write_bytes(b"x" * number)
    directory = tree.find(b"dir")
    with tree.trips(1):
        assert len(names(directory)) == 301
    with tree.trips(0):
        for number in range(300):
            assert directory.lookup(b"n%d" % number).attributes().size == number
        assert code(directory.lookup, b"none") == "ENOENT"
        assert len(names(directory)) == 301
        kinds = {entry.name: entry.type for entry in directory.entries(NO_TASK)}
    assert kinds[b"sub"] == stat.S_IFDIR >> 12
    assert kinds[b"n7"] == stat.S_IFREG >> 12


def test_a_very_large_directory_is_listed_but_not_kept(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentry.fs.gofer._LISTING_LIMIT", 10)
    for number in range(20):
        (tree.host / "dir" / f"n{number}").touch()
    directory = tree.find(b"dir")
    assert len(names(directory)) == 21
    with tree.trips(1):
        assert len(names(directory)) == 21
    same_as_host(directory.lookup(b"n3"), tree.host / "dir/n3")


def test_the_number_of_cached_names_is_bounded(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentry.fs.gofer._ENTRY_LIMIT", 50)
    for number in range(200):
        assert code(tree.root.lookup, b"none%d" % number) == "ENOENT"
        assert tree.fs.entries <= 51
        assert len(tree.root._children) <= 51
    same_as_host(tree.find(b"dir/sub/deep"), tree.host / "dir/sub/deep")


# -- reading and writing --


def test_what_is_written_is_read_back_and_seen_by_stat_without_round_trips(tree: Tree) -> None:
    inode = tree.find(b"file")
    reader = opened(inode)
    with tree.trips(1):
        writer = opened(inode, os.O_RDWR)
    with tree.trips(0):
        assert writer.pwrite(b"CON", 0) == 3
        writer.seek(0, os.SEEK_END)
        assert writer.write(b" and more") == 9
        assert reader.read(100) == b"CONtent and more"
        assert reader.read(100) == b""
        same_as_host(inode, tree.host / "file")
        writer.drop()
        same_as_host(inode, tree.host / "file")
        assert inode.attributes().size == 16
    reader.drop()
    with tree.trips(0):
        assert tree.find(b"file").attributes().size == 16


@pytest.mark.skipif(UID != 0, reason="giving files away takes root")
def test_the_owner_is_never_taken_from_the_sentry_s_own_view(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    inode = tree.root.create(b"given", stat.S_IFREG | 0o644, 1000, 1001)
    file = opened(inode, os.O_RDWR)
    real = os.fstat

    def in_another_user_namespace(descriptor: int) -> SimpleNamespace:
        found = real(descriptor)
        fields = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return SimpleNamespace(**fields | {"st_uid": 65534, "st_gid": 65534})

    monkeypatch.setattr(os, "fstat", in_another_user_namespace)
    file.pwrite(b"x", 0)
    assert (inode.attributes().uid, inode.attributes().gid) == (1000, 1001)
    inode.set_attributes(AttributeChange(uid=5))
    assert (inode.attributes().uid, inode.attributes().gid) == (5, 1001)
    file.drop()
    assert (inode.attributes().uid, inode.attributes().gid) == (5, 1001)


def test_an_inode_that_was_forgotten_is_found_with_what_was_written(tree: Tree) -> None:
    names(tree.root)
    inode = tree.find(b"file")
    file = opened(inode, os.O_WRONLY)
    file.pwrite(b"longer than before", 0)
    file.drop()
    del inode, file
    with tree.trips(0):
        assert tree.find(b"file").attributes().size == 18


def test_appending_goes_to_the_end_wherever_the_offset_is(tree: Tree) -> None:
    file = opened(tree.find(b"file"), os.O_WRONLY | os.O_APPEND)
    file.write(b"1")
    file.seek(0, os.SEEK_SET)
    file.write(b"2")
    assert file.offset == 9
    file.drop()
    assert (tree.host / "file").read_bytes() == b"content12"


def test_truncating_through_the_inode_and_the_file(tree: Tree) -> None:
    inode = tree.find(b"file")
    with tree.trips(1):
        inode.set_attributes(AttributeChange(size=3))
    assert inode.attributes().size == 3
    file = opened(inode, os.O_WRONLY)
    with tree.trips(0):
        inode.set_attributes(AttributeChange(size=100))  # as open(O_TRUNC) does
        file.truncate(50)
        assert inode.attributes().size == 50
    file.drop()
    assert (tree.host / "file").stat().st_size == 50


def test_seeking(tree: Tree) -> None:
    (tree.host / "sparse").write_bytes(b"")
    os.truncate(tree.host / "sparse", 1 << 20)
    file = opened(tree.find(b"sparse"), os.O_RDWR)
    file.pwrite(b"x", 1 << 19)
    assert file.seek(0, os.SEEK_DATA) == 1 << 19
    assert file.seek(0, os.SEEK_HOLE) == 0
    assert file.seek(-5, os.SEEK_END) == (1 << 20) - 5
    assert file.seek(2, os.SEEK_CUR) == (1 << 20) - 3
    assert code(file.seek, -1, os.SEEK_SET) == "EINVAL"
    assert code(file.seek, 1 << 20, os.SEEK_DATA) == "ENXIO"
    assert code(file.seek, 0, 77) == "EINVAL"
    file.drop()


def test_allocating_and_syncing(tree: Tree) -> None:
    file = opened(tree.find(b"file"), os.O_RDWR | os.O_DSYNC)
    file.allocate(0, 0, 4096)
    assert file.attributes().size == 4096
    assert code(file.allocate, 0, 0, 0) == "EINVAL"
    file.pwrite(b"x", 0)
    file.sync()
    file.drop()
    tree.fs.sync()
    directory = tree.find(b"dir").open(os.O_RDONLY, NO_PATH, NO_TASK)
    directory.sync()


def test_a_descriptor_for_mapping_has_no_more_rights_than_the_file(tree: Tree) -> None:
    inode = tree.find(b"file")
    writer = opened(inode, os.O_RDWR)
    reader = opened(inode)
    with pytest.raises(OSError):
        os.write(reader.mappable(1, True), b"x")
    assert os.pwrite(writer.mappable(3, True), b"x", 0) == 1
    assert reader.host_fd == reader.mappable(1, False)
    writer.drop()
    reader.drop()


def test_a_new_file_opened_for_reading_cannot_be_written_through(tree: Tree) -> None:
    inode = tree.root.create(b"new", stat.S_IFREG | 0o600, UID, GID)
    reader = opened(inode)
    with pytest.raises(OSError):
        os.write(reader.host_fd, b"x")
    reader.drop()


def test_the_directory_and_o_path_have_no_descriptor(tree: Tree) -> None:
    file = opened(tree.find(b"file"), os.O_PATH)
    assert file.host_fd == -1
    assert code(file.mappable, 1, True) == "ENODEV"
    directory = tree.root.open(os.O_RDONLY, NO_PATH, NO_TASK)
    assert directory.host_fd == -1
    assert code(directory.pread, 1, 0) == "EISDIR"
    assert tree.client.donated == 1  # the walk's, for the next open


def test_special_files_of_the_host_are_not_opened(tree: Tree) -> None:
    os.mkfifo(tree.host / "fifo")
    assert code(tree.find(b"fifo").open, os.O_RDONLY, None, None) == "ENXIO"


# -- making and removing --


def test_creating_writing_and_looking_again_takes_one_round_trip(tree: Tree) -> None:
    with tree.trips(1):
        inode = tree.root.create(b"new", stat.S_IFREG | 0o640, UID, GID)
        file = opened(inode, os.O_WRONLY)
        file.write(b"data")
        file.drop()
        assert tree.root.lookup(b"new") is inode
        assert inode.attributes().size == 4
        tree.root.attributes()
    same_as_host(inode, tree.host / "new")
    same_as_host(tree.root, tree.host)
    assert code(tree.root.create, b"new", stat.S_IFREG | 0o640, UID, GID) == "EEXIST"
    assert code(tree.root.mkdir, b"new", 0o755, UID, GID) == "EEXIST"


def test_other_kinds_of_files(tree: Tree) -> None:
    for name, kind in ((b"fifo", stat.S_IFIFO), (b"socket", stat.S_IFSOCK)):
        inode = tree.root.create(name, kind | 0o644, UID, GID)
        same_as_host(inode, tree.host / name.decode())
    assert code(tree.root.create, b"device", stat.S_IFCHR | 0o644, UID, GID, os.makedev(1, 3)) == "EPERM"
    link = tree.root.symlink(b"sym", b"anywhere/else", UID, GID)
    with tree.trips(0):
        assert link.readlink(NO_TASK) == b"anywhere/else"
    assert os.readlink(tree.host / "sym") == "anywhere/else"


def test_a_new_directory_is_known_to_be_empty(tree: Tree) -> None:
    with tree.trips(1):
        directory = tree.root.mkdir(b"made", 0o755, UID, GID)
        assert names(directory) == []
        assert code(directory.lookup, b"x") == "ENOENT"
        assert tree.root.attributes().nlink == os.stat(tree.host).st_nlink
    directory.create(b"x", stat.S_IFREG | 0o644, UID, GID)
    assert names(directory) == [b"x"]
    assert code(tree.root.rmdir, b"made", directory) == "ENOTEMPTY"
    directory.unlink(b"x", directory.lookup(b"x"))
    tree.root.rmdir(b"made", directory)
    assert not (tree.host / "made").exists()
    assert code(directory.create, b"x", stat.S_IFREG | 0o644, UID, GID) == "ENOENT"
    assert code(directory.lookup, b"x") == "ENOENT"
    assert directory.attributes().nlink == 0


def test_hard_links_share_their_attributes(tree: Tree) -> None:
    first = tree.find(b"file")
    directory = tree.find(b"dir")
    directory.link(b"hard", first)
    second = directory.lookup(b"hard")
    assert second is first
    assert first.attributes().nlink == 2
    second.set_attributes(AttributeChange(mode=0o600))
    assert stat.S_IMODE(first.attributes().mode) == 0o600
    tree.root.unlink(b"file", first)
    assert first.attributes().nlink == 1
    assert first.path() == b"dir/hard"
    same_as_host(first, tree.host / "dir/hard")
    first.set_attributes(AttributeChange(mode=0o644))
    same_as_host(first, tree.host / "dir/hard")


def test_links_that_a_listing_shows_do_not_keep_stale_attributes(tree: Tree) -> None:
    os.link(tree.host / "file", tree.host / "other")
    assert names(tree.root) == [b"dir", b"file", b"link", b"other"]
    inode = tree.find(b"file")
    inode.set_attributes(AttributeChange(mode=0o700))
    del inode
    assert stat.S_IMODE(tree.find(b"other").attributes().mode) == 0o700
    assert names(tree.root) == [b"dir", b"file", b"link", b"other"]


def test_an_unlinked_open_file_lives_on(tree: Tree) -> None:
    inode = tree.find(b"file")
    file = opened(inode, os.O_RDWR)
    tree.root.unlink(b"file", inode)
    assert not (tree.host / "file").exists()
    with tree.trips(0):
        assert code(tree.root.lookup, b"file") == "ENOENT"
        assert file.pread(100, 0) == b"content"
        file.pwrite(b"!" * 100, 0)
        got = inode.attributes()
        assert (got.nlink, got.size) == (0, 100)
        inode.set_attributes(AttributeChange(mode=0o611, uid=5, gid=6, size=10, mtime=77))
        got = inode.attributes()
        assert (stat.S_IMODE(got.mode), got.uid, got.gid, got.size) == (0o611, 5, 6, 10)
        another = opened(inode, os.O_RDWR)
        another.drop()
    assert code(inode.open, os.O_RDONLY, None, None) == "ENOENT"
    file.drop()


def test_an_unlinked_file_that_nobody_has_open_is_let_go(tree: Tree) -> None:
    inode = tree.root.lookup(b"file")
    opened(inode).drop()
    assert tree.client.donated == 1
    tree.root.unlink(b"file", inode)
    assert tree.client.donated == 0


def test_a_number_that_the_host_uses_again_is_a_new_inode(tree: Tree) -> None:
    for _ in range(20):
        inode = tree.root.create(b"again", stat.S_IFREG | 0o644, UID, GID)
        number = inode.attributes().ino
        tree.root.unlink(b"again", inode)
        other = tree.root.mkdir(b"again", 0o755, UID, GID)
        assert other is not inode
        same_as_host(other, tree.host / "again")
        tree.root.rmdir(b"again", other)
        assert inode.attributes().ino == number


def test_rename_moves_a_tree_along(tree: Tree) -> None:
    deep = tree.find(b"dir/sub/deep")
    directory, sub = tree.find(b"dir"), tree.find(b"dir/sub")
    target = tree.root.mkdir(b"target", 0o755, UID, GID)
    with tree.trips(1):
        directory.rename(b"sub", sub, target, b"moved", None, False)
        assert deep.path() == b"target/moved/deep"
        assert tree.find(b"target/moved/deep") is deep
        assert code(tree.find, b"dir/sub") == "ENOENT"
        for inode, path in ((directory, "dir"), (target, "target")):
            same_as_host(inode, tree.host / path)
    deep.set_attributes(AttributeChange(mode=0o640))
    same_as_host(deep, tree.host / "target/moved/deep")


def test_rename_over_a_file_and_a_directory(tree: Tree) -> None:
    file, deep = tree.find(b"file"), tree.find(b"dir/sub/deep")
    handle = opened(file)
    tree.find(b"dir/sub").rename(b"deep", deep, tree.root, b"file", file, False)
    assert tree.root.lookup(b"file") is deep
    assert file.removed
    assert handle.pread(10, 0) == b"content"
    assert file.attributes().nlink == 0
    handle.drop()
    made = tree.root.mkdir(b"made", 0o755, UID, GID)
    assert code(tree.root.rename, b"made", made, tree.root, b"dir", tree.find(b"dir"), False) == "ENOTEMPTY"
    tree.find(b"dir").rename(b"sub", tree.find(b"dir/sub"), tree.root, b"made", made, False)
    assert names(tree.root) == [b"dir", b"file", b"link", b"made"]
    assert made.attributes().nlink == 0
    assert sorted(os.listdir(tree.host)) == ["dir", "file", "link", "made"]


def test_rename_exchanges_two_names(tree: Tree) -> None:
    file, directory = tree.find(b"file"), tree.find(b"dir")
    tree.root.rename(b"file", file, tree.root, b"dir", directory, True)
    assert tree.root.lookup(b"dir") is file
    assert tree.root.lookup(b"file") is directory
    assert directory.path() == b"file"
    assert tree.find(b"file/sub/deep").attributes().size == 4
    same_as_host(file, tree.host / "dir")


def test_rename_of_one_link_over_another_changes_nothing(tree: Tree) -> None:
    file = tree.find(b"file")
    tree.root.link(b"hard", file)
    tree.root.rename(b"file", file, tree.root, b"hard", file, False)
    assert tree.root.lookup(b"file") is tree.root.lookup(b"hard")
    assert file.attributes().nlink == 2


def test_a_temporary_file_has_no_name(tree: Tree) -> None:
    try:
        inode = tree.root.temporary(0o600, UID, GID)
    except LinuxError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("the file system of the tests has no unnamed files")
    file = opened(inode, os.O_RDWR)
    file.write(b"abc")
    assert (file.pread(9, 0), inode.attributes().size, inode.attributes().nlink) == (b"abc", 3, 0)
    file.drop()
    assert names(tree.root) == [b"dir", b"file", b"link"]


def test_extended_attributes(tree: Tree) -> None:
    inode = tree.find(b"file")
    try:
        inode.set_xattr(b"user.a", b"1", 0)
    except LinuxError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("the file system of the tests has no extended attributes")
    assert inode.get_xattr(b"user.a") == b"1"
    assert inode.list_xattr() == [b"user.a"]
    inode.remove_xattr(b"user.a")
    assert code(inode.get_xattr, b"user.a") == "ENODATA"
    with tree.trips(0):
        assert code(inode.get_xattr, b"security.selinux") == "ENOTSUP"
    for call in (inode.get_xattr, inode.remove_xattr):
        with pytest.raises(LinuxError):
            call(b"trusted.x")


def test_statfs(tree: Tree) -> None:
    host = os.statvfs(tree.host)
    status = tree.fs.status()
    assert (status.block_size, status.blocks, status.name_max) == (host.f_bsize, host.f_blocks, host.f_namemax)


# -- limits --


def test_read_only_descriptors_are_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    for tree in mounted(tmp_path, shared=False, cache_limit=16):
        for number in range(100):
            (tree.host / f"n{number}").write_text(str(number))
        inodes = [tree.root.lookup(b"n%d" % number) for number in range(100)]
        assert tree.client.donated <= 16
        for number, inode in enumerate(inodes):
            file = opened(inode)
            assert file.read(10) == b"%d" % number
            file.drop()
        assert tree.client.donated <= 16
        with tree.trips(0):
            opened(inodes[-1]).drop()


def test_too_many_open_files_give_enfile_and_hurt_nobody(tmp_path: Path) -> None:
    for tree in mounted(tmp_path, shared=False, limit=20, cache_limit=10):
        for number in range(40):
            (tree.host / f"n{number}").write_text(str(number))
        files, failure = open_many(tree.root)
        assert failure == errno.ENFILE
        assert 15 <= len(files) <= 20
        for file in files:
            file.drop()
        opened(tree.find(b"file")).drop()


def test_a_process_without_free_numbers_gets_enfile(tree: Tree) -> None:
    inode = tree.find(b"file")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    filler = [os.dup(0) for _ in range(highest)]
    free = max(filler) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        assert code(inode.open, os.O_RDWR, None, None) == "ENFILE"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filler:
            os.close(descriptor)
    opened(inode, os.O_RDWR).drop()


# -- a shared tree --


def test_a_shared_tree_shows_what_the_host_does(shared: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentry.fs.gofer._FRESH", 0)
    fs, root = shared.fs, shared.root
    assert code(root.lookup, b"late") == "ENOENT"
    assert fs.revalidate(root, b"late", None)
    (shared.host / "late").write_text("1")
    assert not fs.revalidate(root, b"late", None)
    inode = root.lookup(b"late")
    assert fs.revalidate(root, b"late", inode)
    (shared.host / "late").write_text("12345")
    assert inode.attributes().size == 5
    assert b"late" in names(root)
    os.rename(shared.host / "late", shared.host / "later")
    assert not fs.revalidate(root, b"late", inode)
    assert b"later" in names(root)
    assert code(inode.attributes) == "ESTALE"
    assert root.lookup(b"later") is inode  # the same file, by its new name
    assert inode.attributes().size == 5
    (shared.host / "later").unlink()
    (shared.host / "later").mkdir()
    assert not fs.revalidate(root, b"later", inode)
    assert root.lookup(b"later") is not inode


def test_a_file_replaced_by_the_host_is_not_opened_in_its_place(shared: Tree) -> None:
    inode = shared.root.lookup(b"file")
    (shared.host / "new").write_text("other")
    os.rename(shared.host / "new", shared.host / "file")
    assert code(inode.open, os.O_RDONLY, None, None) == "ESTALE"
    file = opened(shared.root.lookup(b"file"))
    assert file.read(10) == b"other"
    (shared.host / "file").write_text("changed")
    assert file.attributes().size == 7  # through the descriptor
    file.drop()


def test_appending_to_a_shared_file_does_not_overwrite_what_the_host_appended(shared: Tree) -> None:
    file = opened(shared.find(b"file"), os.O_WRONLY | os.O_APPEND)
    with open(shared.host / "file", "ab") as host:
        host.write(b" host")
    file.write(b" guest")
    assert os.pwrite(file.prepare_write(0, 1), b"!", 0) == 1
    assert (shared.host / "file").read_bytes() == b"content host guest!"
    file.flags &= ~os.O_APPEND  # fcntl(F_SETFL)
    file.pwrite(b"C", 0)
    assert os.pwrite(file.prepare_write(1, 1), b"O", 1) == 1
    file.drop()
    assert (shared.host / "file").read_bytes() == b"COntent host guest!"


def test_a_new_file_of_a_shared_tree_can_be_appended_to(shared: Tree) -> None:
    file = opened(shared.root.create(b"log", stat.S_IFREG | 0o644, UID, GID), os.O_WRONLY | os.O_APPEND)
    file.write(b"1")
    file.write(b"2")
    assert file.offset == 2
    file.drop()
    assert (shared.host / "log").read_bytes() == b"12"


def test_a_shared_tree_works_for_everything_else_too(shared: Tree) -> None:
    inode = shared.root.create(b"new", stat.S_IFREG | 0o644, UID, GID)
    file = opened(inode, os.O_RDWR)
    file.write(b"abc")
    same_as_host(inode, shared.host / "new")
    file.drop()
    same_as_host(inode, shared.host / "new")
    made = shared.root.mkdir(b"made", 0o755, UID, GID)
    shared.root.rename(b"new", inode, made, b"moved", None, False)
    assert inode.path() == b"made/moved"
    made.unlink(b"moved", inode)
    assert inode.attributes().nlink == 0
    shared.root.rmdir(b"made", made)
    assert names(shared.root) == [b"dir", b"file", b"link"]


# -- a gofer that lies --


class Liar:
    """A transport whose first answer is right, and whose others are what the test wants."""

    def __init__(self) -> None:
        packed = protocol.ATTRIBUTES.pack(1, 2, stat.S_IFDIR | 0o755, 2, *(0,) * 10)
        self.replies: list[tuple[object, list[int]]] = [([0, packed], [])]

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        pass

    def receive(self) -> tuple[object, list[int]]:
        if not self.replies:
            raise ChannelClosed("end of file")
        return self.replies.pop(0)


DIRECTORY = protocol.ATTRIBUTES.pack(1, 5, stat.S_IFDIR | 0o755, 2, *(0,) * 10)
NEGATIVE = protocol.ATTRIBUTES.pack(1, 5, stat.S_IFREG | 0o755, 1, 0, 0, 0, -1, *(0,) * 6)


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [0, None],
        [0, [[b"short"], 0, None]],
        [0, [[DIRECTORY, DIRECTORY], 0, None]],
        [0, [[NEGATIVE], 0, None]],
        [0, [[bytes(ATTRIBUTES_SIZE + 1)], 0, None]],
        [0, [[], 0, b""]],
        [True, None],
        [2, b"x"],
    ],
)
def test_a_lying_gofer_ends_the_sandbox(reply: object) -> None:
    liar = Liar()
    tree = Tree(GoferClient(liar), Path("/"), False)
    liar.replies.append((reply, []))
    with pytest.raises(SentryDown):
        tree.root.lookup(b"x")


def test_a_dead_gofer_ends_the_sandbox() -> None:
    tree = Tree(GoferClient(Liar()), Path("/"), False)
    with pytest.raises(SentryDown):
        tree.root.lookup(b"x")


def test_descriptors_that_were_not_asked_for_are_closed() -> None:
    liar = Liar()
    tree = Tree(GoferClient(liar), Path("/"), False)
    descriptors = [os.dup(0), os.dup(0)]
    liar.replies.append(([0, [[], 2, None]], descriptors))
    with pytest.raises(SentryDown):
        tree.root.lookup(b"x")
    for descriptor in descriptors:
        with pytest.raises(OSError):
            os.fstat(descriptor)


def test_a_descriptor_with_a_walk_that_found_nothing_is_closed() -> None:
    liar = Liar()
    tree = Tree(GoferClient(liar), Path("/"), False)
    descriptor = os.dup(0)
    liar.replies.append(([0, [[], 2, None]], [descriptor]))
    assert code(tree.root.lookup, b"x") == "ENOENT"
    with pytest.raises(OSError):
        os.fstat(descriptor)
    assert tree.client.donated == 0


def test_an_open_without_its_descriptor_is_enfile() -> None:
    liar = Liar()
    tree = Tree(GoferClient(liar), Path("/"), False)
    regular = protocol.ATTRIBUTES.pack(1, 5, stat.S_IFREG | 0o755, 1, *(0,) * 10)
    liar.replies.append(([0, [[regular], 0, None]], []))
    liar.replies.append(([0, regular], []))
    assert code(tree.root.lookup(b"x").open, os.O_RDWR, None, None) == "ENFILE"
