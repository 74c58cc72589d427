# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Pseudo-terminals and job control."""

from __future__ import annotations

import errno
import os
import signal
import struct

import pytest

from sentry.abi import tty as abi
from sentry.abi.errors import Interrupted, LinuxError
from sentry.fs import devpts, tty
from sentry.kernel.task import Task
from sentry.vfs import namei
from sentry.vfs.file import POLLHUP, POLLIN, POLLOUT, OpenFile
from sentry.vfs.filesystem import allocate_dev
from tests.unit.machine import BASE, Machine, errno_of, put, user

SIGHUP, SIGINT, SIGTTIN, SIGTTOU = (int(getattr(signal, name)) for name in ("SIGHUP", "SIGINT", "SIGTTIN", "SIGTTOU"))


@pytest.fixture
def machine() -> Machine:
    tty._controlled.clear()
    tty._inherited.clear()
    devpts._instances.clear()
    machine = Machine()
    devpts.register(machine.kernel)
    machine.mount(b"/dev/pts", devpts.DevptsFilesystem(allocate_dev(), machine.kernel, {"mode": "620", "gid": "5"}))
    return machine


def opened(task: Task, path: bytes, flags: int = os.O_RDWR) -> OpenFile:
    file = namei.open_path(task, task.fs.cwd, path, flags, 0)
    assert isinstance(file, OpenFile)
    return file


