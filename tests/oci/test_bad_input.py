# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line, a non-zero exit, and nothing left behind (which the fixture looks at)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.oci.conftest import SECONDS, Engine, alive, until


def refused(engine: Engine, *words: str | Path) -> str:
    """Runs what must fail: its line."""
    done = engine.run(*words)
    assert done.returncode not in (0, 125), done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("pysc: ")
    assert done.stderr.count("\n") == 1
    assert not engine.state.exists() or list(engine.state.iterdir()) == []
    return done.stderr


PROGRAMS = [
    (["nowhere"], 'exec "nowhere": executable file not found in $PATH'),
    (["/bin/nowhere"], 'exec "/bin/nowhere": no such file or directory'),
    (["/bin/plain"], "permission denied"),
    (["/etc"], "permission denied"),
    (["/bin/data"], "exec format error"),
    (["/bin/truncated"], "exec format error"),
    (["/bin/foreign"], "exec format error"),
    (["/bin/loop"], "too many levels of symbolic links"),
    (["/bin/missing-interpreter"], "no such file or directory"),
]


@pytest.mark.parametrize(("arguments", "words"), PROGRAMS)
@pytest.mark.parametrize("verb", ["run", "create"])
def test_programs_that_cannot_be_run(engine: Engine, verb: str, arguments: list[str], words: str) -> None:
    folder = engine.bundle / "rootfs" / "bin"
    image = bytearray((folder / "busybox").read_bytes()[:4096])
    (folder / "truncated").write_bytes(image[:100])
    image[18:20] = (183).to_bytes(2, "little")  # e_machine: aarch64
    (folder / "foreign").write_bytes(image)
    (folder / "data").write_bytes(b"\0\1\2\3")
    (folder / "loop").write_text("#!/bin/loop\n")
    (folder / "missing-interpreter").write_text("#!/bin/nowhere\n")
    for name in ("truncated", "foreign", "data", "loop", "missing-interpreter"):
        (folder / name).chmod(0o755)
    engine.configure(arguments)
    assert words in refused(engine, verb, "--bundle", engine.bundle, "c")
    assert words in engine.error()


def test_bundles_that_are_none(engine: Engine) -> None:
    assert "no such file or directory" in refused(engine, "run", "-b", engine.bundle / "nowhere", "c")
    assert "config.json: no such file or directory" in refused(engine, "run", "-b", engine.bundle, "c")
    (engine.bundle / "config.json").write_text("{")
    assert "config.json: not valid JSON" in refused(engine, "create", "-b", engine.bundle, "c")
    value = engine.configure(["sh"])
    value["process"]["args"] = 5
    engine.write(value)
    assert "config.json: process.args: expected a list of strings, got 5" in refused(
        engine, "create", "-b", engine.bundle, "c"
    )
    value["process"]["args"] = ["sh"]
    value["root"]["path"] = "nowhere"
    engine.write(value)
    assert "no such file or directory" in refused(engine, "run", "-b", engine.bundle, "c")


@pytest.mark.parametrize("identifier", ["a/b", "..", "", "a b"])
def test_ids_that_are_none(engine: Engine, identifier: str) -> None:
    engine.configure(["sh"])
    assert "container id" in refused(engine, "run", "-b", engine.bundle, identifier)


def test_an_id_in_use(engine: Engine) -> None:
    engine.configure(["sleep", "100"])
    engine.create()
    done = engine.run("create", "-b", engine.bundle, "c")
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert engine.status()["status"] == "created", "the first one is harmed"


def test_unknown_flags_and_verbs(engine: Engine) -> None:
    assert "unknown flag --nonsense" in refused(engine, "run", "--nonsense", "c")
    assert 'unknown verb "nonsense"' in refused(engine, "nonsense")


@pytest.mark.parametrize("victim", ["monitor", "gofer", "sentry"])
def test_a_killed_process_takes_everything_down_within_a_second(engine: Engine, victim: str) -> None:
    engine.configure(["sh", "-c", "echo ready; sleep 100 & sleep 100"])
    command = engine.command("run", "-b", engine.bundle, "c")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        family = _descendants(process.pid)
        gofer, sentry = family[0], family[1]
        began = time.monotonic()
        os.kill({"monitor": process.pid, "gofer": gofer, "sentry": sentry}[victim], signal.SIGKILL)
        code = process.wait(SECONDS)
        until(lambda: not any(alive(pid) for pid in family))
        assert time.monotonic() - began < 1
        if victim == "monitor":
            assert code == -signal.SIGKILL
            assert engine.status()["status"] == "stopped"
        else:
            assert code == 125
            assert process.stderr.read() == (
                f"pysc: the {victim} was killed by signal 9 (SIGKILL); the sandbox is gone\n".encode()
            )
            assert list(engine.state.iterdir()) == []


def _descendants(pid: int) -> list[int]:
    """The children, then theirs."""
    found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [one for child in found for one in _descendants(child)]
