# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The proc, sys and cgroup trees."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator

import pytest

from sentry.fs import cgroupfs, proc, proc_maps, proc_sys, sysfs, tty
from sentry.fs.pipes import Pipe, PipeFile
from sentry.kernel.task import Process, Task
from sentry.vfs import namei, walk
from sentry.vfs.anonymous import AnonymousInode, pipefs
from sentry.vfs.file import OpenFile
from sentry.vfs.filesystem import allocate_dev
from tests.unit.machine import Machine, errno_of, read_file, user, write_file


@pytest.fixture
def machine() -> Machine:
    tty._controlled.clear()
    machine = Machine()
    machine.mount(b"/proc", proc.ProcFilesystem(allocate_dev(), machine.kernel))
    machine.mount(b"/sys", sysfs.SysFilesystem(allocate_dev(), machine.kernel))
    machine.mount(b"/sys/fs/cgroup", cgroupfs.CgroupFilesystem(allocate_dev(), machine.kernel))
    return machine


def text(task: Task, path: str) -> str:
    return read_file(task, path.encode()).decode()


def names(task: Task, path: bytes) -> list[bytes]:
    file = namei.open_path(task, task.fs.cwd, path, os.O_RDONLY | os.O_DIRECTORY, 0)
    assert isinstance(file, OpenFile)
    return [entry.name for entry in file.inode.entries(task)]


def readlink(task: Task, path: bytes) -> bytes:
    return walk.resolve(task, task.fs.cwd, path, follow_last=False).inode.readlink(task)


def every_file(task: Task, path: bytes) -> Iterator[tuple[bytes, int]]:
    """Every regular file below a directory with its size as read, links not followed."""
    for entry in sorted(names(task, path)):
        below = path + b"/" + entry
        found = walk.resolve(task, task.fs.cwd, below, follow_last=False)
        if found.kind == stat.S_IFDIR:
            yield from every_file(task, below)
        elif found.kind == stat.S_IFREG and found.inode.attributes().mode & 0o444:
            yield below, len(read_file(task, below))


def test_every_file_can_be_read_and_every_name_is_found(machine: Machine) -> None:
    task = machine.task
    for top in (b"/proc/net", b"/proc/sys", b"/proc/tty", b"/proc/sysvipc", b"/sys"):
        assert list(every_file(task, top)), top
    for top in (b"/proc", b"/proc/1", b"/proc/1/task/1"):
        for name in names(task, top):
            found = walk.resolve(task, task.fs.cwd, top + b"/" + name, follow_last=False)
            if found.kind == stat.S_IFREG:
                read_file(task, top + b"/" + name)
            elif found.kind == stat.S_IFLNK:
                assert name == b"exe" or found.inode.readlink(task), name


def test_self_and_thread_self_name_the_reader(machine: Machine) -> None:
    machine.thread(machine.init, 5)
    assert readlink(machine.tasks[5], b"/proc/self") == b"1"
    assert readlink(machine.tasks[5], b"/proc/thread-self") == b"1/task/5"
    assert names(machine.task, b"/proc/self/task") == [b"1", b"5"]
    assert text(machine.task, "/proc/1/task/5/comm") == "test\n"


def test_only_the_sandboxes_processes_are_listed(machine: Machine) -> None:
    machine.process(7, machine.init)
    numbers = [name for name in names(machine.task, b"/proc") if name.isdigit()]
    assert numbers == [b"1", b"7"]
    assert errno_of(lambda: read_file(machine.task, b"/proc/8/stat")) == errno.ENOENT
    assert errno_of(lambda: read_file(machine.task, b"/proc/01/stat")) == errno.ENOENT