def pair(task: Task, flags: int = os.O_RDWR | os.O_NOCTTY) -> tuple[tty.MasterFile, tty.SlaveFile]:
    """What openpty(3) does."""
    master = opened(task, b"/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
    assert isinstance(master, tty.MasterFile)
    master.ioctl(task, abi.TIOCSPTLCK, put(task, bytes(4)))
    master.ioctl(task, abi.TIOCGPTN, BASE)
    number = int.from_bytes(task.memory.read(BASE, 4), "little")
    slave = opened(task, b"/dev/pts/%d" % number, flags)
    assert isinstance(slave, tty.SlaveFile)
    return master, slave


def test_what_one_end_writes_the_other_reads(machine: Machine) -> None:
    master, slave = pair(machine.task)
    master.write(b"hi\n")
    assert slave.read(10) == b"hi\n"
    slave.write(b"ho\n")
    assert master.read(100) == b"hi\r\nho\r\n"


def test_a_terminal_is_listed_while_its_master_is_open(machine: Machine) -> None:
    task = machine.task
    master, slave = pair(task)
    root = namei.open_path(task, task.fs.cwd, b"/dev/pts", os.O_RDONLY, 0)
    assert isinstance(root, OpenFile)
    assert [entry.name for entry in root.inode.entries(task)] == [b"ptmx", b"0"]
    attributes = slave.attributes()
    assert (attributes.mode & 0o777, attributes.gid, attributes.rdev) == (0o620, 5, os.makedev(136, 0))
    assert slave.name(task) == b"/dev/pts/0"
    second, _ = pair(task)
    assert second.terminal.index == 1
    master.drop()
    assert errno_of(lambda: opened(task, b"/dev/pts/0")) == errno.ENOENT
    assert slave.read(5) == b""
    assert slave.poll() & POLLHUP
    assert errno_of(lambda: slave.write(b"x")) == errno.EIO


def test_a_locked_terminal_cannot_be_opened(machine: Machine) -> None:
    master = opened(machine.task, b"/dev/pts/ptmx")
    assert errno_of(lambda: opened(machine.task, b"/dev/pts/0")) == errno.EIO
    master.drop()


def test_the_master_sees_the_last_slave_go(machine: Machine) -> None:
    master, slave = pair(machine.task)
    assert errno_of(lambda: master.read(1)) == errno.EAGAIN
    slave.write(b"bye")
    slave.drop()
    assert master.poll() & (POLLIN | POLLHUP) == POLLIN | POLLHUP
    assert master.read(10) == b"bye"
    assert errno_of(lambda: master.read(1)) == errno.EIO


def test_settings_go_through_both_ends(machine: Machine) -> None:
    task = machine.task
    master, slave = pair(task)
    slave.ioctl(task, abi.TCGETS, BASE)
    iflag, oflag, cflag, lflag, line, characters = task.memory.unpack(abi.TERMIOS, BASE)
    put(task, abi.TERMIOS.pack(iflag, oflag, cflag, lflag & ~abi.ICANON & ~abi.ECHO, line, characters))
    master.ioctl(task, abi.TCSETS, BASE)
    master.write(b"x")
    assert slave.read(10) == b"x"
    slave.ioctl(task, abi.TCGETS2, BASE)
    assert task.memory.unpack(abi.TERMIOS2, BASE)[3] == lflag & ~abi.ICANON & ~abi.ECHO
    assert errno_of(lambda: slave.ioctl(task, 0x1234, 0)) == errno.ENOTTY


def raw(slave: tty.SlaveFile, minimum: int, tenths: int) -> None:
    discipline = slave.terminal.discipline
    discipline.local_flags &= ~(abi.ICANON | abi.ECHO)
    discipline.characters[abi.VMIN], discipline.characters[abi.VTIME] = minimum, tenths


def test_a_raw_read_waits_for_as_many_bytes_as_were_asked_for(machine: Machine) -> None:
    master, slave = pair(machine.task)
    raw(slave, 3, 0)
    master.write(b"ab")
    assert errno_of(lambda: slave.read(10)) == errno.EAGAIN
    assert slave.read(2) == b"ab"
    master.write(b"cde")
    assert slave.read(10) == b"cde"


def test_a_raw_read_with_a_timer_ends_without_bytes(machine: Machine) -> None:
    _, slave = pair(machine.task)
    raw(slave, 0, 5)
    woken: list[int] = []
    slave.queue.add("reader", lambda: woken.append(1))
    assert errno_of(lambda: slave.read(10)) == errno.EAGAIN
    machine.pass_time(499_000_000)
    assert not woken
    machine.pass_time(1_000_000)
    assert woken
    assert slave.read(10) == b""
    raw(slave, 0, 0)
    assert slave.read(10) == b""


def test_a_new_size_tells_the_foreground(machine: Machine) -> None:
    task = machine.task
    master, slave = pair(task, os.O_RDWR)
    put(task, struct.pack("<4H", 30, 100, 0, 0))
    master.ioctl(task, abi.TIOCSWINSZ, BASE)
    assert machine.sent == [("group", 1, int(signal.SIGWINCH))]
    slave.ioctl(task, abi.TIOCGWINSZ, BASE + 64)
    assert task.memory.read(BASE + 64, 8) == struct.pack("<4H", 30, 100, 0, 0)


def session(machine: Machine) -> tuple[Task, tty.MasterFile, tty.SlaveFile]:
    """A session leader (2) on its own terminal."""
    shell = machine.process(2, machine.init)
    machine.groups[2] = machine.sessions[2] = 2
    master, slave = pair(shell.leader, os.O_RDWR)
    return shell.leader, master, slave


def test_opening_without_O_NOCTTY_gives_a_session_leader_its_terminal(machine: Machine) -> None:
    shell, master, slave = session(machine)
    slave.ioctl(shell, abi.TIOCGPGRP, BASE)
    slave.ioctl(shell, abi.TIOCGSID, BASE + 4)
    assert struct.unpack("<2i", shell.memory.read(BASE, 8)) == (2, 2)
    own = opened(shell, b"/dev/pts/0", os.O_RDWR)
    assert own.read is not None
    machine.mounts.mount_point(b"/dev")
    namei.mknod(shell, shell.fs.cwd, b"/dev/tty", 0o20666, os.makedev(5, 0))
    mine = opened(shell, b"/dev/tty")
    mine.write(b"x")
    assert master.read(5) == b"x"
    assert errno_of(lambda: opened(machine.task, b"/dev/tty")) == errno.ENXIO


def test_keys_signal_the_foreground_group(machine: Machine) -> None:
    shell, master, slave = session(machine)
    job = machine.process(3, shell.process)
    machine.groups[3] = 3
    put(shell, (3).to_bytes(4, "little"))
    slave.ioctl(shell, abi.TIOCSPGRP, BASE)
    master.write(b"\x03")
    assert machine.sent == [("group", 3, SIGINT)]
    assert master.read(10) == b"^C"
    assert tty.of_process(machine.kernel, job) is slave.terminal


def test_only_groups_of_the_session_can_be_in_the_foreground(machine: Machine) -> None:
    shell, _, slave = session(machine)
    for group, expected in ((77, errno.ESRCH), (1, errno.EPERM), (0xFFFFFFFF, errno.EINVAL)):
        put(shell, group.to_bytes(4, "little"))
        assert errno_of(lambda: slave.ioctl(shell, abi.TIOCSPGRP, BASE)) == expected
    assert errno_of(lambda: slave.ioctl(machine.task, abi.TIOCGPGRP, BASE)) == errno.ENOTTY


def background(machine: Machine, blocked: int = 0, ignored: int = 0) -> tuple[Task, tty.SlaveFile]:
    shell, _, slave = session(machine)
    job = machine.process(3, shell.process)
    machine.groups[3] = 3
    host = job.leader.host_tid
    machine.host_files[host, "status"] = b"SigBlk:\t%016x\nSigIgn:\t%016x\n" % (blocked, ignored)
    machine.current = job.leader
    return job.leader, slave


def test_a_background_reader_is_stopped(machine: Machine) -> None:
    _, slave = background(machine)
    with pytest.raises(Interrupted):
        slave.read(1)
    assert machine.sent == [("group", 3, SIGTTIN)]


def test_a_background_reader_that_ignores_the_signal_gets_EIO(machine: Machine) -> None:
    _, slave = background(machine, ignored=1 << (SIGTTIN - 1))
    assert errno_of(lambda: slave.read(1)) == errno.EIO


def test_a_background_writer_is_stopped_only_if_the_terminal_says_so(machine: Machine) -> None:
    job, slave = background(machine)
    assert slave.write(b"x") == 1
    slave.terminal.discipline.local_flags |= abi.TOSTOP
    with pytest.raises(Interrupted):
        slave.write(b"x")
    slave.ioctl(job, abi.TCGETS, BASE)
    with pytest.raises(Interrupted):
        slave.ioctl(job, abi.TCSETS, BASE)
    assert machine.sent == [("group", 3, SIGTTOU)] * 2


def test_a_background_process_that_blocks_SIGTTOU_may_take_the_foreground(machine: Machine) -> None:
    job, slave = background(machine, blocked=1 << (SIGTTOU - 1))
    put(job, (3).to_bytes(4, "little"))
    slave.ioctl(job, abi.TIOCSPGRP, BASE)
    assert slave.terminal.foreground == 3


def test_an_orphaned_group_gets_EIO(machine: Machine) -> None:
    job, slave = background(machine)
    job.process.parent = machine.init
    assert errno_of(lambda: slave.read(1)) == errno.EIO


def test_the_end_of_a_session_leader_frees_the_terminal(machine: Machine) -> None:
    shell, _, slave = session(machine)
    machine.process(3, shell.process)
    for hook in machine.exit_hooks:
        hook(shell.process)
    assert machine.sent == [("process", 3, SIGHUP)]
    assert slave.terminal.session == 0


def test_closing_the_master_hangs_up(machine: Machine) -> None:
    _, master, slave = session(machine)
    master.drop()
    assert ("process", 2, SIGHUP) in machine.sent
    assert slave.read(1) == b""


def test_TIOCSCTTY_steals_with_a_capability_only(machine: Machine) -> None:
    _, _, slave = session(machine)
    other = machine.process(9, machine.init, user(0))
    machine.groups[9] = machine.sessions[9] = 9
    assert errno_of(lambda: slave.ioctl(other.leader, abi.TIOCSCTTY, 1)) == errno.EPERM
    machine.process(10, machine.init)
    machine.groups[10] = machine.sessions[10] = 10
    assert errno_of(lambda: slave.ioctl(machine.tasks[10], abi.TIOCSCTTY, 0)) == errno.EPERM
    assert slave.ioctl(machine.tasks[10], abi.TIOCSCTTY, 1) == 0
    assert slave.terminal.session == 10


def test_the_callers_suspend_key_means_everything_only_without_job_control(machine: Machine) -> None:
    terminal = tty.host_terminal(machine.kernel, os.makedev(136, 9))
    host = machine.task.host_tid
    machine.host_files[host, "status"] = b"SigIgn:\t0\nSigCgt:\t0\n"
    assert tty.suspends_all(machine.kernel)
    machine.host_files[host, "status"] = b"SigIgn:\t%x\nSigCgt:\t0\n" % (1 << (int(signal.SIGTSTP) - 1))
    assert not tty.suspends_all(machine.kernel)
    machine.host_files[host, "status"] = b"SigIgn:\t0\nSigCgt:\t0\n"
    terminal.foreground = 5
    assert not tty.suspends_all(machine.kernel)
    assert tty.foreground_group(machine.kernel) == 5


def test_an_inherited_terminal_has_a_name_and_opens_again(machine: Machine) -> None:
    terminal = tty.host_terminal(machine.kernel, os.makedev(136, 9))
    inode = devpts._instances[-1].root.lookup(b"ptmx")  # any inode will do
    devpts.show_host_terminal(terminal, inode)
    assert terminal.name(machine.task) == b"/dev/pts/9"
    root = devpts._instances[-1].root
    assert root.lookup(b"9") is inode
    assert tty.of_process(machine.kernel, machine.init) is terminal
    assert terminal.ioctl(machine.task, pair(machine.task)[1], abi.TIOCGPGRP, BASE) == 0
    assert terminal.ioctl(machine.task, pair(machine.task)[1], abi.TCGETS, BASE) is None


def test_giving_up_the_terminal(machine: Machine) -> None:
    shell, _, slave = session(machine)
    assert slave.ioctl(shell, abi.TIOCNOTTY, 0) == 0
    assert errno_of(lambda: slave.ioctl(shell, abi.TIOCGPGRP, BASE)) == errno.ENOTTY


def test_the_peer_of_a_master_is_opened_by_TIOCGPTPEER(machine: Machine) -> None:
    task = machine.task
    task.process.limits[7] = (1024, 1024)
    master, _ = pair(task)
    fd = master.ioctl(task, abi.TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
    peer = task.files.get(fd)
    assert peer.name(task) == b"/dev/pts/0"
    peer.write(b"y")
    assert master.read(5) == b"y"


def test_packet_mode_marks_data(machine: Machine) -> None:
    task = machine.task
    master, slave = pair(task)
    master.ioctl(task, abi.TIOCPKT, put(task, b"\1\0\0\0"))
    slave.write(b"x")
    assert master.read(10) == b"\0x"
    slave.ioctl(task, abi.TCFLSH, 0)
    assert master.read(10) == bytes((abi.TIOCPKT_FLUSHREAD,))


def test_poll_says_when_a_line_is_there(machine: Machine) -> None:
    master, slave = pair(machine.task)
    assert slave.poll() & (POLLIN | POLLOUT) == POLLOUT
    master.write(b"abc")
    assert not slave.poll() & POLLIN
    master.write(b"\n")
    assert slave.poll() & POLLIN
    with pytest.raises(LinuxError):
        slave.pread(1, 0)
