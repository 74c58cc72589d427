# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Compiling a guest program, running it natively and in a sandbox, and telling its cases apart.

Owns: the build cache, the one run of each program in each mode, the text of a failure. The frame inside the programs
is guest/check.h; the pytest items are in conftest.py.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests import sandbox

GUEST = Path(__file__).resolve().parent / "guest"
NATIVE = "native"

# Bad pointers, short buffers and ignored results are what these programs are about, so not all of gcc's advice applies.
UNWANTED = """
    array-bounds dangling-pointer deprecated-declarations format-truncation nonnull stringop-overflow
    stringop-overread stringop-truncation unused-result use-after-free
"""
FLAGS = ["-std=gnu17", "-O1", "-g", "-pthread", "-fno-toplevel-reorder", "-Wall", "-Wextra", "-Werror"]
FLAGS += [f"-Wno-{name}" for name in UNWANTED.split()]
VARIANTS = {"static": ["-static"], "dynamic": ["-pie", "-fPIE"]}


class ConformanceError(Exception):
    """A case that did not do what it does on Linux; the text says where they differ and how to see it again."""


@dataclass(frozen=True)
class Program:
    """One guest program in one way of linking."""

    source: Path
    variant: str

    @functools.cached_property
    def cases(self) -> tuple[str, ...]:
        """The names of its cases, in the order of the file."""
        return tuple(re.findall(r"^CASE\((\w+)\)", self.source.read_text(), re.MULTILINE))

    @functools.cached_property
    def binary(self) -> Path:
        """The compiled program; built when the sources, the flags or the compiler changed."""
        compiler = subprocess.run(["gcc", "--version"], capture_output=True, check=True).stdout
        flags = [*FLAGS, *VARIANTS[self.variant]]
        key = hashlib.sha256(compiler + " ".join(flags).encode())
        for path in (self.source, GUEST / "check.c", GUEST / "check.h"):
            key.update(path.read_bytes())
        binary = sandbox.CACHE / "conformance" / key.hexdigest()[:16] / self.source.stem
        if not binary.exists():
            binary.parent.mkdir(parents=True, exist_ok=True)
            scratch = binary.with_suffix(f".{id(self)}")
            command = ["gcc", *flags, "-o", str(scratch), str(self.source), str(GUEST / "check.c")]
            built = subprocess.run(command, capture_output=True, text=True, check=False)
            if built.returncode:
                raise ConformanceError(f"$ {shlex.join(command)}\n{built.stderr}")
            scratch.rename(binary)
        return binary

    def command(self, mode: str, *cases: str) -> list[str]:
        """The command line that runs these cases (all, if none is named)."""
        return [str(self.binary), *cases] if mode == NATIVE else sandbox.do(mode, self.binary, *cases)


@dataclass
class Outcome:
    """What a program printed, by case; the last line of a case says how it ended."""

    code: int | None = 0
    stderr: str = ""
    cases: dict[str, list[str]] = field(default_factory=dict)


def programs(source: Path) -> list[Program]:
    """The variants of a source: a line ` * build: static dynamic` in its opening comment names them."""
    named = re.search(r"^ \* build: (.*)$", source.read_text(), re.MULTILINE)
    return [Program(source, variant) for variant in (named.group(1).split() if named else ["static"])]


@functools.cache
def outcome(program: Program, mode: str) -> Outcome:
    """Run all cases of a program once; after a case that takes the whole run down, go on with the rest."""
    result = Outcome()
    if mode != NATIVE:
        sandbox.require_pysc()
    left = list(program.cases)
    for _ in range(4):
        ran = sandbox.run(program.command(mode, *left))
        result.code = ran.code if result.code == 0 else result.code
        result.stderr += ran.err
        name = ""
        for line in ran.out.splitlines():
            if line.startswith("=== ") and line[4:] in left:
                name = line[4:]
                result.cases[name] = []
            elif name:
                result.cases[name].append(line)
        if name and not finished(result.cases[name]):
            how = "took too long" if ran.code is None else f"ended with exit code {ran.code}"
            result.cases[name].append(f"=== in here the whole run {how}")
        left = [case for case in left if case not in result.cases]
        if not left or not name:
            break
    return result


def finished(lines: list[str]) -> bool:
    """Whether the case's last line, which the frame prints, is there."""
    return bool(lines) and lines[-1].startswith("=== ")


def check_case(program: Program, mode: str, case: str) -> None:
    """Natively: the case ends well. In a sandbox: it prints and ends as natively."""
    native = outcome(program, NATIVE).cases.get(case, [])
    again = shlex.join(program.command(mode, case))
    if not native or native[-1] != "=== exit 0":
        raise ConformanceError("\n".join([f"natively, the oracle, the case failed: {again}", *native]))
    if mode == NATIVE:
        return
    found = outcome(program, mode)
    inside = found.cases.get(case)
    if inside is None:
        raise ConformanceError(f"did not run (exit code {found.code}): {again}\n{found.stderr[-2000:]}")
    if inside != native:
        difference = difflib.unified_diff(native, inside, "native", mode, lineterm="", n=1)
        raise ConformanceError("\n".join([f"differs: {again}", *difference, found.stderr[-2000:]]))


def check_whole(program: Program, mode: str) -> None:
    """The exit code is 0 and nothing appears on standard error, of the program or of pysc."""
    found = outcome(program, mode)
    if found.code != 0 or found.stderr:
        again = shlex.join(program.command(mode))
        raise ConformanceError(f"exit code {found.code}: {again}\n[stderr]\n{found.stderr[-4000:]}")
