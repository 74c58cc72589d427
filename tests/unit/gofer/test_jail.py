# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The gofer's jail, made for real: as root, and as the root of a user namespace."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gofer import filters, process, protocol
from gofer.channel import Channel, close_all
from gofer.jail import Export
from gofer.protocol import ATTRIBUTES
from sentry.core import native
from tests.unit.gofers import ask

CLONE_NEWUSER = 0x10000000
OPENAT, SOCKET, GETPPID = 257, 41, 110


def in_user_namespace() -> None:
    uid, gid = os.getuid(), os.getgid()
    assert native.syscall(272, CLONE_NEWUSER) == 0
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", file).write_text(text)


def user_namespaces() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if native.syscall(272, CLONE_NEWUSER) == 0 else 1)
    return os.waitpid(pid, 0)[1] == 0


MODES = [
    pytest.param(False, marks=pytest.mark.skipif(os.getuid() != 0, reason="needs root")),
    pytest.param(True, marks=pytest.mark.skipif(not user_namespaces(), reason="needs user namespaces")),
]


class Jailed:
    def __init__(self, channel: Channel, pid: int, said: str) -> None:
        self.channel = channel
        self.pid = pid
        self.said = said
        self.status: int | None = None

    def end(self) -> int:
        self.channel.close()
        if self.status is None:
            self.status = os.waitpid(self.pid, 0)[1]
        return self.status


@contextmanager
def jailed(exports: list[Export], namespace: bool, raw: Callable[..., int] = native.syscall) -> Iterator[Jailed]:
    ours, theirs = Channel.pair()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if namespace:
                in_user_namespace()
            process.run(theirs.fileno(), exports, raw, status=writing)
        finally:
            os._exit(99)
    theirs.close()
    os.close(writing)
    said = b""
    while chunk := os.read(reading, 4096):
        said += chunk
    os.close(reading)
    gofer = Jailed(ours, pid, said.decode())
    try:
        yield gofer
    finally:
        gofer.end()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("content")
    (tmp_path / "plain").write_text("plain")
    return tmp_path


