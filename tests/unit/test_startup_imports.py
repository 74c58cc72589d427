# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""What a start imports: nothing that takes milliseconds. A whole sandbox is to start in 45 ms."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Milliseconds, with what they drag in: typing 7, inspect 5, dataclasses 6, shutil and tempfile 2, socket 2, signal 2...
HEAVY = {
    "argparse", "ast", "asyncio", "contextlib", "copy", "ctypes", "dataclasses", "dis", "enum", "functools",
    "importlib", "inspect", "ipaddress", "json", "logging", "pyroute2", "pyseccomp", "random", "re", "selectors",
    "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "typing", "warnings",
}  # fmt: skip

COMMAND = "import runsc.main, runsc.commands.do, runsc.sandbox.launch, runsc.sandbox.spawn, gofer.channel"
GOFER = "import gofer.process"
SENTRY = """
import sentry.boot
sentry.boot.load_table()
class Config:
    strace = False
sentry.boot._preload(Config)
"""


def imported(*code: str) -> set[str]:
    """The modules of a bare interpreter, as the launcher starts it, after running code."""
    path = f"import sys; sys.path += [{str(ROOT)!r}, {sysconfig.get_path('purelib')!r}]"
    source = "\n".join((path, *code, "print(*sys.modules)"))
    done = subprocess.run([sys.executable, "-IS", "-c", source], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_command_imports_nothing_heavy() -> None:
    assert imported(COMMAND) & HEAVY == set()


def test_the_command_imports_nothing_of_the_sentry_before_it_forks() -> None:
    modules = imported(COMMAND)
    assert [name for name in modules if name.startswith(("syscalls", "sentry.kernel", "sentry.vfs", "sentry.fs"))] == []


def test_the_gofer_imports_nothing_heavy() -> None:
    assert imported(COMMAND, GOFER) & HEAVY == set()


def test_the_sentry_imports_nothing_heavy() -> None:
    assert imported(COMMAND, SENTRY) & HEAVY == set()


def test_nothing_is_left_to_import_behind_the_walls() -> None:
    """All modules of the sandbox's packages are loaded before the jail closes, where there is no file to read."""
    modules = imported(COMMAND, SENTRY)
    packages = ("sentry/abi", "sentry/fs", "sentry/kernel", "sentry/net", "sentry/vfs")
    files = [file for name in packages for file in (ROOT / name).glob("*.py") if file.stem != "__init__"]
    wanted = {".".join(file.with_suffix("").relative_to(ROOT).parts) for file in files}
    assert wanted - modules == {"sentry.kernel.strace"}
