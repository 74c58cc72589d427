# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Files in memory: what they hold, may take, and how they are mapped. Names are test_against_linux.py's."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentry.abi.errors import LinuxError
from sentry.fs import tmpfs
from sentry.fs.tmpfs import Budget, Content, MemoryFile, TmpfsFilesystem, make_memfd, make_tmpfs
from sentry.vfs import namei, walk
from sentry.vfs.attributes import AttributeChange
from tests.unit.vfs import error_of, new_task, opened, read_file, write_file

if TYPE_CHECKING:
    from sentry.kernel.task import Task

PAGE = 4096


@pytest.fixture
def budget() -> Budget:
    return Budget(1 << 20, 100)


@pytest.fixture
def task(budget: Budget) -> Task:
    return new_task(make_tmpfs({"mode": "755"}, budget))


def memory_file(task: Task, path: bytes = b"/f", flags: int = os.O_CREAT | os.O_RDWR) -> MemoryFile:
    file = opened(task, path, flags)
    assert isinstance(file, MemoryFile)
    return file


long_bytes = st.binary(min_size=1, max_size=20).map(lambda piece: piece * 3000)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 200_000), st.binary(max_size=300)),
        st.tuples(st.just("write"), st.integers(0, 200_000), long_bytes),
        st.tuples(st.just("resize"), st.integers(0, 200_000)),
        st.tuples(st.just("read"), st.integers(0, 200_000), st.integers(0, 70_000)),
        st.tuples(st.just("map")),
    ),
    max_size=20,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_content_holds_what_was_written(steps: list[tuple[object, ...]]) -> None:
    budget = Budget(1 << 30)
    content = Content(budget)
    model = bytearray()
    for name, *arguments in steps:
        if name == "write":
            offset, data = arguments
            assert isinstance(offset, int)
            assert isinstance(data, bytes)
            assert content.write(data, offset) == len(data)
            if data:
                model.extend(bytes(max(0, offset - len(model))))
                model[offset : offset + len(data)] = data
        elif name == "resize":
            size = arguments[0]
            assert isinstance(size, int)
            content.resize(size)
            model = model[:size] + bytes(max(0, size - len(model)))
        elif name == "read":
            offset, size = arguments
            assert isinstance(offset, int)
            assert isinstance(size, int)
            assert content.read(size, offset) == bytes(model[offset : offset + size])
        else:
            content.mappable(True)
        assert content.size == len(model)
        assert content.read(1 << 20, 0) == bytes(model)
        assert budget.used == content.charged
        if content.fd >= 0:
            assert os.fstat(content.fd).st_blocks * 512 <= content.charged
        assert content.charged <= (len(model) + PAGE - 1) // PAGE * PAGE
    del content
    assert budget.used == 0


def test_a_grown_file_is_a_memfd_and_gives_it_back() -> None:
    before = tmpfs._memfds
    content = Content(Budget(1 << 30))
    content.write(b"a" * tmpfs.SMALL, 0)
    assert content.fd < 0
    content.write(b"b", tmpfs.SMALL)
    assert content.fd >= 0
    assert tmpfs._memfds == before + 1
    fd = content.fd
    assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    del content
    assert tmpfs._memfds == before
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_without_descriptors_files_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmpfs, "max_memfds", 0)
    content = Content(Budget(1 << 30))
    content.write(b"a" * 100_000, 0)
    assert content.fd < 0
    assert content.read(10, 99_995) == b"a" * 5
    assert error_of(lambda: content.resize(1 << 40)) == errno.ENOSPC
    assert error_of(lambda: content.write(b"x", 1 << 40)) == errno.ENOSPC
    assert content.mappable(True) >= 0


def test_a_huge_sparse_file_takes_no_room() -> None:
    budget = Budget(1 << 20)
    content = Content(budget)
    content.resize(1 << 40)
    content.write(b"end", (1 << 40) - 3)
    assert content.size == 1 << 40
    assert budget.used <= 8192
    for _ in range(1000):  # the same place again and again is one page
        content.write(bytes(PAGE), 1 << 30)
    assert budget.used <= 16384
    assert error_of(lambda: content.mappable(True)) == errno.ENOMEM
    assert content.seek(0, os.SEEK_DATA) == 1 << 30
    assert content.seek(1 << 30, os.SEEK_HOLE) == (1 << 30) + PAGE
    with pytest.raises(LinuxError) as caught:
        content.seek(1 << 40, os.SEEK_DATA)
    assert caught.value.errno == errno.ENXIO
    for size, expected in ((-1, errno.EFBIG), (1 << 63, errno.EFBIG)):
        assert error_of(content.write, b"x", size) == expected


