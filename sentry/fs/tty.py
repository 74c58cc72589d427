# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Terminals and job control.

Owns JobControl (which session a terminal controls, which of its process groups is in the foreground), the register of
controlling terminals, /dev/tty, and both ends of pseudo-terminals. The tree of /dev/pts is devpts.py's, what bytes mean
is line_discipline.py's. Terminals of the host that were inherited as stdio are sentry/fs/host.py's: they keep their
settings on the host and only have their job control here, since the host's sessions are not the guest's.

Sessions and process groups are the host's (of the tasks' pid namespace): a process's controlling terminal is therefore
not kept with the process but looked up by its session. Source: tty_ioctl(4), credentials(7); drivers/tty/tty_jobctrl.c,
drivers/tty/pty.c.
"""

from __future__ import annotations

import errno
import os

from sentry.abi import tty as abi
from sentry.abi.errors import Interrupted, LinuxError
from sentry.abi.signals import SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH
from sentry.fs.line_discipline import LineDiscipline
from sentry.kernel.blocking import WaitQueue
from sentry.kernel.credentials import CAP_SYS_ADMIN
from sentry.vfs import special
from sentry.vfs.file import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM, OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from sentry.kernel.kernel import Kernel, Timer
    from sentry.kernel.task import Process, Task
    from sentry.vfs.inode import Inode
    from sentry.vfs.path import Path

TTY_MAJOR, CONSOLE_MINOR, PTMX_MINOR = 5, 1, 2
PTS_MAJOR = 136

_OUTPUT_ECHO = 1 << 12  # what a master may have to read while a write of its own still echoes
_READ_ANY = 1 << 16


# -- controlling terminals --
_controlled: dict[int, JobControl] = {}
"""Terminals that control a session, by its number."""

_inherited: list[HostTerminal] = []
"""The terminals that were inherited as stdio: one at most, unless somebody mixes them."""


class JobControl:
    """The part of a terminal that concerns sessions. session, foreground: guest numbers, 0 for none. device_number: as
    stat's field tty_nr."""

    __slots__ = ("device_number", "foreground", "kernel", "session")

    def __init__(self, kernel: Kernel, device_number: int) -> None:
        self.kernel = kernel
        self.device_number = device_number
        self.session = 0
        self.foreground = 0

    def controls(self, process: Process) -> bool:
        """Is it the controlling terminal of process?"""
        return self.session != 0 and self.kernel.session(process) == self.session

    # -- becoming and ceasing --
    def acquire(self, process: Process, session: int) -> None:
        """Becomes the controlling terminal of the session that process leads."""
        self.release()
        self.session = session
        self.foreground = self.kernel.process_group(process)
        _controlled[session] = self

    def release(self) -> None:
        """Controls nobody any more."""
        if _controlled.get(self.session) is self:
            del _controlled[self.session]
        self.session = 0
        self.foreground = 0

    def acquire_at_open(self, task: Task, flags: int) -> None:
        """open(2) by a session leader that has no controlling terminal, without O_NOCTTY."""
        if flags & os.O_NOCTTY or self.session or flags & os.O_ACCMODE == os.O_WRONLY:
            return
        session = self.kernel.session(task.process)
        if session == task.process.pid and session not in _controlled:
            self.acquire(task.process, session)

    def set_controlling(self, task: Task, argument: int, readable: bool) -> int:
        """TIOCSCTTY. Raises: EPERM."""
        kernel, process = self.kernel, task.process
        session = kernel.session(process)
        leads = session == process.pid
        if leads and self.session == session:
            return 0
        if not leads or session in _controlled:
            raise LinuxError(errno.EPERM)
        privileged = task.credentials.has(CAP_SYS_ADMIN)
        if self.session and not (argument == 1 and privileged):
            raise LinuxError(errno.EPERM)
        if not readable and not privileged:
            raise LinuxError(errno.EPERM)
        self.acquire(process, session)
        return 0

    def give_up(self, task: Task) -> int:
        """TIOCNOTTY: of a whole session if its leader asks. Raises: ENOTTY."""
        process = task.process
        if not self.controls(process):
            raise LinuxError(errno.ENOTTY)
        if self.session == process.pid:
            foreground = self.foreground
            self.release()
            if foreground:
                self.kernel.send_group_signal(foreground, SIGHUP)
                self.kernel.send_group_signal(foreground, SIGCONT)
        return 0

    # -- the foreground --
    def get_group(self, task: Task, master: bool = False) -> int:
        """TIOCGPGRP. Raises: ENOTTY."""
        if not master and not self.controls(task.process):
            raise LinuxError(errno.ENOTTY)
        return self.foreground

    def get_session(self, task: Task, master: bool = False) -> int:
        """TIOCGSID. Raises: ENOTTY."""
        if (not master and not self.controls(task.process)) or not self.session:
            raise LinuxError(errno.ENOTTY)
        return self.session

    def set_group(self, task: Task, group: int) -> int:
        """TIOCSPGRP. Raises: ENOTTY, EINVAL, ESRCH, EPERM; Interrupted (SIGTTOU was sent)."""
        try:
            self.check_background(task, SIGTTOU)
        except LinuxError:
            raise LinuxError(errno.ENOTTY) from None
        kernel = self.kernel
        if not self.controls(task.process):
            raise LinuxError(errno.ENOTTY)
        if group < 0:
            raise LinuxError(errno.EINVAL)
        members = [process for process in list(kernel.processes.values()) if kernel.process_group(process) == group]
        if not members:
            raise LinuxError(errno.ESRCH)
        if kernel.session(members[0]) != self.session:
            raise LinuxError(errno.EPERM)
        self.foreground = group
        return 0

    def check_background(self, task: Task, number: int) -> None:
        """tty_check_change(): stops a background process that uses its terminal.

        number: SIGTTIN or SIGTTOU. Raises: Interrupted (the signal was sent), EIO (it would have no effect).
        """
        if not self.session or not self.foreground:
            return
        kernel, process = self.kernel, task.process
        group = kernel.process_group(process)
        if group == self.foreground or not self.controls(process):
            return
        status = kernel.host_status(task.host_tid)
        unheard = int(status.get(b"SigBlk", b"0"), 16) | int(status.get(b"SigIgn", b"0"), 16)
        if unheard >> (number - 1) & 1:
            if number == SIGTTIN:
                raise LinuxError(errno.EIO)
            return
        if self._orphaned(group):
            raise LinuxError(errno.EIO)
        kernel.send_group_signal(group, number)
        raise Interrupted

    def _orphaned(self, group: int) -> bool:
        """Has no member of the group a parent outside of it in the same session, who could continue it?"""
        kernel = self.kernel
        for process in kernel.processes.values():
            parent = process.parent
            if (
                parent is not None
                and kernel.process_group(process) == group
                and kernel.process_group(parent) != group
                and kernel.session(parent) == self.session
            ):
                return False
        return True

    def check_current(self, number: int) -> None:
        """check_background() for the task whose call is being handled, if the kernel says which that is."""
        if self.session:
            task: Task | None = getattr(self.kernel, "current", None)
            if task is not None:
                self.check_background(task, number)

    def signal_foreground(self, number: int) -> None:
        """What the keyboard raises."""
        if self.foreground:
            self.kernel.send_group_signal(self.foreground, number)

    # -- ioctl --
    def job_ioctl(self, task: Task, request: int, argument: int, readable: bool = True, master: bool = False) -> int:
        """One of abi.JOB_CONTROL. Raises: as the methods above, and EFAULT."""
        if request == abi.TIOCGPGRP:
            task.memory.write(argument, self.get_group(task, master).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCSPGRP:
            return self.set_group(task, int.from_bytes(task.memory.read(argument, 4), "little", signed=True))
        if request == abi.TIOCGSID:
            task.memory.write(argument, self.get_session(task, master).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCSCTTY:
            return self.set_controlling(task, argument, readable)
        if request == abi.TIOCNOTTY:
            return self.give_up(task)
        raise LinuxError(errno.ENOTTY)


def of_process(kernel: Kernel, process: Process) -> JobControl | None:
    """The controlling terminal of a process."""
    return _controlled.get(kernel.session(process)) if _controlled else None


class HostTerminal(JobControl):
    """A terminal of the host that is the guest's stdio (what sentry/fs/host.py calls a Terminal). inode: one of its
    descriptors', to open it again. shown_as: its name in the guest."""

    __slots__ = ("inode", "shown_as")

    def __init__(self, kernel: Kernel, device_number: int) -> None:
        super().__init__(kernel, device_number)
        self.inode: Inode | None = None
        self.shown_as = b"/dev/console"

    def ioctl(self, task: Task, file: OpenFile, request: int, argument: int) -> int | None:
        """Job control is answered here, and a background process is kept from changing settings; None: ask the host."""
        if request in abi.JOB_CONTROL:
            return self.job_ioctl(task, request, argument, file.readable)
        if request in _SETTERS or request in (abi.TCFLSH, abi.TCSBRK, abi.TCSBRKP, abi.TCXONC):
            self.check_background(task, SIGTTOU)
        elif request == abi.TIOCGDEV:
            task.memory.write(argument, (self.device_number & 0xFFFFFFFF).to_bytes(4, "little"))
            return 0
        return None

    def before_read(self) -> None:
        """Stops a background reader. Raises: Interrupted, EIO."""
        self.check_current(SIGTTIN)

    def name(self, task: Task) -> bytes:
        return self.shown_as

    def open_again(self, task: Task, flags: int, path: Path) -> OpenFile:
        """A description for /dev/tty or /dev/console. Raises: ENXIO, EACCES."""
        if self.inode is None:
            raise LinuxError(errno.ENXIO)
        return self.inode.open(flags, path, task)


def host_terminal(kernel: Kernel, device_number: int, session: int = 1) -> HostTerminal:
    """The terminal of the host with that device number, the same for all its descriptors.

    session: the session (of the first process) that the first such terminal controls.
    """
    for known in _inherited:
        if known.device_number == device_number:
            return known
    terminal = HostTerminal(kernel, device_number)
    if not _inherited:
        terminal.session = terminal.foreground = session
        _controlled[session] = terminal
    _inherited.append(terminal)
    return terminal


def foreground_group(kernel: Kernel) -> int:
    """The process group that a signal of the terminal of our own caller is for, 0 if there is no such terminal."""
    return next((terminal.foreground for terminal in _inherited if terminal.foreground), 0)


def suspends_all(kernel: Kernel) -> bool:
    """Does Ctrl-Z on our caller's terminal mean the whole sandbox, so that pysc should stop as well?

    Not if the first program has put a job of its own in the foreground, or ignores or handles SIGTSTP (a shell).
    """
    group = foreground_group(kernel)
    if group and group != kernel.process_group(kernel.init):
        return False
    status = kernel.host_status(kernel.init.host_pid)
    deaf = int(status.get(b"SigIgn", b"0"), 16) | int(status.get(b"SigCgt", b"0"), 16)
    return not deaf >> (SIGTSTP - 1) & 1


def session_left(process: Process) -> None:
    """A session leader ends: its terminal is free, and the foreground hears SIGHUP. For Kernel.exit_hooks."""
    control = _controlled.get(process.pid)
    if control is None:
        return
    foreground, kernel = control.foreground, control.kernel
    control.release()
    if foreground:
        for member in list(kernel.processes.values()):
            # Not the leader itself: it must end with its own status, which a signal would replace.
            if member is not process and kernel.process_group(member) == foreground:
                kernel.send_signal(member, SIGHUP)


# -- pseudo-terminals --
class Terminal(JobControl):
    """A pseudo-terminal: two ends and what lies between. slaves: open slave ends. closed: the master is closed."""

    __slots__ = (
        "closed", "discipline", "exclusive", "index", "inode", "locked", "master_queue", "opened", "packet",
        "slave_queue", "slaves", "window",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, index: int) -> None:
        super().__init__(kernel, os.makedev(PTS_MAJOR, index))
        self.index = index
        self.discipline = LineDiscipline(self.signal_foreground)
        self.window = (0, 0, 0, 0)
        self.locked = True
        self.exclusive = False
        self.packet = False
        self.slaves = 0
        self.opened = False  # a slave end was ever open
        self.closed = False
        self.master_queue = WaitQueue()
        self.slave_queue = WaitQueue()
        self.inode: Inode | None = None  # of /dev/pts/N

    def hang_up(self) -> None:
        """The master is closed: readers get an end of file, writers EIO, the session SIGHUP."""
        self.closed = True
        leader = self.kernel.processes.get(self.session) if self.session else None
        foreground = self.foreground
        self.release()
        if leader is not None:
            self.kernel.send_signal(leader, SIGHUP)
            self.kernel.send_signal(leader, SIGCONT)
        if foreground:
            self.kernel.send_group_signal(foreground, SIGHUP)
        self.slave_queue.wake()
        self.master_queue.wake()

    def resize(self, window: tuple[int, int, int, int]) -> None:
        """TIOCSWINSZ."""
        if window != self.window:
            self.window = window
            self.signal_foreground(SIGWINCH)

    def wake(self) -> None:
        """Something changed for both ends."""
        self.master_queue.wake()
        self.slave_queue.wake()

    def common_ioctl(self, task: Task, request: int, argument: int, slave: bool) -> int:
        """What both ends have: settings (always the slave's), size, queues.

        Raises: ENOTTY, EFAULT, EINVAL, EPERM, EIO.
        """
        discipline, memory = self.discipline, task.memory
        if request in _SETTERS:
            if slave:
                self.check_background(task, SIGTTOU)
            self._configure(task, request, argument)
            return 0
        if request in (abi.TCGETS, abi.TCGETS2, abi.TCGETA):
            memory.write(argument, self._settings(request))
            return 0
        if request == abi.TIOCGWINSZ:
            memory.pack(abi.WINSIZE, argument, *self.window)
        elif request == abi.TIOCSWINSZ:
            rows, columns, width, height = memory.unpack(abi.WINSIZE, argument)
            self.resize((rows, columns, width, height))
        elif request == abi.TCFLSH:
            if slave:
                self.check_background(task, SIGTTOU)
            self._flush(argument, slave)
        elif request in (abi.TCSBRK, abi.TCSBRKP):
            if slave:
                self.check_background(task, SIGTTOU)
        elif request == abi.TCXONC:
            self._flow(task, argument, slave)
        elif request == abi.TIOCEXCL:
            self.exclusive = True
        elif request == abi.TIOCNXCL:
            self.exclusive = False
        elif request == abi.TIOCGEXCL:
            memory.write(argument, int(self.exclusive).to_bytes(4, "little"))
        elif request == abi.TIOCGETD:
            memory.write(argument, discipline.line.to_bytes(4, "little"))
        elif request == abi.TIOCSETD:
            if int.from_bytes(memory.read(argument, 4), "little") != 0:
                raise LinuxError(errno.EINVAL)
        elif request == abi.TIOCGLCKTRMIOS:
            memory.write(argument, bytes(abi.TERMIOS.size))  # nothing of it is ever locked
        elif request == abi.TIOCGDEV:
            memory.write(argument, (self.device_number & 0xFFFFFFFF).to_bytes(4, "little"))
        elif request == abi.TIOCVHANGUP:
            if not task.credentials.has(CAP_SYS_ADMIN):
                raise LinuxError(errno.EPERM)
            self.hang_up()
        else:
            raise LinuxError(errno.ENOTTY)
        return 0

    def _settings(self, request: int) -> bytes:
        d = self.discipline
        flags = (d.input_flags, d.output_flags, d.control_flags, d.local_flags)
        if request == abi.TCGETA:
            return abi.TERMIO.pack(*(flag & 0xFFFF for flag in flags), d.line, bytes(d.characters[:8]))
        if request == abi.TCGETS:
            return abi.TERMIOS.pack(*flags, d.line, bytes(d.characters))
        return abi.TERMIOS2.pack(*flags, d.line, bytes(d.characters), d.input_speed, d.output_speed)

    def _configure(self, task: Task, request: int, argument: int) -> None:
        d, memory = self.discipline, task.memory
        if request in (abi.TCSETA, abi.TCSETAW, abi.TCSETAF):
            *low, _, characters = abi.TERMIO.unpack(memory.read(argument, abi.TERMIO.size))
            old = (d.input_flags, d.output_flags, d.control_flags, d.local_flags)
            flags = [before & ~0xFFFF | now for before, now in zip(old, low, strict=True)]
        elif request in (abi.TCSETS2, abi.TCSETSW2, abi.TCSETSF2):
            *flags, _, characters, d.input_speed, d.output_speed = abi.TERMIOS2.unpack(
                memory.read(argument, abi.TERMIOS2.size)
            )
        else:
            *flags, _, characters = abi.TERMIOS.unpack(memory.read(argument, abi.TERMIOS.size))
        if request in (abi.TCSETSF, abi.TCSETSF2, abi.TCSETAF):
            d.flush_input()
        # A pty is always 8 bits wide and receives (pty_set_termios).
        control = flags[2] & ~(abi.CSIZE | 0x100) | 0x30 | abi.CREAD
        d.configure((flags[0], flags[1], control, flags[3]), d.line, characters)
        self.wake()

    def _flush(self, which: int, slave: bool) -> None:
        if which not in (0, 1, 2):
            raise LinuxError(errno.EINVAL)
        d = self.discipline
        if which in (0, 2):
            if slave:
                d.flush_input()
            else:
                d.flush_output(0)
        if which in (1, 2) and slave:
            # What the other end was to read has arrived there, as on Linux but for a moment; so the master's TCOFLUSH
            # does nothing at all.
            d.flush_output()
        self.wake()

    def _flow(self, task: Task, argument: int, slave: bool) -> None:
        """tcflow(3)."""
        if argument not in (0, 1, 2, 3):
            raise LinuxError(errno.EINVAL)
        if slave:
            self.check_background(task, SIGTTOU)
        if argument in (0, 1):  # TCOOFF, TCOON
            self.discipline.stopped = argument == 0
            self.wake()


_SETTERS = frozenset(
    (
        abi.TCSETS, abi.TCSETSW, abi.TCSETSF, abi.TCSETA, abi.TCSETAW, abi.TCSETAF, abi.TCSETS2, abi.TCSETSW2,
        abi.TCSETSF2,
    )
)  # fmt: skip


class _TerminalFile(OpenFile):
    """What both ends share."""

    __slots__ = ("terminal",)

    def __init__(self, flags: int, inode: Inode, path: Path | None, terminal: Terminal) -> None:
        super().__init__(flags, inode, path)
        self.terminal = terminal

    @property
    def seekable(self) -> bool:
        return False

    def pread(self, size: int, offset: int) -> bytes:
        raise LinuxError(errno.ESPIPE)

    def pwrite(self, data: bytes | memoryview, offset: int) -> int:
        raise LinuxError(errno.ESPIPE)


class SlaveFile(_TerminalFile):
    """The end that a program has as its terminal."""

    __slots__ = ("_expired", "_timer")

    def __init__(self, flags: int, inode: Inode, path: Path | None, terminal: Terminal) -> None:
        super().__init__(flags, inode, path, terminal)
        self.queue = terminal.slave_queue
        self._timer: Timer | None = None
        self._expired = False
        terminal.slaves += 1
        terminal.opened = True

    def release(self) -> None:
        terminal = self.terminal
        self._stop_timer()
        terminal.slaves -= 1
        if not terminal.slaves:
            terminal.exclusive = False
            terminal.master_queue.wake()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._expired = False

    def poll(self) -> int:
        terminal = self.terminal
        if terminal.closed:
            return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLERR | POLLHUP
        discipline = terminal.discipline
        events = 0
        minimum = 1 if discipline.characters[abi.VTIME] else discipline.characters[abi.VMIN]
        if discipline.can_read(minimum):
            events |= POLLIN | POLLRDNORM
        if not discipline.stopped and len(discipline.output) < _OUTPUT_ECHO:
            events |= POLLOUT | POLLWRNORM
        return events

    def read(self, size: int) -> bytes:
        terminal = self.terminal
        if terminal.closed:
            return b""
        terminal.check_current(SIGTTIN)
        discipline = terminal.discipline
        if not size:
            return b""
        if discipline.canonical:
            if not discipline.can_read():
                raise LinuxError(errno.EAGAIN)
            return self._take(size)
        minimum, tenths = discipline.characters[abi.VMIN], discipline.characters[abi.VTIME]
        if self.flags & os.O_NONBLOCK or tenths:
            wanted = 1
        else:
            wanted = min(minimum, size)
        if len(discipline.input) >= max(wanted, 1):
            self._stop_timer()
            return self._take(size)
        if self.flags & os.O_NONBLOCK:
            raise LinuxError(errno.EAGAIN)
        if not minimum:
            return self._timed(tenths)
        raise LinuxError(errno.EAGAIN)

    def _timed(self, tenths: int) -> bytes:
        """VMIN 0 and nothing there: an end of file after VTIME tenths of a second."""
        if not tenths or self._expired:
            self._stop_timer()
            return b""
        if self._timer is None:
            kernel = self.terminal.kernel
            self._timer = kernel.call_at(kernel.now() + tenths * 100_000_000, self._expire)
        raise LinuxError(errno.EAGAIN)

    def _expire(self) -> None:
        self._timer = None
        self._expired = True
        self.queue.wake()

    def _take(self, size: int) -> bytes:
        data = self.terminal.discipline.take(size)
        self.terminal.master_queue.wake()
        return data

    def write(self, data: bytes | memoryview) -> int:
        terminal = self.terminal
        if terminal.closed:
            raise LinuxError(errno.EIO)
        discipline = terminal.discipline
        if discipline.local_flags & abi.TOSTOP:
            terminal.check_current(SIGTTOU)
        if not len(data):
            return 0
        count = discipline.put(data)
        if not count:
            raise LinuxError(errno.EAGAIN)
        terminal.master_queue.wake()
        return count

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        terminal = self.terminal
        if request in abi.JOB_CONTROL:
            return terminal.job_ioctl(task, request, argument, self.readable)
        if terminal.closed:
            raise LinuxError(errno.EIO)
        if request == abi.FIONREAD:
            task.memory.write(argument, terminal.discipline.available().to_bytes(4, "little"))
            return 0
        if request == abi.TIOCOUTQ:
            task.memory.write(argument, len(terminal.discipline.output).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCSTI:
            if not task.credentials.has(CAP_SYS_ADMIN):
                raise LinuxError(errno.EPERM)
            terminal.discipline.accept(task.memory.read(argument, 1))
            terminal.wake()
            return 0
        return terminal.common_ioctl(task, request, argument, slave=True)


class MasterFile(_TerminalFile):
    """The end that a terminal emulator has. on_close(index): the number is free again."""

    __slots__ = ("_on_close", "_open_peer")

    def __init__(
        self, flags: int, inode: Inode, path: Path | None, terminal: Terminal, on_close: Callable[[int], None],
        open_peer: Callable[[Task, int], int],
    ) -> None:  # fmt: skip
        super().__init__(flags, inode, path, terminal)
        self.queue = terminal.master_queue
        self._on_close = on_close
        self._open_peer = open_peer

    def release(self) -> None:
        self._on_close(self.terminal.index)
        self.terminal.hang_up()

    def _other_closed(self) -> bool:
        return self.terminal.opened and not self.terminal.slaves

    def poll(self) -> int:
        terminal = self.terminal
        discipline = terminal.discipline
        events = 0
        if discipline.output:
            events |= POLLIN | POLLRDNORM
        if terminal.packet and discipline.packet_status:
            events |= POLLPRI | POLLIN | POLLRDNORM
        if self._other_closed():
            events |= POLLHUP
        if len(discipline.input) < _READ_ANY // 2:
            events |= POLLOUT | POLLWRNORM
        return events

    def read(self, size: int) -> bytes:
        terminal = self.terminal
        discipline = terminal.discipline
        output = discipline.output
        if terminal.packet:
            if discipline.packet_status:
                status, discipline.packet_status = discipline.packet_status, 0
                return bytes((status,))
            if output and size:
                return b"\0" + self._take(size - 1)
        elif output:
            return self._take(size)
        if self._other_closed():
            raise LinuxError(errno.EIO)
        raise LinuxError(errno.EAGAIN)

    def _take(self, size: int) -> bytes:
        output = self.terminal.discipline.output
        data = bytes(output[:size])
        del output[:size]
        self.terminal.slave_queue.wake()
        return data

    def write(self, data: bytes | memoryview) -> int:
        terminal = self.terminal
        if not len(data):
            return 0
        discipline = terminal.discipline
        count = discipline.accept(data)
        # The echo is to be read here, the input there.
        terminal.wake()
        if not count:
            raise LinuxError(errno.EAGAIN)
        return count

    def ioctl(self, task: Task, request: int, argument: int) -> int:
        terminal, memory = self.terminal, task.memory
        if request == abi.TIOCGPTN:
            memory.write(argument, terminal.index.to_bytes(4, "little"))
            return 0
        if request == abi.TIOCSPTLCK:
            terminal.locked = any(memory.read(argument, 4))
            return 0
        if request == abi.TIOCGPTLCK:
            memory.write(argument, int(terminal.locked).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCPKT:
            terminal.packet = any(memory.read(argument, 4))
            terminal.discipline.packet_status = 0
            return 0
        if request == abi.TIOCGPKT:
            memory.write(argument, int(terminal.packet).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCGPTPEER:
            return self._open_peer(task, argument)
        if request == abi.TIOCSIG:
            if argument not in (SIGINT, SIGQUIT, SIGTSTP):
                raise LinuxError(errno.EINVAL)
            terminal.signal_foreground(argument)
            return 0
        if request == abi.FIONREAD:
            memory.write(argument, len(terminal.discipline.output).to_bytes(4, "little"))
            return 0
        if request == abi.TIOCOUTQ:
            memory.write(argument, bytes(4))
            return 0
        if request in abi.JOB_CONTROL:
            if request in (abi.TIOCSCTTY, abi.TIOCNOTTY):
                raise LinuxError(errno.ENOTTY)
            return terminal.job_ioctl(task, request, argument, master=True)
        return terminal.common_ioctl(task, request, argument, slave=False)


# -- device nodes --
def open_slave(task: Task, terminal: Terminal, inode: Inode, flags: int, path: Path | None) -> SlaveFile:
    """open(2) of /dev/pts/N. Raises: EIO (locked, or the master is gone), EBUSY (TIOCEXCL)."""
    if terminal.locked or terminal.closed:
        raise LinuxError(errno.EIO)
    if terminal.exclusive and not task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(errno.EBUSY)
    terminal.acquire_at_open(task, flags)
    return SlaveFile(flags, inode, path, terminal)


def _open_own(task: Task, inode: Inode, flags: int, path: Path) -> OpenFile:
    """/dev/tty. Raises: ENXIO (no controlling terminal)."""
    control = of_process(task.kernel, task.process)
    if control is None:
        raise LinuxError(errno.ENXIO)
    if isinstance(control, Terminal):
        return SlaveFile(flags, inode, path, control)
    assert isinstance(control, HostTerminal)
    return control.open_again(task, flags, path)


def _open_console(task: Task, inode: Inode, flags: int, path: Path) -> OpenFile:
    """/dev/console: the terminal that was inherited as stdio. Raises: EIO if there is none."""
    if not _inherited:
        raise LinuxError(errno.EIO)
    terminal = _inherited[0]
    terminal.acquire_at_open(task, flags)
    return terminal.open_again(task, flags, path)


def register(kernel: Kernel) -> None:
    """Makes the device nodes work and follows the ends of session leaders; called once at start-up."""
    special.register_character(TTY_MAJOR, 0, _open_own)
    special.register_character(TTY_MAJOR, CONSOLE_MINOR, _open_console)
    kernel.exit_hooks.append(session_left)
