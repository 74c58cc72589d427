# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Random system calls against the whole sandbox: it must outlive them, whatever they do to the program that makes them.

The suite runs a few seeds for a short time. To look for more:

    .venv/bin/python -m tests.fuzz.test_random_calls [--seconds 5] [--first 100] [--count 50] [--number NR]

A failing seed prints the command that runs it again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from syscalls import load_table
from syscalls.table import TABLE
from tests import leftovers, sandbox

SOURCE = Path(__file__).resolve().parent / "guest" / "random_calls.c"
FLAGS = ["-std=gnu17", "-O1", "-g", "-pthread", "-static", "-Wall", "-Wextra", "-Werror"]
SEEDS = (1, 2, 3, 4)

#: How the kinds of syscalls/table.py are called in random_calls.c.
_KINDS = {
    "fd": "f", "path": "p", "pointer": "a", "hex": "x", "id": "s", "octal": "x", "int": "s", "uint": "s",
    "fcntl command": "s", "ioctl request": "r", "whence": "s", "signal": "s",
}  # fmt: skip
_WORDS = {"size": "n", "count": "n", "length": "n", "offset": "o", "pid": "i", "tid": "i", "tgid": "i"}

#: Calls that have no row, or none that says what the host or the stub takes.
_EXTRA = {
    "mmap": (9, "anxxfo"), "clone": (56, "xaaaa"), "execve": (59, "paa"), "execveat": (322, "fpaax"), "fork": (57, ""),
    "vfork": (58, ""), "rt_sigaction": (13, "oaan"), "rt_sigprocmask": (14, "oaan"), "wait4": (61, "iaxa"),
    "futex": (202, "axoaao"), "nanosleep": (35, "aa"), "mremap": (25, "annxa"), "setpgid": (109, "ii"),
}  # fmt: skip


def header() -> str:
    """calls.h."""
    load_table()
    rows = dict(_EXTRA.values())
    for number, entry in sorted(TABLE.items()):
        kinds = (_WORDS.get(name) or _KINDS.get(kind.show, "x") for name, kind in entry.parameters)
        rows.setdefault(number, "".join(kinds))
    lines = [f'    {{{number:#x}, "{kinds}"}},' for number, kinds in sorted(rows.items())]
    return "\n".join(["static const struct call calls[] = {", *lines, "};", ""])


def program() -> Path:
    """The compiled guest program."""
    text = header()
    key = hashlib.sha256(" ".join(FLAGS).encode() + SOURCE.read_bytes() + text.encode()).hexdigest()[:16]
    binary = sandbox.CACHE / "fuzz" / key / "random_calls"
    if not binary.exists():
        binary.parent.mkdir(parents=True, exist_ok=True)
        (binary.parent / "calls.h").write_text(text)
        scratch = binary.with_suffix(".new")
        subprocess.run(["gcc", *FLAGS, f"-I{binary.parent}", "-o", str(scratch), str(SOURCE)], check=True)
        scratch.rename(binary)
    return binary


def command(mode: str, seed: int, milliseconds: int, *more: str) -> list[str]:
    """The command line that runs a seed."""
    line = sandbox.do(mode, program(), str(seed), str(milliseconds), *more)
    line[line.index("--cwd") + 1] = "/tmp"
    return line


def problem(mode: str, seed: int, milliseconds: int, *more: str) -> str:
    """What went wrong with a seed, "" if the sandbox has survived it."""
    line = command(mode, seed, milliseconds, *more)
    ran = sandbox.run(line, seconds=milliseconds / 1000 + 20)
    survived = re.search(r"^survived: [1-9]\d* batches, [1-9]\d* calls$", ran.out, re.MULTILINE)
    if ran.code == 0 and survived and "pysc" not in ran.err:
        return ""
    how = "hung" if ran.code is None else f"exit code {ran.code}"
    return f"{how}; again: {shlex.join(line)}\n{ran.out[-500:]}{ran.err[-3000:]}"


@pytest.mark.parametrize("mode", sandbox.modes())
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sandbox_survives_random_calls(mode: str, seed: int) -> None:
    sandbox.require_pysc()
    with leftovers.nothing_left_behind():
        assert not (found := problem(mode, seed, 2000)), found


def main() -> int:
    """Many seeds, one after the other; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description="Random system calls in sandboxes, by seed.")
    parser.add_argument("--seconds", type=float, default=5, help="for each seed")
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--number", type=int, action="append", help="calls of this number only")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.first, options.first + options.count):
        for number in options.number or [None]:
            more = [] if number is None else [str(number)]
            found = problem(sandbox.modes()[0], seed, int(options.seconds * 1000), *more)
            failed += bool(found)
            print(f"seed {seed} {' '.join(more)}: {found or 'survived'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