def test_stat_has_the_guests_numbers(machine: Machine) -> None:
    child = machine.process(7, machine.init)
    machine.groups[7], machine.sessions[7] = 7, 1
    child.leader.name = b"a (b) c"
    line = text(machine.task, "/proc/7/stat")
    match = re.fullmatch(r"7 \((.*)\) (\w) (.*)\n", line)
    assert match is not None
    fields = match[3].split()
    assert (match[1], fields[:5]) == ("a (b) c", ["1", "7", "1", "0", "-1"])
    assert len(fields) == 49
    assert text(machine.task, "/proc/1/stat").split()[2] == "R"


def test_a_zombie_is_shown_until_it_is_waited_for(machine: Machine) -> None:
    machine.by_host[os.getpid()] = machine.task
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    machine.zombies[9] = pid
    assert [name for name in names(machine.task, b"/proc") if name.isdigit()] == [b"1", b"9"]
    assert text(machine.task, "/proc/9/stat").startswith("9 (defunct) Z 1 0 0 0 -1 ")
    assert "State:\tZ (zombie)\n" in text(machine.task, "/proc/9/status")
    assert text(machine.task, "/proc/9/cmdline") == ""
    os.waitpid(pid, 0)
    assert [name for name in names(machine.task, b"/proc") if name.isdigit()] == [b"1"]


def test_status_tells_the_virtual_credentials(machine: Machine) -> None:
    machine.process(7, machine.init, user(1000))
    found = dict(line.split(":\t", 1) for line in text(machine.task, "/proc/7/status").splitlines())
    assert found["Uid"] == "1000\t1000\t1000\t1000"
    assert (found["Pid"], found["PPid"], found["CapEff"]) == ("7", "1", "0000000000000000")
    assert found["VmRSS"].endswith("kB")
    assert found["Threads"] == "1"
    assert text(machine.task, "/proc/1/status").splitlines()[0] == "Name:\ttest"


def test_comm_can_be_changed_by_the_process_itself(machine: Machine) -> None:
    other = machine.process(7, machine.init).leader
    write_file(machine.task, b"/proc/self/comm", b"a new name that is long\n")
    assert machine.task.name == b"a new name that"
    assert errno_of(lambda: write_file(other, b"/proc/1/comm", b"x")) == errno.EINVAL


def test_descriptors_are_links_to_their_files(machine: Machine) -> None:
    task = machine.task
    write_target = namei.open_path(task, task.fs.cwd, b"/file", os.O_RDWR | os.O_CREAT, 0o600)
    assert isinstance(write_target, OpenFile)
    write_target.write(b"content")
    fd = task.files.allocate(write_target, 1024)
    pipe = PipeFile(Pipe(AnonymousInode(pipefs, stat.S_IFIFO | 0o600)), os.O_RDONLY)
    piped = task.files.allocate(pipe, 1024, close_on_exec=True)
    assert names(task, b"/proc/self/fd") == [b"0", b"1"]
    assert readlink(task, b"/proc/self/fd/%d" % fd) == b"/file"
    assert readlink(task, b"/proc/self/fd/%d" % piped).startswith(b"pipe:[")
    assert read_file(task, b"/proc/self/fd/%d" % fd) == b"content"
    assert walk.resolve(task, task.fs.cwd, b"/proc/self/fd/%d" % piped).inode is pipe.inode
    info = text(task, f"/proc/self/fdinfo/{fd}")
    assert info.startswith("pos:\t7\nflags:\t0100002\nmnt_id:\t") or "flags:\t02" in info
    assert "flags:\t02000000" in text(task, f"/proc/self/fdinfo/{piped}")
    assert errno_of(lambda: readlink(task, b"/proc/self/fd/9")) == errno.ENOENT


