# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Makes every CASE of every guest/*.c a test: `guest/open.c::O_EXCL[notify]`, and natively `…[native]`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest._code.code import TerminalRepr, TracebackStyle

from tests import sandbox
from tests.conformance import harness
from tests.conformance.deviations import DEVIATIONS, NOT_YET

WHOLE = "the_program_as_a_whole"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Each C file that has cases is a file of tests."""
    if file_path.suffix == ".c" and file_path.name != "check.c":
        return GuestFile.from_parent(parent, path=file_path)
    return None


TRACED = frozenset(("exec", "fork", "mmap_file", "pipe", "poll", "read_write", "threads", "wait"))
"""Programs that also run on the ptrace platform unless PYSC_MODES says otherwise: what a platform is about, and little
else, since it is slow."""


def modes_of(stem: str) -> tuple[str, ...]:
    """Where to run a program besides natively."""
    if "PYSC_MODES" in os.environ or stem not in TRACED:
        return sandbox.modes()
    return (*sandbox.modes(), "ptrace")


class GuestFile(pytest.File):
    """One guest program."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its cases, natively first, then in each mode."""
        for program in harness.programs(self.path):
            for mode in (harness.NATIVE, *modes_of(self.path.stem)):
                label = mode if program.variant == "static" else f"{mode}-{program.variant}"
                for case in (*program.cases, WHOLE):
                    item: GuestCase = GuestCase.from_parent(self, name=f"{case}[{label}]")
                    item.program, item.mode, item.case = program, mode, case
                    reason = DEVIATIONS.get((self.path.stem, case)) or NOT_YET.get((self.path.stem, case))
                    if reason and mode != harness.NATIVE:
                        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                    yield item


class GuestCase(pytest.Item):
    """One case in one mode."""

    program: harness.Program
    mode: str
    case: str

    def runtest(self) -> None:
        """Compare; the program itself runs once for all its cases."""
        if self.case == WHOLE:
            harness.check_whole(self.program, self.mode)
        else:
            harness.check_case(self.program, self.mode, self.case)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: TracebackStyle | None = None
    ) -> str | TerminalRepr:
        """The difference, without a Python traceback."""
        if isinstance(excinfo.value, (harness.ConformanceError, FileNotFoundError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is: the line of its CASE."""
        lines = self.path.read_text().splitlines()
        line = next((i for i, text in enumerate(lines) if text.startswith(f"CASE({self.case})")), None)
        return self.path, line, self.name
