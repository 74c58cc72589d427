# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever the bytes of a program: a plan that the stub may follow, or LinuxError; nothing else, and no file left open.

The corpus is the stub, a program of the system, and made-up headers; hypothesis changes them.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentry.abi.errors import LinuxError
from sentry.mm import loader
from sentry.platform.stub import abi
from tests.unit.sentry.mm.elves import File, elf, prepare, segment

TOP = 0x7FFFFFFFF000
STUB = (Path(abi.__file__).resolve().parent / "stub.elf").read_bytes()[:4096]
TRUE = Path("/bin/true").read_bytes()[:4096]
LINKER = elf(segment(address=0), kind=3, entry=0)
FILES = {b"/lib64/ld-linux-x86-64.so.2": LINKER, b"/a": b"#!/b\n", b"/b": LINKER}

numbers = st.one_of(
    st.integers(0, 5),
    st.integers(0, (1 << 64) - 1),
    st.builds(lambda bit, off: ((1 << bit) + off) & ((1 << 64) - 1), st.integers(0, 64), st.integers(-2, 2)),
    st.sampled_from([0x1000, 0x400000, abi.BASE, abi.BASE - 0x1000, TOP, TOP - 0x1000]),
)
rows = st.builds(
    lambda kind, flags, offset, address, file_size, memory_size, align: segment(
        flags, offset, address, file_size, memory_size, kind, align
    ),
    st.sampled_from([1, 1, 1, 3, 0x6474E551]), st.integers(0, 7), numbers, numbers, numbers, numbers, numbers,
)  # fmt: skip
made_up = st.builds(
    lambda table, kind, phoff, phnum: elf(*table, kind=kind, phoff=phoff, phnum=phnum),
    st.lists(rows, min_size=1, max_size=6), st.sampled_from([2, 3]), st.one_of(st.just(64), numbers),
    st.one_of(st.none(), st.integers(0, 65535)),
)  # fmt: skip


def mutated(base: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    data = bytearray(base)
    for at, value in changes:
        data[at % len(data)] = value
    return bytes(data[:cut])


mutations = st.builds(
    mutated,
    st.sampled_from([STUB, TRUE, LINKER, b"#!/a x\n" + b"y" * 300]),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=12),
    st.integers(0, 4096),
)


def check(data: bytes) -> None:
    File.open_files = 0
    try:
        image = prepare(data, FILES)
        try:
            plan = image.plan(3, 4, {loader.AT_UID: 0})
        finally:
            image.release()
    except LinuxError:
        return
    finally:
        assert File.open_files == 0
    _, maps, *_ = abi.PLAN_HEAD.unpack_from(plan)
    for index in range(maps):
        address, length, offset, _, flags, fd, _ = abi.PLAN_MAP.unpack_from(plan, abi.PLAN_HEAD.size + 40 * index)
        assert address % 4096 == length % 4096 == offset % 4096 == 0
        assert 0 < address < address + length <= TOP + 4096
        assert not (address < abi.BASE + abi.SIZE and address + length > abi.BASE), "covers the stub"
        assert flags & 0x10
        assert fd in (3, 4, -1)


@settings(max_examples=400, deadline=None)
@given(st.one_of(mutations, made_up, st.binary(max_size=600)))
@example(STUB)
@example(TRUE)
@example(elf(segment(flags=6, file_size=0, memory_size=0x1000)))
@example(elf(segment(address=0, file_size=1 << 62, memory_size=1 << 62), kind=3))
@example(elf(segment(), segment(kind=3, offset=(1 << 64) - 4, file_size=8)))
def test_a_program_becomes_a_plan_or_an_errno(data: bytes) -> None:
    check(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_first_lines_are_an_interpreter_or_ENOEXEC(line: bytes) -> None:
    try:
        interpreter, argument = loader.parse_script((b"#!" + line)[:256])
    except LinuxError:
        return
    assert interpreter
    assert not set(interpreter) & set(b" \t\n\0")
    assert b"\n" not in argument
    assert b"\0" not in argument
