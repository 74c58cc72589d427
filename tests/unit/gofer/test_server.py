# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""gofer/server.py on directories of the host: what it does, and that it never leaves them."""

from __future__ import annotations

import errno
import gc
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gofer import protocol
from gofer.channel import Channel
from gofer.protocol import ATTRIBUTES, ChannelClosed
from tests.unit.gofers import ask, running

FIELDS = (
    "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", "atime", "mtime", "ctime",
    "btime",
)  # fmt: skip


def attributes(packed: bytes) -> dict[str, int]:
    return dict(zip(FIELDS, ATTRIBUTES.unpack(packed), strict=True))


class Gofer:
    """Export 0 can be written, 1 is the same read-only, 2 is a single file in it."""

    def __init__(self, channel: Channel, root: Path) -> None:
        self.channel = channel
        self.root = root

    def ask(self, *request: Any) -> tuple[int, Any, list[int]]:
        return ask(self.channel, *request)

    def do(self, *request: Any) -> Any:
        number, result, descriptors = self.ask(*request)
        assert number == 0, errno.errorcode[number]
        for descriptor in descriptors:
            os.close(descriptor)
        return result

    def fails(self, *request: Any) -> str:
        number, result, descriptors = self.ask(*request)
        assert result is None
        assert descriptors == []
        return errno.errorcode[number]


@pytest.fixture
def gofer(tmp_path: Path) -> Iterator[Gofer]:
    root = tmp_path / "root"
    (root / "dir" / "sub").mkdir(parents=True)
    (root / "file").write_bytes(b"content")
    (root / "dir" / "sub" / "deep").write_bytes(b"deep")
    (root / "link").symlink_to("file")
    (root / "up").symlink_to("../secret")
    (root / "dirlink").symlink_to("dir")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "fd").symlink_to("/proc/self/fd")
    (tmp_path / "secret").write_text("secret")
    with running([(root, False), (root, True), (root / "file", False)]) as channel:
        yield Gofer(channel, root)


def same_as_host(packed: bytes, path: Path) -> None:
    found = os.lstat(path)
    got = attributes(packed)
    assert got.pop("btime") >= 0
    assert got == {
        "dev": found.st_dev, "ino": found.st_ino, "mode": found.st_mode, "nlink": found.st_nlink, "uid": found.st_uid,
        "gid": found.st_gid, "rdev": found.st_rdev, "size": found.st_size, "blksize": found.st_blksize,
        "blocks": found.st_blocks, "atime": found.st_atime_ns, "mtime": found.st_mtime_ns, "ctime": found.st_ctime_ns,
    }  # fmt: skip


# -- looking --


def test_getattr_says_what_stat_says(gofer: Gofer) -> None:
    for name in ("", "file", "dir", "dir/sub/deep", "link", "up"):
        same_as_host(gofer.do(protocol.GETATTR, 0, os.fsencode(name)), gofer.root / name)


def test_a_walk_goes_through_directories_in_one_go(gofer: Gofer) -> None:
    found, failure, target = gofer.do(protocol.WALK, 0, b"", [b"dir", b"sub", b"deep"], False)
    assert (len(found), failure, target) == (3, 0, None)
    same_as_host(found[2], gofer.root / "dir/sub/deep")


def test_a_walk_says_where_it_ends(gofer: Gofer) -> None:
    walk = protocol.WALK
    assert gofer.do(walk, 0, b"dir", [b"none", b"x"], False) == [[], errno.ENOENT, None]
    found, failure, target = gofer.do(walk, 0, b"", [b"dirlink", b"sub"], False)
    assert (len(found), failure, target) == (1, 0, b"dir")
    found, failure, target = gofer.do(walk, 0, b"", [b"file", b"x"], False)
    assert (len(found), failure, target) == (1, 0, None)
    assert gofer.fails(walk, 0, b"file", [b"x"], False) == "ENOTDIR"
    assert gofer.fails(walk, 0, b"none", [b"x"], False) == "ENOENT"


def test_a_walk_brings_a_read_only_descriptor_of_a_regular_file(gofer: Gofer) -> None:
    number, (found, _, _), descriptors = gofer.ask(protocol.WALK, 0, b"dir", [b"sub", b"deep"], True)
    assert (number, len(found), len(descriptors)) == (0, 2, 1)
    assert os.read(descriptors[0], 10) == b"deep"
    with pytest.raises(OSError):
        os.write(descriptors[0], b"x")
    os.close(descriptors[0])
    for names in ([b"dir"], [b"link"], [b"file", b"x"], [b"none"]):
        assert gofer.ask(protocol.WALK, 0, b"", names, True)[2] == []


