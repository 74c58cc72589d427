# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The file calls over a tmpfs. What is expected was seen on Linux 6.18."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import struct
from typing import Any, cast

import pytest

from sentry.abi.fcntl import FLOCK
from sentry.abi.stat import STAT, STATFS, STATX
from sentry.kernel.credentials import Credentials
from syscalls import (
    attributes,
    copying,
    descriptors,
    directories,
    extent,
    locks,
    mapping,
    mounts,
    names,
    opening,
    pipes,
    process_memory,
    read_write,
    remainder,
    sockets,
    xattrs,
)
from syscalls import stat as stats
from tests.unit.ipc import FakeTask, start
from tests.unit.syscalls.guest import AT_FDCWD, BAD, Guest

RDWR = os.O_RDWR | os.O_CREAT
BIG = 100_000  # more than a tmpfs file keeps in the sentry's memory


@pytest.fixture
def guest() -> Guest:
    return Guest()


def opened(guest: Guest, path: bytes = b"/f", flags: int = RDWR, mode: int = 0o644) -> int:
    fd = guest.sys(opening.open, path, flags, mode)
    assert fd >= 0
    return int(fd)


def piped(guest: Guest) -> tuple[int, int]:
    ends = guest.buffer(8)
    assert guest.sys(pipes.pipe2, ends, os.O_NONBLOCK) == 0
    reader, writer = struct.unpack("<ii", guest.peek(ends, 8))
    return reader, writer


def content(guest: Guest, fd: int) -> bytes:
    parts = []
    offset = 0
    buffer = guest.buffer(65536)
    while got := guest.sys(read_write.pread64, fd, buffer, 65536, offset):
        assert got > 0
        parts.append(guest.peek(buffer, got))
        offset += got
    return b"".join(parts)


# -- read and write --
def test_what_is_written_is_read_back_at_the_offsets(guest: Guest) -> None:
    fd = opened(guest)
    assert guest.sys(read_write.write, fd, b"hello world", 11) == 11
    assert guest.sys(extent.lseek, fd, 6, 0) == 6
    buffer = guest.buffer()
    assert guest.sys(read_write.read, fd, buffer, 100) == 5
    assert guest.peek(buffer, 5) == b"world"
    assert guest.sys(read_write.read, fd, buffer, 100) == 0
    assert guest.sys(read_write.pwrite64, fd, b"J", 1, 0) == 1
    assert content(guest, fd) == b"Jello world"
    assert guest.sys(extent.lseek, fd, 0, 1) == 11


def test_a_large_file_is_copied_without_objects(guest: Guest) -> None:
    fd = opened(guest)
    address = guest.place(bytes(range(250)) * 400)
    assert guest.sys(read_write.write, fd, address, BIG) == BIG
    before = guest.files_platform.copies
    assert guest.sys(read_write.write, fd, address, BIG) == BIG
    assert guest.files_platform.copies == before + 1
    assert content(guest, fd) == bytes(range(250)) * 800
    assert guest.files_platform.copies > before + 1