def test_what_is_private_needs_the_same_user_or_a_capability(machine: Machine) -> None:
    mine = machine.process(7, machine.init, user(1000)).leader
    twin = machine.process(8, machine.init, user(1000)).leader
    stranger = machine.process(9, machine.init, user(2000)).leader
    for path in (b"/proc/7/environ", b"/proc/7/maps"):
        assert errno_of(lambda path=path: read_file(mine, path)) == 0  # type: ignore[misc] # a lambda with a default
        assert errno_of(lambda path=path: read_file(twin, path)) == 0  # type: ignore[misc]
        assert errno_of(lambda path=path: read_file(stranger, path)) == errno.EACCES  # type: ignore[misc]
        assert errno_of(lambda path=path: read_file(machine.task, path)) == 0  # type: ignore[misc]
    assert errno_of(lambda: readlink(stranger, b"/proc/7/cwd")) == errno.EACCES
    assert errno_of(lambda: names(stranger, b"/proc/7/fd")) == errno.EACCES
    mine.process.dumpable = 0
    assert errno_of(lambda: read_file(twin, b"/proc/7/maps")) == errno.EACCES
    assert names(mine, b"/proc/self/fd") == []


def test_an_open_file_of_a_dead_process_gives_ESRCH(machine: Machine) -> None:
    machine.process(7, machine.init)
    file = namei.open_path(machine.task, machine.task.fs.cwd, b"/proc/7/status", os.O_RDONLY, 0)
    assert isinstance(file, OpenFile)
    process: Process = machine.processes.pop(7)
    process.threads.clear()
    assert errno_of(lambda: file.read(10)) == errno.ESRCH


def test_maps_hide_the_stub_and_rename_files(machine: Machine) -> None:
    host = machine.task.host_tid
    machine.mapped_files[os.makedev(0xFE, 3), 42] = (b"/usr/lib/libc.so", 7, 4242)
    machine.host_files[host, "maps"] = (
        b"00400000-00401000 r-xp 00002000 fe:03 42                         /host/path/libc.so (deleted)\n"
        b"00500000-00501000 r--p 00000000 fe:03 43                         /host/other\n"
        b"200000000000-200000002000 r-xp 00000000 00:01 7                  /memfd:pysc (deleted)\n"
        b"200000100000-200000121000 rw-p 00000000 00:00 0                  [heap]\n"
        b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
        b"7f0000002000-7f0000003000 rw-s 00000000 00:01 9                  /dev/zero (deleted)\n"
        b"7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0                  [stack]\n"
    )
    lines = text(machine.task, "/proc/self/maps").splitlines()
    assert [line.split()[0] for line in lines] == [
        "00400000-00401000", "00500000-00501000", "200000100000-200000121000", "7f0000000000-7f0000001000",
        "7f0000002000-7f0000003000", "7ffe00000000-7ffe00021000",
    ]  # fmt: skip
    assert lines[0].split()[3:6] == ["00:07", "4242", "/usr/lib/libc.so"]
    assert lines[0].index("/usr") == 73
    assert "host" not in "".join(lines)
    assert lines[4].endswith("/dev/zero (deleted)")
    assert lines[5].endswith("[stack]")


def test_smaps_hide_what_maps_hide(machine: Machine) -> None:
    machine.host_files[machine.task.host_tid, "smaps"] = (
        b"200000000000-200000002000 r-xp 00000000 00:01 7                  /memfd:pysc (deleted)\nSize:    8 kB\n"
        b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \nSize:    4 kB\nVmFlags: rd wr\n"
    )
    assert proc_maps.render_smaps(machine.kernel, machine.init) == (
        b"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \nSize:    4 kB\nVmFlags: rd wr\n"
    )


def test_the_command_line_shows_a_script_as_the_guest_started_it(machine: Machine) -> None:
    machine.host_files[machine.task.host_tid, "cmdline"] = b"./script\0one\0"
    machine.init.argument_prefix = (1, [b"/bin/sh", b"./script"])
    assert read_file(machine.task, b"/proc/1/cmdline") == b"/bin/sh\0./script\0one\0"


def test_host_and_domain_name_can_be_read_and_set(machine: Machine) -> None:
    assert text(machine.task, "/proc/sys/kernel/hostname") == "box\n"
    write_file(machine.task, b"/proc/sys/kernel/hostname", b"new\n")
    assert machine.hostname == b"new"
    assert text(machine.task, "/proc/sys/kernel/domainname") == "(none)\n"
    plain = machine.process(7, machine.init, user(1000)).leader
    assert errno_of(lambda: write_file(plain, b"/proc/sys/kernel/hostname", b"x")) == errno.EACCES