def test_readlink(gofer: Gofer) -> None:
    assert gofer.do(protocol.READLINK, 0, b"up") == b"../secret"
    assert gofer.fails(protocol.READLINK, 0, b"file") == "EINVAL"


def test_readdir_brings_all_names_with_their_attributes_in_chunks(gofer: Gofer) -> None:
    many = gofer.root / "many"
    many.mkdir()
    for number in range(5000):
        (many / f"file-with-a-longer-name-{number}").touch()
    names: dict[bytes, bytes] = {}
    cookie, chunks = 0, 0
    while True:
        entries, cookie = gofer.do(protocol.READDIR, 0, b"many", cookie)
        names.update(zip(entries[::2], entries[1::2], strict=True))
        chunks += 1
        if not cookie:
            break
    assert len(names) == 5000
    assert chunks > 1
    same_as_host(names[b"file-with-a-longer-name-4711"], many / "file-with-a-longer-name-4711")
    assert gofer.do(protocol.READDIR, 0, b"dir/sub", 0)[0][::2] == [b"deep"]
    assert gofer.fails(protocol.READDIR, 0, b"file", 0) == "ENOTDIR"
    assert gofer.fails(protocol.READDIR, 0, b"dirlink", 0) in ("ENOTDIR", "ELOOP")


def test_statfs(gofer: Gofer) -> None:
    result = gofer.do(protocol.STATFS, 0, b"")
    host = os.statvfs(gofer.root)
    assert (result[1], result[2], result[7]) == (host.f_bsize, host.f_blocks, host.f_namemax)


