# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Line editing, echo and output processing: every case is typed at a pty of the host first, then at ours."""

from __future__ import annotations

import os
import select
import termios
from typing import Any

import pytest

from sentry.abi import tty as abi
from sentry.fs.line_discipline import LineDiscipline

READ_SIZE = 200
Settings = dict[str, int]

CASES: dict[str, tuple[Settings, list[tuple[str, bytes]]]] = {
    "a line": ({}, [("type", b"hello\r"), ("read", b"")]),
    "two lines are read one by one": ({}, [("type", b"one\ntwo\n"), ("read", b""), ("read", b"")]),
    "end of file": ({}, [("type", b"\x04"), ("read", b"")]),
    "end of file in a line": ({}, [("type", b"abc\x04"), ("read", b""), ("type", b"d\n"), ("read", b"")]),
    "erase": ({}, [("type", b"helo\x7flo\n"), ("read", b"")]),
    "erase nothing": ({}, [("type", b"\x7f\x7fab\n"), ("read", b"")]),
    "erase a control character": ({}, [("type", b"a\x01\x02\x7f\x7fb\n"), ("read", b"")]),
    "erase a tab": ({}, [("type", b"ab\tc\x7f\x7fd\n"), ("read", b"")]),
    "erase UTF-8": ({"iflag+": abi.IUTF8}, [("type", "aé€\x7f\x7fz\n".encode()), ("read", b"")]),
    "kill": ({}, [("type", b"some text\x15other\n"), ("read", b"")]),
    "kill without ECHOKE": ({"lflag-": abi.ECHOKE}, [("type", b"some\x15other\n"), ("read", b"")]),
    "word erase": ({}, [("type", b"one two  three_4 \x17\x17x\n"), ("read", b"")]),
    "literal next": ({}, [("type", b"a\x16\x03\x16\x7fb\n"), ("read", b"")]),
    "reprint": ({}, [("type", b"abc\x12d\n"), ("read", b"")]),
    "no echo": ({"lflag-": abi.ECHO}, [("type", b"secret\x7f\n"), ("read", b"")]),
    "ECHONL": ({"lflag-": abi.ECHO, "lflag+": abi.ECHONL}, [("type", b"secret\n"), ("read", b"")]),
    "no ECHOE": ({"lflag-": abi.ECHOE | abi.ECHOKE}, [("type", b"ab\x7f\x7f\x7fc\n"), ("read", b"")]),
    "no ECHOCTL": ({"lflag-": abi.ECHOCTL}, [("type", b"a\x01b\x7f\x7f\n"), ("read", b"")]),
    "INLCR": ({"iflag+": abi.INLCR, "iflag-": abi.ICRNL}, [("type", b"a\nb\x04"), ("read", b"")]),
    "IGNCR": ({"iflag+": abi.IGNCR}, [("type", b"a\rb\n"), ("read", b"")]),
    "ISTRIP": ({"iflag+": abi.ISTRIP}, [("type", b"\xe1\xe2\n"), ("read", b"")]),
    "IUCLC": ({"iflag+": abi.IUCLC}, [("type", b"HeLLo\n"), ("read", b"")]),
    "raw": ({"lflag-": abi.ICANON | abi.ECHO | abi.ISIG | abi.IEXTEN, "iflag-": abi.ICRNL | abi.IXON},
            [("type", b"a\x03\x7f\r\n\x04\x11"), ("read", b"")]),
    "cbreak": ({"lflag-": abi.ICANON}, [("type", b"ab\x7f\r\x04"), ("read", b"")]),
    "cbreak without IEXTEN": ({"lflag-": abi.ICANON | abi.IEXTEN}, [("type", b"\x16\x0f\x17"), ("read", b"")]),
    "output": ({}, [("write", b"line\nnext\tcolumn\r\n")]),
    "output raw": ({"oflag-": abi.OPOST}, [("write", b"line\nnext\n")]),
    "output tabs": ({"oflag+": abi.XTABS}, [("write", b"a\tbc\tdef\t\n\tx\b\ty\r\tz\n")]),
    "output OCRNL": ({"oflag+": abi.OCRNL}, [("write", b"a\rb\n")]),
    "output ONOCR": ({"oflag+": abi.ONOCR}, [("write", b"\ra\r\n\rb")]),
    "output ONLRET": ({"oflag+": abi.ONLRET | abi.XTABS, "oflag-": abi.ONLCR}, [("write", b"ab\n\tc\n")]),
    "output OLCUC": ({"oflag+": abi.OLCUC}, [("write", b"Hello\n")]),
    "lines to raw": ({}, [("type", b"one\ntw"), ("set", b"raw"), ("read", b"")]),
    "raw to lines": ({"lflag-": abi.ICANON},
                     [("type", b"some"), ("set", b"lines"), ("type", b" more\n"), ("read", b"")]),
    "stop and start": ({}, [("type", b"\x13\x11a\n"), ("read", b"")]),
    "partial reads": ({}, [("type", b"abcdef\n"), ("read 3", b""), ("read 3", b""), ("read 3", b"")]),
    "a read that ends where the end of file was typed": ({}, [("type", b"abc\x04"), ("read 3", b""), ("type", b"x\n"),
                                                              ("read", b"")]),
    "a line that is too long": ({"lflag-": abi.ECHO}, [("type", b"x" * 4200 + b"\n"), ("read 5000", b"")]),
}  # fmt: skip


