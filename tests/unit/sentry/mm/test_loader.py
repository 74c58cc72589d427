# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Programs become plans, or the errno that Linux gives; nothing in a file raises anything else or leaves files open."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentry.abi.errors import LinuxError
from sentry.mm import loader
from sentry.platform.stub import abi
from tests.unit.sentry.mm.elves import IDENTITY, File, elf, prepare, segment

TOP = 0x7FFFFFFFF000


@pytest.fixture(autouse=True)
def no_file_stays_open() -> Iterator[None]:
    File.open_files = 0
    yield
    assert File.open_files == 0


def problem(data: bytes, files: dict[bytes, bytes] | None = None) -> int:
    """The errno with which a program is refused, 0 if it is not."""
    try:
        image = prepare(data, files)
    except LinuxError as error:
        return error.errno
    image.plan(3, 4, {})
    image.release()
    return 0


class Plan:
    """A plan, taken apart as the stub does it."""

    def __init__(self, data: bytes) -> None:
        head = abi.PLAN_HEAD.unpack_from(data)
        self.entry, maps, zeros, auxiliary, self.drop, self.add, strings = head
        at = abi.PLAN_HEAD.size
        self.maps = [abi.PLAN_MAP.unpack_from(data, at + abi.PLAN_MAP.size * n) for n in range(maps)]
        at += maps * abi.PLAN_MAP.size
        pairs = [abi.PLAN_PAIR.unpack_from(data, at + abi.PLAN_PAIR.size * n) for n in range(zeros + auxiliary)]
        self.zeros, self.auxiliary = pairs[:zeros], dict(pairs[zeros:])
        at += (zeros + auxiliary) * abi.PLAN_PAIR.size
        self.strings = data[at:].split(b"\0")[:-1]
        assert len(data) - at == strings


def plan(data: bytes, files: dict[bytes, bytes] | None = None) -> Plan:
    image = prepare(data, files)
    try:
        return Plan(image.plan(7, 8, {loader.AT_UID: 5}))
    finally:
        image.release()


def test_a_static_program_is_mapped_where_it_says() -> None:
    made = plan(
        elf(
            segment(flags=5, file_size=0x200),
            segment(flags=6, offset=0x100, address=0x401100, file_size=0x40, memory_size=0x2000),
        )
    )
    assert made.entry == 0x400100
    assert made.maps[0] == (0x400000, 0x1000, 0, 5, 0x12, 7, 0)
    assert made.maps[1] == (0x401000, 0x1000, 0, 3, 0x12, 7, 1)
    assert made.maps[2] == (0x402000, 0x2000, 0, 3, 0x32, -1, 0)
    assert made.zeros == [(0x401140, 0xEC0)]
    assert made.auxiliary[loader.AT_PHDR] == 0x400040
    assert made.auxiliary[loader.AT_UID] == 5
    assert made.auxiliary[loader.AT_BASE] == 0
    assert (made.drop, made.add, made.strings) == (0, 0, [b"/prog"])


def test_a_position_independent_program_goes_somewhere_else_each_time() -> None:
    data = elf(segment(address=0), kind=3, entry=0x100)
    bases = {plan(data).maps[0][0] for _ in range(20)}
    assert len(bases) > 15
    assert all(base % 4096 == 0 and 0x550000000000 <= base < 0x570000000000 for base in bases)


def test_a_large_alignment_is_kept() -> None:
    data = elf(segment(address=0, align=0x200000), kind=3, entry=0)
    assert all(plan(data).maps[0][0] % 0x200000 == 0 for _ in range(10))


def test_an_interpreter_is_entered_first() -> None:
    interpreter = elf(segment(address=0), kind=3, entry=0x123)
    name = b"/lib/ld.so\0"
    data = elf(segment(), segment(kind=3, offset=0x200, file_size=len(name)), tail=name)
    made = plan(data, {b"/lib/ld.so": interpreter})
    assert made.auxiliary[loader.AT_ENTRY] == 0x400100
    base = made.auxiliary[loader.AT_BASE]
    assert made.entry == base + 0x123
    assert [entry[5:7] for entry in made.maps] == [(7, 1), (8, 1)]


BAD_HEADERS = {
    "an empty file": b"",
    "one byte": b"\x7f",
    "a cut header": elf()[:63],
    "no magic": b"\0" + elf()[1:],
    "32 bits": elf(identity=IDENTITY[:4] + b"\1" + IDENTITY[5:]),
    "big endian": elf(identity=IDENTITY[:5] + b"\2" + IDENTITY[6:]),
    "a relocatable": elf(kind=1),
    "a core": elf(kind=4),
    "an i386 program": elf(machine=3),
    "an aarch64 program": elf(machine=183),
    "headers of another size": elf(phentsize=32),
    "no program headers": elf(phnum=0),
    "too many program headers": elf(phnum=0xFFFF),
    "headers behind the end": elf(phoff=0x10000),
    "headers at a huge offset": elf(phoff=(1 << 64) - 1),
    "headers at the last positive offset": elf(phoff=(1 << 63) - 1),
    "a cut table": elf(phnum=20),
    "nothing to load": elf(segment(kind=4)),
}


@pytest.mark.parametrize("what", sorted(BAD_HEADERS))
def test_a_malformed_header_is_ENOEXEC(what: str) -> None:
    assert problem(BAD_HEADERS[what]) == errno.ENOEXEC


BAD_SEGMENTS = {
    "more file than memory": segment(file_size=0x300, memory_size=0x200),
    "a size above everything": segment(memory_size=1 << 63),
    "an address of the kernel": segment(address=0xFFFF800000000000),
    "an offset that does not fit the address": segment(offset=0x10),
    "a huge offset": segment(offset=1 << 63),
    "the first pages": segment(address=0x1000),
    "address zero": segment(address=0),
    "the stub": segment(address=abi.BASE),
    "across the stub": segment(address=abi.BASE - 0x10000, memory_size=0x20000),
    "the end of memory": segment(address=TOP - 0x1000, memory_size=0x10000),
}