def test_a_full_budget_gives_enospc_and_breathes_again(task: Task, budget: Budget) -> None:
    write_file(task, b"/a", bytes(900_000))
    file = memory_file(task)
    assert error_of(lambda: file.write(bytes(200_000))) == errno.ENOSPC
    assert error_of(lambda: file.write(bytes(60_000))) == 0
    assert error_of(lambda: write_file(task, b"/small", bytes(60_000))) == 0
    assert error_of(lambda: write_file(task, b"/small2", bytes(60_000))) == errno.ENOSPC
    namei.unlink(task, task.fs.cwd, b"/a")
    assert file.pwrite(bytes(200_000), 0) == 200_000
    file.truncate(0)
    for name in (b"/small", b"/small2"):
        namei.unlink(task, task.fs.cwd, name)
    assert budget.used == 0


def test_inodes_are_counted(task: Task, budget: Budget) -> None:
    before = budget.inodes
    for number in range(100 - before):
        opened(task, b"/n%d" % number, os.O_CREAT).drop()
    for action in (
        lambda: opened(task, b"/one", os.O_CREAT),
        lambda: namei.mkdir(task, task.fs.cwd, b"/one", 0o755),
        lambda: namei.symlink(task, b"x", task.fs.cwd, b"/one"),
        lambda: namei.mknod(task, task.fs.cwd, b"/one", stat.S_IFIFO | 0o600),
        lambda: namei.link(task, walk.resolve(task, task.fs.cwd, b"/n0"), task.fs.cwd, b"/one"),
    ):
        assert error_of(action) == errno.ENOSPC
    namei.unlink(task, task.fs.cwd, b"/n1")
    namei.link(task, walk.resolve(task, task.fs.cwd, b"/n0"), task.fs.cwd, b"/one")
    namei.unlink(task, task.fs.cwd, b"/n0")
    namei.unlink(task, task.fs.cwd, b"/one")
    assert budget.inodes == 98


def test_links_and_extended_attributes_are_counted(task: Task, budget: Budget) -> None:
    namei.symlink(task, b"x" * 4000, task.fs.cwd, b"/link")
    assert budget.used == 4000
    write_file(task, b"/f", b"")
    inode = walk.resolve(task, task.fs.cwd, b"/f").inode
    inode.set_xattr(b"user.a", b"v" * 1000, 0)
    inode.set_xattr(b"user.a", b"w" * 2000, tmpfs.XATTR_REPLACE)
    assert budget.used > 6000
    inode.remove_xattr(b"user.a")
    assert budget.used == 4000
    inode.set_xattr(b"security.x", b"v" * 1000, tmpfs.XATTR_CREATE)
    for name in (b"/f", b"/link"):
        namei.unlink(task, task.fs.cwd, name)
    del inode
    assert budget.used == 0


def test_extended_attributes(task: Task) -> None:
    write_file(task, b"/f", b"")
    namei.symlink(task, b"f", task.fs.cwd, b"/link")
    inode = walk.resolve(task, task.fs.cwd, b"/f").inode
    inode.set_xattr(b"user.a", b"1", 0)
    inode.set_xattr(b"trusted.b", b"", 0)
    assert inode.get_xattr(b"user.a") == b"1"
    assert sorted(inode.list_xattr()) == [b"trusted.b", b"user.a"]
    assert error_of(lambda: inode.set_xattr(b"user.a", b"2", tmpfs.XATTR_CREATE)) == errno.EEXIST
    assert error_of(lambda: inode.set_xattr(b"user.c", b"2", tmpfs.XATTR_REPLACE)) == errno.ENODATA
    assert error_of(lambda: inode.get_xattr(b"user.c")) == errno.ENODATA
    assert error_of(lambda: inode.remove_xattr(b"user.c")) == errno.ENODATA
    assert error_of(lambda: inode.get_xattr(b"system.posix_acl_access")) == errno.EOPNOTSUPP
    assert error_of(lambda: inode.set_xattr(b"user.big", bytes(65537), 0)) == errno.E2BIG
    link = walk.resolve(task, task.fs.cwd, b"/link", False).inode
    assert error_of(lambda: link.set_xattr(b"user.a", b"1", 0)) == errno.EPERM


