# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of any of a sandbox's own processes takes all of it down, within a second, and says so."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import leftovers, sandbox

PROGRAM = "sleep 1000 & setsid sleep 1000 & (trap '' TERM HUP INT; while :; do sleep 1000; done) & echo ready; wait"


def start(mode: str) -> subprocess.Popen[bytes]:
    """A sandbox with a few processes, once they run."""
    sandbox.require_pysc()
    process = subprocess.Popen(
        sandbox.do(mode, "/bin/sh", "-c", PROGRAM),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(sandbox.ENVIRONMENT),
        start_new_session=True,
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


def is_task(pid: int) -> bool:
    """Whether it runs the stub, which is what every task really executes."""
    try:
        return "200000000000-" in Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def own_processes(monitor: int) -> list[int]:
    """The sandbox's processes that are no tasks (and not the monitor): sentry, gofer, helpers."""
    return [pid for pid in leftovers.descendants(monitor) if not is_task(pid)]


@pytest.mark.parametrize("mode", sandbox.modes())
def test_a_sandbox_has_a_sentry_a_gofer_and_tasks(mode: str) -> None:
    with leftovers.nothing_left_behind(), start(mode) as process:
        own, everything = own_processes(process.pid), leftovers.descendants(process.pid)
        process.kill()
        assert len(own) >= 2
        assert len(everything) - len(own) >= 4


@pytest.mark.parametrize("mode", sandbox.modes())
@pytest.mark.parametrize("index", [0, 1])
def test_killing_the_sentry_or_the_gofer_takes_everything_down(mode: str, index: int) -> None:
    with leftovers.nothing_left_behind(), start(mode) as process:
        assert process.stderr
        everything = leftovers.descendants(process.pid)
        os.kill(own_processes(process.pid)[index], signal.SIGKILL)
        begin = time.monotonic()
        code = process.wait(10)
        assert leftovers.until(lambda: not any(is_task(pid) for pid in everything), 1)
        assert time.monotonic() - begin < 1
        text = process.stderr.read().decode()
        assert code == 125, text
        assert re.fullmatch(r"pysc: the (sentry|gofer) .*kill.*; the sandbox is gone\n", text, re.IGNORECASE), text


@pytest.mark.parametrize("mode", sandbox.modes())
def test_killing_the_monitor_takes_everything_down(mode: str) -> None:
    with leftovers.nothing_left_behind(seconds=1), start(mode) as process:
        everything = leftovers.descendants(process.pid)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL
        assert leftovers.until(lambda: not any(is_task(pid) for pid in everything), 1)


@pytest.mark.parametrize("mode", sandbox.modes())
@pytest.mark.parametrize("index", [0, 1])
def test_a_stopped_sentry_or_gofer_can_be_killed_with_its_sandbox(mode: str, index: int) -> None:
    with leftovers.nothing_left_behind(), start(mode) as process:
        os.kill(own_processes(process.pid)[index], signal.SIGSTOP)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("mode", sandbox.modes())
def test_killing_the_first_task_from_outside_ends_the_program(mode: str) -> None:
    with leftovers.nothing_left_behind(), start(mode) as process:
        tasks = [pid for pid in leftovers.descendants(process.pid) if is_task(pid)]
        os.kill(tasks[0], signal.SIGKILL)
        assert process.wait(10) == 128 + signal.SIGKILL
