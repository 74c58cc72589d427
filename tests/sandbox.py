# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""How the test-suites that run guest programs find and start pysc.

Owns: which `pysc` is tried (environment variable PYSC, else `.venv/bin/pysc`), on which platforms (PYSC_MODES, else
what `MODES` says), and running a command with a limit on its time. Does not own: what is compared with what.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "tests"
PYSC = Path(os.environ.get("PYSC", ROOT / ".venv" / "bin" / "pysc"))

#: What a guest program sees as its environment, natively and inside.
ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TZ": "UTC0",
}

#: Each way of running a sandbox that the tests compare with the native run: a name and pysc's global flags.
MODES: Mapping[str, tuple[str, ...]] = {
    "notify": ("--platform=notify",),
    "ptrace": ("--platform=ptrace",),
}


@dataclass(frozen=True)
class Result:
    """How a command ended: `code` is negative for a signal, None if it had to be killed for taking too long."""

    command: tuple[str, ...]
    code: int | None
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.stdout.decode(errors="backslashreplace")

    @property
    def err(self) -> str:
        """Standard error as text."""
        return self.stderr.decode(errors="backslashreplace")

    def __str__(self) -> str:
        code = "still running, killed" if self.code is None else f"exit code {self.code}"
        return f"$ {shlex.join(self.command)}\n[{code}]\n[stdout]\n{self.out[-4000:]}\n[stderr]\n{self.err[-4000:]}"


def run(
    command: Sequence[str | Path], *, seconds: float = 60, stdin: bytes | None = None, cwd: str | Path = "/"
) -> Result:
    """Run a command in a session of its own, with the tests' environment; kill the session when the time is up."""
    words = tuple(str(word) for word in command)
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=dict(ENVIRONMENT),
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return Result(words, None, out, err)
    return Result(words, process.returncode, out, err)


def modes() -> tuple[str, ...]:
    """The names of the ways to try, in order; PYSC_MODES=notify,ptrace overrides."""
    chosen = os.environ.get("PYSC_MODES", "notify")
    return tuple(name for name in chosen.split(",") if name)


def do(mode: str, *command: str | Path, options: Sequence[str] = ()) -> list[str]:
    """The command line that runs a command on the host's root behind pysc."""
    return [str(PYSC), *MODES[mode], "do", "--cwd", "/", *options, "--", *map(str, command)]


def require_pysc() -> None:
    """Fail with what to do when there is no pysc to try."""
    if not os.access(PYSC, os.X_OK):
        raise FileNotFoundError(f"{PYSC} is missing: run `make build`, or set PYSC")
