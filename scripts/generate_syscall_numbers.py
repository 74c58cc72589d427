# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Writes syscalls/numbers_x86_64.py from the kernel's user-space header.

Run `python -m scripts.generate_syscall_numbers [HEADER]` when a newer kernel brings calls; `--check` only compares
(an older header than the one the file was made from is fine: calls are never removed). Calls newer than the installed
header are listed here, from arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.18.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
OUTPUT = Path(__file__).resolve().parent.parent / "syscalls" / "numbers_x86_64.py"

NEWER = {
    "uretprobe": 335, "uprobe": 336, "cachestat": 451, "fchmodat2": 452, "map_shadow_stack": 453, "futex_wake": 454,
    "futex_wait": 455, "futex_requeue": 456, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460, "lsm_list_modules": 461, "mseal": 462, "setxattrat": 463, "getxattrat": 464,
    "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468, "file_setattr": 469,
}  # fmt: skip

PROLOGUE = '''\
# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Every system call of Linux on x86-64: name and number. Made by scripts/generate_syscall_numbers.py: do not edit."""

NUMBERS: dict[str, int] = {
'''

EPILOGUE = """\
}

NAMES: dict[int, str] = {number: name for name, number in NUMBERS.items()}
"""


def read_header(text: str) -> dict[str, int]:
    """The calls that a unistd_64.h defines."""
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.MULTILINE)}


def module(numbers: dict[str, int]) -> str:
    """The text of the generated module."""
    rows = "".join(f'    "{name}": {number},\n' for name, number in sorted(numbers.items(), key=lambda row: row[1]))
    return PROLOGUE + rows + EPILOGUE


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    check = "--check" in arguments
    header = next((Path(word) for word in arguments if word != "--check"), HEADER)
    found = read_header(header.read_text())
    wrong = {name for name, number in NEWER.items() if found.get(name, number) != number}
    if wrong:
        print(f"the header disagrees about {', '.join(sorted(wrong))}", file=sys.stderr)
        return 1
    text = module({**NEWER, **found})
    if not check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        print(f"{OUTPUT} is stale: run python -m scripts.generate_syscall_numbers", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
