# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""abi.py says what stub_abi.h says."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from sentry.platform.stub import abi
from syscalls.numbers_x86_64 import NAMES

STUB = Path(abi.__file__).resolve().parent
HEADER = (STUB / "stub_abi.h").read_text()
DEFINED = {
    name: int(value, 0) for name, value in re.findall(r"^#define STUB_(\w+) (0x[0-9a-f]+|\d+)\b", HEADER, re.MULTILINE)
}
TYPES = {"unsigned long": "Q", "unsigned int": "I", "int": "i"}


def fields(structure: str) -> str:
    """The fields of a structure of the header, as the struct module has them."""
    found = re.search(rf"struct {structure} {{(.*?)\n}};", HEADER, re.DOTALL)
    assert found
    text = re.sub(r"/\*.*?\*/", "", found.group(1), flags=re.DOTALL)
    layout = "<"
    for kind, names in re.findall(r"(unsigned long|unsigned int|int) ([\w, ]+);", text):
        layout += TYPES[kind] * len(names.split(","))
    return layout


def test_every_number_of_the_header_is_the_same_in_python() -> None:
    assert len(DEFINED) >= 16
    for name, value in DEFINED.items():
        assert getattr(abi, name) == value, name


def test_python_has_no_number_of_its_own() -> None:
    ours = {name for name, value in vars(abi).items() if name.isupper() and isinstance(value, int)}
    assert ours - {"SENT_BY_KILL", "SENT_BY_TKILL"} == set(DEFINED)


def test_the_structures_have_the_same_fields() -> None:
    assert fields("plan_head") == abi.PLAN_HEAD.format
    assert fields("plan_map") == abi.PLAN_MAP.format
    assert fields("plan_pair") == abi.PLAN_PAIR.format


def test_the_sizes_are_those_that_the_compiler_has_checked() -> None:
    sizes = dict(re.findall(r"_Static_assert\(sizeof\(struct (\w+)\) == (\d+)", HEADER))
    assert int(sizes["plan_head"]) == abi.PLAN_HEAD.size
    assert int(sizes["plan_map"]) == abi.PLAN_MAP.size
    assert int(sizes["plan_pair"]) == abi.PLAN_PAIR.size


def test_private_calls_are_no_numbers_of_linux_and_no_x32_numbers() -> None:
    private = [value for name, value in DEFINED.items() if value >> 28 == 3]
    assert len(private) == len(set(private)) >= 9
    assert not set(private) & set(NAMES)
    assert all(not value & 1 << 30 for value in private)


def test_a_marked_descriptor_is_a_descriptor_to_the_kernel_only_in_its_lower_half() -> None:
    assert abi.marked(5) & 0xFFFFFFFF == 5
    assert abi.marked(5) >> 32 == abi.MARK


def test_the_stub_lies_where_the_filter_looks_for_it() -> None:
    image = (STUB / "stub.elf").read_bytes()
    (phoff,) = struct.unpack_from("<Q", image, 32)
    entry_size, count = struct.unpack_from("<HH", image, 54)
    for index in range(count):
        kind, flags, _, address, _, _, size, _ = struct.unpack_from("<IIQQQQQQ", image, phoff + index * entry_size)
        if kind == 1:
            assert address >= abi.BASE
            assert address + size <= abi.BASE + abi.SIZE
            assert flags & 3 != 3, "writable and executable"