def test_a_mapping_and_the_file_are_the_same_memory(task: Task) -> None:
    file = memory_file(task)
    file.write(b"hello")
    fd = file.mappable(mmap.PROT_READ | mmap.PROT_WRITE, True)
    with mmap.mmap(fd, 5) as memory:
        assert memory[:5] == b"hello"
        memory[:5] = b"HELLO"
        assert file.pread(5, 0) == b"HELLO"
        file.pwrite(b"J", 0)
        assert memory[:5] == b"JELLO"
    assert file.host_fd == fd


def test_who_may_only_read_cannot_map_for_writing(task: Task) -> None:
    write_file(task, b"/f", b"data")
    file = memory_file(task, b"/f", os.O_RDONLY)
    fd = file.mappable(mmap.PROT_READ, True)
    with pytest.raises(OSError, match="denied"):
        mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    memory = mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ)
    libc = ctypes.CDLL(None, use_errno=True)
    # A reader's mapping must not become a writer's: the address is found through a copy of the pointer.
    address = _address(memory)
    assert libc.mprotect(ctypes.c_void_p(address), PAGE, mmap.PROT_READ | mmap.PROT_WRITE) == -1
    assert ctypes.get_errno() == errno.EACCES
    memory.close()
    writer = memory_file(task, b"/f", os.O_RDWR)
    assert writer.mappable(mmap.PROT_READ, True) != fd


def _address(memory: mmap.mmap) -> int:
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            if "memfd:tmpfs" in line and "r--s" in line:
                return int(line.split("-")[0], 16)
    raise AssertionError("not mapped")


def test_read_only_descriptors_are_few(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmpfs, "_MAX_READ_ONLY", 3)
    for number in range(10):
        name = b"/%d" % number
        write_file(task, name, b"x")
        memory_file(task, name, os.O_RDONLY).mappable(mmap.PROT_READ, False)
        assert len(tmpfs._read_only) <= 3
    for number in range(10):
        namei.unlink(task, task.fs.cwd, b"/%d" % number)


def test_a_failing_reopen_maps_nothing(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmpfs, "reopen_read_only", lambda fd: -1)
    write_file(task, b"/f", b"x")
    file = memory_file(task, b"/f", os.O_RDONLY)
    assert error_of(lambda: file.mappable(mmap.PROT_READ, False)) == errno.ENFILE


def test_allocated_room_is_there(task: Task, budget: Budget) -> None:
    file = memory_file(task)
    file.allocate(0, 0, 500_000)
    assert file.attributes().size == 500_000
    assert file.attributes().blocks * 512 >= 500_000
    assert error_of(lambda: file.allocate(0, 0, 2_000_000)) == errno.ENOSPC
    file.allocate(tmpfs.FALLOC_FL_KEEP_SIZE, 500_000, 100_000)
    assert file.attributes().size == 500_000
    assert budget.used >= 600_000
    file.pwrite(b"x" * 10_000, 0)
    file.allocate(tmpfs.FALLOC_FL_KEEP_SIZE | tmpfs.FALLOC_FL_PUNCH_HOLE, 0, 8192)
    assert file.pread(3, 8191) == b"\0xx"
    assert file.seek(0, os.SEEK_HOLE) == 0
    for mode in (tmpfs.FALLOC_FL_PUNCH_HOLE, 8, 16, 0x20):
        assert error_of(file.allocate, mode, 0, 1) == errno.EOPNOTSUPP
    assert error_of(lambda: file.allocate(0, -1, 1)) == errno.EINVAL
    assert error_of(lambda: file.allocate(0, 0, 0)) == errno.EINVAL
    assert error_of(lambda: file.allocate(0, 1 << 62, 1 << 62)) == errno.EFBIG
    file.truncate(0)
    assert budget.used == 0


def test_writing_through_the_host_descriptor(task: Task, budget: Budget) -> None:
    file = memory_file(task)
    assert file.prepare_write(0, 100) == -1
    fd = file.prepare_write(0, 100_000)
    assert fd >= 0
    os.pwrite(fd, b"z" * 70_000, 0)
    file.wrote(0, 70_000)
    assert file.attributes().size == 70_000
    assert budget.used == 73_728
    assert error_of(lambda: file.prepare_write(0, 2 << 20)) == errno.ENOSPC