def test_append_writes_at_the_end_whatever_the_offset(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(read_write.write, fd, b"one", 3)
    end = opened(guest, flags=os.O_WRONLY | os.O_APPEND)
    assert guest.sys(read_write.write, end, b"two", 3) == 3
    assert guest.sys(read_write.pwrite64, end, b"x", 1, 0) == 1
    assert content(guest, fd) == b"onetwox"


@pytest.mark.parametrize("size", [5, BIG])
def test_vectors_are_gathered_and_scattered(guest: Guest, size: int) -> None:
    fd = opened(guest)
    guest.sys(extent.ftruncate, fd, size)
    first, second = guest.place(b"abc"), guest.place(b"defg")
    vector = guest.place(struct.pack("<4Q", first, 3, second, 4))
    assert guest.sys(read_write.writev, fd, vector, 2) == 7
    assert guest.sys(read_write.pwritev, fd, vector, 2, 100, 0) == 7
    assert guest.sys(read_write.pwritev2, fd, vector, 1, -1, -1, 0) == 3
    assert content(guest, fd)[:10] == b"abcdefgabc"
    target = guest.buffer(20)
    into = guest.place(struct.pack("<4Q", target, 2, target + 10, 5))
    assert guest.sys(read_write.preadv, fd, into, 2, 1, 0) == 7
    assert guest.peek(target, 2) + guest.peek(target + 10, 5) == b"bcdefga"
    assert guest.sys(read_write.preadv2, fd, into, 2, 0, 0, 1 << 20) == -errno.EOPNOTSUPP


def test_bad_addresses_and_modes_come_in_the_order_of_linux(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(read_write.write, fd, b"hello", 5)
    reads, writes = opened(guest, flags=os.O_RDONLY), opened(guest, flags=os.O_WRONLY)
    place, directory = opened(guest, flags=os.O_PATH), opened(guest, b"/", os.O_RDONLY)
    buffer = guest.buffer()
    assert guest.sys(read_write.read, writes, 1 << 63, 1) == -errno.EBADF
    assert guest.sys(read_write.read, place, buffer, 1) == -errno.EBADF
    assert guest.sys(read_write.read, directory, buffer, 1) == -errno.EISDIR
    assert guest.sys(read_write.read, reads, BAD, 1) == -errno.EFAULT
    assert guest.sys(read_write.read, reads, BAD, 0) == 0
    assert guest.sys(read_write.read, reads, buffer, 1 << 63) == -errno.EFAULT
    assert guest.sys(extent.lseek, reads, 0, 1) == 0
    assert guest.sys(read_write.write, writes, BAD, 4) == -errno.EFAULT
    assert guest.sys(read_write.write, writes, BAD, 0) == 0
    assert guest.sys(read_write.pread64, -1, buffer, 1, -1) == -errno.EINVAL
    assert guest.sys(read_write.pread64, writes, buffer, 1, 0) == -errno.EBADF
    reader, _ = piped(guest)
    assert guest.sys(read_write.pread64, reader, buffer, 1, 0) == -errno.ESPIPE
    assert guest.sys(read_write.pwrite64, reader, buffer, 1, 0) == -errno.ESPIPE
    vector = guest.place(struct.pack("<4Q", buffer, 5, BAD, 5))
    assert guest.sys(read_write.readv, reads, vector, 2) == 5
    assert guest.sys(read_write.readv, writes, vector, 0) == -errno.EBADF
    assert guest.sys(read_write.readv, reads, vector, 1025) == -errno.EINVAL
    assert guest.sys(read_write.readv, reads, guest.place(struct.pack("<2Q", buffer, 1 << 63)), 1) == -errno.EINVAL


def test_read_waits_for_a_pipe_and_write_goes_on_until_all_is_written(guest: Guest) -> None:
    reader, writer = piped(guest)
    for fd in (reader, writer):
        guest.sys(descriptors.fcntl, fd, fcntl.F_SETFL, 0)
    buffer = guest.buffer(300_000)
    waiting = start(guest, read_write.read, reader, buffer, 10)
    assert waiting.blocked
    assert guest.sys(read_write.write, writer, b"abc", 3) == 3
    assert waiting.run().result == 3
    assert guest.peek(buffer, 3) == b"abc"
    data = guest.place(bytes(range(256)) * 1000)
    writing = start(guest, read_write.write, writer, data, 256_000)
    assert writing.blocked
    got = b""
    while len(got) < 256_000:
        count = guest.sys(read_write.read, reader, buffer, 300_000)
        assert count > 0
        got += guest.peek(buffer, count)
        writing.run()
    assert writing.result == 256_000
    assert got == bytes(range(256)) * 1000


def test_an_interrupted_write_says_how_far_it_came(guest: Guest) -> None:
    reader, writer = piped(guest)
    guest.sys(descriptors.fcntl, writer, fcntl.F_SETFL, 0)
    data = guest.buffer(100_000)
    assert start(guest, read_write.write, writer, data, 100_000).kick().result == 65536
    again = start(guest, read_write.write, writer, data, 10).kick()
    assert again.interrupted is not None
    guest.sys(opening.close, reader)
    assert guest.sys(read_write.write, writer, data, 1) == -errno.EPIPE
    assert guest.signals == [signal.SIGPIPE]
    assert guest.files.get(writer).references == 1


def test_nonblocking_files_give_EAGAIN(guest: Guest) -> None:
    reader, writer = piped(guest)
    buffer = guest.buffer(100_000)
    assert guest.sys(read_write.read, reader, buffer, 1) == -errno.EAGAIN
    assert guest.sys(read_write.write, writer, buffer, 100_000) == 65536
    assert guest.sys(read_write.write, writer, buffer, 1) == -errno.EAGAIN


@pytest.mark.parametrize("size", [0, BIG])
def test_the_file_size_limit_cuts_and_then_signals(guest: Guest, size: int) -> None:
    fd = opened(guest)
    guest.sys(extent.ftruncate, fd, size)
    guest.process.limits[1] = (size + 10, size + 10)
    guest.sys(extent.lseek, fd, size, 0)
    buffer = guest.buffer(100)
    assert guest.sys(read_write.write, fd, buffer, 100) == 10
    assert guest.sys(read_write.write, fd, buffer, 100) == -errno.EFBIG
    assert guest.sys(extent.ftruncate, fd, size + 11) == -errno.EFBIG
    assert guest.signals == [signal.SIGXFSZ, signal.SIGXFSZ]


@pytest.mark.parametrize("size", [3, BIG])
def test_a_write_by_an_ordinary_user_takes_set_user_id_away(guest: Guest, size: int) -> None:
    fd = opened(guest, mode=0o777)
    guest.sys(extent.ftruncate, fd, size)
    guest.sys(attributes.fchmod, fd, 0o4755)
    guest.credentials = Credentials(1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, (), 0, 0)
    assert guest.sys(read_write.write, fd, b"x", 1) == 1
    assert guest.files.get(fd).attributes().mode & 0o7777 == 0o755


# -- open, close, dup, fcntl --
def test_openat_checks_path_then_descriptor(guest: Guest) -> None:
    reader, _ = piped(guest)
    assert guest.sys(opening.openat, -1, b"", 0, 0) == -errno.ENOENT
    assert guest.sys(opening.openat, -1, b"x", 0, 0) == -errno.EBADF
    assert guest.sys(opening.openat, reader, b"x", 0, 0) == -errno.ENOTDIR
    assert guest.sys(opening.openat, -1, b"/", 0, 0) >= 0
    assert guest.sys(opening.openat, -1, BAD, 0, 0) == -errno.EFAULT
    assert guest.sys(opening.open, b"/" + b"a" * 300, 0, 0) == -errno.ENAMETOOLONG


def test_a_full_table_creates_no_file(guest: Guest) -> None:
    guest.process.limits[7] = (1, 1)
    opened(guest)
    assert guest.sys(opening.open, b"/new", RDWR, 0o600) == -errno.EMFILE
    assert guest.sys(attributes.access, b"/new", 0) == -errno.ENOENT


def test_openat2_refuses_what_open_ignores(guest: Guest) -> None:
    def how(flags: int, mode: int = 0, resolve: int = 0, more: bytes = b"") -> tuple[int, int]:
        raw = struct.pack("<QQQ", flags, mode, resolve) + more
        return guest.place(raw), len(raw)

    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0)) >= 0
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(1 << 30)) == -errno.EINVAL
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0, 0o600)) == -errno.EINVAL
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0, 0, 0x100)) == -errno.EINVAL
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0, 0, 0, b"\0" * 8)) >= 0
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0, 0, 0, b"\1" * 8)) == -errno.E2BIG
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", how(0)[0], 8) == -errno.EINVAL
    assert guest.sys(opening.openat2, AT_FDCWD, b"/", *how(0, 0, 8)) == -errno.EXDEV