def changed(flags: list[int], settings: Settings) -> list[int]:
    flags = list(flags)
    for name, bits in settings.items():
        index = ("iflag", "oflag", "cflag", "lflag").index(name[:5])
        flags[index] = flags[index] | bits if name[5] == "+" else flags[index] & ~bits
    return flags


class Host:
    """A pty of the host."""

    def __init__(self, settings: Settings) -> None:
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        os.set_blocking(self.slave, False)
        self.set(settings)

    def set(self, settings: Settings) -> None:
        attributes: list[Any] = termios.tcgetattr(self.slave)
        attributes[:4] = changed(attributes[:4], settings)
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)

    def shown(self) -> bytes:
        out = b""
        # The host hands bytes over in a work queue: poll until it is quiet.
        while select.select([self.master], [], [], 0.02)[0]:
            out += os.read(self.master, 65536)
        return out

    def type(self, data: bytes) -> bytes:
        os.write(self.master, data)
        return self.shown()

    def read(self, size: int) -> bytes | None:
        select.select([self.slave], [], [], 0.05)
        try:
            return os.read(self.slave, size)
        except BlockingIOError:
            return None

    def write(self, data: bytes) -> bytes:
        os.write(self.slave, data)
        return self.shown()

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


class Ours:
    """Our line discipline."""

    def __init__(self, settings: Settings) -> None:
        self.discipline = LineDiscipline(lambda number: None)
        self.set(settings)

    def set(self, settings: Settings) -> None:
        d = self.discipline
        flags = changed([d.input_flags, d.output_flags, d.control_flags, d.local_flags], settings)
        d.configure((flags[0], flags[1], flags[2], flags[3]), 0, bytes(d.characters))

    def shown(self) -> bytes:
        out = bytes(self.discipline.output)
        self.discipline.output.clear()
        return out

    def type(self, data: bytes) -> bytes:
        assert self.discipline.accept(data) == len(data)
        return self.shown()

    def read(self, size: int) -> bytes | None:
        return self.discipline.take(size) if self.discipline.can_read() else None

    def write(self, data: bytes) -> bytes:
        assert self.discipline.put(data) == len(data)
        return self.shown()

    def close(self) -> None:
        pass


def play(terminal: Host | Ours, steps: list[tuple[str, bytes]]) -> list[object]:
    out: list[object] = []
    for action, data in steps:
        if action == "type":
            out.append(terminal.type(data))
        elif action == "write":
            out.append(terminal.write(data))
        elif action == "set":
            terminal.set({"lflag-" if data == b"raw" else "lflag+": abi.ICANON})
        else:
            out.append(terminal.read(int(action.split()[1]) if " " in action else READ_SIZE))
    terminal.close()
    return out


@pytest.mark.parametrize("name", CASES)
def test_what_is_read_and_shown_is_what_the_host_gives(name: str) -> None:
    settings, steps = CASES[name]
    assert play(Ours(settings), steps) == play(Host(settings), steps)


@pytest.mark.parametrize(("typed", "number"), [(b"\x03", 2), (b"\x1c", 3), (b"\x1a", 20)])
def test_keys_raise_signals_and_forget_the_line(typed: bytes, number: int) -> None:
    sent: list[int] = []
    discipline = LineDiscipline(sent.append)
    discipline.accept(b"abc" + typed + b"d\n")
    assert sent == [number]
    assert discipline.take(10) == b"d\n"


def test_the_settings_begin_as_those_of_a_pty_of_the_host() -> None:
    host = Host({})
    attributes = termios.tcgetattr(host.slave)
    host.close()
    ours = LineDiscipline(lambda number: None)
    flags = [ours.input_flags, ours.output_flags, ours.control_flags, ours.local_flags]
    assert flags == attributes[:4]
    characters = b"".join(c if isinstance(c, bytes) else bytes((c,)) for c in attributes[6])
    assert bytes(ours.characters)[:17] == characters[:17]


def test_a_writer_waits_when_nobody_reads() -> None:
    discipline = LineDiscipline(lambda number: None)
    total = 0
    while count := discipline.put(b"x" * 1000):
        total += count
    assert 1 << 14 <= total <= 1 << 16