@pytest.mark.parametrize("namespace", MODES)
def test_exports_are_served_and_nothing_else_is_there(tree: Path, namespace: bool) -> None:
    exports = [
        Export(str(tree / "data"), False, False),
        Export(str(tree / "data"), True, True),
        Export(str(tree / "plain"), True, False),
    ]
    with jailed(exports, namespace) as gofer:
        assert gofer.said == "+"
        number, _, descriptors = ask(gofer.channel, protocol.OPEN, 0, b"file", os.O_RDWR)
        assert number == 0
        assert os.read(descriptors[0], 10) == b"content"
        close_all(descriptors)
        number, _, descriptors = ask(gofer.channel, protocol.OPEN, 2, b"", os.O_RDONLY)
        assert os.read(descriptors[0], 10) == b"plain"
        close_all(descriptors)
        assert ask(gofer.channel, protocol.OPEN, 1, b"file", os.O_RDWR)[0] == errno.EROFS
        number, _, descriptors = ask(gofer.channel, protocol.CREATE, 0, b"made", 0o644, 0, 0)
        assert number == 0
        close_all(descriptors)
        assert (tree / "data" / "made").exists()
        status = Path(f"/proc/{gofer.pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["NoNewPrivs"] == "1"
        assert fields["Seccomp"] == "2"
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == int(fields["CapPrm"], 16) == 0x1F
        assert int(fields["CapInh"], 16) == int(fields["CapAmb"], 16) == 0
        assert gofer.end() == 0


@pytest.mark.parametrize("namespace", MODES)
def test_the_read_only_mount_holds_without_the_server_s_own_check(tree: Path, namespace: bool) -> None:
    export = Export(str(tree / "data"), True, False)
    probe = probe_in_jail([export], namespace, lambda: os.mkdir("/0/made"))
    assert probe == errno.EROFS
    assert not (tree / "data" / "made").exists()


def probe_in_jail(exports: list[Export], namespace: bool, action: Callable[[], object], filtered: bool = False) -> int:
    """What action in a jailed process ends with: 0, an errno, or the negative number of the signal that killed it."""
    from gofer import jail

    pid = os.fork()
    if pid == 0:
        code = 200
        try:
            if namespace:
                in_user_namespace()
            if not filtered:
                filters.install = lambda bpf, raw: None
            jail.enter(exports, native.syscall, keep=[])
            try:
                action()
                code = 0
            except OSError as error:
                code = error.errno or 201
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


@pytest.mark.parametrize("namespace", MODES)
def test_the_host_s_root_is_gone(tree: Path, namespace: bool) -> None:
    def look() -> None:
        names = sorted(os.listdir("/"))
        assert names == ["0"], names
        assert os.listdir("/0") == ["file"]
        assert sorted(os.listdir("/..")) == ["0"]
        with pytest.raises(OSError):
            os.mkdir("/made")

    assert probe_in_jail([Export(str(tree / "data"), False, False)], namespace, look) == 0


@pytest.mark.parametrize("namespace", MODES)
def test_a_recursive_root_shows_no_pseudo_file_systems(namespace: bool) -> None:
    with jailed([Export("/", True, True)], namespace) as gofer:
        assert gofer.said == "+"
        for path in (b"proc", b"sys"):
            number, (entries, _), _ = ask(gofer.channel, protocol.READDIR, 0, path, 0)
            assert (number, entries) == (0, [])
        number, (entries, _), _ = ask(gofer.channel, protocol.READDIR, 0, b"dev", 0)
        assert number == 0
        for packed in entries[1::2]:
            mode = ATTRIBUTES.unpack(packed)[2]
            assert not stat.S_ISCHR(mode)
            assert not stat.S_ISBLK(mode)
        assert ask(gofer.channel, protocol.GETATTR, 0, b"etc/passwd")[0] == 0


@pytest.mark.parametrize("number", [OPENAT, SOCKET, GETPPID, 56, 59, 101, 9999])
def test_a_call_that_is_not_listed_kills_the_gofer(tree: Path, number: int) -> None:
    namespace = os.getuid() != 0
    export = [Export(str(tree / "data"), True, False)]
    result = probe_in_jail(export, namespace, lambda: native.syscall(number, 0, 0, 0), filtered=True)
    assert result == -signal.SIGSYS


def test_executable_mappings_kill_the_gofer(tree: Path) -> None:
    def map_executable() -> None:
        native.syscall(9, 0, 4096, 7, 0x22, -1, 0)

    export = [Export(str(tree / "data"), True, False)]
    assert probe_in_jail(export, os.getuid() != 0, map_executable, filtered=True) == -signal.SIGSYS


@pytest.mark.parametrize("namespace", MODES)
def test_a_missing_source_is_said_in_one_line(tree: Path, namespace: bool) -> None:
    with jailed([Export(str(tree / "none"), False, False)], namespace) as gofer:
        assert gofer.said == f"gofer: cannot export {tree}/none: No such file or directory"
        assert os.WEXITSTATUS(gofer.end()) == process.EXIT_JAIL


@pytest.mark.parametrize("namespace", MODES)
def test_a_hostile_request_ends_the_gofer(tree: Path, namespace: bool) -> None:
    with jailed([Export(str(tree / "data"), False, False)], namespace) as gofer:
        gofer.channel.send([protocol.GETATTR, 0, b"../secret"])
        assert os.WEXITSTATUS(os.waitpid(gofer.pid, 0)[1]) == process.EXIT_BROKEN
        gofer.status = 0


@pytest.mark.parametrize("namespace", MODES)
def test_every_operation_passes_the_filter(tree: Path, namespace: bool) -> None:
    requests: list[list[object]] = [
        [protocol.WALK, 0, b"", [b"file"], True],
        [protocol.CREATE, 0, b"n", 0o4644, 0, 0],
        [protocol.CREATE, 0, b"given", 0o4644, 12345, 12345],
        [protocol.TEMPORARY, 0, b"", 0o600, 0, 0],
        [protocol.MKDIR, 0, b"d", 0o2755, 0, 0],
        [protocol.MKNOD, 0, b"p", stat.S_IFIFO | 0o644, 0, 0, 0],
        [protocol.SYMLINK, 0, b"s", b"file", 0, 0],
        [protocol.LINK, 0, b"n", b"m"],
        [protocol.RENAME, 0, b"m", b"o", 0],
        [protocol.UNLINK, 0, b"o"],
        [protocol.RMDIR, 0, b"d"],
        [protocol.READLINK, 0, b"s"],
        [protocol.READDIR, 0, b"", 0],
        [protocol.SETATTR, 0, b"p", 0o600, 0, 0, None, 1, 2],
        [protocol.SETATTR, 0, b"n", 0o600, 0, 0, 5, 1, 2],
        [protocol.STATFS, 0, b""],
        [protocol.SETXATTR, 0, b"n", b"user.x", b"1", 0],
        [protocol.GETXATTR, 0, b"n", b"user.x"],
        [protocol.LISTXATTR, 0, b"n"],
        [protocol.REMOVEXATTR, 0, b"n", b"user.x"],
        [protocol.SYNC, 0, b"", False],
        [protocol.SYNC, 0, b"n", True],
        [protocol.OPEN, 0, b"none", 0],
    ]
    assert {request[0] for request in requests} | {protocol.GETATTR} == set(protocol.ARGUMENTS)
    with jailed([Export(str(tree / "data"), False, False)], namespace) as gofer:
        for request in requests:
            descriptors = ask(gofer.channel, *request)[2]
            close_all(descriptors)
        assert ask(gofer.channel, protocol.GETATTR, 0, b"")[0] == 0
        assert gofer.end() == 0


def test_chmod_works_on_kernels_without_fchmodat2(tree: Path) -> None:
    def old_kernel(number: int, *arguments: int | bytes | bytearray) -> int:
        return -errno.ENOSYS if number == 452 else native.syscall(number, *arguments)

    with jailed([Export(str(tree / "data"), False, False)], os.getuid() != 0, old_kernel) as gofer:
        setattr_ = [protocol.SETATTR, 0, b"file", 0o611, None, None, None, None, None]
        assert ask(gofer.channel, *setattr_)[0] == 0
        assert stat.S_IMODE((tree / "data" / "file").stat().st_mode) == 0o611
        ask(gofer.channel, protocol.SYMLINK, 0, b"s", b"file", 0, 0)
        setattr_[2] = b"s"
        assert ask(gofer.channel, *setattr_)[0] == errno.EOPNOTSUPP


def test_the_kept_program_is_the_one_that_would_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = filters.build()
    assert filters.program() == made
    monkeypatch.setattr(filters, "_CACHE", str(tmp_path / "filter.bpf"))
    assert filters.program() == made
    assert filters.main() == 0
    assert filters.program() == made
    (tmp_path / "filter.bpf").write_bytes(b"PYSCBPF1 of another list" + made)
    assert filters.program() == made


def test_every_allowed_call_has_a_reason_and_the_number_that_libseccomp_knows() -> None:
    import pyseccomp

    names = [name for name, _, _ in filters.ALLOWED]
    assert len(set(names)) == len(names)
    for name, number, reason in filters.ALLOWED:
        assert reason
        try:
            known = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        except (ValueError, OSError):
            continue
        assert known in (number, -1), name