def test_seals() -> None:
    file = make_memfd(b"name", True, 0, 0)
    file.write(b"12345")
    content = file.content
    assert content.seals == 0
    content.add_seals(tmpfs.F_SEAL_SHRINK)
    assert error_of(lambda: file.truncate(1)) == errno.EPERM
    file.truncate(10)
    content.add_seals(tmpfs.F_SEAL_GROW)
    assert error_of(lambda: file.truncate(11)) == errno.EPERM
    assert error_of(lambda: file.pwrite(b"xx", 9)) == errno.EPERM
    assert file.pwrite(b"xx", 8) == 2
    memory = mmap.mmap(file.mappable(mmap.PROT_WRITE, True), 10)
    assert error_of(lambda: content.add_seals(tmpfs.F_SEAL_WRITE)) == errno.EBUSY
    memory.close()
    content.add_seals(tmpfs.F_SEAL_WRITE | tmpfs.F_SEAL_SEAL)
    assert error_of(lambda: file.pwrite(b"x", 0)) == errno.EPERM
    assert error_of(lambda: file.prepare_write(0, 1)) == errno.EPERM
    assert error_of(lambda: file.mappable(mmap.PROT_WRITE, True)) == errno.EPERM
    with pytest.raises(OSError, match=r"denied|permitted"):
        mmap.mmap(file.mappable(mmap.PROT_READ, True), 10, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    assert error_of(lambda: content.add_seals(tmpfs.F_SEAL_GROW)) == errno.EPERM
    assert error_of(lambda: make_memfd(b"", False, 0, 0).content.add_seals(1)) == errno.EPERM
    assert file.pread(10, 0) == b"12345\0\0\0xx"


def test_mount_options() -> None:
    filesystem = make_tmpfs({"size": "2m", "nr_inodes": "10", "mode": "0700", "uid": "5", "gid": "6", "huge": "never"})
    attributes = filesystem.root.attributes()
    assert (attributes.mode, attributes.uid, attributes.gid) == (stat.S_IFDIR | 0o700, 5, 6)
    status = filesystem.status()
    assert (status.magic, status.blocks, status.files, status.files_free) == (0x01021994, 512, 10, 9)
    assert filesystem.options == b"size=2048k,nr_inodes=10,mode=700,uid=5,gid=6"
    assert make_tmpfs({"size": "50%"}, Budget(1000)).budget.limit == 1000
    for wrong in ({"size": "x"}, {"mode": "9"}, {"uid": "-1"}, {"what": ""}, {"size": ""}):
        assert error_of(make_tmpfs, wrong) == errno.EINVAL


def test_a_mounts_own_size_and_the_total_both_bound(budget: Budget) -> None:
    first = new_task(make_tmpfs({"size": "100k"}, budget))
    second = new_task(make_tmpfs({}, budget))
    assert error_of(lambda: write_file(first, b"/f", bytes(200_000))) == errno.ENOSPC
    write_file(second, b"/f", bytes(1_000_000))
    assert error_of(lambda: write_file(first, b"/f", bytes(90_000))) == errno.ENOSPC


def test_times_follow_the_changes(task: Task) -> None:
    file = memory_file(task)
    inode = file.inode
    inode.set_attributes(AttributeChange(atime=1, mtime=2))
    assert (inode.attributes().atime, inode.attributes().mtime) == (1, 2)
    file.read(0)
    assert inode.attributes().atime > 2
    changed = inode.attributes().ctime
    file.write(b"x")
    assert inode.attributes().mtime >= changed
    directory = walk.resolve(task, task.fs.cwd, b"/").inode
    directory.set_attributes(AttributeChange(mtime=5))
    namei.mkdir(task, task.fs.cwd, b"/d", 0o755)
    assert directory.attributes().mtime > 5


def test_a_nameless_file_can_get_a_name(task: Task) -> None:
    file = opened(task, b"/", os.O_TMPFILE | os.O_RDWR, 0o600)
    assert file.name(task).startswith(b"/#")
    assert file.name(task).endswith(b" (deleted)")
    file.write(b"kept")
    assert file.attributes().nlink == 0
    assert file.path is not None
    namei.link(task, file.path, task.fs.cwd, b"/named")
    assert read_file(task, b"/named") == b"kept"
    assert file.attributes().nlink == 1


def test_a_filesystem_counts_its_own_numbers() -> None:
    filesystem = TmpfsFilesystem(77, Budget(1 << 20))
    root = filesystem.root
    numbers = {root.create(b"%d" % n, stat.S_IFREG | 0o600, 0, 0).attributes().ino for n in range(10)}
    assert len(numbers | {root.attributes().ino}) == 11
    assert root.attributes().dev == 77