@pytest.mark.parametrize("what", sorted(BAD_SEGMENTS))
def test_a_malformed_segment_is_refused(what: str) -> None:
    assert problem(elf(BAD_SEGMENTS[what])) in (errno.ENOEXEC, errno.EINVAL, errno.ENOMEM, errno.EPERM)


def test_segments_out_of_order_are_refused() -> None:
    assert problem(elf(segment(address=0x500000), segment(address=0x400000))) == errno.ENOEXEC


def test_a_program_that_is_nothing_but_zeros_loads() -> None:
    assert problem(elf(segment(flags=6, file_size=0, memory_size=0x1000))) == 0


def test_the_stub_cannot_be_covered_by_an_interpreter() -> None:
    name = b"/ld\0"
    data = elf(segment(), segment(kind=3, offset=0x200, file_size=len(name)), tail=name)
    assert problem(data, {b"/ld": elf(segment(address=abi.BASE))}) in (errno.ENOEXEC, errno.ELIBBAD)


@pytest.mark.parametrize(
    ("size", "name", "expected"),
    [
        (1, b"\0", errno.ENOEXEC),
        (5000, b"/ld\0", errno.ENOEXEC),
        (4, b"/ldx", errno.ENOEXEC),
        (40, b"/ld\0", errno.EIO),
        (4, b"/ld\0", errno.ENOENT),
    ],
)
def test_bad_names_of_interpreters(size: int, name: bytes, expected: int) -> None:
    assert problem(elf(segment(), segment(kind=3, offset=0x200, file_size=size), tail=name)) == expected


@pytest.mark.parametrize("interpreter", [b"", b"#!/bin/sh\n", b"\x7fELF", elf(machine=3), elf(segment(kind=4))])
def test_a_bad_interpreter_is_ELIBBAD(interpreter: bytes) -> None:
    name = b"/ld\0"
    data = elf(segment(), segment(kind=3, offset=0x200, file_size=len(name)), tail=name)
    assert problem(data, {b"/ld": interpreter}) == errno.ELIBBAD


def test_a_plan_that_does_not_fit_is_refused() -> None:
    rows = [segment(address=0x400000 + 0x1000 * n, file_size=8) for n in range(1000)]
    image = prepare(elf(*rows))
    with pytest.raises(LinuxError):
        image.plan(3, 4, {})
    image.release()


# -- #! --


def test_a_script_gives_its_interpreter_argument_and_name() -> None:
    made = plan(b"#! /bin/interp  -x y \nrest", {b"/bin/interp": elf()})
    assert (made.drop, made.strings) == (1, [b"/prog", b"/bin/interp", b"-x y", b"/prog"])


def test_a_script_of_a_script() -> None:
    made = plan(b"#!/b one\n", {b"/b": b"#!/c two\n", b"/c": elf()})
    assert made.strings == [b"/prog", b"/c", b"two", b"/b", b"one", b"/prog"]


def test_scripts_that_go_round_are_ELOOP() -> None:
    assert problem(b"#!/a\n", {b"/a": b"#!/a\n"}) == errno.ELOOP


def test_a_script_that_its_interpreter_cannot_reach_is_ENOENT() -> None:
    with pytest.raises(LinuxError) as caught:
        loader.prepare(File(b"#!/b\n").file, b"/dev/fd/3", loader.Opener(), reachable=False)
    assert caught.value.errno == errno.ENOENT


ECHO = b"/bin/echo"
LINES = [
    b"#!/bin/echo",
    b"#!/bin/echo\n",
    b"#! /bin/echo a\n",
    b"#!\t/bin/echo\ta\tb\t\n",
    b"#!/bin/echo  a  b  \n",
    b"#!",
    b"#!\n",
    b"#! \t \n",
    b"#!/bin/echo\0x\n",
    b"#!/bin/echo a\0b\n",
    b"#!/bin/echo -n\n",
    b"#!/bin/echo " + b"x" * 300 + b"\n",
    b"#!/bin/echo " + b"x" * 242 + b"\n",
    b"#!/bin/echo " + b"x" * 243 + b"\n",
    b"#!/bin/echo " + b"x" * 244,
    b"#!" + b"/" * 245 + b"bin/echo\n",
    b"#!" + b"/" * 246 + b"bin/echo",
    b"#!" + b"/" * 250 + b"bin/echo\n",
    b"#!" + b" " * 300 + b"/bin/echo\n",
    b"#!" + b" " * 244 + b"/bin/echo\n",
    b"#!/bin/echo\r\n",
    b"#!/bin/echo" + b" " * 300,
    b"#!/bin/echo a\n\0",
    b"#!\0/bin/echo\n",
    b"#! \0\n",
    b"#!/bin/echo \\a\n",
]


@pytest.mark.parametrize("text", LINES, ids=repr)
def test_first_lines_mean_what_they_mean_to_linux(text: bytes, tmp_path: Path) -> None:
    script = tmp_path / "s"
    script.write_bytes(text)
    script.chmod(0o755)
    try:
        ran = subprocess.run([script], stdout=subprocess.PIPE, check=True)
        expected: object = ran.stdout
    except OSError as error:
        expected = error.errno
    found: object
    try:
        interpreter, argument = loader.parse_script(text[:256])
        words = [interpreter, *([argument] if argument else []), os.fsencode(script)]
        found = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
    except LinuxError as error:
        found = error.errno
    except OSError as error:
        found = error.errno
    assert found == expected