def test_close_on_exec_and_duplicates(guest: Guest) -> None:
    fd = opened(guest, flags=RDWR | os.O_CLOEXEC)
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETFD, 0) == 1
    copy = guest.sys(descriptors.fcntl, fd, fcntl.F_DUPFD, 10)
    assert copy == 10
    assert guest.sys(descriptors.fcntl, copy, fcntl.F_GETFD, 0) == 0
    assert guest.sys(descriptors.dup2, fd, 20) == 20
    assert guest.sys(descriptors.dup2, fd, fd) == fd
    assert guest.sys(descriptors.dup2, fd, 5000) == -errno.EBADF
    assert guest.sys(descriptors.dup3, fd, fd, 0) == -errno.EINVAL
    assert guest.sys(descriptors.dup3, fd, 21, os.O_CLOEXEC) == 21
    assert guest.files.get(fd).references == 4
    assert guest.sys(opening.close_range, 10, 0xFFFFFFFF, 0) == 0
    assert guest.files.get(fd).references == 1
    assert guest.sys(opening.close, fd) == 0
    assert guest.sys(opening.close, fd) == -errno.EBADF


def test_fcntl_flags_as_linux_shows_them(guest: Guest) -> None:
    fd, place = opened(guest), opened(guest, flags=os.O_PATH)
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETFL, 0) == 0o100002
    assert guest.sys(descriptors.fcntl, place, fcntl.F_GETFL, 0) == os.O_PATH
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK | os.O_TRUNC) == 0
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETFL, 0) == 0o100002 | os.O_APPEND | os.O_NONBLOCK
    assert guest.sys(descriptors.fcntl, fd, 99, 0) == -errno.EINVAL
    assert guest.sys(descriptors.fcntl, place, 99, 0) == -errno.EBADF
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETPIPE_SZ, 0) == -errno.EBADF
    reader, _ = piped(guest)
    assert guest.sys(descriptors.fcntl, reader, fcntl.F_GETPIPE_SZ, 0) == 65536
    assert guest.sys(descriptors.fcntl, reader, fcntl.F_SETPIPE_SZ, 4096) == 4096


def test_record_locks_are_kept_by_table_and_description(guest: Guest) -> None:
    fd = opened(guest)
    lock = guest.place(FLOCK.pack(fcntl.F_WRLCK, 0, 10, 5, 0))
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_SETLK, lock) == 0
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_OFD_SETLK, lock) == -errno.EAGAIN
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_OFD_GETLK, lock) == 0
    assert FLOCK.unpack(guest.peek(lock, FLOCK.size)) == (fcntl.F_WRLCK, 0, 10, 5, 1)
    reads = opened(guest, flags=os.O_RDONLY)
    assert guest.sys(descriptors.fcntl, reads, fcntl.F_SETLK, lock) == -errno.EBADF
    wrong = guest.place(FLOCK.pack(7, 0, 0, 0, 0))
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_SETLK, wrong) == -errno.EINVAL
    guest.sys(opening.close, reads)  # any descriptor of the file
    other = guest.place(FLOCK.pack(fcntl.F_WRLCK, 0, 10, 5, 0))
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_OFD_SETLK, other) == 0


def test_flock_waits_for_the_other_description(guest: Guest) -> None:
    first, second = opened(guest), opened(guest)
    assert guest.sys(locks.flock, first, fcntl.LOCK_EX) == 0
    assert guest.sys(locks.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB) == -errno.EWOULDBLOCK
    waiting = start(guest, locks.flock, second, fcntl.LOCK_SH)
    assert waiting.blocked
    guest.sys(opening.close, first)
    assert waiting.run().result == 0
    assert guest.sys(locks.flock, second, 3) == -errno.EINVAL


