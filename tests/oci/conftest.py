# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle of busybox, and pysc's verbs on it; afterwards nothing may be left of any container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests import sandbox

SECONDS = 30
APPLETS = ("sh", "cat", "echo", "sleep", "ls", "id", "kill", "mount", "touch", "true", "hostname", "stty", "ps", "grep",
           "head", "wc", "dd", "stat", "pwd", "env")  # fmt: skip


def until(condition: Callable[[], object]) -> None:
    """Waits for a condition of another process."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Does a process run (and not only wait to be reaped)?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class Engine:
    """Calls pysc as an engine does: own state folder, errors as JSON in a log."""

    def __init__(self, folder: Path) -> None:
        self.bundle = folder
        self.state = folder / "state"
        self.log = folder / "log.json"
        self.pid_file = folder / "pid"

    def command(self, *words: str | Path) -> list[str]:
        flags = ["--root", self.state, "--log", self.log, "--log-format", "json"]
        return [str(word) for word in (sandbox.PYSC, *flags, *words)]

    def run(self, *words: str | Path, stdin: bytes = b"", **more: Any) -> subprocess.CompletedProcess[str]:
        """Runs a verb to its end. stdout and stderr are files: a container may keep them open for long."""
        with (
            tempfile.TemporaryFile("w+b") as source,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            source.write(stdin)
            source.seek(0)
            done = subprocess.run(
                self.command(*words), stdin=source, stdout=out, stderr=err, timeout=SECONDS, check=False, **more
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())

    def create(self, identifier: str = "c") -> int:
        """Creates a container: the pid of the pid file."""
        done = self.run("create", "--bundle", self.bundle, "--pid-file", self.pid_file, identifier)
        assert done.returncode == 0, done.stderr
        return int(self.pid_file.read_text())

    def status(self, identifier: str = "c") -> dict[str, Any]:
        """What `state` says."""
        done = self.run("state", identifier)
        assert done.returncode == 0, done.stderr
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    def error(self) -> str:
        """The last error in the log."""
        records = [json.loads(line) for line in self.log.read_text().splitlines()]
        return str([record["msg"] for record in records if record["level"] == "error"][-1])

    def configure(self, arguments: Sequence[str], **process: Any) -> dict[str, Any]:
        """Writes config.json with pysc spec, changed: fields of process."""
        (self.bundle / "config.json").unlink(missing_ok=True)
        done = self.run("spec", "--bundle", self.bundle, "--", *arguments)
        assert done.returncode == 0, done.stderr
        value: dict[str, Any] = json.loads((self.bundle / "config.json").read_text())
        value["process"].update(process)
        self.write(value)
        return value

    def write(self, value: object) -> None:
        """Writes config.json."""
        (self.bundle / "config.json").write_text(json.dumps(value))


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    busybox = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path)), None)
    assert busybox, "these tests need busybox-static (tests/system_packages.txt)"
    folder = tmp_path_factory.mktemp("rootfs")
    folder.chmod(0o755)
    (folder / "bin").mkdir()
    (folder / "etc").mkdir()
    shutil.copy(busybox, folder / "bin" / "busybox")
    for name in APPLETS:
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "etc" / "secret").write_text("x")
    (folder / "etc" / "secret").chmod(0o000)
    (folder / "bin" / "plain").write_text("data")
    return folder


@pytest.fixture
def engine(tmp_path: Path, rootfs: Path) -> Iterator[Engine]:
    shutil.copytree(rootfs, tmp_path / "rootfs", symlinks=True)
    found = Engine(tmp_path)
    yield found
    left = found.run("list", "-q").stdout.split()
    for identifier in left:
        found.run("delete", "--force", identifier)
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    assert not [line for line in mounts if str(tmp_path) in line or " gofer " in line]
    assert not _processes_of(tmp_path)


def _processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() + b"/" in words and alive(int(entry.name)):
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found
