# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that want out: whatever they do, the sandbox goes on working and nothing gets through.

The attacks are guest/hostile.c; they are never run natively.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import leftovers, sandbox
from tests.conformance import harness

PROGRAM = harness.Program(Path(__file__).parent / "guest" / "hostile.c", "static")


@pytest.mark.parametrize("mode", sandbox.modes())
@pytest.mark.parametrize("case", PROGRAM.cases)
def test_hostile_program(case: str, mode: str) -> None:
    sandbox.require_pysc()
    with leftovers.nothing_left_behind():
        result = sandbox.run(PROGRAM.command(mode, case))
    lines = result.out.splitlines()
    assert result.code == 0, result
    assert not [line for line in lines if line.startswith("BREACH")], result
    assert lines[-2:] == ["the sandbox works: 1", "=== exit 0"], result
    assert result.err == "", result


@pytest.mark.parametrize("mode", sandbox.modes())
def test_the_attacks_on_the_stub_hit_it(mode: str) -> None:
    sandbox.require_pysc()
    result = sandbox.run(PROGRAM.command(mode, "the_stub_is_where_the_attacks_look_for_it"))
    assert result.out.splitlines()[1:3] == ["found: 1", "usable: 1"], result


@pytest.mark.parametrize("mode", sandbox.modes())
def test_foreign_architectures_are_killed(mode: str) -> None:
    sandbox.require_pysc()
    result = sandbox.run(PROGRAM.command(mode, "foreign_architectures_are_killed"))
    for name in ("int 0x80", "32-bit code"):
        assert re.search(rf"^{name}: killed by SIG(SYS|KILL)$", result.out, re.MULTILINE), result


@pytest.mark.parametrize("mode", sandbox.modes())
def test_a_task_that_loads_without_exec_is_killed(mode: str) -> None:
    sandbox.require_pysc()
    result = sandbox.run(PROGRAM.command(mode, "asking_to_load_without_exec_is_fatal"))
    assert "load: killed by SIGKILL" in result.out.splitlines(), result
    result = sandbox.run(PROGRAM.command(mode, "programs_that_the_sentry_was_not_asked_for"))
    assert "execveat: killed by SIGKILL" in result.out.splitlines(), result
    result = sandbox.run(PROGRAM.command(mode, "credentials_without_exec_are_not_given"))
    assert "rise: killed by SIGKILL" in result.out.splitlines(), result


@pytest.mark.parametrize("mode", sandbox.modes())
def test_killing_every_process_of_the_sandbox_ends_it(mode: str) -> None:
    sandbox.require_pysc()
    with leftovers.nothing_left_behind():
        result = sandbox.run(sandbox.do(mode, "/bin/sh", "-c", "sleep 100 & sleep 100 & kill -9 -1; kill -9 1"))
    assert result.code == 137, result
