# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""The line discipline of terminals: what happens to bytes between a keyboard and a program.

Owns termios settings, the input of a slave (edited lines or raw bytes), echo, and output processing. It knows neither
tasks nor files: signals go to a callback, output to a buffer that the master reads. Source: termios(3), ioctl_tty(2);
drivers/tty/n_tty.c.
"""

from __future__ import annotations

from sentry.abi import tty as abi
from sentry.abi.signals import SIGINT, SIGQUIT, SIGTSTP
from sentry.lean import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INPUT_SIZE = 4096  # N_TTY_BUF_SIZE: bytes of one line, or of raw input, that are not read yet
LINES_SIZE = 1 << 16  # bytes of complete lines that are not read yet
OUTPUT_SIZE = 1 << 15  # bytes that the master has not read yet, above which a writer waits
_ECHO_SLACK = 1 << 12  # echo may exceed OUTPUT_SIZE by so much, then it is lost
_ARRIVED = 4096  # bytes of output that a flush does not take back: the size of the master's read buffer on Linux
_TAB = 8


class LineDiscipline:
    """One terminal's. characters: the control characters by V* index, 0 for none. stopped: output was stopped (^S)."""

    __slots__ = (
        "_base", "_column", "_lines", "_literal", "_send", "characters", "control_flags", "editing", "input",
        "input_flags", "input_speed", "line", "local_flags", "output", "output_flags", "output_speed", "packet_status",
        "stopped",
    )  # fmt: skip

    def __init__(self, send: Callable[[int], None]) -> None:
        self._send = send  # signals the foreground process group
        self.input_flags, self.output_flags, self.control_flags, self.local_flags = abi.DEFAULT_FLAGS
        self.characters = bytearray(abi.DEFAULT_CHARACTERS)
        self.line = 0
        self.input_speed = self.output_speed = abi.DEFAULT_SPEED
        self.input = bytearray()  # not read yet: complete lines, then the line that is being edited
        self.output = bytearray()  # for the master
        self.editing = 0  # where in input the edited line begins; everything before it can be read
        self.stopped = False
        self.packet_status = 0  # TIOCPKT_* events the master has not seen
        self._base = 0  # how many bytes of input were ever read: makes the ends in _lines independent of reads
        self._lines: deque[int] = deque()  # where lines end, counted from the terminal's beginning
        self._column = 0
        self._literal = False  # the next character has no meaning (^V)

    # -- settings --
    @property
    def canonical(self) -> bool:
        return bool(self.local_flags & abi.ICANON)

    def configure(self, flags: tuple[int, int, int, int], line: int, characters: bytes) -> None:
        """New settings. Switching from or to lines keeps what was typed (n_tty_set_termios)."""
        was = self.canonical
        self.input_flags, self.output_flags, self.control_flags, self.local_flags = flags
        self.line = line
        self.characters[: len(characters)] = characters
        if was != self.canonical:
            self._lines.clear()
            if self.canonical:
                # What is there counts as one line, as if it had been ended.
                self.editing = len(self.input)
                if self.input:
                    self._lines.append(self._base + len(self.input))
            else:
                self.editing = len(self.input)
            self._literal = False
        if not self.input_flags & abi.IXON:
            self.stopped = False

    # -- the program's side --
    def available(self) -> int:
        """Bytes that a read would give now (FIONREAD)."""
        return self.editing if self.canonical else len(self.input)

    def can_read(self, minimum: int = 1) -> bool:
        """Would a read of minimum bytes end at once?"""
        if self.canonical:
            return bool(self._lines)
        return len(self.input) >= max(minimum, 1)

    def take(self, size: int) -> bytes:
        """What a read of size bytes gets, if can_read(): at most one line; b"" for an end of file (^D)."""
        if self.canonical:
            end = self._lines[0] - self._base
            if size >= end:
                size = end
                self._lines.popleft()
        data = bytes(self.input[:size])
        del self.input[:size]
        self._base += len(data)
        self.editing = max(self.editing - len(data), 0)
        return data

    def put(self, data: bytes | memoryview) -> int:
        """A program's output: bytes taken, 0 if there is no room or output is stopped."""
        room = OUTPUT_SIZE - len(self.output)
        if self.stopped or room <= 0:
            return 0
        chunk = bytes(data[:room])
        self._write(chunk)
        return len(chunk)

    def flush_input(self) -> None:
        """Forgets what was typed and not read."""
        self._base += len(self.input)
        self.input.clear()
        self._lines.clear()
        self.editing = 0
        self._literal = False
        self.packet_status |= abi.TIOCPKT_FLUSHREAD

    def flush_output(self, arrived: int = _ARRIVED) -> None:
        """Forgets what was written and not shown, but for the first bytes, which have arrived at the other end."""
        del self.output[arrived:]
        self.packet_status |= abi.TIOCPKT_FLUSHWRITE

    # -- the keyboard's side --
    def accept(self, data: bytes | memoryview) -> int:
        """Bytes typed: how many were taken (all of them unless the program reads too slowly)."""
        if self.local_flags & (abi.ICANON | abi.ISIG | abi.ECHO | abi.IEXTEN) or self.input_flags & ~(
            abi.IGNBRK | abi.BRKINT | abi.IMAXBEL | abi.IUTF8
        ):
            for count, byte in enumerate(data):
                if self._full():
                    return count
                self._receive(byte)
            return len(data)
        taken = bytes(data[: max(INPUT_SIZE - 1 - len(self.input), 0)])
        self.input += taken
        self.editing = len(self.input)
        return len(taken)

    def _full(self) -> bool:
        if self.canonical:
            # Within one line more is dropped, not delayed: else nobody could ever end the line.
            return self.editing >= LINES_SIZE
        return len(self.input) >= INPUT_SIZE - 1

    def _receive(self, c: int) -> None:
        flags = self.input_flags
        if flags & abi.ISTRIP:
            c &= 0x7F
        if flags & abi.IUCLC and self.local_flags & abi.IEXTEN and 0x41 <= c <= 0x5A:
            c += 0x20
        if self._literal:
            self._literal = False
            self._store(c)
            return
        characters, local = self.characters, self.local_flags
        if flags & abi.IXON and c:
            if c == characters[abi.VSTART]:
                self._start()
                return
            if c == characters[abi.VSTOP]:
                self.stopped = True
                self.packet_status = self.packet_status & ~abi.TIOCPKT_START | abi.TIOCPKT_STOP
                return
            if self.stopped and flags & abi.IXANY:
                self._start()
        if local & abi.ISIG and c:
            number = {
                characters[abi.VINTR]: SIGINT,
                characters[abi.VQUIT]: SIGQUIT,
                characters[abi.VSUSP]: SIGTSTP,
            }.get(c)
            if number is not None:
                self._signal(c, int(number))
                return
        if c == 0x0D:
            if flags & abi.IGNCR:
                return
            if flags & abi.ICRNL:
                c = 0x0A
        elif c == 0x0A and flags & abi.INLCR:
            c = 0x0D
        if local & abi.ICANON and self._edit(c):
            return
        if local & abi.IEXTEN and c and c == characters[abi.VLNEXT] and local & abi.ICANON:
            self._literal = True
            if local & abi.ECHO:
                self._echo(b"^\b" if local & abi.ECHOCTL else b"")
            return
        self._store(c)

    def _start(self) -> None:
        self.stopped = False
        self.packet_status = self.packet_status & ~abi.TIOCPKT_STOP | abi.TIOCPKT_START

    def _signal(self, c: int, number: int) -> None:
        if not self.local_flags & abi.NOFLSH:
            self.flush_input()
            self.flush_output()
        if self.stopped:
            self._start()
        if self.local_flags & abi.ECHO:
            self._echo_character(c)
        self._send(number)

    def _store(self, c: int) -> None:
        """An ordinary character."""
        if self.canonical and len(self.input) - self.editing >= INPUT_SIZE - 1:
            if self.input_flags & abi.IMAXBEL:
                self._echo(b"\a")
            return
        if self.local_flags & abi.ECHO:
            self._echo_character(c)
        self.input.append(c)
        if not self.canonical:
            self.editing = len(self.input)

    def _edit(self, c: int) -> bool:
        """Canonical mode's special characters: True if c was one."""
        characters, local = self.characters, self.local_flags
        if c == 0x0A:
            if local & (abi.ECHO | abi.ECHONL):
                self._echo(b"\n")
            self._end_line(c)
            return True
        if not c:
            return False
        if c == characters[abi.VEOF]:
            self._end_line(None)
            return True
        if c == characters[abi.VEOL] or (c == characters[abi.VEOL2] and local & abi.IEXTEN):
            if local & abi.ECHO:
                self._echo_character(c)
            self._end_line(c)
            return True
        if c == characters[abi.VERASE]:
            self._erase_character()
            return True
        if c == characters[abi.VKILL]:
            self._kill_line(c)
            return True
        if local & abi.IEXTEN:
            if c == characters[abi.VWERASE]:
                self._erase_word()
                return True
            if c == characters[abi.VREPRINT] and local & abi.ECHO:
                self._echo_character(c)
                self._echo(b"\n")
                for typed in self.input[self.editing :]:
                    self._echo_character(typed)
                return True
        return False

    def _end_line(self, c: int | None) -> None:
        """c None: an end of file, which is not part of what is read."""
        if c is not None:
            self.input.append(c)
        self.editing = len(self.input)
        self._lines.append(self._base + self.editing)

    def _erase_character(self) -> None:
        text = self.input
        if len(text) <= self.editing:
            return
        before = self._width()
        last = text.pop()
        if self.input_flags & abi.IUTF8:
            # The bytes of one character go together.
            while last & 0xC0 == 0x80 and len(text) > self.editing:
                last = text.pop()
        self._rub_out(before, last)

    def _rub_out(self, before: int, erased: int) -> None:
        local = self.local_flags
        if not local & abi.ECHO:
            return
        if not local & abi.ECHOE:
            self._echo_character(self.characters[abi.VERASE])
            return
        self._echo(b"\b \b" * (before - self._width()) if erased != 0x09 else b"\b" * (before - self._width()))

    def _erase_word(self) -> None:
        seen = False
        while len(self.input) > self.editing:
            c = self.input[-1]
            if chr(c).isalnum() or c == 0x5F or c >= 0x80:
                seen = True
            elif seen:
                break
            self._erase_character()

    def _kill_line(self, c: int) -> None:
        local = self.local_flags
        if len(self.input) <= self.editing:
            return
        if local & abi.ECHO and local & abi.ECHOK and local & abi.ECHOKE and local & abi.ECHOE:
            while len(self.input) > self.editing:
                self._erase_character()
            return
        del self.input[self.editing :]
        if local & abi.ECHO:
            self._echo_character(c)
            if local & abi.ECHOK:
                self._echo(b"\n")

    def _width(self) -> int:
        """Columns that the edited line takes on the screen."""
        width = 0
        for c in self.input[self.editing :]:
            if c == 0x09:
                width += _TAB - width % _TAB
            elif c < 0x20 or c == 0x7F:
                width += 2 if self.local_flags & abi.ECHOCTL else 0
            elif not (self.input_flags & abi.IUTF8 and c & 0xC0 == 0x80):
                width += 1
        return width

    # -- output --
    def _echo_character(self, c: int) -> None:
        if self.local_flags & abi.ECHOCTL and (c < 0x20 or c == 0x7F) and c not in (0x09, 0x0A):
            self._echo(bytes((0x5E, c ^ 0x40)))
        else:
            self._echo(bytes((c,)))

    def _echo(self, text: bytes) -> None:
        if len(self.output) < OUTPUT_SIZE + _ECHO_SLACK:
            self._write(text)

    def _write(self, text: bytes) -> None:
        """Output processing."""
        flags = self.output_flags
        if not flags & abi.OPOST:
            self.output += text
            return
        if flags & (abi.OLCUC | abi.ONOCR | abi.ONLRET | abi.OCRNL) or flags & abi.TABDLY == abi.XTABS:
            for c in text:
                self._write_character(c)
            return
        self.output += text.replace(b"\n", b"\r\n") if flags & abi.ONLCR else text

    def _write_character(self, c: int) -> None:
        """One character where the column counts."""
        flags = self.output_flags
        shown = bytes((c,))
        if c == 0x0A:
            if flags & (abi.ONLCR | abi.ONLRET):
                self._column = 0
            shown = b"\r\n" if flags & abi.ONLCR else shown
        elif c == 0x0D:
            if flags & abi.ONOCR and self._column == 0:
                return
            if flags & abi.OCRNL:
                shown = b"\n"
                self._column = 0 if flags & abi.ONLRET else self._column
            else:
                self._column = 0
        elif c == 0x09:
            spaces = _TAB - self._column % _TAB
            self._column += spaces
            if flags & abi.TABDLY == abi.XTABS:
                shown = b" " * spaces
        elif c == 0x08:
            self._column = max(self._column - 1, 0)
        elif c >= 0x20:
            if flags & abi.OLCUC and 0x61 <= c <= 0x7A:
                shown = bytes((c - 0x20,))
            if not (self.input_flags & abi.IUTF8 and c & 0xC0 == 0x80):
                self._column += 1
        self.output += shown