def test_ioctls_of_every_file(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(read_write.write, fd, b"hello", 5)
    guest.sys(extent.lseek, fd, 2, 0)
    buffer = guest.buffer()
    assert guest.sys(descriptors.ioctl, fd, 0x541B, buffer) == 0
    assert guest.peek(buffer, 4) == b"\3\0\0\0"
    assert guest.sys(descriptors.ioctl, fd, 0x5421, guest.place(b"\1\0\0\0")) == 0
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETFL, 0) & os.O_NONBLOCK
    assert guest.sys(descriptors.ioctl, fd, 0x5451, 0) == 0
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GETFD, 0) == 1
    assert guest.sys(descriptors.ioctl, fd, 0x5401, buffer) == -errno.ENOTTY


# -- memfd and mmap --
def test_memfd_seals(guest: Guest) -> None:
    fd = guest.sys(opening.memfd_create, b"x", 2)
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_GET_SEALS, 0) == 0
    guest.sys(read_write.write, fd, b"abc", 3)
    assert guest.sys(descriptors.fcntl, fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE) == 0
    assert guest.sys(read_write.write, fd, b"abc", 3) == -errno.EPERM
    assert guest.sys(mapping.map_file, fd, 4096, 3, 1, 0, 0) == -errno.EPERM
    assert guest.sys(opening.memfd_create, b"a" * 250, 0) == -errno.EINVAL
    assert guest.sys(opening.memfd_create, b"a", 0x20) == -errno.EINVAL