def test_a_path_longer_than_path_max_can_be_reached(gofer: Gofer) -> None:
    name = "d" * 200
    directory = os.open(gofer.root, os.O_RDONLY)
    for _ in range(40):
        os.mkdir(name, dir_fd=directory)
        below = os.open(name, os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(os.open("end", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    path = b"/".join([name.encode()] * 40)
    assert gofer.do(protocol.READDIR, 0, path, 0)[0][::2] == [b"end"]
    gofer.do(protocol.UNLINK, 0, path + b"/end")
    assert gofer.do(protocol.READDIR, 0, path, 0)[0] == []
    while path:
        gofer.do(protocol.RMDIR, 0, path)
        path = path.rpartition(b"/")[0]


# -- escapes --


@pytest.mark.parametrize("path", [b"up", b"absolute", b"link", b"fd/0", b"dirlink/sub/deep", b"dir/sub"])
@pytest.mark.parametrize("access", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_links_are_never_followed_and_directories_never_opened(gofer: Gofer, path: bytes, access: int) -> None:
    assert gofer.fails(protocol.OPEN, 0, path, access) in ("ELOOP", "ENOTDIR", "EISDIR", "ENOENT")


@pytest.mark.parametrize("path", [b"../secret", b"/etc/passwd", b"dir/../../secret", b"..", b"dir//sub", b"./file"])
@pytest.mark.parametrize("operation", [protocol.GETATTR, protocol.READLINK, protocol.UNLINK, protocol.RMDIR])
def test_a_path_with_dots_ends_the_connection(gofer: Gofer, operation: int, path: bytes) -> None:
    with pytest.raises(ChannelClosed):
        gofer.ask(operation, 0, path)
    assert (gofer.root.parent / "secret").read_text() == "secret"


def test_a_directory_that_became_a_link_meanwhile_is_not_followed(gofer: Gofer) -> None:
    os.rename(gofer.root / "dir", gofer.root / "moved")
    (gofer.root / "dir").symlink_to("/etc")
    assert gofer.fails(protocol.OPEN, 0, b"dir/passwd", 0) in ("ELOOP", "ENOTDIR")
    assert gofer.fails(protocol.CREATE, 0, b"dir/new", 0o644, 0, 0) in ("ELOOP", "ENOTDIR")
    assert gofer.fails(protocol.WALK, 0, b"dir", [b"passwd"], True) in ("ELOOP", "ENOTDIR")


def test_creating_over_a_dangling_link_makes_nothing(gofer: Gofer) -> None:
    (gofer.root / "dangling").symlink_to("../made")
    assert gofer.fails(protocol.CREATE, 0, b"dangling", 0o644, os.getuid(), os.getgid()) == "EEXIST"
    assert not (gofer.root.parent / "made").exists()


def test_another_export_cannot_be_named(gofer: Gofer) -> None:
    with pytest.raises(ChannelClosed):
        gofer.ask(protocol.GETATTR, 3, b"")


def test_descriptors_in_a_request_end_the_connection(gofer: Gofer) -> None:
    gofer.channel.send([protocol.GETATTR, 0, b""], [0])
    with pytest.raises(ChannelClosed):
        gofer.channel.receive()


def test_fifos_sockets_and_devices_are_not_opened(gofer: Gofer) -> None:
    os.mkfifo(gofer.root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(gofer.root / "socket"))
        for name in (b"fifo", b"socket"):
            for access in (0, 1, 2):
                assert gofer.fails(protocol.OPEN, 0, name, access) == "ENXIO"
            assert gofer.ask(protocol.WALK, 0, b"", [name], True)[2] == []


def test_device_nodes_are_not_made(gofer: Gofer) -> None:
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        assert gofer.fails(protocol.MKNOD, 0, b"device", kind | 0o666, os.makedev(1, 3), 0, 0) == "EPERM"
    for kind in (stat.S_IFDIR, stat.S_IFLNK, 0):
        assert gofer.fails(protocol.MKNOD, 0, b"other", kind | 0o666, 0, 0, 0) == "EINVAL"


WRITES: list[tuple[Any, ...]] = [
    (protocol.OPEN, 1, b"file", os.O_WRONLY),
    (protocol.OPEN, 1, b"file", os.O_RDWR),
    (protocol.CREATE, 1, b"n", 0o644, 0, 0),
    (protocol.TEMPORARY, 1, b"", 0o644, 0, 0),
    (protocol.MKDIR, 1, b"n", 0o755, 0, 0),
    (protocol.MKNOD, 1, b"n", 0o010644, 0, 0, 0),
    (protocol.SYMLINK, 1, b"n", b"t", 0, 0),
    (protocol.LINK, 1, b"file", b"n"),
    (protocol.UNLINK, 1, b"file"),
    (protocol.RMDIR, 1, b"dir"),
    (protocol.RENAME, 1, b"file", b"n", 0),
    (protocol.SETATTR, 1, b"file", 0o777, None, None, None, None, None),
    (protocol.SETATTR, 1, b"file", None, None, None, 0, None, None),
    (protocol.SETXATTR, 1, b"file", b"user.x", b"", 0),
    (protocol.REMOVEXATTR, 1, b"file", b"user.x"),
]


@pytest.mark.parametrize("request_", WRITES, ids=lambda request: str(request[0]))
def test_a_read_only_export_refuses_every_change(gofer: Gofer, request_: tuple[Any, ...]) -> None:
    before = sorted(os.listdir(gofer.root))
    assert gofer.fails(*request_) == "EROFS"
    assert sorted(os.listdir(gofer.root)) == before
    assert (gofer.root / "file").read_bytes() == b"content"


def test_the_list_of_changes_is_complete() -> None:
    assert protocol.WRITES | {protocol.OPEN} == {request[0] for request in WRITES}


# -- a single file --


def test_an_export_may_be_a_single_file(gofer: Gofer) -> None:
    same_as_host(gofer.do(protocol.GETATTR, 2, b""), gofer.root / "file")
    number, _, descriptors = gofer.ask(protocol.OPEN, 2, b"", os.O_RDWR)
    assert number == 0
    assert os.read(descriptors[0], 10) == b"content"
    os.close(descriptors[0])
    gofer.do(protocol.SETATTR, 2, b"", 0o600, None, None, 3, None, None)
    assert (gofer.root / "file").read_bytes() == b"con"
    assert gofer.fails(protocol.GETATTR, 2, b"dir") == "ENOTDIR"
    assert gofer.fails(protocol.WALK, 2, b"", [b"dir"], False) == "ENOTDIR"
    assert gofer.fails(protocol.UNLINK, 2, b"file") == "ENOTDIR"
    assert gofer.fails(protocol.READDIR, 2, b"", 0) == "ENOTDIR"


# -- changing --


def ids() -> tuple[int, int]:
    return os.getuid(), os.getgid()


def test_create_donates_a_descriptor_and_does_not_open_what_exists(gofer: Gofer) -> None:
    number, (packed, parent), descriptors = gofer.ask(protocol.CREATE, 0, b"dir/new", 0o4750, *ids())
    assert number == 0
    same_as_host(packed, gofer.root / "dir/new")
    same_as_host(parent, gofer.root / "dir")
    assert attributes(packed)["mode"] == stat.S_IFREG | 0o4750
    os.write(descriptors[0], b"x")
    os.close(descriptors[0])
    assert (gofer.root / "dir/new").read_bytes() == b"x"
    assert gofer.fails(protocol.CREATE, 0, b"dir/new", 0o644, *ids()) == "EEXIST"
    assert gofer.fails(protocol.CREATE, 0, b"dir", 0o644, *ids()) == "EEXIST"


@pytest.mark.skipif(os.getuid() != 0, reason="giving files away takes root")
def test_what_is_made_belongs_to_whom_it_shall(gofer: Gofer) -> None:
    for packed in (
        gofer.do(protocol.CREATE, 0, b"f", 0o6755, 1000, 1001)[0],
        gofer.do(protocol.MKDIR, 0, b"d", 0o1777, 1000, 1001)[0],
        gofer.do(protocol.MKNOD, 0, b"p", stat.S_IFIFO | 0o6644, 0, 1000, 1001)[0],
        gofer.do(protocol.SYMLINK, 0, b"s", b"target", 1000, 1001)[0],
    ):
        got = attributes(packed)
        assert (got["uid"], got["gid"]) == (1000, 1001)
    assert stat.S_IMODE(os.lstat(gofer.root / "f").st_mode) == 0o6755
    assert stat.S_IMODE(os.lstat(gofer.root / "d").st_mode) == 0o1777
    assert stat.S_IMODE(os.lstat(gofer.root / "p").st_mode) == 0o6644
    assert os.readlink(gofer.root / "s") == "target"


def test_link_unlink_mkdir_rmdir(gofer: Gofer) -> None:
    packed, _ = gofer.do(protocol.LINK, 0, b"file", b"dir/hard")
    assert attributes(packed)["nlink"] == 2
    gofer.do(protocol.UNLINK, 0, b"file")
    assert (gofer.root / "dir/hard").read_bytes() == b"content"
    assert gofer.fails(protocol.RMDIR, 0, b"dir") == "ENOTEMPTY"
    assert gofer.fails(protocol.UNLINK, 0, b"dir") == "EISDIR"
    parent = gofer.do(protocol.MKDIR, 0, b"dir/made", 0o700, *ids())[1]
    assert attributes(parent)["nlink"] == os.stat(gofer.root / "dir").st_nlink
    gofer.do(protocol.RMDIR, 0, b"dir/made")


def test_a_link_itself_can_be_linked(gofer: Gofer) -> None:
    gofer.do(protocol.LINK, 0, b"up", b"again")
    assert os.readlink(gofer.root / "again") == "../secret"


def test_rename_with_its_flags(gofer: Gofer) -> None:
    rename = protocol.RENAME
    moved, parent, new_parent, other = gofer.do(rename, 0, b"file", b"dir/file", 0)
    same_as_host(moved, gofer.root / "dir/file")
    same_as_host(parent, gofer.root)
    same_as_host(new_parent, gofer.root / "dir")
    assert other is None
    assert gofer.fails(rename, 0, b"dir/file", b"link", protocol.RENAME_NOREPLACE) == "EEXIST"
    assert gofer.fails(rename, 0, b"dir", b"dir/sub/dir", 0) == "EINVAL"
    other = gofer.do(rename, 0, b"dir/file", b"link", protocol.RENAME_EXCHANGE)[3]
    same_as_host(other, gofer.root / "dir/file")
    assert stat.S_ISLNK(attributes(other)["mode"])


def test_setattr_sets_what_it_is_given_and_nothing_else(gofer: Gofer) -> None:
    before = os.stat(gofer.root / "file")
    setattr_ = protocol.SETATTR
    gofer.do(setattr_, 0, b"file", 0o604, None, None, None, None, None)
    gofer.do(setattr_, 0, b"file", None, None, None, 4, None, None)
    gofer.do(setattr_, 0, b"file", None, None, None, None, None, -1_500_000_000)
    after = os.stat(gofer.root / "file")
    assert (stat.S_IMODE(after.st_mode), after.st_size, after.st_mtime_ns) == (0o604, 4, -1_500_000_000)
    assert (after.st_uid, after.st_gid, after.st_atime_ns) == (before.st_uid, before.st_gid, before.st_atime_ns)
    packed = gofer.do(setattr_, 0, b"", 0o711, None, None, None, 5, 7)
    same_as_host(packed, gofer.root)
    assert gofer.fails(setattr_, 0, b"dir", None, None, None, 0, None, None) == "EISDIR"


def test_setattr_of_a_link_changes_the_link(gofer: Gofer) -> None:
    gofer.do(protocol.SETATTR, 0, b"up", None, None, None, None, 5, 6)
    assert os.lstat(gofer.root / "up").st_mtime_ns == 6
    assert gofer.fails(protocol.SETATTR, 0, b"up", 0o777, None, None, None, None, None) == "ENOTSUP"
    assert gofer.fails(protocol.SETATTR, 0, b"up", None, None, None, 0, None, None) == "ELOOP"
    secret = gofer.root.parent / "secret"
    assert secret.read_text() == "secret"
    assert secret.stat().st_mtime_ns != 6


def test_setattr_of_a_fifo(gofer: Gofer) -> None:
    os.mkfifo(gofer.root / "fifo")
    packed = gofer.do(protocol.SETATTR, 0, b"fifo", 0o622, None, None, None, 1, 2)
    assert attributes(packed)["mode"] == stat.S_IFIFO | 0o622


def test_extended_attributes_of_users_alone(gofer: Gofer) -> None:
    try:
        gofer.do(protocol.SETXATTR, 0, b"file", b"user.a", b"value", 0)
    except AssertionError:
        pytest.skip("the file system of the tests has no extended attributes")
    assert gofer.do(protocol.GETXATTR, 0, b"file", b"user.a") == b"value"
    assert gofer.do(protocol.LISTXATTR, 0, b"file") == [b"user.a"]
    assert gofer.fails(protocol.SETXATTR, 0, b"file", b"user.a", b"", os.XATTR_CREATE) == "EEXIST"
    for name in (b"security.capability", b"system.posix_acl_access", b"trusted.x", b"user"):
        assert gofer.fails(protocol.GETXATTR, 0, b"file", name) == "ENOTSUP"
        assert gofer.fails(protocol.SETXATTR, 0, b"file", name, b"", 0) == "ENOTSUP"
        assert gofer.fails(protocol.REMOVEXATTR, 0, b"file", name) == "ENOTSUP"
    gofer.do(protocol.REMOVEXATTR, 0, b"file", b"user.a")
    assert gofer.fails(protocol.GETXATTR, 0, b"file", b"user.a") == "ENODATA"
    assert gofer.fails(protocol.SETXATTR, 0, b"up", b"user.a", b"", 0) == "EPERM"


def test_sync(gofer: Gofer) -> None:
    for path in (b"", b"file"):
        assert gofer.do(protocol.SYNC, 0, path, False) is None
        assert gofer.do(protocol.SYNC, 1, path, True) is None


def test_a_temporary_file_has_no_name(gofer: Gofer) -> None:
    before = sorted(os.listdir(gofer.root))
    number, packed, descriptors = gofer.ask(protocol.TEMPORARY, 0, b"", 0o600, *ids())
    if number == errno.EOPNOTSUPP:
        pytest.skip("the file system of the tests has no unnamed files")
    assert attributes(packed)["nlink"] == 0
    os.close(descriptors[0])
    assert sorted(os.listdir(gofer.root)) == before


def test_no_request_leaves_a_descriptor_open_in_the_gofer(tmp_path: Path) -> None:
    from gofer.server import Server
    from sentry.core import native
    from tests.unit.gofer.test_protocol import WELL_FORMED
    from tests.unit.gofers import served

    (tmp_path / "d").mkdir()
    (tmp_path / "a").touch()
    server = Server([served(tmp_path)], native.syscall)
    gc.collect()  # what other tests left behind must not go away between two counts
    before = len(os.listdir("/proc/self/fd"))
    cwd = os.getcwd()
    try:
        for request in WELL_FORMED * 3:
            _, donated = server.handle(list(request))
            for descriptor in donated:
                os.close(descriptor)
    finally:
        os.chdir(cwd)
    assert len(os.listdir("/proc/self/fd")) == before