def test_sysctls_of_the_bundle_are_shown(machine: Machine) -> None:
    machine.config.sysctl = {"net.core.somaxconn": "77", "kernel.made/up": "x", "a../b": "no"}
    machine.mount(b"/other", proc.ProcFilesystem(allocate_dev(), machine.kernel))
    assert text(machine.task, "/other/sys/net/core/somaxconn") == "77\n"
    assert text(machine.task, "/other/sys/kernel/made.up") == "x\n"


def test_a_uuid_is_new_at_each_read_and_the_boot_id_is_not(machine: Machine) -> None:
    path = "/proc/sys/kernel/random/"
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n", text(machine.task, path + "uuid")
    )
    assert text(machine.task, path + "uuid") != text(machine.task, path + "uuid")
    assert text(machine.task, path + "boot_id") == text(machine.task, path + "boot_id")
    assert len(proc_sys.uuid()) == 36


def test_what_is_said_of_the_machine_agrees(machine: Machine) -> None:
    task = machine.task
    count = text(task, "/proc/cpuinfo").count("processor\t:")
    assert count == len([line for line in text(task, "/proc/stat").splitlines() if re.match(r"cpu\d", line)])
    assert text(task, "/sys/devices/system/cpu/online").strip() in ("0", f"0-{count - 1}")
    memory = dict(line.split(":") for line in text(task, "/proc/meminfo").splitlines())
    assert int(memory["MemTotal"].split()[0]) * 1024 == os.sysconf("SC_PHYS_PAGES") * 4096
    assert abs(float(text(task, "/proc/uptime").split()[0]) - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


def test_read_only_files_refuse_writes(machine: Machine) -> None:
    plain = machine.process(7, machine.init, user(1000)).leader
    assert errno_of(lambda: write_file(plain, b"/proc/version", b"x")) == errno.EACCES
    assert errno_of(lambda: write_file(machine.task, b"/proc/version", b"x")) == errno.EIO
    assert errno_of(lambda: write_file(machine.task, b"/proc/self/uid_map", b"0 0 1")) == errno.EPERM
    write_file(machine.task, b"/proc/self/oom_score_adj", b"500\n")
    assert machine.init.oom_score_adj == 500
    assert errno_of(lambda: write_file(machine.task, b"/proc/self/oom_score_adj", b"2000")) == errno.EINVAL


def test_namespaces_are_the_same_for_everybody(machine: Machine) -> None:
    machine.process(7, machine.init)
    assert readlink(machine.task, b"/proc/7/ns/pid") == readlink(machine.task, b"/proc/self/ns/pid")
    assert re.fullmatch(rb"mnt:\[\d+\]", readlink(machine.task, b"/proc/self/ns/mnt"))
    assert errno_of(lambda: read_file(machine.task, b"/proc/self/ns/pid")) in (0, errno.EINVAL)


def test_the_loopback_interface_is_there(machine: Machine) -> None:
    assert "lo:" in text(machine.task, "/proc/net/dev")
    assert text(machine.task, "/sys/class/net/lo/mtu") == "65536\n"
    assert text(machine.task, "/proc/net/tcp").count("\n") == 1


def test_the_cgroup_has_the_sandboxes_processes(machine: Machine) -> None:
    machine.process(7, machine.init)
    assert text(machine.task, "/sys/fs/cgroup/cgroup.procs") == "1\n7\n"
    assert text(machine.task, "/sys/fs/cgroup/memory.max") == "max\n"


def test_mounts_are_shown_as_the_reader_sees_them(machine: Machine) -> None:
    assert " /proc proc rw" in text(machine.task, "/proc/mounts")
    assert " / /proc rw" in text(machine.task, "/proc/self/mountinfo")