def test_map_file_checks_as_mmap(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(read_write.write, fd, b"x", 1)
    reads, writes = opened(guest, flags=os.O_RDONLY), opened(guest, flags=os.O_WRONLY)
    directory, place = opened(guest, b"/", os.O_RDONLY), opened(guest, flags=os.O_PATH)
    reader, _ = piped(guest)

    def mapped(fd: int, length: int, protection: int, flags: int, offset: int = 0) -> int:
        return int(guest.sys(mapping.map_file, fd, length, protection, flags, offset, 0))

    assert mapped(fd, 4096, 3, 1) == 900
    assert mapped(reads, 4096, 3, 2) == 900
    assert mapped(reads, 4096, 3, 1) == -errno.EACCES
    assert mapped(writes, 4096, 2, 1) == -errno.EACCES
    assert mapped(writes, 4096, 0, 2) == -errno.EACCES
    assert mapped(reader, 4096, 1, 1) == -errno.ENODEV
    assert mapped(reader, 0, 1, 1) == -errno.EINVAL
    assert mapped(directory, 4096, 1, 1) == -errno.ENODEV
    assert mapped(place, 4096, 1, 1) == -errno.EBADF
    assert mapped(-1, 0, 1, 1) == -errno.EBADF
    assert mapped(fd, 4096, 1, 1, 5) == -errno.EINVAL
    assert mapped(fd, 4096, 1, 0) == -errno.EINVAL
    assert mapped(fd, 4096, 1, 0xF) == -errno.EINVAL
    assert mapped(fd, 2**64 - 1, 1, 1) == -errno.ENOMEM
    assert mapped(fd, 8192, 1, 1, 0x7FFFFFFFFFFFF000) == -errno.EOVERFLOW
    assert mapped(fd, 4096, 1, 0x80003) == -errno.EOPNOTSUPP
    assert set(guest.mapped) == {b"/f"}


# -- attributes --
def test_stat_in_all_its_forms_agrees(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(read_write.write, fd, b"hello", 5)
    buffer = guest.buffer()
    assert guest.sys(stats.fstat, fd, buffer) == 0
    by_fd = guest.peek(buffer, STAT.size)
    for handler, arguments in (
        (stats.stat, (b"/f", buffer)),
        (stats.lstat, (b"f", buffer)),
        (stats.newfstatat, (AT_FDCWD, b"f", buffer, 0)),
        (stats.newfstatat, (fd, b"", buffer, 0x1000)),
        (stats.newfstatat, (fd, 0, buffer, 0x1000)),
    ):
        guest.memory.write(buffer, bytes(STAT.size))
        assert guest.sys(handler, *arguments) == 0
        assert guest.peek(buffer, STAT.size) == by_fd
    fields = STAT.unpack(by_fd)
    assert fields[3] == stat.S_IFREG | 0o644
    assert fields[8] == 5
    assert guest.sys(stats.statx, fd, b"", 0x1000, 0xFFF, buffer) == 0
    found = STATX.unpack(guest.peek(buffer, STATX.size))
    assert (found[6], found[8], found[9]) == (fields[3], fields[1], 5)
    assert guest.sys(stats.statx, AT_FDCWD, b"/", 0x6000, 0, buffer) == -errno.EINVAL
    assert guest.sys(stats.newfstatat, AT_FDCWD, b"/", buffer, 0x10000) == -errno.EINVAL
    assert guest.sys(stats.newfstatat, -1, b"", buffer, 0x1000) == -errno.EBADF
    assert guest.sys(stats.fstat, fd, BAD) == -errno.EFAULT
    reader, _ = piped(guest)
    assert guest.sys(stats.newfstatat, reader, b"", buffer, 0x1000) == 0
    assert stat.S_ISFIFO(STAT.unpack(guest.peek(buffer, STAT.size))[3])


def test_statfs_says_the_magic_and_the_flags(guest: Guest) -> None:
    buffer = guest.buffer()
    assert guest.sys(stats.statfs, b"/", buffer) == 0
    found = STATFS.unpack(guest.peek(buffer, STATFS.size))
    assert found[0] == 0x01021994
    reader, _ = piped(guest)
    assert guest.sys(stats.fstatfs, reader, buffer) == 0
    assert STATFS.unpack(guest.peek(buffer, STATFS.size))[0] == 0x50495045


def test_access_uses_the_real_ids(guest: Guest) -> None:
    opened(guest, mode=0o600)
    guest.credentials = Credentials(uid=1000, gid=1000)  # set-user-ID root
    assert guest.sys(attributes.access, b"/f", 4) == -errno.EACCES
    assert guest.sys(attributes.faccessat2, AT_FDCWD, b"/f", 4, 0x200) == 0
    assert guest.credentials.fsuid == 0
    assert guest.sys(attributes.access, b"/f", 9) == -errno.EINVAL
    assert guest.sys(attributes.faccessat2, AT_FDCWD, b"", 0, 0) == -errno.ENOENT


def test_chmod_chown_and_times(guest: Guest) -> None:
    fd = opened(guest)
    file = guest.files.get(fd)
    assert guest.sys(attributes.chmod, b"/f", 0o600) == 0
    assert guest.sys(attributes.fchownat, AT_FDCWD, b"/f", 5, 6, 0) == 0
    assert guest.sys(attributes.chown, b"/f", 0xFFFFFFFF, 7) == 0
    now = file.attributes()
    assert (now.mode & 0o7777, now.uid, now.gid) == (0o600, 5, 7)
    times = guest.place(struct.pack("<4q", 1, 2, 3, 4))
    assert guest.sys(attributes.utimensat, AT_FDCWD, b"/f", times, 0) == 0
    assert (file.attributes().atime, file.attributes().mtime) == (1_000_000_002, 3_000_000_004)
    assert guest.sys(attributes.utimensat, fd, 0, times, 0) == 0
    omit = guest.place(struct.pack("<4q", 0, 0x3FFFFFFE, 9, 0))
    assert guest.sys(attributes.utimensat, AT_FDCWD, b"/f", omit, 0) == 0
    assert (file.attributes().atime, file.attributes().mtime) == (1_000_000_002, 9_000_000_000)
    both = guest.place(struct.pack("<4q", 0, 0x3FFFFFFE, 0, 0x3FFFFFFE))
    assert guest.sys(attributes.utimensat, -1, b"/missing", both, 0) == 0
    wrong = guest.place(struct.pack("<4q", 0, 10**9, 0, 0))
    assert guest.sys(attributes.utimensat, AT_FDCWD, b"/f", wrong, 0) == -errno.EINVAL
    assert guest.sys(attributes.utime, b"/f", guest.place(struct.pack("<2q", 5, 6))) == 0
    assert file.attributes().mtime == 6_000_000_000
    reader, _ = piped(guest)
    assert guest.sys(attributes.fchmod, reader, 0o620) == 0
    assert guest.files.get(reader).attributes().mode & 0o777 == 0o620


# -- size --
def test_sizes_and_seeks(guest: Guest) -> None:
    fd = opened(guest)
    reads, place = opened(guest, flags=os.O_RDONLY), opened(guest, flags=os.O_PATH)
    reader, writer = piped(guest)
    assert guest.sys(extent.ftruncate, fd, 100) == 0
    assert guest.sys(extent.truncate, b"/f", 50) == 0
    assert guest.sys(extent.lseek, fd, 0, 2) == 50
    assert guest.sys(extent.lseek, fd, 0, 5) == -errno.EINVAL
    assert guest.sys(extent.lseek, reader, 0, 0) == -errno.ESPIPE
    assert guest.sys(extent.lseek, place, 0, 0) == -errno.EBADF
    assert guest.sys(extent.ftruncate, reads, 0) == -errno.EINVAL
    assert guest.sys(extent.ftruncate, place, 0) == -errno.EBADF
    assert guest.sys(extent.ftruncate, -1, -1) == -errno.EINVAL
    assert guest.sys(extent.truncate, b"/", 0) == -errno.EISDIR
    assert guest.sys(extent.fallocate, fd, 0, 0, 200) == 0
    assert guest.sys(extent.lseek, fd, 0, 2) == 200
    assert guest.sys(extent.fallocate, fd, 0, 0, 0) == -errno.EINVAL
    assert guest.sys(extent.fallocate, reads, 0, 0, 1) == -errno.EBADF
    assert guest.sys(extent.fallocate, writer, 0, 0, 1) == -errno.ESPIPE
    assert guest.sys(extent.fallocate, fd, 2, 0, 1) == -errno.EOPNOTSUPP
    assert guest.sys(extent.fsync, reader) == -errno.EINVAL
    assert guest.sys(extent.fsync, fd) == 0
    assert guest.sys(extent.fadvise64, reader, 0, 0, 0) == -errno.ESPIPE
    assert guest.sys(extent.readahead, reader, 0, 1) == -errno.EINVAL


# -- names and directories --
def listing(guest: Guest, fd: int, size: int = 4096) -> list[bytes]:
    found = []
    buffer = guest.buffer(size)
    while got := guest.sys(directories.getdents64, fd, buffer, size):
        assert got > 0
        data = guest.peek(buffer, got)
        while data:
            length = struct.unpack_from("<H", data, 16)[0]
            found.append(data[19:length].split(b"\0")[0])
            data = data[length:]
    return found


def test_directories_are_made_listed_and_removed(guest: Guest) -> None:
    assert guest.sys(directories.mkdir, b"/d", 0o777) == 0
    assert guest.sys(directories.mkdir, b"/d", 0o777) == -errno.EEXIST
    fd = opened(guest, b"/d", os.O_RDONLY)
    for number in range(50):
        guest.sys(opening.close, opened(guest, b"/d/file%d" % number))
    names_ = listing(guest, fd, 200)
    assert names_[:2] == [b".", b".."]
    assert sorted(names_[2:]) == sorted(b"file%d" % number for number in range(50))
    buffer = guest.buffer()
    guest.sys(extent.lseek, fd, 0, 0)
    assert guest.sys(directories.getdents64, fd, buffer, 10) == -errno.EINVAL
    assert guest.sys(directories.getdents, fd, buffer, 4096) > 0
    ino, _, length = struct.unpack("<QQH", guest.peek(buffer, 18))
    assert ino
    assert guest.peek(buffer + 18, 1) == b"."
    assert guest.peek(buffer + length - 1, 1) == b"\4"
    assert guest.sys(directories.rmdir, b"/d") == -errno.ENOTEMPTY
    assert guest.sys(names.unlinkat, fd, b"file1", 0) == 0
    assert guest.sys(names.unlinkat, AT_FDCWD, b"/d", 0) == -errno.EISDIR
    assert guest.sys(directories.getdents64, opened(guest), buffer, 100) == -errno.ENOTDIR


def test_working_directory_and_root(guest: Guest) -> None:
    guest.sys(directories.mkdir, b"/d", 0o777)
    guest.sys(directories.mkdir, b"/d/e", 0o777)
    assert guest.sys(directories.chdir, b"d/e") == 0
    buffer = guest.buffer()
    assert guest.sys(directories.getcwd, buffer, 100) == 5
    assert guest.peek(buffer, 5) == b"/d/e\0"
    assert guest.sys(directories.getcwd, buffer, 4) == -errno.ERANGE
    assert guest.sys(directories.rmdir, b"/d/e") == 0
    assert guest.sys(directories.getcwd, buffer, 100) == -errno.ENOENT
    assert guest.sys(directories.fchdir, opened(guest, b"/d", os.O_PATH)) == 0
    assert guest.sys(directories.chroot, b".") == 0
    assert guest.sys(directories.getcwd, buffer, 100) == 2
    assert guest.sys(directories.umask, 0o77) == 0o22
    assert guest.sys(directories.umask, 0o1077) == 0o77


def test_links_and_renames(guest: Guest) -> None:
    opened(guest)
    buffer = guest.buffer()
    assert guest.sys(names.symlink, b"f", b"/s") == 0
    assert guest.sys(names.symlink, b"", b"/t") == -errno.ENOENT
    assert guest.sys(names.readlink, b"/s", buffer, 100) == 1
    assert guest.sys(names.readlink, b"/f", buffer, 100) == -errno.EINVAL
    assert guest.sys(names.readlink, b"/s", buffer, 0) == -errno.EINVAL
    assert guest.sys(names.readlinkat, opened(guest, b"/s", os.O_PATH | os.O_NOFOLLOW), b"", buffer, 9) == 1
    assert guest.sys(names.link, b"/f", b"/g") == 0
    assert guest.sys(names.linkat, AT_FDCWD, b"/s", AT_FDCWD, b"/h", 0x400) == 0
    assert guest.sys(stats.stat, b"/h", buffer) == 0
    assert STAT.unpack(guest.peek(buffer, STAT.size))[2] == 3
    assert guest.sys(names.rename, b"/h", b"/i") == 0
    assert guest.sys(names.renameat2, AT_FDCWD, b"/i", AT_FDCWD, b"/s", 1) == -errno.EEXIST
    assert guest.sys(names.renameat2, AT_FDCWD, b"/i", AT_FDCWD, b"/s", 2) == 0
    assert guest.sys(names.unlink, b"/s") == 0
    assert guest.sys(names.mknod, b"/p", stat.S_IFIFO | 0o600, 0) == 0
    assert guest.sys(names.mknod, b"/n", stat.S_IFCHR | 0o600, 0x103) == 0
    assert guest.sys(stats.stat, b"/n", buffer) == 0
    assert STAT.unpack(guest.peek(buffer, STAT.size))[7] == os.makedev(1, 3)


# -- extended attributes --
def test_extended_attributes(guest: Guest) -> None:
    fd = opened(guest)
    buffer = guest.buffer()
    assert guest.sys(xattrs.setxattr, b"/f", b"user.a", b"abc", 3, 0) == 0
    assert guest.sys(xattrs.fgetxattr, fd, b"user.a", buffer, 2) == -errno.ERANGE
    assert guest.sys(xattrs.fgetxattr, fd, b"user.a", buffer, 0) == 3
    assert guest.sys(xattrs.getxattr, b"/f", b"user.a", buffer, 10) == 3
    assert guest.peek(buffer, 3) == b"abc"
    assert guest.sys(xattrs.setxattr, b"/f", b"user.a", b"abc", 3, 1) == -errno.EEXIST
    assert guest.sys(xattrs.setxattr, b"/f", b"", b"abc", 3, 0) == -errno.ERANGE
    assert guest.sys(xattrs.setxattr, b"/f", b"foo", b"abc", 3, 0) == -errno.EOPNOTSUPP
    assert guest.sys(xattrs.setxattr, b"/missing", b"", b"b", 1, 9) == -errno.EINVAL
    assert guest.sys(xattrs.setxattr, b"/f", b"user.a", BAD, 70000, 0) == -errno.E2BIG
    assert guest.sys(xattrs.listxattr, b"/f", buffer, 100) == 7
    assert guest.sys(xattrs.listxattr, b"/f", buffer, 2) == -errno.ERANGE
    assert guest.sys(xattrs.removexattr, b"/f", b"user.b") == -errno.ENODATA
    assert guest.sys(xattrs.fremovexattr, fd, b"user.a") == 0
    reader, _ = piped(guest)
    assert guest.sys(xattrs.fgetxattr, reader, b"user.b", buffer, 9) == -errno.ENODATA
    assert guest.sys(xattrs.fsetxattr, reader, b"user.b", b"x", 1, 0) == -errno.EPERM
    arguments = guest.place(struct.pack("<QII", guest.place(b"new"), 3, 0))
    assert guest.sys(xattrs.setxattrat, AT_FDCWD, b"/f", 0, b"user.n", arguments, 16) == 0
    assert guest.sys(xattrs.listxattrat, fd, b"", 0x1000, buffer, 100) == 7


# -- copying --
def test_sendfile_copy_file_range_and_splice(guest: Guest) -> None:
    fd, target = opened(guest), opened(guest, b"/g")
    guest.sys(read_write.write, fd, b"hello world", 11)
    offset = guest.place(struct.pack("<q", 6))
    reader, writer = piped(guest)
    assert guest.sys(copying.sendfile, writer, fd, offset, 100) == 5
    assert struct.unpack("<q", guest.peek(offset, 8)) == (11,)
    assert guest.sys(copying.sendfile, target, reader, offset, 5) == -errno.ESPIPE
    assert guest.sys(copying.sendfile, target, reader, 0, 5) == -errno.EINVAL
    assert guest.sys(copying.splice, reader, 0, target, 0, 100, 0) == 5
    assert guest.sys(copying.splice, fd, 0, target, 0, 100, 0) == -errno.EINVAL
    assert guest.sys(copying.splice, reader, 0, target, 0, 100, 0) == -errno.EAGAIN
    assert content(guest, target) == b"world"
    start_at = guest.place(struct.pack("<q", 0))
    assert guest.sys(copying.copy_file_range, fd, start_at, target, 0, 5, 0) == 5
    assert content(guest, target) == b"worldhello"
    assert guest.sys(copying.copy_file_range, fd, 0, writer, 0, 5, 0) == -errno.EINVAL
    assert guest.sys(copying.copy_file_range, fd, 0, opened(guest, b"/", os.O_RDONLY), 0, 5, 0) == -errno.EISDIR
    over = guest.place(struct.pack("<q", 3)), guest.place(struct.pack("<q", 0))
    assert guest.sys(copying.copy_file_range, fd, over[0], fd, over[1], 5, 0) == -errno.EINVAL
    reader2, writer2 = piped(guest)
    guest.sys(read_write.write, writer, b"tea", 3)
    assert guest.sys(copying.tee, reader, writer2, 10, 0) == 3
    assert guest.sys(copying.splice, reader, 0, writer2, 0, 10, 0) == 3
    buffer = guest.buffer()
    assert guest.sys(read_write.read, reader2, buffer, 10) == 6
    vector = guest.place(struct.pack("<2Q", guest.place(b"vm"), 2))
    assert guest.sys(copying.vmsplice, writer2, vector, 1, 0) == 2
    assert guest.sys(copying.vmsplice, fd, vector, 1, 0) == -errno.EBADF


def test_sendfile_waits_for_room(guest: Guest) -> None:
    fd = opened(guest)
    guest.sys(extent.ftruncate, fd, BIG)
    reader, writer = piped(guest)
    guest.sys(descriptors.fcntl, writer, fcntl.F_SETFL, 0)
    sending = start(guest, copying.sendfile, writer, fd, 0, BIG)
    assert sending.blocked
    buffer = guest.buffer(BIG)
    assert guest.sys(read_write.read, reader, buffer, BIG) == 65536
    assert sending.run().result == BIG
    assert guest.sys(extent.lseek, fd, 0, 1) == BIG


# -- mounts --
def test_mounts_need_a_capability_and_keep_their_locked_flags(guest: Guest) -> None:
    guest.sys(directories.mkdir, b"/m", 0o777)
    guest.sys(directories.mkdir, b"/b", 0o777)
    assert guest.sys(mounts.mount, b"x", b"/m", b"nothing", 0, 0) == -errno.ENODEV
    assert guest.sys(mounts.mount, b"x", b"/m", b"tmpfs", 0, b"size=1m,mode=755") == 0
    opened(guest, b"/m/file")
    assert guest.sys(mounts.mount, b"/m", b"/b", 0, 4096, 0) == 0
    assert guest.sys(attributes.access, b"/b/file", 0) == 0
    assert guest.sys(mounts.mount, 0, b"/b", 0, 4096 | 32 | 1, 0) == 0
    assert guest.sys(opening.open, b"/b/other", RDWR, 0o600) == -errno.EROFS
    assert guest.sys(mounts.mount, 0, b"/b", 0, 4096 | 32, 0) == 0
    guest.mounts.root.flags |= 1
    assert guest.sys(mounts.mount, 0, b"/", 0, 4096 | 32, 0) == -errno.EPERM
    assert guest.sys(mounts.umount2, b"/b", 0) == 0
    assert guest.sys(mounts.umount2, b"/b", 0) == -errno.EINVAL
    assert guest.sys(mounts.umount2, b"/m", 0) == -errno.EBUSY
    guest.credentials = guest.credentials.with_(effective=0)
    assert guest.sys(mounts.umount2, b"/m", 2) == -errno.EPERM
    assert guest.sys(mounts.mount, b"x", b"/m", b"tmpfs", 0, 0) == -errno.EPERM


# -- sockets, by read and write --
def socket_pair(guest: Guest, kind: int = 1) -> tuple[int, int]:
    ends = guest.buffer(8)
    assert guest.sys(sockets.socketpair, 1, kind, 0, ends) == 0
    first, second = struct.unpack("<ii", guest.peek(ends, 8))
    return first, second


def test_read_of_a_socket_keeps_its_time_out(guest: Guest) -> None:
    first, second = socket_pair(guest)
    timeout = guest.place(struct.pack("<qq", 1, 0))
    assert guest.sys(sockets.setsockopt, first, 1, 20, timeout, 16) == 0
    buffer = guest.buffer()
    reading = start(guest, read_write.read, first, buffer, 10)
    assert reading.blocked
    guest.kernel.advance(500_000_000)
    assert reading.run().blocked
    reading.kick()
    assert reading.interrupted is not None
    assert reading.interrupted.no_hand
    again = start(guest, read_write.read, first, buffer, 10)  # no handler ran: the deadline is still the old one
    guest.kernel.advance(500_000_000)
    assert again.run().errno == errno.EAGAIN
    assert guest.restart_deadline is None
    assert guest.sys(read_write.write, second, b"x", 1) == 1
    assert guest.sys(read_write.read, first, buffer, 10) == 1


def test_messages_are_written_whole_or_not_at_all(guest: Guest) -> None:
    first, second = socket_pair(guest, 2)
    data = guest.buffer(400_000)
    assert guest.sys(read_write.write, first, data, 400_000) == -errno.EMSGSIZE
    assert guest.sys(read_write.write, first, data, 0) == 0
    buffer = guest.buffer()
    assert guest.sys(read_write.read, second, buffer, 0) == 0  # takes nothing
    assert guest.sys(read_write.read, second, buffer, 10) == 0  # the empty message
    guest.sys(opening.close, second)
    assert guest.sys(read_write.write, first, data, 1) in (-errno.EPIPE, -errno.ECONNREFUSED, -errno.ENOTCONN)
    assert not guest.signals


# -- memory of tasks --
def test_memory_of_another_task_is_read_with_the_right_ids_only(guest: Guest) -> None:
    source, target = guest.place(b"secret"), guest.buffer(8)
    local = guest.place(struct.pack("<2Q", target, 6))
    remote = guest.place(struct.pack("<4Q", source, 3, source + 3, 3))
    assert guest.sys(process_memory.process_vm_readv, 1, local, 1, remote, 2, 0) == 6
    assert guest.peek(target, 6) == b"secret"
    assert guest.sys(process_memory.process_vm_readv, 9, local, 1, remote, 2, 0) == -errno.ESRCH
    assert guest.sys(process_memory.process_vm_readv, 1, local, 1, remote, 2, 7) == -errno.EINVAL
    bad = guest.place(struct.pack("<2Q", BAD, 6))
    assert guest.sys(process_memory.process_vm_writev, 1, local, 1, bad, 1, 0) == -errno.EFAULT
    other = FakeTask(guest.kernel, 2)
    cast("Any", other.process).dumpable = 1
    guest.credentials = Credentials(1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, (), 0, 0)
    assert guest.sys(process_memory.process_vm_readv, 2, local, 1, remote, 2, 0) == -errno.EPERM


def test_what_the_filter_keeps_from_the_host_is_an_error(guest: Guest) -> None:
    assert guest.sys(remainder.futex, 0, 6, 0, 0, 0, 0) == -errno.ENOSYS
    assert guest.sys(remainder.arch_prctl, 0x1234, 0) == -errno.EINVAL
    assert guest.sys(remainder.get_robust_list, 99, 0, 0) == -errno.ESRCH
    assert guest.sys(remainder.waitid, 3, 99, 0, 4, 0) == -errno.EBADF
    assert guest.sys(mapping.madvise, 0, 4096, 999) == -errno.EINVAL
    page = guest.place(bytes(8192)) + 4095 & ~4095
    assert guest.sys(mapping.mincore, page + 1, 1, guest.buffer()) == -errno.EINVAL
    assert guest.sys(mapping.mincore, page, 4096, guest.buffer()) == 0
    assert guest.sys(mapping.mlock, BAD, 1) == -errno.ENOMEM
    assert guest.sys(mapping.mlock2, page, 1, 8) == -errno.EINVAL
    assert guest.sys(mapping.mlockall, 0) == -errno.EINVAL
